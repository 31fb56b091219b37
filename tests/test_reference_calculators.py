"""Edge cases of the definitions over columns, with numbers worked out by hand."""

from math import exp, inf, isnan, nan

import pytest

import bookflow.reference as reference
from bookflow.reference import NONE

S = 1_000_000_000


def same(left: list[float], right: list[float]) -> bool:
    return len(left) == len(right) and all(
        a == b or (isnan(a) and isnan(b)) for a, b in zip(left, right, strict=True)
    )


EMPTY = (NONE, 0)


@pytest.mark.parametrize(
    ("bid", "ask", "expected"),
    [
        # (mid, spread, spread bp, weighted mid, queue imbalance, queue share)
        ((99, 3), (101, 1), (100, 2, 200, 100.5, 0.5, 0.75)),
        ((100, 3), (100, 1), (100, 0, 0, 100, 0.5, 0.75)),
        ((101, 1), (99, 1), (100, -2, -200, 100, 0, 0.5)),
        ((99, 3), EMPTY, (nan, nan, nan, nan, 1, 1)),
        (EMPTY, (101, 1), (nan, nan, nan, nan, -1, 0)),
        (EMPTY, EMPTY, (nan, nan, nan, nan, nan, nan)),
        ((-1, 1), (1, 1), (0, 2, nan, 0, 0, 0.5)),
    ],
)
def test_state(bid: tuple[int, int], ask: tuple[int, int], expected: tuple[float, ...]) -> None:
    quotes = [bid[0]], [bid[1]], [ask[0]], [ask[1]]
    values = [
        *reference.mid(*quotes),
        *reference.spread(*quotes),
        *reference.spread(*quotes, unit="bp"),
        *reference.weighted_mid(*quotes),
        *reference.queue_imbalance(*quotes),
        *reference.queue_share(*quotes),
    ]
    assert same(values, list(map(float, expected)))


def test_touch_of_an_empty_side_is_undefined_price_and_size() -> None:
    for of, value in (("bid_price", nan), ("bid_size", nan), ("ask_price", 7), ("ask_size", 3)):
        assert same(reference.touch([NONE], [0], [7], [3], of=of), [float(value)])


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ("uniform", (3 - 7) / 10),
        ("linear", (2 * 1 + 2 - 2 * 3 - 4) / (4 + 10)),
        # Distances from the mid of 100.5: .5, 1.5 and .5, 3.5.
        ("inverse", (2 + 2 / 1.5 - 6 - 4 / 3.5) / (2 + 2 / 1.5 + 6 + 4 / 3.5)),
        ("exponential", (1 + 2 * exp(-1) - 3 - 4 * exp(-1)) / (4 + 6 * exp(-1))),
    ],
)
def test_multi_level_imbalance(weights: str, expected: float) -> None:
    book = [[100, 99, 98]], [[1, 2, 1000]], [[101, 104, NONE]], [[3, 4, 0]]
    value = reference.multi_level_imbalance(*book, levels=2, weights=weights, decay=1.0)
    assert value == pytest.approx([expected], abs=1e-15)


def test_multi_level_imbalance_edges() -> None:
    def value(bids: list[int], asks: list[int]) -> list[float]:
        ones = [1] * len(bids), [1] * len(asks)
        return reference.multi_level_imbalance(
            [bids], [ones[0]], [asks], [ones[1]], weights="inverse"
        )

    assert same(value([], [101]), [-1.0])
    assert same(value([100], []), [1.0])
    assert same(value([], []), [nan])
    assert same(value([100], [100, 101]), [nan])
    # Crossed 103 / 99: the mid is 101, and the second bid stands on it.
    assert same(value([103, 101], [99]), [nan])


def test_order_flow_skips_bad_states_and_differences_against_the_last_good() -> None:
    bid_price = [NONE, 100, 105, 100, 101]
    bid_size = [0, 10, 1, 14, 2]
    ask_price, ask_size = [102] * 5, [20, 20, 20, 20, 25]
    quotes = bid_price, bid_size, ask_price, ask_size
    assert same(reference.order_flow_imbalance(*quotes), [nan, 0, 0, 4, -3])
    assert same(reference.order_flow_imbalance(*quotes, window=None), [nan, 0, 0, 4, 1])
    # A locked book is an ordinary state.
    locked = reference.order_flow_imbalance([100, 102], [10, 1], [102, 102], [20, 20])
    assert locked == [0.0, 1.0]


def test_a_missing_deeper_level_is_an_infinite_price_without_size() -> None:
    appears_and_goes = reference.multi_level_order_flow_imbalance(
        [[100, NONE], [100, 99], [100, NONE]],
        [[5, 0], [5, 7], [5, 0]],
        [[101, 102], [101, NONE], [101, 103]],
        [[5, 3], [5, 0], [5, 2]],
        levels=3,
    )
    # Level 2: the bid of 7 comes and goes; the ask of 3 goes, then one of 2 comes.
    assert appears_and_goes == [[0, 0, 0], [0, 7 + 3, 0], [0, -7 - 2, 0]]


