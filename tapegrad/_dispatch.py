"""What answers for a NumPy function on a traced value, and what is said if nothing can."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ._errors import MissingRuleError, MutationError, at_line
from ._texts import INSTEAD, MISSING_RULE, OPTION, OUT_ARGUMENT, WRITER
from ._typing import Value

# What answers for a NumPy function: an Op, or a function made of Ops, under the NumPy function.
Table: TypeAlias = Mapping[Callable[..., Any], Callable[..., Any]]

_WRITERS = (np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal)


_NO_VALUE = np._NoValue  # what NumPy's functions have for a default where None says something

# What a ufunc's options are where they are not given.
_OPTIONS: Mapping[str, Any] = {
    "out": None,
    "where": True,
    "axes": _NO_VALUE,
    "axis": _NO_VALUE,
    "casting": "same_kind",
    "order": "K",
    "dtype": None,
    "subok": True,
}


def call_ufunc(
    table: Table, ufunc: np.ufunc, method: str, inputs: Sequence[Value], kwargs: Mapping[str, Any]
) -> Value:
    """A ufunc, or one of its methods, on operands of which at least one is traced."""
    traced = table.get(ufunc) if method == "__call__" else None
    given = [key for key, value in kwargs.items() if not _is_default(key, value)] if kwargs else []
    if traced is not None and not given:
        return traced(*inputs)
    name = _name(ufunc) + ("" if method == "__call__" else f".{method}")
    if kwargs.get("out") is not None:
        raise MutationError(OUT_ARGUMENT.format(function=name, where=at_line()))
    if method == "at":
        raise MutationError(WRITER.format(function=name, where=at_line()))
    if traced is None:
        raise _missing(table, name)
    raise _without(name, given[0], kwargs[given[0]])


def call_function(
    table: Table, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Value:
    """Another function of NumPy's, on arguments of which at least one is traced.

    Python binds them, since what answers has the parameters that NumPy's has. Only where it lacks
    one is NumPy's signature asked which it was, and whether more was said than its default.
    """
    if kwargs.get("out") is not None:
        raise MutationError(OUT_ARGUMENT.format(function=_name(function), where=at_line()))
    if function in _WRITERS:
        raise MutationError(WRITER.format(function=_name(function), where=at_line()))
    traced = table.get(function)
    if traced is None:
        raise _missing(table, _name(function))
    for value in (*args, *kwargs.values()):
        if value is _NO_VALUE:
            break
    else:
        try:
            return traced(*args, **kwargs)
        except TypeError:
            if unbound(traced, args, kwargs) is None:
                raise
    args, kwargs = _in_our_terms(function, traced, args, kwargs)
    return traced(*args, **kwargs)


def _in_our_terms(
    function: Callable[..., Any],
    traced: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments without those that are NumPy's defaults; refuses, by name, what ours lacks."""
    ours = inspect.signature(traced)
    try:
        theirs = inspect.signature(function).bind(*args, **kwargs)
    except ValueError:  # before 2.4, NumPy does not say for all that are written in C
        raise _unsupported(_name(function), str(unbound(traced, args, kwargs))) from None
    operands: tuple[Any, ...] = ()
    given: dict[str, Any] = {}
    defaults = {name: p.default for name, p in theirs.signature.parameters.items()}
    for name, value in theirs.arguments.items():
        parameter = theirs.signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            operands = value
        elif parameter.kind is parameter.VAR_KEYWORD:  # a ufunc's, or ours has them
            given |= value
        else:
            given[name] = value
    kept = {
        name: value
        for name, value in given.items()
        if value is not _NO_VALUE and not _is_default(name, value, defaults)
    }
    for name, value in kept.items():
        if name not in ours.parameters:
            raise _without(_name(function), name, value)
    bound = inspect.BoundArguments(ours, kept)
    args, kwargs = (*bound.args, *operands), bound.kwargs
    if (why := unbound(traced, args, kwargs)) is not None:
        raise _unsupported(_name(function), why)
    return args, kwargs


def _is_default(name: str, value: object, defaults: Mapping[str, Any] = _OPTIONS) -> bool:
    """Whether an option is what it would be anyway; it may be an array, or traced."""
    default = defaults.get(name, _OPTIONS.get(name, inspect.Parameter.empty))
    return value is default or (isinstance(value, str) and value == default)


def unbound(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    """Why a function cannot be called with these arguments; None if it can."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None


def refuse(function: Callable[..., Any], **given: Any) -> None:
    """Raise, by name, for those of these options of NumPy's function that are not None."""
    for name, value in given.items():
        if value is not None and name == "out":
            raise MutationError(OUT_ARGUMENT.format(function=_name(function), where=at_line()))
        if value is not None:
            raise _without(_name(function), name, value)


def _without(name: str, option: str, value: object) -> MissingRuleError:
    said = repr(value) if isinstance(value, (str, int, float)) else ""
    return _unsupported(name, f"there is no {option}={said} in its derivative rule")


def _unsupported(name: str, why: str) -> MissingRuleError:
    remedy = (
        "Choose with numpy.where(condition, a, b) instead of where=."
        if "where" in why
        else "Convert with numpy.astype(x, dtype) instead of dtype=."
        if "dtype" in why
        else "Write it with the arguments that tapegrad.numpy has for it."
    )
    return MissingRuleError(OPTION.format(function=name, why=why, where=at_line(), remedy=remedy))


def _name(function: Any) -> str:
    """The name under which the user knows a function: SciPy's ufuncs do not say whose they are."""
    name = function.__name__
    if isinstance(function, np.ufunc):
        return f"numpy.{name}" if getattr(np, name, None) is function else f"scipy.special.{name}"
    return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"


def _missing(table: Table, name: str) -> MissingRuleError:
    """The error for a NumPy function without a rule, with the supported one nearest in name."""
    known = sorted({_name(f).removeprefix("numpy.") for f in table if hasattr(f, "__name__")})
    near = difflib.get_close_matches(name.removeprefix("numpy."), known, n=3, cutoff=0.7)
    if name in INSTEAD:
        nearest = f"In its place: {INSTEAD[name]}."
    elif near:
        nearest = "The nearest that have one: " + ", ".join("numpy." + f for f in near) + "."
    else:
        nearest = "None of those that have one has a similar name."
    return MissingRuleError(MISSING_RULE.format(function=name, nearest=nearest, where=at_line()))
