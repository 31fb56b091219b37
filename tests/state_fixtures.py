"""Saved states as this version of bookflow writes them, kept so that later versions are tested.

    python tests/state_fixtures.py    writes tests/fixtures/state/v1

They are not written anew when a test fails: states that people have would fail as well. Raise
`kStateVersion` (cpp/include/bookflow/state.hpp), say so in the changelog, and add a directory.
Before the first release there are none that people have.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from test_feeds_state import give, log, made

import bookflow as bf
from bookflow.checkpoint import Fingerprint
from bookflow.feeds import VENUES, Handler

FOLDER = Path(__file__).parent / "fixtures" / "state" / f"v{bf._core.STATE_VERSION}"
SECOND = 1_000_000_000
CENTS = bf.Instrument("ACME", price_unit="0.01", tick="0.01", id=7)
FEATURES = {
    "ofi": "OrderFlowImbalance()",
    "mlofi": "MultiLevelOrderFlowImbalance(levels=2)",
    "vwap": 'VWAP(window="5s")',
    "vpin": "VPIN(bucket_volume=20, n_buckets=3)",
    "alarm": "Cusum(of=Diff(of=Mid()), k=0.1, h=2, mean=0, sd=1)",
    "slow": 'Mean(of=Spread(), window="ew:10s", on="event")',
}
CUT, END = 120, 200


def events(first: int, last: int) -> list[tuple[int, ...]]:
    """Arguments of `push` for these steps: orders that come and go, and prints, by arithmetic."""
    rows = []
    for i in range(first, last):
        ts = 1_700_000_000 * SECOND + i * SECOND // 3
        side = bf.Side.BID if i % 2 else bf.Side.ASK
        price = 1000 - i % 5 if i % 2 else 1002 + i * 7 % 6
        rows.append((ts, bf.Action.ADD, side, price, 5 + i % 7, i + 1))
        if i >= 20 and i % 3 == 0:
            rows.append((ts, bf.Action.DELETE, bf.Side.NONE, bf.NONE, 0, i - 19))
        if i % 4 == 0:
            rows.append((ts, bf.Action.TRADE, side, 1001, 3 + i % 11, 0))
    return [tuple(map(int, row)) for row in rows]


def pipeline() -> bf.Pipeline:
    pipe = bf.Pipeline(CENTS, clock="2s", features=FEATURES, session="00:00 UTC", history=4)
    for row in events(0, CUT):
        pipe.push(*row)
    return pipe


def order_book() -> bf.OrderBook:
    book = bf.OrderBook()
    for _, action, side, price, size, number in events(0, CUT):
        book.apply(action, side, price, size, number)
    return book


def level_book() -> bf.LevelBook:
    book = bf.LevelBook()
    for i in range(CUT):
        book.apply(bf.Action.LEVEL, bf.Side.BID if i % 2 else bf.Side.ASK, *level(i))
    return book


def level(i: int) -> tuple[int, int]:
    """Price and size of a step."""
    return (1000 - i % 23 if i % 2 else 1002 + i * 7 % 31), i % 9


def handler(venue: str) -> Handler:
    """Two thirds of the venue's log were taken."""
    with tempfile.TemporaryDirectory() as directory:
        said = log(venue, Path(directory))
    one = made(venue)
    for line in said[: len(said) * 2 // 3]:
        give(one, line)
    return one


def checkpoint() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "job"
        source = (Fingerprint("a.csv", 1234, "ab" * 32),)
        position = bf.Position(len(events(0, CUT)), 1, 17, 4096, source)
        note = {"day": "2026-11-29", "n": [1, None]}
        bf.Checkpoint(path).save(
            pipeline(), position, note=note, book=order_book(), handler=handler("kraken")
        )
        return path.read_bytes()


STATES: dict[str, Callable[[], bytes]] = {
    "pipeline": lambda: pipeline().to_bytes(),
    "order_book": lambda: order_book().to_bytes(),
    "level_book": lambda: level_book().to_bytes(),
    "checkpoint": checkpoint,
    **{f"feed.{venue}": lambda venue=venue: handler(venue).to_bytes() for venue in VENUES},
}


def main() -> int:
    if FOLDER.exists():
        print(f"{FOLDER} is there: read what stands at the head of this file")
        return 1
    FOLDER.mkdir(parents=True)
    for name, make in STATES.items():
        (FOLDER / name).write_bytes(make())
    return 0


if __name__ == "__main__":
    sys.exit(main())
