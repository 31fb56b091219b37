"""Binance's messages: its own best quotes in real recordings, and what a loss does."""

import gzip
import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, SHARES, faulty, live_books

import bookflow as bf
from bookflow.errors import InputError
from bookflow.events import Action, Events, Flag, Side, Status
from bookflow.feeds import Binance, read_feed, verify_feed
from bookflow.feeds.recording import lines

SPOT = ("hftbacktest/spot__btcusdt_20240808.gz", "hftbacktest/spot__btcusdt_20240809.gz")
COIN = ("hftbacktest/cm__ethusd_perp_20240808.gz", "hftbacktest/cm__ethusd_perp_20240809.gz")
USD = "hftbacktest/usdm__ethusdt_20240808.gz"
TEN = "cryptofeed/BINANCE-b38f7c.0"

UNITS = bf.Instrument("X", price_unit="0.01", tick=None, size_unit="0.001", id=1)
MS = 1_700_000_000_000


def made(**settings: Any) -> Binance:
    return Binance(instruments={"X": UNITS}, **settings)


def diff(first: int, last: int, before: int | None = None, **sides: Any) -> dict[str, Any]:
    said = {"e": "depthUpdate", "E": MS + last, "s": "X", "U": first, "u": last}
    if before is not None:
        said |= {"pu": before, "T": MS + last - 1}
    return said | {"b": sides.get("b", [["1.00", str(last)]]), "a": sides.get("a", [])}


def whole(last: int, **more: Any) -> dict[str, Any]:
    levels = {"bids": [["1.00", "2"], ["0.99", "3"]], "asks": [["1.01", "4"]]}
    return {"lastUpdateId": last} | levels | more


def sizes(events: Events) -> list[int]:
    """Sizes of the levels written, in whole contracts."""
    levels = events.action == Action.LEVEL
    return [int(size) // 1_000 for size in events.size[levels]]


# -- the recordings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "n"), [(SPOT[:1], 3_449), (COIN[:1], 22_887), ((USD,), 6_581), ((TEN,), 4_629)]
)
def test_every_best_quote_of_a_recording(shared: Path, names: tuple[str, ...], n: int) -> None:
    truths = verify_feed([shared / "data" / name for name in names], "binance")
    assert list(truths) == ["best quote"]
    truth = truths["best quote"]
    assert (truth.compared, truth.equal, truth.first) == (n, n, "")


def test_a_recording_goes_on_in_the_next_file(shared: Path) -> None:
    """Far from its snapshot there is a level that no message told of: twice it is the best."""
    truths = verify_feed([shared / "data" / name for name in SPOT], "binance")
    assert (truths["best quote"].compared, truths["best quote"].equal) == (6_491, 6_491)
    outside = truths["best quote outside the snapshot"]
    assert (outside.compared, outside.equal, outside.holds) == (2, 0, True)
    events = read_feed([shared / "data" / name for name in SPOT], "binance")
    prints = sum(int((c.action == Action.TRADE).sum()) for c in events.chunks(1 << 20))
    assert prints == 9_757 + 10_147
    assert events.counts == {"snapshots": 1, "outside_snapshot": 8}


def head(path: Path, n: int, into: Path) -> Path:
    """The first n lines of a recording."""
    file = into / "head.log"
    with gzip.open(path) as whole_file:
        file.write_bytes(b"".join(islice(whole_file, n)))
    return file


def test_without_its_snapshot_the_book_stays_pending(shared: Path, tmp_path: Path) -> None:
    path = head(shared / "data" / SPOT[1], 5_000, tmp_path)
    assert verify_feed(path, "binance") == {}
    chunk = next(iter(read_feed(path, "binance").chunks(1 << 20)))
    assert chunk.size[chunk.action == Action.STATUS].tolist() == [Status.SNAPSHOT_PENDING]
    assert set(chunk.action.tolist()) == {Action.STATUS, Action.TRADE}


