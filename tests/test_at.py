"""at(x)[i].set(v) and .add(v): NumPy's assignment, without writing into x."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import truth
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

import tapegrad as tg

RNG = np.random.default_rng(29)
SHAPE = (3, 4, 2)
ONE = np.array([0.5])

INDICES: dict[str, Any] = {
    "int": 1,
    "negative int": -1,
    "numpy int": np.int64(2),
    "0-d array": np.array(1),
    "all ints": (2, 3, 1),
    "slice": slice(1, None),
    "steps": slice(None, None, -2),
    "empty slice": slice(2, 2),
    "ellipsis": (Ellipsis, 0),
    "everything": Ellipsis,
    "no index": (),
    "none": (None, 1),
    "none inside": (1, None, slice(0, 2)),
    "list": [0, 2],
    "repeated": [0, 2, 0, 0],
    "negative in array": np.array([-1, 0]),
    "two arrays": ([0, 2], [1, 3]),
    "repeated pairs": ([0, 2, 0], [1, 3, 1]),
    "broadcast arrays": (np.array([[0], [2]]), np.array([1, 1, 3])),
    "arrays apart": ([0, 2], slice(None), [1, 0]),
    "array and int apart": (0, slice(1, 3), [1, 1]),
    "array beside int": (slice(None), 1, [1, 0, 1]),
    "slice then array": (slice(None), [3, 3, 0]),
    "ellipsis then array": (Ellipsis, [1, 1, 0]),
    "none and array": ([0, 1], None, [1, 1]),
    "mask": RNG.random(SHAPE) < 0.5,
    "mask of rows": np.array([True, False, True]),
    "mask beside slice": (slice(None), np.array([True, False, False, True])),
    "mask beside array": (np.array([True, False, True]), [1, 3]),
    "mask of nothing": np.zeros(SHAPE, bool),
    "empty list": [],
    "2-d mask": RNG.random(SHAPE[:2]) < 0.5,
}
each_index = pytest.mark.parametrize("index", INDICES.values(), ids=INDICES.keys())


def assigned(x: Any, index: Any, v: Any) -> Any:
    """What NumPy makes of x[index] = v."""
    y = np.array(x)
    y[index] = v
    return y


def added(x: Any, index: Any, v: Any) -> Any:
    """What NumPy makes of adding v at index, every repetition counted."""
    y = np.array(x)
    np.add.at(y, index, v)
    return y


@each_index
def test_set_is_assignment(index: Any) -> None:
    """For an array of values, one number, and values that broadcast."""
    x = RNG.normal(size=SHAPE)
    before = x.copy()
    shape = x[index].shape
    for v in (RNG.normal(size=shape), 7.0, 7, *(RNG.normal(size=n) for n in shape[-1:]), ONE):
        if v is ONE and not shape:
            continue  # NumPy does not take an array for one element
        truth.assert_same(tg.at(x)[index].set(v), assigned(x, index, v))
    np.testing.assert_array_equal(x, before)


@each_index
def test_add_is_unbuffered_addition(index: Any) -> None:
    """Repeated places get every value that was meant for them."""
    x = RNG.normal(size=SHAPE)
    before = x.copy()
    shape = x[index].shape
    for v in (RNG.normal(size=shape), 7.0, 7, *(RNG.normal(size=n) for n in shape[-1:]), ONE):
        if v is ONE and not shape:
            continue
        found = np.asarray(tg.at(x)[index].add(v))
        np.testing.assert_allclose(found, added(x, index, v), rtol=1e-15, atol=1e-15)
    np.testing.assert_array_equal(x, before)


def derivatives(truly: Callable[..., Any], ours: Callable[..., Any], x: Any, v: Any) -> None:
    """Both modes by both operands, against differences of NumPy's own assignment."""
    weights = RNG.normal(size=SHAPE)

    def loss(f: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, v: (np.sin(f(x, v)) * weights).sum()

    by_x, by_v = tg.grad(loss(ours), (0, 1))(x, v)
    truth.assert_close(by_x, truth.gradient(loss(truly), x, v))
    truth.assert_close(by_v, truth.gradient(loss(truly), x, v, argnum=1))
    tangents = (RNG.normal(size=np.shape(x)), RNG.normal(size=np.shape(v)))
    tangents = (tangents[0], float(tangents[1]) if isinstance(v, float) else tangents[1])
    _, moved = tg.jvp(ours, (x, v), tangents)
    expected = truth.slope(lambda h: truly(x + h * tangents[0], v + h * tangents[1]), 0.0)
    truth.assert_close(moved, expected)


@each_index
def test_gradients_of_set(index: Any) -> None:
    """What was overwritten has no gradient, of several values for one place only the last."""
    x = RNG.normal(size=SHAPE)
    shape = x[index].shape
    for v in (RNG.normal(size=shape), 0.7, RNG.normal(size=shape[-1:])):
        derivatives(lambda x, v: assigned(x, index, v), lambda x, v: tg.at(x)[index].set(v), x, v)


@each_index
def test_gradients_of_add(index: Any) -> None:
    """Every value that was added counts."""
    x = RNG.normal(size=SHAPE)
    shape = x[index].shape
    for v in (RNG.normal(size=shape), 0.7, RNG.normal(size=shape[-1:])):
        derivatives(lambda x, v: added(x, index, v), lambda x, v: tg.at(x)[index].add(v), x, v)


@each_index
def test_gradients_of_indexing(index: Any) -> None:
    """x[i] for the same indices: the gradient is an unbuffered addition into zeros."""
    x = RNG.normal(size=SHAPE)
    weights = RNG.normal(size=x[index].shape)
    np.testing.assert_array_equal(tg.record(lambda x: x[index], x).value, x[index])
    found = tg.grad(lambda x: (x[index] * weights).sum())(x)
    np.testing.assert_allclose(found, added(np.zeros(SHAPE), index, weights), atol=1e-15)


@each_index
@pytest.mark.parametrize("place", ["set", "add"])
def test_second_order_and_batches(place: str, index: Any) -> None:
    """Hessians through set, and a batch of sets against a loop."""
    xs, vs = RNG.normal(size=(2, 3, *SHAPE))

    def f(x: Any, v: Any) -> Any:
        return getattr(tg.at(x)[index], place)((v * v)[index])

    for axes in ((0, 0), (0, None), (None, 0)):
        args = [a if axis == 0 else a[0] for a, axis in zip((xs, vs), axes, strict=True)]
        np.testing.assert_allclose(
            tg.vmap(f, axes)(*args), truth.one_by_one(f, axes, *args), rtol=1e-14
        )
    t = RNG.normal(size=SHAPE)

    def loss(v: Any) -> Any:
        return (f(xs[0], v) ** 2).sum()

    found = tg.hvp(loss, (vs[0],), (t,))
    expected = truth.slope(lambda h: tg.grad(loss)(vs[0] + h * t), 0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@given(
    st.data(),
    hnp.array_shapes(min_dims=1, max_dims=3, max_side=4),
)
def test_any_basic_or_advanced_index(data: st.DataObject, shape: tuple[int, ...]) -> None:
    """Whatever index Hypothesis finds: value and gradient are NumPy's."""
    index: Any = data.draw(
        hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True)
        | hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
        | hnp.arrays(bool, shape)
    )
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    taken = x[index]
    v = rng.normal(size=np.shape(taken))
    weights = rng.normal(size=shape)
    np.testing.assert_array_equal(tg.at(x)[index].set(v), assigned(x, index, v))
    found = np.asarray(tg.at(x)[index].add(v))
    np.testing.assert_allclose(found, added(x, index, v), rtol=1e-14)
    g = tg.grad(lambda x: (x[index] * v).sum())(x)
    np.testing.assert_allclose(g, added(np.zeros(shape), index, v), atol=1e-14)
    by_x, by_v = tg.grad(lambda x, v: (tg.at(x)[index].set(v) * weights).sum(), (0, 1))(x, v)
    np.testing.assert_array_equal(by_x, assigned(weights, index, 0.0))
    marks = assigned(np.full(shape, -1.0), index, np.arange(v.size).reshape(v.shape))
    last = np.asarray(marks[index] == np.arange(v.size).reshape(v.shape))
    np.testing.assert_array_equal(by_v, np.where(last, weights[index], 0.0))


def test_dtypes() -> None:
    """The array's own, as in an assignment; integers become floats where the values are."""
    single = np.zeros(3, np.float32)
    whole = np.arange(3)
    for v in (1.0, 1, np.float64(1.0), np.ones(()), [1.0], np.ones(1)):
        assert tg.at(single)[:1].set(v).dtype == np.float32
        assert tg.at(single)[:1].add(v).dtype == np.float32
    assert tg.at(whole)[0].set(5).dtype == whole.dtype
    assert tg.at(whole)[0].add(5).dtype == whole.dtype
    truth.assert_same(tg.at(whole)[0].set(5.5), np.array([5.5, 1.0, 2.0]))
    truth.assert_same(tg.at(whole)[0].add(0.5), np.array([0.5, 1.0, 2.0]))
    truth.assert_same(tg.at(np.zeros(2, bool))[0].set(True), np.array([True, False]))
    by_v = tg.grad(lambda v: tg.at(single)[0].set(v).sum())(2.0)
    assert by_v == 1.0
    assert type(by_v) is float
    by_x = tg.grad(lambda x: tg.at(x)[0].add(np.float64(2.0)).sum())(single)
    assert by_x.dtype == np.float32


def test_lists_and_nested_lists() -> None:
    """x and v may be lists: they are arrays then."""
    truth.assert_same(tg.at([1.0, 2.0, 3.0])[1:].set([5.0, 6.0]), np.array([1.0, 5.0, 6.0]))
    truth.assert_same(tg.at(np.zeros(3))[[0, 0]].add([1.0, 2.0]), np.array([3.0, 0.0, 0.0]))


def test_leading_axes_of_length_one_are_dropped() -> None:
    """As in an assignment, where x[0] = v takes a v of shape (1, n)."""
    x, v = np.zeros((2, 3)), np.ones((1, 1, 3))
    truth.assert_same(tg.at(x)[0].set(v), assigned(x, 0, v))
    truth.assert_same(tg.at(x)[0].add(v), assigned(x, 0, v))
    found = tg.grad(lambda v: (tg.at(x)[0].set(v) * 2.0).sum())(v)
    truth.assert_same(found, np.full((1, 1, 3), 2.0))
    found = tg.grad(lambda v: (tg.at(x)[0].add(v) * 2.0).sum())(v)
    truth.assert_same(found, np.full((1, 1, 3), 2.0))


def test_chains_of_updates() -> None:
    """A loop that fills an array, differentiated: the Fibonacci recurrence in its first two."""

    def f(start: Any) -> Any:
        x = tg.at(np.zeros(10))[:2].set(start)
        for k in range(2, 10):
            x = tg.at(x)[k].set(x[k - 1] + x[k - 2])
        return x[-1]

    np.testing.assert_array_equal(tg.grad(f)(np.array([1.0, 1.0])), [21.0, 34.0])


def test_traced_indices() -> None:
    """Positions that were computed inside the function."""
    x = np.array([3.0, 1.0, 2.0])

    def f(x: Any) -> Any:
        order = np.argsort(x)
        return (tg.at(x)[order[0]].set(x[order[-1]] * 10.0) * np.arange(3.0)).sum()

    # the smallest, x[1], becomes 10 x[0]
    np.testing.assert_array_equal(tg.grad(f)(x), [10.0, 0.0, 2.0])


def test_the_result_is_the_callers_own() -> None:
    """Neither x nor v, nor a view of one, even where nothing or everything is set."""
    x, v = np.ones(3), np.zeros(3)
    for result in (
        tg.at(x)[:].set(v),
        tg.at(x)[...].set(v),
        tg.at(x)[:0].set(1.0),
        tg.at(x)[:0].add(1.0),
    ):
        array: Any = result
        assert array.flags.writeable
        assert not np.shares_memory(array, x)
        assert not np.shares_memory(array, v)


def test_errors() -> None:
    """What does not fit says so, with the shapes; what is not there says so."""
    with pytest.raises(tg.ShapeError, match=r"index_set .*\(3,\) and \(2,\)"):
        tg.grad(lambda x: tg.at(x)[:].set(np.ones(2)).sum())(np.ones(3))
    with pytest.raises(ValueError, match="broadcast"):
        tg.at(np.ones(3))[:].set(np.ones(2))
    text = r"add cannot take values of shape \(2,\): x\[i\] has shape \(3,\)\n  at .*test_at\.py"
    for v in (np.ones(2), np.ones((2, 1))):
        with pytest.raises(tg.ShapeError, match=text if v.ndim == 1 else "add cannot take"):
            tg.grad(lambda x, v=v: tg.at(x)[:].add(v).sum())(np.ones(3))
        with pytest.raises(tg.ShapeError, match="add cannot take values of shape"):
            tg.grad(lambda v: tg.at(np.ones(3))[:].add(v).sum())(v)
    with pytest.raises(IndexError, match="out of bounds"):
        tg.grad(lambda x: tg.at(x)[7].set(1.0).sum())(np.ones(3))
    with pytest.raises(IndexError, match="an index is an int, a slice"):
        tg.at(np.ones(3))["a"].set(1.0)
    with pytest.raises(IndexError, match=r"got float 1\.5"):
        tg.at(np.ones(3))[1.5].set(1.0)
    with pytest.raises(tg.ConversionError, match="cannot be an index: an index is an integer"):
        tg.grad(lambda x: tg.at(x)[x].set(1.0).sum())(np.ones(3))


# Who wrote last ----------------------------------------------------------------------------------


def reversed_twice(a: Any) -> Any:
    """The elements of an array, in their order, that lie in memory in reverse."""
    return a[(slice(None, None, -1),) * a.ndim].copy()[(slice(None, None, -1),) * a.ndim]


LAYOUTS: list[Callable[[Any], Any]] = [
    np.ascontiguousarray,
    np.asfortranarray,
    reversed_twice,
    lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    lambda a: np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0),
]