H = 2**-0.5  # what half of the half-life leaves

WINDOWED = [
    (None, [1, 3, 7, 15, 31]),
    ("session", [1, 3, 7, 15, 31]),
    ("row", [1, 2, 4, 8, 16]),
    ("1events", [1, 2, 4, 8, 16]),
    ("3events", [1, 3, 7, 14, 28]),
    ("2trades", [1, 3, 6, 12, 24]),
    ("10s", [1, 3, 6, 12, 28]),
    ("10001ms", [1, 3, 7, 14, 30]),
    ("ew:1events", [1, 2.5, 5.25, 10.625, 21.3125]),
    ("ew:10s", [1, 2 + H, 4 + 2 * H + 1 / 2, 9 + 4 * H + H / 2, 25 + 4 * H + H / 2]),
]


@pytest.mark.parametrize(("window", "expected"), WINDOWED)
def test_windows_over_columns(window: str | None, expected: list[float]) -> None:
    """Sizes 1 2 4 8 16 at 0, 5, 10, 15 and 15 s: (t - 10 s, t] leaves out exactly 10 s."""
    ts = [0, 5 * S, 10 * S, 15 * S, 15 * S]
    values = reference.volume([7] * 5, [1, 2, 4, 8, 16], window=window, ts=ts)
    assert values == pytest.approx(expected, rel=1e-15)


def test_a_window_in_time_needs_times() -> None:
    with pytest.raises(ValueError, match="needs ts"):
        reference.volume([7, 7], [1, 2], window="10s")


@pytest.mark.parametrize(
    "window", ["", "10", "s", "-1s", "0s", "1.5events", "10volume", "ew:5trades", "ew:row", "best"]
)
def test_what_is_not_a_window(window: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        reference.volume([7], [1], window=window, ts=[0])


def test_flow_ratios_sum_both_parts_over_the_window() -> None:
    price, size, side = [10, 11, 12, 12], [6, 2, 4, 9], [1, 2, 2, 0]
    window = "2trades"
    assert same(reference.trade_flow_imbalance(price, size, side, window=window), [1, 0.5, -1, -1])
    assert same(reference.buy_sell_ratio(price, size, side, window=window), [nan, 3, 0, 0])
    assert same(reference.trade_flow_imbalance(price, size), [nan] * 4)
    assert reference.cumulative_volume_delta(price, size, side) == [6, 4, 0, 0]
    assert reference.cumulative_volume_delta(price, size, sign="tick") == [0, 2, 6, 15]
    assert reference.trade_count(price, size, side, of="sell", window=None) == [0, 1, 2, 2]


def test_vwap_over_a_window_and_its_deviation() -> None:
    price, size = [100, 110, 90], [1, 1, 2]
    assert reference.vwap(price, size) == [100, 105, 97.5]
    assert reference.vwap(price, size, window="2trades") == [100, 105, float(290 / 3)]
    assert reference.vwap_deviation(price, size) == [0, 5 / 105, -7.5 / 97.5]
    assert same(reference.vwap_deviation([1, -1], [1, 1]), [0.0, nan])


def test_vpin_bucket_rules() -> None:
    # A print over several buckets fills each of them; the open one is not used.
    assert same(
        reference.vpin([1] * 3, [5, 25, 9], [1, 2, 1], bucket_volume=10, n_buckets=2),
        [nan, (10 + 10) / 20, (10 + 10) / 20],
    )
    # A print that ends on a boundary leaves nothing to the next bucket.
    exact = reference.vpin([1, 1], [10, 10], [1, 2], bucket_volume=10, n_buckets=1)
    assert exact == [1.0, 1.0]
    # Volume of unknown side fills buckets and is on neither side.
    assert same(reference.vpin([1, 1], [5, 5], [0, 1], bucket_volume=10, n_buckets=1), [nan, 0.5])
    # The tick rule: 3 and 5 are up, so is the unchanged 5; the first print has no sign.
    ticks = reference.vpin([2, 3, 5, 5], [10] * 4, sign="tick", bucket_volume=10, n_buckets=1)
    assert ticks == [0.0, 1.0, 1.0, 1.0]
    # The age is the open bucket's volume, known once the value is.
    age = {"bucket_volume": 10, "n_buckets": 2, "output": "age"}
    assert same(reference.vpin([1] * 4, [5, 14, 1, 9], **age), [nan, nan, 0.0, 9.0])
    # The largest sizes: nothing is walked bucket by bucket.
    huge = reference.vpin([1, 1], [2**60, 2**60], [1, 2], bucket_volume=1, n_buckets=3)
    assert huge == [1.0, 1.0]


def test_values_are_rounded_once() -> None:
    big = 2**60 - 1
    assert reference.mid([big], [1], [big], [1]) == [float(big)]
    notional = reference.vwap([big, big - 2], [big, big])
    assert notional == [float(big), float(big - 1)]
    assert max(notional) < inf
