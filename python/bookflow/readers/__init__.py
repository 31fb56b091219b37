"""Files of market data as `Events`: one module a venue or format."""

from bookflow.readers.databento import read_databento
from bookflow.readers.files import read_events
from bookflow.readers.itch import ItchDecoder, itch_messages, itch_quotes, read_itch, write_itch
from bookflow.readers.lobster import read_lobster

__all__ = [
    "ItchDecoder",
    "itch_messages",
    "itch_quotes",
    "read_databento",
    "read_events",
    "read_itch",
    "read_lobster",
    "write_itch",
]
