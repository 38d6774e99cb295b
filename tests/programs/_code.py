"""A program as text: what is run is what is printed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import attrs
import dataclasses
import numpy as np

import tapegrad as tg


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

    inputs:     one line for each leaf of the arguments, and of what these are made
    arguments:  the arguments as a tuple, made of those names
    parameters: what f calls them
    body:       the lines of f
    leaves:     the names of the leaves, in order
    """

    inputs: tuple[str, ...]
    arguments: str
    parameters: tuple[str, ...]
    body: tuple[str, ...]
    leaves: tuple[str, ...]

    @property
    def function(self) -> str:
        """The text of f."""
        lines = (f"def f({', '.join(self.parameters)}):", *(f"    {line}" for line in self.body))
        return "\n".join(lines)

    def values(self, world: Mapping[str, Any]) -> dict[str, Any]:
        """The leaves by name, made anew."""
        scope = dict(world)
        exec("\n".join(self.inputs), scope)
        return {name: scope[name] for name in self.leaves}

    def args(self, world: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments of f made of leaves."""
        made: tuple[Any, ...] = eval(self.arguments, {**world, **values})
        return made

    def define(self, world: Mapping[str, Any], *more: str) -> dict[str, Any]:
        """The names that f, and more functions, have in a world."""
        scope = dict(world)
        for text in (self.function, *more):
            exec(compile(text, "<program>", "exec"), scope)
        return scope

    @property
    def calls(self) -> frozenset[str]:
        """The functions, operators and statements that f is made of."""
        return frozenset(_calls(ast.parse(self.function)))

    def without(self, number: int) -> Code:
        """Without one line of f and what is indented below it."""
        lines = list(self.body)
        indent = len(lines[number]) - len(lines[number].lstrip())
        end = number + 1
        while end < len(lines) and len(lines[end]) - len(lines[end].lstrip()) > indent:
            end += 1
        return attrs.evolve(self, body=tuple(lines[:number] + lines[end:]))


def _calls(tree: ast.AST) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                base = ast.unparse(function.value)
                known = base.split(".")[0] in ("np", "tg", "tnp")
                name = ast.unparse(function) if known else "." + function.attr
                if name.startswith("tg.at("):
                    name = "tg.at." + function.attr
                found.append(name.replace("tnp.", "np."))
        elif isinstance(node, (ast.BinOp, ast.UnaryOp)):
            found.append(type(node.op).__name__)
        elif isinstance(node, ast.Compare):
            found.append(type(node.ops[0]).__name__)
        elif isinstance(node, (ast.Subscript, ast.If, ast.For, ast.While)):
            found.append(type(node).__name__)
    return found


class _Unseen(ast.NodeTransformer):
    """Without the marks of decisions."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "see":
            return node.args[0]
        return node


def unseen(text: str) -> str:
    """The text without ``see(...)`` around what it decides by."""
    return ast.unparse(_Unseen().visit(ast.parse(text)))


# What two outputs have in common -----------------------------------------------------------------
def bits(leaf: Any) -> tuple[Any, ...]:
    """All that can be told of a value: its type, dtype, shape, bytes. One NaN is as another."""
    plain = np.array(leaf)
    if plain.dtype.kind == "f":
        plain[np.isnan(plain)] = np.nan
    return type(leaf), plain.dtype, plain.shape, plain.tobytes()


def exactly(tree: Any) -> Any:
    """A tree with the bits of each leaf: two are equal if no one can tell the trees apart."""
    leaves, structure = tg.tree.flatten(tree)
    return structure, [bits(leaf) for leaf in leaves]


# Literals ----------------------------------------------------------------------------------------
def number(value: Any) -> str:
    """A Python number as text."""
    if isinstance(value, float) and not np.isfinite(value):
        return "np.nan" if np.isnan(value) else "np.inf" if value > 0 else "-np.inf"
    return repr(value)


def nested(numbers: list[Any], shape: tuple[int, ...]) -> str:
    """Numbers as a list of lists of this shape."""
    if not shape:
        return number(numbers[0])
    step = len(numbers) // shape[0] if shape[0] else 0
    parts = [nested(numbers[i * step : (i + 1) * step], shape[1:]) for i in range(shape[0])]
    return f"[{', '.join(parts)}]"


def array_text(numbers: list[Any], shape: tuple[int, ...], dtype: str) -> str:
    """An array as text."""
    if not numbers:
        return f"np.zeros({shape}, np.{dtype})" if dtype != "float64" else f"np.zeros({shape})"
    values = nested(numbers, shape)
    known = np.dtype(dtype) == np.array(numbers).dtype
    return f"np.array({values})" if known else f"np.array({values}, np.{dtype})"


def tree_text(tree: Any) -> str:
    """A tree of names as text."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {tree_text(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, Point):
        return f"Point({tree_text(tree.x)}, {tree_text(tree.y)})"
    if isinstance(tree, Layer):
        return f"Layer({tree_text(tree.weight)}, {tree_text(tree.bias)})"
    if isinstance(tree, Pair):
        return f"Pair({tree_text(tree.first)}, {tree_text(tree.second)})"
    if isinstance(tree, list):
        return "[" + ", ".join(map(tree_text, tree)) + "]"
    if isinstance(tree, tuple):
        return "(" + "".join(f"{tree_text(x)}, " for x in tree).rstrip(" ") + ")" if tree else "()"
    return str(tree)


Function = Callable[..., Any]
