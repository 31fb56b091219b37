"""The best quote over several venues of one thing, the same in batch and live."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from bookflow import _core
from bookflow._busy import one_thread
from bookflow._core import Instrument, LevelBook, OrderBook
from bookflow._table import Array
from bookflow.errors import InputError
from bookflow.events import NONE, Action, Events, Flag, Side, Status

__all__ = ["Consolidated", "consolidated"]

_NOTHING: Final = (NONE, 0, NONE, 0)
_HIGHEST: Final = 2**63 - 1  # above any price
_Own = tuple[Array, Array, Array, Array]
_NEVER: Final = -1
_ORDERS: Final = (Action.ADD, Action.CANCEL, Action.DELETE, Action.MODIFY, Action.EXECUTE)
_LEVELS: Final = (Action.LEVEL, Action.QUOTE)
_NO_BOOK: Final = (Action.TRADE, Action.STATUS)
_STOPPED: Final = int(Status.HALTED | Status.AUCTION)


@dataclass
class _Venue:
    """What is known of a venue after its last whole atomic event."""

    instrument: Instrument
    book: LevelBook | OrderBook | None = None
    has_depth: bool = False
    open: Events | None = None  # rows that wait for their LAST
    last_ts: int = NONE
    after_delete: bool = False
    incomplete: bool = False  # behind a gap, or before the first snapshot
    stopped: bool = False  # halted, or in an auction
    heard: int = _NEVER  # the time of the last book event
    quote: tuple[int, ...] = _NOTHING
    counts: bool = False  # whether the quote does


@dataclass
class _Points:
    """Quotes at points of time: whose they are, and whether they count."""

    ts: Array
    rank: Array  # at equal time: quotes that get too old first, then the venues in order
    venue: Array
    quotes: Array  # (points, 4)
    counts: Array

    @classmethod
    def at(cls, ts: Array, rank: int, venue: int, quotes: Array, counts: Array) -> Self:
        """All of one venue and rank."""
        n = len(ts)
        return cls(ts, np.full(n, rank), np.full(n, venue), quotes, counts)

    @classmethod
    def in_order(cls, parts: "Sequence[_Points]") -> Self:
        """All of them, sorted."""
        ts, rank, venue, quotes, counts = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("ts", "rank", "venue", "quotes", "counts")
        )
        order = np.lexsort((rank, ts))
        return cls(ts[order], rank[order], venue[order], quotes[order], counts[order])


class Consolidated:
    """The best bid and ask over venues, as QUOTE events, from their events as they come.

    After every atomic event of a venue the best price of each side is taken over the venues that
    count, with the sizes of all that stand at it added up; where one of the four numbers is another
    one than before, two QUOTE rows say so. A venue counts while its book is good: two-sided, not
    crossed in itself, no gap since its last snapshot, neither halted nor in an auction; and while
    its last book event (no print, no STATUS) is no older than `stale_after`. When it gets older the
    quote without it is written 1 ns later. Venues may be crossed with each other: whoever takes the
    quotes marks that as CROSSED.

    Parameters
    ----------
    instruments : Mapping[str, Instrument]
        Of each venue; price unit, size unit, multiplier and kind must be equal.
    stale_after : str | None
        "5s": how old a venue's last book event may be; None: any age.
    instrument : Instrument | None
        What the quotes are of: by default the first venue's, without a tick where ticks differ.

    Examples
    --------
    >>> import bookflow as bf
    >>> cents = bf.Instrument("X", price_unit="0.01")
    >>> def quote(ts, bid, bid_size, ask, ask_size):
    ...     return bf.Events.from_quotes({"ts": [ts], "bid_price": [bid], "bid_size": [bid_size],
    ...                                   "ask_price": [ask], "ask_size": [ask_size]}, cents)
    >>> best = bf.Consolidated({"a": cents, "b": cents}, stale_after="5ns")
    >>> best.push("a", quote(1, 999, 2, 1001, 3)).price.tolist()
    [999, 1001]
    >>> more = best.push("b", quote(2, 999, 5, 1002, 7))
    >>> more.price.tolist(), more.size.tolist()
    ([999, 1001], [7, 3])
    >>> late = best.advance(9)
    >>> late.ts.tolist(), late.price.tolist() == [999, 1002, bf.NONE, bf.NONE]
    ([7, 7, 8, 8], True)
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        *,
        stale_after: str | None = None,
        instrument: Instrument | None = None,
    ) -> None:
        self._instruments = dict(instruments)
        if not self._instruments:
            raise InputError("there is nothing to consolidate", field="instruments")
        self._stale_after = (
            None if stale_after is None else _core.span_ns(stale_after, "stale_after")
        )
        self._instrument = _common(self._instruments, instrument)
        self._venues = {name: _Venue(own) for name, own in self._instruments.items()}
        self._now = _NEVER
        self._told: tuple[int, ...] = _NOTHING

    @property
    def instrument(self) -> Instrument:
        """What the quotes are of."""
        return self._instrument

    @one_thread
    def push(self, venue: str, events: Events) -> Events:
        """Takes a venue's events and returns the quotes they changed.

        Nothing may be earlier than what any venue has pushed before (`Reorder` sees to that). An
        atomic event may be cut between two pushes: its rows wait.
        """
        if venue not in self._venues:
            raise InputError(
                "must be one of " + ", ".join(self._venues), field="venue", value=venue
            )
        return self._push({venue: events})

    @one_thread
    def advance(self, ts: int) -> Events:
        """Time moves to `ts` (ns) without an event; returns the quotes that this changed."""
        if not self._now <= ts < 2**62:
            raise InputError(f"must be from {max(self._now, 0)} to 2^62 ns", field="ts", value=ts)
        return self._push({}, ts)

    def _push(self, events: Mapping[str, Events], now: int = _NEVER) -> Events:
        own = {name: self._taken(self._venues[name], part) for name, part in events.items()}
        now = max([now, self._now, *(int(ts[-1]) for ts, *_ in own.values() if len(ts))])
        parts = []
        for number, (name, venue) in enumerate(self._venues.items()):
            ts, quotes, good, heard = own.get(name, _no_events())
            if self._stale_after is not None:
                good = good & (ts - heard <= self._stale_after)
                old = self._too_old(venue.heard, heard, now)
                nothing = np.tile(np.array(_NOTHING), (len(old), 1))
                parts.append(_Points.at(old, number, number, nothing, np.zeros(len(old), np.bool_)))
            parts.append(_Points.at(ts, len(self._venues) + number, number, quotes, good))
            venue.heard = int(heard[-1]) if len(heard) else venue.heard
        out = self._best(_Points.in_order(parts))
        self._now = now
        return out

    def _too_old(self, before: int, heard: Array, now: int) -> Array:
        """When the venue's quote gets too old, from the present to `now`."""
        assert self._stale_after is not None
        times = np.unique(np.r_[before, heard])
        old = times + self._stale_after + 1
        following = np.r_[times[1:], now + self._stale_after + 1]
        due: Array = old[(times != _NEVER) & (old > self._now) & (old <= now) & (following >= old)]
        return due

    def _taken(self, venue: _Venue, events: Events) -> _Own:
        """A venue's atomic events: times, quotes, whether they are good, the last book event."""
        if events.instrument != venue.instrument:
            raise InputError(
                "is not the venue's", field="instrument", value=events.instrument.symbol
            )
        events.check(events.first_row, venue.last_ts, after_delete=venue.after_delete)
        if not len(events):
            return _no_events()
        last_row = (int(events.ts[-1]), bool(events.action[-1] == Action.DELETE))
        if venue.open is not None:
            events = Events.concat([venue.open, events])
        ends = np.flatnonzero((events.flags & Flag.LAST) != 0)
        whole = int(ends[-1]) + 1 if len(ends) else 0
        if whole and events.ts[ends[0]] < self._now:
            raise InputError(
                f"is before {self._now}, to where time has come: Reorder puts streams in order",
                source=events.source,
                field="ts",
                value=int(events.ts[ends[0]]),
            )
        quotes = _touch(venue, events[:whole])[ends]
        venue.last_ts, venue.after_delete = last_row
        venue.open = events[whole:] if whole < len(events) else None
        if not whole:
            return _no_events()
        return _status(venue, events[:whole], ends, quotes)

    def _best(self, points: _Points) -> Events:
        """The best of what counts at each point, where it is another one than before."""
        n = len(points.ts)
        bid, bid_size = np.full(n, NONE), np.zeros(n, np.int64)
        ask, ask_size = np.full(n, _HIGHEST), np.zeros(n, np.int64)
        for number, venue in enumerate(self._venues.values()):
            own = points.venue == number
            at = np.maximum.accumulate(np.where(own, np.arange(1, n + 1), 0))
            quote = np.concatenate([[venue.quote], points.quotes])[at]
            counts = np.r_[venue.counts, points.counts][at]
            bid, bid_size = _better(bid, bid_size, quote[:, 0], quote[:, 1], counts, 1)
            ask, ask_size = _better(ask, ask_size, quote[:, 2], quote[:, 3], counts, -1)
            if n:
                venue.quote, venue.counts = tuple(quote[-1].tolist()), bool(counts[-1])
        ask[ask == _HIGHEST] = NONE
        best = np.stack([bid, bid_size, ask, ask_size], axis=1)
        before = np.concatenate([[self._told], best])
        changed = np.flatnonzero((before[1:] != before[:-1]).any(axis=1))
        self._told = tuple(before[-1].tolist())
        rows = len(changed)
        columns: dict[str, Array | None] = {
            "ts": np.repeat(points.ts[changed], 2),
            "action": np.full(2 * rows, Action.QUOTE, np.uint8),
            "side": np.tile(np.array([Side.BID, Side.ASK], np.uint8), rows),
            "price": best[changed][:, [0, 2]].reshape(-1),
            "size": best[changed][:, [1, 3]].reshape(-1),
            "flags": np.tile(np.array([0, Flag.LAST], np.uint16), rows),
        }
        return Events(columns, self._instrument, source="consolidated")


