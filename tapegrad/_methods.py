"""The methods that a traced value shares with arrays: each is NumPy's function of the same name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ._typing import Axis, Shape

if TYPE_CHECKING:
    from ._tape import Operand, Var


class ArrayMethods:
    """``x.sum()`` for ``numpy.sum(x)`` and so on; the class that inherits says how to call."""

    __slots__ = ()

    def _call(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Var:
        """Call the traced form of a NumPy function, this value first."""
        raise NotImplementedError

    def sum(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """The sum along axes (numpy.sum)."""
        return self._call(np.sum, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """The mean along axes (numpy.mean)."""
        return self._call(np.mean, axis=axis, keepdims=keepdims)

    def prod(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """The product along axes (numpy.prod)."""
        return self._call(np.prod, axis=axis, keepdims=keepdims)

    def max(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """The largest along axes (numpy.max); ties share the gradient."""
        return self._call(np.max, axis=axis, keepdims=keepdims)

    def min(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """The smallest along axes (numpy.min); ties share the gradient."""
        return self._call(np.min, axis=axis, keepdims=keepdims)

    def var(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Var:
        """The variance along axes (numpy.var)."""
        return self._call(np.var, axis=axis, ddof=ddof, keepdims=keepdims)

    def std(self, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Var:
        """The standard deviation along axes (numpy.std)."""
        return self._call(np.std, axis=axis, ddof=ddof, keepdims=keepdims)

    def cumsum(self, axis: int | None = None) -> Var:
        """The running sum along an axis (numpy.cumsum)."""
        return self._call(np.cumsum, axis=axis)

    def argmax(self, axis: int | None = None) -> Var:
        """Where the largest is (numpy.argmax); no gradient."""
        return self._call(np.argmax, axis=axis)

    def argmin(self, axis: int | None = None) -> Var:
        """Where the smallest is (numpy.argmin); no gradient."""
        return self._call(np.argmin, axis=axis)

    def argsort(self, axis: int = -1) -> Var:
        """The positions in sorted order (numpy.argsort); no gradient."""
        return self._call(np.argsort, axis=axis)

    def clip(self, min: Operand | None = None, max: Operand | None = None) -> Var:
        """The value kept between two bounds (numpy.clip)."""
        return self._call(np.clip, min, max)

    def reshape(self, *shape: int | Shape) -> Var:
        """The same elements in another shape (numpy.reshape)."""
        return self._call(np.reshape, _listed(shape))

    def ravel(self) -> Var:
        """The elements as a vector (numpy.ravel)."""
        return self._call(np.ravel)

    def flatten(self) -> Var:
        """The elements as a vector (numpy.ravel: values are immutable, none need be copied)."""
        return self._call(np.ravel)

    def copy(self) -> Var:
        """The value itself (numpy.copy): it is immutable."""
        return self._call(np.copy)

    def transpose(self, *axes: int | Shape | None) -> Var:
        """The axes in another order (numpy.transpose)."""
        return self._call(np.transpose, _listed(axes) if axes else None)

    def swapaxes(self, axis1: int, axis2: int) -> Var:
        """Two axes exchanged (numpy.swapaxes)."""
        return self._call(np.swapaxes, axis1, axis2)

    def squeeze(self, axis: Axis = None) -> Var:
        """Without axes of length one (numpy.squeeze)."""
        return self._call(np.squeeze, axis=axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Var:
        """Each element several times (numpy.repeat)."""
        return self._call(np.repeat, repeats, axis=axis)

    def take(self, indices: Any, axis: int | None = None) -> Var:
        """The elements at indices (numpy.take)."""
        return self._call(np.take, indices, axis=axis)

    def dot(self, other: Operand) -> Var:
        """The dot product (numpy.dot)."""
        return self._call(np.dot, other)

    def trace(self, offset: int = 0) -> Var:
        """The sum of a diagonal (numpy.trace)."""
        return self._call(np.trace, offset)

    def diagonal(self, offset: int = 0) -> Var:
        """A diagonal (numpy.diagonal)."""
        return self._call(np.diagonal, offset)

    def astype(self, dtype: Any) -> Var:
        """The same values in another dtype (numpy.astype)."""
        return self._call(np.astype, dtype)

    def round(self, decimals: int = 0) -> Var:
        """Rounded values (numpy.round); no gradient."""
        return self._call(np.round, decimals)

    def conj(self) -> Var:
        """The value itself: it is real (numpy.conjugate)."""
        return self._call(np.conjugate)

    def all(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """Whether all are true (numpy.all); no gradient."""
        return self._call(np.all, axis=axis, keepdims=keepdims)

    def any(self, axis: Axis = None, keepdims: bool = False) -> Var:
        """Whether any is true (numpy.any); no gradient."""
        return self._call(np.any, axis=axis, keepdims=keepdims)


def _listed(numbers: tuple[Any, ...]) -> Any:
    """The one tuple or list of f((2, 3)), or the numbers of f(2, 3)."""
    if len(numbers) == 1 and not isinstance(numbers[0], (int, np.integer)):
        return numbers[0]
    return numbers
