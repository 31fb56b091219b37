"""Depth rows: the top of a book after each of many events."""

from collections.abc import Iterable
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from bookflow._table import NONE, Array, Where, exact_integers
from bookflow.errors import InputError

__all__ = ["DEPTH_FIELDS", "Depth"]

DEPTH_FIELDS: Final = ("bid_price", "bid_size", "ask_price", "ask_size")


class Depth:
    """The best levels of a book after each row.

    Attributes
    ----------
    bid_price, ask_price : int64 array (rows, levels)
        Price units, best first; NONE where there is no level.
    bid_size, ask_size : int64 array (rows, levels)
        Size units; 0 where there is no level.
    """

    __slots__ = DEPTH_FIELDS

    def __init__(
        self,
        bid_price: NDArray[np.int64],
        bid_size: NDArray[np.int64],
        ask_price: NDArray[np.int64],
        ask_size: NDArray[np.int64],
    ) -> None:
        self.bid_price, self.bid_size = bid_price, bid_size
        self.ask_price, self.ask_size = ask_price, ask_size
        for name in DEPTH_FIELDS:
            values = getattr(self, name)
            where = Where("", name)
            if not isinstance(values, np.ndarray) or isinstance(values, np.ma.MaskedArray):
                raise where.wrong_type("must be an int64 array")
            if values.ndim != 2 or values.shape != self.bid_price.shape:
                raise where.fail(
                    "must have the shape (rows, levels) of bid_price", None, values.shape
                )
            setattr(self, name, exact_integers(values, np.int64, where))
        if self.bid_price.shape[1] == 0:
            raise InputError("there must be at least one level", field="depth")

    @classmethod
    def missing(cls, rows: int, levels: int) -> Self:
        """Nothing known: every level missing."""
        price = np.full((rows, levels), NONE)
        size = np.zeros((rows, levels), np.int64)
        return cls(price, size, price.copy(), size.copy())

    @classmethod
    def concat(cls, parts: Iterable[Self]) -> Self:
        """The rows of blocks of the same number of levels, in their order: a copy."""
        blocks = list(parts)
        return cls(*(np.concatenate([getattr(b, n) for b in blocks]) for n in DEPTH_FIELDS))

    @property
    def levels(self) -> int:
        """Levels of each side: the arrays' second dimension."""
        return int(self.bid_price.shape[1])

    def __len__(self) -> int:
        return len(self.bid_price)

    def __getitem__(self, rows: slice | Array) -> "Depth":
        return Depth(*(block[rows] for block in self.arrays()))

    def __repr__(self) -> str:
        return f"<Depth: {len(self)} rows of {self.levels} levels>"

    def arrays(self) -> tuple[NDArray[np.int64], ...]:
        """bid_price, bid_size, ask_price, ask_size: int64 (rows, levels), not copied."""
        return (self.bid_price, self.bid_size, self.ask_price, self.ask_size)

    def columns(self) -> dict[str, NDArray[np.int64]]:
        """One column a level: bid_price_0, bid_size_0, ask_price_0, ask_size_0, bid_price_1 ..."""
        return {
            f"{name}_{level}": getattr(self, name)[:, level]
            for level in range(self.levels)
            for name in DEPTH_FIELDS
        }
