"""The examples: the article's hundred lines, and everything else that the scripts promise."""

from __future__ import annotations

import csv
import importlib
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy.optimize
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
LINE = re.compile(r"step (\d+) loss ([0-9.e+-]+), accuracy ([0-9.]+)%")


class Step(NamedTuple):
    """What a line says."""

    step: int
    loss: float
    accuracy: float


def reference() -> list[Step]:
    """The hundred lines that the article's own engine prints."""
    with (Path(__file__).parent / "data" / "moons_steps.csv").open() as file:
        return [
            Step(int(row["step"]), float(row["loss"]), float(row["accuracy_percent"]))
            for row in csv.DictReader(file)
        ]


def steps_of(text: str) -> list[Step]:
    """The lines of steps in what moons.py printed."""
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    return [Step(int(m[1]), float(m[2]), float(m[3])) for m in found if m]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is a terminal, how wide and in color, is for each test to say, not for who runs it."""
    for name in ("FORCE_COLOR", "NO_COLOR", "PYTHON_COLORS", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "LINES": "25"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def examples() -> Iterator[Path]:
    """The folder of examples, importable."""
    sys.path.insert(0, str(EXAMPLES))
    yield EXAMPLES
    sys.path.remove(str(EXAMPLES))


@pytest.fixture
def moons(examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("moons")


@pytest.fixture
def four_points(examples: Path) -> ModuleType:
    """The module."""
    return importlib.import_module("four_points")


@pytest.fixture
def curve_fit(examples: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, run in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("curve_fit")


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run an example as a program, as the README says."""
    script, *options = arguments
    return subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / script), *options],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


