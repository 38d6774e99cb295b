"""What comes in passes one gate, whatever the door; what goes out is the caller's own.

The doors are listed here; that every function of `tapegrad.numpy` is one is seen by calling it.
"""

from __future__ import annotations

import enum
import fractions
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tapegrad as tg
import tapegrad.numpy as tnp
from tapegrad import data, nn, optim, special
from tapegrad._tape import Var

X = np.array([[2.0, 1.0], [1.0, 3.0]])


class Metres(np.ndarray[Any, Any]):
    """An array with units, which + and * would have to know."""


def boxed(x: Any) -> Any:
    """An array of objects, as a[i] = x and numpy.frompyfunc make them."""
    box = np.empty((2, 2), object)
    for i in np.ndindex(2, 2):
        box[i] = x
    return box


# What is refused, and how its description begins in the error.
BAD: dict[str, tuple[Any, str]] = {
    "masked": (np.ma.masked_array(X, X > 2.0), "MaskedArray float64[2, 2]"),
    "matrix": (X.view(np.matrix), "matrix float64[2, 2]"),
    "units": (X.view(Metres), "Metres float64[2, 2]"),
    "complex": (X * 1j, "complex128[2, 2]"),
    "complex scalar": (np.complex64(1j), "complex64 1j"),
    "complex number": (2j, "complex 2j"),
    "objects": (boxed(1.0), "object[2, 2]"),
    "fraction": (boxed(fractions.Fraction(1, 3)), "object[2, 2]"),
    "dates": (np.zeros((2, 2), "datetime64[s]"), "datetime64[s][2, 2]"),
    "texts": (np.full((2, 2), "a"), "<U1[2, 2]"),
    "records": (np.zeros((2, 2), [("a", float)]), "[('a', '<f8')][2, 2]"),
}
REFUSED = (
    tg.OperandError,
    tg.LeafError,
    tg.OutputError,
    tg.ConversionError,  # where NumPy's own asks for the traced value as an array
    tg.MissingRuleError,
)

# A door: a function that is given something bad where a number or an array belongs.
Door = Callable[[Any], Any]


def beside(f: Callable[[Any, Any], Any]) -> Door:
    """Of an operation of a traced value and a constant, on a tape and in a batch."""

    def door(bad: Any) -> Any:
        with pytest.raises(REFUSED):
            tg.vmap(lambda x: f(x, bad))(np.stack([X, X]))
        with pytest.raises(REFUSED):
            tg.record(lambda x: f(x, bad), X)
        return tg.grad(lambda x: np.sum(f(x, bad)))(X)

    return door


