"""Least squares of one calculator on another, in exact fractions, and what is made of it."""

from collections.abc import Sequence
from fractions import Fraction
from math import exp, isnan, log, sqrt

from .composed import History, for_columns, for_pipeline
from .statistics_of import mean_of
from .window import parse_window
from .words import NAN

Pair = tuple[float, float]
"""(y, x)."""

ROUNDING = Fraction(1, 2**40)
"""A rest below this share of the whole is taken for the rounding of its sums."""


def known_pairs(past: History, window: str | None) -> list[Pair]:
    pairs = [s.values[:2] for _, s in past.in_window(parse_window(window))]
    return [(y, x) for y, x in pairs if not isnan(y) and not isnan(x)]


def moments(pairs: Sequence[Pair], about_mean: bool = True) -> tuple[Fraction, ...]:
    """Means of y and x, and sums of yy, xx and xy about them or about 0."""
    ys, xs = [Fraction(y) for y, _ in pairs], [Fraction(x) for _, x in pairs]
    my, mx = sum(ys, Fraction(0)) / len(ys), sum(xs, Fraction(0)) / len(xs)
    y0, x0 = (my, mx) if about_mean else (Fraction(0), Fraction(0))
    yy = sum(((y - y0) ** 2 for y in ys), Fraction(0))
    xx = sum(((x - x0) ** 2 for x in xs), Fraction(0))
    xy = sum(((x - x0) * (y - y0) for y, x in zip(ys, xs, strict=True)), Fraction(0))
    return my, mx, yy, xx, xy


def fitted(pairs: Sequence[Pair], output: str, intercept: bool = True) -> float:
    if len(pairs) < 2:
        return NAN
    my, mx, yy, xx, xy = moments(pairs, intercept)
    if not xx:
        return NAN
    slope = xy / xx
    if output == "slope":
        return float(slope)
    if output == "intercept":
        return float(my - slope * mx) if intercept else 0.0
    if output == "r2":
        return float(xy * slope / yy) if yy else NAN
    degrees = len(pairs) - (2 if intercept else 1)
    rest = yy - xy * slope
    if not degrees or rest <= ROUNDING * yy:
        return NAN
    return float(slope) / sqrt(rest / degrees / xx)


def _regression(
    past: History,
    /,
    *,
    window: str | None = "session",
    intercept: bool = True,
    output: str = "slope",
) -> float:
    """Slope, intercept, R2 or t of y on x.

    >>> regression([1.0, 3.0, 5.0], [0.0, 1.0, 2.0])
    [nan, 2.0, 2.0]
    """
    return fitted(known_pairs(past, window), output, intercept)


def _log_return(past: History, /) -> float:
    """ln of the value over the one before.

    >>> log_return([1.0, 1.0, 2.0])[1:]
    [0.0, 0.6931471805599453]
    """
    values = [s.values[0] for s in past.this_life()]
    if not values or isnan(values[-1]):
        return NAN
    known = [x for x in values if not isnan(x)]
    if len(known) < 2 or known[-2] <= 0 or known[-1] <= 0:
        return NAN
    return log(known[-1] / known[-2])


def _amihud(past: History, /, *, window: str | None = "session") -> float:
    """Mean of |return| / turnover.

    >>> amihud([0.5, -0.25], [2.0, 1.0])
    [0.25, 0.25]
    """
    weighted = [(float(w), *s.values[:2]) for w, s in past.in_window(parse_window(window))]
    return mean_of([(w, abs(r) / t) for w, r, t in weighted if not isnan(r) and t > 0])


def _volume_impact(
    past: History, /, *, window: str | None = "session", output: str = "exponent"
) -> float:
    """|dp| = Y Q^delta.

    >>> [round(x, 12) for x in volume_impact([2.0, 4.0], [1.0, 4.0])[1:]]
    [0.5]
    """
    pairs = [(abs(y), abs(x)) for y, x in known_pairs(past, window)]
    logs = [(log(y), log(x)) for y, x in pairs if y and x]
    asked = {"exponent": "slope", "coefficient": "intercept"}.get(output, output)
    value = fitted(logs, asked)
    if output != "coefficient":
        return value
    return exp(value) if abs(value) <= 700 else NAN


regression = for_columns(_regression)
kyle_lambda = for_columns(_regression)
hasbrouck_lambda = for_columns(_regression)
log_return = for_columns(_log_return)
amihud = for_columns(_amihud)
volume_impact = for_columns(_volume_impact)

CHANGE = "Diff(of=Mid(), window='row', on='row')"
SIGNED = "Difference(of=BuyVolume(), less=SellVolume())"
regression_at = for_pipeline(_regression, CHANGE, "OrderFlowImbalance()")
kyle_lambda_at = for_pipeline(_regression, CHANGE, SIGNED)
hasbrouck_lambda_at = for_pipeline(_regression, "LogReturn(of=Mid())", "SignedRootTurnover()")
log_return_at = for_pipeline(_log_return)
amihud_at = for_pipeline(_amihud, "LogReturn(of=LastPrice())", "Turnover()")
volume_impact_at = for_pipeline(_volume_impact, CHANGE, "Volume()")
