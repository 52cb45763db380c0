"""Writes `Rules.v`, the rules of `fwp.rules` as Coq definitions, which the theorems here are about, and `Terms.v`, which
proves of each that it is the value of the rule's term, and that the structure found for the rule is the right one.
"""

from collections.abc import Mapping
from pathlib import Path
from textwrap import fill

from fwp.rules import ALL, Rule, System
from fwp.terms import Node, Variable, variables
from fwp.terms.coq import definition, names_of
from fwp.terms.coq_embedding import certificate, embedded

__all__ = ["FOLDER", "definitions", "files"]

FOLDER = Path(__file__).parent

_RULES = """\
(* Written by generate.py from fwp.rules: change the rules there, and write this file anew with `python proofs/generate.py`.
   Arguments are the sizes of axes, those of the state first, then the variables: the states, then in order of appearance.
   The rules of a system are called <system>_<state>, and all have the arguments of the whole system. *)
From Coq Require Import Reals.
From Fwp Require Import Tensor Primitives.
Open Scope R_scope."""

_TERMS = r"""(* Written by generate.py from fwp.rules, as Rules.v is: the terms of the rules as Core.v has them.
   <rule>_means: the definition in Rules.v is the value of the term. <rule>_structure: the witnesses that Python found for
   the structure of the rate, checked; by low_rank_sound, one_sided_sound and read_out_sound of Witness.v they are right
   for all sizes. *)
From Coq Require Import Reals QArith Qreals String Lra FunctionalExtensionality List.
From Fwp Require Import Tensor Primitives Rules Core Equality Witness.
Import ListNotations.
Open Scope string_scope.
Open Scope list_scope.
Open Scope R_scope.

(* Both sides are the same tree up to the spelling of numbers, brackets, and factors outside a sum: go down where they
   differ, and leave the rest to ring. *)
Ltac reduce := cbv -[Rplus Rmult Rminus Ropp Rdiv Rinv IZR Q2R Rsqr sum softmax normalize sigmoid tanh softplus relu
  exp ln sqrt eye tril].
Ltac rationals := repeat match goal with |- context [Q2R ?q] =>
  let n := eval cbv in (Qnum q) in let d := eval cbv in (Zpos (Qden q)) in
  replace (Q2R q) with (IZR n / IZR d) by (unfold Q2R; simpl; field) end.
Ltac agree := rationals; first [reflexivity | ring | field | under_sum | under_softmax | under_normalize
  | under tanh | under relu | under sigmoid | under softplus | under exp | under ln | under sqrt | under Rsqr | under Rinv]
with under_sum := match goal with |- ?L = ?R => match L with context [sum ?n ?f] => match R with context [sum n ?g] =>
  tryif constr_eq f g then fail else
    (replace (sum n f) with (sum n g) by (apply sum_ext; intros; cbv beta; symmetry; agree); agree) end end end
with under_softmax := match goal with |- ?L = ?R => match L with context [softmax ?n ?f ?i] =>
  match R with context [softmax n ?g i] => tryif constr_eq f g then fail else
    (replace (softmax n f i) with (softmax n g i)
      by (f_equal; apply functional_extensionality; intro; symmetry; agree); agree) end end end
with under_normalize := match goal with |- ?L = ?R => match L with context [normalize ?n ?f ?i] =>
  match R with context [normalize n ?g i] => tryif constr_eq f g then fail else
    (replace (normalize n f i) with (normalize n g i)
      by (f_equal; apply functional_extensionality; intro; symmetry; agree); agree) end end end
with under h := match goal with |- ?L = ?R => match L with context [h ?a] => match R with context [h ?b] =>
  tryif constr_eq a b then fail else (replace (h a) with (h b) by (f_equal; symmetry; agree); agree) end end end.
Ltac means rule := intros; unfold rule; reduce;
  repeat match goal with H : ?size ?a = ?size ?b |- _ => rewrite !H; clear H end; agree."""


def definitions(name: str, rule: Rule | System) -> list[str]:
    """One definition for each state, the rule's name in front; what only the read-out knows is no argument."""
    context = _context(rule)
    return [definition(n, r.rate, r.of.axes, context, str(r)) for n, r in _named(name, rule).items()]


def files() -> dict[Path, str]:
    """The whole text of each file."""
    rules = [d for name, rule in ALL.items() for d in definitions(name, rule)]
    terms = [
        claim
        for name, rule in ALL.items()
        for n, each in _named(name, rule).items()
        for claim in (_term(n, each), _means(n, each, _context(rule)), _structure(n, each))
    ]
    written = {"Rules.v": [_RULES, *rules], "Terms.v": [_TERMS, *filter(None, terms)]}
    return {FOLDER / name: "\n\n".join(parts) + "\n" for name, parts in written.items()}


def _named(name: str, rule: Rule | System) -> Mapping[str, Rule]:
    return {name if isinstance(rule, Rule) else f"{name}_{r.of.name}": r for r in rule.rules}


def _context(rule: Rule | System) -> list[Node]:
    return [*(r.of for r in rule.rules), *(r.rate for r in rule.rules)]


def _lines(text: str) -> str:
    return fill(text, 118, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _term(name: str, rule: Rule) -> str:
    return _lines(f"Definition {name}_term : term := {embedded(rule.rate)}.")


def _means(name: str, rule: Rule, context: list[Node]) -> str:
    """The definition, applied to what the environment holds, is the value of the term."""
    names = names_of(*context)
    axis: dict[str, str] = {}
    for a, size in names.sizes.items():
        axis.setdefault(size, a)
    equal = [f'size "{a}" = size "{axis[size]}" -> ' for a, size in names.sizes.items() if axis[size] != a]
    arguments = [f'(size "{a}")' for a in axis.values()]
    arguments += [_value(x) for x in variables(*context)] + [f'(i "{a}")' for a in rule.of.axes]
    head = f"Lemma {name}_means : forall (size : axis -> nat) (env : environment) (i : index), {''.join(equal)}"
    said = f"{head}eval size env {name}_term i = {name} {' '.join(arguments)}."
    return f"{_lines(said)}\nProof. means {name}. Qed."


def _value(variable: Variable) -> str:
    indices = [f"i{n}" for n in range(len(variable.declared))]
    entry = f'env {variable.role.value.capitalize()} "{variable.name}" [{"; ".join(indices)}]'
    return f"(fun {' '.join(indices)} => {entry})" if indices else f"({entry})"


def _structure(name: str, rule: Rule) -> str:
    """The claim of the certificate; empty where there is none."""
    claim = certificate(rule.rate, rule.of)
    if claim is None:
        return ""
    shown = claim.removesuffix(embedded(rule.rate)) + f"{name}_term"
    return f"{_lines(f'Lemma {name}_structure : {shown} = true.')}\nProof. vm_compute. reflexivity. Qed."


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
