"""Schedules: the learning rate as a function of the step, which counts from 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from numbers import Real
from typing import Any, TypeAlias

from .._errors import describe
from .._tape import Scalar
from .._values import Traced, is_operand, shape_of

# The rate at a step; a traced one where someone differentiates by it.
Schedule: TypeAlias = Callable[[int], Scalar]


def constant(rate: float) -> Callable[[int], float]:
    """The same rate at every step. Raises ValueError unless it is finite.

    >>> constant(0.1)(1000)
    0.1
    """
    (rate,) = _finite("constant", rate=rate)
    return partial(_constant, rate)


def _constant(rate: float, step: int) -> float:
    return rate


def linear_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """From ``start`` down (or up) a line to ``end`` at ``steps``, and ``end`` from there on.

    Computed as ``start - (start - end) * step / steps``, in that order: linear_decay(1.0, 0.1, 100)
    is 1.0 - 0.9 * step / 100 to the last bit. Raises ValueError for rates that are not finite or
    steps below 1.

    >>> rate = linear_decay(1.0, 0.1, 100)
    >>> [rate(0), rate(50), rate(100), rate(1000)]
    [1.0, 0.55, 0.1, 0.1]
    """
    start, end = _finite("linear_decay", start=start, end=end)
    _check_steps("linear_decay", steps)
    return partial(_linear, start, end, steps)


def _linear(start: float, end: float, steps: int, step: int) -> float:
    return start - (start - end) * step / steps if step < steps else end


def exponential_decay(start: float, factor: float, steps: int = 1) -> Callable[[int], float]:
    """``start * factor ** (step / steps)``: multiplied by ``factor`` every ``steps`` steps.

    Raises ValueError for a rate that is not finite, a factor outside (0, 1], or steps below 1.

    >>> rate = exponential_decay(0.8, 0.5, steps=10)
    >>> [rate(0), rate(10), rate(20)]
    [0.8, 0.4, 0.2]
    """
    (start,) = _finite("exponential_decay", start=start)
    _check_steps("exponential_decay", steps)
    factor = number(
        f"exponential_decay expected a number as its factor, got {describe(factor)}", factor
    )
    if not 0.0 < factor <= 1.0:
        raise ValueError(f"exponential_decay expected 0 < factor <= 1, got {factor!r}")
    return partial(_exponential, start, factor, steps)


def _exponential(start: float, factor: float, steps: int, step: int) -> float:
    rate: float = start * factor ** (step / steps)
    return rate


def cosine_decay(start: float, end: float, steps: int) -> Callable[[int], float]:
    """From ``start`` to ``end`` along half a cosine wave, and ``end`` from ``steps`` on.

    Slow, fast, slow: end + (start - end) * (1 + cos(pi * step / steps)) / 2. Raises as
    `linear_decay`. Source: Loshchilov and Hutter, "SGDR", 2017, equation 5.

    >>> rate = cosine_decay(1.0, 0.0, 100)
    >>> [rate(0), round(rate(50), 12), rate(100), rate(200)]
    [1.0, 0.5, 0.0, 0.0]
    """
    start, end = _finite("cosine_decay", start=start, end=end)
    _check_steps("cosine_decay", steps)
    return partial(_cosine, start, end, steps)


def _cosine(start: float, end: float, steps: int, step: int) -> float:
    if step >= steps:
        return end
    return end + (start - end) * (1.0 + math.cos(math.pi * step / steps)) / 2.0


def number(message: str, value: Any) -> Any:
    """A setting as a float, which changes no dtype; a traced one as it is, since someone
    differentiates by it. Raises TypeError with this message unless it is a real number.
    """
    if isinstance(value, Traced):
        return value
    if isinstance(value, Real) or (is_operand(value) and shape_of(value) == ()):
        return float(value)
    raise TypeError(message)


def _finite(name: str, **rates: float) -> Iterator[float]:
    for setting, rate in rates.items():
        given = number(f"{name} expected a number as its {setting}, got {describe(rate)}", rate)
        if not math.isfinite(given):
            raise ValueError(f"{name} expected a finite {setting}, got {rate!r}")
        yield given


def _check_steps(name: str, steps: int) -> None:
    number(f"{name} expected a number of steps, got {describe(steps)}", steps)
    if steps < 1:
        raise ValueError(f"{name} expected steps of at least 1, got {steps!r}")
