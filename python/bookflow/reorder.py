"""A bounded stage that puts several streams in order of time, the same in batch and live."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from bookflow import _core
from bookflow._busy import one_thread
from bookflow._core import Instrument
from bookflow._table import Array
from bookflow.errors import InputError
from bookflow.events import EVENT_DTYPE, FIELDS, NONE, Action, Depth, Events, Flag

__all__ = ["Reorder", "merged_in_order"]

_MOST_TIME: Final = 2**62
_BOOK, _AFTER = 1, 2
"""Ranks at equal time: prints 0, book changes 1, what came too late to be sorted 2."""

Time = Literal["receive", "venue"]


@dataclass
class _Rows:
    """Events in the order of arrival, atomic events whole, each row with its event's time."""

    rows: Array = field(default_factory=lambda: np.empty(0, EVENT_DTYPE))
    rank: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    depth: Array | None = None  # (rows, 4, levels)
    own: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: slice | Array) -> "_Rows":
        depth = None if self.depth is None else self.depth[at]
        return _Rows(self.rows[at], self.rank[at], depth, self.own[at])

    def copy(self) -> "_Rows":
        return self[np.arange(len(self))]

    def then(self, more: "_Rows") -> "_Rows":
        if not len(self):
            return more
        depth = None
        if self.depth is not None and more.depth is not None:
            depth = np.concatenate([self.depth, more.depth])
        return _Rows(
            np.concatenate([self.rows, more.rows]),
            np.concatenate([self.rank, more.rank]),
            depth,
            np.concatenate([self.own, more.own]),
        )


