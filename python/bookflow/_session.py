"""A session's text as what the core computes with: times of day and changes of the offset."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final

from bookflow.errors import InputError

__all__ = ["Schedule", "schedule"]

Schedule = tuple[str, int, int, tuple[tuple[int, int], ...]]
"""(text, start, end, changes): ns after local midnight (end -1: none), (from ns UTC, offset ns)."""

_TEXT: Final = re.compile(r"(\d{1,2}):(\d{2})(?:-(\d{1,2}):(\d{2}))?\s+(\S+)")
_RULE: Final = 'a session is like "09:30-16:00 America/New_York" or "00:00 UTC"'
_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_BEGINNING: Final = -(2**63)


def schedule(text: str | None) -> Schedule | None:
    """What the core needs to know of a session; InputError when the text is none."""
    if text is None:
        return None
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise InputError(_RULE, field="session", value=text)
    start = _time_of_day(match[1], match[2], text)
    end = -1 if match[3] is None else _time_of_day(match[3], match[4], text)
    if start == end:
        raise InputError("begins and ends at the same time", field="session", value=text)
    if start == 24 * 60 * _MINUTE:
        raise InputError("24:00 is an end, no start", field="session", value=text)
    # most pipelines have no session, and zones take time to import
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        zone = ZoneInfo(match[5])
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"there is no time zone {match[5]!r} here (a system without zones needs"
            " `pip install tzdata`)",
            field="session",
            value=text,
        ) from error
    return " ".join(text.split()), start, end, _changes(zone)


def _time_of_day(hour: str, minute: str, text: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > 24 * 60:
        raise InputError(_RULE, field="session", value=text)
    return total * _MINUTE


@lru_cache
def _changes(zone: tzinfo) -> tuple[tuple[int, int], ...]:
    """Every change of the offset from 1970 to 2100, each found to the second by halving."""
    changes = [(_BEGINNING, _offset(zone, _FIRST))]
    moment = _FIRST
    while moment < _LAST:
        later = moment + timedelta(days=21)  # no zone changes twice in three weeks
        before, after = _offset(zone, moment), _offset(zone, later)
        if before != after:
            low, high = moment, later
            while high - low > timedelta(seconds=1):
                middle = (low + (high - low) / 2).replace(microsecond=0)
                if _offset(zone, middle) == before:
                    low = middle
                else:
                    high = middle
            changes.append((int(high.timestamp()) * _SECOND, after))
        moment = later
    return tuple(changes)


def _offset(zone: tzinfo, moment: datetime) -> int:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None, "a moment in a zone has an offset"
    return int(offset.total_seconds()) * _SECOND
