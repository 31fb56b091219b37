"""Independent Reserve's websocket: every order of a currency in all the currencies it trades for.

A channel such as ``orderbook-eth`` numbers its messages (``Nonce``, by one); a later one is a gap
of exactly the numbers between, in the book of every pair of that currency. A message is an atomic
event: ``NewOrder`` with its price by currency, ``OrderChanged`` with what is left of it,
``OrderCanceled`` with its id.

The book of a pair is fetched (``GetAllOrders``) and has no nonce, but a time. So messages are kept
until it comes and all of them are applied to it; of those before its time, a new order that is
there already and the end of one that is not are old. After a gap it must be later than the gap.

Rules: the venue's websocket documentation and recordings.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal
from urllib.parse import parse_qs, urlsplit

from bookflow.errors import InputError
from bookflow.events import Events
from bookflow.feeds._msgspec import msgspec
from bookflow.feeds.handler import (
    Book,
    Message,
    iso_nanoseconds,
    literal_decoder,
)
from bookflow.feeds.orders import OrderHandler, size_units
from bookflow.words import Side

__all__ = ["IndependentReserve"]

_RAW: Final[Any] = msgspec.Raw
_SIDE: Final = {"LimitBid": Side.BID, "LimitOffer": Side.ASK}
_AGGRESSOR: Final = {"Buy": Side.BID, "Sell": Side.ASK, None: Side.NONE}


class _Message(msgspec.Struct, rename="pascal"):
    event: str
    channel: str = ""
    nonce: int | None = None
    time: int | None = None
    data: _RAW = _RAW(b"null")


class _Order(msgspec.Struct, rename="pascal"):
    order_guid: str
    order_type: Literal["LimitBid", "LimitOffer"]
    price: dict[str, _RAW] = msgspec.field(default_factory=dict)
    volume: _RAW = _RAW(b"")


class _Trade(msgspec.Struct, rename="pascal"):
    trade_guid: str
    price: _RAW
    volume: _RAW
    side: Literal["Buy", "Sell"] | None = None


class _Resting(msgspec.Struct, rename="pascal"):
    guid: str
    price: _RAW
    volume: _RAW


class _Whole(msgspec.Struct, rename="pascal"):
    buy_orders: list[_Resting]
    sell_orders: list[_Resting]
    primary_currency_code: str
    secondary_currency_code: str
    created_timestamp_utc: str


class IndependentReserve(OrderHandler):
    """Books and prints of Independent Reserve's public channels.

    A symbol is a pair such as "eth-aud". A channel tells of all pairs of its currency, and each
    waits for a snapshot of its own: name those you want by `symbols`.

    Counted: "unknown_orders" (changed or cancelled, but never seen), "duplicate_orders" (new, but
    there already), "repeated_prints".
    """

    venue: ClassVar[str] = "independent_reserve"

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._decode, self._order_of, self._trade_of, self._whole_of, self._price_by = (
            literal_decoder(kind) for kind in (_Message, _Order, _Trade, _Whole, dict[str, _RAW])
        )
        self._nonces: dict[str, int] = {}

    def answer(self, url: str, message: Message, received: int | None = None) -> Events:
        if urlsplit(url).path.endswith("/GetAllOrders"):
            return super().answer(url, message, received)
        return self._events(received, lambda: self._unknown("answer"))

    def _symbol_of(self, url: str) -> str | None:
        names = parse_qs(urlsplit(url).query)
        codes = [names.get(f"{name}CurrencyCode", [""])[0] for name in ("primary", "secondary")]
        return "-".join(codes).lower()

    def _disconnect(self) -> None:
        self._nonces.clear()
        super()._disconnect()

    def _message(self, message: Message) -> None:
        said = self._decode(message)
        kind, _, name = said.channel.partition("-")
        if said.time is not None:
            self._stamp(said.time * 1_000_000)
        if kind == "orderbook" and said.nonce is not None:
            self._order(said, name.lower())
        elif kind == "ticker" and said.event == "Trade":
            self._print(name.lower(), self._trade_of(bytes(said.data)))
        else:
            self._unknown(said.event)

    # -- books -----------------------------------------------------------------------------------

    def _order(self, said: _Message, currency: str) -> None:
        order = self._order_of(bytes(said.data))
        volume = bytes(order.volume) or b"0"
        if said.event == "NewOrder":
            prices = {name.lower(): bytes(price) for name, price in order.price.items()}
            if not (prices and bytes(order.volume)):
                raise InputError("a new order without price or volume", field="message")
        elif said.event not in ("OrderChanged", "OrderCanceled"):
            self._unknown(said.event)
            return
        else:
            prices = {}
        told: list[tuple[Book, bytes]] = []
        for name, price in prices.items():
            book = self._book(f"{currency}-{name}", [(price, volume)])
            if book is not None:
                book.text.units([(price, volume)])
                told.append((book, price))
        if not prices:
            told = [(book, b"0") for book in self._pairs(currency)]
            for book, _ in told:
                book.text.units([(b"0", volume)])
        if self._next(currency, said.nonce or 0):
            for book, price in told:
                one = (self._venue, said.event, order.order_guid, order.order_type, price, volume)
                if book.live:
                    self._apply(book, *one)
                    continue
                if not book.pending:
                    self._await(book)
                book.waiting.append(one)

    def _pairs(self, currency: str) -> list[Book]:
        return [b for b in self._books.values() if b.symbol.startswith(f"{currency}-")]

    def _next(self, currency: str, nonce: int) -> bool:
        """Whether a message is new; what is missing before it, the currency's books have lost."""
        last = self._nonces.get(currency)
        if last is not None and nonce <= last:
            self.counts["old"] += 1
            return False
        if last is not None and nonce > last + 1:
            self.counts["lost"] += nonce - last - 1
            for book in self._pairs(currency):
                if book.live:
                    self._lost(book, "nonce")
                book.waiting.clear()
                book.memory["after"] = self._venue
        self._nonces[currency] = nonce
        return True

    def _apply(
        self, book: Book, at: int, event: str, key: str, kind: str, price: bytes, volume: bytes
    ) -> None:
        self._stamp(at)
        known = key in self._resting(book)
        if at <= book.memory["since"] and known == (event == "NewOrder"):
            self.counts["old"] += 1
        elif event == "NewOrder":
            self._add(book, key, _SIDE[kind], price, volume)
        elif event == "OrderChanged":
            self._resize(book, key, size_units(book, volume), filled=True)
        else:
            self._remove(book, key)

    def _fetched(self, message: Message, symbol: str | None) -> None:
        whole = self._whole_of(message)
        pair = f"{whole.primary_currency_code}-{whole.secondary_currency_code}".lower()
        if symbol is not None and symbol != pair:
            raise InputError(f"is of {pair}", field="symbol", value=symbol)
        sides = [
            [(bytes(one.price), bytes(one.volume), one.guid) for one in side]
            for side in (whole.buy_orders, whole.sell_orders)
        ]
        at = iso_nanoseconds(whole.created_timestamp_utc)
        book = self._book(pair, [*sides[0], *sides[1]])
        if book is None:
            return
        book.text.units([*sides[0], *sides[1]])
        if at < max(book.memory.get("after", at), book.memory.get("since", at)):
            self.counts["old_snapshots"] += 1
            return
        waiting = list(book.waiting)
        book.waiting.clear()
        book.memory["since"] = at
        self._stamp(at)
        self._whole(book, *sides)
        for one in waiting:
            self._apply(book, *one)

    # -- prints ----------------------------------------------------------------------------------

    def _print(self, name: str, trade: _Trade) -> None:
        text = bytes(trade.price)
        by_currency: Mapping[str, Any] = self._price_by(text) if text[:1] == b"{" else {"": text}
        told = []
        for currency, price in by_currency.items():
            symbol = f"{name}-{currency}".lower() if currency else name
            level = (bytes(price), bytes(trade.volume))
            book = self._book(symbol, [level])
            if book is not None:
                book.text.units([level])
                told.append((book, level))
        for book, level in told:
            if not self._repeated(book, trade.trade_guid):
                self._trade(book, *level, _AGGRESSOR[trade.side])
