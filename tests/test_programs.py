"""Programs at random: what they are made of, that faults are found, and a small number of them.

`make fuzz` tries many more. What it finds is kept below, as a program: in `MENDED`, or in `OPEN`
until it is mended.
"""

from __future__ import annotations

import math
import pickle
import runpy
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from calls import WITH_SIGNATURES
from hypothesis import Phase, find, settings
from programs import (
    CHECKS,
    Failure,
    __main__ as hunting,
    _cases as drawing,
    cases,
    check,
    failure_of,
    program,
    quietly,
    shown,
)
from programs._functions import FUNCTIONS, Function, takes_values
from programs._hunt import CALM, Found, Hunt, Sign, one_round
from programs._settings import SETTINGS
from programs._truth import slope_and_curvature
from programs._worlds import REAL, Instead, extended, see

import tapegrad as tg
from tapegrad.numpy import TABLE

# What was found ----------------------------------------------------------------------------------
MENDED: list[tuple[str, str]] = [
    ("x1 = np.array([1, 1])", "return np.tril(x1)"),
    ("x1 = np.zeros((0,), np.int64)", "return np.triu(x1)"),
    ("x1 = np.array([1, 1])", "return np.around(x1)"),
    ("x1 = np.array([0.7, -1.3])", "v2 = x1 < x1\nv3 = tg.special.erf(v2)\nreturn v3"),
    ("x1 = np.array([[1, 1], [1, 1]])", "return np.pad(x1, 1, constant_values=1.5)"),
    ("x1 = np.array(1)", "return np.pad(x1, 1, constant_values=1.5)"),
    ("x1 = True", "return np.conjugate(x1)"),
    ("x1 = np.array([1, 1])", "return np.linalg.norm(x1, ord=1)"),
    ("x1 = np.array([[False, True], [True, False]])", "return np.linalg.trace(x1)"),
    ("x1 = np.zeros((2, 0))", "return np.linalg.trace(x1)"),
    ("x1 = np.array([0.7, -1.3])", "return np.std(x1, ddof=2)"),
    ("x1 = np.array(0.7)", "return np.sum(x1, axis=0)"),
    ("x1 = 2.0", "return np.argsort(x1)"),
    ("x1 = 0.0\nx2 = 2.0", "return x2**x1"),
    ("x1 = np.array([[0.7, 0.3], [0.3, 2.7]], order='F')", "return np.sum(x1, axis=0) @ x1"),
    ("x1 = 2.0", "refused = np.linalg.outer(x1, x1)\nreturn refused"),
    ("x1 = np.array([0.7, -1.3])", "refused = np.round(x1, 1.5)\nreturn refused"),
    ("x1 = np.ones((2, 1, 2))", "refused = np.tensordot(x1, x1, axes=(0, 2, 1))\nreturn refused"),
    ("x1 = 2.0", "refused = np.tril(x1)\nreturn refused"),
    ("x1 = 2.0", "return np.dot(x1, np.float32(0.7))"),
    ("x1 = 2.0", "return np.inner(x1, np.array([0.7], np.float32))"),
    ("x1 = np.array([0.7, -1.3])", "v2 = x1 < x1\nv3 = tg.nn.sigmoid(v2)\nreturn v3"),
    ("x1 = 2.0\nx2 = np.array([True])", "v3 = np.hypot(x2, x1)\nreturn v3"),
    ("x1 = np.array([0.7, -1.3])", "v2 = x1 < x1\nv3 = np.arctan2(v2, v2)\nreturn v3"),
    ("x1 = 0.7", "refused = tg.nn.accuracy(x1, x1)\nreturn refused"),
    ("x1 = True", "return np.real(x1)"),
    ("x1 = True", "refused = np.subtract(x1, x1)\nreturn refused"),
    ("x1 = np.float32(0.7)\nx2 = 0.55", "v3 = np.negative(x2)\nv4 = v3 * x1\nreturn v4"),
    (
        "x1 = np.array([0.7, -1.3])\nx2 = np.ones((2, 2))",
        "refused = np.linalg.tensordot(x2, x1)\nreturn refused",
    ),
    ("x1 = 2.0", "refused = np.linalg.cholesky(x1, upper=True)\nreturn refused"),
    ("x1 = np.ones((2, 3))", "return x1[np.zeros((2, 0), bool)]"),
    (
        "x1 = np.zeros((0,))\nx2 = 0.0",
        "v3 = x1 / x2\nreturn v3",
    ),
]
OPEN: list[tuple[str, str]] = []


