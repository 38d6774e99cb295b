"""The value of every function is NumPy's: for each option, dtype, shape and layout, and its errors.

Three ways to compute it are held against NumPy on plain data: ours on plain data, NumPy's function
on traced values, and under vmap. Values, dtypes and shapes are the same, to the bit unless it is
said where not; where NumPy raises, so does ours, an error of the same kind.
"""

from __future__ import annotations

import itertools
import operator
import random
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from calls import (
    FUNCTIONS,
    NO_VALUE,
    OLD,
    WITH_SIGNATURES,
    Call,
    Way,
    call_of,
    definite,
    differs,
    drawn,
    name_of,
    outcome,
    ways,
)

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import nn
from tapegrad.numpy import TABLE
from tapegrad.testing import check_grads

NAMED = pytest.mark.parametrize("function", FUNCTIONS, ids=name_of)
DTYPES = ("f8", "f4", "f2", "i1", "u1", "i4", "i8", "?")

# Units in the last place that a value may be off, where it is not computed in the same steps.
OTHER_STEPS = {
    "dot": 4,  # stacks are multiplied as matrices
    "inner": 4,
    "linalg.norm": 4,  # of a vector that lies apart in memory: it is put together first
}
# A batch, and the copies that a recording holds, lie in memory otherwise: NumPy adds in the order
# of memory, and its loops treat what is left over at their ends in other ways.
OTHER_LAYOUT = 4
# Python numbers may compute as Python does: truths as whole numbers, errors where it has them.
OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "negative": operator.neg,
    "dot": operator.mul,
    "inner": operator.mul,
    "real": lambda x: x,  # numpy.real(True) is True.real, a whole number
}


