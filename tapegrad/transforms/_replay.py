"""The two ways to walk a tape: backward with cotangents, forward with tangents.

Both are loops over a list. Rules compute with operations, so that where values are traced by an
outer tape the walk itself is recorded there, and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .._tape import Node
from .._typing import Rule, Value


def backward(
    nodes: Sequence[Node], seeds: Mapping[int, Value], inputs: int, *, consume: bool = False
) -> list[Value | None]:
    """The cotangents of the first ``inputs`` nodes, from cotangents of some nodes by position.

    None where nothing depends on an input. With ``consume``, ``nodes`` is a list that no one else
    needs: what has been used is dropped at once.
    """
    last = max(seeds, default=-1)
    cotangents: list[Value | None] = [None] * max(last + 1, inputs)
    for position, seed in seeds.items():
        cotangents[position] = seed
    if consume:
        del nodes[last + 1 :]  # type: ignore[attr-defined]
    for position in range(last, inputs - 1, -1):
        node = nodes[position]
        if consume:
            del nodes[position]  # type: ignore[attr-defined]
        g = cotangents.pop()
        if g is None:
            continue
        args = [nodes[p].value if p.__class__ is int else p for p in node.inputs]
        vjp = node.op.vjp
        for i, p in enumerate(node.inputs):
            if p.__class__ is not int:
                continue
            rule = vjp[i]
            if rule is None:
                continue
            try:
                c = rule(g, node.value, *args, **node.params)
            except ZeroDivisionError:
                c = _as_numpy(rule, g, node, args)
            before = cotangents[p]
            cotangents[p] = c if before is None else before + c
    return cotangents[:inputs]


def forward(nodes: Sequence[Node], tangents: Sequence[Value | None]) -> list[Value | None]:
    """The tangent of every node, from those of the first ones (the inputs); None is zero."""
    known: list[Value | None] = list(tangents)
    for node in nodes[len(known) :]:
        total: Value | None = None
        args: list[Value] | None = None
        for i, p in enumerate(node.inputs):
            t = known[p] if p.__class__ is int else None
            rule = node.op.jvp[i] if t is not None else None
            if rule is None:
                continue
            if args is None:
                args = [nodes[q].value if q.__class__ is int else q for q in node.inputs]
            try:
                part = rule(t, node.value, *args, **node.params)
            except ZeroDivisionError:
                part = _as_numpy(rule, t, node, args)
            total = part if total is None else total + part
        known.append(total)
    return known


def _as_numpy(rule: Rule, g: Value, node: Node, args: Sequence[Value]) -> Value:
    """A rule on Python floats that divides by zero, again by IEEE's rules: infinite, or NaN."""
    g, out, *rest = (np.float64(x) if x.__class__ is float else x for x in (g, node.value, *args))
    return rule(g, out, *rest, **node.params)
