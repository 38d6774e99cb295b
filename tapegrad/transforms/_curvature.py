"""Whole Jacobians and Hessians, and the Hessian-vector product that needs neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np

from .. import ops, tree
from .._errors import name_of
from .._tape import dtype_of, shape_of
from .._typing import Value
from ._batch import on_all
from ._forward import jvp, linearise
from ._leaves import parameters
from ._reverse import Gradient, vjp


@attrs.frozen
class Jacobian:
    """What `jacfwd` and `jacrev` return."""

    function: Callable[..., Any]
    argnums: int
    forward: bool

    @property
    def __name__(self) -> str:
        return f"{'jacfwd' if self.forward else 'jacrev'}({name_of(self.function)})"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The Jacobian at these arguments."""
        i = Gradient(self.function, self.argnums, False, False)._chosen(len(args))[0]

        def of_one(x: Any) -> Any:
            return self.function(*args[:i], x, *args[i + 1 :], **kwargs)

        of_one.__name__ = name_of(self.function)
        return (_columns if self.forward else _rows)(of_one, args[i])


def _basis(leaf: Value) -> Value:
    """The unit tangents of a leaf, along a new first axis."""
    shape = shape_of(leaf)
    size = int(np.prod(shape))
    return np.eye(size, dtype=dtype_of(leaf)).reshape(size, *shape)


def _block(values: Value, shape: Sequence[int], out: Value, leaf: Value) -> Value:
    """One leaf's part of the Jacobian in its final shape; a float for a float by a float."""
    block = ops.reshape(values, shape=tuple(shape))
    both = all(not isinstance(x, np.ndarray) for x in (out, leaf, block))
    plain = isinstance(block, (np.ndarray, np.generic))
    scalars = all(x.__class__ is float for x in (out, leaf))
    if plain and scalars and not both:
        return float(block)
    return block.copy() if isinstance(block, np.ndarray) and not block.flags.owndata else block


def _rows(f: Callable[[Any], Any], x: Any) -> Any:
    """Reverse mode: one pullback for each element of the output, all at once."""
    inputs, structure = parameters(x, "args")
    out, pullback = vjp(f, x)
    outputs, out_structure = tree.flatten(out)
    blocks = []
    for k, leaf in enumerate(outputs):
        basis = _basis(leaf)

        def row(g: Value, k: int = k) -> Any:
            zeros = [np.zeros(shape_of(y), dtype_of(y)) for y in outputs]
            return pullback(tree.unflatten(out_structure, [*zeros[:k], g, *zeros[k + 1 :]]))

        rows = on_all(row, len(basis), [basis], "jacrev")
        blocks.append(
            tree.unflatten(
                structure,
                [
                    _block(r, shape_of(leaf) + shape_of(i), leaf, i)
                    for r, i in zip(rows, inputs)
                ],
            )
        )
    return tree.unflatten(out_structure, blocks)


def _columns(f: Callable[[Any], Any], x: Any) -> Any:
    """Forward mode: one pushforward for each element of the input, all at once."""
    inputs, structure = parameters(x, "args")
    at = linearise(f, "jacfwd", [(inputs, structure)])
    outputs, out_structure = tree.flatten(at.out)
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
                _block(_last(c, leaf), shape_of(out) + shape_of(leaf), out, leaf)
                for c, out in zip(columns, outputs)
            ]
        )
    blocks = [tree.unflatten(structure, list(group)) for group in zip(*by_input)]
    return tree.unflatten(out_structure, blocks)


def _last(columns: Value, leaf: Value) -> Value:
    """The axis of the columns moved from the front to the end."""
    return ops.moveaxis(columns, 0, len(shape_of(columns)) - 1)


def jacfwd(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The Jacobian by forward mode: best where f has few inputs and many outputs.

    For each leaf of the output there is a tree with the argument's structure; each of its leaves
    has the shape of the output leaf followed by that of the argument's.

    >>> import tapegrad as tg
    >>> tg.jacfwd(lambda x: x**2)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    return Jacobian(f, argnums, forward=True)


def jacrev(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The Jacobian by reverse mode: best where f has many inputs and few outputs. As `jacfwd`.

    >>> import tapegrad as tg
    >>> tg.jacrev(lambda x: x.sum())(np.array([1.0, 2.0]))
    array([1., 1.])
    """
    return Jacobian(f, argnums, forward=False)


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """All second derivatives: jacfwd(jacrev(f)).

    For parameters of shape s and a scalar output, shape s + s; for trees a tree of trees.

    >>> import tapegrad as tg
    >>> tg.hessian(lambda x: x[0] ** 2 * x[1])(np.array([1.0, 3.0]))
    array([[6., 2.],
           [2., 0.]])
    """
    return jacfwd(jacrev(f, argnums), argnums)


def hvp(f: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """The Hessian of f times a tangent, by forward over reverse: the cost of a few gradients.

    primals, tangents: one per argument of f, which has a scalar output. The result has the first
    argument's structure; for several arguments it is a tuple, one entry each.

    >>> import tapegrad as tg
    >>> tg.hvp(lambda x: (x**3).sum(), (np.array([1.0, 2.0]),), (np.array([1.0, 0.0]),))
    array([6., 0.])
    """
    argnums = 0 if len(primals) == 1 else tuple(range(len(primals)))
    return jvp(Gradient(f, argnums, False, False), primals, tangents)[1]
