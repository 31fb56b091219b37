"""The rules of a chunk are checked block by block: what breaks one is named by its row."""

import numpy as np
import pytest
from streams import NONE

import bookflow as bf
from bookflow.events import Action, Flag, Side, Status

ROWS = 1100
EDGES = (0, 1, 510, 511, 512, 513, 1023, 1024, ROWS - 1)  # blocks are of 512 rows


def levels() -> dict[str, np.ndarray]:
    """Sound rows: sizes at 20 prices of either side."""
    i = np.arange(ROWS)
    return {
        "ts": 1_000 + i,
        "action": np.full(ROWS, int(Action.LEVEL), np.uint8),
        "side": (1 + i % 2).astype(np.uint8),
        "price": np.where(i % 2 == 0, 1000 - i % 20, 1001 + i % 20),
        "size": 1 + i % 7,
        "flags": np.full(ROWS, int(Flag.LAST), np.uint16),
        "order_id": np.zeros(ROWS, np.uint64),
        "instrument": np.zeros(ROWS, np.uint32),
    }


def pipeline() -> bf.Pipeline:
    instrument = bf.Instrument("X", price_unit="0.01", tick="0.02")
    return bf.Pipeline(instrument, clock="event", features={"mid": bf.Mid()})


def table(columns: dict[str, np.ndarray]) -> np.ndarray:
    rows = np.zeros(ROWS, bf.EVENT_DTYPE)
    rows["ts_venue"] = NONE
    for name, column in columns.items():
        rows[name] = column
    rows["price"] = np.where(columns["price"] == NONE, NONE, columns["price"] * 2)  # on the grid
    return rows


@pytest.mark.parametrize("row", EDGES)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ts", -1),
        ("ts", 2**62),
        ("action", 0),
        ("action", 11),
        ("action", 17),
        ("side", 0),
        ("side", 3),
        ("side", 130),
        ("size", -1),
        ("size", 2**60 + 1),
        ("price", NONE),
        ("price", 2**61 + 2),
        ("price", -(2**61) - 2),
        ("price", 2001),  # between two ticks
        ("flags", 257),
        ("instrument", 1),
    ],
)
def test_a_broken_rule_is_named_by_its_row(row: int, field: str, value: int) -> None:
    rows = table(levels())
    rows[field][row] = value
    pipe = pipeline()
    before = pipe.to_bytes()
    with pytest.raises(bf.InputError) as error:
        pipe.run(rows)
    assert (error.value.row, error.value.field) == (row, field)
    assert pipe.to_bytes() == before


@pytest.mark.parametrize("row", EDGES[1:])
def test_time_that_runs_back_is_named_by_its_row(row: int) -> None:
    rows = table(levels())
    rows["ts"][row] = rows["ts"][row - 1] - 1
    with pytest.raises(bf.InputError) as error:
        pipeline().run(rows)
    assert (error.value.row, error.value.field) == (row, "ts")


def orders() -> dict[str, np.ndarray]:
    """A DELETE and the ADD that replaces it, over and over."""
    i = np.arange(ROWS)
    action = np.where(i % 2 == 0, int(Action.ADD), int(Action.DELETE)).astype(np.uint8)
    return levels() | {
        "action": action,
        "side": np.where(i == 0, 1, 0).astype(np.uint8),
        "price": np.where(i % 2 == 0, 1000, NONE),
        "size": np.where(i % 2 == 0, 5, 0),
        "order_id": (1 + i // 2).astype(np.uint64),
    }


def test_a_replace_may_lie_across_two_blocks() -> None:
    columns = orders()
    book = bf.OrderBook()
    book.apply(Action.ADD, Side.BID, 1000, 5, 99)
    book.apply(Action.DELETE, 0, NONE, 0, 99)
    # from here on the first row of every block is an ADD that takes the side of what was deleted
    names = ("action", "side", "price", "size", "order_id")
    columns["side"][0] = 0
    book.apply_columns(*(columns[name] for name in names))
    assert book.check() == ""
    assert book.faults["unknown_side"] == 0


@pytest.mark.parametrize("row", [510, 512, 514, 1024])
def test_an_add_without_side_needs_a_delete_before_it(row: int) -> None:
    columns = orders()
    book = bf.OrderBook()
    book.apply(Action.ADD, Side.BID, 1000, 5, 99)
    book.apply(Action.DELETE, 0, NONE, 0, 99)
    columns["side"][:row] = np.where(columns["action"][:row] == Action.ADD, 1, 0)
    columns["action"][row - 1] = Action.ADD  # no DELETE any more
    columns["side"][row - 1] = 1
    columns["price"][row - 1], columns["size"][row - 1] = 1000, 5
    columns["order_id"][row - 1] = 5000
    names = ("action", "side", "price", "size", "order_id")
    with pytest.raises(bf.InputError) as error:
        book.apply_columns(*(columns[name] for name in names))
    assert (error.value.row, error.value.field) == (row, "side")


def test_a_gap_is_seen_though_the_quotes_stay() -> None:
    pipe = bf.Pipeline(bf.Instrument("X"), clock="2events", features={"mid": bf.Mid()})
    pipe.push(1, Action.LEVEL, Side.BID, 100, 5)
    pipe.push(2, Action.LEVEL, Side.ASK, 102, 5)
    pipe.push(3, Action.LEVEL, Side.BID, 90, 5)
    pipe.push(4, Action.LEVEL, Side.BID, 89, 5)
    assert pipe.latest(1).seen.tolist() == [0]
    pipe.push(5, Action.LEVEL, Side.BID, 90, 6, flags=int(Flag.LAST | Flag.GAP))
    pipe.push(9, Action.LEVEL, Side.BID, 89, 6)
    row = pipe.latest(1)
    assert row.status.tolist() == [int(Status.GAP)]
    assert row.seen[0] & int(Status.GAP)
    assert row.clean.tolist() == [0]
    pipe.push(10, Action.STATUS, 0, None, int(Status.HALTED))
    pipe.push(11, Action.LEVEL, Side.BID, 89, 7)
    assert pipe.latest(1).seen[0] & int(Status.HALTED)
