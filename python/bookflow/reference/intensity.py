"""How fast prints arrive."""

from collections.abc import Sequence
from math import exp, fsum

from .tape import Reading, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .window import parse_window


def hawkes_intensity_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    mu: float = 0.0,
    alpha: float = 1.0,
    beta: float = 1.0,
    of: str = "both",
    after: bool = False,
    sign: str = "aggressor",
) -> float:
    prints = [r for _, r in tape.prints(parse_window("session"), at)]
    if of == "both":
        arrived = [r.key for r in prints if r.print.counts]
    else:
        wanted, rule = {"buy": 1, "sell": -1}[of], rule_of(sign)
        arrived = [r.key for r in prints if r.print.in_flow and rule(tape, r) == wanted]
    if arrived and not after and arrived[-1][:2] == at.now[:2]:
        arrived.pop()
    return mu + alpha * fsum(exp(-beta * ((at.now.ts - key.ts) / 1e9)) for key in arrived)


def hawkes_intensity(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    mu: float = 0.0,
    alpha: float = 1.0,
    beta: float = 1.0,
    of: str = "both",
    after: bool = False,
    sign: str = "aggressor",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """lambda(t) = mu + alpha sum_j e^(-beta (t - t_j)) over the prints t_j before t, in 1/s.

    Source: Hawkes (1971), "Spectra of some self-exciting and mutually exciting point processes". A
    row's own print does not count unless `after`.

    Two prints a second apart and then two at once, with a kernel that halves every second:

    >>> half = {"alpha": 0.5, "beta": 0.6931471805599453, "ts": [0, 10**9, 2 * 10**9, 2 * 10**9]}
    >>> [round(x, 12) for x in hawkes_intensity([9] * 4, [1] * 4, mu=0.25, **half)]
    [0.25, 0.5, 0.625, 1.125]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        hawkes_intensity_at(
            tape,
            row,
            COLUMN_UNITS,
            mu=mu,
            alpha=alpha,
            beta=beta,
            of=of,
            after=after,
            sign=sign,
        )
        for row in rows
    ]
