"""What answers for a NumPy function on a traced value, and what is said if nothing can."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ._errors import MissingRuleError, MutationError, at_line
from ._hints import INSTEAD, shown, spelled
from ._library import Call, is_default, library_call
from ._options import SET, WRITES, without
from ._texts import (
    IN_PLACE_OPERATOR,
    MASKED,
    MISSING_RULE,
    NO_HINT,
    NO_REMEDY,
    OF_A_LIST,
    OPTION,
    OURS,
    OUT_ARGUMENT,
    SIMILAR,
    WRITER,
)
from ._typing import Value
from ._values import Traced, dtype_of

# What answers for a NumPy function: an Op, or a function made of Ops, under the NumPy function.
Table: TypeAlias = Mapping[Callable[..., Any], Callable[..., Any]]

_WRITERS = (np.copyto, np.put, np.place, np.putmask, np.put_along_axis, np.fill_diagonal)


# What NumPy's functions have for a default where None says something.
NO_VALUE: Any = np._NoValue

# What a ufunc's options are where they are not given.
_OPTIONS: Mapping[str, Any] = {
    "out": None,
    "where": True,
    "axes": NO_VALUE,
    "axis": NO_VALUE,
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
    given = [key for key, value in kwargs.items() if not _is_option(key, value)] if kwargs else []
    if traced is not None and not given:
        return traced(*inputs)
    name = _name(ufunc) + ("" if method == "__call__" else f".{method}")
    if kwargs.get("out") is not None:
        raise _writing(ufunc, name)
    if method == "at":
        raise _writer(name)
    options = {option: kwargs[option] for option in given}
    if traced is None:
        raise missing(table, library_call() or Call(name, given=options))
    cast = "dtype" not in options or _is_of_operands(ufunc, inputs, options["dtype"])
    raise _without(name, options, ufunc.nin if cast else 0)


def _is_of_operands(ufunc: np.ufunc, inputs: Sequence[Value], dtype: Any) -> bool:
    """Whether dtype= is what the operands are cast to; NumPy's TypeError, if they cannot be."""
    wanted = np.dtype(dtype)
    signature = (*(None,) * ufunc.nin, wanted)
    try:
        found = ufunc.resolve_dtypes((*map(dtype_of, inputs), None), signature=signature)
    except TypeError as error:
        raise TypeError(f"{error}{at_line()}") from None
    return all(one == wanted for one in found[: ufunc.nin])


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
        given = _given(function, args, kwargs)
        raise missing(table, library_call() or Call(_name(function), function, given))
    for value in (*args, *kwargs.values()):
        if value is NO_VALUE:
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
        kept, operands = _bound(function, args, kwargs)
    except ValueError:  # before 2.4, NumPy does not say for all that are written in C
        raise _unsupported(_name(function), str(unbound(traced, args, kwargs))) from None
    if lacking := {name: value for name, value in kept.items() if name not in ours.parameters}:
        raise _without(_name(function), lacking)
    bound = inspect.BoundArguments(ours, kept)
    args, kwargs = (*bound.args, *operands), bound.kwargs
    if (why := unbound(traced, args, kwargs)) is not None:
        name = _name(function)
        raise _unsupported(name, why, shown(INSTEAD[name]) if name in INSTEAD else "")
    return args, kwargs


def _bound(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    """The arguments of NumPy's function that are not its defaults, by name, and those of *args.

    Raises ValueError where it has no signature.
    """
    bound = inspect.signature(function).bind(*args, **kwargs)
    operands: tuple[Any, ...] = ()
    given: dict[str, Any] = {}
    parameters = bound.signature.parameters
    for name, value in bound.arguments.items():
        parameter = parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            operands = value
        elif parameter.kind is parameter.VAR_KEYWORD:  # a ufunc's, or ours has them
            given |= {key: x for key, x in value.items() if not _is_option(key, x)}
        elif value is not NO_VALUE and not is_default(value, parameter.default):
            given[name] = value
    return given, operands


def _given(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """The same for a message: as far as it is known."""
    try:
        return _bound(function, args, kwargs)[0]
    except ValueError:  # before 2.4
        return dict(kwargs)


def _is_option(name: str, value: object) -> bool:
    """Whether an option of a ufunc is what it would be anyway."""
    return is_default(value, _OPTIONS.get(name, inspect.Parameter.empty))


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


def _without(name: str, given: Mapping[str, object], operands: int = 0) -> MissingRuleError:
    why = f"there is no {spelled(given, ' and no ')} in its derivative rule"
    return _unsupported(name, why, without(name, given, operands))


def _unsupported(name: str, why: str, remedy: str = "") -> MissingRuleError:
    said = {"function": name, "why": why, "where": at_line(), "remedy": remedy or NO_REMEDY}
    return MissingRuleError(OPTION.format(**said))


def _name(function: Any) -> str:
    """The name under which the user knows a function: SciPy's ufuncs do not say whose they are."""
    name = function.__name__
    if isinstance(function, np.ufunc):
        for module in ("numpy", "scipy.special"):
            if getattr(sys.modules.get(module), name, None) is function:
                return f"{module}.{name}"
        return str(name)  # one that the user has made
    return f"{getattr(function, '__module__', None) or 'numpy'}.{name}"


def missing(table: Table, call: Call) -> MissingRuleError:
    """The error for a call of a function without a rule, or past its rule."""
    text, said = MISSING_RULE, {"function": call.name, "where": at_line()}
    if call.name.startswith("numpy.ma."):
        said["remedy"] = MASKED
    elif any(call.function is known for known in table):
        text, said["instead"], said["code"] = _past_the_rule(call)
    elif call.name in INSTEAD:
        said["remedy"] = shown(INSTEAD[call.name], call.given)
    else:
        said["remedy"] = _similar(table, call.name) + NO_HINT
    return MissingRuleError(text.format(**said))


def _past_the_rule(call: Call) -> tuple[str, str, str]:
    """What is said where NumPy did not see that an argument is traced, as it does not in lists: the
    text, the call, and what to write.
    """
    lists = {name: value for name, value in call.given.items() if _holds_traced(value)}
    theirs, ours = [], []
    for name, parameter in inspect.signature(call.function).parameters.items():
        if name in call.given:
            required = parameter.default is parameter.empty
            theirs.append(name if required else f"{name}={name}")
            ours.append(theirs[-1])
            if name in lists:
                ours[-1] = theirs[-1].removesuffix(name) + _stacked(name, lists[name])
    instead, code = (f"{call.name}({', '.join(args)})" for args in (theirs, ours))
    return (OF_A_LIST, instead, code) if lists else (OURS, instead, f"tapegrad.{code}")


def _holds_traced(value: object) -> bool:
    """Whether it is a list of traced values, or of such lists."""
    return isinstance(value, (list, tuple)) and any(
        isinstance(x, Traced) or _holds_traced(x) for x in value
    )


def _stacked(name: str, value: Any) -> str:
    """The array that is meant by a list."""
    nested = any(isinstance(x, (list, tuple)) for x in value)
    return f"numpy.stack({f'[numpy.stack(row) for row in {name}]' if nested else name})"


def _similar(table: Table, name: str) -> str:
    """The functions that have a rule, and a word of this one's name."""
    last = name.rpartition(".")[2]
    words = {*last.split("_"), last.removeprefix("nan")} - {last}
    known = sorted({_name(f) for f in table if getattr(f, "__name__", None) in words})
    return SIMILAR.format(names=", ".join(known)) if known else ""
