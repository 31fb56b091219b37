"""The package's own exceptions: each says where it was, what stood there and which rule broke."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from bookflow.frame import FeatureFrame

_LONGEST = 80
_MOST = 5  # errors that a message tells

__all__ = [
    "CheckpointWarning",
    "FeedFault",
    "InputError",
    "InstrumentErrors",
    "Overrun",
    "QueueFull",
    "SegmentError",
    "StateError",
]


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


class CheckpointWarning(UserWarning):
    """A job goes on from an older checkpoint than it should have had."""


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


class InstrumentErrors(ExceptionGroup[Exception]):
    """What stopped some instruments of `run_many`, raised once all the others are done.

    Attributes
    ----------
    errors : dict[str, Exception]
        By symbol what stopped it, as its pipeline raised it.
    frames : dict[str, FeatureFrame]
        By symbol the rows of every instrument: all of those that ended well, and of the others
        those written before the error.
    """

    errors: dict[str, Exception]
    frames: "dict[str, FeatureFrame]"

    def __new__(cls, errors: Mapping[str, Exception], frames: "Mapping[str, FeatureFrame]") -> Self:
        said = "; ".join(f"{symbol}: {error}" for symbol, error in list(errors.items())[:_MOST])
        more = "" if len(errors) <= _MOST else "; ..."
        group = super().__new__(
            cls, f"{len(errors)} of {len(frames)} instruments: {said}{more}", list(errors.values())
        )
        group.errors = dict(errors)
        group.frames = dict(frames)
        return group


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