def written_in_order(x: Any, index: Any, v: Any) -> tuple[Any, Any]:
    """x with x[index] = v, one element of v after the other; and for each place whose is there."""
    y = np.array(x)
    places = np.arange(y.size).reshape(y.shape)[index]
    values = np.broadcast_to(v, places.shape)
    owner = np.full(y.size, -1)
    for k, (place, value) in enumerate(zip(places.flat, values.flat, strict=True)):
        y.flat[place] = value
        owner[place] = k
    return y, owner


@st.composite
def assignments(draw: st.DrawFn) -> tuple[Any, Any, Any]:
    """An array, an index with places named several times, in any form and layout, and values."""
    shape = (3, 2, 4)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    common = draw(st.sampled_from([(4,), (2, 3), (3, 1, 2), (6, 2)]))
    layout = st.sampled_from(LAYOUTS)
    if draw(st.booleans()):  # one for all
        layout = st.just(draw(layout))
    stretch = st.sets(st.integers(0, len(common) - 1)) if draw(st.booleans()) else st.just(set())
    static: list[Any] = list(draw(st.sampled_from(FORMS)))
    for axis, item in enumerate(static):
        if item is None:
            stretched = draw(stretch)
            lengths = [1 if k in stretched else n for k, n in enumerate(common)]
            array = draw(layout)(rng.integers(-shape[axis], shape[axis], size=lengths))
            wide = draw(st.booleans())  # with strides of zero
            static[axis] = np.broadcast_to(array, common) if wide else array
    x = rng.normal(size=shape)
    taken = x[tuple(static)].shape
    kept = draw(st.sampled_from([taken, taken[1:], (*taken[:-1], 1), ()]))
    return x, tuple(static), draw(layout)(rng.normal(size=kept)) if kept else rng.normal()


