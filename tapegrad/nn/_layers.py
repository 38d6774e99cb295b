"""Layers: a frozen record of parameters, and a pure function of (parameters, input).

The records are trees, so `tapegrad.grad` of a loss of a `Linear` is a `Linear`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import DTypeLike

from .. import numpy as tnp
from .._errors import ShapeError, at_line, describe
from .._tape import Array
from .._values import array, shape_of
from ._init import Initializer, glorot_uniform, zeros

Activation: TypeAlias = Callable[[Array], Array]


@attrs.frozen(eq=False)
class Linear:
    """The parameters of one linear layer.

    >>> Linear(weight=np.ones((2, 3)), bias=np.zeros(3)).bias
    array([0., 0., 0.])
    """

    weight: Array  # shape (n_in, n_out)
    bias: Array  # shape (n_out,)


def linear(params: Linear, x: Array) -> Array:
    """``x @ weight + bias``: shape (..., n_in) -> (..., n_out).

    Raises ShapeError if the last axis of x is not n_in, or weight and bias do not belong together.

    >>> layer = Linear(weight=np.array([[1.0], [10.0]]), bias=np.array([0.5]))
    >>> linear(layer, np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([[21.5],
           [43.5]])
    """
    x, by, plus = array(x), array(params.weight), array(params.bias)
    weight, bias, given = shape_of(by), shape_of(plus), shape_of(x)
    if len(weight) != 2 or bias != weight[1:]:
        raise ShapeError(
            "linear expected a weight of shape (n_in, n_out) and a bias of shape (n_out,), "
            f"got {weight} and {bias}{at_line()}"
        )
    if given[-1:] != weight[:1]:
        raise ShapeError(
            f"linear expected x of shape (..., {weight[0]}) for a weight of shape {weight}, "
            f"got {given}{at_line()}"
        )
    out: Array = x @ by + plus
    return out


def mlp(
    params: Sequence[Linear],
    x: Array,
    hidden: Activation = tnp.tanh,
    last: Activation | None = None,
) -> Array:
    """A multilayer perceptron, layer after layer: shape (..., n_in) -> (..., n_out).

    ``hidden`` follows every layer but the last (tanh, or `relu`). The last layer is linear unless
    ``last`` is given. Raises ShapeError if the layers do not fit each other or x.

    >>> layers = [Linear(np.array([[1.0, -1.0]]), np.zeros(2)), Linear(np.ones((2, 1)), np.ones(1))]
    >>> mlp(layers, np.array([[2.0], [-3.0]]), hidden=np.abs)
    array([[5.],
           [7.]])
    """
    if not params:
        raise ShapeError("mlp expected at least one layer, got none")
    for layer in params[:-1]:
        x = hidden(linear(layer, x))
    x = linear(params[-1], x)
    return x if last is None else last(x)


def init_linear(
    rng: np.random.Generator,
    n_in: int,
    n_out: int,
    *,
    weight: Initializer = glorot_uniform,
    bias: Initializer = zeros,
    dtype: DTypeLike = np.float64,
) -> Linear:
    """A new linear layer: weight of shape (n_in, n_out) drawn first, then bias of shape (n_out,).

    Raises ValueError unless both sizes are at least 1, TypeError unless they are whole numbers.

    >>> init_linear(np.random.default_rng(0), 2, 3).weight.shape
    (2, 3)
    """
    _check_sizes("init_linear", (n_in, n_out))
    return Linear(
        weight=weight(rng, (n_in, n_out), dtype=dtype), bias=bias(rng, (n_out,), dtype=dtype)
    )


def init_mlp(
    rng: np.random.Generator,
    sizes: Sequence[int],
    *,
    weight: Initializer = glorot_uniform,
    bias: Initializer = zeros,
    dtype: DTypeLike = np.float64,
) -> tuple[Linear, ...]:
    """The layers of `mlp` for ``sizes = (n_in, width, ..., n_out)``, drawn first to last.

    Raises ValueError for fewer than two sizes, or one below 1, TypeError for what is no whole
    number.

    >>> layers = init_mlp(np.random.default_rng(0), (2, 16, 16, 1))
    >>> [layer.weight.shape for layer in layers]
    [(2, 16), (16, 16), (16, 1)]
    """
    _check_sizes("init_mlp", sizes)
    return tuple(
        init_linear(rng, n_in, n_out, weight=weight, bias=bias, dtype=dtype)
        for n_in, n_out in pairwise(sizes)
    )


def _check_sizes(name: str, sizes: Sequence[int]) -> None:
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
            raise TypeError(f"{name} expected whole numbers as its sizes, got {describe(size)}")
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(
            f"{name} expected two or more sizes of at least 1, first the inputs, last the outputs, "
            f"got {tuple(sizes)}"
        )
