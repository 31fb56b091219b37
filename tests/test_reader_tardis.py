"""Tardis' CSV files: what a row means, and what is refused."""

import gzip
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import bookflow as bf

A, F, S = bf.Action, bf.Flag, bf.Status
US = 1_600_000_000_000_000
HEAD = "exchange,symbol,timestamp,local_timestamp"
BOOK = f"{HEAD},is_snapshot,side,price,amount"
TRADES = f"{HEAD},id,side,price,amount"
QUOTES = f"{HEAD},ask_amount,ask_price,bid_price,bid_amount"


def book_row(at: int, snapshot: bool, side: str, price: str, amount: str, symbol: str = "X") -> str:
    flag = "true" if snapshot else "false"
    return f"v,{symbol},{US + at - 1},{US + at},{flag},{side},{price},{amount}"


# A snapshot, changes, and another snapshot, which means that the connection was lost between.
ROWS = [
    book_row(1, True, "bid", "99.5", "1.25"),
    book_row(1, True, "ask", "100", "2"),
    book_row(2, False, "bid", "99.75", "3"),
    book_row(2, False, "bid", "99.5", "0"),
    book_row(3, False, "ask", "100", "1e-2"),
    book_row(9, True, "bid", "98.5", "1"),
    book_row(9, True, "ask", "101", "1"),
    book_row(10, False, "ask", "100.5", "4"),
]


def write(path: Path, head: str, rows: list[str]) -> Path:
    data = "".join(f"{line}\n" for line in [head, *rows]).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def refused(path: Path, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        len(bf.read_tardis(path, **settings))
    assert error.value.source in ("", path.name)
    return error.value


def test_book_changes_row_by_row(tmp_path: Path) -> None:
    events = bf.read_tardis(write(tmp_path / "a.csv.gz", BOOK, ROWS))
    assert "not read yet" in repr(events)
    level = [int(A.LEVEL)]
    assert events.action.tolist() == [A.STATUS, A.CLEAR] + level * 5 + [A.CLEAR] + level * 3
    assert events.size[0] == S.UNVERIFIABLE
    start, last = int(F.SNAPSHOT), int(F.LAST)
    assert events.flags.tolist() == [
        *(last, start, start, start | last, 0, last, last),
        *(start | F.GAP, start, start | last, last),
    ]
    assert events.side.tolist() == [0, 0, 1, 2, 1, 1, 2, 0, 1, 2, 2]
    # Two digits in the first rows, and two more.
    assert (events.instrument.price_unit, events.instrument.size_unit) == ("0.0001", "0.0001")
    assert events.price.tolist()[2:5] == [995_000, 1_000_000, 997_500]
    assert events.size.tolist()[2:7] == [12_500, 20_000, 30_000, 0, 100]
    assert events.ts[4] == (US + 2) * 1000
    assert events.ts_venue[4] == (US + 1) * 1000
    assert events.counts == {"gap": 1}
    assert events.instrument.symbol == "X"
    venue = bf.read_tardis(tmp_path / "a.csv.gz", time="venue")
    assert np.array_equal(venue.ts, venue.ts_venue)


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 7, 100])
def test_any_chunk_size_gives_the_same_events(tmp_path: Path, rows: int) -> None:
    other = [row.replace("v,X", "v,Y") for row in ROWS]
    both = [row for pair in zip(ROWS, other, strict=True) for row in pair]
    path = write(tmp_path / "a.csv", BOOK, both)
    whole = bf.read_tardis(path)
    chunks = list(bf.read_tardis(path).chunks(rows))
    assert max(map(len, chunks)) <= rows
    assert np.array_equal(bf.Events.concat(chunks).to_numpy(), whole.to_numpy())
    x, y = whole.split().values()
    one = bf.read_tardis(write(tmp_path / "b.csv", BOOK, ROWS))
    for part in (x, y):
        for name in ("ts", "action", "side", "price", "size", "flags"):
            assert np.array_equal(getattr(part, name), getattr(one, name)), name
    assert (x.instrument.symbol, y.instrument.symbol) == ("X", "Y")


