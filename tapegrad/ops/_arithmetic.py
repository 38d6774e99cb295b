"""Arithmetic: + - * / ** and their relatives."""

from __future__ import annotations

import operator

import numpy as np

from .._errors import DomainError, where as user_place
from .._tape import Op
from .._typing import Value
from ._elementary import log
from ._elementwise import POSITIVE, elementwise, first, minus_one, one, second
from ._select import not_equal, where

add: Op = elementwise("add", operator.add, one, one, symbol="+")
subtract: Op = elementwise("subtract", operator.sub, one, minus_one, symbol="-")
multiply: Op = elementwise("multiply", operator.mul, second, first, symbol="*")
divide: Op = elementwise(
    "divide",
    operator.truediv,
    lambda out, x, y: 1.0 / y,
    lambda out, x, y: -out / y,
    symbol="/",
    domain=((-2.0, 2.0), POSITIVE),
)
negative: Op = elementwise("negative", operator.neg, minus_one, symbol="-")


def _power(x: Value, y: Value) -> Value:
    value = x**y
    if value.__class__ is complex:
        raise DomainError(
            f"({x!r}) ** {y!r} is not a real number: a negative number has real powers only for "
            f"whole exponents.{user_place()}\n"
            "Write abs(x) ** y, or numpy.cbrt(x) for the third root."
        )
    return value


def _power_by_base(out: Value, x: Value, y: Value) -> Value:
    # y x^(y-1), which is 0 where y is 0, also at x = 0. The common exponents are numbers, and
    # known: only then may Python decide.
    if y.__class__ is float:
        if y == 2.0:
            return 2.0 * x
        return y * x ** (y - 1.0) if y else 0.0 * x
    nonzero = not_equal(y, 0.0)
    return y * power(x, where(nonzero, y - 1.0, 1.0))


def _power_by_exponent(out: Value, x: Value, y: Value) -> Value:
    # out log(x), which tends to 0 with x for y > 0
    nonzero = not_equal(x, 0.0)
    return out * where(nonzero, log(where(nonzero, x, 1.0)), 0.0)


power: Op = elementwise(
    "power",
    _power,
    _power_by_base,
    _power_by_exponent,
    symbol="**",
    domain=(POSITIVE, (-2.0, 2.0)),
)
square: Op = elementwise("square", np.square, lambda out, x: 2.0 * x)
reciprocal: Op = elementwise(
    "reciprocal", lambda x: 1.0 / x, lambda out, x: -out * out, domain=POSITIVE
)

OPS: tuple[Op, ...] = (add, subtract, multiply, divide, negative, power, square, reciprocal)