@pytest.mark.parametrize(("inputs", "body"), MENDED)
def test_what_is_mended(inputs: str, body: str) -> None:
    """What once was wrong."""
    failure = failure_of(program(inputs, body))
    assert failure is None, failure


@pytest.mark.parametrize(("inputs", "body"), OPEN)
def test_what_is_open(inputs: str, body: str) -> None:
    """What is wrong still: a line that passes is to be moved to `MENDED`."""
    assert failure_of(program(inputs, body)) is not None


# Programs at random ------------------------------------------------------------------------------
@pytest.mark.parametrize("swarm", range(12))
def test_what_is_drawn(swarm: int) -> None:
    """Whatever is drawn holds; of what is open nothing more is said."""
    known = {Sign.of(f) for each in OPEN if (f := failure_of(program(*each))) is not None}
    failure = Hunt(CHECKS, size=8, programs=50, known=known).round(swarm)
    if failure is not None:
        pytest.fail(shown(failure), pytrace=False)


# What they are made of ---------------------------------------------------------------------------
def test_every_function_joins() -> None:
    """All that answers for NumPy's functions, by its name; x[i] is a statement of its own."""
    texts = {function.text for function in FUNCTIONS}
    for function in TABLE:
        name = str(getattr(function, "__name__", ""))
        assert name == "getitem" or {f"np.{name}", f"np.linalg.{name}"} & texts, name
    assert {"tg.nn.softmax", "tg.nn.linear", "tg.special.erf"} <= texts


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.text)
def test_every_parameter_is_known(function: Function) -> None:
    """A function with a parameter of a new name needs a line in `_settings.SETTINGS`."""
    for parameter in (*function.parameters, *function.more):
        known = takes_values(parameter) or parameter.name in SETTINGS
        assert known, f"{function.text}: what may {parameter.name} be? Say it in _settings.SETTINGS"


@WITH_SIGNATURES
def test_every_setting_is_used() -> None:
    """A line in `_settings.SETTINGS` is of a parameter of some function, of one NumPy at least."""
    used = {p.name for f in FUNCTIONS for p in (*f.parameters, *f.more)}
    assert set(SETTINGS) - used <= {"newshape", "descending"}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.text)
def test_every_function_is_written(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    """In programs that have no other to call: NumPy takes what is drawn for its parameters."""
    monkeypatch.setattr(drawing, "FUNCTIONS", [function] * 16)
    calm = settings(CALM, phases=[Phase.generate], derandomize=True, max_examples=400)
    find(cases(3, 0), lambda case: function.text in case.code.calls, settings=calm)


# The hunt -----------------------------------------------------------------------------------------
def test_a_hunt_finds_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn, made short, and once only."""
    monkeypatch.setitem(REAL, "np", Instead(np, sin=np.cos))
    monkeypatch.setattr(drawing, "FUNCTIONS", SINES * 8)
    checks = {"values": CHECKS["values"]}
    hunt = Hunt(checks, programs=40)
    failure = hunt.round(0)
    assert failure is not None
    assert (failure.check, failure.case.code.calls) == ("value", frozenset({"np.sin"}))
    assert len(failure.case.code.body) == 2
    again = Hunt(checks, programs=40, known={Sign.of(failure)})
    assert again.round(0) is None
    assert again.stats["known: value"] > 1
    assert again.stats["programs"] == 40


SINES = [function for function in FUNCTIONS if function.text in ("np.sin", "np.exp")]


def test_a_failure_is_a_program_to_paste(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It runs by itself, and prints what came."""
    body = "v3 = a0.x\nif see(np.sum(v3) > 0.0):\n    v3 = tg.label(v3, 'm')\nreturn Pair(v3, x2)"
    case = program("x1 = np.array([0.7, 1.3])\nx2 = 0.45", body)
    code = attrs.evolve(case.code, arguments="(Point(x1, None), x2)", parameters=("a0", "x2"))
    value = "tg.record(f, *args).value.first"
    failure = Failure("value", attrs.evolve(case, code=code), value, np.ones(2), "an error")
    text = shown(failure)
    file = tmp_path / "pasted.py"
    file.write_text(text, encoding="utf-8")
    runpy.run_path(str(file))
    assert capsys.readouterr().out == "[0.7 1.3]\n"
    assert text.startswith("# value\n")
    assert text.endswith("# came:\n#     array([1., 1.])\n# expected:\n#     an error\n")
    assert "see(" not in text
    assert "class Point" in text
    assert "class Layer" not in text


# The truth ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("f", "slope", "curvature"),
    [
        (lambda h: np.exp(0.3 + h), np.exp(0.3), np.exp(0.3)),
        (lambda h: (1.0 + h) ** 7, 7.0, 42.0),
        (lambda h: 1.0 / (0.05 + h), -400.0, 16000.0),
        (abs, None, None),
        (lambda h: h * abs(h), 0.0, None),
        (lambda h: np.floor(h), None, None),
        (lambda h: np.sqrt(h), None, None),
        (lambda h: h * 0.0 + (h == 0.0), None, None),
        (lambda h: np.floor(1e6 / (0.5 + h)), None, None),
        (lambda h: float(np.exp(0.3 + h)), np.exp(0.3), None),
    ],
)
def test_differences(f: Any, slope: float | None, curvature: float | None) -> None:
    """Slopes and curvatures are within their errors, and those that are not there are unknown."""
    with quietly():
        found = slope_and_curvature(f)
    for estimate, expected in zip(found, (slope, curvature), strict=True):
        if expected is not None:
            assert abs(estimate.value - expected) <= 10.0 * estimate.error + 1e-14 * abs(expected)
            assert estimate.error < 1e-6 * abs(expected) + 1e-9
        elif estimate.known:  # in double precision, a curvature is not known well
            assert slope is not None
            assert estimate.error > 1e-9


