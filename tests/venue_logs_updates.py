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


LOGS: dict[str, Callable[[Path], None]] = {"binance": binance}
