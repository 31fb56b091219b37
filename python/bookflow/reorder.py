"""A bounded stage that puts several streams in order of time, the same in batch and live."""

import json
from collections.abc import Hashable, Sequence
from typing import Any, Literal, Self

import numpy as np

from bookflow import _core
from bookflow._table import Array
from bookflow.errors import InputError
from bookflow.events import FIELDS, Depth, Events

__all__ = ["Reorder", "merged_in_order"]

Time = Literal["receive", "venue"]


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
        self._stage = _core.Reorder(_core.span_ns(span, "span"), time == "venue", max_events)
        self._instrument: _core.Instrument | None = None
        self._instruments: dict[int, _core.Instrument] = {}
        self._streams: dict[Hashable, int] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Rows that were "late", had "no_venue_time", or were "unfinished", so far."""
        return self._stage.counts

    @property
    def held(self) -> int:
        """Rows that wait, for time or for the LAST of their atomic event."""
        return self._stage.held

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
        if events.instrument is not self._instrument:
            self._check_instrument(events)
        if events._loader is not None:
            events._loaded()
        number = self._streams.get(stream)
        if number is None:
            number = self._new_stream(stream)
        depth = None if events._depth is None else events._depth.arrays()
        return self._events(*self._stage.push(events._columns, depth, number, events.source))

    def advance(self, ts: int) -> Events:
        """Time moves to `ts` (ns) without an event; returns what that releases."""
        self._check_begun()
        return self._events(*self._stage.advance(ts))

    def flush(self) -> Events:
        """Everything that is held; what waits for its LAST is dropped and counted "unfinished"."""
        self._check_begun()
        return self._events(*self._stage.flush())

    def to_bytes(self) -> bytes:
        """Everything it is as bytes; its streams must be named by text or integers."""
        for stream in self._streams:
            if type(stream) not in (str, int):
                raise InputError(
                    "only names that are text or integers can be saved",
                    field="stream",
                    value=repr(stream),
                )
        return self._stage.to_bytes()

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """One from `to_bytes`; StateError when the bytes are not that."""
        stage = cls.__new__(cls)
        stage._stage = _core.Reorder.from_bytes(state)
        stage._instrument, stage._instruments = None, {}
        if stage._stage.instrument is not None:
            stage._begin(stage._stage.instrument)
        stage._streams = {json.loads(name): n for n, name in enumerate(stage._stage.streams)}
        return stage

    def _events(self, columns: dict[str, Any], depth: tuple[Array, ...] | None) -> Events:
        instrument = self._instrument
        assert instrument is not None
        if depth is not None:
            return Events(columns, instrument, depth=Depth(*depth), source="reordered")
        return Events._trusted(columns, instrument, "reordered", self._instruments.copy())

    def _new_stream(self, stream: Hashable) -> int:
        name = json.dumps(stream) if type(stream) in (str, int) else ""
        number = self._streams[stream] = self._stage.stream(name)
        return number

    def _begin(self, instrument: _core.Instrument) -> None:
        self._instrument = self._stage.instrument = instrument
        self._instruments = {instrument.id: instrument}

    def _check_begun(self) -> None:
        if self._instrument is None:
            raise InputError("nothing was pushed yet", field="events")

    def _check_instrument(self, events: Events) -> None:
        if self._instrument is None:
            self._begin(events.instrument)
        elif events.instrument != self._instrument:
            raise InputError(
                "events of different instruments do not merge",
                source=events.source,
                field="instrument",
                value=events.instrument.symbol,
            )


def merged_in_order(events: Sequence[Events], span: str, time: Time) -> Events:
    """The streams of `bookflow.merge`, as they arrived, through one stage."""
    from bookflow._merge import checked_streams, source_of, times_of, total_counts

    first = checked_streams(events)
    depths = [stream.depth for stream in events]
    levels = [depth.levels for depth in depths if depth is not None]
    if len(levels) > 1:
        raise InputError("only one stream may carry the book's depth rows", field="events")
    received = np.concatenate([times_of(stream, n)[0] for n, stream in enumerate(events)])
    order = np.argsort(received, kind="stable")
    columns: dict[str, Array | None] = {
        name: np.concatenate([stream._filled(name) for stream in events])[order] for name in FIELDS
    }
    depth, own = None, None
    if levels:
        lengths = [len(stream) for stream in events]
        depth = Depth.concat(
            [
                Depth.missing(n, levels[0]) if d is None else d
                for n, d in zip(lengths, depths, strict=True)
            ]
        )[order]
        own = np.repeat(np.array([d is not None for d in depths], np.uint8), lengths)[order]
    arrived = Events(columns, first.instrument, depth=depth, source=source_of(events))
    stage = Reorder(span, time=time, max_events=max(1, len(arrived)))
    stage._check_instrument(arrived)
    rows = None if depth is None else depth.arrays()
    out = stage._stage.push(arrived.columns, rows, stage._new_stream(0), arrived.source, own)
    whole = Events.concat([stage._events(*out), stage.flush()])
    counts = total_counts(events) | stage.counts
    return Events(
        whole.columns, first.instrument, depth=whole.depth, source=arrived.source, counts=counts
    )
