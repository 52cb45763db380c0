"""Writes `laws.md`: of each standard rule its line, the laws that follow from it, and where each is tested and proved.

`python docs/laws.py`; a test fails when the page is not what this would write.
"""

import re
from collections.abc import Mapping
from pathlib import Path

from fwp.rules import ALL, Rule
from fwp.rules.laws import LAWS, laws_of
from fwp.terms import latex

__all__ = ["PAGE", "PROVED", "page"]

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "laws.md"

_DELTA = {
    "identity": ("delta_step_zero", "delta_flow_unique"),
    "semigroup": ("delta_semigroup", "delta_flow_unique"),
    "duality": ("oja_eq_delta_transpose", "oja_solves_transpose"),
    "exact step": ("delta_step_deriv", "delta_flow_unique"),
    "error contraction": ("delta_residual_norm", "delta_flow_unique"),
    "non-expansiveness": ("delta_flow_nonexpansive",),
    "growth bound": ("delta_growth",),
    "WY identity": ("wy_identity", "wy_solves"),
    "Euler WY identity": ("wy_identity",),
    "Euler stability": ("euler_stable_iff",),
    "Euler non-expansiveness": ("euler_nonexpansive",),
}
PROVED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "hebb": {
        "quadrature": ("hebb_integral",),
        "superposition": ("hebb_integral",),
        "linear growth": ("hebb_growth",),
    },
    "delta": _DELTA,
    "oja": {
        "semigroup": ("oja_semigroup", "oja_flow_unique"),
        "duality": ("oja_eq_delta_transpose", "oja_solves_transpose"),
        "exact step": ("oja_step_deriv", "oja_flow_unique"),
        "error contraction": ("oja_residual", "oja_flow_unique"),
        "non-expansiveness": ("oja_flow_nonexpansive",),
        "growth bound": ("oja_growth",),
    },
    "tanh_delta": {
        "identity": ("tanh_delta_step_zero", "tanh_delta_flow_unique"),
        "semigroup": ("tanh_delta_semigroup", "tanh_delta_flow_unique"),
        "tanh closed form": ("tanh_delta_closed", "tanh_delta_flow_unique"),
        "monotone read-out": ("tanh_delta_nonexpansive",),
    },
    "softmax_oja": {
        "softmax closed form": ("softmax_oja_closed", "softmax_oja_unique", "softmax_oja_sum"),
        "monotone read-out": ("softmax_oja_nonexpansive",),
    },
    "erase_write": {"exact step": ("erase_write_step_deriv", "erase_write_flow_unique")},
    "oja_neuron": {"sphere": ("oja_sphere", "oja_neuron_norm_derive")},
    "oja_subspace": {
        "subspace": ("oja_subspace_lyapunov", "oja_subspace_defect_derive"),
        "orthonormal rows": ("oja_subspace_orthonormal",),
    },
}
"""The theorems that together say a law of a rule, by rule and law: about the definition that is printed from it, or about
its step, and then with the one that the step is its only solution."""

HEAD = """# Laws of the standard rules

<!-- written by docs/laws.py: change it there, then `python docs/laws.py` -->

A rule's promises belong to its algebra. `fwp.rules.laws` finds them in the structure of the term, so a rule of your own
that is Delta under other names has Delta's laws; `fwp check RULE` tests each on the steps that solve the rule,
and [its tests](../tests/rules/test_laws_of_flows.py) show that each fails of a wrong flow. Where the last column has
names, Coq has accepted proofs about the definition that is printed from the very same term, or about its step and that the
step is its only solution ([proofs/](../proofs/README.md); `make proofs` compiles all and prints what each rests on). A law
without a name there is tested, not proved, of that rule. `fwp show RULE` lists the laws of any rule.

Φₕ is the solution after a time h in which the slots stand still. Laws called *Euler* speak of the rule's discrete meaning,
`method="euler"`. Laws are written with the letters of Delta: W, β, v and k stand for the state, rate, value and key of the
rule (`fwp explain` says which these are), and r for what it reads where that is not the key. Of a rule that reads and writes
on the other side, as Oja's, read Wᵀ for W.
"""


def page(root: Path = ROOT) -> str:
    """The text of the page."""
    places = _places(root)
    parts = [HEAD, *(_section(name, places) for name in PROVED)]
    return "\n".join(parts)


def _section(name: str, places: Mapping[str, str]) -> str:
    rule = ALL[name]
    assert isinstance(rule, Rule)
    laws = laws_of(rule)
    proved = PROVED[name]
    if unknown := proved.keys() - {law.name for law in laws}:
        raise ValueError(f"{name} does not have the laws {', '.join(sorted(unknown))}")
    rows = [
        _row(
            law.name,
            f"${_in_a_cell(law.latex)}$",
            law.source.replace("|", "∣"),
            _links(proved.get(law.name, ()), places),
        )
        for law in sorted(laws, key=LAWS.index)
    ]
    line = rf"$\frac{{d{latex(rule.of)}}}{{dt}} = {latex(rule.rate)}$"
    return "\n".join(
        [f"## {name}\n", f"{line}\n", "| law | statement | from | proved |", "|---|---|---|---|", *rows, ""]
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _links(names: tuple[str, ...], places: Mapping[str, str]) -> str:
    return ", ".join(places[name] for name in names)


def _in_a_cell(formula: str) -> str:
    """The formula without bars, which would end the cell."""
    return formula.replace(r"\|", r"\Vert ").replace("|", r"\vert ")


def _places(root: Path) -> dict[str, str]:
    """A link to each theorem, by name."""
    found: dict[str, str] = {}
    for file in sorted((root / "proofs").glob("*.v")):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if stated := re.match(r"\s*(?:Theorem|Corollary) (\w+)", line):
                found[stated[1]] = f"[{stated[1]}](../proofs/{file.name}#L{number})"
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
