"""IEX DEEP: what a message means, what the sequence tells, and what is refused."""

import contextlib
import gzip
import lzma
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from captures import NOW, feed, message, pcap, pcapng, segment, session, udp

import bookflow as bf

A, F, S = bf.Action, bf.Flag, bf.Status
BID = message("8", "ACME", 100, 1_000_000, flags=1)
ASK = message("5", "ACME", 200, 1_000_500, flags=1)
OTHER = message("5", "ZORK", 200, 1_000_500, flags=1)


def write(path: Path, payloads: list[bytes]) -> Path:
    path.write_bytes(pcap(payloads))
    return path


def refused(path: Path, **settings: Any) -> bf.InputError:
    with pytest.raises(bf.InputError) as error:
        len(bf.read_iex(path, **settings))
    assert error.value.source in ("", path.name)
    return error.value


def test_message_by_message(tmp_path: Path) -> None:
    events = bf.read_iex(write(tmp_path / "a.pcap", session()))
    assert "not read yet" in repr(events)
    parts = events.split()
    assert [events.instruments[number].symbol for number in parts] == ["ACME", "ZORK"]
    acme, zork = parts.values()
    assert acme.action.tolist() == [
        *(A.STATUS, A.LEVEL, A.LEVEL, A.TRADE, A.LEVEL, A.LEVEL, A.TRADE, A.TRADE)
    ]
    assert acme.side.tolist() == [0, 1, 2, 0, 2, 2, 0, 0]
    assert acme.size.tolist() == [0, 100, 200, 150, 50, 80, 150, 10]
    assert acme.price.tolist() == [
        *(bf.NONE, 1_000_000, 1_000_500, 1_000_500, 1_000_500, 1_000_700, 1_000_500, 1_000_250)
    ]
    assert acme.flags.tolist() == [
        *(F.LAST, F.LAST, F.LAST, F.LAST, 0, F.LAST, F.LAST | F.BROKEN, F.LAST | F.AUCTION)
    ]
    assert zork.size.tolist() == [S.HALTED, S.HALTED, S.HALTED | S.AUCTION, 10]
    assert ((acme.ts - NOW) // 1_000_000).tolist() == [0, 1, 2, 4, 4, 4, 6, 6]
    assert (acme.ts_venue == NOW).all()
    assert (bf.read_iex(tmp_path / "a.pcap", time="venue").ts == NOW).all()
    assert events.counts == {
        "system_event": 1,
        "security_directory": 1,
        "short_sale_restriction": 1,
        "security_event": 1,
        "official_price": 1,
        "retail_liquidity": 1,
        "auction_information": 1,
        "odd_lot": 1,
        "intermarket_sweep": 1,
        "extended_hours": 1,
        "single_price_cross": 1,
    }


def test_symbols_are_picked_and_numbered(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", session())
    whole = bf.read_iex(path).split()
    zork = bf.read_iex(path, "ZORK")
    assert (zork.instrument.symbol, zork.instrument.id) == ("ZORK", 1)
    assert np.array_equal(zork.size, whole[2].size)
    both = bf.read_iex(path, ["ZORK", "ACME"])
    assert {n: i.symbol for n, i in both.instruments.items()} == {1: "ZORK", 2: "ACME"}
    assert len(both) == len(bf.read_iex(path))
    assert len(bf.read_iex(path, "NONE")) == 0
    for symbols in ("", "TOOLONGIT", "Ä", ["A", "A"], []):
        assert refused(path, symbols=symbols).field == "symbols"
    assert refused(path, time="local").field == "time"


def test_a_pipeline_sees_the_book_only_when_the_event_is_complete(tmp_path: Path) -> None:
    events = bf.read_iex(write(tmp_path / "a.pcap", session()), "ACME")
    pipe = bf.Pipeline(events.instrument, clock="event", features={"spread": bf.Spread()})
    spread = pipe.run(events)["spread"]
    assert len(spread) == 7
    assert spread[2:].tolist() == [5] * 5  # in ticks
    assert np.isnan(spread[:2]).all()


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_any_chunk_size_gives_the_same_events(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.pcap", session())
    whole = bf.read_iex(path)
    wanted, counts = whole.to_numpy(), whole.counts
    for size in (1, 61, 333, 1 << 20):
        monkeypatch.setattr("bookflow.readers._pcap._READ", size)
        events = bf.read_iex(path)
        chunks = list(events.chunks(rows))
        assert max(map(len, chunks)) <= rows
        assert np.array_equal(bf.Events.concat(chunks).to_numpy(), wanted)
        assert events.counts == counts


def test_containers_give_the_same_events(tmp_path: Path) -> None:
    payloads = session()
    wanted = bf.read_iex(write(tmp_path / "a.pcap", payloads)).to_numpy()
    path = tmp_path / "b"
    for data in (
        pcap(payloads, order=">"),
        pcap(payloads, nanos=True),
        pcap(payloads, vlan=True),
        pcap(payloads, link=101),
        pcap(payloads, link=113),
        pcap(payloads, link=276),
        pcapng(payloads),
        pcapng(payloads, order=">"),
        pcapng(payloads[:3]) + pcapng(payloads[:0]),
        gzip.compress(pcap(payloads)),
        gzip.compress(pcap(payloads)[:100]) + gzip.compress(pcap(payloads)[100:]),
        lzma.compress(pcap(payloads)),
        zstandard.compress(pcap(payloads)),
    ):
        path.write_bytes(data)
        events = bf.read_iex(path).to_numpy()
        assert len(events)
        assert np.array_equal(events, wanted[: len(events)])


def test_other_packets_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    data = bytearray(pcap([*feed([[BID, ASK]]), b"something", bytes(60)]))
    path.write_bytes(data)
    events = bf.read_iex(path)
    assert len(events) == 2
    assert events.counts == {"other_packets": 2}
    frame = udp(b"x" * 50, protocol=6)
    path.write_bytes(data + data[24:32] + (len(frame).to_bytes(4, "little") * 2) + frame)
    events = bf.read_iex(path)
    assert len(events) == 2
    assert events.counts == {"other_packets": 3}
    tops = segment([BID], 1, 0, protocol=0x8003)
    assert "0x8003, TOPS" in str(refused(write(path, [tops])))


def test_a_gap_is_told_before_each_symbols_next_event(tmp_path: Path) -> None:
    first, lost, heartbeat, last = feed([[BID, OTHER], [ASK] * 3, [], [ASK, ASK, OTHER]])
    path = tmp_path / "a.pcap"
    events = bf.read_iex(write(path, [first, lost, heartbeat, last]))
    assert (len(events), events.counts) == (8, {})
    for after in ([heartbeat, last], [last]):
        events = bf.read_iex(write(path, [first, *after]))
        assert len(events) == 5
        gap = (events.flags & F.GAP) != 0
        assert gap.tolist() == [False, False, True, False, True]
        assert events.counts == {"gap": 1, "lost_messages": 3}
    # What comes twice, or late, is left out; a part of it that is new is taken.
    events = bf.read_iex(write(path, [first, first, last, lost, last]))
    assert len(events) == 5
    assert events.counts == {"gap": 1, "lost_messages": 3, "repeated_messages": 8}
    again = segment([OTHER, ASK], 2, int.from_bytes(lost[16:24], "little") - len(OTHER) - 2)
    events = bf.read_iex(write(path, [first, again]))
    assert len(events) == 3
    assert events.counts == {"repeated_messages": 1}


def test_numbers_that_cannot_be_are_refused(tmp_path: Path) -> None:
    first, second = feed([[BID, OTHER], [ASK]])
    path = tmp_path / "a.pcap"
    for at, value in ((24, 2**40), (24, 4), (16, 2**40), (16, 10**6), (24, 2**63), (16, 0)):
        odd = second[:at] + value.to_bytes(8, "little") + second[at + 8 :]
        error = refused(write(path, [first, odd, second]))
        assert (error.row, error.field) == (1, "sequence number")
    kept = next(iter(bf.read_iex(path).chunks(10)))
    assert len(kept) == 2


def test_a_new_session_begins_with_empty_books(tmp_path: Path) -> None:
    payloads = feed([[BID, ASK]], session=1) + feed([[ASK, OTHER]], session=2)
    events = bf.read_iex(write(tmp_path / "a.pcap", payloads))
    assert events.action.tolist() == [A.LEVEL, A.LEVEL, A.CLEAR, A.LEVEL, A.LEVEL]
    assert events.flags.tolist() == [1, 1, F.LAST | F.SNAPSHOT, 1, 1]
    payloads[1:] = feed([[ASK, OTHER]], sequence=5, session=2)
    events = bf.read_iex(write(tmp_path / "a.pcap", payloads))
    assert ((events.flags & F.GAP) != 0).tolist() == [False] * 3 + [True] * 2
    assert events.counts == {"gap": 1, "lost_messages": 4}


def test_a_file_from_the_middle_is_unverifiable(tmp_path: Path) -> None:
    halt = message("H", "ZORK", flags=ord("H"))
    path = write(tmp_path / "a.pcap", feed([[BID, ASK, halt]], sequence=9))
    events = bf.read_iex(path)
    assert events.action.tolist() == [A.STATUS, A.LEVEL, A.LEVEL, A.STATUS, A.STATUS]
    assert events.size.tolist()[0::3] == [S.UNVERIFIABLE, S.UNVERIFIABLE]
    assert events.size[-1] == S.UNVERIFIABLE | S.HALTED
    assert events.counts == {}


def test_an_event_that_is_not_complete(tmp_path: Path) -> None:
    half = message("8", "ACME", 5, 999_900)
    trade = message("T", "ACME", 5, 999_900, 1)
    path = write(tmp_path / "a.pcap", feed([[half, trade, OTHER], [trade, BID, trade], [half]]))
    events = bf.read_iex(path)
    assert events.flags.tolist() == [0, 0, 1, 0, 1, 1, 0]
    assert events.counts == {"unfinished": 1}
    # The packets are one millisecond apart; in chunks, the state goes on.
    assert [int(c.flags[0]) for c in events.chunks(1) if len(c)] == events.flags.tolist()


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (message("8", "ACME", 100, 1_000_001, flags=1), "price"),
        (message("8", "ACME", 100, 2**62, flags=1), "price"),
        (message("T", "ACME", 0, 1_000_000, 1), "size"),
        (message("8", "", 100, 1_000_000, flags=1), "symbol"),
        (message("8", "A\x01", 100, 1_000_000, flags=1), "symbol"),
        (message("H", "ACME", flags=ord("Z")), "trading_status"),
        (message("O", "ACME", flags=ord("Z")), "operational_halt"),
        (BID[:20], "messages"),
        (b"", "messages"),
    ],
)
def test_a_bad_message_names_its_packet(tmp_path: Path, bad: bytes, field: str) -> None:
    path = write(tmp_path / "a.pcap", feed([[BID], [ASK, bad], [ASK]]))
    error = refused(path)
    assert (error.row, error.field) == (1, field)


def test_a_message_may_grow_and_another_kind_may_come(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pcap", feed([[BID + b"more", b"Znew", ASK]]))
    events = bf.read_iex(path)
    assert len(events) == 2
    assert events.counts == {"unknown_messages": 1}


def test_late_packets(tmp_path: Path) -> None:
    data = pcap(feed([[BID], [], [ASK]]))
    seconds = (NOW // 10**9).to_bytes(4, "little")
    path = tmp_path / "a.pcap"
    path.write_bytes(data.replace(seconds, b"\xff\xff\xff\x7f", 1))
    error = refused(path)
    assert (error.row, error.field) == (2, "ts")
    events = bf.read_iex(path, order="as-is")
    assert events.ts[0] == events.ts[1]
    assert events.counts == {"late": 1}


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    empty = pcap([])
    for data, words in (
        (b"", "is empty"),
        (b"\xd4\xc3", "ends in its header"),
        (b"ts,price\n" * 10, "is no packet capture"),
        (empty, "holds no messages"),
        (gzip.compress(empty)[:-3], "ends unfinished"),
        (b"\x1f\x8b" + bytes(50), "damaged"),
        (empty[:20] + b"\x69\0\0\0" + pcap([b""])[24:], "Ethernet"),
    ):
        path.write_bytes(data)
        assert words in str(refused(path)), data[:20]


@pytest.mark.parametrize("make", [pcap, pcapng, lambda p: gzip.compress(pcap(p))])
def test_every_cut_is_refused_and_what_was_whole_is_kept(tmp_path: Path, make: Any) -> None:
    payloads = session()
    whole = make(payloads)
    path = tmp_path / "a.pcap"
    path.write_bytes(whole)
    wanted = bf.read_iex(path).to_numpy()
    most = 0
    for end in range(0, len(whole), 3):
        path.write_bytes(whole[:end])
        got = []
        with contextlib.suppress(bf.InputError):
            got.extend(bf.read_iex(path).chunks(1000))
        rows = bf.Events.concat(got).to_numpy() if got else wanted[:0]
        assert np.array_equal(rows, wanted[: len(rows)])
        most = max(most, len(rows))
    assert most >= len(wanted) - 2


def test_flipped_bits_never_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    outcomes: Counter[str] = Counter()
    for make in (pcap, pcapng):
        whole = make(session())
        for bit in range(0, len(whole) * 8, 13):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            path.write_bytes(data)
            try:
                len(bf.read_iex(path))
                outcomes["read"] += 1
            except bf.InputError:
                outcomes["refused"] += 1
    assert outcomes["refused"] > 100


def test_lengths_that_claim_too_much(tmp_path: Path) -> None:
    whole = pcap(session())
    path = tmp_path / "a.pcap"
    places = (
        24 + 8,
        24 + 16 + 14 + 20 + 4,
        24 + 16 + 42 + 12,
        24 + 16 + 42 + 14,
        24 + 16 + 42 + 40,
    )
    for place in places:
        for value in (0, 1, 2**16 - 1, 2**31, 2**32 - 1):
            width = 4 if place == 24 + 8 else 2
            value &= 2 ** (8 * width) - 1
            data = bytearray(whole)
            data[place : place + width] = value.to_bytes(width, "little")
            path.write_bytes(data)
            refused(path)


# The recording ---------------------------------------------------------------------------------


def test_the_recording_has_the_expected_levels_and_prints(shared: Path) -> None:
    folder = shared / "data" / "iex"
    start = time.perf_counter()
    events = bf.read_iex(folder / "test.pcap.gz")
    rows = events.to_numpy()
    assert time.perf_counter() - start < 5
    prints, levels = rows[rows["action"] == A.TRADE], rows[rows["action"] == A.LEVEL]
    assert (len(prints), len(levels)) == (37, 2752)
    assert "gap" not in events.counts
    assert "unfinished" not in events.counts
    symbols = {i.symbol: n for n, i in events.instruments.items()}
    chosen = (folder / "symbols.txt").read_text().split()
    lines = (folder / "expected_test_trd.csv").read_text().split("\n")[1:]
    wanted = [line.split(",") for line in lines if line]
    numbers = [symbols[symbol] for symbol in chosen]
    mine = prints[np.isin(prints["instrument"], numbers)]
    assert len(mine) == len(wanted) == 6
    for row, (captured, _, venue, kind, symbol, size, price, _, conditions) in zip(
        mine, wanted, strict=True
    ):
        assert (kind, conditions) == ("T", "EXTENDED_HOURS|ODD_LOT")
        # The expected capture times went through a float.
        assert abs(int(captured) - int(row["ts"])) < 1000
        assert (int(venue), symbols[symbol]) == (row["ts_venue"], row["instrument"])
        assert (int(size), round(float(price) * 10_000)) == (row["size"], row["price"])
    # Each print is followed by the level that it changed, or was hidden.
    lines = (folder / "expected_test_prl.csv").read_text().split("\n")[1:]
    wanted = [line.split(",") for line in lines if line]
    mine = levels[np.isin(levels["instrument"], numbers)][: len(wanted)]
    for row, (captured, _, _, venue, _, symbol, price, size, _, complete) in zip(
        mine, wanted, strict=True
    ):
        assert abs(int(captured) - int(row["ts"])) < 1000
        assert (int(venue), symbols[symbol]) == (row["ts_venue"], row["instrument"])
        assert (int(size), round(float(price) * 10_000)) == (row["size"], row["price"])
        assert int(complete) == row["flags"] & F.LAST
    first = datetime.fromtimestamp(int(rows["ts"][0]) // 10**9)
    assert first.year == 2023


def test_packets_taken_out_of_the_recording_are_missed_exactly(
    shared: Path, tmp_path: Path
) -> None:
    data = gzip.decompress((shared / "data" / "iex" / "test.pcap.gz").read_bytes())
    packets, at = [], 24
    while at < len(data):
        length = int.from_bytes(data[at + 8 : at + 12], "little")
        packets.append(data[at : at + 16 + length])
        at += 16 + length
    assert len(packets) == 5000
    count = [int.from_bytes(p[16 + 42 + 14 : 16 + 42 + 16], "little") for p in packets]
    rng = np.random.default_rng(5)
    path = tmp_path / "a.pcap"
    whole = bf.read_iex(shared / "data" / "iex" / "test.pcap.gz")
    total = len(whole)
    for share in (0.001, 0.01, 0.05):
        kept = rng.random(len(packets)) >= share
        kept[[0, -1]] = True
        path.write_bytes(data[:24] + b"".join(p for p, k in zip(packets, kept, strict=True) if k))
        events = bf.read_iex(path)
        assert len(events) < total
        lost = sum(n for n, k in zip(count, kept, strict=True) if not k)
        assert events.counts["lost_messages"] == lost
        # Each packet twice, and some the wrong way round, change nothing but the count.
        twice = data[:24] + b"".join(p + p for p in packets)
        path.write_bytes(twice)
        events = bf.read_iex(path)
        assert np.array_equal(events.to_numpy(), whole.to_numpy())
        assert events.counts["repeated_messages"] == sum(count)