DOORS: dict[str, Door] = {
    "left": beside(lambda x, bad: x * bad),
    "right": beside(lambda x, bad: bad + x),
    "equal": beside(lambda x, bad: x == bad),
    "ufunc": beside(lambda x, bad: np.maximum(x, bad)),
    "power": beside(lambda x, bad: x**bad),
    "product": beside(lambda x, bad: x @ np.atleast_2d(bad)),
    "stack": beside(lambda x, bad: np.stack([bad, x])),
    "where": beside(lambda x, bad: np.where(x > 0.0, bad, 0.0)),
    "where else": beside(lambda x, bad: np.where(x > 0.0, x, bad)),
    "in a list": beside(lambda x, bad: np.stack([x, np.broadcast_to(x[0], (2, 2)), [bad] * 2])),
    "einsum": beside(lambda x, bad: np.einsum("ij,...->ij", x, bad)),
    "dot": beside(lambda x, bad: np.dot(x, bad)),
    "set": beside(lambda x, bad: tg.at(x)[...].set(bad)),
    "add": beside(lambda x, bad: tg.at(x)[...].add(bad)),
    "set in": lambda bad: tg.at(bad)[0],
    "grad": lambda bad: tg.grad(lambda p: 1.0)({"w": bad}),
    "vjp": lambda bad: tg.vjp(lambda p: p, bad),
    "jvp": lambda bad: tg.jvp(lambda p: p, (bad,), (X,)),
    "jacfwd": lambda bad: tg.jacfwd(lambda p: p)(bad),
    "jacrev": lambda bad: tg.jacrev(lambda p: p)(bad),
    "record": lambda bad: tg.record(lambda p: p, bad),
    "cotangent": lambda bad: tg.vjp(np.sin, X)[1](bad),
    "tangent": lambda bad: tg.jvp(np.sin, (X,), (bad,)),
    "tangent of hvp": lambda bad: tg.hvp(lambda x: np.sum(x**3), (X,), (bad,)),
    "batch": lambda bad: tg.vmap(lambda x: x)(bad),
    "same for all": lambda bad: tg.vmap(lambda x, y: x + y, (0, None))(X, bad),
    "output": lambda bad: tg.grad(lambda x: bad)(1.0),
    "output of vjp": lambda bad: tg.vjp(lambda x: {"a": x, "b": bad}, 1.0),
    "output of jacrev": lambda bad: tg.jacrev(lambda x: bad)(1.0),
    "output of vmap": lambda bad: tg.vmap(lambda x: bad)(X),
    "relu": nn.relu,
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "weight": lambda bad: nn.linear(nn.Linear(bad, np.ones(2)), X),
    "bias": lambda bad: nn.linear(nn.Linear(np.ones((2, 2)), bad), X),
    "layer": lambda bad: nn.linear(nn.Linear(X, X[0]), bad),
    "targets": lambda bad: nn.mean_squared_error(X, bad),
    "scores": lambda bad: nn.hinge(bad, np.ones((2, 2))),
    "logits": lambda bad: nn.cross_entropy(bad, X[0]),
    "accuracy": lambda bad: nn.accuracy(bad, np.ones((2, 2))),
    "erf": special.erf,
    "logsumexp": special.logsumexp,
    "ravel": tg.tree.ravel,
    "updates": lambda bad: optim.apply_updates({"w": X}, {"w": bad}),
    "params": lambda bad: optim.apply_updates({"w": bad}, {"w": X}),
    "gradients": lambda bad: optim.sgd(0.1).update(bad, optim.sgd(0.1).init(X), X),
    "velocity": lambda bad: optim.momentum(0.9).init({"w": bad}),
    "examples": lambda bad: data.batch(np.random.default_rng(0), (X, bad)),
    "epoch": lambda bad: data.batches(np.random.default_rng(0), (X, bad), 1),
    "penalty": lambda bad: optim.l2_penalty([bad], 0.1),
}


OF_A_SHAPE = {"cotangent", "tangent", "tangent of hvp", "batch", "product"}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_no_door_lets_in_what_computes_otherwise(door: str, bad: str) -> None:
    """An error of ours that says what came; never a number."""
    value, got = BAD[bad]
    if np.shape(value) != X.shape and door in OF_A_SHAPE:
        value = np.full_like(X, value, complex)
    with pytest.raises(REFUSED) as caught:
        DOORS[door](value)
    if not isinstance(caught.value, (tg.ConversionError, tg.MissingRuleError)) and door not in {
        "in a list",
        "stack",
    }:
        assert got.split("[")[0].split(" ")[0].rstrip("0123456789") in str(caught.value)


def functions() -> dict[str, Callable[..., Any]]:
    """All that `tapegrad.numpy` and its linalg have that is a function."""
    return {
        f"{module.__name__}.{name}": f
        for module in (tnp, tnp.linalg)
        for name, f in vars(module).items()
        if name[0] != "_" and callable(f) and not isinstance(f, type)
    }


def placed(f: Callable[..., Any], count: int) -> Any:
    """What f gives of ``count`` arrays; None if it takes others."""
    try:
        with np.errstate(all="ignore"):
            return f(*[X] * count)
    except (TypeError, ValueError, IndexError):
        return None


# At which places a function takes an array, found by giving it some; what is missed by that (an
# axis or indices between) is in DOORS, or a sequence of arrays.
PLACES = [
    pytest.param(f, count, i, id=f"{name}-{count}-{i}")
    for name, f in functions().items()
    for count in (1, 2, 3)
    if placed(f, count) is not None and f not in (tnp.concatenate, tnp.stack)  # of a sequence
    for i in range(count)
]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize(("f", "count", "place"), PLACES)
def test_functions_refuse_it_of_plain_data(
    f: Callable[..., Any], count: int, place: int, bad: str
) -> None:
    """A mask would be ignored, a matrix multiplied, units lost."""
    args: list[Any] = [X] * count
    args[place] = BAD[bad][0]
    with pytest.raises((*REFUSED, IndexError)), np.errstate(all="ignore"):
        f(*args)


