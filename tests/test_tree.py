"""Trees of parameters: every kind of node, paths, vectors; and gradients in the kinds that came."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import numpy as np
import pytest
import truth
from hypothesis import given, strategies as st

import tapegrad as tg
from tapegrad import tree

T = TypeVar("T")


class Point(NamedTuple):
    """A NamedTuple."""

    x: Any
    y: Any


@dataclasses.dataclass
class Plain:
    """A dataclass."""

    w: Any
    b: Any
    note: str = dataclasses.field(default="note", metadata={"static": True})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tight:
    """A frozen dataclass with slots."""

    w: Any
    b: Any = None


@dataclasses.dataclass
class Derived(Plain):
    """A subclass of a dataclass, with one more field and a hook that must not run again."""

    extra: Any = 1.0
    made: int = dataclasses.field(default=0, metadata={"static": True})

    def __post_init__(self) -> None:
        self.made += 1


@attrs.frozen
class Frozen:
    """An attrs class: frozen, slots."""

    w: Any
    b: Any
    act: Callable[[Any], Any] = attrs.field(default=np.tanh, metadata={"static": True})


@attrs.define
class Mutable:
    """An attrs class that may be changed."""

    w: Any
    b: Any = 0.0


def as_array(x: Any) -> Any:
    return np.asarray(x, float)


@attrs.frozen
class Checked:
    """Converters and validators, which would refuse traced values; a private name; a keyword."""

    w: Any = attrs.field(converter=as_array)
    _n: float = attrs.field(default=2.0, validator=attrs.validators.instance_of(float))
    kind: str = attrs.field(
        default="a",
        kw_only=True,
        validator=attrs.validators.in_(["a", "b"]),
        metadata={"static": True},
    )


@attrs.frozen(slots=False)
class WithDict:
    """An attrs class without slots."""

    w: Any


@attrs.frozen
class Sub(Frozen):
    """A subclass of an attrs class."""

    c: Any = 3.0


@attrs.frozen
class Layer(Generic[T]):
    """A generic attrs class."""

    inner: T
    scale: float


@attrs.frozen
class Nothing:
    """No field at all."""


TREES: list[Any] = [
    1.0,
    np.arange(3.0),
    {"b": 1.0, "a": 2.0},
    {2: 1.0, 1: 2.0},
    {},
    [],
    (),
    None,
    [1.0, [2.0, (3.0,)]],
    (1.0, None, 2.0),
    Point(1.0, {"z": [2.0]}),
    Plain(1.0, np.ones(2)),
    Tight(w=1.0),
    Derived(1.0, 2.0, "n", 3.0, 7),
    Frozen(np.ones((2, 2)), 1.0),
    Mutable(1.0),
    Checked([1.0, 2.0], 3.0, kind="b"),
    WithDict(1.0),
    Sub(1.0, 2.0),
    Layer(Layer([1.0, 2.0], 0.5), 0.25),
    Layer[Point](Point(1.0, 2.0), 0.5),
    Nothing(),
    collections.OrderedDict([("b", 1.0), ("a", 2.0)]),
    collections.defaultdict(float, {"k": 1.0}),
    collections.deque([1.0, 2.0]),
    {"layers": [Frozen(np.ones(2), None), Sub(1.0, Point(2.0, 3.0))], "scale": Plain(1.0, 2.0)},
]
each_tree = pytest.mark.parametrize("t", TREES, ids=lambda t: type(t).__name__)


def same(a: Any, b: Any) -> bool:
    """Equal in structure, settings and leaves."""
    ours, theirs = tree.flatten(a), tree.flatten(b)
    return ours[1] == theirs[1] and all(
        np.array_equal(x, y) for x, y in zip(ours[0], theirs[0], strict=True)
    )


@each_tree
def test_there_and_back(t: Any) -> None:
    """unflatten is the inverse of flatten: type, settings, order of keys."""
    leaves, structure = tree.flatten(t)
    again = tree.unflatten(structure, leaves)
    assert type(again) is type(t)
    assert same(again, t)
    if isinstance(t, dict):
        assert list(again) == list(t)


@each_tree
def test_the_leaves_of_the_doubled_tree(t: Any) -> None:
    """map visits each leaf once, in the order of leaves()."""
    doubled = tree.map(lambda x: 2 * x, t)
    for a, b in zip(tree.leaves(doubled), tree.leaves(t), strict=True):
        np.testing.assert_array_equal(a, 2 * b)
    assert tree.flatten(doubled)[1] == tree.flatten(t)[1]


@each_tree
def test_paths_there_and_back(t: Any) -> None:
    """from_paths is the inverse of paths."""
    named = tree.paths(t, "params")
    assert list(map(id, named.values())) == list(map(id, tree.leaves(t)))
    assert same(tree.from_paths(t, named, "params"), t)


@each_tree
def test_vectors_there_and_back(t: Any) -> None:
    """unravel is the inverse of ravel."""
    vector, unravel = tree.ravel(t)
    assert vector.shape == (tree.size(t),)
    assert vector.dtype == np.float64
    again = unravel(vector)
    assert type(again) is type(t)
    assert same(again, t)


@each_tree
def test_gradients_have_the_structure_of_the_parameters(t: Any) -> None:
    """2p for Σ p², in the same classes, with the same settings."""

    def f(p: Any) -> Any:
        assert type(p) is (tg.Var if isinstance(t, (float, np.ndarray)) else type(t))
        total = 0.0
        for leaf in tree.leaves(p):
            total = total + (leaf * leaf).sum() if leaf.ndim else total + leaf * leaf
        return total

    value, gradient = tg.value_and_grad(f)(t)
    assert value == sum(np.sum(np.square(leaf)) for leaf in tree.leaves(t))
    truth.assert_same(gradient, tree.map(lambda x: 2.0 * x, t))
    assert type(gradient) is type(t)
    assert tree.flatten(gradient)[1] == tree.flatten(t)[1]


def test_paths_are_written_as_python_would() -> None:
    """Keys, positions, attributes: what can be typed after the name."""
    t = {
        "layers": [Frozen(1.0, Point(2.0, 3.0))],
        "n": (Plain(4.0, None),),
        3: Tight(w=5.0),
    }
    named = tree.paths({"layers": t["layers"], "n": t["n"]}, "params")
    assert named == {
        "params['layers'][0].w": 1.0,
        "params['layers'][0].b.x": 2.0,
        "params['layers'][0].b.y": 3.0,
        "params['n'][0].w": 4.0,
    }
    for path, leaf in named.items():
        assert eval(path, {"params": t}) == leaf  # noqa: S307
    assert tree.paths({3: Tight(w=5.0)}, "p") == {"p[3].w": 5.0}
    assert tree.paths(Checked([1.0], 2.0), "p").keys() == {"p.w", "p._n"}
    assert tree.paths(7.0, "p") == {"p": 7.0}
    assert tree.paths(7.0) == {"": 7.0}


def test_static_fields_travel_with_the_structure() -> None:
    """A setting is no leaf, is not differentiated, and comes back as the same object."""

    def act(x: Any) -> Any:
        return np.sin(x)

    net = Frozen(np.array([1.0, 2.0]), 0.5, act)
    gradient = tg.grad(lambda p: (p.act(p.w) * p.b).sum())(net)
    assert gradient.act is act
    np.testing.assert_allclose(gradient.w, np.cos(net.w) * 0.5)
    assert tree.leaves(net)[0] is net.w


def test_trees_with_different_settings_differ() -> None:
    """map refuses to mix them."""
    with pytest.raises(tg.ShapeError, match="differ in structure"):
        tree.map(lambda a, b: a, Plain(1.0, 2.0, "a"), Plain(1.0, 2.0, "b"))


def test_a_static_array_may_be_a_setting() -> None:
    """Arrays among the settings: the same object is the same setting."""

    @attrs.frozen(eq=False)
    class Masked:
        w: Any
        mask: Any = attrs.field(metadata={"static": True})

    model = Masked(np.ones(3), np.array([True, False, True]))
    gradient = tg.grad(lambda m: (m.w * m.mask).sum())(model)
    np.testing.assert_array_equal(gradient.w, [1.0, 0.0, 1.0])
    stepped = tree.map(lambda p, g: p - g, model, gradient)
    assert stepped.mask is model.mask


def test_neither_constructors_nor_hooks_run() -> None:
    """A converter would choke on a traced value, a hook would run twice."""
    point = Checked([1.0, 2.0], 3.0)
    gradient = tg.grad(lambda p: (p.w * p._n).sum())(point)
    truth.assert_same(gradient, Checked([3.0, 3.0], 3.0))
    assert Derived(1.0, 2.0).made == 1
    assert tree.map(lambda x: x, Derived(1.0, 2.0)).made == 1


def test_a_class_made_in_a_function() -> None:
    """Two classes of the same name are two kinds of node."""

    def make() -> Any:
        @attrs.frozen
        class Local:
            a: Any

        return Local

    first, second = make(), make()
    assert type(tg.grad(lambda p: p.a**2)(first(3.0))) is first
    assert type(tg.grad(lambda p: p.a**2)(second(3.0))) is second
    with pytest.raises(tg.ShapeError):
        tree.map(lambda a, b: a, first(1.0), second(1.0))


# map, from_paths, ravel --------------------------------------------------------------------------


def test_map_of_several_trees() -> None:
    """Leaf by leaf; an attrs class with itself."""
    found = tree.map(
        lambda a, b, c: a + b * c, Mutable(1.0, 2.0), Mutable(3.0, 4.0), Mutable(5.0, 6.0)
    )
    assert found == Mutable(16.0, 26.0)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"a": 1.0}, {"b": 1.0}),
        ([1.0], [1.0, 2.0]),
        ([1.0], (1.0,)),
        (Point(1.0, 2.0), (1.0, 2.0)),
        ({"a": None}, {"a": 1.0}),
        (Plain(1.0, 2.0), {"w": 1.0, "b": 2.0}),
    ],
)
def test_map_refuses_trees_that_differ(a: Any, b: Any) -> None:
    """With both structures in the message."""
    with pytest.raises(tg.ShapeError, match=r"the trees differ in structure: expected .*, got "):
        tree.map(lambda x, y: x, a, b)


def test_from_paths_names_what_is_missing_and_what_is_unknown() -> None:
    """Every path, not the first one."""
    template = {"a": 1.0, "b": np.zeros(2)}
    with pytest.raises(tg.ShapeError, match=r"missing: \['a'\], \['b'\]; unknown: \['c'\]"):
        tree.from_paths(template, {"['c']": 1.0})
    with pytest.raises(tg.ShapeError, match=r"\['b'\] has shape \(3,\), the template's has \(2,\)"):
        tree.from_paths(template, {"['a']": 1.0, "['b']": np.zeros(3)})


def test_ravel_of_a_mixed_tree() -> None:
    """Numbers come back as floats, arrays in their shapes and dtypes, in memory of their own."""
    a = np.arange(4, dtype=np.float32).reshape(2, 2)
    t: dict[str, Any] = {"a": a, "b": 2, "c": (np.float32(0.5), 3.0)}
    vector, unravel = tree.ravel(t)
    truth.assert_same(vector, np.array([0.0, 1.0, 2.0, 3.0, 2.0, 0.5, 3.0]))
    again = unravel(vector * 2.0)
    assert again["a"].dtype == np.float32
    np.testing.assert_array_equal(again["a"], t["a"] * 2)
    assert again["b"] == 4.0
    assert type(again["b"]) is float
    assert not np.shares_memory(again["a"], vector)
    again["a"][0, 0] = 99.0
    assert vector[0] == 0.0


@pytest.mark.parametrize(
    "leaf", [np.arange(3), np.array([True]), np.int32(1), np.True_, True, np.zeros(2, np.uint8)]
)
def test_ravel_refuses_what_has_no_fractions(leaf: Any) -> None:
    """A vector's 1.7 would come back as 1, and a truth as 1.0."""
    with pytest.raises(
        tg.LeafError, match=r"^tree\['n'\]\[0\] is (int|bool|uint8).* have fractions"
    ):
        tree.ravel({"n": [leaf], "w": np.ones(2)})
    assert tree.size({"n": [leaf]}) == np.size(leaf)


