"""NumPy's functions, typed: they take and return `tapegrad.Array`. ``numpy.exp(x)`` works on a
traced value, too: `TABLE`, read off the ops and functions themselves, says what answers for it.
"""

from __future__ import annotations

# The names of a family side by side; tests/test_ops.py sees to it that none is missing.
# fmt: off
from .._dispatch import Table as _Table
from .._words import absent_from as _absent_from
from ..ops import FAMILIES as _FAMILIES, table as _table
from ..ops._along import (
    argmax as argmax, argmin as argmin, argsort as argsort, cumsum as cumsum, sort as sort,
)
from ..ops._arithmetic import (
    add as add, conjugate as conjugate, divide as divide, multiply as multiply,
    negative as negative, positive as positive, power as power, reciprocal as reciprocal,
    square as square, subtract as subtract,
)
from ..ops._circular import (
    arccos as arccos, arccosh as arccosh, arcsin as arcsin, arcsinh as arcsinh, arctan as arctan,
    arctan2 as arctan2, arctanh as arctanh, cos as cos, cosh as cosh, hypot as hypot, sin as sin,
    sinh as sinh, tan as tan, tanh as tanh,
)
from ..ops._elementary import (
    cbrt as cbrt, exp as exp, exp2 as exp2, expm1 as expm1, log as log, log1p as log1p,
    log2 as log2, log10 as log10, logaddexp as logaddexp, sqrt as sqrt,
)
from ..ops._index import take_along_axis as take_along_axis
from ..ops._join import concatenate as concatenate, stack as stack
from ..ops._products import einsum as einsum, matmul as matmul
from ..ops._reduce import (
    all as all, any as any, max as max, mean as mean, min as min, prod as prod, sum as sum,
    var as var,
)
from ..ops._select import (
    absolute as absolute, ceil as ceil, equal as equal, floor as floor,
    floor_divide as floor_divide, greater as greater, greater_equal as greater_equal,
    isfinite as isfinite, isinf as isinf, isnan as isnan, less as less, less_equal as less_equal,
    logical_and as logical_and, logical_not as logical_not, logical_or as logical_or,
    maximum as maximum, minimum as minimum, not_equal as not_equal, remainder as remainder,
    rint as rint, round as round, sign as sign, trunc as trunc, where as where,
)
from ..ops._shape import (
    astype as astype, broadcast_to as broadcast_to, copy as copy, real as real, reshape as reshape,
    transpose as transpose,
)
from . import _fill, _linalg, _products, _reduce, _shape, linalg as linalg
from ._fill import (
    clip as clip, full_like as full_like, ones_like as ones_like, pad as pad, tril as tril,
    triu as triu, zeros_like as zeros_like,
)
from ._products import (
    dot as dot, inner as inner, outer as outer, tensordot as tensordot, trace as trace,
)
from ._reduce import std as std
from ._shape import (
    diag as diag, diagonal as diagonal, expand_dims as expand_dims, flip as flip,
    matrix_transpose as matrix_transpose, moveaxis as moveaxis, ndim as ndim, ravel as ravel,
    repeat as repeat, shape as shape, size as size, squeeze as squeeze, swapaxes as swapaxes,
    take as take, tile as tile,
)
# fmt: on

abs = absolute
TABLE: _Table = _table((*_FAMILIES, _reduce, _shape, _fill, _products, _linalg))

# What other libraries call what is here. Type checkers see no such function, and miss nothing.
globals()["__getattr__"] = _absent_from(__name__)
