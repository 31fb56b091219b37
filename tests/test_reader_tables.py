"""Any table by mapping: what the cells become, and what is refused."""

import gzip
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import zstandard

import bookflow as bf

ACME = bf.Instrument("ACME", price_unit="0.01", size_unit="0.001")
A = bf.Action
NS = 1_625_097_621_647_000_000

PRINTS = """\
time,px,qty,maker
1625097621.647,2278.15,0.04,1
1625097621.6475,2278.1,2,0
"""
MAKER: dict[str, Any] = {
    "kind": "trades",
    "columns": {"ts": "time", "price": "px", "size": "qty", "side": "maker"},
    "words": {"side": {"1": "sell", "0": "buy"}},
    "ts_unit": "s",
}


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def refused(path: Path, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        len(bf.read_csv(path, ACME, **settings))
    assert error.value.source in ("", path.name)
    return error.value


def test_prints_of_a_vendor(tmp_path: Path) -> None:
    events = bf.read_csv(write(tmp_path / "a.csv", PRINTS), ACME, **MAKER)
    assert "not read yet" in repr(events)
    assert events.ts.tolist() == [NS, NS + 500_000]
    assert events.side.tolist() == [bf.Side.SELL, bf.Side.BUY]
    assert events.price.tolist() == [227_815, 227_810]
    assert events.size.tolist() == [40, 2_000]  # 2 is two shares, not two units
    assert events.action.tolist() == [A.TRADE] * 2
    assert events.flags.tolist() == [1, 1]
    path = tmp_path / "b"
    for compress in (gzip.compress, lzma.compress, zstandard.compress):
        path.write_bytes(compress(PRINTS.encode()))
        assert np.array_equal(bf.read_csv(path, ACME, **MAKER).to_numpy(), events.to_numpy())
    path.write_text(PRINTS.partition("\n")[2])
    named = bf.read_csv(path, ACME, names=["time", "px", "qty", "maker"], **MAKER)
    assert np.array_equal(named.to_numpy(), events.to_numpy())
    path.write_bytes(b"\xef\xbb\xbf" + PRINTS.replace("\n", "\r\n").encode())
    assert np.array_equal(bf.read_csv(path, ACME, **MAKER).to_numpy(), events.to_numpy())
    chunks = list(bf.read_csv(tmp_path / "a.csv", ACME, **MAKER).chunks(1))
    assert [len(chunk) for chunk in chunks] == [1, 1]
    assert np.array_equal(bf.Events.concat(chunks).to_numpy(), events.to_numpy())


@pytest.mark.parametrize(
    ("unit", "cell", "ns", "truncated"),
    [
        ("s", "1625097621.647", NS, 0),
        ("s", "1625097621.6470000001", NS, 1),
        ("s", "1625097621.6470000000", NS, 0),
        ("ms", "1625097621647", NS, 0),
        ("ms", "1625097621647.000001", NS + 1, 0),
        ("us", "1625097621647000.0019", NS + 1, 1),
        ("ns", "1625097621647000000", NS, 0),
        ("ns", "1625097621647000000.9", NS, 1),
        ("ns", "2021-07-01T00:00:21.647Z", NS, 0),
        ("s", "2021-07-01 00:00:21.647", NS, 0),
        ("s", "2021-07-01T00:00:21.6470000009Z", NS, 1),
        ("s", "2021-07-01T02:00:21.647+02:00", NS, 0),
        ("s", "2021-06-30T18:30:21.647-0530", NS, 0),
        ("s", "2021-07-01 00:00:21.647 UTC", NS, 0),
    ],
)
def test_times(tmp_path: Path, unit: str, cell: str, ns: int, truncated: int) -> None:
    path = write(tmp_path / "a.csv", f"ts,price,size\n{cell},1,1\n")
    events = bf.read_csv(path, ACME, kind="trades", ts_unit=unit)
    assert events.ts.tolist() == [ns]
    assert events.counts == ({"truncated_digits": 1} if truncated else {})
    for _ in range(2):  # every reading counts anew
        assert sum(c.counts.get("truncated_digits", 0) for c in events.chunks(1)) in (0, truncated)


def test_levels_quotes_and_split_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "t,bid,ask\n1,99.5_3,100_1\n2,_,100_2\n3,99.5_1,\n")
    settings: dict[str, Any] = {
        "kind": "quotes",
        "columns": {"ts": "t"},
        "split": {
            "bid": ("_", "bid_price", "bid_size"),
            "ask": ("_", "ask_price", "ask_size"),
        },
    }
    quotes = bf.read_csv(path, ACME, **settings)
    depth = quotes.depth
    assert depth is not None
    assert depth.bid_price[:, 0].tolist() == [9950, bf.NONE, 9950]
    assert depth.ask_size[:, 0].tolist() == [1000, 2000, 0]
    path.write_text("t,bid,ask\n1,99.5_3,100_1\n2,99.5_3_1,100_2\n")
    error = refused(path, **settings)
    assert (error.row, error.field) == (1, "bid")

    path.write_text(
        "t,x_bid_px_00,x_bid_sz_00,x_ask_px_00,x_ask_sz_00\n1,99.5,3,100,1\n2,,,100,2\n"
    )
    events = bf.read_csv(path, ACME, kind="depth", columns={"ts": "t"}, prefix="x_", levels=5)
    assert events.depth is not None
    assert events.depth.bid_size.tolist() == [[3000], [0]]
    plain = "t,b,a\n1,99.5,100\n"
    constant = {"ts": "t", "bid_price": "b", "ask_price": "a", "bid_size": "=1", "ask_size": "=2.5"}
    events = bf.read_csv(write(path, plain), ACME, kind="quotes", columns=constant)
    assert events.depth is not None
    assert (events.depth.bid_size[0, 0], events.depth.ask_size[0, 0]) == (1000, 2500)


