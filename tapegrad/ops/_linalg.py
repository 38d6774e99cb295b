"""Linear algebra: solutions, determinants, factors. All work on stacks of matrices.

Singular and indefinite matrices raise numpy.linalg.LinAlgError.

Derivatives of matrix functions: Giles, "An extended collection of matrix derivative results for
forward and reverse mode algorithmic differentiation", Oxford 2008, sections 2.2 and 2.3; Cholesky:
Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527 (2016), eq. 8 and 10.
"""

from __future__ import annotations

import builtins
import functools
import itertools
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._tape import AnyOp, Array, Operand
from .._typing import Args, Flags, Params, Value
from .._values import array, shape_of
from ._bundle import Bundle, part
from ._define import Variadic, drawn, on_stacks, primitive
from ._elementwise import aligned
from ._products import einsum, matmul
from ._shape import fit, lead, reshape, transposed as _t, unbroadcast


# solve, inv, determinants ------------------------------------------------------------------------
def _solve_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    a, b = args
    vector = len(shape_of(b)) - batched[1] == 1
    if vector:  # NumPy takes a right-hand side for a vector only if it has one axis
        b = reshape.bind(b, shape=(*shape_of(b), 1))
    rank = max(len(shape_of(a)) - batched[0], len(shape_of(b)) - batched[1])
    a = lead(a, rank) if batched[0] else a
    b = lead(b, rank) if batched[1] else b
    x = op.bind(a, b)
    return reshape.bind(x, shape=shape_of(x)[:-1]) if vector else x


def _columns(x: Value, b: Value) -> Value:
    # A solution for a vector b as a column: NumPy would take a stack of vectors for a matrix.
    return reshape.bind(x, shape=(*shape_of(x), 1)) if len(shape_of(b)) == 1 else x


def _solved(a: Value, rhs: Value, b: Value) -> Value:
    """a^-1 rhs in the shape of rhs, which is that of the solution for b."""
    return reshape.bind(solve.bind(a, _columns(rhs, b)), shape=shape_of(rhs))


def _solve_left(g: Value, out: Value, a: Value, b: Value) -> Value:
    left = solve.bind(_t(a), _columns(g, b))
    return fit(-matmul.bind(left, _t(_columns(out, b))), a)


def _solve_tangent(t: Value, out: Value, a: Value, b: Value) -> Value:
    moved = matmul.bind(t, _columns(out, b))
    return _solved(a, -reshape.bind(moved, shape=shape_of(out)), b)


def _well(rng: np.random.Generator, *shape: int) -> Any:
    """A matrix far from singular."""
    n = shape[-1]
    return rng.normal(size=shape) + 3.0 * np.eye(n)


@primitive(
    np.linalg.solve,
    run=np.linalg.solve,
    vjp=(_solve_left, lambda g, out, a, b: fit(_solved(_t(a), g, b), b)),
    jvp=(_solve_tangent, lambda t, out, a, b: solve.bind(a, t)),
    batch=_solve_batch,
    samples=(
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=3))),
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=(3, 2)))),
        drawn(lambda rng: (_well(rng, 4, 3, 3), rng.normal(size=(3, 2)))),
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=(4, 3, 2)))),
        drawn(lambda rng: (_well(rng, 4, 3, 3), rng.normal(size=3))),
        drawn(lambda rng: (_well(rng, 3, 3, 3), rng.normal(size=3))),
    ),
    parametric=True,
)
def solve(a: Operand, b: Operand) -> Array:
    """The x of a @ x = b, shape of b; a: (..., n, n), b: (n,) or (..., n, k).

    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([2.0, 2.0]))
    array([1. , 0.5])
    """
    return solve.bind(array(a), array(b))


_SQUARE = (
    drawn(lambda rng: (_well(rng, 3, 3),)),
    drawn(lambda rng: (_well(rng, 2, 3, 3),)),
    drawn(lambda rng: (_well(rng, 1, 1),)),
)


