"""The package's own files: what is written is read back, and what is refused."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import bookflow as bf

ACME = bf.Instrument("ACME", price_unit="0.01", tick="0.05", size_unit="0.001", id=3)
CSV = """\
ts,action,side,price,size,order_id,flags
1,1,1,1000,5,11,1
2,6,2,1001,2,,1
3,10,0,,256,,1
4,3,1,,0,11,1
"""


def orders() -> bf.Events:
    """Every optional column, an id of 64 bits and a price of NONE."""
    rows = np.zeros(4, bf.EVENT_DTYPE)
    rows["ts"] = [1, 2, 2, 3]
    rows["ts_venue"] = [bf.NONE, 1, 1, 2]
    rows["order_id"] = [2**64 - 1, 0, 2**64 - 1, 0]
    rows["price"] = [1000, 1003, bf.NONE, bf.NONE]
    rows["size"] = [5, 2, 0, 256]
    rows["instrument"] = 3
    rows["action"] = [bf.Action.ADD, bf.Action.TRADE, bf.Action.DELETE, bf.Action.STATUS]
    rows["side"] = [1, 2, 1, 0]
    rows["flags"] = [1, 0, 1, 1]
    return bf.Events.from_numpy(rows, ACME)


def depth() -> bf.Events:
    blocks = {
        "bid_price": np.array([[1000, 995], [1000, bf.NONE], [bf.NONE, bf.NONE]]),
        "bid_size": np.array([[1, 2], [3, 0], [0, 0]]),
        "ask_price": np.array([[1005, 1010], [1005, 1010], [1005, 1010]]),
        "ask_size": np.array([[1, 2], [3, 4], [5, 6]]),
    }
    return bf.Events.from_depth({"ts": np.arange(3)} | blocks, ACME)


WRITERS: dict[str, Callable[[bf.Events, Path], None]] = {
    "a.parquet": bf.Events.write_parquet,
    "a.csv": bf.Events.write_csv,
    "b.csv": lambda events, path: events.write_csv(path, decimal=True),
    "a.npy": bf.Events.write_npy,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("make", [orders, depth])
def test_what_is_written_is_read_back(
    tmp_path: Path, name: str, make: Callable[[], bf.Events]
) -> None:
    events = make()
    WRITERS[name](events, tmp_path / name)
    instrument = None if name == "a.parquet" else ACME
    again = bf.read_events(tmp_path / name, instrument)
    assert "not read yet" in repr(again)
    for rows in (1, 2, 100):
        chunks = bf.Events.concat(again.chunks(rows))
        assert np.array_equal(chunks.to_numpy(), events.to_numpy())
    assert np.array_equal(again.to_numpy(), events.to_numpy())
    assert again.instrument == ACME
    assert (again.depth is None) == (events.depth is None)


def test_parquet_keeps_columns_that_are_not_there(tmp_path: Path) -> None:
    table = {"ts": np.array([1]), "price": np.array([1000]), "size": np.array([1])}
    events = bf.Events.from_trades(table, ACME)
    events.write_parquet(tmp_path / "a.parquet")
    assert bf.read_events(tmp_path / "a.parquet").columns["flags"] is None
    schedule = bf.Instrument("X", price_unit="0.0001", tick=[(0, "0.0001"), (1, "0.01")])
    bf.Events.from_trades(table, schedule).write_parquet(tmp_path / "a.parquet")
    assert bf.read_events(tmp_path / "a.parquet").instrument == schedule


def test_a_csv_file_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    events = bf.read_events(path, ACME)
    assert events.price.tolist() == [1000, 1001, bf.NONE, bf.NONE]
    assert events.order_id.tolist() == [11, 0, 0, 11]
    words = CSV.replace("6,2", "TRADE,sell").replace("1,1,1,1000", "1,add,Buy,10.00")
    path.write_text(words.replace("1001,2", "10.01,0.002").replace("3,10,0", "3,status,N"))
    path.write_bytes(path.read_bytes().replace(b"4,3,1", b"4,delete,b").replace(b"\n", b"\r\n"))
    events = bf.read_events(path, ACME)
    assert events.price.tolist() == [1000, 1001, bf.NONE, bf.NONE]
    # Decimals of a share, but the status is no size.
    assert events.size.tolist() == [5_000, 2, 256, 0]
    path.write_text("time,px,size,action,side\n1,10.5,1.0,6,1\n")
    renamed = bf.read_events(path, ACME, columns={"ts": "time", "price": "px"})
    assert (renamed.price[0], renamed.size[0]) == (1050, 1000)


def test_decimals_and_units_are_never_mistaken(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    head = "ts,action,side,price,size\n"
    whole = "".join(f"{i},6,1,{1000 + i},1\n" for i in range(5_000))
    path.write_text(head + whole + "5000,6,1,1000.5,1\n")
    with pytest.raises(bf.InputError) as error:
        len(bf.read_events(path, ACME))
    assert (error.value.row, error.value.field, error.value.value) == (5_000, "price", "1000.5")
    events = bf.read_events(path, ACME, decimal=True)
    assert events.price[[0, -1]].tolist() == [100_000, 100_050]
    path.write_text(head + "1,6,1,10.5,1\n")
    with pytest.raises(bf.InputError):
        len(bf.read_events(path, ACME, decimal=False))


def refused(path: Path, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        len(bf.read_events(path, **({"instrument": ACME} | settings)))
    assert error.value.source in ("", path.name)
    return error.value


@pytest.mark.parametrize(
    ("old", "new", "row", "field"),
    [
        ("2,6,2,1001,2,,1", "2,6,2,1001,2,,", 1, "flags"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,2,", 1, ""),
        ("2,6,2,1001,2,,1", "2,6,2,1001,2,,1,1", 1, ""),
        ("2,6,2,1001,2,,1", "2,6,2,x,2,,1", 1, "price"),
        ("2,6,2,1001,2,,1", "2,6,2,nan,2,,1", 1, "price"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,inf,,1", 1, "size"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,,,1", 1, "size"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,-2,,1", 1, "size"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,9223372036854775808,,1", 1, "size"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,2,-1,1", 1, "order_id"),
        ("2,6,2,1001,2,,1", "2,6,2,1001,2,,512", 1, "flags"),
        ("2,6,2,1001,2,,1", "2,6,9,1001,2,,1", 1, "side"),
        ("2,6,2,1001,2,,1", "2,11,2,1001,2,,1", 1, "action"),
        ("2,6,2,1001,2,,1", '2,6,2,"1001",2,,1', 1, ""),
        ("2,6,2,1001,2,,1", "2,6,2,1001\0,2,,1", 1, ""),
        ("2,6,2,1001,2,,1", "", 1, ""),
        ("2,6,2,1001,2,,1", "0,6,2,1001,2,,1", 1, "ts"),
        ("1,1,1,1000,5", "1,1,1,1001,5", 0, "price"),
        ("4,3,1,,0,11", "4,3,1,,0,", 3, "order_id"),
        ("ts,action", "when,action", None, "ts"),
        ("price", "ts", None, "header"),
        ("ts,action,side,price,size,order_id,flags\n", "", None, "header"),
    ],
)
def test_a_bad_csv_file_names_row_and_field(
    tmp_path: Path, old: str, new: str, row: int | None, field: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV.replace(old, new, 1))
    error = refused(path)
    assert (error.row, error.field) == (row, field)


def test_text_that_is_not_utf_8_and_lines_without_end(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CSV.encode().replace(b"1001", b"\xff"))
    assert refused(path).row == 1
    path.write_bytes(CSV.encode() + b"7" * (6 << 20))
    error = refused(path)
    assert (error.row, "a line of more than" in error.rule) == (4, True)


def test_late_rows_are_an_error_or_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV.replace("3,10,0", "1,10,0"))
    assert (refused(path).row, refused(path).field) == (2, "ts")
    events = bf.read_events(path, ACME, order="as-is")
    assert events.ts.tolist() == [1, 2, 2, 4]
    assert events.counts == {"late": 1}
    late = [chunk.ts.tolist() for chunk in events.chunks(1)]
    assert late == [[1], [2], [2], [4]]


def test_a_replacing_order_may_leave_its_side_open_across_chunks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV + "4,1,0,1000,5,12,1\n")
    for rows in (1, 2, 3, 4, 5):
        assert sum(len(chunk) for chunk in bf.read_events(path, ACME).chunks(rows)) == 5


def test_files_that_are_something_else(tmp_path: Path) -> None:
    for name in ("a.parquet", "a.csv", "a.npy"):
        path = tmp_path / name
        path.write_bytes(b"")
        assert "is empty" in str(refused(path))
        path.write_bytes(bytes(range(256)) * 40)
        assert refused(path).source == name
        for writer in ("a.parquet", "a.npy", "a.csv"):
            if writer != name:
                WRITERS[writer](orders(), path)
                assert refused(path).source == name
    assert refused(tmp_path / "a.txt").field == "path"
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(TypeError, match="named fields"):
        len(bf.read_events(tmp_path / "a.npy", ACME))
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    assert "no .npy file of numbers" in str(refused(tmp_path / "a.npy"))
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    assert "no such column" in str(refused(tmp_path / "a.parquet"))
    with pytest.raises(FileNotFoundError):
        bf.read_events(tmp_path / "none.csv", ACME)


def test_the_instrument_must_be_known(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(CSV)
    assert refused(path, instrument=None).field == "instrument"
    frame = orders().to_polars()
    frame.write_parquet(tmp_path / "a.parquet")
    assert refused(tmp_path / "a.parquet", instrument=None).field == "instrument"
    assert len(bf.read_events(tmp_path / "a.parquet", ACME)) == 4
    frame.write_parquet(tmp_path / "a.parquet", metadata={"bookflow.instrument": "{}"})
    assert refused(tmp_path / "a.parquet").field == "bookflow.instrument"
    assert refused(tmp_path / "a.parquet", decimal=True).field == "decimal"


def test_flipped_bits_of_a_parquet_file_are_found_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    depth().write_parquet(path)
    whole = path.read_bytes()
    seal = whole.rindex(b"bookflow-crc32:")
    for bit in range(0, len(whole) * 8, 5):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        if seal <= bit // 8 < seal + 23:
            # Without its seal the file is as any other's, and this one is whole.
            continue
        assert "checksum" in str(refused(path, instrument=None))
    path.write_bytes(whole)
    assert len(bf.read_events(path)) == 3


@pytest.mark.parametrize("name", ["a.parquet", "a.npy"])
def test_every_cut_is_refused(tmp_path: Path, name: str) -> None:
    WRITERS[name](orders(), tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for end in range(0, len(whole), 7):
        (tmp_path / name).write_bytes(whole[:end])
        refused(tmp_path / name, instrument=ACME)


FINE = bf.Instrument("F", price_unit="1e-9", size_unit="0.00000025")


def test_decimals_never_go_through_floats(tmp_path: Path) -> None:
    numbers = [2**59 + 1, 2**53 + 1, 4, 7, 1]
    rows = np.zeros(10, bf.EVENT_DTYPE)
    rows["ts"], rows["flags"], rows["ts_venue"] = np.arange(10), 1, bf.NONE
    rows["action"], rows["side"] = bf.Action.TRADE, 1
    rows["price"] = [*numbers, *(-n for n in numbers)]
    rows["size"] = numbers * 2
    for instrument in (FINE, ACME, bf.Instrument("W", price_unit="100", size_unit="25")):
        events = bf.Events.from_numpy(rows, instrument)
        path = tmp_path / "a.csv"
        events.write_csv(path, decimal=True)
        again = bf.read_events(path, instrument)
        assert np.array_equal(again.to_numpy()[["price", "size"]], rows[["price", "size"]])
    events = bf.Events.from_numpy(rows[:1], FINE)
    events.write_csv(tmp_path / "a.csv", decimal=True)
    assert "576460752.303423489,144115188075.85587225," in (tmp_path / "a.csv").read_text()


@pytest.mark.parametrize(
    ("cell", "units"),
    [
        ("12", 1200),
        ("+1.50", 150),
        (" 1.5", 150),
        (".5", 50),
        ("2.", 200),
        ("1e2", 10_000),
        ("-3.250", -325),
        ("12345E-2", 12_345),
        ("0.0000000e0", 0),
        ("1." + "0" * 40, 100),
    ],
)
def test_decimal_text_is_taken_exactly(tmp_path: Path, cell: str, units: int) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"ts,action,side,price,size\n1,6,1,{cell},1.000\n")
    free = bf.Instrument("A", price_unit="0.01")
    assert bf.read_events(path, free).price.tolist() == [units]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("10.001", "it needs price unit 0.001"),
        ("10.000000000001", "it needs price unit 1e-12"),
        ("1e-3", "it needs price unit 0.001"),
        ("-0", "is minus zero"),
        ("-0.00e1", "is minus zero"),
        ("1e400", "does not fit 64 bits"),
        ("1e9999999", "is not a finite number"),
        ("92233720368547758.08", "does not fit 64 bits"),
        ("nan", "is not a finite number"),
        ("inf", "is not a finite number"),
        ("1.2.3", "is not a finite number"),
        ("1_0", "is not a finite number"),
        ("0x1", "is not a finite number"),
        (".", "is not a finite number"),
        ("1" * 101, "has more than 100 characters"),
    ],
)
def test_decimal_text_that_is_no_number_of_units(tmp_path: Path, cell: str, rule: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"ts,action,side,price,size\n1,6,1,1.5,1\n2,6,1,{cell},1\n")
    error = refused(path)
    assert (error.row, error.field, error.value) == (1, "price", cell)
    assert rule in error.rule


def test_one_column_with_a_point_makes_all_of_them_decimals(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for price in ("10.5", "1E1"):
        path.write_text(f"ts,action,side,price,size\n1,6,1,{price},2\n2,10,0,,256\n")
        events = bf.read_events(path, ACME)
        assert events.price[0] == round(float(price) * 100)
        assert events.size.tolist() == [2_000, 256]
    depth().write_csv(path)
    units = path.read_text()
    # One level's price with a point: the others are then prices, not units.
    path.write_text(units.replace(",995,", ",9.95,", 1))
    made = bf.read_events(path, ACME).depth
    assert made is not None
    assert made.bid_price[0].tolist() == [100_000, 995]
    assert made.bid_size[0].tolist() == [1_000, 2_000]


def test_a_parquet_files_units_are_not_reinterpreted(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    orders().write_parquet(path)
    for name in ("price_unit", "size_unit"):
        units = {"price_unit": "0.01", "size_unit": "0.001"} | {name: "0.0001"}
        error = refused(path, instrument=bf.Instrument("ACME", id=3, **units))
        assert (error.field, error.value) == (name, "0.0001")
        assert getattr(ACME, name) in error.rule
    other = bf.Instrument("OTHER", price_unit="0.010", size_unit="1e-3", id=3)
    assert bf.read_events(path, other).instrument.symbol == "OTHER"


def test_a_file_that_may_end_inside_its_last_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for end in range(1, len(CSV)):
        path.write_text(CSV[:end])
        if CSV[end - 1] != "\n":
            refused(path)
    path.write_text(CSV[:-1])
    error = refused(path)
    assert error.row == 3
    assert "append a newline" in error.rule


def test_a_misspelt_column_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for old, new in (("flags", "flag"), ("order_id", "orderid"), ("flags", "Flags")):
        path.write_text(CSV.replace(old, new, 1))
        error = refused(path)
        assert error.value == new
        assert f"nearly {old}" in error.rule
    depth().write_csv(path)
    path.write_text(path.read_text().replace("ask_size_1", "ask_sise_1"))
    assert refused(path).field == "ask_size_1"
    depth().write_csv(path)
    path.write_text(path.read_text().replace("bid_price_0", "bid_prize_0"))
    assert refused(path).field == "bid_price_0"


def test_a_header_of_any_length_takes_little_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    start = time.perf_counter()
    path.write_text(",".join(map(str, range(100_000))) + ",7\n")
    assert refused(path).value == "7"
    path.write_text("," * (3 << 20) + "\n")
    assert "has a header of" in str(refused(path))
    assert time.perf_counter() - start < 10


def test_an_array_without_dimensions_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((), bf.EVENT_DTYPE))
    assert "1 dimension" in str(refused(tmp_path / "a.npy"))


def test_a_full_disk_is_an_os_error() -> None:
    if not Path("/dev/full").exists():
        return
    for write in (bf.Events.write_parquet, bf.Events.write_csv, bf.Events.write_npy):
        with pytest.raises(OSError, match="space"):
            write(depth(), "/dev/full")
