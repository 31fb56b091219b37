"""Jobs that can be interrupted: their rows so far, and where they were, on disk.

All of it stands in a directory beside the wanted file, OUT.checkpoint: the last two checkpoints and
the rows, as records of fixed size whose number each checkpoint knows. The wanted file is written
from them at the end, whatever its format, and the directory goes.
"""

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from bookflow import Pipeline
from bookflow.checkpoint import Checkpoint, Fingerprint, Position, Saved, fingerprint
from bookflow.commands.output import PART_ROWS, check_name, output
from bookflow.errors import CheckpointWarning, InputError
from bookflow.events import Events
from bookflow.frame import FeatureFrame

__all__ = ["Job", "job"]

_EVERY: Final = "60s"
_STATE: Final = "state"
_ROWS: Final = "rows"
# What another run of the same job may have otherwise.
_FREE: Final = frozenset({"command", "inputs", "out", "resume", "checkpoint_every"})


class Job:
    """Takes rows; nothing of it outlives the process."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.count = 0
        self.done = 0
        self.faults: Counter[str] = Counter()
        self._out = args.out

    def begin(self, pipeline: Pipeline) -> None:
        """Before the first events: takes the state of the job that was interrupted."""

    def takes(self, number: int) -> bool:
        """Whether anything is left to do of the input of this number; it comes next."""
        return True

    def pieces(self, chunk: Events) -> Iterator[Events]:
        """What is left to do of the next events of this input."""
        yield chunk

    def write(self, frame: FeatureFrame, events: int = 0) -> None:
        """The rows of so many more events, all that there are of them."""
        raise NotImplementedError


class _Straight(Job):
    """Writes the rows as they come."""

    def __init__(self, args: argparse.Namespace, rows: Any) -> None:
        super().__init__(args)
        self._rows = rows

    def write(self, frame: FeatureFrame, events: int = 0) -> None:
        self._rows.write(frame)
        self.count = self._rows.count
        self.done += events


class _Kept(Job):
    """Keeps the rows and makes checkpoints."""

    def __init__(self, args: argparse.Namespace, directory: Path, checkpoint: Checkpoint) -> None:
        super().__init__(args)
        self._checkpoint = checkpoint
        self._saved = _loaded(checkpoint)
        self._rows = checkpoint.output(directory / _ROWS)
        self._files = [*args.inputs, *([args.seed] if args.seed else [])]
        self._source: tuple[Fingerprint, ...] = ()
        self._settings = _settings(args)
        self._asked = args.resume
        self._pipeline: Pipeline | None = None
        self._like: FeatureFrame | None = None
        self._file = self._row = 0
        self._skip = 0

    def begin(self, pipeline: Pipeline) -> None:
        self._source = tuple(fingerprint(path) for path in self._files)
        self._pipeline = pipeline
        self._like = pipeline.latest(0)
        saved = self._saved
        if saved is None:
            if self._asked:
                _say("there is no checkpoint: from the beginning")
            return
        for name, value in self._settings.items():
            was = saved.note.get("settings", {}).get(name)
            if value != was:
                rule = f"is not that of the interrupted job: {was}"
                raise InputError(rule, field=f"--{name.replace('_', '-')}", value=str(value))
        self._checkpoint.resume(pipeline, saved, self._files)
        self.done, self._file, self._skip = (
            saved.position.events,
            saved.position.file,
            saved.position.row,
        )
        self.faults.update(saved.note.get("faults", {}))
        self.count = self._rows.length // self._like._records().itemsize
        _say(f"going on at event {self.done:,}")

    def takes(self, number: int) -> bool:
        if number > self._file:
            self._file, self._row, self._skip = number, 0, 0
        return number == self._file

    def pieces(self, chunk: Events) -> Iterator[Events]:
        taken = min(len(chunk), max(self._skip - self._row, 0))
        self._row += taken
        yield from self._checkpoint.pieces(chunk, self.done, taken)

    def write(self, frame: FeatureFrame, events: int = 0) -> None:
        self._rows.write(frame._records().tobytes())
        self.count += len(frame)
        self.done += events
        self._row += events
        if events:
            self._checkpoint.save_if_due(
                self._pipeline,
                Position(self.done, self._file, self._row, source=self._source),
                note={"settings": self._settings, "faults": dict(self.faults)},
            )

    def finish(self, directory: Path) -> None:
        """Writes the wanted file of the rows that were kept."""
        self._rows.sync()
        with output(self._out, directory) as out:
            like = self._like
            if like is None:
                return
            out.write(like)
            dtype = like._records().dtype
            with self._rows.path.open("rb") as file:
                while block := file.read(PART_ROWS * dtype.itemsize):
                    out.write(like._of_records(np.frombuffer(block, dtype)))


@contextmanager
def job(args: argparse.Namespace) -> Iterator[Job]:
    """The job of these arguments; its file is there when the block ends well."""
    check_name(args.out)
    if not args.resume and args.checkpoint_every is None:
        with output(args.out) as rows:
            yield _Straight(args, rows)
        return
    directory = args.out.with_name(args.out.name + ".checkpoint")
    directory.mkdir(exist_ok=True)
    try:
        with Checkpoint(directory / _STATE, args.checkpoint_every or _EVERY) as checkpoint:
            if checkpoint.is_there and not args.resume:
                rule = "there is an interrupted job's: --resume goes on from it, or remove it"
                raise InputError(rule, field="--checkpoint-every", value=str(directory))
            kept = _Kept(args, directory, checkpoint)
            yield kept
            kept.finish(directory)
    except BaseException:
        if not Checkpoint(directory / _STATE).is_there:  # nothing that could be resumed
            _remove(directory)
        raise
    _remove(directory)


def _loaded(checkpoint: Checkpoint) -> Saved | None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CheckpointWarning)
        saved = checkpoint.load()
    for warning in told:
        _say(str(warning.message))
    return saved


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """What decides the rows, as JSON has it."""
    return {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(args).items()
        if name not in _FREE
    }


def _remove(directory: Path) -> None:
    for stale in directory.glob(".*"):  # of a process that was killed while it wrote the file
        for part in stale.iterdir():
            part.unlink()
        stale.rmdir()
    Checkpoint(directory / _STATE).remove()
    (directory / _ROWS).unlink(missing_ok=True)
    directory.rmdir()


def _say(text: str) -> None:
    print(f"bookflow features: {text}", file=sys.stderr)