class Reorder:
    """Takes events of several streams as they arrive and gives them back in order of time.

    An atomic event is held until one that is `span` younger has come, or `advance` has said that so
    much time has passed; then nothing that is at most `span` late can come before it any more. At
    equal time prints come before book changes, then the order of arrival; atomic events stay whole
    and take the time of their last row. What comes later than `span`, after younger ones are out,
    takes the time of the last that is out and is counted as "late" (rows). The answer depends on
    the order of arrival alone, not on how it is cut into pushes.

    Parameters
    ----------
    span : str
        "100ms": how late an event may come. What is released is as much behind the newest.
    time : "receive" | "venue"
        By `ts`; or by the venue's own stamp, which becomes `ts`. Events without one keep the time
        of receipt and are counted as "no_venue_time" (rows).
    max_events : int
        More rows held at once than this is an error, and nothing of the push is taken.

    Examples
    --------
    >>> import bookflow as bf
    >>> cents = bf.Instrument("X", price_unit="0.01")
    >>> def prints(*ts):
    ...     return bf.Events.from_trades({"ts": list(ts), "price": [1] * len(ts),
    ...                                   "size": [1] * len(ts)}, cents)
    >>> stage = bf.Reorder("10ns")
    >>> stage.push(prints(100, 105)).ts.tolist()
    []
    >>> stage.push(prints(102, 113)).ts.tolist()
    [100, 102]
    >>> stage.push(prints(90)).ts.tolist(), stage.counts["late"]
    ([102], 1)
    >>> stage.advance(116).ts.tolist(), stage.flush().ts.tolist()
    ([105], [113])
    """

    def __init__(
        self, span: str = "100ms", *, time: Time = "receive", max_events: int = 1_000_000
    ) -> None:
        if time not in ("receive", "venue"):
            raise InputError('must be "receive" or "venue"', field="time", value=time)
        if max_events < 1:
            raise InputError("must be at least 1", field="max_events", value=max_events)
        self._span = _core.span_ns(span, "span")
        self._by_venue = time == "venue"
        self._max_events = max_events
        self._instrument: Instrument | None = None
        self._held = _Rows()
        self._open: dict[Hashable, _Rows] = {}
        self._newest = -1  # of all times that were seen
        self._out = -1  # the time of the last that was released
        self._in_force: Array | None = None  # (4, levels): the depth row last released
        self._counts: dict[str, int] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Rows that were "late", had "no_venue_time", or were "unfinished", so far."""
        return dict(self._counts)

    @property
    def held(self) -> int:
        """Rows that wait, for time or for the LAST of their atomic event."""
        return len(self._held) + sum(len(rows) for rows in self._open.values())

    @one_thread
    def push(self, events: Events, stream: Hashable = 0) -> Events:
        """Takes events as they arrived and returns those that nothing can come before any more.

        Parameters
        ----------
        events : Events
            Of one instrument. One stream may carry the book's depth rows: it is pushed first, and
            rows of the others carry those in force.
        stream : hashable
            Whose events they are, where an atomic event may be cut between two pushes: the rest of
            it waits for that stream's next push.
        """
        if not isinstance(events, Events):
            raise TypeError(f"events are {type(events).__name__}: Events are pushed")
        self._check_instrument(events)
        return self._push(_rows_of(events), stream, events.source)

    @one_thread
    def advance(self, ts: int) -> Events:
        """Time moves to `ts` (ns) without an event; returns what that releases."""
        if not 0 <= ts < _MOST_TIME:
            raise InputError("must be from the epoch to 2^62 ns after it", field="ts", value=ts)
        self._newest = max(self._newest, ts)
        return self._release(self._held.rows["ts"] < self._newest - self._span)

    @one_thread
    def flush(self) -> Events:
        """Everything that is held; what waits for its LAST is dropped and counted "unfinished"."""
        self._count("unfinished", sum(len(rows) for rows in self._open.values()))
        self._open.clear()
        out = self._release(np.ones(len(self._held), np.bool_))
        if self._out >= 0:
            self._newest = max(self._newest, self._out + self._span + 1)  # nothing is held now
        return out

    def _push(self, new: _Rows, stream: Hashable, source: str) -> Events:
        if new.depth is None and self._in_force is not None:
            new.depth = _missing(len(new), self._in_force.shape[1])
        elif new.depth is not None and self._in_force is None and (self.held or self._out >= 0):
            raise InputError("the stream with depth rows is pushed first", field="depth")
        elif new.depth is not None and self._in_force is not None:
            levels = self._in_force.shape[1]
            if new.depth.shape[2] != levels:
                raise InputError(
                    f"has {new.depth.shape[2]} levels where there were {levels}", field="depth"
                )
        new = self._open.get(stream, _Rows()).then(new)
        last = (new.rows["flags"] & Flag.LAST) != 0
        ends = np.flatnonzero(last)
        whole = int(ends[-1]) + 1 if len(ends) else 0
        rest, new, last = new[whole:].copy(), new[:whole], last[:whole]
        unit = np.cumsum(last) - last
        key, missing = self._times(new.rows[ends], source)
        rank = np.zeros(len(ends), np.uint8)
        rank[unit[new.rows["action"] != Action.TRADE]] = _BOOK
        sizes = np.diff(ends, prepend=-1)

        # The horizon at each arrival: what is older has been released.
        newest = np.maximum(np.maximum.accumulate(key), self._newest)
        horizon = newest - self._span
        late_or_not = key < horizon  # out at once: too late to be sorted, but perhaps in order
        out_at = np.where(
            late_or_not, np.arange(len(key)), np.searchsorted(horizon, key, side="right")
        )
        held = self._held.rows["ts"]
        held_out_at = np.searchsorted(horizon, held, side="right")
        before = self._last_out(key, out_at, late_or_not, held, held_out_at)
        late = late_or_not & (key < before)
        self._check_room(sizes, out_at, held_out_at)

        # Nothing can fail from here on.
        if len(rest):
            self._open[stream] = rest
        else:
            self._open.pop(stream, None)
        if new.depth is not None and self._in_force is None:
            self._in_force = _missing(1, new.depth.shape[2])[0]
        self._count("no_venue_time", int(sizes[missing].sum()))
        self._count("late", int(sizes[late].sum()))
        key = np.where(late, before, key)
        rank[late_or_not] = _AFTER
        new.rows["ts"] = key[unit]
        new.rank = rank[unit]
        self._held = self._held.then(new)
        if len(newest):
            self._newest = int(newest[-1])
        is_out = np.concatenate([held_out_at < len(key), (out_at < len(key))[unit]])
        return self._release(is_out)

    def _times(self, ends: Array, source: str) -> tuple[Array, Array]:
        """When each atomic event was, and which have no time of the venue."""
        received = ends["ts"].astype(np.int64)
        missing = np.zeros(len(ends), np.bool_)
        key = received
        if self._by_venue:
            missing = ends["ts_venue"] == NONE
            key = np.where(missing, received, ends["ts_venue"])
        wrong = np.flatnonzero((key < 0) | (key >= _MOST_TIME))
        if len(wrong):
            raise InputError(
                "must be from the epoch to 2^62 ns after it",
                source=source,
                field="ts_venue" if self._by_venue else "ts",
                value=int(key[wrong[0]]),
            )
        return key, missing

    def _last_out(
        self, key: Array, out_at: Array, at_once: Array, held: Array, held_out_at: Array
    ) -> Array:
        """At each arrival the time of the last that was released before it."""
        n = len(key)
        by_time = np.full(n + 1, -1)
        np.maximum.at(by_time, held_out_at, held)
        np.maximum.at(by_time, out_at[~at_once], key[~at_once])
        before = np.full(n, self._out)
        alone = np.where(at_once, key, -1)[:-1]
        before[1:] = np.maximum(before[1:], np.maximum.accumulate(alone))
        before_or_now: Array = np.maximum(before, np.maximum.accumulate(by_time[:n]))
        return before_or_now

    def _check_room(self, sizes: Array, out_at: Array, held_out_at: Array) -> None:
        n = len(sizes)
        gone = np.bincount(np.minimum(out_at, n), sizes, n + 1)
        gone += np.bincount(held_out_at, minlength=n + 1)
        held = len(self._held) + np.cumsum(sizes) - np.cumsum(gone[:n])
        if n and held.max() > self._max_events:
            raise InputError(
                f"more than max_events={self._max_events} rows within the span",
                field="max_events",
                value=int(held.max()),
            )

    def _release(self, is_out: NDArray[np.bool_]) -> Events:
        if self._instrument is None:
            raise InputError("nothing was pushed yet", field="events")
        out = self._held[is_out]
        self._held = self._held[~is_out]
        # Stable: the order of arrival decides what is left.
        out = out[np.lexsort((out.rank, out.rows["ts"]))]
        if len(out):
            self._out = int(out.rows["ts"][-1])
        depth = None
        if self._in_force is not None and out.depth is not None:
            known = np.concatenate([self._in_force[None], out.depth])
            at = np.maximum.accumulate(np.where(out.own, np.arange(1, len(out) + 1), 0))
            in_force = known[at]
            if len(out):
                self._in_force = in_force[-1].copy()
            depth = Depth(*(np.ascontiguousarray(in_force[:, i]) for i in range(4)))
        columns: dict[str, Array | None] = {
            name: np.ascontiguousarray(out.rows[name]) for name in FIELDS
        }
        return Events(columns, self._instrument, depth=depth, source="reordered")

    def _check_instrument(self, events: Events) -> None:
        if self._instrument is None:
            self._instrument = events.instrument
        elif events.instrument != self._instrument:
            raise InputError(
                "events of different instruments do not merge",
                source=events.source,
                field="instrument",
                value=events.instrument.symbol,
            )

    def _count(self, name: str, rows: int) -> None:
        if rows:
            self._counts[name] = self._counts.get(name, 0) + rows


def merged_in_order(events: Sequence[Events], span: str, time: Time) -> Events:
    """The streams of `bookflow.merge`, as they arrived, through one stage."""
    from bookflow._merge import checked_streams, source_of, times_of, total_counts

    first = checked_streams(events)
    depths = [_rows_of(stream) for stream in events]
    levels = [rows.depth.shape[2] for rows in depths if rows.depth is not None]
    if len(levels) > 1:
        raise InputError("only one stream may carry the book's depth rows", field="events")
    arrived = _Rows()
    for rows in depths:
        if levels and rows.depth is None:
            rows.depth = _missing(len(rows), levels[0])
        arrived = arrived.then(rows)
    received = np.concatenate([times_of(stream, n)[0] for n, stream in enumerate(events)])
    stage = Reorder(span, time=time, max_events=max(1, len(arrived)))
    stage._instrument = first.instrument
    source = source_of(events)
    parts = [stage._push(arrived[np.argsort(received, kind="stable")], 0, source), stage.flush()]
    out = Events.concat(parts)
    counts = total_counts(events) | stage.counts
    return Events(out.columns, first.instrument, depth=out.depth, source=source, counts=counts)


def _rows_of(events: Events) -> _Rows:
    rows = np.empty(len(events), EVENT_DTYPE)
    for name in FIELDS:
        rows[name] = events._filled(name)
    depth = None if events.depth is None else np.stack(events.depth.arrays(), axis=1)
    return _Rows(rows, np.zeros(len(rows), np.uint8), depth, np.full(len(rows), depth is not None))


def _missing(rows: int, levels: int) -> Array:
    """Depth rows of which nothing is known."""
    return np.stack(Depth.missing(rows, levels).arrays(), axis=1)
