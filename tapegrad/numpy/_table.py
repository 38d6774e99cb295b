"""Which function answers for which of NumPy's when an operand is traced."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .. import ops
from .._dispatch import Table
from .._tape import Array, Op, Operand
from . import _products, _reduce, _shape, linalg

# NumPy's elementwise functions are ufuncs: an op answers for each, itself.
_UFUNCS: tuple[tuple[Any, Op], ...] = (
    (np.add, ops.add),
    (np.subtract, ops.subtract),
    (np.multiply, ops.multiply),
    (np.divide, ops.divide),
    (np.power, ops.power),
    (np.remainder, ops.remainder),
    (np.floor_divide, ops.floor_divide),
    (np.negative, ops.negative),
    (np.absolute, ops.absolute),
    (np.sign, ops.sign),
    (np.square, ops.square),
    (np.reciprocal, ops.reciprocal),
    (np.sqrt, ops.sqrt),
    (np.cbrt, ops.cbrt),
    (np.exp, ops.exp),
    (np.exp2, ops.exp2),
    (np.expm1, ops.expm1),
    (np.log, ops.log),
    (np.log2, ops.log2),
    (np.log10, ops.log10),
    (np.log1p, ops.log1p),
    (np.sin, ops.sin),
    (np.cos, ops.cos),
    (np.tan, ops.tan),
    (np.arcsin, ops.arcsin),
    (np.arccos, ops.arccos),
    (np.arctan, ops.arctan),
    (np.arctan2, ops.arctan2),
    (np.sinh, ops.sinh),
    (np.cosh, ops.cosh),
    (np.tanh, ops.tanh),
    (np.arcsinh, ops.arcsinh),
    (np.arccosh, ops.arccosh),
    (np.arctanh, ops.arctanh),
    (np.hypot, ops.hypot),
    (np.logaddexp, ops.logaddexp),
    (np.maximum, ops.maximum),
    (np.minimum, ops.minimum),
    (np.floor, ops.floor),
    (np.ceil, ops.ceil),
    (np.trunc, ops.trunc),
    (np.rint, ops.rint),
    (np.equal, ops.equal),
    (np.not_equal, ops.not_equal),
    (np.less, ops.less),
    (np.less_equal, ops.less_equal),
    (np.greater, ops.greater),
    (np.greater_equal, ops.greater_equal),
    (np.logical_and, ops.logical_and),
    (np.logical_or, ops.logical_or),
    (np.logical_not, ops.logical_not),
    (np.isnan, ops.isnan),
    (np.isinf, ops.isinf),
    (np.isfinite, ops.isfinite),
    (np.matmul, ops.matmul),
    (np.conjugate, ops.identity),
    (np.positive, ops.identity),
)


def _clip(
    a: Operand,
    a_min: Operand | None = None,
    a_max: Operand | None = None,
    *,
    min: Operand | None = None,
    max: Operand | None = None,
) -> Array:
    """numpy.clip has two names for each bound."""
    return _shape.clip(a, a_min if min is None else min, a_max if max is None else max)


def _round(x: Operand, decimals: int = 0) -> Any:
    """numpy.round: no gradient."""
    scale = 10.0**decimals
    return ops.rint(ops.multiply(x, scale)) / scale if decimals else ops.rint(x)


TABLE: Table = {
    **dict(_UFUNCS),
    operator.getitem: _shape.getitem,
    np.clip: _clip,
    np.round: _round,
    np.real: ops.identity,
    np.copy: ops.identity,
    np.sum: _reduce.sum,
    np.mean: _reduce.mean,
    np.prod: _reduce.prod,
    np.max: _reduce.max,
    np.amax: _reduce.max,
    np.amin: _reduce.min,
    np.around: _round,
    np.min: _reduce.min,
    np.var: _reduce.var,
    np.std: _reduce.std,
    np.cumsum: _reduce.cumsum,
    np.sort: _reduce.sort,
    np.argsort: _reduce.argsort,
    np.argmax: _reduce.argmax,
    np.argmin: _reduce.argmin,
    np.all: _reduce.all,
    np.any: _reduce.any,
    np.shape: _shape.shape,
    np.ndim: _shape.ndim,
    np.size: _shape.size,
    np.reshape: _shape.reshape,
    np.ravel: _shape.ravel,
    np.transpose: _shape.transpose,
    np.moveaxis: _shape.moveaxis,
    np.swapaxes: _shape.swapaxes,
    np.matrix_transpose: _shape.matrix_transpose,
    np.expand_dims: _shape.expand_dims,
    np.squeeze: _shape.squeeze,
    np.broadcast_to: _shape.broadcast_to,
    np.concatenate: _shape.concatenate,
    np.stack: _shape.stack,
    np.tile: _shape.tile,
    np.repeat: _shape.repeat,
    np.flip: _shape.flip,
    np.pad: _shape.pad,
    np.take: _shape.take,
    np.take_along_axis: _shape.take_along_axis,
    np.astype: _shape.astype,
    np.diagonal: _shape.diagonal,
    np.diag: _shape.diag,
    np.tril: _shape.tril,
    np.triu: _shape.triu,
    np.where: _shape.where,
    np.zeros_like: _shape.zeros_like,
    np.ones_like: _shape.ones_like,
    np.full_like: _shape.full_like,
    np.dot: _products.dot,
    np.inner: _products.inner,
    np.outer: _products.outer,
    np.tensordot: _products.tensordot,
    np.trace: _products.trace,
    np.einsum: _products.einsum,
    np.linalg.norm: linalg.norm,
    np.linalg.solve: linalg.solve,
    np.linalg.inv: linalg.inv,
    np.linalg.det: linalg.det,
    np.linalg.slogdet: linalg.slogdet,
    np.linalg.cholesky: linalg.cholesky,
    np.linalg.trace: linalg.trace,
    np.linalg.diagonal: linalg.diagonal,
    np.linalg.outer: linalg.outer,
    np.linalg.matmul: linalg.matmul,
    np.linalg.tensordot: linalg.tensordot,
    np.linalg.matrix_transpose: linalg.matrix_transpose,
}
