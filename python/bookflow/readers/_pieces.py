"""A file's bytes in bounded pieces, decompressed if it is compressed (gzip, xz, zstd).

What the file is its first bytes tell, not its name. Compressed bytes are taken a little at a time,
so that a bomb cannot fill the memory, and all that came before damage is given before the error.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bookflow._optional import need
from bookflow.errors import InputError

__all__ = ["is_compressed", "pieces"]

_COMPRESSED: Final = 4096
# A thousandfold is far beyond what market data compress to, and far below what a bomb does.
_LARGEST_RATIO: Final = 1000
_FREE: Final = 64 << 20


def _gzip() -> tuple[Any, tuple[type[Exception], ...]]:
    import zlib  # only for files of the kind, as the others

    return zlib.decompressobj(31), (zlib.error,)


def _xz() -> tuple[Any, tuple[type[Exception], ...]]:
    import lzma

    return lzma.LZMADecompressor(memlimit=1 << 28), (lzma.LZMAError,)


def _zstd() -> tuple[Any, tuple[type[Exception], ...]]:
    zstandard = need("zstandard", "io")
    decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    return decompressor.decompressobj(), (zstandard.ZstdError,)


_KINDS: Final[dict[bytes, Callable[[], tuple[Any, tuple[type[Exception], ...]]]]] = {
    b"\x1f\x8b": _gzip,
    b"\xfd7zXZ\x00": _xz,
    b"\x28\xb5\x2f\xfd": _zstd,
}


def is_compressed(path: Path) -> bool:
    """Whether the file is one of the compressed kinds, whose end is no accident."""
    with open(path, "rb") as file:
        return file.read(6).startswith(tuple(_KINDS))


def pieces(path: Path, size: int) -> Iterator[bytes]:
    """The bytes of the file, about `size` at a time."""
    with open(path, "rb") as file:
        magic = file.read(6)
        file.seek(0)
        for start, kind in _KINDS.items():
            if magic.startswith(start):
                yield from _decompressed(file, kind, size, path.name)
                return
        while piece := file.read(size):
            yield piece


def _decompressed(
    file: Any, kind: Callable[[], tuple[Any, tuple[type[Exception], ...]]], size: int, source: str
) -> Iterator[bytes]:
    stream, errors = kind()
    done: list[bytes] = []
    held = taken = made = 0
    fault = None
    while fault is None and (piece := file.read(_COMPRESSED)):
        taken += len(piece)
        while piece:
            if stream.eof:  # several streams stand one behind the other
                stream, _ = kind()
            try:
                done.append(stream.decompress(piece))
            except errors as error:
                fault = f"its compression is damaged before byte {taken} ({error})"
                break
            held += len(done[-1])
            made += len(done[-1])
            if made > _FREE + taken * _LARGEST_RATIO:
                fault = f"{taken} compressed bytes become more than {made}"
                break
            piece = stream.unused_data if stream.eof else b""
        if held >= size:
            yield b"".join(done)
            done, held = [], 0
    if fault is None and not stream.eof:
        fault = f"its compressed data ends unfinished at byte {taken}"
    if held:
        yield b"".join(done)
    if fault:
        raise InputError(fault, source=source)
