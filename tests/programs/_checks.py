"""What must hold of every program: values, memory, errors, batches, threads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import numpy as np

import tapegrad as tg

from ._author import floating
from ._cases import Case
from ._code import PROGRAM, literal
from ._derivatives import Loss, derivatives
from ._nestings import nestings
from ._run import (
    Failure,
    Run,
    Skip,
    exactly,
    is_unstable,
    near,
    promised,
    raised_in,
    same_form,
)
from ._worlds import PLAIN, REAL, quietly

Check: TypeAlias = Callable[[Run], None]

RECORD = "tg.record(f, *args).value"
REPLAY = "tg.record(f, *args).program(*args)"


# Values ------------------------------------------------------------------------------------------
def values(run: Run) -> None:
    """Recorded, replayed, on plain data, twice: what NumPy gives; the arguments stay the same."""
    args, _ = run.args(), run.plain
    before = exactly(args)
    with run.doing("value", RECORD):
        recording = tg.record(run.f, *args)
        again = tg.record(run.f, *args).value
    found = exactly(recording.value)
    if exactly(again) != found:
        raise run.fail("twice", f"{RECORD}  # twice", again, recording.value)
    _as_numpy(run, "value", RECORD, recording.value)
    with run.doing("plain", "f(*args)"):
        _as_numpy(run, "plain", "f(*args)", run.f(*args))
    if exactly(args) != before:
        raise run.fail("changed", f"{RECORD}, f(*args), args", args, "the arguments as they were")
    with run.doing("program", REPLAY):
        replayed = recording.program(*args)
    arrays = [x for x in run.values.values() if isinstance(x, np.ndarray)]
    ordinary = all(x.flags.c_contiguous for x in arrays)  # record copies, and sums go another way
    if exactly(replayed) != found and (ordinary or not _alike(run, replayed, recording.value)):
        raise run.fail("program", REPLAY, replayed, recording.value)
    if exactly(args) != before:
        raise run.fail("changed", f"{REPLAY}, args", args, "the arguments as they were")
    check_own(run, RECORD, recording.value, args)
    check_own(run, REPLAY, replayed, args)


def _as_numpy(run: Run, check: str, lines: str, came: Any) -> None:
    """The structure, dtypes, shapes and values that NumPy gives."""
    ours, structure = tg.tree.flatten(came)
    theirs, other = tg.tree.flatten(run.plain)
    if structure != other:
        raise run.fail(f"{check} structure", lines, came, run.plain)
    for a, b in zip(ours, theirs, strict=True):
        if not same_form(a, b):
            raise run.fail(f"{check} dtype", lines, came, run.plain)
        if not near(a, b, 50.0 * run.precision):
            if is_unstable(run):
                raise Skip("the value is unstable")
            raise run.fail(check, lines, came, run.plain)
        if run.is_exact and exactly(np.asarray(a)) != exactly(np.asarray(b)):
            raise run.fail(f"{check} bits", lines, came, run.plain)


def _alike(run: Run, came: Any, expected: Any) -> bool:
    """Whether two outputs of a program differ in their last places at most."""
    pairs = zip(tg.tree.leaves(came), tg.tree.leaves(expected), strict=True)
    return all(same_form(a, b) and near(a, b, 50.0 * run.precision) for a, b in pairs)


def check_own(run: Run, lines: str, tree: Any, given: Any) -> None:
    """Arrays that come back are the caller's own: writable, and shared with nothing."""
    arrays = [x for x in tg.tree.leaves(tree) if isinstance(x, np.ndarray)]
    others = [x for x in tg.tree.leaves(given) if isinstance(x, np.ndarray)]
    for x in arrays:
        if not x.flags.writeable:
            raise run.fail("read-only", lines, "a read-only array", "one that can be written into")
        if any(np.shares_memory(x, other) for other in others):
            raise run.fail("shared", lines, "an array in another's memory", "its own memory")
        others.append(x)


# Errors ------------------------------------------------------------------------------------------
WORDED = (tg.TapegradError, np.exceptions.AxisError)
KINDS = (ValueError, TypeError, IndexError, ArithmeticError)
NO_INTEGER = "object cannot be interpreted as an integer"  # what Python says of it, wherever
NUMPY = str(Path(np.__file__).parent)


def refusals(run: Run) -> None:
    """What NumPy refuses is refused, by an error of the same kind, with a text."""
    if run.case.refused is None:
        raise Skip("NumPy refused nothing")
    code = attrs.evolve(run.code, body=run.case.refused)
    case = attrs.evolve(run.case, code=code)
    try:
        code.define(PLAIN)["f"](*run.args())
    except (AttributeError, NameError):
        raise Skip("Python's numbers have no methods") from None
    except ZeroDivisionError:
        raise Skip("Python's // and % by zero") from None
    except Exception as error:  # noqa: BLE001
        theirs = error
    else:
        raise Skip("NumPy refused nothing")
    try:
        came = tg.record(code.define(REAL)["f"], *run.args()).value
    except Exception as ours:  # noqa: BLE001
        if promised(ours) or _worded(ours) or _as_theirs(ours, theirs):
            return
        raise Failure("refusal", case, RECORD, ours, theirs) from None
    raise Failure("accepted", case, RECORD, came, theirs)


