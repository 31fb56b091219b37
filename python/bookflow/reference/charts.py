"""Control charts over another calculator's values, a whole session's at every row."""

from math import isnan, sqrt

from .composed import History, for_columns, for_pipeline
from .words import NAN


def _known(past: History) -> list[float]:
    """The session's values that are known; none if the last one is not."""
    values = [sample.values[0] for sample in past.samples[past.session :]]
    return [] if not values or isnan(values[-1]) else [x for x in values if not isnan(x)]


def _sign(up: bool, down: bool) -> float:
    return 1.0 if up else -1.0 if down else 0.0


def _shewhart(past: History, /, *, limit: float = 3.0, mean: float = 0.0, sd: float = 1.0) -> float:
    """+1 or -1 where a value lies too far from the mean.

    >>> shewhart([1.0, 3.5, -3.0, -3.1])
    [0.0, 1.0, 0.0, -1.0]
    """
    values = _known(past)
    if not values:
        return NAN
    z = (values[-1] - mean) / sd
    return _sign(z > limit, z < -limit)


def _cusum(
    past: History,
    /,
    *,
    k: float = 0.5,
    h: float = 5.0,
    mean: float = 0.0,
    sd: float = 1.0,
    restart: bool = True,
    output: str = "alarm",
) -> float:
    """+1 or -1 where one of the two sums passes h.

    >>> cusum([2.0, 2.0, 2.0, 2.0, 2.0], h=4)
    [0.0, 0.0, 1.0, 0.0, 0.0]
    >>> cusum([2.0, 2.0, 2.0, 2.0, 2.0], h=4, output="upper")
    [1.5, 3.0, 4.5, 1.5, 3.0]
    """
    values = _known(past)
    if not values:
        return NAN
    upper = lower = alarm = 0.0
    for x in values:
        if restart and alarm:
            upper = lower = 0.0
        z = (x - mean) / sd
        upper, lower = max(0.0, z - k + upper), max(0.0, -z - k + lower)
        alarm = _sign(upper > h, lower > h)
    return {"alarm": alarm, "upper": upper, "lower": lower}[output]


def _ewma_chart(
    past: History,
    /,
    *,
    weight: float = 0.1,
    limit: float = 2.814,
    mean: float = 0.0,
    sd: float = 1.0,
    restart: bool = True,
    output: str = "alarm",
) -> float:
    """+1 or -1 where the weighted mean passes a limit.

    >>> ewma_chart([1.0, 1.0], weight=0.5, output="mean")
    [0.5, 0.75]
    """
    values = _known(past)
    if not values:
        return NAN
    z, rest, alarm, width = 0.0, 1.0, 0.0, 0.0
    for x in values:
        if restart and alarm:
            z, rest = 0.0, 1.0
        z = weight * ((x - mean) / sd) + (1 - weight) * z
        rest *= (1 - weight) * (1 - weight)
        width = limit * sqrt(weight / (2 - weight) * (1 - rest))
        alarm = _sign(z > width, z < -width)
    shown = {"mean": z, "upper": width, "lower": -width}
    return alarm if output == "alarm" else mean + shown[output] * sd


def _page_hinkley(
    past: History,
    /,
    *,
    delta: float = 0.005,
    threshold: float = 50.0,
    alpha: float = 0.9999,
    minimum: int = 30,
    direction: str = "both",
) -> float:
    """+1 or -1 where a sum of distances from the mean has left its extreme.

    >>> page_hinkley([0.0, 0.0, 5.0, 5.0], threshold=4, minimum=1)
    [0.0, 0.0, 0.0, 1.0]
    """
    values = _known(past)
    if not values:
        return NAN
    mean = up = down = alarm = 0.0
    ups: list[float] = []
    downs: list[float] = []
    for x in values:
        if alarm:
            mean = up = down = 0.0
            ups, downs = [], []
        mean += (x - mean) / (len(ups) + 1)
        up = alpha * up + (x - mean) - delta
        down = alpha * down + (x - mean) + delta
        ups.append(up)
        downs.append(down)
        ready = len(ups) >= minimum
        rose = ready and up - min(ups) > threshold
        fell = ready and max(downs) - down > threshold
        alarm = _sign(rose and direction != "down", fell and direction != "up")
    return alarm


shewhart = for_columns(_shewhart)
cusum = for_columns(_cusum)
ewma_chart = for_columns(_ewma_chart)
page_hinkley = for_columns(_page_hinkley)

shewhart_at = for_pipeline(_shewhart)
cusum_at = for_pipeline(_cusum)
ewma_chart_at = for_pipeline(_ewma_chart)
page_hinkley_at = for_pipeline(_page_hinkley)
