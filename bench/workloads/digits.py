"""One training step of a 64-128-10 network with softmax cross-entropy on 256 digits."""

from collections.abc import Callable
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar, nn

from .. import _peers
from .._harness import Case, Job, Peer, Workload, job
from ._torch import compiled_step, eager_step

Real = NDArray[np.float64]

RATE = 0.1
HIDDEN = 128


@attrs.frozen(eq=False)
class Problem:
    """x (n, d), labels (n,) of int, and the parameters w1 (d, h), b1, w2 (h, classes), b2."""

    x: Real
    labels: NDArray[np.int64]
    params: tuple[Real, Real, Real, Real]


def random_params(inputs: int, hidden: int, classes: int, seed: int = 0) -> tuple[Real, ...]:
    """Normal weights of variance 2 / inputs, small random biases."""
    draw = np.random.default_rng(seed)
    return (
        draw.normal(scale=(2.0 / inputs) ** 0.5, size=(inputs, hidden)),
        draw.normal(scale=0.1, size=hidden),
        draw.normal(scale=(2.0 / hidden) ** 0.5, size=(hidden, classes)),
        draw.normal(scale=0.1, size=classes),
    )


def problem() -> Problem:
    """scikit-learn's digits, the first 256, scaled to [0, 1]."""
    data = _peers.library("sklearn.datasets").load_digits()
    w1, b1, w2, b2 = random_params(64, HIDDEN, 10)
    return Problem(data.data[:256] / 16.0, data.target[:256], (w1, b1, w2, b2))


def read(step: tuple[Any, Any], start: Problem) -> tuple[Any, Real]:
    """The loss, and the gradient that the step must have used."""
    loss, new = step
    moves = [
        (old - np.asarray(now)).ravel() / RATE for old, now in zip(start.params, new, strict=True)
    ]
    return loss, np.concatenate(moves)


class Net(NamedTuple):
    """Two layers."""

    w1: Array
    b1: Array
    w2: Array
    b2: Array


def loss(net: Net, x: Array, labels: NDArray[np.int64]) -> Scalar:
    """Mean cross-entropy of the labels, tapegrad's version."""
    logits = nn.relu(x @ net.w1 + net.b1) @ net.w2 + net.b2
    return -tnp.mean(nn.log_softmax(logits)[np.arange(len(labels)), labels])


def tapegrad(given: Problem) -> Job:
    """The natural way: log_softmax, and the labels' entries picked by index."""
    net = Net(*given.params)
    value_and_grad = tg.value_and_grad(loss)

    def step() -> tuple[Scalar, Net]:
        value, gradient = value_and_grad(net, given.x, given.labels)
        return value, tg.tree.map(lambda p, g: p - RATE * g, net, gradient)

    return job(step, lambda done: read(done, given))


def by_hand(given: Problem) -> Job:
    """NumPy with the derivatives worked out on paper."""
    w1, b1, w2, b2 = given.params
    x, labels, n = given.x, given.labels, len(given.labels)
    rows = np.arange(n)

    def step() -> tuple[float, tuple[Real, ...]]:
        h = np.maximum(x @ w1 + b1, 0.0)
        logits = h @ w2 + b2
        logits -= logits.max(axis=1, keepdims=True)
        p = np.exp(logits)
        total = p.sum(axis=1, keepdims=True)
        value = float((np.log(total[:, 0]) - logits[rows, labels]).mean())
        p /= total
        p[rows, labels] -= 1.0
        p /= n
        g = (p @ w2.T) * (h > 0.0)
        return value, (
            w1 - RATE * (x.T @ g),
            b1 - RATE * g.sum(0),
            w2 - RATE * (h.T @ p),
            b2 - RATE * p.sum(0),
        )

    return job(step, lambda done: read(done, given))


def _same_text(np_like: Any, params: Any, x: Any, labels: Any) -> Any:
    """The loss for the libraries that speak NumPy but have no log-softmax."""
    w1, b1, w2, b2 = params
    logits = np_like.maximum(x @ w1 + b1, 0.0) @ w2 + b2
    shifted = logits - np_like.max(logits, axis=1, keepdims=True)
    log_total = np_like.log(np_like.sum(np_like.exp(shifted), axis=1))
    return np_like.mean(log_total - shifted[np.arange(len(labels)), labels])


def autograd(given: Problem) -> Job:
    """HIPS autograd."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")
    value_and_grad = library.value_and_grad(lambda p: _same_text(anp, p, given.x, given.labels))

    def step() -> tuple[Any, Any]:
        value, gradient = value_and_grad(given.params)
        return value, [p - RATE * g for p, g in zip(given.params, gradient, strict=True)]

    return job(step, lambda done: read(done, given))


def mygrad(given: Problem) -> Job:
    """MyGrad, with its own fused softmax cross-entropy."""
    mg, losses = _peers.mygrad(), _peers.library("mygrad.nnet.losses")
    params = [mg.tensor(p) for p in given.params]

    def step() -> tuple[Any, Any]:
        w1, b1, w2, b2 = params
        logits = mg.maximum(given.x @ w1 + b1, 0.0) @ w2 + b2
        value = losses.softmax_crossentropy(logits, given.labels)
        value.backward()
        return value.item(), [p.data - RATE * p.grad for p in params]

    return job(step, lambda done: read(done, given))


def torch_loss(torch: Any, x: Any, labels: Any) -> Callable[..., Any]:
    """The loss with what PyTorch fuses: layers, and softmax cross-entropy."""

    def loss(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        logits = torch.addmm(b2, torch.relu(torch.addmm(b1, x, w1)), w2)
        return torch.nn.functional.cross_entropy(logits, labels)

    return loss


def _torch_job(given: Problem, step_of: Callable[..., Any]) -> Job:
    torch = _peers.torch()
    loss = torch_loss(torch, torch.tensor(given.x), torch.tensor(given.labels))
    step = step_of(loss, given.params, RATE)
    return job(step, lambda done: read((done[0].detach(), done[1]), given))


def torch_eager(given: Problem) -> Job:
    """PyTorch, eager."""
    return _torch_job(given, eager_step)


def torch_compiled(given: Problem) -> Job:
    """PyTorch, the whole step under torch.compile."""
    return _torch_job(given, compiled_step)


def jax_loss(params: Any, x: Any, labels: Any) -> Any:
    """The loss in JAX."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    w1, b1, w2, b2 = params
    logits = jnp.maximum(x @ w1 + b1, 0.0) @ w2 + b2
    return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(len(labels)), labels])


def jax_jit(given: Problem) -> Job:
    """JAX, the whole step under jit."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    params = tuple(jnp.asarray(p) for p in given.params)
    x, labels = jnp.asarray(given.x), jnp.asarray(given.labels)

    def pure(params: Any, x: Any, labels: Any) -> Any:
        value, gradient = jax.value_and_grad(jax_loss)(params, x, labels)
        return value, [p - RATE * g for p, g in zip(params, gradient, strict=True)]

    compiled = jax.jit(pure)
    return job(
        lambda: jax.block_until_ready(compiled(params, x, labels)),
        lambda done: read(done, given),
    )


WORKLOAD = Workload(
    name="digits",
    title="one training step of 64-128-10, softmax cross-entropy, 256 digits",
    cases=(Case("step", problem, memory=True),),
    peers=(
        Peer("tapegrad", tapegrad),
        Peer("NumPy by hand", by_hand),
        Peer("autograd", autograd),
        Peer("MyGrad", mygrad),
        Peer("PyTorch eager", torch_eager, native=True),
        Peer("PyTorch compiled", torch_compiled, native=True),
        Peer("JAX jit", jax_jit, native=True),
    ),
)
