"""Volume at price: the profile of a stretch of trades, its point of control and value area."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bookflow.errors import InputError

__all__ = ["ValueArea", "VolumeProfile", "volume_profile"]

_MOST_ROWS = 10_000_000


@dataclass(frozen=True)
class ValueArea:
    """The rows around the point of control that hold the asked share of the volume."""

    low: int
    high: int
    volume: int


@dataclass(frozen=True, eq=False)
class VolumeProfile:
    """Volume at price, lowest first; in price and size units.

    ``price`` : int64 array (n,), the lower end of each row. ``volume`` : int64 array (n,).
    """

    price: NDArray[np.int64]
    volume: NDArray[np.int64]

    @property
    def point_of_control(self) -> int | None:
        """The price of the largest volume; of several the nearest the middle, then the lower."""
        return None if not len(self.price) else int(self.price[self._control()])

    def value_area(
        self, share: float = 0.7, *, step: Literal["one", "two"] = "one"
    ) -> ValueArea | None:
        """Grows from the point of control until it holds at least ``share`` of the volume.

        ``step="one"``: by the larger of the next rows above and below, the upper when equal.
        ``step="two"``: by the larger of the next two rows on either side (CBOT, Market Profile).
        None of no volume.
        """
        if not 0 < share <= 1:
            raise InputError("must be above 0, at most 1", field="share", value=repr(share))
        if step not in ("one", "two"):
            raise InputError("must be one of one, two", field="step", value=repr(step))
        if not len(self.price):
            return None
        rows = 1 if step == "one" else 2
        volume, wanted = self.volume.tolist(), share * int(self.volume.sum())
        low = high = self._control()
        held = volume[low]
        while held < wanted:
            above = volume[high + 1 : high + 1 + rows]
            below = volume[max(0, low - rows) : low]
            if above and (not below or sum(above) >= sum(below)):
                high += len(above)
                held += sum(above)
            else:
                low -= len(below)
                held += sum(below)
        return ValueArea(int(self.price[low]), int(self.price[high]), held)

    def nodes(self, kind: Literal["high", "low"] = "high", *, reach: int = 2) -> NDArray[np.int64]:
        """Prices of the rows that have more (less) volume than each of the ``reach`` rows beside.

        High and low volume nodes; rows nearer the end than ``reach`` are none.
        """
        if kind not in ("high", "low"):
            raise InputError("must be one of high, low", field="kind", value=repr(kind))
        if reach < 1:
            raise InputError("must be at least 1", field="reach", value=repr(reach))
        volume = self.volume if kind == "high" else -self.volume
        if len(volume) < 2 * reach + 1:
            return self.price[:0]
        middle = volume[reach:-reach]
        wins = np.ones(len(middle), bool)
        for k in range(1, reach + 1):
            wins &= middle > volume[reach - k : len(volume) - reach - k]
            wins &= middle > volume[reach + k : len(volume) - reach + k]
        return self.price[reach:-reach][wins]

    def _control(self) -> int:
        """The place of the point of control."""
        most = np.flatnonzero(self.volume == self.volume.max())
        return int(most[np.argmin(np.abs(2 * most - (len(self.volume) - 1)))])


def volume_profile(
    price: Any, size: Any, *, row: int = 1, traded_only: bool = False
) -> VolumeProfile:
    """The volume of trades at each price.

    Parameters
    ----------
    price, size : int64 arrays (n,), in price and size units.
    row : int, default 1
        Price units a row: the tick. A print between two rows belongs to the one below.
    traded_only : bool, default False
        Leave rows without volume out, as some charts do; else the grid is whole.

    Raises
    ------
    InputError
        A size is not above 0, lengths differ, or the grid would have over ten million rows.
    TypeError
        A column is not of integers.

    Source: Steidlmayer's Market Profile; value area as in the CBOT's handbook.

    >>> profile = volume_profile(np.array([10, 12, 11, 12]), np.array([4, 3, 2, 3]))
    >>> profile.volume.tolist(), profile.point_of_control
    ([4, 2, 6], 12)
    >>> profile.value_area()
    ValueArea(low=10, high=12, volume=12)
    """
    prices, sizes = (_column(x, name) for x, name in ((price, "price"), (size, "size")))
    if len(prices) != len(sizes):
        rule = f"has {len(sizes)} rows, expected {len(prices)}"
        raise InputError(rule, field="size")
    if row < 1:
        raise InputError("must be at least 1 price unit", field="row", value=repr(row))
    bad = np.flatnonzero(sizes <= 0)
    if len(bad):
        at = int(bad[0])
        raise InputError("must be above 0", field="size", value=str(sizes[at]), row=at)
    rows = prices // row
    if traded_only:
        found, place = np.unique(rows, return_inverse=True)
    elif len(rows):
        count = int(rows.max()) - int(rows.min()) + 1
        if count > _MOST_ROWS:
            rule = f"would make a profile of {count} rows; take a wider row"
            raise InputError(rule, field="price", value=f"{prices.min()} to {prices.max()}")
        found, place = np.arange(count) + rows.min(), rows - rows.min()
    else:
        found = place = rows
    volume = np.zeros(len(found), np.int64)
    np.add.at(volume, place, sizes)
    return VolumeProfile(found * row, volume)


def _column(values: Any, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise TypeError(f"{name} must be a one-dimensional array of integers")
    return array.astype(np.int64)
