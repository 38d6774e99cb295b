"""A chain of scalar operations, forward and backward: is the cost per operation flat?

y = x; then in turn y = y * x and y = y + x, n operations in all, from x = 0.5, where y stays below
1. Time and bytes are per operation. The bytes are those held at the end of the forward pass, which
is what a recorded operation costs; the peak of forward plus backward is in the remarks.
"""

import sys
from functools import partial
from typing import Any

import attrs

import tapegrad as tg

from .. import _peers
from .._harness import Case, Job, Peer, Workload, job

X = 0.5


@attrs.frozen
class Problem:
    """The number of operations, an even number."""

    n: int


def chain(x: Any, n: int) -> Any:
    """The chain, for anything that adds and multiplies."""
    y = x
    for _ in range(n // 2):
        y = y * x
        y = y + x
    return y


def tapegrad(given: Problem) -> Job:
    """The natural way."""
    f = partial(chain, n=given.n)
    return job(partial(tg.value_and_grad(f), X), lambda done: done, graph=partial(tg.vjp, f, X))


def micrograd(given: Problem) -> Job:
    """micrograd. Its backward pass recurses to the depth of the chain, so the limit is raised."""
    value = _peers.library("micrograd.engine").Value
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 2 * given.n + 1000))

    def run() -> tuple[float, float]:
        x = value(X)
        y = chain(x, given.n)
        y.backward()
        return y.data, x.grad

    return job(run, lambda done: done, graph=lambda: chain(value(X), given.n))


def autograd(given: Problem) -> Job:
    """HIPS autograd."""
    library = _peers.library("autograd")
    make_vjp = _peers.library("autograd.core").make_vjp
    f = partial(chain, n=given.n)
    return job(
        partial(library.value_and_grad(f), X), lambda done: done, graph=partial(make_vjp, f, X)
    )


def mygrad(given: Problem) -> Job:
    """MyGrad."""
    mg = _peers.mygrad()
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 4 * given.n + 1000))

    def run() -> tuple[float, Any]:
        x = mg.tensor(X)
        y = chain(x, given.n)
        y.backward()
        return y.item(), x.grad

    return job(run, lambda done: done, graph=lambda: chain(mg.tensor(X), given.n))


def torch_eager(given: Problem) -> Job:
    """PyTorch, eager, on a tensor of no dimensions."""
    torch = _peers.torch()

    def start() -> Any:
        return torch.tensor(X, requires_grad=True)

    def run() -> tuple[float, float]:
        x = start()
        y = chain(x, given.n)
        y.backward()
        return y.item(), x.grad.item()

    return job(run, lambda done: done, graph=lambda: chain(start(), given.n))


def jax_scan(given: Problem) -> Job:
    """JAX under jit. Unrolled it would compile for hours, so the loop is lax.scan."""
    jax = _peers.jax()

    def f(x: Any) -> Any:
        y, _ = jax.lax.scan(lambda y, _: (y * x + x, None), x, length=given.n // 2)
        return y

    compiled = jax.jit(jax.value_and_grad(f))
    return job(lambda: jax.block_until_ready(compiled(X)), lambda done: done)


WORKLOAD = Workload(
    name="chain",
    title="a chain of n scalar operations, forward and backward, per operation",
    cases=tuple(
        Case(f"n = {n:,}", partial(Problem, n), operations=n, memory=True, quick=n <= 10_000)
        for n in (1_000, 10_000, 100_000, 1_000_000)
    ),
    peers=(
        Peer("tapegrad", tapegrad),
        Peer("micrograd", micrograd),
        Peer("autograd", autograd),
        Peer("MyGrad", mygrad),
        Peer("PyTorch eager", torch_eager, native=True),
        Peer("JAX jit (scan)", jax_scan, native=True),
    ),
)
