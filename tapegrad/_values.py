"""What a value is: a number, an array, a traced value; how one comes in, and how one goes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from . import _texts
from ._errors import at_line, describe
from ._typing import Shape, Value

if TYPE_CHECKING:
    from ._tape import Trace


class Traced:
    """What a traced value is made of; `_tape.Var` is the one class that inherits."""

    __slots__ = ("_index", "_trace", "_value")

    # No __init__: `_tape.handle` makes one sooner (bench/NOTES.md).
    _trace: Trace
    _index: int  # where it stands on a tape; not set in a batch
    _value: Value


NUMBERS = (float, int, np.ndarray, np.generic, Traced)
OPERANDS = (*NUMBERS, list, tuple)
UNLIKE_ARRAYS = (np.ma.MaskedArray, np.matrix)  # NumPy's own that do not compute as arrays do


class Whole(int):
    """A Python int among a node's inputs, where an int itself is a position on the tape."""

    __slots__ = ()


@attrs.frozen
class Look:
    """Why someone looks at the plain value behind a trace, and what is said under vmap, where it is
    many values; nothing, where the question can be put to all of them at once.
    """

    why: str
    refusal: str | None = attrs.field(default=None, repr=False)


BRANCH = Look("its truth", _texts.BATCHED_BOOL)
NUMBER = Look("its number", _texts.BATCHED_INT)
ELEMENTS = Look("its elements", _texts.BATCHED_INDEX)
MASK = Look("which are true", _texts.BATCHED_MASK)
VALUE = Look("its value", _texts.BATCHED_VALUE)
CHECK = Look("whether it is valid")


# Shape, dtype, kind ------------------------------------------------------------------------------
def shape_of(value: Value) -> Shape:
    """The shape of a number, an array or a traced value."""
    shape: Shape = getattr(value, "shape", ())
    return shape


_FLOAT64 = np.dtype(np.float64)
_OF_NUMBERS: dict[type, np.dtype[Any]] = {
    bool: np.dtype(np.bool),
    int: np.dtype(np.int64),
    Whole: np.dtype(np.int64),
    complex: np.dtype(np.complex128),
}


def dtype_of(value: Value) -> np.dtype[Any]:
    """The dtype of a number, an array or a traced value; a Python float counts as float64."""
    dtype: np.dtype[Any] | None = getattr(value, "dtype", None)
    return _OF_NUMBERS.get(value.__class__, _FLOAT64) if dtype is None else dtype


def is_number(value: object) -> bool:
    """Whether it is a number, an array or a traced value: what operations compute with."""
    return isinstance(value, NUMBERS)


def is_floating(value: Value) -> bool:
    """Whether it is floating point: what has a gradient."""
    return dtype_of(value).kind == "f"


def is_whole(value: Value) -> bool:
    """Whether it is of integers, signed or not."""
    return dtype_of(value).kind in "iu"


def is_truth(value: Value) -> bool:
    """Whether it is of truth values."""
    return dtype_of(value).kind == "b"


def is_complex(value: Value) -> bool:
    """Whether it is complex."""
    return dtype_of(value).kind == "c"


def is_real(value: Value) -> bool:
    """Whether it is a real number or an array of them: floating, whole or true."""
    return is_number(value) and dtype_of(value).kind in "fiub"


# In ----------------------------------------------------------------------------------------------
def real_dtype(dtype: Any) -> np.dtype[Any]:
    """A dtype that values may have; raises TypeError for complex numbers, objects, texts."""
    wanted: np.dtype[Any] = np.dtype(dtype)
    if wanted.kind not in "fiub":
        raise TypeError(f"Expected the dtype of real numbers, got {wanted}.{at_line()}")
    return wanted


def operand(value: Value) -> Value:
    """A value as an operation computes with it: lists become arrays.

    A Python number stays one, so that it does not decide the dtype of the result. Raises TypeError
    for a masked array or a matrix, for which the derivative rules are not meant.
    """
    if isinstance(value, UNLIKE_ARRAYS):
        raise TypeError(_texts.NOT_LIKE_ARRAYS.format(got=describe(value), where=at_line()))
    return value if isinstance(value, NUMBERS) else np.asarray(value)


def array(value: Value) -> Value:
    """An operand with a shape: Python numbers become arrays, too; a traced value stays traced."""
    value = operand(value)
    return value if hasattr(value, "shape") else np.asarray(value)


def floating(value: Value) -> Value:
    """An operand with digits: what is whole, or a truth, as floating point."""
    value = operand(value)
    if is_floating(value):
        return value
    return value.astype(np.float64) if hasattr(value, "astype") else float(value)


# Behind the traces -------------------------------------------------------------------------------
def plain_of(value: Value) -> Value:
    """The number or array behind every trace; of a batch, the whole. To be shown, not used."""
    while isinstance(value, Traced):
        value = value._value
    return value


def look(value: Value, read: Any, why: Look) -> Any:
    """What ``read`` makes of the plain value; of a traced one, its trace is told, and may refuse.

    Whatever a program decides by a value passes here: what it did is right for that value only.
    """
    return value._trace.look(value, read, why) if isinstance(value, Traced) else read(value)


# Out ---------------------------------------------------------------------------------------------
def like(given: Value, leaf: Value) -> Value:
    """A number or an array in the dtype and kind of a leaf: a float for a float."""
    plain = plain_of(leaf)
    if isinstance(plain, np.ndarray):
        return np.asarray(given, plain.dtype)
    return plain.dtype.type(given) if isinstance(plain, np.generic) else float(given)


def like_leaves(gradients: Sequence[Value | None], leaves: Sequence[Value]) -> list[Value]:
    """Gradients in the kinds of the leaves that they belong to: None is zeros, a float for a float.

    Each array is the caller's own: writable, and shared neither with another leaf nor with an
    operand.
    """
    found: list[Value] = []
    seen: set[int] = set()
    for g, leaf in zip(gradients, leaves):
        value = g
        if not isinstance(g, Traced):
            value = like(np.zeros(shape_of(leaf)) if g is None else g, leaf)
        if isinstance(value, np.ndarray):
            free = value.flags.owndata and value.flags.writeable and value is not plain_of(leaf)
            value = value if free and id(value) not in seen else value.copy()
            seen.add(id(value))
        found.append(value)
    return found


def own(value: Value, others: Sequence[Value]) -> Value:
    """An array that is none of the others; the same one if it is not."""
    shared = isinstance(value, np.ndarray) and any(value is other for other in others)
    return value.copy() if shared else value


def unshared(values: Sequence[Value], others: Sequence[Value]) -> list[Value]:
    """Outputs that may be written into without changing one of the others or one another."""
    found: list[Value] = []
    for value in values:
        if isinstance(value, np.ndarray):
            taken = (x for x in (*others, *found) if isinstance(x, np.ndarray))
            shared = any(np.may_share_memory(value, x) for x in taken)
            found.append(value.copy() if shared or not value.flags.writeable else value)
        else:
            found.append(value)
    return found


def copied(values: Sequence[Value]) -> list[Value]:
    """The values, each array a copy: what is written into the one, the other does not see."""
    return [x.copy() if isinstance(x, np.ndarray) else x for x in values]
