"""The whole engine: what an operation is, how it is recorded, and the values that record it.

While a function runs, each operation on a traced value (`Var`) appends one frozen `Node` to a
`Tape`. A tape is in topological order because it was written in the order of execution; what walks
it never sorts and never recurses.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

from ._dispatch import Table, call_function, call_ufunc
from ._errors import (
    ASSIGNMENT,
    BATCHED_BOOL,
    BATCHED_INDEX,
    BATCHED_INT,
    BATCHED_VALUE,
    ESCAPED,
    IN_PLACE,
    NOT_LIKE_ARRAYS,
    OF_THE_VALUE,
    TO_ARRAY,
    TO_INDEX,
    TO_NUMBER,
    ConversionError,
    EscapedError,
    MutationError,
    ShapeError,
    TapegradError,
    describe,
    name_of,
    reason,
    user_line,
    where,
)
from ._methods import ArrayMethods
from ._node import NO_PARAMS, Binary, BinaryDraft, Record, node
from ._typing import Params, Partial, Rules, Shape, Value

_numbers = itertools.count()  # next() is atomic: threads need no lock


@attrs.frozen
class Sample:
    """Where the tests evaluate an op: a function that draws the operands, and the parameters."""

    draw: Callable[[np.random.Generator], tuple[Value, ...]]
    params: Params = NO_PARAMS


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Op:
    """All that tapegrad knows of one primitive.

    name:    under which it is printed
    run:     the value, from plain numbers and arrays: run(*args, **params)
    jvp[i]:  the tangent of the output for the tangent t of operand i, in the output's shape:
             jvp[i](t, out, *args, **params); None where there is no derivative
    vjp[i]:  the cotangent of operand i for the cotangent g of the output, in the operand's shape:
             vjp[i](g, out, *args, **params); None where there is no derivative
    batch:   the op on a batch: batch(size, batched, args, params), where batched[i] says that
             operand i has its examples along axis 0; so has the output
    partials[i]: of an elementwise op, the derivative by operand i, a function of (out, *args)
    symbol:  the operator's sign, for printing ("" for a function call)
    samples: where the tests evaluate it

    Rules are written with operations, so that derivatives of every order come of themselves.

    >>> from tapegrad import ops
    >>> ops.exp, float(ops.exp(0.0))
    (<op exp>, 1.0)
    """

    name: str
    run: Callable[..., Value]
    jvp: Rules
    vjp: Rules
    batch: Callable[[int, Sequence[bool], Sequence[Value], Params], Value]
    partials: tuple[Partial, ...] = ()
    symbol: str = ""
    samples: tuple[Sample, ...] = ()

    def __call__(self, *args: Value, **params: Any) -> Value:
        """Apply the op: recorded on the innermost tape among the operands, or just computed."""
        if len(args) == 1:  # the common case, in half the time
            (x,) = args
            if x.__class__ is not Var:
                return self.run(x, **params) if params else self.run(x)
            if not params and x._tape.__class__ is Tape and x._value.__class__ is not Var:
                return x._tape.append(self, (x._index,), NO_PARAMS, self.run(x._value))
        tape: Tape | None = None
        for arg in args:
            if arg.__class__ is Var and (tape is None or arg._tape.number > tape.number):
                tape = arg._tape
        if tape is None:
            return self.run(*args, **params)
        return tape.apply(self, args, params)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def _no_value(*args: Value, **params: Any) -> Value:
    raise AssertionError("an input of a tape is given, not computed")


INPUT = Op(name="input", run=_no_value, jvp=(), vjp=(), batch=_no_value)


class _Ended(list[Record]):
    """The nodes of a tape that has ended: none, and no more are taken."""

    __slots__ = ("function", "transform")

    def __init__(self, transform: str, function: object) -> None:
        self.transform = transform
        self.function = function

    def append(self, node: Record, /) -> NoReturn:
        raise escaped(self.transform, self.function, node.op.name + " gave " + describe(node.value))


class Tape:
    """An append-only list of nodes, in the order in which they happened.

    number: larger than that of every tape made before. Nested transforms need nothing else: an
            operation goes to the tape with the highest number among its operands, and the values
            that it finds there may themselves be traced by outer tapes.
    nodes:  the nodes so far

    >>> from tapegrad.numpy import TABLE
    >>> tape = Tape(TABLE, "record", None)
    >>> y = tape.input(3.0) * 2.0
    >>> [node.op.name for node in tape.nodes]
    ['input', 'multiply']
    """

    __slots__ = ("function", "nodes", "number", "table", "transform")

    def __init__(self, table: Table, transform: str, function: object) -> None:
        self.number = next(_numbers)
        self.table = table
        self.transform = transform
        self.function = function
        self.nodes: list[Record] = []

    def input(self, value: Value, label: str | None = None) -> Var:
        """A new traced value that stands for ``value``."""
        return self.append(INPUT, (), {"label": label} if label else NO_PARAMS, value)

    def apply(self, op: Op, args: Sequence[Value], params: Params) -> Var:
        """Compute op and append it; operands of other tapes are constants here."""
        inputs: list[Value] = []
        values: list[Value] = []
        compute: Callable[..., Value] = op.run
        for arg in args:
            if arg.__class__ is Var and arg._tape is self:
                inputs.append(arg._index)
                known = arg._value
            else:
                known = operand(arg)
                inputs.append(constant(known))
            values.append(known)
            if known.__class__ is Var:  # traced by an outer tape
                compute = op
        try:
            value = compute(*values, **params)
        except (ValueError, IndexError) as error:
            raise explained(error, op, args) from None
        return self.append(op, tuple(inputs), params, value)

    def append(self, op: Op, inputs: tuple[Value, ...], params: Params, value: Value) -> Var:
        """Append what has been computed."""
        return self._push(node(op, inputs, params, value))

    def _push(self, record: Record) -> Var:
        nodes = self.nodes
        index = len(nodes)  # with nothing between this and the next line for threads to meet in
        nodes.append(record)
        return handle(self, index, record.value)

    def close(self) -> list[Record]:
        """End the recording: the nodes so far; from now on, use of a value of this tape raises."""
        nodes = self.nodes
        self.nodes = _Ended(self.transform, self.function)
        return nodes

    @property
    def closed(self) -> bool:
        """Whether the recording has ended."""
        return self.nodes.__class__ is _Ended

    def shape_of(self, value: Value) -> Shape:
        """The shape of a traced value, as the traced function sees it."""
        return shape_of(value)

    def check_single(self, text: str) -> None:
        """Whether a traced value is one value: raises, with this text, where it is many."""


class RecordingTape(Tape):
    """A tape that also notes the user's line of each node, for reading."""

    __slots__ = ()

    def append(self, op: Op, inputs: tuple[Value, ...], params: Params, value: Value) -> Var:
        """Append what has been computed, and where."""
        line = None if op is INPUT else user_line()
        return self._push(node(op, inputs, MappingProxyType(dict(params)), value, line))


