"""Column functions at every level of the CPU: the bits of `update`, whatever the rows are."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import effort

import bookflow as bf
from bookflow import _core

SUPPORTED = _core._SIMD_LEVELS
PLAIN = 1 << 49
PLAIN_DEPTH = 1 << 43
MOST_SIZE = 1 << 60
MOST_PRICE = 1 << 61
WINDOWS = ("row", "session", None, "1events", "3events", "700events", "ew:3events")

TOUCH: dict[str, list[dict[str, Any]]] = {
    "OrderFlowImbalance": [{"window": w} for w in WINDOWS],
    "LogOrderFlowImbalance": [{"lot": lot, "window": w} for lot in (1, 7) for w in WINDOWS[:2]],
    "QueueImbalance": [{}],
    "QueueShare": [{}],
    "Mid": [{}],
    "Spread": [{"unit": "ticks"}, {"unit": "bp"}, {"unit": "price"}],
    "WeightedMid": [{}],
    "Touch": [{"of": "bid_price"}, {"of": "ask_size"}],
}
TOUCH_CASES = [(name, settings) for name, many in TOUCH.items() for settings in many]
OF_LEVELS: list[tuple[str, dict[str, Any]]] = [
    *(
        (name, {"window": w})
        for name in (
            "MultiLevelOrderFlowImbalance",
            "NormalisedOrderFlowImbalance",
            "DepthConservingOrderFlowImbalance",
        )
        for w in ("row", None, "3events")
    ),
    *(("MultiLevelLogOrderFlowImbalance", {"lot": lot}) for lot in (1, 3, 1 << 59)),
    ("MultiLevelLogOrderFlowImbalance", {"lot": 3, "window": "3events"}),
    ("IntegratedOrderFlowImbalance", {}),
    ("IntegratedOrderFlowImbalance", {"window": "3events"}),
    *(("CumulativeDepth", {"side": side}) for side in ("bid", "ask", "both")),
    ("CumulativeDepth", {"by": "ticks", "within": 4}),
    *(
        ("MultiLevelImbalance", {"weights": w})
        for w in ("uniform", "linear", "exponential", "inverse")
    ),
    ("MultiLevelImbalance", {"by": "bp", "within": 30}),
    *(("BookSlope", {"lot": lot, "side": side}) for lot in (1, 4) for side in ("bid", "ask")),
    ("BookSlope", {"lot": 2}),
    ("BookSkew", {}),
    ("BookSkew", {"by": "ticks", "within": 4}),
    *(
        ("WalkTheBook", {"amount": amount, "side": side, "output": output})
        for amount, side in ((7, "buy"), (100, "sell"), (2 * PLAIN_DEPTH, "buy"))
        for output in ("average", "cost_ticks", "cost_bp", "unfilled", "filled_average")
    ),
    ("WalkTheBook", {"amount": 30_000, "by": "notional"}),
]


def of_so_many(name: str, settings: dict[str, Any], levels: int) -> dict[str, Any]:
    """The settings with as many levels, or with a weight for each."""
    if name == "IntegratedOrderFlowImbalance":
        return settings | {"weights": [(-1) ** i / (i + 1.5) for i in range(levels)]}
    return settings | {"levels": levels}


@pytest.fixture(params=SUPPORTED, autouse=True)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core._simd()
    _core._simd(request.param)
    yield request.param
    _core._simd(before)


def function_of(name: str) -> Any:
    entry = next(entry for entry in bf.calculators() if entry["name"] == name)
    return getattr(bf, entry["function"])


def touch(seed: int, n: int, *, plain: float, large: bool = False) -> list[np.ndarray]:
    """Quotes of which a share is not plain: one-sided, empty, crossed, locked, at the limits."""
    rng = np.random.default_rng(seed)
    bid = 1_000 + np.cumsum(rng.integers(-1, 2, n))
    ask = bid + rng.integers(0, 4, n)
    bid_size = rng.integers(1, 50, n)
    ask_size = rng.integers(1, 50, n)
    odd = rng.random(n) > plain
    what = rng.integers(0, 9, n)
    bid_size[odd & (what == 0)] = 0
    ask_size[odd & (what == 1)] = 0
    both = odd & (what == 2)
    bid_size[both] = ask_size[both] = 0
    bid[both] = bf.NONE
    crossed = odd & (what == 3)
    ask[crossed] = bid[crossed] - 1
    negative = odd & (what == 4)
    bid[negative] -= 2_000
    if large:
        bid_size[odd & (what == 5)] = MOST_SIZE
        ask_size[odd & (what == 6)] = PLAIN + 1
        bid_size[odd & (what == 7)] = PLAIN
        far = odd & (what == 8)
        bid[far], ask[far] = -MOST_PRICE, MOST_PRICE
    return [bid, bid_size, ask, ask_size]


def one_by_one(calculator: Any, columns: list[np.ndarray]) -> np.ndarray:
    if columns[0].ndim == 1:
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return np.array([calculator.update(*row) for row in rows], np.float64)
    rows = zip(*columns, strict=True)
    return np.array([calculator.update(*row) for row in rows], np.float64)


def laid_out(column: np.ndarray, how: str) -> np.ndarray:
    """The same numbers elsewhere in memory."""
    if how == "reversed":
        return np.ascontiguousarray(column[::-1])[::-1]
    if how == "strided":
        wide = np.full((len(column), 3, *column.shape[1:]), 7, column.dtype)
        wide[:, 1] = column
        return wide[:, 1]
    if how == "fortran":
        return np.asfortranarray(column)
    return column


def assert_same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    different = np.flatnonzero((got.view(np.int64) != expected.view(np.int64)).reshape(-1))
    assert not len(different), (different[0], got.flat[different[0]], expected.flat[different[0]])


@pytest.mark.parametrize("how", ["contiguous", "reversed", "strided"])
@pytest.mark.parametrize(("name", "settings"), TOUCH_CASES, ids=str)
def test_a_long_column_is_update(name: str, settings: dict[str, Any], how: str) -> None:
    for seed, (plain, large) in enumerate([(1.0, False), (0.995, True), (0.9, True), (0.3, False)]):
        columns = touch(seed, 1_500, plain=plain, large=large)
        expected = one_by_one(getattr(bf, name)(**settings), columns)
        got = function_of(name)(*(laid_out(c, how) for c in columns), **settings)
        assert_same_bits(got, expected)


@given(
    seed=st.integers(0, 2**32),
    n=st.integers(0, 1_300),
    plain=st.sampled_from([0.0, 0.5, 0.98, 1.0]),
    case=st.sampled_from(TOUCH_CASES),
)
@effort(60)
def test_any_column_is_update(
    seed: int, n: int, plain: float, case: tuple[str, dict[str, Any]]
) -> None:
    name, settings = case
    columns = touch(seed, n, plain=plain, large=seed % 2 == 0)
    expected = one_by_one(getattr(bf, name)(**settings), columns)
    assert_same_bits(function_of(name)(*columns, **settings), expected)


@pytest.mark.parametrize("row", [0, 1, 15, 63, 64, 65, 511, 512, 513, 1_199])
@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        (0, MOST_PRICE + 1, "bid_price"),
        (0, bf.NONE, "bid_price"),
        (1, -1, "bid_size"),
        (1, MOST_SIZE + 1, "bid_size"),
        (2, -MOST_PRICE - 1, "ask_price"),
        (3, np.iinfo(np.int64).min, "ask_size"),
        (3, np.iinfo(np.int64).max, "ask_size"),
    ],
)
@pytest.mark.parametrize("name", ["OrderFlowImbalance", "QueueImbalance", "Mid", "Touch"])
def test_the_first_offending_row_is_named(
    name: str, column: int, value: int, field: str, row: int
) -> None:
    columns = touch(row, 1_200, plain=0.99)
    for c in columns:
        c[row + 1 :] = -5  # later rows are worse still
    columns[1][row] = columns[3][row] = 3
    columns[column][row] = value
    with pytest.raises(bf.InputError) as raised:
        function_of(name)(*columns)
    assert raised.value.row == row
    assert raised.value.field == field


def prints(seed: int, n: int, *, plain: float) -> list[np.ndarray]:
    """Prints of which a share is too large to be plain."""
    rng = np.random.default_rng(seed)
    price = 1_000 + np.cumsum(rng.integers(-1, 2, n))
    size = rng.integers(1, 50, n)
    side = rng.integers(0, 3, n).astype(np.uint8)
    odd = rng.random(n) > plain
    size[odd] = rng.choice([5_000, PLAIN, PLAIN + 1, MOST_SIZE], odd.sum())
    price[odd & (side == 0)] = -MOST_PRICE
    return [price, size, side]


@pytest.mark.parametrize("how", ["contiguous", "reversed", "strided"])
@pytest.mark.parametrize("bucket", [1, 60, 900, 30_000, 10**17])
@pytest.mark.parametrize("sides", [True, False])
def test_a_column_of_prints_is_update(bucket: int, how: str, sides: bool) -> None:
    for seed, plain in enumerate([1.0, 0.999, 0.9]):
        columns = prints(seed, 1_600, plain=plain)[: 2 + sides]
        for settings in ({}, {"output": "age"}, {"sign": "tick"}):
            settings = {"bucket_volume": bucket, "n_buckets": 3, **settings}
            expected = one_by_one(bf.VPIN(**settings), columns)
            got = bf.vpin(*(laid_out(c, how) for c in columns), **settings)
            assert_same_bits(got, expected)


@given(seed=st.integers(0, 2**32), n=st.integers(0, 1_300), bucket=st.integers(1, 40_000))
@effort(60)
def test_any_column_of_prints_is_update(seed: int, n: int, bucket: int) -> None:
    columns = prints(seed, n, plain=[1.0, 0.998][seed % 2])
    settings = {"bucket_volume": bucket, "n_buckets": 1 + seed % 5}
    expected = one_by_one(bf.VPIN(**settings), columns)
    assert_same_bits(bf.vpin(*columns, **settings), expected)


@pytest.mark.parametrize("row", [0, 1, 15, 16, 511, 512, 513, 1_199])
@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        (0, MOST_PRICE + 1, "price"),
        (0, bf.NONE, "price"),
        (1, 0, "size"),
        (1, -1, "size"),
        (1, MOST_SIZE + 1, "size"),
        (1, bf.NONE, "size"),
        (2, 3, "side"),
        (2, 4, "side"),
        (2, 255, "side"),
    ],
)
def test_the_first_offending_print_is_named(column: int, value: int, field: str, row: int) -> None:
    columns = prints(row, 1_200, plain=1.0)
    columns[1][row + 1 :] = -5  # later rows are worse still
    columns[column][row] = value
    with pytest.raises(bf.InputError) as raised:
        bf.vpin(*columns, bucket_volume=1_000)
    assert raised.value.row == row
    assert raised.value.field == field


@pytest.mark.parametrize("window", ["row", "3events", "700events", None, "5ns"])
def test_times_change_nothing_but_windows_in_time(window: str | None) -> None:
    columns = touch(2, 1_500, plain=0.99)
    ts = np.cumsum(np.random.default_rng(2).integers(0, 3, 1_500))
    calculator = bf.OrderFlowImbalance(window=window)
    rows = zip(*(c.tolist() for c in (*columns, ts)), strict=True)
    expected = np.array([calculator.update(*row[:4], ts=row[4]) for row in rows])
    assert_same_bits(bf.order_flow_imbalance(*columns, ts=ts, window=window), expected)


@pytest.mark.parametrize("row", [1, 600, 1_199])
@pytest.mark.parametrize("window", ["row", "10ns"])
@pytest.mark.parametrize(("bad", "rule"), [(-7, "epoch"), (1 << 62, "epoch"), (0, "is before")])
def test_the_first_of_a_bad_time_and_a_bad_field_is_named(
    row: int, window: str, bad: int, rule: str
) -> None:
    ts = np.arange(1, 1_201)
    ts[row:] = bad
    for field_row, named in ((row - 1, "bid_size"), (row, "ts"), (None, "ts")):
        columns = touch(3, 1_200, plain=1.0)
        if field_row is not None:
            columns[1][field_row] = -1
        with pytest.raises(bf.InputError) as raised:
            bf.order_flow_imbalance(*columns, ts=ts, window=window)
        assert raised.value.field == named
        assert raised.value.row == (row if named == "ts" else field_row)
        assert named != "ts" or rule in str(raised.value)


def depth(seed: int, n: int, levels: int, *, plain: float) -> list[np.ndarray]:
    """Tables of which a share of the rows misses levels, is crossed, or is large."""
    rng = np.random.default_rng(seed)
    mid = 1_000 + np.cumsum(rng.integers(-1, 2, n))
    steps = [np.cumsum(rng.integers(1, 3, (n, levels)), axis=1) for _ in range(2)]
    bid, ask = mid[:, None] - steps[0], mid[:, None] + steps[1]
    sizes = [rng.integers(1, 9, (n, levels)) for _ in range(2)]
    for i in np.flatnonzero(rng.random(n) < 0.5):  # a side that stays as it was
        k = rng.integers(0, 2)
        if i > 0 and bid[i - 1, 0] < ask[i, 0] and bid[i, 0] < ask[i - 1, 0]:
            (bid, ask)[k][i] = (bid, ask)[k][i - 1]
            sizes[k][i] = sizes[k][i - 1]
    odd = rng.random(n) > plain
    what = rng.integers(0, 6, n)
    for i in np.flatnonzero(odd):
        if what[i] == 0:
            sizes[0][i, rng.integers(0, levels) :] = 0
        elif what[i] == 1:
            sizes[1][i, rng.integers(0, levels) :] = 0
        elif what[i] == 2:
            bid[i] += 10 * levels  # crossed
        elif what[i] == 3:
            sizes[0][i, -1] = MOST_SIZE
        elif what[i] == 4:  # locked: a level stands at the mid
            bid[i] += ask[i, 0] - bid[i, 0]
        else:
            ask[i, -1] = MOST_PRICE
    return [bid, sizes[0], ask, sizes[1]]


@pytest.mark.parametrize("how", ["contiguous", "reversed", "strided", "fortran"])
@pytest.mark.parametrize("levels", [1, 2, 5, 10, 64])
@pytest.mark.parametrize(("name", "settings"), OF_LEVELS, ids=str)
def test_a_table_is_update(name: str, settings: dict[str, Any], levels: int, how: str) -> None:
    settings = of_so_many(name, settings, levels)
    for seed, plain in enumerate([1.0, 0.97, 0.4]):
        tables = depth(seed, 130, levels, plain=plain)
        expected = one_by_one(getattr(bf, name)(**settings), tables)
        got = function_of(name)(*(laid_out(t, how) for t in tables), **settings)
        assert_same_bits(got, expected)


@pytest.mark.parametrize(("name", "settings"), OF_LEVELS, ids=str)
def test_the_largest_plain_sizes(name: str, settings: dict[str, Any]) -> None:
    settings = of_so_many(name, settings, 64)
    for more in (0, 1):
        tables = depth(5, 60, 64, plain=1.0)
        for sizes in tables[1], tables[3]:
            large = np.random.default_rng(5).random(sizes.shape) < 0.99
            sizes[large] = PLAIN_DEPTH
        tables[3][30:, 0] += more
        expected = one_by_one(getattr(bf, name)(**settings), tables)
        assert_same_bits(function_of(name)(*tables, **settings), expected)


@pytest.mark.parametrize(("name", "settings"), OF_LEVELS, ids=str)
def test_fewer_levels_than_the_table_has(name: str, settings: dict[str, Any]) -> None:
    settings = of_so_many(name, settings, 3)
    tables = depth(3, 300, 7, plain=0.95)
    expected = one_by_one(getattr(bf, name)(**settings), tables)
    assert_same_bits(function_of(name)(*tables, **settings), expected)


@pytest.mark.parametrize("row", [0, 1, 8, 15, 16, 17, 101, 102, 103, 299])
@pytest.mark.parametrize(
    ("table", "at", "value", "rule"),
    [
        (0, 4, 1_000_000, "must be worse"),
        (2, 2, -1_000_000, "must be worse"),
        (1, 1, 0, "behind a missing level"),
        (1, 3, -1, "2\\^60"),
        (3, 4, MOST_SIZE + 1, "2\\^60"),
        (0, 4, -MOST_PRICE - 1, "2\\^61"),
    ],
)
@pytest.mark.parametrize("name", ["MultiLevelOrderFlowImbalance", "CumulativeDepth"])
def test_the_first_offending_row_of_a_table_is_named(
    name: str, table: int, at: int, value: int, rule: str, row: int
) -> None:
    tables = depth(row, 300, 5, plain=1.0)
    for t in tables:
        t[row + 1 :] = -5
    tables[table][row, at] = value
    with pytest.raises(bf.InputError, match=rule) as raised:
        function_of(name)(*tables, levels=5)
    assert raised.value.row == row


@pytest.mark.parametrize("how", ["contiguous", "reversed", "strided"])
def test_a_column_with_logarithms_is_update(how: str) -> None:
    rng = np.random.default_rng(4)
    columns = [rng.normal(0.0, 3.0, 700), np.exp(rng.normal(0.0, 20.0, 700))]
    odd = [0.0, -0.0, np.nan, 5e-324, 1e-310, -2.2e-308, np.finfo(float).tiny, 1e150, -1e150]
    for column in columns:
        at = rng.random(700) < 0.2
        column[at] = rng.choice(odd, at.sum())
    for window in (None, "20events"):
        expected = one_by_one(bf.VolumeImpact(window=window), columns)
        got = bf.volume_impact(*(laid_out(c, how) for c in columns), window=window)
        assert_same_bits(got, expected)
    columns[1][333] = 2e150
    with pytest.raises(bf.InputError) as raised:
        bf.volume_impact(*columns)
    assert raised.value.row == 333


@pytest.mark.parametrize("n", [1, 65, 5_000])
def test_out_is_written_and_may_share_nothing(n: int) -> None:
    columns = touch(1, n, plain=0.9)
    out = np.empty(n)
    assert bf.order_flow_imbalance(*columns, out=out) is out
    assert_same_bits(out, bf.order_flow_imbalance(*columns))
    memory = np.arange(4 * n + 1)
    for begin, step in [(0, 1), (n - 1, 1), (n, -1), (2 * n, -2)]:
        shared = memory[begin::step][:n]
        if len(shared) < n or not np.may_share_memory(shared, memory[:n]):
            continue
        with pytest.raises(ValueError, match="shares memory"):
            bf.queue_imbalance(shared, *columns[1:], out=memory[:n].view(np.float64))
    apart = memory[n : 2 * n]
    apart[:] = columns[0]
    bf.queue_imbalance(apart, *columns[1:], out=memory[:n].view(np.float64))


def test_levels_are_named(level: str) -> None:
    assert _core._simd() == level
    assert SUPPORTED[0] == "portable"
    with pytest.raises(bf.InputError, match="portable"):
        _core._simd("sse9")
    assert _core._simd() == level
