"""What a window of another calculator's values comes to. NaN is not known: it does not count."""

from collections.abc import Callable, Sequence
from math import fsum, isnan, sqrt
from typing import Any

from .composed import History, histories, history
from .tape import Reading, Tape
from .units import Units
from .window import Window, parse_window
from .words import NAN, NONE

Weighted = list[tuple[float, float]]
"""(weight, value) of each that is known."""


def weighted(h: History, window: str | None) -> Weighted:
    pairs = [(float(w), s.values[0]) for w, s in h.in_window(parse_window(window))]
    return [(w, x) for w, x in pairs if not isnan(x)]


def mean_of(pairs: Weighted) -> float:
    weights = fsum(w for w, _ in pairs)
    return fsum(w * x for w, x in pairs) / weights if weights else NAN


def sd_of(pairs: Weighted) -> float:
    """Of a sample whose values are as reliable as their weights: n - 1 where all are 1."""
    if len(pairs) < 2:
        return NAN
    values = {x for _, x in pairs}
    if len(values) == 1:
        return 0.0
    mean = mean_of(pairs)
    weights = fsum(w for w, _ in pairs)
    # sum w - sum w^2 / sum w, without taking one large number from another
    others = fsum(2 * v * w for i, (v, _) in enumerate(pairs) for w, _ in pairs[:i])
    degrees = others / weights
    return sqrt(fsum(w * (x - mean) ** 2 for w, x in pairs) / degrees)


def _held_mean(h: History, window: Window) -> float:
    pieces = []
    first = 0 if window.kind == "reset" else h.session
    for sample, after in zip(h.samples[first:], [*h.samples[first + 1 :], None], strict=False):
        if after is None:
            until, same = h.now.ts, sample.life == h.life
        else:
            until, same = after.key.ts, sample.life == after.life
        if same and not isnan(sample.values[0]):
            pieces.append((sample, sample.key.ts, until))
    begin = NONE
    if window.kind == "sliding":
        begin = h.now.ts - window.width
    if window.kind == "row":
        begin = h.row_ts
    spans = [(p.values[0], until - max(since, begin)) for p, since, until in pieces]
    spans = [(x, ns) for x, ns in spans if ns > 0]
    total = sum(ns for _, ns in spans)
    return fsum(x * ns for x, ns in spans) / total if total else NAN


def _mean(h: History, *, window: str | None = "session", weight: str = "event") -> float:
    if weight == "time":
        return _held_mean(h, parse_window(window))
    return mean_of(weighted(h, window))


def _std(h: History, *, window: str | None = "session") -> float:
    return sd_of(weighted(h, window))


def _min(h: History, *, window: str | None = "session") -> float:
    return min((x for _, x in weighted(h, window)), default=NAN)


def _max(h: History, *, window: str | None = "session") -> float:
    return max((x for _, x in weighted(h, window)), default=NAN)


def _last(h: History, *, window: str | None = "session") -> float:
    pairs = weighted(h, window)
    return pairs[-1][1] if pairs else NAN


def _lag(h: History, *, window: str | None = "row") -> float:
    distance = parse_window(window)
    life = h.this_life()
    if not life:
        return NAN
    if distance.kind == "row":
        return life[-2].values[0] if len(life) > 1 else NAN
    if distance.kind == "sliding":
        life = [s for s in life if not distance.weight(s.key, h.now)]
        return life[-1].values[0] if life else NAN
    return life[0].values[0]


def _diff(h: History, *, window: str | None = "row") -> float:
    life = h.this_life()
    return life[-1].values[0] - _lag(h, window=window) if life else NAN


def _zscore(h: History, *, window: str | None = "session") -> float:
    if len(h.samples) == (h.row if window == "row" else h.session):
        return NAN
    here = h.samples[-1]
    before = weighted(h._replace(now=here.key, samples=h.samples[:-1]), window)
    x, sd = here.values[0], sd_of(before)
    return (x - mean_of(before)) / sd if sd > 0 else NAN


def of_pipeline(definition: Callable[..., float]) -> Callable[..., float]:
    """A definition over a history as one over a tape."""

    def at(
        tape: Tape, reading: Reading, units: Units, *, of: str, on: str = "row", **settings: Any
    ) -> float:
        return definition(history(tape, reading, units, (of,), on), **settings)

    return at


mean_at = of_pipeline(_mean)
std_at = of_pipeline(_std)
minimum_at = of_pipeline(_min)
maximum_at = of_pipeline(_max)
last_at = of_pipeline(_last)
lag_at = of_pipeline(_lag)
diff_at = of_pipeline(_diff)
z_score_at = of_pipeline(_zscore)


def mean(
    of: Sequence[float],
    *,
    window: str | None = "session",
    weight: str = "event",
    ts: Sequence[int] | None = None,
) -> list[float]:
    """Mean of the values in the window, each counted once or for as long as it stood.

    1 stood for a second and 4 for two:

    >>> second = 10**9
    >>> mean([1.0, 4.0, 9.0], weight="time", ts=[0, second, 3 * second])[-1]
    3.0
    >>> mean([1.0, 4.0, 10.0])[-1]
    5.0
    """
    return [_mean(h, window=window, weight=weight) for h in histories((of,), ts)]


def std(
    of: Sequence[float], *, window: str | None = "session", ts: Sequence[int] | None = None
) -> list[float]:
    """Standard deviation of a sample, n - 1.

    >>> std([1.0, 4.0, 7.0])
    [nan, 2.1213203435596424, 3.0]
    """
    return [_std(h, window=window) for h in histories((of,), ts)]


def minimum(
    of: Sequence[float], *, window: str | None = "session", ts: Sequence[int] | None = None
) -> list[float]:
    """Least value in the window.

    >>> minimum([3.0, 1.0, 2.0], window="2events")
    [3.0, 1.0, 1.0]
    """
    return [_min(h, window=window) for h in histories((of,), ts)]


def maximum(
    of: Sequence[float], *, window: str | None = "session", ts: Sequence[int] | None = None
) -> list[float]:
    """Greatest value in the window.

    >>> maximum([3.0, 1.0, 2.0], window="2events")
    [3.0, 3.0, 2.0]
    """
    return [_max(h, window=window) for h in histories((of,), ts)]


def last(
    of: Sequence[float], *, window: str | None = "session", ts: Sequence[int] | None = None
) -> list[float]:
    """Last value in the window that is known.

    >>> last([3.0, NAN, 2.0])
    [3.0, 3.0, 2.0]
    """
    return [_last(h, window=window) for h in histories((of,), ts)]


def lag(
    of: Sequence[float], *, window: str | None = "row", ts: Sequence[int] | None = None
) -> list[float]:
    """The value some distance before.

    >>> lag([3.0, 1.0, 2.0]), lag([3.0, 1.0, 2.0], window="2events")
    ([nan, 3.0, 1.0], [nan, nan, 3.0])
    """
    return [_lag(h, window=window) for h in histories((of,), ts)]


def diff(
    of: Sequence[float], *, window: str | None = "row", ts: Sequence[int] | None = None
) -> list[float]:
    """The value less the one some distance before.

    >>> diff([3.0, 1.0, 2.0])
    [nan, -2.0, 1.0]
    """
    return [_diff(h, window=window) for h in histories((of,), ts)]


def z_score(
    of: Sequence[float], *, window: str | None = "session", ts: Sequence[int] | None = None
) -> list[float]:
    """(x - mean) / sd of the values before x.

    >>> z_score([1.0, 3.0, 4.0])
    [nan, nan, 1.414213562373095]
    """
    return [_zscore(h, window=window) for h in histories((of,), ts)]
