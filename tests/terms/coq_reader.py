"""A second opinion on printed Coq expressions: a small reader that computes what they mean, in floats."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

Value = object
_TOKEN = re.compile(r"\s*(?:(=>)|([A-Za-z_][A-Za-z_0-9']*)|(\d+)|(.))", re.DOTALL)


def total(n: int) -> Callable[[Callable[[int], float]], float]:
    return lambda f: math.fsum(f(i) for i in range(n))


def softmax(n: int) -> Value:
    return lambda f: lambda i: math.exp(f(i)) / math.fsum(math.exp(f(j)) for j in range(n))


def normalize(n: int) -> Value:
    return lambda f: lambda i: f(i) / math.sqrt(math.fsum(f(j) ** 2 for j in range(n)))


LIBRARY: Mapping[str, Value] = {
    "sum": total,
    "softmax": softmax,
    "normalize": normalize,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "relu": lambda x: max(x, 0.0),
    "tanh": math.tanh,
    "exp": math.exp,
    "ln": math.log,
    "sqrt": math.sqrt,
    "Rsqr": lambda x: x * x,
    "Rinv": lambda x: 1 / x,
    "eye": lambda i: lambda j: float(i == j),
    "tril": lambda i: lambda j: float(j <= i),
}


def tensor(array: np.ndarray) -> Value:
    """An array as Coq has it: a function of one index after the other."""
    return float(array) if array.ndim == 0 else lambda i: tensor(array[i])


def read(text: str, names: Mapping[str, Value]) -> Value:
    """The value of an expression, given what its free names stand for."""
    tokens = [m.group().strip() for m in _TOKEN.finditer(text.strip())]
    meaning, rest = _expression(tokens)
    assert not rest, f"not read: {' '.join(rest)}"
    return meaning({**LIBRARY, **names})


def definitions(source: str) -> dict[str, tuple[list[tuple[str, str]], str, str]]:
    """Arguments with their types, type and body of each definition in a file."""
    found = {}
    plain = re.sub(r"\(\*.*?\*\)", "", source, flags=re.DOTALL)
    for name, head, body in re.findall(r"Definition (\w+) (.*?) :=(.*?)\.\n", plain, re.DOTALL):
        arguments = []
        for names, kind in re.findall(r"\(([^():]*):([^()]*)\)", head):
            arguments += [(n, " ".join(kind.split())) for n in names.split()]
        found[name] = arguments, " ".join(head.rpartition(":")[2].split()), body
    return found


Meaning = Callable[[Mapping[str, Value]], Value]


def _expression(tokens: Sequence[str]) -> tuple[Meaning, Sequence[str]]:
    if tokens[0] == "fun":
        end = list(tokens).index("=>")
        body, rest = _expression(tokens[end + 1 :])
        return _function(tokens[1:end], body), rest
    left, tokens = _product(tokens)
    while tokens and tokens[0] in "+-":
        right, rest = _product(tokens[1:])
        left, tokens = _binary(tokens[0], left, right), rest
    return left, tokens


def _product(tokens: Sequence[str]) -> tuple[Meaning, Sequence[str]]:
    left, tokens = _negation(tokens)
    while tokens and tokens[0] in "*/":
        right, rest = _negation(tokens[1:])
        left, tokens = _binary(tokens[0], left, right), rest
    return left, tokens


def _negation(tokens: Sequence[str]) -> tuple[Meaning, Sequence[str]]:
    if tokens[0] != "-":
        return _application(tokens)
    inner, rest = _negation(tokens[1:])
    return lambda names: -inner(names), rest


def _application(tokens: Sequence[str]) -> tuple[Meaning, Sequence[str]]:
    function, tokens = _atom(tokens)
    while tokens and (tokens[0] == "(" or tokens[0][0].isalnum() or tokens[0][0] == "_"):
        argument, tokens = _atom(tokens)
        function = _applied(function, argument)
    return function, tokens


def _atom(tokens: Sequence[str]) -> tuple[Meaning, Sequence[str]]:
    first = tokens[0]
    if first == "(":
        inner, rest = _expression(tokens[1:])
        assert rest[0] == ")"
        return inner, rest[1:]
    if first.isdecimal():
        return lambda names: float(first), tokens[1:]
    assert first.isidentifier(), first
    return lambda names: names[first], tokens[1:]


def _function(parameters: Sequence[str], body: Meaning) -> Meaning:
    if not parameters:
        return body
    inner = _function(parameters[1:], body)
    return lambda names: lambda value: inner({**names, parameters[0]: value})


def _binary(sign: str, left: Meaning, right: Meaning) -> Meaning:
    compute = {"+": float.__add__, "-": float.__sub__, "*": float.__mul__, "/": float.__truediv__}[sign]
    return lambda names: compute(left(names), right(names))


def _applied(function: Meaning, argument: Meaning) -> Meaning:
    return lambda names: function(names)(argument(names))
