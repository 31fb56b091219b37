"""Small message logs in the format of the recordings, for the pages of the venues."""

import json
import zlib
from collections.abc import Callable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

Levels = Sequence[Sequence[str]]

START = 1_700_000_000
BIDS: Levels = [["37000.9", "0.5"], ["37000.1", "1.2"]]
ASKS: Levels = [["37001.1", "0.7"]]


def write(path: Path, messages: Sequence[bytes]) -> None:
    """The messages of one connection, a second apart."""
    url = b"wss://venue.example/ws"
    lines = [b"%s <-> %d.0" % (url, START)]
    lines += [b"%d.25: %s" % (START + i, message) for i, message in enumerate(messages, 1)]
    path.write_bytes(b"\n".join(lines) + b"\n")


def alternating(bids: Levels, asks: Levels, depth: int = 25) -> str:
    """The text of a checksum: the best levels, bid and ask in turn."""
    pairs = zip_longest(bids[:depth], asks[:depth], fillvalue=())
    return ":".join(text for bid, ask in pairs for text in (*bid, *ask))


def signed(text: str) -> int:
    """The CRC-32 of a text as a signed number."""
    value = zlib.crc32(text.encode())
    return value - (1 << 32 if value >> 31 else 0)


def okx_message(
    action: str | None,
    bids: Levels,
    asks: Levels,
    sequence: int | None = None,
    before: int | None = None,
    *,
    symbol: str = "X-Y",
    channel: str = "books",
    checksum: int = 0,
    ts: int = 0,
) -> bytes:
    item = {
        "bids": [[*level, "0", "1"] for level in bids],
        "asks": [[*level, "0", "1"] for level in asks],
        "ts": str(START * 1000 + ts),
        "checksum": checksum,
        "seqId": sequence,
        "prevSeqId": before,
    }
    item = {name: value for name, value in item.items() if value is not None}
    arg = {"channel": channel, "instId": symbol}
    said: dict[str, Any] = {"arg": arg, "action": action, "data": [item]}
    if action is None:
        del said["action"]
    return json.dumps(said).encode()


def okx(path: Path) -> None:
    trade = {"tradeId": "1", "px": "37001.1", "sz": "0.2", "side": "buy", "ts": f"{START}500"}
    print_ = {"arg": {"channel": "trades", "instId": "BTC-USDT"}, "data": [trade]}
    btc = "BTC-USDT"
    write(
        path,
        [
            okx_message("snapshot", BIDS, ASKS, 100, -1, symbol=btc),
            json.dumps(print_).encode(),
            okx_message("update", [], [["37001.1", "0.5"]], 104, 100, symbol=btc),
            okx_message("update", [["37000.9", "0"]], [], 109, 107, symbol=btc),
            okx_message("snapshot", BIDS, ASKS, 111, -1, symbol=btc),
        ],
    )


def bitget_message(
    action: str,
    bids: Levels,
    asks: Levels,
    *,
    symbol: str = "XY",
    channel: str = "books",
    said: str | None = "",
) -> bytes:
    """The checksum is that of `said`, by default of the levels here; None: 0."""
    text = alternating(bids, asks) if said == "" else said
    item = {
        "bids": bids,
        "asks": asks,
        "checksum": signed(text) if text else 0,
        "ts": f"{START}000",
    }
    arg = {"instType": "SPOT", "channel": channel, "instId": symbol}
    return json.dumps({"action": action, "arg": arg, "data": [item]}).encode()


def bitget(path: Path) -> None:
    trade = {"tradeId": "1", "price": "37001.1", "size": "0.2", "side": "buy", "ts": f"{START}500"}
    arg = {"instType": "SPOT", "channel": "trade", "instId": "BTCUSDT"}
    print_ = {"action": "update", "arg": arg, "data": [trade]}
    btc = "BTCUSDT"
    less = [["37001.1", "0.5"]]
    write(
        path,
        [
            bitget_message("snapshot", BIDS, ASKS, symbol=btc),
            json.dumps(print_).encode(),
            bitget_message("update", [], less, symbol=btc, said=alternating(BIDS, less)),
            bitget_message("update", [["37000.9", "0"]], [], symbol=btc, said="another book"),
            bitget_message("snapshot", BIDS, ASKS, symbol=btc),
        ],
    )


def ftx_message(
    kind: str, bids: Levels, asks: Levels, *, symbol: str = "X/Y", said: str | None = None
) -> bytes:
    """The numbers are written as they are; the checksum is that of `said`, or of the levels."""
    text = alternating(bids, asks, 100) if said is None else said
    sides = [
        "[" + ", ".join(f"[{price}, {size}]" for price, size in side) + "]" for side in (bids, asks)
    ]
    data = f'"time": {START}.0, "checksum": {zlib.crc32(text.encode())}'
    data += f', "bids": {sides[0]}, "asks": {sides[1]}, "action": "{kind}"'
    head = f'"channel": "orderbook", "market": "{symbol}", "type": "{kind}"'
    return f'{{{head}, "data": {{{data}}}}}'.encode()


def ftx(path: Path) -> None:
    trade = {"id": 1, "price": 37001.1, "size": 0.2, "side": "buy", "liquidation": False}
    trade |= {"time": "2023-11-14T22:13:20.500000+00:00"}
    print_ = {"channel": "trades", "market": "BTC/USD", "type": "update", "data": [trade]}
    btc = "BTC/USD"
    less = [["37001.1", "0.5"]]
    write(
        path,
        [
            ftx_message("partial", BIDS, ASKS, symbol=btc),
            json.dumps(print_).encode(),
            ftx_message("update", [], less, symbol=btc, said=alternating(BIDS, less)),
            ftx_message("update", [["37000.9", "0.0"]], [], symbol=btc, said="another book"),
            ftx_message("partial", BIDS, ASKS, symbol=btc),
        ],
    )


LOGS: dict[str, Callable[[Path], None]] = {
    "bitget": bitget,
    "ftx": ftx,
    "okx": okx,
}