@pytest.mark.parametrize("bad", [*BAD, "mask of objects"])
def test_masks_and_indices(bad: str) -> None:
    """A masked mask has hidden truths."""
    hidden = np.ma.masked_array(X > 1.0, X > 2.0)
    with pytest.raises((*REFUSED, IndexError)):
        tg.grad(lambda x: x[hidden if bad == "masked" else BAD.get(bad, (boxed(True),))[0]].sum())(
            X
        )


@pytest.mark.parametrize("transform", [tg.grad, tg.jacfwd, tg.jacrev])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.add(x, boxed(x[0, 0])).sum(),
        lambda x: np.stack([boxed(x[0, 0]), x]).sum(),
        lambda x: np.where(x > 0.0, boxed(x[0, 0]), 0.0).sum(),
        lambda x: (boxed(x[0, 0]) * x).sum(),
        lambda x: (x @ boxed(x[0, 0])).sum(),
        lambda x: (x * np.frompyfunc(lambda i: x[0, 0] * i, 1, 1)(np.arange(2))).sum(),
        lambda x: tg.at(x)[0].set(boxed(x[0, 0])[0]).sum(),
    ],
)
def test_objects_that_are_traced(transform: Any, f: Any) -> None:
    """NumPy would compute with them one by one, and the gradient through some would be lost."""
    with pytest.raises(tg.OperandError) as caught:
        transform(f)(X)
    first, line, hint, *_ = str(caught.value).split("\n")
    assert first.endswith("where NumPy would lose part of their gradients.")
    assert "test_gate.py" in line
    assert hint == "In place of numpy.array([x, y]) and of array[i] = x write"


@pytest.mark.parametrize("dtype", [complex, "complex64", object, str, "datetime64[s]"])
@pytest.mark.parametrize(
    "f",
    [
        lambda x, dtype: x.astype(dtype),
        lambda x, dtype: np.full_like(x, 1.0, dtype),
        lambda x, dtype: np.zeros_like(x, dtype),
        lambda x, dtype: np.ones_like(x, dtype=dtype),
    ],
)
def test_dtypes_that_values_cannot_have(f: Any, dtype: Any) -> None:
    """x.astype(complex) lost the gradient."""
    with pytest.raises(tg.OperandError, match="Expected the dtype of real numbers"):
        tg.grad(lambda x: f(x, dtype).sum())(X)
    with pytest.raises(tg.OperandError, match="Expected the dtype of real numbers"):
        tg.record(lambda x: f(x, dtype), np.arange(3))


def test_the_texts_of_the_gate() -> None:
    """What came, where, and what to give instead."""
    masked = BAD["masked"][0]
    with pytest.raises(tg.OperandError) as caught:
        tg.grad(lambda x: (x * masked).sum())(X)
    first, line, hint = str(caught.value).split("\n")
    assert first == (
        "MaskedArray float64[2, 2] does not compute as other arrays do, and has no derivative "
        "rules."
    )
    assert line.endswith("tg.grad(lambda x: (x * masked).sum())(X)")
    assert hint == (
        "Give a plain array: numpy.asarray(a) of a matrix, or of an array with units; of a masked "
        "array a.filled(0.0), or tapegrad.numpy.where(a.mask, 0.0, a.data)."
    )
    with pytest.raises(tg.OperandError) as caught:
        tg.grad(lambda x: (1j * x).sum())(X)
    assert str(caught.value).startswith(
        "complex 1j is complex: only real numbers can be computed with.\n  at "
    )
    with pytest.raises(tg.OperandError, match=r"^Expected a real number or an array of real num"):
        tnp.exp(None)  # type: ignore[arg-type]
    # The hints, as code: the gradient of the sum of those that are not masked.
    grad = tg.grad(lambda x: (x * masked.filled(0.0)).sum())(X)
    np.testing.assert_array_equal(grad, np.where(masked.mask, 0.0, X))
    grad = tg.grad(lambda x: tnp.sum(x * tnp.where(masked.mask, 0.0, masked.data)))(X)
    np.testing.assert_array_equal(grad, np.where(masked.mask, 0.0, X))


