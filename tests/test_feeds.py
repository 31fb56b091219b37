"""What the handlers of all venues have in common, on a toy venue; and the book of texts."""

import gzip
import json
import lzma
import zipfile
import zlib
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bookflow as bf
from bookflow import feeds
from bookflow._core import TextBook, crc32
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds.handler import Handler, decoder, nanoseconds
from bookflow.feeds.recording import lines

UNITS = bf.Instrument("X", price_unit="0.01", tick=None, size_unit="0.001")


class Toy(Handler):
    """{"s": symbol, "q": sequence, "t": ms, "b": [[price, size]], "a": ..., "whole": true}"""

    venue = "toy"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode = decoder(dict[str, Any])

    def _message(self, message: Any) -> None:
        data = self._decode(message)
        bids, asks = data.get("b", []), data.get("a", [])
        book = self._book(data["s"], [*bids, *asks])
        if book is None:
            return
        if "t" in data:
            self._stamp(data["t"] * 1_000_000)
        if data.get("whole"):
            self._snapshot(book, bids, asks)
        elif not book.live:
            self._await(book)
            return
        elif data["q"] != (book.sequence or 0) + 1:
            self._lost(book, "sequence", data["q"] - (book.sequence or 0) - 1)
            return
        else:
            self._changes(book, bids, asks, depth=data.get("depth"))
        book.sequence = data["q"]


def whole(symbol: str = "X", q: int = 1, **more: Any) -> dict[str, Any]:
    levels = {"b": [["1.00", "2"], ["0.99", "3"]], "a": [["1.01", "4"]]}
    return {"s": symbol, "q": q, "whole": True} | levels | more


def test_a_snapshot_and_a_change() -> None:
    toy = Toy(instruments={"X": UNITS})
    first = toy.feed(json.dumps(whole()), 5)
    assert first.action.tolist() == [Action.CLEAR] + [Action.LEVEL] * 3
    assert first.price[1:].tolist() == [100, 99, 101]
    assert first.size[1:].tolist() == [2_000, 3_000, 4_000]
    assert first.flags.tolist() == [Flag.SNAPSHOT] * 3 + [Flag.SNAPSHOT | Flag.LAST]
    second = toy.feed(json.dumps({"s": "X", "q": 2, "a": [["1.01", "0"], ["1.02", "1"]]}), 6)
    assert second.ts.tolist() == [6, 6]
    assert second.flags.tolist() == [0, Flag.LAST]
    pipeline = bf.Pipeline(UNITS, clock="event", features={"mid": bf.Mid()})
    pipeline.run(first)
    pipeline.run(second)
    assert pipeline.quotes == (100, 2_000, 102, 1_000)
    assert pipeline.status == 0


def test_decoded_messages_are_taken_as_well() -> None:
    assert len(Toy().feed(whole(), 5)) == 4


def test_a_gap_is_told_before_anything_else_and_lasts_until_a_snapshot() -> None:
    toy = Toy(instruments={"X": UNITS})
    pipeline = bf.Pipeline(UNITS, clock="event", features={"mid": bf.Mid()})
    pipeline.run(toy.feed(whole(), 1))
    rows = toy.feed({"s": "X", "q": 5, "a": [["1.01", "1"]]}, 2)
    frame = pipeline.run(rows)
    assert frame.status.tolist() == [Status.GAP | Status.SNAPSHOT_PENDING]
    assert toy.needs_snapshot == ("X",)
    assert toy.counts["lost"] == 3
    assert not len(toy.feed({"s": "X", "q": 6, "a": [["1.01", "1"]]}, 3))
    pipeline.run(toy.feed(whole(q=9), 4))
    assert pipeline.status == 0
    assert toy.needs_snapshot == ()


def test_a_lost_connection_is_a_gap_of_every_book() -> None:
    toy = Toy()
    for symbol in ("X", "Y"):
        toy.feed(whole(symbol), 1)
    rows = toy.disconnected(2)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST] * 2
    assert sorted(rows.instrument_id.tolist()) == [1, 2]
    assert toy.needs_snapshot == ("X", "Y")
    assert not len(toy.disconnected(3))


