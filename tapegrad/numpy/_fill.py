"""Functions that keep some elements and put others in their place, made of ops, typed.

What is put there is a constant, a bound, or, where padding repeats them, elements of the array.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np

from .._dispatch import NO_VALUE, refusal
from .._errors import at_line
from .._tape import Array, Operand
from .._typing import DType, Layout
from .._values import (
    Traced,
    array as as_array,
    dtype_of,
    is_floating,
    is_whole,
    operand,
    plain_of,
    real_dtype,
    shape_of,
)
from ..ops._arithmetic import positive
from ..ops._define import answers
from ..ops._join import pad_zeros
from ..ops._select import maximum, minimum, where
from ..ops._shape import broadcast_to, converted, lengths_of
from ._shape import take

Padding: TypeAlias = Literal["constant", "edge", "reflect", "symmetric", "wrap"]
_COMPUTED = ("empty", "linear_ramp", "maximum", "mean", "median", "minimum")


@answers(np.pad)
def pad(array: Operand, pad_width: Any, mode: Padding = "constant", **options: Any) -> Array:
    """The array with more elements around it: a constant, or its own for the other modes.

    mode:    "constant", "edge", "reflect", "symmetric" or "wrap", as numpy.pad; MissingRuleError
             for those that compute what is around
    options: those of the mode: constant_values

    >>> pad(np.array([1.0, 2.0]), 1)
    array([0., 1., 2., 0.])
    """
    x = as_array(array)
    lengths = shape_of(x)
    if callable(mode) or mode in _COMPUTED:
        raise refusal(np.pad, mode=mode)
    if options.get("reflect_type", "even") != "even":
        raise refusal(np.pad, reflect_type=options["reflect_type"])
    if mode != "constant":
        places: Any = np.pad(
            np.arange(math.prod(lengths)).reshape(lengths), pad_width, mode, **options
        )
        return take(x, places)
    inside = np.pad(np.ones((1,) * len(lengths), bool), pad_width)  # NumPy's reading of pad_width
    before = np.argwhere(inside)[0].tolist()
    widths = tuple((b, n - 1 - b) for b, n in zip(before, inside.shape))
    padded: Array = pad_zeros.bind(x, widths=widths)
    if options:
        values = np.pad(np.zeros(lengths, dtype_of(x)), pad_width, **_plain(options))
        outside = np.pad(np.zeros(lengths, bool), pad_width, constant_values=True)
        padded = where.bind(outside, values, padded)
    return padded


def _plain(options: dict[str, Any]) -> dict[str, Any]:
    """Options as plain arrays: what is traced among them would lose its gradient."""
    return {
        name: value if isinstance(value, str) else np.asarray(as_array(value))
        for name, value in options.items()
    }


@answers(np.tril)
def tril(m: Operand, k: int = 0) -> Array:
    """The lower triangle of each matrix, zeros elsewhere.

    >>> tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    x = as_array(m)
    return where.bind(_lower(x, k), x, np.zeros(1, dtype_of(x)))


