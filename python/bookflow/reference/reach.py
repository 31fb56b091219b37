"""How far into the book a definition looks: so many levels, or a distance from the mid."""

from fractions import Fraction
from typing import NamedTuple

from .tape import Ladder, Reading, Tape
from .units import Units, exact


class View(NamedTuple):
    """The levels within reach. By distance there is none without a mid."""

    bids: Ladder
    asks: Ladder
    mid: Fraction | None
    unit: Fraction
    """What distances are measured in, in price units."""

    def away(self, price: int) -> Fraction:
        """The distance of a price from the mid, in that unit."""
        assert self.mid is not None
        return abs(price - self.mid) / self.unit


def look(
    tape: Tape, at: Reading, units: Units, levels: int, by: str, within: float | None
) -> View | None:
    """The best levels, or those of them that are no farther from the mid than `within`."""
    if (within is None) != (by == "level"):
        raise ValueError(f"by={by!r}, within={within!r}: a distance, and its unit, or neither")
    bids, asks = (side[:levels] for side in tape.state(at))
    mid = Fraction(bids[0][0] + asks[0][0], 2) if bids and asks else None
    if by == "level":
        return View(bids, asks, mid, Fraction(1))
    if mid is None or (by == "bp" and mid <= 0):
        return None
    view = View(bids, asks, mid, units.tick(bids[0][0]) if by == "ticks" else mid / 10_000)
    near = [
        tuple(level for level in side if view.away(level[0]) <= exact(within))
        for side in (bids, asks)
    ]
    return view._replace(bids=near[0], asks=near[1])
