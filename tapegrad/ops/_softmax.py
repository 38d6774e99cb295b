"""The logarithm of a sum of exponentials, and softmax, which is its derivative."""

from __future__ import annotations

import numpy as np

from .._tape import Array, Operand
from .._typing import Axis, Value
from .._values import floating
from ._define import along_axes, normal, primitive
from ._reduce import Axes, axes_of, reduced, reduction, sum


def _softmax(x: Value, axes: Axes) -> Value:
    top = np.maximum.reduce(x, axis=axes, keepdims=True)
    if (top == np.inf).any():
        x, top = _beside_infinity(x, top, axes)
    weights = np.exp(x - top)
    return weights / np.add.reduce(weights, axis=axes, keepdims=True)


def _beside_infinity(x: Value, top: Value, axes: Axes) -> tuple[Value, Value]:
    """What an infinite element leaves to the others: nothing; where several are infinite, NaN."""
    far = top == np.inf
    several = np.add.reduce(x == np.inf, axis=axes, keepdims=True) > 1
    weighed = np.where(x == np.inf, np.where(several, np.nan, 0.0), -np.inf)
    return np.where(far, weighed.astype(x.dtype), x), np.where(far, top.dtype.type(0.0), top)


def _softmax_rule(t: Value, out: Value, x: Value, axes: Axes) -> Value:
    # J = diag(s) - s s^T is symmetric: both modes are the same.
    return out * (t - sum.bind(out * t, axes=axes, keepdims=True))


@primitive(
    run=_softmax,
    vjp=(_softmax_rule,),
    jvp=(_softmax_rule,),
    batch=along_axes,
    samples=(normal((3,), axes=(0,)), normal((2, 3), axes=(1,)), normal((2, 3), axes=(0, 1))),
    parametric=True,
)
def softmax(x: Operand, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) along axes: positive, sum 1, same shape; no x overflows.

    An axis that x does not have raises numpy.exceptions.AxisError.

    >>> softmax(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    x = floating(x)
    return softmax.bind(x, axes=axes_of(x, axis))


def _logsumexp(x: Value, axis: Axes, keepdims: bool) -> Value:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # all -inf, or an inf: exp decides
    out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)[()]


# Not exp(x - out): out has the rounding of x, however large, and at infinity this is inf - inf.
@reduction((), _logsumexp, weights=lambda out, x, axes: softmax.bind(x, axes=axes))
def logsumexp(a: Operand, axis: Axis = None, *, keepdims: bool = False) -> Array:
    """log(sum(exp(a))) along axes, without overflow.

    >>> float(logsumexp([1000.0, -1000.0]))
    1000.0
    """
    return reduced(logsumexp, floating(a), axis, keepdims, None)
