"""What `bookflow info` tells of a recording, gathered a chunk at a time."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bookflow import Instrument, Mid, Pipeline
from bookflow._table import Array
from bookflow.commands.text import duration, moment, table
from bookflow.events import NONE, Action, Events, Flag, Status
from bookflow.frame import FeatureFrame

MOST_SEGMENTS = 30
"""Segments of the book's status that are listed, the first ones."""

_PRINTS = (int(Action.TRADE), int(Action.EXECUTE))


@dataclass(slots=True)
class Segment:
    """From one moment to another the book had this status."""

    start: int
    end: int
    status: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Range:
    """The least and the greatest of what was added."""

    def __init__(self) -> None:
        self.low: int | None = None
        self.high: int | None = None

    def add(self, values: Array) -> None:
        if len(values):
            low, high = int(values.min()), int(values.max())
            self.low = low if self.low is None else min(self.low, low)
            self.high = high if self.high is None else max(self.high, high)


class StatusTimes:
    """How long the book had which status."""

    def __init__(self) -> None:
        self.segments: list[Segment] = []
        self.count = 0
        self.time: Counter[int] = Counter()  # ns by status
        self._open: Segment | None = None

    def add(self, frame: FeatureFrame) -> None:
        """Rows of every event: a status lasts until the next row."""
        if not len(frame):
            return
        starts = np.flatnonzero(np.diff(frame.status.astype(np.int64))) + 1
        for row in [0, *starts.tolist()]:
            ts, status = int(frame.ts[row]), int(frame.status[row])
            if self._open is None or self._open.status != status:
                self._close(ts)
                self._open = Segment(ts, ts, status)
        if self._open is not None:
            self._open.end = int(frame.ts[-1])

    def finish(self) -> None:
        if self._open is not None:
            self._close(self._open.end)

    def _close(self, ts: int) -> None:
        if self._open is None:
            return
        self._open.end = ts
        self.time[self._open.status] += self._open.length
        self.count += 1
        if len(self.segments) < MOST_SEGMENTS:
            self.segments.append(self._open)
        self._open = None

    def total(self, bit: Status | None = None) -> int:
        """Time with this bit set, or all time."""
        return sum(ns for status, ns in self.time.items() if bit is None or status & bit)


class Summary:
    """Counts of events by action, spans of time and price, faults, and the book's status."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        # Only its status and its faults are wanted; a pipeline has at least one feature.
        self._book = Pipeline(instrument, clock="event", features={"mid": Mid()})
        self._actions: Counter[int] = Counter()
        self._time, self._prices, self._prints = Range(), Range(), Range()
        self._atomic = self._volume = 0
        self._status = StatusTimes()
        self._faults: Counter[str] = Counter()

    def add(self, events: Events) -> None:
        self._actions.update(dict(enumerate(np.bincount(events.action).tolist())))
        self._atomic += int(np.count_nonzero(events.flags & np.uint16(Flag.LAST)))
        self._time.add(events.ts)
        price = events.price
        self._prices.add(price[price != NONE])
        if events.depth is not None:
            for block in (events.depth.bid_price, events.depth.ask_price):
                self._prices.add(block[block != NONE])
        prints = np.isin(events.action, _PRINTS) & (price != NONE)
        self._prints.add(price[prints])
        self._volume += int(events.size[prints].sum())
        self._status.add(self._book.run(events))

    def finish(self, counts: Mapping[str, int]) -> None:
        """All events have come; `counts` are what their reader passed over."""
        self._book.finish()
        self._status.finish()
        self._faults.update(self._book.faults)
        self._faults.update(counts)

    def text(self) -> str:
        """The whole of it, for a person."""
        rows = sum(self._actions.values())
        parts = [("instrument", repr(self._instrument)), ("events", f"{rows:,}")]
        if rows:
            parts.append(("atomic events", f"{self._atomic:,}"))
        if self._time.low is not None and self._time.high is not None:
            span = duration(self._time.high - self._time.low)
            parts.append(
                ("time", f"{moment(self._time.low)} to {moment(self._time.high)} UTC, {span}")
            )
        parts.append(("prices", self._range(self._prices)))
        parts.append(("prints", self._range(self._prints)))
        parts.append(("volume", f"{self._instrument.size(self._volume):,.12g}"))
        actions = [
            (Action(action).name, f"{count:,}")
            for action, count in sorted(self._actions.items())
            if count
        ]
        faults = [(name, f"{count:,}") for name, count in sorted(self._faults.items()) if count]
        sections = [
            table(parts),
            "events by action\n" + table(actions),
            "faults\n" + table(faults or [("none",)]),
            "book\n" + table(self._book_times()),
            "book status over time\n" + table(self._segments()),
        ]
        return "\n".join(sections)

    def _range(self, prices: Range) -> str:
        if prices.low is None or prices.high is None:
            return "none"
        low, high = self._instrument.price(prices.low), self._instrument.price(prices.high)
        return f"{low:.12g} to {high:.12g}"

    def _book_times(self) -> list[tuple[str, str]]:
        total = self._status.total()
        rows = []
        for bit in Status:
            ns = self._status.total(bit)
            if ns or bit in (Status.CROSSED, Status.LOCKED):
                share = ns / total if total else 0.0
                rows.append((status_words(bit), f"{duration(ns)}, {share:.2%} of the time"))
        return rows

    def _segments(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [
            (moment(s.start), moment(s.end), duration(s.length), status_words(s.status))
            for s in self._status.segments
        ]
        more = self._status.count - len(rows)
        if more:
            rows.append((f"and {more:,} more",))
        return rows or [("none",)]


def status_words(status: int) -> str:
    """The names of a status' bits.

    >>> status_words(0), status_words(20)
    ('ok', 'crossed, one-sided')
    """
    return (
        ", ".join((bit.name or "").lower().replace("_", "-") for bit in Status if status & bit)
        or "ok"
    )