def test_events_with_words_of_their_own(tmp_path: Path) -> None:
    rows = ["id,t,px,vol,what,dir", "7,1,99.5,2,created,bid", "7,2,99.5,1,changed,bid"]
    path = write(tmp_path / "a.csv", "\n".join([*rows, "7,3,99.5,1,Deleted,bid", ""]))
    columns = {"ts": "t", "price": "px", "size": "vol", "action": "what", "side": "dir"}
    words = {"action": {"created": "add", "changed": "modify", "deleted": "delete"}}
    events = bf.read_csv(path, ACME, columns=columns | {"order_id": "id"}, words=words)
    assert events.action.tolist() == [A.ADD, A.MODIFY, A.DELETE]
    assert events.order_id.tolist() == [7, 7, 7]
    assert events.size.tolist() == [2000, 1000, 1000]
    levels = bf.read_csv(
        path, ACME, columns=columns | {"action": "=level", "side": "=ask", "flags": "=1"}
    )
    assert levels.action.tolist() == [A.LEVEL] * 3
    assert levels.side.tolist() == [2] * 3


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame(
        {
            "time": pl.Series([1, 2]).cast(pl.Datetime("ms", "UTC")),
            "px": [10.5, 10.25],
            "qty": [2, 3],
            "maker": [True, False],
        }
    )
    frame.write_parquet(path)
    words = {"side": {"true": "sell", "false": "buy"}}
    events = bf.read_csv(path, ACME, **MAKER | {"words": words})
    assert events.ts.tolist() == [1_000_000, 2_000_000]
    assert events.price.tolist() == [1050, 1025]
    assert events.size.tolist() == [2000, 3000]
    assert events.side.tolist() == [2, 1]
    for kind in (pl.Decimal(18, 4), pl.String):
        frame.with_columns(pl.col("px").cast(kind)).write_parquet(path)
        again = bf.read_csv(path, ACME, **MAKER | {"words": words})
        assert again.price.tolist() == [1050, 1025]
    frame.with_columns(px=pl.Series([10.5, 0.1 + 0.2])).write_parquet(path)
    error = refused(path, **MAKER | {"words": words})
    assert (error.row, error.field) == (1, "px")
    events = bf.read_csv(path, ACME, **MAKER | {"words": words, "float_digits": 15})
    assert events.price.tolist() == [1050, 30]
    frame.with_columns(time=pl.Series([1.5, 2.5])).write_parquet(path)
    with pytest.raises(TypeError, match="no exact time"):
        len(bf.read_csv(path, ACME, **MAKER | {"words": words}))
    assert refused(path, names=["a"]).field == "names"
    path.write_bytes(path.read_bytes()[:-20])
    assert "is no Parquet file" in str(refused(path))


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("2278.1,", "2278.123,", 1, "px"),
        ("2278.1,", "x,", 1, "px"),
        ("2278.1,", "nan,", 1, "px"),
        ("2278.1,", ",", 1, "px"),
        (",2,", ",0.0001,", 1, "qty"),
        (",2,", ",,", 1, "qty"),
        (",2,", ",-2,", 1, "size"),
        (",2,", ",1e400,", 1, "qty"),
        ("2,0", "2,taker", 1, "maker"),
        ("2,0", "2,", 1, "maker"),
        ("1625097621.6475", "1625097620", 1, "ts"),
        ("1625097621.6475", "now", 1, "time"),
        ("1625097621.6475", "", 1, "time"),
        ("1625097621.6475", "1e300", 1, "time"),
        ("2278.1,", "2278.1,1,", 1, ""),
        ("2278.1,", '"2278.1",', 1, ""),
        ("px", "qty", None, "header"),
        ("px", "price", None, "price"),
        ("\n1625097621.6475,2278.1,2,0\n", "", None, ""),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, old: str, new: str, row: int | None, field: str
) -> None:
    path = write(tmp_path / "a.csv", PRINTS.replace(old, new, 1))
    if not field and not new:
        assert "append a newline" in str(refused(path, **MAKER))
        assert len(bf.read_csv(path, ACME, open_end=True, **MAKER)) == 1
        return
    error = refused(path, **MAKER)
    assert (error.row, error.field) == (row, field)


