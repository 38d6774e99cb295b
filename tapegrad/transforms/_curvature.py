"""Whole Jacobians and Hessians, and the Hessian-vector product that needs neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, overload

import attrs
import numpy as np

from .. import tree
from .._errors import name_of
from .._tape import Scalar
from .._typing import Function, P, Rest, Ts, Value
from .._values import dtype_of, like_leaves, shape_of
from ..ops._shape import axis_moved, reshape
from ._batch import on_all
from ._boundary import a_function, chosen, parameters
from ._forward import along, check_pairs
from ._linear import linearise
from ._reverse import Gradient


@attrs.frozen
class Jacobian:
    """What `jacfwd` and `jacrev` return."""

    function: Callable[..., Any] = attrs.field(validator=a_function)
    argnums: int | tuple[int, ...]
    forward: bool

    @property
    def __name__(self) -> str:
        return f"{'jacfwd' if self.forward else 'jacrev'}({name_of(self.function)})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The Jacobian at these arguments."""
        places = chosen(self.argnums, len(args), self.__name__)
        single = not isinstance(self.argnums, (tuple, list))
        for i in places:
            parameters(args[i], "params" if len(args) == 1 else f"args[{i}]")

        def of_chosen(x: Any) -> Any:
            given = list(args)
            for i, value in zip(places, (x,) if single else x):
                given[i] = value
            return self.function(*given, **kwargs)

        of_chosen.__name__ = name_of(self.function)
        x = args[places[0]] if single else tuple(args[i] for i in places)
        return (_columns if self.forward else _rows)(of_chosen, x)


def _basis(leaf: Value) -> Value:
    """The unit tangents of a leaf, along a new first axis."""
    shape = shape_of(leaf)
    size = int(np.prod(shape))
    return np.eye(size, dtype=dtype_of(leaf)).reshape(size, *shape)


def _block(values: Value, shape: Sequence[int], leaf: Value) -> Value:
    """One leaf's part of the Jacobian in its final shape, and in the leaf's dtype; a number in its
    kind.
    """
    block = reshape.bind(values, shape=tuple(shape))
    if not shape:
        return like_leaves([block], [leaf])[0]
    if dtype_of(block) != dtype_of(leaf):
        return block.astype(dtype_of(leaf))
    return block.copy() if isinstance(block, np.ndarray) and not block.flags.owndata else block


def _rows(f: Callable[[Any], Any], x: Any) -> Any:
    """Reverse mode: one pullback for each element of the output, all at once."""
    inputs, structure = parameters(x, "args")
    at = linearise(f, "jacrev", [(inputs, structure)])
    outputs, out_structure = at.leaves, at.structure
    blocks = []
    for k, leaf in enumerate(outputs):
        basis = _basis(leaf)

        def row(g: Value, k: int = k) -> Any:
            zeros = [np.zeros(shape_of(y), dtype_of(y)) for y in outputs]
            return at.pull(tree.unflatten(out_structure, [*zeros[:k], g, *zeros[k + 1 :]]))

        rows = on_all(row, len(basis), [basis], "jacrev")
        blocks.append(
            tree.unflatten(
                structure,
                [_block(r, shape_of(leaf) + shape_of(i), i) for r, i in zip(rows, inputs)],
            )
        )
    return tree.unflatten(out_structure, blocks)


def _columns(f: Callable[[Any], Any], x: Any) -> Any:
    """Forward mode: one pushforward for each element of the input, all at once."""
    inputs, structure = parameters(x, "args")
    at = linearise(f, "jacfwd", [(inputs, structure)])
    outputs, out_structure = at.leaves, at.structure
    by_input = []
    for k, leaf in enumerate(inputs):
        basis = _basis(leaf)

        def column(t: Value, k: int = k) -> Any:
            tangents: list[Value | None] = [None] * len(inputs)
            tangents[k] = t
            return at.push(tangents)

        columns = on_all(column, len(basis), [basis], "jacfwd")
        by_input.append(
            [
                _block(axis_moved(c, 0, -1), shape_of(out) + shape_of(leaf), leaf)
                for c, out in zip(columns, outputs)
            ]
        )
    blocks = [
        tree.unflatten(structure, [columns[k] for columns in by_input]) for k in range(len(outputs))
    ]
    return tree.unflatten(out_structure, blocks)


def jacfwd(
    f: Callable[Concatenate[P, Rest], Any], argnums: int | tuple[int, ...] = 0
) -> Function[Concatenate[P, Rest], Any]:
    """The Jacobian by forward mode: best where f has few inputs and many outputs.

    For each leaf of the output there is a tree with the argument's structure; each of its leaves
    has the shape of the output leaf followed by that of the argument's.

    >>> import tapegrad as tg
    >>> tg.jacfwd(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return Jacobian(f, argnums, forward=True)


def jacrev(
    f: Callable[Concatenate[P, Rest], Any], argnums: int | tuple[int, ...] = 0
) -> Function[Concatenate[P, Rest], Any]:
    """The Jacobian by reverse mode: best where f has many inputs and few outputs. As `jacfwd`.

    >>> import tapegrad as tg
    >>> tg.jacrev(lambda x: x.sum())(np.array([1.0, 2.0]))
    array([1., 1.])
    """
    return Jacobian(f, argnums, forward=False)


def hessian(
    f: Callable[Concatenate[P, Rest], Scalar], argnums: int | tuple[int, ...] = 0
) -> Function[Concatenate[P, Rest], Any]:
    """All second derivatives: jacfwd(jacrev(f)).

    For parameters of shape s and a scalar output, shape s + s; for trees a tree of trees.

    >>> import tapegrad as tg
    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return jacfwd(jacrev(f, argnums), argnums)


@overload
def hvp(f: Callable[[P], Scalar], primals: tuple[P], tangents: tuple[P]) -> P: ...
@overload
def hvp(f: Callable[[*Ts], Scalar], primals: tuple[*Ts], tangents: tuple[*Ts]) -> tuple[*Ts]: ...
def hvp(f: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> Any:
    """The Hessian of f times a tangent, by forward over reverse: the cost of a few gradients.

    primals, tangents: one per argument of f, which has a scalar output. The result has the first
    argument's structure; for several arguments it is a tuple, one entry each.

    >>> import tapegrad as tg
    >>> tg.hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([6., 0.])
    """
    check_pairs("hvp", primals, tangents)
    several = len(primals) != 1
    argnums = tuple(range(len(primals))) if several else 0
    moved = along(Gradient(f, argnums, False, False), "hvp", primals, tangents)[1]
    leaves, structure = parameters(primals if several else primals[0], "primals")
    return tree.unflatten(structure, like_leaves(tree.leaves(moved), leaves))
