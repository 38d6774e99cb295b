"""Four points, 41 parameters, and a classic mistake: gradients that are added up by accident.

A 3-4-4-1 network, tanh everywhere, learns one number for each of four points. It is trained twice
from the same start: once as it should be, and once with every step following the sum of all
gradients so far, as happens when gradients are kept in the parameters and nobody resets them.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import TypeAlias, TypeVar

import attrs
import numpy as np
from _options import Parser, number, run, whole

import tapegrad as tg

P = TypeVar("P")
Layers: TypeAlias = tuple[tg.nn.Linear, ...]

SIZES = (3, 4, 4, 1)
POINTS = np.array([[2.0, 3.0, -1.0], [3.0, -1.0, 0.5], [0.5, 1.0, 1.0], [1.0, 1.0, -1.0]])
TARGETS = np.array([1.0, -1.0, -1.0, 1.0])


def draw(seed: int) -> Layers:
    """New layers, every number from [-1, 1], neuron by neuron: its weights, then its bias."""
    rng = random.Random(seed)
    layers = []
    for n_in, n_out in pairwise(SIZES):
        neurons = np.array(
            [[rng.uniform(-1.0, 1.0) for _ in range(n_in + 1)] for _ in range(n_out)]
        )
        layers.append(tg.nn.Linear(weight=neurons[:, :-1].T, bias=neurons[:, -1]))
    return tuple(layers)


def predict(layers: Layers) -> tg.Array:
    """The network's number for each point, shape (4,)."""
    return tg.nn.mlp(layers, POINTS, hidden=tg.numpy.tanh, last=tg.numpy.tanh)[:, 0]


def loss(layers: Layers) -> tg.Array:
    """The sum of the four squared errors: four times their mean."""
    return len(TARGETS) * tg.nn.mean_squared_error(predict(layers), TARGETS)


@attrs.frozen
class Step:
    """What one step saw and did."""

    layers: Layers  # before the step
    loss: float
    slope: float  # the length of the gradient at these layers
    used: float  # the length of what was followed instead


def pure(layers: Layers, rate: float) -> Iterator[Step]:
    """Gradient descent. The gradient is what a function returns: new at every step."""
    evaluate = tg.value_and_grad(loss)
    while True:
        value, grads = evaluate(layers)
        yield Step(layers, float(value), length(grads), length(grads))
        layers = descend(layers, grads, rate)


def accumulated(layers: Layers, rate: float) -> Iterator[Step]:
    """The mistake. It takes a sum and a variable that outlives the step, written out by hand."""
    evaluate = tg.value_and_grad(loss)
    value, grads = evaluate(layers)
    total = grads
    while True:
        yield Step(layers, float(value), length(grads), length(total))
        layers = descend(layers, total, rate)
        value, grads = evaluate(layers)
        total = tg.tree.map(lambda so_far, grad: so_far + grad, total, grads)


def descend(params: P, direction: P, rate: float) -> P:
    """Parameters a step further down."""
    return tg.tree.map(lambda p, d: p - rate * d, params, direction)


def length(grads: Layers) -> float:
    """The length of a gradient, as one long vector."""
    return float(np.linalg.norm(tg.tree.ravel(grads)[0]))


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked."""
    parser = Parser("Train on four points, as it should be and with wrongly accumulated gradients.")
    parser.add_argument("--steps", type=whole(1), default=20, help="how many steps, each way")
    parser.add_argument("--rate", type=number(0.001, 0.1), default=0.05, help="the learning rate")
    parser.add_argument("--seed", type=whole(0), default=1337, help="of the first weights")
    return parser.parse_args(argv)


def table(right: Sequence[Step], wrong: Sequence[Step]) -> str:
    """Both runs side by side, a line for each step."""
    lines = [
        "            a gradient for each step        gradients added up",
        "   step         loss   followed             loss   followed  own slope",
    ]
    for k, (a, b) in enumerate(zip(right, wrong, strict=True)):
        lines.append(
            f"{k:7d} {a.loss:12.6f} {a.used:10.4f}"
            f"     {b.loss:12.6f} {b.used:10.4f} {b.slope:10.4f}"
        )
    return "\n".join(lines)


def explain(right: Sequence[Step], wrong: Sequence[Step]) -> str:
    """What the table shows, in words."""
    n = len(wrong) - 1
    return f"""\
loss:       the sum of the four squared errors.
own slope:  the length of the gradient at the parameters that the step starts from.
followed:   the length of what the step goes along (times the learning rate).

On the left each step follows the gradient of the loss where it is. On the right it follows the sum
of that gradient and of all earlier ones, which were measured at parameters left long ago.
{growth(wrong)}
{ending(wrong)}
The loss rose at {count_rises(wrong)} of {n} steps on the right, at \
{count_rises(right)} on the left; the parameters end
{distance(wrong):.1f} away from where they started, against {distance(right):.1f} on the left.

The mistake needs a gradient that outlives its step: one that is kept inside the parameters, where
each backward pass adds to what it finds, and where forgetting to reset it (zero_grad) raises no
error. tapegrad.grad(f) is a function: it returns a new tree of gradients and leaves nothing behind.
To get the right-hand side, this script had to keep a sum and add to it by hand."""


def growth(wrong: Sequence[Step]) -> str:
    """How the steps grow where gradients are added up, if they do."""
    longest = max(range(len(wrong)), key=lambda k: wrong[k].used)
    if longest == 0:
        return "Here they point against each other: no step is longer than the first."
    return (
        "As long as they point down the same way, the steps grow, which looks like fast learning: "
        f"from\n{wrong[0].used:.4f} to {wrong[longest].used:.4f} at step {longest}."
    )


def ending(wrong: Sequence[Step]) -> str:
    """Whether the last step of added gradients is far longer than the slope there calls for."""
    last, n = wrong[-1], len(wrong) - 1
    numbers = (
        f"at step {n} the slope is {last.slope:.4f}, and the step goes\nalong {last.used:.4f}."
    )
    if last.used > 3.0 * last.slope:
        return f"But they do not slow down with the slope: {numbers}"
    return f"They are not yet far from the slope (try more --steps): {numbers}"


def distance(steps: Sequence[Step]) -> float:
    """How far the parameters went, as one long vector."""
    return length(tg.tree.map(lambda a, b: b - a, steps[0].layers, steps[-1].layers))


def count_rises(steps: Sequence[Step]) -> int:
    """At how many steps the loss was higher than at the step before."""
    return sum(after.loss > before.loss for before, after in pairwise(steps))


def answers(step: Step) -> str:
    """The network's numbers for the four points."""
    return "  ".join(f"{answer:+.4f}" for answer in np.asarray(predict(step.layers)))


def main(argv: Sequence[str] | None = None) -> int:
    """Train both ways, print the steps and what they mean; the exit status."""
    options = parse(argv)
    start = draw(options.seed)
    print(f"MLP {'-'.join(map(str, SIZES))}, tanh everywhere, {tg.tree.size(start)} parameters")
    right = list(islice(pure(start, options.rate), options.steps + 1))
    wrong = list(islice(accumulated(start, options.rate), options.steps + 1))
    print(table(right, wrong))
    print()
    print("wanted               ", "  ".join(f"{target:+.4f}" for target in TARGETS))
    print("one gradient a step  ", answers(right[-1]))
    print("gradients added up   ", answers(wrong[-1]))
    print()
    print(explain(right, wrong))
    return 0


if __name__ == "__main__":
    run(main)
