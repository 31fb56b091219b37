"""What the handlers of all venues have in common.

A handler takes a connection's messages as they come and gives events. It knows its venue's rule
for snapshots, sequence numbers, checksums and atomic events; the same object serves a recording on
disk and a live socket of any library.

    handler = bookflow.feeds.Kraken()
    for message in socket:
        pipeline.run(handler.feed(message))
        if handler.needs_snapshot:
            ...  # subscribe again, or fetch what the venue's page says, and give it to the handler

The venue's module says what a message means by a few calls: `_snapshot`, `_changes`, `_trade`,
`_lost`. A message that is no message of the venue is an `InputError`, and then nothing has changed.
"""

import re
import time as clock
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Final, Literal, NamedTuple, Self, cast

from bookflow import _core
from bookflow._busy import one_thread
from bookflow._core import Instrument, TextBook, TextOrders
from bookflow._optional import need
from bookflow._table import NONE, Array
from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds.rows import Rows
from bookflow.words import Action, Flag, Side, Status

__all__ = [
    "NOTHING",
    "Book",
    "Claim",
    "Handler",
    "Message",
    "OrderChange",
    "Truth",
    "decoder",
    "iso_nanoseconds",
    "literal_decoder",
    "nanoseconds",
]

Message = str | bytes | Mapping[str, Any] | Sequence[Any]
"""A message as a socket gives it, or already decoded."""

# Messages kept for a book until its snapshot comes.
_MOST_WAITING: Final = 100_000
# Ids of prints that are remembered, to know those that come again.
_MOST_PRINTS: Final = 10_000
_NO_LEVELS: Final[Sequence[Any]] = ()
_ALL: Final = 1 << 31


class Claim(NamedTuple):
    """What a venue itself says of the touch at this moment, in units; None: not said."""

    instrument: int
    bid: int | None
    bid_size: int | None
    ask: int | None
    ask_size: int | None
    what: str = "best quote"


class OrderChange(NamedTuple):
    """A single order as it is now, in texts; its size is 0 when it is gone."""

    side: int
    number: int
    rank: int
    """Its place among those of its price, low before high."""
    price: str | bytes
    size: str | bytes


@dataclass(slots=True)
class Truth:
    """How often our book agreed with what the venue says of it."""

    compared: int = 0
    equal: int = 0
    first: str = ""
    needed: float = 1.0
    """Share that must be equal: below 1 only where the venue's two channels are not in step."""

    @property
    def holds(self) -> bool:
        return self.equal >= self.needed * self.compared

    def add(self, ours: object, theirs: object, where: str) -> bool:
        self.compared += 1
        if ours == theirs:
            self.equal += 1
            return True
        if not self.first:
            self.first = f"{where}: {ours} is not {theirs}"
        return False


@dataclass(slots=True)
class Book:
    """One instrument of a connection: its texts, and where its conversation stands."""

    symbol: str
    instrument: Instrument
    text: TextBook
    number: int
    orders: TextOrders
    """For venues that send single orders."""
    known: set[int] = field(default_factory=set)
    """Their numbers."""
    live: bool = False
    """A snapshot has come, and every change since."""
    pending: bool = False
    """Its reader was told that a snapshot is awaited."""
    status: int = 0
    """The lasting bits: halted, in auction, unverifiable."""
    sequence: int | None = None
    waiting: deque[Any] = field(default_factory=lambda: deque(maxlen=_MOST_WAITING))
    """Changes that came before their snapshot, for venues that send it on another way."""
    memory: dict[Any, Any] = field(default_factory=dict)
    """What else its venue's rule must remember."""


