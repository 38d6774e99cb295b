"""One step of gradient descent in PyTorch, for the workloads that train."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _peers


def eager_step(
    loss: Callable[..., Any], params: Sequence[NDArray[np.float64]], rate: float
) -> Callable[[], tuple[Any, list[Any]]]:
    """A function that gives the loss and the parameters after the step."""
    torch = _peers.torch()
    leaves = [torch.tensor(p, requires_grad=True) for p in params]

    def step() -> tuple[Any, list[Any]]:
        value = loss(*leaves)
        gradient = torch.autograd.grad(value, leaves)
        with torch.no_grad():
            new = [torch.sub(p, g, alpha=rate) for p, g in zip(leaves, gradient, strict=True)]
        return value, new

    return step


def compiled_step(
    loss: Callable[..., Any], params: Sequence[NDArray[np.float64]], rate: float
) -> Callable[[], tuple[Any, list[Any]]]:
    """The same, the whole step under torch.compile."""
    torch = _peers.torch()
    leaves = [torch.tensor(p) for p in params]
    gradient_and_value = torch.func.grad_and_value(loss, argnums=tuple(range(len(leaves))))

    def pure(*params: Any) -> tuple[Any, list[Any]]:
        gradient, value = gradient_and_value(*params)
        return value, [p - rate * g for p, g in zip(params, gradient, strict=True)]

    compiled = torch.compile(pure)
    return lambda: compiled(*leaves)
