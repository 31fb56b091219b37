"""A pipeline as its definition: record everything, and work out each row from the record.

An atomic event is the events up to a LAST, and has that LAST's time. At it, in this order:

1. time passes: rows due before it, and a session's end, are written from the state before;
2. its events change the book in order; its prints are collected;
3. the status is worked out, the moment goes on the tape;
4. a counting clock decides whether a row is written.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, TypeVar

from .book import ORDER_ACTIONS, Level, LevelBook, OrderBook
from .catalogue import DEFINITIONS
from .clock import parse_clock
from .composed import deepest
from .event import Event, event_of
from .session import Span, parse_session
from .tape import (
    ADDED,
    CANCELLED,
    MODIFIED,
    TRADED,
    Change,
    Ladder,
    Print,
    Queues,
    Resting,
    Tape,
    ladder,
)
from .trade_sign import rule_of
from .units import exact, units_of
from .words import BAD, NONE, Action, Flag, Side, Status

B = TypeVar("B", OrderBook, LevelBook)
Values = dict[str, float | list[float]]
DepthRow = tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]]
"""(bid_price, bid_size, ask_price, ask_size), best first."""

CAUSES = {
    Action.ADD: ADDED,
    Action.CANCEL: CANCELLED,
    Action.DELETE: CANCELLED,
    Action.MODIFY: MODIFIED,
    Action.EXECUTE: TRADED,
}
LEVEL_ACTIONS = {Action.LEVEL, Action.QUOTE}
TOLD = Status.SNAPSHOT_PENDING | Status.HALTED | Status.AUCTION | Status.UNVERIFIABLE
"""What a STATUS event sets, all at once."""


@dataclass(frozen=True)
class Row:
    """One output row."""

    ts: int
    status: int
    seen: int
    clean: int
    values: Values


class Pipeline:
    """An instrument's book, clock and features: {name: (calculator's snake name, settings)}.

    >>> from types import SimpleNamespace
    >>> cents = SimpleNamespace(price_unit="0.01", size_unit="1", tick="0.01")
    >>> pipe = Pipeline(cents, clock="10s", features={"volume": ("volume", {}), "mid": ("mid", {})})
    >>> second = 10**9
    >>> rows = pipe.run([
    ...     (3 * second, Action.QUOTE, Side.BID, 9999, 5),
    ...     (3 * second, Action.QUOTE, Side.ASK, 10001, 5),
    ...     (10 * second, Action.TRADE, Side.BUY, 10001, 2),
    ...     (31 * second, Action.TRADE, Side.SELL, 9999, 1),
    ... ])
    >>> [(row.ts // second, row.values["volume"], row.values["mid"]) for row in rows]
    [(10, 2.0, 100.0), (20, 0.0, 100.0), (30, 0.0, 100.0)]
    >>> [(row.ts // second, row.values["volume"]) for row in pipe.finish()]
    [(31, 1.0)]
    """

    def __init__(
        self,
        instrument: Any,
        *,
        clock: str = "event",
        features: Mapping[str, tuple[str, Mapping[str, Any]]],
        session: str | None = None,
        hidden: str = "volume",
        on_gap: str = "mark",
        on_crossed: str = "mark",
        stale_after: str | None = None,
        origin: int = 0,
        max_rows: int = 1_000_000,
    ) -> None:
        self.units = units_of(instrument)
        inverse = getattr(instrument, "kind", "linear") == "inverse"
        worth = exact(getattr(instrument, "multiplier", 1)) * self.units.size
        self.clock = parse_clock(
            clock,
            self.units.size,
            origin,
            value_unit=worth if inverse else worth * self.units.price,
            linear=not inverse,
        )
        self.features = dict(features)
        self.session = None if session is None else parse_session(session)
        self.hidden = hidden
        self.withheld = Status(0)
        if on_gap == "hold":
            self.withheld |= Status.GAP | Status.SNAPSHOT_PENDING
        if on_crossed == "hold":
            self.withheld |= Status.CROSSED
        self.uncrosses = on_crossed == "uncross"
        self.stale_after = None if stale_after is None else parse_clock(stale_after).width
        self.max_rows = max_rows
        self._levels = deepest(list(self.features.values()), 5)
        self.reset()

    def reset(self) -> None:
        """Forget everything but the settings."""
        self.rows: list[Row] = []
        self.tape = Tape()
        self._book: OrderBook | LevelBook = LevelBook()
        self._has_book = False
        self._chosen = False
        self._pending: list[tuple[Event, DepthRow | None]] = []
        self._unfinished = 0
        self._policies: Counter[str] = Counter()
        self._heard: int | None = None

        self._gap = False
        self._told = Status(0)
        self._until_two_sided = False
        self._status = Status(0)
        self._seen = Status(0)
        self._bad_until: int | None = None
        self._now: int | None = None

        self._span: Span | None = None
        self._next_point: int | None = None
        self._last_row = 0
        self._count = self.clock.counter()
        self._fresh = False

    @property
    def faults(self) -> Counter[str]:
        """Feed faults by name."""
        return self._book.faults + self._policies + Counter(unfinished=self._unfinished)

    @property
    def status(self) -> int:
        """The book's status after the last atomic event."""
        return int(self._status)

    def run(self, events: Iterable[Any], depth: Any = None) -> list[Row]:
        """Take events, and depth rows beside them: the rows this wrote.

        `depth` is four columns of rows of levels, bid_price, bid_size, ask_price, ask_size, or
        anything with these attributes.
        """
        written = len(self.rows)
        rows: Iterable[DepthRow | None] = repeat(None)
        if depth is not None:
            names = ("bid_price", "bid_size", "ask_price", "ask_size")
            columns = depth if isinstance(depth, tuple) else [getattr(depth, n) for n in names]
            rows = zip(*columns, strict=True)
        for event, row in zip(events, rows, strict=depth is not None):
            self.push(event, row)
        return self.rows[written:]

    def push(self, event: Any, depth: DepthRow | None = None) -> int:
        """Take one event: how many rows it wrote. Without LAST it waits for its atomic event."""
        written = len(self.rows)
        self._pending.append((event_of(event), depth))
        if self._pending[-1][0].flags & Flag.LAST:
            group, self._pending = self._pending, []
            self._atomic_event(group)
        return len(self.rows) - written

    def advance(self, ts: int) -> int:
        """Time is now `ts`, without an event: how many rows that wrote."""
        written = len(self.rows)
        self._pass_time(ts)
        self._listen(ts)
        return len(self.rows) - written

    def finish(self) -> list[Row]:
        """Write the open interval, if anything came since the last row; drop what has no LAST."""
        written = len(self.rows)
        if self._pending:
            self._unfinished += 1
            self._pending = []
        if self._fresh and self._now is not None:
            self._write(self._now, Status.PARTIAL)
            self._fresh = False
        return self.rows[written:]

    # Time.

    def _pass_time(self, ts: int) -> None:
        """Write the grid's points before `ts`, and close the session if `ts` is not in it."""
        self._now = ts if self._now is None else max(self._now, ts)
        first = len(self.rows)
        if self._span is not None and ts >= self._span.end:
            self._write_grid(self._span.end, first)
            if self._next_point is not None:
                off_grid = self._next_point != self._span.end
                self._write(self._span.end, Status.PARTIAL if off_grid else Status(0))
            self.tape.end_session(self._span.end)
            self._span = None
            self._next_point = None
            self._count.restart()
            self._fresh = False
        self._write_grid(ts, first)

    def _write_grid(self, ts: int, first: int) -> None:
        while self._next_point is not None and self._next_point < ts:
            if len(self.rows) - first >= self.max_rows:
                raise ValueError(
                    f"more than max_rows={self.max_rows} rows from {self.rows[first].ts} to {ts}"
                )
            self._write(self._next_point, Status(0))
            self._next_point += self.clock.width

    def _enter_session(self, ts: int) -> bool:
        """Whether `ts` is inside a session (always, without one)."""
        if self.session is None:
            return True
        if self._span is None:
            self._span = self.session.containing(ts)
        return self._span is not None

    # One atomic event.

    def _atomic_event(self, group: list[tuple[Event, DepthRow | None]]) -> None:
        ts = group[-1][0].ts
        self._pass_time(ts)
        self._listen(ts)
        self._heard = ts
        inside = self._enter_session(ts)
        flags = Flag(0)
        for event, _ in group:
            flags |= Flag(event.flags)
        best_before = self._book.best()

        prints = []
        changes: list[Change] = []
        crossed = self._book.faults["crossed"]
        for event, depth in group:
            prints += self._print_of(event)
            changes += self._apply_and_compare(event, depth)
        if self.uncrosses and group[-1][1] is None:
            changes += self._uncross([event for event, _ in group], crossed)

        self._update_status(ts, flags, complete_rows=group[-1][1] is not None)
        cleared = any(event.action == Action.CLEAR for event, _ in group)
        first_state = cleared or bool(flags & (Flag.GAP | Flag.SNAPSHOT))
        fed = inside and not self._status & (Status.GAP | Status.SNAPSHOT_PENDING)
        self.tape.record(
            ts,
            *self._ladders(),
            prints if inside else (),
            first_state=first_state,
            fed=fed,
            opened=NONE if self._span is None else self._span.start,
            changes=changes if fed and not first_state else (),
            queues=self._queues(),
        )
        if inside and not flags & Flag.SNAPSHOT:
            before = self.tape.readings["event"]
            self.tape.reading(ts, before[-1].end if before else 0, "event")
            self._tick_clock(ts, prints, best_changed=self._book.best() != best_before)

    def _print_of(self, event: Event) -> list[Print]:
        """The event's print, by the book just before it: one or none."""
        price, side = event.price, event.side
        if event.action == Action.EXECUTE:
            book = self._book
            order = book.orders.get(event.order_id) if isinstance(book, OrderBook) else None
            if order is not None:
                price = order.price if price == NONE else price
                side = order.side
            side = {Side.BID: Side.SELL, Side.ASK: Side.BUY}.get(Side(side), Side.NONE)
        elif event.action != Action.TRADE:
            return []
        if price == NONE:
            return []
        hidden = bool(event.flags & Flag.HIDDEN)
        broken = bool(event.flags & Flag.BROKEN)
        not_flow = event.flags & (Flag.AUCTION | Flag.OFF_BOOK) or broken
        in_volume = not (hidden and self.hidden == "none")
        in_flow = not not_flow and not (hidden and self.hidden != "flow")
        return [Print(price, event.size, side, in_volume, in_flow, broken)]

    def _apply_and_compare(self, event: Event, depth: DepthRow | None) -> list[Change]:
        """Apply an event: what became of its order, at each price where its size is another."""
        sizes: Counter[tuple[int, int]] = Counter()  # (side, price) -> what came less what went
        bests = []
        for sign in (-1, 1):
            if sign == 1:
                self._apply(event, depth)
            best = self._book.best()
            bests.append({Side.BID: best.bid_price, Side.ASK: best.ask_price})
            orders = self._book.orders if isinstance(self._book, OrderBook) else {}
            if event.order_id in orders:
                order = orders[event.order_id]
                sizes[order.side, order.price] += sign * order.size
        if event.action not in CAUSES:
            return []
        filled = event.action in (Action.CANCEL, Action.DELETE) and event.flags & Flag.FILL
        cause = TRADED if filled else CAUSES[Action(event.action)]
        return [
            Change(
                price,
                size,
                side,
                cause,
                (bests[0][Side(side)] == price) + 2 * (bests[1][Side(side)] == price),
            )
            for (side, price), size in sizes.items()
            if size
        ]

    def _uncross(self, events: Sequence[Event], counted: int) -> list[Change]:
        """Remove what the side crosses that of all that cross was named last."""
        book = self._book
        best = book.best()
        newer = None
        for event in events:
            named = book.named(event)
            if named is None or named[1] not in [level.price for level in book.levels(named[0])]:
                continue
            side, price = named
            if price > best.ask_price if side == Side.BID else price < best.bid_price:
                newer = side
        if not book.is_crossed() or newer is None or self._told & Status.AUCTION:
            return []
        older = Side.ASK if newer == Side.BID else Side.BID
        changes = []
        while book.is_crossed():
            price, size = book.remove_first(older)
            self._policies["uncrossed"] += 1
            left = book.depth(1)[older == Side.ASK]
            still_best = bool(left) and left[0].price == price
            changes.append(Change(price, -size, older, CANCELLED, 1 + 2 * still_best))
        book.uncrossed(counted)
        return changes if isinstance(book, OrderBook) else []

    def _apply(self, event: Event, depth: DepthRow | None) -> None:
        if event.action == Action.STATUS:
            both = Status.UNVERIFIABLE | Status.ONE_SIDED
            pending = self._told & Status.SNAPSHOT_PENDING  # ends with the snapshot alone
            self._told = pending | Status(event.size & TOLD)
            self._until_two_sided = event.size & both == both
        if depth is not None:
            bid_price, bid_size, ask_price, ask_size = depth
            book = self._choose(LevelBook)
            book.replace(list(ladder(bid_price, bid_size)), list(ladder(ask_price, ask_size)))
            book.count_faults_of(event.flags)
            return
        if event.action in ORDER_ACTIONS:
            assert self._now is not None
            self._choose(OrderBook).now = self._now
        elif event.action in LEVEL_ACTIONS:
            self._choose(LevelBook)
        self._has_book |= event.action == Action.CLEAR
        self._book.apply(event)

    def _choose(self, kind: type[B]) -> B:
        """The book, of the kind that the stream's first book event asks for."""
        if not self._chosen:
            self._chosen = self._has_book = True
            chosen = kind()
            chosen.faults = self._book.faults
            self._book = chosen
        if not isinstance(self._book, kind):
            raise ValueError(f"{kind.__name__} events in a stream that began with the other kind")
        return self._book

    def _ladders(self) -> tuple[Ladder, Ladder]:
        bids, asks = self._book.depth(self._levels)
        return ladder(*_columns(bids)), ladder(*_columns(asks))

    def _queues(self) -> Queues | None:
        book = self._book
        if not isinstance(book, OrderBook):
            return None
        best = [book.levels(side)[:1] for side in (Side.BID, Side.ASK)]
        bids, asks = (
            tuple(
                Resting(book.orders[i].size, book.births[i])
                for level in levels
                for i in book.queue(side, level.price)
            )
            for side, levels in zip((Side.BID, Side.ASK), best, strict=True)
        )
        return bids, asks

    def _update_status(self, ts: int, flags: Flag, *, complete_rows: bool) -> None:
        # A depth row is the whole book, and so is a finished snapshot: nothing stays lost.
        self._gap = self._gap or bool(flags & Flag.GAP)
        if flags & Flag.SNAPSHOT or complete_rows:
            self._gap = False
            self._told &= ~Status.SNAPSHOT_PENDING
        best = self._book.best()
        two_sided = best.bid_size > 0 and best.ask_size > 0
        if self._until_two_sided and two_sided:
            self._told &= ~Status.UNVERIFIABLE
            self._until_two_sided = False
        status = self._told
        if self._gap:
            status |= Status.GAP
        if self._has_book and not two_sided:
            status |= Status.ONE_SIDED
        if two_sided and best.bid_price > best.ask_price:
            status |= Status.CROSSED
        if two_sided and best.bid_price == best.ask_price:
            status |= Status.LOCKED

        happened = status | (Status.GAP if flags & Flag.GAP else Status(0))
        if self._bad_until is None or (self._status | happened) & BAD:
            self._bad_until = ts
        self._seen |= happened
        self._status = status

    def _listen(self, ts: int) -> None:
        """Nothing came from the last atomic event to `ts`: is that too long?"""
        if self.stale_after is None or self._heard is None:
            return
        if ts - self._heard > self.stale_after:
            self._status |= Status.STALE
            self._seen |= Status.STALE

    def _tick_clock(self, ts: int, prints: Sequence[Print], *, best_changed: bool) -> None:
        self._fresh = True
        kind = self.clock.kind
        if kind == "span":
            if self._next_point is None:
                # A session's first point lies after its start.
                after = ts if self._span is None else max(ts, self._span.start + 1)
                self._next_point = self.clock.first_point(after)
            return
        signs = [0] * len(prints)
        if self.clock.information is not None:
            sign = rule_of(self.clock.information.sign)
            recorded = self.tape.moments[-1].prints
            signs = [sign(self.tape, one) if one.print.in_flow else 0 for one in recorded]
        if self._count.due(prints, signs, best_changed=best_changed):
            self._write(ts, Status(0))

    # One row.

    def _write(self, ts: int, extra: Status) -> None:
        self._listen(ts)
        if self._status & self.withheld:
            self._policies["held_rows"] += 1
            return
        at = self.tape.reading(ts, self._last_row)
        values = {
            name: DEFINITIONS[calculator](self.tape, at, self.units, **settings)
            for name, (calculator, settings) in self.features.items()
        }
        bad = self._status & BAD or self._bad_until is None
        clean = 0 if bad else ts - (self._bad_until or 0)
        row = Row(ts, int(self._status | extra), int(self._seen), clean, values)
        self.rows.append(row)
        self._seen = self._status
        self._last_row = at.end
        self._fresh = False


def _columns(levels: Sequence[Level]) -> tuple[list[int], list[int]]:
    return [level.price for level in levels], [level.size for level in levels]
