"""How soon the touch is as good again as it was before a trade that hurt it."""

from collections.abc import Sequence
from typing import NamedTuple

from .tape import Moment, Reading, Recorded, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .window import Key, Window, parse_window, ratio, total
from .words import NONE

SECOND = 10**9


class _Touch(NamedTuple):
    """Prices and sizes of the touch; NONE is an empty side."""

    bid: int = NONE
    bid_size: int = 0
    ask: int = NONE
    ask_size: int = 0

    @property
    def good(self) -> bool:
        return NONE not in (self.bid, self.ask) and self.bid <= self.ask


def _after(moment: Moment) -> _Touch:
    (bid, bid_size), (ask, ask_size) = (
        side[0] if side else (NONE, 0) for side in (moment.bids, moment.asks)
    )
    return _Touch(bid, bid_size, ask, ask_size)


def _as_good(now: _Touch, before: _Touch, hit: int, fraction: float) -> bool:
    """`hit`: the side whose depth has to recover, +1 the ask and -1 the bid; 0: the spread."""
    if not hit:
        return now.good and now.ask - now.bid <= before.ask - before.bid
    price, size, was, had = (
        (now.ask, now.ask_size, before.ask, before.ask_size)
        if hit > 0
        else (now.bid, now.bid_size, before.bid, before.bid_size)
    )
    if price == was:
        return float(size) >= fraction * float(had)
    return price != NONE and (price < was if hit > 0 else price > was)


class _Shocks:
    """The shocks up to a reading whose end is known: their prints, and ns until recovery."""

    def __init__(
        self, tape: Tape, at: Reading, of: str, fraction: float, horizon: int, sign: str
    ) -> None:
        self.known: list[tuple[Recorded, int | None]] = []
        self._fraction, self._horizon = fraction, horizon
        self._touch = _Touch()
        self._print: Recorded | None = None
        self._shocked = False
        rule = rule_of(sign)
        for i in range(at.end):
            moment = tape.moments[i]
            now = moment.key
            if i in tape.ends:
                self._forget(tape.ends[i])
            for recorded in moment.prints:
                if recorded.touch is not None:
                    bid, ask = recorded.touch
                    self._see(now, _Touch(bid, 0, ask, 0))
                self._expire(now.ts)
                if not recorded.print.in_flow or self._shocked:
                    continue
                hit = rule(tape, recorded) if of == "depth" else 0
                if self._touch.good and (hit or of == "spread"):
                    self._print, self._before, self._hit = recorded, self._touch, hit
            if i in tape.first_states:
                self._forget(now.ts)
            if tape.fed[i] and not any(r.touch is not None for r in moment.prints):
                self._see(now, _after(moment))
        self._expire(at.now.ts)

    def _forget(self, ts: int) -> None:
        self._expire(ts)
        self._touch, self._print, self._shocked = _Touch(), None, False

    def _expire(self, ts: int) -> None:
        if self._print is not None and ts - self._print.key.ts > self._horizon:
            if self._shocked:
                self.known.append((self._print, None))
            self._print, self._shocked = None, False

    def _see(self, now: Key, touch: _Touch) -> None:
        self._expire(now.ts)
        changed = touch != self._touch
        self._touch = touch
        if self._print is None or not changed:
            return
        good = _as_good(touch, self._before, self._hit, self._fraction)
        if self._shocked and good:
            self.known.append((self._print, now.ts - self._print.key.ts))
        self._shocked = not good
        if good:
            self._print = None


def resilience_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    of: str = "spread",
    fraction: float = 1.0,
    horizon: str = "60s",
    window: str | None = "row",
    output: str = "time",
    sign: str = "aggressor",
) -> float:
    over, ns = parse_window(window), parse_window(horizon).width
    by_row = over.kind == "row"
    known = {id(r): t for r, t in _Shocks(tape, at, of, fraction, ns, sign).known}
    rows = tape.readings[at.domain]
    row = rows.index(at)
    if by_row and row:  # an earlier row found out
        for recorded, _ in _Shocks(tape, rows[row - 1], of, fraction, ns, sign).known:
            known.pop(id(recorded), None)
    found = [
        (weight, known[id(recorded)])
        for weight, recorded in tape.prints(Window("session") if by_row else over, at)
        if id(recorded) in known
    ]
    recovered = [(weight, time) for weight, time in found if time is not None]
    ends = total((weight, 1) for weight, _ in recovered)
    if output == "share":
        return ratio(ends, total((weight, 1) for weight, _ in found))
    return ratio(total(recovered), ends * SECOND)


def resilience(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    of: str = "spread",
    fraction: float = 1.0,
    horizon: str = "60s",
    window: str | None = "row",
    output: str = "time",
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Seconds until the spread is no wider than before a trade that widened it, or the share.

    A buy at 101 leaves 100 / 103; three seconds after it the spread is 1 again.

    >>> touch = {"bid_price": [100, 100, 102], "ask_price": [101, 103, 103]}
    >>> times = [0, 10**9, 3 * 10**9]
    >>> resilience([101, 103, 103], [1, 1, 1], [1, 1, 1], **touch, window=None, ts=times)
    [nan, nan, 3.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        resilience_at(
            tape,
            row,
            COLUMN_UNITS,
            of=of,
            fraction=fraction,
            horizon=horizon,
            window=window,
            output=output,
            sign=sign,
        )
        for row in rows
    ]
