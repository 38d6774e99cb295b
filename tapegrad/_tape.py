"""The engine: what an operation is, the traces it is applied on, and the values that carry them.

While a function runs, each operation on a traced value (`Var`) goes to a trace. The one that
matters is the `Tape`: it appends one frozen `Node`. A tape is in topological order because it was
written in the order of execution; what walks it never sorts and never recurses.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from ._arraylike import ArrayLike
from ._dispatch import Table, unbound
from ._errors import EscapedError, ShapeError, TapegradError, at_line, describe, name_of, reason
from ._node import Binary, BinaryDraft, Record, node
from ._texts import ESCAPED
from ._typing import (
    NO_PARAMS,
    Args,
    Flags,
    FunctionLike,
    Kind,
    Out_co,
    Params,
    Partial,
    Rest,
    Rule,
    Rules,
    Run,
    Sample,
    Shape,
    Value,
)
from ._values import Look, Traced, is_floating, operand, shape_of

_numbers = itertools.count()  # next() is atomic: threads need no lock

AnyOp: TypeAlias = "Op[..., Any]"
Batching: TypeAlias = Callable[[AnyOp, int, Flags, Args, Params], Value]


class Itself(Rules):
    """The tangents of an op linear in each operand: the op itself, on the tangent in its place."""

    def __init__(self, op: AnyOp) -> None:
        self._op = op

    def __len__(self) -> int:
        return len(self._op.vjp)

    def __getitem__(self, operand: int, /) -> Rule | None:
        op = self._op
        if op.vjp[operand] is None:
            return None
        return lambda t, out, *args, **p: op.bind(*args[:operand], t, *args[operand + 1 :], **p)


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Op(FunctionLike, Generic[Rest, Out_co]):
    """All that tapegrad knows of one primitive; called, it is the function that the user sees.

    name:     under which it is printed
    run:      the value of plain numbers, arrays, or a `Bundle` of them: run(*args, **params); it
              may be an operand, or a view of one. What stands behind + - * / ** @ is Python's
              operator or NumPy's function, and is given values of outer traces, too
    vjp[i]:   the cotangent of operand i for the cotangent g of the output, in the operand's shape
              and dtype: vjp[i](g, out, *args, **params); None where there is no derivative
    jvp[i]:   the tangent of the output for the tangent t of operand i, in the output's shape and
              dtype: jvp[i](t, out, *args, **params); if not given, the op is linear in each operand
              that has a vjp, and its tangent is the op itself
    batch:    the op on a batch: batch(op, size, batched, args, params), where batched[i] says that
              operand i has its examples along axis 0; so has the output
    kind:     what is known of which elements decide which: see `Kind`
    partials[i]: of an elementwise op, if its rules are made of them, the derivative by operand i
    answers:  the functions of NumPy (or SciPy) that it answers for
    symbol:   the operator's sign, for printing ("" for a function call)
    samples:  where the tests evaluate it
    plain:    what is called where nothing is traced, if not run
    function: what it was made of: the signature and the docstring of the user's function

    Rules are written with operations, so that derivatives of every order come of themselves.

    >>> import tapegrad.numpy as tnp
    >>> tnp.exp, tnp.exp.kind, float(tnp.exp(0.0))
    (<op exp>, 'elementwise', 1.0)
    """

    name: str
    run: Run
    vjp: Rules
    jvp: Rules = attrs.field(default=attrs.Factory(Itself, takes_self=True))
    batch: Batching
    kind: Kind = "opaque"
    partials: tuple[Partial, ...] = ()
    answers: tuple[Callable[..., Any], ...] = ()
    symbol: str = ""
    samples: tuple[Sample, ...] = ()
    plain: Run = attrs.field(default=attrs.Factory(lambda op: op.run, takes_self=True))
    function: Callable[Rest, Out_co] | None = None

    def __attrs_post_init__(self) -> None:
        """Look like the function."""
        self.imitate(self.function)

    def bind(self, *args: Value, **params: Any) -> Out_co:
        """Apply the op on the innermost trace among the operands, or else just compute it."""
        if len(args) == 1 and args[0].__class__ is not Var:  # as most rules call it
            return self.plain(args[0], **params)
        trace: Any = None
        for arg in args:
            if arg.__class__ is Var and (trace is None or arg._trace.number > trace.number):
                trace = arg._trace
        out: Any = self.plain(*args, **params) if trace is None else trace.apply(self, args, params)
        return out

    def __call__(self, *args: Rest.args, **kwargs: Rest.kwargs) -> Out_co:
        """Apply the op to operands, as the user's function is called."""
        if len(args) == 1 and not kwargs:  # the common case, written out (bench/NOTES.md)
            x: Any = args[0]
            if x.__class__ is not Var:
                return self.plain(operand(x))
            if x._trace.__class__ is Tape and x._value.__class__ is not Var:
                out: Any = x._trace.append(self, (x._index,), NO_PARAMS, self.run(x._value))
                return out
        elif (kwargs or len(args) != len(self.vjp)) and (why := unbound(self, args, kwargs)):
            raise TypeError(f"{self.name}: {why}{at_line()}")
        if Var in map(type, args):
            return self.bind(*args, **kwargs)  # where the trace is the gate
        return self.plain(*map(operand, args), **kwargs)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return str(getattr(self, "__qualname__", self.name.upper()))


