"""Midnight of a trading day in New York."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bookflow.errors import InputError

__all__ = ["Midnight", "midnight_before"]

_ZONE: Final = "America/New_York"


@dataclass(frozen=True, slots=True)
class Midnight:
    """A New York trading day, and its midnight in nanoseconds since the epoch."""

    day: date
    ns: int

    @classmethod
    def of(cls, value: object, source: str) -> "Midnight":
        try:
            day = value if isinstance(value, date) else date.fromisoformat(str(value))
        except ValueError:
            raise InputError(
                "must be a date such as 2012-06-21", source=source, field="date", value=value
            ) from None
        # The day's offset is noon's: clocks change in the night, never while there is trading.
        offset = datetime.combine(day, time(12), _zone()).utcoffset()
        assert offset is not None
        midnight = datetime.combine(day, time(0), UTC) - offset
        return cls(day, int(midnight.timestamp()) * 1_000_000_000)


def midnight_before(ts: int) -> int:
    """Of the day in New York in which this time lies, both in nanoseconds since the epoch."""
    local = datetime.fromtimestamp(ts // 1_000_000_000, UTC).astimezone(_zone())
    return Midnight.of(local.date(), "").ns


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(_ZONE)
    except ZoneInfoNotFoundError as error:
        raise ImportError(f"no time zone data for {_ZONE}: pip install tzdata") from error
