"""Activations: functions of an array that stand between layers, or after the last."""

from __future__ import annotations

from typing import Any

from .._tape import Array, Operand
from .._typing import Axis
from .._values import floating
from ..ops._elementary import relu as relu, sigmoid as sigmoid, softplus as softplus
from ..ops._reduce import axes_of
from ..ops._softmax import logsumexp, softmax as softmax


def log_softmax(x: Operand, axis: Axis = -1) -> Array:
    """The logarithm of `softmax`, same shape; no x overflows and no probability becomes log(0).

    An axis that x does not have raises numpy.exceptions.AxisError.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    given: Any = floating(x)
    result: Array = given - logsumexp.bind(given, axes=axes_of(given, axis), keepdims=True)
    return result
