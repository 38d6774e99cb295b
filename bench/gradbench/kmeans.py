"""kmeans: the cost of a clustering, and the Newton step that improves its centroids.

Each point counts its nearest centroid only, so the Hessian is diagonal: its product with a vector
of ones is that diagonal, and one forward pass over the gradient gives gradient and diagonal both.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from ._tool import Function

Real = NDArray[np.float64]


def cost(centroids: Array, points: Real) -> Scalar:
    """Sum over points (n, d) of the squared distance to the nearest of centroids (k, d).

    |p - c|^2 is expanded, so that the largest array is (n, k) and not (n, k, d).
    """
    lengths = tnp.sum(centroids**2, axis=1)
    nearest = tnp.min(lengths - 2.0 * (points @ centroids.T), axis=1)
    return tnp.sum(nearest) + np.sum(points**2)


def newton_step(centroids: Real, points: Real) -> Real:
    """The gradient divided by the Hessian, (k, d)."""
    gradient = tg.grad(cost)
    slopes, curvatures = tg.jvp(
        lambda c: gradient(c, points), (centroids,), (np.ones_like(centroids),)
    )
    return np.asarray(slopes / curvatures)


def read(given: Any) -> tuple[Real, Real]:
    """The centroids and the points."""
    return (
        np.array(given["centroids"], dtype=np.float64),
        np.array(given["points"], dtype=np.float64),
    )


FUNCTIONS = {
    "cost": Function(lambda given: cost(*given), read, float),
    "dir": Function(lambda given: newton_step(*given), read, lambda step: step.tolist()),
}
