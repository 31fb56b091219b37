"""docs/action-table.md as data: its cases, parsed from the Markdown that readers see."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from bookflow.events import NONE, Action, Flag, Side, Status

TABLE = Path(__file__).parents[1] / "docs" / "action-table.md"
PRICE_UNIT = "0.5"  # some prints of the table lie between ticks; the tick is 1
WORDS = {"-": Side.NONE, "BID": Side.BID, "ASK": Side.ASK, "BUY": Side.BUY, "SELL": Side.SELL}

# (action, side, price, size, order_id, flags), prices in units.
EventRow = tuple[int, int, int, int, int, int]


class Order(NamedTuple):
    order_id: int
    size: int


Level = tuple[int, tuple[Order, ...] | int]
"""A price with its queue, or with its size where orders are not known."""


@dataclass(frozen=True)
class Book:
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    def building_events(self) -> list[EventRow]:
        """The events that make it from nothing, each an atomic one."""
        events: list[EventRow] = []
        for side, levels in ((Side.BID, self.bids), (Side.ASK, self.asks)):
            for price, content in levels:
                if isinstance(content, int):
                    events.append((Action.LEVEL, side, price, content, 0, Flag.LAST))
                else:
                    events += [
                        (Action.ADD, side, price, o.size, o.order_id, Flag.LAST) for o in content
                    ]
        return events


@dataclass(frozen=True)
class Tape:
    volume: int
    bought: int
    sold: int
    trades: int
    last_price: Fraction | None


@dataclass(frozen=True)
class Case:
    name: str
    before: Book
    events: list[EventRow]
    after: Book
    tape: Tape
    faults: dict[str, int]
    status: int

    @property
    def has_orders(self) -> bool:
        """Whether it is a case of the order book, not of the level book."""
        order_actions = {Action.ADD, Action.CANCEL, Action.DELETE, Action.MODIFY, Action.EXECUTE}
        contents = [content for _, content in self.before.bids + self.before.asks]
        return any(isinstance(c, tuple) for c in contents) or self.events[0][0] in order_actions


def units(price: str) -> int:
    """Text to price units; NONE for a dash."""
    return NONE if price == "-" else int(Fraction(price) / Fraction(PRICE_UNIT))


def _side(text: str) -> tuple[Level, ...]:
    levels: list[Level] = []
    for level in () if text == "-" else text.split(";"):
        price, colon, queue = level.partition(":")
        if colon:
            orders = (order.split("x") for order in queue.split())
            levels.append((units(price), tuple(Order(int(i), int(size)) for i, size in orders)))
        else:
            price, size = level.split("x")
            levels.append((units(price.strip()), int(size)))
    return tuple(levels)


def _book(text: str) -> Book:
    bids, asks = (_side(side.strip()) for side in text.split("/"))
    return Book(bids, asks)


def _event(text: str, *, last: bool) -> EventRow:
    action, side, price, size, *rest = text.split()
    order_id = 0
    flags = Flag.LAST if last else Flag(0)
    for word in rest:
        if word.startswith("#"):
            order_id = int(word[1:])
        else:
            flags |= Flag[word]
    return (Action[action], WORDS[side], units(price), int(size), order_id, int(flags))


def _events(text: str) -> list[EventRow]:
    events = []
    for atomic in text.split(";"):
        rows = atomic.split(" + ")
        events += [_event(row, last=row is rows[-1]) for row in rows]
    return events


def _tape(text: str) -> Tape:
    volume = bought = sold = trades = 0
    last_price = None
    for one in () if text == "-" else text.split(";"):
        kind, size_text, _, price = one.split()
        size = int(size_text)
        if kind == "back":
            volume -= size
            continue
        volume += size
        bought += size * (kind == "buy")
        sold += size * (kind == "sell")
        trades += 1
        last_price = Fraction(price)
    return Tape(volume, bought, sold, trades, last_price)


def _case(line: str) -> Case:
    name, before, events, after, tape, faults, status = (
        c.strip() for c in line.strip("|").split("|")
    )
    names = [] if faults == "-" else faults.split()
    bits = Status(0)
    for word in () if status == "-" else status.split():
        bits |= Status[word]
    return Case(
        name,
        _book(before),
        _events(events),
        _book(after),
        _tape(tape),
        {fault: names.count(fault) for fault in names},
        int(bits),
    )


def cases() -> list[Case]:
    """Every case of the table."""
    lines = TABLE.read_text(encoding="utf-8").split("## Cases")[1].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [_case(line) for line in rows[2:]]
