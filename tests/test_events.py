"""Events: their columns, the doors that make them, their parts and their order."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bookflow as bf
from bookflow import _core

CENTS = bf.Instrument("ACME", price_unit="0.01", tick="0.01", size_unit="1")


def rows(**columns: Any) -> bf.Events:
    """TRADE rows unless told otherwise."""
    n = len(columns["ts"])
    whole = {
        "ts": np.array(columns["ts"]),
        "action": np.full(n, bf.Action.TRADE, np.uint8),
        "side": np.ones(n, np.uint8),
        "price": np.full(n, 1000),
        "size": np.arange(1, n + 1),
    }
    for name, values in columns.items():
        whole[name] = np.array(values, bf.EVENT_DTYPE[name])
    return bf.Events.from_numpy(whole, CENTS)


def quotes(ts: list[int], first: int = 1000) -> bf.Events:
    n = len(ts)
    return bf.Events.from_quotes(
        {
            "ts": np.array(ts),
            "bid_price": np.arange(first, first + n),
            "bid_size": np.full(n, 5),
            "ask_price": np.arange(first + 1, first + 1 + n),
            "ask_size": np.full(n, 6),
        },
        CENTS,
    )


@pytest.mark.parametrize(
    ("words", "core"),
    [
        (bf.Action, _core.ACTIONS),
        (bf.Side, _core.SIDES),
        (bf.Flag, _core.FLAGS),
        (bf.Status, _core.STATUS),
    ],
)
def test_the_words_are_the_cores(words: Any, core: dict[str, int]) -> None:
    assert {word.name: int(word) for word in words} == core


def test_a_trade_has_a_buyer_or_a_seller() -> None:
    assert bf.Side.BUY is bf.Side.BID
    assert bf.Side.SELL is bf.Side.ASK


def test_an_event_is_48_bytes() -> None:
    assert bf.EVENT_DTYPE.itemsize == 48


def test_quotes_are_depth_rows_of_one_level_with_an_unknown_cause() -> None:
    events = quotes([1, 2])
    assert events.depth is not None
    assert events.depth.bid_price.tolist() == [[1000], [1001]]
    assert events.depth.ask_size.tolist() == [[6], [6]]
    assert set(events.action.tolist()) == {bf.Action.QUOTE}
    assert set(events.price.tolist()) == {bf.NONE}
    assert set(events.side.tolist()) == {bf.Side.NONE}
    assert set(events.flags.tolist()) == {bf.Flag.LAST}
    assert events.columns["flags"] is None


def test_float_prices_become_units_exactly() -> None:
    events = bf.Events.from_trades(
        {"ts": np.array([1, 2]), "price": np.array([10.01, 10.1]), "size": np.array([3.0, 4.0])},
        CENTS,
    )
    assert events.price.tolist() == [1001, 1010]
    assert events.size.tolist() == [3, 4]
    assert events.side.tolist() == [0, 0]


def test_a_price_finer_than_its_unit_names_row_field_and_value() -> None:
    prices = {"ts": np.array([1, 2]), "price": np.array([10.01, 10.015]), "size": np.array([1, 1])}
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_trades(prices, CENTS, source="tape")
    assert (error.value.source, error.value.row, error.value.field) == ("tape", 1, "price")
    assert "10.015" in str(error.value)


def test_the_same_quotes_from_every_kind_of_table() -> None:
    data = {
        "ts": np.array([1, 2]),
        "bid_price": np.array([9.99, np.nan]),
        "bid_size": np.array([5, 0]),
        "ask_price": np.array([10.0, 10.01]),
        "ask_size": np.array([6, 7]),
    }
    structured = np.empty(2, [(name, column.dtype) for name, column in reversed(data.items())])
    for name, column in data.items():
        structured[name] = column
    nulls = pl.DataFrame(data).with_columns(pl.col("bid_price").fill_nan(None))
    for table in (data, structured, pl.DataFrame(data), nulls, pd.DataFrame(data)):
        depth = bf.Events.from_quotes(table, CENTS).depth
        assert depth is not None
        assert depth.bid_price.tolist() == [[999], [bf.NONE]]
        assert depth.bid_size.tolist() == [[5], [0]]
        assert depth.ask_price.tolist() == [[1000], [1001]]
        assert depth.ask_size.tolist() == [[6], [7]]


@pytest.mark.parametrize(
    "names",
    [
        ("bid_price_{}", "bid_size_{}", "ask_price_{}", "ask_size_{}", 0),
        ("bid_price_{}", "bid_size_{}", "ask_price_{}", "ask_size_{}", 1),
        ("bid_px_{:02d}", "bid_sz_{:02d}", "ask_px_{:02d}", "ask_sz_{:02d}", 0),
        ("bid_px_{}", "bid_sz_{}", "ask_px_{}", "ask_sz_{}", 0),
        ("bids[{}].price", "bids[{}].amount", "asks[{}].price", "asks[{}].amount", 0),
    ],
)
@pytest.mark.parametrize("prefix", ["", "es_"])
def test_numbered_levels_are_found_under_their_names(names: tuple[Any, ...], prefix: str) -> None:
    *patterns, first = names
    table = {"ts": np.array([7])}
    for level in range(12):
        values = (1000 - level, 5 + level, 1001 + level, 6 + level)
        for pattern, value in zip(patterns, values, strict=True):
            table[prefix + pattern.format(level + first)] = np.array([value])
    depth = bf.Events.from_depth(table, CENTS, levels=10, prefix=prefix).depth
    assert depth is not None
    assert depth.levels == 10
    assert depth.bid_price[0].tolist() == list(range(1000, 990, -1))
    assert depth.ask_size[0].tolist() == list(range(6, 16))
    best = bf.Events.from_quotes(table, CENTS, prefix=prefix).depth
    assert best is not None
    assert [block.tolist() for block in best.arrays()] == [[[1000]], [[5]], [[1001]], [[6]]]


def test_depth_of_two_dimensional_arrays() -> None:
    blocks = {
        "bid_price": np.array([[1000, 999, 998]]),
        "bid_size": np.array([[1, 2, 0]]),
        "ask_price": np.array([[1001, 1002, 1003]]),
        "ask_size": np.array([[4, 5, 6]]),
    }
    depth = bf.Events.from_depth({"ts": np.array([1])} | blocks, CENTS, levels=3).depth
    assert depth is not None
    assert depth.bid_price.tolist() == [[1000, 999, bf.NONE]]
    assert depth.ask_size.tolist() == [[4, 5, 6]]


def test_lobsters_empty_levels_are_missing() -> None:
    table = {
        "ts": np.array([1]),
        "bid_price": np.array([-9_999_999_999]),
        "bid_size": np.array([0]),
        "ask_price": np.array([1001]),
        "ask_size": np.array([4]),
    }
    depth = bf.Events.from_quotes(table, CENTS).depth
    assert depth is not None
    assert depth.bid_price.tolist() == [[bf.NONE]]


@pytest.mark.parametrize(
    ("side", "codes"),
    [
        (np.array([0, 1, 2], np.uint8), [0, 1, 2]),
        (np.array([0, 1, -1]), [0, 1, 2]),
        (np.array(["n", "Buy", "SELL"]), [0, 1, 2]),
        (np.array([b"N", b"B", b"A"]), [0, 1, 2]),
        (np.array(["none", "bid", "ask"], object), [0, 1, 2]),
        (pl.Series(["unknown", "b", "s"]), [0, 1, 2]),
        (pl.Series(["N", "B", "S"]).cast(pl.Categorical), [0, 1, 2]),
        (pd.Series(["N", "B", "S"]), [0, 1, 2]),
        (pd.Series(["N", "B", "S"], dtype="category"), [0, 1, 2]),
    ],
)
def test_sides_in_every_notation(side: object, codes: list[int]) -> None:
    table = {"ts": np.arange(3), "price": np.full(3, 1), "size": np.full(3, 1), "side": side}
    assert bf.Events.from_trades(table, CENTS).side.tolist() == codes


@pytest.mark.parametrize(
    ("side", "row", "value"),
    [
        (np.array(["buy", "bought", "sell"]), 1, "bought"),
        (np.array([1, 2, 3]), 2, 3),
        (np.array([1, -1, 2]), 2, 2),
    ],
)
def test_an_unknown_side_is_named(side: object, row: int, value: object) -> None:
    table = {"ts": np.arange(3), "price": np.full(3, 1), "size": np.full(3, 1), "side": side}
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_trades(table, CENTS)
    assert (error.value.row, error.value.field, error.value.value) == (row, "side", value)


def test_columns_are_renamed() -> None:
    table = {"time": np.array([1]), "px": np.array([1000]), "qty": np.array([2])}
    names = {"ts": "time", "price": "px", "size": "qty"}
    events = bf.Events.from_trades(table, CENTS, columns=names)
    assert (events.ts[0], events.price[0], events.size[0]) == (1, 1000, 2)


def test_a_mistyped_name_lists_what_was_meant() -> None:
    table = {"ts": np.array([1]), "prize": np.array([1000]), "size": np.array([2])}
    with pytest.raises(bf.InputError, match=r"did you mean prize\?") as error:
        bf.Events.from_trades(table, CENTS)
    assert error.value.field == "price"
    with pytest.raises(bf.InputError, match=r"did you mean price\?"):
        bf.Events.from_trades(table, CENTS, columns={"prcie": "prize"})


def test_times_of_any_unit() -> None:
    at = np.array(["2024-01-02T03:04:05.678901"], "datetime64[us]")
    ns = 1_704_164_645_678_901_000
    zoned = pd.Series(pd.to_datetime(at)).dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    eager = pl.Series(at).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")
    for ts in (at, pd.Series(at), zoned, pl.Series(at), eager):
        table = {"ts": ts, "price": np.array([1]), "size": np.array([1])}
        assert bf.Events.from_trades(table, CENTS).ts.tolist() == [ns]
    micros = {"ts": np.array([ns // 1000]), "price": np.array([1]), "size": np.array([1])}
    assert bf.Events.from_trades(micros, CENTS, ts_unit="us").ts.tolist() == [ns]


def test_a_time_that_goes_back_is_an_error_or_takes_the_running_maximum() -> None:
    table = {"ts": np.array([5, 3, 6]), "price": np.full(3, 1), "size": np.full(3, 1)}
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_trades(table, CENTS)
    assert (error.value.row, error.value.field) == (1, "ts")
    events = bf.Events.from_trades(table, CENTS, order="as-is")
    assert events.ts.tolist() == [5, 5, 6]
    assert events.counts == {"late": 1}


def test_optional_columns_have_defaults() -> None:
    events = rows(ts=[1, 2])
    assert [name for name, column in events.columns.items() if column is None] == [
        "ts_venue",
        "order_id",
        "instrument",
        "flags",
    ]
    assert events.ts_venue.tolist() == [bf.NONE] * 2
    assert events.order_id.dtype == np.uint64
    assert events.instrument_id.tolist() == [0, 0]


def test_a_slice_is_a_view() -> None:
    events = rows(ts=[1, 2, 3, 4])
    part = events[1:3]
    assert part.ts.tolist() == [2, 3]
    assert np.shares_memory(part.ts, events.ts)
    assert len(quotes([1, 2, 3])[1:].depth or ()) == 2
    with pytest.raises(TypeError, match="sliced"):
        events[0]  # type: ignore[index]
    with pytest.raises(bf.InputError, match="positive"):
        events[::-1]


def test_chunks_are_the_whole() -> None:
    events = quotes(list(range(10)))
    chunks = list(events.chunks(3))
    assert [len(chunk) for chunk in chunks] == [3, 3, 3, 1]
    assert np.array_equal(bf.Events.concat(chunks).to_numpy(), events.to_numpy())
    with pytest.raises(bf.InputError):
        list(events.chunks(0))


class Named:
    """Rows of three instruments, which are named as they come."""

    def __init__(self, whole: bf.Events) -> None:
        self.whole = whole

    def chunks(self, rows: int) -> Iterator[bf.Events]:
        for number, chunk in enumerate(self.whole.chunks(rows)):
            named = bf.Instrument(f"S{number}", price_unit="0.01", id=number)
            columns, first = chunk.columns, chunk.instrument
            yield bf.Events(columns, first, instruments={number: named})


def test_split_chunks_is_split_and_loads_nothing() -> None:
    ids = np.array([0, 1, 1, 2, 0, 2, 2, 0], np.uint32)
    whole = rows(ts=range(8), instrument=ids)
    for events in (whole, bf.Events.lazy(Named(whole), whole.instrument)):
        parts: dict[int, list[bf.Events]] = {}
        for number, part in events.split_chunks(3):
            assert int(part.instrument.id) == number
            assert len(part) <= 3
            parts.setdefault(number, []).append(part)
        assert events.is_lazy == (events is not whole)
        assert list(parts) == list(whole.split()) == [0, 1, 2]
        for number, expected in whole.split().items():
            assert bf.Events.concat(parts[number]).ts.tolist() == expected.ts.tolist()
    assert parts[2][-1].instrument.symbol == "S2"
    with pytest.raises(bf.InputError, match="rows"):
        next(whole.split_chunks(0))


def test_split_by_instrument_in_order_of_appearance() -> None:
    events = rows(ts=[1, 2, 3, 4], instrument=[9, 2, 9, 2])
    parts = events.split()
    assert list(parts) == [9, 2]
    assert parts[9].ts.tolist() == [1, 3]
    assert parts[2].instrument.id == 2
    assert parts[2].instrument.price_unit == CENTS.price_unit
    assert list(rows(ts=[1]).split()) == [0]


def test_to_numpy_and_back() -> None:
    for events in (rows(ts=[1, 2], order_id=[2**64 - 1, 0], flags=[0, 1]), quotes([1, 2])):
        array = events.to_numpy()
        again = bf.Events.from_numpy(array, CENTS)
        assert np.array_equal(again.to_numpy(), array)
        assert (again.depth is None) == (events.depth is None)
        frame = bf.Events.from_polars(events.to_polars(), CENTS)
        assert np.array_equal(frame.to_numpy(), array)


def test_merge_puts_prints_before_book_changes_at_the_same_time() -> None:
    merged = bf.merge(quotes([1, 2, 2, 4]), rows(ts=[0, 2, 2, 5]))
    assert merged.ts.tolist() == [0, 1, 2, 2, 2, 2, 4, 5]
    trade, quote = bf.Action.TRADE, bf.Action.QUOTE
    assert merged.action.tolist() == [trade, quote, trade, trade, quote, quote, quote, trade]
    assert merged.size.tolist() == [1, 0, 2, 3, 0, 0, 0, 4]
    assert merged.depth is not None
    none = bf.NONE
    in_force = [none, 1000, 1000, 1000, 1001, 1002, 1003, 1003]
    assert merged.depth.bid_price[:, 0].tolist() == in_force


def test_merge_keeps_atomic_events_whole_and_at_the_time_of_their_end() -> None:
    book = rows(
        ts=[1, 3, 3],
        action=[bf.Action.DELETE, bf.Action.TRADE, bf.Action.TRADE],
        order_id=[7, 0, 0],
        flags=[0, bf.Flag.LAST, bf.Flag.LAST],
    )
    prints = rows(ts=[2, 3], price=[5, 6])
    merged = bf.merge(book, prints)
    assert merged.ts.tolist() == [2, 3, 3, 3, 3]
    assert merged.price.tolist() == [5, 6, 1000, 1000, 1000]
    assert merged.flags.tolist() == [1, 1, 0, 1, 1]
    with pytest.raises(bf.InputError, match="LAST is missing") as error:
        bf.merge(book[:1], prints)
    assert error.value.row == 0


def test_merge_takes_one_book_and_one_instrument() -> None:
    with pytest.raises(bf.InputError, match="depth rows"):
        bf.merge(quotes([1]), quotes([2]))
    other = bf.Events.from_trades(
        {"ts": [1], "price": [1], "size": [1]}, bf.Instrument("OTHER", price_unit="0.01")
    )
    with pytest.raises(bf.InputError, match="different instruments"):
        bf.merge(rows(ts=[1]), other)
    with pytest.raises(bf.InputError, match="nothing"):
        bf.merge()


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=6),
        min_size=1,
        max_size=3,
    )
)
def test_merge_is_a_stable_sort_of_whole_atomic_events(
    streams: list[list[tuple[int, bool, bool]]],
) -> None:
    """Against the plain definition: steps in time, book change or print, ends the event or not."""
    expected = []
    made = []
    for number, steps in enumerate(streams):
        ts = np.cumsum([step for step, _, _ in steps], dtype=np.int64)
        book = [is_book for _, is_book, _ in steps]
        last = [ends or i == len(steps) - 1 for i, (_, _, ends) in enumerate(steps)]
        action = [bf.Action.DELETE if is_book else bf.Action.TRADE for is_book in book]
        ids = [100 * number + i + 1 for i in range(len(steps))]
        made.append(rows(ts=ts, action=action, order_id=ids, flags=last))
        start, busy = 0, (-1, False)
        for i in range(len(steps)):
            if last[i]:
                time = int(ts[i])
                # A print stays behind an earlier book change of its stream at the same time.
                busy = (time, any(book[start : i + 1]) or (busy == (time, True)))
                expected.append((time, busy[1], number, ids[start : i + 1]))
                start = i + 1
    merged = bf.merge(*made)
    expected.sort(key=lambda unit: unit[:3])
    assert merged.order_id.tolist() == [i for *_, ids in expected for i in ids]
    assert merged.ts.tolist() == [time for time, *_, ids in expected for _ in ids]


def test_merged_streams_of_one_are_themselves() -> None:
    events = rows(ts=[1, 2, 2])
    assert np.array_equal(bf.merge(events).to_numpy(), events.to_numpy())
    assert len(bf.merge(events[:0], events[:0])) == 0