def test_levels_beyond_the_depth_go() -> None:
    toy = Toy(instruments={"X": UNITS})
    toy.feed(whole(), 1)
    rows = toy.feed({"s": "X", "q": 2, "b": [["0.98", "1"]], "depth": 2}, 2)
    assert list(zip(rows.price.tolist(), rows.size.tolist(), strict=True)) == [(98, 1_000), (98, 0)]


def test_only_the_symbols_asked_for() -> None:
    toy = Toy(symbols="Y")
    assert not len(toy.feed(whole("X"), 1))
    assert len(toy.feed(whole("Y"), 1)) == 4
    assert [i.symbol for i in toy.instruments.values()] == ["Y"]


def test_units_are_chosen_by_the_first_message() -> None:
    toy = Toy()
    toy.feed(whole(b=[["67000.12", "0.00000001"]], a=[["1.461E-9", "1e9"]]), 1)
    instrument = toy.instruments[1]
    assert instrument.price_unit == "1e-12"
    assert instrument.size_unit == "1e-8"
    with pytest.raises(InputError, match="it needs price unit 1e-15"):
        toy.feed({"s": "X", "q": 2, "b": [["0.000000000000001", "1"]]}, 2)


def test_instruments_of_one_id_are_refused() -> None:
    with pytest.raises(InputError, match="id 0 is another symbol's"):
        Toy(instruments={"X": UNITS, "Y": UNITS})


def test_a_time_that_goes_back_is_counted() -> None:
    toy = Toy()
    toy.feed(whole(), 10)
    rows = toy.feed({"s": "X", "q": 2, "b": [["1.00", "1"]]}, 9)
    assert rows.ts.tolist() == [10]
    assert toy.counts["late"] == 1


def test_the_venue_s_clock() -> None:
    toy = Toy(time="venue")
    assert set(toy.feed(whole(t=7), 10).ts.tolist()) == {7_000_000}
    rows = Toy().feed(whole(t=7), 10)
    assert (rows.ts[0], rows.ts_venue[0]) == (10, 7_000_000)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"nothing",
        b"\xff\xfe",
        b"[1]",
        b'{"s": "X"',
        b'{"s": "X", "q": 2, "b": [["nan", "1"]]}',
        b'{"s": "X", "q": 2, "b": [["1.0", "-1"]]}',
        b'{"s": "X", "q": 2, "b": [["1.0"]]}',
        b'{"s": "X", "q": 2, "b": [["1.0", 5]]}',
        b'{"s": "X", "q": 2, "b": [["0.98", "1"], ["1e999", "1"]]}',
        b'{"s": "X", "q": 2, "b": [["0.98", "1"], ["1e-300", "1"]]}',
        b'{"s": "X", "q": 2, "b": "levels"}',
        b'{"s": "X", "b": [["1.0", "1"]]}',
        b"[" * 10_000,
        b'{"s": "X", "q": 2, "b": [["0.' + b"9" * 40 + b'", "1"]]}',
    ],
)
def test_bad_messages_change_nothing(message: bytes) -> None:
    toy = Toy(instruments={"X": UNITS})
    toy.feed(whole(), 1)
    book = toy._books["X"]
    before = (book.text.text(1, 9), book.text.text(2, 9), book.sequence, book.live)
    with pytest.raises(InputError, match="toy"):
        toy.feed(message, 2)
    assert (book.text.text(1, 9), book.text.text(2, 9), book.sequence, book.live) == before
    assert len(toy.feed({"s": "X", "q": 2, "b": [["1.00", "1"]]}, 3)) == 1


def test_a_venue_that_there_is_not() -> None:
    with pytest.raises(InputError, match=r"venue = krakn: is no venue; there is kraken"):
        feeds.handler_of("krakn")


# -- the book of texts -----------------------------------------------------------------------------

LEVEL = st.tuples(st.integers(1, 12), st.integers(0, 3))


