"""What makes a traced value look like an array: operators, NumPy's protocols, refusals."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ._dispatch import call_function, call_ufunc
from ._errors import ConversionError, MutationError, at_line, describe
from ._methods import Methods
from ._texts import ASSIGNMENT, IN_PLACE, OF_THE_VALUE, TO_ARRAY, TO_INDEX, TO_NUMBER
from ._typing import Shape, Value
from ._values import (
    BRANCH,
    ELEMENTS,
    NUMBER,
    OPERANDS,
    VALUE,
    dtype_of,
    is_floating,
    is_truth,
    look,
    plain_of,
)

if TYPE_CHECKING:
    from ._tape import Operand, Var


class ArrayLike(Methods):
    """The face of an array on a traced value; the operators, which are hot, are in `_tape.Var`."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]  # like an array: == is elementwise

    @property
    def value(self) -> Any:
        """The plain number or array, a constant to every gradient; an array is read-only.

        Under vmap, where there are many, it raises ShapeError.
        """
        return look(self, read_only, VALUE)

    @property
    def shape(self) -> Shape:
        """The lengths of the axes; () for a number."""
        return self._trace.shape_of(self._value)

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

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a traced value without axes")
        return self.shape[0]

    def __iter__(self) -> Iterator[Var]:
        if not self.shape:
            raise TypeError("iteration over a traced value without axes")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, index: Any) -> Var:
        return self._call(operator.getitem, index)

    if not TYPE_CHECKING:  # a type checker says it before the program runs

        def __setitem__(self, index: object, value: object) -> NoReturn:
            raise MutationError(ASSIGNMENT.format(where=at_line()))

    # Operators; the arithmetic that is hot is in `_tape` ------------------------------------------
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
        if not all(is_truth(x) for x in (self, *other)):
            raise TypeError(
                f"&, | and ~ combine truth values (x > 0), got "
                f"{' and '.join(describe(x) for x in (self, *other))}{at_line()}"
            )
        return self._call(function, *other)

    def __round__(self, digits: int = 0) -> Var:
        return self._call(np.round, digits)

    def __neg__(self) -> Var:
        return self._call(np.negative)

    def __pos__(self) -> Var:
        return self  # type: ignore[return-value]  # no other class inherits

    def __abs__(self) -> Var:
        return self._call(np.absolute)

    def _binary(
        self, function: Callable[..., Any], other: Operand, *, swapped: bool = False
    ) -> Var:
        if not isinstance(other, OPERANDS):
            return NotImplemented
        op: Any = self._trace.table[function]
        return op.bind(other, self) if swapped else op.bind(self, other)  # type: ignore[no-any-return]

    # As one plain value --------------------------------------------------------------------------
    def __repr__(self) -> str:
        return f"Var({plain_of(self)!r})"

    def __format__(self, spec: str) -> str:
        return format(plain_of(self), spec)

    def __bool__(self) -> bool:
        return self._trace.look(self, bool, BRANCH)  # type: ignore[no-any-return]

    def __index__(self) -> int:
        if is_floating(self):
            what = describe(plain_of(self))
            raise ConversionError(TO_INDEX.format(what=what, where=at_line()))
        return look(self, operator.index, NUMBER)  # type: ignore[no-any-return]

    def __int__(self) -> int:
        return self._number(int)  # type: ignore[no-any-return]

    def __float__(self) -> float:
        return self._number(float)  # type: ignore[no-any-return]

    def _number(self, kind: type) -> Any:
        """int() or float() of what has no gradient to lose."""
        if is_floating(self):
            call, what = f"{kind.__name__}()", describe(plain_of(self))
            raise ConversionError(TO_NUMBER.format(call=call, what=what, where=at_line()))
        return look(self, kind, NUMBER)

    def __dir__(self) -> Iterator[str]:
        return (name for name in object.__dir__(self) if name not in _MISSING)

    def __copy__(self) -> ArrayLike:
        return self

    def __deepcopy__(self, memo: object) -> ArrayLike:
        return self

    # NumPy's protocols ---------------------------------------------------------------------------

    if not TYPE_CHECKING:  # to a type checker, __array__ would make it an array

        def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
            if is_floating(self):
                what = describe(plain_of(self))
                raise ConversionError(TO_ARRAY.format(what=what, where=at_line()))
            return np.array(look(self, read_only, ELEMENTS), dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Value, **kwargs: Any) -> Value:
        return call_ufunc(self._trace.table, ufunc, method, inputs, kwargs)

    def __array_function__(
        self,
        func: Callable[..., Any],
        types: object,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Value:
        return call_function(self._trace.table, func, args, kwargs)


def read_only(value: Value) -> Value:
    """A plain value to be read: the array is on the tape, and perhaps the caller's own."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


class _OfArrays:
    """An attribute that arrays have and traced values have not: the error says what to do.

    A __getattr__ would say it too, and would make each use of any other attribute slow
    (bench/NOTES.md).
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: object = None) -> NoReturn:
        text = IN_PLACE if self.name in _CHANGES else OF_THE_VALUE
        raise AttributeError(text.format(name=self.name))


_CHANGES = {"byteswap", "fill", "partition", "put", "resize", "setfield", "setflags", "sort"}
_MISSING = {name for name in dir(np.ndarray) if name[0] != "_" and not hasattr(ArrayLike, name)}
for _name in _MISSING:
    setattr(ArrayLike, _name, _OfArrays(_name))