def test_the_pipeline_s_touch_is_the_handler_s(shared: Path) -> None:
    handler = Binance(symbols="ETHBRL")
    pipeline: bf.Pipeline | None = None
    for line in lines(shared / "data" / TEN):
        if line.kind == "opened":
            continue
        feed = handler.feed(line.text, line.received) if line.kind == "message" else None
        events = handler.answer(line.url, line.text, line.received) if feed is None else feed
        if not len(events):
            continue
        if pipeline is None:
            pipeline = bf.Pipeline(events.instrument, clock="event", features={"mid": bf.Mid()})
        pipeline.run(events)
        if handler._books["ETHBRL"].live:
            assert pipeline.quotes == handler._books["ETHBRL"].text.quotes
    assert pipeline is not None
    assert pipeline.status == 0


def test_quotes_as_the_book(shared: Path, tmp_path: Path) -> None:
    path = head(shared / "data" / USD, 5_000, tmp_path)
    events = read_feed(path, "binance", quotes=True)
    pipeline = bf.Pipeline(
        events.instrument, clock="event", features={"mid": bf.Mid()}, order="as-is", history=1
    )
    for chunk in events.chunks(1 << 20):
        pipeline.run(chunk)
    assert events.counts["other: depthUpdate"] > 100
    assert pipeline.status == Status.UNVERIFIABLE


# -- losses ----------------------------------------------------------------------------------------


def differences(path: Path, n: int) -> list[tuple[bytes, int]]:
    """The snapshot and the first n differences, as `feed` takes them."""
    kept = [
        (line.text, line.received)
        for line in lines(path)
        if b"@depth" in line.text[:60] or b"lastUpdateId" in line.text[:60]
    ]
    return kept[:n]


RECORDED = {"spot": (SPOT[0], 700), "usdm": (USD, 700), "coin": (COIN[0], 1_500)}


@pytest.fixture(scope="module", params=RECORDED)
def recorded(request: pytest.FixtureRequest, shared: Path) -> tuple[Any, dict[int, Any]]:
    """Messages, and the best levels after each sequence number of the run that lost nothing."""
    name, n = RECORDED[request.param]
    messages = differences(shared / "data" / name, n)
    handler, states = Binance(), {}
    for text, received in messages:
        handler.feed(text, received)
        states |= dict(live_books(handler, 25).values())
    return messages, states


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(recorded: Any, fault: Any, share: float) -> None:
    messages, states = recorded
    start = next(i for i, (text, _) in enumerate(messages) if b"lastUpdateId" in text[:60]) + 2
    hurt = Binance()
    for text, received in messages[:start]:
        hurt.feed(text, received)
    for i in faulty(messages[start:], fault, share, seed=1):
        hurt.feed(*messages[start + i])
        for sequence, state in live_books(hurt, 25).values():
            assert states[sequence] == state
    if fault == "duplicate":
        assert not hurt.counts["gaps"]
    elif share >= 0.01:
        assert hurt.counts["gaps"] == hurt.counts["sequence"] > 0


def test_after_a_fetched_snapshot_the_book_is_the_truth(recorded: Any) -> None:
    messages, _ = recorded
    symbol, truth, hurt, lost = "", Binance(), Binance(), 0
    dropped = set(range(len(messages))) - set(faulty(messages, "drop", 0.02, seed=3))
    for i, (text, received) in enumerate(messages):
        truth.feed(text, received)
        if i in dropped and truth._books[symbol].live:
            data = json.loads(text)["data"]
            lost += data["u"] - data["U"] + 1
            continue
        rows = hurt.feed(text, received)
        symbol = next(iter(truth._books))
        if hurt.needs_snapshot and truth._books[symbol].live:
            assert rows.flags[0] & Flag.GAP
            sequence, (bids, asks) = live_books(truth)[symbol]
            answer = {"lastUpdateId": sequence, "bids": bids, "asks": asks}
            hurt.snapshot(json.dumps(answer), received, symbol)
        assert hurt._books[symbol].live == truth._books[symbol].live
    assert hurt.counts["gaps"] > 5
    if symbol == "BTCUSDT":
        assert hurt.counts["lost"] == lost
    if len(messages) - 1 not in dropped:
        assert live_books(hurt) == live_books(truth)


