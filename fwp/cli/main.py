"""The command `fwp`: finds the command that is meant, and prints what the user did wrong without a traceback."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from fwp.errors import FwpError

__all__ = ["main"]

COMMANDS = ("show", "explain", "check", "run", "predict", "plot", "verify", "data", "bench")
"""In the order of the help; each is a function of its own name in the file of its name, but for two that are made there."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Rules of fast weights in continuous time: show one, train it on data, predict and draw.

    Args:
        arguments: of the command line, without the program's name; those of this process unless given.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from tyro.extras import SubcommandApp

        app = SubcommandApp()
        # The one that is meant, if it can be told: all together take seconds to import, for a lightning that few need.
        for name in [each for each in arguments[:1] if each in COMMANDS] or COMMANDS:
            own = import_module(f"fwp.cli.{name}")
            match name:
                case "run":
                    app.command(name=name)(own.command(arguments))
                case "bench":
                    app.command(own.group(), name=name, help=own.MEASURES)
                case _:
                    app.command(name=name)(getattr(own, name))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("fwp"):
            raise
        raise SystemExit(f"the command line needs {error.name}\n  help: pip install 'fwp[bench]'") from None
    try:
        app.cli(
            prog="fwp",
            description="Learning rules of fast weights in continuous time: show one, train it on data, predict and draw.",
            args=arguments,
        )
        sys.stdout.flush()
    except FwpError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        kept = "; what is done is kept, and the same command goes on" if {*arguments[:1]} & {"run", "bench"} else ""
        print(f"interrupted{kept}", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader has seen enough, and python would complain once more when it closes stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
