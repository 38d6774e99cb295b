"""gmm: the log posterior of a Gaussian mixture with a Wishart prior, and its gradient."""

import math
from typing import Any, NamedTuple

import attrs
import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar
from tapegrad.special import logsumexp

from ._tool import Function

Real = NDArray[np.float64]


class Mixture(NamedTuple):
    """K components in D dimensions.

    alpha (K,):          unnormalised log weights
    mu (K, D):           means
    q (K, D):            logarithms of the diagonals of Q
    l (K, D (D-1) / 2):  the entries of Q below the diagonal, column by column

    The precision matrix of a component is Q'Q.
    """

    alpha: Array
    mu: Array
    q: Array
    l: Array  # noqa: E741  (the specification's name)


@attrs.frozen(eq=False)
class Data:
    """x (N, D); the Wishart prior's additional degrees of freedom m, and precision gamma."""

    x: Real
    m: int
    gamma: float


def factors(q: Array, l: Array) -> Array:  # noqa: E741
    """The matrices Q, (K, D, D), lower triangular."""
    k, d = q.shape
    columns, rows = np.triu_indices(d, 1)
    below = tg.at(np.zeros((k, d, d)))[:, rows, columns].set(l)
    return tg.at(below)[:, np.arange(d), np.arange(d)].set(tnp.exp(q))


def log_multigamma(a: float, d: int) -> float:
    """The logarithm of the multivariate gamma function."""
    return d * (d - 1) / 4 * math.log(math.pi) + sum(math.lgamma(a - j / 2) for j in range(d))


def log_posterior(mixture: Mixture, data: Data) -> Scalar:
    """log p(x | mixture) + log p(mixture)."""
    alpha, mu, q, l = mixture  # noqa: E741
    (n, d), k = data.x.shape, len(alpha)
    chol = factors(q, l)
    log_det = tnp.sum(q, axis=1)

    whitened: Array = (data.x - mu[:, None]) @ tnp.swapaxes(chol, 1, 2)  # (K, N, D)
    beta = (alpha + log_det)[:, None] - 0.5 * tnp.sum(whitened**2, axis=2)
    likelihood = tnp.sum(logsumexp(beta, axis=0)) - n * (
        d / 2 * math.log(2 * math.pi) + logsumexp(alpha)
    )
    freedom = d + data.m + 1
    constant = freedom * d * math.log(data.gamma / math.sqrt(2)) - log_multigamma(freedom / 2, d)
    prior = k * constant - data.gamma**2 / 2 * tnp.sum(chol**2) + data.m * tnp.sum(log_det)
    posterior: Scalar = likelihood + prior
    return posterior


gradient = tg.grad(log_posterior)


def read(given: Any) -> tuple[Mixture, Data]:
    """The mixture's parameters and the data."""
    k, d = given["k"], given["d"]
    shapes = {"alpha": (k,), "mu": (k, d), "q": (k, d), "l": (k, d * (d - 1) // 2)}
    arrays = [np.array(given[name], dtype=np.float64).reshape(s) for name, s in shapes.items()]
    x = np.array(given["x"], dtype=np.float64).reshape(given["n"], d)
    return Mixture(*arrays), Data(x, given["m"], given["gamma"])


def write(slopes: Mixture) -> dict[str, Any]:
    """The gradient under the names of the parameters."""
    return {name: np.asarray(slope).tolist() for name, slope in slopes._asdict().items()}


FUNCTIONS = {
    "objective": Function(lambda given: log_posterior(*given), read, float),
    "jacobian": Function(lambda given: gradient(*given), read, write),
}
