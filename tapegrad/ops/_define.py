"""How an op is made: a decorator that takes the mathematics, over the typed function of the user.

The function of an op whose parameters have one form only has a docstring for a body. Where the user
may give them in several (axis=-1, None, a tuple), the op is `parametric`: the body works them out
and calls ``bind``. A function made of ops is an ordinary function under ``answers``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, Required, TypedDict, TypeVar, Unpack

import numpy as np

from .._tape import AnyOp, Batching, Op, Var
from .._typing import (
    Args,
    Flags,
    Kind,
    Out,
    Out_co,
    Params,
    Partial,
    Rest,
    Rule,
    Rules,
    Run,
    Sample,
    Value,
)
from .._values import dtype_of, plain_of

F = TypeVar("F", bound=Callable[..., Any])


class Parametric(Op[Rest, Out_co]):
    """An op whose parameters the user gives in other forms (axis=-1 for axes=(1,)): called, it is
    its ``function``, which works them out and calls ``bind``, as rules do.
    """

    def __call__(self, *args: Rest.args, **kwargs: Rest.kwargs) -> Out_co:
        """Apply the op as NumPy's function is applied."""
        return self.function(*args, **kwargs)  # type: ignore[misc]  # it is there


class Operator(Op[Rest, Out_co]):
    """An op whose ``run`` is Python's operator, which takes Python's numbers as Python does.

    Called, it is NumPy's function, which makes NumPy's numbers of them.
    """

    def __call__(self, *args: Rest.args, **kwargs: Rest.kwargs) -> Out_co:
        """Apply the op as NumPy's function is applied."""
        given: Any = args
        if not any(hasattr(plain_of(x), "dtype") for x in args):
            given = map(numpys, args)
        return super().__call__(*given, **kwargs)


def numpys(x: Value) -> Value:
    """A traced number of Python's as NumPy's; NumPy's functions convert a plain one themselves."""
    return x if hasattr(plain_of(x), "dtype") or x.__class__ is not Var else x.astype(dtype_of(x))


class Maker(Protocol):
    """What makes an op of a function with the op's signature and docstring."""

    def __call__(self, function: Callable[Rest, Out], /) -> Op[Rest, Out]: ...


class Fields(TypedDict, total=False):
    """What is said of an op in its statement: see `Op`."""

    run: Required[Run]
    vjp: Required[Rules]
    jvp: Rules
    batch: Required[Batching]
    partials: tuple[Partial, ...]
    symbol: str
    samples: tuple[Sample, ...]
    plain: Run


def primitive(
    *answers: Callable[..., Any],
    kind: Kind = "opaque",
    parametric: bool = False,
    operator: bool = False,
    **fields: Unpack[Fields],
) -> Maker:
    """The op with these fields (see `Op`), which answers for these functions of NumPy's."""

    def make(function: Callable[Rest, Out], /) -> Op[Rest, Out]:
        made: type[AnyOp] = Parametric if parametric else Operator if operator else Op
        name = function.__name__
        op: Any = made(name=name, function=function, answers=answers, kind=kind, **fields)
        return op

    return make


def answers(*functions: Callable[..., Any]) -> Callable[[F], F]:
    """The function itself, which says that it answers for these of NumPy's."""

    def mark(function: F) -> F:
        vars(function)["answers"] = functions
        return function

    return mark


class Variadic(Rules):
    """The rules of an op of any number of operands: those of the first ones, then one for each of
    the rest, which is told which operand, or None.
    """

    def __init__(self, *leading: Rule | None, rest: Rule | None = None) -> None:
        self._leading = leading
        self._rest = rest

    def __len__(self) -> int:
        return len(self._leading)

    def __getitem__(self, operand: int, /) -> Rule | None:
        if operand < len(self._leading):
            return self._leading[operand]
        rest = self._rest
        if rest is None:
            return None
        return lambda g, out, *args, **params: rest(operand, g, out, *args, **params)


# Batch rules -------------------------------------------------------------------------------------
def on_stacks(op: AnyOp, size: int, batched: Flags, args: Args, params: Params) -> Value:
    """Of an op that takes stacks of what it takes, and has one operand with a derivative."""
    return op.bind(*args, **params)


def along_axis(op: AnyOp, size: int, batched: Flags, args: Args, params: Params) -> Value:
    """Of an op along the one axis ``axis``."""
    return op.bind(*args, **{**params, "axis": params["axis"] + 1})


def along_axes(op: AnyOp, size: int, batched: Flags, args: Args, params: Params) -> Value:
    """Of an op along ``axes``."""
    return op.bind(*args, **{**params, "axes": tuple(axis + 1 for axis in params["axes"])})


# Samples -----------------------------------------------------------------------------------------
def normal(*shapes: tuple[int, ...], **params: Any) -> Sample:
    """Operands of these shapes, normally distributed."""
    return Sample(lambda rng: tuple(rng.normal(size=shape) for shape in shapes), params)


def drawn(draw: Callable[[np.random.Generator], tuple[Value, ...]], **params: Any) -> Sample:
    """Operands as ``draw`` makes them."""
    return Sample(draw, params)
