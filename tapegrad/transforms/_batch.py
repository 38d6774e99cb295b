"""Batching: a function of one example becomes a function of many at once.

A `Batch` is the trace that keeps nothing: an operation on a batched value is done at once on all
examples, by the op's batch rule. Its traced values have their examples along axis 0, and show the
shape of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Concatenate, TypeAlias, TypeVar, overload

import attrs
import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from .. import tree
from .._errors import ShapeError, at_line, describe, name_of
from .._structure import spread
from .._tape import AnyOp, Array, Scalar, Trace, Var, escaped, explained
from .._typing import Args, Function, Out, P, Params, Rest, Shape, Value
from .._values import Look, Traced, array, is_operand, operand, own, shape_of
from .._warnings import watched
from ..numpy import TABLE
from ..ops._shape import axis_moved, broadcast_to
from ._boundary import a_function, check_alive, not_a_number

# Which axis counts the examples: an int, None, or a tree of them that fits the arguments.
Axes: TypeAlias = Any
A = TypeVar("A", bound=Array)


class Batch(Trace):
    """The examples of one vmap: their number, and how an operation is done on all of them."""

    __slots__ = ("size",)
    many: ClassVar[bool] = True  # plain values behind each traced one

    def __init__(self, size: int, function: object, transform: str = "vmap") -> None:
        super().__init__(TABLE, transform, function)
        self.size = size

    def apply(self, op: AnyOp, args: Args, params: Params) -> Var:
        """Do op on all examples at once."""
        if self.closed:
            raise escaped(self, f"an operand of {op.name}")
        batched = [arg.__class__ is Var and arg._trace is self for arg in args]
        values = [arg._value if b else operand(arg) for arg, b in zip(args, batched)]
        try:
            return self.hold(op.batch(op, self.size, batched, values, params))
        except (ValueError, IndexError) as error:
            raise explained(_first(error), op, args) from None

    def hold(self, values: Value) -> Var:
        """A traced value for a batch of values, examples along axis 0; it has no position."""
        var = Var()
        var._trace = self
        var._value = values
        return var

    def shape_of(self, value: Value) -> Shape:
        """The shape of one example."""
        return shape_of(value)[1:]

    def look(self, var: Traced, read: Callable[[Value], Any], why: Look) -> Any:
        """A batch has many values, and answers only what can be asked of all at once."""
        if why.refusal is not None:
            raise ShapeError(why.refusal.format(where=at_line()))
        return super().look(var, read, why)


def _first(error: Exception) -> Exception:
    """NumPy's error where an outer tape has explained it, with the shapes of whole batches."""
    first = error.__context__
    return first if isinstance(error, ShapeError) and isinstance(first, ValueError) else error


def on_all(f: Callable[..., Any], size: int, arrays: Sequence[Value], transform: str) -> list[Any]:
    """The leaves of f(*examples), where each array has its examples along axis 0; so have they."""
    with Batch(size, f, transform) as batch:
        out = f(*(batch.hold(values) for values in arrays))
    return [_whole(batch, leaf) for leaf in tree.leaves(out)]


def _whole(batch: Batch, leaf: Value) -> Value:
    """An output with its examples along axis 0: repeated if it is the same for all."""
    if leaf.__class__ is Var and leaf._trace is batch:
        return leaf._value
    if not is_operand(check_alive(leaf)):
        expected = "numbers or arrays, or a tree of them"
        raise not_a_number(batch.transform, name_of(batch.function), expected, leaf)
    return broadcast_to.bind(leaf, shape=(batch.size, *shape_of(leaf)))


