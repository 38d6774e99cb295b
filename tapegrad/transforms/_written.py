"""Where an operation of a function is written: for an error that its derivative met."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .._errors import Line, user_line
from .._node import Record
from .._tape import AnyOp, Tape, Var
from ..numpy import TABLE
from ._boundary import Parts, traced


class _Reached(BaseException):  # no error, and not for the function to catch
    """The operation that was looked for is being appended."""


class _Search(Tape):
    """A tape that a function is run on once more, up to one position."""

    __slots__ = ("_position",)

    def __init__(self, function: object, position: int) -> None:
        super().__init__(TABLE, "grad", function)
        self._position = position

    def _push(self, record: Record) -> Var:
        if len(self.nodes) == self._position:
            raise _Reached(record.op, user_line())
        return super()._push(record)


def written_at(
    op: AnyOp,
    position: int,
    function: Callable[..., Any],
    arguments: Sequence[Any],
    kwargs: Mapping[str, Any],
    chosen: Mapping[int, Parts],
) -> Line | None:
    """The user's line where the function appends this op at this position; None if it does not.

    The function runs again, with the chosen arguments traced, as far as that position.
    """
    given = list(arguments)
    try:
        with np.errstate(all="ignore"), _Search(function, position) as tape:
            for i, parts in chosen.items():
                given[i] = traced(tape, parts)
            function(*given, **kwargs)
    except _Reached as reached:
        found, line = reached.args
        return line if found is op else None
    except Exception:  # noqa: BLE001  # the error that is told of is another one
        return None
    return None
