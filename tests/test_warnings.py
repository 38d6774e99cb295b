"""NumPy's warnings and floating-point errors: in NumPy's words, of the user's line."""

from __future__ import annotations

import contextlib
import inspect
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextvars import Context, ContextVar
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

import tapegrad
import tapegrad.numpy as tnp
from tapegrad import _warnings

tg: Any = tapegrad
ZEROS = np.zeros(3)
HERE = __file__


@contextlib.contextmanager
def heard(action: Any = "always") -> Iterator[list[warnings.WarningMessage]]:
    """The warnings that are shown."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter(action)
        yield found


def line_of(text: str) -> int:
    """The number of the line of this file that has a mark."""
    (found,) = [i for i, line in enumerate(source(), 1) if line.endswith(f"# {text}")]
    return found


def source() -> list[str]:
    return Path(HERE).read_text(encoding="utf-8").splitlines()


def texts(found: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in found]


def check_line(found: list[warnings.WarningMessage], mark: str) -> None:
    """Each is an ordinary warning of the line with this mark."""
    assert found
    for each in found:
        assert each.category is RuntimeWarning
        assert (each.filename, each.lineno) == (HERE, line_of(mark))


# Forward -----------------------------------------------------------------------------------------


def logs(x: Any) -> Any:
    """A function of NumPy's."""
    return np.log(x).sum()  # log


def divides(x: Any) -> Any:
    """An operator."""
    return (np.ones(3) / x).sum()  # divide


def exponentiates(x: Any) -> Any:
    """The typed function."""
    return tnp.exp(x + 1000.0).sum()  # exp


def normalises(x: Any) -> Any:
    """A function of tapegrad's, made of many."""
    return tg.nn.log_softmax(x * np.inf)[0]  # softmax


def reduces(x: Any) -> Any:
    """A method."""
    return (x + 1e308).prod()  # prod


def plain(x: Any) -> Any:
    """NumPy alone, on what is no parameter."""
    return x.sum() * np.exp(np.array(1000.0)) * 0.0  # plain


FORWARD: list[tuple[Callable[[Any], Any], str, str]] = [
    (logs, "log", "divide by zero encountered in log"),
    (divides, "divide", "divide by zero encountered in divide"),
    (exponentiates, "exp", "overflow encountered in exp"),
    (normalises, "softmax", "invalid value encountered in multiply"),
    (reduces, "prod", "overflow encountered in reduce"),
    (plain, "plain", "overflow encountered in exp"),
]
WAYS: dict[str, Callable[[Callable[[Any], Any]], object]] = {
    "grad": lambda f: tg.grad(f)(ZEROS),
    "value_and_grad": lambda f: tg.value_and_grad(f)(ZEROS),
    "vjp": lambda f: tg.vjp(f, ZEROS),
    "jvp": lambda f: tg.jvp(f, (ZEROS,), (ZEROS,)),
    "jacrev": lambda f: tg.jacrev(f)(ZEROS),
    "jacfwd": lambda f: tg.jacfwd(f)(ZEROS),
    "hessian": lambda f: tg.hessian(f)(ZEROS),
    "hvp": lambda f: tg.hvp(f, (ZEROS,), (ZEROS,)),
    "record": lambda f: tg.record(f, ZEROS),
    "vmap": lambda f: tg.vmap(f)(np.zeros((2, 3))),
    "vmap of grad": lambda f: tg.vmap(tg.grad(f))(np.zeros((2, 3))),
    "grad of vmap": lambda f: tg.grad(lambda x: tg.vmap(f)(x).sum())(np.zeros((2, 3))),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("f", "mark", "text"), FORWARD, ids=lambda v: getattr(v, "__name__", ""))
def test_a_warning_of_the_function(f: Any, mark: str, text: str, way: str) -> None:
    """NumPy's own words, and the line that they are about, whatever the transform."""
    with heard() as found:
        WAYS[way](f)
    first = [each for each in found if str(each.message) == text]
    check_line(first[:1], mark)
    assert not [each for each in found if each.filename != HERE]


