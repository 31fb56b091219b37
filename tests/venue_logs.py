"""Small message logs in the format of the recordings, for the pages of the venues."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

START = 1_700_000_000


def write(path: Path, messages: Sequence[bytes]) -> None:
    """The messages of one connection, a second apart."""
    url = b"wss://venue.example/ws"
    lines = [b"%s <-> %d.0" % (url, START)]
    lines += [b"%d.25: %s" % (START + i, message) for i, message in enumerate(messages, 1)]
    path.write_bytes(b"\n".join(lines) + b"\n")


def okx_message(
    action: str | None,
    bids: Sequence[Sequence[str]],
    asks: Sequence[Sequence[str]],
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
    bids, asks = [["37000.9", "0.5"], ["37000.1", "1.2"]], [["37001.1", "0.7"]]
    btc = {"symbol": "BTC-USDT"}
    write(
        path,
        [
            okx_message("snapshot", bids, asks, 100, -1, **btc),  # type: ignore[arg-type]
            json.dumps(print_).encode(),
            okx_message("update", [], [["37001.1", "0.5"]], 104, 100, **btc),  # type: ignore[arg-type]
            okx_message("update", [["37000.9", "0"]], [], 109, 107, **btc),  # type: ignore[arg-type]
            okx_message("snapshot", bids, asks, 111, -1, **btc),  # type: ignore[arg-type]
        ],
    )


LOGS: dict[str, Callable[[Path], None]] = {
    "okx": okx,
}