# -- the rules by hand -----------------------------------------------------------------------------


def test_spot_begins_with_the_message_that_covers_what_is_due() -> None:
    handler = made()
    first = handler.feed(diff(5, 6), 1)
    assert first.size.tolist() == [Status.SNAPSHOT_PENDING]
    assert not len(handler.feed(diff(7, 9), 2))
    assert handler.needs_snapshot == ("X",)
    rows = handler.snapshot(whole(7), 3, "X")
    assert sizes(rows) == [2, 3, 4, 9]
    assert rows.ts_venue.tolist()[-1] == (MS + 9) * 1_000_000
    assert handler.needs_snapshot == ()
    assert handler._books["X"].sequence == 9


def test_spot_overlaps_and_old_messages_are_legal() -> None:
    handler = made()
    handler.feed(diff(1, 1), 1)
    handler.snapshot(whole(7), 1, "X")
    assert sizes(handler.feed(diff(8, 9), 2)) == [9]
    assert sizes(handler.feed(diff(9, 11), 3)) == [11]
    assert not len(handler.feed(diff(8, 9), 4))
    assert sizes(handler.feed(diff(12, 12, b=[["0.50", "0"]]), 5)) == [0]
    assert "gaps" not in handler.counts


def test_a_spot_gap_says_how_many_updates_were_lost() -> None:
    handler = made()
    handler.snapshot(whole(7), 1, "X")
    rows = handler.feed(diff(12, 13), 2)
    assert (rows.flags.tolist(), rows.size.tolist()) == (
        [Flag.GAP | Flag.LAST],
        [Status.SNAPSHOT_PENDING],
    )
    assert handler.counts["lost"] == 4
    assert not len(handler.snapshot(whole(9), 3, "X"))  # 10 and 11 are still not known
    assert handler.counts["old_snapshots"] == 1
    assert handler.needs_snapshot == ("X",)
    assert sizes(handler.snapshot(whole(12), 4, "X")) == [2, 3, 4, 13]


def test_a_snapshot_older_than_the_book_is_passed_over() -> None:
    handler = made()
    handler.snapshot(whole(7), 1, "X")
    handler.feed(diff(8, 9), 2)
    assert not len(handler.snapshot(whole(8), 3, "X"))
    assert sizes(handler.snapshot(whole(9), 3, "X")) == [2, 3, 4]


def test_futures_follow_by_pu() -> None:
    handler = made()
    for change in (diff(10, 12, 8), diff(15, 17, 12), diff(18, 20, 17)):
        handler.feed(change, 1)
    assert sizes(handler.snapshot(whole(16, T=MS), 2, "X")) == [2, 3, 4, 17, 20]
    assert sizes(handler.feed(diff(30, 31, 20), 3)) == [31]
    assert not len(handler.feed(diff(30, 31, 20), 3))  # once more
    rows = handler.feed(diff(40, 41, 35), 4)
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert handler.counts["gaps"] == 1
    assert "lost" not in handler.counts  # the numbers are shared with other symbols
    assert sizes(handler.snapshot(whole(41, T=MS), 5, "X")) == [2, 3, 4, 41]
    assert sizes(handler.feed(diff(50, 52, 41), 6)) == [52]


def test_futures_do_not_begin_behind_a_hole() -> None:
    handler = made()
    handler.feed(diff(15, 17, 12), 1)
    assert not len(handler.snapshot(whole(13, T=MS), 2, "X"))
    assert handler.needs_snapshot == ("X",)
    assert sizes(handler.snapshot(whole(12, T=MS), 3, "X")) == [2, 3, 4, 17]


