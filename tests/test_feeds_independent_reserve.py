"""Independent Reserve's messages: every order of a recording, by nonce."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from feed_faults import FAULTS, SHARES, faulty
from feed_hostile import check_unchanged

from bookflow import Pipeline
from bookflow._core import Mid
from bookflow.errors import InputError
from bookflow.events import Action, Flag, Side, Status
from bookflow.feeds import IndependentReserve
from bookflow.feeds.recording import Line, lines

PAIRS = ("dot-nzd", "matic-usd", "eth-aud", "bch-sgd", "pmgt-nzd")
WHOLE = {
    "BuyOrders": [{"Guid": "a", "Price": 100.0, "Volume": 1.0}],
    "SellOrders": [{"Guid": "b", "Price": 101.5, "Volume": 2.0}],
    "CreatedTimestampUtc": "1970-01-01T00:00:00.005Z",
    "PrimaryCurrencyCode": "Eth",
    "SecondaryCurrencyCode": "Aud",
}


def said(event: str, nonce: int, key: str, kind: str = "LimitBid", **data: Any) -> dict[str, Any]:
    data = {"OrderGuid": key, "OrderType": kind} | data
    return {
        "Channel": "orderbook-eth", "Nonce": nonce, "Data": data, "Time": nonce, "Event": event,
    }  # fmt: skip


def trade(key: str, price: Any = 101.5, channel: str = "ticker-eth-aud") -> dict[str, Any]:
    data = {"TradeGuid": key, "Price": price, "Volume": 0.5, "Side": "Sell"}
    return {"Channel": channel, "Nonce": 1, "Data": data, "Time": 7, "Event": "Trade"}


def live() -> IndependentReserve:
    handler = IndependentReserve(symbols="eth-aud")
    handler.snapshot(WHOLE, 1)
    handler.feed(said("NewOrder", 6, "c", Price={"aud": 99.25, "usd": 70}, Volume=3.0), 2)
    return handler


def orders(handler: IndependentReserve, pair: str) -> dict[Any, tuple[int, int, int]]:
    book = handler._books[pair]
    return {key: (o.side, o.price, o.size) for key, o in book.memory["orders"].items()}


@pytest.fixture(scope="module")
def recorded(shared: Path) -> list[Line]:
    """Both files, in the order of their times."""
    folder = shared / "data/cryptofeed"
    files = ("INDEPENDENT_RESERVE.ws.1.0", "INDEPENDENT_RESERVE.http.0.0")
    both = [line for file in files for line in lines(folder / file)]
    return sorted(both, key=lambda line: line.received)


def play(handler: IndependentReserve, line: Line) -> Any:
    if line.kind == "answer":
        return handler.answer(line.url, line.text, line.received)
    return handler.feed(line.text, line.received)


def test_no_order_of_the_recording_is_unknown(recorded: list[Line]) -> None:
    handler = IndependentReserve(symbols=PAIRS)
    pipelines: dict[int, Pipeline] = {}
    rows = 0
    for line in recorded:
        if line.kind in ("message", "answer"):
            events = play(handler, line)
            rows += len(events)
            for number, part in events.split().items() if len(events) else ():
                if number not in pipelines:
                    pipelines[number] = Pipeline(
                        handler.instruments[number],
                        clock="event",
                        features={"mid": Mid()},
                        order="as-is",
                    )
                pipelines[number].run(part)
    assert rows == 3_381
    assert handler.counts["old"] == 72
    assert handler.counts["snapshots"] == 5
    assert "unknown_orders" not in handler.counts
    assert "duplicate_orders" not in handler.counts
    assert "gaps" not in handler.counts
    assert len(pipelines) == 5
    for pipeline in pipelines.values():
        assert pipeline.status == 0
        assert not any(pipeline.faults.values())


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("share", SHARES)
def test_a_book_that_is_called_good_is_right(
    recorded: list[Line], fault: str, share: float
) -> None:
    """Of one pair; after a gap it is fetched again, as it then was."""
    start = next(i for i, one in enumerate(recorded) if one.kind == "answer" and b"Eth" in one.text)
    messages = [one for one in recorded[start + 1 :] if b'"orderbook-eth"' in one.text]
    states = {}
    whole, hurt = IndependentReserve(symbols="eth-aud"), IndependentReserve(symbols="eth-aud")
    for line in [
        *(one for one in recorded[:start] if b'"orderbook-eth"' in one.text),
        recorded[start],
    ]:
        play(whole, line)
        play(hurt, line)
    units = hurt.instruments
    states[whole._nonces["eth"]] = orders(whole, "eth-aud")
    times = {}
    for line in messages:
        play(whole, line)
        states[whole._nonces["eth"]] = orders(whole, "eth-aud")
        times[whole._nonces["eth"]] = whole._venue
    expected = 0
    for n, i in enumerate(faulty(messages, fault, share, seed=2)):
        nonce = json.loads(messages[i].text)["Nonce"]
        expected += max(nonce - hurt._nonces["eth"] - 1, 0)
        play(hurt, messages[i])
        book = hurt._books["eth-aud"]
        if book.pending and n % 5 == 0:
            nonce = hurt._nonces["eth"]
            at = max(times[nonce], book.memory["since"])
            hurt.snapshot(fetched(states[nonce], at, units), 1)
            assert book.live
        if book.live:
            assert orders(hurt, "eth-aud") == states[hurt._nonces["eth"]]
    assert hurt.counts["lost"] == expected
    if fault == "duplicate":
        assert "gaps" not in hurt.counts
    elif share >= 0.01:
        assert hurt.counts["gaps"] > 0


def fetched(orders: dict[Any, tuple[int, int, int]], at: int, units: Any) -> dict[str, Any]:
    (instrument,) = units.values()
    price, size = (float(str(u)) for u in (instrument.price_unit, instrument.size_unit))
    seconds, part = divmod(at, 1_000_000_000)
    time = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    sides = {
        name: [
            {"Guid": key, "Price": round(p * price, 8), "Volume": round(q * size, 8)}
            for key, (s, p, q) in orders.items()
            if s == side
        ]
        for name, side in (("BuyOrders", Side.BID), ("SellOrders", Side.ASK))
    }
    return WHOLE | sides | {"CreatedTimestampUtc": f"{time}.{part:09d}Z"}


def test_messages_as_rows() -> None:
    handler = live()
    rows = handler.feed(said("OrderChanged", 7, "b", "LimitOffer", Volume=0.5), 3)
    assert rows.action.tolist() == [Action.CANCEL]
    assert rows.flags.tolist() == [Flag.FILL | Flag.LAST]
    assert rows.ts_venue.tolist() == [7_000_000]
    rows = handler.feed(said("OrderCanceled", 8, "a"), 4)
    assert (rows.action.tolist(), rows.order_id.tolist()) == ([Action.DELETE], [1])
    assert len(handler.feed(said("OrderCanceled", 8, "c"), 5)) == 0
    assert len(handler.feed(said("OrderCanceled", 9, "a"), 5)) == 0
    assert handler.counts["old"] == handler.counts["unknown_orders"] == 1


def test_a_gap_is_one_in_every_pair_of_the_currency() -> None:
    handler = live()
    rows = handler.feed(said("OrderCanceled", 9, "a"), 3)
    assert rows.size.tolist() == [Status.SNAPSHOT_PENDING]
    assert rows.flags.tolist() == [Flag.GAP | Flag.LAST]
    assert handler.counts["lost"] == 2
    assert len(handler.snapshot(WHOLE, 4)) == 0  # of before the gap
    assert handler.counts["old_snapshots"] == 1
    later = WHOLE | {"CreatedTimestampUtc": "1970-01-01T00:00:00.008Z", "SellOrders": []}
    assert len(handler.snapshot(later, 4)) == 0
    later = WHOLE | {"CreatedTimestampUtc": "1970-01-01T00:00:00.010Z", "SellOrders": []}
    rows = handler.snapshot(later, 4)
    assert rows.action.tolist() == [Action.CLEAR, Action.ADD, Action.DELETE]


def test_prints_of_a_pair_and_of_all_pairs() -> None:
    handler = IndependentReserve()
    assert handler.feed(trade("t"), 1).side.tolist() == [Side.SELL]
    assert len(handler.feed(trade("t"), 1)) == 0
    rows = handler.feed(trade("u", {"aud": 101.5, "usd": 70.25}, "ticker-eth"), 2)
    assert len(rows) == 2
    assert handler.counts["repeated_prints"] == 1


def test_snapshots_name_their_pair() -> None:
    with pytest.raises(InputError, match="eth-aud"):
        IndependentReserve().snapshot(WHOLE, 1, "eth-usd")


def test_hurt_messages_leave_no_trace() -> None:
    for message in (
        said("NewOrder", 7, "d", Price={"aud": 99.25, "usd": 70}, Volume=3.0),
        said("OrderChanged", 7, "b", "LimitOffer", Volume=0.5),
        said("OrderCanceled", 9, "a"),
        trade("t"),
    ):
        assert check_unchanged(live, message) > 20
