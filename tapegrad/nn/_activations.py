"""Activations: functions of an array that stand between layers, or after the last."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import ops
from .._tape import Array, Operand
from .._typing import Axis
from ..numpy._reduce import axes_of


def relu(x: Operand) -> Array:
    """max(x, 0), elementwise, any shape; slope 0 at 0.

    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    result: Array = ops.relu(_operand(x))
    return result


def sigmoid(x: Operand) -> Array:
    """1 / (1 + exp(-x)), elementwise, any shape; no x overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    result: Array = ops.sigmoid(_operand(x))
    return result


def softplus(x: Operand) -> Array:
    """log(1 + exp(x)), elementwise, any shape; no x overflows.

    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    result: Array = ops.softplus(_operand(x))
    return result


def softmax(x: Operand, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) along axes: positive, sum 1, same shape; no x overflows.

    An axis that x does not have raises numpy.exceptions.AxisError.

    >>> softmax(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    x = _operand(x)
    result: Array = ops.softmax(x, axes=axes_of(x, axis))
    return result


def log_softmax(x: Operand, axis: Axis = -1) -> Array:
    """The logarithm of `softmax`, same shape; no x overflows and no probability becomes log(0).

    An axis that x does not have raises numpy.exceptions.AxisError.

    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x = _operand(x)
    result: Array = x - ops.logsumexp(x, axes=axes_of(x, axis), keepdims=True)
    return result


def _operand(x: Any) -> Any:
    """Integers as floats, lists as arrays; what has a dtype, and floats, as they are."""
    if isinstance(x, float) or hasattr(x, "dtype"):
        return x
    return float(x) if isinstance(x, int) else np.asarray(x, dtype=np.float64)
