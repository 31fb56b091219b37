"""Checkpoints: a job's state on disk, so that a crash costs no more than what came since the last.

A checkpoint is one file in the envelope of every saved state. Its content is a JSON header (where
the source was read up to, how much the job's output files held, a note) and, as they are, the bytes
of the pipeline and of what else was saved. There is no pickle in it.
"""

import hashlib
import json
import os
import re
import struct
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, Protocol, Self, TypeGuard

from bookflow import _core
from bookflow._state import kind_of, opened, sealed
from bookflow.errors import CheckpointWarning, InputError, StateError
from bookflow.events import Events
from bookflow.pipeline import Pipeline

if TYPE_CHECKING:
    from os import PathLike

    from bookflow.frame import FeatureFrame

__all__ = ["Checkpoint", "Fingerprint", "Output", "Position", "Saved", "fingerprint"]

_KIND: Final = "Checkpoint"
_LENGTH: Final = struct.Struct("<Q")
_EVENTS: Final = re.compile(r"([1-9]\d*)events?")
_HEAD: Final = 1 << 16
"""Bytes of a file that are hashed to know it again."""
_CHUNK: Final = 1 << 18
"""Events given to the pipeline at a time, at most."""


class HasState(Protocol):
    """What a checkpoint can hold beside the pipeline: books, handlers, calculators, pipelines."""

    def to_bytes(self) -> bytes:
        """Its state."""


class Fingerprint(NamedTuple):
    """What a file is known by: its name, size in bytes, and the SHA-256 of its first 64 KiB."""

    name: str
    size: int
    head: str


def fingerprint(path: "str | PathLike[str]") -> Fingerprint:
    """Of a file as it is now."""
    path = Path(path)
    with path.open("rb") as file:
        head = hashlib.sha256(file.read(_HEAD)).hexdigest()
        return Fingerprint(path.name, file.seek(0, os.SEEK_END), head)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source was read.

    Attributes
    ----------
    events : int
        Events taken so far, of all files.
    file : int
        0-based place of the current file in the list of them.
    row, offset : int
        Rows (events, lines, messages) and bytes of it that were taken, where the reader counts
        them.
    source : tuple[Fingerprint, ...]
        The files; none where the source is no file.
    """

    events: int = 0
    file: int = 0
    row: int = 0
    offset: int = 0
    source: tuple[Fingerprint, ...] = ()

    def __post_init__(self) -> None:
        for name in ("events", "file", "row", "offset"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                rule = "must be a whole number from 0"
                raise InputError(rule, field=f"position.{name}", value=value)

    def check(self, files: Sequence["str | PathLike[str]"]) -> None:
        """InputError unless these are the files that this is a position in."""
        if len(files) != len(self.source):
            names = ", ".join(was.name for was in self.source) or "none"
            rule = f"the checkpoint was made reading {len(self.source)} files ({names})"
            raise InputError(rule, field="files", value=len(files))
        for path, was in zip(files, self.source, strict=True):
            now = fingerprint(path)
            for field in Fingerprint._fields:
                ours, theirs = getattr(now, field), getattr(was, field)
                if ours != theirs:
                    what = "hash of the first 64 KiB" if field == "head" else field
                    rule = f"is not the file that the checkpoint was made reading ({theirs})"
                    raise InputError(rule, source=str(path), field=what, value=ours)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint holds.

    Attributes
    ----------
    pipeline : Pipeline | None
        As it was, ready to go on.
    position : Position
        Where the source was.
    note : dict
        What the job said of itself.
    others : dict
        Handlers, books and whatever else was saved, by name: ``saved["handler"]``.
    path : Path
        The file it was read from.
    """

    pipeline: Pipeline | None
    position: Position
    note: dict[str, Any]
    others: dict[str, Any]
    path: Path
    _lengths: dict[str, int]

    def __getitem__(self, name: str) -> Any:
        return self.others[name]