def test_dates_that_are_none(tmp_path: Path) -> None:
    for cell in ("2021-13-01T00:00:00Z", "2021-07-01", "yesterday", "2021-07-01T00:00:61"):
        path = write(tmp_path / "a.csv", f"ts,price,size\n2021-07-01T00:00:00Z,1,1\n{cell},1,1\n")
        error = refused(path, kind="trades")
        assert (error.row, error.field, error.value) == (1, "ts", cell)


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", PRINTS)
    assert refused(path, **MAKER | {"kind": "books"}).field == "kind"
    assert refused(path, **MAKER | {"ts_unit": "h"}).field == "ts_unit"
    assert refused(path, **MAKER | {"columns": {"when": "time"}}).value == "when"
    assert refused(path, **MAKER | {"words": {"when": {}}}).value == "when"
    assert refused(path, **MAKER | {"columns": {"ts": "tim"}}).field == "ts"
    assert refused(path, **MAKER | {"split": {"no": ("_", "a")}}).field == "split"
    assert refused(path, **MAKER | {"split": {"px": ("_",)}}).field == "split"
    assert refused(path, **MAKER | {"float_digits": 16}).field == "float_digits"
    # Flags of a vendor are other bits: only those that are named are taken.
    path = write(tmp_path / "a.csv", "ts,price,size,flags\n1,1,1,130\n2,1,1,xyz\n")
    assert bf.read_csv(path, ACME, kind="trades").flags.tolist() == [1, 1]
    assert refused(path, kind="trades", columns={"flags": "flags"}).field == "flags"


def test_rows_before_a_cut_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    whole = PRINTS.encode() * 1
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        got: list[bf.Events] = []
        try:
            got.extend(bf.read_csv(path, ACME, **MAKER).chunks(10))
        except bf.InputError:
            pass
        else:
            assert whole[:end].endswith(b"\n")
        assert sum(map(len, got)) == max(0, whole[:end].count(b"\n") - 1)