def test_a_gap_among_the_messages_that_waited() -> None:
    handler = made()
    handler.feed(diff(5, 6), 1)
    handler.feed(diff(9, 9), 2)
    rows = handler.snapshot(whole(4), 3, "X")
    assert sizes(rows) == [2, 3, 4, 6]
    assert rows.flags[-1] == Flag.GAP | Flag.LAST
    assert sizes(handler.snapshot(whole(8), 4, "X")) == [2, 3, 4, 9]


def test_outside_the_snapshot_the_book_is_unverifiable() -> None:
    handler = made()
    bids = [[f"{2 - i / 100:.2f}", "1"] for i in range(5)]
    events = handler.snapshot(whole(1, bids=bids, asks=[["2.01", "1"]]), 1, "X")
    pipeline = bf.Pipeline(UNITS, clock="event", features={"mid": bf.Mid()})
    pipeline.run(events)
    assert pipeline.status == 0
    gone = [[price, "0"] for price, _ in bids]
    frame = pipeline.run(handler.feed(diff(2, 2, b=[*gone, ["1.90", "1"]]), 2))
    assert frame.status.tolist() == [Status.UNVERIFIABLE]
    frame = pipeline.run(handler.feed(diff(3, 3, b=[["1.97", "1"]]), 3))
    assert frame.status.tolist() == [0]
    pipeline.run(handler.feed(diff(4, 4, b=[["1.97", "0"]]), 4))
    pipeline.run(handler.snapshot(whole(5), 5, "X"))
    assert pipeline.status == 0
    assert handler.counts["outside_snapshot"] == 2


# -- prints and quotes -----------------------------------------------------------------------------


def trade(kind: str, number: int, **more: Any) -> dict[str, Any]:
    place = "t" if kind == "trade" else "a"
    said = {"e": kind, "E": MS, "s": "X", place: number, "p": "1.00", "q": "2", "T": MS, "m": True}
    return {"stream": f"x@{kind}", "data": said | more}


def test_the_aggressor_is_the_taker() -> None:
    handler = made()
    rows = [handler.feed(trade("trade", i, m=m), i) for i, m in ((1, True), (2, False))]
    assert [(r.action[0], r.side[0], r.ts_venue[0]) for r in rows] == [
        (Action.TRADE, Side.ASK, MS * 1_000_000),
        (Action.TRADE, Side.BID, MS * 1_000_000),
    ]


def test_prints_count_once() -> None:
    handler = made()
    prints = [trade("aggTrade", 4), trade("trade", 9), trade("aggTrade", 4), trade("aggTrade", 7)]
    assert [len(handler.feed(one, 1)) for one in prints] == [1, 0, 0, 1]
    assert handler.counts == {"other: trade": 1, "repeated_prints": 1, "lost_prints": 2}
    chosen = made(prints="trade")
    assert [len(chosen.feed(one, 1)) for one in prints] == [0, 1, 0, 0]
    with pytest.raises(InputError, match="prints = both"):
        made(prints="both")


def test_prints_of_the_insurance_fund_are_off_the_book() -> None:
    rows = made().feed(trade("trade", 1, X="INSURANCE_FUND"), 1)
    assert rows.flags.tolist() == [Flag.OFF_BOOK | Flag.LAST]
    assert not len(made().feed(trade("trade", 1, X="NA", p="0", q="0"), 1))


