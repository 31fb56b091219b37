"""The CSV files of data.binance.vision, made here in the forms that they have had."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

import bookflow as bf
from bookflow.cli import main
from bookflow.errors import InputError
from bookflow.events import Side

TRADES = """\
3330474271,42283.58000000,0.00019000,8.03388020,1704067200000,True,True
3330474272,42283.59000000,0.00172000,72.72777480,1704067200003,False,True
"""
TRADES_2025 = """\
4359444999,93576.00000000,0.00011000,10.29336000,1735689600012345,False,True
4359445000,93575.99000000,0.00006000,5.61455940,1735689600012346,True,True
"""
FUTURES = """\
id,price,qty,quote_qty,time,is_buyer_maker
4462231880,42313.9,0.024,1015.53,1704067200028,true
4462231881,42314.0,0.012,507.76,1704067200036,false
"""
AGGREGATE = """\
agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker
2043109999,42314.0,0.138,4462231882,4462231884,1704067200065,false
"""
AGGREGATE_SPOT = "2806850131,42283.58,0.00190,3330474271,3330474271,1704067200000,True,True\n"
QUOTES = """\
update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time
3737383474931,42313.9,10.456,42314.0,4.028,1704067200010,1704067200014
3737383475009,42313.9,10.454,42314.0,4.029,1704067200012,1704067200016
"""
DEPTH = """\
timestamp,percentage,depth,notional
2024-01-01 00:00:07,-5,8234.118,339421101.03
2024-01-01 00:00:07,5,6234.5,269421101.5
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name.replace(".zip", ".csv"), text)
    else:
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def only(events: bf.Events) -> bf.Events:
    (chunk,) = events.chunks(1 << 20)
    return chunk


@pytest.mark.parametrize("ending", ["csv", "zip", "csv.gz"])
def test_spot_trades(tmp_path: Path, ending: str) -> None:
    path = written(tmp_path, f"BTCUSDT-trades-2024-01-01.{ending}", TRADES)
    rows = only(bf.read_binance_csv(path))
    assert rows.instrument.symbol == "BTCUSDT"
    assert (rows.instrument.price_unit, rows.instrument.size_unit) == ("0.0001", "1e-7")
    assert rows.price.tolist() == [422_835_800, 422_835_900]
    assert rows.size.tolist() == [1_900, 17_200]
    assert rows.side.tolist() == [Side.SELL, Side.BUY]
    assert rows.ts.tolist() == rows.ts_venue.tolist()
    assert rows.ts[1] == 1_704_067_200_003_000_000


def test_microseconds_are_told_by_their_digits(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-trades-2025-01-01.zip", TRADES_2025)
    rows = only(bf.read_binance_csv(path))
    assert rows.ts.tolist() == [1_735_689_600_012_345_000, 1_735_689_600_012_346_000]
    assert rows.side.tolist() == [Side.BUY, Side.SELL]


def test_futures_have_a_header_and_a_column_less(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-trades-2024-01-01.csv", FUTURES)
    units = bf.Instrument("BTCUSDT", price_unit="0.1", size_unit="0.001")
    rows = only(bf.read_binance_csv(path, instrument=units))
    assert (rows.price.tolist(), rows.size.tolist()) == ([423_139, 423_140], [24, 12])
    assert rows.side.tolist() == [Side.SELL, Side.BUY]


@pytest.mark.parametrize("text", [AGGREGATE, AGGREGATE_SPOT])
def test_aggregated_prints(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "any.csv", text)
    rows = only(bf.read_binance_csv(path, "aggTrades"))
    assert rows.side.tolist() == [Side.BUY if text is AGGREGATE else Side.SELL]
    assert rows.instrument.symbol == ""


def test_best_quotes(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-bookTicker-2024-01-01.csv", QUOTES)
    units = bf.Instrument("BTCUSDT", price_unit="0.1", size_unit="0.001")
    events = bf.read_binance_csv(path, instrument=units)
    pipeline = bf.Pipeline(units, clock="event", features={"mid": bf.Mid()})
    frame = pipeline.run(events)
    assert len(frame) == 2
    assert pipeline.quotes == (423_139, 10_454, 423_140, 4_029)


def test_depth_by_percentage_is_no_book(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-bookDepth-2024-01-01.csv", DEPTH)
    with pytest.raises(InputError, match="binance_depth_frame"):
        bf.read_binance_csv(path)
    frame = bf.binance_depth_frame(path)
    assert frame["percentage"].to_list() == [-5.0, 5.0]
    assert frame["timestamp"][0].isoformat() == "2024-01-01T00:00:07+00:00"
    with pytest.raises(InputError, match="row 1"):
        bf.binance_depth_frame(written(tmp_path, "x", DEPTH.replace("07,5", "61,5")))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("a,b\n", "has 2 columns"),
        (TRADES.replace("1704067200000", "1704067200"), "neither milliseconds nor micro"),
        (TRADES.replace("1704067200003", "1704067200003000"), "row 1.*does not fit 64 bits"),
        (TRADES.replace(",17040672", ",14040672"), "row 0.*no time from 2017 to 2100"),
        (TRADES.replace("False", "Maybe"), "row 1"),
        (TRADES.replace("42283.59000000", "nan"), "row 1"),
        (TRADES.replace("0.00172000", "-1"), "row 1"),
        (TRADES + TRADES, "row 2"),
        (TRADES[:-5], "may be cut"),
        (TRADES + "5,1\n", "row 2"),
    ],
)
def test_what_is_wrong_is_said_with_its_row(tmp_path: Path, text: str, fault: str) -> None:
    path = written(tmp_path, "BTCUSDT-trades-2024-01-01.csv", text)
    with pytest.raises(InputError, match=fault):
        list(bf.read_binance_csv(path).chunks(100))


def test_commands_read_them_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-trades-2024-01-01.zip", TRADES)
    out = tmp_path / "volume.csv"
    features = ["features", str(path), "--reader", "binance-csv", "--every", "trade"]
    assert main([*features, "-f", "v=Volume()", "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 3  # a header and two prints
    plain = written(tmp_path, "some.csv", TRADES)
    info = ["info", str(plain), "--reader", "binance-csv"]
    assert main([*info, "--kind", "trades"]) == 0
    assert main(info) == 2
    assert main([*info, "--kind", "trades", "--date", "2024-01-02"]) == 2


def test_a_name_that_tells_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="kind"):
        bf.read_binance_csv(written(tmp_path, "x.csv", TRADES))


def test_a_zip_that_is_damaged(tmp_path: Path) -> None:
    path = written(tmp_path, "BTCUSDT-trades-2024-01-01.zip", TRADES * 50)
    data = bytearray(path.read_bytes())
    for cut in (data[:-30], data[:90] + bytes([data[90] ^ 255]) + data[91:]):
        path.write_bytes(cut)
        with pytest.raises(InputError, match="compression is damaged"):
            list(bf.read_binance_csv(path, order="as-is").chunks(100))
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a", TRADES)
        archive.writestr("b", TRADES)
    path.write_bytes(two.getvalue())
    with pytest.raises(InputError, match="one file, not 2"):
        bf.read_binance_csv(path)
