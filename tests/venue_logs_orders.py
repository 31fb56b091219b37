"""Small message logs of the venues by order, by connection and by sequence, for their pages."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

START = 1_700_000_000


def lines(path: Path, said: Sequence[Any]) -> None:
    """Messages of one connection, a second apart; (URL, answer) is one that was fetched."""
    written = [f"wss://venue.example/ws <-> {START}.0"]
    for i, one in enumerate(said, 1):
        if isinstance(one, tuple):
            written.append(f"{one[0]} -> {START + i}.25: {json.dumps(one[1])}")
        else:
            written.append(f"{START + i}.25: {json.dumps(one)}")
    path.write_text("\n".join(written) + "\n")


def bitstamp(path: Path) -> None:
    def order(event: str, key: int, kind: int, price: str, amount: str, second: int) -> Any:
        said = {
            "id": key,
            "order_type": kind,
            "price_str": price,
            "amount_str": amount,
            "microtimestamp": f"{START + second}000000",
        }
        return {"event": event, "channel": "live_orders_btcusd", "data": said}

    whole = {
        "microtimestamp": f"{START + 1}500000",
        "bids": [["37000", "0.5", "11"], ["36999", "1.2", "12"]],
        "asks": [["37001", "0.7", "13"]],
    }
    trade = {
        "id": 5,
        "type": 0,
        "price_str": "37001",
        "amount_str": "0.2",
        "microtimestamp": f"{START + 3}000000",
    }
    top = {"bids": [["36999", "1.2"]], "asks": [["37001", "0.5"]]}
    lines(
        path,
        [
            order("order_created", 13, 1, "37001", "0.7", 1),
            ("https://www.bitstamp.net/api/v2/order_book/btcusd/?group=2", whole),
            {"event": "trade", "channel": "live_trades_btcusd", "data": trade},
            order("order_changed", 13, 1, "37001", "0.5", 3),
            # The delete of order 11 does not come.
            {"event": "data", "channel": "order_book_btcusd", "data": top},
            {"event": "data", "channel": "order_book_btcusd", "data": top},
        ],
    )


def coinbase(path: Path) -> None:
    def said(kind: str, sequence: int, **more: Any) -> Any:
        time = f"2023-11-14T22:13:{20 + sequence}.5Z"
        return {"type": kind, "product_id": "BTC-USD", "sequence": sequence, "time": time} | more

    first = {"order_id": "a1", "side": "buy", "price": "37000.00", "remaining_size": "0.5"}
    second = {"order_id": "b2", "side": "sell", "price": "37001.00", "remaining_size": "0.7"}
    match = {"maker_order_id": "b2", "side": "sell", "price": "37001.00", "size": "0.2"}
    whole = {
        "sequence": 2,
        "bids": [["37000.00", "0.5", "a1"]],
        "asks": [["37001.00", "0.7", "b2"]],
    }
    lines(
        path,
        [
            said("open", 1, **first),
            said("open", 2, **second),
            ("https://api.exchange.coinbase.com/products/BTC-USD/book?level=3", whole),
            said("received", 3, order_id="c3", side="buy"),
            said("match", 4, trade_id=9, taker_order_id="c3", **match),
            said("done", 5, order_id="c3", reason="filled", side="buy"),
            said("done", 8, order_id="a1", reason="canceled", side="buy"),
        ],
    )


def independent_reserve(path: Path) -> None:
    def said(event: str, nonce: int, **data: Any) -> Any:
        more = {"Channel": "orderbook-eth", "Nonce": nonce, "Data": data}
        return {"Event": event, "Time": START * 1000 + nonce} | more

    url = "https://api.independentreserve.com/Public/GetAllOrders"
    bid = {"OrderGuid": "a1", "OrderType": "LimitBid"}
    ask = {"OrderGuid": "b2", "OrderType": "LimitOffer"}
    whole = {
        "BuyOrders": [{"Guid": "a1", "Price": 4726.2, "Volume": 15.0}],
        "SellOrders": [{"Guid": "b2", "Price": 4733.4, "Volume": 14.14}],
        "CreatedTimestampUtc": "2023-11-14T22:13:20.0075Z",
        "PrimaryCurrencyCode": "Eth",
        "SecondaryCurrencyCode": "Aud",
    }
    trade = {"TradeGuid": "t1", "Price": 4733.4, "Volume": 4.14, "Side": "Buy"}
    print_ = {"Channel": "ticker-eth-aud", "Nonce": 1, "Data": trade, "Event": "Trade"}
    lines(
        path,
        [
            said("NewOrder", 7, **bid, Price={"aud": 4726.2, "usd": 3545.1}, Volume=15.0),
            (f"{url}?primaryCurrencyCode=eth&secondaryCurrencyCode=aud", whole),
            print_ | {"Time": START * 1000 + 8},
            said("OrderChanged", 8, **ask, Volume=10.0),
            said("OrderCanceled", 12, **bid),
        ],
    )


def blockchain(path: Path) -> None:
    def said(seqnum: int, event: str, bids: Any = (), asks: Any = ()) -> Any:
        sides = {
            name: [{"num": int(size > 0), "px": price, "qty": size} for price, size in side]
            for name, side in (("bids", bids), ("asks", asks))
        }
        head = {"seqnum": seqnum, "event": event, "channel": "l2", "symbol": "BTC-USD"}
        return head | (sides if event != "subscribed" else {})

    trade = {"channel": "trades", "symbol": "BTC-USD", "timestamp": "2023-11-14T22:13:20.5Z"}
    trade |= {"side": "buy", "qty": 0.2, "price": 37001.0, "trade_id": "7"}
    bids, asks = [(37000.0, 0.5), (36999.5, 1.2)], [(37001.0, 0.7)]
    lines(
        path,
        [
            said(0, "subscribed"),
            said(1, "snapshot", bids, asks),
            {"seqnum": 2, "event": "updated"} | trade,
            said(3, "updated", asks=[(37001.0, 0.5)]),
            said(6, "updated", bids=[(37000.0, 0.0)]),
            said(7, "snapshot", bids[1:], asks),
        ],
    )


def deribit(path: Path) -> None:
    def said(channel: str, data: Any) -> Any:
        return {
            "jsonrpc": "2.0",
            "method": "subscription",
            "params": {"channel": f"{channel}.BTC-PERPETUAL.raw", "data": data},
        }

    def book(change_id: int, before: int | None, bids: Any, asks: Any = ()) -> Any:
        head = {"type": "snapshot" if before is None else "change", "change_id": change_id}
        head |= {"timestamp": START * 1000 + change_id, "instrument_name": "BTC-PERPETUAL"}
        sides = {"bids": list(bids), "asks": list(asks)}
        return said("book", head | ({} if before is None else {"prev_change_id": before}) | sides)

    name = {"instrument_name": "BTC-PERPETUAL"}
    trade = {"trade_seq": 30, "direction": "buy", "price": 37001.0, "amount": 10.0}
    quote = {"best_bid_price": 37000.0, "best_bid_amount": 500.0}
    quote |= {"best_ask_price": 37001.0, "best_ask_amount": 690.0, "state": "open"}
    lines(
        path,
        [
            book(10, None, [["new", 37000.0, 500.0]], [["new", 37001.0, 700.0]]),
            said("trades", [trade | name | {"timestamp": START * 1000 + 12}]),
            book(12, 10, [], [["change", 37001.0, 690.0]]),
            said("ticker", quote | name | {"timestamp": START * 1000 + 12}),
            book(20, 17, [["delete", 37000.0, 0.0]]),
            book(25, None, [["new", 36999.5, 100.0]], [["new", 37001.0, 700.0]]),
        ],
    )


def kucoin(path: Path) -> None:
    def said(first: int, last: int, bids: Any = (), asks: Any = ()) -> Any:
        data = {
            "symbol": "BTC-USDT",
            "sequenceStart": first,
            "sequenceEnd": last,
            "changes": {"bids": list(bids), "asks": list(asks)},
            "time": START * 1000 + last,
        }
        topic = {"topic": "/market/level2:BTC-USDT", "subject": "trade.l2update"}
        return {"type": "message"} | topic | {"data": data}

    data = {"sequence": "12", "time": START * 1000 + 12}
    data |= {"bids": [["37000.9", "0.5"]], "asks": [["37001.1", "0.7"]]}
    match = {"symbol": "BTC-USDT", "side": "buy", "price": "37001.1", "size": "0.2"}
    match |= {"tradeId": "9", "sequence": "9", "time": str(START * 10**9), "type": "match"}
    topic = {"topic": "/market/match:BTC-USDT", "subject": "trade.l3match"}
    url = "https://api.kucoin.com/api/v3/market/orderbook/level2?symbol=BTC-USDT"
    lines(
        path,
        [
            said(11, 13, [["37000.9", "0.4", "11"]], [["37001.2", "1", "13"]]),
            (url, {"code": "200000", "data": data}),
            {"type": "message"} | topic | {"data": match},
            said(14, 15, [["0", "0", "14"]], [["37001.1", "0.5", "15"]]),
            said(19, 19, [["37000.9", "0", "19"]]),
            (url, {"code": "200000", "data": data | {"sequence": "18"}}),
        ],
    )


LOGS: dict[str, Callable[[Path], None]] = {
    "bitstamp": bitstamp,
    "blockchain": blockchain,
    "coinbase": coinbase,
    "deribit": deribit,
    "independent_reserve": independent_reserve,
    "kucoin": kucoin,
}
