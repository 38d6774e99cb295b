"""The two ways to walk a tape: backward with cotangents, forward with tangents.

Both are loops over a list. Rules compute with operations, so that where values are traced by an
outer tape the walk itself is recorded there, and can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
        node = nodes.pop() if consume else nodes[position]  # type: ignore[attr-defined]
        g = cotangents.pop()
        if g is None:
            continue
        if node.op.partials and node.value.__class__ is float:
            _pull_number(node, g, nodes, cotangents)
        else:
            _pull(node, g, nodes, cotangents)
    return cotangents[:inputs]


def _operands(node: Node, nodes: Sequence[Node]) -> list[Value]:
    return [nodes[p].value if p.__class__ is int else p for p in node.inputs]


def _pull(node: Node, g: Value, nodes: Sequence[Node], cotangents: list[Value | None]) -> None:
    """Add what the node's inputs get of its cotangent, by the op's rules."""
    args = _operands(node, nodes)
    params = node.params
    vjp = node.op.vjp
    for i, p in enumerate(node.inputs):
        if p.__class__ is not int or (rule := vjp[i]) is None:
            continue
        try:
            c = rule(g, node.value, *args, **params) if params else rule(g, node.value, *args)
        except ArithmeticError:
            c = _by_ieee(rule, g, node.value, *args, **params)
        before = cotangents[p]
        cotangents[p] = c if before is None else before + c


def _pull_number(
    node: Node, g: Value, nodes: Sequence[Node], cotangents: list[Value | None]
) -> None:
    """The same for an elementwise op on plain numbers: nothing was broadcast or converted, so the
    partial derivatives are all there is to it.
    """
    args: list[Value] | None = None
    for partial, p in zip(node.op.partials, node.inputs):
        if p.__class__ is not int or partial is None:
            continue
        if partial.__class__ is int:
            c = g if partial == 1 else -g
        else:
            if args is None:
                args = _operands(node, nodes)
            try:
                c = g * partial(node.value, *args)  # type: ignore[operator]
            except ArithmeticError:
                c = g * _by_ieee(partial, node.value, *args)  # type: ignore[arg-type]
        before = cotangents[p]
        cotangents[p] = c if before is None else before + c


def forward(nodes: Sequence[Node], tangents: Sequence[Value | None]) -> list[Value | None]:
    """The tangent of every node, from those of the first ones (the inputs); None is zero."""
    known: list[Value | None] = list(tangents)
    for node in nodes[len(known) :]:
        total: Value | None = None
        for i, p in enumerate(node.inputs):
            t = known[p] if p.__class__ is int else None
            rule = node.op.jvp[i] if t is not None else None
            if rule is None:
                continue
            args = _operands(node, nodes)
            try:
                part = rule(t, node.value, *args, **node.params)
            except ArithmeticError:
                part = _by_ieee(rule, t, node.value, *args, **node.params)
            total = part if total is None else total + part
        known.append(total)
    return known


def _by_ieee(rule: Rule, *values: Value, **params: Any) -> Value:
    """A rule that Python's floats refused (1 / 0, overflow), as NumPy has it: infinite, or NaN."""
    return rule(*(np.float64(x) if x.__class__ is float else x for x in values), **params)
