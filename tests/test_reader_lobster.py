"""LOBSTER files: what a row means, and what is refused."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bookflow as bf

DAY = "2012-06-21"
# 09:30 in New York on that day, in summer time.
OPEN_NS = 1_340_285_400_000_000_000
MESSAGES = [
    "34200.004241176,1,11,18,5853300,1",
    "34200.01,2,11,8,5853300,1",
    "34200.01,4,12,5,5859400,-1",
    "34200.02,5,0,7,5856350,-1",
    "34200.03,6,0,9,5856300,1",
    "34200.04,3,11,10,5853300,1",
    "34200.05,7,0,0,-1,-1",
    "34200.06,7,0,0,0,-1",
    "34200.07,7,0,0,1,-1",
]
BOOK = [
    "5859400,200,5853300,18,5859800,10,5853000,150",
    "5859400,200,5853300,10,5859800,10,5853000,150",
    "5859400,195,5853300,10,5859800,10,5853000,150",
    "5859400,195,5853300,10,5859800,10,5853000,150",
    "5859400,195,5853300,10,5859800,10,5853000,150",
    "5859400,195,5853000,150,5859800,10,-9999999999,0",
    "5859400,195,5853000,150,5859800,10,-9999999999,0",
    "5859400,195,5853000,150,5859800,10,-9999999999,0",
    "5859400,195,5853000,150,5859800,10,-9999999999,0",
]


def write(
    directory: Path,
    messages: list[str] | bytes = MESSAGES,
    book: list[str] | bytes = BOOK,
    *,
    day: str = DAY,
) -> tuple[Path, Path]:
    paths = []
    for kind, lines in (("message", messages), ("orderbook", book)):
        path = directory / f"ACME_{day}_34200000_57600000_{kind}_2.csv"
        data = lines if isinstance(lines, bytes) else "".join(f"{x}\n" for x in lines).encode()
        path.write_bytes(data)
        paths.append(path)
    return paths[0], paths[1]


def changed(lines: list[str], row: int, line: str) -> list[str]:
    return [*lines[:row], line, *lines[row + 1 :]]


def refused(message: Path, book: Path | None = None, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        len(bf.read_lobster(message, book, **settings))
    return error.value


def test_a_pair_row_by_row(tmp_path: Path) -> None:
    events = bf.read_lobster(*write(tmp_path))
    assert events.instrument == bf.Instrument("ACME", price_unit="0.0001", tick="0.01")
    a = bf.Action
    assert events.action.tolist() == [
        *(a.ADD, a.CANCEL, a.EXECUTE, a.TRADE, a.TRADE, a.DELETE),
        *(a.STATUS, a.STATUS, a.STATUS),
    ]
    bid, ask, none = bf.Side.BID, bf.Side.ASK, bf.Side.NONE
    # The hidden order was a sell: its aggressor bought. A cross and a halt have no side.
    assert events.side.tolist() == [bid, bid, ask, bid, none, bid, none, none, none]
    last, hidden, auction = bf.Flag.LAST, bf.Flag.HIDDEN, bf.Flag.AUCTION
    assert events.flags.tolist() == [
        *(last, last, last, last | hidden, last | auction, last, last, last, last),
    ]
    assert events.order_id.tolist() == [11, 11, 12, 0, 0, 11, 0, 0, 0]
    assert events.price.tolist()[:6] == [5853300, 5853300, 5859400, 5856350, 5856300, 5853300]
    assert events.price.tolist()[6:] == [bf.NONE] * 3
    assert events.size.tolist() == [18, 8, 5, 7, 9, 10, bf.Status.HALTED, bf.Status.AUCTION, 0]
    assert events.ts[0] - OPEN_NS == 4_241_176
    assert events.depth is not None
    assert events.depth.bid_price.tolist()[4:6] == [[5853300, 5853000], [5853000, bf.NONE]]
    assert events.depth.ask_size.tolist()[2] == [195, 10]
    assert events.counts == {}


def test_it_is_lazy_and_streams(tmp_path: Path) -> None:
    events = bf.read_lobster(*write(tmp_path))
    assert "not read yet" in repr(events)
    chunks = list(events.chunks(4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 1]
    assert "not read yet" in repr(events)
    assert np.array_equal(bf.Events.concat(chunks).to_numpy(), events.to_numpy())
    assert "9 rows, depth of 2" in repr(events)


def test_the_direction_of_hidden_executions_tells_nothing_from_july_2014_on(tmp_path: Path) -> None:
    for day, side in (("2014-07-11", bf.Side.BUY), ("2014-07-14", bf.Side.NONE)):
        assert bf.read_lobster(*write(tmp_path, day=day)).side[3] == side


@pytest.mark.parametrize(
    ("text", "ns", "truncated"),
    [("34200", 0, 0), ("34200.5", 500_000_000, 0), ("34200.123456789012", 123_456_789, 1)],
)
def test_times_are_exact_and_digits_beyond_nanoseconds_are_counted(
    tmp_path: Path, text: str, ns: int, truncated: int
) -> None:
    pair = write(tmp_path, [f"{text},5,0,7,5856350,-1"], BOOK[:1])
    events = bf.read_lobster(*pair)
    assert int(events.ts[0]) - OPEN_NS == ns
    assert events.counts.get("truncated_digits", 0) == truncated


def test_the_day_is_in_the_name_or_given(tmp_path: Path) -> None:
    message, book = write(tmp_path)
    other = message.rename(tmp_path / "messages.csv")
    assert refused(other, book).field == "date"
    winter = bf.read_lobster(other, book, date="2012-01-03", symbol="X")
    assert winter.instrument.symbol == "X"
    assert winter.ts[0] == 1_325_601_000_004_241_176
    assert refused(other, book, date="21.6.2012").field == "date"


def test_byte_order_mark_and_carriage_returns_change_nothing(tmp_path: Path) -> None:
    plain = bf.read_lobster(*write(tmp_path)).to_numpy()
    crlf = [
        b"\xef\xbb\xbf" + "".join(f"{x}\r\n" for x in lines).encode() for lines in (MESSAGES, BOOK)
    ]
    assert np.array_equal(bf.read_lobster(*write(tmp_path, *crlf)).to_numpy(), plain)
    unended = ["\n".join(lines).encode() for lines in (MESSAGES, BOOK)]
    assert np.array_equal(bf.read_lobster(*write(tmp_path, *unended)).to_numpy(), plain)


@pytest.mark.parametrize(
    ("row", "line", "field"),
    [
        (3, "34200.02,5,0,7,5856350", ""),
        (3, "34200.02,5,0,7,5856350,-1,0", ""),
        (0, "34200.02,5,0,7", ""),
        (0, "34200.02,5,0,7,5856350,-1,0,0", ""),
        (0, "time,type,order_id,size,price,direction", "type"),
        (3, "34200.02,five,0,7,5856350,-1", "type"),
        (3, "34200.02,5,0,7.5,5856350,-1", "size"),
        (3, "34200.02,5,0,nan,5856350,-1", "size"),
        (3, "34200.02,5,0,7,99999999999999999999,-1", "price"),
        (3, "34200.02,5,0,,5856350,-1", "size"),
        (3, '34200.02,5,0,"7",5856350,-1', ""),
        (3, "34200.02,5,0,7\0,5856350,-1", ""),
        (3, "", ""),
        (3, "noon,5,0,7,5856350,-1", "time"),
        (3, "-34200.02,5,0,7,5856350,-1", "time"),
        (3, "86400.0,5,0,7,5856350,-1", "time"),
        (3, "3.42e4,5,0,7,5856350,-1", "time"),
        (3, "34200.02,8,0,7,5856350,-1", "type"),
        (3, "34200.02,0,0,7,5856350,-1", "type"),
        (3, "34200.02,5,0,7,5856350,-2", "direction"),
        (3, "34200.02,1,9,7,5856300,0", "direction"),
        (3, "34200.02,1,0,7,5856300,1", "order_id"),
        (3, "34200.02,1,-4,7,5856300,1", "order_id"),
        (3, "34200.02,7,0,0,2,-1", "price"),
        (3, "34200.02,1,9,7,5856350,1", "price"),
        (3, "34200.02,5,0,-7,5856350,-1", "size"),
        (3, "34200.02,5,0,0,5856350,-1", "size"),
        (3, "34200.02,5,0,2305843009213693953,5856350,-1", "size"),
        (3, "34200.02,5,0,7,4611686018427387904,-1", "price"),
        (3, "34200.02,5,0,7,5856350,-9223372036854775808", "direction"),
        (3, "34200.02,7,0,0,-9223372036854775808,-1", "price"),
        (3, "34200.02,2,9,7,-9223372036854775808,-1", "price"),
        (3, "34200.02,-9223372036854775808,9,7,5856300,-1", "type"),
        (3, "34200.02,2,-9223372036854775808,7,5856300,-1", "order_id"),
        (3, "34200.02,2,9,-9223372036854775808,5856300,-1", "size"),
        (3, "34200.009,5,0,7,5856350,-1", "ts"),
    ],
)
def test_a_bad_message_names_row_and_field(tmp_path: Path, row: int, line: str, field: str) -> None:
    error = refused(*write(tmp_path, changed(MESSAGES, row, line)))
    assert (error.row, error.field) == (row, field)
    assert error.source.startswith("ACME")
    assert str(error)


@pytest.mark.parametrize(
    ("row", "line", "field"),
    [
        (5, "5859400,195,5853000,150,5859800,10,-9999999999", ""),
        (5, "5859400,195,5853000,150,5859800,10,-9999999999,0,1,1,1,1", ""),
        (5, "5859400,195,5853000,150,5859800,ten,-9999999999,0", "ask_size_1"),
        (5, "5859400,195,5853000,150,5859800,10,-9999999999,5", "bid_size_1"),
        (5, "5859400,195,5853050,150,5859800,10,5853000,5", "bid_price"),
        (5, "5859400,195,5853000,-150,5859800,10,5852900,5", "bid_size"),
        (5, "5859400,195,5853000,150,5859300,10,5852900,5", "ask_price"),
        (5, "5859400,195,-9999999999,0,5859800,10,5852900,5", "bid_price"),
    ],
)
def test_a_bad_orderbook_row_names_row_and_field(
    tmp_path: Path, row: int, line: str, field: str
) -> None:
    error = refused(*write(tmp_path, book=changed(BOOK, row, line)))
    assert error.row == row
    assert error.field.startswith(field)


def test_a_time_that_goes_back_is_taken_as_the_maximum_if_asked_for(tmp_path: Path) -> None:
    pair = write(tmp_path, changed(MESSAGES, 3, "34200.009,5,0,7,5856350,-1"))
    events = bf.read_lobster(*pair, order="as-is")
    assert events.ts[3] == events.ts[2]
    assert events.counts == {"late": 1}
    assert [len(c) for c in events.chunks(3)] == [3, 3, 3]


def test_files_of_different_lengths_are_refused(tmp_path: Path) -> None:
    message, book = write(tmp_path, book=BOOK[:7])
    error = refused(message, book)
    assert (error.row, error.source) == (7, book.name)
    message, book = write(tmp_path, messages=MESSAGES[:7])
    error = refused(message, book)
    assert (error.row, error.source) == (7, message.name)
    with pytest.raises(bf.InputError) as streamed:
        list(bf.read_lobster(message, book).chunks(7))
    assert streamed.value.row == 7


def test_empty_and_foreign_files_are_refused(tmp_path: Path) -> None:
    message, book = write(tmp_path, b"", BOOK)
    assert "is empty" in str(refused(message, book))
    message, book = write(tmp_path, MESSAGES, b"")
    assert "is empty" in str(refused(message, book))
    message, book = write(tmp_path)
    error = refused(message, message)
    assert (error.field, error.row) == ("levels", 0)
    assert refused(book, book).row == 0
    message.write_bytes(bytes(range(256)) * 64)
    assert refused(message, book).source == message.name
    with pytest.raises(FileNotFoundError):
        bf.read_lobster(tmp_path / "ACME_2012-06-21_1_2_message_1.csv")


def test_levels_seed_and_the_orderbook_file_must_go_together(tmp_path: Path) -> None:
    message, book = write(tmp_path)
    assert bf.read_lobster(message, book, levels=2).depth is not None
    assert refused(message, book, levels=5).value == 5
    assert refused(message, book, seed=book).field == "seed"
    assert refused(message, levels=2).field == "levels"
    assert refused(message, seed=[1, 2, 3]).field == "seed"
    assert refused(message, order="sorted").field == "order"


def test_every_cut_of_a_message_file_is_refused(tmp_path: Path) -> None:
    text = "\n".join(MESSAGES).encode()
    for end in range(len(text)):
        pair = write(tmp_path, text[:end])
        with pytest.raises(bf.InputError):
            len(bf.read_lobster(*pair))


def test_a_message_file_alone_is_unverifiable(tmp_path: Path) -> None:
    message, _ = write(tmp_path)
    events = bf.read_lobster(message)
    assert events.action[0] == bf.Action.STATUS
    assert events.size[0] == bf.Status.UNVERIFIABLE
    assert events.depth is None
    assert len(events) == len(MESSAGES) + 1
    status = events.size[events.action == bf.Action.STATUS].tolist()
    assert all(bits & bf.Status.UNVERIFIABLE for bits in status)
    assert [len(chunk) for chunk in bf.read_lobster(message).chunks(5)] == [1, 5, 4]


def test_a_seed_is_a_snapshot_before_the_first_message(tmp_path: Path) -> None:
    message, book = write(tmp_path)
    seed = [int(x) for x in BOOK[0].split(",")]
    whole = bf.read_lobster(message, seed=book).to_numpy()
    assert np.array_equal(whole, bf.read_lobster(message, seed=seed).to_numpy())
    depth = bf.read_lobster(message, book).depth
    assert depth is not None
    assert np.array_equal(whole, bf.read_lobster(message, seed=depth[:1]).to_numpy())
    # STATUS, CLEAR, and the three levels that the first message's own order is not all of.
    start = whole[:5]
    assert start["action"].tolist() == [bf.Action.STATUS, bf.Action.CLEAR, *[bf.Action.ADD] * 3]
    assert start["flags"].tolist() == [1, 2, 2, 2, 3]
    levels = start[2:][["side", "price", "size"]].tolist()
    assert sorted(levels) == [(1, 5853000, 150), (2, 5859400, 200), (2, 5859800, 10)]
    assert all(number >= 2**63 for number in start["order_id"][2:].tolist())
    # The execution of an order that was never added here takes from the seeded one.
    execution = whole[whole["action"] == bf.Action.EXECUTE][0]
    assert execution["order_id"] == start[start["price"] == 5859400]["order_id"][0]
    assert bf.read_lobster(message, seed=seed)[:].counts == {}
    events = bf.read_lobster(message, seed=seed)
    assert len(events) == len(MESSAGES) + 5
    assert events.counts == {"unknown_id": 1}
    assert refused(message, seed=[5859400, 200, 5853300, 17]).field == "seed"


def test_every_recorded_pair_loads(shared: Path) -> None:
    folders = sorted((shared / "data" / "lobster").iterdir())
    assert len(folders) == 6
    for folder in folders:
        message = next(folder.glob("*_message_*.csv"))
        book = next(folder.glob("*_orderbook_*.csv"), None)
        events = bf.read_lobster(message, book)
        with message.open() as file:
            lines = sum(1 for _ in file)
        assert len(events) == lines + (book is None)
        assert (events.depth is None) == (book is None)


def test_a_replay_from_the_seed_equals_the_level_1_book(shared: Path) -> None:
    """50-level messages from row 0 of the 10-level file against the level-1 file's rows."""
    data = shared / "data" / "lobster"
    stem = "AAPL_2012-06-21_34200000"
    events = bf.read_lobster(
        data / "AAPL_2012-06-21_50_msgonly" / f"{stem}_37800000_message_50.csv",
        seed=data / "AAPL_2012-06-21_10_first998" / f"{stem}_57600000_orderbook_10.csv",
    )
    level_1 = bf.read_lobster(
        data / "AAPL_2012-06-21_1" / f"{stem}_57600000_message_1.csv",
        data / "AAPL_2012-06-21_1" / f"{stem}_57600000_orderbook_1.csv",
    )
    truth = level_1.to_numpy()
    truth = truth[truth["ts"] < OPEN_NS + 3_600 * 10**9]
    same = ["ts", "price", "size"]
    book: dict[int, defaultdict[int, int]] = {1: defaultdict(int), 2: defaultdict(int)}
    orders: dict[int, list[int]] = {}
    compared = equal = 0
    for event in events.to_numpy():
        replay(event, book, orders)
        if event["flags"] & bf.Flag.SNAPSHOT or compared == len(truth):
            continue
        row = truth[compared]
        if all(event[name] == row[name] for name in same):
            bid, ask = max(book[1]), min(book[2])
            equal += (bid, book[1][bid], ask, book[2][ask]) == (
                *(row["bid_price"][0], row["bid_size"][0]),
                *(row["ask_price"][0], row["ask_size"][0]),
            )
            compared += 1
    assert compared == len(truth) == 25_641
    assert equal == 25_623  # 99.93 %
    assert events.counts == {"truncated_digits": 1, "unknown_id": 31}


