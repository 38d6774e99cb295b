"""Ops that bring many elements to few: sums, products, extremes, and their running forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._tape import Op, dtype_of, shape_of
from .._typing import Params, Rule, Shape, Value
from ._define import Batch, Run, constant_op, drawn, linear, normal
from ._elementary import exp
from ._index import flip, getitem, take_along_axis
from ._join import concatenate
from ._select import equal, where
from ._shape import broadcast_to, fit, inverse, reshape, spread, transpose

# Axes are static tuples of non-negative ints here: tapegrad.numpy has made them so.
Axes = tuple[int, ...]


def kept(shape: Shape, axes: Axes) -> Shape:
    """The shape of a reduction that keeps its axes, with length one."""
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def expand(y: Value, x: Value, axes: Axes) -> Value:
    """A reduction of x along axes in a shape that broadcasts against x."""
    if not shape_of(y):
        return y
    return reshape(y, shape=kept(shape_of(x), axes))


def _reduction_batch(op_of: Any) -> Batch:
    def batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
        return op_of()(args[0], axes=tuple(axis + 1 for axis in p["axes"]), keepdims=p["keepdims"])

    return batch


_SAMPLES = (
    normal((3,), axes=(0,), keepdims=False),
    normal((2, 3), axes=(0, 1), keepdims=False),
    normal((2, 3), axes=(1,), keepdims=True),
    normal((2, 3, 4), axes=(0, 2), keepdims=False),
    normal((), axes=(), keepdims=False),
)
_EMPTY = (normal((0, 2), axes=(0,), keepdims=False), normal((2, 0), axes=(0,), keepdims=False))


def _sum(x: Value, axes: Axes, keepdims: Any) -> Value:
    return np.add.reduce(x, axis=axes, keepdims=keepdims)


def _sum_transpose(g: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
    return broadcast_to(expand(g, x, axes), shape=shape_of(x))


sum_: Op = linear(
    "sum",
    _sum,
    _sum_transpose,
    batch=_reduction_batch(lambda: sum_),
    samples=_SAMPLES + _EMPTY,
)


def _count(x: Value, axes: Axes) -> int:
    shape = shape_of(x)
    return math.prod([shape[axis] for axis in axes])


def _mean(x: Value, axes: Axes, keepdims: Any) -> Value:
    count = _count(x, axes)
    if not count or dtype_of(x).itemsize < 4:  # NumPy warns, and sums half precision in single
        return np.mean(x, axis=axes, keepdims=keepdims)
    return _sum(x, axes, keepdims) / count


mean: Op = linear(
    "mean",
    _mean,
    lambda g, out, x, axes, keepdims: _sum_transpose(
        g * (1.0 / max(_count(x, axes), 1)), out, x, axes, keepdims
    ),
    batch=_reduction_batch(lambda: mean),
    samples=(*_SAMPLES, normal((2, 0), axes=(0,), keepdims=False)),
)


def _by_weights(weights: Rule) -> tuple[Rule, Rule]:
    """Both modes of a reduction whose derivative by x is weights(expanded out, x, axes)."""

    def jvp(t: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
        moved = t * weights(expand(out, x, axes), x, axes)
        return spread(sum_(moved, axes=axes, keepdims=keepdims), out)

    def vjp(g: Value, out: Value, x: Value, axes: Axes, keepdims: bool) -> Value:
        return fit(expand(g, x, axes) * weights(expand(out, x, axes), x, axes), x)

    return jvp, vjp


def _weighted(name: str, run: Run, weights: Rule, samples: Any) -> Op:
    jvp, vjp = _by_weights(weights)
    op: Op = Op(
        name=name,
        run=run,
        jvp=(jvp,),
        vjp=(vjp,),
        batch=_reduction_batch(lambda: op),
        samples=samples,
    )
    return op


def _share(out: Value, x: Value, axes: Axes) -> Value:
    """1 at the extreme, divided among those that tie."""
    at = fit(where(equal(x, out), 1.0, 0.0), x)
    return at / sum_(at, axes=axes, keepdims=True)


amax: Op = _weighted(
    "max", lambda x, axes, keepdims: np.max(x, axis=axes, keepdims=keepdims), _share, _SAMPLES
)
amin: Op = _weighted(
    "min", lambda x, axes, keepdims: np.min(x, axis=axes, keepdims=keepdims), _share, _SAMPLES
)


def _running_product(x: Value) -> Value:
    """Products of x[:1], x[:2], ... along the last axis, in log2(n) multiplications."""
    n = shape_of(x)[-1]
    step = 1
    while step < n:
        head = getitem(x, index=(Ellipsis, slice(None, step)))
        late = getitem(x, index=(Ellipsis, slice(step, None)))
        early = getitem(x, index=(Ellipsis, slice(None, -step)))
        x = concatenate(head, late * early, axis=len(shape_of(x)) - 1)
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
    flat = reshape(transpose(x, axes=order), shape=flat_shape)
    one = np.ones((*flat_shape[:-1], 1), dtype=getattr(x, "dtype", float))
    last = len(flat_shape) - 1

    def before(y: Value) -> Value:
        products = getitem(_running_product(y), index=(Ellipsis, slice(None, -1)))
        return concatenate(one, products, axis=last)

    others = before(flat) * flip(before(flip(flat, last)), last)
    back = reshape(others, shape=tuple(shape[a] for a in order))
    return transpose(back, axes=inverse(order))


prod: Op = _weighted(
    "prod",
    lambda x, axes, keepdims: np.prod(x, axis=axes, keepdims=keepdims),
    _product_of_others,
    (
        *_SAMPLES,
        drawn(lambda rng: (np.array([0.0, 2.0, 3.0]),), axes=(0,), keepdims=False),
        drawn(lambda rng: (np.array([0.0, 2.0, 0.0, 1.5]),), axes=(0,), keepdims=False),
    ),
)


def _logsumexp(x: Value, axes: Axes, keepdims: bool) -> Value:
    top = np.max(x, axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)  # all -inf, or an inf: exp decides
    out = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=axes)[()]


logsumexp: Op = _weighted("logsumexp", _logsumexp, lambda out, x, axes: exp(x - out), _SAMPLES)


def _softmax(x: Value, axes: Axes) -> Value:
    weights = np.exp(x - np.max(x, axis=axes, keepdims=True))
    return weights / np.sum(weights, axis=axes, keepdims=True)


def _softmax_rule(t: Value, out: Value, x: Value, axes: Axes) -> Value:
    # J = diag(s) - s s^T is symmetric: both modes are the same.
    return out * (t - sum_(out * t, axes=axes, keepdims=True))


softmax: Op = Op(
    name="softmax",
    run=_softmax,
    jvp=(_softmax_rule,),
    vjp=(_softmax_rule,),
    batch=lambda size, batched, args, p: softmax(
        args[0], axes=tuple(axis + 1 for axis in p["axes"])
    ),
    samples=(normal((3,), axes=(0,)), normal((2, 3), axes=(1,)), normal((2, 3), axes=(0, 1))),
)

cumsum: Op = linear(
    "cumsum",
    lambda x, axis: np.cumsum(x, axis=axis),
    lambda g, out, x, axis: flip(cumsum(flip(g, axis), axis=axis), axis),
    batch=lambda size, batched, args, p: cumsum(args[0], axis=p["axis"] + 1),
    samples=(normal((4,), axis=0), normal((2, 3), axis=1), normal((0,), axis=0)),
)


def _along(name: str, run: Run) -> Op:
    op: Op = constant_op(
        name,
        run,
        batch=lambda size, batched, args, p: op(args[0], axis=p["axis"] + 1),
        samples=(normal((3,), axis=0), normal((2, 3), axis=1)),
    )
    return op


argmax: Op = _along("argmax", lambda x, axis: np.argmax(x, axis=axis))
argmin: Op = _along("argmin", lambda x, axis: np.argmin(x, axis=axis))
argsort: Op = _along("argsort", lambda x, axis: np.argsort(x, axis=axis, kind="stable"))


def _sort_vjp(g: Value, out: Value, x: Value, axis: int) -> Value:
    ranks = argsort(argsort(x, axis=axis), axis=axis)  # the inverse permutation
    return take_along_axis(g, ranks, axis=axis)


sort: Op = Op(
    name="sort",
    run=lambda x, axis: np.sort(x, axis=axis, kind="stable"),
    jvp=(lambda t, out, x, axis: take_along_axis(t, argsort(x, axis=axis), axis=axis),),
    vjp=(_sort_vjp,),
    batch=lambda size, batched, args, p: sort(args[0], axis=p["axis"] + 1),
    samples=(normal((4,), axis=0), normal((3, 2), axis=0), normal((0,), axis=0)),
)


def _truth(name: str, run: Run) -> Op:
    op: Op = constant_op(name, run, batch=_reduction_batch(lambda: op), samples=_SAMPLES)
    return op


all_: Op = _truth("all", lambda x, axes, keepdims: np.all(x, axis=axes, keepdims=keepdims))
any_: Op = _truth("any", lambda x, axes, keepdims: np.any(x, axis=axes, keepdims=keepdims))

OPS: tuple[Op, ...] = (
    sum_,
    mean,
    amax,
    amin,
    prod,
    logsumexp,
    softmax,
    cumsum,
    argmax,
    argmin,
    argsort,
    sort,
    all_,
    any_,
)
