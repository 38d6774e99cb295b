"""What NumPy warns of while a transform runs, where it belongs: at a line of the user's.

NumPy names the line that called it, which here is one of the engine's, and Python shows a warning
once for each line. While a transform runs (`watched`), NumPy tells a `Teller` instead of warning
(numpy.errstate), who warns in the same words, of the user's line, and says which operation's
derivative it was. What the user's own errstate ignores, raises, prints or logs stays as it is; so
does what one within the function says.
"""

from __future__ import annotations

import functools
import itertools
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from contextvars import Context, ContextVar, copy_context
from types import FrameType
from typing import Any, TypeVar, cast

import numpy as np

from ._errors import Line, TapegradError, describe, is_users
from ._node import Record

F = TypeVar("F", bound=Callable[..., Any])

# What arithmetic and linear algebra raise: errors, and warnings that a filter makes errors.
FAULTS = (ArithmeticError, np.linalg.LinAlgError, RuntimeWarning)
_DERIVATIVE = "in the derivative of"
# The files in which tapes are walked to differentiate what is on them.
_WALKS = (f"{__package__}.transforms._adjoint", f"{__package__}.transforms._replay")
# How NumPy's texts of each kind begin.
_TEXTS = {
    "divide": "divide by zero",
    "over": "overflow",
    "under": "underflow",
    "invalid": "invalid value",
}


class Teller:
    """Whom NumPy tells: what it is to log, by ``write``; what it is to call with, by a call.

    theirs: whom the user's errstate has for both
    logged: how the texts begin that are to be logged there
    """

    def __init__(self, theirs: Any = None, logged: Iterable[str] = ()) -> None:
        self._theirs = theirs
        self._logged = tuple(logged)

    def __call__(self, kind: str, flags: int) -> None:
        """Call whom the user's errstate calls."""
        self._theirs(kind, flags)

    def write(self, text: str) -> None:
        """Warn of the user's line; or write where the user's errstate logs."""
        what = text.removeprefix("Warning: ").rstrip()
        if what.startswith(self._logged):
            self._theirs.write(text)
            return
        ours: list[FrameType] = []
        frame = sys._getframe(1)
        while not is_users(frame) and frame.f_back is not None:
            ours.append(frame)
            frame = frame.f_back
        if node := _walked_at(ours):
            what += f", {_DERIVATIVE} {node.op.name}{_array_of(node)}"
        file, known = frame.f_code.co_filename, frame.f_globals
        registry = known.setdefault("__warningregistry__", {})
        module = known.get("__name__")
        warnings.warn_explicit(what, RuntimeWarning, file, frame.f_lineno, module, registry)


def _walked_at(frames: Iterable[FrameType]) -> Record | None:
    """The node that a walk of a tape stands at, if one of these frames is such a walk.

    The walks, and what of their files they call, have it under the name ``node``: to note it
    anywhere would cost time at every node, and no one may ever ask.
    """
    walks = (frame for frame in frames if frame.f_globals.get("__name__") in _WALKS)
    found = (frame.f_locals.get("node") for frame in walks)
    return next((node for node in found if node is not None), None)


def _array_of(node: Record) -> str:
    """The dtype and shape of its value; not a number, since Python shows each text once."""
    dtype = getattr(node.value, "dtype", None)
    shape = getattr(node.value, "shape", ())
    return "" if dtype is None else f" ({dtype}[{', '.join(map(str, shape))}])".replace("[]", "")


def blame(error: Exception, written: Callable[[Record], Line | None] = lambda node: None) -> None:
    """Note on an error the operation whose derivative met it, if one did, and where it is written.

    The error is being handled: its traceback ends where it was raised.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = list(itertools.takewhile(lambda frame: not is_users(frame), reversed(frames)))
    node = _walked_at(ours)
    if node is None or any(_DERIVATIVE in note for note in getattr(error, "__notes__", ())):
        return
    line = written(node)
    where = f"\n  at {line}" if line else ""
    error.add_note(f"{_DERIVATIVE} {node.op.name}, which is {describe(node.value)}{where}")


def uncover(error: Exception) -> None:
    """Note on an error the one of ours that it stands for.

    NumPy says "setting an array element with a sequence" whatever float(x) has raised, and SciPy's
    root finders call on, until Python finds that an error is there.
    """
    cause = error.__cause__
    if isinstance(cause, TapegradError) and str(cause) not in getattr(error, "__notes__", ()):
        error.add_note(str(cause))


def _where_numpy_keeps_it() -> ContextVar[Any]:
    """The variable of contexts in which NumPy keeps what errstate says.

    Contexts share what they hold, so what is there never changes: the same object says the same,
    and may be put there again. That takes 0.1 µs; numpy.errstate makes it anew, in 1.1 µs.
    """
    with np.errstate(all="ignore"):
        found = list(copy_context())
    # In an empty context it is alone. Were it kept elsewhere, warnings would stay NumPy's own.
    return found[0] if len(found) == 1 else ContextVar("not found")


_STATE = Context().run(_where_numpy_keeps_it)


@functools.lru_cache(maxsize=8)
def _told(state: Any) -> Any:
    """What NumPy is to keep in place of this: the same, but a Teller is told of warnings."""

    def found() -> Any:
        if state is not None:
            _STATE.set(state)
        ways = np.geterr()
        kinds: Any = {kind: "log" for kind, way in ways.items() if way == "warn"}
        if not kinds:
            return state
        logged = [_TEXTS[kind] for kind, way in ways.items() if way == "log"]
        with np.errstate(**kinds, call=Teller(np.geterrcall(), logged)):
            return _STATE.get(None)

    return Context().run(found)


_TOLD_OF_DEFAULT = _told(None)


def watched(work: F) -> F:
    """The function; while it runs, what NumPy would warn of is a warning of the user's line.

    An error that was met in a derivative says in which; one that hides one of ours has its text.
    """

    @functools.wraps(work)
    def call(*args: Any, **kwargs: Any) -> Any:
        state = _STATE.get(None)
        told = _TOLD_OF_DEFAULT if state is None else _told(state)
        try:
            if told is state:  # within another transform, or there is nothing to tell
                return work(*args, **kwargs)
            token = _STATE.set(told)
            try:
                return work(*args, **kwargs)
            finally:
                _STATE.reset(token)
        except FAULTS as error:
            blame(error)
            raise
        except Exception as error:
            uncover(error)
            raise

    return cast("F", call)
