"""The term language: rules are values of a small algebraic type, and everything else is a function on them."""

from fwp.terms.build import as_term
from fwp.terms.cost import Cost, Polynomial, cost
from fwp.terms.declare import Increment, Signal, Slot, State, eye, ones, tril
from fwp.terms.degree import degree
from fwp.terms.domain import Domain, DomainKind, nonnegative, real, simplex, sphere, unit
from fwp.terms.ein import ein
from fwp.terms.evaluate import differentiate, evaluate
from fwp.terms.fold import fold, subterms
from fwp.terms.json import from_json, to_json
from fwp.terms.maps import (
    exp,
    log,
    normalize,
    reciprocal,
    relu,
    sigmoid,
    softmax,
    softplus,
    sqrt,
    square,
    tanh,
)
from fwp.terms.normal import Normal, equivalent, normal, to_term
from fwp.terms.parts import parts
from fwp.terms.primitive import Primitive
from fwp.terms.rename import rename
from fwp.terms.show import einops, show
from fwp.terms.sizes import axis_classes, axis_sizes
from fwp.terms.structure import structure
from fwp.terms.syntax import Constant, ConstantKind, Map, Node, Product, Role, Scale, Sum, Term, Variable, variables
from fwp.terms.typeset import latex, unicode
from fwp.terms.witness import (
    Closed,
    ConstantRate,
    GeneralRate,
    LowRank,
    OneSided,
    ReadOut,
    Structure,
    TwoSided,
    Write,
    reconstruct,
)

__all__ = [
    "Closed",
    "Constant",
    "ConstantKind",
    "ConstantRate",
    "Cost",
    "Domain",
    "DomainKind",
    "GeneralRate",
    "Increment",
    "LowRank",
    "Map",
    "Node",
    "Normal",
    "OneSided",
    "Polynomial",
    "Primitive",
    "Product",
    "ReadOut",
    "Role",
    "Scale",
    "Signal",
    "Slot",
    "State",
    "Structure",
    "Sum",
    "Term",
    "TwoSided",
    "Variable",
    "Write",
    "as_term",
    "axis_classes",
    "axis_sizes",
    "cost",
    "degree",
    "differentiate",
    "ein",
    "einops",
    "equivalent",
    "evaluate",
    "exp",
    "eye",
    "fold",
    "from_json",
    "latex",
    "log",
    "nonnegative",
    "normal",
    "normalize",
    "ones",
    "parts",
    "real",
    "reciprocal",
    "reconstruct",
    "relu",
    "rename",
    "show",
    "sigmoid",
    "simplex",
    "softmax",
    "softplus",
    "sphere",
    "sqrt",
    "square",
    "structure",
    "subterms",
    "tanh",
    "to_json",
    "to_term",
    "tril",
    "unicode",
    "unit",
    "variables",
]
