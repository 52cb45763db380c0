"""The command `fwp`: finds the command that is meant, and prints what the user did wrong without a traceback."""

import sys
from collections.abc import Sequence
from errno import EBADF, EDQUOT, EFBIG, EIO, ENOSPC
from importlib import import_module
from typing import Any

from fwp import interrupt
from fwp.cli.streams import let_go, prepared
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
        prepared()
        app = _app(arguments)
        interrupt.end()
        try:
            app.cli(
                prog="fwp",
                description="Learning rules of fast weights in continuous time: show one, train it on data, predict and draw.",
                args=arguments,
            )
        finally:
            sys.stdout.flush()
    except FwpError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except SystemExit as end:
        if (refused := _refused_by(end)) is None:
            raise
        print(refused, file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        kept = "; what is done is kept, and the same command goes on" if {*arguments[:1]} & {"run", "bench"} else ""
        print(f"interrupted{kept}", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader has seen enough
        let_go()
        raise SystemExit(1) from None
    except UnicodeError as error:
        help = "restore the file, or write it anew as utf-8"
        print(FwpError("what was read is no text", ("because", str(error)), help=help), file=sys.stderr)
        raise SystemExit(1) from None
    except OSError as error:
        print(_refused(error), file=sys.stderr)
        raise SystemExit(1) from None


def _app(arguments: Sequence[str]) -> Any:  # of tyro, which may not be installed
    """The command that is meant, if it can be told: all together take seconds to import, for a lightning that few need."""
    try:
        from tyro.extras import SubcommandApp

        app = SubcommandApp()
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
    return app


def _refused_by(end: BaseException) -> FwpError | None:
    """The complaint for which tyro ended: of one that is raised while it makes the arguments it tells the first line alone."""
    chain: list[BaseException] = []
    seen: BaseException | None = end
    while seen is not None:
        chain.append(seen)
        seen = seen.__context__
    by_tyro = any(type(own).__module__.startswith("tyro") for own in chain)
    return next((own for own in chain if by_tyro and isinstance(own, FwpError)), None)


def _refused(error: OSError) -> FwpError:
    """What the system did not let a command do, which no code nearer to it has explained."""
    if error.filename is None and error.errno in (ENOSPC, EDQUOT, EFBIG, EIO, EBADF):
        let_go()
        what, facts, help = "what is printed cannot be written", (), "send it to where there is space"
    else:
        what, help = "the system refused what the command needs", "see to its rights, and to the space on its disk"
        facts = () if error.filename is None else (("file", str(error.filename)),)
    return FwpError(what, *facts, ("the system says", error.strerror or str(error)), help=help)
