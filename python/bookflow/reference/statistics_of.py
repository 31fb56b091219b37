"""What a window of another calculator's values comes to. NaN is not known: it does not count."""

from math import fsum, isnan, sqrt

from .composed import History, for_columns, for_pipeline
from .window import Window, parse_window
from .words import NAN, NONE

Weighted = list[tuple[float, float]]
"""(weight, value) of each that is known."""


def weighted(past: History, window: str | None) -> Weighted:
    pairs = [(float(w), s.values[0]) for w, s in past.in_window(parse_window(window))]
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


def _held_mean(past: History, window: Window) -> float:
    pieces = []
    first = 0 if window.kind == "reset" else past.session
    for sample, after in zip(
        past.samples[first:], [*past.samples[first + 1 :], None], strict=False
    ):
        if after is None:
            until, same = past.now.ts, sample.life == past.life
        else:
            until, same = after.key.ts, sample.life == after.life
        if same and not isnan(sample.values[0]):
            pieces.append((sample, sample.key.ts, until))
    begin = NONE
    if window.kind == "sliding":
        begin = past.now.ts - window.width
    if window.kind == "row":
        begin = past.row_ts
    spans = [(p.values[0], until - max(since, begin)) for p, since, until in pieces]
    spans = [(x, ns) for x, ns in spans if ns > 0]
    total = sum(ns for _, ns in spans)
    return fsum(x * ns for x, ns in spans) / total if total else NAN


def _mean(past: History, *, window: str | None = "session", weight: str = "event") -> float:
    """Mean of the values in the window, each counted once or for as long as it stood.

    1 stood for a second and 4 for two:

    >>> second = 10**9
    >>> mean([1.0, 4.0, 9.0], weight="time", ts=[0, second, 3 * second])[-1]
    3.0
    >>> mean([1.0, 4.0, 10.0])[-1]
    5.0
    """
    if weight == "time":
        return _held_mean(past, parse_window(window))
    return mean_of(weighted(past, window))


def _std(past: History, *, window: str | None = "session") -> float:
    """Standard deviation of a sample, n - 1.

    >>> std([1.0, 4.0, 7.0])
    [nan, 2.1213203435596424, 3.0]
    """
    return sd_of(weighted(past, window))


def _min(past: History, *, window: str | None = "session") -> float:
    """Least value in the window.

    >>> minimum([3.0, 1.0, 2.0], window="2events")
    [3.0, 1.0, 1.0]
    """
    return min((x for _, x in weighted(past, window)), default=NAN)


def _max(past: History, *, window: str | None = "session") -> float:
    """Greatest value in the window.

    >>> maximum([3.0, 1.0, 2.0], window="2events")
    [3.0, 3.0, 2.0]
    """
    return max((x for _, x in weighted(past, window)), default=NAN)


def _last(past: History, *, window: str | None = "session") -> float:
    """Last value in the window that is known.

    >>> last([3.0, NAN, 2.0])
    [3.0, 3.0, 2.0]
    """
    pairs = weighted(past, window)
    return pairs[-1][1] if pairs else NAN


def _lag(past: History, *, window: str | None = "row") -> float:
    """The value some distance before.

    >>> lag([3.0, 1.0, 2.0]), lag([3.0, 1.0, 2.0], window="2events")
    ([nan, 3.0, 1.0], [nan, nan, 3.0])
    """
    distance = parse_window(window)
    life = past.this_life()
    if not life:
        return NAN
    if distance.kind == "row":
        return life[-2].values[0] if len(life) > 1 else NAN
    if distance.kind == "sliding":
        life = [s for s in life if not distance.weight(s.key, past.now)]
        return life[-1].values[0] if life else NAN
    return life[0].values[0]


def _diff(past: History, *, window: str | None = "row") -> float:
    """The value less the one some distance before.

    >>> diff([3.0, 1.0, 2.0])
    [nan, -2.0, 1.0]
    """
    life = past.this_life()
    return life[-1].values[0] - _lag(past, window=window) if life else NAN


def _zscore(past: History, *, window: str | None = "session") -> float:
    """(x - mean) / sd of the values before x.

    >>> z_score([1.0, 3.0, 4.0])
    [nan, nan, 1.414213562373095]
    """
    if len(past.samples) == (past.row if window == "row" else past.session):
        return NAN
    here = past.samples[-1]
    before = weighted(past._replace(now=here.key, samples=past.samples[:-1]), window)
    x, sd = here.values[0], sd_of(before)
    return (x - mean_of(before)) / sd if sd > 0 else NAN


mean = for_columns(_mean)
std = for_columns(_std)
minimum = for_columns(_min)
maximum = for_columns(_max)
last = for_columns(_last)
lag = for_columns(_lag)
diff = for_columns(_diff)
z_score = for_columns(_zscore)

mean_at = for_pipeline(_mean)
std_at = for_pipeline(_std)
minimum_at = for_pipeline(_min)
maximum_at = for_pipeline(_max)
last_at = for_pipeline(_last)
lag_at = for_pipeline(_lag)
diff_at = for_pipeline(_diff)
z_score_at = for_pipeline(_zscore)
