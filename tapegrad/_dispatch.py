"""What answers for a NumPy function on a traced value, and what is said if nothing can."""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ._errors import MissingRuleError, MutationError, at_line, library_call
from ._hints import INSTEAD, SET, WRITES, shown, without
from ._texts import (
    IN_PLACE_OPERATOR,
    MISSING_RULE,
    NO_HINT,
    NO_REMEDY,
    OPTION,
    OUT_ARGUMENT,
    WRITER,
)
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
        raise _writing(ufunc, name)
    if method == "at":
        raise _writer(name)
    if traced is None:
        raise missing(table, name)
    raise _without(name, {option: kwargs[option] for option in given})


def call_function(
    table: Table, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Value:
    """Another function of NumPy's, on arguments of which at least one is traced.

    Python binds them, since what answers has the parameters that NumPy's has. Only where it lacks
    one is NumPy's signature asked which it was, and whether more was said than its default.
    """
    if kwargs.get("out") is not None:
        raise _writing(function, _name(function))
    if function in _WRITERS and library_call() is None:  # numpy.full_like calls one, too
        raise _writer(_name(function))
    traced = table.get(function)
    if traced is None:
        raise missing(table, _name(function))
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
    if lacking := {name: value for name, value in kept.items() if name not in ours.parameters}:
        raise _without(_name(function), lacking)
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


# The operators that write into their left operand, and the functions that Python calls for them.
_IN_PLACE = {
    np.add: "+",
    np.subtract: "-",
    np.multiply: "*",
    np.divide: "/",
    np.floor_divide: "//",
    np.remainder: "%",
    np.power: "**",
    np.matmul: "@",
}


def _writing(function: Any, name: str) -> MutationError:
    """The error for out=, which is also what an augmented assignment comes as."""
    sign = _IN_PLACE.get(function)
    text = OUT_ARGUMENT if sign is None else IN_PLACE_OPERATOR
    return MutationError(text.format(function=name, sign=sign, where=at_line()))


def _writer(name: str) -> MutationError:
    remedy = shown(WRITES.get(name, SET))
    return MutationError(WRITER.format(function=name, where=at_line(), remedy=remedy))


def refusal(function: Callable[..., Any], **given: Any) -> MissingRuleError | MutationError:
    """The error for an option of NumPy's function that ours has not."""
    if "out" in given:
        return _writing(function, _name(function))
    return _without(_name(function), given)


def _without(name: str, given: Mapping[str, object]) -> MissingRuleError:
    said = [
        f"{option}={value!r}" if isinstance(value, (str, int, float)) else f"{option}="
        for option, value in given.items()
    ]
    # A hint for one option would forget the other, but where one cannot be without it.
    both = {*given} == {"where", "initial"} and name in ("numpy.max", "numpy.min")
    option = "where" if both else next(iter(given)) if len(given) == 1 else ""
    return _unsupported(name, f"there is no {' and no '.join(said)} in its derivative rule", option)


def _unsupported(name: str, why: str, option: str = "") -> MissingRuleError:
    ufunc = getattr(np, name.removeprefix("numpy."), None)
    operands = ufunc.nin if isinstance(ufunc, np.ufunc) else 0
    remedy = (option and without(name, option, operands)) or NO_REMEDY
    return MissingRuleError(OPTION.format(function=name, why=why, where=at_line(), remedy=remedy))


def _name(function: Any) -> str:
    """The name under which the user knows a function: SciPy's ufuncs do not say whose they are."""
    name = function.__name__
    if isinstance(function, np.ufunc):
        for module in ("numpy", "scipy.special"):
            if getattr(sys.modules.get(module), name, None) is function:
                return f"{module}.{name}"
        return str(name)  # one that the user has made
    return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"


def missing(table: Table, name: str | None) -> MissingRuleError:
    """The error for a function without a rule, with the supported one nearest in name: for that
    which the user calls, if it is a library's, else for this one.
    """
    name = library_call() or name or "this"
    if name in INSTEAD:
        remedy = shown(INSTEAD[name])
    else:
        known = sorted({_name(f).removeprefix("numpy.") for f in table if hasattr(f, "__name__")})
        near = difflib.get_close_matches(name.removeprefix("numpy."), known, n=3, cutoff=0.7)
        remedy = NO_HINT.format(
            nearest="Of those that have one, these have a similar name: "
            + ", ".join("numpy." + f for f in near)
            + "."
            if near
            else "None of those that have one has a similar name."
        )
    return MissingRuleError(MISSING_RULE.format(function=name, remedy=remedy, where=at_line()))
