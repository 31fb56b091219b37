"""When a row is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .bars import Information, InformationBar, parse_information
from .tape import Print
from .window import NANOSECONDS, quantity, whole


@dataclass(frozen=True)
class Clock:
    """A parsed clock: `span` has its length in `width`, what counts (`events`, ...) its N."""

    kind: str
    width: int = 0
    origin: int = 0
    information: Information | None = None
    linear: bool = True
    """Whether a value is price x size, or the size alone."""

    def first_point(self, ts: int) -> int:
        """The first grid point at or after `ts`: an event on the grid belongs to its point.

        >>> Clock("span", 10).first_point(20), Clock("span", 10, origin=-1).first_point(20)
        (20, 29)
        """
        return self.origin - (self.origin - ts) // self.width * self.width

    def counter(self) -> "Counter":
        """What counts towards its rows."""
        return Counter(self)


class Counter:
    """What has happened since the last row of a clock that is not a span.

    >>> count = Counter(parse_clock("5volume"))
    >>> [count.due([Print(10, size)], [0], best_changed=False) for size in (3, 13, 1, 3)]
    [False, True, False, True]
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.count = 0
        self.bar = None if clock.information is None else InformationBar(clock.information)

    def due(self, prints: Sequence[Print], signs: Sequence[int], *, best_changed: bool) -> bool:
        """Whether a row is due at the end of this atomic event."""
        kind = self.clock.kind
        if self.bar is not None:
            flow = [(one, sign) for one, sign in zip(prints, signs, strict=True) if one.in_flow]
            for one, sign in flow:
                self.bar.add(one, sign)
            return bool(flow) and self.bar.due()
        counted = [one for one in prints if one.counts and one.size]
        if kind in ("event", "best", "trade"):
            return {"event": True, "best": best_changed, "trade": bool(counted)}[kind]
        volume = sum(one.size for one in counted)
        value = sum(abs(one.price) * one.size for one in counted)
        self.count += {
            "events": 1,
            "trades": len(counted),
            "volume": volume,
            "value": value if self.clock.linear else volume,
        }[kind]
        due = self.count >= self.clock.width
        self.count %= self.clock.width
        return due

    def restart(self) -> None:
        """A session ended."""
        self.count = 0
        if self.bar is not None:
            self.bar.restart()


def parse_clock(
    text: str,
    size_unit: Fraction = Fraction(1),
    origin: int = 0,
    *,
    value_unit: Fraction = Fraction(1),
    linear: bool = True,
) -> Clock:
    """`event`, `best`, `trade`, a span, N `events`, N `trades`, a `volume` in the size, a `value`.

    `value_unit` is what one unit of price x size is worth (not `linear`: one of size). Bars that
    end when trading is one-sided are `imbalance(...)` and `run(...)`.

    >>> parse_clock("100ms").width, parse_clock("0.5volume", Fraction("0.001")).width
    (100000000, 500)
    """
    if text in ("event", "best", "trade"):
        return Clock(text)
    information = parse_information(text)
    if information is not None:
        return Clock("information", information=information)
    parsed = quantity(text)
    if parsed is not None:
        amount, unit = parsed
        if unit in NANOSECONDS:
            return Clock("span", whole(amount * NANOSECONDS[unit], text), origin)
        if unit in ("events", "trades"):
            return Clock(unit, whole(amount, text))
        if unit == "volume":
            return Clock(unit, whole(amount / size_unit, text))
        if unit == "value":
            return Clock(unit, whole(amount / value_unit, text), linear=linear)
    raise ValueError(f"clock={text!r}: not a clock")