class Handler:
    """Messages of one venue's connection, as events.

    Parameters
    ----------
    symbols
        Take only these, as the venue writes them; by default all that come.
    instruments
        Units, tick and id by symbol. A symbol without one gets units that hold the digits of its
        first message with room for growth (and says so in `instruments`): give them to have the
        same units on every day.
    time
        The clock of the events: when the message was received, or the venue's own stamp (where it
        sends one). The venue's stamp is always kept in ``ts_venue``.
    truth
        Keep `claims`, for tests of the book against what the venue says of it.

    Attributes
    ----------
    counts : Counter[str]
        What was found and passed over, by name.
    instruments : dict[int, Instrument]
        Every instrument seen so far, by its id.
    """

    venue: ClassVar[str] = ""
    verifiable: ClassVar[bool] = True
    """Whether the venue gives means to notice a loss (sequence numbers, checksums)."""

    def __init__(
        self,
        symbols: Iterable[str] | None = None,
        *,
        instruments: Mapping[str, Instrument] | None = None,
        time: Literal["received", "venue"] = "received",
        truth: bool = False,
    ) -> None:
        if time not in ("received", "venue"):
            raise InputError('must be "received" or "venue"', field="time", value=time)
        if isinstance(symbols, str):
            symbols = (symbols,)
        self._symbols = None if symbols is None else frozenset(symbols)
        self._given = dict(instruments or {})
        ids = Counter(int(i.id) for i in self._given.values())
        for symbol, instrument in self._given.items():
            if ids[int(instrument.id)] > 1:
                rule = f"id {instrument.id} is another symbol's: give each an id of its own"
                raise InputError(rule, field="instruments", value=symbol)
        self._time = time
        self._truth = truth
        self._rows = Rows()
        self._books: dict[str, Book] = {}
        self._now = NONE
        self._received = self._venue = NONE
        self._number: int | None = None
        self.counts: Counter[str] = Counter()
        self.instruments: dict[int, Instrument] = {}
        self.truths: dict[str, Truth] = {}
        self.claims: list[Claim] = []

    # -- messages --------------------------------------------------------------------------------

    def feed(self, message: Message, received: int | None = None) -> Events:
        """The events of one message.

        Parameters
        ----------
        message
            Text or bytes as received, or what `json.loads` makes of it where the venue sends its
            numbers as text.
        received
            When it came, ns since the epoch; None: now. A time that goes back is taken as the
            latest so far, and counted as "late".
        """
        return self._events(received, lambda: self._message(message))

    def snapshot(
        self, message: Message, received: int | None = None, symbol: str | None = None
    ) -> Events:
        """The events of a snapshot that was fetched, for venues that do not send it themselves."""
        return self._events(received, lambda: self._fetched(message, symbol))

    def disconnected(self, received: int | None = None) -> Events:
        """The connection is lost: every book has a gap until its next snapshot."""
        return self._events(received, self._disconnect)

    @property
    def needs_snapshot(self) -> tuple[str, ...]:
        """Symbols whose book waits for one: subscribe again or fetch it, as the venue has it."""
        return tuple(b.symbol for b in self._books.values() if b.pending)

    def answer(self, url: str, message: Message, received: int | None = None) -> Events:
        """A recorded HTTP answer: by default a snapshot, of the symbol that its address names."""
        return self.snapshot(message, received, self._symbol_of(url))

    def sent(self, message: Message) -> None:
        """A recorded message of ours, such as a subscription that says how deep a book is."""

    def finish(self) -> None:
        """No message follows: what was still to be compared with a later one is compared now."""

    # -- state -----------------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Everything it knows between two messages: settings, books, sequence numbers, messages
        that wait for their snapshot, counts. (Magic, version, CRC, length, JSON; no pickle.)
        """
        from bookflow.feeds.state import to_bytes  # only where asked for

        return to_bytes(self)

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """A handler from `to_bytes`, which goes on as the one saved would have.

        ``Handler.from_bytes`` makes one of the venue that was saved; a class of your own is called
        without arguments. Raises StateError when the bytes are not such a state.
        """
        from bookflow.feeds.state import from_bytes

        return cast("Self", from_bytes(cls, state))

    # -- for the venues --------------------------------------------------------------------------

    def _message(self, message: Message) -> None:
        """Writes the rows of a message. The venue's module says how."""
        raise NotImplementedError

    def _fetched(self, message: Message, symbol: str | None) -> None:
        rule = f"{self.venue} sends its snapshots itself"
        raise InputError(rule, source=self.venue, field="snapshot")

    def _symbol_of(self, url: str) -> str | None:
        return None

    def _disconnect(self) -> None:
        self._number = None
        for book in self._books.values():
            book.waiting.clear()
            if book.live:
                self._lost(book, "disconnected")

    def _book(
        self, symbol: str, levels: Sequence[Any] = _NO_LEVELS, price: int = 0, size: int = 1
    ) -> Book | None:
        """The book of a symbol, made at its first message; None if it is not wanted.

        `levels` are texts, by which units are chosen where none are given.
        """
        book = self._books.get(symbol)
        if book is not None:
            return book
        if self._symbols is not None and symbol not in self._symbols:
            return None
        instrument = self._given.get(symbol)
        if instrument is None:
            if not levels:
                return None  # nothing yet to choose units by, and nothing to say
            instrument = self._chosen(symbol, levels, price, size)
        number = int(instrument.id)
        book = Book(symbol, instrument, TextBook(instrument), number, TextOrders(instrument))
        if not self.verifiable:
            book.status = int(Status.UNVERIFIABLE)
        self._books[symbol] = book
        self.instruments[number] = instrument
        return book

    def _chosen(self, symbol: str, levels: Sequence[Any], price: int, size: int) -> Instrument:
        taken = {int(i.id) for i in self._given.values()} | self.instruments.keys()
        number = next(n for n in range(1, 1 << 32) if n not in taken)
        units = [
            _unit(levels, place, what, digits, self.venue)
            for place, what, digits in ((price, "price", 14), (size, "size", 13))
        ]
        return Instrument(symbol, price_unit=units[0], tick=None, size_unit=units[1], id=number)

    def _stamp(self, venue: int = NONE) -> None:
        """The venue's own time of what follows, ns since the epoch."""
        self._venue = venue

    def _at(self, book: Book) -> None:
        """What follows is of this book."""
        ts = self._venue if self._time == "venue" and self._venue != NONE else self._received
        if ts < self._now:
            self.counts["late"] += 1
            ts = self._now
        self._now = ts
        self._rows.at(ts, self._venue, book.number)

    def _snapshot(
        self,
        book: Book,
        bids: Sequence[Any],
        asks: Sequence[Any],
        *,
        price: int = 0,
        size: int = 1,
    ) -> None:
        """The whole book: it is live from here."""
        bid, bid_size, ask, ask_size = book.text.update(bids, asks, price, size, whole=True)
        self._at(book)
        self._begin(book)
        self._rows.levels(Side.BID, bid, bid_size, Flag.SNAPSHOT)
        self._rows.levels(Side.ASK, ask, ask_size, Flag.SNAPSHOT)
        self._rows.end()

    def _begin(self, book: Book) -> None:
        """A snapshot starts: its rows follow (with SNAPSHOT), and `self._rows.end()`."""
        if book.status and not book.live:
            self._rows.add(Action.STATUS, size=book.status)
            self._rows.end()
        self._rows.add(Action.CLEAR, flags=Flag.SNAPSHOT)
        book.live = True
        book.pending = False
        self.counts["snapshots"] += 1

    def _changes(
        self,
        book: Book,
        bids: Sequence[Any],
        asks: Sequence[Any],
        *,
        price: int = 0,
        size: int = 1,
        depth: int | None = None,
    ) -> None:
        """Levels as they are now, in one atomic event; those beyond the best `depth` go."""
        bid, bid_size, ask, ask_size = book.text.update(bids, asks, price, size)
        self._at(book)
        before = len(self._rows)
        self._rows.levels(Side.BID, bid, bid_size)
        self._rows.levels(Side.ASK, ask, ask_size)
        if depth is not None:
            for side in (Side.BID, Side.ASK):
                gone = book.text.truncate(side, depth)
                if len(gone):
                    self._rows.levels(side, gone, gone * 0)
        if len(self._rows) > before:
            self._rows.end()

    def _view(self, book: Book, bids: Sequence[Any], asks: Sequence[Any]) -> None:
        """All that there is to see, of a channel that sends nothing else: written as changes."""
        if not book.live:
            self._snapshot(book, bids, asks)
            return
        sides = []
        for side, levels in ((Side.BID, bids), (Side.ASK, asks)):
            seen = {level[0] for level in levels}
            gone = [(p, "0") for p, _ in book.text.text(side, _ALL) if p not in seen]
            sides.append([*gone, *levels])
        self._changes(book, *sides)

    def _orders(
        self,
        book: Book,
        changes: Iterable[OrderChange],
        *,
        whole: bool = False,
        depth: int | None = None,
    ) -> None:
        """Single orders, in one atomic event; those of prices beyond the best `depth` go.

        With `whole` these are all that there are. Their numbers were read before.
        """
        self._at(book)
        before = len(self._rows)
        flags = 0
        if whole:
            book.orders.clear()
            book.known.clear()
            self._begin(book)
            flags = Flag.SNAPSHOT
        for side, number, rank, price, size in changes:
            at, units = book.orders.set(side, number, rank, price, size)
            if units:
                action = Action.MODIFY if number in book.known else Action.ADD
                self._rows.add(action, side, at, units, number, flags)
                book.known.add(number)
            elif number in book.known:
                self._rows.add(Action.DELETE, side, order_id=number, flags=flags)
                book.known.discard(number)
            else:
                self.counts["unknown_orders"] += 1
        for side in (Side.BID, Side.ASK) if depth is not None else ():
            for number in book.orders.truncate(side, depth or 0):
                self._rows.add(Action.DELETE, side, order_id=number, flags=flags)
                book.known.discard(number)
        if len(self._rows) > before:
            self._rows.end()

    def _trade(
        self,
        book: Book,
        price: str | bytes,
        size: str | bytes,
        aggressor: int,
        *,
        flags: int = 0,
        order_id: int = 0,
    ) -> None:
        """A print, an atomic event of its own."""
        prices, sizes = book.text.units([(price, size)])
        if not sizes[0]:
            self.counts["empty_prints"] += 1
            return
        self._at(book)
        self._rows.add(
            Action.TRADE, aggressor, int(prices[0]), int(sizes[0]), order_id, flags=flags
        )
        self._rows.end()

    def _repeated(self, book: Book, key: object) -> bool:
        """Whether this print came before, as some do when a connection is made anew."""
        seen = book.memory.setdefault("printed", OrderedDict())
        if key in seen:
            self.counts["repeated_prints"] += 1
            return True
        seen[key] = None
        if len(seen) > _MOST_PRINTS:
            seen.popitem(last=False)
        return False

    def _lost(self, book: Book, reason: str, count: int | None = None) -> None:
        """Something of this book was lost: it is marked before the next row and waits.

        `count` messages, where the venue numbers them.
        """
        self.counts["gaps"] += 1
        self.counts[reason] += 1
        if count is not None:
            self.counts["lost"] += count
        self._await(book, Flag.GAP)

    def _connection(self, number: int, first: int = 0) -> bool:
        """Whether a message is new, for venues that number a connection's messages from `first`.

        What is missing before it, every book has lost. All of the message was looked at before.
        """
        last = self._number
        if last is not None and number == first != last:
            self._disconnect()
        elif last is not None and number <= last:
            self.counts["old"] += 1
            return False
        elif last is not None and number > last + 1:
            self.counts["lost"] += number - last - 1
            for book in self._books.values():
                if book.live:
                    self._lost(book, "sequence")
        self._number = number
        return True

    def _await(self, book: Book, flags: int = 0) -> None:
        """The book waits for a snapshot."""
        book.live = False
        book.sequence = None
        book.waiting.clear()
        if book.pending and not flags:
            return
        book.pending = True
        self._at(book)
        self._rows.add(Action.STATUS, size=int(Status.SNAPSHOT_PENDING) | book.status, flags=flags)
        self._rows.end()

    def _set_status(self, book: Book, status: int) -> None:
        """HALTED and AUCTION as the venue tells them."""
        kept = book.status & Status.UNVERIFIABLE
        if book.status == kept | status:
            return
        book.status = int(kept | status)
        self._at(book)
        self._rows.add(Action.STATUS, size=book.status)
        self._rows.end()

    def _check(self, what: str, ours: object, theirs: object, where: str) -> bool:
        """Whether what the venue says of its book is so; counted in `truths`."""
        return self.truths.setdefault(what, Truth()).add(ours, theirs, where)

    def _crc_holds(
        self, book: Book, rule: str, depth: int, checksum: int, *, orders: bool = False
    ) -> bool:
        """Whether this CRC-32, signed or not, is that of our texts (see `TextBook.checksum`)."""
        ours = (book.orders if orders else book.text).checksum(rule, depth)
        return self._check("checksum", ours, checksum & 0xFFFF_FFFF, book.symbol)

    def _claim(
        self, book: Book, bid: Any, bid_size: Any, ask: Any, ask_size: Any, what: str = "best quote"
    ) -> None:
        """The touch as the venue states it for this moment, in texts; None: not said."""
        if not self._truth:
            return
        places = [(bid, bid_size), (ask, ask_size)]
        values: list[int | None] = []
        for price, size in places:
            if price is None:
                values += [None, None]
                continue
            prices, sizes = book.text.units([(price, size if size is not None else "0")])
            values += [int(prices[0]), None if size is None else int(sizes[0])]
        bid_units, bid_size_units, ask_units, ask_size_units = values
        self.claims.append(
            Claim(book.number, bid_units, bid_size_units, ask_units, ask_size_units, what)
        )

    def _unknown(self, kind: str) -> None:
        """A message of a kind that says nothing of books and prints."""
        self.counts[f"other: {kind}"[:60]] += 1

    # -- what feed and snapshot share ------------------------------------------------------------

    @one_thread
    def _events(self, received: int | None, write: Callable[[], None]) -> Events:
        self._received = clock.time_ns() if received is None else received
        self._venue = NONE
        self.claims.clear()
        now, books = self._now, len(self._books)
        try:
            write()
        except InputError as error:
            self._undo(now, books)
            raise InputError(
                error.rule,
                source=error.source or self.venue,
                row=error.row,
                field=error.field,
                value=error.value,
            ) from None
        except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            self._undo(now, books)
            rule = f"is no message of the venue ({type(error).__name__}: {error})"
            raise InputError(rule, source=self.venue, field="message") from error
        return self._written()

    def _written(self) -> Events:
        """The rows that there are by now, as events."""
        instrument = next(iter(self.instruments.values()), NOTHING)
        rows = self._rows.take() if len(self._rows) else _NO_ROWS
        columns: dict[str, Array | None] = {**rows}
        return Events._trusted(columns, instrument, self.venue, dict(self.instruments))

    def _undo(self, now: int, books: int) -> None:
        """A message was refused: its rows go, and the books that it was the first of."""
        self._rows.drop()
        self._now = now
        while len(self._books) > books:
            _, book = self._books.popitem()
            del self.instruments[book.number]


