"""Seeded streams: what every competitor is given, and the truth to compare its answer with.

`market.py` says how they are made. A stream has two parts: `seed` fills the book (untimed where
the competitor can go on from a state) and `events` is what is measured.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

import bookflow as bf
from bench import market

I64 = NDArray[np.int64]
START = 1_704_200_000_000_000_000  # ns


@dataclass(frozen=True)
class Columns:
    """Events as columns, and the truth after each: the level's new size, and the best quotes."""

    action: NDArray[np.uint8]
    side: NDArray[np.uint8]
    price: I64
    size: I64
    order_id: NDArray[np.uint64]
    ts: I64
    level_size: I64
    bid_price: I64
    bid_size: I64
    ask_price: I64
    ask_size: I64

    def __len__(self) -> int:
        return len(self.action)

    @property
    def quotes(self) -> tuple[I64, I64, I64, I64]:
        return self.bid_price, self.bid_size, self.ask_price, self.ask_size

    @classmethod
    def empty(cls, n: int) -> Self:
        types = [np.uint8, np.uint8, np.int64, np.int64, np.uint64] + [np.int64] * 6
        return cls(*(np.empty(n, t) for t in types))

    def arrays(self) -> tuple[NDArray, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(*(array[rows] for array in self.arrays()))

    @classmethod
    def joined(cls, *parts: "Columns") -> Self:
        columns = zip(*(part.arrays() for part in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def orders(self) -> tuple[NDArray, ...]:
        """What OrderBook.replay takes."""
        return self.action, self.side, self.price, self.size, self.order_id

    def levels(self) -> tuple[NDArray, ...]:
        """What LevelBook.replay takes after its action: the same events as L2."""
        return self.side, self.price, self.level_size

    def events(self, instrument: bf.Instrument, *, l2: bool = False) -> bf.Events:
        """As bookflow's own Events, every row an atomic event."""
        n = len(self)
        columns = {
            "ts": self.ts,
            "action": np.full(n, bf.Action.LEVEL, np.uint8) if l2 else self.action,
            "side": self.side,
            "price": self.price,
            "size": self.level_size if l2 else self.size,
            "flags": np.full(n, bf.Flag.LAST, np.uint16),
        }
        if not l2:
            columns["order_id"] = self.order_id
        return bf.Events(columns, instrument, source="simulated")


class Market:
    """A market that goes on: `next(n)` is its next n events."""

    def __init__(
        self, live: int = 31_000, deep: float = 0.12, seed: int = 1, young: float = 6 / 7
    ) -> None:
        self._live, self._deep, self._young = live, deep, young
        self._span = min(max(live // 10, 100), 40_000)
        grid = 1 << int(4 * self._span + (1 << 15)).bit_length()
        capacity = int(live * 1.05) + 4 * market.RECENT
        self._levels = np.zeros((2, grid, 4), np.int64)
        self._levels[:, :, 2:] = -1
        self._orders = np.zeros((capacity, 8), np.int64)
        self._orders[:, 6] = -1
        self._orders[:, 7] = np.arange(1, capacity + 1)
        self._live_slots = np.zeros(capacity, np.int64)
        self._recent = np.full((market.RECENT, 2), -1, np.int64)
        self._state = np.zeros(10, np.uint64)
        self._state[market.RANDOM] = seed
        self._state[market.TS] = START
        self._state[market.BEST_ASK] = grid - 1
        self._state[market.FAIR] = grid // 2

    def seed(self) -> Columns:
        """The adds that fill the book."""
        return self._generate(self._live, True)

    def next(self, n: int) -> Columns:
        return self._generate(n, False)

    def _generate(self, n: int, seeding: bool) -> Columns:
        out = Columns.empty(n)
        market.generate(
            self._state,
            self._levels,
            self._orders,
            self._live_slots,
            self._recent,
            self._live,
            self._span,
            self._deep,
            self._young,
            seeding,
            out.arrays(),
        )
        return out


@dataclass(frozen=True)
class Stream:
    """A named stream. The range of its prices is known to the kernels of fixed range."""

    name: str
    seed: Columns
    events: Columns

    @property
    def live(self) -> int:
        return len(self.seed)

    @property
    def prices(self) -> tuple[int, int]:
        both = [part.price for part in (self.seed, self.events) if len(part)]
        return min(int(p.min()) for p in both), max(int(p.max()) for p in both)

    @property
    def whole(self) -> Columns:
        return Columns.joined(self.seed, self.events)


@lru_cache(maxsize=4)
def simulated(n: int = 2_000_000, live: int = 31_000, deep: float = 0.12, seed: int = 1) -> Stream:
    """The stream of the tables; `deep=0.6` for one whose changes fall far behind the touch."""
    market = Market(live, deep, seed)
    name = f"simulated, {live:,} live" + (", deep" if deep > 0.12 else "")
    return Stream(name, market.seed(), market.next(n))


@lru_cache(maxsize=1)
def scattered(n: int, live: int) -> Stream:
    """Orders come anywhere and any of them may go next: no cache knows what is needed."""
    market = Market(live, deep=1.0, young=0.0)
    return Stream(f"simulated, {live:,} live, scattered", market.seed(), market.next(n))


def chunks(n: int, size: int = 1_000_000, live: int = 31_000) -> Iterator[Columns]:
    """The same market for as long as wanted, in chunks; the first fills the book."""
    market = Market(live)
    yield market.seed()
    for begin in range(0, n, size):
        yield market.next(min(size, n - begin))


@dataclass(frozen=True)
class Trades:
    ts: I64
    price: I64
    size: I64
    side: NDArray[np.uint8]  # the aggressor's


@lru_cache(maxsize=2)
def trades(n: int = 2_000_000, seed: int = 1) -> Trades:
    """Prints: runs of one side (orders are split), sizes of many lots and of odd ones."""
    random = np.random.default_rng(seed)
    flips = random.random(n) < 0.3
    side = (np.cumsum(flips) % 2 + 1).astype(np.uint8)
    size = random.integers(1, 11, n) * np.where(random.random(n) < 0.6, 100, 1)
    price = 1_000_000 + np.cumsum(np.where(random.random(n) < 0.1, 1 - 2 * (side == 2), 0))
    ts = START + np.cumsum(random.exponential(5e6, n).astype(np.int64))
    return Trades(ts, price.astype(np.int64), size.astype(np.int64), side)
