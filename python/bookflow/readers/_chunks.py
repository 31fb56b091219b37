"""What the readers of files share: events checked by the file's own rows, and cut to size."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bookflow.errors import InputError
from bookflow.events import Events

__all__ = ["check_rows", "cut"]


def check_rows(events: Events, rows: NDArray[np.int64], last_ts: int) -> None:
    """The field rules, a fault named by its row (record, packet) in the file."""
    try:
        events.check(0, last_ts)
    except InputError as error:
        row = None if error.row is None else int(rows[error.row])
        raise InputError(
            error.rule, source=error.source, row=row, field=error.field, value=error.value
        ) from None


def cut(events: Events, rows: int) -> Iterator[Events]:
    """Parts of at most `rows`: what was added or held back may have made them too many."""
    if len(events) <= rows:
        yield events
        return
    for i, part in enumerate(events.chunks(rows)):
        if i == 0:
            part._counts = events.counts
        part.instruments = events.instruments
        yield part
