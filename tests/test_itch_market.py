"""ITCH 5.0: a simulated market there and back, messages made by hand, cuts, flips, lost packets."""

import gzip
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from itch_damage import survives

import bookflow as bf
from bookflow.errors import InputError
from bookflow.events import NONE, Action, Events, Flag, Side, Status

DAY = "2024-01-02"
MIDNIGHT = 1_704_171_600 * 10**9  # of New York, in winter: 05:00 UTC
OPEN = 34_200 * 10**9
FIELDS = ("ts", "order_id", "price", "size", "instrument", "action", "side", "flags")


def message(kind: str, rest: bytes = b"", locate: int = 1, nanos: int = OPEN) -> bytes:
    body = kind.encode() + struct.pack(">HH", locate, 0) + nanos.to_bytes(6) + rest
    return struct.pack(">H", len(body)) + body


def directory(symbol: bytes = b"ACME", locate: int = 1) -> bytes:
    rest = symbol.ljust(8) + b"QN" + struct.pack(">I", 100) + b"NCZ PNN1N" + bytes(4) + b"N"
    return message("R", rest, locate)


def add(number: int, side: bytes, shares: int, price: int, stock: bytes = b"ACME") -> bytes:
    rest = struct.pack(">Q", number) + side + struct.pack(">I", shares) + stock.ljust(8)
    return message("A", rest + struct.pack(">I", price))


SMALL = [
    message("S", b"O", 0),
    directory(),
    add(1, b"B", 100, 1_000_000),
    add(2, b"S", 200, 1_000_100),
    message("E", struct.pack(">QIQ", 2, 50, 7)),
    message("C", struct.pack(">QIQ", 2, 10, 8) + b"N" + struct.pack(">I", 1_000_000)),
    message("C", struct.pack(">QIQ", 2, 10, 9) + b"Y" + struct.pack(">I", 1_000_050)),
    message("X", struct.pack(">QI", 2, 30)),
    message("U", struct.pack(">QQII", 1, 3, 70, 999_900)),
    message("P", bytes(8) + b"B" + struct.pack(">I", 5) + b"ACME    " + struct.pack(">IQ", 7, 10)),
    message("Q", struct.pack(">Q", 900) + b"ACME    " + struct.pack(">IQ", 1_000_200, 11) + b"O"),
    message("H", b"ACME    H     "),
    message("H", b"ACME    T     "),
    message("D", struct.pack(">Q", 2)),
    message("B", struct.pack(">Q", 7)),
]


def written(path: Path, messages: list[bytes]) -> Path:
    path.write_bytes(b"".join(messages))
    return path


def rows(events: Events) -> np.ndarray:
    return events.to_numpy()[list(FIELDS)]


def read_all(path: Path) -> tuple[np.ndarray, InputError | None]:
    """What there is before a fault, and the fault."""
    parts = [np.empty(0, bf.EVENT_DTYPE)[list(FIELDS)]]
    try:
        for chunk in bf.read_itch(path, date=DAY).chunks(3):
            parts.append(rows(chunk))
    except InputError as error:
        return np.concatenate(parts), error
    return np.concatenate(parts), None


def test_what_each_message_means(tmp_path: Path) -> None:
    events = bf.read_itch(written(tmp_path / "x.itch", SMALL), date=DAY)
    last, hidden, cross = Flag.LAST, Flag.HIDDEN | Flag.LAST, Flag.AUCTION | Flag.LAST
    expected = [
        (Action.ADD, Side.BID, 1_000_000, 100, 1, last),
        (Action.ADD, Side.ASK, 1_000_100, 200, 2, last),
        (Action.EXECUTE, Side.NONE, NONE, 50, 2, last),
        (Action.CANCEL, Side.NONE, NONE, 10, 2, Flag.FILL | last),
        (Action.EXECUTE, Side.NONE, 1_000_050, 10, 2, last),
        (Action.CANCEL, Side.NONE, NONE, 30, 2, last),
        (Action.DELETE, Side.NONE, NONE, 0, 1, 0),
        (Action.ADD, Side.NONE, 999_900, 70, 3, last),
        (Action.TRADE, Side.NONE, 7, 5, 0, hidden),
        (Action.TRADE, Side.NONE, 1_000_200, 900, 0, cross),
        (Action.STATUS, Side.NONE, NONE, Status.HALTED, 0, last),
        (Action.STATUS, Side.NONE, NONE, 0, 0, last),
        (Action.DELETE, Side.NONE, NONE, 0, 2, last),
        (Action.TRADE, Side.NONE, 1_000_100, 50, 0, Flag.BROKEN | last),
    ]
    names = ("action", "side", "price", "size", "order_id", "flags")
    assert [tuple(int(row[n]) for n in names) for row in events.to_numpy()] == expected
    assert set(events.ts.tolist()) == {MIDNIGHT + OPEN}
    assert events.instrument.symbol == "ACME"
    assert events.counts == {"system_event": 1, "stock_directory": 1}
    volume = bf.Pipeline(
        events.instrument, clock="event", features={"v": bf.Volume(window="session")}
    ).run(events)
    assert volume["v"][-1] == 10 + 5 + 900  # 50 were taken back


