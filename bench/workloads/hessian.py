"""Second derivatives: a whole Hessian, and a Hessian-vector product.

The Hessian is that of a logistic regression with 50 parameters on 500 points, with a small L2
term. The Hessian-vector product is that of the loss of `digits`. Here an Answer's gradient is the
Hessian, or the product H v. Its value is read off that: the trace of H, or the curvature v'H v; the
loss is no part of the work.
"""

from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar, nn

from .. import _peers
from .._harness import Case, Job, Peer, Workload, job
from . import digits

Real = NDArray[np.float64]

RIDGE = 1e-3
_NO_SECOND = "cannot: MyGrad has no second derivatives"


@attrs.frozen(eq=False)
class Regression:
    """x (n, d), y (n,) in ±1, and the point w (d,) at which to take the Hessian."""

    x: Real
    y: Real
    w: Real


@attrs.frozen(eq=False)
class Product:
    """The digits problem, and a direction for each of its parameters."""

    digits: digits.Problem
    direction: tuple[Real, ...]


def regression(n: int = 500, d: int = 50) -> Regression:
    """Random points, labels and parameters."""
    draw = np.random.default_rng(0)
    x = draw.normal(size=(n, d))
    return Regression(x, np.sign(draw.normal(size=n)), draw.normal(scale=0.3, size=d))


def product() -> Product:
    """The digits, with a random direction."""
    draw = np.random.default_rng(1)
    given = digits.problem()
    return Product(given, tuple(draw.normal(size=p.shape) for p in given.params))


def _flat(trees: Any) -> Real:
    return np.concatenate([np.asarray(leaf).ravel() for leaf in trees])


def _reader(given: Product) -> Callable[[Any], tuple[float, Real]]:
    """How to read (v'H v, H v) off a product that comes parameter by parameter."""
    v = _flat(given.direction)

    def read(product: Any) -> tuple[float, Real]:
        hv = _flat(product)
        return float(v @ hv), hv

    return read


def _prepare(
    whole: Callable[[Regression], Job], along: Callable[[Product], Job]
) -> Callable[[Any], Job]:
    """A peer's two versions, chosen by the problem."""
    return lambda given: whole(given) if isinstance(given, Regression) else along(given)


def tapegrad_hessian(given: Regression) -> Job:
    """The natural way."""

    def loss(w: Array) -> Scalar:
        return tnp.mean(nn.softplus(-given.y * (given.x @ w))) + RIDGE * tnp.sum(w * w)

    hessian = tg.hessian(loss)
    return job(lambda: hessian(given.w), lambda h: (np.trace(h), h))


def tapegrad_product(given: Product) -> Job:
    """The natural way: hvp of the loss as `digits` states it."""
    net, direction = digits.Net(*given.digits.params), digits.Net(*given.direction)

    def loss(net: digits.Net) -> Scalar:
        return digits.loss(net, given.digits.x, given.digits.labels)

    return job(lambda: tg.hvp(loss, (net,), (direction,)), _reader(given))


def by_hand_hessian(given: Regression) -> Job:
    """NumPy with the second derivative worked out on paper: X' S X / n + 2 ridge."""
    x, n, d = given.x, len(given.y), len(given.w)

    def run() -> Real:
        p = 1.0 / (1.0 + np.exp(-(x @ given.w)))
        h: Real = (x.T * (p * (1.0 - p) / n)) @ x + 2.0 * RIDGE * np.eye(d)
        return h

    return job(run, lambda h: (np.trace(h), h))


def by_hand_product(given: Product) -> Job:
    """NumPy: the gradient's program, differentiated on paper along the direction."""
    w1, b1, w2, b2 = given.digits.params
    v1, c1, v2, c2 = given.direction
    x, labels, n = given.digits.x, given.digits.labels, len(given.digits.labels)
    rows = np.arange(n)

    def run() -> tuple[Real, ...]:
        a = x @ w1 + b1
        on = a > 0.0
        h, dh = a * on, (x @ v1 + c1) * on
        logits, dlogits = h @ w2 + b2, dh @ w2 + h @ v2 + c2
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        dp = p * (dlogits - (p * dlogits).sum(axis=1, keepdims=True)) / n
        p[rows, labels] -= 1.0
        p /= n
        dg = (dp @ w2.T + p @ v2.T) * on
        return x.T @ dg, dg.sum(0), dh.T @ p + h.T @ dp, dp.sum(0)

    return job(run, _reader(given))