def test_a_warning_of_a_python_float() -> None:
    """NumPy's functions warn of them, too."""
    with heard() as found:
        tg.grad(lambda x: np.log(x))(0.0)  # number
    check_line(found, "number")
    assert texts(found)[0] == "divide by zero encountered in log"
    with heard() as found, np.errstate(divide="ignore"):
        assert tg.grad(lambda x: np.log(x))(0.0) == np.inf
    assert not found


def test_a_program_that_runs_again() -> None:
    """Its warnings are of the line that runs it."""
    program = tg.record(logs, ZEROS + 1.0).program
    with heard() as found:
        program(ZEROS)  # program
    check_line(found, "program")
    assert texts(found) == ["divide by zero encountered in log"]


def test_pythons_filter_shows_each_line_once() -> None:
    """Not one line of tapegrad's in a whole session."""

    def f(x: Any) -> Any:
        first = np.log(x)  # first
        second = np.log(2.0 * x)  # second
        return (first + second).sum()

    with heard("default") as found:
        for _ in range(3):
            tg.record(f, ZEROS)
    assert [each.lineno for each in found] == [line_of("first"), line_of("second")]


def test_filters_see_the_users_module() -> None:
    """Those of a module, and those of a text."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=re.escape(__name__))
        tg.record(logs, ZEROS)
        assert len(found) == 1
        warnings.filterwarnings("ignore", message="divide by zero encountered in log")
        tg.record(logs, ZEROS)
        assert len(found) == 1
    with pytest.warns(RuntimeWarning, match="divide by zero encountered in log"):
        tg.record(logs, ZEROS)


# Backward ----------------------------------------------------------------------------------------


def root(x: Any) -> Any:
    """A function that is finite at 0, and its slope is not."""
    return np.sqrt(x).sum()  # sqrt


BACKWARD: dict[str, Callable[[], object]] = {
    "grad": lambda: tg.grad(root)(ZEROS),  # by grad
    "value_and_grad": lambda: tg.value_and_grad(root)(ZEROS),  # by value_and_grad
    "pullback": lambda: pullback(1.0),  # by pullback
    "jvp": lambda: tg.jvp(root, (ZEROS,), (ZEROS,)),  # by jvp
    "jacrev": lambda: tg.jacrev(root)(ZEROS),  # by jacrev
    "jacfwd": lambda: tg.jacfwd(root)(ZEROS),  # by jacfwd
    "vmap": lambda: tg.vmap(tg.grad(root))(np.zeros((2, 3))),  # by vmap
    "hessian": lambda: tg.hessian(root)(ZEROS),  # by hessian
}


def pullback(g: float) -> Any:
    _, pull = tg.vjp(root, ZEROS)
    return pull(g)  # by pull


@pytest.mark.parametrize("way", BACKWARD)
def test_a_warning_of_a_derivative(way: str) -> None:
    """The operation whose derivative it is, and the line that asked for it."""
    with heard() as found:
        BACKWARD[way]()
    first = "divide by zero encountered in divide, in the derivative of sqrt (float64[3])"
    assert texts(found)[0] == first
    check_line(found, "by pull" if way == "pullback" else f"by {way}")
    assert all(", in the derivative of " in text for text in texts(found))


def test_a_warning_of_a_derivative_of_a_number() -> None:
    """A NumPy scalar; a Python float, whose walk backward is NumPy's where Python refuses."""
    with heard() as found:
        assert tg.grad(lambda x: x**0.5)(0.0) == np.inf
        assert tg.grad(lambda x: np.sqrt(x))(np.float64(0.0)) == np.inf
    assert [text.partition(", ")[2] for text in texts(found)] == [
        "in the derivative of power",
        "in the derivative of sqrt (float64)",
    ]


def test_a_warning_of_a_pullback_of_the_users() -> None:
    """It has a line of its own."""

    def f(x: Any) -> Any:
        return x * 1.0, lambda g: (g / np.zeros(3),)  # custom

    with heard() as found:
        tg.grad(lambda x: tg.custom_vjp(f)(x).sum())(ZEROS)
    check_line(found, "custom")
    assert texts(found) == ["divide by zero encountered in divide"]


