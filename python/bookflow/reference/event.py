"""One event as plain Python, from whatever has its fields."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from .words import NONE, Flag


class Event(NamedTuple):
    """The fields a book and a tape read, in the order of `Pipeline.push`."""

    ts: int
    action: int
    side: int = 0
    price: int = NONE
    size: int = 0
    order_id: int = 0
    flags: int = int(Flag.LAST)


def event_of(source: Any) -> Event:
    """An Event from a tuple in its order, a mapping, a structured array's row, or attributes.

    >>> event_of((5, 1, 1, 100, 7, 42)).order_id
    42
    >>> event_of({"ts": 5, "action": 6, "price": 100, "size": 7}).flags
    1
    """
    if isinstance(source, tuple):
        return Event(*(int(field) for field in source))
    names = getattr(getattr(source, "dtype", None), "names", None)
    if names is not None:
        fields = {name: source[name] for name in names}
    elif isinstance(source, Mapping):
        fields = dict(source)
    else:
        fields = {name: getattr(source, name) for name in Event._fields if hasattr(source, name)}
    return Event(**{name: int(fields[name]) for name in Event._fields if name in fields})
