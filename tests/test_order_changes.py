"""What orders do to the book, by its cause, in pipelines."""

from pathlib import Path

import numpy as np
import pytest

import bookflow as bf
from bookflow.events import Action, Flag, Side, Status

CAUSES = ("added", "cancelled", "traded")
CENTS = bf.Instrument("CENTS", price_unit="0.01", tick="0.01")


def pipeline() -> bf.Pipeline:
    parts = {cause: bf.CauseOrderFlowImbalance(cause) for cause in CAUSES}
    features = {
        "ofi": bf.OrderFlowImbalance(),
        **parts,
        "by_size": bf.CancelRate(window=None),
        "by_count": bf.CancelRate("count", window=None),
        "orders_a_trade": bf.OrderToTradeRatio(window=None),
    }
    return bf.Pipeline(CENTS, features=features)


BID, ASK = Side.BID, Side.ASK
LAST, NONE = Flag.LAST, bf.NONE
BOOK = ((1, Action.ADD, BID, 100, 5, 1), (1, Action.ADD, ASK, 102, 6, 2))
CASES = {
    "an order joins": ((Action.ADD, BID, 100, 3, 3), LAST, (3, 0, 0)),
    "an order improves": ((Action.ADD, ASK, 101, 3, 3), LAST, (-3, 0, 0)),
    "deeper is nothing": ((Action.ADD, BID, 99, 3, 3), LAST, (0, 0, 0)),
    "a part is cancelled": ((Action.CANCEL, BID, NONE, 2, 1), LAST, (0, -2, 0)),
    "the last order goes": ((Action.DELETE, ASK, NONE, 0, 2), LAST, (0, 6, 0)),
    "it goes by a trade": ((Action.CANCEL, BID, NONE, 2, 1), LAST | Flag.FILL, (0, 0, -2)),
    "an execution": ((Action.EXECUTE, ASK, NONE, 4, 2), LAST, (0, 0, 4)),
    "made smaller": ((Action.MODIFY, BID, 100, 2, 1), LAST, (0, -3, 0)),
    "made larger": ((Action.MODIFY, BID, 100, 9, 1), LAST, (4, 0, 0)),
    "moved up": ((Action.MODIFY, BID, 101, 5, 1), LAST, (5, -5, 0)),
    "nobody knows it": ((Action.CANCEL, BID, NONE, 2, 77), LAST, (0, 0, 0)),
    "a snapshot": ((Action.ADD, BID, 100, 3, 3), LAST | Flag.SNAPSHOT, None),
}


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case: str) -> None:
    event, flags, expected = CASES[case]
    pipe = pipeline()
    for start in BOOK:
        pipe.push(*start, LAST)
    written = pipe.push(2, *event, flags)
    if expected is None:
        assert written == 0
        pipe.push(3, Action.CANCEL, BID, NONE, 1, 3, LAST)
        expected = (0, -1, 0)
    assert tuple(pipe.latest(1)[cause][0] for cause in CAUSES) == expected


def test_rates_by_hand() -> None:
    pipe = pipeline()
    for event in (
        *BOOK,
        (2, Action.CANCEL, BID, NONE, 2, 1),
        (3, Action.EXECUTE, ASK, NONE, 4, 2),
        (4, Action.MODIFY, BID, 99, 3, 1),  # 3 leave one price and join another
    ):
        pipe.push(*event, LAST)
    last = pipe.latest(1)
    assert last["by_size"][0] == (2 + 3) / (5 + 6 + 3)
    assert last["by_count"][0] == 2 / 3
    assert last["orders_a_trade"][0] == 5


def test_without_orders_nobody_knows_the_cause() -> None:
    pipe = pipeline()
    for ts, size in enumerate((5, 9, 3)):
        pipe.push(ts, Action.LEVEL, BID, 100, size, 0, LAST)
        pipe.push(ts, Action.LEVEL, ASK, 102, 5, 0, LAST)
    frame = pipe.latest(6)
    assert frame["ofi"][-2] == -6
    for name in frame.columns:
        if name != "ofi":
            assert np.isnan(frame[name]).all()


def test_the_parts_of_amazon_add_up(shared: Path) -> None:
    """Each message of the day, at the touch of the book file before and after it."""
    folder = shared / "data/lobster/AMZN_2012-06-21_1"
    (messages,) = folder.glob("*message*.csv")
    (books,) = folder.glob("*orderbook*.csv")
    kind, size, price, direction = np.loadtxt(
        messages, delimiter=",", usecols=(1, 3, 4, 5), dtype=np.int64
    ).T
    book = np.loadtxt(books, delimiter=",", dtype=np.int64)
    ask, ask_size, bid, bid_size = book.T
    ofi = bf.order_flow_imbalance(
        *(np.ascontiguousarray(x) for x in (bid, bid_size, ask, ask_size))
    )

    best = np.where(direction == 1, bid, ask)
    before = np.where(direction == 1, np.roll(bid, 1), np.roll(ask, 1)) == price
    changes = np.flatnonzero(np.isin(kind, (1, 2, 3, 4)))  # 5 is hidden: the book stays
    changes = changes[changes > 0]
    columns = (
        price,
        np.where(kind == 1, size, -size),
        np.where(direction == 1, 1, 2).astype(np.uint8),
        np.array([0, 1, 2, 2, 4, 0, 0, 0], np.uint8)[kind],
        (before + 2 * (best == price)).astype(np.uint8),
    )
    parts = [
        bf.cause_order_flow_imbalance(*(c[changes] for c in columns), output=cause)
        for cause in CAUSES
    ]
    np.testing.assert_array_equal(sum(parts), ofi[changes])
    rest = np.setdiff1d(np.arange(1, len(kind)), changes)
    assert not ofi[rest].any()
    assert all(np.any(part != 0) for part in parts)


def test_the_parts_of_a_simulated_day_add_up() -> None:
    """In a pipeline, over every change of one order that leaves a good book before and after."""
    events = bf.simulate(events=50_000, seed=3).events
    parts = {cause: bf.CauseOrderFlowImbalance(cause) for cause in CAUSES}
    features = {"ofi": bf.OrderFlowImbalance(), **parts}
    frame = bf.Pipeline(events.instrument, features=features).run(events)

    rows = events.to_numpy()
    ends = np.flatnonzero(rows["flags"] & LAST)
    alone = np.diff(ends, prepend=-1) == 1
    alone &= rows["action"][ends] != Action.MODIFY  # of the price it is two changes
    written = rows["flags"][ends] & Flag.SNAPSHOT == 0
    good = frame.status & (Status.ONE_SIDED | Status.CROSSED) == 0
    good[1:] &= good[:-1]
    told = good & alone[written] & ~np.isnan(frame["added"])
    total = sum(frame[cause] for cause in CAUSES)
    np.testing.assert_array_equal(total[told], frame["ofi"][told])
    assert told.sum() > 0.9 * len(told)