def consolidated(
    venues: Mapping[str, Events],
    *,
    stale_after: str | None = None,
    instrument: Instrument | None = None,
) -> Events:
    """The best quote over venues, from the whole of their events: what `Consolidated` would say.

    Parameters
    ----------
    venues : Mapping[str, Events]
        Each one's events in order of time; of equal time the order of the mapping.
    stale_after, instrument
        As of `Consolidated`. Quotes that would get too old after the last event stay.
    """
    for name, events in venues.items():
        if not isinstance(events, Events):
            raise TypeError(f"{name} is {type(events).__name__}: Events are consolidated")
    own = {name: events.instrument for name, events in venues.items()}
    return Consolidated(own, stale_after=stale_after, instrument=instrument)._push(venues)


def _common(instruments: Mapping[str, Instrument], given: Instrument | None) -> Instrument:
    first = given or next(iter(instruments.values()))
    for name, one in instruments.items():
        for unit in ("price_unit", "size_unit", "multiplier", "kind"):
            if getattr(one, unit) != getattr(first, unit):
                raise InputError(
                    f"must be {getattr(first, unit)} at every venue",
                    source=name,
                    field=unit,
                    value=str(getattr(one, unit)),
                )
    if given is not None or all(one.tick == first.tick for one in instruments.values()):
        return first
    return Instrument(
        first.symbol,
        id=first.id,
        price_unit=first.price_unit,
        size_unit=first.size_unit,
        multiplier=first.multiplier,
        kind=first.kind,
    )


