"""What a value is: a number, an array, a traced value; how one comes in, and how one goes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from . import _texts
from ._errors import OperandError, at_line, describe
from ._typing import Shape, Traced as Traced, Value


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


def is_floating(value: Value) -> bool:
    """Whether it is floating point: what has a gradient."""
    return dtype_of(value).kind == "f"


def has_gradients(dtype: np.dtype[Any]) -> bool:
    """Whether what is of a dtype has a gradient: floating point."""
    return dtype.kind == "f"


def is_whole(value: Value) -> bool:
    """Whether it is of integers, signed or not."""
    return dtype_of(value).kind in "iu"


def is_truth(value: Value) -> bool:
    """Whether it is of truth values."""
    return dtype_of(value).kind == "b"


def is_complex(value: Value) -> bool:
    """Whether it is complex."""
    return getattr(dtype_of(value), "kind", "") == "c"  # other libraries' dtypes have no kind


# In ----------------------------------------------------------------------------------------------
# What an operation computes with is decided here, and nowhere else.
_REAL = "fiub"  # kinds of dtypes: floating, signed and unsigned integers, truths
_PLAIN = frozenset({float, int, bool, Whole})


def _known(value: Any) -> Value | None:
    """A real number, a plain array of them, or a traced value; None for all else."""
    kind = value.__class__
    if kind is np.ndarray or isinstance(value, np.generic):
        return value if value.dtype.kind in _REAL else None
    if kind in _PLAIN or isinstance(value, Traced):
        return value
    if isinstance(value, (float, int)):  # of a class of its own, an enumeration say
        if _computes_otherwise(kind):
            return None
        return float(value) if isinstance(value, float) else int(value)
    return _known(np.asarray(value)) if isinstance(value, np.memmap) else None


# What a number computes with. Python asks a class of its own first, and would get other numbers.
_ARITHMETIC = (
    *(f"__{side}{name}__" for side in ("", "r") for name in ("add", "sub", "mul", "pow")),
    *(f"__{side}{name}__" for side in ("", "r") for name in ("truediv", "floordiv", "mod")),
    *("__neg__", "__pos__", "__abs__"),
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"),
)


def _computes_otherwise(kind: type) -> bool:
    """Whether a class of numbers has an arithmetic that is not Python's."""
    base = float if issubclass(kind, float) else int
    return any(getattr(kind, name) is not getattr(base, name) for name in _ARITHMETIC)


def is_operand(value: object) -> bool:
    """Whether it is what operations compute with: a real number, a plain array of them, traced."""
    return _known(value) is not None


def operand(value: Value) -> Value:
    """A value as an operation computes with it: the one gate, which all that comes in passes.

    Lists and what else NumPy takes for an array become one. A Python number stays one, so that it
    does not decide the dtype of the result. Raises OperandError for what has other mathematics
    (complex numbers, masked arrays, matrices, units) or none (objects, texts).
    """
    kind = value.__class__
    plain = (kind is np.ndarray and value.dtype.kind in _REAL) or kind in _PLAIN
    if plain or isinstance(value, Traced):  # as mostly
        return value
    found = _known(value)
    if found is None and not _unlike(value):
        found = _known(np.asarray(value))
    if found is None:
        raise OperandError(_refusal(value).format(got=describe(value), where=at_line()))
    return found


def _unlike(values: Any) -> bool:
    """Whether what computes otherwise is within lists, where NumPy would not see it."""
    if values.__class__ in _PLAIN or isinstance(values, np.generic):  # as mostly, in lists
        return False
    if isinstance(values, (list, tuple)):
        return any(map(_unlike, values))
    if isinstance(values, (float, int)):
        return _computes_otherwise(values.__class__)
    return (
        isinstance(values, np.ndarray)
        and not isinstance(values, np.memmap)
        and values.__class__ is not np.ndarray
    )


def _refusal(value: Any) -> str:
    """Why something is no operand, in words."""
    if _unlike(value):
        number = isinstance(value, (float, int))
        return _texts.NOT_LIKE_NUMBERS if number else _texts.NOT_LIKE_ARRAYS
    found = np.asarray(value)
    if is_complex(found):
        return _texts.COMPLEX_OPERAND
    if found.dtype == object and any(isinstance(x, Traced) for x in found.flat):
        return _texts.OBJECTS_TRACED
    of_objects = isinstance(value, np.ndarray) and found.dtype == object
    return _texts.OBJECTS if of_objects else _texts.NO_OPERAND


def real_dtype(dtype: Any) -> np.dtype[Any]:
    """A dtype that values may have; raises OperandError for complex numbers, objects, texts."""
    wanted: np.dtype[Any] = np.dtype(dtype)
    if wanted.kind not in _REAL:
        raise OperandError(_texts.NO_DTYPE.format(got=wanted, where=at_line()))
    return wanted


def array(value: Value) -> Value:
    """An operand with a shape: Python numbers become arrays, too; a traced value stays traced."""
    found = operand(value)
    return found if hasattr(found, "shape") else operand(np.asarray(found))


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


def is_batched(value: Value) -> bool:
    """Whether there is no one number or array behind the traces, but one for each example."""
    while isinstance(value, Traced):
        if getattr(value._trace, "many", False):
            return True
        value = value._value
    return False


def look(value: Value, read: Any, why: Look) -> Any:
    """What ``read`` makes of the plain value; of a traced one, its trace is told, and may refuse.

    Whatever a program decides by a value passes here: what it did is right for that value only.
    """
    return value._trace.look(value, read, why) if isinstance(value, Traced) else read(value)


# Out ---------------------------------------------------------------------------------------------
def like(given: Value, leaf: Value) -> Value:
    """A value in the dtype and kind of a leaf, a float for a float; a traced one stays traced."""
    if isinstance(given, Traced):
        var: Any = given
        return var if dtype_of(var) == dtype_of(leaf) else var.astype(dtype_of(leaf))
    plain = plain_of(leaf)
    if isinstance(plain, np.ndarray):
        return np.asarray(given, plain.dtype)
    return plain.dtype.type(given) if isinstance(plain, np.generic) else float(given)


def zero_like(leaf: Value) -> Value:
    """Zero, or zeros, in the shape, dtype and kind of a leaf."""
    return like(np.zeros(shape_of(leaf)), leaf)


def like_leaves(
    gradients: Sequence[Value | None], leaves: Sequence[Value], held: Sequence[Value] = ()
) -> list[Value]:
    """Gradients in the kinds of the leaves that they belong to: None is zeros, a float for a float.

    Each array is the caller's own: see `own`.
    """
    found: list[Value] = []
    for g, leaf in zip(gradients, leaves):
        if isinstance(g, Traced):
            found.append(g)
        else:
            found.append(zero_like(leaf) if g is None else like(g, leaf))
    return own(found, leaves, held)


def own(values: list[Value], *held: Sequence[Value]) -> list[Value]:
    """Values as they go out, each array the caller's own: writable, and shared with no other one,
    nor with what is held: the arguments, a tape, a state.
    """
    seen: set[int] | None = None
    for i, value in enumerate(values):
        if isinstance(value, np.ndarray):
            if seen is None:
                seen = {id(x) for group in held for x in group}
            flags = value.flags
            if id(value) in seen or not (flags.owndata and flags.writeable):
                values[i] = value.copy()
            seen.add(id(value))
    return values


def copied(values: Sequence[Value]) -> list[Value]:
    """The values, each array a copy: what is written into the one, the other does not see."""
    return [x.copy(order="K") if isinstance(x, np.ndarray) else x for x in values]


def read_only(value: Value) -> Value:
    """A value to be read: an array is on the tape, and perhaps the caller's own."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value
