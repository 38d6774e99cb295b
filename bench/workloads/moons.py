"""One training step of the article's network, with arrays.

100 points, layers 2-16-16-1 with ReLU, hinge loss plus 1e-4 times the squared parameters, forward,
backward, and one step of gradient descent at rate 1. A step goes from the same parameters every
time and gives the loss and the new parameters, so that the gradient can be read off them.
"""

import ctypes
import itertools
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

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
T = TypeVar("T")

SIZES = (2, 16, 16, 1)
ALPHA = 1e-4
RATE = 1.0


@attrs.frozen(eq=False)
class Problem:
    """x (n, 2), y (n,) in ±1, and per layer the weights (inputs, outputs) and biases (outputs,)."""

    x: Real
    y: Real
    params: tuple[tuple[Real, Real], ...]


def weights(seed: int = 1337) -> tuple[tuple[Real, Real], ...]:
    """Weights drawn neuron by neuron, as the article does; biases zero."""
    draw = random.Random(seed)  # noqa: S311  (the article's generator)
    layers = []
    for inputs, outputs in itertools.pairwise(SIZES):
        rows = [[draw.uniform(-1, 1) for _ in range(inputs)] for _ in range(outputs)]
        layers.append((np.array(rows).T.copy(), np.zeros(outputs)))
    return tuple(layers)


def problem() -> Problem:
    """The article's data and first parameters."""
    x, y = _peers.library("sklearn.datasets").make_moons(100, noise=0.1, random_state=1337)
    return Problem(x, 2.0 * y - 1.0, weights())


def read(step: tuple[Any, Any], start: Problem) -> tuple[Any, Real]:
    """The loss, and the gradient that the step must have used, layer by layer."""
    loss, new = step
    moves = [
        (old - np.asarray(now)).ravel() / RATE
        for old_layer, new_layer in zip(start.params, new, strict=True)
        for old, now in zip(old_layer, new_layer, strict=True)
    ]
    return loss, np.concatenate(moves)


class Layer(NamedTuple):
    """Weights (inputs, outputs) and biases (outputs,)."""

    w: Array
    b: Array


def tapegrad(given: Problem) -> Job:
    """The natural way: layers in a typed tree, one loss, value_and_grad, tree.map."""
    params = [Layer(w, b) for w, b in given.params]

    def loss(params: list[Layer], x: Array, y: Array) -> Scalar:
        for layer in params[:-1]:
            x = nn.relu(x @ layer.w + layer.b)
        score = tnp.squeeze(x @ params[-1].w + params[-1].b, 1)
        penalty = sum((tnp.sum(p * p) for layer in params for p in layer), 0.0)
        return tnp.mean(nn.relu(1.0 - y * score)) + ALPHA * penalty

    value_and_grad = tg.value_and_grad(loss)

    def step() -> tuple[Scalar, list[Layer]]:
        value, gradient = value_and_grad(params, given.x, given.y)
        return value, tg.tree.map(lambda p, g: p - RATE * g, params, gradient)

    return job(step, lambda done: read(done, given))


def by_hand(given: Problem) -> Job:
    """NumPy with the derivatives worked out on paper."""
    (w1, b1), (w2, b2), (w3, b3) = given.params
    x, y, n = given.x, given.y, len(given.y)

    def step() -> tuple[float, tuple[tuple[Real, Real], ...]]:
        h1 = np.maximum(x @ w1 + b1, 0.0)
        h2 = np.maximum(h1 @ w2 + b2, 0.0)
        margin = 1.0 - y * (h2 @ w3 + b3)[:, 0]
        squares = sum(float(np.vdot(p, p)) for layer in given.params for p in layer)
        loss = float(np.maximum(margin, 0.0).mean()) + ALPHA * squares
        g3 = ((margin > 0.0) * -y / n)[:, None]
        g2 = (g3 @ w3.T) * (h2 > 0.0)
        g1 = (g2 @ w2.T) * (h1 > 0.0)
        keep = 1.0 - RATE * 2.0 * ALPHA
        return loss, (
            (keep * w1 - RATE * (x.T @ g1), keep * b1 - RATE * g1.sum(0)),
            (keep * w2 - RATE * (h1.T @ g2), keep * b2 - RATE * g2.sum(0)),
            (keep * w3 - RATE * (h2.T @ g3), keep * b3 - RATE * g3.sum(0)),
        )

    return job(step, lambda done: read(done, given))


