"""Databento files: what a record means, and what is refused."""

import os
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import numpy as np
import pytest
import zstandard

import bookflow as bf
from bookflow.readers._pieces import pieces

LAST, TOB, SNAPSHOT, BAD_TS, BAD_BOOK = 128, 64, 32, 8, 4
UNDEFINED = 2**63 - 1
NANO = 10**9
SCHEMAS = {
    "mbo": dbn.MBOMsg,
    "mbp-1": dbn.MBP1Msg,
    "mbp-10": dbn.MBP10Msg,
    "tbbo": dbn.MBP1Msg,
    "trades": dbn.TradeMsg,
    "status": dbn.StatusMsg,
}
RTYPES = {"mbo": 160, "mbp-1": 1, "mbp-10": 10, "tbbo": 1, "trades": 0, "status": 18}


def header(schema: str | None, **settings: Any) -> bytes:
    metadata = dbn.Metadata(
        dataset="TEST.SET",
        start=0,
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=None if schema is None else dbn.Schema(schema),
        **settings,
    )
    return bytes(metadata)


def records(schema: str, rows: Iterable[dict[str, Any]], *, ts_out: bool = False) -> np.ndarray:
    """Records in the schema's own layout; times count up unless given."""
    dtype = list(SCHEMAS[schema]._dtypes) + ([("ts_out", "u8")] if ts_out else [])
    rows = list(rows)
    made = np.zeros(len(rows), dtype)
    made["length"], made["rtype"] = made.itemsize // 4, RTYPES[schema]
    made["publisher_id"], made["instrument_id"] = 1, 7
    if schema != "status":
        made["side"], made["price"], made["size"] = b"B", 100 * NANO, 1
        made["flags"] = LAST
    made["ts_recv"] = np.arange(len(rows)) + 1_000
    made["ts_event"] = made["ts_recv"] - 500
    for name in made.dtype.names or ():
        if "_px_" in name:
            made[name] = UNDEFINED
    for i, row in enumerate(rows):
        for name, value in row.items():
            made[name][i] = value
    return made


def write(path: Path, schema: str, rows: Iterable[dict[str, Any]], **settings: Any) -> Path:
    made = records(schema, rows, ts_out=settings.get("ts_out", False))
    data = header(schema, **settings) + made.tobytes()
    path.write_bytes(zstandard.compress(data) if path.suffix == ".zst" else data)
    return path


