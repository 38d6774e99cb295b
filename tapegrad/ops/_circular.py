"""Circular and hyperbolic functions, their inverses, and lengths and angles in the plane."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from .._tape import Array, Operand
from .._typing import Value
from .._values import Traced, dtype_of
from ._elementwise import POSITIVE, elementwise, slope
from ._select import equal, times, where

_INSIDE = (-0.8, 0.8)


@elementwise(np.sin, lambda out, x: cos.bind(x))
def sin(x: Operand, /) -> Array:
    """The sine; x in radians.

    >>> float(sin(0.0))
    0.0
    """


@elementwise(np.cos, lambda out, x: -sin.bind(x))
def cos(x: Operand, /) -> Array:
    """The cosine; x in radians.

    >>> float(cos(0.0))
    1.0
    """


@elementwise(np.tan, lambda out, x: 1.0 + out * out, domain=(-1.0, 1.0))
def tan(x: Operand, /) -> Array:
    """The tangent; x in radians.

    >>> float(tan(0.0))
    0.0
    """


@elementwise(np.arcsin, lambda out, x: arcsin_slope.bind(x), domain=_INSIDE)
def arcsin(x: Operand, /) -> Array:
    """The angle in radians, -π/2 to π/2, whose sine is x.

    >>> float(arcsin(0.0))
    0.0
    """


@elementwise(np.arccos, lambda out, x: -arcsin_slope.bind(x), domain=_INSIDE)
def arccos(x: Operand, /) -> Array:
    """The angle in radians, 0 to π, whose cosine is x.

    >>> float(arccos(1.0))
    0.0
    """


@elementwise(np.arctan, lambda out, x: arctan_slope.bind(x))
def arctan(x: Operand, /) -> Array:
    """The angle in radians, -π/2 to π/2, whose tangent is x.

    >>> float(arctan(0.0))
    0.0
    """


@elementwise(
    np.arctan2,
    lambda out, y, x: arctan2_slope.bind(x, y),
    lambda out, y, x: -arctan2_slope.bind(y, x),
    domain=((-2.0, 2.0), POSITIVE),
)
def arctan2(y: Operand, x: Operand, /) -> Array:
    """The angle in radians, -π to π, of the point (x, y).

    >>> float(arctan2(0.0, 1.0))
    0.0
    """


@elementwise(np.sinh, lambda out, x: cosh.bind(x))
def sinh(x: Operand, /) -> Array:
    """The hyperbolic sine.

    >>> float(sinh(0.0))
    0.0
    """


@elementwise(np.cosh, lambda out, x: sinh.bind(x))
def cosh(x: Operand, /) -> Array:
    """The hyperbolic cosine.

    >>> float(cosh(0.0))
    1.0
    """


@elementwise(np.tanh, lambda out, x: 1.0 - out * out)
def tanh(x: Operand, /) -> Array:
    """The hyperbolic tangent.

    >>> float(tanh(0.0))
    0.0
    """


@elementwise(np.arcsinh, lambda out, x: 1.0 / hypot.bind(x, 1.0))
def arcsinh(x: Operand, /) -> Array:
    """The inverse of sinh.

    >>> float(arcsinh(0.0))
    0.0
    """


@elementwise(np.arccosh, lambda out, x: arccosh_slope.bind(x), domain=(1.3, 3.0))
def arccosh(x: Operand, /) -> Array:
    """The inverse of cosh, for x ≥ 1.

    >>> float(arccosh(1.0))
    0.0
    """


@elementwise(np.arctanh, lambda out, x: arctanh_slope.bind(x), domain=_INSIDE)
def arctanh(x: Operand, /) -> Array:
    """The inverse of tanh, for |x| < 1.

    >>> float(arctanh(0.0))
    0.0
    """


@functools.cache
def _limits(dtype: np.dtype[Any]) -> tuple[float, float]:
    found = np.finfo(dtype)
    return float(found.tiny) ** 0.25, float(found.max) ** 0.25


def tame(length: Value) -> bool:
    """Whether these are numbers from which no square on the way can have been too large or too
    small: for those the plain formula is right, and sooner done.
    """
    if isinstance(length, Traced):
        return False
    least, most = _limits(dtype_of(length))
    return bool(((length > least) & (length < most)).all())


def _hypot_slope(out: Value, x: Value, y: Value) -> Value:
    return x / out if tame(out) else direction.bind(x, y)


# At the origin, where neither has a derivative, it is taken as 0, as that of abs is.
@elementwise(
    np.hypot,
    _hypot_slope,
    lambda out, x, y: _hypot_slope(out, y, x),
)
def hypot(x: Operand, y: Operand, /) -> Array:
    """√(x² + y²) without overflow; derivatives 0 at the origin.

    >>> float(hypot(3.0, 4.0))
    5.0
    """


# Slopes that are ops ------------------------------------------------------------------------------
# Written with / and *, their own derivatives would be inf - inf or 0 * inf at ±1 and at infinity;
# each of these has its own, exact everywhere.


@slope(
    lambda out, x: x * out * out * out,
    run=lambda x: 1.0 / np.sqrt((1.0 - x) * (1.0 + x)),
    domain=_INSIDE,
)
def arcsin_slope(x: Operand, /) -> Array:
    """1 / √(1 - x²)."""


@slope(
    lambda out, x: -0.5 * out * (1.0 / (x - 1.0) + 1.0 / (x + 1.0)),
    run=lambda x: 1.0 / np.sqrt(x - 1.0) / np.sqrt(x + 1.0),
    domain=(1.3, 3.0),
)
def arccosh_slope(x: Operand, /) -> Array:
    """1 / √(x² - 1), for x ≥ 1."""


@slope(
    lambda out, x: 2.0 * x * out * out,
    run=lambda x: 1.0 / ((1.0 - x) * (1.0 + x)),
    domain=_INSIDE,
)
def arctanh_slope(x: Operand, /) -> Array:
    """1 / (1 - x²)."""


def _arctan_slope(x: Value) -> Value:
    if x.__class__ is not float:
        return _arctan_slopes(x)
    return 1.0 / (1.0 + x * x)


@np.errstate(over="ignore")  # x² may be infinite
def _arctan_slopes(x: Value) -> Value:
    return 1.0 / (1.0 + x * x)


@slope(lambda out, x: -2.0 * times.bind(x, out) * out, run=_arctan_slope)
def arctan_slope(x: Operand, /) -> Array:
    """1 / (1 + x²)."""


def _direction(x: Value, y: Value) -> Value:
    one = np.result_type(x, y).type(1.0)
    size = np.maximum(np.abs(x), np.abs(y)) * one  # so that no square overflows, or vanishes
    far = np.isinf(size)
    unit = np.where(far | (size == 0.0), one, size)
    a, b = (np.where(far, np.isinf(z) * np.copysign(1.0, z), z / unit) for z in (x, y))
    return (a / np.where(size == 0.0, one, np.hypot(a, b)))[()]


def _direction_by_first(out: Value, x: Value, y: Value) -> Value:
    other = direction.bind(y, x)
    return other * (other / _length(x, y))


def _length(x: Value, y: Value) -> Value:
    # 1 at the origin, for derivatives of 0 there
    length = hypot.bind(x, y)
    return where.bind(equal.bind(length, 0.0), 1.0, length)


@slope(
    _direction_by_first,
    lambda out, x, y: -(out * direction.bind(y, x)) / _length(x, y),
    run=_direction,
)
def direction(x: Operand, y: Operand, /) -> Array:
    """x / hypot(x, y), the cosine of arctan2(y, x); 0 at the origin."""


def _turn_by_first(out: Value, x: Value, y: Value) -> Value:
    a, b, length = direction.bind(x, y), direction.bind(y, x), hypot.bind(x, y)
    return (b - a) * (b + a) / length / length


def _turn_by_second(out: Value, x: Value, y: Value) -> Value:
    a, b, length = direction.bind(x, y), direction.bind(y, x), hypot.bind(x, y)
    return -2.0 * (a * b) / length / length


@slope(
    _turn_by_first,
    _turn_by_second,
    run=lambda x, y: _direction(x, y) / np.hypot(x, y),
    domain=((-2.0, 2.0), POSITIVE),
)
def arctan2_slope(x: Operand, y: Operand, /) -> Array:
    """x / (x² + y²)."""
