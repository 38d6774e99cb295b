"""Comparisons, logic, rounding, and the choice between values.

Comparisons and rounding have derivative zero wherever they have one. Where a choice ties, the
operands share the gradient equally (the table of kinks in docs/architecture.md).
"""

from __future__ import annotations

import builtins
import operator

import numpy as np

from .._dispatch import refusal
from .._tape import Array, Operand
from .._typing import Value
from .._values import operand
from ._define import drawn, normal, numpys, on_stacks, primitive
from ._elementwise import aligned, elementwise, first, one, second, slope
from ._shape import fit, spread


@elementwise(np.less, None, None, run=operator.lt, symbol="<")
def less(x: Operand, y: Operand, /) -> Array:
    """x < y.

    >>> bool(less(1.0, 2.0))
    True
    """


@elementwise(np.less_equal, None, None, run=operator.le, symbol="<=")
def less_equal(x: Operand, y: Operand, /) -> Array:
    """x <= y.

    >>> bool(less_equal(1.0, 2.0))
    True
    """


@elementwise(np.greater, None, None, run=operator.gt, symbol=">")
def greater(x: Operand, y: Operand, /) -> Array:
    """x > y.

    >>> bool(greater(1.0, 2.0))
    False
    """


@elementwise(np.greater_equal, None, None, run=operator.ge, symbol=">=")
def greater_equal(x: Operand, y: Operand, /) -> Array:
    """x >= y.

    >>> bool(greater_equal(1.0, 2.0))
    False
    """


@elementwise(np.equal, None, None, run=operator.eq, symbol="==")
def equal(x: Operand, y: Operand, /) -> Array:
    """x == y.

    >>> bool(equal(1.0, 2.0))
    False
    """


@elementwise(np.not_equal, None, None, run=operator.ne, symbol="!=")
def not_equal(x: Operand, y: Operand, /) -> Array:
    """x != y.

    >>> bool(not_equal(1.0, 2.0))
    True
    """


@elementwise(np.logical_and, None, None, symbol="&")
def logical_and(x: Operand, y: Operand, /) -> Array:
    """Whether both are true.

    >>> bool(logical_and(True, False))
    False
    """


@elementwise(np.logical_or, None, None, symbol="|")
def logical_or(x: Operand, y: Operand, /) -> Array:
    """Whether one is true.

    >>> bool(logical_or(True, False))
    True
    """


@elementwise(np.logical_not, None, symbol="~")
def logical_not(x: Operand, /) -> Array:
    """Whether x is false.

    >>> bool(logical_not(False))
    True
    """


@elementwise(np.isnan, None)
def isnan(x: Operand, /) -> Array:
    """Whether x is not a number.

    >>> bool(isnan(1.0))
    False
    """


@elementwise(np.isinf, None)
def isinf(x: Operand, /) -> Array:
    """Whether x is infinite.

    >>> bool(isinf(1.0))
    False
    """


@elementwise(np.isfinite, None)
def isfinite(x: Operand, /) -> Array:
    """Whether x is a finite number.

    >>> bool(isfinite(1.0))
    True
    """


@elementwise(np.sign, None)
def sign(x: Operand, /) -> Array:
    """-1, 0 or 1; derivative 0.

    >>> float(sign(-2.0))
    -1.0
    """


@elementwise(np.floor, None)
def floor(x: Operand, /) -> Array:
    """The largest integer ≤ x; derivative 0.

    >>> float(floor(1.5))
    1.0
    """


@elementwise(np.ceil, None)
def ceil(x: Operand, /) -> Array:
    """The smallest integer ≥ x; derivative 0.

    >>> float(ceil(1.5))
    2.0
    """


@elementwise(np.trunc, None)
def trunc(x: Operand, /) -> Array:
    """The integer part of x; derivative 0.

    >>> float(trunc(-1.5))
    -1.0
    """


@elementwise(np.rint, None)
def rint(x: Operand, /) -> Array:
    """The nearest integer, halves to even; derivative 0.

    >>> float(rint(1.5))
    2.0
    """


@primitive(
    np.round,
    np.around,
    run=np.round,
    vjp=(None,),
    batch=on_stacks,
    kind="elementwise",
    samples=(normal((3,), decimals=1), normal((), decimals=0)),
    parametric=True,
)
def round(a: Operand, decimals: int = 0, out: None = None) -> Array:
    """a rounded to this number of decimals, halves to even; derivative 0.

    >>> float(round(1.25, 1))
    1.2
    """
    if out is not None:
        raise refusal(np.round, out=out)
    return round.bind(numpys(operand(a)), decimals=operator.index(decimals))


