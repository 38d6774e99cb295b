"""Slopes and curvatures of a function of one number, each with an estimate of its error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np


@attrs.frozen
class Estimate:
    """A number, and how far it may be off."""

    value: float
    error: float

    @property
    def known(self) -> bool:
        """Whether it says anything."""
        return bool(np.isfinite(self.value) and np.isfinite(self.error))


UNKNOWN = Estimate(np.nan, np.inf)


def limit(steps: Any, values: Any) -> Estimate:
    """The limit at step 0 of values that are smooth in the step (Neville's scheme).

    The error is how much the best of the extrapolations differs from those that it is made of
    (Press et al., "Numerical Recipes", section 5.7, after Ridders).
    """
    column = list(values)
    best, error = column[-1], np.inf
    for order in range(1, len(column)):
        below = column
        column = [
            (steps[i] * below[i + 1] - steps[i + order] * below[i]) / (steps[i] - steps[i + order])
            for i in range(len(below) - 1)
        ]
        for i, found in enumerate(column):
            off = max(abs(found - below[i]), abs(found - below[i + 1]))
            if off < error:
                best, error = found, off
    return Estimate(float(best), float(error))


def slope_and_curvature(f: Callable[[Any], Any]) -> tuple[Estimate, Estimate]:
    """f'(0) and f''(0), the one unknown where f has a kink there, the other where f' has one."""
    found = []
    middle = f(np.longdouble(0.0))
    for first in (1e-2, 1e-4):
        steps = np.longdouble(first) / 2 ** np.arange(7, dtype=np.longdouble)
        sides = []
        for sign in (1, -1):
            ratios = [(f(sign * h) - middle) / (sign * h) for h in steps]
            if _jumps(ratios, 1e-14 * abs(middle) / steps[-1]):
                return UNKNOWN, UNKNOWN
            slope = limit(steps, ratios)
            bends = [2.0 * (r - slope.value) * sign / h for r, h in zip(ratios, steps, strict=True)]
            sides.append((slope, limit(steps, bends)))
        joined = tuple(_joined(a, b) for a, b in zip(*sides, strict=True))
        found.append(tuple(_joined(a, b) for a, b in zip(*sides, strict=True)))
    slope, curvature = (_confirmed(*pair) for pair in zip(*found, strict=True))
    return slope, curvature


def _jumps(ratios: Any, noise: Any) -> bool:
    """Whether differences over steps do not come closer to one another as the steps get smaller."""
    apart = np.abs(np.diff(np.asarray(ratios)))
    half = len(apart) // 2
    return not np.max(apart[half:]) <= np.max(apart[:half]) + noise


def _confirmed(one: Estimate, other: Estimate) -> Estimate:
    """The better of two, and how far apart they are, if both say anything."""
    best = min(one, other, key=lambda e: e.error)
    if one.known and other.known:
        apart = min(abs(one.value - other.value), 10.0 * (one.error + other.error))
        return Estimate(best.value, max(best.error, apart))
    return best


def _joined(left: Estimate, right: Estimate) -> Estimate:
    """From both sides: unknown where they differ."""
    if not (left.known and right.known):
        return UNKNOWN
    error = left.error + right.error
    apart = abs(left.value - right.value)
    if apart > 10.0 * error + 1e-6 * (abs(left.value) + abs(right.value)) + 1e-12:
        return UNKNOWN
    return Estimate(0.5 * (left.value + right.value), max(error, apart))
