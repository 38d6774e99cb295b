"""Ops that bring many elements to few: sums, products, extremes; running forms and sorting.

axis: None for all axes, an int, or a tuple of ints; negative ones count from the end. keepdims
keeps the reduced axes with length one. An axis that x does not have raises
numpy.exceptions.AxisError. The ops themselves have ``axes``, a tuple of non-negative ints.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from .._tape import Array, Op, Operand
from .._typing import Axis, Out, Rule, Rules, Run, Sample, Shape, Value
from .._values import array, dtype_of, floating, shape_of
from ._define import Maker, along_axes, along_axis, drawn, normal, primitive
from ._index import flipped, getitem, take_along_axis
from ._join import concatenate
from ._select import equal, where
from ._shape import broadcast_to, fit, inverse, reshape, spread, transpose

Axes = tuple[int, ...]


def axes_of(x: Value, axis: Axis) -> Axes:
    """The axes as non-negative ints, in order."""
    rank = len(shape_of(x))
    if axis is None:
        return tuple(range(rank))
    return tuple(sorted(normalize_axis_tuple(axis, rank)))


def _reduced(op: Op[..., Out], x: Value, axis: Axis, keepdims: bool) -> Out:
    """A reduction, its axes as the user gives them."""
    x = array(x)
    return op.bind(x, axes=axes_of(x, axis), keepdims=bool(keepdims))


def _along(op: Op[..., Out], x: Value, axis: int | None) -> Out:
    """An op along one axis; of the operand as a vector where axis is None."""
    x = array(x)
    if axis is None:
        return op.bind(reshape.bind(x, shape=(math.prod(shape_of(x)),)), axis=0)
    return op.bind(x, axis=normalize_axis_index(axis, len(shape_of(x))))


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
    linear with the transpose vjp, or it has no derivative: vjp=(None,).
    """
    rules: dict[str, Any] = {"vjp": vjp} if weights is None else _by_weights(weights)
    compute: Run = lambda x, axes, keepdims: run(x, axis=axes, keepdims=keepdims)  # noqa: E731
    return primitive(
        *answers,
        run=compute,
        batch=along_axes,
        kind="reduction",
        samples=samples,
        parametric=True,
        **rules,
    )


