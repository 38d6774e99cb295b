"""Which function of a library the user's line has called, and with what.

The frames between his line and ours say it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any

import attrs

from ._errors import LIBRARIES, is_users


@attrs.frozen
class Call:
    """A call of a function that is not ours.

    name:     as the user reaches it: numpy.polynomial.polynomial.polyval
    function: it; None where it is not known, or is a method, a class or an instance
    given:    the arguments that are not what they would be anyway, where they are known
    """

    name: str
    function: Any = None
    given: Mapping[str, Any] = attrs.field(factory=dict)


def library_call() -> Call | None:
    """The call of a library's function (scipy.linalg.inv) that the user's line has made; None if it
    has made none of a function that is written in Python.
    """
    frame: FrameType | None = sys._getframe(1)
    found = None
    while frame is not None and not is_users(frame):
        library = frame.f_globals.get("__name__", "").partition(".")[0]
        if library in LIBRARIES:
            found = _call_of(frame) or found or Call(f"a function of {library}")
        frame = frame.f_back
    return found


def _call_of(frame: FrameType) -> Call | None:
    """The call of a frame, if what runs there has a public name: of several, the shortest, and not
    one in a module that it is not in, if there is another.
    """
    candidates = [*_candidates(frame)]
    for within in (True, False):
        for module, path, is_it in candidates:
            for public in _public(module, within=within):
                found = getattr(sys.modules[public], "__dict__", {}).get(path[0])
                for part in path[1:]:
                    found = getattr(found, part, None)
                if found is not None and is_it(found):
                    name = ".".join((public, *(part for part in path if part[:2] != "__")))
                    known = len(path) == 1 and hasattr(found, "__qualname__")
                    return Call(name, found, _given(found, frame)) if known else Call(name)
    return None


def _public(module: str, *, within: bool) -> list[str]:
    """The public modules of a library: those that one of its modules is in, or the others."""
    library = module.partition(".")[0]
    known = [
        name
        for name in tuple(sys.modules)
        if f"{name}.".startswith(f"{library}.") and "._" not in name
        if f"{module}.".startswith(f"{name}.") is within
    ]
    return sorted(known, key=len)


def _candidates(frame: FrameType) -> Iterator[tuple[str, list[str], Callable[[Any], bool]]]:
    """Where what a frame runs may be found: a module, a path in it, and how it is told.

    It is the object that is called (numpy.ma.log), the function of the frame, one that a class
    inherits, or what a function around it wraps. That its name is the same says nothing: there are
    several polyval.
    """
    code, module = frame.f_code, frame.f_globals["__name__"]
    called = frame.f_locals.get("self")
    if isinstance(name := getattr(called, "__name__", None), str):
        yield module, [name], lambda found: found is called
    is_it = functools.partial(_runs, code)
    yield module, code.co_qualname.split("."), is_it
    kind = type(called)
    yield kind.__module__, [*kind.__qualname__.split("."), code.co_name], is_it
    for name in code.co_freevars:
        wrapped = frame.f_locals.get(name)
        if inspect.isfunction(wrapped):
            is_it = functools.partial(_runs, _code(wrapped))
            yield wrapped.__module__, wrapped.__qualname__.split("."), is_it


def _runs(code: object, function: object) -> bool:
    """Whether it is a function with this code."""
    return _code(function) is code


def _code(function: Any) -> Any:
    """What runs where a function is called, behind all that wraps it."""
    return getattr(inspect.unwrap(function), "__code__", None)


def _given(function: Callable[..., Any], frame: FrameType) -> dict[str, Any]:
    """The arguments of a frame that are not the defaults of its function."""
    signature, known = inspect.signature(function), frame.f_locals
    if frame.f_code is not _code(function):  # a function around it: (*args, **kwargs)
        info = inspect.getargvalues(frame)
        places = [known[name] for name in info.args]
        rest, named = known.get(info.varargs or "", ()), known.get(info.keywords or "", {})
        try:
            known = signature.bind_partial(*places, *rest, **named).arguments
        except TypeError:  # or one that takes what the function does not
            return {}
    return {
        name: known[name]
        for name, p in signature.parameters.items()
        if name in known and not is_default(known[name], p.default)
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or known[name]
    }


def is_default(value: object, default: object) -> bool:
    """Whether an argument is what it would be anyway; it may be an array, or traced."""
    return value is default or (isinstance(value, str) and value == default)