def test_a_pipeline_is_told_of_the_lost_connection(tmp_path: Path) -> None:
    events = bf.read_tardis(write(tmp_path / "a.csv", BOOK, ROWS))
    features = {"mid": bf.Mid(), "ofi": bf.OrderFlowImbalance(window="row")}
    frame = bf.Pipeline(events.instrument, clock="event", features=features).run(events)
    assert np.array_equal(frame["mid"], [np.nan, 99.875, 99.875, 99.5], equal_nan=True)
    # The new snapshot is a first state: nothing is differenced across it.
    assert np.array_equal(frame["ofi"], [np.nan, 3, 1.99, -4], equal_nan=True)
    assert frame.status.tolist() == [S.UNVERIFIABLE] * 4
    assert frame.seen[-1] == S.UNVERIFIABLE | S.GAP


def test_a_file_that_begins_without_a_snapshot(tmp_path: Path) -> None:
    events = bf.read_tardis(write(tmp_path / "a.csv", BOOK, ROWS[2:]))
    assert events.size[0] == S.UNVERIFIABLE | S.SNAPSHOT_PENDING
    assert events.action.tolist()[:2] == [A.STATUS, A.LEVEL]
    assert events.counts == {"gap": 1}


def test_trades_and_quotes(tmp_path: Path) -> None:
    rows = [
        f"v,X,{US},{US + i},id{i},{s},10.5,{i + 1}"
        for i, s in enumerate(["buy", "sell", "unknown"])
    ]
    trades = bf.read_tardis(write(tmp_path / "a.csv", TRADES, rows))
    assert trades.side.tolist() == [bf.Side.BUY, bf.Side.SELL, bf.Side.NONE]
    assert trades.action.tolist() == [A.TRADE] * 3
    assert trades.flags.tolist() == [F.LAST] * 3
    assert trades.depth is None
    rows = [f"v,X,{US},{US},3,10.5,10.25,4", f"v,X,{US},{US},,,10.25,4", f"v,X,{US},{US},0,11,,"]
    quotes = bf.read_tardis(write(tmp_path / "b.csv", QUOTES, rows))
    depth = quotes.depth
    assert depth is not None
    assert depth.bid_price[:, 0].tolist() == [102_500, 102_500, bf.NONE]
    assert depth.ask_price[:, 0].tolist() == [105_000, bf.NONE, bf.NONE]
    assert depth.ask_size[:, 0].tolist() == [300, 0, 0]
    assert quotes.action.tolist() == [A.QUOTE] * 3


def test_instruments_give_units(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BOOK, [*ROWS[:4], book_row(4, True, "bid", "7", "1", "Y")])
    quarter = bf.Instrument("Z", price_unit="0.25", tick="0.25", size_unit="0.05")
    events = bf.read_tardis(path, instrument=quarter)
    assert events.price.tolist()[2:5] == [398, 400, 399]
    assert [(n, i.symbol, i.tick) for n, i in events.instruments.items()] == [
        (0, "Z", "0.25"),
        (1, "Y", "0.25"),
    ]
    whole = bf.Instrument(price_unit="1", size_unit="1")
    events = bf.read_tardis(path, instruments={"Y": whole, "X": quarter})
    assert {n: i.symbol for n, i in events.instruments.items()} == {1: "Y", 2: "X"}
    parts = events.split()
    assert parts[1].price.tolist()[-1] == 7
    assert parts[2].price.tolist()[2] == 398
    error = refused(path, instruments={"X": quarter})
    assert (error.row, error.field, error.value) == (4, "symbol", "Y")
    error = refused(path, instrument=bf.Instrument(price_unit="0.5", size_unit="0.01"))
    assert (error.row, error.field) == (2, "price")
    assert "it needs price unit 0.01" in error.rule
    assert refused(path, instrument=whole, instruments={"X": whole}).field == "instrument"


