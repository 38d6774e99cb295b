"""Lengths: norms of vectors, and the standard deviation, the length of what differs from the mean.

The values are NumPy's, in which a square may overflow, or vanish. The derivatives are those of the
lengths that are meant: a multiple of x has the same, so they are found of one whose squares do
neither.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tape import Array, Operand
from .._typing import Rule, Value
from .._values import dtype_of, shape_of
from ._circular import tame
from ._define import Maker, along_axes, normal, primitive
from ._reduce import Axes, by_weights, max, mean, min
from ._select import absolute, equal, isinf, logical_or, sign, where
from ._shape import stop_gradient


def _length(
    run: Callable[..., Any], weights: Rule, *, samples: Sequence[dict[str, Any]] = ({},)
) -> Maker:
    """The op run(x, axes, keepdims), whose derivative by x is weights(out, x, axes), out expanded
    against x; with the options with which it is tested.
    """
    drawn = tuple(
        normal(shape, axes=axes, keepdims=keepdims, **given)
        for given in samples
        for shape, axes, keepdims in (
            ((3,), (0,), False),
            ((2, 3), (0, 1), True),
            ((2, 3, 4), (0, 2), False),
        )
    )
    return primitive(
        run=run, batch=along_axes, kind="reduction", samples=drawn, **by_weights(weights)
    )


def _scaled(x: Value, axes: Axes) -> Value:
    """x over its largest element along axes, which is taken for a constant; zeros stay zeros.
    Infinite elements are ±1, and others beside them 0.
    """
    size = stop_gradient.bind(max.bind(absolute.bind(x), axes=axes, keepdims=True))
    far = isinf.bind(size)
    unit = where.bind(logical_or.bind(far, equal.bind(size, 0.0)), 1.0, size)
    return where.bind(far, where.bind(isinf.bind(x), sign.bind(x), 0.0), x / unit)


def _unit(x: Value, axes: Axes) -> Value:
    """x over its length along axes; 0 at 0."""
    y = _scaled(x, axes)
    zero = equal.bind(max.bind(absolute.bind(y), axes=axes, keepdims=True), 0.0)
    length = euclidean.bind(where.bind(zero, 1.0, y), axes=axes, keepdims=True)
    return where.bind(zero, 0.0, y / length)


# Norms -------------------------------------------------------------------------------------------
def _euclidean(x: Value, axes: Axes, keepdims: Any, dot: bool = False) -> Value:
    squares = np.vecdot(x, x) if dot else np.add.reduce(x * x, axis=axes, keepdims=keepdims)
    return np.sqrt(squares)


def _euclidean_weights(out: Value, x: Value, axes: Axes, dot: bool = False) -> Value:
    return x / out if tame(out) else _unit(x, axes)


@_length(_euclidean, _euclidean_weights)
def euclidean(x: Operand, *, axes: Axes, keepdims: bool, dot: bool = False) -> Array:
    """√(sum of x²) along axes; derivative 0 at 0.

    dot: of vectors along the last axis, whose squares are summed by a product, as NumPy does it
    for a norm of a whole array. The sum may be rounded otherwise.
    """


def _power_norm(x: Value, axes: Axes, keepdims: Any, ord: float) -> Value:
    total = np.add.reduce(np.abs(x) ** ord, axis=axes, keepdims=keepdims)
    return total ** np.reciprocal(ord, dtype=total.dtype)


def _power_norm_weights(out: Value, x: Value, axes: Axes, ord: float) -> Value:
    sizes = absolute.bind(_scaled(x, axes))
    ratio: Any = sizes / power_norm.bind(sizes, axes=axes, keepdims=True, ord=ord)
    return sign.bind(x) * ratio ** (ord - 1.0)


@_length(_power_norm, _power_norm_weights, samples=({"ord": 3.0}, {"ord": 1.5}, {"ord": -1.0}))
def power_norm(x: Operand, *, axes: Axes, keepdims: bool, ord: float) -> Array:
    """(sum of |x|^ord)^(1/ord) along axes; derivative NaN at 0."""


# The standard deviation --------------------------------------------------------------------------
def _deviation(x: Value, axes: Axes, keepdims: Any, ddof: float = 0, dtype: Any = None) -> Value:
    return np.std(x, axis=axes, ddof=ddof, keepdims=keepdims, dtype=dtype)


def _deviation_weights(
    out: Value, x: Value, axes: Axes, ddof: float = 0, dtype: Any = None
) -> Value:
    count = math.prod(shape_of(x)[axis] for axis in axes)
    if count < 2:  # it is 0, whatever x
        return np.zeros(shape_of(x), dtype_of(x))
    least, most = (op.bind(x, axes=axes, keepdims=True) for op in (min, max))
    apart = x - mean.bind(x, axes=axes, keepdims=True)
    unit = _unit(where.bind(equal.bind(least, most), math.nan, 1.0) * apart, axes)
    across = unit - mean.bind(unit, axes=axes, keepdims=True)  # the mean is rounded
    return across * (1.0 / math.sqrt(count - ddof) if count > ddof else math.nan)


@_length(_deviation, _deviation_weights, samples=({}, {"ddof": 1}))
def deviation(
    x: Operand, *, axes: Axes, keepdims: bool, ddof: float = 0, dtype: Any = None
) -> Array:
    """The root of the mean square of what differs from the mean; of one element 0, with derivative
    0, and where several are all equal, derivative NaN.
    """
