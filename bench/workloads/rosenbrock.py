"""The gradient of Rosenbrock's function as an optimiser calls it, and a whole optimisation.

f(x) = sum of 100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2. The gradient cases time one call of a
function from a NumPy vector to (float, NumPy vector), which is what SciPy's optimisers want. The
`minimize` cases time scipy.optimize.minimize, method L-BFGS-B, from x = 0 to its end.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from .. import _peers
from .._harness import Case, Job, Peer, Workload, job

Real = NDArray[np.float64]
ValueAndGradient = Callable[[Real], tuple[Any, Any]]

DIFFERENCES = "finite differences"
_NOT_EXACT = "not exact to 1e-9: see minimize"
_OPTIONS = {"maxiter": 10_000, "maxfun": 10_000_000}


@attrs.frozen(eq=False)
class Problem:
    """The point, and whether to minimise from there or only to take the gradient."""

    x: Real
    minimise: bool


def gradient_at(n: int) -> Problem:
    """A point away from the minimum, with no two coordinates alike."""
    return Problem(np.linspace(-1.0, 1.5, n), minimise=False)


def minimise_from(n: int) -> Problem:
    """The start of an optimisation."""
    return Problem(np.zeros(n), minimise=True)


def rosenbrock(np_like: Any, x: Any) -> Any:
    """The function for the libraries that speak NumPy."""
    return np_like.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def _job(given: Problem, value_and_gradient: ValueAndGradient) -> Job:
    """One call of the function, or the whole optimisation with it."""
    if not given.minimise:
        return job(lambda: value_and_gradient(given.x), lambda done: done)
    return _minimise(given, value_and_gradient, jac=True)


def _minimise(given: Problem, function: Callable[[Real], Any], jac: bool) -> Job:
    """The optimum found: its value, and the point in the gradient's place."""
    minimize = _peers.library("scipy.optimize").minimize

    def run() -> Any:
        return minimize(function, given.x, jac=jac, method="L-BFGS-B", options=_OPTIONS)

    return job(run, lambda done: (done.fun, done.x), remark=lambda done: f"{done.nfev} evaluations")


def tapegrad(given: Problem) -> Job:
    """The natural way."""

    def f(x: Array) -> Scalar:
        return tnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return _job(given, tg.value_and_grad(f))


def by_hand(given: Problem) -> Job:
    """NumPy with the derivative worked out on paper."""

    def value_and_gradient(x: Real) -> tuple[float, Real]:
        bend, slope = x[1:] - x[:-1] ** 2, 1.0 - x[:-1]
        gradient = np.zeros_like(x)
        gradient[1:] = 200.0 * bend
        gradient[:-1] -= 400.0 * x[:-1] * bend + 2.0 * slope
        return float(100.0 * (bend @ bend) + slope @ slope), gradient

    return _job(given, value_and_gradient)


def autograd(given: Problem) -> Job:
    """HIPS autograd."""
    library, anp = _peers.library("autograd"), _peers.library("autograd.numpy")
    return _job(given, library.value_and_grad(partial(rosenbrock, anp)))


def mygrad(given: Problem) -> Job:
    """MyGrad."""
    mg = _peers.mygrad()

    def value_and_gradient(x: Real) -> tuple[float, Real]:
        variable = mg.tensor(x)
        value = rosenbrock(mg, variable)
        value.backward()
        return value.item(), variable.grad

    return _job(given, value_and_gradient)


def torch_eager(given: Problem) -> Job:
    """PyTorch, eager, on NumPy's memory, not a copy."""
    torch = _peers.torch()

    def value_and_gradient(x: Real) -> tuple[float, Real]:
        variable = torch.from_numpy(x).requires_grad_()
        value = rosenbrock(torch, variable)
        (gradient,) = torch.autograd.grad(value, variable)
        return value.item(), gradient.numpy()

    return _job(given, value_and_gradient)


def jax_jit(given: Problem) -> Job:
    """JAX under jit, its results turned into NumPy as SciPy needs them."""
    jax, jnp = _peers.jax(), _peers.library("jax.numpy")
    compiled = jax.jit(jax.value_and_grad(partial(rosenbrock, jnp)))

    def value_and_gradient(x: Real) -> tuple[float, Real]:
        value, gradient = compiled(x)
        return float(value), np.asarray(gradient)

    return _job(given, value_and_gradient)


def differences(given: Problem) -> Job:
    """No gradient at all: SciPy's own finite differences."""
    return _minimise(given, partial(rosenbrock, np), jac=False)


def _cases() -> tuple[Case, ...]:
    gradients = tuple(
        Case(f"gradient, n = {n}", partial(gradient_at, n), without={DIFFERENCES: _NOT_EXACT})
        for n in (2, 10, 100)
    )
    # An optimum is only as exact as the optimiser's stopping rule, so it is compared to 1e-3.
    whole = tuple(
        Case(f"minimize, n = {n}", partial(minimise_from, n), tolerance=1e-3) for n in (2, 10, 100)
    )
    return gradients + whole


WORKLOAD = Workload(
    name="rosenbrock",
    title="gradient of the n-dimensional Rosenbrock function, and a whole L-BFGS-B run",
    cases=_cases(),
    peers=(
        Peer("tapegrad", tapegrad),
        Peer("NumPy by hand", by_hand),
        Peer("autograd", autograd),
        Peer("MyGrad", mygrad),
        Peer("PyTorch eager", torch_eager, native=True),
        Peer("JAX jit", jax_jit, native=True),
        Peer(DIFFERENCES, differences),
    ),
)