def test_units_have_room_and_a_later_finer_number_names_its_own(tmp_path: Path) -> None:
    rows = [f"v,X,{US},{US},1,buy,0.00012,123456789"] * 3000
    path = write(tmp_path / "a.csv", TRADES, [*rows, f"v,X,{US},{US},1,buy,0.00000001,1"])
    events = bf.read_tardis(path)
    assert (events.instrument.price_unit, events.instrument.size_unit) == ("1e-7", "0.01")
    error = refused(path)
    assert (error.row, error.field) == (3000, "price")
    assert "it needs price unit 1e-8" in error.rule
    # No room where the numbers are large.
    rows = [f"v,X,{US},{US},1,buy,1,1234567890123456.5"]
    assert bf.read_tardis(write(path, TRADES, rows)).instrument.size_unit == "0.1"


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        (f",{US + 2},f", f",{US + 2}000,f", 2, "local_timestamp"),
        (f",{US + 2},f", ",16000000,f", 2, "local_timestamp"),
        (f",{US + 1},{US + 2}", f",{US}0,{US + 2}", 2, "timestamp"),
        (f",{US + 2},f", f",{US - 5},f", 2, "ts"),
        (f",{US + 2},f", ",,f", 2, "local_timestamp"),
        ("false,bid,99.75", "False,bid,99.75", 2, "is_snapshot"),
        ("false,bid,99.75", ",bid,99.75", 2, "is_snapshot"),
        ("bid,99.75", "buy,99.75", 2, "side"),
        ("bid,99.75", ",99.75", 2, "side"),
        ("99.75,3", "99.75,-3", 2, "size"),
        ("99.75,3", "99.75,nan", 2, "amount"),
        ("99.75,3", "x,3", 2, "price"),
        ("99.75,3", ",3", 2, "price"),
        ("99.75,3", "99.75", 2, ""),
        ("99.75,3", "99.75,3,4", 2, ""),
        ("99.75,3", '"99.75",3', 2, ""),
        ("local_timestamp", "local", None, "local_timestamp"),
        ("is_snapshot", "is", None, None),
    ],
)
def test_a_bad_row_is_named(
    tmp_path: Path, old: str, new: str, row: int | None, field: str | None
) -> None:
    path = write(tmp_path / "a.csv", BOOK, ROWS)
    path.write_text(path.read_text().replace(old, new, 1))
    if field is None:  # without the flag it is a file of trades, whose sides are others
        assert refused(path).field == "side"
        assert refused(path, kind="incremental_book_L2").field == "is_snapshot"
        return
    error = refused(path)
    assert (error.row, error.field) == (row, field)


def test_other_ends_of_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BOOK, ROWS)
    wanted = bf.read_tardis(path).to_numpy()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert np.array_equal(bf.read_tardis(path).to_numpy(), wanted)
    path.write_bytes(path.read_bytes().replace(b"99.75", b"99\x00.75"))
    assert "NUL" in str(refused(path))
    path.write_bytes(b"x" * (2 << 20))
    assert "header of about" in str(refused(path))


def test_a_message_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookflow.readers.tardis._LONGEST_EVENT", 5)
    path = write(tmp_path / "a.csv", BOOK, ROWS[:1] + [ROWS[1]] * 50)
    assert sum(map(len, bf.read_tardis(path).chunks(2))) == 53


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BOOK, ROWS)
    assert refused(path, kind="quotes").field == "bid_price"
    assert refused(path, kind="books").field == "kind"
    assert refused(path, ts_unit="ms").field == "ts_unit"
    assert refused(path, time="local").field == "time"
    assert refused(write(path, HEAD, [])).field == "header"
    assert refused(write(path, "a,b", [])).field == "exchange"
    path.write_bytes(b"")
    assert "is empty" in str(refused(path))
    path.write_bytes(b"\x1f\x8b" + bytes(40))
    assert "damaged" in str(refused(path))
    assert len(bf.read_tardis(write(path, BOOK, []))) == 0
    with pytest.raises(bf.InputError):
        bf.tardis_frame(path, ts_unit="ms")  # type: ignore[arg-type]


