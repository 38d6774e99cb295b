"""Fit a physical model to measurements: the swing of a damped pendulum.

The model is a function of a record with named parameters; SciPy's optimiser minimises, tapegrad
gives it the gradient, and the curvature at the end says how well each parameter is known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import attrs
import numpy as np
from _options import PICTURE, Parser, nonnegative, run, whole
from numpy.typing import NDArray
from scipy.optimize import minimize

import tapegrad as tg
import tapegrad.numpy as tnp

Floats: TypeAlias = NDArray[np.float64]


@attrs.frozen
class Swing:
    """A damped oscillation."""

    amplitude: tg.Scalar  # degrees
    decay: tg.Scalar  # 1/s
    frequency: tg.Scalar  # Hz
    phase: tg.Scalar  # radians
    rest: tg.Scalar  # degrees: where it comes to rest


TRUTH = Swing(amplitude=12.0, decay=0.25, frequency=0.8, phase=0.6, rest=1.5)
GUESS = Swing(amplitude=8.0, decay=0.1, frequency=0.75, phase=0.0, rest=0.0)


def angle(swing: Swing, t: Floats) -> tg.Array:
    """The angle in degrees at each time, shape (n,)."""
    envelope = swing.amplitude * tnp.exp(-swing.decay * t)
    return envelope * tnp.cos(2.0 * np.pi * swing.frequency * t + swing.phase) + swing.rest


def measure(seed: int, samples: int, noise: float) -> tuple[Floats, Floats]:
    """Times from 0 to 10 s and the angles measured at them, with noise."""
    rng = np.random.default_rng(seed)
    t = np.linspace(0.0, 10.0, samples)
    return t, np.asarray(angle(TRUTH, t)) + rng.normal(0.0, noise, samples)


def loss(swing: Swing, t: Floats, measured: Floats) -> tg.Array:
    """The mean squared distance of the curve from the measurements, square degrees."""
    return tg.nn.mean_squared_error(angle(swing, t), measured)


@attrs.frozen
class Fit:
    """The best parameters, and what it took to find them."""

    swing: Swing
    error: float  # the root of the mean squared distance
    evaluations: int  # of the loss
    converged: bool


def fit(guess: Swing, t: Floats, measured: Floats, *, gradient: bool = True) -> Fit:
    """The least-squares fit from a guess; SciPy estimates the gradient itself if not given one."""
    evaluate = tg.value_and_grad(loss)
    start, unravel = tg.tree.ravel(guess)

    def objective(vector: Floats) -> tuple[float, Floats]:
        value, grads = evaluate(unravel(vector), t, measured)  # grads is a Swing, too
        return float(value), tg.tree.ravel(grads)[0]

    def value(vector: Floats) -> float:
        return float(loss(unravel(vector), t, measured))

    result = minimize(objective if gradient else value, start, jac=gradient, method="L-BFGS-B")
    return Fit(
        unravel(result.x), float(np.sqrt(result.fun)), int(result.nfev), bool(result.success)
    )


def standard_errors(swing: Swing, t: Floats, measured: Floats) -> Swing:
    """How well each parameter is known: by how much the fit would vary with the noise.

    The roots of the diagonal of s² (J'J)^-1, where J holds the derivatives of the angles by the
    parameters and s² estimates the variance of the noise.
    """
    jacobian = np.stack(tg.tree.leaves(tg.jacfwd(angle)(swing, t)), axis=1)  # shape (n, 5)
    residuals = np.asarray(angle(swing, t)) - measured
    freedom = jacobian.shape[0] - jacobian.shape[1]
    covariance = residuals @ residuals / freedom * np.linalg.inv(jacobian.T @ jacobian)
    return tg.tree.ravel(swing)[1](np.sqrt(np.diag(covariance)))


def draw_picture(path: Path, swing: Swing, t: Floats, measured: Floats) -> None:
    """The measurements, the first guess and the fitted curve."""
    from matplotlib.figure import Figure  # here: it takes a while, and --help should not

    times = np.linspace(t[0], t[-1], 600)
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(times, np.asarray(angle(GUESS, times)), "--", color="0.6", label="first guess")
    axes.plot(times, np.asarray(angle(swing, times)), color="#1d5fa8", label="fit")
    axes.plot(t, measured, ".", color="#b5391d", label="measured")
    axes.set(title="A damped pendulum", xlabel="time (s)", ylabel="angle (degrees)")
    axes.legend()
    figure.savefig(path)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked."""
    parser = Parser("Fit the swing of a damped pendulum with SciPy and tapegrad's gradient.")
    add = parser.add_argument
    add("--samples", type=whole(10), default=120, help="how many measurements in 10 seconds")
    add("--noise", type=nonnegative, default=0.4, help="their standard deviation, in degrees")
    add("--seed", type=whole(0), default=1337, help="of the noise")
    add("--plot", type=PICTURE, default="out/curve_fit.png", help="the picture to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, fit, print and draw; the exit status."""
    options = parse(argv)
    t, measured = measure(options.seed, options.samples, options.noise)
    best = fit(GUESS, t, measured)
    if not best.converged:
        print("curve_fit.py: error: the fit did not converge: try less --noise", file=sys.stderr)
        return 1
    errors = standard_errors(best.swing, t, measured)
    print("parameter        guess     fitted   standard error      truth")
    for field in attrs.fields(Swing):
        guess, found, error, true = (
            getattr(swing, field.name) for swing in (GUESS, best.swing, errors, TRUTH)
        )
        print(f"{field.name:10s} {guess:11.4f} {found:10.4f} {error:16.4f} {true:10.4f}")
    print(f"root mean squared distance {best.error:.4f} degrees, noise {options.noise} degrees")
    plain = fit(GUESS, t, measured, gradient=False)
    print(
        f"the model was evaluated {best.evaluations} times; without the gradient, "
        f"{plain.evaluations} times"
    )
    draw_picture(options.plot, best.swing, t, measured)
    print(f"wrote {options.plot}")
    return 0


if __name__ == "__main__":
    run(main)