def escaped(transform: str, function: object, what: str) -> EscapedError:
    """The error for a traced value that is used after its tape has ended."""
    owner = f"tapegrad.{transform}({name_of(function)})"
    return EscapedError(ESCAPED.format(what=what, owner=owner) + where())


def operand(value: Value) -> Value:
    """An operand that is not traced here, as an op computes with it: lists become arrays.

    A Python number stays one, so that it does not decide the dtype of the result. Raises TypeError
    for a masked array or a matrix, for which the derivative rules are not meant.
    """
    if isinstance(value, (np.ma.MaskedArray, np.matrix)):
        raise TypeError(NOT_LIKE_ARRAYS.format(got=describe(value), where=where()))
    if isinstance(value, (float, int, np.ndarray, np.generic, Var)):
        return value
    return np.asarray(value)


def constant(value: Value) -> Value:
    """The same as a node keeps it: an int there is a position, so that a number is a float."""
    return float(value) if value.__class__ is int or value.__class__ is bool else value


def explained(error: Exception, op: Op, args: Sequence[Value]) -> Exception:
    """The error of an operation, with the operands' shapes and the user's line."""
    if isinstance(error, (TapegradError, np.linalg.LinAlgError)):
        return error
    if not isinstance(error, ValueError):
        return IndexError(f"{op.name}: {error}{where()}")
    sign = f" ({op.symbol})" if op.symbol else ""
    shapes = " and ".join(str(shape_of(arg)) for arg in args)
    operands = f"operands of shapes {shapes}" if len(args) > 1 else f"an operand of shape {shapes}"
    return ShapeError(f"{op.name}{sign} cannot take {operands}: {reason(error)}{where()}")


def shape_of(value: Value) -> Shape:
    """The shape of a number, an array or a traced value."""
    shape: Shape = getattr(value, "shape", ())
    return shape


_FLOAT64 = np.dtype(np.float64)
_WHOLE: dict[type, np.dtype[Any]] = {bool: np.dtype(np.bool), int: np.dtype(np.int64)}


def dtype_of(value: Value) -> np.dtype[Any]:
    """The dtype of a number, an array or a traced value; a Python float counts as float64."""
    dtype: np.dtype[Any] | None = getattr(value, "dtype", None)
    return _WHOLE.get(value.__class__, _FLOAT64) if dtype is None else dtype


