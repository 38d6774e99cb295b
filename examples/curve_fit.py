"""Fit a physical model to measurements: the swing of a damped pendulum.

The model is a function of a record with named parameters; SciPy's optimiser minimises, tapegrad
gives it the gradient, and the curvature at the end says how well each parameter is known. From a
wrong frequency the way down ends in a local minimum, so the strongest frequencies of the spectrum
are tried, and the best fit is kept.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import attrs
import numpy as np
from _options import PICTURE, Parser, number, run, whole
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
STARTS = 3


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


def starts(t: Floats, measured: Floats) -> Iterator[Swing]:
    """First guesses: the frequencies that are strongest in the spectrum, strongest first."""
    rest = float(np.mean(measured))
    spectrum = np.fft.rfft(measured - rest)
    frequencies = np.fft.rfftfreq(len(t), t[1] - t[0])
    for k in np.argsort(-np.abs(spectrum))[:STARTS]:
        yield Swing(
            amplitude=float(np.ptp(measured)) / 2.0,
            decay=0.1,
            frequency=float(frequencies[k]),
            phase=float(np.angle(spectrum[k])),
            rest=rest,
        )


@attrs.frozen
class Fit:
    """The best parameters, and what it took to find them."""

    start: Swing
    swing: Swing
    error: float  # the root of the mean squared distance
    evaluations: int  # of the loss
    converged: bool


def fit(t: Floats, measured: Floats, *, gradient: bool = True) -> Fit:
    """The best fit from several starts, those that converged first; all evaluations counted."""
    fits = [descend(start, t, measured, gradient=gradient) for start in starts(t, measured)]
    best = min(fits, key=lambda each: (not each.converged, each.error))
    return attrs.evolve(best, evaluations=sum(each.evaluations for each in fits))


def descend(guess: Swing, t: Floats, measured: Floats, *, gradient: bool) -> Fit:
    """The fit that one guess leads to; SciPy estimates the gradient itself if not given one."""
    evaluate = tg.value_and_grad(loss)
    start, unravel = tg.tree.ravel(guess)

    def objective(vector: Floats) -> tuple[float, Floats]:
        value, grads = evaluate(unravel(vector), t, measured)  # grads is a Swing, too
        return float(value), tg.tree.ravel(grads)[0]

    def value(vector: Floats) -> float:
        return float(loss(unravel(vector), t, measured))

    # A step too far may overflow, which the optimiser takes back; what stays is caught here.
    with np.errstate(over="ignore", invalid="ignore"):
        result = minimize(objective if gradient else value, start, jac=gradient, method="L-BFGS-B")
    error = float(np.sqrt(result.fun))
    converged = bool(result.success) and np.isfinite(error)
    swing = unravel(result.x)
    if swing.frequency < 0.0:  # the same curve
        swing = attrs.evolve(swing, frequency=-swing.frequency, phase=-swing.phase)
    return Fit(guess, swing, error, int(result.nfev), bool(converged))


def credible(error: float, samples: int, noise: float) -> bool:
    """Whether noise alone explains a distance: four standard deviations, or rounding."""
    return error <= noise * (1.0 + 4.0 / math.sqrt(2.0 * samples)) + 0.01


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


def draw_picture(path: Path, best: Fit, t: Floats, measured: Floats) -> None:
    """The measurements, the first guess and the fitted curve."""
    from matplotlib.figure import Figure  # here: it takes a while, and --help should not

    times = np.linspace(t[0], t[-1], 600)
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    axes.plot(times, np.asarray(angle(best.start, times)), "--", color="0.6", label="first guess")
    axes.plot(times, np.asarray(angle(best.swing, times)), color="#1d5fa8", label="fit")
    axes.plot(t, measured, ".", color="#b5391d", label="measured")
    axes.set(title="A damped pendulum", xlabel="time (s)", ylabel="angle (degrees)")
    axes.legend()
    figure.savefig(path)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The options, checked."""
    parser = Parser("Fit the swing of a damped pendulum with SciPy and tapegrad's gradient.")
    add = parser.add_argument
    add("--samples", type=whole(40), default=120, help="how many measurements in 10 seconds")
    add("--noise", type=number(0, 5), default=0.4, help="their standard deviation, in degrees")
    add("--seed", type=whole(0), default=1337, help="of the noise")
    add("--plot", type=PICTURE, default="out/curve_fit.png", help="the picture to write")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, fit, print and draw; the exit status."""
    options = parse(argv)
    t, measured = measure(options.seed, options.samples, options.noise)
    best = fit(t, measured)
    problem = ""
    if not best.converged:
        problem = "the fit did not converge"
    elif not credible(best.error, options.samples, options.noise):
        problem = (
            f"the fit is a local minimum, {best.error:.4f} degrees from the measurements with "
            f"noise of {options.noise}"
        )
    if problem:
        print(f"curve_fit.py: error: {problem}: try more --samples", file=sys.stderr)
        return 1
    errors = standard_errors(best.swing, t, measured)
    print("parameter        guess     fitted   standard error      truth")
    for field in attrs.fields(Swing):
        guess, found, error, true = (
            getattr(swing, field.name) for swing in (best.start, best.swing, errors, TRUTH)
        )
        print(f"{field.name:10s} {guess:11.4f} {found:10.4f} {error:16.4f} {true:10.4f}")
    print(f"root mean squared distance {best.error:.4f} degrees, noise {options.noise} degrees")
    plain = fit(t, measured, gradient=False)
    print(
        f"from {STARTS} starts the model was evaluated {best.evaluations} times; "
        f"without the gradient, {plain.evaluations} times"
    )
    draw_picture(options.plot, best, t, measured)
    print(f"wrote {options.plot}")
    return 0


if __name__ == "__main__":
    run(main)