SYMBOLS = {1: "AAA", 2: "BBB", 700: "CCCCCCCC"}


@pytest.fixture(scope="module")
def market() -> Events:
    """Three stocks of a simulator, one after the other in time."""
    blocks, ends = [], []
    for number, symbol in SYMBOLS.items():
        unit = bf.Instrument(symbol, price_unit="0.01", tick="0.01", id=number)
        block = bf.simulate(number, 3_000, instrument=unit, start=MIDNIGHT + OPEN).events
        rows = block.to_numpy()
        rows["price"] = np.where(rows["price"] == NONE, NONE, rows["price"] * 100)
        rows["order_id"] += number << 32
        rows["order_id"][rows["order_id"] == number << 32] = 0
        blocks.append(rows)
        group = np.cumsum(rows["flags"] & Flag.LAST) - (rows["flags"] & Flag.LAST)
        last = np.flatnonzero(rows["flags"] & Flag.LAST)
        ends.append(rows["ts"][last][group])
    rows = np.concatenate(blocks)[np.argsort(np.concatenate(ends), kind="stable")]
    columns = {name: np.ascontiguousarray(rows[name]) for name in bf.EVENT_DTYPE.names or ()}
    instruments = {
        n: bf.Instrument(s, price_unit="1e-4", tick=None, id=n) for n, s in SYMBOLS.items()
    }
    return Events(columns, instruments[1], instruments=instruments)


def touches(events: Events, *, each: bool) -> Iterator[tuple[int, tuple[int, int, int, int]]]:
    """Instrument and touch after every atomic event; `each`: also where nothing changed."""
    books = {n: bf.OrderBook() for n in SYMBOLS}
    told: dict[int, tuple[int, int, int, int]] = {}
    for row in events.to_numpy():
        number = int(row["instrument"])
        book = books[number]
        if row["action"] <= Action.EXECUTE or row["action"] == Action.CLEAR:
            fields = ("action", "side", "price", "size", "order_id")
            book.apply(*(int(row[name]) for name in fields))
        if row["flags"] & Flag.LAST and (each or told.get(number) != book.quotes):
            told[number] = book.quotes
            yield number, book.quotes


def test_a_simulated_market_comes_back(market: Events, tmp_path: Path) -> None:
    """Every touch that a book had it has again, in the same order.

    There may be others between: an event of several rows becomes several messages.
    """
    path = tmp_path / "market.itch"
    bf.write_itch(market, path, date=DAY)
    back = bf.read_itch(path, date=DAY)
    assert {n: i.symbol for n, i in Events.concat([back]).instruments.items()} == SYMBOLS
    ours, theirs = list(touches(back, each=False)), list(touches(market, each=False))
    for number in SYMBOLS:
        a = [t for n, t in ours if n == number]
        b = iter(a)
        assert all(t in b for n, t in theirs if n == number)
        assert a[-1] == [t for n, t in theirs if n == number][-1]


def test_chosen_stocks_chunks_and_compression(market: Events, tmp_path: Path) -> None:
    path = tmp_path / "01022024.NASDAQ_ITCH50"
    bf.write_itch(market, path)
    packed = tmp_path / "01022024.NASDAQ_ITCH50.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    whole = bf.read_itch(path)
    assert (rows(whole) == rows(bf.read_itch(packed))).all()
    chunks = list(bf.read_itch(packed).chunks(7))
    assert max(map(len, chunks)) == 7
    assert (np.concatenate([rows(c) for c in chunks]) == rows(whole)).all()
    one = bf.read_itch(path, "BBB")
    assert (rows(one) == rows(whole)[whole.instrument_id == 2]).all()
    assert one.counts["other_stocks"] > 0


def test_a_file_that_is_cut_or_flipped_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "x.itch"

    def read(data: bytes) -> tuple[np.ndarray, InputError | None]:
        path.write_bytes(data)
        return read_all(path)

    survives(b"".join(SMALL), read)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (b"\0\x05zzzzz", r"byte 0: type = z: is no message type"),
        (b"\0\x13" + message("A")[2:] + bytes(9), "byte 0: A.length = 19: must be 36"),
        (add(1, b"B", 0, 1), "A.shares = 0: must be above 0"),
        (add(1, b"?", 1, 1), r"A.side = \?: must be B or S"),
        (message("X", bytes(12)), "X.shares = 0: must be above 0"),
        (message("D", bytes(7) + b"\1", nanos=86_400 * 10**9), "a day has 86400e9 nanoseconds"),
        (message("S", b"?", 0), r"S.event_code = \?: must be one of"),
        (message("H", b"ACME    ?     "), r"H.trading_state = \?"),
    ],
)
def test_what_is_wrong_is_said(bad: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said):
        len(bf.read_itch(written(tmp_path / "x.itch", [bad]), date=DAY))