@answers(np.triu)
def triu(m: Operand, k: int = 0) -> Array:
    """The upper triangle of each matrix, zeros elsewhere.

    >>> triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    x = as_array(m)
    return where.bind(_lower(x, k, -1), np.zeros(1, dtype_of(x)), x)


def _lower(x: Any, k: Any, more: int = 0) -> Any:
    """Where the lower triangle is, up to the diagonal ``k + more``."""
    triangle: Any = np.tri
    diagonal = k if isinstance(k, (int, float)) else operator.index(k)
    return triangle(*shape_of(x)[-2:], k=diagonal + more, dtype=bool)


@overload
def clip(a: Operand, a_min: Operand | None, a_max: Operand | None, out: None = None) -> Array: ...
@overload
def clip(
    a: Operand, *, out: None = None, min: Operand | None = None, max: Operand | None = None
) -> Array: ...
@answers(np.clip)
def clip(
    a: Operand,
    a_min: Operand | None = NO_VALUE,
    a_max: Operand | None = NO_VALUE,
    out: None = None,
    *,
    min: Operand | None = NO_VALUE,
    max: Operand | None = NO_VALUE,
) -> Array:
    """a kept between two bounds, of which either may be None; at a bound the gradient is halved.

    NumPy has two names for each bound: a_min and a_max, which are given together, or min and max.

    >>> clip(np.array([-1.0, 0.5, 2.0]), 0.0, 1.0)
    array([0. , 0.5, 1. ])
    """
    if out is not None:
        raise refusal(np.clip, out=out)
    if a_min is NO_VALUE and a_max is NO_VALUE:
        a_min = None if min is NO_VALUE else min
        a_max = None if max is NO_VALUE else max
    elif a_min is NO_VALUE or a_max is NO_VALUE:
        raise TypeError(f"clip: a_min and a_max are given together, None for no bound{at_line()}")
    elif min is not NO_VALUE or max is not NO_VALUE:
        raise ValueError(f"clip: bounds are a_min and a_max, or min and max, not both{at_line()}")
    return _clipped(as_array(a), a_min, a_max)


_NUMBERS = (float, int)  # which leave a floating dtype as it is


def _clipped(x: Any, low: Any, high: Any) -> Array:
    if is_whole(x):  # a bound that no such number reaches is none
        info = np.iinfo(dtype_of(x))
        low = None if type(low) is int and low <= info.min else low
        high = None if type(high) is int and high >= info.max else high
    if low is None and high is None:
        return positive(x)
    numbers = type(low) in _NUMBERS and type(high) in _NUMBERS and is_floating(x)
    if low is not None and high is not None and not numbers:  # to NumPy, one operation of three
        wanted = np.result_type(dtype_of(x), *map(_adapting, (low, high)))
        x = maximum(x if dtype_of(x) == wanted else converted(x, wanted), low)
    elif low is not None:
        x = maximum(x, low)
    return x if high is None else minimum(x, high)


def _adapting(bound: Any) -> Any:
    """What a bound has to say of the dtype of the result: a Python number, its kind only."""
    plain = plain_of(operand(bound))
    return type(plain)() if isinstance(plain, (int, float)) else dtype_of(plain)


@answers(np.zeros_like)
def zeros_like(
    a: Operand,
    dtype: DType = None,
    order: Layout = "K",
    subok: bool = True,
    shape: int | Sequence[int] | None = None,
    *,
    device: Literal["cpu"] | None = None,
) -> Array:
    """Zeros in the shape and dtype of a, or in others: constants.

    >>> zeros_like(np.ones(2))
    array([0., 0.])
    """
    return full_like(a, 0.0, dtype, order, subok, shape, device=device)


@answers(np.ones_like)
def ones_like(
    a: Operand,
    dtype: DType = None,
    order: Layout = "K",
    subok: bool = True,
    shape: int | Sequence[int] | None = None,
    *,
    device: Literal["cpu"] | None = None,
) -> Array:
    """Ones in the shape and dtype of a, or in others: constants.

    >>> ones_like(np.zeros(2))
    array([1., 1.])
    """
    return full_like(a, 1.0, dtype, order, subok, shape, device=device)


@answers(np.full_like)
def full_like(
    a: Operand,
    fill_value: Operand,
    dtype: DType = None,
    order: Layout = "K",
    subok: bool = True,
    shape: int | Sequence[int] | None = None,
    *,
    device: Literal["cpu"] | None = None,
) -> Array:
    """One value in the shape and dtype of a, or in others; its gradient is the sum of theirs.

    >>> full_like(np.zeros(2), 3.0)
    array([3., 3.])
    """
    x = as_array(a)
    wanted = dtype_of(x) if dtype is None else real_dtype(dtype)
    lengths = shape_of(x) if shape is None else lengths_of(shape)
    value = operand(fill_value)
    traced = isinstance(value, Traced)
    filled = np.full_like(
        np.empty(0), 0.0 if traced else value, wanted, order, shape=lengths, device=device
    )
    return broadcast_to(converted(value, wanted), lengths) if traced else filled
