"""Calculators of the book's state, by hand: distances, depth, the walk, slope and skew."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import effort

import bookflow as bf
from bookflow import reference

MOST = 2**61  # the largest price

# mid 10000 ticks of 5 units, spread 2 ticks
BOOK = (
    [[49995, 49990, 49980]],
    [[4, 2, 1]],
    [[50005, 50015, 50020]],
    [[1, 3, 5]],
)
STOCK = bf.Instrument("X", price_unit="0.01", tick="0.05", size_unit="0.1")


def one(function: Any, book: Any, **settings: Any) -> float:
    """Of one depth row, in units of 1."""
    (value,) = function(*(np.array(side) for side in book), **settings)
    return float(value)


def in_pipeline(calculator: Any, book: Any = BOOK) -> float:
    """Of one depth row, in an instrument's units."""
    pipe = bf.Pipeline(STOCK, clock="event", features={"x": calculator})
    sides = [np.array(side) for side in book]
    quote = [int(side[0, 0]) for side in sides]
    columns = {
        "ts": np.array([1, 1]),
        "action": np.array([8, 8], np.uint8),
        "side": np.array([1, 2], np.uint8),
        "price": np.array([quote[0], quote[2]]),
        "size": np.array([quote[1], quote[3]]),
        "flags": np.array([0, 1], np.uint8),
    }
    depth = bf.Depth(*(np.repeat(side, 2, axis=0) for side in sides))
    frame = pipe.run(bf.Events(columns, STOCK, depth=depth))
    return float(frame["x"][-1])


def test_a_distance_is_measured_in_the_ticks_of_the_instrument() -> None:
    near = bf.CumulativeDepth(levels=3, by="ticks", within=1)
    assert in_pipeline(near) == 0.5  # (4 + 1) x 0.1
    assert in_pipeline(bf.CumulativeDepth(levels=3, by="ticks", within=2.999)) == 0.7
    assert in_pipeline(bf.CumulativeDepth(levels=3, by="ticks", within=3, side="ask")) == 0.4
    assert in_pipeline(bf.CumulativeDepth(levels=3, by="bp", within=2, side="bid")) == 0.6
    weighted = bf.MultiLevelImbalance(levels=3, by="ticks", within=3, weights="linear")
    # weights 3 - d of d = 1, 2 | 1, 3
    assert in_pipeline(weighted) == (2 * 4 + 1 * 2 - 2 * 1) / (2 * 4 + 1 * 2 + 2 * 1)
    decayed = bf.MultiLevelImbalance(
        levels=3, by="ticks", within=2, weights="exponential", decay=0.5
    )
    bid, ask = 4 * math.exp(-0.5) + 2 * math.exp(-1), math.exp(-0.5)
    assert in_pipeline(decayed) == pytest.approx((bid - ask) / (bid + ask), rel=1e-15)


def test_a_distance_has_a_unit_and_a_unit_a_distance() -> None:
    for make in (bf.MultiLevelImbalance, bf.CumulativeDepth):
        for wrong in ({"by": "ticks"}, {"by": "bp"}, {"within": 5}):
            with pytest.raises(bf.InputError) as error:
                make(**wrong)
            assert error.value.field == f"{make.__name__}.within"


def test_no_deeper_than_the_levels() -> None:
    """What lies within the distance but behind the last level is not seen."""
    assert one(bf.cumulative_depth, BOOK, levels=3, by="bp", within=100) == 16
    assert one(bf.cumulative_depth, BOOK, levels=2, by="bp", within=100) == 10


def test_an_empty_side_has_no_depth_and_leaves_no_mid() -> None:
    bids_alone = [[100]], [[5]], [[bf.NONE]], [[0]]
    assert one(bf.cumulative_depth, bids_alone, levels=1, side="bid") == 5
    for side in ("ask", "both"):
        assert math.isnan(one(bf.cumulative_depth, bids_alone, levels=1, side=side))
    near: dict[str, Any] = {"levels": 1, "by": "ticks", "within": 5}
    assert math.isnan(one(bf.cumulative_depth, bids_alone, **near, side="bid"))
    assert math.isnan(one(bf.multi_level_imbalance, bids_alone, **near))
    assert one(bf.multi_level_imbalance, bids_alone, levels=1) == 1


def test_the_best_of_a_crossed_book_may_lie_too_far_off() -> None:
    crossed = [[110, 101, 90]], [[1, 2, 4]], [[90, 99, 110]], [[8, 16, 32]]
    assert one(bf.cumulative_depth, crossed, levels=3, by="ticks", within=1) == 18


