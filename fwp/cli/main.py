"""The command `fwp`: finds the command that is meant, and prints what the user did wrong without a traceback."""

import sys
from collections.abc import Sequence

from fwp.errors import FwpError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Rules of fast weights in continuous time: show one, train it on data, predict and draw.

    Args:
        arguments: of the command line, without the program's name; those of this process unless given.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from tyro.extras import SubcommandApp

        from fwp.cli.bench import group
        from fwp.cli.check import check
        from fwp.cli.data import data
        from fwp.cli.explain import explain
        from fwp.cli.plot import plot
        from fwp.cli.predict import predict
        from fwp.cli.run import command
        from fwp.cli.show import show
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("fwp"):
            raise
        raise SystemExit(f"the command line needs {error.name}\n  help: pip install 'fwp[bench]'") from None
    app = SubcommandApp()
    commands = {"show": show, "explain": explain, "check": check, "run": command(arguments)}
    commands |= {"predict": predict, "plot": plot, "data": data}
    for name, own in commands.items():
        app.command(name=name)(own)
    app.command(group(), name="bench")
    try:
        app.cli(
            prog="fwp",
            description="Learning rules of fast weights in continuous time: show one, train it on data, predict and draw.",
            args=arguments,
        )
    except FwpError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
