"""det: a determinant by expansion in minors, and its gradient.

The expansion is carried out in full, l! products, but all minors of one size at once: a minor of
size k is the last k rows and some k columns. Equal minors are not shared, as they are not in the
recursion of the specification; sharing them would leave l 2^l products and another benchmark.

GradBench's largest default, l = 11, takes 10 s and 2.9 GiB.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import Array, Scalar

from ._tool import Function


def columns_of_minors(size: int) -> list[NDArray[np.intp]]:
    """The columns of each minor, largest minors first: entry i has shape (l!/(l-i)!, l-i).

    The minors of one minor, in the order of the column that each leaves out, stand together.
    """
    levels = [np.arange(size)[None]]
    for k in range(size, 1, -1):
        others = np.array([[j for j in range(k) if j != left_out] for left_out in range(k)])
        levels.append(levels[-1][:, others].reshape(-1, k - 1))
    return levels


def determinant(a: Array) -> Scalar:
    """a (l, l), expanded along the first row, and each minor along its own first row."""
    *levels, smallest = columns_of_minors(len(a))
    minors = a[-1][smallest[:, 0]]
    for row in range(len(levels) - 1, -1, -1):
        columns = levels[row]
        signs = (-1.0) ** np.arange(columns.shape[1])
        minors = tnp.sum(signs * a[row][columns] * minors.reshape(columns.shape), axis=1)
    return minors[0]


gradient = tg.grad(determinant)


def read(given: Any) -> NDArray[np.float64]:
    """The matrix, which comes row by row."""
    return np.array(given["A"], dtype=np.float64).reshape(given["ell"], given["ell"])


FUNCTIONS = {
    "primal": Function(determinant, read, float),
    "gradient": Function(gradient, read, lambda g: np.asarray(g).ravel().tolist()),
}
