"""What ccxt.pro and cryptofeed give to their users, in objects of the same shape."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

import bookflow as bf
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Events, Side
from bookflow.feeds import (
    from_ccxt_book,
    from_ccxt_trades,
    from_cryptofeed_book,
    from_cryptofeed_ticker,
    from_cryptofeed_trade,
)

UNITS = bf.Instrument("BTC/USDT", price_unit="0.01", tick=None, size_unit="1e-8", id=3)
MS = 1_700_000_000_123


def ccxt_book(**more: Any) -> dict[str, Any]:
    said = {
        "symbol": "BTC/USDT",
        "bids": [[61837.63, 3.78826], [61837.62, 0.617], [61837.24, 1e-08]],
        "asks": [[61837.64, 1.54698], [61838.0, 2.0]],
        "timestamp": MS,
        "datetime": "2023-11-14T22:13:20.123Z",
        "nonce": 50093239218,
    }
    return said | more


def test_a_book_of_ccxt_is_a_depth_row() -> None:
    events = from_ccxt_book(ccxt_book(), UNITS, received=7, levels=4)
    assert (events.ts.tolist(), events.ts_venue.tolist()) == ([7], [MS * 1_000_000])
    assert events.instrument_id.tolist() == [3]
    depth = events.depth
    assert depth is not None
    assert depth.bid_price.tolist() == [[6_183_763, 6_183_762, 6_183_724, NONE]]
    assert depth.bid_size.tolist() == [[378_826_000, 61_700_000, 1, 0]]
    assert depth.ask_price.tolist() == [[6_183_764, 6_183_800, NONE, NONE]]
    assert depth.ask_size.tolist() == [[154_698_000, 200_000_000, 0, 0]]


def test_books_go_through_a_pipeline() -> None:
    pipeline = bf.Pipeline(UNITS, clock="event", features={"mid": bf.Mid()})
    pipeline.run(from_ccxt_book(ccxt_book(), UNITS, received=7))
    later = ccxt_book(bids=[["61837.65", "1", 12]], timestamp=None)  # some have three numbers
    frame = pipeline.run(from_ccxt_book(later, UNITS, received=8))
    assert pipeline.quotes == (6_183_765, 100_000_000, 6_183_764, 154_698_000)
    assert frame.status[0]  # crossed
    pipeline.run(from_ccxt_trades([ccxt_trade()], UNITS, received=9))


def ccxt_trade(**more: Any) -> dict[str, Any]:
    said = {"id": "1", "timestamp": MS, "symbol": "BTC/USDT", "side": "sell", "info": {}}
    return said | {"price": 61837.63, "amount": 0.02, "takerOrMaker": None} | more


def test_prints_of_ccxt() -> None:
    trades = [
        ccxt_trade(),
        ccxt_trade(),
        ccxt_trade(id="2", side="buy", amount="0.5"),
        ccxt_trade(id=None, side=None, timestamp=None),
        ccxt_trade(id=None),
    ]
    events = from_ccxt_trades(trades, UNITS, received=7)
    assert events.side.tolist() == [Side.SELL, Side.BUY, Side.NONE, Side.SELL]
    assert events.size.tolist() == [2_000_000, 50_000_000, 2_000_000, 2_000_000]
    assert events.ts_venue.tolist() == [MS * 10**6, MS * 10**6, NONE, MS * 10**6]
    assert events.counts == {"repeated_prints": 1}


class Sizes(dict[Decimal, Decimal]):
    """Sizes by price, in no order."""


def cryptofeed_book(**more: Any) -> SimpleNamespace:
    bids = Sizes({Decimal("1.00"): Decimal("2"), Decimal("1.01"): Decimal("1.5")})
    asks = Sizes({Decimal("1.03"): Decimal("0.00000001"), Decimal("1.02"): Decimal("0")})
    said = {"book": SimpleNamespace(bids=bids, asks=asks), "delta": None, "timestamp": None}
    return SimpleNamespace(**(said | {"sequence_number": 4} | more))


def test_a_book_of_cryptofeed() -> None:
    events = from_cryptofeed_book(cryptofeed_book(), 1700000000.25, UNITS, levels=2)
    depth = events.depth
    assert depth is not None
    assert events.ts.tolist() == [1_700_000_000_250_000_000]
    assert events.ts_venue.tolist() == [NONE]
    assert depth.bid_price.tolist() == [[101, 100]]
    assert depth.ask_price.tolist() == [[103, NONE]]
    assert depth.ask_size.tolist() == [[1, 0]]


def test_prints_and_tickers_of_cryptofeed() -> None:
    trade = SimpleNamespace(
        side="buy", price=Decimal("1.02"), amount=Decimal("3"), timestamp=1700000000.1, id="5"
    )
    events = from_cryptofeed_trade(trade, 1700000000.25, UNITS)
    assert (events.side[0], events.price[0], events.size[0]) == (Side.BUY, 102, 300_000_000)
    assert events.ts_venue.tolist() == [1_700_000_000_100_000_000]
    ticker = SimpleNamespace(bid=Decimal("1.00"), ask=Decimal("1.02"), timestamp=None)
    pipeline = bf.Pipeline(UNITS, clock="event", features={"mid": bf.Mid()})
    frame = pipeline.run(from_cryptofeed_ticker(ticker, 1700000000.25, UNITS, size=1))
    assert frame["mid"].tolist() == [pytest.approx(1.01)]


def ccxt_with(level: Any) -> Events:
    return from_ccxt_book(ccxt_book(bids=[[61837.63, 1], level]), UNITS, received=1)


@pytest.mark.parametrize(
    ("level", "fault"),
    [
        ([0.1 + 0.2, 1], "row 1: price"),
        ([float("nan"), 1], "row 1: price = nan: is not finite"),
        ([Decimal("Infinity"), 1], "row 1: price"),
        ([1.0, -1.0], "row 1: size"),
        ([1.0, 1e300], "row 1: size"),
        ([1.0, None], "row 1: size: is no number"),
        ([True, 1.0], "row 1: price"),
        (["1,0", 1.0], "row 1: price"),
        ([1.0], "row 1: bids"),
        ("12", "row 1: bids"),
    ],
)
def test_levels_that_are_none(level: Any, fault: str) -> None:
    with pytest.raises(InputError, match=f"ccxt: {fault}"):
        ccxt_with(level)


def test_what_else_is_refused() -> None:
    for book in (ccxt_book(bids=None), ccxt_book(timestamp=1700000000), [], None):
        with pytest.raises(InputError, match="ccxt"):
            from_ccxt_book(book, UNITS)  # type: ignore[arg-type]
    for trade in (ccxt_trade(side="up"), ccxt_trade(side=1), ccxt_trade(price=None), "x"):
        with pytest.raises(InputError, match="ccxt"):
            from_ccxt_trades([trade], UNITS)  # type: ignore[list-item]
    for receipt in (float("nan"), "1700000000", -1.0):
        with pytest.raises(InputError, match="cryptofeed"):
            from_cryptofeed_book(cryptofeed_book(), receipt, UNITS)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="levels"):
        from_ccxt_book(ccxt_book(), UNITS, levels=0)
    with pytest.raises(InputError, match="no OrderBook"):
        from_cryptofeed_book(SimpleNamespace(), 1700000000.0, UNITS)
