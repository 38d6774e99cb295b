"""numpy.linalg's differentiable functions, typed. All but norm work on stacks of matrices.

Singular and indefinite matrices raise numpy.linalg.LinAlgError.
"""

from __future__ import annotations

from .._words import absent_from as _absent_from
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

# What other libraries call what is here. Type checkers see no such function, and miss nothing.
globals()["__getattr__"] = _absent_from(__name__)