def replay(
    event: Any, book: dict[int, defaultdict[int, int]], orders: dict[int, list[int]]
) -> None:
    """A plain book: sizes by side and price, and [side, price, size] by order id."""
    action, number = int(event["action"]), int(event["order_id"])
    if action == bf.Action.ADD:
        side, price, size = int(event["side"]), int(event["price"]), int(event["size"])
        orders[number] = [side, price, size]
        book[side][price] += size
    elif action in (bf.Action.CANCEL, bf.Action.DELETE, bf.Action.EXECUTE) and number in orders:
        side, price, left = orders[number]
        taken = left if action == bf.Action.DELETE else min(left, int(event["size"]))
        orders[number][2] -= taken
        book[side][price] -= taken
        if orders[number][2] == 0:
            del orders[number]
        if book[side][price] == 0:
            del book[side][price]


def test_every_cut_of_an_orderbook_file_is_refused(tmp_path: Path) -> None:
    text = "\n".join([*BOOK[:-1], "5859400,195,5853000,150,5859800,10,5852900,127"]).encode()
    for end in range(len(text) + 1):
        pair = write(tmp_path, book=text[:end])
        with pytest.raises(bf.InputError):
            len(bf.read_lobster(*pair))
    pair = write(tmp_path, book=text)
    assert "the file may be cut" in str(refused(*pair))
    # Where the last level stood before, nothing of it is cut off: excerpts often end so.
    whole = bf.read_lobster(*write(tmp_path)).to_numpy()
    messages, book = "\n".join(MESSAGES).encode(), "\n".join(BOOK).encode()
    again = bf.read_lobster(*write(tmp_path, messages, book))
    assert np.array_equal(again.to_numpy(), whole)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("5859400,195,5853050,150,5859800,10,5853000,5", "bid_price_0"),
        ("5859400,195,5853000,150,5859800,-10,5852900,5", "ask_size_1"),
        ("5859400,195,5853000,150,5859300,10,5852900,5", "ask_price_1"),
    ],
)
def test_a_fault_of_the_book_names_the_orderbook_file(
    tmp_path: Path, line: str, field: str
) -> None:
    message, book = write(tmp_path, book=changed(BOOK, 5, line))
    error = refused(message, book)
    assert (error.source, error.row, error.field) == (book.name, 5, field)


def test_a_seed_with_a_price_twice_is_refused(tmp_path: Path) -> None:
    message, _ = write(tmp_path)
    error = refused(message, seed=[5859400, 200, 5853300, 18, 5859400, 5, 5853000, 1])
    assert (error.field, error.value) == ("seed", 5859400)


def test_a_number_in_the_first_line_is_no_header(tmp_path: Path) -> None:
    words = refused(*write(tmp_path, changed(MESSAGES, 0, "time,type,id,size,price,direction")))
    assert "a header? none is due" in str(words)
    number = refused(*write(tmp_path, changed(MESSAGES, 0, "34200.1,1,11,18,585.33,1")))
    assert "header" not in str(number)
