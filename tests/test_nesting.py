"""Random programs of array operations under every transform and their nestings.

Hypothesis draws a few operations; what they compute together is held against differences, and
against itself computed in another order of transforms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import truth
from hypothesis import assume, given, settings, strategies as st

import tapegrad as tg
import tapegrad.numpy as tnp

# From a matrix to a matrix, smooth almost everywhere, none of them large.
STEPS: dict[str, Callable[[Any], Any]] = {
    "sin": np.sin,
    "bump": lambda x: np.exp(-x * x),
    "ratio": lambda x: x / (1.0 + x * x),
    "cube": lambda x: 0.1 * x**3,
    "transpose": lambda x: x.T,
    "reverse": lambda x: x[::-1],
    "reshape": lambda x: x.reshape(-1).reshape(x.shape[1], x.shape[0]),
    "rows by index": lambda x: x[[0, -1, 0]],
    "columns": lambda x: x[:, :1] * x,
    "gram": lambda x: 0.3 * (x @ x.T),
    "einsum": lambda x: 0.3 * np.einsum("ij,kj->ki", x, x),
    "outer": lambda x: np.outer(x[0], x[:, 0]),
    "inverse": lambda x: np.linalg.inv(x @ x.T + np.eye(x.shape[0])),
    "solve": lambda x: np.linalg.solve(x @ x.T + 2.0 * np.eye(x.shape[0]), x),
    "center": lambda x: x - x.mean(axis=0),
    "variance": lambda x: x * x.var(axis=1, keepdims=True),
    "softmax": lambda x: tg.nn.softmax(x, axis=-1),
    "logsumexp": lambda x: x - tg.special.logsumexp(x, axis=0, keepdims=True),
    "cumsum": lambda x: 0.5 * np.cumsum(x, axis=1),
    "product": lambda x: x + np.prod(x, axis=0, keepdims=True),
    "sort": lambda x: np.sort(x, axis=0),
    "reorder": lambda x: x[np.argsort(x[:, 0])],
    "where": lambda x: tnp.where(x > 0.1, x, x * x),
    "largest": lambda x: np.maximum(x, x[:1]) * x.max(),
    "set": lambda x: tg.at(x)[0].set(2.0 * x[-1]),
    "add": lambda x: tg.at(x)[[0, 0]].add(0.5 * x[-1]),
    "concatenate": lambda x: np.concatenate([x, np.sin(x)], axis=1)[:, ::2],
    "pad": lambda x: np.pad(x, 1)[1:, 1:-1],
    "triangle": lambda x: np.tril(x) + 0.1,
    "norm": lambda x: x / (1.0 + np.linalg.norm(x, axis=1, keepdims=True)),
    "inner gradient": lambda x: tg.grad(lambda y: (np.sin(y) * x).sum())(x),
    "inner batch": lambda x: tg.vmap(lambda r: r * x.sum() * 0.3)(x),
    "inner push": lambda x: tg.jvp(lambda y: y * y, (x,), (x,))[1] * 0.3,
}


@settings(max_examples=60)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=5), st.integers(0, 10**6))
def test_random_programs(names: list[str], seed: int) -> None:
    """First and second derivatives by all modes, alone and in batches, one and two deep."""
    rng = np.random.default_rng(seed)
    x, t = rng.normal(size=(2, 2, 3))

    def f(x: Any) -> Any:
        for name in names:
            x = STEPS[name](x)
        return x

    out = f(x)
    assume(bool(np.abs(out).max() < 100.0))
    weights = rng.normal(size=out.shape)

    def loss(x: Any) -> Any:
        return (f(x) * weights).sum()

    slope = truth.slope(lambda h: loss(x + h * t), 0.0)
    finer = truth.slope(lambda h: loss(x + h * t), 0.0, step=1e-6)
    assume(abs(slope - finer) < 1e-6 * (1.0 + abs(slope)))  # no kink near

    gradient = tg.grad(loss)
    scale = 1.0 + np.abs(gradient(x)).max()
    np.testing.assert_allclose((gradient(x) * t).sum(), slope, rtol=1e-5, atol=1e-5 * scale)
    np.testing.assert_allclose(
        tg.jvp(loss, (x,), (t,))[1], (gradient(x) * t).sum(), atol=1e-9 * scale
    )
    close: Any = lambda a, b: np.testing.assert_allclose(  # noqa: E731
        a, b, rtol=1e-8, atol=1e-9 * (1.0 + np.abs(b).max())
    )
    close(tg.jacfwd(f)(x), tg.jacrev(f)(x))

    hessian = tg.hessian(loss)(x)
    close(hessian, tg.jacrev(tg.jacrev(loss))(x))
    close(hessian, tg.jacrev(tg.jacfwd(loss))(x))
    close(tg.hvp(loss, (x,), (t,)), np.einsum("ijkl,kl->ij", hessian, t))

    batch = np.stack([x, 0.9 * x, x + 0.05])
    close(tg.vmap(f)(batch), np.stack([f(a) for a in batch]))
    gradients = np.stack([gradient(a) for a in batch])
    close(tg.vmap(gradient)(batch), gradients)
    close(tg.grad(lambda b: tg.vmap(loss)(b).sum())(batch), gradients)
    close(tg.vmap(tg.hessian(loss))(batch)[0], hessian)
    twice = np.stack([batch, 0.8 * batch], axis=1)
    found = tg.vmap(tg.vmap(gradient), 1)(twice)
    close(found, np.stack([np.stack([gradient(a) for a in b]) for b in (batch, 0.8 * batch)]))
