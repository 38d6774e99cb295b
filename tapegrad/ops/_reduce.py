"""Ops that bring many elements to few: sums, products, extremes, variances.

axis: None for all axes, an int, or a tuple of ints; negative ones count from the end. keepdims
keeps the reduced axes with length one. An axis that the array does not have raises
numpy.exceptions.AxisError. dtype: what is computed in; of whole numbers there is no gradient. The
ops themselves have ``axes``, a tuple of non-negative ints, and, where it is given, ``dtype``.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .._dispatch import refusal
from .._tape import Array, Op, Operand
from .._typing import Axis, DType, Out, Rule, Rules, Sample, Shape, Value
from .._values import (
    Traced,
    array,
    dtype_of,
    has_gradients,
    is_floating,
    operand,
    real_dtype,
    shape_of,
)
from ._define import Maker, along_axes, drawn, normal, primitive
from ._index import flipped, getitem
from ._join import concatenate
from ._select import equal, where
from ._shape import (
    broadcast_to,
    converted,
    fit,
    inverse,
    reshape,
    spread,
    stop_gradient,
    transpose,
)

Axes = tuple[int, ...]


def axes_of(x: Value, axis: Axis) -> Axes:
    """The axes as non-negative ints, in order."""
    rank = len(shape_of(x))
    if axis is None:
        return tuple(range(rank))
    given = axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(normalize_axis_tuple(given, rank)))


def kept(keepdims: bool) -> bool:
    """Whether axes are kept; TypeError, as in NumPy, for what is neither a truth nor whole."""
    return keepdims if keepdims.__class__ is bool else bool(operator.index(keepdims))


def reduced(
    op: Op[..., Out],
    a: Operand,
    axis: Axis,
    keepdims: bool,
    out: None,
    dtype: DType = None,
    *,
    of_number: bool = True,
) -> Out:
    """A reduction, its parameters as the user gives them; whether a number has an axis for it."""
    if out is not None:
        raise refusal(op.answers[0], out=out)
    x = array(a)
    if of_number and axis is not None and not shape_of(x):
        np.add.reduce(0.0, axis=axis)  # NumPy's error, if it is none
        axis = None
    axes = axes_of(x, axis)
    if dtype is None:
        return op.bind(x, axes=axes, keepdims=kept(keepdims))
    x, wanted = computed_in(x, dtype)
    return op.bind(x, axes=axes, keepdims=kept(keepdims), dtype=wanted)


def computed_in(x: Value, dtype: DType) -> tuple[Value, np.dtype[Any]]:
    """An operand, and the dtype in which it is computed with: in whole ones without a gradient."""
    wanted = real_dtype(dtype)
    return x if has_gradients(wanted) else stop_gradient.bind(x), wanted


def with_axes(shape: Shape, axes: Axes) -> Shape:
    """The shape of a reduction that keeps its axes, with length one."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def expand(y: Value, x: Value, axes: Axes) -> Value:
    """A reduction of x along axes in a shape that broadcasts against x."""
    if not shape_of(y):
        return y
    return reshape.bind(y, shape=with_axes(shape_of(x), axes))


_SAMPLES = (
    normal((3,), axes=(0,), keepdims=False),
    normal((2, 3), axes=(0, 1), keepdims=False),
    normal((2, 3), axes=(1,), keepdims=True),
    normal((2, 3, 4), axes=(0, 2), keepdims=False),
    normal((), axes=(), keepdims=False),
)
_EMPTY = (normal((0, 2), axes=(0,), keepdims=False), normal((2, 0), axes=(0,), keepdims=False))


def reduction(
    answers: tuple[Callable[..., Any], ...],
    run: Callable[..., Any],
    *,
    weights: Rule | None = None,
    vjp: Rules | None = None,
    samples: tuple[Sample, ...] = _SAMPLES,
) -> Maker:
    """The op run(x, axis=axes, keepdims=keepdims).

    Either its derivative by x is weights(out, x, axes), where out is expanded against x, or it is
    linear with the transpose vjp, or it has no derivative: vjp=(None,). Options that are not given
    are no parameters of the op, and rules that need them have their defaults.
    """
    rules: dict[str, Any] = {"vjp": vjp} if weights is None else by_weights(weights)

    def compute(x: Value, axes: Axes, keepdims: bool, **options: Any) -> Value:
        return run(x, axis=axes, keepdims=keepdims, **options)

    return primitive(
        *answers,
        run=compute,
        batch=along_axes,
        kind="reduction",
        samples=samples,
        parametric=True,
        **rules,
    )


