"""`fwp check TARGET…`: whether rules are what they claim to be, for a terminal and for CI."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

from tyro.conf import Positional, arg

from fwp.cli.target import ImportFailed, find_all, show_failure
from fwp.errors import FwpError
from fwp.rules import Rule, System

__all__ = ["check"]


def check(
    targets: Annotated[Positional[tuple[str, ...]], arg(name="target", metavar="TARGET [TARGET ...]")], /
) -> None:
    """Check rules: types, shapes at several sizes, that all folds agree, gradients, scans, and laws, claimed ones included.

    Ends with status 0 if every check passed, 1 if one failed or a rule is not well typed, 2 if a target cannot be loaded.

    Args:
        targets: A name, module:name or path/to/file.py:name; or a module or path/to/file.py, for every rule in it.
    """
    if not targets:
        _give_up(
            FwpError("nothing was given to check", ("targets", "none"), help="fwp check delta, or path/to/file.py")
        )
    rules = [rule for target in targets for rule in _load(target)]
    try:
        from fwp.testing import check_rule
    except FwpError as error:
        _give_up(error)
    passed = True
    for rule in rules:
        report = check_rule(rule)
        print(report, flush=True)
        passed = passed and report.passed
    raise SystemExit(0 if passed else 1)


def _load(target: str) -> tuple[Rule | System, ...]:
    try:
        return find_all(target)
    except FwpError as error:
        _give_up(error)
    except ImportFailed as failed:
        show_failure(failed)
        # Of a rule that is not well typed python's own traceback is the reason: it underlines the operator.
        raise SystemExit(1 if isinstance(failed.__cause__, FwpError) else 2) from None


def _give_up(error: FwpError) -> NoReturn:
    print(error, file=sys.stderr)
    raise SystemExit(2)
