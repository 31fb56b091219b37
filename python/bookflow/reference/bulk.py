"""Bulk volume classification: bars, their share of buyers, and the buckets they fill."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor, isnan, sqrt
from typing import Any

from .distribution import normal_cdf, student_t_cdf
from .tape import Print, Reading, Tape, trade_tape
from .units import COLUMN_UNITS, Units, exact
from .volume_buckets import Part, average_bucket, fill, output_of, session_volumes
from .window import NANOSECONDS, quantity, whole
from .words import NAN, NONE

FINE = 2**40
"""Volumes of bulk classified buckets are counted in size units over this."""


@dataclass(frozen=True)
class Bar:
    """The prints in one bar, of one session."""

    session: int
    end: int
    prints: list[Print]

    @property
    def volume(self) -> int:
        return sum(p.size for p in self.prints)


def in_flow(one: Print) -> bool:
    return one.in_flow


def session_at(tape: Tape, at: Reading) -> int:
    """Which session a row stands in, counted from 0."""
    return sum(end <= at.restart for end in tape.restarts)


def bars_of(
    tape: Tape, at: Reading, bar: str | None, taken: Callable[[Print], bool] = in_flow
) -> list[Bar]:
    """The bars (t - bar, t] that are closed when a row is read: by time, or by the session's end.

    Bars without a print are not there. Without `bar` every print is one.

    >>> tape, rows = trade_tape([100, 101, 103], [1, 2, 3], ts=[1, 10, 11])
    >>> [(b.end, b.volume) for b in bars_of(tape, rows[2], "10ns")]
    [(10, 3)]
    """
    out: list[Bar] = []
    width = 0
    if bar is not None:
        parsed = quantity(bar)
        assert parsed is not None
        width = whole(parsed[0] * NANOSECONDS[parsed[1]], bar)
    ends = [end for end in sorted(tape.restarts) if end <= at.restart]
    for i, moment in enumerate(tape.moments[: at.end]):
        session = sum(end <= i for end in ends)
        for recorded in moment.prints:
            if not taken(recorded.print):
                continue
            end = recorded.key.ts
            if width:
                if end == NONE:
                    raise ValueError("a bar in time needs ts")
                end = -(-end // width) * width
            if width and out and out[-1].session == session and out[-1].end == end:
                out[-1].prints.append(recorded.print)
            else:
                out.append(Bar(session, end, [recorded.print]))
    current = session_at(tape, at)
    if width and out and out[-1].session == current and out[-1].end >= at.now.ts:
        out.pop()
    return out


def trailing_sd(changes: Sequence[int]) -> float:
    """The standard deviation with n - 1.

    >>> trailing_sd([1, 3]) == sqrt(2)
    True
    """
    n = len(changes)
    mean = Fraction(sum(changes), n)
    return sqrt(sum(((x - mean) ** 2 for x in changes), Fraction()) / (n - 1))


def share_of_buyers(change: int, sigma: float, cdf: str) -> float:
    """Z(dP / sigma): a half at dP = 0, and one side's alone where sigma is 0.

    >>> share_of_buyers(0, 0.0, "normal"), share_of_buyers(-1, 0.0, "normal")
    (0.5, 0.0)
    >>> round(share_of_buyers(2, 2.0, "t:1"), 12)
    0.75
    """
    if isnan(sigma):
        return NAN
    if change == 0:
        return 0.5
    if sigma == 0:
        return float(change > 0)
    if cdf == "normal":
        return normal_cdf(change / sigma)
    return student_t_cdf(change / sigma, float(cdf.removeprefix("t:")))


def classified(
    tape: Tape, at: Reading, units: Units, bar: str | None, dp: str, sigma: Any, cdf: str
) -> list[tuple[Bar, float]]:
    """Every closed bar that has a sigma, and the share of it that was bought."""
    out = []
    changes: list[int] = []
    before: Bar | None = None
    for one in bars_of(tape, at, bar):
        first, last = one.prints[0].price, one.prints[-1].price
        change = None
        if dp == "open-close":
            change = last - first
        elif before is not None and before.session == one.session:
            change = last - before.prints[-1].price
        if isinstance(sigma, str):
            n = int(sigma.removeprefix("trailing:"))
            now = trailing_sd(changes[-n:]) if len(changes) >= n else NAN
        else:
            now = float(exact(sigma) / units.price)
        share = share_of_buyers(change or 0, now, cdf)
        if not isnan(share):
            out.append((one, share))
        if change is not None:
            changes.append(change)
        before = one
    return out


def bulk_volume_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    of: str = "share",
    n_bars: int = 1,
    bar: str | None = "1m",
    dp: str = "close-close",
    sigma: Any = "trailing:390",
    cdf: str = "normal",
) -> float:
    session = len([end for end in sorted(tape.restarts) if end <= at.restart])
    bars = classified(tape, at, units, bar, dp, sigma, cdf)
    bars = [(one, share) for one, share in bars if one.session == session][-n_bars:]
    if len(bars) < n_bars:
        return NAN
    buy = sum((one.volume * Fraction(share) for one, share in bars), Fraction())
    volume = sum(one.volume for one, _ in bars)
    if of == "share":
        return float(buy / volume)
    return float({"net": 2 * buy - volume, "buy": buy, "sell": volume - buy}[of] * units.size)


def bulk_vpin_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    bucket_volume: Any,
    n_buckets: int = 50,
    bar: str | None = "1m",
    dp: str = "close-close",
    sigma: Any = "trailing:390",
    cdf: str = "normal",
    per_session: bool = False,
    output: str = "value",
) -> float:
    bars = classified(tape, at, units, bar, dp, sigma, cdf)
    session = len([end for end in sorted(tape.restarts) if end <= at.restart])
    if per_session:
        bars = [(one, share) for one, share in bars if one.session == session]
    width = 0
    if bar is not None:
        parsed = quantity(bar)
        assert parsed is not None
        width = whole(parsed[0] * NANOSECONDS[parsed[1]], bar)
    parts = []
    for one, share in bars:
        buy = Fraction(share)
        start = one.end - width
        parts.append(Part(one.volume * FINE, buy, 1 - buy, one.session, start, one.end))
    volumes = session_volumes(tape, at)

    def volume_of(session: int) -> int:
        if isinstance(bucket_volume, str):
            return average_bucket(bucket_volume, volumes[:session], FINE)
        return floor(exact(bucket_volume) / units.size * FINE + Fraction(1, 2))

    return output_of(fill(parts, volume_of, n_buckets), n_buckets, output, units.size / FINE)


def bulk_volume(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    of: str = "share",
    n_bars: int = 1,
    bar: str | None = "1m",
    dp: str = "close-close",
    sigma: Any = "trailing:390",
    cdf: str = "normal",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """VB = sum V_i Z(dP_i / sigma) over the last n closed bars, as a share or as a volume.

    Source: Easley, Lopez de Prado, O'Hara (2012), formula (7). `side` is not read. With every
    print a bar and sigma = 1, Phi(1) of the second is bought; an unchanged price is split:

    >>> shares = bulk_volume([100, 101, 101], [10, 20, 30], bar=None, sigma=1)
    >>> [round(share, 6) for share in shares]
    [0.5, 0.841345, 0.5]
    >>> bulk_volume([100, 101, 101], [10, 20, 30], bar=None, sigma=1, of="net")[2]
    0.0

    A bar is closed by what comes after it, and sigma = 0 gives all to one side:

    >>> ts = [1, 2, 11, 21, 31]
    >>> bars = {"bar": "10ns", "dp": "open-close", "sigma": "trailing:2"}
    >>> bulk_volume([100, 101, 7, 7, 9], [1, 1, 1, 1, 1], ts=ts, **bars)
    [nan, nan, nan, nan, 0.5]
    """
    tape, rows = trade_tape(price, size, side, ts)
    settings: dict[str, Any] = {"of": of, "n_bars": n_bars, "bar": bar, "dp": dp}
    settings |= {"sigma": sigma, "cdf": cdf}
    return [bulk_volume_at(tape, row, COLUMN_UNITS, **settings) for row in rows]


def bulk_vpin(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    bucket_volume: Any,
    n_buckets: int = 50,
    bar: str | None = "1m",
    dp: str = "close-close",
    sigma: Any = "trailing:390",
    cdf: str = "normal",
    per_session: bool = False,
    output: str = "value",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """VPIN, the mean over the last n buckets of |VS - VB| / V, of bulk classified bars.

    Source: Easley, Lopez de Prado, O'Hara (2012), formulas (7) and (9). `side` is not read. With
    a tiny sigma a bar is all bought or all sold. 5 of the second bar (bought) fill the first
    bucket after the 5 of the first, split in half: 7.5 bought, 2.5 sold, |VS - VB|/V = 1/2. The
    next bucket is 10 bought, then 5 are left; they and 5 sold cancel.

    >>> bars = {"bar": None, "sigma": 1e-9, "bucket_volume": 10, "n_buckets": 1}
    >>> bulk_vpin([100, 101, 99], [5, 20, 5], **bars)
    [nan, 1.0, 0.0]
    >>> bulk_vpin([100, 101, 99], [5, 20, 5], **bars | {"n_buckets": 3})
    [nan, nan, 0.5]
    >>> bulk_vpin([100, 101, 99], [5, 20, 5], **bars, output="buy")
    [nan, 10.0, 5.0]
    >>> bulk_vpin([100, 101, 99], [5, 20, 5], **bars, output="partial")
    [0.0, 1.0, nan]
    """
    tape, rows = trade_tape(price, size, side, ts)
    settings: dict[str, Any] = {"bucket_volume": bucket_volume, "n_buckets": n_buckets}
    settings |= {"bar": bar, "dp": dp, "sigma": sigma, "cdf": cdf, "per_session": per_session}
    return [bulk_vpin_at(tape, row, COLUMN_UNITS, output=output, **settings) for row in rows]
