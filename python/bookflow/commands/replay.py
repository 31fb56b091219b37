"""Message i applied to the recorded book of row i-1 must give the recorded book of row i.

A file of N levels tells nothing of what lies behind them, so a book replayed from its start goes
wrong within minutes; from one row to the next it is determined, but for the level that moves up
into place N when one before it goes.
"""

from bookflow import Instrument, LevelBook
from bookflow.events import NONE, Action, Depth, Events, Side

_TAKES = frozenset((int(Action.CANCEL), int(Action.DELETE), int(Action.EXECUTE)))
_ADD, _LEVEL, _CLEAR = int(Action.ADD), int(Action.LEVEL), int(Action.CLEAR)
_BID, _ASK = int(Side.BID), int(Side.ASK)

Levels = tuple[list[int], list[int]]
"""Prices and sizes of one side, best first; NONE and 0 where there is none."""
Sides = tuple[Levels, Levels]
Message = tuple[int, int, int, int]
"""Action, side, price, size."""


class Replay:
    """Counts of levels that agree and of those that do not, and the first of these in words."""

    def __init__(self, instrument: Instrument) -> None:
        self.rows = 0
        self.compared = 0
        self.equal = 0
        self.scrolled = 0
        self.first = ""
        self._instrument = instrument
        self._book = LevelBook()
        self._before: Sides | None = None

    def add(self, events: Events) -> None:
        """The next rows, with the depth that was recorded after each."""
        if events.depth is None:
            raise ValueError("verify needs recorded depth")
        columns = (events.action, events.side, events.price, events.size)
        messages = zip(*(column.tolist() for column in columns), strict=True)
        for message, after in zip(messages, _books(events.depth), strict=True):
            if self._before is not None:
                self._step(message, self._before, after)
            self._before = after
            self.rows += 1

    def _step(self, message: Message, before: Sides, after: Sides) -> None:
        action, side, price, size = message
        book = self._seeded(before)
        if action == _ADD or action in _TAKES:
            prices, sizes = before[side - _BID]
            old = sizes[prices.index(price)] if price in prices else 0
            new = old + size if action == _ADD else old - size
            if new < 0 and (old or _inside(price, prices, side)):
                self._differs(message, f"the level holds {old} only")
            book.apply(_LEVEL, side, price, max(new, 0))
        levels = len(before[0][0])
        depth = book.depth(levels)
        for number, name in enumerate(("bid", "ask")):
            ours = depth[f"{name}_price"].tolist(), depth[f"{name}_size"].tolist()
            known = levels
            missing = levels - len(ours[0])
            if missing:
                ours = ours[0] + [NONE] * missing, ours[1] + [0] * missing
                if before[number][0][-1] != NONE:
                    known -= 1  # the side was full: what comes up from behind is not in the file
                    self.scrolled += 1
            self._compare(message, name, known, ours, after[number])

    def _compare(
        self, message: Message, name: str, known: int, ours: Levels, theirs: Levels
    ) -> None:
        self.compared += known
        if ours == theirs:
            self.equal += known
            return
        for level in range(known):
            mine = ours[0][level], ours[1][level]
            recorded = theirs[0][level], theirs[1][level]
            if mine == recorded:
                self.equal += 1
            else:
                place = f"{name} level {level + 1}"
                self._differs(
                    message, f"{place} is {self._words(*recorded)}, ours {self._words(*mine)}"
                )

    def _seeded(self, before: Sides) -> LevelBook:
        book = self._book
        apply = book.apply
        apply(_CLEAR, 0, NONE, 0)
        for side, (prices, sizes) in zip((_BID, _ASK), before, strict=True):
            for price, size in zip(prices, sizes, strict=True):
                if size:
                    apply(_LEVEL, side, price, size)
        return book

    def _differs(self, message: Message, what: str) -> None:
        if self.first:
            return
        action, side, price, size = message
        self.first = (
            f"row {self.rows}: after {Action(action).name} {Side(side).name} "
            f"{self._words(price, size)}: {what}"
        )

    def _words(self, price: int, size: int) -> str:
        if price == NONE:
            return "empty"
        return f"{self._instrument.price(price):.12g} x {size}"


def _books(depth: Depth) -> "zip[Sides]":
    bids = zip(depth.bid_price.tolist(), depth.bid_size.tolist(), strict=True)
    asks = zip(depth.ask_price.tolist(), depth.ask_size.tolist(), strict=True)
    return zip(bids, asks, strict=True)


def _inside(price: int, prices: list[int], side: int) -> bool:
    """Whether the recorded side says what lies at this price."""
    last = prices[-1]
    return last == NONE or (price > last if side == _BID else price < last)
