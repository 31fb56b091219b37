"""VPIN: the imbalance of the last n buckets of equal volume."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any, NamedTuple

from .tape import Reading, Tape, trade_tape
from .trade_sign import rule_of
from .units import COLUMN_UNITS, Units
from .words import NAN, NONE

PRECISION = 2**52
"""A signed bucket's |VS - VB| / V is rounded to one over this where V changes."""


class Part(NamedTuple):
    """A trade or a bar: its volume, the shares of it bought and sold, its session and times."""

    volume: int
    buy: Fraction | int
    sell: Fraction | int
    session: int = 0
    start: int = NONE
    end: int = NONE


@dataclass
class Bucket:
    """What is in it of the volume that it was meant to hold."""

    target: int
    start: int
    end: int = NONE
    filled: int = 0
    buy: Fraction | int = 0
    sell: Fraction | int = 0

    @property
    def full(self) -> bool:
        return self.filled == self.target

    @property
    def imbalance(self) -> Fraction:
        """|VS - VB| over what it holds."""
        return abs(Fraction(self.sell) - self.buy) / self.filled


def fill(parts: Iterable[Part], volume_of: Callable[[int], int], keep: int = 1000) -> list[Bucket]:
    """The buckets in order, the last one open or full. `volume_of(session)`: V, 0 not known yet.

    Of a part that fills more than `keep` whole buckets only so many are told.

    A part over a boundary is split there; over several it fills several. Easley, Lopez de
    Prado, O'Hara (2012), section 2.2; bars of 50, 40, 30, 250 bought to 1/2, 1/2, 4/5, 1/5:

    >>> half, most, few = Fraction(1, 2), Fraction(4, 5), Fraction(1, 5)
    >>> parts = [Part(50, half, half), Part(40, half, half), Part(30, most, few),
    ...          Part(250, few, most)]
    >>> [(int(b.buy), int(b.sell)) for b in fill(parts, lambda session: 100)]
    [(53, 47), (32, 68), (20, 80), (14, 56)]
    """
    out: list[Bucket] = []
    for part in parts:
        rest = part.volume
        while rest:
            if not out or out[-1].full:
                target = volume_of(part.session)
                if not target:
                    break
                out.append(Bucket(target, part.start))
                rest -= max(rest // target - keep, 0) * target
            last = out[-1]
            taken = min(rest, last.target - last.filled)
            last.filled += taken
            last.buy += taken * part.buy
            last.sell += taken * part.sell
            last.end = part.end
            rest -= taken
    return out


def output_of(
    buckets: list[Bucket], n_buckets: int, output: str, unit: Fraction, precision: int = 0
) -> float:
    """What is read from the buckets; `unit` is what one of their volume is worth.

    `precision`: what an imbalance is rounded to before it counts in the mean.
    """
    complete = [one for one in buckets if one.full]
    still_open = buckets[-1] if buckets and not buckets[-1].full else None
    if output == "partial":
        return NAN if still_open is None else float(still_open.imbalance)
    if output in ("buy", "sell", "start", "end"):
        found = getattr(complete[-1], output) if complete else NONE
        if found == NONE:
            return NAN
        return float(found * unit) if output in ("buy", "sell") else float(found)
    if len(complete) < n_buckets:
        return NAN
    if output == "age":
        return float((0 if still_open is None else still_open.filled) * unit)
    imbalances = [one.imbalance for one in complete[-n_buckets:]]
    if precision:
        nearest = [floor(x * precision + Fraction(1, 2)) for x in imbalances]
        imbalances = [Fraction(x, precision) for x in nearest]
    return float(sum(imbalances, Fraction()) / n_buckets)


def session_volumes(tape: Tape, at: Reading) -> list[int]:
    """The volume of the flow of each ended session that had any."""
    ends = [end for end in sorted(tape.restarts) if end <= at.restart]
    out = []
    for start, end in zip([0, *ends], ends, strict=False):
        prints = [r.print for moment in tape.moments[start:end] for r in moment.prints]
        out.append(sum(p.size for p in prints if p.in_flow))
    return out


def average_bucket(text: str, sessions: Sequence[int], one: int = 1) -> int:
    """The mean of the last N sessions that had volume over B, in 1/`one`; 0: not known yet.

    >>> average_bucket("adv:2/50", [0, 500, 0, 1000]), average_bucket("adv:2/50", [500, 0])
    (15, 0)
    """
    n, per_day = map(int, text.removeprefix("adv:").split("/"))
    traded = [volume for volume in sessions if volume][-n:]
    if len(traded) < n:
        return 0
    return max(1, floor(Fraction(sum(traded) * one, n * per_day) + Fraction(1, 2)))


def vpin_at(
    tape: Tape,
    at: Reading,
    units: Units,
    *,
    bucket_volume: Any,
    n_buckets: int = 50,
    sign: str = "aggressor",
    per_session: bool = False,
    output: str = "value",
    fills: str = "each",
) -> float:
    rule = rule_of(sign, fills)
    ends = [end for end in sorted(tape.restarts) if end <= at.restart]
    parts = []
    for i, moment in enumerate(tape.moments[: at.end]):
        session = sum(end <= i for end in ends)
        for recorded in moment.prints:
            if recorded.print.in_flow and (not per_session or session == len(ends)):
                s = rule(tape, recorded)
                ts = recorded.key.ts
                parts.append(Part(recorded.print.size, int(s > 0), int(s < 0), session, ts, ts))
    if not isinstance(bucket_volume, str):
        size = units.whole_size(bucket_volume, "bucket_volume")
        return output_of(fill(parts, lambda _: size, n_buckets), n_buckets, output, units.size)
    volumes = session_volumes(tape, at)
    known = lambda session: average_bucket(bucket_volume, volumes[:session])  # noqa: E731
    buckets = fill(parts, known, n_buckets)
    return output_of(buckets, n_buckets, output, units.size, PRECISION)


def vpin(
    price: Sequence[int],
    size: Sequence[int],
    side: Sequence[int] | None = None,
    bid_price: Sequence[int] | None = None,
    ask_price: Sequence[int] | None = None,
    *,
    bucket_volume: Any,
    n_buckets: int = 50,
    sign: str = "aggressor",
    per_session: bool = False,
    output: str = "value",
    fills: str = "each",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """VPIN = sum over the last n complete buckets of |VS - VB| / (n V), in [0, 1].

    Source: Easley, Lopez de Prado, O'Hara (2012), "Flow toxicity and liquidity in a
    high-frequency world", formula (9). V = `bucket_volume`, in size units (a pipeline: the
    instrument's size), or "adv:N/B", the mean of the last N sessions over B. The buckets are
    filled by the flow, in order; a print's excess goes to the next bucket, over as many as it
    fills. A print of unknown side fills buckets and is neither bought nor sold. The open bucket is
    not used; NaN until n are complete. Buckets go on across sessions, unless `per_session`.
    `output` names what else there is: "age", the volume since the last complete bucket, NaN as
    long; "partial", |VS - VB| / V of the open bucket as far as it is filled; of the last complete
    one "buy", "sell", "start" and "end".

    >>> vpin([100] * 3, [50, 80, 70], [1, 2, 1], bucket_volume=100, n_buckets=2)
    [nan, nan, 0.2]

    The first bucket holds 50 bought and 50 sold, the second 30 sold and 70 bought: (0 + 40)/200.

    >>> vpin([100] * 3, [50, 80, 75], bucket_volume=100, n_buckets=2, output="age")
    [nan, nan, 5.0]
    >>> for output in ("partial", "buy", "sell", "start", "end"):
    ...     vpin([100] * 3, [50, 80, 80], [1, 2, 1], bucket_volume=100, n_buckets=2,
    ...          ts=[7, 8, 9], output=output)
    [1.0, 1.0, 1.0]
    [nan, 50.0, 70.0]
    [nan, 50.0, 30.0]
    [nan, 7.0, 8.0]
    [nan, 8.0, 9.0]
    """
    tape, rows = trade_tape(price, size, side, ts, bid_price, ask_price)
    settings: dict[str, Any] = {"bucket_volume": bucket_volume, "n_buckets": n_buckets}
    settings |= {"sign": sign, "per_session": per_session, "output": output, "fills": fills}
    return [vpin_at(tape, row, COLUMN_UNITS, **settings) for row in rows]
