"""Bitfinex's websocket (v2): books by price (P0-P4) and by order (R0), trades.

Each message is an atomic event: one level ``[price, count, amount]``, gone with count 0, or one
order ``[id, price, amount]``, gone with price 0; an ask's amount is negative. A list of lists is a
snapshot. What notices a loss is what ``conf`` asked for:

- 65536 numbers the messages of a connection, heartbeats too, one after the other: a number that was
  left out is a gap of every book, and how many were lost is known. A number that was seen is passed
  over ("old").
- 131072 sends ``[channel, "cs", sum]``: the signed CRC-32 of the best 25 levels as they are when it
  comes, bid and ask in turn, ``price:amount`` (R0: ``id:amount`` of orders by price, then id) with
  the sign of the amounts, and numbers as they were sent ("1e-8").
- Without either the book is UNVERIFIABLE.

After a gap a book waits for the snapshot of a new subscription. The venue's stamp is only in
prints, unless ``conf`` asked for it (32768).

A ``ticker`` lags: its prices are looked for among those of the last 5 s (for `verify_feed`).
A print comes twice, as ``te`` and ``tu``, and is written once; the sign of its amount is the
aggressor's. Prints of a snapshot were before the subscription ("old_prints"), except those that
were missed. Channels of funding are counted.

Rules: "Configuration", "Books", "Raw Books" and "WebSocket Checksum" in the venue's documentation.
"""

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar, Final

from bookflow.errors import InputError
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import (
    Book,
    Handler,
    Message,
    OrderChange,
    decoder,
    nanoseconds,
)
from bookflow.words import Side, Status

__all__ = ["Bitfinex"]

_field: Final = msgspec.field
_Raw: Final[Any] = msgspec.Raw  # JSON as it was written

_STAMPED: Final = 32_768
_NUMBERED: Final = 65_536
_SUMMED: Final = 131_072
_DEPTH: Final = 25
_REMEMBERED: Final = 1_000
"""Prints whose second message is waited for; touches that a ticker may still tell of."""
_BEHIND: Final = 5_000_000_000
"""How late a ticker may be, ns: on a recording none is more than 2.2 s behind the book."""


class _Said(msgspec.Struct):
    event: str
    channel: str = ""
    symbol: str = ""
    number: int = _field(name="chanId", default=0)
    precision: str = _field(name="prec", default="")
    flags: int = 0
    version: int = 0
    status: str = ""