@given(st.lists(st.tuples(st.booleans(), st.lists(LEVEL), st.lists(LEVEL))))
def test_the_book_of_texts_is_as_a_plain_one(changes: list[Any]) -> None:
    book = TextBook(UNITS)
    plain: list[dict[int, int]] = [{}, {}]
    for is_whole, *sides in changes:
        texts = [[[f"{p / 100:.2f}", str(s)] for p, s in levels] for levels in sides]
        book.update(*texts, whole=is_whole)
        for side, levels in zip(plain, sides, strict=True):
            if is_whole:
                side.clear()
            side.update(levels)
            for price in [p for p, s in side.items() if s == 0]:
                del side[price]
        bids, asks = sorted(plain[0].items(), reverse=True), sorted(plain[1].items())
        assert book.text(Side.BID, 99) == [(f"{p / 100:.2f}", str(s)) for p, s in bids]
        assert book.text(Side.ASK, 99) == [(f"{p / 100:.2f}", str(s)) for p, s in asks]
        assert book.levels() == (len(bids), len(asks))
        pairs = [level for both in zip_longest(bids, asks) for level in both if level]
        alternating = [f"{p / 100:.2f}:{s}" for p, s in pairs]
        assert book.checksum("alternating", 99) == zlib.crc32(":".join(alternating).encode())
        digits = [f"{int(f'{p / 100:.2f}'.replace('.', ''))}{s}" for p, s in (*asks, *bids)]
        assert book.checksum("digits", 99) == zlib.crc32("".join(digits).encode())


@given(st.binary())
def test_crc32_is_zlib_s(data: bytes) -> None:
    assert crc32(data) == zlib.crc32(data)


def test_asks_are_negative_where_the_venue_has_them_so() -> None:
    book = TextBook(UNITS)
    book.update([["1.00", "2"]], [["1.01", "3"]])
    assert book.checksum("signed_asks", 25) == zlib.crc32(b"1.00:2:1.01:-3")


# -- recordings ------------------------------------------------------------------------------------

LOG = b"""configuration: {}
wss://x <-> 1.5
wss://x <- 1.6: {"op":"subscribe"}
https://y?symbol=X -> 1.7: {"snapshot":1}
1617647603.4249449: {"a":1}
1617647604: b'\\x01\\x02'

1723075201006000000 {"b":2}
"""


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zst", ".zip"])
def test_the_lines_of_a_log(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"log{ending}"
    if ending == ".gz":
        path.write_bytes(gzip.compress(LOG))
    elif ending == ".xz":
        path.write_bytes(lzma.compress(LOG))
    elif ending == ".zst":
        path.write_bytes(pytest.importorskip("zstandard").compress(LOG))
    elif ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("log", LOG)
    else:
        path.write_bytes(LOG)
    assert [
        (line.number, line.kind, line.received, line.text, line.url) for line in lines(path)
    ] == [
        (1, "opened", 1_500_000_000, b"", "wss://x"),
        (2, "sent", 1_600_000_000, b'{"op":"subscribe"}', "wss://x"),
        (3, "answer", 1_700_000_000, b'{"snapshot":1}', "https://y?symbol=X"),
        (4, "message", 1_617_647_603_424_944_900, b'{"a":1}', ""),
        (5, "message", 1_617_647_604_000_000_000, b"\x01\x02", ""),
        (7, "message", 1_723_075_201_006_000_000, b'{"b":2}', ""),
    ]


@pytest.mark.parametrize("line", [b"x", b"1.5:{}", b"12 {}", b"1.5: b'\\x", b"wss://x <> 1"])
def test_a_line_that_is_none(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"1.5: {}\n" + line + b"\n")
    with pytest.raises(InputError, match="log: row 1"):
        list(lines(path))


def test_a_cut_archive_is_bad_input(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(LOG)[:-9])
    with pytest.raises((InputError, OSError)):
        list(lines(path))


def test_times_are_cut_off_behind_the_nanosecond() -> None:
    assert nanoseconds("1.0000000019") == 1_000_000_001
    assert nanoseconds(b"1617654351706686", 6) == 1_617_654_351_706_686_000
    assert np.int64(nanoseconds("1e3", 3)) == 1_000_000_000
