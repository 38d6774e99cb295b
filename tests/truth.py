"""What the tests hold for true: derivatives by differences, and loops in place of batches.

Nothing here knows how tapegrad works: functions are only ever called with plain numbers and arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg

Vector = NDArray[np.float64]


def slope(f: Callable[[float], Any], x: float, step: float = 1e-5) -> Any:
    """df/dx by central differences of fourth order: the error is about 1e-11 for tame functions."""
    h = step * 100.0
    near, far = f(x + h) - f(x - h), f(x + 2 * h) - f(x - 2 * h)
    return (8.0 * near - far) / (12.0 * h)


def jacobian(f: Callable[[Vector], Any], x: Any) -> Vector:
    """All derivatives of f at an array, of the shape of f(x) followed by that of x."""
    at = np.asarray(x, float)
    columns = []

    def along(unit: Vector) -> Callable[[float], Vector]:
        return lambda h: np.asarray(f(at + h * unit))

    for place in np.ndindex(at.shape):
        unit = np.zeros(at.shape)
        unit[place] = 1.0
        columns.append(np.asarray(slope(along(unit), 0.0)))
    shape = np.shape(f(at))
    if not columns:
        return np.zeros(shape + at.shape)
    return np.stack(columns, axis=-1).reshape(shape + at.shape)


def gradient(f: Callable[..., Any], *args: Any, argnum: int = 0) -> Any:
    """The gradient of a scalar function by one argument, a tree, in that tree's structure."""
    leaves = tg.tree.leaves(args[argnum])

    def moved(k: int, leaf: Vector) -> Any:
        replaced = iter([*leaves[:k], leaf[()], *leaves[k + 1 :]])
        tree = tg.tree.map(lambda _: next(replaced), args[argnum])
        return f(*args[:argnum], tree, *args[argnum + 1 :])

    found = iter([jacobian(partial(moved, k), leaf) for k, leaf in enumerate(leaves)])
    return tg.tree.map(lambda _: next(found), args[argnum])


def hessian(f: Callable[[Vector], Any], x: Any) -> Vector:
    """All second derivatives of a scalar function at an array."""
    return jacobian(lambda y: jacobian(f, y), x)


def assert_close(found: Any, expected: Any, rtol: float = 1e-7, atol: float = 1e-8) -> None:
    """Trees of the same structure with leaves of the same shapes, and nearly equal."""
    ours, theirs = tg.tree.paths(found, "found"), tg.tree.paths(expected, "found")
    assert list(ours) == list(theirs)
    for path, leaf in ours.items():
        assert np.shape(leaf) == np.shape(theirs[path]), path
        np.testing.assert_allclose(leaf, theirs[path], rtol=rtol, atol=atol, err_msg=path)


def assert_same(found: Any, expected: Any) -> None:
    """Trees of the same structure whose leaves are equal in value, shape, dtype and kind."""
    ours, theirs = tg.tree.paths(found, "found"), tg.tree.paths(expected, "found")
    assert list(ours) == list(theirs)
    for path, leaf in ours.items():
        other = theirs[path]
        assert type(leaf) is type(other), path
        assert getattr(leaf, "dtype", None) == getattr(other, "dtype", None), path
        assert np.shape(leaf) == np.shape(other), path
        assert np.array_equal(leaf, other, equal_nan=True), path


def one_by_one(f: Callable[..., Any], axes: tuple[int | None, ...], *args: Any) -> Any:
    """What vmap promises: f on each example in turn, the results stacked along a new first axis."""
    size = next(np.shape(a)[axis] for a, axis in zip(args, axes, strict=True) if axis is not None)
    results = [
        f(*(a if axis is None else np.take(a, k, axis) for a, axis in zip(args, axes, strict=True)))
        for k in range(size)
    ]
    return tg.tree.map(lambda *leaves: np.stack(leaves), results[0], *results[1:])
