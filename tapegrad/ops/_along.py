"""Ops along an axis: positions, running sums, sorting.

axis: an int, negative ones count from the end; None for all elements, as a vector. An axis that the
array does not have raises numpy.exceptions.AxisError.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._dispatch import refusal
from .._tape import Array, Op, Operand
from .._typing import DType, Out, Sorting, Value
from .._values import array, shape_of
from ._define import along_axis, normal, primitive
from ._index import flipped, take_along_axis
from ._reduce import axes_of, computed_in, kept, with_axes
from ._shape import fit, line, reshape


def _cumsum_transpose(g: Value, out: Value, x: Value, axis: int, dtype: Any = None) -> Value:
    return fit(flipped(cumsum.bind(flipped(g, axis), axis=axis), axis), x)


@primitive(
    np.cumsum,
    run=np.cumsum,
    vjp=(_cumsum_transpose,),
    batch=along_axis,
    samples=(normal((4,), axis=0), normal((2, 3), axis=1), normal((0,), axis=0)),
    parametric=True,
)
def cumsum(a: Operand, axis: int | None = None, dtype: DType = None, out: None = None) -> Array:
    """The running sum along an axis; of all elements, in a vector, where axis is None.

    dtype: what is computed in; of whole numbers there is no gradient

    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    if out is not None:
        raise refusal(np.cumsum, out=out)
    x = array(a)
    params: dict[str, Any] = {}
    if dtype is not None:
        x, params["dtype"] = computed_in(x, dtype)
    x, along = line(x, axis)
    return cumsum.bind(x, axis=along, **params)


def _position(
    op: Op[..., Out], a: Operand, axis: int | None, out: None, keepdims: bool
) -> Out | Array:
    """Where one element is, its parameters as the user gives them."""
    if out is not None:
        raise refusal(op.answers[0], out=out)
    x = array(a)
    vector, along = line(x, axis)
    found = op.bind(vector, axis=along)
    if not kept(keepdims):
        return found
    axes = axes_of(x, axis) if shape_of(x) else ()
    return reshape.bind(found, shape=with_axes(shape_of(x), axes))


_LINES = (normal((3,), axis=0), normal((2, 3), axis=1))


@primitive(np.argmax, run=np.argmax, vjp=(None,), batch=along_axis, samples=_LINES, parametric=True)
def argmax(
    a: Operand, axis: int | None = None, out: None = None, *, keepdims: bool = False
) -> Array:
    """The position of the largest element along an axis, the first of several; no gradient.

    >>> int(argmax(np.array([1.0, 3.0, 2.0])))
    1
    """
    return _position(argmax, a, axis, out, keepdims)


@primitive(np.argmin, run=np.argmin, vjp=(None,), batch=along_axis, samples=_LINES, parametric=True)
def argmin(
    a: Operand, axis: int | None = None, out: None = None, *, keepdims: bool = False
) -> Array:
    """The position of the smallest element along an axis, the first of several; no gradient.

    >>> int(argmin(np.array([1.0, 3.0, 2.0])))
    0
    """
    return _position(argmin, a, axis, out, keepdims)


def _ordered(
    op: Op[..., Out],
    a: Operand,
    axis: int | None,
    kind: Sorting,
    order: None,
    stable: bool | None,
    *,
    of_number: bool = True,
) -> Out:
    """A kind of sorting, its parameters as the user gives them."""
    x, along = line(array(a), axis, of_number=of_number)
    if order is not None:
        op.answers[0](np.empty(0), order=order)  # NumPy's error: there are no fields
    if kind is not None and stable is not None:
        raise ValueError(f"{op.name}: kind and stable are one parameter, and both are given")
    params = {} if kind is None and not stable else {"kind": kind or "stable"}
    return op.bind(x, axis=along, **params)


@primitive(
    np.argsort,
    run=np.argsort,
    vjp=(None,),
    batch=along_axis,
    samples=_LINES,
    parametric=True,
)
def argsort(
    a: Operand,
    axis: int | None = -1,
    kind: Sorting = None,
    order: None = None,
    *,
    stable: bool | None = None,
) -> Array:
    """The positions of the elements in ascending order; no gradient.

    kind, stable: how ties are ordered, as numpy.argsort; in their order if it is to be stable

    >>> argsort(np.array([2.0, 1.0]))
    array([1, 0])
    """
    return _ordered(argsort, a, axis, kind, order, stable)


def _order(x: Value, axis: int) -> Value:
    """The permutation that sorts, ties as they stood."""
    return argsort.bind(x, axis=axis, kind="stable")


def _sort_vjp(g: Value, out: Value, x: Value, axis: int, kind: Sorting = None) -> Value:
    return take_along_axis.bind(g, _order(_order(x, axis), axis), axis=axis)  # the inverse


def _sort_jvp(t: Value, out: Value, x: Value, axis: int, kind: Sorting = None) -> Value:
    return take_along_axis.bind(t, _order(x, axis), axis=axis)


@primitive(
    np.sort,
    run=np.sort,
    vjp=(_sort_vjp,),
    jvp=(_sort_jvp,),
    batch=along_axis,
    samples=(normal((4,), axis=0), normal((3, 2), axis=0), normal((0,), axis=0)),
    parametric=True,
)
def sort(
    a: Operand,
    axis: int | None = -1,
    kind: Sorting = None,
    order: None = None,
    *,
    stable: bool | None = None,
) -> Array:
    """The elements along an axis in ascending order; the gradient goes where each came from.

    kind, stable: how it is done, as numpy.sort

    >>> sort(np.array([2.0, 1.0]))
    array([1., 2.])
    """
    return _ordered(sort, a, axis, kind, order, stable, of_number=False)
