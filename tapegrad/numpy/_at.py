"""Setting elements without mutation: ``at(x)[i].set(v)`` is x with x[i] = v."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from .. import ops
from .._errors import ShapeError, where
from .._tape import Array, Operand, dtype_of, shape_of


@attrs.frozen
class Place:
    """Some elements of an array, ready to be set or added to."""

    array: Any
    index: Any

    def set(self, values: Operand | list[Any]) -> Array:
        """The array with these elements replaced; of several values for one place the last stays.

        values broadcast to the shape of array[index]; ShapeError if they cannot.
        """
        static, arrays = ops.normalise(self.index, shape_of(self.array))
        x, v = _promoted(self.array, values)
        if shape_of(v)[:1] == (1,):
            v = _trimmed(v, len(shape_of(ops.getitem(x, *arrays, index=static))))
        result: Array = ops.index_set(x, v, *arrays, index=static)
        return result

    def add(self, values: Operand | list[Any]) -> Array:
        """The array with values added to these elements; several for one place all count."""
        static, arrays = ops.normalise(self.index, shape_of(self.array))
        x, v = _promoted(self.array, values)
        shape = shape_of(ops.getitem(x, *arrays, index=static))
        try:
            spread = ops.broadcast_to(_trimmed(v, len(shape)), shape=shape)
        except ValueError:
            raise ShapeError(
                f"at(x)[i].add cannot take values of shape {shape_of(v)}: x[i] has shape {shape}"
                f"{where()}"
            ) from None
        if dtype_of(spread) != dtype_of(x):
            spread = ops.astype(spread, dtype=dtype_of(x))
        added = ops.scatter_add(spread, *arrays, index=static, shape=shape_of(x))
        result: Array = ops.add(x, added)
        return result


def _promoted(x: Any, values: Any) -> tuple[Any, Any]:
    """x in a dtype that can hold the values (integers become floating point where those are), and
    the values, lists as arrays.
    """
    v = values if hasattr(values, "shape") else np.asarray(values)
    if dtype_of(x).kind != "f" and dtype_of(v).kind == "f":
        x = ops.astype(x, dtype=np.result_type(dtype_of(x), dtype_of(v)))
    return x, v


def _trimmed(values: Any, rank: int) -> Any:
    """Values without leading axes of length one that the place has not; NumPy ignores them, too."""
    lengths = shape_of(values)
    extra = max(len(lengths) - rank, 0)
    if not extra or any(n != 1 for n in lengths[:extra]):
        return values
    return ops.reshape(values, shape=lengths[extra:])


@attrs.frozen
class At:
    """An array, ready to be indexed; see `at`."""

    array: Any

    def __getitem__(self, index: Any) -> Place:
        return Place(self.array, index)


def at(x: Operand | list[Any]) -> At:
    """``at(x)[i].set(v)`` and ``at(x)[i].add(v)``: x with some elements changed; x stays as it was.

    >>> import numpy as np
    >>> x = np.zeros(3)
    >>> at(x)[1].set(5.0)
    array([0., 5., 0.])
    >>> at(x)[[0, 0]].add(1.0)
    array([2., 0., 0.])
    """
    return At(x if hasattr(x, "shape") else np.asarray(x))