def plain_of(value: Value) -> Value:
    """The number or array behind every trace; of a batch, the whole."""
    while value.__class__ is Var:
        value = value._value
    return value


def single(value: Value, text: str) -> Value:
    """The same where it is one value; under vmap, where it is many, ShapeError with this text."""
    while value.__class__ is Var:
        value._tape.check_single(text)
        value = value._value
    return value


def handle(tape: Tape, index: int, value: Value) -> Var:
    """The value at a position of a tape, as the user's function sees it."""
    var = Var()
    var._tape = tape
    var._index = index
    var._value = value
    return var


def _operator(
    function: Callable[..., Any], *, swapped: bool = False
) -> Callable[[Var, Operand], Var]:
    """An operator that, in the common case, computes and appends its node itself, without a call.

    That case: a tape that only records, and another operand that is a value of the same tape, a
    Python number or an array; the rest goes the way of every op. The op's ``run`` takes what an
    outer tape traces, too, and records it there: it is Python's own operator, or NumPy's function.
    ``swapped``: the other operand stands on the left.
    """

    def method(self: Var, other: Value) -> Var:
        tape = self._tape
        kind = other.__class__
        if tape.__class__ is not Tape:
            return self._binary(function, other, swapped=swapped)
        if kind is Var:
            if other._tape is not tape:
                return self._binary(function, other, swapped=swapped)
            given = other._index
            other = other._value
        elif kind is float or kind is np.ndarray or kind is np.float64:
            given = other
        elif kind is int and dtype_of(self._value).kind == "f":
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
        result._tape = tape
        result._value = value
        nodes = tape.nodes
        result._index = len(nodes)
        nodes.append(draft)
        return result

    return method


