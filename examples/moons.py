"""Train a small network to tell two moons apart: the experiment of the article, step for step.

100 points in two interlocking half circles, a 2-16-16-1 network with ReLU, hinge loss with L2, 100
steps of gradient descent. `python examples/moons.py --help` lists what can be changed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias, TypeVar

import attrs
import numpy as np
from _options import PICTURE, Parser, nonnegative, number, run, whole, writable
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from sklearn.datasets import make_moons

import tapegrad as tg

P = TypeVar("P")
Floats: TypeAlias = NDArray[np.float64]
Loss: TypeAlias = Callable[[P, Floats, Floats], tuple[tg.Scalar, tg.Scalar]]
Layers: TypeAlias = tuple[tg.nn.Linear, ...]


# The network, neuron by neuron: plain numbers, Python loops and sum -------------------------------


@attrs.frozen
class Neuron:
    """One neuron: a weight for each input, and a bias."""

    weights: tuple[tg.Scalar, ...]
    bias: tg.Scalar


Neurons: TypeAlias = tuple[tuple[Neuron, ...], ...]


def draw(seed: int, sizes: Sequence[int]) -> Neurons:
    """New layers of neurons: weights from [-1, 1], drawn neuron by neuron; biases 0."""
    rng = random.Random(seed)
    return tuple(
        tuple(Neuron(tuple(rng.uniform(-1.0, 1.0) for _ in range(n_in)), 0.0) for _ in range(n_out))
        for n_in, n_out in pairwise(sizes)
    )


def score_one(layers: Neurons, point: Sequence[tg.Scalar]) -> tg.Scalar:
    """The network's score for one point: above 0 means class 1."""
    values = list(point)
    for layer in layers[:-1]:
        values = [tg.nn.relu(activate(neuron, values)) for neuron in layer]
    return activate(layers[-1][0], values)


def activate(neuron: Neuron, values: Sequence[tg.Scalar]) -> tg.Scalar:
    """Weights times inputs, plus the bias."""
    return sum((w * x for w, x in zip(neuron.weights, values, strict=True)), neuron.bias)


def scalar_loss(layers: Neurons, X: Floats, y: Floats) -> tuple[tg.Scalar, tg.Scalar]:
    """Hinge loss and accuracy of a network of plain numbers."""
    points, labels = X.tolist(), y.tolist()
    scores = [score_one(layers, point) for point in points]
    losses = [tg.nn.relu(1.0 + -label * score) for label, score in zip(labels, scores)]
    right = [(label > 0) == bool(score > 0) for label, score in zip(labels, scores)]
    return sum(losses) * (1.0 / len(losses)), sum(right) / len(right)


# The same network as arrays -----------------------------------------------------------------------


def stack(layers: Neurons) -> Layers:
    """The neurons of each layer, side by side, as the columns of a matrix."""
    return tuple(
        tg.nn.Linear(
            weight=np.array([neuron.weights for neuron in layer]).T,
            bias=np.array([neuron.bias for neuron in layer]),
        )
        for layer in layers
    )


def score(layers: Layers, X: Floats) -> tg.Array:
    """The network's scores for many points, shape (n, 2) -> (n,)."""
    return tg.nn.mlp(layers, X, hidden=tg.nn.relu)[:, 0]


def array_loss(layers: Layers, X: Floats, y: Floats) -> tuple[tg.Scalar, tg.Scalar]:
    """Hinge loss and accuracy of a network of arrays."""
    scores = score(layers, X)
    return tg.nn.hinge(scores, y), tg.nn.accuracy(scores, y)


# Training -----------------------------------------------------------------------------------------


def train(loss: Loss[P], params: P, data: tuple[Floats, Floats], options: argparse.Namespace) -> P:
    """Gradient descent, one printed line for each step; the parameters after the last."""
    evaluate = tg.value_and_grad(loss, has_aux=True)
    # Down from 1.0 in the article's first 100 steps, 1.0 - 0.9 * step / 100; then 0.1.
    schedule = tg.optim.linear_decay(1.0, 0.1, 100)
    optimizer = tg.optim.sgd(schedule, l2=options.alpha)  # adds the gradient of the penalty
    state = optimizer.init(params)
    rng = np.random.default_rng(options.seed)
    # What overflows is caught below, by the loss.
    with progress() as bar, np.errstate(over="ignore", invalid="ignore"):
        task = bar.add_task("training", total=options.steps)
        for step in range(options.steps):
            X, y = tg.data.batch(rng, data, options.batch_size)
            (hinge, accuracy), grads = evaluate(params, X, y)
            value = hinge + tg.optim.l2_penalty(params, options.alpha)
            if not np.isfinite(value):
                raise FloatingPointError(f"the loss is {value} at step {step}: {remedy(options)}")
            updates, state = optimizer.update(grads, state, params)
            params = tg.optim.apply_updates(params, updates)
            print(f"step {step} loss {value}, accuracy {accuracy * 100}%", flush=True)
            bar.advance(task)
    return params


def remedy(options: argparse.Namespace) -> str:
    """What to try where training diverged: only what is larger than it should be."""
    likely = []
    if options.alpha > 0.1:
        likely.append("a smaller --alpha")
    if options.noise > 1.0:
        likely.append("less --noise")
    if len(options.hidden) > 2 or max(options.hidden) > 16:
        likely.append("fewer or narrower --hidden layers")
    return f"try {' or '.join(likely or ['another --seed'])}"


