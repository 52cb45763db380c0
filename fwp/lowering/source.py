"""Terms as the source of one straight-line torch function: equal subterms once, products two operands at a time.

Axes are the trailing dimensions of every tensor, in declared order; whatever stands before them is batch and broadcasts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import assert_never

from fwp.errors import SizeError
from fwp.terms.fold import subterms
from fwp.terms.primitive import Primitive
from fwp.terms.schedule import Step, schedule
from fwp.terms.sizes import axis_classes
from fwp.terms.syntax import ONE, Axes, Constant, ConstantKind, Map, Node, Product, Scale, Sum, Variable

__all__ = ["source"]

_TORCH: dict[Primitive, str] = {
    Primitive.SIGMOID: "torch.sigmoid({x})",
    Primitive.TANH: "torch.tanh({x})",
    Primitive.SOFTPLUS: "torch.logaddexp({x}, torch.zeros_like({x}))",  # torch's own softplus is linear beyond 20
    Primitive.RELU: "torch.relu({x})",
    Primitive.EXP: "torch.exp({x})",
    Primitive.LOG: "torch.log({x})",
    Primitive.SQRT: "torch.sqrt({x})",
    Primitive.SQUARE: "torch.square({x})",
    Primitive.RECIPROCAL: "torch.reciprocal({x})",
    Primitive.SOFTMAX: "torch.softmax({x}, dim={dim})",
    Primitive.NORMALIZE: "{x} / torch.linalg.vector_norm({x}, dim={dim}, keepdim=True)",
}


def source(terms: Sequence[Node], arguments: Sequence[Variable], name: str, sizes: Mapping[str, int]) -> str:
    """The text of `def name(arguments)`, which returns the value of the term, or a tuple of values for several.

    `sizes` are those of axes that only constants have; all others are read from the arguments at run time.
    """
    stem = next(s for s in ("t" + "_" * i for i in count()) if not any(a.name.startswith(s) for a in arguments))
    writer = _Writer(tuple(terms), tuple(arguments), sizes, stem)
    results = ", ".join([writer.emit(term) for term in terms])
    header = f"def {name}({', '.join(a.name for a in arguments)}):"
    return "\n".join([header, *writer.lines, f"    return {results}"]) + "\n"


@dataclass
class _Writer:
    """The lines written so far and the name that each term got: the only mutable thing here, and it never leaves."""

    terms: tuple[Node, ...]
    arguments: tuple[Variable, ...]
    sizes: Mapping[str, int]
    stem: str
    lines: list[str] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def let(self, expression: str) -> str:
        """The name of an expression, written once even where terms that differ in names of axes need it."""
        if expression not in self.known:
            self.known[expression] = f"{self.stem}{len(self.known)}"
            self.lines.append(f"    {self.known[expression]} = {expression}")
        return self.known[expression]

    def emit(self, node: Node) -> str:
        """The name of the term's value, computed above; what a parent absorbs is never asked for."""
        if node not in self.names:
            expression = self.expression(node)
            self.names[node] = expression if expression.isidentifier() else self.let(expression)
        return self.names[node]

    def expression(self, node: Node) -> str:
        match node:
            case Variable(name):
                return name
            case Constant(kind, axes):
                like, shape = self.arguments[0].name, ", ".join(map(self.size, axes))
                match kind:
                    case ConstantKind.ONES:
                        return f"{like}.new_ones(({shape},))"
                    case ConstantKind.EYE:
                        return f"torch.eye({shape}, dtype={like}.dtype, device={like}.device)"
                    case ConstantKind.TRIL:
                        return f"{like}.new_ones(({shape})).tril()"
                    case _:
                        assert_never(kind)
            case Product((), _):
                return f"{self.arguments[0].name}.new_ones(())"
            case Product(operands, axes):
                return self.product([self.emit(o) for o in operands], [o.axes for o in operands], axes)
            case Sum(terms, _):
                (sign, first), *rest = map(self.summand, terms)
                return ("-" if sign == "-" else "") + first + "".join(f" {sign} {text}" for sign, text in rest)
            case Scale(factor, term, _):
                return f"-{self.emit(term)}" if factor == -1 else f"{float(factor)!r} * {self.emit(term)}"
            case Map(primitive, over, term, axes):
                dim = None if over is None else axes.index(over) - len(axes)
                return _TORCH[primitive].format(x=self.emit(term), dim=dim)
            case _:
                assert_never(node)

    def summand(self, term: Node) -> tuple[str, str]:
        """A term of a sum with its sign; numbers and multiples are written in place."""
        factor, inner = (term.factor, term.term) if isinstance(term, Scale) else (Fraction(1), term)
        sign = "-" if factor < 0 else "+"
        if inner == ONE:
            return sign, repr(float(abs(factor)))
        return sign, f"{'' if abs(factor) == 1 else f'{float(abs(factor))!r} * '}{self.emit(inner)}"

    def size(self, axis: str) -> str:
        """Where a constant finds the size of an axis: an argument that bears it, or bears one of equal size."""
        nodes = list(dict.fromkeys(node for term in self.terms for node in subterms(term)))
        classes = axis_classes(node for node in nodes if isinstance(node, Constant))
        equal = next((c for c in classes if axis in c), frozenset({axis}))
        for candidate in (axis, *sorted(equal)):
            for place in (*(node for node in nodes if isinstance(node, Variable)), *self.arguments):
                if candidate in place.axes:
                    return f"{place.name}.shape[{place.axes.index(candidate) - len(place.axes)}]"
        known = [self.sizes[a] for a in sorted(equal) if a in self.sizes]
        if not known:
            facts = ("arguments", ", ".join(a.name for a in self.arguments))
            raise SizeError(f"no argument has the axis {axis!r}", facts, help=f"give its size: sizes={{{axis!r}: …}}")
        return str(known[0])

    def product(self, names: list[str], axes: list[Axes], output: Axes) -> str:
        """Two operands at a time, in the order of `schedule`."""
        if len(names) == 1:
            return _contract(names, axes, output)
        *steps, last = schedule(axes, output)
        for step in steps:
            names.append(self.let(_contract(*_pair(step, names, axes), step.axes)))
            axes.append(step.axes)
        return _contract(*_pair(last, names, axes), output)


