"""Only fields are carried: what else is in an object is refused, and no constructor runs.

Whatever an object has beside its fields would be missing where f is run, so f would be another
function there.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import functools
import gc
import pickle
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import attrs
import numpy as np
import optree
import pytest

import tapegrad as tg
from tapegrad import _classes, tree

T = TypeVar("T")


@dataclasses.dataclass
class Default:
    """A class attribute that an instance may shadow."""

    w: Any
    mode = "train"


@dataclasses.dataclass
class Declared:
    """The same, declared."""

    w: Any
    mode: ClassVar[str] = "train"


@dataclasses.dataclass
class Fallback:
    """Whatever it lacks is "train"."""

    w: Any

    def __getattr__(self, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return "train"


@dataclasses.dataclass
class Hook:
    """It sets what is no field."""

    w: Any

    def __post_init__(self) -> None:
        self.mode = "eval"


class Derived(Default):
    """Not decorated: what its constructor sets is no field."""

    def __init__(self, w: Any) -> None:
        """Of a field."""
        super().__init__(w)
        self.mode = "eval"


@attrs.define(slots=False)
class Attrs:
    """An attrs class with a __dict__."""

    w: Any
    mode: ClassVar[str] = "train"


class Point(NamedTuple):
    """A NamedTuple."""

    w: Any
    b: Any = 0.0


class Moded(Point):
    """One whose instances have a __dict__."""

    mode: ClassVar[str] = "train"


class Slot:
    """A slot that is no field."""

    __slots__ = ("mode",)


@dataclasses.dataclass
class OverSlot(Slot):
    """A field beside it."""

    __slots__ = ("w",)
    w: Any


@attrs.define
class AttrsOverSlot(Slot):
    """The same of attrs."""

    w: Any


class Bare(NamedTuple):
    """No field at all."""


class BareModed(Bare):
    """No leaf, and a mode."""


def with_mode(made: Any) -> Any:
    made.mode = "eval"
    return made


CARRIERS: dict[str, Callable[[], Any]] = {
    "class attribute": lambda: with_mode(Default(2.0)),
    "ClassVar": lambda: with_mode(Declared(2.0)),
    "__getattr__": lambda: with_mode(Fallback(2.0)),
    "__post_init__": lambda: Hook(2.0),
    "derived": lambda: Derived(2.0),
    "attrs": lambda: with_mode(Attrs(2.0)),
    "NamedTuple": lambda: with_mode(Moded(2.0)),
    "slot": lambda: with_mode(OverSlot(2.0)),
    "slot under attrs": lambda: with_mode(AttrsOverSlot(2.0)),
    "without a leaf": lambda: with_mode(BareModed()),
}


def by_mode(p: Any) -> Any:
    """Another function for each mode."""
    return p.w**2 if p.mode == "train" else 3.0 * p.w


DOORS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda d: tg.grad(by_mode)(d),
    "value_and_grad": lambda d: tg.value_and_grad(by_mode)(d),
    "vjp": lambda d: tg.vjp(by_mode, d),
    "jvp": lambda d: tg.jvp(by_mode, (d,), (d,)),
    "jacrev": lambda d: tg.jacrev(by_mode)(d),
    "record": lambda d: tg.record(by_mode, d),
    "output": lambda d: tg.vjp(lambda x: [x, d], 2.0),
    "within": lambda d: tg.grad(lambda p: by_mode(p["a"][0]))({"a": [d]}),
    "map": lambda d: tree.map(lambda x: x, d),
    "ravel": lambda d: tree.ravel(d),
    "structure": lambda d: tree.flatten(d),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_is_no_field_is_refused(carrier: str, door: str) -> None:
    """Not left behind; whether the class has been seen before, or not."""
    for _ in range(2):
        with pytest.raises(tg.LeafError, match=r"mode is str 'eval', but no field of \w+: only fi"):
            DOORS[door](CARRIERS[carrier]())


def test_the_words() -> None:
    """Which attribute, where, and what to do."""
    with pytest.raises(tg.LeafError) as caught:
        tg.grad(by_mode)(with_mode(Declared(2.0)))
    first, where, *rest = str(caught.value).splitlines()
    remedy = "Make it a field of Declared; what is computed of fields may be a "
    remedy += "functools.cached_property"
    assert first == (
        "Declared.mode is str 'eval', but no field of Declared: only fields are carried, and what "
        "is made of them would be without it."
    )
    assert where.endswith("tg.grad(by_mode)(with_mode(Declared(2.0)))")
    assert rest == [
        f"{remedy}.",
        "A setting that is a field of a class is marked static there:",
        '    dataclasses.field(metadata={"static": True})',
        '    attrs.field(metadata={"static": True})',
    ]


def test_without_it_the_same_objects_pass() -> None:
    """2w at 2; a class is not refused for what one instance had."""
    for kind in (Default, Declared, Fallback, Attrs, Moded):
        with pytest.raises(tg.LeafError):
            tree.leaves(with_mode(kind(2.0)))
        assert tg.grad(by_mode)(kind(2.0)).w == 4.0
    assert tree.leaves([OverSlot(2.0), AttrsOverSlot(3.0)]) == [2.0, 3.0]
    assert tree.leaves([BareModed(), BareModed()]) == []


def test_as_a_static_field_it_decides() -> None:
    """What the message says to write: the derivative of 3w."""

    @dataclasses.dataclass
    class Setting:
        w: Any
        mode: str = dataclasses.field(default="train", metadata={"static": True})

    gradient = tg.grad(by_mode)(with_mode(Setting(2.0)))
    assert gradient == Setting(3.0, "eval")


# What is computed of fields, and what Python notes ------------------------------------------------


@dataclasses.dataclass
class Computed:
    """A property that is kept once it is computed."""

    w: Any

    @functools.cached_property
    def double(self) -> Any:
        """Of the field."""
        return 2.0 * self.w


@attrs.frozen
class ComputedSlot:
    """The same; attrs keeps it in a slot."""

    w: Any

    @functools.cached_property
    def double(self) -> Any:
        """Of the field."""
        return 2.0 * self.w


class ComputedTuple(Point):
    """The same of a NamedTuple."""

    @functools.cached_property
    def double(self) -> Any:
        """Of the field."""
        return 2.0 * self.w


@pytest.mark.parametrize("kind", [Computed, ComputedSlot, ComputedTuple])
def test_a_cached_property_is_computed_anew(kind: Any) -> None:
    """It is of the traced field, and its gradient is there: (2w)² has slope 8w."""
    given = kind(3.0)
    assert given.double == 6.0
    assert tg.grad(lambda p: p.double**2)(given).w == 24.0
    assert tree.map(lambda x: x + 1.0, given).double == 8.0


@dataclasses.dataclass
class Box(Generic[T]):
    """A generic class, whose instances know of what."""

    w: T


@attrs.frozen(cache_hash=True)
class Hashed:
    """An attrs class that keeps its hash, in a slot."""

    w: float


@attrs.frozen(cache_hash=True, slots=False)
class HashedDict:
    """The same, in the __dict__."""

    w: float


def test_notes_of_python_and_attrs_are_no_attributes() -> None:
    """Box[float](2.0).__orig_class__, and a hash that has been kept."""
    given: list[Any] = [Box[float](2.0), Hashed(2.0), HashedDict(2.0)]
    assert [hash(made) == hash(made) for made in given[1:]] == [True, True]
    for made in given:
        assert tg.grad(lambda p: p.w**2)(made).w == 4.0


# Fields that are not set --------------------------------------------------------------------------


@dataclasses.dataclass
class Partly:
    """Fields that need not be set; the class has values for them, or not."""

    w: Any
    late: Any = dataclasses.field(init=False)
    note: str = dataclasses.field(init=False, metadata={"static": True})


def test_what_is_not_set_stays_so() -> None:
    """And an attribute beside them is seen, however many fields there are."""
    given = Partly(2.0)
    gradient = tg.grad(lambda p: p.w**2)(given)
    assert vars(gradient) == {"w": 4.0}
    given.note = "n"
    assert vars(tg.grad(lambda p: p.w**2)(given)) == {"w": 4.0, "note": "n"}
    given.late = 3.0
    assert vars(tg.grad(lambda p: p.w * p.late)(given)) == {"w": 3.0, "late": 2.0, "note": "n"}
    with pytest.raises(tg.LeafError, match=r"Partly\.mode is str 'eval'"):
        tree.leaves(with_mode(Partly(2.0)))


# Constructors of NamedTuples ----------------------------------------------------------------------


class Shifted(Point):
    """What it holds is not what it is given."""

    __slots__ = ()

    def __new__(cls, w: Any, b: Any = 0.0) -> Any:
        """Of w + 1."""
        return super().__new__(cls, w + 1.0, b)


class Summed(collections.namedtuple("Summed", "w total")):  # noqa: PYI024  # the other way
    """One argument, two fields."""

    __slots__ = ()

    def __new__(cls, w: Any) -> Any:
        """Of w and its square."""
        return super().__new__(cls, w, w * w)


class ByHand(tuple):  # type: ignore[type-arg]  # noqa: SLOT001
    """What passes for a NamedTuple, without the functions that make one."""

    _fields = ("w", "b")
    w = property(lambda self: self[0])
    b = property(lambda self: self[1])

    def __new__(cls, w: Any, b: Any = 0.0) -> Any:
        """Of w + 1."""
        return super().__new__(cls, (w + 1.0, b))

    @classmethod
    def _make(cls, fields: Any) -> Any:
        raise NotImplementedError

    def _asdict(self) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("kind", [Shifted, ByHand])
def test_no_constructor_runs(kind: Any) -> None:
    """At w = 3 the slope of w² is 6; through the constructor it was evaluated at 4."""
    given = kind(2.0)
    assert given.w == 3.0
    value, gradient = tg.value_and_grad(lambda p: p.w**2)(given)
    assert (value, type(gradient), gradient.w) == (9.0, kind, 6.0)
    assert type(tree.map(lambda x: x, given)) is kind
    assert tuple(tree.map(lambda x: x, given)) == tuple(given)


def test_a_constructor_of_fewer_arguments() -> None:
    """w + total at 2, with the fields apart: slopes 1 and 1."""
    gradient = tg.grad(lambda p: p.w + p.total)(Summed(2.0))
    assert type(gradient) is Summed
    assert tuple(gradient) == (1.0, 1.0)


def test_a_derived_namedtuple_is_a_node_like_others() -> None:
    """Paths, differences, copies."""
    given = {"p": [Shifted(1.0, [3.0]), Moded(1.0)]}
    assert list(tree.paths(given, "t")) == [
        "t['p'][0].w",
        "t['p'][0].b[0]",
        "t['p'][1].w",
        "t['p'][1].b",
    ]
    structure = tree.flatten(given)[1]
    for again in (copy.deepcopy(structure), pickle.loads(pickle.dumps(structure))):
        assert again == structure
    with pytest.raises(tg.ShapeError, match=r"expected Shifted at \['p'\]\[0\], got Point"):
        tree.map(lambda a, b: a, given, {"p": [Point(1.0, [3.0]), Moded(1.0)]})
    with pytest.raises(tg.ShapeError, match=r"expected a list of 1 at \['p'\]\[0\]\.b, got float"):
        tree.map(lambda a, b: a, given, {"p": [Shifted(1.0, 3.0), Moded(1.0)]})
    vmapped = tg.vmap(lambda p: p.w * 2.0, (Moded(0, None),))(Moded(np.ones(2), 1.0))
    np.testing.assert_array_equal(vmapped, [2.0, 2.0])


@pytest.mark.parametrize(
    "within",
    [
        lambda x: (x,),
        lambda x: [2.0, [x]],
        lambda x: {"a": None, "b": {"c": x}},
        lambda x: Point(1.0, x),
        Default,
        lambda x: collections.OrderedDict(a=collections.deque([x])),
        lambda x: [[], (), {}, Bare(), x],
    ],
)
def test_wherever_it_is_met_first(within: Callable[[Any], Any]) -> None:
    """At w = 3, though the class is new, and deep in a tree."""

    class Local(Point):
        def __new__(cls, w: Any) -> Any:
            return super().__new__(cls, w + 1.0)

    def f(p: Any) -> Any:
        return tree.leaves(p)[-2] ** 2

    gradient = tg.grad(f)(within(Local(2.0)))
    assert tree.leaves(gradient)[-2:] == [6.0, 0.0]
    with pytest.raises(tg.LeafError, match=r"^Local\.mode is str 'eval'"):
        tree.leaves(within(with_mode(Local(2.0))))


def test_one_that_a_user_made_known_stays_his() -> None:
    """To optree, before tapegrad met it."""

    class Own(Point):
        pass

    register: Any = optree.register_pytree_node
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        register(Own, lambda x: ((x.w,), x.b), lambda b, x: Own(x[0], b), namespace="tapegrad")
    assert tree.leaves([Own(1.0, "setting")]) == [1.0]
    assert tg.grad(lambda p: p.w**2)(Own(3.0, "setting")) == (6.0, "setting")


def test_the_error_of_a_users_functions_is_his() -> None:
    """It says what it said, and not that the leaves were too few."""

    class Positive:
        def __init__(self, a: Any) -> None:
            self.a = a

    def made(_: Any, parts: Any) -> Any:
        if parts[0] < 0.0:
            raise ValueError("not positive")
        return Positive(parts[0])

    register: Any = optree.register_pytree_node
    register(Positive, lambda x: ((x.a,), None), made, namespace="tapegrad")
    with pytest.raises(ValueError, match=r"^not positive$") as caught:
        tree.map(lambda x: -x, Positive(1.0))
    assert type(caught.value) is ValueError


# Which structures have been looked at -------------------------------------------------------------


def test_a_class_in_the_place_of_another() -> None:
    """Classes are made, and go: one that was looked at has not lent its hash to the next."""
    for shift in range(200):

        class Local(Point):
            __slots__ = ()

            if shift % 2:

                def __new__(cls, w: Any, b: Any = 0.0, shift: float = shift) -> Any:
                    return super().__new__(cls, w + shift, b)

        assert tg.grad(lambda p: p.w**2)(Local(2.0)).w == 2.0 * Local(2.0).w
        del Local
        gc.collect(0)


def test_they_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose trees all differ does not fill memory."""
    monkeypatch.setattr(_classes, "_SEEN_AT_MOST", 5)
    monkeypatch.setattr(_classes, "_SEEN", {})
    for k in range(20):
        assert len(tree.leaves([1.0] * k)) == k
        assert 1 <= len(_classes._SEEN) <= 5


def test_a_structure_without_a_hash() -> None:
    """A defaultdict's factory need not have one."""

    @dataclasses.dataclass
    class Factory:
        start: float = 0.0

        def __call__(self) -> Any:
            return self.start

    given = collections.defaultdict(Factory(), {"p": Shifted(1.0)})
    for _ in range(2):
        gradient = tg.grad(lambda p: p["p"].w ** 2)(given)
        assert tuple(gradient["p"]) == (4.0, 0.0)


def test_threads_meet_a_class_at_once() -> None:
    """Whoever makes it known, all of them take it apart alike."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(10):

            class Local(Point):
                def __new__(cls, w: Any, b: Any = 0.0) -> Any:
                    return super().__new__(cls, w + 1.0, b)

            found: list[Any] = []
            given = Local(2.0)
            run = lambda given=given, found=found: found.append(tg.grad(lambda p: p.w**2)(given).w)  # noqa: E731
            threads = [threading.Thread(target=run) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert found == [6.0] * 4
    finally:
        sys.setswitchinterval(before)
