"""Volume against what is usual."""

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from math import isnan, sqrt

from .bulk import bars_of, session_at
from .tape import Reading, Tape, trade_tape
from .units import COLUMN_UNITS, Units
from .window import ratio
from .words import NAN, NONE


def relative_volume_at(
    tape: Tape, at: Reading, units: Units, *, sessions: int = 20, step: int = 60
) -> float:
    prints: dict[int, list[tuple[int, int]]] = defaultdict(list)  # (age, volume) a session
    for opened, moment in zip(tape.opened[: at.end], tape.moments, strict=False):
        for recorded in moment.prints:
            if recorded.print.in_volume and opened != NONE:
                prints[opened].append((moment.key.ts - opened, recorded.print.volume))
    today = tape.opened[at.end - 1] if at.end else NONE
    past = [opened for opened in prints if opened < today][-sessions:]
    if today == NONE or len(past) < sessions:
        return NAN
    width = step * 10**9
    point = (at.now.ts - today) // width * width

    def until_now(opened: int) -> int:
        return sum(volume for age, volume in prints[opened] if age <= point)

    usual = Fraction(sum(map(until_now, past)), sessions)
    return ratio(Fraction(until_now(today)), usual) if usual > 0 else NAN


def score(x: int, before: Sequence[int]) -> float:
    """(x - mean) / sd of the values before, sd with n - 1; NaN where they are all the same.

    >>> score(7, [1, 3, 5])
    2.0
    """
    n = len(before)
    mean = Fraction(sum(before), n)
    variance = sum(((v - mean) ** 2 for v in before), Fraction()) / (n - 1)
    return float(x - mean) / sqrt(variance) if variance else NAN


def volume_climax_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    of: str = "climax",
    bar: str | None = "1m",
    bars: int = 20,
    threshold: float = 2.0,
) -> float:
    session = session_at(tape, at)
    closed = [b for b in bars_of(tape, at, bar, lambda p: p.counts) if b.session == session]
    if len(closed) <= bars:
        return NAN
    prices = [[p.price for p in b.prints] for b in closed[-bars - 1 :]]
    ranges = [max(own) - min(own) for own in prices]
    volumes = [b.volume for b in closed[-bars - 1 :]]
    z = {"volume": score(volumes[-1], volumes[:-1]), "range": score(ranges[-1], ranges[:-1])}
    if of != "climax":
        return z[of]
    if isnan(z["volume"]) or isnan(z["range"]):
        return NAN
    return float(min(z.values()) > threshold)


def relative_volume(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    sessions: int = 20,
    step: int = 60,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Volume since the session began over the mean of the same in the last `sessions` ones.

    Of each, the volume up to the last point of a grid of `step` seconds from its beginning. Columns
    have no sessions: NaN.

    Two days: 10 and 20 in the first two minutes, then 30 in the first one. The last row is at 1:30,
    when the grid stands at 1:00.

    >>> from types import SimpleNamespace
    >>> from .pipeline import Pipeline
    >>> cents = SimpleNamespace(price_unit="0.01", size_unit="1", tick="0.01")
    >>> features = {"x": ("relative_volume", {"sessions": 1})}
    >>> pipe = Pipeline(cents, clock="trade", session="00:00 UTC", features=features)
    >>> tape = [(10, 10), (70, 20), (86400 + 20, 30), (86400 + 90, 1)]
    >>> rows = pipe.run([(t * 10**9, 6, 1, 100, size) for t, size in tape])
    >>> [row.values["x"] for row in rows if row.status == 0]
    [nan, nan, nan, 3.0]
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [
        relative_volume_at(tape, row, COLUMN_UNITS, sessions=sessions, step=step) for row in rows
    ]


def volume_climax(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    *,
    of: str = "climax",
    bar: str | None = "1m",
    bars: int = 20,
    threshold: float = 2.0,
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Whether the last closed bar's volume and high - low are both more than `threshold` sd above
    the mean of the `bars` before it, or the two z themselves. NaN until there are so many.

    Three bars of volumes 1, 3, 5 and ranges 0, 1, 2, then one of 9 and 6; closed by a last print:

    >>> price, size = [100, 100, 101, 100, 102, 100, 106, 100], [1, 2, 1, 4, 1, 8, 1, 1]
    >>> ts = [5, 15, 16, 25, 26, 35, 36, 45]
    >>> of = {"bar": "10ns", "bars": 3, "ts": ts}
    >>> volume_climax(price, size, of="volume", **of)[-1]
    3.0
    >>> volume_climax(price, size, of="range", **of)[-1], volume_climax(price, size, **of)[-1]
    (5.0, 1.0)
    """
    tape, rows = trade_tape(price, size, side, ts)
    return [
        volume_climax_at(tape, row, COLUMN_UNITS, of=of, bar=bar, bars=bars, threshold=threshold)
        for row in rows
    ]
