"""Arithmetic: + - * / ** and their relatives."""

from __future__ import annotations

import operator

import numpy as np

from .._errors import DomainError, at_line
from .._tape import Array, Operand
from .._typing import Value
from .._values import Traced, Whole, is_floating
from ._elementary import log
from ._elementwise import POSITIVE, elementwise, first, minus_one, one, second, slope
from ._select import equal, greater_equal, logical_and, logical_or, times, where


@elementwise(np.add, one, one, run=operator.add, symbol="+")
def add(x: Operand, y: Operand, /) -> Array:
    """x + y.

    >>> float(add(1.0, 2.0))
    3.0
    """


@elementwise(np.subtract, one, minus_one, run=operator.sub, symbol="-")
def subtract(x: Operand, y: Operand, /) -> Array:
    """x - y.

    >>> float(subtract(1.0, 2.0))
    -1.0
    """


@elementwise(np.multiply, second, first, run=operator.mul, symbol="*")
def multiply(x: Operand, y: Operand, /) -> Array:
    """x * y.

    >>> float(multiply(3.0, 2.0))
    6.0
    """


@elementwise(
    np.divide,
    lambda out, x, y: 1.0 / y,
    lambda out, x, y: -out / y,
    run=operator.truediv,
    symbol="/",
    domain=((-2.0, 2.0), POSITIVE),
)
def divide(x: Operand, y: Operand, /) -> Array:
    """x / y.

    >>> float(divide(3.0, 2.0))
    1.5
    """


@elementwise(np.negative, minus_one, run=operator.neg, symbol="-")
def negative(x: Operand, /) -> Array:
    """-x.

    >>> float(negative(2.0))
    -2.0
    """


def _power(x: Value, y: Value) -> Value:
    try:
        value = x**y
    except ValueError as error:
        if "negative integer power" not in str(error):
            raise
        text = f"power (**): {error}{at_line()}\nIn place of x ** y write\n    x.astype(float) ** y"
        raise DomainError(text) from None
    if value.__class__ is complex:
        raise DomainError(
            f"({x!r}) ** {y!r} is not a real number: a negative number has real powers only for "
            f"whole exponents.{at_line()}\n"
            "The real third root is numpy.cbrt(x); of the magnitude, it is abs(x) ** y."
        )
    return value


def _plain_power(x: Value, y: Value) -> Value:
    return _power(x, y) if x.__class__ is float and y.__class__ is float else np.power(x, y)


def _by_base(out: Value, x: Value, y: Value) -> Value:
    # The common exponents are numbers, and known: only then may Python decide.
    if (y.__class__ is float or y.__class__ is Whole) and y - y == 0.0:
        if y == 2.0:
            return 2.0 * x
        return y * x ** (y - 1.0) if y and is_floating(x) else 0.0
    return power_by_base.bind(x, y) if is_floating(x) else 0.0  # a mask has no slope


def _by_exponent(out: Value, x: Value, y: Value) -> Value:
    # The value is at hand; only if this is to be differentiated does the op have to find it again.
    return power_by_exponent.bind(x, y) if isinstance(out, Traced) else _out_log(out, x)


@np.errstate(divide="ignore", invalid="ignore")
def _out_log(out: Value, x: Value) -> Value:
    # out log(x), which tends to 0 with out, and is taken as 0 at 0^0
    found = out * np.log(x)
    if not np.isfinite(found).all():
        vanished = np.where(
            np.equal(x, 0.0), np.isfinite(out), np.equal(out, 0.0) & np.greater(x, 0.0)
        )
        found = np.where(vanished, found.dtype.type(0.0), found)[()]
    return found


@elementwise(
    np.power,
    _by_base,
    _by_exponent,
    run=_power,
    plain=_plain_power,
    symbol="**",
    domain=(POSITIVE, (-2.0, 2.0)),
)
def power(x: Operand, y: Operand, /) -> Array:
    """x ** y; ValueError where a Python float would become complex.

    >>> float(power(3.0, 2.0))
    9.0
    """


@elementwise(np.square, lambda out, x: 2.0 * x)
def square(x: Operand, /) -> Array:
    """x².

    >>> float(square(3.0))
    9.0
    """


@elementwise(np.reciprocal, lambda out, x: -out * out, domain=POSITIVE)
def reciprocal(x: Operand, /) -> Array:
    """1 / x.

    >>> float(reciprocal(4.0))
    0.25
    """


@elementwise(np.positive, one)
def positive(x: Operand, /) -> Array:
    """+x: the value itself.

    >>> float(positive(2.0))
    2.0
    """


@elementwise(np.conjugate, one)
def conjugate(x: Operand, /) -> Array:
    """The value itself: it is real.

    >>> float(conjugate(2.0))
    2.0
    """


# The derivatives of x^y as ops of their own, for they are limits where a factor vanishes: y x^(y-1)
# is 0 for y = 0 although x^-1 may be infinite, and for |x| < 1 and y = inf; x^y log(x) is 0 where
# x^y is. A negative x has powers for whole exponents only, and so no derivative by the exponent.


def _mixed(out: Value, x: Value, y: Value) -> Value:
    # x^(y-1) (1 + y log(x))
    lower = power.bind(x, y - 1.0)
    vanished = logical_and.bind(equal.bind(lower, 0.0), greater_equal.bind(x, 0.0))
    known = logical_or.bind(vanished, _both_zero(x, y))
    return times.bind(lower, 1.0 + times.bind(y, log.bind(where.bind(known, 1.0, x))))


def _both_zero(x: Value, y: Value) -> Value:
    return logical_and.bind(equal.bind(x, 0.0), equal.bind(y, 0.0))


def _power_by_base(x: Value, y: Value) -> Value:
    found = _quietly(x, y)
    if np.isfinite(found).all():
        return found
    return times.run(y, np.power(np.where(np.equal(y, 0.0), 1.0, x)[()], y - 1.0))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _quietly(x: Value, y: Value) -> Value:
    return np.multiply(y, np.power(x, y - 1.0))


def _by_base_twice(out: Value, x: Value, y: Value) -> Value:
    x = where.bind(_both_zero(x, y), 1.0, x)  # x^0 is constant there, too
    return times.bind(y, power_by_base.bind(x, y - 1.0))


@slope(
    _by_base_twice,
    _mixed,
    run=_power_by_base,
    domain=(POSITIVE, (-2.0, 2.0)),
)
def power_by_base(x: Operand, y: Operand, /) -> Array:
    """y x^(y-1)."""


def _by_exponent_twice(out: Value, x: Value, y: Value) -> Value:
    return out * log.bind(where.bind(equal.bind(out, 0.0), 1.0, x))


@slope(
    _mixed,
    _by_exponent_twice,
    run=lambda x, y: _out_log(np.power(x, y), x),
    domain=(POSITIVE, (-2.0, 2.0)),
)
def power_by_exponent(x: Operand, y: Operand, /) -> Array:
    """x^y log(x)."""