class Output:
    """A file that a job appends to; checkpoints record how long it was. See `Checkpoint.output`."""

    def __init__(self, path: Path, length: int) -> None:
        self.path = path
        self._file = path.open("r+b" if path.exists() else "w+b")
        _lock(self._file, path)
        there = self._file.seek(0, os.SEEK_END)
        if there < length:
            self._file.close()
            rule = f"is shorter than the {length:,} bytes that the checkpoint counts"
            raise InputError(rule, source=str(path), field="bytes", value=there)
        self._file.truncate(length)
        self._file.seek(length)

    @property
    def length(self) -> int:
        """Bytes written, those before the crash included."""
        return self._file.tell()

    def write(self, data: bytes | memoryview) -> None:
        """Appends these bytes."""
        self._file.write(data)

    def sync(self) -> None:
        """What was written is on the disk when this returns."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


class Checkpoint:
    """The last two states of a job, in `path` and, the one before, in `path` + ".1".

    A save is whole or not there: it is written to `path` + ".new", forced to the disk, and takes
    its name only then. A newest file that is damaged is passed over with a `CheckpointWarning`.

    Parameters
    ----------
    path
        The newest checkpoint's file. Its directory must be there.
    every : str | None
        When `run` and `save_if_due` save: "60s" (of the wall clock, since the last save; s, m, h,
        ms ...) or "1000000events". None: only `save` does.

    Examples
    --------
    >>> import tempfile, bookflow as bf
    >>> path = tempfile.mkdtemp() + "/job.checkpoint"
    >>> pipe = bf.Pipeline(bf.Instrument(price_unit="0.01"), features={"mid": bf.Mid()})
    >>> checkpoint = bf.Checkpoint(path, every="1000events")
    >>> checkpoint.load() is None
    True
    >>> checkpoint.save(pipe, bf.Position(events=0))
    >>> checkpoint.load().position.events
    0
    """

    def __init__(self, path: "str | PathLike[str]", every: str | None = "60s") -> None:
        self.path = Path(path)
        self.older = self.path.with_name(self.path.name + ".1")
        self._every_events, self._every_ns = _spans(every)
        if not self.path.parent.is_dir():
            raise InputError("there is no such directory", field="path", value=str(path))
        self._outputs: dict[str, Output] = {}
        self._lengths: dict[str, int] | None = None
        self._newest_is_damaged = False
        self._events = 0
        self._time = time.monotonic_ns()

    # -- saving ----------------------------------------------------------------------------------

    def save(
        self,
        pipeline: Pipeline | None,
        position: Position,
        *,
        note: Mapping[str, Any] | None = None,
        **others: HasState,
    ) -> None:
        """Saves these. Files of `output` are forced to the disk before, and their lengths kept.

        Parameters
        ----------
        pipeline
            None if there is none.
        position
            Up to where the source has been taken by all that is saved here.
        note
            Anything of JSON, given back as it is.
        others
            Whatever has `to_bytes`: ``handler=``, ``book=``, a second pipeline.

        Raises
        ------
        InputError
            Something of it cannot be saved; the checkpoints are as they were.
        OSError
            It could not be written; the same.
        """
        parts = {} if pipeline is None else {"pipeline": pipeline.to_bytes()}
        for name, other in others.items():
            state = other.to_bytes()
            if _class_of(kind_of(state)) is None:
                rule = "could not be restored by name: save its bytes yourself"
                raise InputError(rule, field=name, value=kind_of(state))
            parts[name] = state
        for output in self._outputs.values():
            output.sync()
        header = {
            "bookflow": _core.__version__,
            "position": {name: getattr(position, name) for name in Position.__dataclass_fields__},
            "note": dict(note or {}),
            "outputs": {name: output.length for name, output in self._outputs.items()},
            "parts": [[name, len(state)] for name, state in parts.items()],
        }
        try:
            text = json.dumps(header, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InputError(f"is not of JSON: {error}", field="note", value=repr(note)) from None
        self._write(sealed(_KIND, b"".join((_LENGTH.pack(len(text)), text, *parts.values()))))
        self._events = position.events
        self._time = time.monotonic_ns()

    def save_if_due(
        self,
        pipeline: Pipeline | None,
        position: Position,
        *,
        note: Mapping[str, Any] | None = None,
        **others: HasState,
    ) -> bool:
        """`save`, if `every` has passed since the last one; whether it did."""
        if not self.is_due(position.events):
            return False
        self.save(pipeline, position, note=note, **others)
        return True

    def is_due(self, events: int) -> bool:
        """Whether `every` has passed by now, at so many events."""
        if self._every_events is not None:
            return events - self._events >= self._every_events
        return self._every_ns is not None and time.monotonic_ns() - self._time >= self._every_ns

    def _write(self, state: bytes) -> None:
        new = self.path.with_name(self.path.name + ".new")
        with new.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        # A damaged one must not take the place of the good one before it.
        if self.path.exists() and not self._newest_is_damaged:
            self.older.unlink(missing_ok=True)
            try:
                os.link(self.path, self.older)  # so that there is a newest one at any moment
            except OSError:
                os.replace(self.path, self.older)  # a file system without links
        os.replace(new, self.path)
        self._newest_is_damaged = False
        _sync_directory(self.path.parent)

    # -- resuming --------------------------------------------------------------------------------

    def load(self) -> Saved | None:
        """The newest checkpoint that can be read; None if there is none.

        Warns
        -----
        CheckpointWarning
            The newest is damaged, or gone, and the one before it is used.

        Raises
        ------
        StateError
            There are some, and none can be read.
        """
        faults = []
        self._newest_is_damaged = False
        for path in (self.path, self.older):
            try:
                saved = _read(path)
            except FileNotFoundError:
                faults.append((path, "is missing"))
                continue
            except (OSError, StateError) as error:
                faults.append((path, str(error)))
                self._newest_is_damaged |= path == self.path
                continue
            for fault in faults:
                rule = f"going on from {path}, at event {saved.position.events:,}"
                warning = CheckpointWarning(f"{fault[0]}: {fault[1]}; {rule}")
                warnings.warn(warning, stacklevel=2)
            self._begin(saved.position.events, saved._lengths)
            return saved
        damaged = [f"{path}: {fault}" for path, fault in faults if fault != "is missing"]
        if damaged:
            raise StateError(f"no checkpoint can be read: {'; '.join(damaged)}")
        self._begin(0, {})
        return None

    def _begin(self, events: int, lengths: dict[str, int]) -> None:
        self._events = events
        self._time = time.monotonic_ns()
        self._lengths = lengths

    def output(self, path: "str | PathLike[str]") -> Output:
        """A file to append rows to, cut back to where the checkpoint was made.

        What a job wrote after its last checkpoint it will write again, so it is taken away; without
        a checkpoint the file starts empty. The job's files are told apart by their names.

        Raises
        ------
        InputError
            It holds less than the checkpoint counts: it is another file, or was cut.
        """
        path = Path(path)
        if path.name in self._outputs:
            raise InputError("there are two of this name", field="output", value=path.name)
        if self._lengths is None:
            self.load()
        output = Output(path, (self._lengths or {}).get(path.name, 0))
        self._outputs[path.name] = output
        return output

    def run(
        self,
        pipeline: Pipeline,
        source: Events | Iterable[Any],
        *,
        files: Sequence["str | PathLike[str]"] = (),
    ) -> "Iterator[FeatureFrame]":
        """The rows of a pipeline, going on from the last checkpoint and making new ones.

        A checkpoint is made when you come for the next frame: all rows before it have been dealt
        with by then. Write them to files of `output`, and a resumed job's files are those of one
        that was never interrupted. The last checkpoint is made when the source has ended; call
        ``pipeline.finish()`` after it as usual.

        Parameters
        ----------
        pipeline
            A fresh one. If there is a checkpoint it takes on its state, and must be of the same
            instrument and spec.
        source
            The whole source from its start, every time: Events (lazy ones are streamed), or an
            iterable of Events or structured arrays. What was taken before is read and left out.
        files
            The files that it reads, by which a resumed job knows that they are the same.

        Raises
        ------
        InputError
            The checkpoint is of another pipeline or other files, or the source ends before it.
        """
        saved = self.load()
        start = 0
        if saved is not None:
            self.resume(pipeline, saved, files)
            start = saved.position.events
        fingerprints = tuple(fingerprint(path) for path in files)
        done = read = 0
        chunks = source.chunks(_CHUNK) if isinstance(source, Events) else source
        for chunk in chunks:
            read += len(chunk)
            if read <= start:
                done = read
                continue
            first = max(start - done, 0)
            done += first
            for piece in self.pieces(chunk, done, first):
                yield pipeline.run(piece)
                done += len(piece)
                self.save_if_due(pipeline, Position(done, source=fingerprints))
        if read < start:
            rule = f"ends before event {start:,}, where the checkpoint was made"
            raise InputError(rule, field="source", value=read)
        if saved is None or done > start:
            self.save(pipeline, Position(done, source=fingerprints))

    @staticmethod
    def resume(
        pipeline: Pipeline, saved: Saved, files: Sequence["str | PathLike[str]"] = ()
    ) -> None:
        """Gives a fresh pipeline the saved state; InputError if it is of another job."""
        if saved.pipeline is None:
            raise InputError("holds no pipeline", source=str(saved.path))
        for field in ("instrument", "spec"):
            ours, theirs = getattr(pipeline, field), getattr(saved.pipeline, field)
            if ours != theirs:
                rule = f"is not that of the checkpoint: {theirs}"
                raise InputError(rule, source=str(saved.path), field=field, value=ours)
        saved.position.check(files)
        pipeline.restore(saved.pipeline.to_bytes())

    def pieces(self, chunk: Any, done: int, first: int = 0) -> Iterator[Any]:
        """The rows of a chunk from `first` on, in parts that end where a checkpoint is due.

        `done` events have been taken before them.
        """
        while first < len(chunk):
            part = _CHUNK
            if self._every_events is not None:
                part = min(part, max(1, self._events + self._every_events - done))
            part = min(part, len(chunk) - first)
            yield _part(chunk, first, first + part)
            first += part
            done += part

    # -- the end ---------------------------------------------------------------------------------

    @property
    def is_there(self) -> bool:
        """Whether there is a checkpoint, good or damaged."""
        return self.path.exists() or self.older.exists()

    def remove(self) -> None:
        """The job is done: its checkpoints go. Files of `output` stay."""
        for path in (self.older, self.path, self.path.with_name(self.path.name + ".new")):
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Closes the files of `output`."""
        for output in self._outputs.values():
            output.close()
        self._outputs.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _spans(every: Any) -> tuple[int | None, int | None]:
    """Events and ns between two checkpoints; None: as many as there are."""
    if every is None:
        return None, None
    try:
        if events := _EVENTS.fullmatch(every):
            return int(events[1]), None
        return None, _core.span_ns(every, "every")
    except (InputError, TypeError):
        rule = 'must be a span of the wall clock like "60s", or of events like "1000000events"'
        raise InputError(rule, field="every", value=every) from None


