"""A checksum of the best 25 levels, beside zlib over a text that Python joins of the same levels.

Books are of 400 levels a side with numbers as BTC-USDT has them. One call is one checksum; the
level that changes before it is timed as well, since a venue's message is both.
"""

import random
import statistics
import zlib
from collections.abc import Callable
from time import perf_counter_ns

import bookflow as bf
from bookflow._core import TextBook, TextOrders

ROUNDS = 15
CALLS = 4_000
LEVELS = 400
INSTRUMENT = bf.Instrument("X", price_unit="0.1", tick=None, size_unit="1e-8")

Levels = list[tuple[str, str]]


def side(first: int, step: int) -> Levels:
    chance = random.Random(first)
    return [
        (f"{(first + step * i) / 10:.1f}", f"{chance.randrange(1, 10**9) / 10**8:.8f}")
        for i in range(LEVELS)
    ]


BIDS, ASKS = side(370_000, -1), side(370_001, 1)


def alternating(bids: Levels, asks: Levels) -> int:
    pairs = zip(bids[:25], asks[:25], strict=True)
    return zlib.crc32(":".join(text for bid, ask in pairs for text in (*bid, *ask)).encode())


def digits(bids: Levels, asks: Levels) -> int:
    texts = [t for levels in (asks, bids) for level in levels[:25] for t in level]
    return zlib.crc32("".join(t.replace(".", "").lstrip("0") for t in texts).encode())


def by_id(bids: Levels, asks: Levels) -> int:
    pairs = enumerate(zip(bids[:25], asks[:25], strict=True))
    text = ":".join(f"{i + 1}:{bid[1]}:{LEVELS + i + 1}:-{ask[1]}" for i, (bid, ask) in pairs)
    return zlib.crc32(text.encode())


def timed(call: Callable[[], object]) -> float:
    begin = perf_counter_ns()
    for _ in range(CALLS):
        call()
    return (perf_counter_ns() - begin) / CALLS / 1e3


def main() -> None:
    book, orders = TextBook(INSTRUMENT), TextOrders(INSTRUMENT)
    book.update(BIDS, ASKS, whole=True)
    for i in range(LEVELS):
        orders.set(1, i + 1, i, *BIDS[i])
        orders.set(2, LEVELS + i + 1, i, *ASKS[i])
    change = [BIDS[3]]
    cases = {
        "alternating, 25 levels": (
            lambda: book.checksum("alternating", 25),
            lambda: alternating(BIDS, ASKS),
        ),
        "digits, 25 levels": (lambda: book.checksum("digits", 25), lambda: digits(BIDS, ASKS)),
        "orders by id, 25 a side": (lambda: orders.checksum("ids", 25), lambda: by_id(BIDS, ASKS)),
        "orders of 25 prices": (lambda: orders.checksum("digits", 25), lambda: digits(BIDS, ASKS)),
        "a level set": (lambda: book.update(change, ()), None),
        "an order set": (lambda: orders.set(1, 4, 3, *BIDS[3]), None),
    }
    print("us a call (medians of interleaved rounds)      bookflow   Python and zlib")
    taken: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in cases}
    for _ in range(ROUNDS):
        for name, (ours, plain) in cases.items():
            taken[name][0].append(timed(ours))
            if plain is not None:
                assert ours() == plain()
                taken[name][1].append(timed(plain))
    for name, (ours_us, plain_us) in taken.items():
        other = f"{statistics.median(plain_us):10.2f}" if plain_us else ""
        print(f"{name:44s} {statistics.median(ours_us):10.2f} {other}")


if __name__ == "__main__":
    main()
