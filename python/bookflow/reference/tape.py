"""The recorded history: what every definition here reads, from scratch, at every row.

A Tape is a list of Moments, one per atomic event, each with the book after it and the prints
in it. A Reading is the place from which a row looks back. Nothing is summed while recording.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .window import Key, Window
from .words import NONE, Side

Ladder = tuple[tuple[int, int], ...]
"""(price, size) of each populated level, best first."""

Touch = tuple[int, int]
"""The best bid and ask price; NONE is an empty side."""


class Print(NamedTuple):
    """One trade. `side` is the aggressor's."""

    price: int
    size: int
    side: int = Side.NONE
    in_volume: bool = True
    in_flow: bool = True
    broken: bool = False
    """An earlier print taken back: its volume and notional are subtracted."""

    @property
    def counts(self) -> bool:
        """Whether it is a trade to count."""
        return self.in_volume and not self.broken

    @property
    def volume(self) -> int:
        """What it adds to volume."""
        if not self.in_volume:
            return 0
        return -self.size if self.broken else self.size


class Change(NamedTuple):
    """What one event did to an order's price: `size` came, or went where it is below 0."""

    price: int
    size: int
    side: int
    cause: int
    touch: int
    """1: the price was its side's best before; 2: it is after; 3: both."""


ADDED, CANCELLED, MODIFIED, TRADED = 1, 2, 3, 4
"""The causes of a Change."""


class Resting(NamedTuple):
    """An order at the touch; None is not known."""

    size: int | None
    birth: int | None
    """When it joined its queue."""


Queues = tuple[tuple[Resting, ...], tuple[Resting, ...]]
"""The orders at the best bid and at the best ask."""


class Recorded(NamedTuple):
    """A print in the history: `flow_before` prints of the flow, of this size, came earlier."""

    print: Print
    key: Key
    flow_before: int
    touch: Touch | None = None
    """The touch just before it, where columns give one beside each print."""


@dataclass(frozen=True, eq=False)
class Moment:
    """One atomic event, after its LAST."""

    key: Key
    bids: Ladder
    asks: Ladder
    prints: tuple[Recorded, ...]
    good: bool
    """A state quote-driven flows may use."""
    before: "Moment | None" = field(repr=False)
    """The good state to difference against; None: this is a first state."""
    flow: int
    """How many in-flow prints there are up to here."""
    changes: tuple[Change, ...] = ()
    queues: Queues | None = None
    """None where single orders are not known."""


class Reading(NamedTuple):
    """Where a row stands: it sees `moments[:end]`."""

    now: Key
    end: int
    last_row: int
    """The first moment after the row before."""
    restart: int
    """The first moment after the last session end."""
    domain: str = "row"
    """What it is read for: a row, or calculators that look at each atomic event."""


def good_state(bids: Ladder, asks: Ladder) -> bool:
    """Both sides populated and not crossed; locked is an ordinary state."""
    return bool(bids and asks and bids[0][0] <= asks[0][0])