def test_microseconds_where_they_were_asked_for() -> None:
    rows = made().feed(trade("trade", 1, T=MS * 1_000 + 7), 1)
    assert rows.ts_venue.tolist() == [MS * 1_000_000 + 7_000]
    with pytest.raises(InputError, match="neither milliseconds nor microseconds"):
        made().feed(trade("trade", 1, T=MS // 1_000), 1)


def test_quotes_make_a_book_of_one_level() -> None:
    handler = made(quotes=True)
    quote = {"u": 4, "s": "X", "b": "1.00", "B": "2", "a": "1.01", "A": "0"}
    first = handler.feed(quote, 1)
    assert first.action.tolist() == [Action.STATUS, Action.CLEAR, Action.QUOTE, Action.QUOTE]
    again = handler.feed(quote | {"u": 5, "a": "1.02", "A": "3"}, 2)
    assert again.price.tolist() == [100, 102]
    assert not len(handler.feed(quote, 3))
    assert not len(handler.feed(diff(5, 6), 4))
    pipeline = bf.Pipeline(UNITS, clock="event", features={"mid": bf.Mid()})
    pipeline.run(first)
    assert pipeline.status == Status.UNVERIFIABLE | Status.ONE_SIDED
    pipeline.run(again)
    assert pipeline.quotes == (100, 2_000, 102, 3_000)
    pipeline.run(handler.disconnected(5))
    assert pipeline.status & Status.GAP
    pipeline.run(handler.feed(quote, 6))
    assert not pipeline.status & Status.GAP


def test_what_is_no_book_and_no_print_is_counted() -> None:
    handler = made()
    handler.feed({"stream": "x@forceOrder", "data": {"e": "forceOrder", "E": MS, "o": {}}}, 1)
    handler.feed({"stream": "x@depth5@100ms", "data": whole(5)}, 1)
    handler.feed({"result": None, "id": 1}, 1)
    handler.answer("https://api.binance.com/api/v3/exchangeInfo", b"{}", 1)
    assert handler.counts == {
        "other: forceOrder": 1,
        "other: depth5": 1,
        "other: None": 1,
        "other: answer": 1,
    }


def test_a_snapshot_must_say_of_which_symbol_it_is() -> None:
    with pytest.raises(InputError, match="does not say of which symbol"):
        made().feed(whole(5), 1)


BAD: list[Any] = [
    b"",
    b"[]",
    b"\xff\xfe",
    b"[" * 10_000,
    b'{"e":' * 10_000,
    diff(9, 8),
    diff(8, 9, b=[["nan", "1"]]),
    diff(8, 9, b=[["1.00", "1"]], a=[["1.01", "-1"]]),
    diff(8, 9, b=[["1.00", "1"], ["1e999", "1"]]),
    diff(8, 9, b=[["1.00", 1.5]]),
    diff(8, 9, b=[["1.00"]]),
    diff(8, 9, b=[["1.001", "1"]]),
    diff(8, 9, b="levels"),
    diff(12, 13, b=[["", "1"]]),  # a gap that cannot be read is found by the next message
    diff(8, 9) | {"E": 5},
    diff(8, 9) | {"u": "9"},
    whole(9, bids=[["x", "1"]]),
    whole(-1),
    trade("trade", 1, p="1,00"),
    trade("trade", 1, m="true"),
    {"e": "trade", "s": "X", "T": MS, "p": "1.00", "q": "1", "m": True},
]


@pytest.mark.parametrize("message", BAD, ids=range(len(BAD)))
def test_bad_messages_change_nothing(message: Any) -> None:
    for text in (message, message if isinstance(message, bytes) else json.dumps(message)):
        handler = made()
        handler.snapshot(whole(7), 1, "X")
        before = live_books(handler)
        with pytest.raises(InputError, match="binance"):
            handler.feed(text, 2)
        assert live_books(handler) == before
        assert sizes(handler.feed(diff(8, 9), 3)) == [9]


CUT = json.dumps({"stream": "x@depth", "data": diff(8, 9)}).encode()


@pytest.mark.parametrize("n", range(1, len(CUT), 5))
def test_a_message_that_is_cut_changes_nothing(n: int) -> None:
    handler = made()
    handler.snapshot(whole(7), 1, "X")
    before = live_books(handler)
    with pytest.raises(InputError, match="binance"):
        handler.feed(CUT[:n], 2)
    assert live_books(handler) == before