@pytest.mark.parametrize("name", ["inv", "det", "solve", "slogdet", "cholesky"])
def test_linear_algebra_in_extended_precision(name: str) -> None:
    """It is NumPy's, up to the precision of NumPy's."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 3, 3))
    a = a @ np.swapaxes(a, -1, -2) + np.eye(3)
    args = (a, rng.normal(size=(3, 2))) if name == "solve" else (a,)
    ours = getattr(extended(see)["np"].linalg, name)(*(x.astype(np.longdouble) for x in args))
    theirs = getattr(np.linalg, name)(*args)
    np.testing.assert_allclose(np.asarray(ours, float), np.asarray(theirs), rtol=1e-12)


def test_erf_in_extended_precision() -> None:
    """It is the C library's, and its own negative."""
    erf = extended(see)["tg"].special.erf
    for x in (0.0, 0.3, -1.7, 4.0, 8.0):
        assert abs(float(erf(x)) - math.erf(x)) < 1e-16


def test_what_is_constant_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Differences see a constant where stop_gradient and .value are."""
    body = "v2 = x1 * tg.stop_gradient(x1) + x1 * see(value_of(np.sin(x1)))\nreturn v2"
    check(program("x1 = 0.7", body))
    monkeypatch.setattr(tg, "stop_gradient", lambda x: x)
    failure = failure_of(program("x1 = 0.7", body))
    assert failure is not None
    assert failure.check == "slope"


# The program -------------------------------------------------------------------------------------
def test_the_hunt_as_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reports, keeps each failure in a file, and its exit status says whether there was one."""
    stats = Counter(
        {"programs": 2, "lines": 9, "call tg.grad": 1, "values checked": 2, "op sin": 1}
    )
    failing = Found(stats, Sign("value", "", frozenset({"np.sin"})), "# value\nprint(1)\n")
    for found, status, files in (
        ([Found(stats)], 0, []),
        ([failing, failing, Found(stats)], 1, ["value-np-sin.py"]),
    ):
        monkeypatch.setattr(hunting, "results", lambda options, known, found=found: found)
        monkeypatch.setattr(sys, "argv", ["fuzz", "--out", str(tmp_path / "out")])
        assert hunting.main() == status
        assert [file.name for file in (tmp_path / "out").iterdir()] == files
    text = hunting.report(stats, 3.0)
    assert text.splitlines() == [
        "-- 3 min: 2 programs, each of 4.5 lines, 0.50 transforms and marks",
        "           2 values checked",
    ]
    assert "'sin'" not in hunting.unseen(stats)
    assert "'cos'" in hunting.unseen(stats)


def test_one_round_in_a_process_of_its_own() -> None:
    """What it gives can be sent back."""
    options = {"jax": False, "size": 3, "programs": 5, "numbers": True}
    found = pickle.loads(pickle.dumps(one_round(3, options, frozenset())))
    assert found.stats["rounds"] == 1
    assert found.stats["programs"] > 1