# None for an index array
FORMS: list[tuple[Any, ...]] = [
    (None, None, None),
    (None, None),
    (None,),
    (slice(None), None, None),
    (None, slice(None, None, -1), None),
    (None, 1, slice(1, 3)),
]


@given(assignments())
def test_the_last_value_stays_whatever_the_layout(case: tuple[Any, Any, Any]) -> None:
    """In the order of the values, row by row: of the value, both modes, a batch and a program."""
    x, index, v = case
    expected, owner = written_in_order(x, index, v)
    weights = np.arange(1.0, x.size + 1.0).reshape(x.shape)

    def f(x: Any, v: Any) -> Any:
        return tg.at(x)[index].set(v)

    truth.assert_same(f(x, v), expected)
    share = np.zeros(np.shape(x[index])).reshape(-1)
    share[owner[owner >= 0]] = weights.reshape(-1)[owner >= 0]
    share = share.reshape(np.shape(x[index]))
    by_v = share.sum() if np.ndim(v) == 0 else summed_to(share, np.shape(v))
    found = tg.grad(lambda x, v: (f(x, v) * weights).sum(), (0, 1))(x, v)
    np.testing.assert_array_equal(
        found[0], np.where(owner < 0, weights.reshape(-1), 0).reshape(x.shape)
    )
    np.testing.assert_allclose(found[1], by_v, rtol=1e-13)
    moved = tg.jvp(lambda v: f(x, v), (v,), (v,))[1]
    np.testing.assert_array_equal(moved, written_in_order(0.0 * x, index, v)[0])
    batch = tg.vmap(f, (0, None))(np.stack([x, 2.0 * x]), v)
    np.testing.assert_array_equal(batch[1], written_in_order(2.0 * x, index, v)[0])
    batch = tg.vmap(f, (None, 0))(x, np.stack([v, -np.asarray(v)]))
    np.testing.assert_array_equal(batch[1], written_in_order(x, index, -np.asarray(v))[0])
    program = tg.record(f, x, v).program
    np.testing.assert_array_equal(program(-x, v), written_in_order(-x, index, v)[0])
    second = tg.hvp(lambda v: (f(x, v) ** 3).sum() / 6.0, (v,), (np.ones_like(v),))
    given_v = np.broadcast_to(v, share.shape)
    last = np.zeros(share.size)
    last[owner[owner >= 0]] = 1.0
    curved = given_v * last.reshape(share.shape)
    by_v = curved.sum() if np.ndim(v) == 0 else summed_to(curved, np.shape(v))
    np.testing.assert_allclose(second, by_v, rtol=1e-12, atol=1e-14)


