"""Transforms of transforms of a whole program, against each other and against loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import tapegrad as tg

from ._derivatives import Loss
from ._run import Run, Skip, near

LARGEST = 12  # elements of the floating-point leaves together


def nestings(run: Run) -> None:
    """Jacobians and Hessians by every pair of modes; gradients of batches, batches of gradients."""
    if run.case.seed % 3:
        raise Skip("one in three is nested")
    loss = Loss.of(run)
    if sum(np.size(x) for x in loss.point) > LARGEST:
        raise Skip("many elements")
    if not np.isfinite(loss.value):
        raise Skip("not finite")
    _matrices(loss)
    _batches(loss)


def _matrices(loss: Loss) -> None:
    """Whole Jacobians and Hessians."""
    f, n = loss.f, loss.argnums
    at = f"(*{loss.at})"
    ways: list[tuple[str, Callable[[], Any]]] = [
        (f"tg.jacfwd(loss, {n}){at}", lambda: tg.jacfwd(f, n)(*loss.point)),
        (f"tg.jacrev(loss, {n}){at}", lambda: tg.jacrev(f, n)(*loss.point)),
        (f"tg.grad(loss, {n}){at}", lambda: tg.grad(f, n)(*loss.point)),
    ]
    _same(loss, "jacobians", ways)
    ways = [
        (f"tg.hessian(loss, {n}){at}", lambda: tg.hessian(f, n)(*loss.point)),
        (
            f"tg.jacrev(tg.jacrev(loss, {n}), {n}){at}",
            lambda: tg.jacrev(tg.jacrev(f, n), n)(*loss.point),
        ),
        (
            f"tg.jacrev(tg.jacfwd(loss, {n}), {n}){at}",
            lambda: tg.jacrev(tg.jacfwd(f, n), n)(*loss.point),
        ),
        (
            f"tg.jacfwd(tg.grad(loss, {n}), {n}){at}",
            lambda: tg.jacfwd(tg.grad(f, n), n)(*loss.point),
        ),
    ]
    _same(loss, "hessians", ways)


def _batches(loss: Loss) -> None:
    """Of examples that are stacked, one and two deep; whatever decides by values is left out."""
    run, f, n = loss.run, loss.f, loss.argnums
    examples = [run.values, run.case.others(0), run.case.others(1)]
    columns = [[np.asarray(each[name])[()] for each in examples] for name in loss.names]
    for example in zip(*columns, strict=True):
        try:
            f(*example)
        except Exception as error:  # noqa: BLE001
            raise Skip(f"one by one: {type(error).__name__}") from None
    gradient = f"tg.grad(loss, {n})"
    with run.doing("one by one", f"{loss.text}\n{gradient}  # of other values of the leaves"):
        each = [tg.grad(f, n)(*example) for example in zip(*columns, strict=True)]
    expected = [np.stack(several) for several in zip(*each, strict=True)]
    batch = tuple(map(np.stack, columns))
    twice = tuple(np.stack([x, x[::-1]], axis=1) for x in batch)
    deep = [np.stack([x, x[::-1]], axis=1) for x in expected]
    b = f"({', '.join(f'np.stack([{x}, {x}])' for x in loss.names)},)  # and others"
    _like(loss, f"tg.vmap({gradient})(*{b}", tg.vmap(tg.grad(f, n)), batch, expected)
    summed = tg.grad(lambda *xs: np.sum(tg.vmap(f)(*xs)), n)
    _like(
        loss, f"tg.grad(lambda *xs: np.sum(tg.vmap(loss)(*xs)), {n})(*{b}", summed, batch, expected
    )
    nested = tg.vmap(tg.vmap(tg.grad(f, n)))
    _like(loss, f"tg.vmap(tg.vmap({gradient}))(*{b}", nested, twice, deep)


def _like(
    loss: Loss, lines: str, way: Callable[..., Any], given: Sequence[Any], expected: Sequence[Any]
) -> None:
    with loss.run.doing("batches", f"{loss.text}\n{lines}"):
        came = way(*given)
    for a, b in zip(came, expected, strict=True):
        if not near(a, b, 1e5 * loss.run.precision):
            raise loss.run.fail("batched gradients", f"{loss.text}\n{lines}", a, b)


def _same(loss: Loss, check: str, ways: Sequence[tuple[str, Callable[[], Any]]]) -> None:
    """Each way gives what the first one gives, up to rounding."""
    found: list[tuple[str, list[Any]]] = []
    for lines, way in ways:
        with loss.run.doing(check, f"{loss.text}\n{lines}"):
            found.append((lines, tg.tree.leaves(way())))
    sizes = [np.max(np.abs(x), initial=0.0) for _, leaves in found for x in leaves]
    size = max([abs(loss.value), *sizes])
    (first, expected), *others = found
    for lines, leaves in others:
        for a, b in zip(leaves, expected, strict=True):
            finite = np.isfinite(a) & np.isfinite(b)
            apart = np.max(np.abs(np.asarray(a) - b), where=finite, initial=0.0)
            if np.isfinite(size) and apart > 1e6 * loss.run.precision * size + 1e-13:
                raise loss.run.fail(check, f"{loss.text}\n({first}, {lines})", leaves, expected)
