"""Feed handlers: a venue's messages in, exact books out, and the truth about their gaps.

One module a venue. `handler_of` makes one by name; `read_feed` reads a recording through it;
`verify_feed` compares the books with what the venue says of them.
"""

import difflib
import importlib
from typing import TYPE_CHECKING, Any, Final

from bookflow.errors import InputError

if TYPE_CHECKING:
    from bookflow.feeds.adapters import (
        from_ccxt_book,
        from_ccxt_trades,
        from_cryptofeed_book,
        from_cryptofeed_ticker,
        from_cryptofeed_trade,
    )
    from bookflow.feeds.binance import Binance
    from bookflow.feeds.bitfinex import Bitfinex
    from bookflow.feeds.bitget import Bitget
    from bookflow.feeds.bitmex import Bitmex
    from bookflow.feeds.bitstamp import Bitstamp
    from bookflow.feeds.blockchain import Blockchain
    from bookflow.feeds.bybit import Bybit
    from bookflow.feeds.coinbase import Coinbase
    from bookflow.feeds.deribit import Deribit
    from bookflow.feeds.ftx import FTX
    from bookflow.feeds.handler import Handler, Truth
    from bookflow.feeds.independent_reserve import IndependentReserve
    from bookflow.feeds.kraken import Kraken
    from bookflow.feeds.kucoin import KuCoin
    from bookflow.feeds.okx import OKX
    from bookflow.feeds.reading import read_feed, verify_feed

__all__ = [
    "FTX",
    "OKX",
    "VENUES",
    "Binance",
    "Bitfinex",
    "Bitget",
    "Bitmex",
    "Bitstamp",
    "Blockchain",
    "Bybit",
    "Coinbase",
    "Deribit",
    "Handler",
    "IndependentReserve",
    "Kraken",
    "KuCoin",
    "Truth",
    "from_ccxt_book",
    "from_ccxt_trades",
    "from_cryptofeed_book",
    "from_cryptofeed_ticker",
    "from_cryptofeed_trade",
    "handler_of",
    "read_feed",
    "verify_feed",
]

VENUES: Final = {
    "binance": "Binance",
    "bitfinex": "Bitfinex",
    "bitget": "Bitget",
    "bitmex": "Bitmex",
    "bitstamp": "Bitstamp",
    "blockchain": "Blockchain",
    "bybit": "Bybit",
    "coinbase": "Coinbase",
    "deribit": "Deribit",
    "ftx": "FTX",
    "independent_reserve": "IndependentReserve",
    "kraken": "Kraken",
    "kucoin": "KuCoin",
    "okx": "OKX",
}
"""Handlers by the name that the command line uses; each stands in the module of that name."""

_LAZY: Final = {
    "Handler": "handler",
    "Truth": "handler",
    "from_ccxt_book": "adapters",
    "from_ccxt_trades": "adapters",
    "from_cryptofeed_book": "adapters",
    "from_cryptofeed_ticker": "adapters",
    "from_cryptofeed_trade": "adapters",
    "read_feed": "reading",
    "verify_feed": "reading",
    **{name: venue for venue, name in VENUES.items()},
}


def handler_of(venue: str, **settings: Any) -> "Handler":
    """The handler of this venue.

    InputError for a name that is none, with those that are near it.
    """
    name = VENUES.get(venue)
    if name is None:
        near = difflib.get_close_matches(venue, VENUES) or sorted(VENUES)
        raise InputError(f"is no venue; there is {', '.join(near)}", field="venue", value=venue)
    made: Handler = getattr(importlib.import_module(f"bookflow.feeds.{venue}"), name)(**settings)
    return made


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"bookflow.feeds.{module}"), name)
