"""The footprint of a bar: what was bought and sold at each price, and where one side ran the other
over."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bookflow.errors import InputError
from bookflow.profile import volume_profile

__all__ = ["Footprint", "footprint"]


@dataclass(frozen=True, eq=False)
class Footprint:
    """Volume bought (at the ask) and sold (at the bid) at each price, lowest first.

    ``price``, ``bought``, ``sold`` : int64 arrays (n,), in price and size units, on the whole grid.
    """

    price: NDArray[np.int64]
    bought: NDArray[np.int64]
    sold: NDArray[np.int64]

    def buy_imbalances(self, ratio: float = 3.0, *, least: int = 1) -> NDArray[np.bool_]:
        """Where bought(p) >= ratio x sold(one row below), and bought(p) >= least: (n,) bool."""
        return self._over(self.bought, np.r_[0, self.sold[:-1]], ratio, least)

    def sell_imbalances(self, ratio: float = 3.0, *, least: int = 1) -> NDArray[np.bool_]:
        """Where sold(p) >= ratio x bought(one row above), and sold(p) >= least: (n,) bool."""
        return self._over(self.sold, np.r_[self.bought[1:], 0], ratio, least)

    @property
    def unfinished(self) -> tuple[bool, bool]:
        """Whether both sides traded at the bar's low, and at its high."""
        both = (self.bought > 0) & (self.sold > 0)
        return (bool(both[0]), bool(both[-1])) if len(both) else (False, False)

    def _over(
        self, own: NDArray[np.int64], other: NDArray[np.int64], ratio: float, least: int
    ) -> NDArray[np.bool_]:
        if not ratio > 0:
            raise InputError("must be above 0", field="ratio", value=repr(ratio))
        if least < 1:
            raise InputError("must be at least 1 size unit", field="least", value=repr(least))
        if not len(own):
            return np.zeros(0, bool)
        return (own >= ratio * other) & (own >= least)


def stacked(imbalances: NDArray[np.bool_], rows: int = 3) -> list[tuple[int, int]]:
    """The runs of at least ``rows`` imbalances side by side, as (first, last) places.

    >>> stacked(np.array([1, 1, 0, 1, 1, 1, 1], bool))
    [(3, 6)]
    """
    if rows < 1:
        raise InputError("must be at least 1", field="rows", value=repr(rows))
    edges = np.flatnonzero(np.diff(np.r_[False, imbalances, False]))
    runs = edges.reshape(-1, 2).tolist()
    return [(begin, end - 1) for begin, end in runs if end - begin >= rows]


def footprint(price: Any, size: Any, side: Any, *, row: int = 1) -> Footprint:
    """What was bought and sold at each price of a bar.

    Parameters
    ----------
    price, size : int64 arrays (n,), in price and size units.
    side : array (n,) of the aggressor: 1 bought, 2 sold; others (0, not known) make the bar's
        range but no volume of either side.
    row : int, default 1
        Price units a row: the tick. A print between two rows belongs to the one below.

    Raises
    ------
    InputError, TypeError
        As `volume_profile` does; a column of another length.

    >>> bar = footprint([10, 11, 12], [3, 9, 1], [2, 1, 1])
    >>> bar.bought.tolist(), bar.sold.tolist()
    ([0, 9, 1], [3, 0, 0])
    >>> bar.buy_imbalances().tolist()    # 9 against 3 one below, 1 against 0
    [False, True, True]
    """
    whole = volume_profile(price, size, row=row)
    sides = np.asarray(side)
    if sides.shape != np.asarray(price).shape:
        rule = f"has {sides.size} rows, expected {np.asarray(price).size}"
        raise InputError(rule, field="side")
    if not len(whole.price):
        return Footprint(whole.price, whole.volume, whole.volume)
    place = np.asarray(price, np.int64) // row - whole.price[0] // row
    columns = []
    for wanted in (1, 2):
        volume = np.zeros(len(whole.price), np.int64)
        own = sides == wanted
        np.add.at(volume, place[own], np.asarray(size, np.int64)[own])
        columns.append(volume)
    return Footprint(whole.price, *columns)