class Tape:
    """Moments in order, and beside them the in-flow prints alone, which sign rules look along."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self.flow: list[Print] = []
        self.recorded: list[Recorded] = []
        """The flow again, as it stands in the moments."""
        self.fed: list[bool] = []
        """Of each moment: whether quote-driven flows see it."""
        self.opened: list[int] = []
        """Of each moment: when its session began, NONE without one."""
        self.first_states: set[int] = set()
        self.restarts: set[int] = set()
        """The first moment after each session end."""
        self.ends: dict[int, int] = {}
        """When each session ended, by the first moment after it."""
        self.filled: list[int] = []
        """The volume of the flow up to and including each of its prints."""
        self.restart = 0
        self.readings: dict[str, list[Reading]] = {"row": [], "event": []}
        self.values: dict[tuple[str, str], list[Any]] = {}
        """What calculators were at these readings, by spec and domain, as far as anyone asked."""
        self.lives: dict[int, tuple[int, int]] = {}
        self._trades = 0
        self._last_good: Moment | None = None

    def record(
        self,
        ts: int,
        bids: Ladder = (),
        asks: Ladder = (),
        prints: Iterable[Print] = (),
        *,
        first_state: bool = False,
        fed: bool = True,
        touch: Touch | None = None,
        opened: int = NONE,
        changes: Iterable[Change] = (),
        queues: Queues | None = None,
    ) -> None:
        """Append an atomic event.

        `first_state`: nothing may be differenced across it. `fed`: quote-driven flows see it.
        """
        recorded = []
        event = len(self.moments) + 1
        for one in prints:
            self._trades += one.counts
            key = Key(ts, event, self._trades)
            recorded.append(Recorded(one, key, len(self.flow), touch))
            if one.in_flow:
                self.recorded.append(recorded[-1])
                self.filled.append((self.filled[-1] if self.filled else 0) + one.size)
                self.flow.append(one)
        if first_state:
            self._last_good = None
            self.first_states.add(len(self.moments))
        self.fed.append(fed)
        self.opened.append(opened)
        good = fed and good_state(bids, asks)
        key = Key(ts, event, self._trades)
        before = self._last_good
        moment = Moment(
            key, bids, asks, tuple(recorded), good, before, len(self.flow), tuple(changes), queues
        )
        self.moments.append(moment)
        if good:
            self._last_good = moment

    def end_session(self, ts: int = NONE) -> None:
        """Flows restart here; the flow's prints, which VPIN and the tick rule use, go on."""
        self.restart = len(self.moments)
        self.restarts.add(self.restart)
        self.ends[self.restart] = ts
        self._last_good = None

    def reading(self, ts: int, last_row: int, domain: str = "row") -> Reading:
        """What a row written now at `ts` sees."""
        now = Key(ts, len(self.moments), self._trades)
        at = Reading(now, len(self.moments), last_row, self.restart, domain)
        self.readings[domain].append(at)
        return at

    def state(self, at: Reading) -> tuple[Ladder, Ladder]:
        """The book a row sees."""
        if not at.end:
            return (), ()
        return self.moments[at.end - 1].bids, self.moments[at.end - 1].asks

    def queues(self, at: Reading) -> Queues | None:
        """The orders at the touch that a row sees; None where single orders are not known."""
        return self.moments[at.end - 1].queues if at.end else None

    def touch_before(self, recorded: Recorded, lag: int = 0) -> Touch | None:
        """The touch after the last moment before the print's own, or that stood `lag` ns ago.

        None where a first state, a session's beginning or a book that is not known lies between.
        """
        if recorded.touch is not None:
            return recorded.touch
        at = recorded.key.event - 1  # its own moment, whose book comes after its prints
        while at > 0 and at not in self.restarts:
            at -= 1
            moment = self.moments[at]
            if not self.fed[at]:
                return None
            if not lag or moment.key.ts <= recorded.key.ts - lag:
                bids, asks = moment.bids, moment.asks
                return bids[0][0] if bids else NONE, asks[0][0] if asks else NONE
            if at in self.first_states:
                return None
        return None

    def seen_good(self, window: Window, at: Reading) -> bool:
        """Whether a good state has come since a flow in this window last restarted."""
        since = 0 if window.kind == "reset" else at.restart
        return any(self.moments[i].good for i in range(since, at.end))

    def window(self, window: Window, at: Reading) -> Sequence[Moment]:
        """The moments that may reach into the window."""
        first = 0 if window.kind == "reset" else at.restart
        if window.kind == "row":
            first = max(first, at.last_row)
        if window.kind == "sliding":
            start = at.end
            while start > first and window.weight(self.moments[start - 1].key, at.now):
                start -= 1
            first = start
        return self.moments[first : at.end]

    def changes(self, window: Window, at: Reading) -> Iterator[tuple[int | float, Moment, Moment]]:
        """(weight, before, after) of each pair of good states in the window."""
        for moment in self.window(window, at):
            if moment.good and moment.before is not None:
                yield window.weight(moment.key, at.now), moment.before, moment

    def order_changes(self, window: Window, at: Reading) -> list[tuple[int | float, Change]] | None:
        """(weight, change) of each change in the window; None before the first since a restart."""
        since = 0 if window.kind == "reset" else at.restart
        if not any(moment.changes for moment in self.moments[since : at.end]):
            return None
        return [
            (window.weight(moment.key, at.now), change)
            for moment in self.window(window, at)
            for change in moment.changes
        ]

    def prints(self, window: Window, at: Reading) -> Iterator[tuple[int | float, Recorded]]:
        """(weight, print) of each print in the window."""
        for moment in self.window(window, at):
            for recorded in moment.prints:
                weight = window.weight(recorded.key, at.now)
                if weight:
                    yield weight, recorded


