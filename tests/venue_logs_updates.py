"""Small message logs in the form of each venue's recordings: snapshot, changes, print and gap."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any


def binance(path: Path) -> None:
    """Spot: the second difference is the first after the snapshot, the fifth is lost."""
    ms = 1_723_161_255_000

    def diff(first: int, last: int, **sides: Any) -> dict[str, Any]:
        said = {"e": "depthUpdate", "E": ms + last, "s": "BTCUSDT", "U": first, "u": last}
        return {"stream": "btcusdt@depth@100ms", "data": said | {"b": [], "a": []} | sides}

    def line(second: int, message: dict[str, Any]) -> str:
        return f"1723161255.{second}: {json.dumps(message)}"

    levels = {"bids": [["61837.63", "3.78"], ["61837.62", "0.61"]], "asks": [["61837.64", "1.5"]]}
    snapshot = json.dumps({"lastUpdateId": 12} | levels)
    quote = {"u": 15, "s": "BTCUSDT", "b": "61837.63", "B": "2.78", "a": "61837.64", "A": "1.5"}
    print_ = {"e": "trade", "E": ms + 14, "s": "BTCUSDT", "t": 1, "p": "61837.63", "q": "1.0"}
    lines = [
        "wss://stream.binance.com:9443/stream?streams=btcusdt@depth@100ms <-> 1723161255.0",
        line(1, diff(9, 12, b=[["61837.63", "3.78"]])),
        f"https://x/api/v3/depth?symbol=BTCUSDT -> 1723161255.2: {snapshot}",
        line(3, {"stream": "btcusdt@trade", "data": print_ | {"T": ms + 14, "m": True}}),
        line(4, {"stream": "btcusdt@bookTicker", "data": quote}),
        line(5, diff(13, 15, b=[["61837.63", "2.78"]])),
        line(6, {"stream": "btcusdt@bookTicker", "data": quote | {"u": 16, "A": "1.4"}}),
        line(7, diff(18, 19, a=[["61837.64", "1.2"]])),
        line(8, diff(20, 20, a=[["61837.64", "0"], ["61837.65", "2"]])),
    ]
    path.write_text("\n".join(lines) + "\n")


def bitmex(path: Path) -> None:
    """A partial, an update, a print, a quote, and a delete of a level whose insert was lost."""

    def line(ms: int, table: str, action: str, *data: dict[str, Any]) -> str:
        said = {"table": table, "action": action, "data": data}
        return f"1618677660.{ms}: {json.dumps(said)}"

    bid = {"symbol": "XBTUSD", "id": 8799387300, "side": "Buy"}
    ask = {"symbol": "XBTUSD", "id": 8799387250, "side": "Sell"}
    at = {"symbol": "XBTUSD", "timestamp": "2021-04-17T16:41:00.300Z"}
    print_ = at | {"side": "Buy", "size": 100, "price": 61272.5, "trdMatchID": "9b108f99"}
    quote = at | {"bidPrice": 61270, "bidSize": 500, "askPrice": 61272.5, "askSize": 700}
    whole = (bid | {"size": 500, "price": 61270}, ask | {"size": 800, "price": 61272.5})
    lines = [
        "wss://www.bitmex.com/realtime <-> 1618677660.1",
        line(200, "orderBookL2", "partial", *whole),
        line(300, "trade", "insert", print_),
        line(301, "orderBookL2", "update", ask | {"size": 700}),
        line(302, "quote", "insert", quote),
        line(400, "orderBookL2", "delete", bid | {"id": 8799387350}),
    ]
    path.write_text("\n".join(lines) + "\n")


def bybit(path: Path) -> None:
    """v5, the messages alone as the venue's own files have them: the delta with u = 9 is lost."""
    ms = 1_733_011_200_000

    def book(number: int, kind: str = "delta", **sides: Any) -> dict[str, Any]:
        data = {"s": "XRPUSDT", "b": [], "a": [], "u": number, "seq": number * 40} | sides
        said = {"topic": "orderbook.50.XRPUSDT", "type": kind, "ts": ms + number, "data": data}
        return said | {"cts": ms + number - 2}

    print_ = {"T": ms + 8, "s": "XRPUSDT", "S": "Sell", "v": "200", "p": "1.9531", "i": "2290"}
    messages = [
        book(7, "snapshot", b=[["1.9531", "6203"], ["1.9530", "2409"]], a=[["1.9532", "8761"]]),
        {"topic": "publicTrade.XRPUSDT", "type": "snapshot", "ts": ms + 8, "data": [print_]},
        book(8, b=[["1.9531", "6003"]]),
        book(10, a=[["1.9532", "0"], ["1.9533", "6971"]]),
        book(11, b=[["1.9530", "0"]]),
    ]
    path.write_text("".join(f"{json.dumps(message)}\n" for message in messages))


LOGS: dict[str, Callable[[Path], None]] = {
    "adapters": lambda path: None,  # their page has no log
    "binance": binance,
    "bitmex": bitmex,
    "bybit": bybit,
}
