"""A file's bytes in bounded pieces, decompressed if it is gzip, xz, zstd or a zip of one file.

What the file is its first bytes tell, not its name. Compressed bytes are taken a little at a time,
so that a bomb cannot fill the memory, and all that came before damage is given before the error.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from bookflow._optional import need
from bookflow.errors import InputError

__all__ = ["is_compressed", "lines", "pieces"]

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


_ZIP: Final = b"PK\x03\x04"


def is_compressed(path: Path) -> bool:
    """Whether the file is one of the compressed kinds, whose end is no accident."""
    with open(path, "rb") as file:
        return file.read(6).startswith((*_KINDS, _ZIP))


def pieces(path: Path, size: int) -> Iterator[bytes]:
    """The bytes of the file, about `size` at a time."""
    with open(path, "rb") as file:
        magic = file.read(6)
        file.seek(0)
        if magic.startswith(_ZIP):
            yield from _unzipped(file, size, path.name)
            return
        for start, kind in _KINDS.items():
            if magic.startswith(start):
                yield from _decompressed(file, kind, size, path.name)
                return
        while piece := file.read(size):
            yield piece


def lines(path: Path, longest: int) -> Iterator[bytes]:
    """The lines of the file without their ends; one of more than `longest` bytes is an error."""
    rest, number = b"", 0
    for piece in pieces(path, 1 << 20):
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            _bounded(line, longest, number, path.name)
            yield line.removesuffix(b"\r")
            number += 1
        _bounded(rest, longest, number, path.name)
    if rest:
        yield rest


def _bounded(line: bytes, longest: int, number: int, source: str) -> None:
    if len(line) > longest:
        raise InputError(f"is longer than {longest} bytes", source=source, row=number)


def _unzipped(file: Any, size: int, source: str) -> Iterator[bytes]:
    import zipfile
    import zlib

    made, most = 0, _FREE + file.seek(0, 2) * _LARGEST_RATIO
    try:
        with zipfile.ZipFile(file) as archive:
            names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
            if len(names) != 1:
                raise InputError(f"must hold one file, not {len(names)}", source=source)
            with archive.open(names[0]) as entry:
                while piece := entry.read(size):
                    made += len(piece)
                    if made > most:
                        raise InputError(f"becomes more than {made} bytes", source=source)
                    yield piece
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"its compression is damaged ({error})", source=source) from None


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