@pytest.mark.parametrize("by", ["ticks", "bp"])
def test_distances_at_the_ends_of_the_range(by: Any) -> None:
    apart = [[-MOST]], [[2**60]], [[MOST]], [[2**60]]
    high = [[MOST - 1]], [[2**60]], [[MOST]], [[2**60]]
    for book in (apart, high):
        for within in (1e-6, 1e9):
            near = {"levels": 1, "by": by, "within": within}
            depth = one(bf.cumulative_depth, book, **near)
            reached = book is high and (by == "bp" or within > 1)
            assert depth == 2.0**61 * reached or (by == "bp" and book is apart)
            for weights in ("uniform", "exponential", "linear", "inverse"):
                x = one(bf.multi_level_imbalance, book, **near, weights=weights)
                assert x == 0 if reached else math.isnan(x)


def test_a_walk_in_the_units_of_the_instrument() -> None:
    def walk(amount: Any, **settings: Any) -> float:
        return in_pipeline(bf.WalkTheBook(amount, levels=3, **settings))

    assert walk(0.2) == (500.05 + 500.15) / 2
    assert walk(0.2, output="cost_ticks") == 2  # the average is 500.10, the mid 500.00
    assert walk(0.2, output="cost_bp") == 2
    assert walk(0.5, side="sell", output="cost_ticks") == pytest.approx((4 * 1 + 1 * 2) / 5)
    assert walk(10, output="unfilled") == 10 - 0.9
    # 50.005 buy the first level, 25.007 a part of the second
    assert walk(75.012, by="notional", output="average") == pytest.approx(
        75.012 / (0.1 + 25.007 / 500.15)
    )
    assert walk(1000, by="notional", side="sell", output="unfilled") == pytest.approx(
        1000 - 0.1 * (4 * 499.95 + 2 * 499.9 + 499.8)
    )


def test_an_amount_is_a_whole_number_of_units() -> None:
    for wrong in ({"amount": 0.05}, {"amount": 0.0005, "by": "notional"}, {"amount": 1e18}):
        with pytest.raises(bf.InputError) as error:
            in_pipeline(bf.WalkTheBook(**wrong, levels=3))
        assert error.value.field == "WalkTheBook.amount"
    assert in_pipeline(bf.WalkTheBook(0.001, by="notional", levels=3)) == 500.05


def test_a_walk_through_an_empty_side_or_a_price_of_nothing() -> None:
    bids_alone = [[100]], [[5]], [[bf.NONE]], [[0]]
    nothing = [[bf.NONE]], [[0]], [[bf.NONE]], [[0]]
    free = [[-2, -3]], [[5, 5]], [[0, 1]], [[5, 5]]
    assert one(bf.walk_the_book, bids_alone, amount=3, output="unfilled", levels=1) == 3
    assert one(bf.walk_the_book, bids_alone, amount=3, side="sell", levels=1) == 100
    assert math.isnan(one(bf.walk_the_book, nothing, amount=3, output="unfilled", levels=1))
    assert one(bf.walk_the_book, free, amount=6, levels=2) == 1 / 6
    for output in ("average", "unfilled", "filled_average"):
        walk = {"amount": 6, "by": "notional", "output": output, "levels": 2}
        assert math.isnan(one(bf.walk_the_book, free, **walk))
    assert math.isnan(one(bf.walk_the_book, free, amount=6, levels=2, output="cost_bp"))


def test_the_slope_of_a_book_by_hand() -> None:
    """Bid 1 % off the mid with 4 lots, then 12 more 1 % on; asked are 16 lots 1 % off."""
    book = [[9900, 9801]], [[4, 12]], [[10100, bf.NONE]], [[16, 0]]
    settings = {"lot": 1, "levels": 2}
    bid, ask = (math.log(4) / 0.01 + 1 / 0.01) / 2, math.log(16) / 0.01
    for side, slope in (("bid", bid), ("ask", ask), ("both", (bid + ask) / 2)):
        assert one(bf.book_slope, book, **settings, side=side) == pytest.approx(slope, rel=1e-14)
    # in lots of 4 nothing is known of the bids: a logarithm of 1
    assert math.isnan(one(bf.book_slope, book, lot=4, levels=2))
    assert one(bf.book_slope, book, lot=4, levels=2, side="ask") == pytest.approx(
        math.log(4) / 0.01, rel=1e-14
    )
    for touch in ((10100, 10100), (10101, 10100), (-5, 10100), (bf.NONE, 10100)):
        odd = [[touch[0]]], [[4 * (touch[0] != bf.NONE)]], [[touch[1]]], [[16]]
        assert math.isnan(one(bf.book_slope, odd, lot=1, levels=1))


