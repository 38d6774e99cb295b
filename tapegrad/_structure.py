"""The structure of a tree: what is left of it without its leaves, and how two structures differ.

optree takes trees apart; the classes in them are made known to it by `_classes`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import optree

from ._classes import NAMESPACE, alike, fields_of, is_namedtuple, parts
from ._errors import LeafError, ShapeError, describe
from ._texts import NOT_NUMBERS
from ._values import is_operand

_UNSET = object()


class Structure:
    """A tree without its leaves. Equal are those whose trees can be mapped together.

    It is pickled as a tree of zeros: so it is known where its classes are.
    """

    __slots__ = ("spec",)  # not attrs: each call of a transform makes several

    def __init__(self, spec: optree.PyTreeSpec) -> None:
        self.spec = spec

    @property
    def num_leaves(self) -> int:
        """How many leaves its trees have."""
        return self.spec.num_leaves

    def paths(self, name: str) -> list[str]:
        """What Python calls each leaf of the tree with this name."""
        return [accessor.codify(name) for accessor in optree.treespec_accessors(self.spec)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Structure) and self.spec == other.spec

    def __hash__(self) -> int:
        return hash(self.spec)

    def __repr__(self) -> str:
        return f"Structure({unflatten(self, [_Star()] * self.num_leaves)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _structure_of, (unflatten(self, range(self.num_leaves)),)


class _Star:
    """A leaf, printed."""

    def __repr__(self) -> str:
        return "*"


def _structure_of(tree: object) -> Structure:
    return flatten(tree)[1]


def flatten(tree: object) -> tuple[list[Any], Structure]:
    """The leaves of a tree, left to right, and its structure.

    >>> leaves, structure = flatten({"w": [1.0, 2.0], "b": 3.0})
    >>> leaves, structure
    ([3.0, 1.0, 2.0], Structure({'w': [*, *], 'b': *}))
    >>> unflatten(structure, leaves)
    {'w': [1.0, 2.0], 'b': 3.0}
    """
    leaves, spec = parts(tree)
    return leaves, Structure(spec)


def numbers(tree: object, name: str) -> tuple[list[Any], Structure]:
    """As `flatten`, of a tree with this name whose leaves are real numbers and arrays of them.

    Raises LeafError, with the path, for another leaf.

    >>> numbers({"w": 1.0}, "params")[0]
    [1.0]
    """
    leaves, structure = flatten(tree)
    for i, leaf in enumerate(leaves):
        if not is_operand(leaf):
            raise LeafError(NOT_NUMBERS.format(path=structure.paths(name)[i], got=describe(leaf)))
    return leaves, structure


def unflatten(structure: Structure, leaves: Sequence[Any]) -> Any:
    """The tree of a structure with these leaves, left to right.

    >>> unflatten(flatten((0, [0]))[1], [1.0, 2.0])
    (1.0, [2.0])
    """
    try:
        return optree.tree_unflatten(structure.spec, leaves)
    except (AttributeError, ValueError):
        if not isinstance(structure, Structure):
            raise TypeError(
                f"expected a structure, as flatten returns one, got {describe(structure)}"
            ) from None
        if len(leaves) != structure.num_leaves:
            raise ShapeError(
                f"a tree of this structure has {structure.num_leaves} leaves, got {len(leaves)}"
            ) from None
        raise


# Two structures ----------------------------------------------------------------------------------
def difference(expected: Structure, tree: object, name: str) -> str:
    """What a tree with this name, of another structure, has first that the structure has not.

    >>> difference(flatten({"a": [1.0]})[1], {"a": 2.0}, "params")
    "expected a list of 1 at params['a'], got float 2.0"
    """
    leaves, found = flatten(tree)
    wanted, got, path = _first(expected.spec, found.spec, leaves, name)
    return f"expected {wanted} at {path or 'the top'}, got {got}"


def _first(
    a: optree.PyTreeSpec, b: optree.PyTreeSpec, leaves: Sequence[Any], path: str
) -> tuple[str, str, str]:
    """Where two structures that differ do so first: what each has there, and the path."""
    if _node(a) != _node(b):
        wanted, got = _in_words(a), describe(leaves[0]) if b.is_leaf() else _in_words(b)
        return wanted, f"another {_kind(b).__name__}" if got == wanted else got, path
    start = 0
    for entry, ours, theirs in zip(a.entries(), a.children(), b.children()):
        if ours != theirs:
            return _first(ours, theirs, leaves[start:], _below(a, path, entry))
        start += theirs.num_leaves
    return _first_setting(a, b, path)


def _first_setting(a: optree.PyTreeSpec, b: optree.PyTreeSpec, path: str) -> tuple[str, str, str]:
    """The same of two nodes that differ only in what is no child of theirs."""
    ours, theirs = (spec.unflatten(range(spec.num_leaves)) for spec in (a, b))
    _, static = fields_of(type(ours)) or ((), ())
    for name in static:
        values = getattr(ours, name, _UNSET), getattr(theirs, name, _UNSET)
        if not alike(*values):
            wanted, got = ("nothing" if x is _UNSET else describe(x) for x in values)
            return wanted, f"another {got}" if got == wanted else got, f"{path}.{name}"
    return _in_words(a), f"another {_kind(a).__name__}", path


def _node(spec: optree.PyTreeSpec) -> tuple[Any, ...]:
    """What is compared of a node before its children are."""
    return spec.is_leaf(), spec.type, spec.entries()


def _kind(spec: optree.PyTreeSpec) -> Any:
    """The class of a node."""
    return spec.type


def _below(spec: optree.PyTreeSpec, path: str, entry: Any) -> str:
    """The path of a child, as `Structure.paths` has it."""
    kind = _kind(spec)
    if is_namedtuple(kind):
        return f"{path}.{kind._fields[entry]}"
    return f"{path}.{entry}" if fields_of(kind) else f"{path}[{entry!r}]"


def _in_words(spec: optree.PyTreeSpec) -> str:
    """A node, or a leaf."""
    if spec.is_leaf():
        return "a leaf"
    kind, entries = _kind(spec), spec.entries()
    if kind is type(None):
        return "None"
    if issubclass(kind, dict):
        keys = ", ".join(map(repr, entries))
        return f"a {kind.__name__} of {keys}" if entries else f"an empty {kind.__name__}"
    if fields_of(kind):
        return f"{kind.__name__} of {', '.join(entries)}"
    return kind.__name__ if is_namedtuple(kind) else f"a {kind.__name__} of {len(entries)}"


def spread(
    prefix: object,
    structure: Structure,
    name: str,
    above: Callable[[Any], bool] = lambda leaf: True,
) -> list[Any]:
    """For each leaf of a structure the leaf of a prefix (None is one) that stands there, or above.

    above: which leaves of a prefix may stand for more than a leaf

    Raises ShapeError, with the path, for a prefix that does not fit.

    >>> spread({"a": 0, "b": None}, flatten({"a": [1.0, 2.0], "b": 3.0})[1], "in_axes")
    [0, 0, None]
    """
    given: Any = prefix
    flatten(given)  # so that its classes are known
    leaves, found = optree.tree_flatten(given, none_is_leaf=True, namespace=NAMESPACE)
    rest = iter(leaves)

    def walk(ours: optree.PyTreeSpec, theirs: optree.PyTreeSpec, path: str) -> Iterator[Any]:
        leaf = next(rest) if ours.is_leaf() else None
        if ours.is_leaf() and (theirs.is_leaf() or above(leaf)):
            yield from itertools.repeat(leaf, theirs.num_leaves)
            return
        if _node(ours) != _node(theirs):
            got = describe(leaf) if ours.is_leaf() else _in_words(ours)
            raise ShapeError(f"expected {_in_words(theirs)} at {path}, got {got}")
        for entry, one, other in zip(theirs.entries(), ours.children(), theirs.children()):
            yield from walk(one, other, _below(theirs, path, entry))

    return list(walk(found, structure.spec, name))