def ladder(prices: Iterable[int], sizes: Iterable[int]) -> Ladder:
    """The populated levels: those with a price and a size.

    >>> ladder([100, 99, NONE], [5, 4, 0])
    ((100, 5), (99, 4))
    """
    levels = ((int(p), int(s)) for p, s in zip(prices, sizes, strict=True))
    return tuple((p, s) for p, s in levels if p != NONE and s)


def _times(ts: Iterable[int] | None, n: int) -> list[int]:
    return [NONE] * n if ts is None else [int(t) for t in ts]


def quote_tape(
    bid_price: Sequence[int],
    bid_size: Sequence[int],
    ask_price: Sequence[int],
    ask_size: Sequence[int],
    ts: Sequence[int] | None = None,
) -> tuple[Tape, list[Reading]]:
    """Columns of best quotes: every element is an atomic event and a row."""
    return depth_tape(
        [[p] for p in bid_price],
        [[s] for s in bid_size],
        [[p] for p in ask_price],
        [[s] for s in ask_size],
        ts,
    )


def depth_tape(
    bid_price: Sequence[Sequence[int]],
    bid_size: Sequence[Sequence[int]],
    ask_price: Sequence[Sequence[int]],
    ask_size: Sequence[Sequence[int]],
    ts: Sequence[int] | None = None,
) -> tuple[Tape, list[Reading]]:
    """Columns of depth, a row of levels each: every element is an atomic event and a row."""
    tape, readings = Tape(), []
    columns = zip(_times(ts, len(bid_price)), bid_price, bid_size, ask_price, ask_size, strict=True)
    for i, (t, bp, bs, ap, az) in enumerate(columns):
        tape.record(t, ladder(bp, bs), ladder(ap, az))
        readings.append(tape.reading(t, i))
    return tape, readings


def change_tape(
    price: Sequence[int],
    change: Sequence[int],
    side: Sequence[int],
    cause: Sequence[int],
    touch: Sequence[int],
    ts: Sequence[int] | None = None,
) -> tuple[Tape, list[Reading]]:
    """Columns of changes of orders: every element is an atomic event and a row."""
    tape, readings = Tape(), []
    columns = zip(_times(ts, len(price)), price, change, side, cause, touch, strict=True)
    for i, (t, *fields) in enumerate(columns):
        tape.record(t, changes=[Change(*map(int, fields))])
        readings.append(tape.reading(t, i))
    return tape, readings


def queue_tape(
    bid_orders: Sequence[int],
    ask_orders: Sequence[int],
    bid_size: Sequence[int] | None = None,
    ask_size: Sequence[int] | None = None,
    bid_age: Sequence[int] | None = None,
    ask_age: Sequence[int] | None = None,
    ts: Sequence[int] | None = None,
) -> tuple[Tape, list[Reading]]:
    """Columns of the queues at the touch: every element is an atomic event and a row.

    Each queue is recorded as so many orders of the mean age, one of which has what is left of the
    size when the others have 1.
    """
    tape, readings = Tape(), []
    unknown = [NONE] * len(bid_orders)
    bid = zip(bid_orders, bid_size or unknown, bid_age or unknown, strict=True)
    ask = zip(ask_orders, ask_size or unknown, ask_age or unknown, strict=True)
    for i, (t, *sides) in enumerate(zip(_times(ts, len(bid_orders)), bid, ask, strict=True)):
        queues = []
        for orders, size, age in sides:
            birth = None if age == NONE else t - int(age)
            sizes = [None if size == NONE else 1] * int(orders)
            if sizes and size != NONE:
                sizes[0] = int(size - orders + 1)
            queues.append(tuple(Resting(each, birth) for each in sizes))
        tape.record(t, queues=(queues[0], queues[1]))
        readings.append(tape.reading(t, i))
    return tape, readings


def trade_tape(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    ts: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
) -> tuple[Tape, list[Reading]]:
    """Columns of trades: every element is a print, an atomic event and a row.

    `bid_price`, `ask_price`: the touch just before each print.
    """
    tape, readings = Tape(), []
    sides = [Side.NONE] * len(price) if side is None else side
    touches: Sequence[Touch | None] = [None] * len(price)
    if bid_price is not None and ask_price is not None:
        touches = [(int(b), int(a)) for b, a in zip(bid_price, ask_price, strict=True)]
    columns = zip(_times(ts, len(price)), price, size, sides, touches, strict=True)
    for i, (t, p, q, s, touch) in enumerate(columns):
        tape.record(t, prints=[Print(int(p), int(q), int(s))], touch=touch)
        readings.append(tape.reading(t, i))
    return tape, readings
