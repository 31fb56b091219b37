"""What may stand in a column: the safe kinds of array exactly, all others refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import bookflow as bf

CENTS = bf.Instrument("ACME", price_unit="0.01", tick="0.05")
GOOD = np.array([1000, 1005, 1010])


def trades(**columns: object) -> bf.Events:
    table: dict[str, object] = {"ts": np.arange(3), "price": GOOD, "size": np.array([1, 2, 3])}
    return bf.Events.from_trades(table | columns, CENTS)


def events(**columns: object) -> bf.Events:
    table: dict[str, object] = {
        "ts": np.arange(3),
        "action": np.full(3, bf.Action.ADD, np.uint8),
        "side": np.ones(3, np.uint8),
        "price": GOOD,
        "size": np.array([1, 2, 3]),
        "order_id": np.arange(1, 4, dtype=np.uint64),
    }
    return bf.Events.from_numpy(table | columns, CENTS)


def misaligned(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    buffer = np.zeros(values.nbytes + 1, np.uint8)
    view = buffer[1:].view(values.dtype)
    view[:] = values
    assert not view.flags.aligned
    return view


def read_only(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    values = values.copy()
    values.flags.writeable = False
    return values


@pytest.mark.parametrize(
    "price",
    [
        GOOD.astype(">i8"),
        GOOD.astype(np.int16),
        GOOD.astype(np.uint64),
        misaligned(GOOD),
        read_only(GOOD),
        GOOD[::-1].copy()[::-1],
        np.repeat(GOOD, 2)[::2],
        np.asfortranarray(np.stack([GOOD, GOOD], axis=1))[:, 0],
        GOOD / 100,
        (GOOD / 100).astype(">f8"),
        misaligned(GOOD / 100),
        np.repeat(GOOD / 100, 2)[::2],
        GOOD.tolist(),
        pl.Series(GOOD),
        pd.Series(GOOD, dtype="Int64"),
        pd.Series(GOOD / 100, dtype="Float64"),
    ],
)
def test_safe_arrays_are_exact(price: object) -> None:
    assert trades(price=price).price.tolist() == [1000, 1005, 1010]


def test_an_array_that_fits_is_not_copied() -> None:
    wide = np.zeros((3, 4), np.int64)
    wide[:, 2] = GOOD
    for price in (GOOD, wide[:, 2]):
        assert np.shares_memory(trades(price=price).price, price)
    table = np.zeros(3, bf.EVENT_DTYPE)
    table["action"] = bf.Action.CLEAR
    assert np.shares_memory(bf.Events.from_numpy(table, CENTS).ts, table)


def test_empty_is_fine() -> None:
    nothing = np.empty(0, np.int64)
    assert len(trades(ts=nothing, price=nothing, size=nothing)) == 0
    assert len(bf.Events.from_numpy(np.empty(0, bf.EVENT_DTYPE), CENTS)) == 0
    assert len(trades(ts=nothing, price=nothing, size=nothing, side=np.empty(0, "U1"))) == 0


@pytest.mark.parametrize(
    "price",
    [
        np.ma.masked_array(GOOD, [False, True, False]),
        np.ma.masked_array(GOOD / 100),
        GOOD.astype(object),
        GOOD.astype(str),
        GOOD > 1000,
        GOOD.astype(np.complex128),
        GOOD.astype(np.longdouble),
        GOOD.astype("timedelta64[ns]"),
        "1000",
        None,
        1000,
        pl.Series(["1000", "1005", "1010"]),
        pd.Series(["1000", "1005", "1010"]),
        pd.Series([1000, 1005, 1010], dtype=object),
    ],
)
def test_other_arrays_are_a_type_error_naming_the_column(price: object) -> None:
    with pytest.raises(TypeError, match="price"):
        trades(price=price)


@pytest.mark.parametrize("price", [np.array(1000), GOOD.reshape(3, 1), GOOD[:2], np.arange(4)])
def test_a_wrong_shape_names_the_column(price: object) -> None:
    with pytest.raises(bf.InputError) as error:
        trades(price=price)
    assert error.value.field == "price"


@pytest.mark.parametrize("name", ["action", "flags", "order_id", "instrument", "ts_venue"])
@pytest.mark.parametrize("values", [np.array([1.0, 2.0, 3.0]), np.ones(3, np.bool_)])
def test_integers_are_never_made_of_floats_or_booleans(name: str, values: object) -> None:
    with pytest.raises(TypeError, match=name):
        events(**{name: values})


@pytest.mark.parametrize(
    ("name", "values", "row"),
    [
        ("ts", np.array([0, 1, 2**63], np.uint64), 2),
        ("price", np.array([0, 2**63, 0], np.uint64), 1),
        ("size", np.array([2**64 - 1, 0, 0], np.uint64), 0),
        ("size", np.array([1, -1, 1]), 1),
        ("size", np.array([1, 1, 2**60 + 1]), 2),
        ("price", np.array([0, 0, -(2**62)]), 2),
        ("price", np.array([0, 0, 2**63 - 1]), 2),
        ("price", np.array([1000, 1001, 1010]), 1),
        ("action", np.array([1, 0, 1]), 1),
        ("action", np.array([1, 1, 256]), 2),
        ("action", np.array([1, -1, 1]), 1),
        ("side", np.array([1, 1, 7]), 2),
        ("flags", np.array([1, 256, 1]), 1),
        ("flags", np.array([1, 1 << 16, 1]), 1),
        ("order_id", np.array([1, -1, 1]), 1),
        ("order_id", np.array([1, 2, 0]), 2),
        ("ts", np.array([-1, 1, 2]), 0),
        ("ts", np.array([bf.NONE, 1, 2]), 0),
        ("instrument", np.array([0, 2**32, 0]), 1),
    ],
)
def test_a_value_out_of_range_names_row_and_field(name: str, values: object, row: int) -> None:
    with pytest.raises(bf.InputError) as error:
        events(**{name: values})
    assert (error.value.row, error.value.field) == (row, name)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0, 1e300, 5e-324, 10.001])
@pytest.mark.parametrize("name", ["price", "size"])
def test_a_float_that_is_no_number_of_units_names_row_and_field(name: str, value: float) -> None:
    with pytest.raises(bf.InputError) as error:
        trades(**{name: np.array([10.0, value, 10.0])})
    assert (error.value.row, error.value.field) == (1, name)


def test_the_size_of_a_missing_level_may_be_missing_but_not_of_a_level() -> None:
    quote: dict[str, object] = {
        "ts": np.arange(2),
        "bid_price": np.array([10.0, np.nan]),
        "bid_size": np.array([1.0, np.nan]),
        "ask_price": np.array([10.05, 10.05]),
        "ask_size": np.array([1.0, 1.0]),
    }
    depth = bf.Events.from_quotes(quote, CENTS).depth
    assert depth is not None
    assert depth.bid_size.tolist() == [[1], [0]]
    quote["bid_price"] = np.array([np.nan, np.nan])
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_quotes(quote, CENTS)
    assert error.value.row == 0
    assert "bid_price" in error.value.field
    quote["bid_price"] = np.array([10.0, 10.0])
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_quotes(quote, CENTS)
    assert (error.value.row, error.value.field) == (1, "bid_size")


def test_a_level_without_the_one_before_it_names_its_row() -> None:
    blocks = {
        "bid_price": np.array([[1000, 995], [bf.NONE, 995]]),
        "bid_size": np.array([[1, 1], [0, 1]]),
        "ask_price": np.array([[1005, 1010], [1005, 1010]]),
        "ask_size": np.array([[1, 1], [1, 1]]),
    }
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_depth({"ts": np.arange(2)} | blocks, CENTS)
    assert error.value.row == 1


@pytest.mark.parametrize(
    "ts",
    [
        np.array(["2024-01-01", "NaT", "2024-01-02"], "datetime64[s]"),
        pl.Series([1, None, 2]),
        pl.Series([1, None, 2]).cast(pl.Datetime("us")),
        pd.Series(pd.to_datetime(["2024-01-01", None, "2024-01-02"])),
        pd.Series([1, None, 2], dtype="Int64"),
        np.array(["1970-01-01", "9999-01-01", "1970-01-01"], "datetime64[s]"),
    ],
)
def test_a_time_that_is_none_names_its_row(ts: object) -> None:
    with pytest.raises(bf.InputError) as error:
        trades(ts=ts)
    assert (error.value.row, error.value.field) == (1, "ts")


def test_a_time_without_a_count_of_nanoseconds_is_refused() -> None:
    with pytest.raises(TypeError, match="ts"):
        trades(ts=np.array(["2024-01", "2024-02", "2024-03"], "datetime64[M]"))
    with pytest.raises(TypeError, match="ts"):
        trades(ts=np.array([1.5, 2.5, 3.5]))


@pytest.mark.parametrize("data", [np.arange(3), [1, 2], "ts", None, pl.LazyFrame({"ts": [1]})])
def test_what_is_no_table(data: object) -> None:
    with pytest.raises(TypeError):
        bf.Events.from_trades(data, CENTS)


def test_a_masked_table_is_refused() -> None:
    table = np.ma.zeros(3, bf.EVENT_DTYPE)
    with pytest.raises(TypeError, match="masked"):
        bf.Events.from_numpy(table, CENTS)


def test_a_null_price_of_a_trade_names_its_row() -> None:
    with pytest.raises(bf.InputError) as error:
        trades(price=pl.Series([1000, None, 1005]))
    assert (error.value.row, error.value.field) == (1, "price")


def quotes(**columns: object) -> dict[str, object]:
    table: dict[str, object] = {
        "ts": np.arange(2),
        "bid_price": np.array([1000, 1000]),
        "bid_size": np.array([1, 2]),
        "ask_price": np.array([1005, 1005]),
        "ask_size": np.array([3, 4]),
    }
    return table | columns


def test_flags_of_a_vendor_are_not_ours() -> None:
    flags = np.array([128, 130], np.uint8)
    ours = np.array([0, bf.Flag.GAP], np.uint16)
    for make in (bf.Events.from_quotes, bf.Events.from_depth):
        assert make(quotes(flags=flags), CENTS).flags.tolist() == [1, 1]
        taken = make(quotes(mine=ours), CENTS, columns={"flags": "mine"})
        assert taken.flags.tolist() == [1, 5]
    prints = {"ts": np.arange(2), "price": GOOD[:2], "size": np.array([1, 2]), "flags": flags}
    assert bf.Events.from_trades(prints, CENTS).flags.tolist() == [1, 1]
    taken = bf.Events.from_trades(prints | {"flags": ours}, CENTS, columns={"flags": "flags"})
    assert taken.flags.tolist() == [1, 5]


def test_databentos_columns_as_a_frame(shared: Path) -> None:
    frame = pl.read_csv(shared / "data/blockhouse_mbp10/first_25000_rows.csv").with_columns(
        pl.col("ts_recv").str.to_datetime(time_unit="ns", time_zone="UTC")
    )
    aapl = bf.Instrument("AAPL", price_unit="0.01", tick="0.01")
    depth = bf.Events.from_depth(frame, aapl, columns={"ts": "ts_recv"})
    pipe = bf.Pipeline(
        aapl, clock="event", features={"ofi": bf.OrderFlowImbalance(), "volume": bf.Volume()}
    )
    assert pipe.run(depth)["ofi"].sum() == -11832
    trades = frame.filter(pl.col("action") == "T")
    pipe.reset()
    prints = bf.Events.from_trades(trades, aapl, columns={"ts": "ts_recv"})
    assert pipe.run(prints)["volume"].sum() == trades["size"].sum() == 15959


@pytest.mark.parametrize("name", ["Side", "sides", "ts_venu"])
def test_a_column_with_nearly_a_fields_name_is_refused(name: str) -> None:
    with pytest.raises(bf.InputError) as error:
        trades(**{name: np.array([1, 2, 1])})
    assert error.value.value == name


def test_a_level_without_one_of_its_columns_is_refused() -> None:
    table = quotes()
    numbered = {"ts": table["ts"]} | {
        f"{name}_{level}": table[name] + np.int64(5 * level * (-1 if "bid" in name else 1))
        for level in range(3)
        for name in table
        if name != "ts"
    }
    numbered |= {f"bid_size_{level}": np.array([1, 1]) for level in range(3)}
    depth = bf.Events.from_depth(numbered, CENTS).depth
    assert depth is not None
    assert depth.levels == 3
    assert bf.Events.from_depth(numbered, CENTS, levels=1).depth is not None
    for lost in ("bid_price_0", "ask_size_1", "bid_price_2"):
        part = {name: column for name, column in numbered.items() if name != lost}
        with pytest.raises(bf.InputError) as error:
            bf.Events.from_depth(part, CENTS)
        assert error.value.field == lost
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_quotes(quotes() | {"bid_price": np.zeros((2, 1, 1))}, CENTS)
    assert error.value.field == "bid_price"


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("bid_price", 9.951, "bid_price of level 2"),
        ("ask_size", np.inf, "ask_size of level 2"),
        ("bid_size", np.nan, "bid_size of level 2"),
    ],
)
def test_a_fault_in_a_block_of_levels_names_row_and_level(
    name: str, value: float, field: str
) -> None:
    blocks = {
        "bid_price": np.array([[10.0, 9.95], [10.0, 9.95]]),
        "bid_size": np.ones((2, 2)),
        "ask_price": np.array([[10.05, 10.1], [10.05, 10.1]]),
        "ask_size": np.ones((2, 2)),
    }
    blocks[name][1, 1] = value
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_depth({"ts": np.arange(2)} | blocks, CENTS)
    assert (error.value.row, error.value.field) == (1, field)
    whole = quotes(bid_price=np.array([[1000], [2**63]], np.uint64))
    whole |= {n: np.array(whole[n])[:, np.newaxis] for n in ("bid_size", "ask_price", "ask_size")}
    with pytest.raises(bf.InputError) as error:
        bf.Events.from_depth(whole, CENTS)
    assert (error.value.row, error.value.field) == (1, "bid_price of level 1")


def test_messages_say_what_was_wrong() -> None:
    table = quotes()
    del table["bid_price"]
    with pytest.raises(bf.InputError, match=r"^quotes: bid_price: no such column"):
        bf.Events.from_quotes(table, CENTS)
    with pytest.raises(TypeError, match=r"integers \(units\) or float64"):
        trades(price=np.array(["1", "2", "3"]))
    with pytest.raises(bf.InputError, match="float32 does not hold decimals exactly"):
        trades(price=np.array([10.05, 10.1, 10.15], np.float32))
    assert trades(size=np.array([1, 2, 3], np.float32)).size.tolist() == [1, 2, 3]


def test_columns_that_are_no_column() -> None:
    with pytest.raises(bf.InputError, match="ragged"):
        trades(price=[[1, 2], [3]])
    twice = pd.DataFrame([[1, 1000, 1, 2]], columns=["ts", "price", "size", "size"])
    with pytest.raises(bf.InputError, match="two columns") as error:
        bf.Events.from_trades(twice, CENTS)
    assert error.value.value == "size"


def test_only_events_merge() -> None:
    for others in ((trades(), 1), ([trades(), trades()],)):
        with pytest.raises(TypeError, match="Events are merged"):
            bf.merge(*others)  # type: ignore[arg-type]


def test_a_value_is_shown_in_one_short_line() -> None:
    error = bf.InputError("is wrong", value="a\nb\x1b[31m" + "x" * 5_000)
    assert "\n" not in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 100
    assert len(str(error.value)) > 5_000