def _worded(error: Exception) -> bool:
    """Whether tapegrad words it itself, with the function's name or the line; of whatever kind."""
    said = bool(re.search(r"^[a-z_]+: |\n  at ", str(error)))
    return isinstance(error, WORDED) or (isinstance(error, KINDS) and said)


def _as_theirs(ours: Exception, theirs: Exception) -> bool:
    """Whether it is NumPy's own, or Python's about a line of the program; not one from inside."""
    if not isinstance(ours, tuple(kind for kind in KINDS if isinstance(theirs, kind))):
        return False
    known = str(ours) == str(theirs) or NO_INTEGER in str(ours)
    return known or raised_in(ours) == PROGRAM or raised_in(ours).startswith(NUMPY)


def transforms(run: Run) -> None:
    """A transform of a function that runs on plain values runs, too."""
    if run.case.doubtful is None:
        raise Skip("no transform raised")
    code = attrs.evolve(run.code, body=run.case.doubtful)
    aside = Run(attrs.evolve(run.case, code=code))
    with aside.doing("transform", "f(*args)"):
        aside.f(*aside.args())
    raise Skip("no transform raised")


# Batches and threads -----------------------------------------------------------------------------
def batches(run: Run) -> None:
    """vmap is a loop."""
    names = [name for name in run.code.leaves if floating(run.values[name])]
    if not names:
        raise Skip("nothing to batch")
    text, g = run.case.by_leaves(names)
    examples = [run.values, run.case.others(0), run.case.others(1)]
    columns = [[np.asarray(example[name])[()] for example in examples] for name in names]
    expected = _looped(g, columns)
    axes = tuple(run.case.seed % (np.ndim(column[0]) + 1) for column in columns)
    stacked = [np.stack(column, axis) for column, axis in zip(columns, axes, strict=True)]
    given = [f"b{i}" for i in range(len(axes))]
    lines = [f"{name} = {literal(x)}" for name, x in zip(given, stacked, strict=True)]
    show = "\n".join([text, *lines, f"tg.vmap(g, {axes})({', '.join(given)})"])
    with run.doing("vmap", show):
        found = tg.vmap(g, axes)(*stacked)
    for a, b in zip(tg.tree.leaves(found), expected, strict=True):
        if not same_form(a, b):
            raise run.fail("vmap dtype", show, a, b)
        if not near(a, b, 1e3 * run.precision):
            if is_unstable(run):
                raise Skip("the value is unstable")
            raise run.fail("vmap", show, a, b)
    check_own(run, show, found, stacked)


def _looped(g: Callable[..., Any], columns: list[list[Any]]) -> list[Any]:
    """The leaves of what a function gives on each example, stacked."""
    try:
        flat = [tg.tree.flatten(g(*each)) for each in zip(*columns, strict=True)]
        leaves = zip(*(leaves for leaves, _ in flat), strict=True)
        stacked = [np.stack(several) for several in leaves]
    except Exception as error:  # noqa: BLE001
        raise Skip(f"one by one: {type(error).__name__}") from None
    if any(structure != flat[0][1] for _, structure in flat):
        raise Skip("one by one: another structure")
    return stacked


def threads(run: Run) -> None:
    """Gradients on two threads at once are what one is."""
    if run.case.seed % 8:
        raise Skip("one in eight is run on threads")
    loss = Loss.of(run)

    def gradient(_: int) -> Any:
        with quietly():
            return exactly(tg.grad(loss.f, loss.argnums)(*loss.point))

    with run.doing("threads", loss.gradient):
        expected = gradient(0)
        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(gradient, range(4)))
    for each in found:
        if each != expected:
            raise run.fail("threads", loss.gradient, each, expected)


CHECKS: dict[str, Check] = {
    "values": values,
    "refusals": refusals,
    "transforms": transforms,
    "derivatives": derivatives,
    "batches": batches,
    "nestings": nestings,
    "threads": threads,
}


def check(
    case: Case,
    checks: Mapping[str, Check] = CHECKS,
    note: Callable[[str], None] = lambda what: None,
) -> None:
    """Raise Failure for the first check that does not hold of a program; note what each did."""
    with quietly():
        run = Run(case)
        for name, each in checks.items():
            try:
                each(run)
            except Failure as failure:
                failure.by = name
                raise
            except Skip as skip:
                note(f"{name} skipped: {skip}")
            else:
                note(f"{name} checked")
        for op in {node.op.name for node in run.tape}:
            note(f"op {op}")


def failure_of(case: Case) -> Failure | None:
    """What is wrong with a program by hand, whose last line may be what NumPy refuses."""
    body = case.code.body
    if "return refused" in body:
        doubtful = body if body[0].startswith("def ") else None
        case = Case(attrs.evolve(case.code, body=("return x1",)), body, doubtful)
    try:
        check(case)
    except Failure as failure:
        return failure
    return None
