"""Files of market data as `Events`: one module a venue or format."""

from bookflow.readers.databento import read_databento
from bookflow.readers.files import read_events
from bookflow.readers.iex import read_iex
from bookflow.readers.lobster import read_lobster
from bookflow.readers.tardis import read_tardis, tardis_frame

__all__ = [
    "read_databento",
    "read_events",
    "read_iex",
    "read_lobster",
    "read_tardis",
    "tardis_frame",
]