def autograd_hessian(given: Regression) -> Job:
    """HIPS autograd."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")

    def loss(w: Any) -> Any:
        z = -given.y * (given.x @ w)
        return anp.mean(anp.logaddexp(0.0, z)) + RIDGE * anp.sum(w * w)

    hessian = library.hessian(loss)
    return job(lambda: hessian(given.w), lambda h: (np.trace(h), h))


def autograd_product(given: Product) -> Job:
    """HIPS autograd: reverse over reverse."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")
    data = given.digits

    def loss(params: Any) -> Any:
        w1, b1, w2, b2 = params
        logits = anp.maximum(data.x @ w1 + b1, 0.0) @ w2 + b2
        shifted = logits - anp.max(logits, axis=1, keepdims=True)
        log_total = anp.log(anp.sum(anp.exp(shifted), axis=1))
        return anp.mean(log_total - shifted[np.arange(len(data.labels)), data.labels])

    gradient = library.grad(loss)

    def along(params: Any) -> Any:
        slopes = gradient(params)
        return sum(anp.sum(g * v) for g, v in zip(slopes, given.direction, strict=True))

    product_of = library.grad(along)
    return job(lambda: product_of(data.params), _reader(given))


def torch_hessian(given: Regression) -> Job:
    """PyTorch's torch.func.hessian, eager: forward over reverse, vectorised."""
    torch = _peers.torch()
    x, y, w = torch.tensor(given.x), torch.tensor(given.y), torch.tensor(given.w)

    def loss(w: Any) -> Any:
        return torch.nn.functional.softplus(-y * (x @ w)).mean() + RIDGE * (w * w).sum()

    hessian = torch.func.hessian(loss)
    return job(lambda: hessian(w), lambda h: (h.trace(), h))


def torch_product(given: Product) -> Job:
    """PyTorch, eager: the gradient's graph, differentiated again along the direction."""
    torch = _peers.torch()
    data = given.digits
    loss = digits.torch_loss(torch, torch.tensor(data.x), torch.tensor(data.labels))
    params = [torch.tensor(p, requires_grad=True) for p in given.digits.params]
    direction = [torch.tensor(v) for v in given.direction]

    def run() -> Any:
        value = loss(*params)
        gradient = torch.autograd.grad(value, params, create_graph=True)
        return torch.autograd.grad(gradient, params, grad_outputs=direction)

    return job(run, _reader(given))


def jax_hessian(given: Regression) -> Job:
    """JAX under jit."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    x, y, w = jnp.asarray(given.x), jnp.asarray(given.y), jnp.asarray(given.w)

    def loss(w: Any) -> Any:
        return jnp.mean(jax.nn.softplus(-y * (x @ w))) + RIDGE * jnp.sum(w * w)

    compiled = jax.jit(jax.hessian(loss))
    return job(lambda: jax.block_until_ready(compiled(w)), lambda h: (np.trace(h), h))


def jax_product(given: Product) -> Job:
    """JAX under jit: forward over reverse."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    params = tuple(jnp.asarray(p) for p in given.digits.params)
    direction = tuple(jnp.asarray(v) for v in given.direction)
    x, labels = jnp.asarray(given.digits.x), jnp.asarray(given.digits.labels)

    def hvp(params: Any, direction: Any) -> Any:
        gradient = jax.grad(lambda p: digits.jax_loss(p, x, labels))
        return jax.jvp(gradient, (params,), (direction,))[1]

    compiled = jax.jit(hvp)
    return job(lambda: jax.block_until_ready(compiled(params, direction)), _reader(given))


WORKLOAD = Workload(
    name="hessian",
    title="second derivatives: a whole Hessian, and a Hessian-vector product",
    cases=(
        Case("Hessian, 50 parameters", regression),
        Case("digits, H v", product),
    ),
    peers=(
        Peer("tapegrad", _prepare(tapegrad_hessian, tapegrad_product)),
        Peer("NumPy by hand", _prepare(by_hand_hessian, by_hand_product)),
        Peer("autograd", _prepare(autograd_hessian, autograd_product)),
        Peer("MyGrad", absent=_NO_SECOND),
        Peer("PyTorch eager", _prepare(torch_hessian, torch_product), native=True),
        Peer("JAX jit", _prepare(jax_hessian, jax_product), native=True),
    ),
)
