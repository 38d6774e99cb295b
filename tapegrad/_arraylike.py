"""What makes a traced value look like an array: operators, NumPy's protocols, refusals."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ._dispatch import call_function, call_ufunc, missing
from ._errors import (
    ConversionError,
    MissingRuleError,
    MutationError,
    at_line,
    describe,
)
from ._hints import INSTEAD, indented, shown
from ._library import library_call
from ._methods import Methods
from ._texts import (
    ASSIGNMENT,
    BATCHED_NUMBER,
    DELETION,
    FORMAT,
    TO_ARRAY,
    TO_INDEX,
    TO_LIBRARY,
    TO_NUMBER,
    TO_PICKLE,
    UNCHANGED,
    UNHASHABLE,
)
from ._typing import Shape, Value
from ._values import (
    BRANCH,
    ELEMENTS,
    NUMBER,
    VALUE,
    Traced,
    dtype_of,
    is_batched,
    is_floating,
    is_truth,
    look,
    plain_of,
    read_only,
)
from ._words import ATTRIBUTES, Absent, HidesAbsent, present

if TYPE_CHECKING:
    from ._tape import Operand, Var


# What an operator takes, or refuses by name, as it does what Python has of its own (a text, None, a
# Decimal): nothing of these knows what to do with us. Anything else may.
_TAKEN = (float, int, complex, np.ndarray, np.generic, Traced, list, tuple)
_PYTHONS = {"builtins", "decimal", "fractions"}


class ArrayLike(Methods, metaclass=HidesAbsent):
    """The face of an array on a traced value; the operators, which are hot, are in `_tape.Var`."""

    __slots__ = ()

    def __hash__(self) -> NoReturn:
        raise TypeError(UNHASHABLE.format(where=at_line()))

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
    def real(self) -> Var:
        """The value itself: it is real."""
        return self._call(np.real)

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
            raise TypeError(f"len() of a traced value without axes{at_line()}")
        return self.shape[0]

    def __iter__(self) -> Iterator[Var]:
        if not self.shape:
            raise TypeError(f"iteration over a traced value without axes{at_line()}")
        return (self[i] for i in range(self.shape[0]))

    def __getitem__(self, index: Any) -> Var:
        return self._call(operator.getitem, index)

    if not TYPE_CHECKING:  # a type checker says it before the program runs

        def __setitem__(self, index: object, value: object) -> NoReturn:
            raise MutationError(ASSIGNMENT.format(where=at_line()))

        def __delitem__(self, index: object) -> NoReturn:
            raise MutationError(DELETION.format(where=at_line()))

    # Operators; the arithmetic that is hot is in `_tape` ------------------------------------------
    def __mod__(self, other: Operand) -> Var:
        return self._binary(np.remainder, other)

    def __rmod__(self, other: Operand) -> Var:
        return self._binary(np.remainder, other, swapped=True)

    def __floordiv__(self, other: Operand) -> Var:
        return self._binary(np.floor_divide, other)

    def __rfloordiv__(self, other: Operand) -> Var:
        return self._binary(np.floor_divide, other, swapped=True)

    def __divmod__(self, other: Operand) -> tuple[Var, Var]:
        return self // other, self % other

    def __rdivmod__(self, other: Operand) -> tuple[Var, Var]:
        return other // self, other % self

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
        if other is None or isinstance(other, str):  # as NumPy has it: equal to none
            return self._truths(False)
        return self._binary(np.equal, other)

    def __ne__(self, other: Operand) -> Var:  # type: ignore[override]  # as __eq__
        if other is None or isinstance(other, str):
            return self._truths(True)
        return self._binary(np.not_equal, other)

    def _truths(self, truth: bool) -> Any:
        """The same answer for each element."""
        return np.full(self.shape, truth)[()]

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
        return self._unary(round, ndigits=operator.index(digits))

    def __neg__(self) -> Var:
        return self._unary(np.negative)

    def __pos__(self) -> Var:
        return self  # type: ignore[return-value]  # no other class inherits

    def __abs__(self) -> Var:
        return self._unary(np.absolute)

    def _unary(self, function: Callable[..., Any], **params: Any) -> Var:
        op: Any = self._trace.table[function]
        return op.bind(self, **params)

    def _binary(
        self, function: Callable[..., Any], other: Operand, *, swapped: bool = False
    ) -> Var:
        if not isinstance(other, _TAKEN) and type(other).__module__ not in _PYTHONS:
            return NotImplemented
        op: Any = self._trace.table[function]
        return op.bind(other, self) if swapped else op.bind(self, other)

    # As one plain value --------------------------------------------------------------------------
    def __repr__(self) -> str:
        return f"Var({plain_of(self)!r})"

    def __format__(self, spec: str) -> str:
        plain = plain_of(self)
        if isinstance(plain, np.ndarray) and spec:
            if self.shape:
                raise TypeError(FORMAT.format(spec=spec, what=describe(self), where=at_line()))
            return np.array2string(plain, formatter={"all": lambda x: format(x, spec)})
        return format(plain, spec)

    def __bool__(self) -> bool:
        return self._trace.look(self, bool, BRANCH)

    def __index__(self) -> int:
        if is_floating(self):
            what = describe(plain_of(self))
            raise ConversionError(TO_INDEX.format(what=what, where=at_line()))
        return look(self, operator.index, NUMBER)

    def __complex__(self) -> complex:
        return self._number(complex)

    def __trunc__(self) -> int:
        return self._number(int)

    def __int__(self) -> int:
        return self._number(int)

    def __float__(self) -> float:
        return self._number(float)

    def _number(self, kind: type) -> Any:
        """int(), float() or complex() of what has no gradient to lose."""
        if is_floating(self):
            text = BATCHED_NUMBER if is_batched(self) else TO_NUMBER
            raise self._lost(text, call=f"{kind.__name__}()")
        return look(self, kind, NUMBER)

    def _lost(self, text: str, **words: str) -> Exception:
        """The error for a gradient that would be lost; a library's function that asks is named."""
        if (call := library_call()) is not None:
            constant = "" if is_batched(self) else TO_LIBRARY
            return MissingRuleError(f"{missing(self._trace.table, call)}{constant}")
        what = describe(plain_of(self))
        return ConversionError(text.format(what=what, where=at_line(), **words))

    def __dir__(self) -> Iterator[str]:
        return iter(present(self))

    def __reduce__(self) -> NoReturn:
        what = describe(plain_of(self))
        raise ConversionError(TO_PICKLE.format(what=what, where=at_line()))

    def __copy__(self) -> ArrayLike:
        return self

    def __deepcopy__(self, memo: object) -> ArrayLike:
        return self

    # NumPy's protocols ---------------------------------------------------------------------------

    if not TYPE_CHECKING:  # to a type checker, __array__ would make it an array

        def __array__(self, dtype: object = None, copy: object = None) -> NDArray[Any]:
            if is_floating(self):
                raise self._lost(TO_ARRAY)
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


