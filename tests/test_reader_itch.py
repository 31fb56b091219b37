"""ITCH 5.0: a market is written, read, and is the same; what is damaged says where."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from itch_damage import split, survives

import bookflow as bf
from bookflow import _core
from bookflow.events import Events
from bookflow.readers.itch import ItchDecoder, itch_messages, itch_quotes, read_itch, write_itch

DAY = "2020-01-30"
OPEN = 1_580_360_400_000_000_000 + 34_200_000_000_000  # 9:30 of it


def stock(locate: int) -> bf.Instrument:
    return bf.Instrument(f"STK{locate}", price_unit="0.0001", tick=None, size_unit="1", id=locate)


def market(rows: int = 400, seed: int = 1) -> Events:
    """Orders of three stocks that are added, cut, replaced, filled and deleted."""
    dice = np.random.default_rng(seed)
    out = []
    ids = 0
    live: list[tuple[int, int, int]] = []
    for k in range(rows):
        ts = OPEN + k * 1000
        kind = dice.integers(0, 8)
        if kind < 4 or not live:
            ids += 1
            locate, side = int(dice.integers(1, 4)), int(dice.integers(1, 3))
            price = 1_000_000 + (-100 if side == 1 else 100) * int(dice.integers(1, 30))
            live.append((ids, locate, 100))
            out.append((ts, ids, price, 100, locate, 1, side, 1))
            continue
        number, locate, size = live.pop(int(dice.integers(len(live))))
        if kind == 4:
            out.append((ts, number, bf.NONE, 0, locate, 3, 0, 1))
        elif kind == 5:
            out.append((ts, number, bf.NONE, 0, locate, 3, 0, 0))
            ids += 1
            live.append((ids, locate, 70))
            out.append((ts, ids, 1_000_000, 70, locate, 1, 0, 1))
        else:
            taken = max(1, size // 2)
            out.append((ts, number, bf.NONE, taken, locate, 2 if kind == 6 else 5, 0, 1))
            if size > taken:
                live.append((number, locate, size - taken))
    names = ("ts", "order_id", "price", "size", "instrument", "action", "side", "flags")
    columns = {
        name: np.array(values, bf.EVENT_DTYPE[name])
        for name, values in zip(names, zip(*out, strict=True), strict=True)
    }
    return Events(columns, stock(1), instruments={k: stock(k) for k in (1, 2, 3)})


def written(tmp_path: Path, events: Events, name: str = "S013020-01302020.itch") -> Path:
    path = tmp_path / name
    write_itch(events, path)
    return path


def same(a: Events, b: Events) -> None:
    for name in ("ts", "order_id", "price", "size", "action", "side", "flags", "instrument_id"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


@pytest.mark.parametrize("rows", [1, 7, 1 << 18])
def test_a_market_is_read_as_it_was_written(tmp_path: Path, rows: int) -> None:
    events = market()
    read = read_itch(written(tmp_path, events))
    assert [i.symbol for i in read.instruments.values()] == ["STK1", "STK2", "STK3"]
    chunks = list(read.chunks(rows))
    assert max(len(chunk) for chunk in chunks) <= rows
    same(Events.concat(chunks), events)
    assert read.counts == {"system_event": 6, "stock_directory": 3}


def test_gzip_and_chosen_stocks(tmp_path: Path) -> None:
    events = market()
    path = written(tmp_path, events)
    packed = tmp_path / "01302020.NASDAQ_ITCH50.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    one = read_itch(packed, "STK2")
    same(one, events.split()[2])
    assert one.instrument.symbol == "STK2"
    assert one.counts["other_stocks"] > 0
    with pytest.raises(bf.InputError, match="not in the file"):
        read_itch(path, ["STK9"])
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(bf.InputError, match="compressed data ends unfinished at byte"):
        len(read_itch(packed))


@pytest.mark.parametrize("rows", [3, 1 << 18])
def test_quotes_are_those_of_the_books(tmp_path: Path, rows: int) -> None:
    events = market(2000)
    path = written(tmp_path, events)
    got = [np.concatenate(c) for c in zip(*itch_quotes(path, rows=rows), strict=True)]
    last = (events.flags & 1) == 1
    np.testing.assert_array_equal(got[0], events.ts[last])
    np.testing.assert_array_equal(got[1], events.instrument_id[last])
    for number, part in events.split().items():
        book = bf.OrderBook()
        quotes = book.replay(part.action, part.side, part.price, part.size, part.order_id)
        own = (part.flags & 1) == 1
        for mine, truth in zip(got[2:], quotes, strict=True):
            np.testing.assert_array_equal(mine[got[1] == number], truth[own])
    changes = sum(len(q.ts) for q in itch_quotes(path, changes=True))
    assert 0 < changes < len(got[0])


def test_every_byte_cut_and_every_bit_flipped(tmp_path: Path) -> None:
    def read(data: bytes) -> tuple[np.ndarray, bf.InputError | None]:
        decoder = ItchDecoder(DAY)
        rows = np.empty(0, bf.EVENT_DTYPE)
        try:
            rows = decoder.feed(data).to_numpy()
            decoder.finish()
        except bf.InputError as error:
            return rows, error
        return rows, None

    survives(written(tmp_path, market(12)).read_bytes(), read)


def test_a_fault_comes_after_what_is_before_it(tmp_path: Path) -> None:
    events = market(50)
    path = written(tmp_path, events)
    data = bytearray(path.read_bytes())
    path.write_bytes(data[:-10])
    got = []
    with pytest.raises(bf.InputError, match="the input ends inside this message") as caught:
        got.extend(read_itch(path).chunks(10))
    assert caught.value.source == path.name
    assert caught.value.offset is not None
    same(Events.concat(got), events)
    assert read_itch(path, damaged="stop").ts[-1] == events.ts[-1]


def test_broken_trades_take_back_what_was_printed(tmp_path: Path) -> None:
    rows = [
        (1, 1, 1_000_000, 100, 1, 1, 1),
        (2, 1, bf.NONE, 40, 1, 5, 1),
        (3, 0, 999_900, 7, 1, 6, 1 | 16),
        (4, 0, 1_000_000, 40, 1, 6, 1 | 128),
        (5, 0, 999_900, 7, 1, 6, 1 | 128 | 16),
    ]
    names = ("ts", "order_id", "price", "size", "instrument", "action", "flags")
    columns = {
        n: np.array(v, bf.EVENT_DTYPE[n])
        for n, v in zip(names, zip(*rows, strict=True), strict=True)
    }
    columns["ts"] = columns["ts"] + OPEN
    columns["side"] = np.array([1, 0, 0, 0, 0], np.uint8)
    events = Events(columns, stock(1))
    path = written(tmp_path, events)
    same(Events.concat(read_itch(path).chunks(2)), events)
    same(ItchDecoder(DAY).feed(path.read_bytes()), events)


def packet(sequence: int, messages: list[bytes], count: int | None = None) -> bytes:
    number = len(messages) if count is None else count
    return b"SESSION001" + sequence.to_bytes(8) + number.to_bytes(2) + b"".join(messages)


def test_packets_lost_twice_and_late(tmp_path: Path) -> None:
    messages = split(written(tmp_path, market(300)).read_bytes())
    dice = np.random.default_rng(5)
    decoder = ItchDecoder(DAY)
    expected, lost, twice = 1, 0, 0
    order = [(k + 1, messages[k : k + 3]) for k in range(0, len(messages), 3)]
    order = [p for p in order for _ in range(int(dice.choice([0, 1, 1, 1, 2])))]
    for k in range(1, len(order)):
        if dice.random() < 0.1:
            order[k - 1], order[k] = order[k], order[k - 1]
    for sequence, part in order:
        gap = sequence > expected
        events = decoder.feed_packet(packet(sequence, part))
        lost += max(0, sequence - expected)
        twice += min(len(part), max(0, expected - sequence))
        expected = max(expected, sequence + len(part))
        if gap and len(events):
            assert events.flags[0] & 4
    decoder.feed_packet(packet(expected + 5, []))
    decoder.feed_packet(packet(expected + 5, [], 0xFFFF))
    assert decoder.packets == {
        "expected": expected + 5,
        "lost": lost + 5,
        "duplicates": twice,
        "heartbeats": 1,
        "ended": True,
    }
    with pytest.raises(bf.InputError, match="ends inside message"):
        decoder.feed_packet(packet(expected + 5, [b"\0\x0cS"], 1))


@pytest.mark.parametrize("kind", list(_core.ITCH_MESSAGES))
def test_every_type_as_arrays(tmp_path: Path, kind: str) -> None:
    _, fields = _core.ITCH_MESSAGES[kind]
    body, values = kind.encode(), {}
    for k, (name, width, kind_of) in enumerate(fields):
        value = bytes([65 + k]) * width if kind_of == "text" else (1 << (8 * width)) - 1 - k
        values[name] = value
        body += value if isinstance(value, bytes) else value.to_bytes(width)
    path = tmp_path / "some.itch"
    path.write_bytes((len(body).to_bytes(2) + body) * 3)
    table = itch_messages(path, kind)
    assert len(table) == 3
    assert {name: table[name][2] for name in values} == values


def test_the_recordings(shared: Path) -> None:
    data = shared / "data" / "itch"
    whole = read_itch(data / "ritch_ex20101224.TEST_ITCH_50", date="2010-12-24")
    # 5,000 adds, 198 executions, 45 cancels, 1,745 deletes, 12 replaces, 5,000 trades, 3 actions
    assert len(whole) == 5000 + 198 + 45 + 1745 + 2 * 12 + 5000 + 3
    assert whole.counts == {"system_event": 6, "stock_directory": 3}
    unknown = 0
    for part in whole.split().values():
        book = bf.OrderBook()
        keep = part.action < bf.Action.TRADE
        book.apply_columns(
            *(getattr(part, n)[keep] for n in ("action", "side", "price", "size", "order_id"))
        )
        unknown += book.faults["unknown_id"]
        assert book.check() == ""
    assert unknown == 117
    start = read_itch(data / "b-bekele_sample.itch", date=DAY)
    assert len(start) == 3
    assert len(start.instruments) == 993
    assert start.counts["stock_directory"] == 993
    cut = read_itch(data / "lukefasanello_sample.itch", date=DAY)
    with pytest.raises(bf.InputError, match="the input ends inside") as caught:
        len(cut)
    assert caught.value.offset == 4081
    assert read_itch(cut_path := data / "lukefasanello_sample.itch", date=DAY, damaged="stop")
    assert cut_path.stat().st_size == 4096
