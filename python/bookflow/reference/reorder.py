"""The stage that puts streams in order of time, one atomic event after another."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from .words import NONE, Action, Flag


class Arrival(NamedTuple):
    """A row as it arrived: its times, what it does, its flags, and whatever it carries."""

    ts: int
    ts_venue: int
    action: int
    flags: int
    carries: object = None


class Reorder:
    """Holds each atomic event until one that is `span` (ns) younger has come.

    >>> stage = Reorder(10)
    >>> def prints(*times):
    ...     return [Arrival(ts, NONE, Action.TRADE, Flag.LAST) for ts in times]
    >>> stage.push(prints(100, 105)), [row.ts for row in stage.push(prints(102, 113))]
    ([], [100, 102])
    >>> [row.ts for row in stage.push(prints(90))], stage.counts["late"]
    ([102], 1)
    >>> [row.ts for row in stage.advance(116)], [row.ts for row in stage.flush()]
    ([105], [113])
    """

    def __init__(self, span: int, *, by_venue: bool = False) -> None:
        self.span = span
        self.by_venue = by_venue
        self.counts: Counter[str] = Counter()
        self._newest = -1
        self._last_out = -1
        self._arrivals = 0
        self._held: list[tuple[int, bool, int, list[Arrival]]] = []
        self._open: dict[object, list[Arrival]] = {}

    @property
    def held(self) -> int:
        """Rows that wait, for time or for the LAST of their atomic event."""
        return sum(len(rows) for *_, rows in self._held) + sum(map(len, self._open.values()))

    def push(self, rows: Sequence[Arrival], stream: object = 0) -> list[Arrival]:
        """The rows that these release, in order, with the times they go out at."""
        out: list[Arrival] = []
        for row in rows:
            event = self._open.setdefault(stream, [])
            event.append(row)
            if row.flags & Flag.LAST:
                out += self._arrive(self._open.pop(stream))
        return out

    def advance(self, ts: int) -> list[Arrival]:
        """Time moves to `ts` without an event."""
        self._newest = max(self._newest, ts)
        self._held.sort(key=lambda held: held[:3])
        out: list[Arrival] = []
        while self._held and self._held[0][0] < self._newest - self.span:
            time, _, _, event = self._held.pop(0)
            out += self._released(time, event)
        return out

    def flush(self) -> list[Arrival]:
        """All that is held; what waits for its LAST is dropped."""
        self.counts["unfinished"] += sum(map(len, self._open.values()))
        self._open.clear()
        newest = self._newest
        out = self.advance(2**63)
        self._newest = newest
        if self._last_out >= 0:
            self._newest = max(newest, self._last_out + self.span + 1)
        return out

    def _arrive(self, event: list[Arrival]) -> list[Arrival]:
        time = event[-1].ts
        if self.by_venue:
            if event[-1].ts_venue == NONE:
                self.counts["no_venue_time"] += len(event)
            else:
                time = event[-1].ts_venue
        out = self.advance(time)
        if time < self._newest - self.span:  # too late to be sorted, but perhaps in order
            if time < self._last_out:
                self.counts["late"] += len(event)
            return out + self._released(max(time, self._last_out), event)
        book = any(row.action != Action.TRADE for row in event)
        self._held.append((time, book, self._arrivals, event))
        self._arrivals += 1
        return out

    def _released(self, time: int, event: list[Arrival]) -> list[Arrival]:
        self._last_out = time
        return [row._replace(ts=time) for row in event]
