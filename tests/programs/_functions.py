"""What programs are made of, read off the project's own records.

What answers for one of NumPy's functions joins by the table, with the names and annotations of its
parameters; what else is public, by its module (`nn`, `special`). What a parameter may be is said
once for each name, in `_settings`.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from inspect import Parameter
from typing import Any

import attrs
import numpy as np

import tapegrad as tg
from tapegrad import ops
from tapegrad._arraylike import ArrayLike
from tapegrad._tape import AnyOp, Op
from tapegrad._typing import Sample
from tapegrad.numpy import TABLE

from ._settings import SETTINGS


@attrs.frozen
class Function:
    """A function that a program may call.

    text:       how it is written
    parameters: by which it is called: those of tapegrad's function
    more:       those that only NumPy's has: a traced value answers them as NumPy does, or refuses
    method:     whether arrays have it, too
    symbol:     the operator's, if it has one
    exact:      whether NumPy computes it in the same steps, so that no bit may differ: ops run
                NumPy's functions, functions made of ops have their own formulas
    samples:    where the tests evaluate the op
    """

    text: str
    parameters: tuple[Parameter, ...]
    more: tuple[Parameter, ...] = ()
    method: bool = False
    symbol: str = ""
    exact: bool = False
    samples: tuple[Sample, ...] = ()


def takes_values(parameter: Parameter) -> bool:
    """Whether a parameter is an operand: what has a setting is none, whatever its annotation."""
    text = str(parameter.annotation)
    words = ("Operand", "Array", "Targets")
    return parameter.name not in SETTINGS and any(word in text for word in words)


def takes_several(parameter: Parameter) -> bool:
    """Whether it is several operands."""
    return parameter.kind is Parameter.VAR_POSITIONAL or "Sequence" in str(parameter.annotation)


def _parameters(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # functions in C do not always say
        return ()


def _more(theirs: Callable[..., Any], ours: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """NumPy's optional parameters that ours has not."""
    known = {p.name for p in ours}
    named = (Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    optional = [p for p in _parameters(theirs) if p.default is not p.empty and p.kind in named]
    return tuple(p for p in optional if p.name not in known)


def _name(function: Any) -> str:
    for module, text in ((np, "np"), (np.linalg, "np.linalg")):
        name = str(function.__name__)
        if getattr(module, name, None) is function:
            return f"{text}.{name}"
    raise LookupError(function)


def _answering() -> Iterator[Function]:
    """What answers for NumPy's functions, but for x[i], which is a statement of its own."""
    by_function = {op.function: op for op in ops.ALL}
    theirs: Any
    for theirs, answer in TABLE.items():
        if theirs in (operator.getitem, round):  # methods
            continue
        op: AnyOp | None = answer if isinstance(answer, Op) else by_function.get(answer)
        ours, name = _parameters(answer), str(getattr(theirs, "__name__", ""))
        yield Function(
            text=_name(theirs),
            parameters=tuple(p for p in ours if p.name != "label"),
            more=_more(theirs, ours),
            method=hasattr(np.ndarray, name) and hasattr(ArrayLike, name),
            symbol=op.symbol if op else "",
            exact=op is not None,
            samples=op.samples if op else (),
        )


def _public() -> Iterator[Function]:
    """What tapegrad has beside NumPy's: functions of values, or of a layer and values."""
    for module, text in ((tg.nn, "tg.nn"), (tg.special, "tg.special")):
        for name, thing in vars(module).items():
            parameters = _parameters(thing) if callable(thing) else ()
            if isinstance(thing, type) or name.startswith("_") or not parameters:
                continue
            if takes_values(parameters[0]) or parameters[0].name == "params":
                samples = thing.samples if isinstance(thing, Op) else ()
                yield Function(f"{text}.{name}", parameters, samples=samples)


FUNCTIONS: tuple[Function, ...] = (*_answering(), *_public())
EXACT = {f.text for f in FUNCTIONS if f.exact}
