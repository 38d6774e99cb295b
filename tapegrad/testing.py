"""Checks of derivatives, for the tests of those who write their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import tree
from ._errors import describe, name_of
from ._typing import Value
from ._values import shape_of
from .transforms import jvp, vjp


def check_grads(
    f: Callable[..., Any],
    args: Sequence[Any],
    order: int = 2,
    *,
    rtol: float = 1e-6,
    atol: float = 1e-6,
    step: float = 1e-5,
    seed: int = 0,
) -> None:
    """Raise AssertionError unless f's derivatives at args are right, up to ``order``.

    Along a random direction, forward mode is held against central differences of f, and reverse
    mode against forward mode by <g, J t> = <Jᵀ g, t>; then the same for the first derivative as a
    function, and so on. args are trees of float64 numbers and arrays, and so is f's output.

    >>> check_grads(lambda x, y: x * y, (2.0, 3.0))
    >>> check_grads(np.floor, (2.5,))
    """
    rng = np.random.default_rng(seed)
    tangents = tuple(_direction(rng, arg) for arg in args)
    out, moved = jvp(f, tuple(args), tangents)
    differences = _difference(f, args, tangents, step)
    where = f"the derivative of {name_of(f)} at {', '.join(map(describe, args))}"
    for path, expected in differences.items():
        given = tree.paths(moved, "out")[path]
        if not np.allclose(given, expected, rtol=rtol, atol=atol, equal_nan=True):
            raise AssertionError(
                f"{where}: forward mode gives {path} = {given!r}, differences give {expected!r}"
            )
    cotangent = _direction(rng, out)
    back = vjp(f, *args)[1](cotangent)
    forward, reverse = _dot(cotangent, moved), _dot(back, tangents)
    if not np.allclose(forward, reverse, rtol=rtol, atol=atol, equal_nan=True):
        raise AssertionError(
            f"{where}: <g, J t> = {forward!r} by forward mode, <Jᵀ g, t> = {reverse!r} by reverse"
        )
    if order > 1:
        for derivative in (_along(f, tangents), _pulled(f, cotangent)):
            check_grads(derivative, args, order - 1, rtol=rtol, atol=atol, step=step, seed=seed + 1)


def _along(f: Callable[..., Any], tangents: Any) -> Callable[..., Any]:
    def forward_derivative(*args: Any) -> Any:
        return jvp(f, args, tangents)[1]

    return forward_derivative


def _pulled(f: Callable[..., Any], cotangent: Any) -> Callable[..., Any]:
    def reverse_derivative(*args: Any) -> Any:
        return vjp(f, *args)[1](cotangent)

    return reverse_derivative


def _difference(
    f: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Any], step: float
) -> dict[str, Value]:
    """Central differences of f along the tangents, by path."""

    def moved(h: float) -> dict[str, Value]:
        at = [tree.map(lambda x, t: x + h * t, a, t) for a, t in zip(args, tangents)]
        return tree.paths(f(*at), "out")

    ahead, behind = moved(step), moved(-step)
    return {
        path: (np.asarray(ahead[path]) - np.asarray(behind[path])) / (2.0 * step) for path in ahead
    }


def _direction(rng: np.random.Generator, x: Any) -> Any:
    """A random tangent in the structure, shapes and dtypes of x."""

    def draw(leaf: Any) -> Any:
        if isinstance(leaf, (float, int)):
            return float(rng.normal())
        return np.asarray(rng.normal(size=shape_of(leaf)), leaf.dtype)

    return tree.map(draw, x)


def _dot(x: Any, y: Any) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(tree.leaves(x), tree.leaves(y))))
