"""LOBSTER's orderbook rows, and a book seeded from one of them."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import Action, Depth, Side
from bookflow.readers._csv import Column, CsvFile

__all__ = ["Seed", "SeedLike", "book_file", "depth_rows", "first_line", "seed_row"]

SeedLike = str | PathLike[str] | Sequence[int] | NDArray[np.integer[Any]] | Depth

# A price that stands for "no such level", with size 0.
_EMPTY: Final = 9_999_999_999

# Orders of a seed get ids that no file can hold: its ids are read as signed 64-bit integers.
FIRST_SEED_ID: Final = 1 << 63


def first_line(path: Path) -> bytes:
    """The first line of a file that must have one."""
    with open(path, "rb") as file:
        line = file.readline(1 << 20).removeprefix(b"\xef\xbb\xbf")
    if not line:
        raise InputError("is empty", source=path.name)
    return line


def book_file(path: Path, levels: int | None) -> CsvFile:
    """An orderbook file; its first line tells how many levels it has."""
    fields = first_line(path).count(b",") + 1
    if fields % 4:
        raise InputError(
            f"has {fields} fields where four a level are due",
            source=path.name,
            row=0,
            field="levels",
        )
    if levels is not None and levels != fields // 4:
        raise InputError(
            f"the file has {fields // 4}", source=path.name, field="levels", value=levels
        )
    names = ("ask_price", "ask_size", "bid_price", "bid_size")
    columns = [Column(f"{n}_{i}") for i in range(fields // 4) for n in names]
    return CsvFile(path, columns, is_whole=_known_before)


def _known_before(before: bytes, last: bytes) -> bool:
    """Whether the last level of the last row stood, price and size, in the row before as well."""
    cells = before.split(b",")
    end = last.rstrip(b"\r").split(b",")
    levels = [cells[i : i + 2] for i in range(0, len(cells), 2)]
    return len(end) == len(cells) and end[-2:] in levels


def depth_rows(rows: NDArray[np.int64], source: str, first_row: int) -> Depth:
    """Depth of rows in the orderbook file's own column order."""
    blocks = {}
    for offset, name in enumerate(("ask_price", "ask_size", "bid_price", "bid_size")):
        blocks[name] = np.ascontiguousarray(rows[:, offset::4])
    for side in ("bid", "ask"):
        price, size = blocks[f"{side}_price"], blocks[f"{side}_size"]
        odd = (np.abs(price) == _EMPTY) & (size != 0)
        if odd.any():
            row, level = (int(i) for i in np.argwhere(odd)[0])
            raise InputError(
                "must be 0 at a level that is not there",
                source=source,
                row=first_row + row,
                field=f"{side}_size_{level}",
                value=int(size[row, level]),
            )
        price[size == 0] = NONE
    return Depth(blocks["bid_price"], blocks["bid_size"], blocks["ask_price"], blocks["ask_size"])


def seed_row(seed: "SeedLike") -> Depth:
    """The depth row that a user gave as `seed`."""
    if isinstance(seed, Depth):
        if len(seed) != 1:
            raise InputError("must have one row", field="seed", value=len(seed))
        return seed
    if isinstance(seed, str | PathLike):
        file = book_file(Path(seed), None)
        return depth_rows(next(file.batches(1)).to_numpy(order="c"), file.path.name, 0)
    row = np.asarray(seed)
    if row.ndim != 1 or row.dtype.kind not in "iu" or not len(row) or len(row) % 4:
        raise InputError("must be a row of integers, four a level", field="seed", value=row.shape)
    return depth_rows(row.astype(np.int64)[np.newaxis], "seed", 0)


class Seed:
    """The seeded orders by (side, price): id and size, and how much of each is left."""

    def __init__(self, sizes: dict[tuple[int, int], int]) -> None:
        self.orders = {
            level: (FIRST_SEED_ID + i, size) for i, (level, size) in enumerate(sizes.items())
        }
        self._left = dict(sizes)
        self._known: set[int] = set()

    @classmethod
    def before(cls, columns: dict[str, Array], after: Depth) -> "Seed":
        """The book before the first message, given the one after it."""
        sizes: dict[tuple[int, int], int] = {}
        sides = (
            (Side.BID, after.bid_price, after.bid_size),
            (Side.ASK, after.ask_price, after.ask_size),
        )
        for side, prices, depth_sizes in sides:
            for price, size in zip(prices[0].tolist(), depth_sizes[0].tolist(), strict=True):
                if size and (int(side), price) in sizes:
                    raise InputError("has a level of this price twice", field="seed", value=price)
                if size:
                    sizes[int(side), price] = size
        action = int(columns["action"][0])
        level = int(columns["side"][0]), int(columns["price"][0])
        size = int(columns["size"][0])
        if action == Action.ADD and level in sizes:
            sizes[level] -= size
            if sizes[level] < 0:
                raise InputError(
                    "holds less than the first message adds: it must be the book after it",
                    field="seed",
                    value=sizes[level] + size,
                )
            if not sizes[level]:
                del sizes[level]
        elif action in (Action.CANCEL, Action.DELETE, Action.EXECUTE):
            sizes[level] = sizes.get(level, 0) + size
        return cls(sizes)

    def rename(self, columns: dict[str, Array], counts: dict[str, int]) -> None:
        """Let removals of ids never submitted take off the seeded order at their price."""
        action, order_id = columns["action"], columns["order_id"]
        added = action == Action.ADD
        removes = (action == Action.CANCEL) | (action == Action.DELETE) | (action == Action.EXECUTE)
        for row in np.flatnonzero(added | removes).tolist():
            number = int(order_id[row])
            if added[row]:
                self._known.add(number)
            elif number not in self._known:
                level = int(columns["side"][row]), int(columns["price"][row])
                left = self._left.get(level, 0)
                if left > 0:
                    order_id[row] = self.orders[level][0]
                    self._left[level] = left - int(columns["size"][row])
                    counts["unknown_id"] = counts.get("unknown_id", 0) + 1
                    if action[row] == Action.DELETE:
                        # The level's order holds others too: only this much of it goes.
                        action[row] = Action.CANCEL
