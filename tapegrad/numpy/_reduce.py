"""Reductions, running sums and sorting under NumPy's names, typed.

axis: None for all axes, an int, or a tuple of ints; negative ones count from the end. keepdims
keeps the reduced axes with length one. An axis that x does not have raises
numpy.exceptions.AxisError.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .. import ops
from .._tape import Array, Operand, shape_of
from .._typing import Axis


def _operand(x: Any) -> Any:
    """Lists become arrays; what has a shape stays as it is."""
    return x if hasattr(x, "shape") else np.asarray(x)


def axes_of(x: Any, axis: Axis) -> tuple[int, ...]:
    """The axes as non-negative ints, in order."""
    rank = len(shape_of(x))
    if axis is None:
        return tuple(range(rank))
    return tuple(sorted(normalize_axis_tuple(axis, rank)))


def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum of the elements along axes.

    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    x = _operand(x)
    result: Array = ops.sum_(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The mean of the elements along axes.

    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([2., 3.])
    """
    x = _operand(x)
    result: Array = ops.mean(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The product of the elements along axes; the gradient is right also where some are zero.

    >>> float(prod(np.array([2.0, 3.0, 4.0])))
    24.0
    """
    x = _operand(x)
    result: Array = ops.prod(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest element along axes; those that tie share the gradient equally.

    >>> float(max(np.array([1.0, 3.0, 2.0])))
    3.0
    """
    x = _operand(x)
    result: Array = ops.amax(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest element along axes; those that tie share the gradient equally.

    >>> float(min(np.array([1.0, 3.0, 2.0])))
    1.0
    """
    x = _operand(x)
    result: Array = ops.amin(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def var(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The variance along axes: the sum of squared deviations over (count - ddof).

    >>> float(var(np.array([1.0, 3.0])))
    1.0
    """
    x = _operand(x)
    axes = axes_of(x, axis)
    count = math.prod(shape_of(x)[i] for i in axes)
    deviation: Any = x - ops.mean(x, axes=axes, keepdims=True)
    total = ops.sum_(ops.square(deviation), axes=axes, keepdims=bool(keepdims))
    result: Array = total / float(count - ddof) if count != ddof else total * math.nan
    return result


def std(x: Operand, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The standard deviation along axes; the derivative where all elements are equal is NaN.

    >>> float(std(np.array([1.0, 3.0])))
    1.0
    """
    result: Array = ops.sqrt(var(x, axis, ddof, keepdims))
    return result


def cumsum(x: Operand, axis: int | None = None) -> Array:
    """The running sum along an axis; of all elements, in a vector, where axis is None.

    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    x, along = _along(x, axis)
    result: Array = ops.cumsum(x, axis=along)
    return result


def sort(x: Operand, axis: int | None = -1) -> Array:
    """The elements along an axis in ascending order; the gradient goes where each came from.

    >>> sort(np.array([2.0, 1.0]))
    array([1., 2.])
    """
    x, along = _along(x, axis)
    result: Array = ops.sort(x, axis=along)
    return result


def argsort(x: Operand, axis: int | None = -1) -> Array:
    """The positions of the elements in ascending order, ties in their order; no gradient.

    >>> argsort(np.array([2.0, 1.0]))
    array([1, 0])
    """
    x, along = _along(x, axis)
    result: Array = ops.argsort(x, axis=along)
    return result


def argmax(x: Operand, axis: int | None = None) -> Array:
    """The position of the largest element along an axis, the first of several; no gradient.

    >>> int(argmax(np.array([1.0, 3.0, 2.0])))
    1
    """
    x, along = _along(x, axis)
    result: Array = ops.argmax(x, axis=along)
    return result


def argmin(x: Operand, axis: int | None = None) -> Array:
    """The position of the smallest element along an axis, the first of several; no gradient.

    >>> int(argmin(np.array([1.0, 3.0, 2.0])))
    0
    """
    x, along = _along(x, axis)
    result: Array = ops.argmin(x, axis=along)
    return result


def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether all elements along axes are true; no gradient.

    >>> bool(all(np.array([True, False])))
    False
    """
    x = _operand(x)
    result: Array = ops.all_(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether any element along axes is true; no gradient.

    >>> bool(any(np.array([True, False])))
    True
    """
    x = _operand(x)
    result: Array = ops.any_(x, axes=axes_of(x, axis), keepdims=bool(keepdims))
    return result


def _along(x: Any, axis: int | None) -> tuple[Any, int]:
    """x and one non-negative axis; x as a vector where axis is None."""
    x = _operand(x)
    if axis is None:
        return ops.reshape(x, shape=(math.prod(shape_of(x)),)), 0
    return x, normalize_axis_index(axis, len(shape_of(x)))
