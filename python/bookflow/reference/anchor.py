"""A moment after which a sum starts anew: of every day (UTC), or once."""

from collections.abc import Iterable

from .tape import Reading, Recorded

SECOND = 10**9
DAY = 86_400 * SECOND


def last_anchor(anchor: int | str, now: int) -> int | None:
    """The last anchor that time has passed, or None.

    >>> last_anchor("00:00:02", 2 * SECOND), last_anchor("00:00:02", 2 * SECOND + 1)
    (-86398000000000, 2000000000)
    >>> last_anchor(7, 7), last_anchor(7, 8)
    (None, 7)
    """
    if isinstance(anchor, int) or ":" not in anchor:
        return int(anchor) if now > int(anchor) else None
    hour, minute, second = (int(part) for part in (anchor + ":0").split(":")[:3])
    of_day = (hour * 3600 + minute * 60 + second) * SECOND
    return (now - 1 - of_day) // DAY * DAY + of_day


def since(
    anchor: int | str | None, prints: Iterable[tuple[int | float, Recorded]], at: Reading
) -> list[tuple[int | float, Recorded]]:
    """The prints after the last anchor: what is printed at it belongs to before."""
    last = None if anchor is None else last_anchor(anchor, at.now.ts)
    return [(w, r) for w, r in prints if last is None or r.key.ts > last]
