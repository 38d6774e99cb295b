"""From the user's trees to traced values and back, in the structure and the kinds that came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from .. import tree
from .._errors import (
    COMPLEX_LEAF,
    INTEGER_LEAF,
    NOT_A_NUMBER,
    UNKNOWN_LEAF,
    LeafError,
    OutputError,
    ShapeError,
    describe,
)
from .._tape import Tape, Var, dtype_of, escaped, plain_of, shape_of
from .._typing import Value


def a_function(transform: object, field: attrs.Attribute[Any], value: object) -> None:
    """What a transform takes: tapegrad.grad(f)(x), not tapegrad.grad(f(x))."""
    if not callable(value):
        raise TypeError(
            f"expected a function to transform, got {describe(value)}\n"
            "Write transform(f)(x), not transform(f(x))."
        )


def parameters(params: object, name: str) -> tuple[list[Value], tree.Structure]:
    """The leaves of a tree of parameters, ints as floats, and its structure.

    Raises LeafError, naming the path, for a leaf that has no gradient.
    """
    leaves, structure = tree.flatten(params)
    for i, leaf in enumerate(leaves):
        kind = leaf.__class__
        if kind is float or (kind is np.ndarray and leaf.dtype.kind == "f"):
            continue
        if kind is int:
            leaves[i] = float(leaf)
        elif not _differentiable(leaf):
            raise _leaf_error(list(tree.paths(params, name))[i], leaf)
    return leaves, structure


def _leaf_error(path: str, leaf: Any) -> LeafError:
    number = isinstance(leaf, (bool, complex, np.ndarray, np.generic, Var))
    kind = np.dtype(getattr(leaf, "dtype", type(leaf))).kind if number else ""
    text = INTEGER_LEAF if kind in "iub" and kind else COMPLEX_LEAF if kind == "c" else UNKNOWN_LEAF
    remedy = f"{path}.astype(float)" if hasattr(leaf, "astype") else f"float({path})"
    return LeafError(text.format(path=path, got=describe(leaf), remedy=remedy))


def _differentiable(leaf: Any) -> bool:
    if isinstance(leaf, (np.ma.MaskedArray, np.matrix)):
        return False
    return isinstance(leaf, (np.ndarray, np.floating, Var)) and leaf.dtype.kind == "f"


def traced(tape: Tape, leaves: Sequence[Value], structure: tree.Structure) -> Any:
    """The tree with a traced value in place of each leaf."""
    return tree.unflatten(structure, [tape.input(leaf) for leaf in leaves])


def like_leaves(gradients: Sequence[Value | None], leaves: Sequence[Value]) -> list[Value]:
    """Gradients in the kinds of the leaves that they belong to: None is zeros, a float for a float.

    Each array is the caller's own: writable, and shared neither with another leaf nor with an
    operand.
    """
    seen: set[int] = set()
    return [_like(g, leaf, seen) for g, leaf in zip(gradients, leaves)]


def _like(g: Value | None, leaf: Value, seen: set[int]) -> Value:
    if g.__class__ is Var:
        return g
    if g is None:
        g = np.zeros(shape_of(leaf), dtype_of(leaf))
    plain = plain_of(leaf)
    if isinstance(plain, np.ndarray):
        g = np.asarray(g, dtype_of(leaf))
        owned = g.flags.owndata and g.flags.writeable and id(g) not in seen and g is not plain
        g = g if owned else g.copy()
        seen.add(id(g))
        return g
    return float(g) if plain.__class__ is float else plain.dtype.type(g)


def plain(tape: Tape, out: object, given: Sequence[Value]) -> Any:
    """A tree with the tape's own traced values replaced by what they stand for.

    Of the arrays, none is shared with those given.
    """
    leaves, structure = tree.flatten(out)
    return tree.unflatten(structure, unshared(stripped(tape, leaves), given))


def stripped(tape: Tape, leaves: Sequence[Value]) -> list[Value]:
    """Leaves with the tape's own traced values replaced by what they stand for."""
    return [x._value if x.__class__ is Var and x._tape is tape else x for x in leaves]