def by_weights(weights: Rule) -> dict[str, Any]:
    """Both modes of a reduction whose derivative by x is weights(expanded out, x, axes)."""

    def by_x(out: Value, x: Value, axes: Axes, options: Any) -> Value:
        return x if 0 in shape_of(x) else weights(expand(out, x, axes), x, axes, **options)

    def jvp(t: Value, out: Value, x: Value, axes: Axes, keepdims: bool, **options: Any) -> Value:
        moved = sum.bind(t * by_x(out, x, axes, options), axes=axes, keepdims=keepdims)
        return spread(moved, out)

    def vjp(g: Value, out: Value, x: Value, axes: Axes, keepdims: bool, **options: Any) -> Value:
        return fit(expand(g, x, axes) * by_x(out, x, axes, options), x)

    return {"vjp": (vjp,), "jvp": (jvp,)}


def _sum_transpose(
    g: Value, out: Value, x: Value, axes: Axes, keepdims: bool, dtype: Any = None
) -> Value:
    whole = broadcast_to.bind(expand(g, x, axes), shape=shape_of(x))
    return whole if dtype is None else fit(whole, x)


@reduction((np.sum,), np.add.reduce, vjp=(_sum_transpose,), samples=_SAMPLES + _EMPTY)
def sum(
    a: Operand, axis: Axis = None, dtype: DType = None, out: None = None, keepdims: bool = False
) -> Array:
    """The sum of the elements along axes.

    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    return reduced(sum, a, axis, keepdims, out, dtype)


def _count(x: Value, axes: Axes) -> int:
    shape = shape_of(x)
    return math.prod([shape[axis] for axis in axes])


def _mean(x: Value, axis: Axes, keepdims: Any, dtype: Any = None) -> Value:
    count = _count(x, axis)
    if dtype is None and dtype_of(x) == np.float64 and count:
        return np.add.reduce(x, axis=axis, keepdims=keepdims) / count  # NumPy's, in half the time
    return np.mean(x, axis=axis, dtype=dtype, keepdims=keepdims)


def _mean_transpose(
    g: Value, out: Value, x: Value, axes: Axes, keepdims: bool, dtype: Any = None
) -> Value:
    share = g * (1.0 / builtins.max(_count(x, axes), 1))
    return _sum_transpose(share, out, x, axes, keepdims, dtype)


@reduction(
    (np.mean,),
    _mean,
    vjp=(_mean_transpose,),
    samples=(*_SAMPLES, normal((2, 0), axes=(0,), keepdims=False)),
)
def mean(
    a: Operand, axis: Axis = None, dtype: DType = None, out: None = None, keepdims: bool = False
) -> Array:
    """The mean of the elements along axes.

    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([2., 3.])
    """
    return reduced(mean, a, axis, keepdims, out, dtype, of_number=False)


def _share(out: Value, x: Value, axes: Axes) -> Value:
    """1 at the extreme, divided among those that tie."""
    at = fit(where.bind(equal.bind(x, out), 1.0, 0.0), x)
    return at / sum.bind(at, axes=axes, keepdims=True)


@reduction((np.max, np.amax), np.max, weights=_share)
def max(a: Operand, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """The largest element along axes; those that tie share the gradient equally.

    >>> float(max(np.array([1.0, 3.0, 2.0])))
    3.0
    """
    return reduced(max, a, axis, keepdims, out)


@reduction((np.min, np.amin), np.min, weights=_share)
def min(a: Operand, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """The smallest element along axes; those that tie share the gradient equally.

    >>> float(min(np.array([1.0, 3.0, 2.0])))
    1.0
    """
    return reduced(min, a, axis, keepdims, out)


def _running_product(x: Value) -> Value:
    """Products of x[:1], x[:2], ... along the last axis, in log2(n) multiplications."""
    n = shape_of(x)[-1]
    step = 1
    while step < n:
        head = getitem.bind(x, index=(Ellipsis, slice(None, step)))
        late = getitem.bind(x, index=(Ellipsis, slice(step, None)))
        early = getitem.bind(x, index=(Ellipsis, slice(None, -step)))
        x = concatenate.bind(head, late * early, axis=len(shape_of(x)) - 1)
        step *= 2
    return x


def _product_of_others(out: Value, x: Value, axes: Axes, dtype: Any = None) -> Value:
    """For each element the product of all the others: right also where some are zero."""
    shape = shape_of(x)
    rank = len(shape)
    rest = tuple(axis for axis in range(rank) if axis not in axes)
    order = rest + axes
    flat_shape = (*(shape[a] for a in rest), _count(x, axes))
    flat = reshape.bind(transpose.bind(x, axes=order), shape=flat_shape)
    one = np.ones((*flat_shape[:-1], 1), dtype=dtype_of(x))
    last = len(flat_shape) - 1

    def before(y: Value) -> Value:
        products = getitem.bind(_running_product(y), index=(Ellipsis, slice(None, -1)))
        return concatenate.bind(one, products, axis=last)

    others = before(flat) * flipped(before(flipped(flat, last)), last)
    back = reshape.bind(others, shape=tuple(shape[a] for a in order))
    return transpose.bind(back, axes=inverse(order))


@reduction(
    (np.prod,),
    np.prod,
    weights=_product_of_others,
    samples=(
        *_SAMPLES,
        drawn(lambda rng: (np.array([0.0, 2.0, 3.0]),), axes=(0,), keepdims=False),
        drawn(lambda rng: (np.array([0.0, 2.0, 0.0, 1.5]),), axes=(0,), keepdims=False),
    ),
)
def prod(
    a: Operand, axis: Axis = None, dtype: DType = None, out: None = None, keepdims: bool = False
) -> Array:
    """The product of the elements along axes; the gradient is right also where some are zero.

    >>> float(prod(np.array([2.0, 3.0, 4.0])))
    24.0
    """
    return reduced(prod, a, axis, keepdims, out, dtype)


@reduction((np.all,), np.all, vjp=(None,))
def all(a: Operand, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """Whether all elements along axes are true; no gradient.

    >>> bool(all(np.array([True, False])))
    False
    """
    return reduced(all, a, axis, keepdims, out)


@reduction((np.any,), np.any, vjp=(None,))
def any(a: Operand, axis: Axis = None, out: None = None, keepdims: bool = False) -> Array:
    """Whether any element along axes is true; no gradient.

    >>> bool(any(np.array([True, False])))
    True
    """
    return reduced(any, a, axis, keepdims, out)


def _deviations(out: Value, x: Value, axes: Axes, ddof: float = 0, dtype: Any = None) -> Value:
    """Twice the deviations from the mean, over their number: what they take from it cancels."""
    freedom = _count(x, axes) - ddof
    scale = 2.0 / freedom if freedom > 0 else math.nan
    return scale * (x - mean.bind(x, axes=axes, keepdims=True))


@reduction(
    (np.var,),
    np.var,
    weights=_deviations,
    samples=(*_SAMPLES, normal((3, 2), axes=(0,), keepdims=False, ddof=1)),
)
def var(
    a: Operand,
    axis: Axis = None,
    dtype: DType = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    mean: Operand | None = None,
    correction: float | None = None,
) -> Array:
    """The variance along axes: the sum of squared deviations over (count - ddof).

    ddof:       also called correction; where it is the count or more, that divisor is 0
    mean:       if it is known, with the axes kept; what it depends on has its gradient

    >>> float(var(np.array([1.0, 3.0])))
    1.0
    """
    if out is not None:
        raise refusal(np.var, out=out)
    x = array(a)
    if mean is not None:
        params = var_settings("var", x, axis, None, ddof, keepdims, correction)[1]
        squares: Any = (x - operand(mean)) ** 2
        if dtype is None and not is_floating(x):
            dtype = np.float64
        total = sum(squares, axis, dtype, None, keepdims)
        freedom = builtins.max(_count(x, params["axes"]) - params.get("ddof", 0), 0)
        result: Array = _over(total, freedom)
        return result
    x, params = var_settings("var", x, axis, dtype, ddof, keepdims, correction)
    return var.bind(x, **params)


def var_settings(
    name: str,
    x: Value,
    axis: Axis,
    dtype: DType,
    ddof: float,
    keepdims: bool,
    correction: float | None,
) -> tuple[Value, dict[str, Any]]:
    """What a variance, or its root, is computed of, and the op's parameters."""
    if correction is not None:
        if ddof != 0:
            raise ValueError(f"{name}: ddof and correction are one parameter, and both are given")
        ddof = correction
    params: dict[str, Any] = {"axes": axes_of(x, axis), "keepdims": kept(keepdims)}
    if isinstance(ddof, Traced):
        ddof = float(ddof)  # of an integer; or it says why not
    if ddof != 0:
        params["ddof"] = ddof
    if dtype is not None:
        x, params["dtype"] = computed_in(x, dtype)
    return x, params


def _over(total: Any, count: float) -> Any:
    """A sum over a number, in the dtype of the sum, in which that number could be inexact."""
    if is_floating(total) and total.dtype.itemsize >= 8:
        return total / count
    return converted(converted(total, np.dtype(np.float64)) / count, total.dtype)
