"""A hint in an error is code: each is run, on plain and on traced arguments, and held to NumPy.

The values have to be NumPy's for every argument that the hint says it is for, and the gradients
those of NumPy's function, by central differences.
"""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import pytest
import scipy.special
import truth

import tapegrad
from tapegrad._hints import INSTEAD

tg: Any = tapegrad
INF, NAN = np.inf, np.nan


def draw(*shape: int) -> Any:
    """Numbers in no order, none near another, none near 0."""
    size = int(np.prod(shape))
    order = np.random.default_rng(size).permutation(size)
    return ((order - size / 2 + 0.25) / (size + 1) * 3).reshape(shape)


V, W, M, N, A, B = draw(5), draw(5) + 0.3, draw(3, 4), draw(3, 4) - 0.3, draw(2, 3, 4), draw(4, 5)
X3, Y3 = draw(4, 3), draw(4, 3) + 0.2
EMPTY, ZERO, ONE, FLOAT = np.zeros(0), np.zeros(()), np.array(1.5), 1.5
INTS, F32 = np.array([[3, -1, 2], [0, 5, -4]]), M.astype(np.float32)
ODD = np.array([1.0, NAN, -INF, 0.0, INF, -2.5, -0.0])


@attrs.frozen
class Call:
    """One call of NumPy's function; ``smooth`` where it has a derivative."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    smooth: bool


def at(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs, smooth=True)


def of(*args: Any, **kwargs: Any) -> Call:
    """A call of which only the value is looked at."""
    return Call(args, kwargs, smooth=False)


SQUARE = np.array([[2.0, 0.5], [-0.3, 1.5]])
SMOOTH = (at(V), at(M), at(ONE), at(FLOAT), of(EMPTY), of(F32))
PARTS = (at(M, 2, 1), at(M, [1, 3], -1), at(V, [2]), of(np.zeros((0, 2)), 1), of(INTS, [1], 1))
UNEVEN = (at(V, 3), at(M, 3, 1), at(A, 2, -3), at(EMPTY, 2))
ALONG = (
    at(V, -1),
    at(M, 0),
    at(M, 1),
    at(M, -2),
    at(A, 1),
    of(INTS, 1),
    of(INTS, -2),
    of(M > 0, 0),
)
REDUCE = (*ALONG, at(V), at(M), at(M, axis=1, keepdims=True), at(A, (0, 2)), at(A, None))
WITH_NAN = (of(np.where(M > 1, NAN, M), 0), of(ODD), at(V), at(M), at(A, -1), of(INTS, 1))
NO_NUMBER = np.array([[1.0, NAN], [NAN, 2.0], [3.0, -4.0]])
JOIN_NUMBERS = (at([ONE, 2.5, 3.5]), at((FLOAT,)), of([np.int64(2), 3]))
JOIN_VECTORS = (
    at([V, W, V * 2]),
    at([V]),
    of([np.array([1, 2]), np.array([3, 4])]),
    of([EMPTY, EMPTY]),
)
JOIN_MATRICES = (at([M, N]), at([M]), of([INTS, INTS * 1.5]), of([F32, F32]))
JOIN_MORE = (at([A, A * 2]), at([A]), of([np.zeros((1, 0, 2)), np.zeros((1, 0, 2))]))
ALLCLOSE = (
    of(V, V + 1e-9),
    of(V, V + 1.0),
    of(ODD, ODD),
    of(ODD, ODD, equal_nan=True),
    of(M, M[0], 2.0),
)
PAIRS = (at(M, N), at(M, N[0]), at(V, 0.4), at(FLOAT, W), of(INTS, INTS[:1]), of(EMPTY, EMPTY))
NAN_PAIRS = (at(M, N), at(V, 0.4), of(ODD, ODD[::-1]), of(ODD, 0.5), of(NAN, ODD), of(INTS, 2))

CALLS: dict[str, dict[str, tuple[Call, ...]]] = {
    "numpy.add.accumulate": {"": (*ALONG, at(V), at(M), at(A))},
    "numpy.add.reduce": {"": REDUCE},
    "numpy.allclose": {"where both are traced": ALLCLOSE, "where only a is": ALLCLOSE},
    "numpy.append": {
        "for axis=None": (at(M, V), at(V, 2.5), at(ONE, ONE), of(EMPTY, 1), of(INTS, INTS)),
        "along an axis": (at(M, M[:1], 0), at(M, N, -1), at(V, W, axis=0)),
    },
    "numpy.argwhere": {"": (of(np.maximum(M, 0.0)), of(INTS * 1.0), of(ODD), of(EMPTY))},
    "numpy.array_equal": {
        "where both are traced": (of(V, V), of(V, W), of(V, M), of(ODD, ODD, equal_nan=True)),
        "where only a1 is": (of(V, V), of(V, W), of(V, M), of(ODD, ODD)),
    },
    "numpy.array_split": {"": PARTS + UNEVEN},
    "numpy.atleast_1d": {"": (*SMOOTH, at(A))},
    "numpy.atleast_2d": {"": (*SMOOTH, at(A))},
    "numpy.average": {
        "without weights": (at(V), at(M, 0), at(A, (0, -1)), of(INTS, 1), of(F32)),
        "for weights of the shape of a": (
            at(V, None, W + 3),
            at(M, 0, N + 3),
            at(M, -1, N + 3),
            at(M, None, N + 3),
            of(INTS, 1, np.abs(INTS) + 1),
        ),
    },
    "numpy.broadcast_arrays": {"": (at(V, ONE), at(M, M[:1], FLOAT), at(V), of(EMPTY, 1.0))},
    "numpy.choose": {
        "for choices of the shape of a": (
            of(np.array([2, 0, 1, 0, 2]), [V, W, V * 2]),
            at(np.array([[1, 0, 1, 0]] * 3), [M, N]),
        )
    },
    "numpy.column_stack": {"": (*JOIN_NUMBERS, *JOIN_VECTORS, *JOIN_MATRICES, at([V[:3], M]))},
    "numpy.compress": {
        "for a plain condition": (
            at([True, False, True], M, 0),
            at(np.array([0, 1]), M, -1),
            at(M[0] > 0.1, M),
            of([True], V, 0),
            of([], V),
        )
    },
    "numpy.count_nonzero": {
        "": (of(V), of(INTS), of(INTS, 1), of(INTS, -2, keepdims=True), of(ODD))
    },
    "numpy.cov": {"for a matrix, one variable in each row": (at(M), at(B), of(INTS))},
    "numpy.cross": {
        "for three components along the last axis": (at(X3, Y3), at(X3[0], Y3), of(INTS, INTS))
    },
    "numpy.linalg.cross": {
        "for three components along the last axis": (at(X3, Y3), at(X3[0], Y3[1]))
    },
    "numpy.cumprod": {
        "along the last axis": (
            at(V),
            at(M, -1),
            at(A, 2),
            of(np.array([2.0, 0.0, -3.0, 0.0])),
            of(INTS, 1),
            of(EMPTY),
            of(ODD),
            of(F32, -1),
        )
    },
    "numpy.cumulative_sum": {"": (at(V), at(M, axis=0), at(A, axis=-1), of(INTS, axis=1))},
    "numpy.deg2rad": {"": SMOOTH},
    "numpy.degrees": {"": SMOOTH},
    "numpy.delete": {
        "for axis=None": (at(V, 1), at(M, [0, 2, -1]), at(M, slice(2))),
        "along an axis": (at(M, 1, 0), at(M, [0, 2], -1), at(A, slice(1), 1)),
    },
    "numpy.diagflat": {"": (at(V), at(M, 1), at(M, -2), at(ONE))},
    "numpy.diff": {
        "for n=1 along the last axis": (at(V), at(M), at(A, 1, -1), of(INTS), of(EMPTY), of(ODD)),
        "for n=1 along the first axis": (
            at(V, 1, 0),
            at(M, axis=0),
            at(A, axis=-3),
            of(INTS, axis=0),
        ),
    },
    "numpy.digitize": {"for plain bins": (of(V, [-1.0, 0.0, 1.0]), of(V, [1.0, 0.0], right=True))},
    "numpy.divmod": {"": (of(V, W), of(M, 0.7), of(INTS, 3), of(-FLOAT, 0.4))},
    "numpy.dsplit": {"": (at(A, 2), at(A, [1, 3]))},
    "numpy.dstack": {
        "for vectors": JOIN_VECTORS,
        "for matrices": JOIN_MATRICES,
        "for arrays of more axes": JOIN_MORE,
    },
    "numpy.ediff1d": {"": (at(V), at(M), at(ONE), of(INTS), of(EMPTY))},
    "numpy.extract": {"": (at(M > 0.2, M), at([1, 0, 2, 0, 0], V), of(np.zeros(5, int), V))},
    "numpy.fabs": {"for floating-point x": (*SMOOTH, of(ODD))},
    "numpy.flatnonzero": {"": (of(np.maximum(M, 0.0)), of(INTS * 1.0), of(ODD), of(EMPTY))},
    "numpy.fliplr": {"": (at(M), at(A), of(INTS))},
    "numpy.flipud": {"": (at(V), at(M), at(A), of(INTS), of(EMPTY))},
    "numpy.float_power": {
        "": (at(V + 2, W), at(M + 2, 0.5), at(FLOAT, V), of(INTS, 2), of(INTS[0], -1), of(F32, F32))
    },
    "numpy.fmax": {"": NAN_PAIRS},
    "numpy.fmin": {"": NAN_PAIRS},
    "numpy.full": {"": (at((2, 3), FLOAT), at(4, ONE), at((2, 5), V), of(3, 2))},
    "numpy.gradient": {"for a vector": (at(V), at(W), at(V[:2]), at(V[:3]))},
    "numpy.hsplit": {
        "for a vector": (at(V, [2]), at(V, 5)),
        "for arrays of more axes": (at(M, 2), at(A, [1, 2])),
    },
    "numpy.hstack": {
        "for numbers": JOIN_NUMBERS,
        "for vectors": (*JOIN_VECTORS, at([V, V[:2]])),
        "for arrays of more axes": (*JOIN_MATRICES, *JOIN_MORE),
    },
    "numpy.isclose": {"where both are traced": ALLCLOSE, "where only a is": ALLCLOSE},
    "numpy.kron": {
        "for vectors": (at(V, W), at(V, V[:2]), of(EMPTY, V), of(np.array([1, 2]), V)),
        "for matrices": (at(M, B), at(M[:1], B), of(INTS, INTS), of(np.zeros((0, 2)), M)),
    },
    "numpy.linalg.lstsq": {
        "its solution, where a has full column rank and is well conditioned": (
            at(draw(6, 2), draw(6)),
            at(draw(6, 3), draw(6, 2)),
            at(draw(2, 2), draw(2)),
        )
    },
    "numpy.linalg.matrix_power": {"for n of at least 1": (at(draw(3, 3), 1), at(draw(2, 3, 3), 4))},
    "numpy.linalg.multi_dot": {"": (at([M, B]), at([V[:3], M, B]), at([V[:3], M, B, V]))},
    "numpy.linalg.vector_norm": {
        "along one axis": (
            at(V, axis=0),
            at(M, axis=-1),
            at(M, axis=0, ord=1),
            of(M, axis=1, ord=INF),
        )
    },
    "numpy.logaddexp2": {"": (at(V, W), at(M, 0.4), of(ODD, -INF), of(1000.0, 999.0))},
    "numpy.logical_xor": {
        "": (of(V > 0, W > 0), of(ODD, V[:1] > 5), of(INTS, 3.0), of(ODD, ODD[::-1]))
    },
    "numpy.maximum.reduce": {"": REDUCE},
    "numpy.minimum.reduce": {"": REDUCE},
    "numpy.median": {
        "of all elements, none of them NaN": (
            at(V),
            at(M),
            at(ONE),
            of(INTS),
            of(np.array([INF, 1, INF])),
        ),
        "along the last axis, without NaN": (at(V, -1), at(M, 1), at(A, -1), of(INTS, 1)),
    },
    "numpy.modf": {
        "for finite floating-point x": (at(V), at(M), of(FLOAT), of(np.array([-0.0, 2.0])))
    },
    "numpy.multiply.accumulate": {"along the last axis": (at(V), at(M, -1), at(A, 2), of(INTS, 1))},
    "numpy.multiply.reduce": {"": REDUCE},
    **{
        f"numpy.{name}.outer": {"": (at(V, W), at(M, V), at(V, 2.5), at(FLOAT, M), of(EMPTY, V))}
        for name in ("add", "subtract", "multiply", "divide")
    },
    "numpy.nan_to_num": {
        "without posinf and neginf": (
            at(V),
            at(M, nan=3.0),
            of(ODD),
            of(ODD, nan=-1.0),
            of(F32),
            of(ODD.astype(np.float32)),
            of(EMPTY),
        ),
        "with both": (at(V, posinf=1.0, neginf=2.0), of(ODD, nan=7.0, posinf=8.0, neginf=9.0)),
    },
    "numpy.nanmax": {
        "where not all are NaN": (at(V), at(M, 0), of(ODD), of(NO_NUMBER, 1), of(NO_NUMBER, -2))
    },
    "numpy.nanmean": {
        "where not all are NaN": (at(V), at(M, 0), of(NO_NUMBER, 1), of(NO_NUMBER), of(INTS, -1))
    },
    "numpy.nanmin": {
        "where not all are NaN": (at(V), at(M, 0), of(ODD), of(NO_NUMBER, 1), of(NO_NUMBER, -2))
    },
    "numpy.nanprod": {"": (at(V), at(M, -2), of(NO_NUMBER, 0), of(NO_NUMBER), of(INTS, 1))},
    "numpy.nansum": {
        "": (at(V), at(M, -2), of(NO_NUMBER, 0), of(NO_NUMBER), of(INTS, 1), of(EMPTY))
    },
    "numpy.nonzero": {"": (of(np.maximum(M, 0.0)), of(INTS * 1.0), of(ODD), of(EMPTY))},
    "numpy.polyval": {
        "": (at(V, W), at(V, FLOAT), at([1.0, 2.0, 3.0], M), of([3, 0, 1], INTS), of([], V))
    },
    "numpy.ptp": {"": (at(V), at(M, 0), at(A, (0, -1)), of(INTS, -1))},
    "numpy.rad2deg": {"": SMOOTH},
    "numpy.radians": {"": SMOOTH},
    "numpy.resize": {
        "where a is not empty": (at(V, 7), at(M, (2, 3)), at(ONE, (2, 2)), at(V, (0,)))
    },
    "numpy.roll": {
        "": (
            at(V, 2),
            at(V, -3),
            at(V, 0),
            at(M, 1),
            at(M, 1, 0),
            at(M, -1, -1),
            at(A, (1, 2), (0, -1)),
            of(INTS, 7, 1),
            of(EMPTY, 1),
            at(ONE, 1),
        )
    },
    "numpy.rot90": {"": (at(M), at(M, 2), at(A, -1, (0, 2)), of(INTS, 3))},
    "numpy.searchsorted": {
        "where only v is traced": (of([1.0, 2.0, 3.0], V), of([1.0, 1.5], FLOAT, side="right"))
    },
    "numpy.select": {
        "": (
            at([V > 0.5, V > 0.0], [V, W]),
            at([M > 0.5, M > 0.0], [M, N * 2], 3.0),
            at([V > 0, V > -0.5], [W, V], default=W),
        )
    },
    "numpy.sinc": {
        "": (
            at(V),
            at(M),
            at(FLOAT),
            at(np.array([0.0, 1e-9, -1e-5, 1e-3, 0.0095, 0.0096, 1.0, 30.0])),
            at(ZERO),
            of(F32),
            of(INTS),
            of(EMPTY),
            of(np.array([1e80, -1e200])),
        )
    },
    "numpy.split": {"": PARTS},
    "numpy.trapezoid": {
        "along the last axis, without x": (
            at(V),
            at(M, dx=0.5),
            at(A, None, 2.0),
            of(INTS),
            of(EMPTY),
            at(V, dx=W[1:]),
        ),
        "along the last axis, with x": (at(V, W), at(M, V[:4]), at(M, N), of(INTS, INTS)),
    },
    "numpy.unstack": {"": (at(V), at(M), at(M, axis=-1), at(A, axis=1))},
    "numpy.vdot": {"": (at(V, W), at(M, N), at(A, draw(4, 6)), at(ONE, FLOAT), of(INTS, INTS))},
    "numpy.vecdot": {"": (at(V, W), at(M, N), at(M, N[0]), of(INTS, INTS))},
    "numpy.vsplit": {"": (at(M, 3), at(A, [1]))},
    "numpy.vstack": {
        "for numbers": JOIN_NUMBERS,
        "for vectors": JOIN_VECTORS,
        "for arrays of more axes": (*JOIN_MATRICES, *JOIN_MORE, at([M, M[:1]])),
    },
    "numpy.where": {"": (of(np.maximum(M, 0.0)), of(INTS * 1.0), of(ODD), of(EMPTY))},
    "scipy.linalg.det": {"": (at(SQUARE), at(SQUARE + 1.0))},
    "scipy.linalg.inv": {"": (at(SQUARE),)},
    "scipy.linalg.norm": {"": (at(V), at(M, None, 1), at(M, 1), at(V, np.inf, keepdims=True))},
    "scipy.linalg.solve": {
        "without transposed": (at(SQUARE, V[:2]), at(SQUARE, SQUARE + 1.0)),
        "with transposed=True": (
            at(SQUARE, V[:2], transposed=True),
            at(SQUARE, SQUARE + 1.0, transposed=True),
        ),
    },
    "scipy.special.log_softmax": {"": (at(V), at(M), at(M, 1), at(M, axis=-2))},
    "scipy.special.logsumexp": {
        "without b": (at(V), at(M), at(M, 1), at(M, axis=0, keepdims=True)),
        "for positive b": (
            at(V, b=2.5),
            at(M, 1, np.abs(N)),
            at(M, axis=0, b=np.abs(N[0]), keepdims=True),
        ),
    },
    "scipy.special.softmax": {"": (at(V), at(M), at(M, 1), at(M, axis=-2))},
    "scipy.special.cbrt": {"": (at(V), at(FLOAT), of(ODD))},
    "scipy.special.entr": {"for positive x": (at(np.abs(V)), at(FLOAT))},
    "scipy.special.erf": {"": (at(V), at(FLOAT), of(ODD))},
    "scipy.special.exp2": {"": (at(V), at(FLOAT), of(ODD))},
    "scipy.special.expit": {"": (at(V), at(FLOAT), of(ODD), of(np.array([-800.0, 800.0])))},
    "scipy.special.expm1": {"": (at(V), at(FLOAT), at(np.array([1e-12])), of(ODD))},
    "scipy.special.log1p": {"": (at(V + 1), at(FLOAT), at(np.array([1e-12])))},
    "scipy.special.log_expit": {"": (at(V), at(FLOAT), of(np.array([-800.0, 800.0])))},
    "scipy.special.logit": {"": (at(np.abs(V) / 3), at(0.3))},
}

CASES = [(name, case) for name, (_, cases) in INSTEAD.items() for case in cases]
PICKED: dict[str, Callable[[Any], Any]] = {"numpy.linalg.lstsq": lambda found: found[0]}


def test_every_hint_is_tested_and_every_test_is_of_a_hint() -> None:
    """A hint that cannot be tested is none."""
    assert [(name, case) for name, cases in CALLS.items() for case in cases] == CASES


def run(code: str, names: Mapping[str, Any]) -> Any:
    """The value of the last of some lines of code."""
    known = {"numpy": np, "tapegrad": tapegrad, "functools": functools, **names}
    *lines, last = code.splitlines()
    exec("\n".join(lines), known)  # noqa: S102  # the package's own hints
    return eval(last, known)  # noqa: S307


def numpys(name: str) -> Any:
    """NumPy's (or SciPy's) function; None where this version has none."""
    library, *parts = name.split(".")
    found: Any = np if library == "numpy" else scipy
    for part in parts:
        found = getattr(found, part, None)
    return found


def bound(name: str, call: Call) -> inspect.BoundArguments:
    """The arguments of a call under the names that the hint has for them."""
    head = INSTEAD[name][0].partition("(")[2][:-1]
    signature = inspect.signature(eval(f"lambda {head}: None"))  # noqa: S307
    return signature.bind(*call.args, **call.kwargs)


def with_defaults(given: inspect.BoundArguments) -> dict[str, Any]:
    whole = copy.copy(given)
    whole.arguments = dict(given.arguments)
    whole.apply_defaults()
    return dict(whole.arguments)


def leaves(value: Any) -> list[Any]:
    return list(tg.tree.leaves(value)) if isinstance(value, (tuple, list, dict)) else [value]


def same(got: Any, wanted: Any) -> None:
    """The same numbers, shapes and dtypes; integers of Python's may be NumPy's."""
    assert len(leaves(got)) == len(leaves(wanted))
    for one, other in zip(leaves(got), leaves(wanted)):
        dtype = np.asarray(other).dtype
        near = 100 * np.finfo(dtype).eps if dtype.kind == "f" else 0.0
        np.testing.assert_allclose(np.asarray(one), other, rtol=near, atol=1e-300)
        assert np.shape(one) == np.shape(other)
        assert np.asarray(one).dtype == dtype


def is_float(value: Any) -> bool:
    """Whether all of an argument is floating point: what can be traced."""
    parts = leaves(value)
    numbers = all(isinstance(x, (float, np.ndarray, np.generic)) for x in parts)
    return bool(parts) and numbers and all(np.asarray(x).dtype.kind == "f" for x in parts)


def weighed(value: Any) -> Any:
    """One number of all that a function returns, no two elements alike."""
    total: Any = 0.0
    for i, x in enumerate(leaves(value)):
        weights = np.cos(np.arange(np.size(x)) + i).reshape(np.shape(x))
        total = total + (x * weights).sum() if np.ndim(x) else total + x * float(weights)
    return total


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda text: text or "all")
def test_a_hint_gives_numpys_numbers(name: str, case: str) -> None:
    """On plain arguments, traced, differentiated, and in a batch."""
    code, function = INSTEAD[name][1][case], numpys(name)
    if function is None:
        pytest.skip(f"NumPy {np.__version__} has no {name}")
    looked = set(re.findall(r"(\w+)\.value\b", code))  # what the hint takes to be traced
    for call in CALLS[name][case]:
        given = bound(name, call)
        names = with_defaults(given)
        with np.errstate(all="ignore"):
            wanted = PICKED.get(name, as_it_is)(function(*call.args, **call.kwargs))
            if not looked:
                same(run(code, names), wanted)
            floats = {k: x for k, x in given.arguments.items() if is_float(x) and k != "ord"}
            traced = {key: x for key, x in floats.items() if not looked or key in looked}

            def f(x: Any, names: Any = names) -> Any:
                out = run(code, {**names, **x})
                return weighed(out) * 1.0, out

            gradient, out = tg.grad(f, has_aux=True)(traced)
            same(out, wanted)
            if traced and call.smooth:
                check_slopes(name, given, traced, gradient)
            if traced and not looked:
                check_batch(f, traced, wanted)


def as_it_is(found: Any) -> Any:
    return found


def check_slopes(name: str, given: inspect.BoundArguments, traced: Any, gradient: Any) -> None:
    """The gradient of the hint against differences of NumPy's function."""
    moved, pick = copy.copy(given), PICKED.get(name, as_it_is)

    def f(x: Any) -> float:
        moved.arguments = {**given.arguments, **x}
        return float(weighed(pick(numpys(name)(*moved.args, **moved.kwargs))))

    truth.assert_close(gradient, truth.gradient(f, traced), rtol=1e-6)


