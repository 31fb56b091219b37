"""KuCoin's websockets, spot and futures: differences of a book that is fetched, prints.

- *Spot* (``/market/level2``): a message covers the changes ``sequenceStart`` to ``sequenceEnd``,
  each with its number, and is an atomic event. What is not later than the snapshot's or the last
  number is old; the next message must begin at or before the number that is due (an overlap is
  legal, its old changes are passed over). A later one is a gap of exactly the numbers between.
- *Futures* (``/contractMarket/level2``): one change a message, ``sequence`` by one. Sizes are
  contracts.

Sizes are what is there now, 0 removes; a change whose price is 0 carries only its number. Messages
are kept while the book is fetched, and after a gap until a snapshot comes that they follow.

Rules: the venue's documentation of both markets ("Calibration procedure").
"""

from typing import Any, ClassVar, Final, Literal, NamedTuple
from urllib.parse import parse_qs, urlsplit

from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import Book, Handler, Message, literal_decoder
from bookflow.words import Side

__all__ = ["KuCoin"]

_RAW: Final[Any] = msgspec.Raw
_SIDE: Final = {"buy": Side.BID, "sell": Side.ASK}


class _Message(msgspec.Struct):
    type: str = ""
    topic: str = ""
    subject: str = ""
    data: _RAW = _RAW(b"null")


class _Sides(msgspec.Struct):
    bids: list[tuple[str, str, str]]
    asks: list[tuple[str, str, str]]


class _Spot(msgspec.Struct, rename="camel"):
    symbol: str
    changes: _Sides
    sequence_start: int
    sequence_end: int
    time: int = NONE


class _Future(msgspec.Struct):
    sequence: int
    change: str
    timestamp: int = NONE


class _Match(msgspec.Struct, rename="camel"):
    symbol: str
    side: Literal["buy", "sell"]
    price: _RAW
    trade_id: str
    size: _RAW = _RAW(b"")
    match_size: _RAW = _RAW(b"")
    time: _RAW = _RAW(b"")
    ts: _RAW = _RAW(b"")


class _Answer(msgspec.Struct):
    data: _RAW
    code: str = ""


class _Whole(msgspec.Struct):
    sequence: _RAW
    bids: list[tuple[_RAW, _RAW]]
    asks: list[tuple[_RAW, _RAW]]
    symbol: str | None = None
    time: int = NONE
    ts: int = NONE


class _Change(NamedTuple):
    """What a message changes: price, size and number a level."""

    first: int
    last: int
    at: int
    bids: list[tuple[str, str, int]]
    asks: list[tuple[str, str, int]]


