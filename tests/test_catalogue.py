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
from tapegrad._tape import Op, Sample
from tapegrad.numpy import TABLE
from tapegrad.testing import check_grads

CASES = [
    pytest.param(op, sample, id=f"{op.name}-{i}")
    for op in ops.ALL
    for i, sample in enumerate(op.samples)
]

# The value is of the lower triangle, the gradient symmetric: finite differences agree only along
# symmetric directions.
OF_THE_SYMMETRIC_PART = {"cholesky"}


def draw(op: Op, sample: Sample) -> tuple[list[Any], list[int]]:
    """Operands, and which of them have a derivative."""
    args = list(sample.draw(np.random.default_rng(0)))
    return args, [i for i in range(len(args)) if op.vjp[i] is not None]


def by_smooth_operands(
    op: Op, sample: Sample
) -> tuple[Callable[..., Any], list[Any], list[Any], list[int]]:
    """The op as a function of the operands that have a derivative, and those operands."""
    args, smooth = draw(op, sample)

    def f(*chosen: Any) -> Any:
        given = list(args)
        for i, x in zip(smooth, chosen, strict=True):
            given[i] = x
        if op.name in OF_THE_SYMMETRIC_PART:
            given = [0.5 * (a + np.swapaxes(a, -1, -2)) for a in given]
        return op(*given, **sample.params)

    return f, [args[i] for i in smooth], args, smooth


@pytest.mark.parametrize("op", ops.ALL, ids=lambda op: op.name)
def test_has_samples(op: Op) -> None:
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
def test_derivatives(op: Op, sample: Sample) -> None:
    """Finite differences, forward against reverse, first and second order."""
    f, chosen, args, _ = by_smooth_operands(op, sample)
    if chosen:
        order = 1 if op is ops.det and np.any(np.linalg.det(args[0]) == 0) else 2
        check_grads(f, chosen, order, rtol=1e-5, atol=1e-5)
        for k in range(len(chosen)):  # each operand alone, the others constant
            alone = one_of(f, chosen, k)
            check_grads(alone, (chosen[k],), 1, rtol=1e-5, atol=1e-5)
    elif _float(args):
        recorded = tg.record(lambda a: op(a, *args[1:], **sample.params), args[0])
        expected = op.run(*args, **sample.params)
        assert np.array_equal(recorded.value, expected, equal_nan=True)


def one_of(f: Callable[..., Any], args: list[Any], k: int) -> Callable[[Any], Any]:
    """f as a function of its operand k alone."""
    return lambda x: f(*args[:k], x, *args[k + 1 :])


def _float(args: list[Any]) -> bool:
    return getattr(args[0], "dtype", np.dtype(float)).kind == "f"


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_float32_is_kept(op: Op, sample: Sample) -> None:
    """Operands of float32 give a float32 output, and cotangents and tangents of float32."""
    args, smooth = draw(op, sample)
    if not smooth or sample.params.get("dtype") is not None:
        return
    single = [np.asarray(x, np.float32) if np.asarray(x).dtype.kind == "f" else x for x in args]

    def f(*chosen: Any) -> Any:
        given = list(single)
        for i, x in zip(smooth, chosen, strict=True):
            given[i] = x
        return op(*given, **sample.params)

    chosen = [single[i] for i in smooth]
    out, pullback = tg.vjp(f, *chosen)
    assert out.dtype == np.float32
    assert all(g.dtype == np.float32 for g in pullback(np.ones_like(out)))
    tangents = tuple(np.ones_like(x) for x in chosen)
    assert tg.jvp(f, tuple(chosen), tangents)[1].dtype == np.float32


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_batching(op: Op, sample: Sample) -> None:
    """The op on a batch is the op on each example, whichever operands are batched."""
    rng = np.random.default_rng(1)
    drawn = [sample.draw(rng) for _ in range(3)]
    count = len(drawn[0])
    masks = range(1, 2**count) if count <= 3 else [1, 2, 2**count - 1]
    for mask in masks:
        batched = [bool(mask >> i & 1) for i in range(count)]
        args = [
            np.stack([d[i] for d in drawn]) if b else drawn[0][i] for i, b in enumerate(batched)
        ]
        expected = np.stack(
            [
                op.run(*(a[k] if b else a for a, b in zip(args, batched)), **sample.params)
                for k in range(3)
            ]
        )
        axes = tuple(0 if b else None for b in batched)
        found = tg.vmap(lambda *xs: op(*xs, **sample.params), axes)(*args)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_zero_dimensional(op: Op, sample: Sample) -> None:
    """Where an operand is a number, a 0-d array does as well, and its gradient is 0-d."""
    f, chosen, _, _ = by_smooth_operands(op, sample)
    if not any(np.ndim(x) == 0 for x in chosen):
        return
    boxed = [np.asarray(x) for x in chosen]
    out, pullback = tg.vjp(f, *boxed)
    for g, x in zip(pullback(np.ones_like(out)), boxed, strict=True):
        assert isinstance(g, np.ndarray)
        assert g.shape == x.shape


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_python_floats(op: Op, sample: Sample) -> None:
    """Where an operand has no axes, a Python float does as well: value, vjp and jvp."""
    args, smooth = draw(op, sample)
    numbers = [i for i in smooth if np.ndim(args[i]) == 0]
    if not numbers:
        return

    def f(*chosen: Any) -> Any:
        given = list(args)
        for i, x in zip(numbers, chosen, strict=True):
            given[i] = x
        return op(*given, **sample.params)

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
def test_rules_keep_shape_and_float32(op: Op, sample: Sample) -> None:
    """Each rule by itself gives what its operand, or the output, has: shape and dtype."""
    args, smooth = draw(op, sample)
    if sample.params.get("dtype") is not None:
        return
    single = [np.asarray(x, np.float32) if np.asarray(x).dtype.kind == "f" else x for x in args]
    out = op.run(*single, **sample.params)
    for i in smooth:
        back, ahead = op.vjp[i], op.jvp[i]
        assert back is not None
        assert ahead is not None
        g = back(np.ones_like(out), out, *single, **sample.params)
        assert (np.shape(g), g.dtype) == (np.shape(single[i]), np.float32)
        t = ahead(np.ones_like(single[i]), out, *single, **sample.params)
        assert (np.shape(t), t.dtype) == (np.shape(out), np.float32)


FAULTS = [
    pytest.param(op, mode, i, id=f"{op.name}-{mode}-{i}")
    for op in ops.ALL
    for mode in ("jvp", "vjp")
    for i in range(len(op.samples[0].draw(np.random.default_rng(0))))
    if getattr(op, mode)[i] is not None
]


@pytest.mark.parametrize(("op", "mode", "operand"), FAULTS)
def test_a_planted_fault_is_caught(op: Op, mode: str, operand: int) -> None:
    """A rule that is wrong by one percent fails for at least one sample."""

    class Faulty:
        def __getitem__(self, i: int, /) -> Any:
            rule = getattr(op, mode)[i]
            if i != operand:
                return rule
            return lambda t, *args, **params: 1.01 * rule(t, *args, **params)

    changes: dict[str, Any] = {mode: Faulty()}
    faulty = attrs.evolve(op, **changes)

    def check() -> None:
        for sample in op.samples:
            f, chosen, _, _ = by_smooth_operands(faulty, sample)
            check_grads(f, chosen, 1, rtol=1e-5, atol=1e-5)

    with pytest.raises(AssertionError):
        check()