def test_ravel_of_python_ints() -> None:
    """They are floats, however large; and so they come back, also where they are traced."""
    truth.assert_same(tree.ravel({"a": 1, "b": 2})[0], np.array([1.0, 2.0]))
    vector, unravel = tree.ravel([2, 2**70])
    truth.assert_same(vector, np.array([2.0, 2.0**70]))
    assert unravel(np.array([2.5, 1.0])) == [2.5, 1.0]
    recording = tg.record(lambda n: tree.ravel({"n": n, "w": 0.5})[0], 3)
    truth.assert_same(recording.value, np.array([3.0, 0.5]))


def test_ravel_of_nothing() -> None:
    """An empty vector of floats."""
    empty: dict[str, Any] = {"a": None, "b": []}
    vector, unravel = tree.ravel(empty)
    truth.assert_same(vector, np.zeros(0))
    assert unravel(vector) == empty


def test_unravel_refuses_another_length() -> None:
    """Expected and got."""
    _, unravel = tree.ravel({"a": np.ones(3), "b": 1.0})
    with pytest.raises(tg.ShapeError, match=r"expected a vector of shape \(4,\), got float64\[3\]"):
        unravel(np.ones(3))
    with pytest.raises(
        tg.ShapeError, match=r"expected a vector of shape \(4,\), got float64\[2, 2\]"
    ):
        unravel(np.ones((2, 2)))


