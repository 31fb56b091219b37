"""A stream as ITCH 5.0 bytes: what peers that read files of Nasdaq are given."""

import numpy as np

from bench.streams import Columns

STOCK = b"BENCH   "
TICK = 100  # a cent, in ITCH's units: finer prices are not taken above a dollar
DAY = 34_200 * 1_000_000_000  # ns after midnight

_HEAD = [("length", ">u2"), ("type", "S1"), ("locate", ">u2"), ("tracking", ">u2"), ("ts", "V6")]
_ID = [("id", ">u8")]
ADD = np.dtype([*_HEAD, *_ID, ("side", "S1"), ("shares", ">u4"), ("stock", "S8"), ("price", ">u4")])
EXECUTE = np.dtype([*_HEAD, *_ID, ("shares", ">u4"), ("match", ">u8")])
CANCEL = np.dtype([*_HEAD, *_ID, ("shares", ">u4")])
DELETE = np.dtype([*_HEAD, *_ID])
KINDS = {1: (b"A", ADD), 2: (b"X", CANCEL), 3: (b"D", DELETE), 5: (b"E", EXECUTE)}


def encoded(columns: Columns) -> bytes:
    """A system event and the directory entry, then one message a row (all of locate 1)."""
    sizes = np.zeros(256, np.int64)
    for kind, (_, dtype) in KINDS.items():
        sizes[kind] = dtype.itemsize
    lengths = sizes[columns.action]
    assert lengths.all()
    ends = np.cumsum(lengths)
    out = np.zeros(int(ends[-1]), np.uint8)
    stamps = (columns.ts - columns.ts[0] + DAY).astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    for kind, (letter, dtype) in KINDS.items():
        rows = np.flatnonzero(columns.action == kind)
        block = np.zeros(len(rows), dtype)
        block["length"] = dtype.itemsize - 2
        block["type"] = letter
        block["locate"] = 1
        block["ts"] = np.ascontiguousarray(stamps[rows]).view("V6")[:, 0]
        block["id"] = columns.order_id[rows]
        if kind != 3:
            block["shares"] = columns.size[rows]
        if kind == 1:
            block["side"] = np.where(columns.side[rows] == 1, b"B", b"S")
            block["stock"] = STOCK
            block["price"] = columns.price[rows] * TICK
        places = (ends - lengths)[rows][:, None] + np.arange(dtype.itemsize)
        out[places] = block.view(np.uint8).reshape(len(rows), dtype.itemsize)
    return _system(b"O") + _directory() + _system(b"Q") + out.tobytes()


def _message(kind: bytes, locate: int, rest: bytes) -> bytes:
    body = kind + locate.to_bytes(2) + b"\0\0" + DAY.to_bytes(6) + rest
    return len(body).to_bytes(2) + body


def _system(code: bytes) -> bytes:
    return _message(b"S", 0, code)


def _directory() -> bytes:
    rest = STOCK + b"Q" + b"N" + (100).to_bytes(4) + b"N" + b"C" + b"Z " + b"P" + b"N" + b"N"
    return _message(b"R", 1, rest + b"1" + b"N" + (0).to_bytes(4) + b"N")
