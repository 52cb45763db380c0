"""Rules put to the test: what hypothesis draws for them, the flows that laws are judged on, and `check_rule`.

It needs the extra `testing`.
"""

from fwp.errors import FwpError

try:
    import hypothesis as _hypothesis  # noqa: F401
except ModuleNotFoundError as error:
    raise FwpError(
        "rules are tested with hypothesis", ("missing", str(error.name)), help="pip install 'fwp[testing]'"
    ) from error

from fwp.testing.check import Check, check_rule, checks_of
from fwp.testing.report import Outcome, Report, Verdict
from fwp.testing.strategies import all_values, batches, cases, controls, some_sizes, value_of, windows
from fwp.testing.terms import rules, terms

__all__ = [
    "Check",
    "Outcome",
    "Report",
    "Verdict",
    "all_values",
    "batches",
    "cases",
    "check_rule",
    "checks_of",
    "controls",
    "rules",
    "some_sizes",
    "terms",
    "value_of",
    "windows",
]
