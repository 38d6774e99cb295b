"""Setting elements without mutation: ``at(x)[i].set(v)`` is x with x[i] = v."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np

from .._errors import ShapeError, at_line
from .._tape import Array, Operand
from .._values import array, dtype_of, is_floating, is_whole, shape_of
from ..ops._arithmetic import add
from ..ops._index import getitem, normalise, scatter_add
from ..ops._set import index_set
from ..ops._shape import astype, broadcast_to, reshape


@attrs.frozen
class Elements:
    """Some elements of an array, ready to be set or added to."""

    array: Any
    index: Any

    def set(self, values: Operand | list[Any]) -> Array:
        """The array with these elements replaced; of several values for one place the last stays.

        values broadcast to the shape of array[index]; ShapeError if they cannot. The last is that
        of the order of their elements, row by row, however indices and values lie in memory.
        """
        static, arrays = normalise(self.index, shape_of(self.array))
        x, v = _promoted(self.array, values)
        if shape_of(v)[:1] == (1,):
            v = _trimmed(v, len(shape_of(getitem.bind(x, *arrays, index=static))))
        return index_set.bind(x, v, *arrays, index=static)

    def add(self, values: Operand | list[Any]) -> Array:
        """The array with values added to these elements; several for one place all count."""
        static, arrays = normalise(self.index, shape_of(self.array))
        x, v = _promoted(self.array, values)
        shape = shape_of(getitem.bind(x, *arrays, index=static))
        try:
            spread = broadcast_to.bind(_trimmed(v, len(shape)), shape=shape)
        except ValueError:
            raise ShapeError(
                f"at(x)[i].add cannot take values of shape {shape_of(v)}: x[i] has shape {shape}"
                f"{at_line()}"
            ) from None
        if dtype_of(spread) != dtype_of(x):
            spread = astype.bind(spread, dtype=dtype_of(x))
        added = scatter_add.bind(spread, *arrays, index=static, shape=shape_of(x))
        return add(x, added)


def _promoted(x: Any, values: Any) -> tuple[Any, Any]:
    """x in a dtype that can hold the values (integers become floating point where those are), and
    the values, lists as arrays.
    """
    if isinstance(values, int) or (isinstance(values, list) and is_whole(array(values))):
        v = np.asarray(values, dtype_of(x))  # OverflowError, as NumPy's, if it does not fit
    else:
        v = array(values)
    if is_floating(v) and not is_floating(x):
        x = astype.bind(x, dtype=np.result_type(dtype_of(x), dtype_of(v)))
    return x, v


def _trimmed(values: Any, rank: int) -> Any:
    """Values without leading axes of length one that the place has not; NumPy ignores them, too."""
    lengths = shape_of(values)
    extra = max(len(lengths) - rank, 0)
    if not extra or any(n != 1 for n in lengths[:extra]):
        return values
    return reshape.bind(values, shape=lengths[extra:])


@attrs.frozen
class At:
    """An array, ready to be indexed; see `at`."""

    array: Any

    def __getitem__(self, index: Any) -> Elements:
        return Elements(self.array, index)


def at(x: Operand | list[Any]) -> At:
    """``at(x)[i].set(v)`` and ``at(x)[i].add(v)``: x with some elements changed; x stays as it was.

    >>> import numpy as np
    >>> x = np.zeros(3)
    >>> at(x)[1].set(5.0)
    array([0., 5., 0.])
    >>> at(x)[[0, 0]].add(1.0)
    array([2., 0., 0.])
    """
    return At(array(x))
