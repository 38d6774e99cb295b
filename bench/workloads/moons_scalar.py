"""The same training step as the article writes it: one scalar operation at a time.

About 65,000 additions, multiplications and ReLUs per step. Every peer runs the same few lines of
Python over plain numbers; only what a number is differs. JAX is left out: it would have to
compile each of the operations, and with loops in their place the work would be that of `moons`.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import tapegrad as tg
from tapegrad import Scalar, nn

from .. import _peers
from .._harness import Case, Job, Peer, Workload, job
from .moons import ALPHA, RATE, Problem, Real, problem


class Neuron(NamedTuple):
    """One weight per input, and a bias."""

    w: list[Scalar]
    b: Scalar


def neurons(given: Problem) -> list[list[Neuron]]:
    """The parameters as a tree of plain floats."""
    return [
        [Neuron([float(v) for v in column], float(b)) for column, b in zip(w.T, bias, strict=True)]
        for w, bias in given.params
    ]


def leaves(model: Sequence[Sequence[Any]]) -> list[Any]:
    """All numbers of the tree, neuron by neuron: weights, then bias."""
    return [p for layer in model for w, b in layer for p in (*w, b)]


def points(given: Problem) -> list[tuple[list[float], float]]:
    """The data as plain floats."""
    return [([float(v) for v in x], float(y)) for x, y in zip(given.x, given.y, strict=True)]


def tapegrad(given: Problem) -> Job:
    """The natural way: Python loops and sum over a tree of floats."""
    model, data = neurons(given), points(given)

    def predict(model: list[list[Neuron]], x: Sequence[Scalar]) -> Scalar:
        for layer in model[:-1]:
            x = [nn.relu(sum((w * v for w, v in zip(n.w, x, strict=True)), n.b)) for n in layer]
        (last,) = model[-1]
        return sum((w * v for w, v in zip(last.w, x, strict=True)), last.b)

    def loss(model: list[list[Neuron]]) -> Scalar:
        hinge = sum((nn.relu(1.0 - y * predict(model, x)) for x, y in data), 0.0)
        penalty = sum((p * p for p in tg.tree.leaves(model)), 0.0)
        return hinge * (1.0 / len(data)) + ALPHA * penalty

    value_and_grad = tg.value_and_grad(loss)

    def step() -> tuple[Scalar, list[list[Neuron]]]:
        value, gradient = value_and_grad(model)
        return value, tg.tree.map(lambda p, g: p - RATE * g, model, gradient)

    return job(step, lambda done: (done[0], _gradient(model, leaves(done[1]))))


def _gradient(model: list[list[Neuron]], new: list[Any]) -> Real:
    moves: Real = (np.array(leaves(model)) - np.array(new)) / RATE
    return moves


def _same_text(
    model: Any, data: Sequence[tuple[Sequence[Any], float]], relu: Callable[[Any], Any]
) -> Any:
    """The loss for the other engines: `relu` is theirs."""
    losses = []
    ((last_w, last_b),) = model[-1]
    for x, y in data:
        h = x
        for layer in model[:-1]:
            h = [relu(sum((w * v for w, v in zip(ws, h, strict=True)), b)) for ws, b in layer]
        score = sum((w * v for w, v in zip(last_w, h, strict=True)), last_b)
        losses.append(relu(1.0 - y * score))
    return sum(losses) * (1.0 / len(losses)) + ALPHA * sum(p * p for p in leaves(model))


def micrograd(given: Problem) -> Job:
    """micrograd's Value, which is also the article's engine; inputs wrapped, as both do it."""
    value = _peers.library("micrograd.engine").Value
    model = [[([value(v) for v in n.w], value(n.b)) for n in layer] for layer in neurons(given)]
    params = leaves(model)
    data = points(given)

    def step() -> tuple[float, list[float]]:
        for p in params:
            p.grad = 0.0
        wrapped = [([value(v) for v in x], y) for x, y in data]
        loss = _same_text(model, wrapped, lambda v: v.relu())
        loss.backward()
        return loss.data, [p.data - RATE * p.grad for p in params]

    return job(step, lambda done: (done[0], _gradient(neurons(given), done[1])))


def autograd(given: Problem) -> Job:
    """HIPS autograd, on the same tree of floats."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")
    model = [[(n.w, n.b) for n in layer] for layer in neurons(given)]
    data = points(given)
    value_and_grad = library.value_and_grad(
        lambda m: _same_text(_unboxed(m), data, lambda v: anp.maximum(v, 0.0))
    )

    def step() -> tuple[float, list[float]]:
        loss, gradient = value_and_grad(model)
        old, slopes = leaves(model), leaves(gradient)
        return loss, [p - RATE * g for p, g in zip(old, slopes, strict=True)]

    return job(step, lambda done: (done[0], _gradient(neurons(given), done[1])))


def _unboxed(model: Any) -> Any:
    """Take autograd's traced lists apart once, not at every use: it records each indexing."""
    return [
        [([ws[i] for i in range(len(ws))], b) for ws, b in (layer[j] for j in range(len(layer)))]
        for layer in (model[k] for k in range(len(model)))
    ]


def mygrad(given: Problem) -> Job:
    """MyGrad, a tensor of no dimensions per number."""
    mg = _peers.mygrad()
    model = [[([mg.tensor(v) for v in n.w], mg.tensor(n.b)) for n in r] for r in neurons(given)]
    params, data = leaves(model), points(given)

    def step() -> tuple[float, list[float]]:
        loss = _same_text(model, data, lambda v: mg.maximum(v, 0.0))
        loss.backward()
        return loss.item(), [p.data - RATE * p.grad for p in params]

    return job(step, lambda done: (done[0], _gradient(neurons(given), done[1])))


def torch_eager(given: Problem) -> Job:
    """PyTorch, eager, a tensor of no dimensions per number."""
    torch = _peers.torch()

    def variable(v: Any) -> Any:
        return torch.tensor(v, requires_grad=True)

    model = [[([variable(v) for v in n.w], variable(n.b)) for n in r] for r in neurons(given)]
    params, data = leaves(model), points(given)

    def step() -> tuple[float, list[Any]]:
        loss = _same_text(model, data, torch.relu)
        gradient = torch.autograd.grad(loss, params)
        with torch.no_grad():
            return loss.item(), [p - RATE * g for p, g in zip(params, gradient, strict=True)]

    return job(step, lambda done: (done[0], _gradient(neurons(given), done[1])))


WORKLOAD = Workload(
    name="moons_scalar",
    title="the same step as the article writes it, one scalar operation at a time",
    cases=(Case("step", problem, memory=True),),
    peers=(
        Peer("tapegrad", tapegrad),
        Peer("micrograd", micrograd),
        Peer("autograd", autograd),
        Peer("MyGrad", mygrad),
        Peer("PyTorch eager", torch_eager, native=True),
    ),
)
