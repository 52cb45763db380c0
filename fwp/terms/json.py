"""Terms as json: a flat list of nodes, each naming earlier ones by position, so that sharing survives and depth is bounded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, assert_never, cast

from fwp.errors import FormatError, FwpError, SizeError, reason
from fwp.kinds import explained
from fwp.terms.domain import Domain, DomainKind
from fwp.terms.fold import subterms
from fwp.terms.primitive import Primitive
from fwp.terms.syntax import Constant, ConstantKind, Map, Node, Product, Role, Scale, Sum, Variable, children

__all__ = ["from_json", "to_json"]

_MOST_NODES = 10_000
_FACTOR = re.compile(r"-?[0-9]{1,4000}(/[0-9]{1,4000})?")


@explained
def to_json(term: Node) -> list[dict[str, Any]]:
    """The nodes of the term, children before parents, the term itself last; only json's own types."""
    nodes = subterms(term)
    place = {node: i for i, node in enumerate(nodes)}

    def encode(node: Node) -> dict[str, Any]:
        below = [place[c] for c in children(node)]
        match node:
            case Variable(name, declared, role, domain, axes):
                return {
                    "node": "variable",
                    "name": name,
                    "declared": list(declared),
                    "role": role.value,
                    "domain": [domain.kind.value, domain.axis],
                    "axes": list(axes),
                }
            case Constant(kind, axes):
                return {"node": "constant", "kind": kind.value, "axes": list(axes)}
            case Product(_, axes):
                return {"node": "product", "terms": below, "axes": list(axes)}
            case Sum(_, axes):
                return {"node": "sum", "terms": below, "axes": list(axes)}
            case Scale(factor, _, _):
                return {"node": "scale", "factor": str(factor), "term": below[0]}
            case Map(primitive, over, _, _):
                return {"node": "map", "primitive": primitive.name.lower(), "over": over, "term": below[0]}
            case _:
                assert_never(node)

    return [encode(node) for node in nodes]


def from_json(data: object) -> Node:
    """The term of `to_json`; every node is checked as if it had been written by hand.

    Raises:
        FormatError: this is not such a list, or it is larger or deeper than any rule.
    """
    if not isinstance(data, list) or not 1 <= len(cast(list[Any], data)) <= _MOST_NODES:
        found = f"{len(cast(list[Any], data))} nodes" if isinstance(data, list) else f"a {type(data).__name__}"
        raise _unreadable("all of it", f"a list of 1 to {_MOST_NODES} nodes", found)
    entries = cast(list[Any], data)
    nodes: list[Node] = []
    for i, entry in enumerate(entries):
        try:
            nodes.append(_decode(entry, nodes))
        except SizeError as error:
            raise FormatError(
                "this json holds a term beyond all bounds", ("in", f"node {i}"), *error.facts, help=error.help
            ) from error
        except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, FwpError) as error:
            raise _unreadable(f"node {i}", "a node as `to_json` writes it", reason(error)) from error
    return nodes[-1]


def _decode(entry: Mapping[str, Any], nodes: list[Node]) -> Node:
    def earlier(i: object) -> Node:
        if not isinstance(i, int) or isinstance(i, bool) or not 0 <= i < len(nodes):
            raise ValueError(f"{i!r} does not name an earlier node")
        return nodes[i]

    def names(key: str) -> tuple[str, ...]:
        if not isinstance(entry[key], list) or not all(isinstance(a, str) for a in cast(list[Any], entry[key])):
            raise ValueError(f"{key!r} is not a list of names")
        return tuple(entry[key])

    def operands() -> tuple[Node, ...]:
        if not isinstance(entry["terms"], list) or len(cast(list[Any], entry["terms"])) > _MOST_NODES:
            raise ValueError(f"'terms' is not a list of at most {_MOST_NODES} nodes")
        return tuple(map(earlier, cast(list[Any], entry["terms"])))

    match entry["node"]:
        case "variable":
            kind, axis = entry["domain"]
            domain = Domain(DomainKind(kind), axis)
            return Variable(entry["name"], names("declared"), Role(entry["role"]), domain, names("axes"))
        case "constant":
            return Constant(ConstantKind(entry["kind"]), names("axes"))
        case "product":
            return Product(operands(), names("axes"))
        case "sum":
            return Sum(operands(), names("axes"))
        case "scale":
            if not _FACTOR.fullmatch(entry["factor"]):
                raise ValueError("a factor is not written as whole numbers, 2 or -2/3")
            term = earlier(entry["term"])
            return Scale(Fraction(entry["factor"]), term, term.axes)
        case "map":
            term = earlier(entry["term"])
            return Map(Primitive[entry["primitive"].upper()], entry["over"], term, term.axes)
        case other:
            raise ValueError(f"no node is called {other!r}")


def _unreadable(where: str, expected: str, found: str) -> FormatError:
    return FormatError(
        "this json does not hold a term",
        ("in", where),
        ("expected", expected),
        ("found", found if len(found) <= 500 else f"{found[:500]}…"),
        help="write it again with fwp.terms.to_json",
    )
