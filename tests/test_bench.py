"""The benchmark's own correctness, at small sizes and without the peers; nothing is timed here."""

import datetime as dt
import importlib
import io
import json
import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import bench.workloads
import tapegrad as tg
from bench import __main__ as program, _harness, _memory, _peers, _report
from bench._harness import Answer, Case, DisagreementError, Job, Peer, Row, Settings, Workload
from bench.gradbench import _tool, det, saddle
from bench.workloads import (
    ALL,
    chain,
    digits,
    hessian,
    import_time,
    moons,
    moons_scalar,
    rnn,
    rosenbrock,
)

Real = NDArray[np.float64]

ROOT = Path(__file__).parents[1]
NO_TIME = Settings(repeat=1, seconds=0.0)


def evaluate(module: str, function: str, given: object) -> Any:
    """The output of one function of the GradBench tool."""
    message = {"kind": "evaluate", "module": module, "function": function, "input": given}
    response = _tool.respond(message)
    assert response.get("success"), response.get("error")
    return response["output"]


def slopes(f: Callable[[Real], float], x: Real, step: float = 1e-6) -> Real:
    """The gradient of f at x by central differences, in the shape of x."""
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += step
        down[i] -= step
        gradient[i] = (f(up) - f(down)) / (2 * step)
    return gradient


# --- GradBench: the protocol -------------------------------------------------------------------


