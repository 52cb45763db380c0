"""The command line: one file a command."""

from fwp.cli.main import main as main
