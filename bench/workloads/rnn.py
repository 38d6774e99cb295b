"""A recurrence unrolled by a Python loop: the cost of the loop.

h[t+1] = tanh(h[t] w + x[t] u + b), of width 32 on an input of width 8, starting at 0; the loss
is the mean square of the last h minus a target. Gradient in w, u and b.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from .. import _peers
from .._harness import Case, Job, Peer, Workload, job

Real = NDArray[np.float64]


@attrs.frozen(eq=False)
class Problem:
    """x (steps, inputs), target (width,), w (width, width), u (inputs, width), b (width,)."""

    x: Real
    target: Real
    params: tuple[Real, Real, Real]


def problem(steps: int = 200, width: int = 32, inputs: int = 8) -> Problem:
    """Weights small enough that 200 steps neither vanish nor explode at once."""
    draw = np.random.default_rng(0)
    w = draw.normal(scale=1.2 / width**0.5, size=(width, width))
    u = draw.normal(scale=0.5 / inputs**0.5, size=(inputs, width))
    x, target = draw.normal(size=(steps, inputs)), draw.normal(size=width)
    return Problem(x, target, (w, u, draw.normal(scale=0.1, size=width)))


def flat(gradient: Any) -> Real:
    """The gradients in w, u and b, one after the other."""
    return np.concatenate([np.asarray(g).ravel() for g in gradient])


class Cell(NamedTuple):
    """The weights of the recurrence."""

    w: Array
    u: Array
    b: Array


def tapegrad(given: Problem) -> Job:
    """The natural way: a Python loop."""
    cell = Cell(*given.params)
    width = len(given.target)

    def loss(cell: Cell) -> Scalar:
        h: Array = np.zeros(width)
        for x in given.x:
            h = tnp.tanh(h @ cell.w + x @ cell.u + cell.b)
        return tnp.mean((h - given.target) ** 2)

    value_and_grad = tg.value_and_grad(loss)
    return job(lambda: value_and_grad(cell), lambda done: (done[0], flat(done[1])))


def by_hand(given: Problem) -> Job:
    """NumPy with backpropagation through time worked out on paper."""
    w, u, b = given.params
    steps, width = len(given.x), len(b)

    def run() -> tuple[float, tuple[Real, Real, Real]]:
        h = np.zeros((steps + 1, width))
        for t, x in enumerate(given.x):
            h[t + 1] = np.tanh(h[t] @ w + x @ u + b)
        error = h[-1] - given.target
        slopes = np.empty((steps, width))
        g = error * (2.0 / width)
        for t in range(steps - 1, -1, -1):
            slopes[t] = g * (1.0 - h[t + 1] ** 2)
            g = slopes[t] @ w.T
        return float((error @ error) / width), (
            h[:-1].T @ slopes,
            given.x.T @ slopes,
            slopes.sum(0),
        )

    return job(run, lambda done: (done[0], flat(done[1])))


def _same_text(np_like: Any, params: Any, given: Any) -> Any:
    w, u, b = params
    x, target = given
    h = np_like.zeros(len(target))
    for t in range(len(x)):
        h = np_like.tanh(h @ w + x[t] @ u + b)
    return np_like.mean((h - target) ** 2)


def autograd(given: Problem) -> Job:
    """HIPS autograd."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")
    data = (given.x, given.target)
    value_and_grad = library.value_and_grad(lambda p: _same_text(anp, p, data))
    return job(lambda: value_and_grad(given.params), lambda done: (done[0], flat(done[1])))


def mygrad(given: Problem) -> Job:
    """MyGrad."""
    mg = _peers.mygrad()
    params = [mg.tensor(p) for p in given.params]

    def run() -> tuple[float, list[Any]]:
        value = _same_text(mg, params, (given.x, given.target))
        value.backward()
        return value.item(), [p.grad for p in params]

    return job(run, lambda done: (done[0], flat(done[1])))


def _torch_job(given: Problem, wrap: Callable[[Any, Any], Any]) -> Job:
    torch = _peers.torch()
    params = [torch.tensor(p, requires_grad=True) for p in given.params]
    x, target = torch.tensor(given.x), torch.tensor(given.target)

    def value_of(w: Any, u: Any, b: Any) -> Any:
        w_across, u_across, h = w.T, u.T, torch.zeros(len(target))
        for row in x.unbind():
            h = torch.tanh(torch.addmv(torch.addmv(b, u_across, row), w_across, h))
        return torch.mean((h - target) ** 2)

    compiled = wrap(torch, value_of)

    def run() -> tuple[Any, Any]:
        value = compiled(*params)
        return value, torch.autograd.grad(value, params)

    return job(run, lambda done: (done[0].detach(), flat(done[1])))


def torch_eager(given: Problem) -> Job:
    """PyTorch, eager, each product fused with the sum that it goes into."""
    return _torch_job(given, lambda torch, value_of: value_of)


def torch_compiled(given: Problem) -> Job:
    """PyTorch with torch.compile over the loss, which unrolls the loop.

    The gradient compiled with it, as in `moons`, takes two thirds of the time, but six minutes of
    compiling.
    """
    return _torch_job(given, lambda torch, value_of: torch.compile(value_of))


def jax_jit(given: Problem) -> Job:
    """JAX under jit, the Python loop unrolled by tracing."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    params = tuple(jnp.asarray(p) for p in given.params)
    data = (jnp.asarray(given.x), jnp.asarray(given.target))
    compiled = jax.jit(jax.value_and_grad(lambda p: _same_text(jnp, p, data)))
    return job(
        lambda: jax.block_until_ready(compiled(params)), lambda done: (done[0], flat(done[1]))
    )


def jax_scan(given: Problem) -> Job:
    """JAX under jit, the loop rewritten as lax.scan."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    params = tuple(jnp.asarray(p) for p in given.params)
    x, target = jnp.asarray(given.x), jnp.asarray(given.target)

    def loss(params: Any) -> Any:
        w, u, b = params
        h, _ = jax.lax.scan(
            lambda h, row: (jnp.tanh(h @ w + row @ u + b), None), jnp.zeros(len(target)), x
        )
        return jnp.mean((h - target) ** 2)

    compiled = jax.jit(jax.value_and_grad(loss))
    return job(
        lambda: jax.block_until_ready(compiled(params)), lambda done: (done[0], flat(done[1]))
    )


WORKLOAD = Workload(
    name="rnn",
    title="a tanh recurrence of width 32 unrolled by a Python loop",
    cases=(  # PyTorch takes two minutes to compile the long one: none for a quick run
        Case("20 steps", partial(problem, 20)),
        Case("200 steps", problem, memory=True, quick=False),
    ),
    peers=(
        Peer("tapegrad", tapegrad),
        Peer("NumPy by hand", by_hand),
        Peer("autograd", autograd),
        Peer("MyGrad", mygrad),
        Peer("PyTorch eager", torch_eager, native=True),
        Peer("PyTorch compiled", torch_compiled, native=True),
        Peer("JAX jit", jax_jit, native=True),
        Peer("JAX jit (scan)", jax_scan, native=True),
    ),
)
