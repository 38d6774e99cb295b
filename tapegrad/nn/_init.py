"""First values for parameters, drawn from a generator that is passed in: no hidden randomness.

An initialiser is a function of (generator, shape, dtype). Settings are bound by functools.partial:
``partial(uniform, low=-0.1, high=0.1)``.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .._errors import ShapeError
from .._typing import Shape


class Initializer(Protocol):
    """What `init_linear` and `init_mlp` call for the first values of a weight or a bias."""

    def __call__(
        self, rng: np.random.Generator, shape: Shape, *, dtype: DTypeLike = ...
    ) -> NDArray[np.floating[Any]]: ...


def zeros(
    rng: np.random.Generator, shape: Shape, *, dtype: DTypeLike = np.float64
) -> NDArray[np.floating[Any]]:
    """Zeros of any shape; the generator is not used.

    >>> zeros(np.random.default_rng(0), (2,), dtype=np.float32)
    array([0., 0.], dtype=float32)
    """
    return np.zeros(shape, _checked(rng, dtype))


def uniform(
    rng: np.random.Generator,
    shape: Shape,
    *,
    low: float = -1.0,
    high: float = 1.0,
    dtype: DTypeLike = np.float64,
) -> NDArray[np.floating[Any]]:
    """Numbers from [low, high), all equally likely. Raises ValueError unless low < high.

    >>> weights = uniform(np.random.default_rng(0), (100, 3), low=0.0, high=0.5)
    >>> bool(np.all((weights >= 0.0) & (weights < 0.5)))
    True
    """
    kind = _checked(rng, dtype)
    if not (low < high and math.isfinite(high - low)):
        raise ValueError(f"uniform expected finite low < high, got low={low!r}, high={high!r}")
    return rng.uniform(low, high, shape).astype(kind)


def glorot_uniform(
    rng: np.random.Generator, shape: Shape, *, dtype: DTypeLike = np.float64
) -> NDArray[np.floating[Any]]:
    """Uniform within sqrt(6 / (n_in + n_out)): for tanh, sigmoid and linear layers.

    Keeps the variance of values and of gradients about equal from layer to layer. The shape is
    (n_in, n_out); any other raises ShapeError. Source: Glorot and Bengio, "Understanding the
    difficulty of training deep feedforward neural networks", 2010, equation 16.

    >>> weights = glorot_uniform(np.random.default_rng(0), (2, 4))
    >>> bool(np.all(np.abs(weights) <= 1.0))
    True
    """
    n_in, n_out = _two_axes("glorot_uniform", shape)
    bound = math.sqrt(6.0 / (n_in + n_out))
    return uniform(rng, shape, low=-bound, high=bound, dtype=dtype)


def he_normal(
    rng: np.random.Generator, shape: Shape, *, dtype: DTypeLike = np.float64
) -> NDArray[np.floating[Any]]:
    """Normal with standard deviation sqrt(2 / n_in): for relu layers.

    relu drops half of the variance, the factor 2 restores it. The shape is (n_in, n_out); any other
    raises ShapeError. Source: He et al., "Delving deep into rectifiers", 2015, equation 10.

    >>> weights = he_normal(np.random.default_rng(0), (200, 300))
    >>> round(float(weights.std()), 2)
    0.1
    """
    kind = _checked(rng, dtype)
    n_in, _ = _two_axes("he_normal", shape)
    return (rng.standard_normal(shape) * math.sqrt(2.0 / n_in)).astype(kind)


def _checked(rng: object, dtype: DTypeLike) -> np.dtype[np.floating[Any]]:
    """The dtype, after a look at both settings that every initialiser has."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"expected a numpy.random.Generator, got {rng!r}; "
            "make one with numpy.random.default_rng(seed)"
        )
    kind: np.dtype[Any] = np.dtype(dtype)
    if not np.issubdtype(kind, np.floating):
        raise TypeError(
            f"parameters need a floating-point dtype, got {kind}; use numpy.float64 or float32"
        )
    return kind


def _two_axes(name: str, shape: Shape) -> tuple[int, int]:
    if len(shape) != 2 or min(shape) < 1:
        raise ShapeError(
            f"{name} expected the shape (n_in, n_out) of a weight, both at least 1, got {shape}; "
            "for a bias use zeros or uniform"
        )
    return shape[0], shape[1]
