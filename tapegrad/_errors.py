"""Every error that tapegrad itself raises: the classes, the user's line, and values in words."""

from __future__ import annotations

import linecache
import os
import sys
from types import FrameType
from typing import Any

import attrs
import numpy as np

from ._typing import Traced

# As frames write it: not resolved, not a Path.
PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep  # noqa: PTH100, PTH120


class TapegradError(Exception):
    """The base of tapegrad's own errors; each is also the built-in kind that it refines.

    >>> import tapegrad as tg
    >>> issubclass(tg.ShapeError, TapegradError) and issubclass(tg.ShapeError, ValueError)
    True
    """


class ShapeError(TapegradError, ValueError):
    """Operands whose shapes (or whose parameters) the operation cannot take together."""


class LeafError(TapegradError, TypeError):
    """A leaf of a tree that cannot be differentiated, named by its path."""


class OperandError(TapegradError, TypeError):
    """A value that operations cannot compute with: complex numbers, masked arrays, objects."""


class OutputError(TapegradError, TypeError):
    """A function whose output cannot be differentiated as asked: not a scalar, not a float."""


class EscapedError(TapegradError, RuntimeError):
    """A traced value that is used after the transform that made it has ended."""


class MutationError(TapegradError, TypeError):
    """An assignment into a traced value; values are immutable."""


class DomainError(TapegradError, ValueError):
    """A number where the operation has no real value."""


class ConversionError(TapegradError, TypeError):
    """A traced value where a plain number or array is needed: its gradient would be lost."""


class MissingRuleError(TapegradError, TypeError, NotImplementedError):
    """A NumPy function that tapegrad has no derivative rule for."""


class GuardError(TapegradError, ValueError):
    """Arguments for which a function would not do what was recorded of it for others."""


class UndecidedError(TapegradError, ValueError):
    """Derivatives of which differences cannot tell whether they are right."""


@attrs.frozen
class Line:
    """A line of the user's code."""

    file: str
    line: int
    function: str
    text: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}, in {self.function}"
        return f"{place}: {self.text}" if self.text else place


# What stands between the user's line and ours: NumPy and what calls it, decorators.
LIBRARIES = ("numpy", "scipy", "sklearn")
_BETWEEN = (*(f"{library}." for library in LIBRARIES), "optree.", "contextlib")


def is_users(frame: FrameType) -> bool:
    """Whether a frame is of the user's code: outside this package and the libraries between."""
    ours = frame.f_code.co_filename.startswith((PACKAGE, "<__array_function__"))
    return not ours and not frame.f_globals.get("__name__", "").startswith(_BETWEEN)


def user_line() -> Line | None:
    """The innermost line of the user's code; None if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_users(frame):
        frame = frame.f_back
    if frame is None:
        return None
    name = frame.f_code.co_filename
    text = linecache.getline(name, frame.f_lineno, frame.f_globals).strip()
    return Line(name, frame.f_lineno, frame.f_code.co_name, text)


def at_line() -> str:
    """The user's line as the tail of a message; empty where there is none."""
    found = user_line()
    return f"\n  at {found}" if found else ""


def describe(value: object) -> str:
    """A value in words: "float64[3, 2]", "float", "str 'a'"."""
    shape = getattr(value, "shape", None)
    dtype = getattr(value, "dtype", None)
    if dtype is not None and isinstance(shape, tuple):
        special = isinstance(value, np.ndarray) and type(value) is not np.ndarray
        kind = f"{type(value).__name__} " if special else ""
        number: Any = value
        while isinstance(number, Traced):  # to show it is not to look: no trace is told
            number = number._value
        if shape or getattr(number, "shape", ()):
            return f"{kind}{dtype}[{', '.join(map(str, shape))}]"
        return f"{kind}{dtype} {number}"
    if value is None:
        return "None"
    if isinstance(value, (float, int, complex)):
        return f"{type(value).__name__} {value!r}"
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # of a dataclass with a field that is not set, for one
        text = " at 0x"
    if " at 0x" in text:  # where it lies says nothing
        return " ".join([type(value).__name__, *filter(None, [getattr(value, "__name__", "")])])
    text = text if len(text) <= 60 else text[:57] + "..."
    return f"{type(value).__name__} {text}"


def reason(error: ValueError) -> str:
    """What NumPy says of shapes that do not fit, in words, and without the shapes.

    They are said beside it; and those that NumPy sees may have an axis that vmap put there.
    """
    text = str(error)
    if text.startswith("operands could not be broadcast together"):
        return "counted from the last, axes must be of the same length, or one of them of length 1"
    if "mismatch in its core dimension" in text:
        return (
            "the last axis of the first must be as long as the last but one of the second "
            "(or its only one)"
        )
    if "does not have enough dimensions" in text:
        return "a number has no axis to sum over; use * for numbers"
    return text


def name_of(function: object) -> str:
    """A function's name for a message."""
    return str(getattr(function, "__name__", None) or repr(function))