def test_a_warning_of_the_outer_of_two() -> None:
    """The innermost walk says what it is at."""
    with heard() as found:
        tg.grad(lambda x: tg.grad(root)(x).sum())(ZEROS)  # outer
    check_line(found, "outer")
    assert {text.rpartition("of ")[2] for text in texts(found)} <= {
        "sqrt (float64[3])",
        "divide (float64[3])",
        "multiply (float64[3])",
    }


# What the user's errstate says -------------------------------------------------------------------


def test_what_is_ignored() -> None:
    """Outside, inside, and the rest is not."""
    with heard() as found:
        with np.errstate(divide="ignore"):
            tg.grad(root)(ZEROS)
            tg.record(logs, ZEROS)

        def f(x: Any) -> Any:
            with np.errstate(all="ignore"):
                return np.log(x).sum()

        tg.record(f, ZEROS)
        assert not found
        with np.errstate(divide="ignore"):
            tg.record(lambda x: np.exp(x + 1000.0), ZEROS)
        assert texts(found) == ["overflow encountered in exp"]
    with heard() as found:
        tg.record(lambda x: np.exp(x - 1000.0), ZEROS)  # NumPy's default
    assert not found
    with heard() as found, np.errstate(under="warn"):
        tg.record(lambda x: np.exp(x - 1000.0), ZEROS)  # under
    check_line(found, "under")
    assert texts(found) == ["underflow encountered in exp"]


def test_what_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """As NumPy does it."""
    with heard() as found, np.errstate(divide="print"):
        tg.record(logs, ZEROS)
    assert not found
    assert "divide by zero encountered in log" in capfd.readouterr().err


@attrs.define
class Log:
    """Who is told by NumPy."""

    lines: list[Any] = attrs.field(factory=list)

    def write(self, text: str) -> None:
        """What NumPy logs."""
        self.lines.append(text)

    def __call__(self, kind: str, flags: int) -> None:
        """What NumPy calls."""
        self.lines.append((kind, flags))


def test_what_is_logged_and_called() -> None:
    """The user's own, with what NumPy gives them; the rest warns."""

    def f(x: Any) -> Any:
        return (np.log(x) + np.exp(x + 1000.0) - np.exp(x + 1000.0)).sum()

    told, plainly = Log(), Log()
    with heard() as found, np.errstate(divide="log", over="call", call=told):
        tg.record(f, ZEROS)
        assert np.geterrcall() is told
    assert texts(found) == ["invalid value encountered in add"]
    with heard(), np.errstate(divide="log", over="call", call=plainly):
        f(ZEROS)
    assert told.lines == plainly.lines
    assert len(told.lines) == 3


def test_what_is_raised() -> None:
    """The line is in the traceback, as always; nothing is noted."""
    with np.errstate(all="raise"), pytest.raises(FloatingPointError) as caught:
        tg.grad(logs)(ZEROS)
    assert str(caught.value) == "divide by zero encountered in log"
    assert not hasattr(caught.value, "__notes__")
    assert any(each.lineno + 1 == line_of("log") for each in caught.traceback)


def test_what_the_function_says_itself() -> None:
    """Within it, for as long as it says."""

    def f(x: Any) -> Any:
        with np.errstate(divide="raise"), contextlib.suppress(FloatingPointError):
            np.log(x)
        return np.log(x).sum()  # after

    with heard() as found:
        tg.record(f, ZEROS)
    check_line(found, "after")

    def g(x: Any) -> Any:
        with np.errstate(divide="warn"):
            return tg.grad(logs)(x).sum()

    with heard() as found, np.errstate(divide="ignore", invalid="ignore"):
        tg.record(g, ZEROS)
    check_line(found[:1], "log")


def test_nothing_stays_behind() -> None:
    """After a call, and after one that failed; NumPy's settings are the user's."""

    def fails(x: Any) -> Any:
        np.log(x)
        raise KeyError

    for ways in ({}, {"divide": "ignore"}, {"over": "raise", "under": "warn"}):
        given: Any = ways
        with heard(), np.errstate(**given):
            before = np.geterr(), np.geterrcall()
            tg.grad(root)(ZEROS)
            for transform in (tg.grad, tg.vmap, lambda f: lambda x: tg.record(f, x)):
                with pytest.raises(KeyError):
                    transform(fails)(ZEROS)
            assert (np.geterr(), np.geterrcall()) == before
    with heard() as found:
        np.log(ZEROS)  # outside
    check_line(found, "outside")


