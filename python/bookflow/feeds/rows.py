"""Events gathered one by one, and handed over as columns."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from bookflow._table import NONE, Array
from bookflow.events import EVENT_DTYPE
from bookflow.words import Action, Flag, Side

__all__ = ["Rows"]

_FIELDS: Final = tuple(EVENT_DTYPE.names or ())


class Rows:
    """Rows of one handler, in the order in which they are written.

    `at` says when and of what the next rows are; `end` closes an atomic event.
    """

    __slots__ = ("_columns", "_fixed")

    def __init__(self) -> None:
        self._columns: dict[str, list[int]] = {name: [] for name in _FIELDS}
        self._fixed = (0, NONE, 0)

    def __len__(self) -> int:
        return len(self._columns["ts"])

    def at(self, ts: int, ts_venue: int, instrument: int) -> None:
        """Times and instrument of what follows."""
        self._fixed = (ts, ts_venue, instrument)

    def add(
        self,
        action: int,
        side: int = Side.NONE,
        price: int = NONE,
        size: int = 0,
        order_id: int = 0,
        flags: int = 0,
    ) -> None:
        """One row."""
        columns = self._columns
        ts, ts_venue, instrument = self._fixed
        columns["ts"].append(ts)
        columns["ts_venue"].append(ts_venue)
        columns["order_id"].append(order_id)
        columns["price"].append(price)
        columns["size"].append(size)
        columns["instrument"].append(instrument)
        columns["action"].append(action)
        columns["side"].append(side)
        columns["flags"].append(flags)

    def levels(
        self, side: int, prices: "NDArray[np.int64]", sizes: "NDArray[np.int64]", flags: int = 0
    ) -> None:
        """A LEVEL each, of one side."""
        n = len(prices)
        columns = self._columns
        ts, ts_venue, instrument = self._fixed
        columns["ts"] += [ts] * n
        columns["ts_venue"] += [ts_venue] * n
        columns["order_id"] += [0] * n
        columns["price"] += prices.tolist()
        columns["size"] += sizes.tolist()
        columns["instrument"] += [instrument] * n
        columns["action"] += [int(Action.LEVEL)] * n
        columns["side"] += [side] * n
        columns["flags"] += [flags] * n

    def end(self) -> None:
        """The last row ends its atomic event."""
        flags = self._columns["flags"]
        flags[-1] |= Flag.LAST

    def as_one(self, first: int) -> None:
        """The rows from `first` on are one atomic event."""
        flags = self._columns["flags"]
        for i in range(first, len(flags) - 1):
            flags[i] &= ~Flag.LAST

    def join(self) -> None:
        """The atomic event of the last row goes on."""
        self._columns["flags"][-1] &= ~Flag.LAST

    def drop(self, rows: int = 0) -> None:
        """Forget all rows but the first `rows`."""
        for column in self._columns.values():
            del column[rows:]

    def take(self) -> dict[str, Array]:
        """The rows as columns; none are left."""
        columns = {
            name: np.array(values, EVENT_DTYPE[name]) for name, values in self._columns.items()
        }
        self.drop()
        return columns