def _by_weights(weights: Rule) -> dict[str, Any]:
    """Both modes of a reduction whose derivative by x is weights(expanded out, x, axes)."""

    def jvp(t: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
        moved = t * weights(expand(out, x, axes), x, axes)
        return spread(sum.bind(moved, axes=axes, keepdims=keepdims), out)

    def vjp(g: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
        return fit(expand(g, x, axes) * weights(expand(out, x, axes), x, axes), x)

    return {"vjp": (vjp,), "jvp": (jvp,)}


def _sum_transpose(g: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
    return broadcast_to.bind(expand(g, x, axes), shape=shape_of(x))


@reduction((np.sum,), np.add.reduce, vjp=(_sum_transpose,), samples=_SAMPLES + _EMPTY)
def sum(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum of the elements along axes.

    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    return _reduced(sum, x, axis, keepdims)


def _count(x: Value, axes: Axes) -> int:
    shape = shape_of(x)
    return math.prod([shape[axis] for axis in axes])


def _mean(x: Value, axis: Axes, keepdims: Any) -> Value:
    count = _count(x, axis)
    if not count or dtype_of(x).itemsize < 4:  # NumPy warns, and sums half precision in single
        return np.mean(x, axis=axis, keepdims=keepdims)
    return np.add.reduce(x, axis=axis, keepdims=keepdims) / count


def _mean_transpose(g: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
    share = g * (1.0 / builtins.max(_count(x, axes), 1))
    return _sum_transpose(share, out, x, axes, keepdims)


@reduction(
    (np.mean,),
    _mean,
    vjp=(_mean_transpose,),
    samples=(*_SAMPLES, normal((2, 0), axes=(0,), keepdims=False)),
)
def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The mean of the elements along axes.

    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([2., 3.])
    """
    return _reduced(mean, x, axis, keepdims)


def _share(out: Value, x: Value, axes: Axes) -> Value:
    """1 at the extreme, divided among those that tie."""
    at = fit(where.bind(equal.bind(x, out), 1.0, 0.0), x)
    return at / sum.bind(at, axes=axes, keepdims=True)


@reduction((np.max, np.amax), np.max, weights=_share)
def max(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The largest element along axes; those that tie share the gradient equally.

    >>> float(max(np.array([1.0, 3.0, 2.0])))
    3.0
    """
    return _reduced(max, x, axis, keepdims)


@reduction((np.min, np.amin), np.min, weights=_share)
def min(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The smallest element along axes; those that tie share the gradient equally.

    >>> float(min(np.array([1.0, 3.0, 2.0])))
    1.0
    """
    return _reduced(min, x, axis, keepdims)


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


def _product_of_others(out: Value, x: Value, axes: Axes) -> Value:
    """For each element the product of all the others: right also where some are zero."""
    shape = shape_of(x)
    if 0 in shape:
        return np.zeros(shape, getattr(x, "dtype", float))
    rank = len(shape)
    rest = tuple(axis for axis in range(rank) if axis not in axes)
    order = rest + axes
    flat_shape = (*(shape[a] for a in rest), _count(x, axes))
    flat = reshape.bind(transpose.bind(x, axes=order), shape=flat_shape)
    one = np.ones((*flat_shape[:-1], 1), dtype=getattr(x, "dtype", float))
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
def prod(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """The product of the elements along axes; the gradient is right also where some are zero.

    >>> float(prod(np.array([2.0, 3.0, 4.0])))
    24.0
    """
    return _reduced(prod, x, axis, keepdims)


@reduction((np.all,), np.all, vjp=(None,))
def all(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether all elements along axes are true; no gradient.

    >>> bool(all(np.array([True, False])))
    False
    """
    return _reduced(all, x, axis, keepdims)


@reduction((np.any,), np.any, vjp=(None,))
def any(x: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether any element along axes is true; no gradient.

    >>> bool(any(np.array([True, False])))
    True
    """
    return _reduced(any, x, axis, keepdims)


def _logsumexp(x: Value, axis: Axes, keepdims: bool) -> Value:
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # all -inf, or an inf: exp decides
    out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axis)[()]


# Not exp(x - out): out has the rounding of x, however large, and at infinity this is inf - inf.
@reduction((), _logsumexp, weights=lambda out, x, axes: softmax.bind(x, axes=axes))
def logsumexp(a: Operand, axis: Axis = None, keepdims: bool = False) -> Array:
    """log(sum(exp(a))) along axes, without overflow.

    >>> float(logsumexp([1000.0, -1000.0]))
    1000.0
    """
    return _reduced(logsumexp, floating(a), axis, keepdims)


def _softmax(x: Value, axes: Axes) -> Value:
    top = np.maximum.reduce(x, axis=axes, keepdims=True)
    if (top == np.inf).any():
        x, top = _beside_infinity(x, top, axes)
    weights = np.exp(x - top)
    return weights / np.add.reduce(weights, axis=axes, keepdims=True)


def _beside_infinity(x: Value, top: Value, axes: Axes) -> tuple[Value, Value]:
    """What an infinite element leaves to the others: nothing; where several are infinite, NaN."""
    far = top == np.inf
    several = np.add.reduce(x == np.inf, axis=axes, keepdims=True) > 1
    weighed = np.where(x == np.inf, np.where(several, np.nan, 0.0), -np.inf)
    return np.where(far, weighed.astype(x.dtype), x), np.where(far, top.dtype.type(0.0), top)


def _softmax_rule(t: Value, out: Value, x: Value, axes: Axes) -> Value:
    # J = diag(s) - s s^T is symmetric: both modes are the same.
    return out * (t - sum.bind(out * t, axes=axes, keepdims=True))


@primitive(
    run=_softmax,
    vjp=(_softmax_rule,),
    jvp=(_softmax_rule,),
    batch=along_axes,
    samples=(normal((3,), axes=(0,)), normal((2, 3), axes=(1,)), normal((2, 3), axes=(0, 1))),
    parametric=True,
)
def softmax(x: Operand, axis: Axis = -1) -> Array:
    """exp(x) / sum(exp(x)) along axes: positive, sum 1, same shape; no x overflows.

    An axis that x does not have raises numpy.exceptions.AxisError.

    >>> softmax(np.array([[0.0, 0.0], [0.0, 1000.0]]))
    array([[0.5, 0.5],
           [0. , 1. ]])
    """
    x = floating(x)
    return softmax.bind(x, axes=axes_of(x, axis))


# Along one axis ----------------------------------------------------------------------------------
@primitive(
    np.cumsum,
    run=np.cumsum,
    vjp=(lambda g, out, x, axis: flipped(cumsum.bind(flipped(g, axis), axis=axis), axis),),
    batch=along_axis,
    samples=(normal((4,), axis=0), normal((2, 3), axis=1), normal((0,), axis=0)),
    parametric=True,
)
def cumsum(x: Operand, axis: int | None = None) -> Array:
    """The running sum along an axis; of all elements, in a vector, where axis is None.

    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    return _along(cumsum, x, axis)


_LINES = (normal((3,), axis=0), normal((2, 3), axis=1))


@primitive(np.argmax, run=np.argmax, vjp=(None,), batch=along_axis, samples=_LINES, parametric=True)
def argmax(x: Operand, axis: int | None = None) -> Array:
    """The position of the largest element along an axis, the first of several; no gradient.

    >>> int(argmax(np.array([1.0, 3.0, 2.0])))
    1
    """
    return _along(argmax, x, axis)


@primitive(np.argmin, run=np.argmin, vjp=(None,), batch=along_axis, samples=_LINES, parametric=True)
def argmin(x: Operand, axis: int | None = None) -> Array:
    """The position of the smallest element along an axis, the first of several; no gradient.

    >>> int(argmin(np.array([1.0, 3.0, 2.0])))
    0
    """
    return _along(argmin, x, axis)


@primitive(
    np.argsort,
    run=lambda x, axis: np.argsort(x, axis=axis, kind="stable"),
    vjp=(None,),
    batch=along_axis,
    samples=_LINES,
    parametric=True,
)
def argsort(x: Operand, axis: int | None = -1) -> Array:
    """The positions of the elements in ascending order, ties in their order; no gradient.

    >>> argsort(np.array([2.0, 1.0]))
    array([1, 0])
    """
    return _along(argsort, x, axis)


def _sort_vjp(g: Value, out: Value, x: Value, axis: int) -> Value:
    ranks = argsort.bind(argsort.bind(x, axis=axis), axis=axis)  # the inverse permutation
    return take_along_axis.bind(g, ranks, axis=axis)


@primitive(
    np.sort,
    run=lambda x, axis: np.sort(x, axis=axis, kind="stable"),
    vjp=(_sort_vjp,),
    jvp=(lambda t, out, x, axis: take_along_axis.bind(t, argsort.bind(x, axis=axis), axis=axis),),
    batch=along_axis,
    samples=(normal((4,), axis=0), normal((3, 2), axis=0), normal((0,), axis=0)),
    parametric=True,
)
def sort(x: Operand, axis: int | None = -1) -> Array:
    """The elements along an axis in ascending order; the gradient goes where each came from.

    >>> sort(np.array([2.0, 1.0]))
    array([1., 2.])
    """
    return _along(sort, x, axis)
