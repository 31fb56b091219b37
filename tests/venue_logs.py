"""Small message logs in the format of the recordings, for the pages of the venues."""

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


LOGS: dict[str, Callable[[Path], None]] = {
    "bitstamp": bitstamp,
}