def test_what_is_an_operand() -> None:
    """Numbers of classes of their own are the numbers, if they compute as those do."""

    class Degrees(float):
        """A float that would multiply as it likes."""

        def __mul__(self, other: Any) -> Any:
            return 0.0

        __rmul__ = __mul__

    class Reversed(int):
        """An int that compares the other way round."""

        def __lt__(self, other: Any) -> bool:
            return bool(int(self) > other)

    class Kept(float):
        """A float with a name."""

        name = "kept"

        def __str__(self) -> str:
            return self.name

    two = enum.IntEnum("Numbers", "ONE TWO").TWO  # type: ignore[attr-defined]
    assert tg.grad(lambda x: x * Kept(3.0))(2.0) == 3.0
    assert tg.grad(lambda x: x * x)(Kept(3.0)) == 6.0
    assert tg.grad(lambda x: x**two)(3.0) == 6.0
    for number in (Degrees(3.0), Reversed(3)):
        text = rf"^{type(number).__name__} 3.* does not compute as other numbers do"
        for f in (lambda x: x * number, lambda x: np.stack([x, number]), lambda x: x * [number]):  # noqa: B023
            with pytest.raises(tg.OperandError, match="does not compute as other"):
                tg.grad(lambda x, f=f: np.sum(f(x)))(2.0)
        with pytest.raises(tg.OperandError, match=text) as caught:
            tnp.sin(number)
        assert str(caught.value).endswith("Give a plain number: float(x) or int(x).")
        with pytest.raises(tg.LeafError, match=r"^params\['a'\] is \w+ 3.* is not a plain number"):
            tg.grad(lambda p: p["a"] ** 2)({"a": number})
    assert tg.grad(lambda x: (x * np.float16(2.0) + np.bool(True)).sum())(1.0) == 2.0


def test_a_file_in_memory_is_an_array(tmp_path: Any) -> None:
    """numpy.memmap: the gradient is an array in memory."""
    held = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=(3,))
    held[:] = [1.0, 2.0, 3.0]
    gradient = tg.grad(lambda x: (x * x * held).sum())(held)
    assert type(gradient) is np.ndarray
    np.testing.assert_array_equal(gradient, 2.0 * np.array([1.0, 4.0, 9.0]))


# Tangents and cotangents -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "int64"])
def test_a_tangent_is_taken_in_the_dtype_of_its_primal(dtype: str) -> None:
    """Computed in float16, 100 times 1000 overflows."""
    x, one = np.array([1.0, 2.0]), np.ones(2, dtype)
    assert tg.jvp(lambda x: (x * 1e5).sum(), (x,), (one,))[1] == 2e5
    assert tg.jvp(lambda x: x * 1e5, (1.0,), (one[0],))[1] == 1e5
    assert tg.jvp(lambda x: x * 1e5, (1.0,), (1,))[1] == 1e5
    (g,) = tg.vjp(lambda x: x * 1e5, x)[1](one)
    np.testing.assert_array_equal(g, [1e5, 1e5])
    assert g.dtype == float
    product = tg.hvp(lambda x: (1e5 * x * x).sum(), (x,), (one,))
    np.testing.assert_array_equal(product, [2e5, 2e5])
    moved = tg.vmap(lambda t: tg.jvp(lambda x: x * 1e5, (x,), (t,))[1])(np.stack([one, one]))
    np.testing.assert_array_equal(moved, np.full((2, 2), 1e5))


# Out ---------------------------------------------------------------------------------------------


def outputs() -> dict[str, Callable[[Any], Any]]:
    """What goes out, of an array that comes in."""
    w = np.array([3.0, 4.0])
    return {
        "grad": lambda x: tg.grad(lambda x: x.sum())(x),
        "grad of two": lambda x: tg.grad(lambda p: (p[0] + p[1]).sum())((x, x)),
        "value": lambda x: tg.value_and_grad(lambda x: x[0, 0, ...])(x),
        "aux": lambda x: tg.grad(lambda x: (x.sum(), (x, x, x[0], x.T)), has_aux=True)(x),
        "vjp": lambda x: tg.vjp(lambda x: (x, x.T, x), x)[0],
        "pullback": lambda x: tg.vjp(lambda x: (x, x), x)[1]((x, x)),
        "jvp": lambda x: tg.jvp(lambda x: (x, x.T, x), (x,), (x,)),
        "hvp": lambda x: tg.hvp(lambda x: (x * x).sum() / 2, (x,), (x,)),
        "jacfwd": lambda x: tg.jacfwd(lambda x: x)(x),
        "jacrev": lambda x: tg.jacrev(lambda x: x)(x),
        "vmap": lambda x: tg.vmap(lambda x: (x, x, 2.0 * x))(x),
        "vmap same": lambda x: tg.vmap(lambda x, w: w, (0, None), None)(x, w),
        "record": lambda x: tg.record(lambda x: (x, x.T), x).value,
        "program": lambda x: tg.record(lambda x: (x, x.T), x).program(x),
        "updates": lambda x: optim.momentum(0.5).update(x, optim.momentum(0.5).init(x), x),
        "empty chain": lambda x: optim.chain().update(x, (), x),
        "apply": lambda x: optim.apply_updates(x, x),
        "scale": lambda x: optim.scale(1.0).update(x, optim.scale(1.0).init(x), x),
    }


