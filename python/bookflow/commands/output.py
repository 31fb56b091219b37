"""Feature rows to a file, as they come.

Rows are kept in a temporary directory beside the wanted file, in parts so that they may be more
than memory holds, and the file takes its name only when all of it is there: a job that fails
leaves no half of a file, and an older file as it was.
"""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bookflow._optional import need
from bookflow.errors import InputError
from bookflow.frame import FeatureFrame

PART_ROWS = 1 << 20
_COPY = 1 << 22  # bytes at a time


@contextmanager
def written(path: Path, inside: Path | None = None) -> Iterator[Path]:
    """A path to write to, in a directory of its own; it becomes `path` when the block ends well.

    The directory is made `inside` another, or beside `path`.
    """
    beside = inside or path.parent
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=beside) as directory:
        whole = Path(directory) / f"whole{path.suffix}"
        yield whole
        with failures(path):
            with whole.open("rb") as file:
                os.fsync(file.fileno())  # a name must not outlive a crash that its content does not
            os.replace(whole, path)


@contextmanager
def failures(path: Path) -> Iterator[None]:
    """Whatever keeps `path`, or a part of it, from being written is an OSError that names it."""
    polars = sys.modules.get("polars")  # a full disk is an error of its own there
    kinds = (OSError,) if polars is None else (OSError, polars.exceptions.PolarsError)
    try:
        yield
    except kinds as error:
        root = error.__cause__ or error
        reason = getattr(root, "strerror", None) or str(root).partition("\n")[0]
        raise OSError(f"{path}: cannot be written: {reason}") from error


def check_name(path: Path) -> None:
    """InputError if no rows can be written there."""
    if path.suffix not in _JOIN:
        raise InputError(f"its name must end in {', '.join(_JOIN)}", field="--out", value=str(path))
    if path.suffix != ".npy":
        need("polars", "io")
    if not path.parent.is_dir():
        raise InputError("there is no such directory", field="--out", value=str(path))


@contextmanager
def output(path: Path, inside: Path | None = None) -> Iterator["Rows"]:
    """Takes the rows of a file that is there when the block ends well."""
    check_name(path)
    with written(path, inside) as whole:
        rows = Rows(path, whole)
        yield rows
        rows.join()


class Rows:
    """Rows on their way to `path`, in parts beside `whole` until they are joined there."""

    def __init__(self, path: Path, whole: Path) -> None:
        self.count = 0
        self._path = path
        self._whole = whole
        self._frames: list[FeatureFrame] = []
        self._held = 0
        self._parts: list[Path] = []

    def write(self, frame: FeatureFrame) -> None:
        self._frames.append(frame)
        self._held += len(frame)
        self.count += len(frame)
        if self._held >= PART_ROWS:
            self._spill()

    def join(self) -> None:
        """All rows have come."""
        if self._held or not self._parts:
            self._spill()
        with failures(self._path):
            if len(self._parts) == 1:
                os.replace(self._parts[0], self._whole)
            else:
                _JOIN[self._path.suffix](self._parts, self._whole)

    def _spill(self) -> None:
        part = self._whole.with_name(f"part{len(self._parts)}{self._path.suffix}")
        frame = FeatureFrame.concat(self._frames)
        with failures(self._path):
            getattr(frame, f"write_{self._path.suffix[1:]}")(part)
        self._parts.append(part)
        self._frames, self._held = [], 0


def _join_parquet(parts: Sequence[Path], whole: Path) -> None:
    polars = need("polars", "io")
    metadata = polars.read_parquet_metadata(parts[0])
    metadata.pop("ARROW:schema", None)
    polars.scan_parquet(parts).sink_parquet(whole, metadata=metadata)


def _join_csv(parts: Sequence[Path], whole: Path) -> None:
    with whole.open("wb") as out:
        for number, part in enumerate(parts):
            with part.open("rb") as lines:
                if number:
                    lines.readline()
                while block := lines.read(_COPY):
                    out.write(block)


def _join_npy(parts: Sequence[Path], whole: Path) -> None:
    arrays = [np.load(part, mmap_mode="r") for part in parts]
    header = np.lib.format.header_data_from_array_1_0(arrays[0])
    header["shape"] = (sum(map(len, arrays)),)
    with whole.open("wb") as out:  # not mapped: a full disk is an error here, a signal there
        np.lib.format.write_array_header_2_0(out, header)
        for array in arrays:
            for start in range(0, len(array), PART_ROWS):
                out.write(array[start : start + PART_ROWS].tobytes())


_JOIN = {".parquet": _join_parquet, ".csv": _join_csv, ".npy": _join_npy}