def test_skew_needs_both_sides() -> None:
    book = [[100, 99]], [[2, 6]], [[101, 103]], [[2, 2]]
    assert one(bf.book_skew, book, levels=2) == pytest.approx(math.log(2), rel=1e-15)
    assert one(bf.book_skew, book, levels=2, by="ticks", within=1) == 0
    assert math.isnan(one(bf.book_skew, book, levels=2, by="ticks", within=0.25))
    assert math.isnan(one(bf.book_skew, ([[100]], [[2]], [[bf.NONE]], [[0]]), levels=1))


def large(below: int) -> st.SearchStrategy[int]:
    return st.integers(0, below.bit_length() - 1).flatmap(lambda bits: st.integers(1, 2**bits))


def any_book(data: st.DataObject, n: int) -> tuple[list[list[int]], ...]:
    """One row of n levels, at prices and of sizes of any magnitude; it may be locked."""
    first = data.draw(st.integers(-MOST + n, MOST - n) | large(2**40))
    ask = min(first + data.draw(st.integers(0, 3)), MOST - n)
    sizes = [data.draw(large(2**60)) for _ in range(2 * n)]
    bids, asks = [first - i for i in range(n)], [ask + i for i in range(n)]
    return [bids], [sizes[:n]], [asks], [sizes[n:]]


@effort(200)
@given(data=st.data())
def test_distances_over_the_whole_range(data: st.DataObject) -> None:
    """Which levels count, and their sums, are exact."""
    n = data.draw(st.integers(1, 6))
    book = any_book(data, n)
    by = data.draw(st.sampled_from(["ticks", "bp"]))
    millionths = data.draw(large(2**49) | st.integers(1, 8).map(lambda halves: halves * 500_000))
    near: dict[str, Any] = {"levels": n, "by": by, "within": float(f"{millionths}e-6")}
    for name in ("cumulative_depth", "multi_level_imbalance"):
        (expected,) = getattr(reference, name)(*book, **near)
        np.testing.assert_array_equal(one(getattr(bf, name), book, **near), expected)
    for weights in ("linear", "inverse"):
        (expected,) = reference.multi_level_imbalance(*book, **near, weights=weights)
        got = one(bf.multi_level_imbalance, book, **near, weights=weights)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14)


@effort(200)
@given(data=st.data())
def test_walks_over_the_whole_range(data: st.DataObject) -> None:
    """By size the rounded exact value; by notional to the last place."""
    n = data.draw(st.integers(1, 4))
    book = any_book(data, n)
    first = book[0][0][0]
    by = data.draw(st.sampled_from(["size", "notional"]))
    walk: dict[str, Any] = {
        "amount": min(data.draw(large(2**60 if by == "size" else 2**110)), 10**18),
        "by": by,
        "side": data.draw(st.sampled_from(["buy", "sell"])),
        "levels": n,
    }
    for output in ("average", "unfilled", "filled_average", "cost_ticks", "cost_bp"):
        got = one(bf.walk_the_book, book, **walk, output=output)
        (expected,) = reference.walk_the_book(*book, **walk, output=output)
        if by == "size" and output != "cost_bp":
            np.testing.assert_array_equal(got, expected)
        elif output in ("average", "unfilled", "filled_average"):
            np.testing.assert_allclose(got, expected, rtol=2**-52)
        else:  # of the difference of the average and the mid
            scale = abs(first) + 3
            bp = abs(1e4 / first * 2**-50 * scale) if output == "cost_bp" and first else 0
            np.testing.assert_allclose(got, expected, rtol=2**-50, atol=scale * 2**-58 + bp)


def test_a_half_life_in_events_is_the_volatility_of_risk_metrics() -> None:
    """But for a factor; the recursion is written out here."""
    mids = 10_000 + np.cumsum([0, 1, -2, 5, 0, 3, -4, 1])
    ones = np.ones(len(mids), np.int64)
    got = bf.realised_volatility(mids - 1, ones, mids + 1, ones, window="ew:3events")
    decay = 2 ** (-1 / 3)
    variance, expected = 0.0, [0.0]
    for change in np.diff(mids):
        variance = decay * variance + (1 - decay) * change**2
        expected.append(math.sqrt(variance))
    np.testing.assert_allclose(got * math.sqrt(1 - decay), expected, rtol=1e-14)


def test_quote_changes_skip_what_is_no_good_state() -> None:
    """Crossed between two equal states: nothing has changed."""
    bid, ask = np.array([100, 105, 100, 101]), np.array([102, 102, 102, 102])
    ones = np.ones(4, np.int64)
    counts = bf.quote_change_count(bid, ones, ask, ones, window=None)
    np.testing.assert_array_equal(counts, [0, 0, 0, 1])