def _no_events() -> _Own:
    none = np.empty(0, np.int64)
    return none, np.empty((0, 4), np.int64), np.empty(0, np.bool_), none


def _touch(venue: _Venue, events: Events) -> Array:
    """The best quotes after every row, (rows, 4)."""
    if events.depth is not None:
        venue.has_depth = True
        return np.stack([block[:, 0] for block in events.depth.arrays()], axis=1)
    for kind, actions in ((LevelBook, _LEVELS), (OrderBook, _ORDERS)):
        if np.isin(events.action, actions).any():
            if venue.has_depth or (venue.book is not None and not isinstance(venue.book, kind)):
                raise InputError("a venue has one kind of book", field="action")
            venue.book = kind() if venue.book is None else venue.book
    if venue.book is None:
        return np.tile(np.array(venue.quote), (len(events), 1))
    columns = (events.action, events.side, events.price, events.size)
    if isinstance(venue.book, OrderBook):
        return np.stack(venue.book.replay(*columns, events.order_id), axis=1)
    return np.stack(venue.book.replay(*columns), axis=1)


def _status(venue: _Venue, events: Events, ends: Array, quotes: Array) -> _Own:
    """Which of these atomic events leave a good book, by the rules of a pipeline."""
    starts = np.r_[0, ends[:-1] + 1]

    def in_event(rows: Array) -> Array:
        return np.logical_or.reduceat(rows, starts)

    told = np.where(events.action == Action.STATUS, events.size, 0)
    lost = in_event((events.flags & Flag.GAP != 0) | (told & Status.SNAPSHOT_PENDING != 0))
    complete = in_event(events.flags & Flag.SNAPSHOT != 0) | (events.depth is not None)
    incomplete = _in_force(lost | complete, lost & ~complete, venue.incomplete)
    stopped = _in_force(events.action == Action.STATUS, told & _STOPPED != 0, venue.stopped)[ends]
    is_book = in_event(~np.isin(events.action, _NO_BOOK))
    ts = events.ts[ends]
    heard = _in_force(is_book, ts, venue.heard)
    venue.incomplete, venue.stopped = bool(incomplete[-1]), bool(stopped[-1])
    whole = (quotes[:, 1] > 0) & (quotes[:, 3] > 0) & (quotes[:, 0] <= quotes[:, 2])
    return ts, quotes, whole & ~incomplete & ~stopped, heard


def _in_force(told: Array, values: Array, before: int) -> Array:
    """At each place the value where it was last told."""
    at = np.maximum.accumulate(np.where(told, np.arange(1, len(told) + 1), 0))
    out: Array = np.r_[before, values][at]
    return out


def _better(
    best: Array, size: Array, price: Array, more: Array, counts: Array, sign: int
) -> tuple[Array, Array]:
    """The best prices with one more venue's; at the same price the sizes add up."""
    better = counts & (price > best if sign > 0 else price < best)
    equal = counts & (price == best)
    return np.where(better, price, best), np.where(better, more, size + np.where(equal, more, 0))
