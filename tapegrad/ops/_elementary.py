"""Roots, exponentials, logarithms, circular and hyperbolic functions, and nonlinearities."""

from __future__ import annotations

import math

import numpy as np

from .._tape import Array, Operand
from .._typing import Value
from .._values import floating
from ._elementwise import POSITIVE, elementwise
from ._select import equal, where

_INSIDE = (-0.8, 0.8)


@elementwise(np.sqrt, lambda out, x: 0.5 / out, domain=POSITIVE)
def sqrt(x: Operand, /) -> Array:
    """√x; the derivative at 0 is infinite.

    >>> float(sqrt(9.0))
    3.0
    """


@elementwise(np.cbrt, lambda out, x: (1.0 / 3.0) / (out * out), domain=POSITIVE)
def cbrt(x: Operand, /) -> Array:
    """∛x; the derivative at 0 is infinite.

    >>> float(cbrt(27.0))
    3.0
    """


@elementwise(np.exp, lambda out, x: out)
def exp(x: Operand, /) -> Array:
    """eˣ.

    >>> float(exp(0.0))
    1.0
    """


@elementwise(np.exp2, lambda out, x: math.log(2.0) * out)
def exp2(x: Operand, /) -> Array:
    """2ˣ.

    >>> float(exp2(3.0))
    8.0
    """


@elementwise(np.expm1, lambda out, x: out + 1.0)
def expm1(x: Operand, /) -> Array:
    """eˣ - 1, exact for small x.

    >>> float(expm1(0.0))
    0.0
    """


@elementwise(np.log, lambda out, x: 1.0 / x, domain=POSITIVE)
def log(x: Operand, /) -> Array:
    """The natural logarithm.

    >>> float(log(1.0))
    0.0
    """


@elementwise(np.log2, lambda out, x: (1.0 / math.log(2.0)) / x, domain=POSITIVE)
def log2(x: Operand, /) -> Array:
    """The logarithm to base 2.

    >>> float(log2(8.0))
    3.0
    """


@elementwise(np.log10, lambda out, x: (1.0 / math.log(10.0)) / x, domain=POSITIVE)
def log10(x: Operand, /) -> Array:
    """The logarithm to base 10.

    >>> float(log10(100.0))
    2.0
    """


@elementwise(np.log1p, lambda out, x: 1.0 / (1.0 + x), domain=(-0.5, 2.0))
def log1p(x: Operand, /) -> Array:
    """log(1 + x), exact for small x.

    >>> float(log1p(0.0))
    0.0
    """


@elementwise(np.sin, lambda out, x: cos(x))
def sin(x: Operand, /) -> Array:
    """The sine; x in radians.

    >>> float(sin(0.0))
    0.0
    """


@elementwise(np.cos, lambda out, x: -sin(x))
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


@elementwise(np.arcsin, lambda out, x: 1.0 / sqrt((1.0 - x) * (1.0 + x)), domain=_INSIDE)
def arcsin(x: Operand, /) -> Array:
    """The angle in radians, -π/2 to π/2, whose sine is x.

    >>> float(arcsin(0.0))
    0.0
    """


@elementwise(np.arccos, lambda out, x: -1.0 / sqrt((1.0 - x) * (1.0 + x)), domain=_INSIDE)
def arccos(x: Operand, /) -> Array:
    """The angle in radians, 0 to π, whose cosine is x.

    >>> float(arccos(1.0))
    0.0
    """


@elementwise(np.arctan, lambda out, x: 1.0 / (1.0 + x * x))
def arctan(x: Operand, /) -> Array:
    """The angle in radians, -π/2 to π/2, whose tangent is x.

    >>> float(arctan(0.0))
    0.0
    """


@elementwise(
    np.arctan2,
    lambda out, y, x: x / (r := hypot.bind(x, y)) / r,  # x*x + y*y could overflow, or vanish
    lambda out, y, x: -y / (r := hypot.bind(x, y)) / r,
    domain=((-2.0, 2.0), POSITIVE),
)
def arctan2(y: Operand, x: Operand, /) -> Array:
    """The angle in radians, -π to π, of the point (x, y).

    >>> float(arctan2(0.0, 1.0))
    0.0
    """


