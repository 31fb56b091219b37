"""The envelope of every saved state, for what is written in Python: the core's `state.hpp`.

"BKFL", version (u16), CRC-32 of the body (u32), its length (u64), and the body: what it is as a
text with its length before it, then the rest. All little-endian.
"""

import struct
import zlib
from typing import Final

from bookflow._core import STATE_VERSION
from bookflow.errors import StateError

__all__ = ["kind_of", "opened", "sealed"]

_MAGIC: Final = b"BKFL"
_HEADER: Final = struct.Struct("<4sHIQ")
_LENGTH: Final = struct.Struct("<Q")


def sealed(what: str, content: bytes) -> bytes:
    """The bytes of a saved state of this kind."""
    name = what.encode()
    body = _LENGTH.pack(len(name)) + name + content
    return _HEADER.pack(_MAGIC, STATE_VERSION, zlib.crc32(body), len(body)) + body


def kind_of(state: bytes) -> str:
    """What a saved state is of; StateError if it is none, of another version, or damaged."""
    return _parts(state)[0]


def opened(what: str, state: bytes) -> bytes:
    """What `sealed` was given; StateError if the bytes are not that."""
    kind, content = _parts(state)
    if kind != what:
        raise StateError(f"saved state of {kind}, expected one of {what}")
    return content


def _parts(state: bytes) -> tuple[str, bytes]:
    if not isinstance(state, bytes):
        raise TypeError(f"a saved state is bytes, not {type(state).__name__}")
    if len(state) < _HEADER.size or state[:4] != _MAGIC:
        raise StateError("these bytes are no saved state of bookflow")
    _, version, crc, length = _HEADER.unpack_from(state)
    if version != STATE_VERSION:
        rule = f"saved by state version {version}, this package reads version {STATE_VERSION}"
        raise StateError(rule)
    body = state[_HEADER.size :]
    if len(body) != length:
        raise StateError(f"saved state of {length} bytes, {len(body)} are here")
    if zlib.crc32(body) != crc:
        raise StateError("saved state is damaged (CRC differs)")
    if len(body) < _LENGTH.size:
        raise StateError("saved state ends too early")
    end = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    if end > len(body):
        raise StateError("saved state: a length exceeds the bytes")
    try:
        return body[_LENGTH.size : end].decode(), body[end:]
    except UnicodeDecodeError:
        raise StateError("saved state: a text is not UTF-8") from None
