"""The types that need nothing of tapegrad: shapes, axes, operands, rules, samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    ParamSpec,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    TypeVarTuple,
)

import attrs
import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:
    from ._tape import Trace

T = TypeVar("T")
Out = TypeVar("Out")
Aux = TypeVar("Aux")
# Parameters of a differentiated function: bound=Any, so that type checkers let a lambda's
# parameter, of which they know nothing, be anything.
P = TypeVar("P", bound=Any)
Q = TypeVar("Q", bound=Any)
Rest = ParamSpec("Rest")
Ts = TypeVarTuple("Ts")
Out_co = TypeVar("Out_co", covariant=True)

Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | tuple[int, ...] | None
DType: TypeAlias = DTypeLike | None
Order: TypeAlias = Literal["C", "F"]  # which axis of the elements' order is the quickest
Layout: TypeAlias = Literal["K", "A", "C", "F"]  # how an array lies in memory; no value shows it
# How NumPy sorts: without a name as it thinks best, ties in any order.
Sorting: TypeAlias = Literal["quicksort", "heapsort", "mergesort", "stable"] | None
Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]
# What an operation computes with: a number, an array, or a traced value of an outer tape. Which one
# it is, only the run can tell, and a rule must work for all of them: nothing better than Any.
Value: TypeAlias = Any
Args: TypeAlias = Sequence[Value]  # the operands of one operation
Flags: TypeAlias = Sequence[bool]  # which of them have examples along axis 0
# The static parameters of one operation (axis=0, keepdims=True, ...), each op its own.
Params: TypeAlias = Mapping[str, Any]
NO_PARAMS: Params = MappingProxyType({})


def settled(params: Params) -> Params:
    """A copy of parameters that no one can write into."""
    return MappingProxyType(dict(params))


class Traced:
    """What a traced value is made of; `_tape.Var` is the one class that inherits."""

    __slots__ = ("_index", "_trace", "_value")

    # No __init__: `_tape.handle` makes one sooner (bench/NOTES.md).
    _trace: Trace
    _index: int  # where it stands on a tape; not set in a batch
    _value: Value


Rule: TypeAlias = Callable[..., Value]
# The derivative of an elementwise op by one operand: partial(out, *args); None where there is none.
Partial: TypeAlias = Callable[..., Value] | None


# What an op computes: its value from plain operands.
Run: TypeAlias = Callable[..., Value]
# elementwise: each element of the output is made of those that broadcast to its place
# reduction:   each element of the output is made of those along params["axes"]
# layout:      each element of the output is an element of an operand, or zero; shapes, parameters
#              and operands that are indices tell which
# opaque:      only running it tells
Kind: TypeAlias = Literal["elementwise", "reduction", "layout", "opaque"]


@attrs.frozen
class Sample:
    """Where the tests evaluate an op: a function that draws the operands, and the parameters."""

    draw: Callable[[np.random.Generator], tuple[Value, ...]]
    params: Params = NO_PARAMS


class FunctionLike:
    """What looks like the function it is made of to help(), inspect and doctest."""

    def imitate(self, of: Any) -> None:
        """Take over what a function has; of None, no docstring, which would be the class's."""
        self.__dict__["__doc__"] = None
        if of is not None:
            self.__dict__["__name__"] = getattr(of, "__name__", None) or repr(of)
            for name in ("__doc__", "__module__", "__qualname__", "__annotations__"):
                self.__dict__[name] = getattr(of, name, None)
            self.__dict__["__wrapped__"] = of

    def __get__(self, instance: object, owner: object = None) -> Self:
        return self  # what has only a __get__ is a function to help()


class Function(Protocol[Rest, Out_co]):
    """What transforms return: an object that is called with the parameters Rest."""

    def __call__(self, *args: Rest.args, **kwargs: Rest.kwargs) -> Out_co: ...


class Rules(Protocol):
    """One rule for each operand, by the operand's number."""

    def __len__(self) -> int: ...

    def __getitem__(self, operand: int, /) -> Rule | None: ...
