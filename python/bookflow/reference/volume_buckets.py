"""VPIN: the imbalance of the last n buckets of equal volume."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from .tape import Reading, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .words import NAN


def bucket(
    filled: Sequence[int],
    shares: Callable[[int], tuple[Fraction, Fraction]],
    bucket_volume: int,
    index: int,
) -> tuple[Fraction, Fraction]:
    """(buy, sell) volume of the bucket that covers volume (index V, (index + 1) V].

    `filled` is the cumulative volume after each trade or bar, `shares(i)` its (buy, sell) share.
    A trade over a boundary is split there; over several it fills several. Easley, Lopez de
    Prado, O'Hara (2012), section 2.2; bars of 50, 40, 30, 250 bought to 1/2, 1/2, 4/5, 1/5:

    >>> half, most, few = Fraction(1, 2), Fraction(4, 5), Fraction(1, 5)
    >>> shares = [(half, half), (half, half), (most, few), (few, most)]
    >>> split = [bucket([50, 90, 120, 370], shares.__getitem__, 100, k) for k in range(3)]
    >>> [[int(x) for x in pair] for pair in split]
    [[53, 47], [32, 68], [20, 80]]
    """
    start, end = index * bucket_volume, (index + 1) * bucket_volume
    buy = sell = Fraction()
    i = bisect_left(filled, start + 1)
    while i < len(filled) and (filled[i - 1] if i else 0) < end:
        overlap = min(filled[i], end) - max(filled[i - 1] if i else 0, start)
        buy_share, sell_share = shares(i)
        buy += overlap * buy_share
        sell += overlap * sell_share
        i += 1
    return buy, sell


def vpin_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    bucket_volume: Any,
    n_buckets: int = 50,
    sign: str = "aggressor",
    output: str = "value",
) -> float:
    size = units.whole_size(bucket_volume, "bucket_volume")
    prints_seen = tape.moments[at.end - 1].flow if at.end else 0
    filled = tape.filled[prints_seen - 1] if prints_seen else 0
    complete = filled // size
    if complete < n_buckets:
        return NAN
    if output == "age":
        return float((filled - complete * size) * units.size)

    rule = rule_of(sign)

    def shares(i: int) -> tuple[Fraction, Fraction]:
        s = rule(tape, tape.recorded[i])
        return Fraction(s > 0), Fraction(s < 0)

    imbalance = Fraction()
    for k in range(complete - n_buckets, complete):
        buy, sell = bucket(tape.filled, shares, size, k)
        imbalance += abs(sell - buy)
    return float(imbalance / (n_buckets * size))


def vpin(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    bucket_volume: int,
    n_buckets: int = 50,
    sign: str = "aggressor",
    output: str = "value",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """VPIN = sum over the last n complete buckets of |VS - VB| / (n V), in [0, 1].

    Source: Easley, Lopez de Prado, O'Hara (2012), "Flow toxicity and liquidity in a
    high-frequency world", formula (9). V = `bucket_volume`, in size units (a pipeline: the
    instrument's size). The buckets are filled by the flow, in order; a print's excess goes to
    the next bucket, over as many as it fills. A print of unknown side fills buckets and is
    neither bought nor sold. The open bucket is not used; NaN until n are complete. Buckets go
    on across sessions. `output="age"` gives the volume since the last complete bucket instead,
    in the same units and NaN as long.

    >>> vpin([100] * 3, [50, 80, 70], [1, 2, 1], bucket_volume=100, n_buckets=2)
    [nan, nan, 0.2]

    The first bucket holds 50 bought and 50 sold, the second 30 sold and 70 bought: (0 + 40)/200.

    >>> vpin([100] * 3, [50, 80, 75], bucket_volume=100, n_buckets=2, output="age")
    [nan, nan, 5.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    return [
        vpin_at(
            tape,
            row,
            COLUMN_UNITS,
            bucket_volume=bucket_volume,
            n_buckets=n_buckets,
            sign=sign,
            output=output,
        )
        for row in rows
    ]
