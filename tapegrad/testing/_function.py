"""A function at arguments, as one of vectors, and the directions in which to look at it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

import attrs
import numpy as np

from .. import tree
from .._errors import LeafError, OutputError, describe, name_of
from .._typing import Value
from .._values import Traced, dtype_of, is_floating, is_operand, shape_of
from ..transforms._adjoint import added, adjoints
from ..transforms._boundary import parameters
from ..transforms._linear import Linearised, linearise
from ._differences import Curve, Vector

_EACH = 64  # up to so many numbers are looked at one by one
_WEIGHTS = (1.0, 1.25, 1.5, 1.75)  # of random directions, exact in three bits
_NOT_DOUBLE = "check_grads needs float64, for the digits of differences, but {}"


# Directions --------------------------------------------------------------------------------------
@attrs.frozen(eq=False)
class Probe:
    """A direction to look along: that of one number, or a random one."""

    name: str
    vector: Vector
    size: float = 1.0  # what slopes along it are to be divided by

    @property
    def scale(self) -> int:
        """The exponent, to base 2, of the largest move."""
        return int(np.frexp(abs(self.vector).max())[1]) - 1


def probes(named: Mapping[str, Value], sizes: Vector, rng: np.random.Generator) -> list[Probe]:
    """One for each number; where they are many, one for each leaf. They move by about ``sizes``."""
    if sizes.size <= _EACH:
        return [Probe(*each) for each in zip(numbers(named), np.diag(sizes), sizes)]
    ends = np.cumsum([np.size(x) for x in named.values()])
    moves = np.split(random(sizes, rng), ends[:-1])
    found = []
    for path, end, move in zip(named, ends, moves):
        whole = np.zeros(sizes.size)
        whole[end - move.size : end] = move
        found += [Probe(f"({path} along a random direction)", whole)] if move.size else []
    return found


def numbers(named: Mapping[str, Value]) -> list[str]:
    """The name of each number in these leaves."""
    return [
        path + (f"[{', '.join(map(str, place))}]" if place else "")
        for path, x in named.items()
        for place in np.ndindex(shape_of(x))
    ]


def sizes(leaves: Iterable[Value]) -> Vector:
    """For each number a power of 2 about as large; for a zero, that of the largest beside it."""
    found = [np.zeros(0)]
    for leaf in leaves:
        x = abs(np.ravel(leaf))
        x = np.where(x == 0.0, x.max(initial=0.0) or 1.0, x)
        found.append(np.ldexp(1.0, np.frexp(x)[1] - 1))
    return np.concatenate(found)


def weights(leaves: Iterable[Value]) -> Vector:
    """For each number what makes it about 1."""
    return 1.0 / np.maximum(sizes(leaves), 1e-300)


def random(sizes: Vector, rng: np.random.Generator) -> Vector:
    """A direction in which each number moves by about its size, exact in three bits."""
    moves: Vector = sizes * rng.choice([-1.0, 1.0], sizes.shape) * rng.choice(_WEIGHTS, sizes.shape)
    return moves


# The function ------------------------------------------------------------------------------------
def doubles(arg: Any, name: str) -> dict[str, Value]:
    """The leaves of an argument by path; each a finite float64 number or array, and plain."""
    parameters(arg, name)
    named = tree.paths(arg, name)
    for path, leaf in named.items():
        if isinstance(leaf, Traced):
            raise LeafError(f"check_grads takes plain numbers and arrays, but {path} is traced")
        if is_floating(leaf) and dtype_of(leaf) != np.float64:
            raise LeafError(_NOT_DOUBLE.format(f"{path} is {describe(leaf)}"))
        if not np.isfinite(leaf).all():
            raise LeafError(f"check_grads takes finite numbers, but {path} is {leaf}")
    return named


@attrs.frozen(eq=False, slots=False)  # what is not always asked for is made once
class Point:
    """A function at arguments, as one of vectors: its value there, and its derivative.

    named: the leaves of the arguments
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: Mapping[str, Value]
    linear: Linearised
    y: Vector

    @classmethod
    def of(cls, f: Callable[..., Any], args: tuple[Any, ...], named: Mapping[str, Value]) -> Point:
        """The function at these arguments; raises if it has no values to take differences of."""
        trees = [parameters(arg, f"args[{i}]") for i, arg in enumerate(args)]
        linear = linearise(f, "testing.check_grads", trees)
        point = cls(f, args, named, linear, tree.ravel(f(*args))[0])
        for value in point.values():
            if is_floating(value) and dtype_of(value) != np.float64:
                computes = f"{name_of(f)} computes in {dtype_of(value)}"
                raise OutputError(_NOT_DOUBLE.format(computes))
        return point

    @property
    def where(self) -> str:
        """What is checked, in words."""
        at = ", ".join(map(describe, self.args))
        return f"the derivative of {name_of(self.function)} at {at}"

    @property
    def out(self) -> dict[str, Value]:
        """The leaves of the output."""
        return tree.paths(self.linear.out, "out")

    def values(self) -> Iterator[Value]:
        """The numbers and arrays that it computes on the way, and returns."""
        for node in self.linear.nodes:
            yield from filter(is_operand, tree.leaves(node.value))
        yield from self.linear.leaves

    def curve(self, direction: Vector) -> Curve:
        """The output along a direction, NaN where there is none."""
        x, arguments = tree.ravel(self.args)

        def at(h: float) -> Vector:
            with np.errstate(all="ignore"), contextlib.suppress(ArithmeticError, ValueError):
                moved = x + h * direction
                if np.isfinite(moved).all():
                    y = tree.ravel(self.function(*arguments(moved)))[0]
                    if y.shape == self.y.shape:
                        return y
            return np.full(self.y.shape, np.nan)

        return at

    def push(self, tangent: Vector) -> Vector:
        """J times a tangent."""
        arguments = tree.ravel(self.args)[1]
        with np.errstate(all="ignore"):
            return tree.ravel(self.linear.push(tree.leaves(arguments(tangent))))[0]

    def pull(self, cotangent: Vector) -> Vector:
        """Jᵀ times a cotangent."""
        output = tree.ravel(self.linear.out)[1]
        with np.errstate(all="ignore"):
            return tree.ravel(self.linear.pull(output(cotangent)))[0]

    @cached_property
    def terms(self) -> Vector:
        """For each number of the output how large the terms are that it is made of: each value on
        the way times the slope by it. Their rounding is its noise.

        Where there are many numbers, those beside it in its leaf stand for them.
        """
        leaves = self.linear.leaves
        beside = [np.full(np.size(x), np.max(np.abs(x), initial=0.0)) for x in leaves]
        if self.y.size > _EACH:
            return np.concatenate(beside)
        with np.errstate(all="ignore"):
            return np.maximum(abs(self.y), [self._term(unit) for unit in np.eye(self.y.size)])

    def _term(self, cotangent: Vector) -> float:
        """The largest term of a weighted sum of the output."""
        seeds: dict[int, Value] = {}
        given = tree.leaves(tree.ravel(self.linear.out)[1](cotangent))
        for place, g in zip(self.linear.places, given):
            if place is not None:
                seeds[place] = added(seeds.get(place), g)
        nodes = self.linear.nodes
        largest = 0.0
        for node, g in zip(nodes, adjoints(nodes, seeds)):
            if is_operand(g):
                term = abs(np.asarray(g * node.value))
                largest = max(largest, float(term.max(initial=0.0, where=np.isfinite(term))))
        return float(largest)