class _OfTheValue(Absent):
    """An attribute that plain arrays have, and Python's numbers perhaps not."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a traced value has no attribute {name!r}")
        self._name = name

    def __get__(self, instance: Any, owner: object = None) -> NoReturn:
        plain, name = plain_of(instance), self._name
        if (function := f"numpy.{name}") in INSTEAD:
            hint = f"{function} has no derivative rule.\n{shown(INSTEAD[function])}"
            raise AttributeError(f"{self.text}: {hint}")
        code = f"x.value.{name}()" if name in _CALLED else f"x.value.{name}"
        if not hasattr(plain, name):
            code = "x.value" if name in _CALLED else f"numpy.asarray(x.value).{name}"
        text = f"{self.text}; the plain value has, a constant to every gradient{indented(code)}"
        raise AttributeError(text)


_CALLED = {"item", "tolist"}  # which give a plain number, as x.value may be already
_CHANGES = {"byteswap", "partition", "resize", "setfield", "setflags"}
for _name in {*dir(np.ndarray), *ATTRIBUTES}:
    if _name[0] != "_" and not hasattr(ArrayLike, _name):
        _text = f"a traced value has no attribute {_name!r}: {UNCHANGED}"
        _absent = Absent(_text) if _name in _CHANGES else _OfTheValue(_name)
        setattr(ArrayLike, _name, ATTRIBUTES.get(_name, _absent))
