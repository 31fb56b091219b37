"""A small stream of ITCH 5.0, cut at every byte and with every bit flipped."""

from collections.abc import Callable

import numpy as np

from bookflow.errors import InputError

# Rows that there are before a fault, and the fault.
Read = Callable[[bytes], tuple[np.ndarray, InputError | None]]


def split(data: bytes) -> list[bytes]:
    """The messages, each with its length before it."""
    out = []
    while data:
        n = 2 + int.from_bytes(data[:2])
        out.append(data[:n])
        data = data[n:]
    return out


def survives(data: bytes, read: Read) -> None:
    """What is whole is read, then an error names the byte where the message at fault begins.

    A flipped bit may also make another message of it: then nothing before it is different.
    """
    starts = np.cumsum([0, *map(len, split(data))])
    whole, fault = read(data)
    assert fault is None
    rows = [len(read(data[:end])[0]) for end in starts]  # of the first messages
    assert rows[-1] == len(whole) > 0
    for n in range(len(data)):
        complete = int(np.searchsorted(starts, n, "right")) - 1
        found, fault = read(data[:n])
        assert len(found) == rows[complete]
        assert (found == whole[: len(found)]).all()
        if n in starts:
            assert fault is None
        else:
            assert fault is not None
            assert fault.offset == starts[complete]
            assert f"byte {starts[complete]}" in str(fault)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        at = int(np.searchsorted(starts, bit // 8, "right")) - 1
        found, fault = read(bytes(flipped))
        assert (found[: rows[at]] == whole[: rows[at]]).all()
        assert fault is None or (fault.offset is not None and fault.offset >= starts[at])
