"""The types that need nothing of tapegrad: shapes, axes, operands, rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar, TypeVarTuple

T = TypeVar("T")
Out = TypeVar("Out")
Aux = TypeVar("Aux")
# Parameters of a differentiated function: bound=Any, so that type checkers let a lambda's
# parameter, of which they know nothing, be anything.
P = TypeVar("P", bound=Any)
Q = TypeVar("Q", bound=Any)
Rest = ParamSpec("Rest")
Ts = TypeVarTuple("Ts")
_Out_co = TypeVar("_Out_co", covariant=True)

Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | tuple[int, ...] | None
# What an operation computes with: a number, an array, or a traced value of an outer tape. Which one
# it is, only the run can tell, and a rule must work for all of them: nothing better than Any.
Value: TypeAlias = Any
# The static parameters of one operation (axis=0, keepdims=True, ...), each op its own.
Params: TypeAlias = Mapping[str, Any]
Rule: TypeAlias = Callable[..., Value]
# The derivative of an elementwise op by one operand: partial(out, *args); None where there is none.
Partial: TypeAlias = Callable[..., Value] | None


class Function(Protocol[Rest, _Out_co]):
    """What transforms return: an object that is called with the parameters Rest."""

    def __call__(self, *args: Rest.args, **kwargs: Rest.kwargs) -> _Out_co: ...


class Rules(Protocol):
    """One rule for each operand, by the operand's number."""

    def __getitem__(self, operand: int, /) -> Rule | None: ...
