"""Statements that are transforms: derivatives, batches and recordings of functions within."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tapegrad as tg

from ._author import Author, Missing, Scope, floating, usable
from ._code import Pair, Point, indented, tree_text

DEEPEST = 3
SCALAR = ("grad", "value_and_grad", "hessian", "hvp")


def transform(author: Author, scope: Scope) -> None:
    """A transform of a function that is written inside, and applied at once."""
    if scope.depth >= DEEPEST:
        raise Missing
    author.one_of(*KINDS)(author, scope)


# The function within -----------------------------------------------------------------------------
def _arguments(author: Author, scope: Scope) -> list[str]:
    """One or two arguments: values, or a tree of them."""
    names = [_small(author, scope)]
    if author.once_in(3):
        names.append(_small(author, scope))
    if not author.once_in(4):
        return names
    a, b = names[0], names[-1]
    return [tree_text(author.one_of({"p": a, "q": b}, [a], Pair(a, b), Point(a, b)))]


def _small(author: Author, scope: Scope) -> str:
    return author.name(scope, lambda x: floating(x) and np.size(x) <= 9)


def _inner(
    author: Author, scope: Scope, given: Sequence[Any], *, closed: bool = False
) -> tuple[str, list[str], Scope]:
    """A function of these values that also sees what is around it: its name, head and scope."""
    name = author.fresh("g")
    parameters = [author.fresh("y") for _ in given]
    names = {} if closed else dict(scope.names)
    inside = Scope(names, depth=scope.depth + 1, closed=closed or scope.closed)
    for parameter, value in zip(parameters, given, strict=True):
        if usable(value):
            inside.keep(parameter, value)
        else:
            author.unpack(inside, tg.tree.paths(value, parameter))
    for _ in range(author.one_of(1, 2, 3, 0)):
        author.statement(inside)
    return name, [f"def {name}({', '.join(parameters)}):"], inside


def _function(
    author: Author,
    scope: Scope,
    given: Sequence[Any],
    *,
    scalar: bool = False,
    closed: bool = False,
    aux: bool = False,
) -> tuple[str, list[str]]:
    """A function with a floating-point output: its name and its lines."""
    name, head, inside = _inner(author, scope, given, closed=closed)
    found = [n for n in inside.own if floating(inside.names[n])][::-1]
    result = str(author.one_of(*found))
    if scalar and np.shape(inside.names[result]):
        result = f"np.sum({result})"
    if aux:
        result += f", {author.one_of(*inside.own[::-1])}"
    elif not scalar and author.once_in(4):
        result = tree_text(author.one_of(Pair, _dict)(result, author.one_of(*found)))
    return name, [*head, *indented([*inside.lines, f"return {result}"])]


def _dict(first: Any, second: Any) -> dict[str, Any]:
    return {"b": first, "a": second}


# Transforms --------------------------------------------------------------------------------------
def _derivative(author: Author, scope: Scope) -> None:
    """Of the transforms that are given argnums."""
    kind = author.one_of("grad", "value_and_grad", "jacrev", "jacfwd", "hessian")
    arguments = _arguments(author, scope)
    options = ["", "", ", argnums=0", ", argnums=(0,)"]
    if len(arguments) == 2:
        options += [", argnums=1", ", argnums=(0, 1)", ", argnums=-1"]
    chosen = author.one_of(*options)
    aux = kind in ("grad", "value_and_grad") and author.once_in(4)
    given = [author.value(scope, text) for text in arguments]
    g, lines = _function(author, scope, given, scalar=kind in SCALAR, aux=aux)
    extra = ", has_aux=True" if aux else ""
    author.attempt(scope, f"tg.{kind}({g}{chosen}{extra})({', '.join(arguments)})", lines)


def _along(author: Author, scope: Scope) -> None:
    """Of those that are given a tangent."""
    kind = author.one_of("jvp", "hvp")
    arguments = _arguments(author, scope)
    given = [author.value(scope, text) for text in arguments]
    g, lines = _function(author, scope, given, scalar=kind in SCALAR)
    primals = ", ".join(arguments) + ("," if len(arguments) == 1 else "")
    tangents = "".join(f"{_like(author, text)}, " for text in arguments)
    author.attempt(scope, f"tg.{kind}({g}, ({primals}), ({tangents}))", lines)


def _pullback(author: Author, scope: Scope) -> None:
    arguments = _arguments(author, scope)
    g, lines = _function(author, scope, [author.value(scope, text) for text in arguments])
    out, pull = author.fresh("r"), author.fresh("pull")
    lines.append(f"{out}, {pull} = tg.vjp({g}, {', '.join(arguments)})")
    author.attempt(scope, f"({out}, {pull}({_like(author, out)}))", lines)


def _custom(author: Author, scope: Scope) -> None:
    """A function whose own pullback is the right one."""
    arguments = _arguments(author, scope)
    given = [author.value(scope, text) for text in arguments]
    g, lines = _function(author, scope, given, closed=True)
    own = author.fresh("g")
    lines.append(f"{own} = tg.custom_vjp(lambda *args: tg.vjp({g}, *args))")
    author.attempt(scope, f"{own}({', '.join(arguments)})", lines)


def _recorded(author: Author, scope: Scope) -> None:
    arguments = _arguments(author, scope)
    g, lines = _function(author, scope, [author.value(scope, text) for text in arguments])
    joined = ", ".join(arguments)
    end = author.one_of(".value", f".program({joined})")
    author.attempt(scope, f"tg.record({g}, {joined}){end}", lines)


def _batch(author: Author, scope: Scope) -> None:
    """A function on each example of a batch."""
    name = author.name(scope, lambda x: np.ndim(x) > 0)
    shape = np.shape(scope.names[name])
    axes: list[int | None] = [author.one_of(*range(len(shape)), *range(-len(shape), 0))]
    size, names = shape[axes[0] or 0], [name]
    if author.one_of(False, True):
        other = author.name(scope)
        names.append(other)
        fitting = [i for i, n in enumerate(np.shape(scope.names[other])) if n == size]
        axes.append(author.one_of(None, *fitting))
    given: list[Any] = [_example(scope.names[n], a) for n, a in zip(names, axes, strict=True)]
    if not any(map(floating, given)):
        raise Missing
    arguments, in_axes = names, repr(tuple(axes))
    if len(names) == 2 and author.once_in(4):  # one argument, which is a tree, and a tree of axes
        given, arguments = [_dict(*given)], [tree_text(_dict(*names))]
        in_axes = f"({tree_text(_dict(repr(axes[0]), repr(axes[1])))},)"
    elif len(names) == 1 and author.once_in(2):
        in_axes = repr(axes[0])
    g, lines = _function(author, scope, given)
    out_axes = author.one_of("", "", ", out_axes=-1", ", out_axes=1")
    author.attempt(scope, f"tg.vmap({g}, {in_axes}{out_axes})({', '.join(arguments)})", lines)


def _example(value: Any, axis: int | None) -> Any:
    """The first example of a batch, or one that is made up where there is none."""
    if axis is None:
        return value
    if np.shape(value)[axis]:
        return np.take(value, 0, axis)
    return np.zeros(np.delete(np.shape(value), axis), value.dtype)


def _like(author: Author, text: str) -> str:
    """A tangent or a cotangent: something in the form of a value."""
    forms = ("{}", "tg.tree.map(np.cos, {})", "tg.tree.map(np.ones_like, {})")
    return str(author.one_of(*forms)).format(text)


KINDS: tuple[Callable[[Author, Scope], None], ...] = (
    _derivative,
    _derivative,
    _batch,
    _batch,
    _along,
    _pullback,
    _custom,
    _recorded,
)
