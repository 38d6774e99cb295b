"""numpy.linalg's differentiable functions, typed. All but norm work on stacks of matrices.

Singular and indefinite matrices raise numpy.linalg.LinAlgError.
"""

from __future__ import annotations

from ._linalg import (
    SlogdetResult as SlogdetResult,
    cholesky as cholesky,
    det as det,
    diagonal as diagonal,
    inv as inv,
    norm as norm,
    slogdet as slogdet,
    solve as solve,
    trace as trace,
)
from ._products import matmul as matmul, outer as outer, tensordot as tensordot
from ._shape import matrix_transpose as matrix_transpose