NOTHING: Final = _core.Instrument(price_unit="1")
"""Of events that there are none of yet."""
_NO_ROWS: Final = Rows().take()


def _unit(levels: Sequence[Any], place: int, what: str, digits: int, source: str) -> str:
    """A unit that holds every digit of these numbers, finer where there is room."""
    largest, finest = Decimal(0), 0
    for level in levels:
        text = level[place]
        try:
            number = Decimal(text.decode() if isinstance(text, bytes) else text)
        except (InvalidOperation, TypeError, ValueError, UnicodeDecodeError):
            raise InputError(
                "is no decimal number", source=source, field=what, value=text
            ) from None
        if not number.is_finite():
            raise InputError("is not finite", source=source, field=what, value=text)
        largest = max(largest, abs(number))
        finest = max(finest, -int(number.normalize().as_tuple().exponent))
    if not largest:
        return f"1e-{max(finest, 8)}"
    # Three digits more than were seen, or eight: a small print must leave room for absurd orders.
    fine = min(max(finest + 3, 8), digits - 1 - largest.adjusted())
    places = min(18, max(finest, fine, 0))
    return f"1e-{places}"


def nanoseconds(text: str | bytes, digits: int = 0) -> int:
    """A time as decimal text in units of 10^-`digits` s, as ns; finer digits are cut off."""
    number = Decimal(text.decode() if isinstance(text, bytes) else text)
    return int(number.scaleb(9 - digits))


