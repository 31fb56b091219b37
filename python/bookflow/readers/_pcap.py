"""UDP datagrams of a packet capture (pcap or pcapng, also compressed), a block at a time.

Where a packet begins only the one before tells, so these are walked; what stands inside is then
found for all packets of a block at once. Everything is checked against the captured length.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bookflow.errors import InputError
from bookflow.readers._pieces import pieces

__all__ = ["Bytes", "Datagrams", "datagrams"]

_READ: Final = 4 << 20
# Longer than any packet that a network carries; a length beyond it is damage.
_LONGEST: Final = 1 << 18

_CLASSIC: Final = {
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
_NG: Final = b"\x0a\x0d\x0d\x0a"
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6

# Link types (Ethernet, Linux cooked 1 and 2, raw IP): bytes before the network header, and where in
# them its type stands.
_LINKS: Final = {1: (14, 12), 113: (16, 14), 276: (20, 0), 101: (0, None), 228: (0, None)}
_IPV4: Final = 0x0800
_VLAN: Final = (0x8100, 0x88A8)
_UDP: Final = 17

Packet = tuple[int, int, int, int]
"""Where the packet's bytes begin, how many there are, its time and its link type."""


class Bytes:
    """A block of bytes, read at many places at once; a place outside reads what is nearest."""

    def __init__(self, data: bytes) -> None:
        self.data = np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8)

    def at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.data.take(places, mode="clip").astype(np.int64)

    def big16(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.at(places) << 8 | self.at(places + 1)

    def little16(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.at(places) | self.at(places + 1) << 8

    def rows(self, places: NDArray[np.int64], dtype: np.dtype[np.void]) -> NDArray[np.void]:
        """Structures at these places, which must be inside."""
        index = places[:, None] + np.arange(dtype.itemsize)
        rows: NDArray[np.void] = self.data[index].view(dtype)[:, 0]
        return rows


@dataclass(slots=True)
class Datagrams:
    """The UDP payloads of a block.

    Attributes
    ----------
    data
        The block.
    start, length
        Where each payload begins in it, and its length.
    ts
        Capture times, nanoseconds since the epoch.
    number
        Number of its packet in the file, from 0.
    offset
        Where in the (decompressed) file the block begins.
    others
        Packets that hold no UDP datagram of IPv4, or only a fragment of one.
    """

    data: Bytes
    start: NDArray[np.int64]
    length: NDArray[np.int64]
    ts: NDArray[np.int64]
    number: NDArray[np.int64]
    offset: int
    others: int

    def first(self, count: int) -> "Datagrams":
        """The first `count` of them."""
        return self.picked(np.arange(count))

    def picked(self, rows: NDArray[np.int64]) -> "Datagrams":
        """These of them."""
        return Datagrams(
            self.data,
            self.start[rows],
            self.length[rows],
            self.ts[rows],
            self.number[rows],
            self.offset,
            self.others,
        )


def datagrams(path: Path) -> Iterator[Datagrams]:
    """All datagrams of the file. What is whole before a fault is given before the error."""
    number = 0
    for data, offset, packets in _blocks(path):
        found, fault = _payloads(path.name, data, offset, packets, number)
        yield found
        if fault is not None:
            raise fault
        number += len(packets)


def _blocks(path: Path) -> Iterator[tuple[bytes, int, list[Packet]]]:
    reader: _Classic | _Ng | None = None
    rest, offset, number = b"", 0, 0
    fault: InputError | None = None
    source = pieces(path, _READ)
    while True:
        # What was whole before a damaged piece is still given.
        try:
            piece = next(source, None)
        except InputError as error:
            fault = error
            break
        if piece is None:
            break
        data = rest + piece if rest else piece
        if reader is None:
            if len(data) < 24:
                rest = data
                continue
            reader = _opened(path.name, data)
        packets, at, fault = reader.walk(data, offset, number)
        yield data, offset, packets
        number += len(packets)
        offset += at
        rest = data[at:]
        if fault is not None:
            break
    if fault is None and reader is None:
        what = "is empty" if not rest else f"ends in its header, at byte {len(rest)}"
        fault = InputError(what, source=path.name)
    if fault is None and rest:
        rule = f"ends inside a packet: {len(rest)} bytes from byte {offset} on"
        fault = InputError(rule, source=path.name, row=number, field="packet")
    if fault is not None:
        raise fault


def _opened(source: str, data: bytes) -> "_Classic | _Ng":
    if data[:4] in _CLASSIC:
        return _Classic(source, data)
    if data[:4] == _NG:
        return _Ng(source)
    raise InputError("is no packet capture (pcap or pcapng)", source=source)


class _Classic:
    """pcap: a header of 24 bytes, then packets."""

    def __init__(self, source: str, data: bytes) -> None:
        self._source = source
        order, self._ns = _CLASSIC[data[:4]]
        self._link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
        self._header = struct.Struct(order + "IIII")
        self._body = 24

    def walk(
        self, data: bytes, offset: int, number: int
    ) -> tuple[list[Packet], int, InputError | None]:
        """The whole packets of `data`, and where the rest begins."""
        packets: list[Packet] = []
        at, end, ns, link = self._body, len(data) - 16, self._ns, self._link
        unpack = self._header.unpack_from
        self._body = 0
        while at <= end:
            seconds, part, length, _ = unpack(data, at)
            if length > _LONGEST or part * ns >= 1_000_000_000:
                what = ("length", length) if length > _LONGEST else ("time", part)
                rule = f"cannot be a packet's (at byte {offset + at})"
                row = number + len(packets)
                fault = InputError(rule, source=self._source, row=row, field=what[0], value=what[1])
                return packets, at, fault
            if at + 16 + length > len(data):
                break
            packets.append((at + 16, length, seconds * 1_000_000_000 + part * ns, link))
            at += 16 + length
        return packets, at, None


class _Ng:
    """pcapng: blocks, of which sections, interfaces and packets matter."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._order = "<"
        self._interfaces: list[tuple[int, int, int]] = []

    def walk(
        self, data: bytes, offset: int, number: int
    ) -> tuple[list[Packet], int, InputError | None]:
        """The whole packets of `data`, and where the rest begins."""
        packets: list[Packet] = []
        at = 0

        def fault(rule: str, field: str, value: object) -> InputError:
            row = number + len(packets)
            rule = f"{rule} (at byte {offset + at})"
            return InputError(rule, source=self._source, row=row, field=field, value=value)

        while at + 12 <= len(data):
            if data[at : at + 4] == _NG:
                magic = data[at + 8 : at + 12]
                if magic not in (b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"):
                    return packets, at, fault("is no byte order", "magic", magic.hex())
                self._order = "<" if magic[0] == 0x4D else ">"
                self._interfaces = []
            kind, length = struct.unpack_from(self._order + "II", data, at)
            if length < 12 or length % 4 or length > _LONGEST + 4096:
                return packets, at, fault("cannot be a block's", "length", length)
            if at + length > len(data):
                break
            body, end = at + 8, at + length - 4
            if struct.unpack_from(self._order + "I", data, end)[0] != length:
                return packets, at, fault("is not the length at the block's end", "length", length)
            if kind == _INTERFACE and end - body >= 8:
                self._interfaces.append(self._interface(data, body, end))
            elif kind == _SIMPLE:
                return packets, at, fault("has no time", "block type", kind)
            elif kind == _ENHANCED:
                if end - body < 20:
                    return packets, at, fault("is too short for a packet", "length", length)
                which, high, low, captured = struct.unpack_from(self._order + "IIII", data, body)
                if which >= len(self._interfaces):
                    return packets, at, fault("is no interface of the file", "interface", which)
                if captured > end - body - 20:
                    return packets, at, fault("is longer than its block", "length", captured)
                link, per_second, shift = self._interfaces[which]
                ts = (high << 32 | low) * 1_000_000_000 // per_second + shift
                if ts >= 2**63:
                    return packets, at, fault("is no time", "time", ts)
                packets.append((body + 20, captured, ts, link))
            at += length
        return packets, at, None

    def _interface(self, data: bytes, at: int, end: int) -> tuple[int, int, int]:
        """Link type, ticks a second, and nanoseconds to add."""
        (link,) = struct.unpack_from(self._order + "H", data, at)
        per_second, shift = 1_000_000, 0
        at += 8
        while at + 4 <= end:
            code, length = struct.unpack_from(self._order + "HH", data, at)
            value = data[at + 4 : at + 4 + length]
            if code == 9 and length == 1:
                power = value[0] & 0x7F
                per_second = 2 ** min(power, 63) if value[0] & 0x80 else 10 ** min(power, 18)
            elif code == 14 and length == 8:
                shift = struct.unpack(self._order + "q", value)[0] * 1_000_000_000
            elif code == 0:
                break
            at += 4 + (length + 3) // 4 * 4
        return link, per_second, shift


def _payloads(
    source: str, data: bytes, offset: int, packets: list[Packet], number: int
) -> tuple[Datagrams, InputError | None]:
    table = np.array(packets, np.int64).reshape(-1, 4)
    start, captured, ts, link = (np.ascontiguousarray(column) for column in table.T)
    block = Bytes(data)
    network, is_ipv4 = start.copy(), np.zeros(len(start), np.bool_)
    for kind in np.unique(link).tolist():
        if kind not in _LINKS:
            row = number + int(np.argmax(link == kind))
            fault = InputError(
                "is not read: Ethernet, Linux cooked and raw IP are",
                source=source,
                row=row,
                field="link type",
                value=kind,
            )
            none = start[:0]
            return Datagrams(block, none, none, none, none, offset, 0), fault
        mine = np.flatnonzero(link == kind)
        before, place = _LINKS[kind]
        network[mine] += before
        if place is None:
            is_ipv4[mine] = True
            continue
        carried = block.big16(start[mine] + place)
        for _ in range(2):
            tagged = np.isin(carried, _VLAN)
            network[mine[tagged]] += 4
            carried[tagged] = block.big16(network[mine[tagged]] - 2)
        is_ipv4[mine] = carried == _IPV4
    end = start + captured
    first = block.at(network)
    transport = network + (first & 15) * 4
    # More fragments may follow, or this one is not the first: then it is no whole datagram.
    whole = (block.big16(network + 6) & 0x3FFF) == 0
    is_udp = is_ipv4 & (first >> 4 == 4) & (block.at(network + 9) == _UDP) & whole
    is_udp &= transport + 8 <= end
    length = block.big16(transport + 4) - 8
    bad = is_udp & ((length < 0) | (transport + 8 + length > end))
    odd: InputError | None = None
    stop = len(start)
    if bad.any():
        stop = int(np.argmax(bad))
        rule = (
            f"is not what was captured: {int(end[stop] - transport[stop])} bytes "
            f"(at byte {offset + int(transport[stop])})"
        )
        odd = InputError(
            rule,
            source=source,
            row=number + stop,
            field="UDP length",
            value=int(length[stop]) + 8,
        )
    kept = np.flatnonzero(is_udp[:stop])
    found = Datagrams(
        block,
        transport[kept] + 8,
        length[kept],
        ts[kept],
        number + kept,
        offset,
        stop - len(kept),
    )
    return found, odd