def outputs(out: object, transform: str, function: str) -> tuple[list[Value], tree.Structure]:
    """The leaves of what a function returned, each a floating-point number or array."""
    leaves, structure = tree.flatten(out)
    for leaf in leaves:
        check_alive(leaf)
        number = leaf.__class__ in (float, int) or isinstance(leaf, (np.ndarray, np.generic, Var))
        if not number or (leaf.__class__ is not int and dtype_of(leaf).kind != "f"):
            raise OutputError(
                NOT_A_NUMBER.format(
                    transform=transform,
                    expected="floating-point numbers or arrays, or a tree of them",
                    function=function,
                    got=describe(leaf),
                )
            )
    return leaves, structure


def check_alive(leaf: object) -> None:
    """Raise EscapedError for a traced value whose tape has ended: it would count as a constant."""
    if isinstance(leaf, Var) and leaf._tape.closed:
        raise escaped(leaf._tape.transform, leaf._tape.function, describe(plain_of(leaf)))


def own(value: Value, others: Sequence[Value]) -> Value:
    """An array that is none of the others; the same one if it is not."""
    shared = isinstance(value, np.ndarray) and any(value is other for other in others)
    return value.copy() if shared else value


def unshared(values: Sequence[Value], others: Sequence[Value]) -> list[Value]:
    """Outputs that may be written into without changing one of the others or one another."""
    found: list[Value] = []
    for value in values:
        if isinstance(value, np.ndarray):
            taken = (x for x in (*others, *found) if isinstance(x, np.ndarray))
            shared = any(np.may_share_memory(value, x) for x in taken)
            found.append(value.copy() if shared or not value.flags.writeable else value)
        else:
            found.append(value)
    return found


def kept(parts: tuple[list[Value], tree.Structure]) -> tuple[list[Value], tree.Structure]:
    """Leaves for a tape that outlives the call: what is written into them later is not seen."""
    leaves, structure = parts
    return [x.copy() if isinstance(x, np.ndarray) else x for x in leaves], structure


def chosen(argnums: int | tuple[int, ...], count: int, name: str) -> list[int]:
    """The positions of the arguments to differentiate, as non-negative numbers, for ``name``."""
    wanted: Any = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    for i in wanted:
        if not isinstance(i, (int, np.integer)):
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
        raise ShapeError(f"{name} must have the structure of {of}, {structure}, got {other}")
    for i, (value, leaf) in enumerate(zip(found, leaves)):
        if shape_of(value) != shape_of(leaf):
            path = list(tree.paths(given, name))[i]
            raise ShapeError(
                f"{path} must have the shape of {of}, {shape_of(leaf)}, got {describe(value)}"
            )
        number = value.__class__ is float or value.__class__ is int or hasattr(value, "dtype")
        if not number or dtype_of(value).kind not in "fiub":
            path = list(tree.paths(given, name))[i]
            raise LeafError(f"{path} must be floating point, as {of} is, got {describe(value)}")
        found[i] = _alike(value, leaf)
    return found


def _alike(value: Value, leaf: Value) -> Value:
    """A tangent or cotangent in the kind of what it belongs to: 1 for an array is an array."""
    if hasattr(value, "dtype"):
        return value if value.dtype.kind == "f" else value.astype(dtype_of(leaf))
    plain = plain_of(leaf)
    if isinstance(plain, np.ndarray):
        return np.asarray(value, dtype_of(leaf))
    return plain.dtype.type(value) if isinstance(plain, np.generic) else float(value)


def positions(tape: Tape, leaves: Sequence[Value]) -> list[int | None]:
    """Where output leaves stand on the tape; None for one that does not depend on it."""
    return [
        leaf._index if leaf.__class__ is Var and leaf._tape is tape else None for leaf in leaves
    ]
