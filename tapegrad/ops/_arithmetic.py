"""Arithmetic: + - * / ** and their relatives."""

from __future__ import annotations

import operator

import numpy as np

from .._errors import DomainError, at_line
from .._tape import Array, Operand
from .._typing import Value
from .._values import Whole
from ._elementary import log
from ._elementwise import POSITIVE, elementwise, first, minus_one, one, second
from ._select import not_equal, where


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
    value = x**y
    if value.__class__ is complex:
        raise DomainError(
            f"({x!r}) ** {y!r} is not a real number: a negative number has real powers only for "
            f"whole exponents.{at_line()}\n"
            "Write abs(x) ** y, or numpy.cbrt(x) for the third root."
        )
    return value


def _plain_power(x: Value, y: Value) -> Value:
    return _power(x, y) if x.__class__ is float and y.__class__ is float else np.power(x, y)


def _power_by_base(out: Value, x: Value, y: Value) -> Value:
    # y x^(y-1), which is 0 where y is 0, also at x = 0. The common exponents are numbers, and
    # known: only then may Python decide.
    if y.__class__ is float or y.__class__ is Whole:
        if y == 2.0:
            return 2.0 * x
        return y * x ** (y - 1.0) if y else 0.0 * x
    nonzero = not_equal.bind(y, 0.0)
    return y * power.bind(x, where.bind(nonzero, y - 1.0, 1.0))


def _power_by_exponent(out: Value, x: Value, y: Value) -> Value:
    # out log(x), which tends to 0 with x for y > 0
    nonzero = not_equal.bind(x, 0.0)
    return out * where.bind(nonzero, log(where.bind(nonzero, x, 1.0)), 0.0)


@elementwise(
    np.power,
    _power_by_base,
    _power_by_exponent,
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