@attrs.frozen
class Batched:
    """What `vmap` returns."""

    function: Callable[..., Any] = attrs.field(validator=a_function)
    in_axes: Any
    out_axes: Any

    @property
    def __name__(self) -> str:
        return f"vmap({name_of(self.function)})"

    @watched
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function on every example; the results stacked along out_axes."""
        leaves, structure = tree.flatten(args)
        axes = self._axes_of(args, structure)
        size = self._size(structure, leaves, axes)
        with Batch(size, self.function) as batch:
            examples = [
                leaf if axis is None else batch.hold(_to_front(leaf, axis))
                for leaf, axis in zip(leaves, axes)
            ]
            out = self.function(*tree.unflatten(structure, examples), **kwargs)
        found, shape = tree.flatten(out)
        whole = [_whole(batch, leaf) for leaf in found]
        places = _prefix(self.out_axes, shape, "out_axes")
        self._check_places(shape, whole, places)
        placed = [_to_place(*group, batch) for group in zip(whole, places, found)]
        return tree.unflatten(shape, own(placed, leaves))

    def _axes_of(self, args: tuple[Any, ...], structure: tree.Structure) -> list[int | None]:
        axes = self.in_axes
        if isinstance(axes, (list, tuple)):
            if len(axes) != len(args):
                raise ShapeError(
                    f"{self.__name__}: in_axes has {len(axes)} entries, the call {len(args)} "
                    "arguments"
                )
            return [
                axis
                for i, (given, arg) in enumerate(zip(axes, args))
                for axis in _prefix(given, tree.flatten(arg)[1], f"in_axes[{i}]")
            ]
        return _prefix(axes, structure, "in_axes")

    def _check_places(
        self, out: tree.Structure, whole: Sequence[Value], places: Sequence[int | None]
    ) -> None:
        for i, (values, place) in enumerate(zip(whole, places)):
            count = len(shape_of(values))
            if place is not None and not -count <= place < count:
                path = out.paths("the output")[i]
                raise ShapeError(
                    f"{self.__name__}: {path} has the shape {shape_of(values)[1:]} for one example "
                    f"and no place {place} for the axis of the examples (out_axes)"
                )

    def _size(
        self, args: tree.Structure, leaves: Sequence[Value], axes: Sequence[int | None]
    ) -> int:
        sizes: dict[str, int] = {}
        for path, leaf, axis in zip(args.paths("args"), leaves, axes):
            if axis is None:
                continue
            shape = shape_of(leaf)
            if not -len(shape) <= axis < len(shape):
                raise ShapeError(
                    f"{self.__name__}: {path} is {describe(leaf)}, which has no axis {axis} to map "
                    "over; say None in in_axes for what is the same for all examples"
                )
            sizes[path] = shape[axis]
        if not sizes:
            raise ShapeError(f"{self.__name__}: no argument has an axis to map over")
        if len(set(sizes.values())) > 1:
            listed = ", ".join(f"{path}: {n}" for path, n in sizes.items())
            raise ShapeError(f"{self.__name__}: the mapped axes differ in length: {listed}")
        return next(iter(sizes.values()))


def _check_axes(axes: Any, name: str) -> None:
    """Raise TypeError for axes that are none, ShapeError for no tree."""
    for path, axis in tree.paths(axes, name).items():
        if not isinstance(axis, (int, np.integer)) or isinstance(axis, bool):
            at = "" if path == name else f" at {path}"
            raise TypeError(
                f"vmap: {name} is an int, None, or a tree of those, got {describe(axis)}{at}"
            )


def _prefix(axes: Any, structure: tree.Structure, name: str) -> list[int | None]:
    """An axis for each leaf: one for all, or a tree whose leaves stand for subtrees."""
    if axes is None or isinstance(axes, int):
        return [axes] * structure.num_leaves
    try:
        return spread(axes, structure, name)
    except ShapeError as error:
        raise ShapeError(f"vmap: {name} does not fit the structure it is for: {error}") from None


def _to_front(leaf: Value, axis: int) -> Value:
    given = array(leaf)
    return axis_moved(given, normalize_axis_index(axis, len(shape_of(given))), 0)


def _to_place(value: Value, place: int | None, leaf: Value, batch: Batch) -> Value:
    if place is None:
        if leaf.__class__ is Var and leaf._trace is batch:
            raise ShapeError("vmap: out_axes is None for an output that differs between examples")
        return leaf
    return axis_moved(value, 0, normalize_axis_index(place, len(shape_of(value))))


@overload
def vmap(
    f: Callable[Concatenate[P, Rest], A], in_axes: Axes = 0, out_axes: Axes = 0
) -> Function[Concatenate[P, Rest], A]: ...
@overload
def vmap(
    f: Callable[[float], float], in_axes: int = 0, out_axes: int = 0
) -> Function[[Array], Array]: ...
@overload
def vmap(
    f: Callable[Concatenate[P, Rest], Scalar], in_axes: Axes = 0, out_axes: Axes = 0
) -> Function[Concatenate[P, Rest], Array]: ...
@overload
def vmap(
    f: Callable[Concatenate[P, Rest], Out], in_axes: Axes = 0, out_axes: Axes = 0
) -> Function[Concatenate[P, Rest], Out]: ...
def vmap(f: Callable[..., Any], in_axes: Axes = 0, out_axes: Axes = 0) -> Callable[..., Any]:
    """The function on each example of a batch, all at once.

    in_axes:  which axis of each argument counts the examples: an int for all, or a tuple with one
              entry per argument: an int, None (the same for all examples), or a tree of those.
    out_axes: where that axis goes in each output.

    Arguments given by keyword are the same for all examples.

    Raises ShapeError where the axes differ in length, and where f asks for the truth of a batched
    value (if x > 0): use tapegrad.numpy.where.

    >>> import numpy as np
    >>> import tapegrad as tg
    >>> tg.vmap(lambda x, w: x @ w, in_axes=(0, None))(np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    _check_axes(in_axes, "in_axes")
    _check_axes(out_axes, "out_axes")
    return Batched(f, in_axes, out_axes)
