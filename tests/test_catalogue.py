"""Every op, with every sample in its record: one test for the whole catalogue.

Truth is finite differences of the op's own forward function. An op without samples fails.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pytest

import tapegrad as tg
from tapegrad import ops
from tapegrad._tape import AnyOp
from tapegrad._typing import Sample
from tapegrad._values import plain_of
from tapegrad.numpy import TABLE
from tapegrad.ops._bundle import Bundle, pack, parts
from tapegrad.testing import check_grads

CASES = [
    pytest.param(op, sample, id=f"{op.name}-{i}")
    for op in ops.ALL
    for i, sample in enumerate(op.samples)
]

# The value is of the lower triangle, the gradient symmetric: finite differences agree only along
# symmetric directions.
OF_THE_SYMMETRIC_PART = {"cholesky"}


def apply(op: AnyOp, args: Any, sample: Sample) -> Any:
    """The op on these operands; several operands or results in one are a bundle on the tape."""
    packed = [pack.bind(*x.parts) if isinstance(x, Bundle) else x for x in args]
    out = op.bind(*packed, **sample.params)
    return parts(out) if isinstance(plain_of(out), Bundle) else out


def draw(op: AnyOp, sample: Sample) -> tuple[list[Any], list[int]]:
    """Operands, and which of them have a derivative."""
    args = list(sample.draw(np.random.default_rng(0)))
    return args, [i for i in range(len(args)) if op.vjp[i] is not None]


def by_smooth_operands(
    op: AnyOp, sample: Sample
) -> tuple[Callable[..., Any], list[Any], list[Any], list[int]]:
    """The op as a function of the operands that have a derivative, and those operands."""
    args, smooth = draw(op, sample)

    def f(*chosen: Any) -> Any:
        given = list(args)
        for i, x in zip(smooth, chosen, strict=True):
            given[i] = x
        if op.name in OF_THE_SYMMETRIC_PART:
            given = [0.5 * (a + np.swapaxes(a, -1, -2)) for a in given]
        return apply(op, given, sample)

    return f, [args[i] for i in smooth], args, smooth


@pytest.mark.parametrize("op", ops.ALL, ids=lambda op: op.name)
def test_has_samples(op: AnyOp) -> None:
    """An op that the tests cannot evaluate is not finished."""
    assert op.samples


def test_operators_have_two_partial_derivatives() -> None:
    """What a Binary is kept for, and what the walk over it takes for granted."""
    for function in (np.add, np.subtract, np.multiply, np.divide, np.power, np.matmul):
        op: Any = TABLE[function]
        assert op in ops.ALL
        assert len(op.vjp) == 2
        assert None not in op.vjp
        # The product of vectors is a NumPy scalar, never a float.
        assert function is np.matmul or (len(op.partials) == 2 and None not in op.partials)


def test_listed_once() -> None:
    """Names are how a tape is read."""
    names = [op.name for op in ops.ALL]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_derivatives(op: AnyOp, sample: Sample) -> None:
    """Finite differences, forward against reverse, first and second order."""
    f, chosen, args, _ = by_smooth_operands(op, sample)
    if chosen:
        check_grads(f, chosen, 2, rtol=1e-5)
        for k in range(len(chosen)):  # each operand alone, the others constant
            alone = one_of(f, chosen, k)
            check_grads(alone, (chosen[k],), 1, rtol=1e-5)
    elif _float(args):
        recorded = tg.record(lambda a: apply(op, [a, *args[1:]], sample), args[0])
        expected = op.run(*args, **sample.params)
        assert np.array_equal(recorded.value, expected, equal_nan=True)


def one_of(f: Callable[..., Any], args: list[Any], k: int) -> Callable[[Any], Any]:
    """f as a function of its operand k alone."""
    return lambda x: f(*args[:k], x, *args[k + 1 :])


def _float(args: list[Any]) -> bool:
    return getattr(args[0], "dtype", np.dtype(float)).kind == "f"


def in_single(x: Any) -> Any:
    """A floating-point value in float32."""
    return np.asarray(x, np.float32) if np.asarray(x).dtype.kind == "f" else x


def ones_like(values: Any) -> Any:
    """A cotangent or a tangent of a tree."""
    return tg.tree.map(np.ones_like, values)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_float32_is_kept(op: AnyOp, sample: Sample) -> None:
    """Operands of float32 give a float32 output, and cotangents and tangents of float32."""
    args, smooth = draw(op, sample)
    if not smooth or sample.params.get("dtype") is not None:
        return
    single = [tg.tree.map(in_single, x) for x in args]

    def f(*chosen: Any) -> Any:
        given = list(single)
        for i, x in zip(smooth, chosen, strict=True):
            given[i] = x
        return apply(op, given, sample)

    chosen = [single[i] for i in smooth]
    out, pullback = tg.vjp(f, *chosen)
    moved = tg.jvp(f, tuple(chosen), ones_like(tuple(chosen)))[1]
    for leaf in tg.tree.leaves((out, pullback(ones_like(out)), moved)):
        assert leaf.dtype == np.float32


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_batching(op: AnyOp, sample: Sample) -> None:
    """The op on a batch is the op on each example, whichever operands are batched."""
    rng = np.random.default_rng(1)
    drawn = [sample.draw(rng) for _ in range(3)]
    count = len(drawn[0])
    masks = range(1, 2**count) if count <= 3 else [1, 2, 2**count - 1]
    for mask in masks:
        batched = [bool(mask >> i & 1) for i in range(count)]
        args = [stacked([d[i] for d in drawn]) if b else drawn[0][i] for i, b in enumerate(batched)]
        examples = [
            [example(a, k) if b else a for a, b in zip(args, batched, strict=True)]
            for k in range(3)
        ]
        expected = stacked([apply(op, each, sample) for each in examples])
        axes = tuple(0 if b else None for b in batched)
        found = tg.vmap(lambda *xs: apply(op, xs, sample), axes)(*args)
        for x, y in zip(tg.tree.leaves(found), tg.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)


def stacked(values: list[Any]) -> Any:
    """Trees of one structure with their leaves stacked."""
    return tg.tree.map(lambda *leaves: np.stack(leaves), *values)


def example(values: Any, k: int) -> Any:
    """One example of a stacked tree."""
    return tg.tree.map(lambda leaf: leaf[k], values)


def is_number(x: Any) -> bool:
    """Whether an operand has no axes."""
    return np.ndim(x) == 0 and not isinstance(x, Bundle)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_zero_dimensional(op: AnyOp, sample: Sample) -> None:
    """Where an operand is a number, a 0-d array does as well, and its gradient is 0-d."""
    f, chosen, _, _ = by_smooth_operands(op, sample)
    if not any(is_number(x) for x in chosen):
        return
    boxed = [np.asarray(x) for x in chosen]
    out, pullback = tg.vjp(f, *boxed)
    for g, x in zip(pullback(np.ones_like(out)), boxed, strict=True):
        assert isinstance(g, np.ndarray)
        assert g.shape == x.shape


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_python_floats(op: AnyOp, sample: Sample) -> None:
    """Where an operand has no axes, a Python float does as well: value, vjp and jvp."""
    args, smooth = draw(op, sample)
    numbers = [i for i in smooth if is_number(args[i])]
    if not numbers:
        return

    def f(*chosen: Any) -> Any:
        given = list(args)
        for i, x in zip(numbers, chosen, strict=True):
            given[i] = x
        return apply(op, given, sample)

    floats = [float(args[i]) for i in numbers]
    boxed = [np.asarray(x) for x in floats]
    np.testing.assert_array_equal(f(*floats), f(*boxed))
    (out, pullback), (expected, pull) = tg.vjp(f, *floats), tg.vjp(f, *boxed)
    np.testing.assert_array_equal(out, expected)
    assert np.shape(out) == np.shape(expected)
    ones = np.ones_like(np.asarray(out))[()]
    for g, h in zip(pullback(ones), pull(ones), strict=True):
        assert isinstance(g, float)
        np.testing.assert_allclose(g, h, rtol=1e-14)
    found = tg.jvp(f, tuple(floats), (1.0,) * len(floats))[1]
    direction = tuple(np.ones_like(x) for x in boxed)
    np.testing.assert_allclose(found, tg.jvp(f, tuple(boxed), direction)[1], rtol=1e-14)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_rules_keep_shape_and_float32(op: AnyOp, sample: Sample) -> None:
    """Each rule by itself gives what its operand, or the output, has: shape and dtype."""
    args, smooth = draw(op, sample)
    if sample.params.get("dtype") is not None:
        return
    single = [tg.tree.map(in_single, x) for x in args]
    out = op.run(*single, **sample.params)
    for i in smooth:
        back, ahead = op.vjp[i], op.jvp[i]
        assert back is not None
        assert ahead is not None
        g = back(ones_like(out), out, *single, **sample.params)
        assert_as(g, single[i])
        t = ahead(ones_like(single[i]), out, *single, **sample.params)
        assert_as(t, out)


def assert_as(found: Any, expected: Any) -> None:
    """Every leaf that is there (in a bundle, zeros need not be) has the shape, in float32."""
    leaves, wanted = tg.tree.paths(found), tg.tree.paths(expected)
    assert leaves
    for path, leaf in leaves.items():
        assert (np.shape(leaf), leaf.dtype) == (np.shape(wanted[path]), np.float32)


@pytest.mark.parametrize("dtype", ["int8", "int64", "uint8", "bool", "float16"])
@pytest.mark.parametrize(("op", "sample"), CASES)
def test_every_way_to_run_gives_the_same(op: AnyOp, sample: Sample, dtype: str) -> None:
    """On plain values, on a tape, as a program and under vmap: value, dtype and shape to the bit;
    or the same error.
    """

    def cast(x: Any) -> Any:
        floating = np.asarray(x).dtype.kind == "f"
        return np.asarray(np.multiply(x, 3.0)).astype(dtype) if floating else x

    args = [tg.tree.map(cast, x) for x in sample.draw(np.random.default_rng(0))]
    batch = [tg.tree.map(lambda x: np.stack([x, x]), x) for x in args]

    def f(*xs: Any) -> Any:
        return apply(op, xs, sample)

    def outcome(run: Callable[[], Any]) -> Any:
        with np.errstate(all="ignore"):
            try:
                leaves = map(np.asarray, tg.tree.leaves(run()))
                return [(x.dtype, x.shape, x.tobytes()) for x in leaves]
            except (ValueError, TypeError, np.linalg.LinAlgError) as error:
                return ValueError if isinstance(error, ValueError) else type(error)

    expected = outcome(lambda: f(*args))
    assert outcome(lambda: tg.record(f, *args).value) == expected
    assert outcome(lambda: tg.record(f, *args).program(*args)) == expected
    assert outcome(lambda: example(tg.vmap(f)(*batch), 1)) == expected


FAULTS = [
    pytest.param(op, mode, i, id=f"{op.name}-{mode}-{i}")
    for op in ops.ALL
    for mode in ("jvp", "vjp")
    for i in range(len(op.samples[0].draw(np.random.default_rng(0))))
    if getattr(op, mode)[i] is not None
]


@pytest.mark.parametrize(("op", "mode", "operand"), FAULTS)
def test_a_planted_fault_is_caught(op: AnyOp, mode: str, operand: int) -> None:
    """A rule that is wrong by one percent fails for at least one sample."""

    class Faulty:
        def __getitem__(self, i: int, /) -> Any:
            rule = getattr(op, mode)[i]
            if i != operand:
                return rule
            return lambda t, *args, **params: tg.tree.map(
                lambda x: 1.01 * x, rule(t, *args, **params)
            )

    changes: dict[str, Any] = {mode: Faulty()}
    faulty = attrs.evolve(op, **changes)

    def check() -> None:
        for sample in op.samples:
            f, chosen, _, _ = by_smooth_operands(faulty, sample)
            check_grads(f, chosen, 1, rtol=1e-5)

    with pytest.raises(AssertionError):
        check()
