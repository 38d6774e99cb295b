"""The two ways to walk a tape: backward with cotangents, forward with tangents.

Both are loops over a list; what `backward` gives is said in fifteen lines in `_adjoint`. Rules
compute with operations, so that where values are traced by an outer tape the walk itself is
recorded there, and can be differentiated again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .._node import Binary, Record
from .._typing import Value
from .._values import is_floating
from ..ops._elementwise import first, one, second
from ._adjoint import REFUSALS, added, by_ieee, operands, ruled


def backward(  # noqa: C901, PLR0912  # written out, for the reason given below
    nodes: Sequence[Record], seeds: Mapping[int, Value], inputs: int, *, consume: bool = False
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
        del nodes[last + 1 :]  # type: ignore[attr-defined]  # a list
    take = cotangents.pop
    for node in _from_the_end(nodes, last, inputs, consume):
        g = take()
        if g is None:
            continue
        if type(node) is not Binary:
            pull = _pull_number if node.value.__class__ is float and node.op.partials else _pull
            pull(node, g, nodes, cotangents)
            continue
        if node.value.__class__ is not float:
            _pull_binary(node, g, nodes, cotangents)
            continue
        # As _pull_number does it, without a loop or a call: arithmetic on plain numbers, of which
        # a program of numbers consists almost alone.
        p: Value = node.left
        q: Value = node.right
        by_p: Any
        by_q: Any
        by_p, by_q = node.op.partials
        if p.__class__ is int:
            if by_p is one:
                c = g
            elif by_p is second:
                c = g * (nodes[q].value if q.__class__ is int else q)
            else:
                c = g * _at(by_p, node, nodes)
            before = cotangents[p]
            cotangents[p] = c if before is None else before + c
        if q.__class__ is int:
            if by_q is one:
                c = g
            elif by_q is first:
                c = g * (nodes[p].value if p.__class__ is int else p)
            else:
                c = g * _at(by_q, node, nodes)
            before = cotangents[q]
            cotangents[q] = c if before is None else before + c
    return cotangents[:inputs]


def _from_the_end(
    nodes: Sequence[Record], last: int, inputs: int, consume: bool
) -> Iterator[Record]:
    """The nodes at positions last, ..., inputs; with ``consume``, each is dropped when due."""
    if consume:  # a list
        return map(list.pop, itertools.repeat(nodes, last + 1 - inputs))  # type: ignore[arg-type]
    return map(nodes.__getitem__, range(last, inputs - 1, -1))


def _at(partial: Callable[..., Value], node: Record, nodes: Sequence[Record]) -> Value:
    """A partial derivative at a node's operands."""
    return ruled(partial, node.value, *operands(node.inputs, nodes))


def _pull(node: Record, g: Value, nodes: Sequence[Record], cotangents: list[Value | None]) -> None:
    """Add what the node's inputs get of its cotangent, by the op's rules."""
    inputs = node.inputs
    args = operands(inputs, nodes)
    params = node.params
    vjp = node.op.vjp
    for i, p in enumerate(inputs):
        if p.__class__ is not int or (rule := vjp[i]) is None or not is_floating(args[i]):
            continue
        try:
            c = rule(g, node.value, *args, **params) if params else rule(g, node.value, *args)
        except REFUSALS:
            c = by_ieee(rule, g, node.value, *args, **params)
        if c is not None:
            before = cotangents[p]
            cotangents[p] = c if before is None else before + c


def _pull_binary(
    node: Binary, g: Value, nodes: Sequence[Record], cotangents: list[Value | None]
) -> None:
    """The same, written out for two operands (bench/NOTES.md has what that brings)."""
    p, q = node.left, node.right
    x: Value = nodes[p].value if p.__class__ is int else p
    y: Value = nodes[q].value if q.__class__ is int else q
    out = node.value
    rules: Any = node.op.vjp
    if p.__class__ is int:
        try:
            c = rules[0](g, out, x, y)
        except REFUSALS:
            c = by_ieee(rules[0], g, out, x, y)
        before = cotangents[p]
        cotangents[p] = c if before is None else before + c
    if q.__class__ is int:
        c = rules[1](g, out, x, y)  # what divides by y has refused in f
        before = cotangents[q]
        cotangents[q] = c if before is None else before + c


def _pull_number(
    node: Record, g: Value, nodes: Sequence[Record], cotangents: list[Value | None]
) -> None:
    """The same for an elementwise op on plain numbers, by its partial derivatives.

    Nothing was broadcast or converted, so they are all there is to it.
    """
    for p, partial in zip(node.inputs, node.op.partials):
        if p.__class__ is int and partial is not None and is_floating(nodes[p].value):
            c = g * _at(partial, node, nodes)
            before = cotangents[p]
            cotangents[p] = c if before is None else before + c


def forward(
    nodes: Sequence[Record], tangents: Sequence[Value | None], wanted: Iterable[int]
) -> list[Value | None]:
    """The tangent of every node that the wanted ones need, from those of the first ones (the
    inputs); None is zero.
    """
    known: list[Value | None] = list(tangents)
    needed = _needed(nodes, len(known), wanted)
    for position in range(len(known), len(nodes)):
        node = nodes[position]
        total: Value | None = None
        for i, p in enumerate(node.inputs) if needed[position] else ():
            t = known[p] if p.__class__ is int else None
            rule = node.op.jvp[i] if t is not None else None
            if rule is None:
                continue
            args = operands(node.inputs, nodes)
            total = added(total, ruled(rule, t, node.value, *args, **node.params))
        known.append(total)
    return known


def _needed(nodes: Sequence[Record], inputs: int, wanted: Iterable[int]) -> bytearray:
    """Whether a tangent of each node after the inputs moves one of those that are wanted."""
    needed = bytearray(len(nodes))
    for position in wanted:
        needed[position] = True
    for position in range(len(nodes) - 1, inputs - 1, -1):
        if needed[position]:
            node = nodes[position]
            for i, p in enumerate(node.inputs):
                if p.__class__ is int and node.op.jvp[i] is not None:
                    needed[p] = True
    return needed
