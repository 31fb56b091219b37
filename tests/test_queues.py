"""The orders at the touch, in pipelines."""

import numpy as np

import bookflow as bf
from bookflow.events import Action, Flag, Side

CENTS = bf.Instrument("CENTS", price_unit="0.01", tick="0.01")
BID, ASK = Side.BID, Side.ASK


def pipeline(**features: object) -> bf.Pipeline:
    return bf.Pipeline(CENTS, features=features)


def rows(pipe: bf.Pipeline, *events: tuple[int, ...]) -> bf.FeatureFrame:
    written = sum(pipe.push(*event, Flag.LAST) for event in events)
    return pipe.latest(written)


def test_counts_and_sizes_by_hand() -> None:
    pipe = pipeline(
        count=bf.OrderCountImbalance(),
        bid=bf.MeanOrderSize("bid"),
        ask=bf.MeanOrderSize("ask"),
        both=bf.MeanOrderSize(),
    )
    frame = rows(
        pipe,
        (1, Action.ADD, BID, 100, 5, 1),
        (2, Action.ADD, ASK, 102, 6, 2),
        (3, Action.ADD, BID, 100, 2, 3),
        (4, Action.ADD, BID, 100, 2, 4),
        (5, Action.ADD, BID, 99, 90, 5),  # behind the touch
        (6, Action.ADD, BID, 101, 8, 6),
        (7, Action.CLEAR, Side.NONE, bf.NONE, 0, 0),
    )
    nan = np.nan
    np.testing.assert_array_equal(frame["count"], [1, 0, 1 / 3, 0.5, 0.5, 0, nan])
    np.testing.assert_array_equal(frame["bid"], [5, 5, 3.5, 3, 3, 8, nan])
    np.testing.assert_array_equal(frame["ask"], [nan, 6, 6, 6, 6, 6, nan])
    np.testing.assert_array_equal(frame["both"], [5, 5.5, 13 / 3, 15 / 4, 15 / 4, 7, nan])


def test_without_orders_nobody_knows_the_queues() -> None:
    pipe = pipeline(count=bf.OrderCountImbalance(), size=bf.MeanOrderSize())
    frame = rows(pipe, (1, Action.LEVEL, BID, 100, 5, 0), (2, Action.LEVEL, ASK, 102, 5, 0))
    assert np.isnan(frame["count"]).all()
    assert np.isnan(frame["size"]).all()


def test_what_is_not_given_is_not_known() -> None:
    assert bf.OrderCountImbalance().update(3, 1) == 0.5
    assert np.isnan(bf.MeanOrderSize().update(3, 1, 7))
    assert bf.MeanOrderSize("bid").update(3, 1, 6) == 2
    two = np.array([3, 1]), np.array([1, 1])
    assert np.isnan(bf.mean_order_size(*two)).all()
    np.testing.assert_array_equal(bf.order_count_imbalance(*two), [0.5, 0])
