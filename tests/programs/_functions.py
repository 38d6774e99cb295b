"""What programs are made of, read off the project's own records.

Every function that answers for one of NumPy's joins by the table, with the names and annotations of
its parameters; what else is public (`nn`, `special`) by its module. What a parameter may be is said
once for each name, in `_settings`.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np

import tapegrad as tg
from tapegrad._arraylike import ArrayLike
from tapegrad._tape import AnyOp, Op
from tapegrad._typing import Sample
from tapegrad.numpy import TABLE
from tapegrad.ops import ALL


@attrs.frozen
class Function:
    """A function that a program may call.

    text:       how it is written
    parameters: those of tapegrad's function, by which it is called
    more:       those that only NumPy's has: a traced value answers them as NumPy does, or refuses
    method:     whether arrays have it, too
    symbol:     the operator's, if it has one
    exact:      whether NumPy computes it in the same steps, so that no bit may differ
    samples:    where the tests evaluate the op
    """

    text: str
    parameters: tuple[inspect.Parameter, ...]
    more: tuple[inspect.Parameter, ...] = ()
    method: bool = False
    symbol: str = ""
    exact: bool = False
    samples: tuple[Sample, ...] = ()
    own: bool = True

    @property
    def operands(self) -> list[inspect.Parameter]:
        """The parameters that take values."""
        return [p for p in self.parameters if takes_values(p)]


def takes_values(parameter: inspect.Parameter) -> bool:
    """Whether a parameter is an operand, by its annotation."""
    text = str(parameter.annotation)
    return any(word in text for word in ("Operand", "Array", "Targets")) or parameter.name == "x"


def _signature(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    try:
        return tuple(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return ()


def _more(theirs: Any, ours: tuple[inspect.Parameter, ...]) -> tuple[inspect.Parameter, ...]:
    """NumPy's keywords that ours has not, but those that write, or are the first operands."""
    known = {p.name for p in ours}
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(
        p
        for p in _signature(theirs)
        if p.name not in known and p.default is not p.empty and p.kind in kinds
    )


def _name(function: Any) -> str:
    for module, text in ((np, "np"), (np.linalg, "np.linalg")):
        if getattr(module, function.__name__, None) is function:
            return f"{text}.{function.__name__}"
    raise LookupError(function)


def _answered() -> Iterator[Function]:
    """What answers for NumPy's functions."""
    by_function = {op.function: op for op in ALL}
    for theirs, answer in TABLE.items():
        if theirs is operator.getitem:
            continue
        op: AnyOp | None = answer if isinstance(answer, Op) else by_function.get(answer)
        ours = _signature(answer)
        name = theirs.__name__
        yield Function(
            text=_name(theirs),
            parameters=tuple(p for p in ours if p.name != "label"),
            more=_more(theirs, ours),
            method=hasattr(np.ndarray, name) and hasattr(ArrayLike, name),
            symbol=op.symbol if op is not None else "",
            exact=op is not None and (op.run is theirs or op.plain is theirs or op.kind == "layout"),
            samples=op.samples if op is not None else (),
        )


def _public() -> Iterator[Function]:
    """What tapegrad has beside NumPy's."""
    for module, text in ((tg.nn, "tg.nn"), (tg.special, "tg.special")):
        for name, thing in vars(module).items():
            if not callable(thing) or isinstance(thing, type) or name.startswith("_"):
                continue
            parameters = _signature(thing)
            if parameters and (takes_values(parameters[0]) or parameters[0].name == "params"):
                yield Function(f"{text}.{name}", parameters, exact=isinstance(thing, Op))


FUNCTIONS: tuple[Function, ...] = (*_answered(), *_public())
BY_TEXT = {function.text: function for function in FUNCTIONS}