def test_ravel_and_unravel_are_differentiated_through() -> None:
    """As an optimiser that knows only vectors needs it; and unravel inside a gradient."""
    t = {"w": np.array([[1.0, 2.0]]), "b": 3.0}
    vector, unravel = tree.ravel(t)

    def loss(p: Any) -> Any:
        return (p["w"] ** 2).sum() * p["b"]

    by_vector = tg.grad(lambda v: loss(unravel(v)))(vector)
    expected, _ = tree.ravel(tg.grad(loss)(t))
    truth.assert_close(by_vector, expected)
    truth.assert_close(by_vector, truth.jacobian(lambda v: loss(unravel(v)), vector))
    by_tree = tg.grad(lambda p: (tree.ravel(p)[0] ** 2 * np.array([1.0, 2.0, 3.0])).sum())(t)
    truth.assert_close(by_tree, {"b": 6.0, "w": np.array([[4.0, 12.0]])})


def test_size() -> None:
    """Scalars counted, settings and None not."""
    assert tree.size(Frozen(np.zeros((3, 4)), 1.0)) == 13
    assert tree.size(None) == 0
    assert tree.size({"a": np.zeros((0, 3)), "b": []}) == 0


leaf_strategy = st.one_of(
    st.floats(-5, 5),
    st.integers(-5, 5),
    st.lists(st.floats(-5, 5), max_size=3).map(np.array),
    st.floats(-5, 5, width=32).map(np.float32),
    st.none(),
)
tree_strategy: st.SearchStrategy[Any] = st.recursive(
    leaf_strategy,
    lambda t: st.one_of(
        st.lists(t, max_size=3),
        st.tuples(t, t),
        st.dictionaries(st.text(max_size=3), t, max_size=3),
        st.builds(Point, t, t),
        st.builds(Plain, t, t),
        st.builds(Frozen, t, t),
        st.builds(Sub, t, t, c=t),
        st.builds(Layer, t, st.floats(0, 1)),
    ),
    max_leaves=8,
)