def test_threads_do_not_meet() -> None:
    """Each has what its own errstate says."""
    ready, errors = threading.Barrier(4, timeout=60), []

    def work(way: Any) -> None:
        with np.errstate(divide=way):
            for _ in range(20):
                ready.wait()
                try:
                    tg.grad(root)(ZEROS)
                except FloatingPointError:
                    errors.append(way)
                assert np.geterr()["divide"] == way

    ways = ("ignore", "raise", "ignore", "raise")
    threads = [threading.Thread(target=work, args=(way,)) for way in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == ["raise"] * 40


# Errors ------------------------------------------------------------------------------------------


def noted(run: Callable[..., object], kind: type[Exception] = FloatingPointError) -> str:
    """The one note on an error."""
    with np.errstate(all="raise"), pytest.raises(kind) as caught:
        run()
    (note,) = caught.value.__notes__
    return str(note)


def test_an_error_of_a_derivative() -> None:
    """The operation, and the line where it is written, which the function is run again for."""
    found = re.sub(r"at \S+:(\d+)", r"at HERE:\1", noted(lambda: tg.grad(root)(ZEROS)))
    assert found == (
        "in the derivative of sqrt, which is float64[3]\n"
        f"  at HERE:{line_of('sqrt')}, in root: return np.sqrt(x).sum()  # sqrt"
    )
    text = noted(lambda: tg.value_and_grad(lambda x: x**0.5)(0.0))
    assert text.startswith("in the derivative of power, which is float 0.0\n  at ")


def test_an_error_of_a_derivative_among_several_arguments() -> None:
    """The function is run again with all that it was given."""

    def f(scale: float, p: dict[str, Any], *, twice: bool) -> Any:
        kept = np.exp(p["a"]) * scale
        return (np.sqrt(p["b"]) * kept).sum() * (2.0 if twice else 1.0)  # keyword

    params = {"a": ZEROS, "b": ZEROS}
    text = noted(lambda: tg.grad(f, 1)(2.0, params, twice=True))
    assert f":{line_of('keyword')}, in f: " in text


def test_an_error_of_other_transforms() -> None:
    """The operation alone."""
    expected = "in the derivative of sqrt, which is float64[3]"
    with np.errstate(all="ignore"):
        _, pull = tg.vjp(root, ZEROS)
    assert noted(lambda: pull(1.0)) == expected
    assert noted(lambda: tg.jvp(root, (ZEROS,), (ZEROS + 1.0,))) == expected
    assert noted(lambda: tg.jacfwd(root)(ZEROS)) == expected
    assert noted(lambda: tg.vmap(tg.grad(root))(np.zeros((2, 3)))).startswith(expected + "\n  at ")


def test_an_error_of_linear_algebra() -> None:
    """A matrix that has a logarithm of its determinant, -inf, and no inverse."""
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    with pytest.raises(np.linalg.LinAlgError) as caught:
        tg.grad(lambda a: np.linalg.slogdet(a)[1])(singular)
    assert "in the derivative of " in "".join(caught.value.__notes__)


def test_a_warning_that_is_an_error() -> None:
    """As with python -W error: the operation is in its text, its line in the note."""
    with heard("error"), pytest.raises(RuntimeWarning) as caught:
        tg.grad(root)(ZEROS)
    assert str(caught.value) == (
        "divide by zero encountered in divide, in the derivative of sqrt (float64[3])"
    )
    (note,) = caught.value.__notes__
    assert f":{line_of('sqrt')}, in root: " in note


def test_a_function_that_does_something_else_when_it_runs_again() -> None:
    """No line is better than another one's, and the error stays the first one."""
    calls: list[int] = []

    def other(x: Any) -> Any:
        calls.append(0)
        return (np.sqrt(x) if len(calls) == 1 else np.cbrt(x)).sum()

    def shorter(x: Any) -> Any:
        calls.append(0)
        return np.sqrt(x).sum() if len(calls) == 1 else 1.0

    def failing(x: Any) -> Any:
        calls.append(0)
        return np.sqrt({1: x}[len(calls)]).sum()

    for f in (other, shorter, failing):
        calls.clear()
        assert noted(lambda f=f: tg.grad(f)(ZEROS)) == (
            "in the derivative of sqrt, which is float64[3]"
        )
        assert len(calls) == 2


def test_the_second_run_is_silent() -> None:
    """What the function warns of, it has warned of."""

    def f(x: Any) -> Any:
        return np.exp(x + 1000.0).sum() + np.sqrt(x).sum()

    with heard() as found, np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        tg.grad(f)(ZEROS)
    assert texts(found).count("overflow encountered in exp") == 1


def test_a_warning_does_not_run_the_function_again() -> None:
    """Only an error ends the call: after a warning, what the function did must stand."""
    calls: list[int] = []

    def f(x: Any) -> Any:
        calls.append(0)
        return np.sqrt(x).sum()

    with heard() as found:
        tg.grad(f)(ZEROS)
    assert found
    assert len(calls) == 1


def test_an_error_of_the_users_pullback_is_not_met_twice() -> None:
    """Python's floats are asked again as NumPy's; what NumPy raises stands."""
    calls: list[Any] = []

    def f(x: Any) -> Any:
        def pull(g: Any) -> Any:
            calls.append(g)
            return (g / ZEROS,)

        return x * 1.0, pull

    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        tg.grad(lambda x: tg.custom_vjp(f)(x).sum())(ZEROS)
    assert len(calls) == 1


# How it is done ----------------------------------------------------------------------------------


def test_a_numpy_that_keeps_its_settings_elsewhere() -> None:
    """Then its warnings are its own, and nothing else changes."""

    def crowded() -> ContextVar[Any]:
        ContextVar[int]("other").set(1)
        return _warnings._where_numpy_keeps_it()

    assert Context().run(_warnings._where_numpy_keeps_it).name.startswith("numpy")
    assert Context().run(crowded).name == "not found"


def test_a_node_is_differentiated_where_a_walk_stands_at_it() -> None:
    """Not wherever something of ours has a node under the name that the walks have it."""
    (_, node) = tg.record(np.exp, 1.0).tape
    assert "node" in (frame := sys._getframe()).f_locals
    assert _warnings._walked_at([frame]) is None
    assert node.op is tnp.exp


def test_functions_keep_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and signatures; and without NumPy's variable they run."""

    @_warnings.watched
    def f(x: float, *, y: float = 1.0) -> float:
        """A docstring."""
        return float(np.exp(x + y))

    assert (f.__name__, f.__doc__) == ("f", "A docstring.")
    assert list(inspect.signature(f).parameters) == ["x", "y"]
    monkeypatch.setattr(_warnings, "_STATE", ContextVar("not found"))
    with heard() as found:
        assert f(1000.0) == np.inf
    assert texts(found) == ["overflow encountered in exp"]


def test_a_program_as_users_run_it(tmp_path: Path) -> None:
    """Python's own filter, and a loop: each line is shown once, with its source."""
    program = tmp_path / "train.py"
    program.write_text(
        "import numpy as np\n"
        "import tapegrad as tg\n"
        "\n"
        "def loss(x):\n"
        "    return np.sqrt(x).sum() + (0.0 * np.log(x)).sum()\n"
        "\n"
        "for _ in range(3):\n"
        "    tg.grad(loss)(np.zeros(2))\n"
    )
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=Path(HERE).parent.parent,
        env={"PYTHONPATH": str(Path(HERE).parent.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = re.findall(r"train\.py:(\d+): RuntimeWarning: (.*)\n  (.*)\n", done.stderr)
    assert done.stderr.count("RuntimeWarning") == len(shown)
    line = "return np.sqrt(x).sum() + (0.0 * np.log(x)).sum()"
    call = "tg.grad(loss)(np.zeros(2))"
    assert shown[:2] == [
        ("5", "divide by zero encountered in log", line),
        ("5", "invalid value encountered in multiply", line),
    ]
    assert {(number, text) for number, _, text in shown[2:]} == {("8", call)}
    assert len(set(shown)) == len(shown)