def test_every_cut_is_refused_or_whole_and_what_came_before_is_kept(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", BOOK, ROWS)
    whole = path.read_bytes()
    instrument = bf.Instrument("X", price_unit="0.01", size_unit="0.01")
    wanted = bf.read_tardis(path, instrument=instrument).to_numpy()
    for compress in (bytes, gzip.compress, lzma.compress):
        data = compress(whole)
        for end in range(0, len(data), 1 if compress is bytes else 3):
            path.write_bytes(data[:end])
            got: list[bf.Events] = []
            try:
                got.extend(bf.read_tardis(path, instrument=instrument).chunks(1000))
                cut = False
            except bf.InputError:
                cut = True
            assert cut or data[:end].endswith(b"\n")
            rows = bf.Events.concat(got).to_numpy() if got else wanted[:0]
            wanted_rows = wanted[: len(rows)].copy()
            if len(rows) and not cut:
                # Of a file that ends with a line, the last message is taken to be whole.
                wanted_rows["flags"][-1] |= F.LAST
            assert np.array_equal(rows, wanted_rows)


# The recordings --------------------------------------------------------------------------------


def test_every_recorded_file_is_read(shared: Path) -> None:
    folder = shared / "data" / "tardis"
    rows = {}
    for path in sorted(folder.glob("*.csv")):
        unit: Any = "ns" if path.name in ("deltas_1.csv", "trades_1.csv") else "us"
        if unit == "ns":
            assert 'ts_unit="ns" may be right' in str(refused(path))
        if path.name.startswith("derivative"):
            assert refused(path).field == "kind"
            # The last line has no newline, so nobody can tell whether it was cut.
            with pytest.raises(bf.InputError, match="append a newline"):
                bf.tardis_frame(path)
            frame = bf.tardis_frame(path, open_end=True)
            assert frame["funding_rate"].to_list() == [0.0001, 0.00015]
            assert frame["local_timestamp"].dtype == pl.Datetime("us", "UTC")
            continue
        rows[path.name] = len(bf.read_tardis(path, ts_unit=unit))
    assert rows == {
        "binance-futures_book_snapshot_25_BTCUSDT.csv": 10,
        "binance-futures_book_snapshot_5_BTCUSDT.csv": 10,
        "bitmex_trades_XBTUSD.csv": 10,
        "deltas_1.csv": 4,
        "deltas_with_snapshot.csv": 12,
        "deribit_incremental_book_L2_BTC-PERPETUAL.csv": 17,
        "huobi-dm-swap_quotes_BTC-USD.csv": 10,
        "nautilus_quotes.csv": 9_999,
        "nautilus_trades.csv": 9_999,
        "options_chain.csv": 7,
        "trades_1.csv": 2,
    }
    top = bf.read_tardis(folder / "binance-futures_book_snapshot_25_BTCUSDT.csv")
    assert top.depth is not None
    assert top.depth.levels == 25
    assert top.depth.bid_price[0, 0] == 116_570_700
    options = bf.read_tardis(folder / "options_chain.csv").split()
    assert [len(part) for part in options.values()] == [3, 1, 1, 1, 1]
    assert options[3].instrument.symbol == "BTC-10JUN20-10000-C"
    assert bf.tardis_frame(folder / "options_chain.csv")["delta"][0] == -0.61752


def test_the_quote_rule_finds_the_sides_of_the_file(shared: Path) -> None:
    """Of the 497 prints between the first quote and the last one, merged by local_timestamp."""
    folder = shared / "data" / "tardis"
    instrument = bf.Instrument("BTCUSDT", price_unit="0.01", size_unit="0.001")
    quotes = bf.read_tardis(folder / "nautilus_quotes.csv", instrument=instrument)
    trades = bf.read_tardis(folder / "nautilus_trades.csv", instrument=instrument)
    merged = bf.merge(quotes, trades)
    inside = np.flatnonzero((merged.ts >= quotes.ts[0]) & (merged.ts <= quotes.ts[-1]))
    features = {rule: bf.TradeFlowImbalance(sign=rule) for rule in ("aggressor", "quote", "tick")}
    pipe = bf.Pipeline(instrument, clock="trade", features=features)
    frame = pipe.run(merged[inside[0] : inside[-1] + 1])
    assert len(frame) == 497
    right = {rule: np.mean(frame[rule] == frame["aggressor"]) for rule in ("quote", "tick")}
    assert right == pytest.approx({"quote": 0.998, "tick": 0.839}, abs=0.001)