def summed_to(a: Any, shape: tuple[int, ...]) -> Any:
    """The sums of the elements that broadcasting would make of one in an array of a shape."""
    a = a.sum(axis=tuple(range(a.ndim - len(shape))))
    return a.sum(axis=tuple(k for k, n in enumerate(shape) if n == 1), keepdims=True)


@given(assignments())
def test_additions_do_not_ask_who_was_first(case: tuple[Any, Any, Any]) -> None:
    """Every value counts, in any layout; so does every cotangent of an element taken twice."""
    x, index, v = case
    index_in_order = tuple(np.array(i) if isinstance(i, np.ndarray) else i for i in index)
    expected = added(x, index_in_order, np.array(v))
    np.testing.assert_allclose(np.asarray(tg.at(x)[index].add(v)), expected, rtol=1e-13, atol=1e-14)
    share = np.broadcast_to(np.asarray(v), x[index].shape)
    found = tg.grad(lambda x: (x[index] * share).sum())(x)
    np.testing.assert_allclose(found, expected - x, rtol=1e-12, atol=1e-13)


def test_arrays_that_lie_in_reverse() -> None:
    """Where NumPy itself, which follows the memory, writes the first one last."""
    v, i = np.array([1.0, 2.0])[::-1], np.zeros(2, int)[::-1]
    set_: Any = tg.at(np.zeros((2, 2)))[i, i].set(v)
    assert set_[0, 0] == 1.0
    found = tg.grad(lambda v: tg.at(np.zeros((2, 2)))[i, i].set(v).sum())(v)
    np.testing.assert_array_equal(found, [0.0, 1.0])
    taken = np.array([[0, 0, 1], [1, 1, 1]])
    for order in (taken[::-1, ::-1], np.asfortranarray(taken), taken):
        ones = np.ones((2, 3))
        found = tg.grad(lambda x, order=order: np.take_along_axis(x, order, 1).sum())(ones)
        np.testing.assert_array_equal(found.sum(axis=1), [3.0, 3.0])


WHOLES: list[Any] = [300, -1, 2**70, True, [300, 1], [3, -1], [True, False], 7]


@pytest.mark.parametrize("value", WHOLES)
@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "f4", "f8", "?"])
def test_whole_numbers_fit_or_are_refused(value: Any, dtype: str) -> None:
    """What NumPy's assignment gives, or its OverflowError: nothing wraps around."""
    x = np.ones(2, dtype)
    plain = x.copy()
    try:
        plain[:] = value
    except OverflowError as error:
        for change in ("set", "add"):
            with pytest.raises(OverflowError, match=re.escape(str(error))):
                tg.grad(lambda y: getattr(tg.at(x)[:], change)(value) @ y)(np.ones(2))  # noqa: B023
    else:
        for found in (
            tg.at(x)[:].set(value),
            tg.record(lambda x: tg.at(x)[:].set(value), x).value,
            tg.vmap(lambda x: tg.at(x)[:].set(value))(x[None])[0],
        ):
            assert found.dtype == plain.dtype
            np.testing.assert_array_equal(found, plain)
