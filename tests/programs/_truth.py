"""Slopes and curvatures of a function of one number by differences, each with its error.

Nothing here knows how tapegrad works.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

STEPS = 7  # each half of the one before
LONGEST = (1e-2, 1e-4)
NOISE = 1e-14  # of a value, relative, where it is made in double precision on the way


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


def limit(steps: Sequence[Any], values: Sequence[Any]) -> Estimate:
    """The limit at step 0 of values that are smooth in the step (Neville's scheme).

    The error is how much the best of the extrapolations differs from the two that it is made of
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
    """f'(0) and f''(0); the one is unknown where f has a kink or a jump, the other where f' has."""
    middle = f(np.longdouble(0.0))
    found: list[tuple[Estimate, Estimate]] = []
    for longest in LONGEST:
        steps = np.longdouble(longest) / 2 ** np.arange(STEPS, dtype=np.longdouble)
        sides = [_one_sided(f, middle, sign * steps) for sign in (1, -1)]
        (slope, bend), (other, other_bend) = sides
        found.append((_joined(slope, other), _joined(bend, other_bend)))
    (slope, bend), (other, other_bend) = found
    if not other.known:  # it is the closer one
        return UNKNOWN, UNKNOWN
    return _confirmed(slope, other), _confirmed(bend, other_bend)


def _one_sided(f: Callable[[Any], Any], middle: Any, steps: Any) -> tuple[Estimate, Estimate]:
    """The slope and the curvature on one side."""
    ratios = [(f(h) - middle) / h for h in steps]
    if _jumps(ratios, NOISE * abs(middle / steps[-1])):
        return UNKNOWN, UNKNOWN
    slope = limit(steps, ratios)
    bends = [2.0 * (ratio - slope.value) / h for ratio, h in zip(ratios, steps, strict=True)]
    return slope, limit(steps, bends)


def _jumps(ratios: Sequence[Any], noise: Any) -> bool:
    """Whether differences over steps do not come closer to one another as the steps get shorter."""
    apart = np.abs(np.diff(np.asarray(ratios)))
    half = len(apart) // 2
    return not np.max(apart[half:]) <= np.max(apart[:half]) + noise


def _joined(left: Estimate, right: Estimate) -> Estimate:
    """From both sides; unknown where they differ."""
    if not (left.known and right.known):
        return UNKNOWN
    error, apart = left.error + right.error, abs(left.value - right.value)
    if apart > 10.0 * error + 1e-6 * (abs(left.value) + abs(right.value)) + 1e-12:
        return UNKNOWN
    return Estimate(0.5 * (left.value + right.value), max(error, apart))


def _confirmed(one: Estimate, other: Estimate) -> Estimate:
    """The better of two; how far apart they are tells of its error, too."""
    best = min(one, other, key=lambda estimate: estimate.error)
    if not (one.known and other.known):
        return best
    apart = min(abs(one.value - other.value), 10.0 * (one.error + other.error))
    return attrs.evolve(best, error=max(best.error, apart))