def _part(chunk: Any, start: int, end: int) -> Any:
    """These rows; of events with their number in the file, which errors tell."""
    if start == 0 and end == len(chunk):
        return chunk
    part = chunk[start:end]
    if isinstance(chunk, Events):
        part.first_row = chunk.first_row + start
    return part


def _read(path: Path) -> Saved:
    content = opened(_KIND, path.read_bytes())
    try:
        length = _LENGTH.unpack_from(content)[0]
        at = _LENGTH.size + length
        header = json.loads(content[_LENGTH.size : at])
        parts = {}
        for name, size in header["parts"]:
            if not _is_count(size) or not isinstance(name, str) or name in parts:
                raise StateError("its parts are no list of names and sizes")
            parts[name] = content[at : at + size]
            at += size
        if at != len(content):
            raise StateError("its parts do not fill it")
        source = tuple(Fingerprint(*given) for given in header["position"].pop("source"))
        if not all(map(_is_fingerprint, source)):
            raise StateError("its source is no list of fingerprints")
        position = Position(**header["position"], source=source)
        if not all(map(_is_count, header["outputs"].values())):
            raise StateError("its outputs have no lengths")
        others = {name: _restored(state) for name, state in parts.items()}
        return Saved(
            pipeline=others.pop("pipeline", None),
            position=position,
            note=dict(header["note"]),
            others=others,
            path=path,
            _lengths=dict(header["outputs"]),
        )
    except StateError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise StateError(f"it is no checkpoint: {type(error).__name__}: {error}") from None
    except struct.error:
        raise StateError("it is no checkpoint: it ends too early") from None


def _is_count(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_fingerprint(given: Any) -> bool:
    return isinstance(given.name, str) and _is_count(given.size) and isinstance(given.head, str)


def _restored(state: bytes) -> Any:
    kind = kind_of(state)
    cls = _class_of(kind)
    if cls is None:
        raise StateError(f"it holds a {kind}, which this package does not know")
    return cls.from_bytes(state)


def _class_of(kind: str) -> Any:
    """The class of a saved state, or None."""
    if kind == "Pipeline":
        return Pipeline
    if kind.startswith("feeds."):
        from bookflow.feeds import VENUES, Handler

        return Handler if kind.removeprefix("feeds.") in VENUES.values() else None
    cls = getattr(_core, kind, None)
    return cls if isinstance(cls, type) and hasattr(cls, "from_bytes") else None


def _lock(file: BinaryIO, path: Path) -> None:
    """A file has one writer: a job that still runs must not be resumed beside itself."""
    try:
        import fcntl
    except ImportError:
        return  # Windows does not share it in the first place
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        rule = "is being written by another process, or opened twice"
        raise InputError(rule, source=str(path)) from None


def _sync_directory(path: Path) -> None:
    """Its names are on the disk when this returns."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # Windows has no such thing
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
