"""Trees in and out: from the user's trees to traced values and back, in the kinds that came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np

from .. import tree
from .._errors import LeafError, OutputError, ShapeError, describe
from .._structure import difference
from .._tape import Tape, Trace, Var, escaped
from .._texts import COMPLEX_LEAF, INTEGER_LEAF, NOT_A_NUMBER, SETTING_LEAF, UNKNOWN_LEAF
from .._typing import T, Value
from .._values import (
    is_complex,
    is_floating,
    is_operand,
    is_truth,
    like,
    operand,
    plain_of,
    shape_of,
)

# The leaves of an argument, and its structure.
Parts: TypeAlias = tuple[list[Value], tree.Structure]


def a_function(transform: object, field: attrs.Attribute[Any], value: object) -> None:
    """What a transform takes, as a validator: tapegrad.grad(f)(x), not tapegrad.grad(f(x))."""
    check_function(value, "Write transform(f)(x), not transform(f(x)).")


def check_function(value: object, remedy: str) -> None:
    """Raise TypeError for what cannot be called."""
    if not callable(value):
        raise TypeError(f"expected a function to transform, got {describe(value)}\n{remedy}")


def parameters(given: object, name: str, *, differentiable: bool = True) -> Parts:
    """The leaves that something is differentiated by, Python ints as floats, and their structure.

    Not ``differentiable``: those that a program may depend on, integers and truths as they are.
    Raises LeafError, naming the path, for other leaves.
    """
    leaves, structure = tree.flatten(given)
    for i, leaf in enumerate(leaves):
        kind = leaf.__class__
        if kind is float or (kind is np.ndarray and leaf.dtype.kind == "f"):
            continue
        if kind is int or (isinstance(leaf, Var) and plain_of(leaf).__class__ is int):
            leaves[i] = leaf * 1.0 if differentiable else leaf
            continue
        if not is_operand(leaf) or (differentiable and not is_floating(leaf)):
            raise _leaf_error(structure.paths(name)[i], leaf)
        check_alive(leaf)
        leaves[i] = operand(leaf)
    return leaves, structure


def _leaf_error(path: str, leaf: Any) -> LeafError:
    text = UNKNOWN_LEAF
    if is_operand(leaf):
        text = SETTING_LEAF if is_truth(leaf) else INTEGER_LEAF
    elif is_complex(leaf):
        text = COMPLEX_LEAF
    return LeafError(text.format(path=path, got=describe(leaf)))


def traced(tape: Tape, parts: Parts) -> Any:
    """The tree with a traced value in place of each leaf."""
    leaves, structure = parts
    return tree.unflatten(structure, [tape.input(leaf) for leaf in leaves])


def stripped(trace: Trace, leaves: Sequence[Value]) -> list[Value]:
    """Leaves as they go out: a trace's own values replaced by what they stand for.

    Raises EscapedError for a traced value whose trace has ended, within an array of objects, too.
    """
    return [
        x._value if x.__class__ is Var and x._trace is trace else check_alive(x) for x in leaves
    ]


def outputs(out: object, transform: str, function: str) -> Parts:
    """The leaves of what a function returned, each a floating-point number or array."""
    leaves, structure = tree.flatten(out)
    for leaf in leaves:
        check_alive(leaf)
        if not is_differentiable(leaf):
            expected = "floating-point numbers or arrays, or a tree of them"
            raise not_a_number(transform, function, expected, leaf)
    return leaves, structure


def is_differentiable(out: Value) -> bool:
    """Whether an output has a slope: floating point has, and a Python int, which counts as one."""
    return is_operand(out) and (out.__class__ is int or is_floating(out))


def not_a_number(
    transform: str, function: str, expected: str, got: object, remedy: str = ""
) -> OutputError:
    """The error for what a function returned in place of numbers."""
    said = {"transform": f"tapegrad.{transform}", "function": function, "expected": expected}
    return OutputError(NOT_A_NUMBER.format(**said, got=describe(got)) + remedy)


def check_alive(leaf: T) -> T:
    """The leaf. Raises EscapedError for a traced value whose trace has ended, which would count as
    a constant; and for an array of objects with a traced value in it, which ends with its trace.
    """
    if isinstance(leaf, Var) and leaf._trace.closed:
        raise escaped(leaf._trace, describe(plain_of(leaf)))
    if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "O":
        for each in leaf.flat:
            if isinstance(each, Var):
                raise escaped(each._trace, f"in an array of objects, {describe(plain_of(each))}")
    return leaf


def chosen(argnums: int | tuple[int, ...], count: int, name: str) -> list[int]:
    """The positions of the arguments to differentiate, as non-negative numbers, for ``name``."""
    wanted: Any = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    for i in wanted:
        if not isinstance(i, (int, np.integer)) or isinstance(i, bool):
            raise TypeError(f"{name}: argnums is an int or a tuple of ints, got {i!r}")
        if not -count <= i < count:
            raise TypeError(
                f"{name}: argnums={argnums!r} asks for positional argument {i}, "
                f"but the call has {count} (arguments given by keyword are not differentiated)"
            )
    found = [int(i) % count for i in wanted]
    if len(set(found)) < len(found):
        raise TypeError(
            f"{name}: argnums={argnums!r} names an argument twice (the call has {count})"
        )
    return found


def matching(
    given: object, structure: tree.Structure, leaves: Sequence[Value], name: str, of: str
) -> list[Value]:
    """The leaves of a tangent or cotangent, checked against those it belongs to."""
    found, other = tree.flatten(given)
    if other != structure:
        differs = difference(structure, given, name)
        raise ShapeError(f"{name} must have the structure of {of}: {differs}")
    for i, (value, leaf) in enumerate(zip(found, leaves)):
        if shape_of(value) != shape_of(leaf):
            path = structure.paths(name)[i]
            raise ShapeError(
                f"{path} must have the shape of {of}, {shape_of(leaf)}, got {describe(value)}"
            )
        if not is_operand(value) or value.__class__ is bool:
            path = structure.paths(name)[i]
            raise LeafError(
                f"{path} must be a real number or a plain array of them, as {of} is, "
                f"got {describe(value)}"
            )
        found[i] = like(check_alive(value), leaf)
    return found


def positions(tape: Tape, leaves: Sequence[Value]) -> list[int | None]:
    """Where output leaves stand on the tape; None for one that does not depend on it."""
    return [
        leaf._index if leaf.__class__ is Var and leaf._trace is tape else None for leaf in leaves
    ]
