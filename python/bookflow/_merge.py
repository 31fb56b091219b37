"""Several streams of one instrument as one, by time."""

from collections.abc import Sequence

import numpy as np

from bookflow._table import Array
from bookflow.errors import InputError
from bookflow.events import FIELDS, Action, Depth, Events, Flag

__all__ = ["checked_streams", "merged", "source_of", "times_of", "total_counts"]


def merged(events: Sequence[Events]) -> Events:
    """The streams of `bookflow.merge`, put in order."""
    first = checked_streams(events)
    units = [times_of(stream, number) for number, stream in enumerate(events)]
    ts = np.concatenate([unit[0] for unit in units])
    after_book = np.concatenate([unit[1] for unit in units])
    # lexsort is stable: the arguments' order, then each one's own, decide what is left.
    order = np.lexsort((after_book, ts))
    columns: dict[str, Array | None] = {}
    for name in FIELDS:
        parts = [stream.columns[name] for stream in events]
        if any(part is not None for part in parts):
            columns[name] = np.concatenate([stream._filled(name) for stream in events])[order]
        else:
            columns[name] = None
    columns["ts"] = ts[order]
    return Events(
        columns,
        first.instrument,
        depth=_depth_in_force(events, order),
        source=source_of(events),
        counts=total_counts(events),
    )


def checked_streams(events: Sequence[Events]) -> Events:
    """The first of streams of one instrument."""
    for number, stream in enumerate(events):
        if not isinstance(stream, Events):
            raise TypeError(
                f"argument {number} is {type(stream).__name__}: "
                "Events are merged, as merge(quotes, trades)"
            )
    if not events:
        raise InputError("there is nothing to merge", field="events")
    first = events[0]
    for number, stream in enumerate(events):
        if stream.instrument != first.instrument:
            raise InputError(
                "events of different instruments do not merge",
                source=stream.source or f"argument {number}",
                field="instrument",
                value=stream.instrument.symbol,
            )
    return first


def source_of(events: Sequence[Events]) -> str:
    """What messages call the streams together."""
    return " + ".join(filter(None, (stream.source for stream in events)))


def total_counts(events: Sequence[Events]) -> dict[str, int]:
    """What readers passed over, of all streams."""
    counts: dict[str, int] = {}
    for stream in events:
        for name, count in stream.counts.items():
            counts[name] = counts.get(name, 0) + count
    return counts


def times_of(stream: Events, number: int) -> tuple[Array, Array]:
    """For every row: when its atomic event ends, and whether it comes with the book changes.

    A print that follows a book change of its own stream at the same time stays behind it.
    """
    last = (stream.flags & Flag.LAST) != 0
    if len(last) and not last[-1]:
        raise InputError(
            "ends inside an atomic event: the flag LAST is missing",
            source=stream.source or f"argument {number}",
            row=len(last) - 1,
            field="flags",
        )
    ends = np.flatnonzero(last)
    ts = stream.ts[ends]
    unit = np.cumsum(last) - last
    has_book = np.zeros(len(ends), np.bool_)
    has_book[unit[stream.action != Action.TRADE]] = True
    number_of = np.arange(len(ends))
    same_time = np.r_[False, ts[1:] == ts[:-1]][: len(ts)]
    first_at = np.maximum.accumulate(np.where(same_time, 0, number_of))
    last_book = np.maximum.accumulate(np.where(has_book, number_of, -1))
    return ts[unit], (last_book >= first_at)[unit]


def _depth_in_force(events: Sequence[Events], order: Array) -> Depth | None:
    owners = [number for number, stream in enumerate(events) if stream.depth is not None]
    if not owners:
        return None
    if len(owners) > 1:
        raise InputError(
            "only one stream may carry the book's depth rows", field="events", value=owners
        )
    owner = events[owners[0]]
    depth = owner.depth
    assert depth is not None
    before = sum(len(stream) for stream in events[: owners[0]])
    known = Depth.concat([Depth.missing(1, depth.levels), depth])
    own = (order >= before) & (order < before + len(owner))
    # Row k of the owner is row k + 1 of `known`, whose first row stands for "nothing yet".
    return known[np.maximum.accumulate(np.where(own, order - before + 1, 0))]
