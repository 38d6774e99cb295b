"""Roots, exponentials, logarithms, circular and hyperbolic functions, and nonlinearities."""

from __future__ import annotations

import math

import numpy as np

from .._tape import Op
from .._typing import Value
from ._elementwise import POSITIVE, elementwise
from ._select import equal, where

sqrt: Op = elementwise("sqrt", np.sqrt, lambda out, x: 0.5 / out, domain=POSITIVE)
cbrt: Op = elementwise("cbrt", np.cbrt, lambda out, x: (1.0 / 3.0) / (out * out), domain=POSITIVE)
exp: Op = elementwise("exp", np.exp, lambda out, x: out)
exp2: Op = elementwise("exp2", np.exp2, lambda out, x: math.log(2.0) * out)
expm1: Op = elementwise("expm1", np.expm1, lambda out, x: out + 1.0)
log: Op = elementwise("log", np.log, lambda out, x: 1.0 / x, domain=POSITIVE)
log2: Op = elementwise("log2", np.log2, lambda out, x: (1.0 / math.log(2.0)) / x, domain=POSITIVE)
log10: Op = elementwise(
    "log10", np.log10, lambda out, x: (1.0 / math.log(10.0)) / x, domain=POSITIVE
)
log1p: Op = elementwise("log1p", np.log1p, lambda out, x: 1.0 / (1.0 + x), domain=(-0.5, 2.0))

sin: Op = elementwise("sin", np.sin, lambda out, x: cos(x))
cos: Op = elementwise("cos", np.cos, lambda out, x: -sin(x))
tan: Op = elementwise("tan", np.tan, lambda out, x: 1.0 + out * out, domain=(-1.0, 1.0))
_INSIDE = (-0.8, 0.8)
arcsin: Op = elementwise(
    "arcsin", np.arcsin, lambda out, x: 1.0 / sqrt((1.0 - x) * (1.0 + x)), domain=_INSIDE
)
arccos: Op = elementwise(
    "arccos", np.arccos, lambda out, x: -1.0 / sqrt((1.0 - x) * (1.0 + x)), domain=_INSIDE
)
arctan: Op = elementwise("arctan", np.arctan, lambda out, x: 1.0 / (1.0 + x * x))
arctan2: Op = elementwise(
    "arctan2",
    np.arctan2,
    lambda out, y, x: x / (r := hypot(x, y)) / r,  # x*x + y*y could overflow, or vanish
    lambda out, y, x: -y / (r := hypot(x, y)) / r,
    domain=((-2.0, 2.0), POSITIVE),
)

sinh: Op = elementwise("sinh", np.sinh, lambda out, x: cosh(x))
cosh: Op = elementwise("cosh", np.cosh, lambda out, x: sinh(x))
tanh: Op = elementwise("tanh", np.tanh, lambda out, x: 1.0 - out * out)
arcsinh: Op = elementwise("arcsinh", np.arcsinh, lambda out, x: 1.0 / sqrt(x * x + 1.0))
arccosh: Op = elementwise(
    "arccosh", np.arccosh, lambda out, x: 1.0 / sqrt((x - 1.0) * (x + 1.0)), domain=(1.3, 3.0)
)
arctanh: Op = elementwise(
    "arctanh", np.arctanh, lambda out, x: 1.0 / ((1.0 - x) * (1.0 + x)), domain=_INSIDE
)

# At the origin, where neither has a derivative, it is taken as 0, as that of abs is.
hypot: Op = elementwise(
    "hypot",
    np.hypot,
    lambda out, x, y: x / where(equal(out, 0.0), 1.0, out),
    lambda out, x, y: y / where(equal(out, 0.0), 1.0, out),
)
logaddexp: Op = elementwise(
    "logaddexp",
    np.logaddexp,
    lambda out, x, y: exp(x - out),
    lambda out, x, y: exp(y - out),
)


def _relu(x: Value) -> Value:
    if x.__class__ is float:
        return 0.0 if x < 0.0 else x  # noqa: FURB136  # NaN stays NaN; max() would be a call
    return np.maximum(x, 0.0)


def _sigmoid(x: Value) -> Value:
    # 1/(1 + e^-x) for x >= 0 and e^x/(1 + e^x) for x < 0: no overflow, full relative precision
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small)[()] / (1.0 + small)


_erf = np.frompyfunc(math.erf, 1, 1)


def _run_erf(x: Value) -> Value:
    if isinstance(x, (float, int)):
        return math.erf(x)
    return np.asarray(_erf(x), dtype=x.dtype if x.dtype.kind == "f" else np.float64)[()]


relu: Op = elementwise("relu", _relu, lambda out, x: x > 0.0, domain=(0.1, 2.0))
sigmoid: Op = elementwise("sigmoid", _sigmoid, lambda out, x: out * (1.0 - out))
softplus: Op = elementwise(
    "softplus", lambda x: np.logaddexp(x, np.zeros_like(x)[()]), lambda out, x: sigmoid(x)
)
erf: Op = elementwise("erf", _run_erf, lambda out, x: (2.0 / math.sqrt(math.pi)) * exp(-x * x))

OPS: tuple[Op, ...] = (
    sqrt,
    cbrt,
    exp,
    exp2,
    expm1,
    log,
    log2,
    log10,
    log1p,
    sin,
    cos,
    tan,
    arcsin,
    arccos,
    arctan,
    arctan2,
    sinh,
    cosh,
    tanh,
    arcsinh,
    arccosh,
    arctanh,
    hypot,
    logaddexp,
    relu,
    sigmoid,
    softplus,
    erf,
)