def _given(name: str) -> AnyOp:
    return Op(name=name, run=lambda value: value, vjp=(), batch=lambda *_: NotImplemented)


INPUT, CONSTANT = _given("input"), _given("constant")


class Trace:
    """Where operations go while a function runs.

    number: larger than that of every trace made before. Nested transforms need nothing else: an
            operation goes to the trace with the highest number among its operands, and the values
            that it finds there may themselves be traced by outer ones.

    Used as a context, it is closed at the end: from then on, use of one of its values raises.
    """

    __slots__ = ("closed", "function", "number", "table", "transform")

    def __init__(self, table: Table, transform: str, function: object) -> None:
        self.number = next(_numbers)
        self.table = table
        self.transform = transform
        self.function = function
        self.closed = False

    def apply(self, op: AnyOp, args: Args, params: Params) -> Var:
        """Do op on operands of which at least one is of this trace; others are constants here."""
        raise NotImplementedError

    def shape_of(self, value: Value) -> Shape:
        """The shape of a traced value, as the traced function sees it."""
        return shape_of(value)

    def look(self, var: Traced, read: Callable[[Value], Any], why: Look) -> Any:
        """What ``read`` makes of the plain value behind a traced one."""
        value = var._value
        return value._trace.look(value, read, why) if value.__class__ is Var else read(value)

    def forgive(self, error: BaseException | None) -> None:
        """Know that an error which an operation met was not the traced function's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.closed = True


class _Ended(list[Record]):
    """The nodes of a tape that has ended: none, and no more are taken."""

    __slots__ = ("function", "transform")

    def __init__(self, transform: str, function: object) -> None:
        self.transform = transform
        self.function = function

    def append(self, node: Record, /) -> NoReturn:
        raise escaped(self, node.op.name + " gave " + describe(node.value))


class Tape(Trace):
    """An append-only list of nodes, in the order in which they happened.

    nodes: the nodes so far; who wants them afterwards keeps this list, since the tape lets go of it

    >>> from tapegrad.numpy import TABLE
    >>> tape = Tape(TABLE, "record", None)
    >>> y = tape.input(3.0) * 2.0
    >>> [node.op.name for node in tape.nodes]
    ['input', 'multiply']
    """

    __slots__ = ("nodes",)
    constant: ClassVar[Any] = float  # for an int, which would be a position

    def __init__(self, table: Table, transform: str, function: object) -> None:
        super().__init__(table, transform, function)
        self.nodes: list[Record] = []

    def input(self, value: Value, label: str | None = None) -> Var:
        """A new traced value that stands for ``value``."""
        return self.append(INPUT, (), {"label": label} if label else NO_PARAMS, value)

    def apply(self, op: AnyOp, args: Args, params: Params) -> Var:
        """Compute op and append it."""
        inputs: list[Value] = []
        values: list[Value] = []
        compute: Run = op.run
        for arg in args:
            if arg.__class__ is Var and arg._trace is self:
                inputs.append(arg._index)
                known = arg._value
            else:
                known = operand(arg)
                inputs.append(self.constant(known) if type(known) in (int, bool) else known)
            values.append(known)
            if known.__class__ is Var:  # traced by an outer trace
                compute = op.bind
        try:
            value = compute(*values, **params)
        except (ValueError, IndexError) as error:
            raise explained(error, op, args) from None
        return self.append(op, tuple(inputs), params, value)

    def append(self, op: AnyOp, inputs: tuple[Value, ...], params: Params, value: Value) -> Var:
        """Append what has been computed."""
        return self._push(node(op, inputs, params, value))

    def _push(self, record: Record) -> Var:
        nodes = self.nodes
        index = len(nodes)
        nodes.append(record)
        while nodes[index] is not record:  # other threads came first
            index += 1
        return handle(self, index, record.value)

    def __exit__(self, *exception: object) -> None:
        super().__exit__()
        self.nodes = _Ended(self.transform, self.function)


def escaped(ended: Trace | _Ended, what: str) -> EscapedError:
    """The error for a traced value that is used after its trace has ended."""
    owner = f"tapegrad.{ended.transform}({name_of(ended.function)})"
    return EscapedError(ESCAPED.format(what=what, owner=owner) + at_line())


def explained(error: Exception, op: AnyOp, args: Args) -> Exception:
    """The error of an operation, with the operands' shapes and the user's line."""
    if isinstance(error, (TapegradError, np.linalg.LinAlgError)):
        return error
    if not isinstance(error, ValueError):
        return IndexError(f"{op.name}: {error}{at_line()}")
    sign = f" ({op.symbol})" if op.symbol else ""
    shapes = " and ".join(str(shape_of(arg)) for arg in args)
    operands = f"operands of shapes {shapes}" if len(args) > 1 else f"an operand of shape {shapes}"
    return ShapeError(f"{op.name}{sign} cannot take {operands}: {reason(error)}{at_line()}")


def handle(trace: Trace, index: int, value: Value) -> Var:
    """The value at a position of a tape, as the user's function sees it."""
    var = Var()
    var._trace = trace
    var._index = index
    var._value = value
    return var


