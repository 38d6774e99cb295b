"""Products that sum: matmul and einsum.

Shapes that do not fit raise ShapeError where an operand is traced, NumPy's ValueError otherwise.
"""

from __future__ import annotations

import operator
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._dispatch import refusal
from .._errors import at_line, describe
from .._tape import AnyOp, Array, Operand
from .._typing import Args, Flags, Params, Value
from .._values import array, shape_of
from ._define import Variadic, normal, primitive
from ._shape import broadcast_to, fit, lead, reshape, transposed


# matmul ------------------------------------------------------------------------------------------
def _as_matrices(x: Value, y: Value, g: Value) -> tuple[Value, Value, Value]:
    """The operands and the cotangent of x @ y with a vector made a matrix: a row, a column."""
    a, b, c = shape_of(x), shape_of(y), shape_of(g)
    if len(b) == 1:
        y = reshape.bind(y, shape=(*b, 1))
        g = reshape.bind(g, shape=(*c, 1))
    elif len(a) == 1:
        x = reshape.bind(x, shape=(1, *a))
        g = reshape.bind(g, shape=(*c[:-1], 1, c[-1]))
    return x, y, g


def _outer(x: Value, y: Value) -> Value:
    """The product of a column and a row."""
    return x[:, None] * y


# Without the detour over matrices where there are no stacks, for recurrences of vectors
# (bench/NOTES.md).


def _matmul_left(g: Value, out: Value, x: Value, y: Value) -> Value:
    ranks = len(shape_of(x)), len(shape_of(y))
    if ranks == (2, 2):
        return fit(matmul.bind(g, transposed(y)), x)
    if ranks == (1, 2):
        return fit(matmul.bind(y, g), x)
    if ranks == (2, 1):
        return fit(_outer(g, y), x)
    if ranks == (1, 1):
        return fit(g * y, x)
    _, columns, g = _as_matrices(x, y, g)
    return fit(_flat(matmul.bind(g, transposed(columns)), x), x)


def _matmul_right(g: Value, out: Value, x: Value, y: Value) -> Value:
    ranks = len(shape_of(x)), len(shape_of(y))
    if ranks == (2, 2):
        return fit(matmul.bind(transposed(x), g), y)
    if ranks == (1, 2):
        return fit(_outer(x, g), y)
    if ranks == (2, 1):
        return fit(matmul.bind(g, x), y)
    if ranks == (1, 1):
        return fit(g * x, y)
    rows, _, g = _as_matrices(x, y, g)
    return fit(_flat(matmul.bind(transposed(rows), g), y), y)


def _flat(matrices: Value, vector: Value) -> Value:
    """A cotangent of a vector that was made a row or a column, as a (stack of) vector(s)."""
    if len(shape_of(vector)) != 1:
        return matrices
    *stack, rows, columns = shape_of(matrices)
    return reshape.bind(matrices, shape=(*stack, rows * columns))


def _matmul_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    x, y = args
    a, b = (len(shape_of(arg)) - has for arg, has in zip(args, batched))
    if not a or not b:
        raise ValueError("an example does not have enough dimensions")
    if batched[0] and not batched[1] and a <= 2 and b == 2:
        return op.bind(x, y)  # (batch, [n,] m) @ (m, k)
    if batched[0] and not batched[1] and (a, b) == (1, 1):
        return op.bind(x, y)
    if a == 1:
        x = reshape.bind(x, shape=(*shape_of(x)[:-1], 1, shape_of(x)[-1]))
    if b == 1:
        y = reshape.bind(y, shape=(*shape_of(y), 1))
    rank = max(a, b, 2)
    out = op.bind(
        lead(x, rank) if batched[0] else x,
        lead(y, rank) if batched[1] else y,
    )
    shape = shape_of(out)
    if b == 1:
        shape = shape[:-1]
    if a == 1:
        shape = shape[:-1] if b == 1 else (*shape[:-2], shape[-1])
    return reshape.bind(out, shape=shape) if shape != shape_of(out) else out


@primitive(
    np.matmul,
    np.linalg.matmul,
    run=np.matmul,
    vjp=(_matmul_left, _matmul_right),
    batch=_matmul_batch,
    symbol="@",
    samples=(
        normal((3,), (3,)),
        normal((2, 3), (3,)),
        normal((3,), (3, 2)),
        normal((2, 3), (3, 4)),
        normal((5, 2, 3), (3, 4)),
        normal((2, 3), (5, 3, 1)),
        normal((5, 1, 2, 3), (4, 3, 2)),
        normal((3,), (5, 3, 2)),
        normal((5, 2, 3), (3,)),
        normal((2, 0), (0, 3)),
    ),
)
def matmul(x: Operand, y: Operand, /) -> Array:
    """x @ y: vectors, matrices, and stacks of matrices that broadcast.

    >>> float(matmul(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """


# einsum ------------------------------------------------------------------------------------------
def _einsum_transpose(
    i: int, g: Value, out: Value, *args: Value, subscripts: str, optimize: Any
) -> Value:
    """x's axes get distinct letters; one repeated in x (a diagonal) is tied to its first by an
    identity matrix, one that only x has (summed there) is stretched by a vector of ones. Where
    all others have length one along an axis that is longer in x, NumPy has broadcast them.
    """
    terms, result = subscripts.split("->")
    labels = terms.split(",")
    free = iter(sorted(set(string.ascii_letters) - set(subscripts)))
    shape = shape_of(args[i])
    own: list[str] = []
    factors: list[tuple[str, Value]] = [(result, g)]
    factors += [(label, arg) for k, (label, arg) in enumerate(zip(labels, args)) if k != i]
    given = "".join(label for label, _ in factors)
    for letter, length in zip(labels[i], shape):
        if letter in own:
            other = next(free)
            factors.append((letter + other, np.eye(length)))
            own.append(other)
            continue
        if letter not in given:
            factors.append((letter, np.ones(length)))
        own.append(letter)
    equation = ",".join(label for label, _ in factors) + "->" + "".join(own)
    cotangent = einsum.bind(*(v for _, v in factors), subscripts=equation, optimize=optimize)
    if shape_of(cotangent) != shape:
        common = np.broadcast_shapes(shape_of(cotangent), shape)
        cotangent = broadcast_to.bind(cotangent, shape=common)
    return fit(cotangent, args[i])


