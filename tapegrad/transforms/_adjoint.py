"""Reverse mode as one reads it: the walk that says what `_replay.backward`, the fast one, gives.

Each node, the last first, has by then received all of its cotangent, the derivative of the output
by its value, and passes to each operand what the op's rule makes of it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._node import Record
from .._typing import Rule, Value
from .._values import Traced, is_floating
from ..ops._bundle import Bundle
from ..ops._shape import astype


def adjoints(nodes: Sequence[Record], seeds: Mapping[int, Value]) -> list[Value | None]:
    """The cotangent of every node, from those of some by position; None where it is zero."""
    cotangents: list[Value | None] = [seeds.get(position) for position in range(len(nodes))]
    for position in reversed(range(len(nodes))):
        node, g = nodes[position], cotangents[position]
        if g is None:
            continue
        args = operands(node.inputs, nodes)
        for i, p in enumerate(node.inputs):
            rule = node.op.vjp[i] if p.__class__ is int else None  # anything else is a constant
            if rule is not None and is_floating(args[i]):
                part = ruled(rule, g, node.value, *args, **node.params)
                cotangents[p] = added(cotangents[p], part)
    return cotangents


def operands(inputs: Sequence[Value], nodes: Sequence[Record]) -> list[Value]:
    """The values of a node's inputs."""
    return [nodes[p].value if p.__class__ is int else p for p in inputs]


def added(total: Value | None, part: Value | None) -> Value | None:
    """The sum of two cotangents or tangents of which each may be None, which is zero."""
    return part if total is None else total if part is None else total + part


def seeded(places: Sequence[int | None], given: Sequence[Value]) -> dict[int, Value]:
    """Cotangents by the positions that they belong to; those of one position add up, and what has
    none is left out.
    """
    seeds: dict[int, Value] = {}
    for place, g in zip(places, given):
        if place is not None:
            seeds[place] = added(seeds.get(place), g)
    return seeds


# What Python's floats raise where NumPy's numbers are infinite or NaN. A FloatingPointError is
# NumPy's, and stands.
REFUSALS = (ZeroDivisionError, OverflowError)


def ruled(rule: Rule, *values: Value, **params: Any) -> Value | None:
    """What a rule gives; where Python's floats refuse (1 / 0, overflow), as NumPy has it."""
    try:
        return rule(*values, **params)
    except REFUSALS:
        return by_ieee(rule, *values, **params)


def by_ieee(rule: Rule, *values: Value, **params: Any) -> Value | None:
    """What a rule gives of NumPy's numbers, not Python's: infinity, or NaN."""
    given = [_numpys(x, sys.exception()) for x in values]
    return rule(*given, **params)


def _numpys(x: Value, error: BaseException | None) -> Value:
    """A Python float as NumPy's number; a traced one, too, whose traces forget the error."""
    if isinstance(x, Bundle):
        return x.map(lambda each: _numpys(each, error))
    outer = x
    while isinstance(outer, Traced):
        outer._trace.forgive(error)
        outer = outer._value
    if outer.__class__ is not float:
        return x
    return np.float64(x) if x is outer else astype.bind(x, dtype=np.dtype(np.float64))