class KuCoin(Handler):
    """Books and prints of KuCoin's public channels ``level2``, ``match`` and ``execution``.

    One handler for the connection of one market: symbols of spot and futures differ. Prints that
    come again are dropped ("repeated_prints").
    """

    venue: ClassVar[str] = "kucoin"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        kinds = (_Message, _Spot, _Future, _Match, _Answer, _Whole)
        decoders = [literal_decoder(kind) for kind in kinds]
        self._decode, self._spot, self._future, self._match, self._answer, self._whole = decoders

    def answer(self, url: str, message: Message, received: int | None = None) -> Events:
        if "level2" in urlsplit(url).path:
            return super().answer(url, message, received)
        return self._events(received, lambda: self._unknown("answer"))

    def _symbol_of(self, url: str) -> str | None:
        return parse_qs(urlsplit(url).query).get("symbol", [None])[0]

    def _message(self, message: Message) -> None:
        said = self._decode(message)
        topic, _, symbol = said.topic.partition(":")
        data = bytes(said.data)
        if said.type != "message":
            self._unknown(said.type)
        elif topic == "/market/level2":
            one = self._spot(data)
            sides = [
                [(price, size, int(number)) for price, size, number in side]
                for side in (one.changes.bids, one.changes.asks)
            ]
            if not 0 <= one.sequence_start <= one.sequence_end:
                rule = "must be 0 to sequenceEnd"
                raise InputError(rule, field="sequenceStart", value=one.sequence_start)
            at = _time(one.time, 6)
            change = _Change(one.sequence_start, one.sequence_end, at, sides[0], sides[1])
            self._difference(one.symbol, change)
        elif topic == "/contractMarket/level2":
            self._difference(symbol, _of_future(self._future(data)))
        elif topic in ("/market/match", "/contractMarket/execution"):
            self._print(self._match(data))
        else:
            self._unknown(said.subject or topic)

    # -- the book --------------------------------------------------------------------------------

    def _difference(self, symbol: str, change: _Change) -> None:
        levels = [*change.bids, *change.asks]
        book = self._book(symbol, [one for one in levels if one[0] != "0"])
        if book is None:
            return
        book.text.units(levels)
        self._stamp(change.at)
        self._apply(book, change)

    def _apply(self, book: Book, change: _Change) -> None:
        last = book.sequence
        if last is not None and change.last <= last:
            self.counts["old"] += 1
        elif last is not None and change.first <= last + 1:
            bids, asks = (
                [level for level in side if level[2] > last and _price(level)]
                for side in (change.bids, change.asks)
            )
            self._changes(book, bids, asks)
            book.sequence = change.last
        else:
            if last is not None:
                self._lost(book, "sequence", change.first - last - 1)
            elif not book.pending:
                self._await(book)
            book.waiting.append(change)

    def _fetched(self, message: Message, symbol: str | None) -> None:
        whole = self._whole(bytes(self._answer(message).data))
        symbol = symbol or whole.symbol
        if symbol is None:
            raise InputError("does not say of which symbol it is: give it", field="symbol")
        bids, asks = (
            [(_text(price), _text(size)) for price, size in side]
            for side in (whole.bids, whole.asks)
        )
        last = int(_text(whole.sequence))
        at = _time(whole.time, 6) if whole.time != NONE else _time(whole.ts, 0)
        book = self._book(symbol, [*bids, *asks])
        if book is None:
            return
        book.text.units([*bids, *asks])
        waiting = [change for change in book.waiting if change.last > last]
        if last < (book.sequence or 0) or (waiting and waiting[0].first > last + 1):
            self.counts["old_snapshots"] += 1
            return
        self._stamp(at)
        self._snapshot(book, bids, asks)
        book.sequence = last
        book.waiting.clear()
        for change in waiting:
            self._stamp(change.at)
            self._apply(book, change)

    # -- prints ----------------------------------------------------------------------------------

    def _print(self, said: _Match) -> None:
        size = said.size if bytes(said.size) else said.match_size
        level = (_text(said.price), _text(size))
        stamp = _text(said.time) or _text(said.ts)
        at = _time(int(stamp), 0) if stamp else NONE
        book = self._book(said.symbol, [level])
        if book is None:
            return
        book.text.units([level])
        if self._repeated(book, said.trade_id):
            return
        self._stamp(at)
        self._trade(book, *level, _SIDE[said.side])


def _of_future(said: _Future) -> _Change:
    price, side, size = said.change.split(",")
    level = [(price, size, said.sequence)]
    at = _time(said.timestamp, 6)
    if _SIDE[side] == Side.BID:
        return _Change(said.sequence, said.sequence, at, level, [])
    return _Change(said.sequence, said.sequence, at, [], level)


def _price(level: tuple[str, str, int]) -> bool:
    """Whether it has one; a price of 0 carries only the number."""
    return level[0].strip("0.") != ""


def _text(raw: Any) -> str:
    """A number, written as one or as text."""
    return bytes(raw).decode().strip('"')


def _time(stamp: int, digits: int) -> int:
    """Of 10^-(9 - digits) s, as ns."""
    if stamp == NONE:
        return NONE
    if not 0 <= stamp < 10 ** (19 - digits):
        raise InputError("is no time", field="time", value=stamp)
    return int(stamp * 10**digits)
