"""When a session begins and ends, in its place's own time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Span(NamedTuple):
    """One session: start <= ts < end."""

    start: int
    end: int


@dataclass(frozen=True)
class Session:
    """A parsed session: opening and closing times of each day; without a close, it is a day."""

    opens: time
    closes: time | None
    zone: ZoneInfo

    def containing(self, ts: int) -> Span | None:
        """The session `ts` is inside of.

        New York opens at 13:30 UTC in summer and at 14:30 in winter:

        >>> hours = parse_session("09:30-16:00 America/New_York")
        >>> for month in (7, 1):
        ...     noon = datetime(2024, month, 2, 15, tzinfo=UTC)
        ...     span = hours.containing(int(noon.timestamp()) * 10**9)
        ...     print(datetime.fromtimestamp(span.start // 10**9, UTC).time())
        13:30:00
        14:30:00
        """
        day = (_EPOCH + timedelta(microseconds=ts // 1000)).astimezone(self.zone).date()
        for offset in (-1, 0, 1):
            start_day = day + timedelta(days=offset)
            span = Span(self._at(start_day, self.opens), self._end(start_day))
            if span.start <= ts < span.end:
                return span
        return None

    def _end(self, start_day: date) -> int:
        if self.closes is None:
            return self._at(start_day + timedelta(days=1), self.opens)
        overnight = self.closes <= self.opens
        return self._at(start_day + timedelta(days=overnight), self.closes)

    def _at(self, day: date, clock: time) -> int:
        moment = datetime.combine(day, clock, tzinfo=self.zone)
        return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def parse_session(text: str) -> Session:
    """`HH:MM-HH:MM ZONE`, over midnight if the close is not after the open, or `HH:MM ZONE`."""
    hours, _, zone = text.partition(" ")
    opens, _, closes = hours.partition("-")
    return Session(_time(opens), _time(closes) if closes else None, ZoneInfo(zone))


def _time(text: str) -> time:
    return datetime.strptime(text, "%H:%M").time()
