"""How much another calculator's values hang together."""

from fractions import Fraction
from math import isnan, log, sqrt

from .composed import History, for_columns, for_pipeline
from .least_squares import ROUNDING, Pair, fitted, moments
from .window import parse_window
from .words import NAN


def _pairs(past: History, window: str | None, lag: int = 1, end: int | None = None) -> list[Pair]:
    """(x_i, x_{i - lag}) of the window's samples i before `end`, both of one life and known."""
    inside = {id(sample) for _, sample in past.in_window(parse_window(window))}
    pairs = []
    for i, sample in enumerate(past.samples[:end]):
        if id(sample) in inside and i >= lag and past.samples[i - lag].life == sample.life:
            pairs.append((sample.values[0], past.samples[i - lag].values[0]))
    return [(y, x) for y, x in pairs if not isnan(y) and not isnan(x)]


def _autocorrelation(past: History, /, *, lag: int = 1, window: str | None = "session") -> float:
    """Correlation of values with those `lag` before.

    >>> autocorrelation([1.0, 2.0, 1.0, 2.0])
    [nan, nan, -1.0, -1.0]
    """
    pairs = _pairs(past, window, lag)
    if not pairs:
        return NAN
    _, _, yy, xx, xy = moments(pairs)
    return float(xy) / sqrt(xx * yy) if xx * yy else NAN


def _half_life(past: History, /, *, window: str | None = "session") -> float:
    """-ln 2 / ln b, b the slope of a value on the one before.

    >>> [round(x, 12) for x in half_life([4.0, 2.0, 1.0])[2:]]
    [1.0]
    """
    slope = fitted(_pairs(past, window), "slope")
    return -log(2) / log(slope) if ROUNDING < slope < 1 - ROUNDING else NAN


def _whitened(past: History, /, *, window: str | None = "session") -> float:
    """What the line through earlier pairs does not tell of a value, in sd of what it left over.

    >>> [round(x, 12) for x in whitened([0.0, 1.0, 1.0, 0.0, 2.0])[4:]]
    [1.414213562373]
    """
    if len(past.samples) == (past.row if window == "row" else past.session):
        return NAN
    here = past.samples[-1]
    then = past._replace(now=here.key)
    last = _pairs(then._replace(samples=past.samples[-2:], row=0, session=0), None)
    pairs = _pairs(then, window, end=-1)
    if len(last) < 1 or len(pairs) < 3 or here.life != past.samples[-2].life:
        return NAN
    my, mx, yy, xx, xy = moments(pairs)
    if not xx:
        return NAN
    slope = xy / xx
    rest = yy - xy * slope
    if rest <= ROUNDING * yy:
        return NAN
    y, x = (Fraction(value) for value in last[0])
    return float(y - my - slope * (x - mx)) / sqrt(rest / (len(pairs) - 2))


def _run_length(past: History, /) -> float:
    """How many values in a row have had this sign, with it.

    >>> run_length([1.0, 2.0, -1.0, 0.0, 3.0])
    [1.0, 2.0, -1.0, 0.0, 1.0]
    """
    values = [s.values[0] for s in past.this_life()]
    if not values or isnan(values[-1]):
        return NAN
    signs = [(x > 0) - (x < 0) for x in values]
    run = 0
    while run < len(signs) and signs[-1 - run] == signs[-1]:
        run += 1
    return float(run * signs[-1])


autocorrelation = for_columns(_autocorrelation)
half_life = for_columns(_half_life)
whitened = for_columns(_whitened)
run_length = for_columns(_run_length)

autocorrelation_at = for_pipeline(_autocorrelation)
half_life_at = for_pipeline(_half_life)
whitened_at = for_pipeline(_whitened)
run_length_at = for_pipeline(_run_length)
