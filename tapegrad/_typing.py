"""The types that need nothing of tapegrad: shapes, axes, operands, rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
R = TypeVar("R")
Rest = ParamSpec("Rest")
Aux = TypeVar("Aux")

Shape: TypeAlias = tuple[int, ...]
Axis: TypeAlias = int | tuple[int, ...] | None
Number: TypeAlias = float | int | np.number[Any] | np.bool
# What an operation computes with: a number, an array, or a traced value of an outer tape. Which one
# it is, only the run can tell, and a rule must work for all of them: nothing better than Any.
Value: TypeAlias = Any
# The static parameters of one operation (axis=0, keepdims=True, ...), each op its own.
Params: TypeAlias = Mapping[str, Any]
IndexItem: TypeAlias = (
    int | slice | None | EllipsisType | NDArray[np.integer[Any]] | NDArray[np.bool] | list[int]
)
Rule: TypeAlias = Callable[..., Value]


class Rules(Protocol):
    """One rule for each operand, by the operand's number."""

    def __getitem__(self, operand: int, /) -> Rule | None: ...
