"""Every primitive operation, each defined in exactly one place; `ALL` lists them."""

from __future__ import annotations

from .._tape import Op
from . import _arithmetic, _elementary, _index, _join, _linalg, _products, _reduce, _select, _shape
from ._arithmetic import (
    add as add,
    divide as divide,
    multiply as multiply,
    negative as negative,
    power as power,
    reciprocal as reciprocal,
    square as square,
    subtract as subtract,
)
from ._elementary import (
    arccos as arccos,
    arccosh as arccosh,
    arcsin as arcsin,
    arcsinh as arcsinh,
    arctan as arctan,
    arctan2 as arctan2,
    arctanh as arctanh,
    cbrt as cbrt,
    cos as cos,
    cosh as cosh,
    erf as erf,
    exp as exp,
    exp2 as exp2,
    expm1 as expm1,
    hypot as hypot,
    log as log,
    log1p as log1p,
    log2 as log2,
    log10 as log10,
    logaddexp as logaddexp,
    relu as relu,
    sigmoid as sigmoid,
    sin as sin,
    sinh as sinh,
    softplus as softplus,
    sqrt as sqrt,
    tan as tan,
    tanh as tanh,
)
from ._elementwise import first as first, one as one, second as second
from ._index import (
    ARRAY as ARRAY,
    add_along_axis as add_along_axis,
    flip as flip,
    getitem as getitem,
    index_set as index_set,
    last_writers as last_writers,
    normalise as normalise,
    scatter_add as scatter_add,
    take_along_axis as take_along_axis,
)
from ._join import (
    concatenate as concatenate,
    pad as pad,
    stack as stack,
)
from ._linalg import (
    cholesky as cholesky,
    cofactors as cofactors,
    det as det,
    inv as inv,
    logabsdet as logabsdet,
    signdet as signdet,
    solve as solve,
    trace_of as trace_of,
)
from ._products import einsum as einsum, matmul as matmul
from ._reduce import (
    all_ as all_,
    amax as amax,
    amin as amin,
    any_ as any_,
    argmax as argmax,
    argmin as argmin,
    argsort as argsort,
    cumsum as cumsum,
    logsumexp as logsumexp,
    mean as mean,
    prod as prod,
    softmax as softmax,
    sort as sort,
    sum_ as sum_,
)
from ._select import (
    absolute as absolute,
    ceil as ceil,
    equal as equal,
    floor as floor,
    floor_divide as floor_divide,
    greater as greater,
    greater_equal as greater_equal,
    isfinite as isfinite,
    isinf as isinf,
    isnan as isnan,
    less as less,
    less_equal as less_equal,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    maximum as maximum,
    minimum as minimum,
    not_equal as not_equal,
    remainder as remainder,
    rint as rint,
    sign as sign,
    trunc as trunc,
    where as where,
)
from ._shape import (
    astype as astype,
    broadcast_to as broadcast_to,
    identity as identity,
    matrix_transpose as matrix_transpose,
    moveaxis as moveaxis,
    reshape as reshape,
    stop_gradient as stop_gradient,
    transpose as transpose,
    truncate as truncate,
    unbroadcast as unbroadcast,
)

ALL: tuple[Op, ...] = (
    *_shape.OPS,
    *_select.OPS,
    *_arithmetic.OPS,
    *_elementary.OPS,
    *_index.OPS,
    *_join.OPS,
    *_reduce.OPS,
    *_products.OPS,
    *_linalg.OPS,
)
