"""IEX-TP 1 and DEEP 1.0: from datagrams to messages in their sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bookflow.errors import InputError
from bookflow.readers._pcap import Bytes, Datagrams, datagrams

__all__ = ["LENGTHS", "NAMES", "PRICED", "SHARED", "Messages", "messages"]

_DEEP: Final = 0x8004
_PROTOCOLS: Final = {0x8003: "TOPS", 0x8005: "DEEP+"}

_HEADER: Final = np.dtype(
    [
        ("version", "u1"),
        ("reserved", "u1"),
        ("protocol", "<u2"),
        ("channel", "<u4"),
        ("session", "<u4"),
        ("length", "<u2"),
        ("count", "<u2"),
        ("offset", "<i8"),
        ("sequence", "<i8"),
        ("send_time", "<i8"),
    ]
)

SHARED: Final = np.dtype([("type", "u1"), ("flags", "u1"), ("ts", "<i8"), ("symbol", "<u8")])
"""What all messages of a symbol begin with; the symbol's 8 letters as one number."""

PRICED: Final = np.dtype([*SHARED.descr, ("size", "<u4"), ("price", "<i8")])
"""A price level update, a trade report or a trade break, up to the price."""

NAMES: Final = {
    ord("S"): "system_event",
    ord("D"): "security_directory",
    ord("H"): "trading_status",
    ord("I"): "retail_liquidity",
    ord("O"): "operational_halt",
    ord("P"): "short_sale_restriction",
    ord("E"): "security_event",
    ord("8"): "price_level_update",
    ord("5"): "price_level_update",
    ord("T"): "trade_report",
    ord("X"): "official_price",
    ord("B"): "trade_break",
    ord("A"): "auction_information",
}

LENGTHS: Final = {
    letter: length
    for letters, length in (
        (b"S", 10),
        (b"IOE", 18),
        (b"P", 19),
        (b"H", 22),
        (b"X", 26),
        (b"85", 30),
        (b"D", 31),
        (b"TB", 38),
        (b"A", 80),
    )
    for letter in letters
}
_LENGTH_OF: Final = np.array([LENGTHS.get(letter, 1) for letter in range(256)])

_LEAST: Final = 3
"""The shortest message with its length: bytes of the stream that each lost one takes at least."""