@given(tree_strategy)
def test_any_tree(t: Any) -> None:
    """Structure, paths, vectors and gradients of whatever tree Hypothesis builds."""
    leaves, structure = tree.flatten(t)
    assert same(tree.unflatten(structure, leaves), t)
    assert same(tree.from_paths(t, tree.paths(t, "p"), "p"), t)
    vector, unravel = tree.ravel(t)
    assert tree.flatten(unravel(vector))[1] == structure
    np.testing.assert_array_equal(tree.ravel(unravel(vector))[0], vector)
    gradient = tg.grad(lambda p: sum((np.sum(x * x) for x in tree.leaves(p)), 0.0))(t)
    truth.assert_same(
        gradient,
        tree.map(lambda x: 2.0 * x if isinstance(x, (float, int)) else x + x, t),
    )


# Kinds -------------------------------------------------------------------------------------------

KINDS: list[tuple[Any, type, Any]] = [
    (2.0, float, None),
    (2, float, None),
    (np.float64(2.0), np.float64, np.float64),
    (np.float32(2.0), np.float32, np.float32),
    (np.float16(2.0), np.float16, np.float16),
    (np.longdouble(2.0), np.longdouble, np.longdouble),
    (np.array(2.0), np.ndarray, np.float64),
    (np.array(2.0, np.float32), np.ndarray, np.float32),
    (np.ones(3), np.ndarray, np.float64),
    (np.ones((2, 3), np.float32), np.ndarray, np.float32),
    (np.ones((0, 3)), np.ndarray, np.float64),
    (np.ones(3, ">f8"), np.ndarray, np.dtype(">f8")),
    (np.asfortranarray(np.ones((2, 3))), np.ndarray, np.float64),
]
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "square": lambda x: (x * x).sum() if x.ndim else x * x,
    "numpy": lambda x: np.sum(np.exp(x)),
    "constant": lambda x: 1.0,
    "identity": lambda x: x.sum() if x.ndim else x,
    "mixed": lambda x: np.sum(x * np.float64(2.0)),
    "wide": lambda x: np.sum(x * np.ones((4, 1))) if x.ndim < 2 else np.sum(x * 2.0),
    "reshaped": lambda x: np.sum(np.reshape(x, (-1,)) ** 2),
    "indexed": lambda x: np.sum(x[..., None]),
    "where": lambda x: np.sum(np.where(x > 0.0, x, 0.0)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("x", "kind", "dtype"), KINDS, ids=lambda v: repr(v)[:24])
