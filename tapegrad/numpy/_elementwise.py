"""Elementwise functions under NumPy's names, typed; operands broadcast against each other.

Each takes numbers, arrays and traced values of any broadcastable shapes, keeps float32 and float64
as NumPy does, and raises ShapeError for traced operands whose shapes do not broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .._tape import Array, Operand, Var


def _home(*operands: Operand) -> Any:
    """Where an op is that runs as Python's operator: in NumPy where nothing is traced, since to
    Python the sum of two lists is the one after the other.
    """
    for operand in operands:
        if operand.__class__ is Var:
            return ops
    return np


def add(x: Operand, y: Operand, /) -> Array:
    """x + y.

    >>> float(add(1.0, 2.0))
    3.0
    """
    result: Array = _home(x, y).add(x, y)
    return result


def subtract(x: Operand, y: Operand, /) -> Array:
    """x - y.

    >>> float(subtract(1.0, 2.0))
    -1.0
    """
    result: Array = _home(x, y).subtract(x, y)
    return result


def multiply(x: Operand, y: Operand, /) -> Array:
    """x * y.

    >>> float(multiply(3.0, 2.0))
    6.0
    """
    result: Array = _home(x, y).multiply(x, y)
    return result


def divide(x: Operand, y: Operand, /) -> Array:
    """x / y.

    >>> float(divide(3.0, 2.0))
    1.5
    """
    result: Array = _home(x, y).divide(x, y)
    return result


def power(x: Operand, y: Operand, /) -> Array:
    """x ** y; ValueError where a Python float would become complex.

    >>> float(power(3.0, 2.0))
    9.0
    """
    if x.__class__ is float and y.__class__ is float:
        number: Array = ops.power(x, y)
        return number
    result: Array = _home(x, y).power(x, y)
    return result


def remainder(x: Operand, y: Operand, /) -> Array:
    """x - y floor(x / y); the derivative at the jumps is that beside them.

    >>> float(remainder(5.0, 3.0))
    2.0
    """
    result: Array = ops.remainder(x, y)
    return result


def floor_divide(x: Operand, y: Operand, /) -> Array:
    """floor(x / y); derivative 0.

    >>> float(floor_divide(5.0, 3.0))
    1.0
    """
    result: Array = ops.floor_divide(x, y)
    return result


def negative(x: Operand, /) -> Array:
    """-x.

    >>> float(negative(2.0))
    -2.0
    """
    result: Array = _home(x).negative(x)
    return result


def absolute(x: Operand, /) -> Array:
    """|x|; derivative 0 at 0.

    >>> float(absolute(-2.0))
    2.0
    """
    result: Array = ops.absolute(x)
    return result


def sign(x: Operand, /) -> Array:
    """-1, 0 or 1; derivative 0.

    >>> float(sign(-2.0))
    -1.0
    """
    result: Array = ops.sign(x)
    return result


def square(x: Operand, /) -> Array:
    """x².

    >>> float(square(3.0))
    9.0
    """
    result: Array = ops.square(x)
    return result


def reciprocal(x: Operand, /) -> Array:
    """1 / x.

    >>> float(reciprocal(4.0))
    0.25
    """
    result: Array = _home(x).reciprocal(x)
    return result


def sqrt(x: Operand, /) -> Array:
    """√x; the derivative at 0 is infinite.

    >>> float(sqrt(9.0))
    3.0
    """
    result: Array = ops.sqrt(x)
    return result


def cbrt(x: Operand, /) -> Array:
    """∛x; the derivative at 0 is infinite.

    >>> float(cbrt(27.0))
    3.0
    """
    result: Array = ops.cbrt(x)
    return result


def exp(x: Operand, /) -> Array:
    """eˣ.

    >>> float(exp(0.0))
    1.0
    """
    result: Array = ops.exp(x)
    return result


def exp2(x: Operand, /) -> Array:
    """2ˣ.

    >>> float(exp2(3.0))
    8.0
    """
    result: Array = ops.exp2(x)
    return result


def expm1(x: Operand, /) -> Array:
    """eˣ - 1, exact for small x.

    >>> float(expm1(0.0))
    0.0
    """
    result: Array = ops.expm1(x)
    return result


def log(x: Operand, /) -> Array:
    """The natural logarithm.

    >>> float(log(1.0))
    0.0
    """
    result: Array = ops.log(x)
    return result


def log2(x: Operand, /) -> Array:
    """The logarithm to base 2.

    >>> float(log2(8.0))
    3.0
    """
    result: Array = ops.log2(x)
    return result


def log10(x: Operand, /) -> Array:
    """The logarithm to base 10.

    >>> float(log10(100.0))
    2.0
    """
    result: Array = ops.log10(x)
    return result


def log1p(x: Operand, /) -> Array:
    """log(1 + x), exact for small x.

    >>> float(log1p(0.0))
    0.0
    """
    result: Array = ops.log1p(x)
    return result


def sin(x: Operand, /) -> Array:
    """The sine; x in radians.

    >>> float(sin(0.0))
    0.0
    """
    result: Array = ops.sin(x)
    return result


def cos(x: Operand, /) -> Array:
    """The cosine; x in radians.

    >>> float(cos(0.0))
    1.0
    """
    result: Array = ops.cos(x)
    return result


def tan(x: Operand, /) -> Array:
    """The tangent; x in radians.

    >>> float(tan(0.0))
    0.0
    """
    result: Array = ops.tan(x)
    return result


def arcsin(x: Operand, /) -> Array:
    """The angle in radians, -π/2 to π/2, whose sine is x.

    >>> float(arcsin(0.0))
    0.0
    """
    result: Array = ops.arcsin(x)
    return result


def arccos(x: Operand, /) -> Array:
    """The angle in radians, 0 to π, whose cosine is x.

    >>> float(arccos(1.0))
    0.0
    """
    result: Array = ops.arccos(x)
    return result


def arctan(x: Operand, /) -> Array:
    """The angle in radians, -π/2 to π/2, whose tangent is x.

    >>> float(arctan(0.0))
    0.0
    """
    result: Array = ops.arctan(x)
    return result


def arctan2(y: Operand, x: Operand, /) -> Array:
    """The angle in radians, -π to π, of the point (x, y).

    >>> float(arctan2(0.0, 1.0))
    0.0
    """
    result: Array = ops.arctan2(y, x)
    return result


def sinh(x: Operand, /) -> Array:
    """The hyperbolic sine.

    >>> float(sinh(0.0))
    0.0
    """
    result: Array = ops.sinh(x)
    return result


def cosh(x: Operand, /) -> Array:
    """The hyperbolic cosine.

    >>> float(cosh(0.0))
    1.0
    """
    result: Array = ops.cosh(x)
    return result


def tanh(x: Operand, /) -> Array:
    """The hyperbolic tangent.

    >>> float(tanh(0.0))
    0.0
    """
    result: Array = ops.tanh(x)
    return result


def arcsinh(x: Operand, /) -> Array:
    """The inverse of sinh.

    >>> float(arcsinh(0.0))
    0.0
    """
    result: Array = ops.arcsinh(x)
    return result


def arccosh(x: Operand, /) -> Array:
    """The inverse of cosh, for x ≥ 1.

    >>> float(arccosh(1.0))
    0.0
    """
    result: Array = ops.arccosh(x)
    return result


def arctanh(x: Operand, /) -> Array:
    """The inverse of tanh, for |x| < 1.

    >>> float(arctanh(0.0))
    0.0
    """
    result: Array = ops.arctanh(x)
    return result


def hypot(x: Operand, y: Operand, /) -> Array:
    """√(x² + y²) without overflow; derivatives 0 at the origin.

    >>> float(hypot(3.0, 4.0))
    5.0
    """
    result: Array = ops.hypot(x, y)
    return result


def logaddexp(x: Operand, y: Operand, /) -> Array:
    """log(eˣ + eʸ) without overflow.

    >>> float(logaddexp(-1000.0, 0.0))
    0.0
    """
    result: Array = ops.logaddexp(x, y)
    return result


def maximum(x: Operand, y: Operand, /) -> Array:
    """The larger of x and y; ties share the gradient equally.

    >>> float(maximum(1.0, 2.0))
    2.0
    """
    result: Array = ops.maximum(x, y)
    return result


def minimum(x: Operand, y: Operand, /) -> Array:
    """The smaller of x and y; ties share the gradient equally.

    >>> float(minimum(1.0, 2.0))
    1.0
    """
    result: Array = ops.minimum(x, y)
    return result


def floor(x: Operand, /) -> Array:
    """The largest integer ≤ x; derivative 0.

    >>> float(floor(1.5))
    1.0
    """
    result: Array = ops.floor(x)
    return result


def ceil(x: Operand, /) -> Array:
    """The smallest integer ≥ x; derivative 0.

    >>> float(ceil(1.5))
    2.0
    """
    result: Array = ops.ceil(x)
    return result


def trunc(x: Operand, /) -> Array:
    """The integer part of x; derivative 0.

    >>> float(trunc(-1.5))
    -1.0
    """
    result: Array = ops.trunc(x)
    return result


def rint(x: Operand, /) -> Array:
    """The nearest integer, halves to even; derivative 0.

    >>> float(rint(1.5))
    2.0
    """
    result: Array = ops.rint(x)
    return result


def equal(x: Operand, y: Operand, /) -> Array:
    """x == y.

    >>> bool(equal(1.0, 2.0))
    False
    """
    result: Array = _home(x, y).equal(x, y)
    return result


def not_equal(x: Operand, y: Operand, /) -> Array:
    """x != y.

    >>> bool(not_equal(1.0, 2.0))
    True
    """
    result: Array = _home(x, y).not_equal(x, y)
    return result


def less(x: Operand, y: Operand, /) -> Array:
    """x < y.

    >>> bool(less(1.0, 2.0))
    True
    """
    result: Array = _home(x, y).less(x, y)
    return result


def less_equal(x: Operand, y: Operand, /) -> Array:
    """x <= y.

    >>> bool(less_equal(1.0, 2.0))
    True
    """
    result: Array = _home(x, y).less_equal(x, y)
    return result


def greater(x: Operand, y: Operand, /) -> Array:
    """x > y.

    >>> bool(greater(1.0, 2.0))
    False
    """
    result: Array = _home(x, y).greater(x, y)
    return result


def greater_equal(x: Operand, y: Operand, /) -> Array:
    """x >= y.

    >>> bool(greater_equal(1.0, 2.0))
    False
    """
    result: Array = _home(x, y).greater_equal(x, y)
    return result


def logical_and(x: Operand, y: Operand, /) -> Array:
    """Whether both are true.

    >>> bool(logical_and(True, False))
    False
    """
    result: Array = ops.logical_and(x, y)
    return result


def logical_or(x: Operand, y: Operand, /) -> Array:
    """Whether one is true.

    >>> bool(logical_or(True, False))
    True
    """
    result: Array = ops.logical_or(x, y)
    return result


def logical_not(x: Operand, /) -> Array:
    """Whether x is false.

    >>> bool(logical_not(False))
    True
    """
    result: Array = ops.logical_not(x)
    return result


def isnan(x: Operand, /) -> Array:
    """Whether x is not a number.

    >>> bool(isnan(1.0))
    False
    """
    result: Array = ops.isnan(x)
    return result


def isinf(x: Operand, /) -> Array:
    """Whether x is infinite.

    >>> bool(isinf(1.0))
    False
    """
    result: Array = ops.isinf(x)
    return result


def isfinite(x: Operand, /) -> Array:
    """Whether x is a finite number.

    >>> bool(isfinite(1.0))
    True
    """
    result: Array = ops.isfinite(x)
    return result
