"""What is left of the spread paid a while after the print, and what the price moved meanwhile."""

from collections.abc import Sequence

from .tape import Moment, Reading, Recorded, Tape, Touch, trade_tape
from .trade_sign import known, rule_of
from .units import COLUMN_UNITS, Units
from .window import Window, parse_window, ratio, total
from .words import NONE


def _touch(moment: Moment) -> Touch:
    bids, asks = moment.bids, moment.asks
    return bids[0][0] if bids else NONE, asks[0][0] if asks else NONE


def touch_after(tape: Tape, at: Reading, recorded: Recorded, horizon: int) -> Touch | None:
    """The touch as of the horizon's end; None where nobody knows by `at`, or ever will."""
    own = recorded.key.event - 1
    due = recorded.key.ts + horizon
    if at.now.ts <= due:
        return None
    if recorded.touch is not None:  # each print has its touch: that of the first later one
        later = next(m for m in tape.moments[own:] if m.key.ts > due)
        return tape.touch_before(later.prints[0])
    last = own
    for i in range(own, at.end):
        if i > own and i in tape.ends:  # the session ended before this moment
            return _touch(tape.moments[last]) if tape.ends[i] > due else None
        if tape.moments[i].key.ts > due:
            break
        if i in tape.first_states or not tape.fed[i]:
            return None
        last = i
    return _touch(tape.moments[last])


def _mean(
    tape: Tape,
    at: Reading,
    units: Units,
    impact: bool,
    horizon: str,
    window: str | None,
    weight: str,
    sign: str,
) -> float:
    rule, over, ns = rule_of(sign), parse_window(window), parse_window(horizon).width
    by_row = over.kind == "row"
    rows = tape.readings[at.domain]
    row = rows.index(at)
    worth, weights = [], []
    for w, recorded in tape.prints(Window("session") if by_row else over, at):
        one, before = recorded.print, tape.touch_before(recorded)
        if not one.in_flow or not rule(tape, recorded) or not known(before):
            continue
        after = touch_after(tape, at, recorded, ns)
        if not known(after):
            continue
        if by_row and row and touch_after(tape, rows[row - 1], recorded, ns) is not None:
            continue  # an earlier row found out
        share = one.size if weight == "volume" else 1
        change = sum(after) - sum(before) if impact else 2 * one.price - sum(after)
        worth.append((w, rule(tape, recorded) * change * share))
        weights.append((w, share))
    return ratio(total(worth) * units.price, total(weights) * (2 if impact else 1))


def realised_spread_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    horizon: str = "5s",
    window: str | None = "row",
    weight: str = "trade",
    sign: str = "aggressor",
) -> float:
    return _mean(tape, at, units, False, horizon, window, weight, sign)


def price_impact_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    horizon: str = "5s",
    window: str | None = "row",
    weight: str = "trade",
    sign: str = "aggressor",
) -> float:
    return _mean(tape, at, units, True, horizon, window, weight, sign)


def realised_spread(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    horizon: str = "5s",
    window: str | None = "row",
    weight: str = "trade",
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The mean of 2 D (p - m'): D the print's sign, m' the mid a horizon later; in price units.

    A buy at 104 against 100 / 104, which is 101 / 105 a second later: of 4 paid, 2 are left.

    >>> touch = {"bid_price": [100, 101], "ask_price": [104, 105], "ts": [0, 2 * 10**9]}
    >>> realised_spread([104, 105], [1, 1], [1, 1], **touch, horizon="1s", window=None)
    [nan, 2.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    settings = (horizon, window, weight, sign)
    return [_mean(tape, row, COLUMN_UNITS, False, *settings) for row in rows]


def price_impact(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    horizon: str = "5s",
    window: str | None = "row",
    weight: str = "trade",
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """The mean of D (m' - m): m the mid before the print, m' a horizon later; in price units.

    >>> touch = {"bid_price": [100, 101], "ask_price": [104, 105], "ts": [0, 2 * 10**9]}
    >>> price_impact([104, 105], [1, 1], [1, 1], **touch, horizon="1s", window=None)
    [nan, 1.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    settings = (horizon, window, weight, sign)
    return [_mean(tape, row, COLUMN_UNITS, True, *settings) for row in rows]