def _einsum_batch(op: AnyOp, size: int, batched: Flags, args: Args, p: Params) -> Value:
    terms, result = p["subscripts"].split("->")
    letter = min(set(string.ascii_letters) - set(p["subscripts"]))
    labels = (letter + t if b else t for t, b in zip(terms.split(","), batched))
    equation = ",".join(labels) + "->" + letter + result
    return op.bind(*args, subscripts=equation, optimize=p["optimize"])


def _einsum(*args: Value, subscripts: str, optimize: Any) -> Value:
    return np.einsum(subscripts, *args, optimize=optimize)


def _einsums(*cases: tuple[str, tuple[tuple[int, ...], ...]]) -> Any:
    return tuple(normal(*shapes, subscripts=s, optimize=False) for s, shapes in cases)


@primitive(
    np.einsum,
    run=_einsum,
    vjp=Variadic(rest=_einsum_transpose),
    batch=_einsum_batch,
    samples=_einsums(
        ("ij,jk->ik", ((2, 3), (3, 4))),
        ("ij->ji", ((2, 3),)),
        ("ii->i", ((3, 3),)),
        ("ii->", ((3, 3),)),
        ("ij->i", ((2, 3),)),
        ("i,j->", ((2,), (3,))),
        ("iij,j->i", ((2, 2, 3), (3,))),
        ("ai,bi,ci->abc", ((2, 3), (1, 3), (2, 3))),
        ("i,i->", ((0,), (0,))),
        ("ij,ij->", ((2, 3), (2, 1))),
        ("ij,ij->j", ((3, 1), (1, 4))),
    ),
    parametric=True,
)
def einsum(
    subscripts: str | Operand,
    /,
    *operands: Operand | Sequence[Any],
    out: None = None,
    optimize: bool | str = False,
) -> Array:
    """Einstein's summation, as numpy.einsum takes it: "ij,jk->ik", "ii", "...i,i".

    Or with the axes of each operand as a list of whole numbers behind it, and those of the result
    as the last: einsum(x, [0, 1], y, [1, 2], [0, 2]).

    Raises ValueError for subscripts that do not fit the operands.

    >>> einsum("ij,j->i", np.eye(2), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    if out is not None:
        raise refusal(np.einsum, out=out)
    text, given = _subscripts(subscripts, operands)
    arrays = [array(x) for x in given]
    explicit = _explicit(text, [len(shape_of(x)) for x in arrays])
    path = tuple(optimize) if isinstance(optimize, list) else optimize
    return einsum.bind(*arrays, subscripts=explicit, optimize=path)


_LETTERS = string.ascii_uppercase + string.ascii_lowercase


def _subscripts(first: Any, rest: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """The subscripts as a string, and the operands, of either form of the call."""
    if isinstance(first, str):
        return first, rest
    both = [first, *rest]
    if len(both) < 2:
        raise ValueError(f"einsum needs subscripts and operands, got {describe(first)}{at_line()}")
    lists = both[1::2] + both[-1:] * (len(both) % 2)  # the last, without an operand, is the result
    terms = [_term(axes) for axes in lists]
    count = len(both) // 2
    return ",".join(terms[:count]) + "".join("->" + t for t in terms[count:]), both[: 2 * count : 2]


def _term(axes: Any) -> str:
    """Axes as whole numbers, or an ellipsis, as letters in the order of the numbers."""
    if not isinstance(axes, (list, tuple)):
        raise TypeError(
            'einsum: subscripts are a string such as "ij,j->i" before the operands, or a list of '
            f"whole numbers behind each; got {describe(axes)}{at_line()}"
        )
    places = [axis if axis is Ellipsis else operator.index(axis) for axis in axes]
    if any(axis is not Ellipsis and not 0 <= axis < len(_LETTERS) for axis in places):
        raise ValueError(f"einsum: axes are named by 0 to {len(_LETTERS) - 1}, got {axes}")
    return "".join("..." if axis is Ellipsis else _LETTERS[axis] for axis in places)


def _explicit(subscripts: str, ranks: Sequence[int]) -> str:
    """Subscripts with the output written and letters in place of each ellipsis.

    NumPy itself says whether they are right: for as many axes, all of length one.
    """
    ones = [np.empty((1,) * rank, bool) for rank in ranks]
    try:
        np.einsum(subscripts, *ones)
    except ValueError as error:
        raise ValueError(
            f"einsum: {subscripts!r} does not fit operands of {list(ranks)} axes: {error}"
            f"{at_line()}"
        ) from None
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    terms = inputs.split(",")
    free = [c for c in _LETTERS if c not in text]
    extra = [rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks)]
    longest = max(extra, default=0)
    letters = "".join(free[:longest])
    terms = [t.replace("...", letters[longest - n :]) for n, t in zip(extra, terms)]
    if arrow:
        return ",".join(terms) + "->" + output.replace("...", letters)
    named = "".join(terms)
    once = sorted(c for c in set(named) if named.count(c) == 1 and c not in letters)
    return ",".join(terms) + "->" + letters + "".join(once)