@elementwise(np.sinh, lambda out, x: cosh(x))
def sinh(x: Operand, /) -> Array:
    """The hyperbolic sine.

    >>> float(sinh(0.0))
    0.0
    """


@elementwise(np.cosh, lambda out, x: sinh(x))
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


@elementwise(np.arcsinh, lambda out, x: 1.0 / sqrt(x * x + 1.0))
def arcsinh(x: Operand, /) -> Array:
    """The inverse of sinh.

    >>> float(arcsinh(0.0))
    0.0
    """


@elementwise(np.arccosh, lambda out, x: 1.0 / sqrt((x - 1.0) * (x + 1.0)), domain=(1.3, 3.0))
def arccosh(x: Operand, /) -> Array:
    """The inverse of cosh, for x ≥ 1.

    >>> float(arccosh(1.0))
    0.0
    """


@elementwise(np.arctanh, lambda out, x: 1.0 / ((1.0 - x) * (1.0 + x)), domain=_INSIDE)
def arctanh(x: Operand, /) -> Array:
    """The inverse of tanh, for |x| < 1.

    >>> float(arctanh(0.0))
    0.0
    """


# At the origin, where neither has a derivative, it is taken as 0, as that of abs is.
@elementwise(
    np.hypot,
    lambda out, x, y: x / where.bind(equal.bind(out, 0.0), 1.0, out),
    lambda out, x, y: y / where.bind(equal.bind(out, 0.0), 1.0, out),
)
def hypot(x: Operand, y: Operand, /) -> Array:
    """√(x² + y²) without overflow; derivatives 0 at the origin.

    >>> float(hypot(3.0, 4.0))
    5.0
    """


@elementwise(
    np.logaddexp,
    lambda out, x, y: exp(x - out),
    lambda out, x, y: exp(y - out),
)
def logaddexp(x: Operand, y: Operand, /) -> Array:
    """log(eˣ + eʸ) without overflow.

    >>> float(logaddexp(-1000.0, 0.0))
    0.0
    """


# Those that NumPy has not: the user finds them in `tapegrad.nn` and `tapegrad.special`.


def _relu(x: Value) -> Value:
    if x.__class__ is float:
        return 0.0 if x < 0.0 else x  # noqa: FURB136  # NaN stays NaN; max() would be a call
    return np.maximum(x, 0.0)


@elementwise(None, lambda out, x: x > 0.0, run=_relu, domain=(0.1, 2.0))
def relu(x: Operand, /) -> Array:
    """max(x, 0), elementwise, any shape; slope 0 at 0.

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """


def _sigmoid(x: Value) -> Value:
    x = floating(x)
    # 1/(1 + e^-x) for x >= 0 and e^x/(1 + e^x) for x < 0: no overflow, full relative precision
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small)[()] / (1.0 + small)


@elementwise(None, lambda out, x: out * (1.0 - out), run=_sigmoid)
def sigmoid(x: Operand, /) -> Array:
    """1 / (1 + exp(-x)), elementwise, any shape; no x overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """


@elementwise(None, lambda out, x: sigmoid(x), run=lambda x: np.logaddexp(floating(x), 0.0))
def softplus(x: Operand, /) -> Array:
    """log(1 + exp(x)), elementwise, any shape; no x overflows.

    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """


_erf = np.frompyfunc(math.erf, 1, 1)


def _run_erf(x: Value) -> Value:
    x = floating(x)
    if isinstance(x, float):
        return math.erf(x)
    return np.asarray(_erf(x), dtype=x.dtype)[()]


@elementwise(None, lambda out, x: (2.0 / math.sqrt(math.pi)) * exp(-x * x), run=_run_erf)
def erf(x: Operand, /) -> Array:
    """The error function, 2/√π times the integral of exp(-t²) from 0 to x; any shape.

    >>> float(erf(0.0))
    0.0
    """
