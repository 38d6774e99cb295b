"""Slopes by differences: what they are, how exactly that is known, and what it says of given ones.

A function is seen along one line, as y(h), and its slope is that of y at 0. Estimates are made with
steps of many sizes: large ones are spoilt by curvature and by kinks between, small ones by the
rounding of y. What each may be off by is read off the others, and of those that do not contradict
any with a smaller step, the most exact one is taken (Lepskii's principle: Theory of Probability and
its Applications 35, 1990, 454-466). No step has to be guessed, and no scale is known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = NDArray[np.float64]
Truths: TypeAlias = NDArray[np.bool]
# y(h), NaN where there is no value.
Curve: TypeAlias = Callable[[float], Vector]

_EPS = 2.0**-52
_LEAST = 2.0**-1074  # the distance of subnormal numbers
# Relative to the terms that y is made of:
_ROUNDING = 256 * _EPS  # what a slope that is zero may be given as
_FLAT = 2.0**-34  # what need not be known any better
_FLATTER = 2.0**-42  # the same, where more can be seen
_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
_LUCK = 4.0  # what differs little by chance may be off by more
_STILL = 6  # so many of the smallest steps do not move what has no slope

# The steps' sizes, as powers of 2. Three are enough where a function is smooth and its slope is not
# small beside its value.
_FIRST = (-8, -12, -15)
_LARGEST = -2
_SECOND = (_LARGEST, -4, -6, *_FIRST)  # where it is a polynomial, nearly, these are
_ALL = (_LARGEST, *range(-5, -47, -2))
_BELOW = range(-50, -150, -4)  # where the argument itself has no digits: at 0


@attrs.frozen(eq=False)
class Verdict:
    """What differences say of given slopes, output by output.

    value: the slopes by differences
    error: what they may be off by
    right: the given slope is the same, as exactly as asked for, or as y has digits
    wrong: it is another
    kink:  the slope is one below 0 and another above, and the given one lies between
    exact: the slope is seen to rtol
    unit:  what the rounding of terms comes to in slopes
    least: what that of subnormal numbers does
    What is neither right nor wrong cannot be judged.
    """

    given: Vector
    value: Vector
    error: Vector
    right: Truths
    wrong: Truths
    kink: Truths
    exact: Truths
    unit: float
    least: float

    def rounding(self, terms: Vector) -> Vector:
        """What a given slope may be off by, of these terms, if it is not seen to rtol."""
        found: Vector = _ROUNDING * self.unit * np.where(self.exact, 0.0, terms) + self.least
        return found


def judged(
    curve: Curve,
    given: Vector,
    scale: int,
    rtol: float,
    terms: Callable[[], Vector],
    *,
    from_zero: bool = False,
) -> Verdict:
    """Whether given slopes of y at 0 are right, each output by itself.

    scale: h = 1 moves the arguments by about 2**scale, and is a large step
    rtol:  what slopes may be off by, relative to themselves
    terms: how large the terms are that y(0) is made of; their rounding is its noise
    from_zero: what moves is 0 where h is, so that steps of every size are exact
    """
    top = max(_LARGEST, min(_LARGEST - scale, 1000))  # moves by a quarter, or by what is there
    beyond = *range(top, max(_LARGEST, top - 40), -2), *range(top - 40, _LARGEST, -6)
    below = _BELOW if from_zero else ()
    still = (top,) if (given == 0.0).any() else ()  # zero: what does not move at all
    at = curve(0.0)
    with np.errstate(all="ignore"):
        for exponents in ({*_FIRST, *still}, {*_SECOND, *still}):
            verdict = _points(curve, exponents, at, abs(at), scale, whole=False).verdict(
                given, rtol
            )
            if verdict.right.all():
                return verdict
        every = {*beyond, *_ALL, *below}
        return _points(curve, every, at, terms(), scale, whole=True).verdict(given, rtol)


def _points(
    curve: Curve, exponents: set[int], at: Vector, terms: Vector, scale: int, *, whole: bool
) -> _Points:
    steps = [_step(exponent) for exponent in sorted(exponents, reverse=True)]
    ahead, behind = [curve(h) for h in steps], [curve(-h) for h in steps]
    return _Points(
        at, np.array(steps)[:, None], np.array(ahead), np.array(behind), terms, scale, whole
    )


def _step(exponent: int) -> float:
    """A step of about that size that does not fall into step with the digits of y.

    Where the size is one of a bit of the argument, few bits below it are left for that.
    """
    bits = max(2, min(30, 48 + exponent))
    factor = 1.0 + _GOLDEN * (exponent % 7 + 1) % 1.0
    return math.ldexp(math.floor(math.ldexp(factor, bits)), exponent - bits)


@attrs.frozen(eq=False)
class _Points:
    """What is known of y, the largest step first, outputs along axis 1."""

    at: Vector
    steps: Vector
    ahead: Vector
    behind: Vector
    terms: Vector
    scale: int
    whole: bool  # there will be no more

    @property
    def size(self) -> Vector:
        """How large each value is."""
        return np.maximum(np.maximum(abs(self.ahead), abs(self.behind)), abs(self.at))

    @property
    def near(self) -> Vector:
        """How large they are about 0."""
        near = self.size[self.steps[:, 0] < 2.0 ** _FIRST[0]]
        found: Vector = np.where(np.isfinite(near), near, 0.0).max(axis=0)
        return found

    @property
    def unit(self) -> float:
        """1 / the largest step that leaves all values about as large, but at most 1."""
        if not self.whole:
            return min(1.0, math.ldexp(1.0, self.scale))
        calm = (self.size <= 4.0 * self.near).all(axis=1)
        return float(1.0 / max(1.0, self.steps[calm].max(initial=0.0)))

    @property
    def slopes(self) -> Vector:
        """Central differences."""
        return (self.ahead - self.behind) / (2.0 * self.steps)

    @property
    def bend(self) -> Vector:
        """What the slopes above and below 0 differ by."""
        return abs(self.ahead - 2.0 * self.at + self.behind) / self.steps

    @property
    def least(self) -> float:
        """What the rounding of subnormal numbers comes to in given slopes."""
        return math.ldexp(4.0 * _LEAST, max(0, min(self.scale, 1000)))

    def verdict(self, given: Vector, rtol: float) -> Verdict:
        """What they say."""
        values, errors = self.estimates()
        chosen = _most_exact(values, errors, 2.0 * _EPS * self.terms / self.steps[2:])
        here, near, unit = np.arange(given.size), self.near, self.unit
        value, error = values[chosen, here], errors[chosen, here]
        terms = np.maximum(near, self.terms) * unit
        error += self.least + _ROUNDING * np.where(abs(value) <= error, terms, 0.0)
        tolerance = rtol * np.maximum(abs(given), abs(value))
        same = np.isfinite(given) & (abs(given - value) <= tolerance + error)
        kink = self.kinks(chosen + 2, np.maximum(error, rtol * abs(value)))
        flat = (_FLAT if self.whole else _FLATTER) * terms + 2.0 * self.least
        known = error <= np.maximum(tolerance, flat)
        if self.whole:
            still = (self.slopes[-_STILL:] == 0.0).all(axis=0)
        else:  # where no one has looked nearer, a kink may be near
            still = (self.slopes == 0.0).all(axis=0)
            known &= ~kink
        right = same & np.isfinite(error) & (known | (still & (given == 0.0)))
        seen = error <= 0.1 * np.maximum(abs(value), near)
        between = kink & ~same & self.between(given, chosen + 2)
        wrong = ~same & seen & ~between
        exact = error < rtol * abs(value)
        return Verdict(given, value, error, right, wrong, between, exact, unit, self.least)

    def estimates(self) -> tuple[Vector, Vector]:
        """Slopes extrapolated from two steps each (Richardson), and what each may be off by.

        That is what it differs from the one of the next larger steps by; or, if that is more, what
        smaller steps tell of noise: among them, estimates differ by noise / step.
        """
        steps, slopes = self.steps, self.slopes
        ratios = steps[:-1] / steps[1:]
        values = slopes[1:] + np.diff(slopes, axis=0) / (ratios**2 - 1.0)
        steps = steps[2:]
        differ = abs(np.diff(values, axis=0)) * steps
        unknown = ~np.isfinite(differ)
        noise = np.where(unknown, 0.0, differ)
        noise = np.maximum.accumulate(noise[::-1])[::-1]
        if self.whole:
            noise = np.maximum(noise, noise[-3])
        # Where y does not move, that may be for want of digits.
        size = np.maximum(self.size, self.terms * (self.ahead == self.behind))[2:]
        errors = (_LUCK * noise + 2.0 * _EPS * size + 4.0 * _LEAST) / steps
        return np.where(unknown, 0.0, values[1:]), np.where(unknown, np.inf, errors)

    def kinks(self, chosen: NDArray[np.intp], visible: Vector) -> Truths:
        """Whether the slopes on both sides stay apart as the step shrinks; a smooth y's meet."""
        here = np.arange(chosen.size)
        before = chosen - 1 - (chosen > 2)
        bend, earlier = self.bend[chosen, here], self.bend[before, here]
        step = self.steps[chosen, 0]
        rounding = 8.0 * _EPS * self.size[chosen, here] / step
        shrunk = np.sqrt(step / self.steps[before, 0])
        found: Truths = (bend > earlier * shrunk) & (bend > visible + rounding)
        return found

    def between(self, given: Vector, chosen: NDArray[np.intp]) -> Truths:
        """Whether slopes lie between those on both sides, or about there."""
        here = np.arange(chosen.size)
        found: Truths = abs(given - self.slopes[chosen, here]) <= 0.6 * self.bend[chosen, here]
        return found


def _most_exact(values: Vector, errors: Vector, slack: Vector) -> NDArray[np.intp]:
    """For each output, which estimate: the most exact that no one of a smaller step contradicts."""
    most, least = values + 2.0 * errors, values - 2.0 * errors
    beyond = np.full((1, values.shape[1]), np.inf)
    upper = _of_those_after(np.minimum, beyond, most + slack)
    lower = _of_those_after(np.maximum, -beyond, least - slack)
    agrees = (least <= upper) & (most >= lower)
    chosen: NDArray[np.intp] = np.argmin(np.where(agrees, errors, np.inf), axis=0)
    return chosen


def _of_those_after(least: np.ufunc, start: Vector, values: Vector) -> Vector:
    """The running minimum (or maximum) from the end, without the row itself."""
    found: Vector = least.accumulate(np.concatenate([start, values[:0:-1]]))[::-1]
    return found
