"""Tables of consecutive rows as chunks of events."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bookflow import _arrow
from bookflow._from_table import Reading
from bookflow._table import NONE
from bookflow.errors import InputError
from bookflow.events import Action, Events, Order, in_order

if TYPE_CHECKING:
    from bookflow._core import Instrument

__all__ = ["ArrowTables", "Rows", "Tables"]


class Tables(Protocol):
    """A file as tables of consecutive rows."""

    instrument: "Instrument | None"

    def tables(self, rows: int) -> Iterator[object]:
        """From the start, `rows` at a time."""


@dataclass(frozen=True, slots=True)
class Rows:
    """The events of the tables, read from the start by every call of `chunks`."""

    source: str
    tables: Callable[[int], Iterator[object]]
    read: Reading
    order: Order

    def chunks(self, rows: int) -> Iterator[Events]:
        last_ts, first_row, after_delete = NONE, 0, False
        for table in self.tables(rows):
            made, depth = self.read(table, self.source, first_row)
            counts: dict[str, int] = {}
            ts = made["ts"]
            assert ts is not None
            made["ts"], new_last = in_order(ts, self.order, counts, last_ts)
            events = Events(
                made, self.read.instrument, depth=depth, source=self.source, counts=counts
            )
            events.check(first_row, last_ts, after_delete=after_delete)
            yield events
            last_ts = new_last
            first_row += len(events)
            after_delete = bool(len(events) and events.action[-1] == Action.DELETE)


class ArrowTables:
    """An Arrow stream as tables of at most so many rows, none longer than its batch."""

    def __init__(self, data: object, source: str) -> None:
        self._data = data
        self._source = source
        self._was_read = False

    def __call__(self, rows: int) -> Iterator[object]:
        found = False
        for batch in _arrow.batches(self._data, self._source):
            length = max((len(column) for column in batch.values()), default=0)
            found = found or length > 0
            for start in range(0, length, rows):
                yield {name: column[start : start + rows] for name, column in batch.items()}
        if self._was_read and not found:
            rule = "was read before, and gives its rows once: load it to use them again"
            raise InputError(rule, source=self._source)
        self._was_read = found
