"""The package's own exceptions: each says where it was, what stood there and which rule broke."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bookflow.frame import FeatureFrame

_LONGEST = 80

__all__ = ["FeedFault", "InputError", "Overrun", "QueueFull", "SegmentError", "StateError"]


class InputError(ValueError):
    """Bad input. Nothing was applied: the object is as it was before the call.

    Attributes
    ----------
    source : str
        File or object the value came from ("" when unknown).
    row : int | None
        0-based row in that source (None when the fault is not a row's).
    offset : int | None
        0-based byte in that source at which what is at fault begins, if the source has no rows.
    field : str
        Column, parameter or argument.
    value : object
        What stood there.
    rule : str
        The rule that it breaks.
    """

    def __init__(
        self,
        rule: str,
        *,
        source: str = "",
        row: int | None = None,
        offset: int | None = None,
        field: str = "",
        value: object = None,
    ) -> None:
        self.rule = rule
        self.source = source
        self.row = row
        self.offset = offset
        self.field = field
        self.value = value
        where = [source] if source else []
        if row is not None:
            where.append(f"row {row}")
        if offset is not None:
            where.append(f"byte {offset}")
        what = field
        if value is not None:
            shown = _shown(value)
            what = f"{field} = {shown}" if field else str(shown)
        if what:
            where.append(what)
        super().__init__(": ".join([*where, rule]))


def _shown(value: object) -> str:
    """The value in a message of one line: control characters escaped, the end cut off."""
    text = str(value) if isinstance(value, str | int | float) else repr(value)
    start = text[:_LONGEST]
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in start)
    return shown if max(len(text), len(shown)) <= _LONGEST else shown[: _LONGEST - 3] + "..."


class StateError(ValueError):
    """Bytes that are not a saved state of this class and version, or are damaged."""


class FeedFault(ValueError):
    """A fault of the feed, raised only with ``"raise"``.

    The pipeline stands exactly before the atomic event that carries the fault.

    Attributes
    ----------
    fault : str
        The fault's name, as in ``pipeline.faults``.
    row : int
        0-based row (in the chunk given to ``run``) at which the offending atomic event begins.
    rows_applied : int
        Rows of the chunk that were applied.
    frame : FeatureFrame | None
        The feature rows written before it (None from `push`).
    """

    def __init__(
        self,
        message: str,
        *,
        fault: str = "",
        row: int = 0,
        rows_applied: int = 0,
        frame: "FeatureFrame | None" = None,
    ) -> None:
        super().__init__(message)
        self.fault = fault
        self.row = row
        self.rows_applied = rows_applied
        self.frame = frame


class QueueFull(TimeoutError):
    """No room came in time in a queue that blocks.

    Attributes
    ----------
    accepted : int
        How many of the events were taken before; the caller has the others still.
    """

    def __init__(self, message: str, *, accepted: int = 0) -> None:
        super().__init__(message)
        self.accepted = accepted


class Overrun(RuntimeError):
    """Rows of a ring were overwritten before, or while, they were read."""


class SegmentError(RuntimeError):
    """A shared segment that cannot be made, or is not what was asked for: the message says why."""
