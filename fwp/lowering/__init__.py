"""The thin interpreter: terms as torch functions with printable source."""

from fwp.lowering.lower import Lowered, lower, lower_rule

__all__ = ["Lowered", "lower", "lower_rule"]
