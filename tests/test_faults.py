"""That each check of the programs at random has been seen to fail: faults are planted, and found.

A fault is a sine that is another function, or a transform that is. The names of what may fail are
read off the checks: one that no fault is of fails a test.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from programs import CHECKS, _checks, _derivatives, _nestings, failure_of, program
from programs._checks import check_own
from programs._functions import FUNCTIONS
from programs._plain import REFERENCES
from programs._reduce import reduced
from programs._run import Failure, Run
from programs._worlds import REAL, Instead

import tapegrad as tg
from tapegrad.numpy._at import Elements

LONG = (
    "x1 = np.array([0.7, -1.3])\nx2 = np.float64(0.45)",
    """
v3 = x1 * 0.5
v4 = v3 + 0.0
if see(v4.shape == ()):
    v4 = v4 * 2.0
v5 = np.sin(x1)
v6 = x1 - x2
return v5
""",
)


# Wrong sines -------------------------------------------------------------------------------------
def only(transform: str, wrong: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A sine that is another function of what one transform traces."""

    def sine(x: Any) -> Any:
        there = isinstance(x, tg.Var) and x._trace.transform == transform
        return wrong(x) if there else np.sin(x)

    return sine


def on_plain(wrong: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A sine that is another function of plain values."""
    return lambda x: np.sin(x) if isinstance(x, tg.Var) else wrong(x)


@tg.custom_vjp
def steep(x: Any) -> Any:
    """A sine whose slope is one percent off."""
    return np.sin(x), lambda g: (1.01 * np.cos(x) * g,)


@tg.custom_vjp
def straight(x: Any) -> Any:
    """A sine whose slope does not change."""
    return np.sin(x), lambda g: (tg.stop_gradient(np.cos(x)) * g,)


def writing(x: Any) -> Any:
    """A sine that writes into a plain operand."""
    out = np.sin(x)
    if isinstance(x, np.ndarray):
        x[...] = 0.0
    return out


def fickle() -> Callable[[Any], Any]:
    """A sine that is another each time."""
    count = itertools.count()
    return lambda x: np.sin(x) + 1e-9 * next(count)


def no_such_key(key: Any) -> Any:
    """An error from inside."""
    return dict[str, Any]()[str(key)]


WRONG: dict[str, Callable[[Any], Any]] = {
    "": lambda x: np.sin(x) * (1.0 + 1e-9),
    " dtype": lambda x: np.sin(x).astype(np.float32),
    " bits": lambda x: np.sin(x) * (1.0 + 2.3e-16),
    " structure": lambda x: [np.sin(x)],
    " raised": no_such_key,
}
SINES: dict[str, Callable[[Any], Any]] = {
    **{f"value{name}": wrong for name, wrong in WRONG.items()},
    **{f"plain{name}": on_plain(wrong) for name, wrong in WRONG.items()},
    "twice": fickle(),
    "changed": writing,
    "grad raised": only("grad", no_such_key),
    "modes": only("jvp", steep),
    "slope": steep,
    "curvature": straight,
    "vmap": only("vmap", np.cos),
    "vmap dtype": only("vmap", lambda x: np.sin(x).astype(np.float32)),
}


@pytest.mark.parametrize("name", SINES)
def test_a_wrong_sine_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found among other things, and the program that shows it is short."""
    monkeypatch.setitem(REAL, "np", Instead(np, sin=SINES[name]))
    failure = failure_of(program(*LONG))
    assert failure is not None
    assert failure.check == name
    assert failure.is_wrong == ("raised" not in name)
    code = reduced(failure, CHECKS).case.code
    assert (code.leaves, code.body) == (("x1",), ("v5 = np.sin(x1)", "return v5"))


# Wrong transforms --------------------------------------------------------------------------------
Transform = Callable[..., Any]


def off(transform: Transform) -> Transform:
    """One percent off."""
    return lambda f, *more: lambda *p: tg.tree.map(lambda x: 1.01 * x, transform(f, *more)(*p))


def in_single(grad: Transform) -> Transform:
    """Of another dtype."""
    return lambda f, *more: lambda *p: tg.tree.map(np.float32, grad(f, *more)(*p))


def replaying(change: Callable[[Any], Any]) -> Callable[[Transform], Transform]:
    """A recording whose program gives something else."""

    def wrapped(record: Transform) -> Transform:
        def wrong(f: Any, *args: Any) -> Any:
            found = record(f, *args)
            again = lambda *args: change(found.program(*args))  # noqa: E731
            return SimpleNamespace(value=found.value, tape=found.tape, program=again)

        return wrong

    return wrapped


def locked(record: Transform) -> Transform:
    """A recording whose value cannot be written into."""

    def wrong(f: Any, *args: Any) -> Any:
        found = record(f, *args)
        found.value.flags.writeable = False
        return found

    return wrong


def once(vjp: Transform) -> Transform:
    """A pullback that gives something else the second time."""

    def wrong(f: Any, *args: Any) -> Any:
        out, pull = vjp(f, *args)
        count = itertools.count(1.0)

        def again(g: Any) -> Any:
            times = next(count)
            return tg.tree.map(lambda x: times * x, pull(g))

        return out, again

    return wrong


def where(
    here: Callable[[Any, Any], bool], wrong: Callable[[Transform], Transform]
) -> Callable[[Transform], Transform]:
    """Wrong for some functions and arguments only."""

    def wrapped(transform: Transform) -> Transform:
        def chosen(f: Any, *more: Any) -> Any:
            return lambda *p: (wrong(transform) if here(f, p) else transform)(f, *more)(*p)

        return chosen

    return wrapped


def broken(transform: Transform) -> Transform:
    """An error from inside."""
    return no_such_key


def elsewhere(f: Any, p: Any) -> bool:
    """On another thread than the first."""
    return threading.current_thread() is not threading.main_thread()


def of_others(f: Any, p: Any) -> bool:
    """At other values than those of the program."""
    return isinstance(p[0], np.ndarray) and p[0][0] != 0.7


def of_a_loss(f: Any, p: Any) -> bool:
    """Of something else than the program as a function of its leaves."""
    return getattr(f, "__name__", "") != "g"


# Which one is something else, by what is wrong then.
TRANSFORMS: dict[str, tuple[str, Callable[[Transform], Transform]]] = {
    "program": ("record", replaying(lambda x: 1.01 * x)),
    "program raised": ("record", replaying(no_such_key)),
    "read-only": ("record", locked),
    "kind": ("grad", in_single),
    "shared": ("grad", lambda grad: lambda f, n: lambda *p: p),
    "jvp raised": ("jvp", broken),
    "vjp raised": ("vjp", broken),
    "pullback": ("vjp", once),
    "second modes": ("hvp", lambda hvp: lambda *args: tg.tree.map(lambda x: 1.01 * x, hvp(*args))),
    "second raised": ("hvp", broken),
    "vmap raised": ("vmap", broken),
    "jacobians": ("jacfwd", off),
    "jacobians raised": ("jacfwd", broken),
    "hessians": ("hessian", off),
    "hessians raised": ("hessian", broken),
    "one by one raised": ("grad", where(of_others, broken)),
    "batches raised": ("vmap", where(of_a_loss, broken)),
    "batched gradients": ("vmap", where(of_a_loss, off)),
    "threads": ("grad", where(elsewhere, off)),
    "threads raised": ("grad", where(elsewhere, broken)),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_wrong_transform_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the check that is there for it."""
    which, wrong = TRANSFORMS[name]
    monkeypatch.setattr(tg, which, wrong(getattr(tg, which)))
    failure = failure_of(program(*LONG))
    assert failure is not None
    assert failure.check == name


def test_shared_memory_is_found() -> None:
    """Also between two arrays that come back."""
    x = np.ones(2)
    run = Run(program(*LONG))
    check_own(run, "", [x, x + 1.0], [np.ones(2)])
    for tree, given in (([x, x[::-1]], []), ([x], [x])):
        with pytest.raises(Failure, match=r"^shared"):
            check_own(run, "", tree, given)


# Errors ------------------------------------------------------------------------------------------
def narrow(x: Any) -> Any:
    """Of one parameter."""
    return np.sin(x)


# Where NumPy refuses, a value is wrong, and so is an error from inside.
REFUSED: list[tuple[Callable[..., Any], str | None]] = [
    (lambda x, **options: np.sin(x), "accepted"),
    (lambda x, **options: no_such_key(x), "refusal"),
    (lambda x, **options: narrow(x, **options), "refusal"),
    (narrow, None),
    (np.sin, None),
]


@pytest.mark.parametrize(("sine", "expected"), REFUSED)
def test_what_is_not_refused_is_found(
    sine: Any, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Python says of the program's own call is no error from inside."""
    monkeypatch.setitem(REAL, "np", Instead(np, sin=sine))
    failure = failure_of(program("x1 = 0.7", "refused = np.sin(x1, option=1)\nreturn refused"))
    assert (failure and failure.check) == expected


def test_a_transform_that_raises_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its function runs on plain values: it is not the function that is to blame."""
    sine = only("grad", no_such_key)
    monkeypatch.setitem(REAL, "np", Instead(np, sin=sine))
    body = "def g(y):\n    return np.sin(y)\nrefused = tg.grad(g)(x1)\nreturn refused"
    failure = failure_of(program("x1 = 0.7", body))
    assert failure is not None
    assert failure.check == "transform raised"


# Where NumPy has nothing -------------------------------------------------------------------------
# A program with each function that `_plain` has another's for; x1 are scores, of two classes each.
BESIDE_NUMPY = {
    **{f"nn.{name}": f"tg.nn.{name}(x1)" for name in ("relu", "sigmoid", "softplus", "softmax")},
    "nn.log_softmax": "tg.nn.log_softmax(x1)",
    "nn.linear": "tg.nn.linear(tg.nn.Linear(np.eye(2), np.ones(2)), x1)",
    "nn.mlp": "tg.nn.mlp([tg.nn.Linear(np.eye(2), np.ones(2))], x1)",
    "nn.mean_squared_error": "tg.nn.mean_squared_error(x1, np.ones((2, 2)))",
    "nn.hinge": "tg.nn.hinge(x1, np.array([[1, -1], [1, 1]]))",
    "nn.binary_cross_entropy": "tg.nn.binary_cross_entropy(x1, np.array([[1, 0], [1, 1]]))",
    "nn.cross_entropy": "tg.nn.cross_entropy(x1, np.array([0, 1]))",
    "nn.accuracy": "tg.nn.accuracy(x1, np.array([0, 1]))",
    "special.erf": "tg.special.erf(x1)",
    "special.logsumexp": "tg.special.logsumexp(x1, axis=0)",
}


def test_all_that_is_beside_numpy_has_a_reference() -> None:
    """What programs call of tapegrad's is compared with SciPy, or with NumPy alone."""
    called = {f.text.removeprefix("tg.") for f in FUNCTIONS if f.text.startswith("tg.")}
    known = {f"{module}.{name}" for module, names in REFERENCES.items() for name in names}
    assert called == known == set(BESIDE_NUMPY)


@pytest.mark.parametrize("name", BESIDE_NUMPY)
def test_a_wrong_function_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose value nothing of NumPy's could tell."""
    case = program("x1 = np.array([[0.7, -1.3], [0.45, 1.9]])", f"return {BESIDE_NUMPY[name]}")
    assert failure_of(case) is None
    module, _, function = name.partition(".")
    right = getattr(getattr(tg, module), function)
    monkeypatch.setattr(
        getattr(tg, module), function, lambda *args, **kwargs: 1.01 * right(*args, **kwargs)
    )
    failure = failure_of(case)
    assert failure is not None
    assert failure.check == "value"


@pytest.mark.parametrize("how", ["set", "add"])
def test_wrong_elements_are_found(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By those that are written into a copy."""
    case = program("x1 = np.array([0.7, -1.3])", f"return tg.at(x1)[[0, 0]].{how}(0.5)")
    assert failure_of(case) is None
    right = getattr(Elements, how)
    monkeypatch.setattr(Elements, how, lambda self, values: 1.01 * right(self, values))
    failure = failure_of(case)
    assert failure is not None
    assert failure.check == "value"


# All of them -------------------------------------------------------------------------------------
TAILS = ("", " dtype", " bits", " structure")  # of what is held against NumPy's
SAID: dict[str, tuple[int, tuple[str, ...]]] = {  # which argument is a name, and what it stands for
    "fail": (0, ("",)),
    "Failure": (0, ("",)),
    "agree": (0, ("",)),
    "hold": (0, ("",)),
    "doing": (0, (" raised",)),
    "_same": (1, ("", " raised")),
    "_as_numpy": (1, TAILS),
}


def names() -> Iterator[str]:
    """What the checks may find wrong, but for JAX's, which are in the bench environment only."""
    for module in (_checks, _derivatives, _nestings):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call):
                place, tails = SAID.get(ast.unparse(node.func).rpartition(".")[2], (0, ()))
                said = node.args[place] if tails else None
                if isinstance(said, ast.Constant):
                    yield from (str(said.value) + tail for tail in tails)
                elif isinstance(said, ast.JoinedStr):
                    assert ast.unparse(said)[len("f'{check}") : -1] in TAILS


def test_every_check_has_been_seen_to_fail() -> None:
    """A new one needs a fault that it finds."""
    errors = {"transform raised", *(name for _, name in REFUSED if name)}
    assert set(names()) == {*SINES, *TRANSFORMS, *errors}