def _pair(step: Step, names: list[str], axes: list[Axes]) -> tuple[list[str], list[Axes]]:
    return [names[step.left], names[step.right]], [axes[step.left], axes[step.right]]


def _contract(names: list[str], axes: list[Axes], output: Axes) -> str:
    """One or two operands multiplied and summed: elementwise and matrix products as such, what is unusual by einsum."""
    if len(names) == 1 and output == axes[0][::-1] and len(output) == 2:
        return f"{names[0]}.transpose(-1, -2)"
    if len(names) == 2:
        expression = (
            _matmul(names, axes, output) if {*axes[0], *axes[1]} - {*output} else _elementwise(names, axes, output)
        )
        if expression is not None:
            return expression
    letter = {a: chr(ord("a") + i) for i, a in enumerate(dict.fromkeys(a for own in axes for a in own))}
    sides = ", ".join("..." + "".join(letter[a] for a in own) for own in axes)
    return f'torch.einsum("{sides} -> ...{"".join(letter[a] for a in output)}", {", ".join(names)})'


def _elementwise(names: list[str], axes: list[Axes], output: Axes) -> str | None:
    left, right = (_broadcast(n, own, output) for n, own in zip(names, axes, strict=True))
    if output and output[-1] in axes[0] and output[-1] not in axes[1]:
        left, right = right, left  # columns times a row is what torch does some hundredths faster
    return None if left is None or right is None else f"{left} * {right}"


def _matmul(names: list[str], axes: list[Axes], output: Axes) -> str | None:
    """A product over the one axis that two vectors or matrices share, as torch.matmul; None if it is something else."""
    shared = {*axes[0]} & {*axes[1]}
    if (
        len(shared) != 1
        or shared & {*output}
        or len(axes[0]) + len(axes[1]) != len(output) + 2
        or max(map(len, axes)) > 2
    ):
        return None
    (inner,) = shared
    (left, left_axes), (right, right_axes) = zip(names, axes, strict=True)
    if not output:
        return f"({left} * {right}).sum(-1)"
    if output[0] not in left_axes:
        left, left_axes, right, right_axes = right, right_axes, left, left_axes
    turned = left_axes[1] != inner
    if len(output) == 1:  # `left` is now the matrix; a row times it needs no transposition
        if turned:
            return f"torch.matmul({right}.unsqueeze(-2), {left}).squeeze(-2)"
        return f"torch.matmul({left}, {right}.unsqueeze(-1)).squeeze(-1)"
    first = f"{left}.transpose(-1, -2)" if turned else left
    second = right if right_axes[0] == inner else f"{right}.transpose(-1, -2)"
    return f"torch.matmul({first}, {second})"


def _broadcast(name: str, axes: Axes, output: Axes) -> str | None:
    """The operand with a dimension of size one for each output axis it lacks; None if its axes stand in another order."""
    if tuple(a for a in output if a in axes) != axes:
        return None
    missing = [i - len(output) for i, a in enumerate(output) if a not in axes]
    return name + "".join(f".unsqueeze({i})" for i in reversed(missing))
