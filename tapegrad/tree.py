"""Trees of parameters (pytrees): take one apart into leaves, name each leaf, put it together again.

A tree is a leaf (a number, an array) or a dict, list, tuple, NamedTuple, dataclass or attrs class
of trees. A field with ``metadata={"static": True}`` is a setting, not a child: it travels with the
structure. optree does the work (`_structure`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

import attrs
import numpy as np
from numpy.typing import NDArray

from ._errors import LeafError, ShapeError, describe
from ._structure import (
    Structure as Structure,
    difference,
    flatten as flatten,
    numbers,
    unflatten as unflatten,
)
from ._texts import NOT_FLOATING
from ._typing import T
from ._values import array, floating, is_floating, plain_of


def unflatten_all(structures: Sequence[Structure], leaves: Sequence[Any]) -> list[Any]:
    """The trees of several structures from the leaves of all of them, in order.

    >>> unflatten_all([flatten([0, 0])[1], flatten(0)[1]], [1.0, 2.0, 3.0])
    [[1.0, 2.0], 3.0]
    """
    rest = iter(leaves)
    return [unflatten(s, list(itertools.islice(rest, s.num_leaves))) for s in structures]


def leaves(tree: object) -> list[Any]:
    """The leaves of a tree, left to right (dict keys sorted).

    >>> leaves({"w": [1.0, 2.0], "b": 3.0})
    [3.0, 1.0, 2.0]
    """
    return flatten(tree)[0]


@overload
def map(function: Callable[[Any], Any], tree: T) -> T: ...
@overload
def map(function: Callable[[Any, Any], Any], tree: T, other: object, /) -> T: ...
@overload
def map(function: Callable[..., Any], tree: T, *rest: object) -> T: ...
def map(function: Callable[..., Any], tree: T, *rest: object) -> T:
    """The tree of ``function(leaf, *leaves at the same place of rest)``.

    Raises ShapeError if the trees differ in structure.

    >>> map(lambda p, g: p - 0.5 * g, {"w": 3.0}, {"w": 2.0})
    {'w': 2.0}
    """
    first, structure = flatten(tree)
    others = [_flatten_like(structure, other) for other in rest]
    mapped: T = unflatten(structure, [function(*group) for group in zip(first, *others)])
    return mapped


def paths(tree: object, name: str = "") -> dict[str, Any]:
    """Each leaf by its path, as Python would write it after the tree's name.

    >>> paths({"layers": [1.0, (2.0,)]}, "params")
    {"params['layers'][0]": 1.0, "params['layers'][1][0]": 2.0}
    """
    found, structure = flatten(tree)
    return dict(zip(structure.paths(name), found))


def from_paths(template: T, mapping: Mapping[str, Any], name: str = "") -> T:
    """The tree shaped like ``template`` with its leaves taken from ``mapping`` by path.

    The inverse of `paths`: what was saved by path is put back. Raises ShapeError if a path is
    missing or unknown, or if a leaf's shape is not the template's.

    >>> from_paths({"w": 0.0}, {"['w']": 5.0})
    {'w': 5.0}
    """
    if not isinstance(mapping, Mapping):
        raise TypeError(f"expected a mapping from paths to leaves, got {describe(mapping)}")
    expected = paths(template, name)
    if expected.keys() != mapping.keys():
        missing = ", ".join(sorted(expected.keys() - mapping.keys())) or "none"
        unknown = ", ".join(sorted(mapping.keys() - expected.keys())) or "none"
        raise ShapeError(
            f"the paths are not the template's; missing: {missing}; unknown: {unknown}"
        )
    for path, leaf in expected.items():
        if np.shape(leaf) != np.shape(mapping[path]):
            raise ShapeError(
                f"{path} has shape {np.shape(mapping[path])}, the template's has {np.shape(leaf)}"
            )
    restored: T = unflatten(flatten(template)[1], [mapping[path] for path in expected])
    return restored


def size(tree: object) -> int:
    """The number of scalars in a tree.

    >>> size({"w": np.zeros((3, 4)), "b": 0.0})
    13
    """
    return sum(int(np.size(leaf)) for leaf in numbers(tree, "tree")[0])


def ravel(tree: T) -> tuple[NDArray[Any], Callable[[NDArray[Any]], T]]:
    """All leaves as one vector, shape (size,), and the function that makes a tree of such a vector.

    The way in and out of optimisers that know only vectors (scipy.optimize.minimize). Numbers come
    back as floats, arrays with their own shape and dtype. Raises LeafError for arrays of integers
    and for truths, which hold no number between; the returned function ShapeError for a vector of
    another length.

    >>> vector, unravel = ravel({"w": np.array([1.0, 2.0]), "b": 3.0})
    >>> vector
    array([3., 1., 2.])
    >>> unravel(2 * vector)
    {'w': array([2., 4.]), 'b': 6.0}
    """
    found, structure = numbers(tree, "tree")
    for i, leaf in enumerate(found):
        if plain_of(leaf).__class__ is not int and not is_floating(leaf):
            raise LeafError(
                NOT_FLOATING.format(path=structure.paths("tree")[i], got=describe(leaf))
            )
    vector = np.concatenate([np.ravel(floating(x)) for x in found]) if found else np.zeros(0)
    return vector, Unravel(structure, tuple((np.shape(x), _way_back(x)) for x in found))


@attrs.frozen
class Unravel:
    """Makes trees of vectors: the structure, and the shape and kind of each leaf."""

    structure: Structure
    kinds: tuple[tuple[tuple[int, ...], Any], ...]

    def __call__(self, vector: NDArray[Any]) -> Any:
        """The tree whose leaves are consecutive pieces of ``vector``, shape (size,)."""
        vector = array(vector)
        sizes = [int(np.prod(shape)) for shape, _ in self.kinds]
        if np.shape(vector) != (sum(sizes),):
            raise ShapeError(f"expected a vector of shape ({sum(sizes)},), got {describe(vector)}")
        pieces = []
        start = 0
        for length, (shape, kind) in zip(sizes, self.kinds):
            piece = vector[start : start + length]
            start += length
            if not isinstance(piece, np.ndarray):  # a traced vector: stays traced
                pieces.append(piece.reshape(shape))
            elif isinstance(kind, type):
                pieces.append(kind(piece[0]))
            else:
                pieces.append(piece.reshape(shape).astype(kind))
        return unflatten(self.structure, pieces)


def _way_back(leaf: Any) -> Any:
    """How to give a piece its leaf's kind back: a number's type, or an array's dtype."""
    if isinstance(leaf, np.generic):
        return type(leaf)
    return getattr(leaf, "dtype", float)


def _flatten_like(structure: Structure, tree: object) -> list[Any]:
    found, other = flatten(tree)
    if other != structure:
        raise ShapeError(f"the trees differ in structure: {difference(structure, tree, '')}")
    return found
