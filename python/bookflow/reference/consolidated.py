"""The best quote over venues, from their atomic events one after another."""

from collections.abc import Sequence

from .book import Best, LevelBook, OrderBook
from .event import Event, event_of
from .words import NONE, Action, Flag, Status

NOTHING = Best(NONE, 0, NONE, 0)
LARGEST = 2**60


class _Venue:
    """A venue's book, and what is known to be wrong with it."""

    def __init__(self) -> None:
        self.book: OrderBook | LevelBook | None = None
        self.depth: Best | None = None
        self.open: list[Event] = []
        self.incomplete = False
        self.stopped = False
        self.heard: int | None = None
        self.quote: Best | None = None
        """What it has to say, where that counts."""

    def best(self) -> Best:
        """Its best quotes, good or bad."""
        if self.depth is not None:
            return self.depth
        return NOTHING if self.book is None else self.book.best()


class Consolidated:
    """Best prices over the venues whose book is good and not older than `stale_after` (ns).

    >>> best = Consolidated(["a", "b"], stale_after=5)
    >>> def quote(ts, bid, bid_size, ask, ask_size):
    ...     return [(ts, Action.QUOTE, 1, bid, bid_size, 0, 0),
    ...             (ts, Action.QUOTE, 2, ask, ask_size, 0, Flag.LAST)]
    >>> best.push("a", quote(1, 999, 2, 1001, 3))
    [(1, Best(bid_price=999, bid_size=2, ask_price=1001, ask_size=3))]
    >>> best.push("b", quote(2, 999, 5, 1002, 7))
    [(2, Best(bid_price=999, bid_size=7, ask_price=1001, ask_size=3))]
    >>> [(ts, best.bid_size) for ts, best in best.advance(9)]
    [(7, 5), (8, 0)]
    """

    def __init__(self, venues: Sequence[str], stale_after: int | None = None) -> None:
        self.venues = {name: _Venue() for name in venues}
        self.stale_after = stale_after
        self.told = NOTHING

    def push(
        self, name: str, rows: Sequence[object], depth: Sequence[Best] | None = None
    ) -> list[tuple[int, Best]]:
        """The changes of the best quote, with their times; `depth`: the book after each row."""
        venue = self.venues[name]
        out: list[tuple[int, Best]] = []
        for number, row in enumerate(rows):
            event = event_of(row)
            venue.open.append(event)
            if event.flags & Flag.LAST:
                out += self.advance(event.ts)
                self._take(venue, venue.open, None if depth is None else depth[number])
                venue.open = []
                out += self._change(event.ts)
        return out

    def advance(self, ts: int) -> list[tuple[int, Best]]:
        """Time moves to `ts`: quotes get too old, the oldest first."""
        out: list[tuple[int, Best]] = []
        due = [
            (venue.heard + self.stale_after + 1, number, venue)
            for number, venue in enumerate(self.venues.values())
            if self.stale_after is not None and venue.heard is not None and venue.quote is not None
        ]
        for old, _, venue in sorted(due, key=lambda one: one[:2]):
            if old <= ts:
                venue.quote = None
                out += self._change(old)
        return out

    def _take(self, venue: _Venue, events: list[Event], depth: Best | None) -> None:
        ts = events[-1].ts
        lost, complete = False, depth is not None
        for event in events:
            told = event.size if event.action == Action.STATUS else 0
            lost = lost or bool(event.flags & Flag.GAP or told & Status.SNAPSHOT_PENDING)
            complete = complete or bool(event.flags & Flag.SNAPSHOT)
            if event.action == Action.STATUS:
                venue.stopped = bool(told & (Status.HALTED | Status.AUCTION))
            elif event.action != Action.TRADE:
                venue.heard = ts
            if depth is None and venue.depth is None:
                self._apply(venue, event)
        venue.depth = depth or venue.depth
        if lost or complete:
            venue.incomplete = not complete
        best = venue.best()
        good = best.bid_size > 0 and best.ask_size > 0 and best.bid_price <= best.ask_price
        fresh = self.stale_after is None or (
            venue.heard is not None and ts - venue.heard <= self.stale_after
        )
        counts = good and fresh and not venue.incomplete and not venue.stopped
        venue.quote = best if counts else None

    def _apply(self, venue: _Venue, event: Event) -> None:
        if venue.book is None:
            if event.action in (Action.LEVEL, Action.QUOTE):
                venue.book = LevelBook()
            elif event.action <= Action.EXECUTE:
                venue.book = OrderBook()
        if venue.book is not None:
            venue.book.apply(event)

    def _change(self, ts: int) -> list[tuple[int, Best]]:
        quotes = [venue.quote for venue in self.venues.values() if venue.quote is not None]
        best = NOTHING
        if quotes:
            bid = max(quote.bid_price for quote in quotes)
            ask = min(quote.ask_price for quote in quotes)
            bid_size = sum(quote.bid_size for quote in quotes if quote.bid_price == bid)
            ask_size = sum(quote.ask_size for quote in quotes if quote.ask_price == ask)
            best = Best(bid, min(bid_size, LARGEST), ask, min(ask_size, LARGEST))
        if best == self.told:
            return []
        self.told = best
        return [(ts, best)]
