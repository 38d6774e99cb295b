"""numpy.linalg's differentiable functions, typed. All but norm work on stacks of matrices.

Singular and indefinite matrices raise numpy.linalg.LinAlgError.
"""

from __future__ import annotations

from ..ops._linalg import (
    SlogdetResult as SlogdetResult,
    cholesky as cholesky,
    det as det,
    inv as inv,
    slogdet as slogdet,
    solve as solve,
)
from ..ops._products import matmul as matmul
from ._linalg import (
    diagonal as diagonal,
    norm as norm,
    outer as outer,
    tensordot as tensordot,
    trace as trace,
)
from ._shape import matrix_transpose as matrix_transpose