def progress() -> Progress:
    """A progress bar on stderr, for a person; none if that is no terminal.

    Beside a live bar, what is printed must go through the bar's console, but only if stdout is the
    same terminal: a piped stdout gets exactly what is printed.
    """
    console = Console(stderr=True)
    return Progress(
        console=console,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
        transient=True,
    )


# The parameters as a file -------------------------------------------------------------------------


def save(path: Path, layers: Layers) -> None:
    """Write parameters as an npz file: each array under its path in the tree."""
    with path.open("wb") as file:  # given a name, savez adds .npz to one that ends in .NPZ
        np.savez(file, **tg.tree.paths(layers, "layers"))


def load(path: Path, sizes: Sequence[int]) -> Layers:
    """The parameters that `save` wrote, for a network of these sizes."""
    template = stack(draw(0, sizes))
    with np.load(path) as file:
        return tg.tree.from_paths(template, dict(file), "layers")


# The picture --------------------------------------------------------------------------------------


def draw_picture(path: Path, layers: Layers, X: Floats, y: Floats, title: str) -> None:
    """The points, and what the network answers everywhere around them."""
    from matplotlib.figure import Figure  # here: it takes a while, and --help should not
    from matplotlib.lines import Line2D

    low, high = X.min(axis=0) - 0.5, X.max(axis=0) + 0.5
    across, up = np.meshgrid(np.linspace(low[0], high[0], 500), np.linspace(low[1], high[1], 400))
    grid = np.stack([across.ravel(), up.ravel()], axis=1)
    heights = np.asarray(score(layers, grid)).reshape(across.shape)

    figure = Figure(figsize=(8, 5.4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    levels = [min(heights.min(), 0.0) - 1.0, 0.0, max(heights.max(), 0.0) + 1.0]
    axes.contourf(across, up, heights, levels=levels, colors=["#f4c9bd", "#bcd4ec"])
    if heights.min() < 0 < heights.max():  # a level outside is a warning of some Matplotlibs
        axes.contour(across, up, heights, levels=[0.0], colors="black", linewidths=2)
    handles = [
        axes.scatter(X[y == k, 0], X[y == k, 1], c=color, edgecolors="white", label=f"class {k:+d}")
        for k, color in ((-1, "#b5391d"), (1, "#1d5fa8"))
    ]
    boundary = Line2D([], [], color="black", linewidth=2, label="decision boundary (score 0)")
    axes.legend(handles=[*handles, boundary], loc="upper right")
    axes.set(title=title, xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    figure.savefig(path)


# The program --------------------------------------------------------------------------------------


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked."""
    parser = Parser("Train a small network to tell two moons apart, and draw what it learned.")
    add = parser.add_argument
    add("--steps", type=whole(1), default=100, help="how many steps of gradient descent")
    add("--samples", type=whole(2), default=100, help="how many points")
    add("--noise", type=number(0, 10), default=0.1, help="standard deviation of the points' noise")
    add(
        "--hidden",
        type=whole(1),
        nargs="+",
        default=[16, 16],
        metavar="WIDTH",
        help="the number of neurons of each hidden layer",
    )
    add(
        "--batch-size",
        type=whole(1),
        help="how many points, drawn at random, each step sees; all of them if not given",
    )
    add("--alpha", type=nonnegative, default=1e-4, help="strength of the L2 penalty")
    add(
        "--seed",
        type=whole(0, 2**32 - 1),
        default=1337,
        help="of the points, the first weights and the batches",
    )
    add("--plot", type=PICTURE, default="out/moons.png", help="the picture to write")
    add("--save", type=writable(".npz"), default="out/moons.npz", help="the parameters to write")
    add(
        "--engine",
        choices=("array", "scalar"),
        default="array",
        help="whether a step computes with arrays, or number by number in Python loops",
    )
    options = parser.parse_args(argv)
    if options.batch_size is not None and options.batch_size > options.samples:
        parser.error(
            f"argument --batch-size: expected at most --samples, {options.samples}, "
            f"got {options.batch_size}"
        )
    return options


def describe(sizes: Sequence[int]) -> str:
    """The network in words, a line for each layer."""
    lines = [f"MLP {'-'.join(map(str, sizes))}"]
    for i, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        kind = "ReLU" if i < len(sizes) - 1 else "linear"
        lines.append(f"  layer {i}: {n_out} {kind} neuron{'s' * (n_out > 1)} of {n_in} inputs")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Train, print, draw and save; the exit status."""
    options = parse(argv)
    X, labels = make_moons(options.samples, noise=options.noise, random_state=options.seed)
    data = X, labels * 2.0 - 1.0
    sizes = (2, *options.hidden, 1)
    neurons = draw(options.seed, sizes)
    print(describe(sizes))
    print("number of parameters", tg.tree.size(neurons))
    try:
        if options.engine == "scalar":
            layers = stack(train(scalar_loss, neurons, data, options))
        else:
            layers = train(array_loss, stack(neurons), data, options)
    except FloatingPointError as error:
        print(f"moons.py: error: {error}", file=sys.stderr)
        return 1
    right = np.mean((np.asarray(score(layers, X)) > 0) == (data[1] > 0))
    steps = f"{options.steps} step{'s' * (options.steps > 1)}"
    title = f"MLP {'-'.join(map(str, sizes))} on two moons, after {steps}: {right:.0%} right"
    draw_picture(options.plot, layers, *data, title)
    save(options.save, layers)
    print(f"wrote {options.plot} and {options.save}")
    return 0


if __name__ == "__main__":
    run(main)
