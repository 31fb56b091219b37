"""Depth rows: the top of a book after each of many events."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from bookflow._table import NONE, Array, Where, exact_integers
from bookflow.errors import InputError

__all__ = ["DEPTH_FIELDS", "Depth"]

DEPTH_FIELDS: Final = ("bid_price", "bid_size", "ask_price", "ask_size")


@dataclass(frozen=True, slots=True, eq=False)
class Depth:
    """The best levels of a book after each row: (rows, levels) arrays, best first, in units.

    A level that is not there has price NONE and size 0.
    """

    bid_price: NDArray[np.int64]
    bid_size: NDArray[np.int64]
    ask_price: NDArray[np.int64]
    ask_size: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in DEPTH_FIELDS:
            values = getattr(self, name)
            where = Where("", name)
            if not isinstance(values, np.ndarray) or isinstance(values, np.ma.MaskedArray):
                raise where.wrong_type("must be an int64 array")
            if values.ndim != 2 or values.shape != self.bid_price.shape:
                raise where.fail(
                    "must have the shape (rows, levels) of bid_price", None, values.shape
                )
            object.__setattr__(self, name, exact_integers(values, np.int64, where))
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
        blocks = list(parts)
        return cls(*(np.concatenate([getattr(b, n) for b in blocks]) for n in DEPTH_FIELDS))

    @property
    def levels(self) -> int:
        return int(self.bid_price.shape[1])

    def __len__(self) -> int:
        return len(self.bid_price)

    def __getitem__(self, rows: slice | Array) -> "Depth":
        return Depth(*(block[rows] for block in self.arrays()))

    def arrays(self) -> tuple[NDArray[np.int64], ...]:
        return (self.bid_price, self.bid_size, self.ask_price, self.ask_size)

    def columns(self) -> dict[str, NDArray[np.int64]]:
        """One column a level: bid_price_0, bid_size_0, ask_price_0, ask_size_0, bid_price_1 ..."""
        return {
            f"{name}_{level}": getattr(self, name)[:, level]
            for level in range(self.levels)
            for name in DEPTH_FIELDS
        }
