"""Comparisons, logic, rounding, and the choice between values.

Comparisons and rounding have derivative zero wherever they have one. Where a choice ties, the
operands share the gradient equally (the table of kinks in docs/architecture.md).
"""

from __future__ import annotations

import operator

import numpy as np

from .._tape import Op
from .._typing import Value
from ._define import Run, drawn
from ._elementwise import elementwise, one
from ._shape import align, fit, spread


def _comparison(name: str, run: Run, symbol: str) -> Op:
    return elementwise(name, run, None, None, symbol=symbol)


less: Op = _comparison("less", operator.lt, "<")
less_equal: Op = _comparison("less_equal", operator.le, "<=")
greater: Op = _comparison("greater", operator.gt, ">")
greater_equal: Op = _comparison("greater_equal", operator.ge, ">=")
equal: Op = _comparison("equal", operator.eq, "==")
not_equal: Op = _comparison("not_equal", operator.ne, "!=")
logical_and: Op = _comparison("logical_and", np.logical_and, "&")
logical_or: Op = _comparison("logical_or", np.logical_or, "|")
logical_not: Op = elementwise("logical_not", np.logical_not, None, symbol="~")
isnan: Op = elementwise("isnan", np.isnan, None)
isinf: Op = elementwise("isinf", np.isinf, None)
isfinite: Op = elementwise("isfinite", np.isfinite, None)

sign: Op = elementwise("sign", np.sign, None)
floor: Op = elementwise("floor", np.floor, None)
ceil: Op = elementwise("ceil", np.ceil, None)
trunc: Op = elementwise("trunc", np.trunc, None)
rint: Op = elementwise("rint", np.rint, None)
floor_divide: Op = elementwise("floor_divide", np.floor_divide, None, None, symbol="//")
remainder: Op = elementwise(
    "remainder",
    np.remainder,
    one,
    lambda out, x, y: -floor_divide(x, y),
    symbol="%",
    domain=((2.3, 2.7), (1.0, 1.1)),
)
absolute: Op = elementwise("absolute", np.absolute, lambda out, x: sign(x), domain=(0.3, 2.0))


def _larger(x: Value, y: Value) -> Value:
    return 0.5 * (x > y) + 0.5 * (x >= y)


maximum: Op = elementwise(
    "maximum", np.maximum, lambda out, x, y: _larger(x, y), lambda out, x, y: _larger(y, x)
)
minimum: Op = elementwise(
    "minimum", np.minimum, lambda out, x, y: _larger(y, x), lambda out, x, y: _larger(x, y)
)


# where(condition, x, y). Masking by multiplication would turn the infinity of the branch not taken
# into NaN, so the rules choose again.
where: Op = Op(
    name="where",
    run=np.where,
    jvp=(
        None,
        lambda t, out, c, x, y: spread(where(c, t, 0.0), out),
        lambda t, out, c, x, y: spread(where(c, 0.0, t), out),
    ),
    vjp=(
        None,
        lambda g, out, c, x, y: fit(where(c, g, 0.0), x),
        lambda g, out, c, x, y: fit(where(c, 0.0, g), y),
    ),
    batch=lambda size, batched, args, params: where(*align(batched, args)),
    samples=(
        drawn(lambda rng: (rng.random(3) < 0.5, rng.normal(size=3), rng.normal(size=3))),
        drawn(lambda rng: (rng.random((2, 1)) < 0.5, rng.normal(size=3), rng.normal())),
        drawn(lambda rng: (rng.random() < 0.5, rng.normal(), rng.normal())),
        drawn(lambda rng: (rng.random((0, 2)) < 0.5, rng.normal(size=2), rng.normal())),
    ),
)

OPS: tuple[Op, ...] = (
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    logical_and,
    logical_or,
    logical_not,
    isnan,
    isinf,
    isfinite,
    sign,
    floor,
    ceil,
    trunc,
    rint,
    floor_divide,
    remainder,
    absolute,
    maximum,
    minimum,
    where,
)