class Var(ArrayMethods):
    """A traced value: what a function sees in place of a parameter while a transform runs it.

    It behaves like the number or the array that it stands for, and is immutable. ``x.value`` is
    that plain number or array; print, if and a debugger work on it too.

    >>> import tapegrad as tg
    >>> tg.grad(lambda x: print(x, x.value, x > 1.0) or x**2)(3.0)
    Var(3.0) 3.0 Var(True)
    6.0
    """

    __slots__ = ("_index", "_tape", "_value")
    __hash__ = None  # type: ignore[assignment]  # like an array: == is elementwise

    # No __init__: `handle` makes one in two thirds of the time.
    _tape: Tape
    _index: int
    _value: Value

    @property
    def value(self) -> Any:
        """The plain number or array, a constant to every gradient; an array is read-only.

        Under vmap, where there are many, it raises ShapeError.
        """
        value = single(self, BATCHED_VALUE)
        if isinstance(value, np.ndarray):  # on the tape, and perhaps the caller's own
            value = value.view()
            value.flags.writeable = False
        return value

    @property
    def shape(self) -> Shape:
        """The lengths of the axes; () for a number."""
        return self._tape.shape_of(self._value)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype; float64 for a Python number."""
        return dtype_of(self._value)

    @property
    def T(self) -> Var:  # noqa: N802  # NumPy's name
        """The axes in reverse order."""
        return self._call(np.transpose)

    @property
    def mT(self) -> Var:  # noqa: N802
        """The last two axes exchanged: each matrix of a stack transposed."""
        return self._call(np.swapaxes, -1, -2)

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Var:
        return self._tape.table[function](self, *args, **kwargs)  # type: ignore[no-any-return]

    # Operators -----------------------------------------------------------------------------------

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

    def __mod__(self, other: Operand) -> Var:
        return self._binary(np.remainder, other)

    def __rmod__(self, other: Operand) -> Var:
        return self._binary(np.remainder, other, swapped=True)

    def __floordiv__(self, other: Operand) -> Var:
        return self._binary(np.floor_divide, other)

    def __rfloordiv__(self, other: Operand) -> Var:
        return self._binary(np.floor_divide, other, swapped=True)

    # The checker fears that the reflection of each in another class gives another type.
    def __lt__(self, other: Operand) -> Var:  # type: ignore[misc]
        return self._binary(np.less, other)

    def __le__(self, other: Operand) -> Var:  # type: ignore[misc]
        return self._binary(np.less_equal, other)

    def __gt__(self, other: Operand) -> Var:  # type: ignore[misc]
        return self._binary(np.greater, other)

    def __ge__(self, other: Operand) -> Var:  # type: ignore[misc]
        return self._binary(np.greater_equal, other)

    def __eq__(self, other: Operand) -> Var:  # type: ignore[override]  # elementwise, as in NumPy
        return self._binary(np.equal, other)

    def __ne__(self, other: Operand) -> Var:  # type: ignore[override]
        return self._binary(np.not_equal, other)

    def __and__(self, other: Operand) -> Var:
        return self._logical(np.logical_and, other)

    def __or__(self, other: Operand) -> Var:
        return self._logical(np.logical_or, other)

    __rand__ = __and__
    __ror__ = __or__

    def __invert__(self) -> Var:
        return self._logical(np.logical_not)

    def _logical(self, function: Callable[..., Any], *other: Operand) -> Var:
        """& | ~ of truth values; those of integers are other functions, without a rule."""
        if any(getattr(x, "dtype", np.dtype(type(x))).kind != "b" for x in (self, *other)):
            raise TypeError(
                f"&, | and ~ combine truth values (x > 0), got "
                f"{' and '.join(describe(x) for x in (self, *other))}{where()}"
            )
        return self._call(function, *other)

    def __round__(self, digits: int = 0) -> Var:
        return self._call(np.round, digits)

    def __neg__(self) -> Var:
        return self._call(np.negative)

    def __pos__(self) -> Var:
        return self

    def __abs__(self) -> Var:
        return self._call(np.absolute)

    def _binary(
        self, function: Callable[..., Any], other: Operand, *, swapped: bool = False
    ) -> Var:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        op = self._tape.table[function]
        return op(other, self) if swapped else op(self, other)  # type: ignore[no-any-return]

    def __getitem__(self, index: Any) -> Var:
        return self._call(operator.getitem, index)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced value without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Var]:
        if not self.shape:
            raise TypeError("iteration over a traced value without axes")
        return (self[i] for i in range(self.shape[0]))

    # Plain values --------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"Var({plain_of(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(plain_of(self), spec)

    def __bool__(self) -> bool:
        self._tape.check_single(BATCHED_BOOL)
        return bool(self._value)

    def __index__(self) -> int:
        if self.dtype.kind == "f":
            what = describe(plain_of(self))
            raise ConversionError(TO_INDEX.format(what=what, where=where()))
        self._tape.check_single(BATCHED_INT)
        return operator.index(self._value)

    def __int__(self) -> int:
        if self.dtype.kind == "f":
            raise self._conversion("int()")
        self._tape.check_single(BATCHED_INT)
        return int(self._value)

    def __float__(self) -> float:
        if self.dtype.kind == "f":
            raise self._conversion("float()")
        self._tape.check_single(BATCHED_INT)
        return float(self._value)

    def _conversion(self, call: str) -> ConversionError:
        what = describe(plain_of(self))
        return ConversionError(TO_NUMBER.format(call=call, what=what, where=where()))

    def __dir__(self) -> Iterator[str]:
        return (name for name in object.__dir__(self) if name not in _MISSING)

    def __copy__(self) -> Var:
        return self

    def __deepcopy__(self, memo: object) -> Var:
        return self

    if not TYPE_CHECKING:  # a type checker says it before the program runs

        def __setitem__(self, index: object, value: object) -> NoReturn:
            raise MutationError(ASSIGNMENT.format(where=where()))

    # NumPy's protocols ---------------------------------------------------------------------------

    if not TYPE_CHECKING:  # to a type checker, __array__ would make it an array

        def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
            if self.dtype.kind == "f":
                raise ConversionError(TO_ARRAY.format(what=describe(plain_of(self)), where=where()))
            self._tape.check_single(BATCHED_INDEX)  # integers and truths have no gradient to lose
            return np.array(self._value, dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Value, **kwargs: Any) -> Value:
        return call_ufunc(self._tape.table, ufunc, method, inputs, kwargs)

    def __array_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Value:
        return call_function(self._tape.table, func, args, kwargs)


class _OfArrays:
    """An attribute that arrays have and traced values have not: the error says what to do.

    A __getattr__ would say it too, and would make each use of any other attribute slow: CPython
    reads those of a class without one four times as fast.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: object = None) -> NoReturn:
        text = IN_PLACE if self.name in _CHANGES else OF_THE_VALUE
        raise AttributeError(text.format(name=self.name))


_CHANGES = {"byteswap", "fill", "partition", "put", "resize", "setfield", "setflags", "sort"}
_MISSING = {name for name in dir(np.ndarray) if name[0] != "_" and not hasattr(Var, name)}
for _name in _MISSING:
    setattr(Var, _name, _OfArrays(_name))

Operand: TypeAlias = Var | NDArray[Any] | float | np.number[Any] | np.bool
Array: TypeAlias = Var | NDArray[np.floating[Any]]
Scalar: TypeAlias = Array | float | np.floating[Any]
OPERANDS = (Var, float, int, np.ndarray, np.generic, list, tuple)