@primitive(
    np.linalg.inv,
    run=np.linalg.inv,
    vjp=(lambda g, out, a: -matmul.bind(_t(out), matmul.bind(g, _t(out))),),
    jvp=(lambda t, out, a: -matmul.bind(out, matmul.bind(t, out)),),
    batch=on_stacks,
    samples=_SQUARE,
    parametric=True,
)
def inv(a: Operand) -> Array:
    """The inverse of a, (..., n, n).

    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return inv.bind(array(a))


def _others(s: Any, count: int) -> Any:
    """For each choice of ``count`` of the numbers along the last axis the product of all others, in
    as many axes; 0 where one is chosen twice.
    """
    n = s.shape[-1]
    fraction, exponent = np.frexp(s)  # apart, so that nothing on the way overflows or vanishes
    left = fraction
    for _ in range(count - 1):
        left = np.where(np.eye(n, dtype=bool), 1.0, left[..., None, :])
    one = np.ones_like(left[..., :1])
    before = np.cumprod(np.concatenate([one, left[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, left[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    chosen = np.ogrid[(slice(n),) * count]
    apart = functools.reduce(
        np.logical_and, (i != j for i, j in itertools.combinations(chosen, 2)), np.True_
    )
    rest = exponent.sum(axis=-1)[(..., *(None,) * count)]
    rest = rest - builtins.sum(exponent[..., i] for i in chosen)
    return np.where(apart, np.ldexp(before * after, np.where(apart, rest, 0)), 0)


def _cofactors(a: Any, *directions: Any) -> Any:
    """The cofactors' derivative along these directions, of the order of their number.

    From the singular values, a = u s vh, and for each direction d its u^T d vh^T: the determinant
    of s plus multiples of those has as its coefficients the minors of those times the products of
    the s in other rows. Unlike det(a) inv(a)^T it exists for singular matrices too, and keeps its
    digits near them.
    """
    order, n = len(directions) + 1, a.shape[-1]
    if order > n or n == 0:
        return np.zeros(np.broadcast_shapes(*(x.shape for x in (a, *directions))), a.dtype)
    known = np.isfinite(a).all(axis=(-2, -1), keepdims=True)
    if not known.all():  # there are no singular values
        found = _cofactors(np.where(known, a, np.eye(n)), *directions)
        return np.where(known, found, a.dtype.type(np.nan))
    u, s, vh = np.linalg.svd(a)
    signs = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    if not directions:
        return ((u * _others(s, 1)[..., None, :]) @ vh * signs).astype(a.dtype)
    turned = [_t(u) @ d @ _t(vh) for d in directions]
    others = _others(s, order)
    rows = string.ascii_letters[:order]
    found = 0.0
    for columns in itertools.permutations(rows):
        pairs = ["..." + i + j for i, j in zip(rows, columns)]
        given, last = pairs[:-1], pairs[-1]
        diagonal = rows[-1] == columns[-1]
        equation = ",".join(["..." + rows, *given]) + "->" + (last[:-1] if diagonal else last)
        part = np.einsum(equation, others, *turned)
        found = found + _sign(columns) * (part[..., None] * np.eye(n) if diagonal else part)
    return (u @ found @ vh * signs).astype(a.dtype)


def _sign(order: Sequence[Any]) -> int:
    """Of a permutation: -1 where the pairs in the wrong order are odd in number."""
    wrong = [i > j for i, j in itertools.combinations(order, 2)]
    return -1 if wrong.count(True) % 2 else 1


def _stacked(x: Value) -> Value:
    """Numbers, one for each matrix of a stack, in a shape that multiplies the matrices."""
    return reshape.bind(x, shape=(*shape_of(x), 1, 1))


def trace(x: Value) -> Value:
    """The sum of the diagonal of each matrix of a stack."""
    stack = string.ascii_letters[: len(shape_of(x)) - 2]
    return einsum.bind(x, subscripts=f"{stack}zz->{stack}", optimize=False)


# The derivative of cofactors, the form x -> <g, D cofactors x>, is symmetric in all its directions,
# g among them: cotangents and tangents go the same way.
_BY_COFACTORS = Variadic(
    lambda t, out, a, *directions: cofactors.bind(a, *directions, t),
    rest=lambda i, t, out, a, *directions: cofactors.bind(
        a, *(t if k == i else d for k, d in enumerate(directions, 1))
    ),
)


@primitive(
    run=_cofactors,
    vjp=_BY_COFACTORS,
    jvp=_BY_COFACTORS,
    batch=aligned,
    samples=(
        *_SQUARE,
        drawn(lambda rng: (_well(rng, 3, 3), rng.normal(size=(3, 3)))),
        drawn(lambda rng: (np.outer([1.0, 2.0, 3.0], [1.0, 0.0, -1.0]), rng.normal(size=(3, 3)))),
        drawn(lambda rng: tuple(rng.normal(size=(3, 2, 3, 3)))),
    ),
)
def cofactors(a: Operand, /, *directions: Operand) -> Array:
    """For each entry of each matrix the signed determinant of what its row and column leave; with
    directions, the derivative of that along each of them, of the order of their number.
    """


def _inner(x: Value, y: Value) -> Value:
    """The sum of x * y over the last two axes: one number for each matrix of a stack."""
    product = x * y
    shape = shape_of(product)
    return reshape.bind(unbroadcast.bind(product, shape=(*shape[:-2], 1, 1)), shape=shape[:-2])


@primitive(
    np.linalg.det,
    run=np.linalg.det,
    vjp=(lambda g, out, a: _stacked(g) * cofactors.bind(a),),
    jvp=(lambda t, out, a: _inner(t, cofactors.bind(a)),),
    batch=on_stacks,
    samples=(*_SQUARE, drawn(lambda rng: (np.array([[1.0, 2.0], [2.0, 4.0]]),))),
    parametric=True,
)
def det(a: Operand) -> Array:
    """The determinant of a, (..., n, n); it has derivatives of every order for singular a too.

    >>> float(det(np.array([[0.0, 1.0], [1.0, 0.0]])))
    -1.0
    """
    return det.bind(array(a))


class SlogdetResult(NamedTuple):
    """What slogdet returns: det = sign * exp(logabsdet)."""

    sign: Array
    logabsdet: Array


def _slogdet_cotangent(g: Bundle, out: Value, a: Value) -> Value | None:
    by_log = g.parts[1]
    return None if by_log is None else _stacked(by_log) * _t(inv.bind(a))


@primitive(
    np.linalg.slogdet,
    run=lambda a: Bundle(tuple(np.linalg.slogdet(a))),
    vjp=(_slogdet_cotangent,),
    jvp=(lambda t, out, a: Bundle((None, trace(matmul.bind(inv.bind(a), t)))),),
    batch=on_stacks,
    samples=_SQUARE,
    parametric=True,
)
def slogdet(a: Operand) -> SlogdetResult:
    """The determinant's sign, a constant, and the logarithm of its absolute value.

    >>> sign, logabsdet = slogdet(np.eye(2))
    >>> float(sign), float(logabsdet)
    (1.0, 0.0)
    """
    both = slogdet.bind(array(a))
    return SlogdetResult(part.bind(both, index=0), part.bind(both, index=1))


# cholesky ----------------------------------------------------------------------------------------
def _lower_half(x: Value) -> Value:
    """The lower triangle, its diagonal halved."""
    n = shape_of(x)[-1]
    return x * (np.tril(np.ones((n, n))) - 0.5 * np.eye(n)).astype(x.dtype)


def _symmetric(x: Value) -> Value:
    return 0.5 * (x + _t(x))


def _cholesky_tangent(t: Value, out: Value, a: Value) -> Value:
    # dL = L Phi(L^-1 dA L^-T)
    left = solve.bind(out, _symmetric(t))
    return matmul.bind(out, _lower_half(_t(solve.bind(out, _t(left)))))


def _cholesky_cotangent(g: Value, out: Value, a: Value) -> Value:
    # A' = sym(L^-T Phi(L^T L') L^-1)
    middle = _lower_half(matmul.bind(_t(out), g))
    left = solve.bind(_t(out), middle)
    return _symmetric(_t(solve.bind(_t(out), _t(left))))


def _positive(rng: np.random.Generator, *shape: int) -> Any:
    a = rng.normal(size=shape)
    return a @ np.swapaxes(a, -1, -2) + 2.0 * np.eye(shape[-1])


# The value is of the lower triangle, all that NumPy reads; the rules are of the symmetric part,
# which for symmetric matrices is the same, and makes the gradient symmetric.
@primitive(
    np.linalg.cholesky,
    run=np.linalg.cholesky,
    vjp=(_cholesky_cotangent,),
    jvp=(_cholesky_tangent,),
    batch=on_stacks,
    samples=(
        drawn(lambda rng: (_positive(rng, 3, 3),)),
        drawn(lambda rng: (_positive(rng, 2, 3, 3),)),
    ),
    parametric=True,
)
def cholesky(a: Operand, /, *, upper: bool = False) -> Array:
    """The lower triangular L with L @ L.T = a, for symmetric positive definite a, (..., n, n).

    As in NumPy, only the lower triangle of a is read. The gradient is symmetric, that of the
    symmetric part: what is above the diagonal gets half of it, though the value does not see it.
    upper: L.T, of what the upper triangle of a says.

    >>> cholesky(np.array([[4.0, 0.0], [0.0, 9.0]]))
    array([[2., 0.],
           [0., 3.]])
    """
    x = array(a)
    flipped = upper and len(shape_of(x)) > 1  # what is no matrix is NumPy's to refuse
    return _t(cholesky.bind(_t(x))) if flipped else cholesky.bind(x)
