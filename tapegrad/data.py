"""Mini-batches of any tree of arrays, drawn from a generator that is passed in.

The data is a tree whose leaves are arrays with one example for each index of their first axis, such
as ``(X, y)``; a batch is a tree of the same type.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from . import tree
from ._errors import ShapeError, describe
from ._structure import numbers
from ._typing import T
from ._values import copied, operand, shape_of


def batch(rng: np.random.Generator, data: T, batch_size: int | None = None) -> T:
    """``batch_size`` different examples drawn at random, all subsets being equally likely.

    ``batch_size=None`` means everything, in its order, and nothing is drawn. Whatever comes is a
    copy. Raises ShapeError for arrays of different lengths, LeafError for what is no plain array of
    real numbers, ValueError for a batch size below 1 or above the number of examples.

    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([10, 20, 30])
    >>> a, b = batch(np.random.default_rng(0), (X, y), batch_size=2)
    >>> a.shape, bool(np.all(10 * a[:, 0] == b))
    ((2, 1), True)
    """
    count = _checked(rng, data, batch_size)
    if batch_size is None:
        return _all(data)
    return _rows(data, rng.permutation(count)[:batch_size])


def batches(
    rng: np.random.Generator, data: T, batch_size: int | None = None, *, drop_last: bool = False
) -> Iterator[T]:
    """One epoch: every example once, in an order drawn at random, ``batch_size`` at a time.

    The last batch is smaller if the size does not divide the number of examples; ``drop_last``
    leaves that one out. ``batch_size=None`` gives everything as one batch, in its order. Raises as
    `batch`, at once and not only at the first batch.

    >>> [len(x) for x in batches(np.random.default_rng(0), np.arange(10.0), batch_size=4)]
    [4, 4, 2]
    """
    count = _checked(rng, data, batch_size)
    if batch_size is None:
        return iter((_all(data),))
    order = rng.permutation(count)
    end = count - count % batch_size if drop_last else count
    return (_rows(data, order[i : i + batch_size]) for i in range(0, end, batch_size))


def _rows(data: T, rows: NDArray[np.integer]) -> T:
    return tree.map(lambda array: operand(array)[rows], data)


def _all(data: T) -> T:
    leaves, structure = tree.flatten(data)
    copies: T = tree.unflatten(structure, copied([operand(leaf) for leaf in leaves]))
    return copies


def _checked(rng: object, data: object, batch_size: int | None) -> int:
    """The number of examples, after a look at every argument."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"expected a numpy.random.Generator, got {rng!r}; "
            "make one with numpy.random.default_rng(seed)"
        )
    lengths = {}
    leaves, structure = numbers(data, "data")
    for path, leaf in zip(structure.paths("data"), leaves):
        if not shape_of(leaf):
            raise ShapeError(f"{path} should be an array of examples, got {describe(leaf)}")
        lengths[path] = shape_of(leaf)[0]
    if len(set(lengths.values())) != 1:
        found = ", ".join(f"{path} has {length}" for path, length in lengths.items()) or "no array"
        raise ShapeError(f"expected arrays with the same number of examples, got: {found}")
    count = next(iter(lengths.values()))
    if batch_size is None:
        return count
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        raise TypeError(f"batch_size should be a whole number or None, got {batch_size!r}")
    if not 1 <= batch_size <= count:
        raise ValueError(
            f"batch_size should be from 1 to the number of examples, {count}, got {batch_size}; "
            "None means all of them"
        )
    return count
