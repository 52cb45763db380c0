"""The pytest plugin of fwp: `pytest --fwp-rules mypackage.rules` makes a test of every check of every rule in a module.

fwp is imported inside the hooks alone: a plugin is loaded before jaxtyping's import hook, which must see that import first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fwp.rules import Rule, System
    from fwp.testing import Check


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fwp-rules TARGET`, as often as wanted."""
    parser.getgroup("fwp").addoption(
        "--fwp-rules",
        action="append",
        default=[],
        metavar="TARGET",
        help="check every rule of a module or of path/to/file.py; or one, given as module:name or path/to/file.py:name",
    )


@pytest.hookimpl(tryfirst=True)  # so that -k, -m and others choose among these too
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Adds a test for each check of each rule."""
    for target in dict.fromkeys(config.getoption("--fwp-rules") or ()):
        items += _Target.from_parent(session, name=target, nodeid=target).collect()


class _Target(pytest.Collector):
    """A module, a file, or one rule."""

    def collect(self) -> Iterator[pytest.Item]:
        from fwp.cli.target import ImportFailed, find_all
        from fwp.errors import FwpError
        from fwp.testing import checks_of

        try:
            found = find_all(self.name)
        except ImportFailed as failed:
            assert failed.__cause__ is not None
            yield _Import.from_parent(self, name="import", error=failed.__cause__)
            return
        except FwpError as error:
            raise pytest.UsageError(f"--fwp-rules {self.name}: {error}") from None
        for rule in found:
            own = _Rule.from_parent(self, name=rule.name or "rule", rule=rule)
            yield from (_Item.from_parent(own, name=check.name, check=check) for check in checks_of(rule))


class _Rule(pytest.Collector):
    """One rule: in JUnit its checks are tests of a class of this name."""

    def __init__(self, *, rule: Rule | System, **own: Any) -> None:
        super().__init__(**own)
        self.rule = rule

    def collect(self) -> list[pytest.Item]:
        return []


class _Item(pytest.Item):
    """One check of one rule."""

    def __init__(self, *, check: Check, **own: Any) -> None:
        super().__init__(**own)
        self.check = check

    def runtest(self) -> None:
        from fwp.testing import Verdict

        outcome = self.check.run()
        if outcome.verdict is Verdict.DOUBTFUL:
            self.warn(pytest.PytestWarning(f"{self.nodeid}: {outcome.detail}"))
        if outcome.verdict is Verdict.OUTSIDE:
            pytest.skip(outcome.detail)
        if outcome.verdict is Verdict.FAILED:
            raise _Failed(outcome.detail)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, _Failed) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, None, str]:
        return self.path, None, self.nodeid


class _Import(pytest.Item):
    """A module that cannot be imported, as where a rule in it is not well typed."""

    def __init__(self, *, error: BaseException, **own: Any) -> None:
        super().__init__(**own)
        self.error = error

    def runtest(self) -> None:
        raise self.error

    def reportinfo(self) -> tuple[Any, None, str]:
        return self.path, None, self.nodeid


class _Failed(Exception):
    """A check failed; its text is the reason and the counterexample."""
