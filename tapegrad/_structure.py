"""The structure of a tree: what is left of it without its leaves, and how two structures differ.

optree takes trees apart. Dataclasses and attrs classes are made known to it, in a namespace of
tapegrad's own, when one is first seen, so that users register nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np
import optree

from ._errors import ShapeError, at_line, describe
from ._values import Traced

_NAMESPACE = "tapegrad"
_NUMBERS = {float, np.ndarray}  # known to be leaves, so that no one need ask
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
    given: Any = tree
    while True:
        try:
            leaves, spec = optree.tree_flatten(given, namespace=_NAMESPACE)
        except RecursionError:
            raise ShapeError(
                f"a tree that contains itself, or is nested too deeply, has no structure{at_line()}"
            ) from None
        kinds = {type(leaf) for leaf in leaves} - _NUMBERS
        if not any(_register(kind) for kind in kinds):
            return leaves, Structure(spec)


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


# Classes -----------------------------------------------------------------------------------------
class _Settings:
    """What of an object travels with the structure: which fields are set, and the static ones."""

    __slots__ = ("children", "static", "values")

    def __init__(
        self, children: Sequence[str], static: Sequence[str], values: Sequence[Any]
    ) -> None:
        self.children = children
        self.static = static
        self.values = values

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Settings)
            and (self.children, self.static) == (other.children, other.static)
            and all(map(_alike, self.values, other.values))
        )

    __hash__ = None  # type: ignore[assignment]  # optree hashes no settings


def _alike(a: Any, b: Any) -> bool:
    """Whether two settings are the same; of arrays, too, whose == is no truth."""
    if a is b or isinstance(a, Traced) or type(a) is not type(b):
        return a is b
    if isinstance(a, np.ndarray):
        parts = [x.tolist() if x.dtype == object else x.tobytes() for x in (a, b)]
        return (a.dtype, a.shape) == (b.dtype, b.shape) and _alike(*parts)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_alike(a[key], b[key]) for key in a)
    try:
        return bool(a == b)
    except Exception:  # noqa: BLE001  # whatever it is, it does not say that they are equal
        return False


def _fields(cls: type) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The names of the fields that are children, and of those that are static."""
    if attrs.has(cls):
        fields = [(f.name, f.metadata) for f in attrs.fields(cls)]
    elif dataclasses.is_dataclass(cls):
        fields = [(f.name, f.metadata) for f in dataclasses.fields(cls)]
    else:
        return None
    return (
        tuple(name for name, metadata in fields if not metadata.get("static")),
        tuple(name for name, metadata in fields if metadata.get("static")),
    )


def _register(cls: type) -> bool:
    """Make a dataclass or attrs class known to optree; False for what is a leaf."""
    names = _fields(cls)
    if names is None:
        return False
    try:
        object.__new__(cls)
    except TypeError:  # it inherits from dict, or the like: it has more in it than its fields
        return False
    children, static = names
    all_set = _Settings(children, (), ())

    def parts_of(node: Any) -> tuple[Any, Any, Any]:
        values = [getattr(node, name, _UNSET) for name in children]
        if not static and not any(value is _UNSET for value in values):
            return values, all_set, children
        known = {name: getattr(node, name) for name in static if hasattr(node, name)}
        there = tuple(name for name, value in zip(children, values) if value is not _UNSET)
        settings = _Settings(there, tuple(known), tuple(known.values()))
        return [value for value in values if value is not _UNSET], settings, there

    def made_of(settings: Any, values: Any) -> Any:
        # Not through __init__: its converters and validators expect numbers, not traced values.
        node: Any = object.__new__(cls)
        names = (*settings.children, *settings.static)
        for name, value in zip(names, (*values, *settings.values)):
            object.__setattr__(node, name, value)
        return node

    with contextlib.suppress(ValueError):  # another thread was first
        optree.register_pytree_node(
            cls,
            parts_of,
            made_of,
            path_entry_type=optree.GetAttrEntry,
            namespace=_NAMESPACE,
        )
    return True


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
    _, static = _fields(type(ours)) or ((), ())
    for name in static:
        values = getattr(ours, name, _UNSET), getattr(theirs, name, _UNSET)
        if not _alike(*values):
            wanted, got = ("nothing" if x is _UNSET else describe(x) for x in values)
            return wanted, f"another {got}" if got == wanted else got, f"{path}.{name}"
    return _in_words(a), f"another {_kind(a).__name__}", path


def _node(spec: optree.PyTreeSpec) -> tuple[Any, ...]:
    """What is compared of a node before its children are."""
    return spec.is_leaf(), spec.type, spec.entries()


def _kind(spec: optree.PyTreeSpec) -> Any:
    """The class of a node."""
    return spec.type


def _is_namedtuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _below(spec: optree.PyTreeSpec, path: str, entry: Any) -> str:
    """The path of a child, as `Structure.paths` has it."""
    kind = _kind(spec)
    if _is_namedtuple(kind):
        return f"{path}.{kind._fields[entry]}"
    return f"{path}.{entry}" if _fields(kind) else f"{path}[{entry!r}]"


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
    if _fields(kind):
        return f"{kind.__name__} of {', '.join(entries)}"
    return kind.__name__ if _is_namedtuple(kind) else f"a {kind.__name__} of {len(entries)}"


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
    leaves, found = optree.tree_flatten(given, none_is_leaf=True, namespace=_NAMESPACE)
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
