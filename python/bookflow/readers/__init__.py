"""Files of market data as `Events`: one module a venue or format."""

from bookflow.readers.binance import binance_depth_frame, read_binance_csv
from bookflow.readers.databento import DatabentoHandler, read_databento
from bookflow.readers.files import read_events
from bookflow.readers.hftbacktest import (
    HFTBACKTEST_DTYPE,
    from_hftbacktest,
    to_hftbacktest,
)
from bookflow.readers.iex import read_iex
from bookflow.readers.itch import (
    ItchDecoder,
    ItchQuotes,
    itch_messages,
    itch_quotes,
    read_itch,
    write_itch,
)
from bookflow.readers.lobster import read_lobster
from bookflow.readers.tables import read_csv
from bookflow.readers.tardis import read_tardis, tardis_frame

__all__ = [
    "HFTBACKTEST_DTYPE",
    "DatabentoHandler",
    "ItchDecoder",
    "ItchQuotes",
    "binance_depth_frame",
    "from_hftbacktest",
    "itch_messages",
    "itch_quotes",
    "read_binance_csv",
    "read_csv",
    "read_databento",
    "read_events",
    "read_iex",
    "read_itch",
    "read_lobster",
    "read_tardis",
    "tardis_frame",
    "to_hftbacktest",
    "write_itch",
]
