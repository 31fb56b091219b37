"""A small LOBSTER pair as the real ones are made: only what happens inside the top levels."""

from pathlib import Path
from typing import Any

import bookflow as bf
from bookflow.reference.book import Level, OrderBook
from bookflow.simulation import simulate

_TYPE = {"ADD": 1, "CANCEL": 2, "DELETE": 3, "EXECUTE": 4}


def write_pair(
    directory: Path, *, day: str = "2024-01-02", levels: int = 3, events: int = 1_500, seed: int = 1
) -> tuple[Path, Path]:
    """Writes the message and the orderbook file of a simulated session."""
    book = OrderBook()
    messages: list[str] = []
    rows: list[str] = []
    for row in simulate(seed=seed, events=events).events.to_numpy():
        snapshot = bool(row["flags"] & bf.Flag.SNAPSHOT)
        for event in _steps(book, row):
            before = book.depth(levels)
            book.apply(event)
            after = book.depth(levels)
            if not snapshot and before != after:
                seconds = int(row["ts"]) % 86_400_000_000_000 / 1e9 - 5 * 3600
                kind = _TYPE[bf.Action(event["action"]).name]
                messages.append(
                    f"{seconds:.9f},{kind},{event['order_id']},{event['size']},"
                    f"{event['price'] * 100},{1 if event['side'] == bf.Side.BID else -1}"
                )
                rows.append(",".join(_fields(*after, levels)))
    stem = f"SIM_{day}_34200000_57600000"
    message = directory / f"{stem}_message_{levels}.csv"
    orderbook = directory / f"{stem}_orderbook_{levels}.csv"
    message.write_text("\n".join(messages) + "\n")
    orderbook.write_text("\n".join(rows) + "\n")
    return message, orderbook


def _steps(book: OrderBook, row: Any) -> list[dict[str, int]]:
    """The event; for a MODIFY the deletion and the new order that LOBSTER has instead."""
    event = {name: int(row[name]) for name in bf.EVENT_DTYPE.names}
    if event["action"] != bf.Action.MODIFY:
        return [event]
    old = book.orders[event["order_id"]]
    gone = event | {"action": int(bf.Action.DELETE), "price": old.price, "size": old.size}
    return [gone, event | {"action": int(bf.Action.ADD)}]


def _fields(bids: list[Level], asks: list[Level], levels: int) -> list[str]:
    fields = []
    for i in range(levels):
        ask = asks[i] if i < len(asks) else None
        bid = bids[i] if i < len(bids) else None
        fields += [str(ask.price * 100), str(ask.size)] if ask else ["9999999999", "0"]
        fields += [str(bid.price * 100), str(bid.size)] if bid else ["-9999999999", "0"]
    return fields