def layouts(call: Call, dtype: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Operands of a dtype in several shapes, and lying in memory in several ways."""
    *stack, last = call.shape
    for shape in ((), (0,), (3,), (0, 3), (2, 0), (2, 3, 3)):
        yield str(shape), call.operands(dtype, shape)
    yield "reversed", tuple(x[..., ::-1] for x in call.operands(dtype))
    yield "apart", tuple(x[..., ::2] for x in call.operands(dtype, (*stack, 2 * last)))
    yield "transposed", tuple(x.T for x in call.operands(dtype, call.shape[::-1]))
    yield "scalar", tuple(x[()] for x in call.operands(dtype, ()))
    if dtype in ("f8", "i8", "?"):
        yield "Python number", tuple(x.item() for x in call.operands(dtype, ()))


def recorded(run: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The value of a function of traced operands."""
    return tg.record(run, *operands).value


def batched(run: Callable[..., Any], operands: tuple[Any, ...]) -> Any:
    """The second of two equal examples."""
    out = tg.vmap(run)(*(np.stack([x, x]) for x in operands))
    return tg.tree.map(operator.itemgetter(1), out)


def refused(found: Any, way: Way) -> bool:
    """Whether an option is refused: test_signatures.py says which may be."""
    named = way.about in str(found) or "positional arguments" in str(found)
    refusal = isinstance(found, TypeError) and (named or way.value is NO_VALUE)
    return refusal and way.about != ""


def compared(
    function: Any,
    way: Way,
    operands: tuple[Any, ...],
    layout: str,
    modes: str = "plain traced vmap",
) -> list[str]:
    """In what the value, or the error, is not NumPy's, of each of these ways to compute it."""
    name = name_of(function)
    expected = outcome(lambda: way.run(function, operands))
    if isinstance(expected, AttributeError):
        return []  # it takes no Python numbers
    runs: dict[str, Callable[[], Any]] = {
        "plain": lambda: way.run(TABLE[function], operands),
        "traced": lambda: recorded(lambda *v: way.run(function, v), operands),
        "vmap": lambda: batched(lambda *v: way.run(function, v), operands),
    }
    possible = [expected]
    if layout == "Python number":
        del runs["vmap"]
        possible += [outcome(lambda: OPERATORS[name](*operands))] if name in OPERATORS else []
    wrong = []
    for mode, run in runs.items():
        if mode in modes and not refused(found := outcome(run), way):
            other = mode == "vmap" or (mode == "traced" and layout)
            ulps = max(OTHER_STEPS.get(name, 0), OTHER_LAYOUT if other else 0)
            reasons = [differs(found, value, ulps) for value in possible]
            wrong += [f"{mode}, {layout}, {way}: {reasons[0]}"] if all(reasons) else []
    return wrong


@pytest.mark.parametrize("dtype", DTYPES)
@NAMED
def test_every_dtype_and_layout(function: Any, dtype: str) -> None:
    """Without options."""
    if OLD and function in (np.astype, np.clip):
        pytest.skip("this NumPy does not take scalars, or bounds that no such number reaches")
    call = call_of(function)
    wrong = compared(function, Way(call.args), call.operands(dtype), "")
    for layout, operands in layouts(call, dtype):
        wrong += compared(function, Way(call.args), operands, layout)
    assert wrong == []


OPTIONS = [f for f in FUNCTIONS if not isinstance(f, np.ufunc)]


def options(function: Any) -> list[Way]:
    """The ways of calling, each value of each parameter once."""
    found = {(way.about, repr(way.value)): way for way in ways(function, call_of(function))}
    return list(found.values())


@WITH_SIGNATURES
@pytest.mark.parametrize("function", OPTIONS, ids=name_of)
def test_every_option(function: Any) -> None:
    """With each value of each parameter: traced, of each dtype; of floats in every way."""
    call = call_of(function)
    wrong = []
    for way in options(function):
        for dtype in DTYPES[1:]:
            wrong += compared(function, way, call.operands(dtype), "", "traced")
        for shape in (call.shape, ()):
            wrong += compared(function, way, call.operands(float, shape), str(shape))
    assert wrong == []


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("function", [np.sum, np.mean, np.var, np.std, np.cumsum, np.prod])
def test_many_elements(function: Any, dtype: str) -> None:
    """NumPy adds in pairs, and in portions where it converts: so does ours."""
    operands = (drawn((20_001,), dtype),)
    for wanted in (None, "f8", "f4", "f2"):
        way = Way(lambda x: (x,), {"dtype": wanted})
        assert compared(function, way, operands, "", "plain traced") == []


def test_a_division_by_more_than_a_dtype_can_count() -> None:
    """2049 is no float16, and 70000 is infinite there; the mean that is given, too."""
    for n in (2049, 70_000):
        x = np.resize(np.array([1.0, 2.0, 4.0], "f2"), n)
        for kwargs in ({}, {"mean": np.float16(2.0)}, {"dtype": "f4"}):
            expected = outcome(partial(np.var, x, **kwargs))
            assert differs(outcome(partial(tnp.var, x, **kwargs)), expected) == ""


BOUNDS = [None, 0, 1, -1, 0.5, 300, -300, np.float32(0.5), [1, 0, 2]]


@WITH_SIGNATURES
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_pair_of_bounds(dtype: str) -> None:
    """Of clip: those that no such number reaches, those that are in the wrong order, and none."""
    operands = call_of(np.clip).operands(dtype)
    for low, high in itertools.product(BOUNDS, BOUNDS):
        way = Way(lambda x, low=low, high=high: (x, low, high))
        assert compared(np.clip, way, operands, "") == []
        assert compared(np.clip, Way(lambda x: (x,), {"min": low, "max": high}), operands, "") == []


@WITH_SIGNATURES
@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("indices", [[0, 2, -1], [5, -7, 1], [[3], [-4]], 99, -99, []])
def test_every_mode_of_taking(mode: str, indices: Any) -> None:
    """Of positions that are there, and of some that are not; also where none is."""
    for shape, axis in itertools.product([(2, 3), (3,), (0, 3), ()], (None, 0, 1)):
        way = Way(lambda x, axis=axis: (x, indices, axis), {"mode": mode})
        assert compared(np.take, way, (drawn(shape, float),), "") == []
    given = np.asarray(indices, int)
    chosen = Way(lambda x, i: (x, i), {"mode": mode})
    assert compared(np.take, chosen, (drawn((2, 3), float), given), "") == []


@WITH_SIGNATURES  # since then, the largest of nothing is 0
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i1"])
@pytest.mark.parametrize("ord", [None, 0, 1, 2, 3, 3.3, 0.5, -1, -2, np.inf, -np.inf, "fro"])
def test_every_norm(ord: Any, dtype: str) -> None:
    """Of vectors and of matrices, of none, and along axes."""
    for shape, axis in itertools.product(
        [(3,), (0,), (2, 3), (0, 3), (2, 0), (2, 3, 3)], [None, 0, -1, (0, 1), (-1, 0), (1,)]
    ):
        way = Way(lambda x, axis=axis: (x, ord, axis), {"keepdims": len(shape) == 2}, "ord")
        assert compared(np.linalg.norm, way, (drawn(shape, dtype),), "") == []


@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "?", "f2"])
def test_activations_of_whole_numbers_and_halves(dtype: str) -> None:
    """In float64, whichever way; where exp would overflow in int8 or in float16, too."""
    x = (drawn((2, 3), dtype) * 30).astype(dtype)
    functions: list[Callable[[Any], Any]] = [
        *(nn.softmax, nn.log_softmax, nn.relu, nn.sigmoid, nn.softplus),
        *(tg.special.logsumexp, tg.special.erf),
    ]
    for f in functions:
        wide = np.dtype(dtype).kind != "f"
        expected = f(x.astype(float))
        for found in (f(x), recorded(f, (x,)), batched(f, (x,))):
            assert found.dtype == (np.float64 if wide else np.float16)
            np.testing.assert_allclose(found, expected, rtol=1e-15 if wide else 1e-2, atol=1e-4)


