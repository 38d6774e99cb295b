"""Lists of operations as text: one aligned line for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ._errors import Line
from ._typing import Value
from ._values import dtype_of, plain_of, shape_of

if TYPE_CHECKING:
    from ._tape import AnyOp


def listing(
    name: str, unit: str, rows: Sequence[Sequence[str]], marked: Sequence[int | None]
) -> str:
    """Rows under a title, each with its position, and an arrow at those that are marked.

    >>> print(listing("f", "step", [("a", "input"), ("", "a + 1.0")], [1]))
    f: 2 steps
      0  a  input
    → 1     a + 1.0
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    digits = len(str(len(rows) - 1))
    lines = [f"{name}: {len(rows)} {unit}{'s' * (len(rows) != 1)}"]
    for position, row in enumerate(rows):
        cells = ("→" if position in marked else " ") + f" {position:>{digits}}"
        padded = (cell.ljust(width) for cell, width in zip(row, widths))
        lines.append("  ".join((cells, *padded)).rstrip())
    return "\n".join(lines)


def expression(op: AnyOp, operands: Sequence[str], params: Mapping[str, Any]) -> str:
    """The operation as it would be written: a * %1, sum(%2, axes=(0,))."""
    if op.name == "input":
        return "input"
    if op.name == "constant":
        return "constant" if shape_of(params["value"]) else f"constant {short(params['value'])}"
    if op.name == "identity":
        return operands[0]
    if op.symbol and len(operands) == 2:
        return f"{operands[0]} {op.symbol} {operands[1]}"
    if op.symbol and len(operands) == 1:
        return f"{op.symbol}{operands[0]}"
    settings = [f"{k}={v}" for k, v in params.items() if v is not False and v != ()]
    return f"{op.name}({', '.join([*operands, *settings])})"


def short(value: Value) -> str:
    """A number as it is, an array by dtype and shape."""
    value = plain_of(value)
    if hasattr(value, "parts"):
        return f"({', '.join(map(short, value.parts))})"
    if shape := shape_of(value):
        return f"{dtype_of(value)}[{', '.join(map(str, shape))}]"
    return repr(value.item() if isinstance(value, (np.ndarray, np.generic)) else value)


def place(line: Line | None) -> str:
    """The user's line without the folder."""
    return f"{Path(line.file).name}:{line.line}" if line else ""
