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


SECOND = 10**9


def test_ages_by_hand() -> None:
    """Seconds since each order joined its queue; behind each event, the orders at the bid then."""
    pipe = pipeline(
        by_order=bf.TouchAge(of="bid"),
        by_size=bf.TouchAge("size", "bid"),
        both=bf.TouchAge(),
    )
    events = (
        ((0, Action.ADD, BID, 100, 6, 1), 0, 0),
        ((2, Action.ADD, BID, 100, 2, 2), 1, 12 / 8),  # 1: 2 s, 2: 0 s
        ((4, Action.MODIFY, BID, 100, 3, 1), 3, 16 / 5),  # smaller: its age goes on
        ((5, Action.EXECUTE, BID, bf.NONE, 1, 1), 4, 16 / 4),  # so it does after a fill
        ((6, Action.MODIFY, BID, 100, 4, 2), 3, 12 / 6),  # larger: to the back, and 0 s
        ((7, Action.MODIFY, BID, 100, 4, 2), 4, 18 / 6),  # as it was
        ((8, Action.ADD, BID, 101, 5, 3), 0, 0),  # a better price: the touch is another queue
        ((9, Action.MODIFY, BID, 101, 2, 1), 0.5, 5 / 7),  # another price begins anew
        ((10, Action.ADD, ASK, 103, 1, 4), 1.5, 12 / 7),
        ((12, Action.DELETE, BID, bf.NONE, 0, 3), 3, 3),
        ((12, Action.ADD, BID, 101, 5, 9), 1.5, 6 / 7),  # a replacement is a new order
    )
    frame = rows(pipe, *((e[0] * SECOND, *e[1:]) for e, _, _ in events))
    np.testing.assert_array_equal(frame["by_order"], [order for _, order, _ in events])
    np.testing.assert_array_equal(frame["by_size"], [size for _, _, size in events])
    np.testing.assert_array_equal(frame["both"][:8], frame["by_order"][:8])  # no ask so far
    np.testing.assert_array_equal(frame["both"][8:], [3 / 3, 5 / 2, 5 / 3])


def test_ages_grow_between_events_and_are_saved() -> None:
    """On a grid they are those of its points; a pipeline restored from bytes knows them still."""
    pipe = bf.Pipeline(CENTS, clock="10s", features={"age": bf.TouchAge()})
    pipe.push(4 * SECOND, Action.ADD, BID, 100, 6, 1, Flag.LAST)
    pipe.push(8 * SECOND, Action.ADD, ASK, 101, 6, 2, Flag.LAST)
    pipe = bf.Pipeline.from_bytes(pipe.to_bytes())
    pipe.advance(31 * SECOND)
    np.testing.assert_array_equal(pipe.latest(3)["age"], [4, 14, 24])


def test_births_are_kept_only_where_ages_are_read() -> None:
    """A state's orders have births where a calculator asks for them, and nowhere else."""
    without = pipeline(size=bf.MeanOrderSize())
    rows(without, (1, Action.ADD, BID, 100, 6, 1))
    with_ages = pipeline(size=bf.TouchAge())
    rows(with_ages, (1, Action.ADD, BID, 100, 6, 1))
    assert len(without.to_bytes()) < len(with_ages.to_bytes())
