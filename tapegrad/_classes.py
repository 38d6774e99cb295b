"""Classes as nodes of a tree: what of an instance is a child, and what travels with the structure.

Dataclasses and attrs classes are made known to optree, in a namespace of tapegrad's own, when one
is first seen, so that users register nothing; so are classes derived from NamedTuples, which optree
would put together through their constructors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import operator
import types
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
import optree

from ._errors import LeafError, ShapeError, at_line, describe
from ._texts import NO_FIELD
from ._values import Traced

NAMESPACE = "tapegrad"
_LEAVES = frozenset({float, np.ndarray, np.float64})  # known to be leaves: no one need ask
# The classes within structures that have been looked at, by the structures' hashes. They are held,
# so that no other class gets their place, and with it their hash.
_SEEN: dict[int, object] = {}
_SEEN_AT_MOST = 10_000  # for programs whose trees are all different


def parts(tree: Any) -> tuple[list[Any], optree.PyTreeSpec]:
    """The leaves of a tree, and its structure, once all classes in it are known to optree.

    Raises LeafError for an object of a class of fields that has more in it, ShapeError for a tree
    without end.
    """
    leaves, spec = _parts(tree)
    if tree.__class__ in _LEAVES:
        return leaves, spec
    while not _LEAVES.issuperset(map(type, leaves)) and any(map(register, set(map(type, leaves)))):
        leaves, spec = _parts(tree)
    mark = _mark(spec)
    if mark not in _SEEN:
        kinds = _kinds(spec)
        if derived := [kind for kind in kinds if _is_derived(kind)]:
            for kind in derived:
                _register_tuple(kind)
            leaves, spec = _parts(tree)
        if len(_SEEN) >= _SEEN_AT_MOST:
            _SEEN.clear()
        if mark is not None:
            _SEEN[hash(spec)] = kinds
    return leaves, spec


def _parts(tree: Any) -> tuple[list[Any], optree.PyTreeSpec]:
    """The same, of the classes that are known."""
    try:
        return optree.tree_flatten(tree, namespace=NAMESPACE)
    except RecursionError:
        raise ShapeError(
            f"a tree that contains itself, or is nested too deeply, has no structure{at_line()}"
        ) from None


def _mark(spec: optree.PyTreeSpec) -> int | None:
    """A structure's hash; None of one with a setting that has none, as a defaultdict's factory."""
    try:
        return hash(spec)
    except TypeError:
        return None


def _kinds(spec: optree.PyTreeSpec) -> set[Any]:
    """The classes in a structure."""
    kinds: set[Any] = set()
    rest = [spec]
    while rest:  # not by recursion: it may be deep
        each = rest.pop()
        kinds.add(each.type)
        if each.num_nodes > each.num_leaves + 1:
            rest += each.children()
    return kinds - {None}


# What is known of a class ------------------------------------------------------------------------
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
            and all(map(alike, self.values, other.values))
        )

    __hash__ = None  # type: ignore[assignment]  # optree hashes no settings


def alike(a: Any, b: Any) -> bool:
    """Whether two settings are the same; of arrays, too, whose == is no truth."""
    if a is b or isinstance(a, Traced) or type(a) is not type(b):
        return a is b
    if isinstance(a, np.ndarray):
        held = [x.tolist() if x.dtype == object else x.tobytes() for x in (a, b)]
        return (a.dtype, a.shape) == (b.dtype, b.shape) and alike(*held)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(alike, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[key], b[key]) for key in a)
    try:
        return bool(a == b)
    except Exception:  # noqa: BLE001  # whatever it is, it does not say that they are equal
        return False


def fields_of(cls: type) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
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


# Beside the fields, in an instance: what Generic and attrs (cache_hash) note there for themselves.
_NOTES = frozenset({"__orig_class__", "_attrs_cached_hash"})


def _only(cls: type, fields: Sequence[str]) -> Callable[[Any], None]:
    """Raises LeafError for an instance that has more in it than its fields, and what is computed of
    them (functools.cached_property).
    """
    held = [(base, name, x) for base in cls.__mro__ for name, x in vars(base).items()]
    computed = [name for _, name, x in held if isinstance(x, functools.cached_property)]
    known = frozenset({*fields, *_NOTES, *computed})
    slots = [
        name
        for base, name, x in held
        if isinstance(x, types.MemberDescriptorType)
        and name not in known
        and "__attrs_attrs__" not in vars(base)  # attrs makes slots of fields, and for itself
    ]

    def check(node: Any) -> None:
        more = [name for name in getattr(node, "__dict__", ()) if name not in known]
        more += [name for name in slots if hasattr(node, name)]
        if more:
            raise LeafError(
                NO_FIELD.format(
                    name=f"{cls.__name__}.{more[0]}",
                    got=describe(getattr(node, more[0])),
                    cls=cls.__name__,
                    where=at_line(),
                )
            )

    def check_dict(node: Any) -> None:
        if not known.issuperset(node.__dict__):
            check(node)

    if slots:
        return check
    return check_dict if cls.__dictoffset__ else _unchecked


def _unchecked(node: object) -> None:
    """Of a class whose instances have nothing but their fields."""


def register(cls: type) -> bool:
    """Make a dataclass or attrs class known to optree; False for what is a leaf."""
    names = fields_of(cls)
    if names is None:
        return False
    try:
        object.__new__(cls)
    except TypeError:  # it inherits from dict, or the like: it has more in it than its fields
        return False
    children, static = names
    count, check, read = len(children), _only(cls, children + static), _reader(children + static)
    all_set = _Settings(children, (), ())

    def parts_of(node: Any) -> tuple[Any, Any, Any]:
        check(node)
        try:
            values = read(node)
        except AttributeError:
            return _parts_set(node, children, static)
        if not static:
            return values, all_set, children
        return values[:count], _Settings(children, static, values[count:]), children

    def made_of(settings: Any, values: Any) -> Any:
        # Not through __init__: its converters and validators expect numbers, not traced values.
        node: Any = object.__new__(cls)
        names = (*settings.children, *settings.static)
        for name, value in zip(names, (*values, *settings.values)):
            object.__setattr__(node, name, value)
        return node

    _make_known(cls, parts_of, made_of, optree.GetAttrEntry)
    return True


def _reader(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """All these attributes of an object, as a tuple."""
    if len(names) < 2:  # of one, attrgetter makes no tuple
        return lambda node: tuple(getattr(node, name) for name in names)
    return operator.attrgetter(*names)


def _parts_set(
    node: object, children: Sequence[str], static: Sequence[str]
) -> tuple[Any, Any, Any]:
    """The parts of an object with a field that is not set."""
    there, known = (
        tuple(name for name in names if hasattr(node, name)) for names in (children, static)
    )
    settings = _Settings(there, known, _reader(known)(node))
    return _reader(there)(node), settings, there


def is_namedtuple(kind: type) -> bool:
    """Whether it is a NamedTuple, or derived from one."""
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def _is_derived(cls: Any) -> bool:
    """Whether it is derived from a NamedTuple, and may have a constructor of its own, or more in
    its instances than the fields.
    """
    if not is_namedtuple(cls):
        return False
    made = str(getattr(cls.__new__, "__module__", "")).startswith("namedtuple_")
    return not made or cls.__dictoffset__ != 0


def _register_tuple(cls: Any) -> None:
    """Make a class derived from a NamedTuple known to optree, which would call its constructor."""
    check = _only(cls, cls._fields)

    def parts_of(node: Any) -> tuple[Any, Any]:
        check(node)
        return tuple(node), None

    def made_of(_: None, values: Any) -> Any:
        return tuple.__new__(cls, values)

    with warnings.catch_warnings():  # optree warns: it knows how to take a NamedTuple apart
        warnings.filterwarnings("ignore", "PyTree type", UserWarning)
        _make_known(cls, parts_of, made_of, optree.NamedTupleEntry)


def _make_known(cls: type, parts_of: Any, made_of: Any, entry: Any) -> None:
    """Tell optree of a class."""
    with contextlib.suppress(ValueError):  # another thread, or a user, was first
        optree.register_pytree_node(
            cls, parts_of, made_of, path_entry_type=entry, namespace=NAMESPACE
        )