def _operator(  # noqa: C901  # written out, for the reason given below
    function: Callable[..., Any], *, swapped: bool = False
) -> Callable[[Var, Operand], Var]:
    """An operator that, in the common case, computes and appends its node itself, without a call.

    That case: a `Tape` itself, and another operand that is a value of the same tape, a Python
    number or an array. A class that inherits from Tape, a batch, and all other operands go the way
    of every op. The op's ``run`` takes what an outer trace holds, too, and records it there: it is
    Python's own operator, or NumPy's function.

    swapped: the other operand stands on the left
    plain: the class of that tape, or the modulus of pow(x, y, modulus): one comparison for both
    """

    def method(self: Var, other: Value, plain: Any = Tape) -> Var:
        tape: Any = self._trace
        kind = other.__class__
        if tape.__class__ is not plain:
            if plain is not Tape and plain is not None:
                raise TypeError(f"pow() of a traced value has no modulus, got {plain!r}{at_line()}")
            return self._binary(function, other, swapped=swapped)
        if kind is Var:
            if other._trace is not tape:
                return self._binary(function, other, swapped=swapped)
            given = other._index
            other = other._value
        elif (
            kind is float or (kind is np.ndarray and other.dtype.kind == "f") or kind is np.float64
        ):
            given = other  # all else passes the gate
        elif kind is int and is_floating(self._value):
            given = other = float(other)
        else:
            return self._binary(function, other, swapped=swapped)
        op: Any = tape.table[function]
        run = op.run
        draft: Any = BinaryDraft()
        try:
            if swapped:
                draft.left = given
                draft.right = self._index
                value = run(other, self._value)
            else:
                draft.left = self._index
                draft.right = given
                value = run(self._value, other)
        except ValueError as error:
            operands = (other, self._value) if swapped else (self._value, other)
            raise explained(error, op, operands) from None
        draft.op = op
        draft.value = value
        draft.__class__ = Binary
        result = Var()
        result._trace = tape
        result._value = value
        nodes: list[Record] = tape.nodes
        index = len(nodes)
        nodes.append(draft)
        while nodes[index] is not draft:  # as in _push
            index += 1
        result._index = index
        return result

    return method


class Var(ArrayLike):
    """A traced value: what a function sees in place of a parameter while a transform runs it.

    It behaves like the number or the array that it stands for, and is immutable. ``x.value`` is
    that plain number or array; print, if and a debugger work on it too.

    >>> import tapegrad as tg
    >>> tg.grad(lambda x: print(x, x.value, x > 1.0) or x**2)(3.0)
    Var(3.0) 3.0 Var(True)
    6.0
    """

    __slots__ = ()

    __add__ = _operator(np.add)
    __sub__ = _operator(np.subtract)
    __mul__ = _operator(np.multiply)
    __truediv__ = _operator(np.divide)
    __pow__ = _operator(np.power)
    __matmul__ = _operator(np.matmul)
    __radd__ = _operator(np.add, swapped=True)
    __rsub__ = _operator(np.subtract, swapped=True)
    __rmul__ = _operator(np.multiply, swapped=True)
    __rtruediv__ = _operator(np.divide, swapped=True)
    __rpow__ = _operator(np.power, swapped=True)
    __rmatmul__ = _operator(np.matmul, swapped=True)


Operand: TypeAlias = Var | NDArray[Any] | float | np.number[Any] | np.bool
Array: TypeAlias = Var | NDArray[np.floating[Any]]
Scalar: TypeAlias = Array | float | np.floating[Any]
