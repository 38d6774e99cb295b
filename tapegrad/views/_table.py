"""A tape as a table of text: one line for each operation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .._errors import Place
from .._node import Node
from .._tape import INPUT, plain_of, shape_of
from .._typing import Value
from ..ops import identity


def table(nodes: Sequence[Node], outputs: Sequence[int | None], title: str) -> str:
    """The nodes in order: position, name, what was computed of what, the value, the line.

    >>> import tapegrad as tg
    >>> recording = tg.record(lambda a, b: a * b + 10.0, 2.0, -3.0)
    >>> print(table(recording.tape, [3], "f"))  # doctest: +ELLIPSIS
    f: 4 nodes
      0  a  input      2.0
      1  b  input      -3.0
      2     a * b      -6.0  ...
    → 3     %2 + 10.0  4.0   ...
    """
    rows = []
    for position, node in enumerate(nodes):
        mark = "→" if position in outputs else " "
        row = (
            f"{mark} {position}",
            node.label or "",
            _expression(node, nodes),
            _short(node.value),
            _place(node.line),
        )
        rows.append(row)
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(5)]
    lines = [f"{title}: {len(nodes)} node{'s' * (len(nodes) != 1)}"]
    for first, *rest in rows:
        cells = [first[0] + " " + first[2:].rjust(widths[0] - 2)]
        cells += [cell.ljust(width) for cell, width in zip(rest, widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _expression(node: Node, nodes: Sequence[Node]) -> str:
    """The operation as it would be written: a * %1, sum(%2, axes=(0,))."""
    if node.op is INPUT:
        return "input"
    names = [(nodes[x].label or f"%{x}") if x.__class__ is int else _short(x) for x in node.inputs]
    if node.op is identity:
        return names[0]
    if node.op.symbol and len(names) == 2:
        return f"{names[0]} {node.op.symbol} {names[1]}"
    if node.op.symbol and len(names) == 1:
        return f"{node.op.symbol}{names[0]}"
    params = [f"{k}={v}" for k, v in node.params.items() if v is not False]
    return f"{node.op.name}({', '.join(names + params)})"


def _short(value: Value) -> str:
    """A number as it is, an array by dtype and shape."""
    value = plain_of(value)
    if isinstance(value, np.ndarray) and shape_of(value):
        return f"{value.dtype}[{', '.join(map(str, value.shape))}]"
    return repr(value.item() if isinstance(value, (np.ndarray, np.generic)) else value)


def _place(line: Place | None) -> str:
    """The user's line without the folder."""
    return f"{Path(line.file).name}:{line.line}" if line else ""