# einsum ------------------------------------------------------------------------------------------
LENGTHS = {"i": 2, "j": 3, "k": 2}


def a_term(rng: random.Random) -> tuple[str, tuple[int, ...]]:
    """Letters, perhaps with an ellipsis, and a shape that mostly fits."""
    letters = rng.choices("ijk", k=rng.randint(0, 3))
    shape = [LENGTHS[c] if rng.random() < 0.95 else 1 for c in letters]
    if rng.random() < 0.35:
        place = rng.randint(0, len(letters))
        letters.insert(place, "...")
        shape[place:place] = [2, 3][: rng.randint(0, 2)]
    return "".join(letters), tuple(shape if rng.random() < 0.95 else [*shape, 2])


def subscripts(rng: random.Random, inputs: str) -> str:
    """With a result or without, and sometimes with an error in it."""
    out = rng.sample("ijk", rng.randint(0, 3))
    if rng.random() < 0.1:
        out += rng.choice("ijkz")
    if rng.random() < 0.4:
        out.insert(rng.randint(0, len(out)), "...")
    text = inputs + ("->" + "".join(out) if rng.random() < 0.7 else "")
    place = rng.randint(0, len(text))
    kind = rng.random()
    if kind < 0.1:
        return text[:place] + rng.choice(" i.Z-,>1é") + text[place:]
    return text[:place] + text[place + 1 :] if kind < 0.2 else text


def drawn_for(shapes: Iterable[tuple[int, ...]]) -> tuple[Any, ...]:
    """Operands of whole numbers, of which sums are exact."""
    return tuple(np.round(drawn(shape, float, i) / 0.3) for i, shape in enumerate(shapes))


def test_any_subscripts() -> None:
    """NumPy's value, or NumPy's error: for subscripts at random, right and wrong."""
    rng = random.Random(8)
    errors = 0
    for _ in range(500):
        terms = [a_term(rng) for _ in range(rng.randint(1, 3))]
        text = subscripts(rng, ",".join(term for term, _ in terms))
        operands = drawn_for(shape for _, shape in terms)
        way = Way(lambda *v, text=text: (text, *v))
        assert compared(np.einsum, way, operands, "") == []
        errors += isinstance(outcome(partial(np.einsum, text, *operands)), Exception)
    assert 100 < errors < 400


def test_any_lists_of_axes() -> None:
    """The other form: whole numbers behind each operand, and those of the result last."""
    rng = random.Random(9)
    lengths = {0: 2, 1: 3, 26: 2, 30: 3, 51: 2}
    errors = 0
    for _ in range(250):
        axes: list[list[Any]] = [
            rng.choices(list(lengths), k=rng.randint(0, 3)) for _ in range(rng.randint(1, 2))
        ]
        operands = drawn_for(tuple(lengths[i] for i in each) for each in axes)
        known = [axis for each in axes for axis in each]
        result = list({*rng.sample(known, rng.randint(0, len(known)))})
        wrong = rng.random()
        if wrong < 0.1:
            axes[0].append(rng.choice([52, -1, 1.5, "a", None]))
        elif wrong < 0.3:
            axes[0].insert(0, ...)
            result.insert(0, rng.choice([..., 7]))
        last = [result] if rng.random() < 0.6 else []

        def args(*given: Any, axes: Any = axes, last: Any = last) -> tuple[Any, ...]:
            return (*(x for pair in zip(given, axes, strict=True) for x in pair), *last)

        assert compared(np.einsum, Way(args), operands, "") == []
        errors += isinstance(outcome(lambda: np.einsum(*args(*operands))), Exception)  # noqa: B023
    assert 20 < errors < 150


# Derivatives with options ------------------------------------------------------------------------