_ISO: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,30}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)


def iso_nanoseconds(text: str) -> int:
    """A time such as 2021-04-17T16:49:03.207Z, as ns since the epoch; finer digits are cut off."""
    found = _ISO.fullmatch(text)
    if found is None:
        raise InputError("is no time with its zone", field="time", value=text)
    zone = "+00:00" if found[3] == "Z" else found[3]
    seconds = int(datetime.fromisoformat(found[1] + zone).timestamp())
    return seconds * 1_000_000_000 + int((found[2] or "0")[:9].ljust(9, "0"))


def decoder(kind: Any) -> Callable[[Any], Any]:
    """Decodes messages of a type (see msgspec's); what is none is an `InputError`."""
    msgspec = need("msgspec", "io")
    decode = msgspec.json.Decoder(kind).decode

    def read(message: Any) -> Any:
        try:
            if isinstance(message, str | bytes | bytearray | memoryview):
                return decode(message)
            return msgspec.convert(message, kind, strict=True)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
            shown = message if isinstance(message, str | bytes) else repr(message)
            raise InputError(
                f"is no message of the venue: {error}", field="message", value=shown
            ) from None

    return read


def literal_decoder(kind: Any) -> Callable[[Any], Any]:
    """As `decoder`, for kinds with numbers whose text is kept (msgspec's Raw)."""
    encode = need("msgspec", "io").json.encode
    decode = decoder(kind)

    def read(message: Any) -> Any:
        if isinstance(message, Mapping | list):
            try:
                message = encode(message)
            except (TypeError, ValueError, RecursionError) as error:
                rule = f"is no message of the venue: {error}"
                raise InputError(rule, field="message", value=repr(message)) from None
        return decode(message)

    return read