def refused(path: Path, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        len(bf.read_databento(path, **settings))
    assert error.value.source in ("", path.name)
    return error.value


MBO = [
    {"action": b"R", "side": b"N", "price": UNDEFINED, "size": 0, "flags": SNAPSHOT},
    {"action": b"A", "order_id": 1, "size": 5, "flags": SNAPSHOT},
    {
        "action": b"A",
        "order_id": 2,
        "side": b"A",
        "price": 101 * NANO,
        "size": 4,
        "flags": SNAPSHOT | LAST,
    },
    {"action": b"T", "side": b"B", "price": 101 * NANO, "size": 3, "order_id": 9, "flags": 0},
    {"action": b"F", "side": b"A", "price": 101 * NANO, "size": 3, "order_id": 2, "flags": 0},
    {"action": b"C", "order_id": 1, "size": 5, "flags": 0},
    {"action": b"M", "side": b"A", "price": 101 * NANO, "size": 1, "order_id": 2, "flags": 0},
    {"action": b"N", "side": b"N", "price": UNDEFINED, "size": 0, "flags": LAST},
    {"action": b"M", "side": b"A", "price": 101 * NANO, "size": 2, "order_id": 2},
]


def test_mbo_record_by_record(tmp_path: Path) -> None:
    events = bf.read_databento(write(tmp_path / "a.mbo.dbn", "mbo", MBO))
    a, f = bf.Action, bf.Flag
    assert events.action.tolist() == [a.CLEAR, a.ADD, a.ADD, a.TRADE, a.CANCEL, a.MODIFY, a.MODIFY]
    # The fill's end of the event, on the record N, is the one before's; FILL is its order's alone.
    assert events.flags.tolist() == [
        *(f.SNAPSHOT, f.SNAPSHOT, f.SNAPSHOT | f.LAST),
        *(0, 0, f.FILL | f.LAST, f.LAST),
    ]
    assert events.order_id.tolist() == [0, 1, 2, 0, 1, 2, 2]
    bid, ask = bf.Side.BID, bf.Side.ASK
    assert events.side.tolist() == [0, bid, ask, bf.Side.BUY, bid, ask, ask]
    assert events.price.tolist()[:3] == [bf.NONE, 100 * NANO, 101 * NANO]
    assert events.size.tolist() == [0, 5, 4, 3, 5, 1, 2]
    assert events.ts.tolist() == [1000, 1001, 1002, 1003, 1005, 1006, 1008]
    assert events.ts_venue[0] == 500
    assert events.instrument.id == 7
    assert events.instrument.tick is None


def test_a_book_without_a_snapshot_is_unverifiable_until_two_sided(tmp_path: Path) -> None:
    events = bf.read_databento(write(tmp_path / "a.dbn", "mbo", MBO[5:]))
    assert events.action[0] == bf.Action.STATUS
    assert events.size[0] == bf.Status.UNVERIFIABLE | bf.Status.ONE_SIDED
    assert events.flags[0] == bf.Flag.LAST
    assert events.ts[0] == events.ts[1]


def test_fills_are_looked_for_in_their_own_event_and_order(tmp_path: Path) -> None:
    rows = [
        {"action": b"R", "side": b"N"},
        {"action": b"F", "order_id": 1, "flags": 0},
        {"action": b"F", "order_id": 1, "flags": 0},
        {"action": b"C", "order_id": 1, "flags": 0},
        {"action": b"C", "order_id": 1},
        {"action": b"F", "order_id": 2},
        {"action": b"C", "order_id": 2},
        {"action": b"F", "order_id": 3, "flags": 0, "instrument_id": 8},
        {"action": b"C", "order_id": 3},
        {"action": b"C", "order_id": 3, "instrument_id": 8},
    ]
    events = bf.read_databento(write(tmp_path / "a.dbn", "mbo", rows))
    parts = events.split()
    assert list(parts) == [7, 8]
    assert ((parts[7].flags & bf.Flag.FILL) != 0).tolist() == [False, True, False, False, False]
    assert ((parts[8].flags & bf.Flag.FILL) != 0).tolist() == [False, True]
    assert parts[8].instrument.id == 8


def test_one_sided_top_of_book_and_gap_flags(tmp_path: Path) -> None:
    rows = [
        {"action": b"A", "flags": LAST | TOB, "order_id": 5, "size": 3},
        {"action": b"A", "flags": LAST | TOB, "price": UNDEFINED, "size": 0},
        {"action": b"A", "order_id": 6, "flags": LAST | BAD_BOOK},
        {"action": b"N", "side": b"N", "flags": LAST | BAD_BOOK},
        {"action": b"A", "order_id": 7, "flags": LAST | BAD_TS},
    ]
    events = bf.read_databento(write(tmp_path / "a.dbn", "mbo", rows))[1:]
    quote, add = bf.Action.QUOTE, bf.Action.ADD
    assert events.action.tolist() == [quote, quote, add, add]
    assert events.order_id.tolist() == [0, 0, 6, 7]
    assert events.price.tolist()[:2] == [100 * NANO, bf.NONE]
    last, gap = bf.Flag.LAST, bf.Flag.GAP
    assert events.flags.tolist() == [last, last, last | gap, last | gap]
    assert bf.read_databento(tmp_path / "a.dbn").counts == {}
    loaded = bf.read_databento(tmp_path / "a.dbn")
    assert len(loaded) == 5
    assert loaded.counts == {"bad_ts_recv": 1}


@pytest.mark.parametrize("levels", [1, 10])
def test_mbp_records_carry_the_book(tmp_path: Path, levels: int) -> None:
    book = {"bid_px_00": 100 * NANO, "bid_sz_00": 5, "ask_px_00": 101 * NANO, "ask_sz_00": 4}
    rows = [
        {"action": b"A", "size": 5} | book,
        {"action": b"T", "side": b"A", "size": 2, "flags": 0} | book,
        {"action": b"C", "size": 2} | book | {"bid_sz_00": 3},
        {"action": b"N", "side": b"N"} | book | {"bid_px_00": UNDEFINED, "bid_sz_00": 0},
        {"action": b"R", "side": b"N", "price": UNDEFINED, "size": 0},
    ]
    events = bf.read_databento(write(tmp_path / "a.dbn.zst", f"mbp-{levels}", rows))
    a = bf.Action
    assert events.action.tolist() == [a.ADD, a.TRADE, a.CANCEL, a.QUOTE, a.CLEAR]
    assert events.side.tolist() == [bf.Side.BID, bf.Side.SELL, bf.Side.BID, 0, 0]
    assert events.flags.tolist() == [1, 0, 1, 1, 1]
    assert events.depth is not None
    assert events.depth.levels == levels
    assert events.depth.bid_price[:, 0].tolist() == [100 * NANO] * 3 + [bf.NONE] * 2
    assert events.depth.bid_size[:, 0].tolist() == [5, 5, 3, 0, 0]
    assert events.depth.ask_size[:, 0].tolist() == [4, 4, 4, 4, 0]


def test_trades_are_atomic_events(tmp_path: Path) -> None:
    rows = [{"action": b"T", "side": s, "flags": 0} for s in (b"B", b"A", b"N")]
    path = write(tmp_path / "a.dbn", "trades", rows)
    events = bf.read_databento(path)
    assert events.side.tolist() == [bf.Side.BUY, bf.Side.SELL, bf.Side.NONE]
    assert events.flags.tolist() == [bf.Flag.LAST] * 3
    assert events.action.tolist() == [bf.Action.TRADE] * 3
    assert events.depth is None
    venue = bf.read_databento(path, time="venue")
    assert venue.ts.tolist() == events.ts_venue.tolist()


def test_a_tbbo_is_a_print_and_the_quotes_before_it(tmp_path: Path) -> None:
    book = {"bid_px_00": 100 * NANO, "bid_sz_00": 5, "ask_px_00": 101 * NANO, "ask_sz_00": 4}
    rows = [{"action": b"T", "side": s, "flags": 0} | book for s in (b"B", b"A", b"N")]
    path = write(tmp_path / "a.tbbo.dbn", "tbbo", rows)
    events = bf.read_databento(path)
    assert events.action.tolist() == [bf.Action.TRADE] * 3
    assert events.flags.tolist() == [bf.Flag.LAST] * 3
    assert events.side.tolist() == [bf.Side.BUY, bf.Side.SELL, bf.Side.NONE]
    assert events.depth is not None
    assert events.depth.ask_price[:, 0].tolist() == [101 * NANO] * 3
    error = refused(write(path, "tbbo", [*rows, {"action": b"A"} | book]))
    assert (error.row, error.field) == (3, "action")


def test_statuses(tmp_path: Path) -> None:
    rows = [{"action": action} for action in range(16)]
    path = write(tmp_path / "a.status.dbn", "status", rows)
    events = bf.read_databento(path)
    halted, auction = bf.Status.HALTED, bf.Status.AUCTION
    # "None" and the change of a short sale restriction say nothing of trading.
    assert events.size.tolist() == [
        *([auction] * 6),
        *(0, halted, halted, halted, auction, halted, halted, halted),
    ]
    assert events.action.tolist() == [bf.Action.STATUS] * 14
    assert events.flags.tolist() == [bf.Flag.LAST] * 14
    error = refused(write(path, "status", [{"action": 7}, {"action": 16}]))
    assert (error.row, error.field, error.value) == (1, "action", 16)


def test_an_instruments_units_are_taken_exactly(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dbn", "trades", [{"action": b"T", "price": 100_250_000_000}])
    quarter = bf.Instrument("ES", price_unit="0.25", tick="0.25", multiplier="50")
    events = bf.read_databento(path, instrument=quarter)
    assert events.price.tolist() == [401]
    assert (events.instrument.id, events.instrument.symbol) == (7, "ES")
    assert events.instrument.multiplier == "50"
    finer = bf.Instrument(price_unit="1e-10", size_unit="0.1")
    assert bf.read_databento(path, instrument=finer).price.tolist() == [1_002_500_000_000]
    assert bf.read_databento(path, instrument=finer).size.tolist() == [10]
    error = refused(path, instrument=bf.Instrument(price_unit="0.1"))
    assert (error.row, error.field, error.value) == (0, "price", 100_250_000_000)


def test_definitions_give_symbols_and_ticks(shared: Path) -> None:
    folder = shared / "data" / "databento" / "nautilus"
    book = next(folder.glob("orderbooks_mbo_2024-05-08*"))
    events = bf.read_databento(book, definitions=folder / "orderbooks_definition.dbn.zst")
    assert events.instrument.tick == "0.25"
    assert len(events) == 13_791
    with pytest.raises(bf.InputError) as error:
        bf.read_databento(book, definitions=book)
    assert error.value.field == "schema"
    with pytest.raises(bf.InputError) as error:
        bf.read_databento(book, definitions=book, instrument=bf.Instrument())
    assert error.value.field == "definitions"
    for path in (shared / "data" / "databento" / "dbn_testdata").glob("*.definition.v?.dbn.zst"):
        with pytest.raises(bf.InputError):
            bf.read_databento(path)
        assert bf.read_databento(book, definitions=path).instruments[6819].symbol == "MSFT"


def test_the_grid_of_one_instrument_does_not_bind_another(tmp_path: Path) -> None:
    rows = [
        {"action": b"R", "side": b"N"},
        {"action": b"A", "order_id": 1, "price": 100_250_000_000},
        {"action": b"A", "order_id": 2, "price": 100_100_000_000, "instrument_id": 8},
    ]
    quarter = bf.Instrument(price_unit="0.05", tick="0.25")
    path = write(tmp_path / "a.dbn", "mbo", rows)
    assert list(bf.read_databento(path, instrument=quarter).split()) == [7, 8]
    rows[2]["instrument_id"] = 7
    error = refused(write(tmp_path / "a.dbn", "mbo", rows), instrument=quarter)
    assert (error.row, error.field) == (2, "price")


def test_records_of_other_kinds_are_passed_over_and_counted(tmp_path: Path) -> None:
    made = records("mbo", MBO)
    system = bytes([4, 23]) + bytes(14)
    trade = records("trades", [{"action": b"T"}]).tobytes()
    data = header(None) + system + made[:3].tobytes() + trade + system + made[3:].tobytes() + trade
    path = tmp_path / "live.dbn"
    path.write_bytes(data)
    assert refused(path).field == "schema"
    events = bf.read_databento(path, schema="mbo")
    plain = bf.read_databento(write(tmp_path / "a.dbn", "mbo", MBO))
    assert np.array_equal(events.to_numpy(), plain.to_numpy())
    assert events.counts == {"other_records": 4}
    # Rows are numbered as the file's records.
    made["action"][4] = b"Z"
    path.write_bytes(header(None) + system + made[:3].tobytes() + trade + made[3:].tobytes())
    assert refused(path, schema="mbo").row == 6


@pytest.mark.parametrize("suffix", ["dbn", "dbn.zst"])
def test_records_are_cut_anywhere(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [record.tobytes() for record in records("mbo", MBO * 20)]
    long = bytes([130, 19]) + bytes(518)
    data = header(None) + b"".join(record + long for record in made)
    path = tmp_path / f"live.{suffix}"
    path.write_bytes(zstandard.compress(data) if suffix == "dbn.zst" else data)
    whole = bf.read_databento(path, schema="mbo").to_numpy()
    for size in (1, 57, 600, 4099):
        monkeypatch.setattr("bookflow.readers._dbn._READ", size)
        events = bf.read_databento(path, schema="mbo")
        pieces = bf.Events.concat(events.chunks(1))
        assert np.array_equal(pieces.to_numpy(), whole)
        assert events.counts == {"other_records": len(made)}


def test_any_chunk_size_gives_the_same_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookflow.readers.databento._PIECE", 1)
    path = write(tmp_path / "a.dbn.zst", "mbo", MBO * 3, ts_out=True)
    whole = bf.read_databento(path).to_numpy()
    assert len(whole) == 21
    for rows in (1, 2, 3, 5, 8, 100):
        chunks = list(bf.read_databento(path).chunks(rows))
        assert max(len(chunk) for chunk in chunks) <= rows
        assert np.array_equal(bf.Events.concat(chunks).to_numpy(), whole)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"action": b"Z"}, "action"),
        ({"side": b"Z"}, "side"),
        ({"action": b"A", "order_id": 0}, "order_id"),
        ({"action": b"A", "order_id": 5, "price": UNDEFINED}, "price"),
        ({"action": b"A", "order_id": 5, "size": 0}, "size"),
        ({"action": b"A", "order_id": 5, "price": 2**62}, "price"),
        ({"action": b"A", "order_id": 5, "price": -(2**63) + 1}, "price"),
        ({"action": b"T", "price": UNDEFINED}, "price"),
        ({"ts_recv": 2**64 - 1}, "ts_recv"),
        ({"ts_recv": 2**63}, "ts_recv"),
        ({"ts_recv": 1}, "ts"),
        ({"publisher_id": 2}, "publisher_id"),
        ({"length": 13}, "length"),
        ({"length": 0}, "length"),
        ({"rtype": 99}, "rtype"),
    ],
)
def test_a_bad_record_names_row_and_field(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    rows = [dict(row) for row in MBO]
    rows[5] |= change
    error = refused(write(tmp_path / "a.dbn", "mbo", rows))
    assert (error.row, error.field) == (5, field)


def test_a_depth_row_that_cannot_be_names_its_record(tmp_path: Path) -> None:
    book = {"bid_px_00": 100 * NANO, "bid_sz_00": 5, "bid_px_01": 100 * NANO, "bid_sz_01": 5}
    rows = [{"action": b"C"}, {"action": b"C"} | book]
    error = refused(write(tmp_path / "a.dbn", "mbp-10", rows))
    assert error.row == 1
    assert "bid_price" in error.field


def test_a_print_must_be_one_in_trades(tmp_path: Path) -> None:
    error = refused(write(tmp_path / "a.dbn", "trades", [{"action": b"T"}, {"action": b"A"}]))
    assert (error.row, error.field, error.value) == (1, "action", "A")


def test_late_records_take_the_running_maximum_if_asked_for(tmp_path: Path) -> None:
    rows = [dict(row) for row in MBO]
    rows[8] |= {"ts_recv": 1}
    path = write(tmp_path / "a.dbn", "mbo", rows)
    events = bf.read_databento(path, order="as-is")
    assert events.ts[-1] == events.ts[-2]
    assert events.counts == {"late": 1}


def test_two_publishers_books_are_told_apart(tmp_path: Path) -> None:
    rows = [{"action": b"R", "side": b"N", "publisher_id": p} for p in (1, 2, 1)]
    path = write(tmp_path / "a.dbn", "mbo", rows)
    assert refused(path).row == 1
    assert len(bf.read_databento(path, publisher=1)) == 2
    assert len(bf.read_databento(path, publisher="all")) == 3
    prints = [{"action": b"T", "publisher_id": p} for p in (1, 2)]
    assert len(bf.read_databento(write(tmp_path / "b.dbn", "trades", prints))) == 2


@pytest.mark.parametrize("settings", [{"schema": "ohlcv-1s"}, {"schema": "mbp-1"}])
def test_a_schema_that_is_not_the_files_or_not_read(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    assert refused(write(tmp_path / "a.dbn", "mbo", MBO), **settings).field == "schema"
    with pytest.raises(bf.InputError) as error:
        bf.read_databento(tmp_path / "a.dbn", time="local")  # type: ignore[arg-type]
    assert error.value.field == "time"


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.dbn"
    for data, words in (
        (b"", "is empty"),
        (b"DB", "ends in its header"),
        (b"ts,price\n1,2\n", "is no DBN file"),
        (b"DBN\x09" + bytes(200), "version"),
        (b"DBN\x03" + struct.pack("<I", 2**32 - 1) + bytes(200), "too long for a header"),
        (b"DBN\x03" + struct.pack("<I", 2**20) + bytes(200), "ends in its header"),
        (b"DBN\x03" + struct.pack("<I", 0) + bytes(200), "header"),
        (b"P*M\x18" + bytes(200), "DBZ"),
        (b"\x28\xb5\x2f\xfd" + bytes(200), "compress"),
        (zstandard.compress(b""), "is empty"),
        (zstandard.compress(b"ts,price\n1,2\n"), "is no DBN file"),
    ):
        path.write_bytes(data)
        assert words in str(refused(path)), data[:20]


def test_no_records_are_no_events(tmp_path: Path) -> None:
    for schema in SCHEMAS:
        assert len(bf.read_databento(write(tmp_path / "a.dbn", schema, []))) == 0


@pytest.mark.parametrize("suffix", ["dbn", "dbn.zst"])
def test_every_cut_is_refused_with_its_offset(tmp_path: Path, suffix: str) -> None:
    whole = write(tmp_path / f"a.{suffix}", "mbo", MBO).read_bytes()
    body = len(header("mbo"))
    path = tmp_path / f"cut.{suffix}"
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        if suffix == "dbn" and end >= body and (end - body) % 56 == 0:
            assert len(bf.read_databento(path)) <= len(MBO)
            continue
        error = refused(path)
        if suffix == "dbn" and end > body:
            complete = (end - body) // 56
            assert error.row == complete
            assert f"from byte {body + complete * 56} on" in error.rule
        elif end:
            assert "byte" in error.rule or "header" in error.rule


@pytest.mark.parametrize("schema", ["mbo", "mbp-1"])
@pytest.mark.parametrize("suffix", ["dbn", "dbn.zst"])
def test_flipped_bits_never_crash(tmp_path: Path, schema: str, suffix: str) -> None:
    rows = [
        {k: v for k, v in row.items() if k != "order_id" or schema == "mbo"} for row in MBO[1:4]
    ]
    whole = write(tmp_path / f"a.{suffix}", schema, rows).read_bytes()
    path = tmp_path / f"flipped.{suffix}"
    outcomes: Counter[str] = Counter()
    for bit in range(0, len(whole) * 8, 3):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        try:
            len(bf.read_databento(path))
            outcomes["read"] += 1
        except bf.InputError:
            outcomes["refused"] += 1
    assert outcomes["refused"] > 100


def test_a_bomb_is_refused_before_it_fills_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookflow.readers._pieces._FREE", 1 << 20)
    data = header("mbo") + records("mbo", MBO[:1]).tobytes() * (1 << 17)
    path = tmp_path / "bomb.dbn.zst"
    path.write_bytes(zstandard.compress(data, 3))
    assert len(data) > 1000 * path.stat().st_size
    with pytest.raises(bf.InputError, match="compressed bytes become more than"):
        for _ in bf.read_databento(path).chunks(10_000):
            pass


def test_every_recorded_file_loads(shared: Path) -> None:
    read = 0
    for path in sorted((shared / "data" / "databento").rglob("*.dbn*")):
        kind = next((s for s in SCHEMAS if f".{s}." in path.name or f"_{s}_" in path.name), None)
        if kind is None:
            continue
        settings = {"publisher": "all"} if path.name.startswith("OPRA") else {}
        events = bf.read_databento(path, **settings)
        assert len(events) > 0, path.name
        assert np.all(np.diff(events.ts) >= 0)
        read += 1
    assert read == 41 + 14
    live = next((shared / "data" / "databento").rglob("LIVE*"))
    found = {schema: len(bf.read_databento(live, schema=schema)) for schema in SCHEMAS}
    assert found == {"mbo": 6, "mbp-1": 2, "mbp-10": 2, "tbbo": 2, "trades": 2, "status": 0}


def recorded(shared: Path, name: str) -> bf.Events:
    return bf.read_databento(next((shared / "data" / "databento" / "nautilus").glob(name)))


def test_the_es_book_ends_uncrossed_with_no_unknown_id(shared: Path) -> None:
    events = recorded(shared, "orderbooks_mbo_2024-05-08*")
    book = bf.OrderBook()
    columns = events.columns
    book.apply_columns(*(columns[n] for n in ("action", "side", "price", "size", "order_id")))
    assert not any(book.faults.values())
    bid, bid_size, ask, ask_size = book.quotes
    assert bid < ask
    assert min(bid_size, ask_size) > 0
    snapshot = (events.flags & bf.Flag.SNAPSHOT) != 0
    assert np.count_nonzero(snapshot) == 13_601
    assert events.action[0] == bf.Action.CLEAR
    assert events.instrument.symbol == "ESM4"
    assert np.count_nonzero(events.flags & bf.Flag.FILL) == 5


def test_mbp_and_trades_agree_on_the_aggressor(shared: Path) -> None:
    quotes = recorded(shared, "futures_mbp-1_2024-07-01*")
    prints = quotes.to_numpy()[quotes.action == bf.Action.TRADE]
    trades = recorded(shared, "futures_trades_2024-07-01*").to_numpy()
    for name in ("ts", "ts_venue", "price", "size", "side"):
        assert np.array_equal(prints[name], trades[name])
    # A buyer lifts the ask that the record shows, a seller hits the bid.
    buys, sells = (prints["side"] == side for side in (bf.Side.BUY, bf.Side.SELL))
    assert (buys | sells).all()
    assert np.mean(prints["price"][buys] >= prints["ask_price"][buys, 0]) > 0.99
    assert np.mean(prints["price"][sells] <= prints["bid_price"][sells, 0]) > 0.99


def test_a_gap_on_dropped_records_goes_on_over_the_end_of_a_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped = {"action": b"N", "side": b"N"}
    rows = [
        {"action": b"R", "side": b"N"},
        {"action": b"R", "side": b"N", "instrument_id": 8},
        dropped | {"flags": LAST | BAD_BOOK},
        {"action": b"A", "order_id": 1, "instrument_id": 8},
        {"action": b"A", "order_id": 1},
        dropped | {"flags": LAST | BAD_BOOK, "instrument_id": 8},
    ]
    path = write(tmp_path / "a.dbn", "mbo", rows)
    for piece in (1, 1 << 16):
        monkeypatch.setattr("bookflow.readers.databento._PIECE", piece)
        for size in (1, 2, 3, 100):
            events = bf.read_databento(path)
            whole = bf.Events.concat(events.chunks(size))
            gap = (whole.flags & bf.Flag.GAP) != 0
            assert gap.tolist() == [False, False, False, True]
            # Nothing of the other instrument follows its gap.
            assert events.counts == {"gap": 1}


def test_a_long_atomic_event_in_small_chunks_takes_no_quadratic_time(tmp_path: Path) -> None:
    rows = [{"action": b"R", "side": b"N", "flags": 0}, {"action": b"N", "side": b"N"}]
    made = np.repeat(records("mbo", rows), [30_000, 1])
    path = tmp_path / "a.dbn"
    path.write_bytes(header("mbo") + made.tobytes())
    start = time.perf_counter()
    assert sum(len(chunk) for chunk in bf.read_databento(path).chunks(10)) == 30_000
    assert time.perf_counter() - start < 5


# Live --------------------------------------------------------------------------------------------


def decoded(path: Path) -> list[Any]:
    decoder = dbn.DBNDecoder()
    decoder.write(b"".join(pieces(path, 1 << 20)))
    items: list[Any] = decoder.decode()
    return items


def fed(handler: bf.DatabentoHandler, items: Iterable[Any]) -> tuple[bf.Events, Counter[str]]:
    parts = [handler.feed(item) for item in items]
    parts.append(handler.finish())
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(part.counts)
    return bf.Events.concat([part for part in parts if len(part)] or parts[:1]), counts


def test_record_by_record_is_as_the_file(shared: Path) -> None:
    compared = 0
    for path in sorted((shared / "data" / "databento").rglob("*.dbn*")):
        schema = next((s for s in SCHEMAS if f".{s}." in path.name or f"_{s}_" in path.name), None)
        if schema is None and not path.name.startswith("LIVE"):
            continue
        items = decoded(path)
        for kind in [schema] if schema else list(SCHEMAS):
            publisher: Any = "all" if path.name.startswith("OPRA") else None
            wanted = bf.read_databento(path, schema=kind, publisher=publisher)
            rows = wanted.to_numpy()
            for parts in (items, [items], [items[:5], items[5:]]):
                if len(items) > 5000 and parts is items:
                    parts = [items[i : i + 7] for i in range(0, len(items), 7)]
                handler = bf.DatabentoHandler(kind, publisher=publisher)
                events, counts = fed(handler, parts)
                assert np.array_equal(events.to_numpy(), rows), path.name
                assert counts == wanted.counts
                compared += 1
    assert compared == (55 + 6) * 3


def test_a_live_handler_waits_for_the_end_of_an_event(tmp_path: Path) -> None:
    _, *items = decoded(write(tmp_path / "a.dbn", "mbo", MBO))
    handler = bf.DatabentoHandler(order="as-is")
    assert [len(handler.feed(item)) for item in items] == [0, 0, 3, 0, 0, 0, 0, 3, 1]
    # The last message is fed only in part, and something is lost.
    handler.feed(items[3])
    handler.gap()
    events = handler.feed(items[8])
    assert events.flags.tolist() == [bf.Flag.LAST | bf.Flag.GAP]
    assert len(handler.finish()) == 0
    handler.gap()
    assert handler.finish().counts == {"gap": 1}
    handler.feed(items[3])
    assert handler.finish().flags.tolist() == [bf.Flag.GAP]
    for wrong in (3, b"abc", None):
        with pytest.raises(TypeError, match="none of databento_dbn's records"):
            handler.feed(wrong)
    with pytest.raises(bf.InputError, match="schema"):
        bf.DatabentoHandler("ohlcv-1s")
    with pytest.raises(bf.InputError, match="time"):
        bf.DatabentoHandler(time="local")  # type: ignore[arg-type]
    empty = bf.DatabentoHandler()
    assert len(empty.finish()) == 0


def test_a_live_handler_learns_symbols_and_ticks(shared: Path) -> None:
    folder = shared / "data" / "databento"
    handler = bf.DatabentoHandler("mbo")
    definitions = decoded(folder / "nautilus" / "orderbooks_definition.dbn.zst")
    counts = handler.feed(definitions).counts
    assert counts == {"other_records": len(definitions) - 1}
    (instrument,) = handler.instruments.values()
    assert (instrument.symbol, instrument.tick) == ("ESM4", "0.25")
    book = decoded(next((folder / "nautilus").glob("orderbooks_mbo_2024-05-08*")))
    events = handler.feed(book)
    assert events.instrument == instrument
    pipe = bf.Pipeline(instrument, clock="event", features={"mid": bf.Mid()})
    assert len(pipe.run(events)) > 100
    live = bf.DatabentoHandler("trades")
    live.feed(decoded(next(folder.rglob("LIVE*"))))
    assert all(instrument.symbol for instrument in live.instruments.values())


# Hostile files -----------------------------------------------------------------------------------

HOSTILE = """
import random, resource, sys
from pathlib import Path
import bookflow as bf

folder, seed, flips = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
files = sorted(folder.glob("*.dbn*"))
path = folder / "hostile"
bf.read_databento(files[0])
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
outcomes = {"read": 0, "refused": 0}


def attempt(data):
    path.write_bytes(data)
    try:
        for chunk in bf.read_databento(path, publisher="all", order="as-is").chunks(1000):
            pass
        outcomes["read"] += 1
    except bf.InputError as error:
        assert str(error).startswith("hostile") or error.field
        outcomes["refused"] += 1


wholes = [file.read_bytes() for file in files]
for whole in wholes:
    for end in range(0, len(whole), 2):
        attempt(whole[:end])
    for at in range(0, min(len(whole) - 3, 420), 4):
        for value in (0, 1, 2**31, 2**32 - 1):
            attempt(whole[:at] + value.to_bytes(4, "little") + whole[at + 4 :])
draw = random.Random(seed)
for _ in range(flips):
    data = bytearray(draw.choice(wholes))
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        bit = draw.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << bit % 8
    attempt(bytes(data))
claim = b"DBN\\x01" + (2**32 - 1).to_bytes(4, "little") + bytes(200)
assert len(claim) == 208
attempt(claim)
status = Path("/proc/self/status").read_text()
print(outcomes, int(status.split("VmHWM:")[1].split()[0]) // 1024, "MiB")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process' memory as Linux does")
def test_hostile_files_in_a_gigabyte(tmp_path: Path) -> None:
    """Cut anywhere, with lengths that lie, with flipped bits: nothing but `InputError`."""
    book = {"bid_px_00": 100 * NANO, "bid_sz_00": 5, "ask_px_00": 101 * NANO, "ask_sz_00": 4}
    write(tmp_path / "a.dbn", "mbo", MBO, symbols=["A"])
    write(tmp_path / "b.dbn.zst", "mbo", MBO)
    write(tmp_path / "c.dbn", "mbp-10", [{"action": b"A"} | book])
    write(tmp_path / "d.dbn", "status", [{"action": 7}])
    write(tmp_path / "e.dbn.zst", "tbbo", [{"action": b"T"} | book] * 3)
    flips = 1_000 * int(os.environ.get("BOOKFLOW_EFFORT", "1"))
    run = subprocess.run(
        [sys.executable, "-c", HOSTILE, str(tmp_path), "1", str(flips)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert int(run.stdout.split("}")[1].split()[0]) < 300
