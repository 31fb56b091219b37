"""Where another calculator's value stands among its own past. No session ends it."""

from math import isnan

from .composed import History, for_columns, for_pipeline
from .words import NAN


def _rank(past: History, /, *, n: int = 1000, repeats: bool = True) -> float:
    """Share of the last n values that are at most this one, itself among them.

    >>> rank([1.0, 3.0, 2.0, 2.0], n=3)
    [1.0, 1.0, 0.6666666666666666, 0.6666666666666666]
    """
    values = [sample.values[0] for sample in past.samples]
    if not repeats:
        values = [x for i, x in enumerate(values) if i == 0 or x != values[i - 1]]
    if not values or isnan(values[-1]):
        return NAN
    among = [x for x in values if not isnan(x)][-n:]
    return sum(x <= values[-1] for x in among) / len(among)


def _quantile(values: list[float], q: float) -> float:
    ordered = sorted(values)
    at = (len(ordered) - 1) * q
    below, part = int(at), at - int(at)
    if not part:
        return ordered[below]
    return ordered[below] + part * (ordered[below + 1] - ordered[below])


def _adaptive_threshold(
    past: History,
    /,
    *,
    q: float = 0.99,
    n: int = 1000,
    direction: str = "both",
    output: str = "alarm",
) -> float:
    """+1 or -1 where a value is beyond a quantile of the n before it.

    >>> adaptive_threshold([1.0, 2.0, 3.0, 2.5, 0.0], n=3, q=0.75)
    [nan, nan, nan, 0.0, -1.0]
    """
    known = [s.values[0] for s in past.samples if not isnan(s.values[0])]
    before = known[-n - 1 : -1]
    if not past.samples or isnan(past.samples[-1].values[0]) or len(before) < n:
        return NAN
    upper, lower = _quantile(before, q), _quantile(before, 1 - q)
    up = known[-1] > upper and direction != "down"
    down = known[-1] < lower and direction != "up"
    return {"alarm": 1.0 if up else -1.0 if down else 0.0, "upper": upper, "lower": lower}[output]


def _alarm(past: History, /, *, level: float = 0.99, back: float = 0.99) -> float:
    """1 where a level is reached from below `back`.

    >>> alarm([0.0, 2.0, 2.0, 0.9, 2.0, 0.0, 1.0], level=1, back=0.5)
    [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """
    values = [sample.values[0] for sample in past.samples[past.session :]]
    if not values or isnan(values[-1]):
        return NAN
    armed = rings = False
    for x in values:
        armed = armed or x < back
        rings = armed and x >= level
        armed = armed and not rings
    return float(rings)


rank = for_columns(_rank)
adaptive_threshold = for_columns(_adaptive_threshold)
alarm = for_columns(_alarm)

rank_at = for_pipeline(_rank)
adaptive_threshold_at = for_pipeline(_adaptive_threshold)
alarm_at = for_pipeline(_alarm)