@dataclass(slots=True)
class Messages:
    """Messages in the order of the feed, repeated ones left out.

    Attributes
    ----------
    data
        The block that they are in.
    start
        Where each begins in it.
    kind
        Its first byte.
    ts
        When its packet was captured.
    number
        Its packet's number in the file.
    gaps, sessions
        How many gaps and new sessions there were in the file before it.
    is_whole
        Whether the file begins with the first message of a session.
    counts
        Faults found, by name.
    """

    data: Bytes
    start: NDArray[np.int64]
    kind: NDArray[np.uint8]
    ts: NDArray[np.int64]
    number: NDArray[np.int64]
    gaps: NDArray[np.int64]
    sessions: NDArray[np.int64]
    is_whole: bool
    counts: dict[str, int]

    def shared(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """What these messages begin with."""
        return self.data.rows(self.start[rows], SHARED)

    def priced(self, rows: NDArray[np.int64]) -> NDArray[np.void]:
        """These price level updates, trade reports and breaks."""
        return self.data.rows(self.start[rows], PRICED)


@dataclass(slots=True)
class _Place:
    """What comes next in the feed."""

    sequence: int
    offset: int


class _Sequence:
    """Sequence numbers and stream offsets of the packets, in each session of each channel."""

    def __init__(self) -> None:
        self._next: dict[tuple[int, int], _Place] = {}
        self._session: dict[int, int] = {}
        self.gaps = 0
        self.sessions = 0
        self.starts_at: int | None = None

    def follow(
        self, header: NDArray[np.void]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], dict[str, int], int | None]:
        """For each packet: messages already seen, gaps and sessions before it; what was lost, and
        the packet whose numbers cannot be (None: all can).
        """
        keys = [header[name].astype(np.int64) for name in ("channel", "session")]
        sequence, count = header["sequence"].astype(np.int64), header["count"].astype(np.int64)
        offset, length = header["offset"].astype(np.int64), header["length"].astype(np.int64)
        seen = np.zeros(len(header), np.int64)
        is_gap = np.zeros(len(header), np.int64)
        is_new = np.zeros(len(header), np.int64)
        before_gaps, before_sessions = self.gaps, self.sessions
        lost = 0
        wrong = None
        changes = np.flatnonzero(np.diff(keys[0]) | np.diff(keys[1])) + 1
        # Runs of packets of one session of one channel: as a rule there is one run.
        for run in np.split(np.arange(len(header)), changes):
            if not len(run):
                continue
            key = int(keys[0][run[0]]), int(keys[1][run[0]])
            place = self._next.get(key)
            if place is None:
                place = _Place(int(sequence[run[0]]), int(offset[run[0]]))
                if self.starts_at is None:
                    self.starts_at = place.sequence
                elif place.sequence > 1:
                    # Of a session that is new here the beginning is missing.
                    place = _Place(1, 0)
                is_new[run[0]] = key[0] in self._session
            self._session[key[0]] = key[1]
            ends, ends_at = sequence[run] + count[run], offset[run] + length[run]
            expected = np.maximum.accumulate(np.r_[place.sequence, ends[:-1]])
            expected_at = np.maximum.accumulate(np.r_[place.offset, ends_at[:-1]])
            ahead, ahead_at = sequence[run] - expected, offset[run] - expected_at
            # Numbers and bytes of the stream go together: a damaged one does not pass for a gap.
            odd = (sequence[run] < 0) | (offset[run] < 0) | (np.sign(ahead) != np.sign(ahead_at))
            odd |= (ahead > 0) & (
                (ahead_at // _LEAST < ahead) | ((ahead_at - 1) // (1 << 16) >= ahead)
            )
            if odd.any():
                wrong = int(run[np.argmax(odd)])
                good = int(np.argmax(odd))
                run, ahead = run[:good], ahead[:good]
                ends, ends_at = ends[:good], ends_at[:good]
            lost += int(ahead[ahead > 0].sum())
            is_gap[run] = ahead > 0
            seen[run] = np.minimum(np.maximum(-ahead, 0), count[run])
            if len(run):
                self._next[key] = _Place(
                    max(place.sequence, int(ends.max())), max(place.offset, int(ends_at.max()))
                )
            if wrong is not None:
                break
        gaps, sessions = before_gaps + np.cumsum(is_gap), before_sessions + np.cumsum(is_new)
        self.gaps += int(is_gap.sum())
        self.sessions += int(is_new.sum())
        counts = {
            "gap": int(is_gap.sum()),
            "lost_messages": lost,
            "repeated_messages": int(seen[: len(seen) if wrong is None else wrong].sum()),
        }
        return seen, gaps, sessions, counts, wrong


def messages(path: Path) -> Iterator[Messages]:
    """All messages of the file. What is whole before a fault is given before the error."""
    sequence = _Sequence()
    other: tuple[int, int] | None = None
    for found in datagrams(path):
        deep, foreign, header, fault = _deep(path.name, found)
        if other is None:
            other = foreign
        seen, gaps, sessions, counts, wrong = sequence.follow(header)
        if wrong is not None:
            fault = InputError(
                "does not go with the stream offset "
                f"{int(header['offset'][wrong])} (at byte {deep.offset + int(deep.start[wrong])})",
                source=path.name,
                row=int(deep.number[wrong]),
                field="sequence number",
                value=int(header["sequence"][wrong]),
            )
            deep, header = deep.first(wrong), header[:wrong]
        start, packet, place, bad = _walked(path.name, deep, header)
        fault = bad or fault
        counts["other_packets"] = found.others + len(found.start) - len(deep.start)
        if fault is not None:
            counts["other_packets"] = found.others
        new = place >= seen[packet]
        start, packet = start[new], packet[new]
        kind = found.data.data[start] if len(start) else np.empty(0, np.uint8)
        yield Messages(
            found.data,
            start,
            kind,
            deep.ts[packet],
            deep.number[packet],
            gaps[packet],
            sessions[packet],
            sequence.starts_at in (None, 0, 1),
            {name: n for name, n in counts.items() if n},
        )
        if fault is not None:
            raise fault
    if sequence.starts_at is None:
        what = "" if other is None else f" (packet {other[0]}: {_protocol(other[1])})"
        raise InputError(f"holds no messages of DEEP 1.0{what}", source=path.name)


def _protocol(number: int) -> str:
    return f"protocol {number:#06x}, {_PROTOCOLS.get(number, 'unknown')}"


def _deep(
    source: str, found: Datagrams
) -> tuple[Datagrams, tuple[int, int] | None, NDArray[np.void], InputError | None]:
    """The datagrams of DEEP with their headers; the first foreign one, and a fault."""
    long = np.flatnonzero(found.length >= _HEADER.itemsize)
    header = found.data.rows(found.start[long], _HEADER)
    is_deep = (header["version"] == 1) & (header["protocol"] == _DEEP)
    foreign = None
    if not is_deep.all():
        first = int(np.argmin(is_deep))
        foreign = int(found.number[long[first]]), int(header["protocol"][first])
    rows = long[is_deep]
    header = header[is_deep]
    deep = found.picked(rows)
    wrong = header["length"] != deep.length - _HEADER.itemsize
    if not wrong.any():
        return deep, foreign, header, None
    row = int(np.argmax(wrong))
    fault = InputError(
        f"is not the datagram's, {int(deep.length[row]) - _HEADER.itemsize} "
        f"(at byte {deep.offset + int(deep.start[row])})",
        source=source,
        row=int(deep.number[row]),
        field="payload length",
        value=int(header["length"][row]),
    )
    return deep.first(row), foreign, header[:row], fault


def _walked(
    source: str, deep: Datagrams, header: NDArray[np.void]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], InputError | None]:
    """Where each message begins, its packet (in `deep`) and its place in it; and a fault.

    Step k finds the k-th message of all packets at once.
    """
    count = header["count"].astype(np.int64)
    at, end = deep.start + _HEADER.itemsize, deep.start + deep.length
    starts, packets, places = [], [], []
    bad = np.full(len(at), -1)
    rows = np.flatnonzero(count > 0)
    step = 0
    while len(rows):
        length = deep.data.little16(at[rows])
        begin = at[rows] + 2
        kind = deep.data.at(begin)
        wrong = (begin + length > end[rows]) | (length < _LENGTH_OF[kind])
        bad[rows[wrong]] = step
        starts.append(begin)
        packets.append(rows)
        places.append(np.full(len(rows), step))
        at[rows] = begin + length
        step += 1
        rows = rows[~wrong & (count[rows] > step)]
    bad[(bad < 0) & (at != end)] = 0
    fault = None
    if not starts:
        empty = np.empty(0, np.int64)
        starts, packets, places = [empty], [empty], [empty]
    start, packet, place = (np.concatenate(parts) for parts in (starts, packets, places))
    if (bad >= 0).any():
        row = int(np.argmax(bad >= 0))
        fault = InputError(
            f"its {int(count[row])} messages do not fill it as their lengths say "
            f"(at byte {deep.offset + int(deep.start[row])})",
            source=source,
            row=int(deep.number[row]),
            field="messages",
        )
        kept = packet < row
        start, packet, place = start[kept], packet[kept], place[kept]
    order = np.argsort(start, kind="stable")
    return start[order], packet[order], place[order], fault
