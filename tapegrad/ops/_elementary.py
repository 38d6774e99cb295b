"""Roots, exponentials, logarithms, and nonlinearities."""

from __future__ import annotations

import math

import numpy as np

from .._tape import Array, Operand
from .._typing import Value
from .._values import floating
from ._circular import tanh
from ._elementwise import POSITIVE, elementwise, slope
from ._select import maximum, minimum


# 0.0 is added where 1/-0.0 would be -inf: the slope of a rising function at a zero of either sign.
@elementwise(np.sqrt, lambda out, x: 0.5 / (out + 0.0), domain=POSITIVE)
def sqrt(x: Operand, /) -> Array:
    """√x; the derivative at 0 is infinite.

    >>> float(sqrt(9.0))
    3.0
    """


@elementwise(np.cbrt, lambda out, x: (1.0 / 3.0) / out / out, domain=POSITIVE)
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


@elementwise(np.expm1, lambda out, x: exp.bind(x))  # out + 1 has no digits where out is near -1
def expm1(x: Operand, /) -> Array:
    """eˣ - 1, exact for small x.

    >>> float(expm1(0.0))
    0.0
    """


@elementwise(np.log, lambda out, x: 1.0 / (x + 0.0), domain=POSITIVE)
def log(x: Operand, /) -> Array:
    """The natural logarithm.

    >>> float(log(1.0))
    0.0
    """


@elementwise(np.log2, lambda out, x: (1.0 / math.log(2.0)) / (x + 0.0), domain=POSITIVE)
def log2(x: Operand, /) -> Array:
    """The logarithm to base 2.

    >>> float(log2(8.0))
    3.0
    """


@elementwise(np.log10, lambda out, x: (1.0 / math.log(10.0)) / (x + 0.0), domain=POSITIVE)
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


@elementwise(
    np.logaddexp,
    lambda out, x, y: sigmoid.bind(x - y),  # out has the rounding of x and y, however large
    lambda out, x, y: sigmoid.bind(y - x),
)
def logaddexp(x: Operand, y: Operand, /) -> Array:
    """log(eˣ + eʸ) without overflow.

    >>> float(logaddexp(-1000.0, 0.0))
    0.0
    """


# Those that NumPy has not: the user finds them in `tapegrad.nn` and `tapegrad.special`.


def _relu(x: Value) -> Value:
    if x.__class__ is float:
        return 0.0 if x <= 0.0 else x  # noqa: FURB136  # NaN stays NaN; max() would be a call
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
    return np.exp(np.minimum(x, 0.0)) / (1.0 + np.exp(-np.abs(x)))


@elementwise(None, lambda out, x: sigmoid_slope.bind(x), run=_sigmoid, plain=_sigmoid)
def sigmoid(x: Operand, /) -> Array:
    """1 / (1 + exp(-x)), elementwise, any shape; no x overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """


def _sigmoid_slope(x: Value) -> Value:
    small = np.exp(-np.abs(x))
    rest = 1.0 + small
    return small / (rest * rest)


@slope(lambda out, x: -out * tanh.bind(0.5 * x), run=_sigmoid_slope)
def sigmoid_slope(x: Operand, /) -> Array:
    """sigmoid(x) sigmoid(-x)."""


@elementwise(None, lambda out, x: sigmoid.bind(x), run=lambda x: np.logaddexp(floating(x), 0.0))
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


def _erf_slope(out: Value, x: Value) -> Value:
    near = minimum.bind(maximum.bind(x, -40.0), 40.0)  # beyond, it is 0; x * x could be infinite
    return (2.0 / math.sqrt(math.pi)) * exp.bind(-near * near)


@elementwise(None, _erf_slope, run=_run_erf)
def erf(x: Operand, /) -> Array:
    """The error function, 2/√π times the integral of exp(-t²) from 0 to x; any shape.

    >>> float(erf(0.0))
    0.0
    """
