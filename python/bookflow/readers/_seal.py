"""A checksum over a whole file that stands in the file itself.

A Parquet file whose pages are damaged can make its decoder ask for so much memory that the process
ends. The files written here are sealed, and a broken seal is found before anything is decoded.
"""

import re
import zlib
from pathlib import Path
from typing import Final

from bookflow.errors import InputError

__all__ = ["BLANK", "check_seal", "seal"]

BLANK: Final = "bookflow-crc32:" + "-" * 8
"""What is written in the file's metadata, for `seal` to fill in."""

_SEAL: Final = re.compile(rb"bookflow-crc32:([0-9a-f]{8})")
# The metadata is at the end: the footer of a file of our own columns is far shorter.
_TAIL: Final = 1 << 20
_BLOCK: Final = 1 << 20


def seal(path: Path) -> None:
    """Puts the checksum of the file, as it is with the blank, in the blank's place."""
    digits = f"{_checksum(path, None):08x}".encode()
    start, tail = _tail(path)
    place = start + tail.rindex(BLANK.encode()) + len(BLANK) - len(digits)
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(digits)


def check_seal(path: Path) -> None:
    """InputError if the file has a seal that is not its own. Files of others have none."""
    start, tail = _tail(path)
    seals = list(_SEAL.finditer(tail))
    if not seals:
        return
    found = seals[-1]
    if _checksum(path, start + found.start(1)) != int(found[1], 16):
        raise InputError("is damaged: its checksum is another", source=path.name)


def _tail(path: Path) -> tuple[int, bytes]:
    start = max(0, path.stat().st_size - _TAIL)
    with open(path, "rb") as file:
        file.seek(start)
        return start, file.read()


def _checksum(path: Path, blank: int | None) -> int:
    """CRC-32 of the file, with the eight digits from `blank` on taken as blank."""
    value = at = 0
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            if blank is not None and at - 8 < blank < at + len(block):
                changed = bytearray(block)
                for place in range(max(blank, at), min(blank + 8, at + len(block))):
                    changed[place - at] = ord("-")
                block = bytes(changed)
            value = zlib.crc32(block, value)
            at += len(block)
    return value
