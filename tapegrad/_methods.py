"""The methods of arrays on a traced value: ``x.sum()`` is ``numpy.sum(x)``, and so on.

Their parameters are those of the methods of `numpy.ndarray`, not always those of the functions.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ._dispatch import refusal
from ._typing import Axis, Casting, DType, Layout, Order, Shape, Sorting
from ._values import Traced, dtype_of

if TYPE_CHECKING:
    from ._tape import Operand, Var


class Methods(Traced):
    """What is called on an array, each by what answers for NumPy's function of that name."""

    __slots__ = ()

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Var:
        """What answers for a NumPy function, this value first."""
        return self._trace.table[function](self, *args, **kwargs)

    def sum(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        keepdims: bool = False,
        initial: None = None,
        where: Literal[True] = True,
    ) -> Var:
        """The sum along axes (numpy.sum)."""
        _refuse(np.sum, where, initial)
        return self._call(np.sum, axis, dtype, out, keepdims)

    def mean(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        keepdims: bool = False,
        *,
        where: Literal[True] = True,
    ) -> Var:
        """The mean along axes (numpy.mean)."""
        _refuse(np.mean, where)
        return self._call(np.mean, axis, dtype, out, keepdims)

    def prod(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        keepdims: bool = False,
        initial: None = None,
        where: Literal[True] = True,
    ) -> Var:
        """The product along axes (numpy.prod)."""
        _refuse(np.prod, where, initial)
        return self._call(np.prod, axis, dtype, out, keepdims)

    def max(
        self,
        axis: Axis = None,
        out: None = None,
        keepdims: bool = False,
        initial: None = None,
        where: Literal[True] = True,
    ) -> Var:
        """The largest along axes (numpy.max); ties share the gradient."""
        _refuse(np.max, where, initial)
        return self._call(np.max, axis, out, keepdims)

    def min(
        self,
        axis: Axis = None,
        out: None = None,
        keepdims: bool = False,
        initial: None = None,
        where: Literal[True] = True,
    ) -> Var:
        """The smallest along axes (numpy.min); ties share the gradient."""
        _refuse(np.min, where, initial)
        return self._call(np.min, axis, out, keepdims)

    def var(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Literal[True] = True,
        mean: Operand | None = None,
    ) -> Var:
        """The variance along axes (numpy.var)."""
        _refuse(np.var, where)
        return self._call(np.var, axis, dtype, out, ddof, keepdims, mean=mean)

    def std(
        self,
        axis: Axis = None,
        dtype: DType = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        where: Literal[True] = True,
        mean: Operand | None = None,
    ) -> Var:
        """The standard deviation along axes (numpy.std)."""
        _refuse(np.std, where)
        return self._call(np.std, axis, dtype, out, ddof, keepdims, mean=mean)

    def cumsum(self, axis: int | None = None, dtype: DType = None, out: None = None) -> Var:
        """The running sum along an axis (numpy.cumsum)."""
        return self._call(np.cumsum, axis, dtype, out)

    def argmax(self, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Var:
        """Where the largest is (numpy.argmax); no gradient."""
        return self._call(np.argmax, axis, out, keepdims=keepdims)

    def argmin(self, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Var:
        """Where the smallest is (numpy.argmin); no gradient."""
        return self._call(np.argmin, axis, out, keepdims=keepdims)

    def argsort(
        self,
        axis: int | None = -1,
        kind: Sorting = None,
        order: None = None,
        *,
        stable: bool | None = None,
    ) -> Var:
        """The positions in sorted order (numpy.argsort); no gradient."""
        return self._call(np.argsort, axis, kind, order, stable=stable)

    def clip(self, min: Operand | None = None, max: Operand | None = None, out: None = None) -> Var:
        """The value kept between two bounds (numpy.clip)."""
        return self._call(np.clip, min, max, out)

    def reshape(
        self,
        *shape: int | Shape,
        order: Order = "C",
        copy: Literal[True] | None = None,
    ) -> Var:
        """The same elements in another shape (numpy.reshape)."""
        if not shape:
            raise TypeError("reshape needs a shape; that of a number is ()")
        return self._call(np.reshape, _listed(shape), order, copy=copy)

    def ravel(self, order: Order = "C") -> Var:
        """The elements as a vector (numpy.ravel)."""
        return self._call(np.ravel, order)

    def flatten(self, order: Order = "C") -> Var:
        """The elements as a vector (numpy.ravel: values are immutable, none need be copied)."""
        return self._call(np.ravel, order)

    def copy(self, order: Layout = "C") -> Var:
        """The value itself (numpy.copy): it is immutable."""
        return self._call(np.copy, order)

    def transpose(self, *axes: int | Shape | None) -> Var:
        """The axes in another order (numpy.transpose)."""
        return self._call(np.transpose, _listed(axes) if axes else None)

    def swapaxes(self, axis1: int, axis2: int, /) -> Var:
        """Two axes exchanged (numpy.swapaxes)."""
        return self._call(np.swapaxes, axis1, axis2)

    def squeeze(self, axis: Axis = None) -> Var:
        """Without axes of length one (numpy.squeeze)."""
        return self._call(np.squeeze, axis)

    def repeat(self, repeats: Any, /, axis: int | None = None) -> Var:
        """Each element several times (numpy.repeat)."""
        return self._call(np.repeat, repeats, axis)

    def take(
        self,
        indices: Any,
        /,
        axis: int | None = None,
        out: None = None,
        mode: Literal["raise", "wrap", "clip"] = "raise",
    ) -> Var:
        """The elements at indices (numpy.take)."""
        return self._call(np.take, indices, axis, out, mode)

    def dot(self, other: Operand, /, out: None = None) -> Var:
        """The dot product (numpy.dot)."""
        return self._call(np.dot, other, out)

    def trace(
        self,
        offset: int = 0,
        axis1: int = 0,
        axis2: int = 1,
        dtype: DType = None,
        out: None = None,
    ) -> Var:
        """The sum of a diagonal (numpy.trace)."""
        return self._call(np.trace, offset, axis1, axis2, dtype, out)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Var:
        """A diagonal (numpy.diagonal)."""
        return self._call(np.diagonal, offset, axis1, axis2)

    def astype(
        self,
        dtype: DType,
        order: Layout = "K",
        casting: Casting = "unsafe",
        subok: bool = True,
        copy: bool = True,
    ) -> Var:
        """The same values in another dtype (numpy.astype); TypeError, where casting forbids it."""
        np.empty(0, dtype_of(self)).astype(
            dtype, order, casting, subok, copy
        )  # NumPy's error, if any
        return self._call(np.astype, dtype)

    def round(self, decimals: int = 0, out: None = None) -> Var:
        """Rounded values (numpy.round); no gradient."""
        return self._call(np.round, decimals, out)

    def conj(self) -> Var:
        """The value itself: it is real (numpy.conjugate)."""
        return self._call(np.conjugate)

    def conjugate(self) -> Var:
        """The value itself: it is real (numpy.conjugate)."""
        return self._call(np.conjugate)

    def all(
        self,
        axis: Axis = None,
        out: None = None,
        keepdims: bool = False,
        *,
        where: Literal[True] = True,
    ) -> Var:
        """Whether all are true (numpy.all); no gradient."""
        _refuse(np.all, where)
        return self._call(np.all, axis, out, keepdims)

    def any(
        self,
        axis: Axis = None,
        out: None = None,
        keepdims: bool = False,
        *,
        where: Literal[True] = True,
    ) -> Var:
        """Whether any is true (numpy.any); no gradient."""
        _refuse(np.any, where)
        return self._call(np.any, axis, out, keepdims)


# Python says for which function arguments do not fit: that of the user's value, no class of ours.
for _method in vars(Methods).values():
    if isinstance(_method, FunctionType):
        _method.__qualname__ = f"Var.{_method.__name__}"


def _refuse(function: Callable[..., Any], where: object, initial: object = None) -> None:
    """Raise, with what to write, for options of a reduction that its rule has not."""
    if where is not True or initial is not None:
        options = {"initial": (initial, None), "where": (where, True)}
        given = {name: value for name, (value, default) in options.items() if value is not default}
        raise refusal(function, **given)


def _listed(numbers: tuple[Any, ...]) -> Any:
    """The one tuple or list of f((2, 3)), or the numbers of f(2, 3)."""
    if len(numbers) == 1 and not isinstance(numbers[0], (int, np.integer)):
        return numbers[0]
    return numbers
