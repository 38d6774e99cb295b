"""A computation without its values: a list of steps that passes can rewrite, and that runs again.

A pass is a function Program -> Program: a loop that emits the steps that it wants into a
`Rewriter`, which knows equal steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import attrs
import numpy as np

from . import tree
from ._errors import GuardError, Line, ShapeError, at_line, describe
from ._listing import expression, listing, place, short
from ._structure import difference
from ._tape import CONSTANT, INPUT, AnyOp, explained
from ._texts import OTHER_ARGUMENTS, OTHER_PATH
from ._typing import Params, Shape, Value, settled
from ._values import (
    Look,
    Traced,
    Whole,
    copied,
    dtype_of,
    is_operand,
    like,
    look,
    plain_of,
    shape_of,
)
from ._warnings import watched


@attrs.frozen
class Spec:
    """What is known of a value before it is there. Only a Python number ("number") adapts its dtype
    to what it meets; "other" is a bundle of values.
    """

    kind: Literal["number", "scalar", "array", "other"]
    dtype: np.dtype[Any]
    shape: Shape = ()

    def __str__(self) -> str:
        if self.kind == "number":
            return {"f": "float", "i": "int", "b": "bool"}.get(self.dtype.kind, "number")
        axes = f"[{', '.join(map(str, self.shape))}]" if self.kind == "array" else ""
        return "" if self.kind == "other" else f"{self.dtype}{axes}"


def spec_of(value: Value) -> Spec:
    """The spec of a value; a traced one is of the kind of what stands behind it."""
    plain = plain_of(value)
    if isinstance(plain, (np.ndarray, np.generic)):
        kind: Any = "array" if isinstance(plain, np.ndarray) else "scalar"
        return Spec(kind, dtype_of(value), shape_of(value))
    return Spec("number" if isinstance(plain, (float, int)) else "other", dtype_of(plain))


def _key(value: Any) -> Any:
    """What of a parameter is compared: numbers with their type, so that 1, 1.0 and True differ; of
    arrays, and of other things that do not hash, which one it is.
    """
    if isinstance(value, Mapping):
        return tuple(sorted((name, _key(each)) for name, each in value.items()))
    if isinstance(value, tuple):
        return type(value), tuple(map(_key, value))
    if isinstance(value, slice):  # hashes from Python 3.12 on
        return slice, _key((value.start, value.stop, value.step))
    if isinstance(value, (complex, float, int, np.generic)):  # 0.0 is not -0.0
        return type(value), repr(value)
    try:
        hash(value)
    except TypeError:
        return id(value)
    return type(value), value


@attrs.frozen(cache_hash=True)
class Step:
    """One operation, on the values of the steps at the positions ``inputs``. Two steps are equal if
    they compute the same, wherever they were written.
    """

    op: AnyOp
    inputs: tuple[int, ...]
    params: Params = attrs.field(eq=_key)
    spec: Spec
    line: Line | None = attrs.field(default=None, eq=False)
    label: str | None = attrs.field(default=None, eq=False)

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping does not pickle
        rest = self.spec, self.line, self.label
        return _unpickled, (self.op, self.inputs, dict(self.params), *rest)


def _unpickled(op: AnyOp, inputs: tuple[int, ...], params: Params, *rest: Any) -> Step:
    return Step(op, inputs, settled(params), *rest)


@attrs.frozen(eq=False)
class Guard:
    """What was decided by a value: the program is right only where ``read`` finds it as it was."""

    position: int
    read: Callable[[Value], Any]
    found: Any
    why: Look

    def holds(self, value: Value) -> bool:
        """Whether a value decides it in the same way."""
        now = look(value, self.read, self.why)
        if isinstance(now, np.ndarray):
            return (now.dtype, now.tobytes()) == (self.found.dtype, self.found.tobytes())
        return bool(_key(now) == _key(self.found))


@attrs.frozen(eq=False, repr=False)
class Program:
    """What a function did, as a list of steps in order; called, it does it again.

    steps:             the steps; each refers only to earlier ones
    inputs, outputs:   the positions of the leaves of the arguments, and of the output
    arguments, result: the structures of both
    guards:            what the function, which has this name, took for granted of values

    >>> import tapegrad as tg
    >>> program = tg.record(lambda a, b: a * b + 10.0, 2.0, -3.0).program
    >>> program(4.0, 0.5)
    12.0
    >>> [step.op.name for step in program.steps]
    ['input', 'input', 'multiply', 'constant', 'add']
    """

    steps: tuple[Step, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arguments: tree.Structure
    result: tree.Structure
    guards: tuple[Guard, ...]
    name: str

    @watched
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The output for other arguments of the same structure, kinds, dtypes and shapes.

        Raises ShapeError for others, GuardError where the function would have gone another way.
        """
        if kwargs:
            raise TypeError(
                f"{self.name}: a program takes its arguments in order, and what record was given "
                f"by keyword is a constant of it; got {', '.join(kwargs)} by keyword{at_line()}"
            )
        leaves = copied(self._leaves(args))  # as record did: in the same layout, to the bit
        given = dict(zip(self.inputs, leaves))
        guards: dict[int, list[Guard]] = {}
        for guard in self.guards:
            guards.setdefault(guard.position, []).append(guard)
        values: list[Value] = []
        for position, step in enumerate(self.steps):
            operands = [values[i] for i in step.inputs]
            traced = any(isinstance(x, Traced) for x in operands)
            compute = step.op.bind if traced else step.op.run
            try:
                value = given[position] if position in given else compute(*operands, **step.params)
            except ArithmeticError as error:  # which a rule may have met as NumPy does
                raise self._other_path(position, f"an error ({error})", "that") from error
            except (ValueError, IndexError) as error:
                raise explained(error, step.op, operands) from None
            values.append(value)
            for guard in guards.get(position, ()):
                if not guard.holds(value):
                    raise self._other_path(position, describe(value), guard.why.why)
        return tree.unflatten(self.result, copied([values[i] for i in self.outputs]))

    def _leaves(self, args: tuple[Any, ...]) -> list[Value]:
        leaves, structure = tree.flatten(args)
        if structure != self.arguments:
            count = self.arguments.spec.num_children
            differs = difference(self.arguments, args, "args")
            if count != len(args):
                differs = f"expected {count}, got {len(args)}"
            raise ShapeError(
                f"{self.name}: the program was recorded for other arguments: {differs}"
            )
        for i, (leaf, position) in enumerate(zip(leaves, self.inputs)):
            wanted = self.steps[position].spec
            if leaf.__class__ is int and wanted == spec_of(0.0):
                leaves[i] = leaf = like(leaf, 0.0)  # noqa: PLW2901  # an int counts as a float
            found = spec_of(leaf)
            if isinstance(leaf, Traced):  # of a batch, only the whole could tell the kind
                found = attrs.evolve(found, kind=wanted.kind)
            if found != wanted or not is_operand(leaf):
                path = structure.paths("args")[i]
                got = str(found) if str(found).endswith("[]") else describe(leaf)
                given = {"name": self.name, "path": path, "wanted": wanted, "got": got}
                raise ShapeError(OTHER_ARGUMENTS.format(**given))
        return leaves

    def _other_path(self, position: int, got: str, why: str) -> GuardError:
        step = self.steps[position]
        what = f"step {position} ({step.label or self._expression(step)})"
        at = f"\n  at {step.line}" if step.line else ""
        return GuardError(OTHER_PATH.format(name=self.name, step=what, got=got, why=why, where=at))

    @property
    def __name__(self) -> str:
        return self.name

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        rows = [
            (step.label or "", self._expression(step), str(step.spec), place(step.line))
            for step in self.steps
        ]
        return listing(self.name, "step", rows, self.outputs)

    __repr__ = __str__

    def _expression(self, step: Step) -> str:
        return expression(step.op, [self._name(i) for i in step.inputs], step.params)

    def _name(self, position: int) -> str:
        """A step as an operand of others."""
        step = self.steps[position]
        if step.op is CONSTANT and not step.spec.shape:
            return short(step.params["value"])
        return step.label or f"%{position}"


class Rewriter:
    """A program as it is written: what is emitted twice stands there once."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._known: dict[Step, int] = {}

    def input(self, spec: Spec, label: str | None = None) -> int:
        """The position of a new input, which is like no other."""
        return self.emit(INPUT, (), {"number": len(self.steps)}, spec, label=label)

    def constant(self, value: Value) -> int:
        """The position of a constant."""
        value = int(value) if value.__class__ is Whole else value
        return self.emit(CONSTANT, (), {"value": value}, spec_of(value))

    def emit(
        self,
        op: AnyOp,
        inputs: Sequence[int],
        params: Params,
        spec: Spec,
        line: Line | None = None,
        label: str | None = None,
    ) -> int:
        """The position of this step, which is appended if there is none like it."""
        step = Step(op, tuple(inputs), settled(params), spec, line, label)
        position = self._known.setdefault(step, len(self.steps))
        if position == len(self.steps):
            self.steps.append(step)
        return position