def test_numbers_at_the_ends_of_their_ranges(tmp_path: Path) -> None:
    most = 2**32 - 1
    messages = [directory(), add(2**64 - 2, b"B", most, most), add(0, b"B", 1, 0)]
    events = bf.read_itch(written(tmp_path / "x.itch", messages), date=DAY)
    assert events.order_id.tolist() == [2**64 - 2, 2**64 - 1]  # 0 is no order here
    assert events.price.tolist() == [most, 0]
    assert events.size.tolist() == [most, 1]


def test_the_day_must_be_known(tmp_path: Path) -> None:
    path = written(tmp_path / "x.itch", SMALL)
    with pytest.raises(InputError, match="name has no day"):
        bf.read_itch(path)
    with pytest.raises(InputError, match="must be a date such as"):
        bf.read_itch(path, date="yesterday")
    summer = bf.read_itch(path, date="2024-07-01")
    assert summer.ts[0] == 1_719_806_400 * 10**9 + OPEN  # midnight at 04:00 UTC


def test_times_that_run_back(tmp_path: Path) -> None:
    path = written(tmp_path / "x.itch", [directory(), message("D", bytes(7) + b"\1", nanos=5)])
    with pytest.raises(InputError, match=r"D.timestamp = 5: is before"):
        len(bf.read_itch(path, date=DAY))
    events = bf.read_itch(path, date=DAY, order="as-is")
    assert events.ts.tolist() == [MIDNIGHT + OPEN]
    assert events.ts_venue.tolist() == [MIDNIGHT + 5]
    assert events.counts["late"] == 1


# -- live ------------------------------------------------------------------------------------------


def test_a_stream_in_any_pieces(tmp_path: Path) -> None:
    whole, _ = read_all(written(tmp_path / "x.itch", SMALL))
    data = b"".join(SMALL)
    for size in (1, 2, 7, 40, 1_000):
        stream = bf.ItchDecoder(DAY)
        parts = [rows(stream.feed(data[i : i + size])) for i in range(0, len(data), size)]
        assert (np.concatenate(parts) == whole).all()
    with pytest.raises(InputError, match="no message type"):
        bf.ItchDecoder(DAY).feed(b"\0\x05zzzzz")


def packets(messages: list[bytes], per: int) -> list[bytes]:
    out = []
    for i in range(0, len(messages), per):
        block = messages[i : i + per]
        out.append(b"SESSION001" + struct.pack(">QH", i + 1, len(block)) + b"".join(block))
    return out


def test_packets_lost_twice_and_late() -> None:
    messages = [directory()] + [add(n, b"B", n, 100 * n) for n in range(1, 400)]
    for seed in range(20):
        chance = random.Random(seed)
        sent = packets(messages, 3)
        order = [i for i in range(len(sent)) if chance.random() > 0.05]
        order += chance.sample(order, 5)  # twice
        order.sort()
        for _ in range(5):
            i = chance.randrange(1, len(order))
            order[i - 1], order[i] = order[i], order[i - 1]
        stream = bf.ItchDecoder(DAY)
        seen: list[int] = []
        expected = lost = 0
        for i in order:
            events = stream.feed_packet(sent[i])
            first, last = 3 * i, min(3 * i + 3, len(messages))
            new = range(max(first, expected), last)
            gap = first > expected
            lost += max(0, first - expected)
            expected = max(expected, last)
            assert events.order_id.tolist() == [n for n in new if n > 0]
            if gap and len(events):
                assert events.flags[0] & Flag.GAP
            seen += new
        assert stream.packets["lost"] == lost
    end = b"SESSION001" + struct.pack(">QH", len(messages) + 1, 0xFFFF)
    assert not stream.packets["ended"]
    stream.feed_packet(b"SESSION001" + struct.pack(">QH", len(messages) + 1, 0))
    stream.feed_packet(end)
    assert stream.packets["ended"]
    assert stream.packets["heartbeats"] == 1


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"short", "a packet has a header of 20 bytes"),
        (b"SESSION001" + struct.pack(">QH", 1, 1), "ends inside message 1"),
        (b"SESSION001" + struct.pack(">QH", 0, 0), "sequence = 0"),
        (b"SESSION001" + struct.pack(">QH", 1, 0) + b"x", "bytes behind the last"),
        (b"SESSION001" + struct.pack(">QH", 1, 1) + b"\0\0", "message 1 of the packet is empty"),
    ],
)
def test_packets_that_are_none(packet: bytes, said: str) -> None:
    stream = bf.ItchDecoder(DAY)
    with pytest.raises(InputError, match=said):
        stream.feed_packet(packet)
    assert len(stream.feed_packet(packets([directory(), add(1, b"B", 1, 1)], 2)[0])) == 1
