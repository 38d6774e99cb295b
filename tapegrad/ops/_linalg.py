"""Linear algebra: solutions, determinants, factors. All work on stacks of matrices.

Derivatives of matrix functions: Giles, "An extended collection of matrix derivative results for
forward and reverse mode algorithmic differentiation", Oxford 2008, sections 2.2 and 2.3; Cholesky:
Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527 (2016), eq. 8 and 10.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._tape import Op, shape_of
from .._typing import Params, Value
from ._define import Batch, drawn
from ._products import einsum, matmul
from ._shape import fit, lead, matrix_transpose, reshape, unbroadcast

# solve, inv, determinants ------------------------------------------------------------------------


def _solve_batch(size: int, batched: Sequence[bool], args: Sequence[Value], p: Params) -> Value:
    a, b = args
    vector = len(shape_of(b)) - batched[1] == 1
    if vector:  # NumPy takes a right-hand side for a vector only if it has one axis
        b = reshape(b, shape=(*shape_of(b), 1))
    rank = max(len(shape_of(a)) - batched[0], len(shape_of(b)) - batched[1])
    a = lead(a, rank) if batched[0] else a
    b = lead(b, rank) if batched[1] else b
    x = solve(a, b)
    return reshape(x, shape=shape_of(x)[:-1]) if vector else x


def _columns(x: Value, b: Value) -> Value:
    # A solution for a vector b as a column: NumPy would take a stack of vectors for a matrix.
    return reshape(x, shape=(*shape_of(x), 1)) if len(shape_of(b)) == 1 else x


def _solved(a: Value, rhs: Value, b: Value) -> Value:
    """a^-1 rhs in the shape of rhs, which is that of the solution for b."""
    return reshape(solve(a, _columns(rhs, b)), shape=shape_of(rhs))


def _solve_left(g: Value, out: Value, a: Value, b: Value) -> Value:
    left = solve(_t(a), _columns(g, b))
    return fit(-matmul(left, _t(_columns(out, b))), a)


def _solve_tangent(t: Value, out: Value, a: Value, b: Value) -> Value:
    moved = matmul(t, _columns(out, b))
    return _solved(a, -reshape(moved, shape=shape_of(out)), b)


def _well(rng: np.random.Generator, *shape: int) -> Any:
    """A matrix far from singular."""
    n = shape[-1]
    return rng.normal(size=shape) + 3.0 * np.eye(n)


solve: Op = Op(
    name="solve",
    run=np.linalg.solve,
    jvp=(_solve_tangent, lambda t, out, a, b: solve(a, t)),
    vjp=(_solve_left, lambda g, out, a, b: fit(_solved(_t(a), g, b), b)),
    batch=_solve_batch,
    samples=(
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=3))),
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=(3, 2)))),
        drawn(lambda rng: (_well(rng, 4, 3, 3), rng.normal(size=(3, 2)))),
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=(4, 3, 2)))),
        drawn(lambda rng: (_well(rng, 4, 3, 3), rng.normal(size=3))),
        drawn(lambda rng: (_well(rng, 3, 3, 3), rng.normal(size=3))),
    ),
)

_SQUARE = (
    drawn(lambda rng: (_well(rng, 3, 3),)),
    drawn(lambda rng: (_well(rng, 2, 3, 3),)),
    drawn(lambda rng: (_well(rng, 1, 1),)),
)


def _same_batch(op_of: Any) -> Batch:
    return lambda size, batched, args, p: op_of()(args[0])


inv: Op = Op(
    name="inv",
    run=np.linalg.inv,
    jvp=(lambda t, out, a: -matmul(out, matmul(t, out)),),
    vjp=(lambda g, out, a: -matmul(_t(out), matmul(g, _t(out))),),
    batch=_same_batch(lambda: inv),
    samples=_SQUARE,
)
_t: Callable[[Value], Value] = matrix_transpose


def _cofactors(a: Any) -> Any:
    """d det / d a: for each entry the signed determinant of what its row and column leave.

    From the singular values, a = u s vh: det(u) det(vh) u diag(products of the other s) vh. Unlike
    det(a) inv(a)^T it exists for singular matrices too.
    """
    u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1.0, s[..., None, :]).prod(axis=-1)
    signs = np.linalg.det(u) * np.linalg.det(vh)
    return ((u * others[..., None, :]) @ vh * signs[..., None, None]).astype(a.dtype)


def _stacked(x: Value) -> Value:
    """Numbers, one for each matrix of a stack, in a shape that multiplies the matrices."""
    return reshape(x, shape=(*shape_of(x), 1, 1))


def _cofactor_rule(t: Value, out: Value, a: Value) -> Value:
    # With c = det(a) a^-T, in either direction: c * tr(a^-1 t) - det(a) (a^-1 t a^-1)^T
    inverse = inv(a)
    flow = matmul(inverse, t)
    scaled = _stacked(trace_of(flow)) * out
    return scaled - _stacked(det(a)) * _t(matmul(flow, inverse))


def trace_of(a: Value) -> Value:
    """The sum of the diagonal of each matrix of a stack."""
    lead_letters = string.ascii_letters[: len(shape_of(a)) - 2]
    return einsum(a, subscripts=f"{lead_letters}zz->{lead_letters}", optimize=False)


cofactors: Op = Op(
    name="cofactors",
    run=_cofactors,
    jvp=(_cofactor_rule,),
    vjp=(_cofactor_rule,),  # the Hessian of det is symmetric: the transpose is the same map
    batch=_same_batch(lambda: cofactors),
    samples=_SQUARE,
)


def _inner(x: Value, y: Value) -> Value:
    """The sum of x * y over the last two axes: one number for each matrix of a stack."""
    product = x * y
    shape = shape_of(product)
    return reshape(unbroadcast(product, shape=(*shape[:-2], 1, 1)), shape=shape[:-2])


det: Op = Op(
    name="det",
    run=np.linalg.det,
    jvp=(lambda t, out, a: _inner(t, cofactors(a)),),
    vjp=(lambda g, out, a: _stacked(g) * cofactors(a),),
    batch=_same_batch(lambda: det),
    samples=(*_SQUARE, drawn(lambda rng: (np.array([[1.0, 2.0], [2.0, 4.0]]),))),
)

logabsdet: Op = Op(
    name="logabsdet",
    run=lambda a: np.linalg.slogdet(a)[1],
    jvp=(lambda t, out, a: trace_of(matmul(inv(a), t)),),
    vjp=(lambda g, out, a: _stacked(g) * _t(inv(a)),),
    batch=_same_batch(lambda: logabsdet),
    samples=_SQUARE,
)

signdet: Op = Op(
    name="signdet",
    run=lambda a: np.linalg.slogdet(a)[0],
    jvp=(None,),
    vjp=(None,),
    batch=_same_batch(lambda: signdet),
    samples=_SQUARE,
)

# cholesky ----------------------------------------------------------------------------------------


def _lower_half(x: Value) -> Value:
    """The lower triangle, its diagonal halved."""
    n = shape_of(x)[-1]
    return x * (np.tril(np.ones((n, n))) - 0.5 * np.eye(n)).astype(x.dtype)


def _symmetric(x: Value) -> Value:
    return 0.5 * (x + _t(x))


def _cholesky_tangent(t: Value, out: Value, a: Value) -> Value:
    # dL = L Phi(L^-1 dA L^-T)
    left = solve(out, _symmetric(t))
    return matmul(out, _lower_half(_t(solve(out, _t(left)))))


def _cholesky_cotangent(g: Value, out: Value, a: Value) -> Value:
    # A' = sym(L^-T Phi(L^T L') L^-1)
    middle = _lower_half(matmul(_t(out), g))
    left = solve(_t(out), middle)
    return _symmetric(_t(solve(_t(out), _t(left))))


def _positive(rng: np.random.Generator, *shape: int) -> Any:
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + 2.0 * np.eye(shape[-1])


cholesky: Op = Op(
    name="cholesky",
    # The value is of the lower triangle, all that NumPy reads; the rules are of the symmetric part,
    # which for symmetric matrices is the same, and makes the gradient symmetric.
    run=np.linalg.cholesky,
    jvp=(_cholesky_tangent,),
    vjp=(_cholesky_cotangent,),
    batch=_same_batch(lambda: cholesky),
    samples=(
        drawn(lambda rng: (_positive(rng, 3, 3),)),
        drawn(lambda rng: (_positive(rng, 2, 3, 3),)),
    ),
)

OPS: tuple[Op, ...] = (
    solve,
    inv,
    cofactors,
    det,
    logabsdet,
    signdet,
    cholesky,
)