# The recordings --------------------------------------------------------------------------------


def test_tables_of_the_recordings(shared: Path) -> None:
    data = shared / "data"
    fine = bf.Instrument("X", price_unit="0.0001", size_unit="1e-8")
    gemini = data / "ccapi_gemini" / "gemini__eth-usd__2021-07-01__"
    seconds: dict[str, Any] = {"columns": {"ts": "time_seconds"}, "ts_unit": "s"}
    sides = {"columns": {"ts": "time_seconds", "side": "is_buyer_maker"}, "words": MAKER["words"]}
    trades = bf.read_csv(f"{gemini}trade.csv", fine, kind="trades", ts_unit="s", **sides)
    assert len(trades) == 25_222
    assert np.bincount(trades.side).tolist() == [0, 14_458, 10_764]
    split = {f"{s}_price_{s}_size": ("_", f"{s}_price", f"{s}_size") for s in ("bid", "ask")}
    quotes = bf.read_csv(
        f"{gemini}market-depth.csv", fine, kind="quotes", split=split, open_end=True, **seconds
    )
    assert len(quotes) == 72_180
    merged = bf.merge(quotes, trades)
    assert len(merged) == 97_402

    bars = data / "pinstimation" / "hfdata.csv"
    stamp = {"ts": "timestamp"}
    prints = bf.read_csv(bars, fine, kind="trades", columns=stamp | {"size": "volume"}, ts_unit="s")
    assert len(prints) == 100_000
    assert prints.ts[0] == 1_539_821_493_579_056_700
    touch = {"bid_price": "bid", "ask_price": "ask", "bid_size": "=1", "ask_size": "=1"}
    assert (
        len(bf.read_csv(bars, fine, kind="quotes", columns=stamp | touch, ts_unit="s")) == 100_000
    )

    apple = data / "blockhouse_mbp10" / "first_25000_rows.csv"
    both = {"ts": "ts_recv", "ts_venue": "ts_event"}
    top = bf.read_csv(apple, bf.Instrument("AAPL"), kind="depth", columns=both)
    assert len(top) == 5_000
    assert top.depth is not None
    assert top.depth.levels == 10
    assert (top.ts[0], top.ts_venue[0]) == (1_729_511_669_221_230_963, 1_729_511_669_221_064_336)

    bitstamp = data / "obanalytics"
    cents = bf.Instrument("BTCUSD", price_unit="0.01", size_unit="1")
    columns = {"ts": "timestamp", "size": "volume"}
    orders = bf.read_csv(
        bitstamp / "orders.csv.xz",
        cents,
        columns=columns | {"ts_venue": "exchange.timestamp", "order_id": "id", "side": "direction"},
        words={"action": {"created": "add", "changed": "modify", "deleted": "delete"}},
        ts_unit="ms",
    )
    counts = np.bincount(orders.action)
    assert (counts[A.ADD], counts[A.DELETE], counts[A.MODIFY]) == (24_894, 24_918, 602)
    levels = bf.read_csv(
        bitstamp / "lob_data_depth.csv.gz",
        cents,
        columns=columns | {"action": "=level"},
        ts_unit="s",
    )
    assert len(levels) == 49_376
    tape = bf.read_csv(
        bitstamp / "lob_data_trades.csv.gz",
        cents,
        kind="trades",
        columns=columns | {"side": "direction"},
        ts_unit="s",
    )
    assert len(tape) == 482

    binance = bf.read_csv(
        data / "nautilus" / "binance_btcusdt-trades.parquet",
        bf.Instrument("BTCUSDT", price_unit="0.01", size_unit="1e-6"),
        kind="trades",
        columns={"ts": "timestamp", "size": "quantity", "side": "buyer_maker"},
        words={"side": {"true": "sell", "false": "buy"}},
        float_digits=15,  # 0.00031099999999999997
    )
    assert len(binance) == 2_001
    assert np.bincount(binance.side).tolist() == [0, 1_087, 914]
