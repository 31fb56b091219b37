"""ob-analytics' logs of Bitstamp's channels of 2015: every order, prints, the twenty best levels.

A line is ``ms kind {json}``. The log starts without a snapshot: the book starts empty, and is whole
when the orders of before are gone. Nothing is numbered, so all of it is UNVERIFIABLE; deletes that
were lost are found by comparing with the venue's own levels (see `bookflow.feeds.Bitstamp`).
"""

import json
import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

from bookflow._core import Instrument
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds.bitstamp import Bitstamp
from bookflow.readers._pieces import lines

__all__ = ["UNITS", "read_obanalytics", "replay"]

_LINE: Final = re.compile(rb"(\d{13}) ([a-z_]{1,20}) (\{.*\})")
UNITS: Final = Instrument("btcusd", price_unit="0.01", size_unit="1e-8", id=1)
_LONGEST: Final = 1 << 20


def read_obanalytics(
    path: str | PathLike[str], *, stale: Literal["gap", "remove"] = "gap", truth: bool = False
) -> Events:
    """The events of such a log, plain or compressed.

    Parameters
    ----------
    stale
        What is done about orders found to be stale: "gap", the book has lost something, and as the
        log holds no snapshot it ends there; "remove", they are deleted.
    """
    handler = Bitstamp(instruments={"btcusd": UNITS}, book="live_orders", stale=stale, truth=truth)
    events = Events.concat([part for part in replay(Path(path), handler) if len(part)])
    events._counts = dict(handler.counts)
    return events


def replay(path: Path, handler: Bitstamp) -> Iterator[Events]:
    """The events of each line, by the handler of today's messages."""
    started = False
    for row, line in enumerate(lines(path, _LONGEST)):
        try:
            received, message = _message(line.rstrip())
            if not started:
                yield handler.snapshot({"bids": [], "asks": []}, received, "btcusd")
                started = True
            yield handler.feed(message, received)
        except InputError as error:
            raise InputError(
                error.rule, source=path.name, row=row, field=error.field, value=error.value
            ) from None


def _message(line: bytes) -> tuple[int, dict[str, Any]]:
    found = _LINE.fullmatch(line)
    try:
        said = json.loads(found[3], parse_int=str, parse_float=str) if found else None
    except (ValueError, RecursionError):
        said = None
    if found is None or not isinstance(said, dict):
        shown = line.decode("utf-8", "replace")
        raise InputError("is no line of ob-analytics' log", value=shown)
    kind = found[2].decode()
    channel = {"order_book": "order_book", "trade": "live_trades"}.get(kind, "live_orders")
    event = "data" if kind == "order_book" else kind
    if kind != "order_book":
        try:
            said = {
                "id": int(said["id"]),
                "price_str": _rounded(said["price"], 2, kind),
                "amount_str": _rounded(said["amount"], 8, kind),
                "order_type": int(said.get("order_type", 0)),
                "microtimestamp": "0",  # what it says is when the order was made
            }
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"is no line of ob-analytics' log: {error!r}") from None
    return int(found[1]) * 1_000_000, {
        "event": event,
        "channel": f"{channel}_btcusd",
        "data": said,
    }


def _rounded(text: str, digits: int, kind: str) -> str:
    """Prints are written as floats, with digits that mean nothing."""
    return f"{float(text):.{digits}f}" if kind == "trade" else text