def test_a_gradient_has_the_kind_of_its_parameter(x: Any, kind: Any, dtype: Any, name: str) -> None:
    """float → float, int → float, NumPy scalar → NumPy scalar, array → array, dtype kept."""
    if name == "indexed" and kind is float:
        return  # Python's floats have no index
    tangent: Any = np.ones(np.shape(x)) if np.ndim(x) else 1.0
    gradients: list[Any] = [
        tg.grad(FUNCTIONS[name])(x),
        tg.vjp(FUNCTIONS[name], x)[1](1.0)[0],
        tg.hvp(FUNCTIONS[name], (x,), (tangent,)),
        tg.grad(lambda y: np.sum(tg.grad(FUNCTIONS[name])(y)) * 1.0)(x),
    ]
    for gradient in gradients:
        assert type(gradient) is kind
        assert np.shape(gradient) == np.shape(x)
        assert dtype is None or gradient.dtype == dtype


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_the_callers_own(name: str) -> None:
    """Writable, owning their memory, and shared with nothing: not with each other, not with x."""
    x, y = np.ones((2, 3)), np.ones((2, 3))

    def f(p: Any) -> Any:
        return FUNCTIONS[name](p["x"]) + FUNCTIONS[name](p["y"]) + p["z"].sum() * 1.0

    params = {"x": x, "y": y, "z": x}
    leaves = tree.leaves(tg.grad(f)(params))
    for k, gradient in enumerate(leaves):
        assert gradient.flags.owndata
        assert gradient.flags.writeable
        assert not any(np.shares_memory(gradient, other) for other in (*leaves[:k], x, y))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: x,
        lambda x, y: x + y,
        lambda x, y: x * y,
        lambda x, y: x.reshape(-1),
        lambda x, y: (x, x, y),
        lambda x, y: x.T,
        lambda x, y: x[0],
        lambda x, y: np.broadcast_to(x, (2, 2, 3)),
        lambda x, y: tg.label(x, "x"),
    ],
)
def test_pullbacks_share_nothing(f: Callable[..., Any]) -> None:
    """Neither with the cotangent that was given, nor with an operand, nor with an earlier call."""
    x, y = np.full((2, 3), 2.0), np.full((2, 3), 3.0)
    out, pullback = tg.vjp(f, x, y)
    g = tree.map(lambda leaf: np.ones(np.shape(leaf)), out)
    first, second = pullback(g), pullback(g)
    results = [*first, *second]
    others = [x, y, *tree.leaves(g)]
    for k, result in enumerate(results):
        assert result.flags.owndata
        assert result.flags.writeable
        assert not any(np.shares_memory(result, other) for other in (*results[:k], *others))
    for result in first:
        result[...] = np.nan
    third = pullback(g)
    assert np.isfinite(third[0]).all()
    assert np.isfinite(third[1]).all()


def test_parameters_are_not_changed() -> None:
    """Neither the arrays nor the containers."""
    w = np.ones(2)
    w.flags.writeable = False
    params = {"w": [w, 2.0]}
    gradient = tg.grad(lambda p: (p["w"][0] * p["w"][1]).sum())(params)
    assert params["w"][0] is w
    assert params == {"w": [w, 2.0]}
    assert gradient["w"][0].flags.writeable


def test_non_contiguous_parameters() -> None:
    """Views with strides, also negative, and read-only broadcasts."""
    base = np.arange(12.0).reshape(3, 4)
    for x in (base[:, ::2], base[::-1], base.T, np.broadcast_to(np.ones(3), (2, 3))):
        gradient = tg.grad(lambda x: (x**2).sum())(x)
        np.testing.assert_array_equal(gradient, 2 * x)
        assert gradient.flags.writeable
        assert not np.shares_memory(gradient, x)


def test_the_same_container_twice() -> None:
    """A tree that holds one object in two places has two parameters there."""
    shared = {"w": 2.0}
    found = tg.grad(lambda p: p[0]["w"] * 3.0 + p[1]["w"] ** 2)([shared, shared])
    assert found == [{"w": 3.0}, {"w": 4.0}]