def check_batch(f: Callable[..., Any], traced: Any, wanted: Any) -> None:
    """Two examples at once, which are the same."""
    twice = tg.tree.map(lambda x: np.stack([x, x]), traced)
    for both, one in zip(leaves(tg.vmap(f)(twice)[1]), leaves(wanted)):
        near = 100 * np.finfo(np.asarray(one).dtype).eps if np.asarray(one).dtype.kind == "f" else 0
        np.testing.assert_allclose(both, np.stack([one, one]), rtol=near, atol=1e-300)


def test_sinc_to_second_order() -> None:
    """Where sin(y) / y alone would cancel: sinc is 1 - (pi x)^2 / 6 near 0."""

    def sinc(x: Any) -> Any:
        return run(INSTEAD["numpy.sinc"][1][""], {"x": x})

    for x in (0.0, 1e-12, 1e-6, -1e-3):
        slope, curvature = tg.grad(sinc)(x), tg.grad(tg.grad(sinc))(x)
        np.testing.assert_allclose(slope, -(np.pi**2) * x / 3, rtol=1e-5)
        np.testing.assert_allclose(curvature, -(np.pi**2) / 3, rtol=1e-4)
    edge = 0.03 / np.pi
    for f in (tg.grad(sinc), tg.grad(tg.grad(sinc))):
        np.testing.assert_allclose(f(edge - 1e-9), f(edge + 1e-9), rtol=1e-6)
