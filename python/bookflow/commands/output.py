"""Feature rows to a file, as they come.

Rows are kept in a temporary directory beside the wanted file, in parts so that they may be more
than memory holds, and the file takes its name only when all of it is there: a job that fails
leaves no half of a file, and an older file as it was.
"""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from bookflow._optional import need
from bookflow.errors import InputError
from bookflow.frame import FeatureFrame

PART_ROWS = 1 << 20
_COPY = 1 << 22  # bytes at a time


class Output:
    """A file of feature rows, written when the `with` block ends well."""

    def __init__(self, path: Path) -> None:
        if path.suffix not in _JOIN:
            raise InputError(
                f"its name must end in {', '.join(_JOIN)}", field="--out", value=str(path)
            )
        if path.suffix != ".npy":
            need("polars", "io")
        self.rows = 0
        self._path = path
        self._frames: list[FeatureFrame] = []
        self._held = 0
        self._parts: list[Path] = []

    def __enter__(self) -> Self:
        if not self._path.parent.is_dir():
            raise InputError("there is no such directory", field="--out", value=str(self._path))
        self._directory = tempfile.TemporaryDirectory(
            prefix=f".{self._path.name}.", dir=self._path.parent
        )
        return self

    def write(self, frame: FeatureFrame) -> None:
        self._frames.append(frame)
        self._held += len(frame)
        self.rows += len(frame)
        if self._held >= PART_ROWS:
            self._spill()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._directory as directory:
            if kind is not None:
                return
            if self._held or not self._parts:
                self._spill()
            whole = self._parts[0]
            if len(self._parts) > 1:
                whole = Path(directory) / f"whole{self._path.suffix}"
                _JOIN[self._path.suffix](self._parts, whole)
            with whole.open("rb") as file:
                os.fsync(file.fileno())  # a name must not outlive a crash that its content does not
            os.replace(whole, self._path)

    def _spill(self) -> None:
        part = Path(self._directory.name) / f"{len(self._parts)}{self._path.suffix}"
        frame = FeatureFrame.concat(self._frames)
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
    shape = (sum(len(array) for array in arrays), *arrays[0].shape[1:])
    out = np.lib.format.open_memmap(whole, mode="w+", dtype=arrays[0].dtype, shape=shape)
    start = 0
    for array in arrays:
        out[start : start + len(array)] = array
        start += len(array)
    out.flush()


_JOIN = {".parquet": _join_parquet, ".csv": _join_csv, ".npy": _join_npy}