def smooth(call: Call) -> tuple[Any, ...]:
    """Operands without ties, far from kinks."""
    rng = np.random.default_rng(5)
    made = call.operands(float)
    if call.draw is definite:
        return tuple(x + np.diag(rng.uniform(0.5, 1.0, len(x))) for x in made)
    return tuple(rng.permutation(np.linspace(0.13, 1.57, x.size)).reshape(x.shape) for x in made)


@WITH_SIGNATURES
@pytest.mark.filterwarnings("ignore:Cannot convert float:DeprecationWarning")  # tril(x, 0.5)
@pytest.mark.parametrize("function", OPTIONS, ids=name_of)
def test_derivatives_with_every_option(function: Any) -> None:
    """Differences of NumPy's values, forward and reverse: no option leads a gradient astray."""
    call = call_of(function)
    operands = smooth(call)
    for way in options(function):

        def called(*given: Any, way: Way = way) -> Any:
            if function is np.linalg.cholesky:  # its gradient is that of the symmetric part
                given = tuple(0.5 * (a + a.T) for a in given)
            return way.run(function, given)

        value = outcome(partial(recorded, called, operands))
        if not isinstance(value, Exception) and is_smooth(value, way):
            check_grads(called, operands, 1, rtol=1e-5)


def is_smooth(value: Any, way: Way) -> bool:
    """Whether it is finite, of float64, and no kink: each deviation of one element is 0."""
    leaves = [np.asarray(x) for x in tg.tree.leaves(value)]
    floats = all(x.dtype == np.float64 and np.isfinite(x).all() for x in leaves)
    return bool(leaves) and floats and (way.about, str(way.value)) != ("axis", "()")


IN_A_DTYPE: list[Callable[..., Any]] = [
    np.sum, np.mean, np.prod, np.cumsum, np.var, np.std, np.trace,
]  # fmt: skip


@pytest.mark.parametrize("function", IN_A_DTYPE, ids=name_of)
def test_derivatives_with_a_dtype(function: Any) -> None:
    """In float32 about what it is in float64, in the dtype of the operand; in whole numbers 0."""
    x = smooth(call_of(function))[0]

    def total(v: Any, dtype: Any) -> Any:
        return tnp.sum(function(v, dtype=dtype) * 3.0)

    expected = tg.grad(total)(x, None)
    for dtype in ("f4", "f8"):
        found = tg.grad(total)(x, dtype)
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        moved = tg.jvp(partial(function, dtype=dtype), (x,), (np.ones_like(x),))[1]
        assert moved.dtype == dtype
        # In between, too: the operand may be another function's output.
        recording = tg.record(partial(function, dtype=dtype), x)
        for node in recording.tape:
            if "dtype" in node.params:
                rule: Any = node.op.vjp[0]
                g = rule(np.ones_like(node.value), node.value, x, **node.params)
                assert g.dtype == np.float64
    if function is not np.std:
        np.testing.assert_array_equal(tg.grad(total)(x, int), np.zeros_like(x))


def test_the_gradient_of_a_mean_that_is_given() -> None:
    """Where it depends on the data, the two paths add up to the variance's own."""
    x = smooth(Call())[0]

    def by_hand(v: Any) -> Any:
        return np.var(v, axis=0, mean=v.mean(0, keepdims=True), ddof=1).sum()

    expected = tg.grad(lambda v: np.var(v, axis=0, ddof=1).sum())(x)
    np.testing.assert_allclose(tg.grad(by_hand)(x), expected, rtol=1e-12)
    constant = tg.grad(lambda v: np.var(v, mean=2.0))(x)
    np.testing.assert_allclose(constant, 2.0 * (x - 2.0) / x.size, rtol=1e-12)


@pytest.mark.parametrize("function", [np.var, np.std])
def test_what_is_divided_by_may_be_counted_on_the_way(function: Any) -> None:
    """A traced integer is the number that it is, and a program holds for that; a traced float, of
    which there would have to be a derivative, is refused.
    """
    x = np.array([3.0, 1.0, 2.0, 7.0])
    expected = tg.grad(lambda x: function(x, ddof=2))(x)
    assert np.array_equal(tg.grad(lambda x: function(x, ddof=np.argmin(x) + 1))(x), expected)
    program = tg.record(lambda x, n: function(x, ddof=n), x, 2).program
    assert program(2.0 * x, 2) == function(2.0 * x, ddof=2)
    with pytest.raises(tg.GuardError, match="is now int 1, and it decides by its number"):
        program(x, 1)
    with pytest.raises(tg.ConversionError, match="would lose its gradient"):
        tg.grad(lambda n: function(tg.numpy.astype(n, float) * x, ddof=n))(1.0)
