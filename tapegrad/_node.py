"""How a tape keeps an operation that happened: frozen records, in two sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import attrs

from ._errors import Line
from ._typing import NO_PARAMS, Params, Value, settled

if TYPE_CHECKING:
    from ._tape import AnyOp


@attrs.frozen(eq=False, weakref_slot=False)
class Node:
    """One operation that happened. An int among the inputs is a position on the tape; any other
    input is a constant. A node does not refer to its tape, so a tape dies with its last user.
    """

    op: AnyOp
    inputs: tuple[Value, ...]
    params: Params
    value: Value
    line: Line | None = None

    @property
    def label(self) -> str | None:
        """The name that tapegrad.label gave, or that of the parameter which an input is."""
        return self.params.get("label")

    def __reduce__(self) -> tuple[Any, ...]:  # a read-only mapping does not pickle
        return _unpickled, (self.op, self.inputs, dict(self.params), self.value, self.line)


def _unpickled(op: AnyOp, inputs: tuple[Value, ...], params: Params, *rest: Any) -> Node:
    return Node(op, inputs, settled(params), *rest)


@attrs.frozen(eq=False, weakref_slot=False)
class Binary:
    """A node of + - * / ** or @ on a tape that no one reads: half as large, sooner made and walked.

    It has what a `Node` has, under the same names. Its op has a rule for each operand. Where its
    value is a float, its operands are Python numbers, and its op has a partial derivative by each.
    """

    op: AnyOp
    left: Value
    right: Value
    value: Value

    params: ClassVar[Params] = NO_PARAMS
    line: ClassVar[None] = None
    label: ClassVar[None] = None

    @property
    def inputs(self) -> tuple[Value, Value]:
        """The operands."""
        return self.left, self.right


Record: TypeAlias = Node | Binary


# A frozen class sets each field through object.__setattr__. Plain assignments fill a draft sooner,
# which then becomes a record by its class (bench/NOTES.md); CPython allows that for classes with
# the same slots.


class _NodeDraft:
    """A Node while it is written: the same slots, not yet frozen."""

    __slots__ = ("inputs", "line", "op", "params", "value")


class BinaryDraft:
    """A Binary while it is written; assign ``__class__`` when all is there."""

    __slots__ = ("left", "op", "right", "value")


def node(
    op: AnyOp, inputs: tuple[Value, ...], params: Params, value: Value, line: Line | None = None
) -> Node:
    """``Node(op, inputs, params, value, line)``, faster."""
    draft: Any = _NodeDraft()
    draft.op = op
    draft.inputs = inputs
    draft.params = params
    draft.value = value
    draft.line = line
    draft.__class__ = Node
    return draft