class Bitfinex(Handler):
    """Books and trades of Bitfinex. Messages are taken as text: decoded numbers lost theirs."""

    venue: ClassVar[str] = "bitfinex"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._said = decoder(_Said)
        self._parts = decoder(list[_Raw])
        self._lists = decoder(list[list[_Raw]])
        self._forget()

    def _forget(self) -> None:
        """A connection begins."""
        self._flags = 0
        self._channels: dict[int, _Said] = {}
        self._sequence: int | None = None

    def _disconnect(self) -> None:
        super()._disconnect()
        self._forget()

    def _message(self, message: Message) -> None:
        text = message.encode() if isinstance(message, str) else message
        if not isinstance(text, bytes):
            raise InputError("must be text: decoded numbers have lost theirs", field="message")
        if text.lstrip()[:1] == b"{":
            self._event(self._said(text))
            return
        channel, what, *rest = (bytes(part) for part in self._parts(text))
        name = what[1:-1].decode() if what[:1] == b'"' else ""
        if name and name != "hb":
            what, *rest = rest
        if self._flags & _STAMPED:
            self._stamp(nanoseconds(rest[-1], 3))
        said = self._channels.get(int(channel))
        number = int(rest[0]) if self._flags & _NUMBERED else None
        if number is not None and number <= (self._sequence or 0):
            self.counts["old"] += 1
            return
        write = None if said is None or name == "hb" else self._read(said, name, what)
        if number is not None:
            missed = number - self._sequence - 1 if self._sequence is not None else 0
            if missed:
                self.counts["lost"] += missed
                for book in self._books.values():
                    if book.live:
                        self._lost(book, "sequence")
            self._sequence = number
        if write is not None:
            write()

    def _event(self, said: _Said) -> None:
        self._unknown(said.event)
        if said.event == "info" and said.version:  # the first message of a connection
            self._disconnect()
        elif said.event == "conf" and said.status == "OK":
            self._flags = said.flags
        elif said.event == "subscribed":
            self._channels[said.number] = said
        elif said.event == "unsubscribed":
            self._channels.pop(said.number, None)

    def _read(self, said: _Said, name: str, what: bytes) -> Callable[[], None] | None:
        """What there is to write, after every number was read; None: nothing."""
        if said.symbol[:1] != "t" or said.channel not in ("book", "trades", "ticker"):
            self._unknown(said.channel)
            return None
        if said.channel == "trades":
            return self._read_prints(said.symbol, name, what)
        if said.channel == "ticker":
            return self._read_ticker(said.symbol, what)
        if name == "cs":
            checksum = int(what)
            book = self._of(said)
            return None if book is None else lambda: self._compare(book, checksum)
        items = self._parts(what)
        whole = not items or bytes(items[0])[:1] == b"["
        rows = self._lists(what) if whole else [items]
        texts = [[bytes(text) for text in row] for row in rows]
        if said.precision == "R0":
            return self._read_orders(said, whole, texts)
        return self._read_levels(said, whole, texts)

    def _of(self, said: _Said, levels: Sequence[Any] = ()) -> Book | None:
        book = self._book(said.symbol, levels)
        if book is None or book.memory.setdefault("books", said.precision) == said.precision:
            return book
        self._unknown(f"{said.precision} {said.symbol}")
        return None

    def _read_levels(
        self, said: _Said, whole: bool, texts: list[list[bytes]]
    ) -> Callable[[], None] | None:
        sides: tuple[list[Any], list[Any]] = ([], [])
        for price, count, amount, *_ in texts:
            size = amount.removeprefix(b"-")
            sides[amount != size].append((price, size if int(count) else b"0"))
        bids, asks = sides
        book = self._of(said, [*bids, *asks])
        if book is None:
            return None
        book.text.units([*bids, *asks])

        def write() -> None:
            if whole:
                self._snapshot(book, bids, asks)
                self._verifiable(book)
            elif book.live:
                self._changes(book, bids, asks)
            else:
                self._await(book)
            if self._truth:
                self._remember(book)

        return write

    def _read_orders(
        self, said: _Said, whole: bool, texts: list[list[bytes]]
    ) -> Callable[[], None] | None:
        changes = []
        for number, price, amount, *_ in texts:
            size = amount.removeprefix(b"-")
            side = Side.BID if size == amount else Side.ASK
            gone = not Decimal(price.decode())
            rank = int(number)
            if not 0 < rank < 1 << 63:
                raise InputError("must be above 0 and below 2^63", field="order id", value=rank)
            changes.append(OrderChange(side, rank, rank, price, b"0" if gone else size))
        book = self._of(said, [(c.price, c.size) for c in changes])
        if book is None:
            return None
        book.text.units([(c.price, c.size) for c in changes])

        def write() -> None:
            if whole:
                self._orders(book, changes, whole=True)
                self._verifiable(book)
            elif book.live:
                self._orders(book, changes)
            else:
                self._await(book)

        return write

    def _verifiable(self, book: Book) -> None:
        if not self._flags & (_NUMBERED | _SUMMED):
            self._set_status(book, Status.UNVERIFIABLE)

    def _compare(self, book: Book, checksum: int) -> None:
        orders = book.memory["books"] == "R0"
        rule = "ids" if orders else "signed_asks"
        if book.live and not self._crc_holds(book, rule, _DEPTH, checksum, orders=orders):
            self._lost(book, "checksum")

    def _read_ticker(self, symbol: str, what: bytes) -> Callable[[], None] | None:
        self._unknown("ticker")
        bid, _, ask, *_ = (bytes(text) for text in self._parts(what))
        book = self._books.get(symbol)
        if book is None or not book.live or "touches" not in book.memory:
            return None
        prices = book.text.units([(bid, "0"), (ask, "0")])[0].tolist()

        def write() -> None:
            touches = book.memory["touches"]
            since = self._received - _BEHIND
            if touches[0][0] <= since:
                late = [touch for until, touch in touches if until >= since]
                ours = prices if prices in late else touches[-1][1]
                self._check("ticker", ours, prices, symbol)

        return write

    def _remember(self, book: Book) -> None:
        """The touch, and until when it was that."""
        touch = list(book.text.quotes[::2])
        touches = book.memory.setdefault("touches", deque(maxlen=_REMEMBERED))
        if touches:
            touches[-1] = (self._received, touches[-1][1])
        if not touches or touches[-1][1] != touch:
            touches.append((self._received, touch))

    def _read_prints(self, symbol: str, name: str, what: bytes) -> Callable[[], None] | None:
        old = not name
        rows = self._lists(what) if old else [self._parts(what)]
        prints = []
        for row in reversed(rows):  # the newest comes first
            number, time, amount, price = (bytes(text) for text in row[:4])
            size = amount.removeprefix(b"-")
            side = Side.BID if size == amount else Side.ASK
            prints.append((int(number), nanoseconds(time, 3), price, size, side))
        book = self._book(symbol, [p[2:4] for p in prints])
        if book is None:
            return None
        book.text.units([p[2:4] for p in prints])

        def write() -> None:
            seen = book.memory.setdefault("prints", deque(maxlen=_REMEMBERED))
            newest = max(seen, default=None)
            for number, time, price, size, side in prints:
                if number in seen:
                    continue
                seen.append(number)
                if old and (newest is None or number < newest):
                    self.counts["old_prints"] += 1
                    continue
                self._stamp(time)
                self._trade(book, price, size, side)

        return write