@primitive(
    builtins.round,
    run=lambda x, ndigits: (np.round if hasattr(x, "dtype") else builtins.round)(x, ndigits),
    vjp=(None,),
    batch=on_stacks,
    kind="elementwise",
    samples=(drawn(lambda rng: (rng.normal(),), ndigits=1),),
)
def nearest(number: Operand, ndigits: int | None = None) -> Array:
    """Python's round: of a Python number the decimal number nearest to what it is; derivative 0.

    >>> nearest(2.675, ndigits=2)  # it is a little less than that
    2.67
    """


@elementwise(np.floor_divide, None, None, run=operator.floordiv, symbol="//")
def floor_divide(x: Operand, y: Operand, /) -> Array:
    """floor(x / y); derivative 0.

    >>> float(floor_divide(5.0, 3.0))
    1.0
    """


@elementwise(
    np.remainder,
    one,
    lambda out, x, y: -floor_divide.bind(x, y),
    run=operator.mod,
    symbol="%",
    domain=((2.3, 2.7), (1.0, 1.1)),
)
def remainder(x: Operand, y: Operand, /) -> Array:
    """x - y floor(x / y); the derivative at the jumps is that beside them.

    >>> float(remainder(5.0, 3.0))
    2.0
    """


@elementwise(np.absolute, lambda out, x: sign.bind(x), run=operator.abs, domain=(0.3, 2.0))
def absolute(x: Operand, /) -> Array:
    """|x|; derivative 0 at 0.

    >>> float(absolute(-2.0))
    2.0
    """


def _larger(x: Value, y: Value) -> Value:
    return 0.5 * (x > y) + 0.5 * (x >= y)


@elementwise(np.maximum, lambda out, x, y: _larger(x, y), lambda out, x, y: _larger(y, x))
def maximum(x: Operand, y: Operand, /) -> Array:
    """The larger of x and y; ties share the gradient equally.

    >>> float(maximum(1.0, 2.0))
    2.0
    """


@elementwise(np.minimum, lambda out, x, y: _larger(y, x), lambda out, x, y: _larger(x, y))
def minimum(x: Operand, y: Operand, /) -> Array:
    """The smaller of x and y; ties share the gradient equally.

    >>> float(minimum(1.0, 2.0))
    1.0
    """


# Masking by multiplication would turn the infinity of the branch not taken into NaN: the rules
# choose again.
@primitive(
    np.where,
    run=np.where,
    vjp=(
        None,
        lambda g, out, c, x, y: fit(where.bind(c, g, 0.0), x),
        lambda g, out, c, x, y: fit(where.bind(c, 0.0, g), y),
    ),
    jvp=(
        None,
        lambda t, out, c, x, y: spread(where.bind(c, t, 0.0), out),
        lambda t, out, c, x, y: spread(where.bind(c, 0.0, t), out),
    ),
    batch=aligned,
    kind="elementwise",
    parametric=True,  # for its signature: numpy.where has another function for one argument
    samples=(
        drawn(lambda rng: (rng.random(3) < 0.5, rng.normal(size=3), rng.normal(size=3))),
        drawn(lambda rng: (rng.random((2, 1)) < 0.5, rng.normal(size=3), rng.normal())),
        drawn(lambda rng: (rng.random() < 0.5, rng.normal(), rng.normal())),
        drawn(lambda rng: (rng.random((0, 2)) < 0.5, rng.normal(size=2), rng.normal())),
    ),
)
def where(condition: Operand, x: Operand, y: Operand, /) -> Array:
    """x where the condition is true, y elsewhere; what is not chosen gets no gradient.

    >>> where(np.array([True, False]), 1.0, 2.0)
    array([1., 2.])
    """
    return where.bind(*map(operand, (condition, x, y)))


def _times(x: Value, y: Value) -> Value:
    with np.errstate(invalid="ignore"):
        out = np.multiply(x, y)
    lost = np.isnan(out)
    if lost.any():
        out = np.where(lost & ~np.isnan(x) & ~np.isnan(y), out.dtype.type(0.0), out)[()]
    return out


# For limits: p log p where p is 0, y x^(y-1) where y or the power is.
@slope(second, first, run=_times)
def times(x: Operand, y: Operand, /) -> Array:
    """x * y, and 0 where one of them is 0 and the other infinite."""
