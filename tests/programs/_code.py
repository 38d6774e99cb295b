"""A program as text: what is run is what is printed."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import attrs
import numpy as np

# What the names in a program mean (`_worlds`).
World: TypeAlias = Mapping[str, Any]
Shape: TypeAlias = tuple[int, ...]


class Pair(NamedTuple):
    """A tree of two."""

    first: Any
    second: Any


@dataclasses.dataclass
class Point:
    """Another, with a setting, which is no leaf."""

    x: Any
    y: Any
    name: str = dataclasses.field(default="p", metadata={"static": True})


@attrs.frozen(eq=False)
class Layer:
    """And another."""

    weight: Any
    bias: Any = None


CLASSES: tuple[type, ...] = (Pair, Point, Layer)


@attrs.frozen
class Code:
    """A function and its arguments, as lines of Python.

    inputs:     a line for each leaf of the arguments: ``x1 = np.array([0.7, -1.3])``
    leaves:     the names of the leaves, in the order of those lines
    arguments:  the arguments as a tuple, made of those names: ``({'a': x1}, x2)``
    parameters: what f calls them
    body:       the lines of f
    """

    inputs: tuple[str, ...]
    leaves: tuple[str, ...]
    arguments: str
    parameters: tuple[str, ...]
    body: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((*self.inputs, self.function, f"f(*{self.arguments})"))

    @property
    def function(self) -> str:
        """The text of f."""
        return "\n".join((f"def f({', '.join(self.parameters)}):", *indented(self.body)))

    def values(self, world: World) -> dict[str, Any]:
        """The leaves by name, made anew."""
        scope = executed("\n".join(self.inputs), world)
        return {name: scope[name] for name in self.leaves}

    def args(self, world: World, values: World) -> tuple[Any, ...]:
        """The arguments of f, made of leaves."""
        made: tuple[Any, ...] = evaluated(self.arguments, {**world, **values})
        return made

    def define(self, world: World, *more: str) -> dict[str, Any]:
        """The names that f, and more functions, have in a world."""
        return executed("\n".join((self.function, *more)), world)

    @property
    def calls(self) -> frozenset[str]:
        """The functions, operators and statements that f is made of."""
        return frozenset(_calls(ast.parse(self.function)))

    def without(self, number: int) -> Code:
        """Without one line of f and what is indented below it."""
        lines = self.body
        end = number + 1
        while end < len(lines) and _indent(lines[end]) > _indent(lines[number]):
            end += 1
        return attrs.evolve(self, body=lines[:number] + lines[end:])


PROGRAM = "<program>"  # the file that its lines are in, for Python


def executed(text: str, world: World) -> dict[str, Any]:
    """The names after some lines."""
    scope = dict(world)
    exec(compile(text, PROGRAM, "exec"), scope)  # noqa: S102  # a program of ours
    return scope


def evaluated(text: str, world: World) -> Any:
    """The value of an expression."""
    return eval(compile(text, PROGRAM, "eval"), dict(world))  # noqa: S307


def indented(lines: Sequence[str]) -> list[str]:
    """Lines one level deeper."""
    return ["    " + line for line in lines]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


_STATEMENTS = (ast.If, ast.For, ast.While, ast.Subscript)


def _calls(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            base = ast.unparse(node.func.value)
            module = base.partition(".")[0] in ("np", "tg", "tnp") and "(" not in base
            name = f"{base}.{node.func.attr}" if module else f".{node.func.attr}"
            yield name.replace("tnp.", "np.")
        elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
            yield type(node.op).__name__
        elif isinstance(node, ast.Compare):
            yield type(node.ops[0]).__name__
        elif isinstance(node, _STATEMENTS):
            yield type(node).__name__


class _Unseen(ast.NodeTransformer):
    """Without the marks of decisions."""

    def visit_Call(self, node: ast.Call) -> ast.AST:  # the name that ast calls
        self.generic_visit(node)
        marked = isinstance(node.func, ast.Name) and node.func.id == "see"
        return node.args[0] if marked else node


def unseen(text: str) -> str:
    """A program without ``see(...)`` around what it decides by."""
    return ast.unparse(_Unseen().visit(ast.parse(text)))


# Literals ----------------------------------------------------------------------------------------
def number(value: float) -> str:
    """A Python number as text."""
    if isinstance(value, float) and not np.isfinite(value):
        return "np.nan" if np.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return repr(value)


def _nested(numbers: Sequence[Any], shape: Shape) -> str:
    """Numbers as a list of lists of this shape, none of whose lengths is 0."""
    if not shape:
        return number(numbers[0])
    step = len(numbers) // shape[0]
    parts = [_nested(numbers[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]
    return f"[{', '.join(parts)}]"


def array_text(numbers: Sequence[Any], shape: Shape, dtype: str) -> str:
    """An array as text."""
    if not numbers:
        return f"np.zeros({shape}, np.{dtype})"
    values = _nested(numbers, shape)
    known = np.dtype(dtype) == np.array(numbers).dtype
    return f"np.array({values})" if known else f"np.array({values}, np.{dtype})"


def literal(value: Any) -> str:
    """A number, a scalar or an array as text."""
    if isinstance(value, np.ndarray):
        return array_text(value.reshape(-1).tolist(), value.shape, value.dtype.name)
    if isinstance(value, np.generic):
        return f"np.{value.dtype.name}({number(value.item())})"
    return number(value)


def tree_text(tree: Any) -> str:
    """A tree of names as text."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {tree_text(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(tree_text, tree)) + "]"
    if isinstance(tree, (Point, Layer)):
        fields = dataclasses.fields(tree) if isinstance(tree, Point) else attrs.fields(Layer)
        values = [getattr(tree, field.name) for field in fields if field.name != "name"]
        return f"{type(tree).__name__}({', '.join(map(tree_text, values))})"
    if isinstance(tree, tuple):
        name = "Pair" if isinstance(tree, Pair) else ""
        return f"{name}({', '.join(map(tree_text, tree))}{',' if len(tree) == 1 else ''})"
    return str(tree)