@pytest.mark.parametrize("name", outputs())
def test_what_goes_out_is_the_callers_own(name: str) -> None:
    """Writable, and shared neither with what came in nor with another output."""
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    before = x.copy()
    found = [leaf for leaf in tg.tree.leaves(outputs()[name](x)) if isinstance(leaf, np.ndarray)]
    for i, leaf in enumerate(found):
        assert leaf.flags.writeable
        assert not np.shares_memory(leaf, x)
        for other in found[:i]:
            assert not np.shares_memory(leaf, other)
        leaf[...] = -1.0
    np.testing.assert_array_equal(x, before)


def test_a_pullback_does_not_see_what_is_written_into_the_output() -> None:
    """Nor one of its results, the next one."""
    out, pull = tg.vjp(np.exp, np.zeros(2))
    out[:] = 0.0
    first = pull(np.ones(2))[0]
    np.testing.assert_array_equal(first, np.ones(2))
    first[:] = 5.0
    np.testing.assert_array_equal(pull(np.ones(2))[0], np.ones(2))


def test_a_recording_cannot_be_written_into() -> None:
    """Neither its values nor its constants, of which its program is made."""
    c = np.array([2.0, 3.0])
    recording = tg.record(lambda x: x * c + 1.0, np.ones(2))
    for node in recording.tape:
        assert not node.value.flags.writeable
        for x in node.inputs:
            assert not isinstance(x, np.ndarray) or not x.flags.writeable
    c[:] = 0.0
    np.testing.assert_array_equal(recording.program(np.ones(2)), [3.0, 4.0])


def dead() -> Var:
    """A traced value whose trace has ended."""
    kept: list[Any] = []
    tg.grad(lambda x: kept.append(x) or x * x)(3.0)  # type: ignore[func-returns-value]
    return kept[0]  # type: ignore[no-any-return]


def in_objects(x: Any) -> Any:
    """A traced value where no one looks for it."""
    return boxed(x)


@pytest.mark.parametrize("hidden", [lambda x: x, in_objects], ids=["alone", "in objects"])
@pytest.mark.parametrize(
    "run",
    [
        lambda bad: tg.grad(lambda x: (x, {"kept": bad}), has_aux=True)(1.0),
        lambda bad: tg.value_and_grad(lambda x: (x, [bad]), has_aux=True)(1.0),
        lambda bad: tg.grad(lambda x: bad)(1.0),
        lambda bad: tg.vjp(lambda x: (x, bad), 1.0),
        lambda bad: tg.jvp(lambda x: bad, (1.0,), (1.0,)),
        lambda bad: tg.jacfwd(lambda x: bad)(1.0),
        lambda bad: tg.record(lambda x: [x, bad], 1.0),
        lambda bad: tg.vmap(lambda x: bad)(X),
        lambda bad: tg.vmap(lambda x: bad, out_axes=None)(X),
        lambda bad: tg.grad(lambda x: x)(bad),
        lambda bad: tg.jvp(lambda x: x, (1.0,), (bad,)),
    ],
)
def test_a_traced_value_that_has_ended_does_not_come_back(run: Any, hidden: Any) -> None:
    """It would be a constant, or a number that no one can compute with."""
    with pytest.raises((tg.EscapedError, *REFUSED, tg.ShapeError)) as caught:
        run(hidden(dead()))
    if hidden is not in_objects:
        assert "after tapegrad.grad(<lambda>) has ended" in str(caught.value)


def test_own_traced_values_in_objects() -> None:
    """aux may hold any object, but no traced value within an array of them."""
    with pytest.raises(tg.EscapedError, match="in an array of objects"):
        tg.grad(lambda x: (x, boxed(x)), has_aux=True)(1.0)
    _, aux = tg.grad(lambda x: (x, boxed("a")), has_aux=True)(1.0)
    assert aux[0, 0] == "a"
