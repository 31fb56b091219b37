"""Bars: what was traded between the rows of a clock, and when trading is one-sided."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from .tape import Print, trade_tape
from .words import Side


@dataclass(frozen=True)
class Information:
    """The settings of imbalance and run bars."""

    run: bool
    trades: int
    min_trades: int
    max_trades: int
    of: str = "trades"
    prints: int = 1000
    bars: int = 20
    sign: str = "aggressor"


def parse_information(text: str) -> Information | None:
    """`imbalance(...)` or `run(...)`, settings by name, the first may be `of` alone.

    >>> parse_information("run(volume, trades=5, min_trades=2, max_trades=9)")
    Information(run=True, trades=5, min_trades=2, max_trades=9, of='volume', prints=1000, bars=20, \
sign='aggressor')
    """
    match = re.fullmatch(r"(imbalance|run)\((.*)\)", text)
    if match is None:
        return None
    settings: dict[str, Any] = {}
    for part in match[2].split(","):
        name, equals, value = (x.strip() for x in part.partition("="))
        if not equals:
            name, value = "of", name
        settings[name] = int(value) if value.isdigit() else value
    return Information(match[1] == "run", **settings)


class InformationBar:
    """The open bar, and what is expected of it.

    With T prints, B bought and S sold an imbalance bar ends at |B - S| >= E[T] |E[b] - E[s]|, a run
    bar at max(B, S) >= E[T] max(E[b], E[s]). E[b] is the mean of what prints add to B, weighted by
    (1 - 2/(prints + 1))^age, as it stood when the bar before ended; E[T] moves by 2/(bars + 1) of
    the way to each bar's T, and stays between min_trades and max_trades.

    >>> bar = InformationBar(Information(False, trades=2, min_trades=1, max_trades=4, prints=1))
    >>> ends = []
    >>> for side in (1, 1, 1, 1, 2):
    ...     bar.add(Print(10, 1), side)
    ...     ends.append(bar.due())
    >>> ends
    [False, True, False, True, False]
    """

    def __init__(self, settings: Information) -> None:
        self.settings = settings
        self.side = {Side.BUY: 0, Side.SELL: 0}
        self.length = 0
        self.prints = 0
        self.weights = 0.0
        self.means = {Side.BUY: 0.0, Side.SELL: 0.0}
        self.expected = {Side.BUY: 0.0, Side.SELL: 0.0}
        self.trades = float(settings.trades)

    def add(self, one: Print, sign: int) -> None:
        """A print of the flow, of +1 a buyer, -1 a seller (or as Side), 0 not known."""
        side = {1: Side.BUY, 2: Side.SELL, -1: Side.SELL}.get(sign)
        amount = {"trades": 1, "volume": one.size, "value": abs(one.price) * one.size}
        keep = 1.0 - 2.0 / (self.settings.prints + 1.0)
        self.weights = self.weights * keep + 1.0
        for each in self.side:
            added = amount[self.settings.of] if each == side else 0
            self.side[each] += added
            self.means[each] = self.means[each] * keep + float(added)
        self.length += 1
        self.prints += 1
        if self.prints == self.settings.trades:
            self._expect()

    def due(self) -> bool:
        """Whether the bar ends with the prints so far; the next begins then."""
        bought, sold = self.side.values()
        b, s = self.expected.values()
        if self.settings.run:
            reached, needed = float(max(bought, sold)), self.trades * max(b, s)
        else:
            reached, needed = float(abs(bought - sold)), self.trades * abs(b - s)
        if self.prints < self.settings.trades or reached < needed:
            return False
        moved = self.trades + 2.0 / (self.settings.bars + 1.0) * (self.length - self.trades)
        least, most = self.settings.min_trades, self.settings.max_trades
        self.trades = min(max(moved, float(least)), float(most))
        self._expect()
        self.restart()
        return True

    def restart(self) -> None:
        """The open bar is none; what is expected stays."""
        self.side = {Side.BUY: 0, Side.SELL: 0}
        self.length = 0

    def _expect(self) -> None:
        self.expected = {side: mean / self.weights for side, mean in self.means.items()}


class Bar(NamedTuple):
    """What was traded between two rows, in units."""

    ts: int
    start: int
    end: int
    first: int
    trades: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    buy: int
    sell: int
    vwap: float
    partial: bool


def bars(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    ts: Sequence[int] | None = None,
    *,
    clock: str,
    sign: str | None = None,
    origin: int = 0,
    partial: bool = False,
) -> list[Bar]:
    """Bars of prints, each an event of its own.

    >>> [bar[4:10] for bar in bars([10, 12, 11, 11], [4, 7, 2, 9], clock="10volume")]
    [(2, 10, 12, 10, 12, 11), (2, 11, 11, 11, 11, 11)]
    """
    from .clock import parse_clock
    from .trade_sign import rule_of

    parsed = parse_clock(clock, origin=origin)
    if sign is None:
        sign = "tick" if side is None else "aggressor"
        sign = sign if parsed.information is None else parsed.information.sign
    tape, _ = trade_tape(price, size, side, ts)
    prints = tape.recorded
    signs = [rule_of(sign)(tape, one) for one in prints]
    out: list[Bar] = []

    def write(first: int, end: int, at: int, *, open_: bool = False) -> None:
        taken = [one.print for one in prints[first:end]]
        prices = [one.price for one in taken]
        volume = sum(one.size for one in taken)
        value = sum(one.price * one.size for one in taken)
        bought, sold = (
            sum(one.size for one, s in zip(taken, signs[first:end], strict=True) if s == wanted)
            for wanted in (1, -1)
        )
        start, last = prints[first].key.ts, prints[end - 1].key.ts
        ends = (prices[0], max(prices), min(prices), prices[-1])
        vwap = float(Fraction(value, volume))
        row = (at, start, last, first, len(taken), *ends, volume, bought, sold, vwap, open_)
        out.append(Bar(*row))

    first = 0
    if parsed.kind == "span":
        for i in range(1, len(prints)):
            point = parsed.first_point(prints[i - 1].key.ts)
            if prints[i].key.ts > point:
                write(first, i, point)
                first = i
    else:
        count = parsed.counter()
        clock_sign = rule_of(parsed.information.sign) if parsed.information else None
        for i, one in enumerate(prints):
            signed = clock_sign(tape, one) if clock_sign else 0
            if count.due([one.print], [signed], best_changed=False):
                write(first, i + 1, one.key.ts)
                first = i + 1
    if partial and first < len(prints):
        write(first, len(prints), prints[-1].key.ts, open_=True)
    return out