def c(given: Problem) -> Job:
    """Plain C, compiled here with the system's compiler (-O3 -march=native): see moons.c."""
    kernel = ctypes.CDLL(str(_peers.compile_c(Path(__file__).with_name("moons.c")))).moons_step
    pointer = ctypes.POINTER(ctypes.c_double)
    kernel.argtypes = [ctypes.c_int, pointer, pointer, pointer, pointer, *[ctypes.c_double] * 2]
    kernel.restype = ctypes.c_double
    flat = np.concatenate([p.ravel() for layer in given.params for p in layer])
    new = np.empty_like(flat)
    x, y = np.ascontiguousarray(given.x), np.ascontiguousarray(given.y)
    arguments = [a.ctypes.data_as(pointer) for a in (x, y, flat, new)]

    def step() -> float:
        return float(kernel(len(y), *arguments, ALPHA, RATE))

    return job(step, lambda loss: (loss, (flat - new) / RATE))


def _same_text(np: Any, params: Any, x: Any, y: Any) -> Any:
    """The loss for the libraries that speak NumPy: `np` is theirs."""
    for w, b in params[:-1]:
        x = np.maximum(x @ w + b, 0.0)
    w, b = params[-1]
    score = (x @ w + b)[:, 0]
    penalty = sum(np.sum(p * p) for layer in params for p in layer)
    return np.mean(np.maximum(1.0 - y * score, 0.0)) + ALPHA * penalty


def _descend(params: Any, gradient: Any) -> Any:
    return [
        tuple(p - RATE * g for p, g in zip(layer, slopes, strict=True))
        for layer, slopes in zip(params, gradient, strict=True)
    ]


def autograd(given: Problem) -> Job:
    """HIPS autograd."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")
    value_and_grad = library.value_and_grad(lambda p: _same_text(anp, p, given.x, given.y))

    def step() -> tuple[Any, Any]:
        loss, gradient = value_and_grad(given.params)
        return loss, _descend(given.params, gradient)

    return job(step, lambda done: read(done, given))


def mygrad(given: Problem) -> Job:
    """MyGrad, its tensors made once."""
    mg = _peers.mygrad()
    params = [(mg.tensor(w), mg.tensor(b)) for w, b in given.params]

    def step() -> tuple[Any, Any]:
        loss = _same_text(mg, params, given.x, given.y)
        loss.backward()
        return loss.item(), [[p.data - RATE * p.grad for p in layer] for layer in params]

    return job(step, lambda done: read(done, given))


def _torch_loss(torch: Any, x: Any, y: Any) -> Callable[..., Any]:
    """The loss with what PyTorch fuses, and the penalty on all parameters as one vector.

    Each of these was timed against the plain text, and kept because it is faster.
    """
    one = torch.tensor(1.0)

    def loss(*params: Any) -> Any:
        w1, b1, w2, b2, w3, b3 = params
        h = torch.relu(torch.addmm(b1, x, w1))
        h = torch.relu(torch.addmm(b2, h, w2))
        score = torch.addmm(b3, h, w3).squeeze(1)
        hinge = torch.relu(torch.addcmul(one, y, score, value=-1.0)).mean()
        flat = torch.cat([p.flatten() for p in params])
        return torch.add(hinge, flat.dot(flat), alpha=ALPHA)

    return loss


def _torch_job(given: Problem, step_of: Callable[..., Any]) -> Job:
    torch = _peers.torch()
    loss = _torch_loss(torch, torch.tensor(given.x), torch.tensor(given.y))
    step = step_of(loss, [p for layer in given.params for p in layer], RATE)

    def pairs(done: tuple[Any, list[Any]]) -> tuple[Any, Real]:
        value, new = done
        return read((value.detach(), list(zip(new[::2], new[1::2], strict=True))), given)

    return job(step, pairs)


def torch_eager(given: Problem) -> Job:
    """PyTorch, eager."""
    return _torch_job(given, eager_step)


def torch_compiled(given: Problem) -> Job:
    """PyTorch, the whole step under torch.compile."""
    return _torch_job(given, compiled_step)


def jax_jit(given: Problem) -> Job:
    """JAX, the whole step under jit."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    params = jax.tree.map(jnp.asarray, given.params)
    x, y = jnp.asarray(given.x), jnp.asarray(given.y)

    def pure(params: Any, x: Any, y: Any) -> Any:
        loss, gradient = jax.value_and_grad(lambda p: _same_text(jnp, p, x, y))(params)
        return loss, _descend(params, gradient)

    compiled = jax.jit(pure)
    return job(
        lambda: jax.block_until_ready(compiled(params, x, y)), lambda done: read(done, given)
    )


WORKLOAD = Workload(
    name="moons",
    title="one training step of the article's network (100 points, 2-16-16-1), arrays",
    cases=(Case("step", problem),),
    peers=(
        Peer("tapegrad", tapegrad),
        Peer("NumPy by hand", by_hand),
        Peer("C by hand", c, native=True),
        Peer("autograd", autograd),
        Peer("MyGrad", mygrad),
        Peer("PyTorch eager", torch_eager, native=True),
        Peer("PyTorch compiled", torch_compiled, native=True),
        Peer("JAX jit", jax_jit, native=True),
    ),
)
