"""When a row is written."""

from dataclasses import dataclass
from fractions import Fraction

from .window import NANOSECONDS, quantity, whole


@dataclass(frozen=True)
class Clock:
    """A parsed clock: `span` has its length in `width`, `events`, `trades`, `volume` their N."""

    kind: str
    width: int = 0
    origin: int = 0

    def first_point(self, ts: int) -> int:
        """The first grid point at or after `ts`: an event on the grid belongs to its point.

        >>> Clock("span", 10).first_point(20), Clock("span", 10, origin=-1).first_point(20)
        (20, 29)
        """
        return self.origin - (self.origin - ts) // self.width * self.width


def parse_clock(text: str, size_unit: Fraction = Fraction(1), origin: int = 0) -> Clock:
    """`event`, `best`, `trade`, a span, N `events`, N `trades`, or a `volume` in the size.

    >>> parse_clock("100ms").width, parse_clock("0.5volume", Fraction("0.001"))
    (100000000, Clock(kind='volume', width=500, origin=0))
    """
    if text in ("event", "best", "trade"):
        return Clock(text)
    parsed = quantity(text)
    if parsed is not None:
        amount, unit = parsed
        if unit in NANOSECONDS:
            return Clock("span", whole(amount * NANOSECONDS[unit], text), origin)
        if unit in ("events", "trades"):
            return Clock(unit, whole(amount, text))
        if unit == "volume":
            return Clock(unit, whole(amount / size_unit, text))
    raise ValueError(f"clock={text!r}: not a clock")