# moons: the numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "engine",
    # A tracer would take half a minute longer to see the lines of two steps again.
    ["array", pytest.param("scalar", marks=pytest.mark.no_cover)],
)
def test_moons_prints_the_articles_hundred_steps(
    moons: ModuleType, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    """Every loss within 1e-11 relative, every accuracy equal, with arrays and number by number."""
    assert moons.main(["--engine", engine]) == 0
    printed = steps_of(capsys.readouterr().out)
    expected = reference()
    assert len(printed) == len(expected) == 100
    for got, want in zip(printed, expected, strict=True):
        assert got.step == want.step
        assert abs(got.loss - want.loss) <= 1e-11 * want.loss, f"step {want.step}"
        assert got.accuracy == want.accuracy, f"step {want.step}"


def test_moons_prints_the_model_the_parameters_and_exact_floats(
    moons: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The form of every line; a loss read back is the loss to the last bit."""
    moons.main(["--steps", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "MLP 2-16-16-1",
        "  layer 1: 16 ReLU neurons of 2 inputs",
        "  layer 2: 16 ReLU neurons of 16 inputs",
        "  layer 3: 1 linear neuron of 16 inputs",
        "number of parameters 337",
        lines[5],
        lines[6],
        "wrote out/moons.png and out/moons.npz",
    ]
    for line in lines[5:7]:
        match = LINE.fullmatch(line)
        assert match
        assert match[2] == repr(float(match[2]))
        assert match[3] == repr(float(match[3]))


def forward(file: Any, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores of saved parameters, with NumPy alone."""
    for i in range(3):
        X = X @ file[f"layers[{i}].weight"] + file[f"layers[{i}].bias"]
        X = np.maximum(X, 0.0) if i < 2 else X
    return X[:, 0]


@pytest.mark.parametrize("engine", ["array", "scalar"])
def test_moons_saves_the_parameters_that_it_trained(
    moons: ModuleType, tmp_path: Path, engine: str
) -> None:
    """After 3 steps, their loss is the one that the reference prints at step 3."""
    moons.main(["--steps", "3", "--engine", engine, "--save", "deep/er/net.npz"])
    X, y = moons.make_moons(100, noise=0.1, random_state=1337)
    with np.load(tmp_path / "deep" / "er" / "net.npz") as file:
        margins = 1.0 - (2 * y - 1) * forward(file, X)
        penalty = 1e-4 * sum(float(np.sum(file[name] ** 2)) for name in file)
    loss = np.maximum(margins, 0.0).mean() + penalty
    assert abs(loss - reference()[3].loss) <= 1e-11 * loss


def test_moons_parameters_load_back(moons: ModuleType, tmp_path: Path) -> None:
    """To the last bit; and not into a network of other sizes."""
    layers = moons.stack(moons.draw(5, (2, 3, 1)))
    moons.save(tmp_path / "net.npz", layers)
    loaded = moons.load(tmp_path / "net.npz", (2, 3, 1))
    assert [type(layer).__name__ for layer in loaded] == ["Linear", "Linear"]
    for old, new in zip(layers, loaded, strict=True):
        assert np.array_equal(old.weight, new.weight)
        assert np.array_equal(old.bias, new.bias)
    with pytest.raises(ValueError, match=r"layers\[0\]\.weight has shape \(2, 3\)"):
        moons.load(tmp_path / "net.npz", (2, 4, 1))
    with pytest.raises(ValueError, match=r"missing: .*layers\[2\]\.weight"):
        moons.load(tmp_path / "net.npz", (2, 3, 3, 1))


def test_moons_data_is_the_articles(moons: ModuleType) -> None:
    """A seed that is passed in gives what NumPy's global seed gave the article."""
    state = np.random.get_state()
    try:
        np.random.seed(1337)
        X, y = moons.make_moons(n_samples=100, noise=0.1)
    finally:
        np.random.set_state(state)
    X_ours, y_ours = moons.make_moons(100, noise=0.1, random_state=1337)
    assert np.array_equal(X, X_ours)
    assert np.array_equal(y, y_ours)


@pytest.mark.parametrize("engine", ["array", "scalar"])
def test_moons_options_change_what_they_say(
    moons: ModuleType, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    """Other widths, samples and batches; the same seed prints the same, another does not."""
    options = ["--steps", "3", "--samples", "20", "--hidden", "4", "3", "2", "--batch-size", "5"]
    printed = []
    for seed in ("1", "1", "2"):
        assert moons.main([*options, "--engine", engine, "--seed", seed]) == 0
        printed.append(capsys.readouterr().out)
    assert "MLP 2-4-3-2-1\n" in printed[0]
    assert "number of parameters 38\n" in printed[0]  # 3·4 + 5·3 + 4·2 + 3·1
    steps = steps_of(printed[0])
    assert len(steps) == 3
    assert all(step.accuracy in (0.0, 20.0, 40.0, 60.0, 80.0, 100.0) for step in steps)
    assert printed[0] == printed[1] != printed[2]


def test_moons_alpha_is_the_penalty(moons: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """At step 0, alpha adds alpha times the sum of squares: linear, zero without alpha."""
    losses = []
    for alpha in ("0", "0.01", "0.03"):
        moons.main(["--steps", "1", "--alpha", alpha])
        losses.append(steps_of(capsys.readouterr().out)[0].loss)
    squares = sum(
        w * w for layer in moons.draw(1337, (2, 16, 16, 1)) for n in layer for w in n.weights
    )
    assert losses[1] - losses[0] == pytest.approx(0.01 * squares, rel=1e-12)
    assert losses[2] - losses[0] == pytest.approx(0.03 * squares, rel=1e-12)


def test_moons_that_diverge_say_so(
    moons: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """One line on stderr, no wrong picture."""
    assert moons.main(["--alpha", "1e300", "--steps", "5"]) == 1
    error = capsys.readouterr().err
    expected = r"moons\.py: error: the loss is (inf|nan) at step 1: try a smaller --alpha\n"
    assert re.fullmatch(expected, error)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--hidden", "100", "100", "100", "100"], "fewer or narrower --hidden layers"),
        (["--noise", "9", "--alpha", "9"], "a smaller --alpha or less --noise"),
    ],
)
def test_moons_that_diverge_name_the_cause(
    moons: ModuleType, capsys: pytest.CaptureFixture[str], options: list[str], advice: str
) -> None:
    """Only what is larger than it should be."""
    assert moons.main(options) == 1
    assert capsys.readouterr().err.endswith(f": try {advice}\n")


def test_suffixes_may_be_capitals(moons: ModuleType, tmp_path: Path) -> None:
    """The files have the names that were asked for."""
    assert moons.main(["--steps", "1", "--plot", "x.PNG", "--save", "x.NPZ"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.NPZ", "x.PNG"]


# moons: the program -------------------------------------------------------------------------------


def test_moons_runs_as_a_program_with_nothing_on_stderr(tmp_path: Path) -> None:
    """Piped: the lines and only the lines, files beside them, exit status 0."""
    done = run("moons.py", "--steps", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert [step.step for step in steps_of(done.stdout)] == [0, 1]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["moons.npz", "moons.png"]


@pytest.fixture
def pseudo_terminal() -> tuple[int, int]:
    """Both ends of one; a bare container without /dev/pts has none to give."""
    try:
        return os.openpty()
    except (AttributeError, OSError) as error:
        pytest.skip(f"needs a pseudo-terminal: {error}")


def test_moons_progress_goes_to_the_terminal_and_not_into_the_pipe(
    pseudo_terminal: tuple[int, int], tmp_path: Path
) -> None:
    """With stderr a terminal and stdout a pipe: a bar there, plain lines here."""
    terminal, its_end = pseudo_terminal
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "moons.py"), "--steps", "30"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=its_end,
        text=True,
    ) as process:
        os.close(its_end)
        shown = b""
        try:
            while chunk := os.read(terminal, 4096):
                shown += chunk
        except OSError:  # how Linux says that the other end is closed
            pass
        assert process.stdout is not None
        printed = process.stdout.read()
    os.close(terminal)
    assert process.returncode == 0
    assert "training" in shown.decode()
    assert "step" not in shown.decode()
    assert "\x1b" not in printed
    assert "training" not in printed
    assert [step.step for step in steps_of(printed)] == list(range(30))


def test_moons_into_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    """As in: python examples/moons.py | head -1."""
    with subprocess.Popen(
        [sys.executable, str(EXAMPLES / "moons.py")],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "MLP 2-16-16-1\n"
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("script", "option", "value", "message"),
    [
        ("moons", "--steps", "0", "expected a whole number of at least 1, got '0'"),
        ("moons", "--steps", "ten", "expected a whole number of at least 1, got 'ten'"),
        ("moons", "--steps", "1.5", "expected a whole number of at least 1, got '1.5'"),
        ("moons", "--samples", "1", "expected a whole number of at least 2, got '1'"),
        ("moons", "--noise", "-0.1", "expected a number from 0 to 10, got '-0.1'"),
        ("moons", "--noise", "nan", "expected a number from 0 to 10, got 'nan'"),
        ("moons", "--noise", "1e200", "expected a number from 0 to 10, got '1e200'"),
        ("moons", "--hidden", "0", "expected a whole number of at least 1, got '0'"),
        ("moons", "--hidden", "16,16", "expected a whole number of at least 1, got '16,16'"),
        ("moons", "--batch-size", "0", "expected a whole number of at least 1, got '0'"),
        ("moons", "--batch-size", "101", "expected at most --samples, 100, got 101"),
        ("moons", "--alpha", "inf", "expected a finite number of at least 0, got 'inf'"),
        ("moons", "--seed", "-1", "expected a whole number from 0 to 4294967295, got '-1'"),
        ("moons", "--seed", "4294967296", "a whole number from 0 to 4294967295, got"),
        ("moons", "--plot", "moons.txt", "expected a file name in .png or .svg or .pdf, got"),
        ("moons", "--plot", "out/", "expected a file name in .png or .svg or .pdf, got 'out/'"),
        ("moons", "--plot", "file/moons.png", "cannot make file: "),
        ("moons", "--plot", "folder.png", "cannot write 'folder.png'"),
        ("moons", "--save", "moons.pkl", "expected a file name in .npz, got 'moons.pkl'"),
        ("moons", "--engine", "tensor", "invalid choice: 'tensor'"),
        ("four_points", "--steps", "0", "expected a whole number of at least 1, got '0'"),
        ("four_points", "--rate", "1e10", "expected a number from 0.001 to 0.1, got '1e10'"),
        ("curve_fit", "--samples", "5", "expected a whole number of at least 40, got '5'"),
        ("curve_fit", "--noise", "much", "expected a number from 0 to 5, got 'much'"),
    ],
)
def test_a_bad_value_is_one_line_of_error_and_exit_status_2(
    script: str,
    option: str,
    value: str,
    message: str,
    examples: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line names the option, what was expected and what came."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SystemExit) as caught:
        importlib.import_module(script).main([f"{option}={value}"])
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1)
    assert f"error: argument {option}: " in err
    assert message in err


def test_unknown_options_are_errors_and_not_guessed(
    moons: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """--step is not --steps."""
    for argument in ("--step=5", "--stpes=5", "5"):
        with pytest.raises(SystemExit) as caught:
            moons.main([argument])
        assert caught.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_moons_help_explains_each_option(tmp_path: Path) -> None:
    """Every option of the script with its default; nothing is trained or written."""
    done = run("moons.py", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    for option, help_text in [
        ("--steps STEPS", "how many steps of gradient descent (default: 100)"),
        ("--samples SAMPLES", "how many points (default: 100)"),
        ("--noise NOISE", "standard deviation of the points' noise (default: 0.1)"),
        ("--hidden WIDTH [WIDTH ...]", "(default: [16, 16])"),
        ("--batch-size BATCH_SIZE", "all of them if not given"),
        ("--alpha ALPHA", "strength of the L2 penalty (default: 0.0001)"),
        ("--seed SEED", "(default: 1337)"),
        ("--plot PLOT", "(default: out/moons.png)"),
        ("--save SAVE", "(default: out/moons.npz)"),
        ("--engine {array,scalar}", "(default: array)"),
    ]:
        assert option in text
        assert help_text in text
    assert "(default: None)" not in text
    assert not list(tmp_path.iterdir())


# moons: the picture -------------------------------------------------------------------------------


def share_of(image: NDArray[np.float64], color: str) -> float:
    """The share of a picture's pixels that have a color, #rrggbb."""
    rgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return float(np.mean(np.all(np.abs(image[:, :, :3] - rgb) < 0.01, axis=2)))


def test_moons_picture_shows_both_regions_both_classes_and_the_boundary(
    moons: ModuleType, tmp_path: Path
) -> None:
    """All five colors are there, the regions large, and the class has its side of the line."""
    from matplotlib.image import imread

    moons.main(["--plot", "picture.png"])
    image = imread(tmp_path / "picture.png")
    assert share_of(image, "#f4c9bd") > 0.2
    assert share_of(image, "#bcd4ec") > 0.2
    assert share_of(image, "#b5391d") > 0.001
    assert share_of(image, "#1d5fa8") > 0.001
    assert share_of(image, "#000000") > 0.002


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_moons_draws_a_network_that_answers_one_class_everywhere(
    moons: ModuleType, tmp_path: Path, suffix: str
) -> None:
    """No boundary is no warning; other formats."""
    layers = moons.stack(moons.draw(0, (2, 2, 1)))
    sure = tuple(type(layer)(0 * layer.weight, layer.bias + 1.0) for layer in layers)
    X, y = moons.make_moons(20, noise=0.1, random_state=0)
    path = tmp_path / f"one.{suffix}"
    moons.draw_picture(path, sure, X, 2.0 * y - 1.0, "one class")
    assert path.stat().st_size > 1000


# four_points --------------------------------------------------------------------------------------


def hand_written_loss(vector: NDArray[np.float64], points: Any, targets: Any) -> float:
    """The sum of squared errors of the 3-4-4-1 tanh network, a loop for every neuron."""
    numbers = iter(vector.tolist())
    weights = []
    for n_in, n_out in ((3, 4), (4, 4), (4, 1)):
        rows = [[next(numbers) for _ in range(n_out)] for _ in range(n_in)]
        weights.append((rows, [next(numbers) for _ in range(n_out)]))
    total = 0.0
    for point, target in zip(points.tolist(), targets.tolist(), strict=True):
        values = point
        for rows, biases in weights:
            values = [
                float(np.tanh(sum(v * row[j] for v, row in zip(values, rows)) + b))
                for j, b in enumerate(biases)
            ]
        total += (values[0] - target) ** 2
    return total


def hand_written_descent(module: ModuleType, steps: int, *, accumulate: bool) -> list[float]:
    """Losses of descent with finite differences, the mistake included if asked for."""
    layers = module.draw(1337)
    p = np.concatenate([np.r_[np.ravel(layer.weight), layer.bias] for layer in layers])
    assert p.size == 41
    grad, losses = np.zeros(41), []
    for _ in range(steps):
        losses.append(hand_written_loss(p, module.POINTS, module.TARGETS))
        if not accumulate:
            grad[:] = 0.0  # zero_grad
        for i in range(41):
            bump = np.eye(41)[i] * 1e-6
            grad[i] += (
                hand_written_loss(p + bump, module.POINTS, module.TARGETS)
                - hand_written_loss(p - bump, module.POINTS, module.TARGETS)
            ) / 2e-6
        p = p - 0.05 * grad
    return losses


def test_four_points_are_what_loops_and_finite_differences_give(four_points: ModuleType) -> None:
    """Both ways of training, for six steps."""
    start = four_points.draw(1337)
    for way, accumulate in ((four_points.pure, False), (four_points.accumulated, True)):
        steps = [step.loss for step, _ in zip(way(start, 0.05), range(6))]
        expected = hand_written_descent(four_points, 6, accumulate=accumulate)
        np.testing.assert_allclose(steps, expected, rtol=1e-6)


def test_four_points_weights_are_drawn_neuron_by_neuron(four_points: ModuleType) -> None:
    """The first neuron's three weights, then its bias, then the second's."""
    import random

    rng = random.Random(7)
    first = [rng.uniform(-1, 1) for _ in range(8)]
    layer = four_points.draw(7)[0]
    assert [*layer.weight[:, 0], layer.bias[0], *layer.weight[:, 1], layer.bias[1]] == first


def test_four_points_prints_both_runs_and_explains(
    four_points: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same two first losses, then different ones; the right way ends well and never rises."""
    assert four_points.main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith("MLP 3-4-4-1, tanh everywhere, 41 parameters\n")
    rows = [line.split() for line in text.splitlines() if re.match(r" +\d+ ", line)]
    assert [int(row[0]) for row in rows] == list(range(21))
    right, wrong = ([float(row[i]) for row in rows] for i in (1, 3))
    assert right[:2] == wrong[:2]
    assert right[2] != wrong[2]
    assert all(after < before for before, after in itertools.pairwise(right))
    assert right[-1] < 0.1
    rises = sum(after > before for before, after in itertools.pairwise(wrong))
    assert f"The loss rose at {rises} of 20 steps on the right, at 0 on the left" in text
    assert "zero_grad" in text
    assert "leaves nothing behind" in text


@pytest.mark.parametrize(
    ("used", "slope", "expected"),
    [
        ((2.0, 9.0), 0.1, ("the steps grow", "do not slow down")),
        ((2.0, 1.0), 0.9, ("no step is longer than the first", "try more --steps")),
    ],
)
def test_four_points_words_follow_the_numbers(
    four_points: ModuleType, used: tuple[float, float], slope: float, expected: tuple[str, str]
) -> None:
    """Growth, and too long a last step, are said only where the table shows them."""
    start = four_points.draw(0)
    text = four_points.explain(*[[four_points.Step(start, 1.0, slope, u) for u in used]] * 2)
    assert all(words in text for words in expected)


# curve_fit ----------------------------------------------------------------------------------------


def test_curve_fit_agrees_with_scipys_own_fit(curve_fit: ModuleType) -> None:
    """Parameters and standard errors, from SciPy's Levenberg-Marquardt and its own derivatives."""
    t, measured = curve_fit.measure(1337, 120, 0.4)
    best = curve_fit.fit(t, measured)
    errors = curve_fit.standard_errors(best.swing, t, measured)

    def model(t: Any, a: float, g: float, f: float, p: float, r: float) -> Any:
        return a * np.exp(-g * t) * np.cos(2 * np.pi * f * t + p) + r

    found, covariance = scipy.optimize.curve_fit(model, t, measured, p0=[8, 0.1, 0.75, 0, 0])
    names = ("amplitude", "decay", "frequency", "phase", "rest")
    ours = [getattr(best.swing, name) for name in names]
    assert best.converged
    np.testing.assert_allclose(ours, found, rtol=1e-3)
    np.testing.assert_allclose(
        [getattr(errors, name) for name in names], np.sqrt(np.diag(covariance)), rtol=1e-3
    )
    for name, value in zip(names, ours, strict=True):
        error = getattr(errors, name)
        assert abs(value - getattr(curve_fit.TRUTH, name)) < 4 * error


def test_curve_fit_without_noise_finds_the_truth(curve_fit: ModuleType) -> None:
    """To the tolerance of the optimiser."""
    t, measured = curve_fit.measure(0, 50, 0.0)
    best = curve_fit.fit(t, measured)
    for name in ("amplitude", "decay", "frequency", "phase", "rest"):
        assert getattr(best.swing, name) == pytest.approx(getattr(curve_fit.TRUTH, name), abs=2e-3)


@pytest.mark.parametrize("seed", range(26))
def test_curve_fit_finds_the_swing_whatever_the_noise(curve_fit: ModuleType, seed: int) -> None:
    """No local minimum for any seed: the distance is the noise's, the frequency the true one."""
    t, measured = curve_fit.measure(seed, 120, 0.4)
    best = curve_fit.fit(t, measured)
    assert best.converged
    assert best.error < 0.5
    assert best.swing.frequency == pytest.approx(0.8, abs=0.005)


def test_curve_fit_that_ends_in_a_local_minimum_says_so(
    curve_fit: ModuleType,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Started far from the true frequency: one line on stderr, exit status 1, no picture."""
    start = curve_fit.Swing(amplitude=8.0, decay=0.1, frequency=3.0, phase=0.0, rest=0.0)
    monkeypatch.setattr(curve_fit, "starts", lambda t, measured: [start])
    assert curve_fit.main(["--plot", "fit.png"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"curve_fit\.py: error: the fit is a local minimum, [^\n]+\n", err)
    assert not list(tmp_path.iterdir())


def test_curve_fit_prints_the_fit_and_draws_it(
    curve_fit: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A line for each parameter; with the gradient the model is evaluated less often."""
    assert curve_fit.main(["--plot", "fit.png"]) == 0
    text = capsys.readouterr().out
    for name in ("amplitude", "decay", "frequency", "phase", "rest"):
        assert re.search(rf"^{name} +-?[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+$", text, re.MULTILINE)
    match = re.search(r"evaluated (\d+) times; without the gradient, (\d+) times", text)
    assert match
    assert int(match[1]) * 3 < int(match[2])
    assert (tmp_path / "fit.png").stat().st_size > 10_000


@pytest.mark.parametrize("script", ["four_points.py", "curve_fit.py"])
def test_the_other_examples_run_as_programs(script: str, tmp_path: Path) -> None:
    """Exit status 0, nothing on stderr; --help says what they do."""
    done = run(script, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    helped = run(script, "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "default" in helped.stdout
