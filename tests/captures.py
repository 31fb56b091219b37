"""Packet captures of IEX DEEP, made by hand."""

import struct
from collections.abc import Iterable

NOW = 1_700_000_000 * 10**9


def message(kind: str, symbol: str = "", *values: int, flags: int = 0, ts: int = NOW) -> bytes:
    """One message of DEEP 1.0; `values` are what follows the symbol."""
    layout = {"8": "<Iq", "5": "<Iq", "T": "<Iqq", "B": "<Iqq", "X": "<q", "P": "<B", "H": "<4s"}
    head = kind.encode() + struct.pack("<Bq", flags, ts)
    if kind == "S":
        return head
    head += symbol.encode().ljust(8)
    if kind == "D":
        return head + struct.pack("<IqB", 100, 1_000_000, 1)
    if kind == "A":
        return head + bytes(62)
    if kind == "H":
        return head + b"    "
    return head + struct.pack(layout[kind], *values) if kind in layout else head


def segment(
    messages: Iterable[bytes],
    sequence: int,
    offset: int,
    *,
    session: int = 1,
    channel: int = 1,
    protocol: int = 0x8004,
) -> bytes:
    """A payload of IEX-TP: its header and messages with their lengths."""
    framed = [struct.pack("<H", len(m)) + m for m in messages]
    body = b"".join(framed)
    head = struct.pack(
        "<BBHIIHHqqq",
        *(1, 0, protocol, channel, session, len(body), len(framed), offset, sequence, NOW),
    )
    return head + body


def feed(packets: Iterable[Iterable[bytes]], sequence: int = 1, session: int = 1) -> list[bytes]:
    """Segments that follow each other without a gap."""
    made, offset = [], 1000 * (sequence - 1)
    for messages in packets:
        messages = list(messages)
        made.append(segment(messages, sequence, offset, session=session))
        sequence += len(messages)
        offset += len(made[-1]) - 40
    return made


def udp(payload: bytes, *, vlan: bool = False, protocol: int = 17) -> bytes:
    """The payload in UDP in IPv4 in Ethernet."""
    datagram = struct.pack(">HHHH", 10378, 10378, 8 + len(payload), 0) + payload
    length, host = 20 + len(datagram), bytes(4)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, protocol, 0) + 2 * host
    return bytes(12) + (b"\x81\0\0\1" if vlan else b"") + b"\x08\0" + ip + datagram


def pcap(
    payloads: Iterable[bytes],
    *,
    order: str = "<",
    nanos: bool = False,
    vlan: bool = False,
    link: int = 1,
) -> bytes:
    """A classic capture; packets come a millisecond after each other."""
    magic = 0xA1B23C4D if nanos else 0xA1B2C3D4
    made = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link)]
    for i, payload in enumerate(payloads):
        frame = udp(payload, vlan=vlan)
        frame = {1: b"", 101: b"", 113: bytes(14) + b"\x08\0", 276: b"\x08\0" + bytes(18)}[link] + (
            frame if link == 1 else frame[14:]
        )
        part = i * 1_000_000 if nanos else i % 1000 * 1_000
        made.append(struct.pack(order + "IIII", NOW // 10**9, part, len(frame), len(frame)) + frame)
    return b"".join(made)


def pcapng(payloads: Iterable[bytes], *, order: str = "<") -> bytes:
    """The same capture in pcapng, in nanoseconds, with a block of another kind between."""

    def block(kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + length + body + length

    made = [block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    options = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0)
    made.append(block(1, struct.pack(order + "HHI", 1, 0, 0) + options))
    for i, payload in enumerate(payloads):
        frame = udp(payload)
        ts = NOW + i * 1_000_000
        head = struct.pack(order + "IIIII", 0, ts >> 32, ts & 0xFFFFFFFF, len(frame), len(frame))
        made += [block(6, head + frame), block(5, bytes(12))]
    return b"".join(made)


def session() -> list[bytes]:
    """A small whole session of ACME and ZORK."""
    return feed(
        [
            [
                message("S", flags=ord("O")),
                message("D", "ACME"),
                message("H", "ACME", flags=ord("T")),
                message("H", "ZORK", flags=ord("H")),
                message("P", "ACME", 0),
                message("E", "ACME", flags=ord("O")),
            ],
            [message("8", "ACME", 100, 1_000_000, flags=1)],
            [message("5", "ACME", 200, 1_000_500, flags=1)],
            [],
            [
                message("T", "ACME", 150, 1_000_500, 7, flags=0x20),
                message("5", "ACME", 50, 1_000_500, flags=0),
                message("5", "ACME", 80, 1_000_700, flags=1),
            ],
            [
                message("O", "ZORK", flags=ord("O")),
                message("H", "ZORK", flags=ord("P")),
                message("8", "ZORK", 10, 9_900, flags=1),
            ],
            [
                message("B", "ACME", 150, 1_000_500, 7),
                message("X", "ACME", 1_000_000, flags=ord("Q")),
                message("I", "ACME", flags=ord("A")),
                message("A", "ACME"),
                message("T", "ACME", 10, 1_000_250, 8, flags=0xC8),
            ],
        ]
    )