def test_tool_answers_one_line_per_message() -> None:
    """A whole session with the program, as GradBench drives it."""
    messages: list[dict[str, Any]] = [
        {"id": 0, "kind": "start", "eval": "hello"},
        {"id": 1, "kind": "define", "module": "hello"},
        {"id": 2, "kind": "evaluate", "module": "hello", "function": "square", "input": 3.0},
        {"id": 3, "kind": "analysis", "of": 2, "valid": True},
        {"id": 4, "kind": "evaluate", "module": "hello", "function": "double", "input": 9.0},
        {"id": 5, "kind": "define", "module": "no such"},
        {"id": 6, "kind": "evaluate", "module": "hello", "function": "cube", "input": 1.0},
        {"id": 7, "kind": "evaluate", "module": "lse", "function": "primal", "input": {}},
    ]
    done = subprocess.run(
        [sys.executable, "-m", "bench.gradbench"],
        input="\n".join(json.dumps(m) for m in messages),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    responses = [json.loads(line) for line in done.stdout.splitlines()]
    assert [r["id"] for r in responses] == list(range(8))
    assert responses[0] == {"id": 0, "tool": "tapegrad"}
    assert responses[1] == {"id": 1, "success": True}
    assert (responses[2]["success"], responses[2]["output"]) == (True, 9.0)
    assert responses[2]["timings"][0]["name"] == "evaluate"
    assert responses[3] == {"id": 3}
    assert responses[4]["output"] == 18.0
    assert not responses[5]["success"]
    assert "no module 'no such'; there are hello, lse" in responses[5]["error"]
    assert not responses[6]["success"]
    assert "no function 'cube'; it has square, double" in responses[6]["error"]
    assert not responses[7]["success"]
    assert "KeyError" in responses[7]["error"]


@pytest.mark.parametrize("line", ["garbage", "[]", "3", "null", "{}"])
def test_tool_stops_at_a_line_that_is_no_message(line: str) -> None:
    """What came before is answered; then one line that says what is wrong, and status 2."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.gradbench"],
        input=f'{{"id": 0, "kind": "start"}}\n\n{line}\n{{"id": 1, "kind": "start"}}\n',
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert done.stdout == '{"id": 0, "tool": "tapegrad"}\n'
    assert done.stderr == (
        "bench.gradbench: stopped: line 3 of the input is no message: "
        f"expected a JSON object with an id, not {line}\n"
    )


def test_tool_repeats_the_beginning_of_a_long_line() -> None:
    """A line of megabytes does not fill the terminal."""
    with pytest.raises(_tool.ProtocolError, match=r"not x{80}\.\.\.$"):
        _tool.serve(io.StringIO("x" * 100_000), io.StringIO())


@pytest.mark.parametrize("x", [1e300, math.nan])
def test_tool_gives_no_number_that_json_has_not(x: float) -> None:
    """Infinity and NaN are an error in words, and the session goes on."""
    message = {"id": 1, "kind": "evaluate", "module": "hello", "function": "square", "input": x}
    responses = io.StringIO()
    _tool.serve(io.StringIO(json.dumps(message) + '\n{"id": 2, "kind": "start"}'), responses)
    first, second = (json.loads(line) for line in responses.getvalue().splitlines())
    assert (first["id"], first["success"]) == (1, False)
    assert "the output is not finite, and JSON has no NaN or Infinity" in first["error"]
    assert second["id"] == 2


def test_tool_says_what_it_reads() -> None:
    """--help is the place to look for what the program waits for."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.gradbench", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert "JSON message per line on stdin" in " ".join(done.stdout.split())
    assert "https://github.com/gradbench/gradbench" in done.stdout


def test_tool_runs_as_often_as_it_is_asked() -> None:
    """The field min_runs gives as many timings, each of at least a nanosecond."""
    given = {"x": [1.0, 2.0], "min_runs": 5, "min_seconds": 0}
    message = {"kind": "evaluate", "module": "lse", "function": "primal", "input": given}
    timings = _tool.respond(message)["timings"]
    assert len(timings) == 5
    assert all(t["nanoseconds"] > 0 for t in timings)


def test_tool_runs_as_long_as_it_is_asked() -> None:
    """The field min_seconds goes on beyond min_runs."""
    given = {"x": [1.0, 2.0], "min_runs": 1, "min_seconds": 0.01}
    message = {"kind": "evaluate", "module": "lse", "function": "primal", "input": given}
    timings = _tool.respond(message)["timings"]
    assert len(timings) > 1
    assert sum(t["nanoseconds"] for t in timings) >= 1e7


@pytest.mark.parametrize("module", _tool.MODULES)
def test_every_module_is_defined(module: str) -> None:
    """A "define" of each module of the list succeeds."""
    assert _tool.respond({"kind": "define", "module": module}) == {"success": True}


# --- GradBench: the modules, each against independent truth ------------------------------------


def test_hello() -> None:
    """x squared, and twice x."""
    assert evaluate("hello", "square", 1.5) == 2.25
    assert evaluate("hello", "double", 1.5) == 3.0


def test_lse() -> None:
    """The gradient is the softmax; large entries do not overflow."""
    x = np.array([0.5, -1.0, 2.0, 0.1])
    assert evaluate("lse", "primal", {"x": list(x)}) == pytest.approx(math.log(np.exp(x).sum()))
    want = np.exp(x) / np.exp(x).sum()
    np.testing.assert_allclose(evaluate("lse", "gradient", {"x": list(x)}), want, rtol=1e-13)
    assert evaluate("lse", "primal", {"x": [1000.0, 1000.0]}) == 1000.0 + math.log(2.0)


def test_llsq() -> None:
    """The sum of the definition, term by term, and its gradient worked out on paper."""
    x, n = [0.3, -0.2, 0.7], 16
    t = [-1 + i * 2 / (n - 1) for i in range(n)]
    residuals = [math.copysign(1.0, ti) - sum(c * ti**k for k, c in enumerate(x)) for ti in t]
    value = 0.5 * sum(r * r for r in residuals)
    gradient = [-sum(r * ti**k for r, ti in zip(residuals, t, strict=True)) for k in range(3)]
    assert evaluate("llsq", "primal", {"x": x, "n": n}) == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(evaluate("llsq", "gradient", {"x": x, "n": n}), gradient, rtol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_det(size: int) -> None:
    """The determinant, and its gradient: the matrix of cofactors, det(A) inv(A)'."""
    a = np.random.default_rng(size).random((size, size))
    given = {"A": a.ravel().tolist(), "ell": size}
    value = float(np.linalg.det(a))
    cofactors = (value * np.linalg.inv(a)).T.ravel()
    assert evaluate("det", "primal", given) == pytest.approx(value, rel=1e-10)
    np.testing.assert_allclose(evaluate("det", "gradient", given), cofactors, rtol=1e-9)


def test_det_expands_in_full() -> None:
    """As many smallest minors as the recursion has: l!."""
    assert [len(level) for level in det.columns_of_minors(5)] == [1, 5, 20, 60, 120]


def test_ode() -> None:
    """Exact in one step for up to 4 equations: y[i] = x[0] ... x[i] 2^(i+1) / (i+1)!."""
    x = np.array([0.5, 0.7, 1.1, 0.9])
    powers = np.array([2.0 ** (i + 1) / math.factorial(i + 1) for i in range(4)])
    y = np.cumprod(x) * powers
    for steps in (1, 7):
        given = {"x": list(x), "s": steps}
        np.testing.assert_allclose(evaluate("ode", "primal", given), y, rtol=1e-12)
        np.testing.assert_allclose(evaluate("ode", "gradient", given), y[-1] / x, rtol=1e-12)


def test_kmeans() -> None:
    """The cost by loops; the Newton step takes each centroid to the mean of its points."""
    draw = np.random.default_rng(0)
    points = draw.random((30, 3))
    centroids = points[-4:] + 0.01
    distances = ((points[:, None] - centroids[None]) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1)
    step = [centroids[j] - points[nearest == j].mean(axis=0) for j in range(4)]
    given = {"points": points.tolist(), "centroids": centroids.tolist()}
    cost = distances.min(axis=1).sum()
    assert evaluate("kmeans", "cost", given) == pytest.approx(cost, rel=1e-12)
    np.testing.assert_allclose(evaluate("kmeans", "dir", given), step, rtol=1e-9, atol=1e-12)


def mixture(d: int, m: int, gamma: float) -> dict[str, Any]:
    """A small input of gmm."""
    draw = np.random.default_rng(d)
    k, n = 3, 4
    return {
        "d": d,
        "k": k,
        "n": n,
        "m": m,
        "gamma": gamma,
        "x": draw.normal(size=(n, d)).tolist(),
        "alpha": draw.normal(size=k).tolist(),
        "mu": draw.random(size=(k, d)).tolist(),
        "q": (0.3 * draw.normal(size=(k, d))).tolist(),
        "l": draw.normal(size=(k, d * (d - 1) // 2)).tolist(),
    }


def log_posterior(given: dict[str, Any]) -> float:
    """The definition itself: densities with determinants and inverses, multiplied."""
    multigammaln = pytest.importorskip("scipy.special").multigammaln
    d, k, gamma = given["d"], given["k"], given["gamma"]
    weights = np.exp(given["alpha"]) / np.exp(given["alpha"]).sum()
    precisions = []
    for q, l in zip(given["q"], given["l"], strict=True):  # noqa: E741
        factor, rest = np.diag(np.exp(q)), list(l)
        for column in range(d):
            for row in range(column + 1, d):
                factor[row, column] = rest.pop(0)
        precisions.append(factor.T @ factor)
    total = 0.0
    for x in np.array(given["x"]):
        density = 0.0
        for weight, mu, p in zip(weights, np.array(given["mu"]), precisions, strict=True):
            scale = math.sqrt(np.linalg.det(p) / (2 * math.pi) ** d)
            density += weight * scale * math.exp(-0.5 * (x - mu) @ p @ (x - mu))
        total += math.log(density)
    n = d + given["m"] + 1
    v = np.eye(d) / gamma**2
    for p in precisions[:k]:
        log_p, log_v = np.linalg.slogdet(p)[1], np.linalg.slogdet(v)[1]
        total += (n - d - 1) / 2 * log_p - 0.5 * np.trace(np.linalg.inv(v) @ p)
        total -= n * d / 2 * math.log(2.0) + n / 2 * log_v + multigammaln(n / 2, d)
    return float(total)


def posterior_with(given: dict[str, Any], name: str, values: Real) -> float:
    """The log posterior with one of its parameters replaced."""
    return log_posterior({**given, name: values.tolist()})


@pytest.mark.parametrize(("d", "m", "gamma"), [(1, 0, 1.0), (2, 0, 1.0), (3, 2, 1.5)])
def test_gmm(d: int, m: int, gamma: float) -> None:
    """The posterior by its definition, its gradient by finite differences of that."""
    given = mixture(d, m, gamma)
    want = log_posterior(given)
    assert evaluate("gmm", "objective", given) == pytest.approx(want, rel=1e-11)
    gradient = evaluate("gmm", "jacobian", given)
    assert list(gradient) == ["alpha", "mu", "q", "l"]
    for name, got in gradient.items():
        start = np.array(given[name])
        differences = slopes(partial(posterior_with, given, name), start)
        np.testing.assert_allclose(np.array(got), differences, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("function", ["rr", "rf", "fr", "ff"])
def test_saddle(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The saddle point is the origin; a larger rate than the benchmark's makes the way short."""
    monkeypatch.setattr(saddle, "FIRST_RATE", 0.1)
    point = evaluate("saddle", function, {"start": [0.4, -0.3]})
    assert len(point) == 4
    np.testing.assert_allclose(point, 0.0, atol=1e-4)


def test_saddle_descends_as_the_benchmark_does() -> None:
    """Descent on |x|^2 from (1, 1): the same steps as every tool takes, to the last digit."""
    x = saddle.argmin(lambda x: x @ x, np.ones(2), tg.grad)
    np.testing.assert_allclose(np.asarray(x), 8.246324826140356e-06, rtol=1e-9)


# --- the workloads, tapegrad's side against truth worked out in NumPy ---------------------------


def test_moons() -> None:
    """The article's first loss, and the hand-written step at a small size."""
    x = np.random.default_rng(0).normal(size=(7, 2))
    small = moons.Problem(x, np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0]), moons.weights())
    same(moons.tapegrad(small), moons.by_hand(small))
    pytest.importorskip("sklearn")
    first = moons.tapegrad(moons.problem()).answer()
    assert first.value == pytest.approx(0.8958441028683222, rel=1e-13)
    assert first.gradient.shape == (337,)


def test_moons_in_c() -> None:
    """The hand-written C agrees, where a compiler is there."""
    x = np.random.default_rng(0).normal(size=(7, 2))
    small = moons.Problem(x, np.array([1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0]), moons.weights())
    try:
        in_c = moons.c(small)
    except _peers.MissingError as reason:
        pytest.skip(str(reason))
    same(in_c, moons.by_hand(small))


def test_moons_scalar() -> None:
    """Scalar by scalar, the same loss and gradient (ordered neuron by neuron)."""
    x = np.random.default_rng(0).normal(size=(3, 2))
    small = moons.Problem(x, np.array([1.0, -1.0, 1.0]), moons.weights())
    want = moons.by_hand(small).answer()
    got = moons_scalar.tapegrad(small).answer()
    assert got.value == pytest.approx(want.value, rel=1e-13)
    parts, at = [], 0
    for w, b in small.params:
        slope = want.gradient[at : at + w.size].reshape(w.shape)
        bias = want.gradient[at + w.size : at + w.size + b.size]
        parts.append(np.column_stack([slope.T, bias]).ravel())
        at += w.size + b.size
    np.testing.assert_allclose(got.gradient, np.concatenate(parts), atol=1e-13)


def small_digits() -> digits.Problem:
    """Five points of six inputs in three classes."""
    draw = np.random.default_rng(0)
    w1, b1, w2, b2 = digits.random_params(6, 4, 3)
    return digits.Problem(draw.random((5, 6)), draw.integers(0, 3, size=5), (w1, b1, w2, b2))


def test_digits() -> None:
    """The step worked out on paper."""
    given = small_digits()
    same(digits.tapegrad(given), digits.by_hand(given))


def test_rosenbrock() -> None:
    """The gradient worked out on paper; the optimum at ones."""
    for n in (2, 5):
        given = rosenbrock.gradient_at(n)
        same(rosenbrock.tapegrad(given), rosenbrock.by_hand(given))
    pytest.importorskip("scipy")
    optimum = rosenbrock.tapegrad(rosenbrock.minimise_from(3)).answer()
    np.testing.assert_allclose(optimum.gradient, 1.0, atol=1e-3)
    assert "evaluations" in optimum.remark


def test_chain() -> None:
    """The chain as a polynomial: y -> y x + x, so that y = x^(k+1) + ... + x with k rounds."""
    powers = np.arange(1, 12)
    ready = chain.tapegrad(chain.Problem(20))
    answer = ready.answer()
    assert answer.value == pytest.approx(sum(0.5**powers), rel=1e-14)
    assert answer.gradient == pytest.approx(sum(powers * 0.5 ** (powers - 1)), rel=1e-14)
    assert ready.graph is not None
    assert ready.graph() is not None


def test_rnn() -> None:
    """Backpropagation through time worked out on paper."""
    given = rnn.problem(steps=4, width=3, inputs=2)
    same(rnn.tapegrad(given), rnn.by_hand(given))


def test_hessian() -> None:
    """The Hessian and the product worked out on paper."""
    given = hessian.regression(n=9, d=4)
    same(hessian.tapegrad_hessian(given), hessian.by_hand_hessian(given))
    along = digits_along()
    same(hessian.tapegrad_product(along), hessian.by_hand_product(along))


def digits_along() -> hessian.Product:
    """The small digits with a direction."""
    given = small_digits()
    draw = np.random.default_rng(2)
    return hessian.Product(given, tuple(draw.normal(size=p.shape) for p in given.params))


def same(got: Job, want: Job) -> None:
    """Both jobs answer alike, to 1e-12."""
    _harness.agree({"got": got.answer(), "want": want.answer()}, "want", 1e-12)


def test_import_sizes() -> None:
    """tapegrad's own files are counted from its folder; a requirement brings its own."""
    pytest.importorskip("packaging")
    assert 50_000 < import_time.installed_bytes("tapegrad") < 2_000_000
    assert "attrs" in import_time.distributions("attrs")
    assert import_time.distributions("no-such-distribution") == frozenset()


def test_every_workload_is_run_and_starts_with_tapegrad() -> None:
    """The ratio needs tapegrad, names must not clash, and no file is forgotten."""
    files = Path(bench.workloads.__file__).parent.glob("[!_]*.py")
    modules = [importlib.import_module(f"bench.workloads.{file.stem}") for file in files]
    assert {id(module.WORKLOAD) for module in modules} == {id(workload) for workload in ALL}
    assert len({w.name for w in ALL}) == len(ALL) == len(modules)
    for workload in ALL:
        if workload.measure is None:
            assert workload.peers[0].name == _harness.SUBJECT
            assert len({p.name for p in workload.peers}) == len(workload.peers)
            assert len({c.label for c in workload.cases}) == len(workload.cases)


def test_peers_are_native_or_not_everywhere() -> None:
    """Python's allocators see nothing of these three, whatever the workload."""
    for workload in ALL:
        for peer in workload.peers:
            if not peer.absent:
                outside = peer.name.split()[0] in {"PyTorch", "JAX", "C"}
                assert peer.native == outside, f"{workload.name}: {peer.name}"


# --- the harness -------------------------------------------------------------------------------


def toy(gradient: float, name: str = "peer") -> Workload:
    """Two peers whose gradients are 1 and the one given, one that is missing, one unable."""

    def constant(slope: float) -> Callable[[Any], Job]:
        return lambda given: _harness.job(lambda: None, lambda _: (given, [slope]))

    def missing(given: object) -> Job:
        raise _peers.MissingError(f"no wheel for {given}")

    def failing(given: object) -> Job:
        raise RecursionError(f"too deep\nfor {given}")

    return Workload(
        name="toy",
        title="a toy",
        cases=(Case("one", lambda: 1.0), Case("large", lambda: 2.0, quick=False)),
        peers=(
            Peer("tapegrad", constant(1.0)),
            Peer(name, constant(gradient)),
            Peer("absent", missing),
            Peer("broken", failing),
            Peer("unable", absent="cannot: it has no gradients"),
        ),
    )


def test_measure_reports_every_peer() -> None:
    """Agreeing peers get a time; the others keep their row, with the reason."""
    rows = list(_harness.measure(toy(1.0), Settings(repeat=1, seconds=0.0, quick=True)))
    assert [r.peer for r in rows] == ["tapegrad", "peer", "absent", "broken", "unable"]
    assert all(r.case == "one" for r in rows)
    assert [r.seconds is not None for r in rows] == [True, True, False, False, False]
    assert rows[2].note == "missing: no wheel for 1.0"
    assert rows[3].note == "fails: RecursionError: too deep for 1.0"
    assert rows[4].note == "cannot: it has no gradients"


def test_measure_refuses_to_time_what_disagrees() -> None:
    """A gradient that is off by 1e-8 is an error that names both."""
    with pytest.raises(
        DisagreementError, match="toy, one: the gradient of peer differs from that of tapegrad"
    ):
        list(_harness.measure(toy(1.0 + 1e-8), NO_TIME))


@pytest.mark.parametrize(
    ("got", "message"),
    [
        (Answer(1.0, np.array([math.nan, 0.0])), "the gradient of b differs"),
        (Answer(math.nan, np.zeros(2)), "the value of b differs"),
        (Answer(1.0, np.zeros(3)), "the gradient of b has 3 entries, that of a 2"),
    ],
)
def test_agree_accepts_no_nan_and_no_other_size(got: Answer, message: str) -> None:
    """A NaN differs from everything; sizes must match."""
    answers = {"a": Answer(1.0, np.zeros(2)), "b": got}
    with pytest.raises(DisagreementError, match=message):
        _harness.agree(answers, "a", 1e-9)


def test_memory_is_measured_in_a_process_of_its_own() -> None:
    """A chain of 1,000 nodes holds what its nodes hold, and a little more at the peak."""
    memory = _memory.in_own_process("chain", "n = 1,000", "tapegrad")
    assert memory.graph is not None
    assert memory.peak is not None
    assert 100 < memory.graph / 1000 < 150
    assert memory.graph < memory.peak < 1.5 * memory.graph


def test_a_crash_of_the_measuring_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal by its name; else the last line of its errors."""
    with pytest.raises(_memory.CrashedError, match="StopIteration"):
        _memory.in_own_process("chain", "n = 1,000", "no such peer")
    killed = subprocess.CompletedProcess([], returncode=-11, stdout="", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: killed)
    with pytest.raises(_memory.CrashedError, match="killed by SIGSEGV"):
        _memory.in_own_process("chain", "n = 1,000", "tapegrad")


def test_agree_is_relative_to_large_values() -> None:
    """1e-10 of the largest entry passes, as does nothing at all."""
    large = Answer(1e6, np.array([1e6, 0.0]))
    near = Answer(1e6 * (1 + 1e-10), np.array([1e6, 1e-5]))
    _harness.agree({"a": large, "b": near}, "a", 1e-9)
    nothing = Answer(0.0, np.zeros(0))
    _harness.agree({"a": nothing, "b": nothing}, "a", 1e-9)


def test_a_missing_library_is_a_reason() -> None:
    """The import error's text is kept."""
    with pytest.raises(_peers.MissingError, match="No module named 'no_such_library'"):
        _peers.library("no_such_library")


# --- the harness's arithmetic, by a clock that stands still but for what the work says -----------


class Clock:
    """In the place of the modules time and gc: runs take seconds and leave garbage as they say."""

    def __init__(self) -> None:
        """At zero, with nothing to collect."""
        self.now = 0.0
        self.garbage = 0.0  # seconds that the next collection will take
        self.log: list[str] = []

    def perf_counter(self) -> float:
        """The seconds that work has said."""
        return self.now

    def collect(self) -> None:
        """Take the time that the garbage wants."""
        self.now += self.garbage
        self.garbage = 0.0

    def freeze(self) -> None:
        """Write it down."""
        self.log.append("freeze")

    def unfreeze(self) -> None:
        """Write it down."""
        self.log.append("unfreeze")

    def run(self, name: str, *seconds: float, garbage: float = 0.0) -> Callable[[], None]:
        """A function whose calls take so long, the last of the figures from then on."""
        left = list(seconds)

        def run() -> None:
            self.log.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]
            self.garbage += garbage

        return run


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(_harness, "time", found)
    monkeypatch.setattr(_harness, "gc", found)
    return found


def test_in_turn_starts_each_round_with_another(clock: Clock) -> None:
    """One call each to begin with, then the rounds, rotated."""
    runs = {"a": clock.run("a", 1, 2, 3, 4, 5), "b": clock.run("b", 6), "c": clock.run("c", 7)}
    samples = _harness.in_turn(runs, Settings(repeat=4, seconds=1000.0), {})
    assert "".join(clock.log) == "abc" + "abc" + "bca" + "cab" + "abc"
    assert samples == {"a": [1, 2, 3, 4, 5], "b": [6] * 5, "c": [7] * 5}


def test_in_turn_times_short_calls_in_batches(clock: Clock) -> None:
    """A call of 3.5 ms is timed three at a time, 10.5 ms, and the time is that of one."""
    samples = _harness.in_turn({"a": clock.run("a", 0.0035)}, Settings(repeat=2), {})
    assert samples["a"] == pytest.approx([0.0035] * 3, abs=1e-9)
    assert len(clock.log) == 1 + 3 * 3


def test_in_turn_counts_the_time_of_whole_batches(clock: Clock) -> None:
    """Ten batches of 10.5 ms go beyond a limit of 0.1 s."""
    settings = Settings(repeat=100, seconds=0.1)
    samples = _harness.in_turn({"a": clock.run("a", 0.0035)}, settings, {})
    assert len(samples["a"]) == 10


def test_in_turn_charges_each_for_its_own_garbage(clock: Clock) -> None:
    """What a run leaves is collected in its time; what was there before is not."""
    clock.garbage = 50.0
    runs = {"a": clock.run("a", 1.0, garbage=0.5), "b": clock.run("b", 2.0)}
    samples = _harness.in_turn(runs, Settings(repeat=2), {})
    assert samples == {"a": [1.5] * 3, "b": [2.0] * 3}


@pytest.mark.parametrize(
    ("seconds", "figures"),
    [
        (0.1, 11),  # all rounds
        (1.0, 6),  # the sixth goes beyond the 5 seconds
        (4.0, 3),  # the second does, but three are the fewest
        (20.0, 3),
        (20.5, 1),  # too long to be waited for again
    ],
)
def test_in_turn_stops_when_the_time_is_used(clock: Clock, seconds: float, figures: int) -> None:
    """The time limit, the fewest rounds, and the end of patience."""
    settings = Settings(repeat=10, seconds=5.0)
    samples = _harness.in_turn({"a": clock.run("a", seconds), "b": clock.run("b", 1)}, settings, {})
    assert len(samples["a"]) == figures
    assert len(samples["b"]) == 6


def timed(clock: Clock, operations: int = 1, **runs: tuple[float, ...]) -> list[Row]:
    """The rows of a workload whose peers take so long, call by call."""

    def prepare(name: str, seconds: tuple[float, ...], given: object) -> Job:
        clock.now += 70.0
        run = clock.run(name, *seconds)
        return _harness.job(run, lambda _: (clock.run("read", 90.0)(), (1.0, [1.0]))[1])

    case = Case("one", lambda: None, operations=operations, memory=True)
    peers = tuple(Peer(name, partial(prepare, name, taken)) for name, taken in runs.items())
    return list(_harness.measure(Workload("toy", "a toy", (case,), peers), Settings(4, 1000.0)))


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every peer's graph holds 1,240 bytes, and its run 2 MiB."""
    found = _memory.Memory(graph=1240.0, peak=2.0 * 2**20)
    monkeypatch.setattr(_harness, "in_own_process", lambda *names: found)


@pytest.mark.usefixtures("memory")
def test_a_row_has_the_median_and_the_first_call(clock: Clock) -> None:
    """Neither preparing nor reading counts; the first call is not among the timed ones."""
    ours, theirs = timed(clock, tapegrad=(9.0, 5.0, 1.0, 4.0, 2.0, 8.0), peer=(8.0, 3.0))
    assert (ours.first, ours.seconds) == (9.0, 4.0)
    assert (theirs.first, theirs.seconds) == (8.0, 3.0)
    assert (ours.bytes, ours.bytes_of, ours.note) == (2.0 * 2**20, "peak", "")


@pytest.mark.usefixtures("memory")
def test_a_row_is_per_operation(clock: Clock) -> None:
    """Time and bytes are divided by the operations, the first call is not."""
    (row,) = timed(clock, 10, tapegrad=(9.0, 4.0))
    assert (row.operations, row.first, row.seconds) == (10, 9.0, 0.4)
    assert (row.bytes, row.bytes_of, row.note) == (124.0, "per node", "peak 2.0 MiB")


@pytest.mark.usefixtures("memory")
def test_a_row_says_that_it_was_timed_once(clock: Clock) -> None:
    """By a call of its own, like those of the others; compiling alone tries no one's patience."""
    _, slow, compiled = timed(clock, tapegrad=(1.0,), slow=(60.0, 50.0, 1.0), compiled=(60.0, 2.0))
    assert (slow.first, slow.seconds, slow.note) == (60.0, 50.0, "timed once")
    assert (compiled.first, compiled.seconds, compiled.note) == (60.0, 2.0, "")


@pytest.mark.usefixtures("memory")
def test_timing_leaves_other_libraries_to_themselves(clock: Clock) -> None:
    """What is there when timing begins is out of the collector's sight until it ends."""
    timed(clock, tapegrad=(1.0,), peer=(2.0,))
    assert clock.log[:4] == ["tapegrad", "read", "peer", "read"]
    assert clock.log[4] == "freeze"
    assert clock.log[-1] == "unfreeze"
    assert set(clock.log[5:-1]) == {"tapegrad", "peer"}


def breaking(name: str, after: int, clock: Clock) -> Callable[[Any], Job]:
    """A peer that fails after so many calls."""
    calls: list[None] = []

    def run() -> None:
        calls.append(None)
        clock.now += 1.0
        if len(calls) > after:
            raise ValueError(f"{name} had enough")

    return lambda given: _harness.job(run, lambda _: (1.0, [1.0]))


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_peer_that_fails_later_has_a_row(clock: Clock, after: int) -> None:
    """At the first timed call or in a later round: the reason, no time, and the others go on."""
    peers = (
        Peer("tapegrad", breaking("tapegrad", 100, clock)),
        Peer("weak", breaking("weak", after, clock)),
        Peer("last", breaking("last", 100, clock)),
    )
    toy = Workload("toy", "a toy", (Case("one", lambda: None),), peers)
    rows = list(_harness.measure(toy, Settings(5, 1000.0)))
    assert [r.seconds for r in rows] == [1.0, None, 1.0]
    assert rows[1].note == "fails: ValueError: weak had enough"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_failure_of_tapegrad_is_raised(clock: Clock, after: int) -> None:
    """A benchmark without its subject is none."""
    peers = (Peer("tapegrad", breaking("tapegrad", after, clock)),)
    toy = Workload("toy", "a toy", (Case("one", lambda: None),), peers)
    with pytest.raises(ValueError, match="tapegrad had enough"):
        list(_harness.measure(toy, Settings(5, 1000.0)))
    assert clock.log.count("freeze") == clock.log.count("unfreeze")


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_agreement_is_to_nine_digits(size: float) -> None:
    """Relative to the largest entry, absolute below 1; of the value and of the gradient."""
    near, far = 0.9e-9 * max(1.0, size), 1.1e-9 * max(1.0, size)
    want = Answer(size, np.array([size, 0.0]))
    tolerance = Case("any", lambda: None).tolerance
    for off in (-near, near):
        good = Answer(size + off, np.array([size, off]))
        _harness.agree({"a": want, "b": good}, "a", tolerance)
    for off in (-far, far):
        for bad in (Answer(size + off, want.gradient), Answer(size, np.array([size, off]))):
            with pytest.raises(DisagreementError):
                _harness.agree({"a": want, "b": bad}, "a", tolerance)


def test_only_optima_agree_to_less() -> None:
    """An optimum is where the optimiser stopped."""
    loose = {(w.name, c.tolerance) for w in ALL for c in w.cases if c.tolerance != 1e-9}
    assert loose == {("rosenbrock", 1e-3)}


# --- the peers ---------------------------------------------------------------------------------


def test_one_thread(tmp_path: Path) -> None:
    """Restarted with every pool at one thread and on one core, the arguments kept."""
    text = """
        import json, os, sys
        from bench._peers import one_thread
        one_thread("shown")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
        print(json.dumps([sys.argv[1:], cores, dict(os.environ)]))
    """
    (tmp_path / "shown.py").write_text(textwrap.dedent(text), encoding="utf-8")
    environment = {k: v for k, v in os.environ.items() if k != "TAPEGRAD_BENCH_ONE_THREAD"}
    done = subprocess.run(
        [sys.executable, "-m", "shown", "--only", "moons"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "2"},
    )
    arguments, cores, found = json.loads(done.stdout)
    assert arguments == ["--only", "moons"]
    assert cores == 1
    pools = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA")
    assert {found[f"{pool}_NUM_THREADS"] for pool in pools} == {"1"}
    assert found["VECLIB_MAXIMUM_THREADS"] == found["NPROC"] == found["JAX_ENABLE_X64"] == "1"
    assert found["XLA_FLAGS"] == "--xla_cpu_multi_thread_eigen=false"


def test_torch_has_nothing_compiled_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cache is an empty folder, whatever the variable said; double precision."""
    asked: list[object] = []
    torch = SimpleNamespace(
        float64="float64", set_num_threads=asked.append, set_default_dtype=asked.append
    )

    def library(name: str) -> object:
        assert name == "torch"
        assert not list(Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).iterdir())
        return torch

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(ROOT))
    monkeypatch.setattr(_peers, "library", library)
    assert _peers.torch() is torch
    assert asked == [1, "float64"]


def test_mygrad_has_its_guard_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in every workload that has MyGrad."""
    asked: list[str] = []
    mygrad = SimpleNamespace(turn_memory_guarding_off=lambda: asked.append("off"))
    monkeypatch.setattr(_peers, "library", lambda name: mygrad)
    assert _peers.mygrad() is mygrad
    assert asked == ["off"]


# --- the report --------------------------------------------------------------------------------

ROWS = (
    Row("moons", "step", "tapegrad", seconds=2e-4, first=1e-3, bytes=3 * 2.0**20, bytes_of="peak"),
    Row("moons", "step", "PyTorch eager", seconds=5e-4, first=0.02),
    Row("moons", "step", "JAX jit", note="missing: no jax | here"),
    Row("chain", "n = 1,000", "tapegrad", 3e-6, 0.003, 1000, 184.0, "per node", "peak 1 MiB"),
    Row("chain", "n = 1,000", "micrograd", 9e-6, 0.009, 1000, 688.0, "per node"),
)
CHOSEN = tuple(w for w in ALL if w.name in {"moons", "chain"})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0.00 ns"),
        (4.31e-8, "43.1 ns"),
        (9.999e-7, "1.00 µs"),
        (4.31e-5, "43.1 µs"),
        (0.123, "123 ms"),
        (12.34, "12.3 s"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    """Three digits and the unit that fits."""
    assert _report.duration(seconds) == text


def test_cells() -> None:
    """A case is named once; ratios are to tapegrad's time; a missing figure is a dash."""
    lines = list(_report.cells(ROWS))
    assert lines[0] == ("step", "tapegrad", "200 µs", "1.00", "1.00 ms", "3.00 MiB peak", "")
    assert lines[1] == ("", "PyTorch eager", "500 µs", "2.50", "20.0 ms", "-", "")
    assert lines[2] == ("", "JAX jit", "-", "-", "-", "-", "missing: no jax | here")
    assert lines[3][:4] == ("n = 1,000", "tapegrad", "3.00 µs per op", "1.00")
    assert lines[4][5] == "688 B per node"


def test_table_prints_every_peer() -> None:
    """One table, its workloads named once."""
    console = _report.console()
    with console.capture() as captured:
        console.print(_report.table(CHOSEN, ROWS))
    text = captured.get()
    for word in ("moons", "chain", "PyTorch eager", "2.50", "688 B per node", "missing: no jax"):
        assert word in text


def test_markdown() -> None:
    """The date, the machine, the versions, and a table per workload."""
    text = _report.markdown(CHOSEN, ROWS, {"numpy": "2.0"}, dt.date(2026, 1, 2))
    assert "on 2026-01-02" in text
    assert "numpy 2.0" in text
    assert "## moons\n\nOne training step" in text
    assert "| step | **tapegrad** | 200 µs | 1.00 |" in text
    assert "missing: no jax \\| here |" in text
    assert _report.versions()["numpy"] == np.__version__


@pytest.mark.parametrize("rows", [ROWS, ROWS[:3]])
def test_plot(rows: tuple[Row, ...], tmp_path: Path) -> None:
    """A PNG, with the chain and without."""
    pytest.importorskip("matplotlib")
    _report.plot(rows, tmp_path / "results.png")
    assert (tmp_path / "results.png").read_bytes().startswith(b"\x89PNG")


def test_plot_hides_no_peer_behind_another() -> None:
    """Each has a height of its own, within half of its case's line, in the table's order."""
    ratio = _report.ratios(ROWS)
    assert list(_report._heights(ratio).values()) == pytest.approx([0.2, -0.2, -0.8, -1.2])


# --- the program -------------------------------------------------------------------------------


def test_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Good options are read; a bad value is refused with status 2 and a line that says why."""
    asked = program.options(["--only", "moons", "--only", "rnn", "--repeat", "3", "--quick"])
    assert (asked.only, asked.repeat, asked.quick) == (["moons", "rnn"], 3, True)
    for bad, message in (
        (["--repeat", "0"], "must be a whole number, at least 1, not '0'"),
        (["--repeat", "x"], "must be a whole number, at least 1, not 'x'"),
        (["--only", "suns"], "invalid choice: 'suns'"),
    ):
        with pytest.raises(SystemExit) as stopped:
            program.options(bad)
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "settings"),
    [
        ([], Settings(15, 4.0)),
        (["--repeat", "9"], Settings(9)),
        (["--quick"], Settings(5, 1.0, True)),
    ],
)
def test_main_measures_on_one_thread(
    arguments: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First one thread, then the workloads that were asked for, as thoroughly as was asked."""
    steps: list[object] = []

    def measure(workload: Workload, settings: Settings) -> list[Row]:
        steps.extend((workload.name, settings))
        return []

    monkeypatch.setattr(_peers, "one_thread", steps.append)
    monkeypatch.setattr(program, "measure", measure)
    assert program.main(["--only", "moons", *arguments]) == 0
    assert steps == ["bench", "moons", settings]


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    """--list names the workloads and runs nothing."""
    assert program.main(["--list"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == [w.name for w in ALL]


def test_write(tmp_path: Path) -> None:
    """Both files are written."""
    pytest.importorskip("matplotlib")
    program.write(tmp_path / "new", list(CHOSEN), list(ROWS))
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["RESULTS.md", "results.png"]
