"""Checkpoints: what is saved comes back, what is damaged says so, and a job goes on."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from forgery import HEADER, forged, sealed
from test_feeds import Toy, whole
from test_feeds_state import give, log, made

import bookflow as bf
from bookflow import checkpoint as module
from bookflow.checkpoint import Fingerprint, Position, fingerprint
from bookflow.feeds import VENUES
from bookflow.simulation import simulate

FEATURES = {"ofi": bf.OrderFlowImbalance(), "vwap": bf.VWAP(window="5s"), "mid": bf.Mid()}


@pytest.fixture(scope="module")
def events() -> bf.Events:
    return simulate(seed=3, events=3_000).events


def pipeline(events: bf.Events, **settings: Any) -> bf.Pipeline:
    return bf.Pipeline(
        events.instrument, features=FEATURES, **{"clock": "7events", "history": 8} | settings
    )


def rows(frame: bf.FeatureFrame) -> bytes:
    return frame._records().tobytes()


def straight(events: bf.Events) -> bytes:
    pipe = pipeline(events)
    return rows(pipe.run(events)) + rows(pipe.finish())


class Killed(BaseException):
    """What a test's job ends by."""


# -- what is saved comes back ----------------------------------------------------------------------


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    checkpoint = bf.Checkpoint(tmp_path / "job")
    assert checkpoint.load() is None
    assert not checkpoint.is_there


def test_a_pipeline_its_position_and_a_note(tmp_path: Path, events: bf.Events) -> None:
    pipe = pipeline(events)
    pipe.run(events[:1000])
    position = Position(1000, 2, 300, 4096, (Fingerprint("a.csv", 5, "ab"),))
    bf.Checkpoint(tmp_path / "job").save(pipe, position, note={"day": ["x", 1, None, 0.1]})
    saved = bf.Checkpoint(tmp_path / "job").load()
    assert saved is not None
    assert saved.pipeline is not None
    assert saved.position == position
    assert saved.note == {"day": ["x", 1, None, 0.1]}
    assert saved.pipeline.to_bytes() == pipe.to_bytes()
    assert rows(saved.pipeline.run(events[1000:])) == rows(pipe.run(events[1000:]))


def test_handlers_books_and_calculators(tmp_path: Path, events: bf.Events) -> None:
    venue = "kraken"
    handler = made(venue)
    said = log(venue, tmp_path)
    for line in said[:4]:
        give(handler, line)
    levels, orders, vpin = bf.LevelBook(), bf.OrderBook(), bf.VPIN(bucket_volume=10, n_buckets=2)
    levels.apply(bf.Action.LEVEL, bf.Side.BID, 100, 5)
    orders.apply(bf.Action.ADD, bf.Side.ASK, 101, 5, 7)
    checkpoint = bf.Checkpoint(tmp_path / "job")
    checkpoint.save(
        None,
        Position(row=4),
        handler=handler,
        levels=levels,
        orders=orders,
        vpin=vpin,
        other=pipeline(events),
    )
    saved = checkpoint.load()
    assert saved is not None
    assert saved.pipeline is None
    assert saved["levels"] == levels
    assert saved["orders"] == orders
    assert saved["vpin"] == vpin
    assert saved["other"].spec == pipeline(events).spec
    for line in said[4:]:
        assert give(saved["handler"], line) == give(handler, line)


def test_what_cannot_be_saved_leaves_the_last_one(tmp_path: Path, events: bf.Events) -> None:
    checkpoint = bf.Checkpoint(tmp_path / "job")
    checkpoint.save(pipeline(events), Position(5))
    toy = Toy()
    toy.feed(whole(), 1)
    with pytest.raises(bf.InputError, match=r"toy = feeds\.Toy: could not be restored by name"):
        checkpoint.save(pipeline(events), Position(6), toy=toy)
    with pytest.raises(bf.InputError, match=r"note = .*: is not of JSON"):
        checkpoint.save(pipeline(events), Position(6), note={"x": object()})
    with pytest.raises(bf.InputError, match=r"note = .*: is not of JSON"):
        checkpoint.save(pipeline(events), Position(6), note={"x": float("nan")})
    saved = checkpoint.load()
    assert saved is not None
    assert saved.position.events == 5


def test_the_last_two_are_kept(tmp_path: Path, events: bf.Events) -> None:
    checkpoint = bf.Checkpoint(tmp_path / "job")
    for n in range(4):
        checkpoint.save(pipeline(events), Position(n))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job", "job.1"]
    assert [module._read(tmp_path / name).position.events for name in ("job", "job.1")] == [3, 2]
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_last_one(
    tmp_path: Path, events: bf.Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = bf.Checkpoint(tmp_path / "job")
    checkpoint.save(pipeline(events), Position(1))
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr(os, name, fail)
            with pytest.raises(OSError, match="No space left"):
                checkpoint.save(pipeline(events), Position(2))
        saved = checkpoint.load()
        assert saved is not None
        assert saved.position.events == 1


def test_the_order_on_disk(
    tmp_path: Path, events: bf.Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Content before its name, and an output before the checkpoint that counts it."""
    steps: list[str] = []
    fsync, replace, link = os.fsync, os.replace, os.link

    def name_of(handle: int) -> str:
        return Path(f"/proc/self/fd/{handle}").resolve().name

    monkeypatch.setattr(os, "fsync", lambda fd: (steps.append(f"sync {name_of(fd)}"), fsync(fd)))
    monkeypatch.setattr(
        os,
        "replace",
        lambda a, b: (steps.append(f"{Path(a).name} > {Path(b).name}"), replace(a, b)),
    )
    monkeypatch.setattr(
        os, "link", lambda a, b: (steps.append(f"{Path(a).name} = {Path(b).name}"), link(a, b))
    )
    with bf.Checkpoint(tmp_path / "job") as checkpoint:
        checkpoint.output(tmp_path / "rows").write(b"x")
        checkpoint.save(pipeline(events), Position(1))
        checkpoint.save(pipeline(events), Position(2))
    one = ["sync rows", "sync job.new", "job = job.1", "job.new > job", f"sync {tmp_path.name}"]
    assert steps == [step for step in one if step != "job = job.1"] + one


def test_a_file_system_without_links(
    tmp_path: Path, events: bf.Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", fail)
    test_the_last_two_are_kept(tmp_path, events)


# -- when ------------------------------------------------------------------------------------------


def test_every_so_many_events(tmp_path: Path, events: bf.Events) -> None:
    checkpoint = bf.Checkpoint(tmp_path / "job", every="100events")
    pipe = pipeline(events)
    taken = [n for n in range(0, 400, 30) if checkpoint.save_if_due(pipe, Position(n))]
    assert taken == [120, 240, 360]


def test_every_so_long(tmp_path: Path, events: bf.Events, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0
    monkeypatch.setattr(module.time, "monotonic_ns", lambda: now)
    checkpoint = bf.Checkpoint(tmp_path / "job", every="2s")
    taken = []
    for now in range(0, 10_000_000_000, 900_000_000):  # the clock above reads it
        if checkpoint.save_if_due(pipeline(events), Position(now)):
            taken.append(now)
    assert taken == [2_700_000_000, 5_400_000_000, 8_100_000_000]


def test_never_by_itself(tmp_path: Path) -> None:
    assert not bf.Checkpoint(tmp_path / "job", every=None).is_due(1 << 60)


@pytest.mark.parametrize("every", ["", "0events", "5", "10trades", "1000volume", "-1s", "0s", 5])
def test_other_spans_are_refused(tmp_path: Path, every: Any) -> None:
    with pytest.raises(bf.InputError, match=r"every = .*wall clock"):
        bf.Checkpoint(tmp_path / "job", every=every)


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(bf.InputError, match="there is no such directory"):
        bf.Checkpoint(tmp_path / "none" / "job")


@pytest.mark.parametrize("wrong", [-1, 1.0, True, None, "1"])
def test_positions_are_whole_numbers(wrong: Any) -> None:
    with pytest.raises(bf.InputError, match=r"position\.events"):
        Position(wrong)


# -- damage ----------------------------------------------------------------------------------------


def two(directory: Path, events: bf.Events) -> bf.Checkpoint:
    checkpoint = bf.Checkpoint(directory / "job")
    pipe = pipeline(events)
    for n in (100, 200):
        pipe.run(events[n - 100 : n])
        checkpoint.save(pipe, Position(n), note={"n": n})
    return bf.Checkpoint(directory / "job")


def damage(path: Path) -> None:
    state = bytearray(path.read_bytes())
    state[len(state) // 2] ^= 1
    path.write_bytes(bytes(state))


@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "gone", "directory"])
def test_a_damaged_newest_falls_back_and_says_so(
    tmp_path: Path, events: bf.Events, how: str
) -> None:
    checkpoint = two(tmp_path, events)
    path = tmp_path / "job"
    if how == "flipped":
        damage(path)
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-1])
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
    if how == "directory":
        path.mkdir()
    with pytest.warns(bf.CheckpointWarning, match=r"job: .*; going on from .*job\.1, at event 100"):
        saved = checkpoint.load()
    assert saved is not None
    assert saved.path == tmp_path / "job.1"
    assert saved.position.events == saved.note["n"] == 100
    if how == "directory":
        path.rmdir()
    # The good one must outlive the next save, however that ends.
    checkpoint.save(saved.pipeline, Position(150))
    assert module._read(tmp_path / "job.1").position.events == (100)
    assert module._read(path).position.events == 150


def test_both_damaged_is_an_error(tmp_path: Path, events: bf.Events) -> None:
    checkpoint = two(tmp_path, events)
    damage(tmp_path / "job")
    (tmp_path / "job.1").write_bytes(b"x")
    with pytest.raises(bf.StateError, match=r"no checkpoint can be read: .*job: .*job\.1: these b"):
        checkpoint.load()
    (tmp_path / "job.1").unlink()
    with pytest.raises(bf.StateError, match=r"no checkpoint can be read: .*job: .*CRC differs"):
        checkpoint.load()


def test_every_cut_and_flip_is_found(tmp_path: Path, events: bf.Events) -> None:
    two(tmp_path, events)
    path = tmp_path / "job"
    state = path.read_bytes()
    chance = random.Random(1)
    for n in (*range(100), *(chance.randrange(len(state)) for _ in range(100))):
        flipped = bytearray(state)
        flipped[n] ^= 1 << chance.randrange(8)
        for bad in (state[:n], bytes(flipped), sealed(state[HEADER:n])):
            path.write_bytes(bad)
            with pytest.raises(bf.StateError):
                module._read(path)


def test_forged_bytes_are_refused_or_work(tmp_path: Path, events: bf.Events) -> None:
    """Changed with a checksum that fits. The parts have checksums of their own."""
    two(tmp_path, events)
    path = tmp_path / "job"
    state = path.read_bytes()
    end = state.index(b"BKFL", HEADER) + HEADER
    refused = 0
    for at in range(HEADER, end):
        for byte in b'0"[{':
            path.write_bytes(forged(state, at, byte))
            try:
                saved = module._read(path)
            except bf.StateError:
                refused += 1
                continue
            assert isinstance(saved.position, Position)
    assert refused > 500


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"parts": [["pipeline", -1]]}, "no list of names and sizes"),
        ({"parts": []}, "do not fill it"),
        ({"parts": {}}, "do not fill it"),
        ({"position": {"events": -1, "source": []}}, r"position\.events = -1"),
        ({"position": {"row": 1.5, "source": []}}, r"position\.row = 1.5"),
        ({"position": {"source": [["a", "b", "c"]]}}, "no list of fingerprints"),
        ({"position": {"source": [["a"]]}}, "no checkpoint: TypeError"),
        ({"position": {"other": 1, "source": []}}, "no checkpoint: TypeError"),
        ({"position": {}}, "no checkpoint: KeyError"),
        ({"outputs": {"rows": "all"}}, "no lengths"),
        ({"note": 5}, "no checkpoint: TypeError"),
    ],
)
def test_a_header_that_is_none(
    tmp_path: Path, events: bf.Events, change: dict[str, Any], rule: str
) -> None:
    two(tmp_path, events)
    path = tmp_path / "job"
    content = module.opened("Checkpoint", path.read_bytes())
    end = 8 + int.from_bytes(content[:8], "little")
    text = json.dumps(json.loads(content[8:end]) | change).encode()
    changed = len(text).to_bytes(8, "little") + text + content[end:]
    path.write_bytes(module.sealed("Checkpoint", changed))
    with pytest.raises(bf.StateError, match=rule):
        module._read(path)


def test_other_states_are_no_checkpoint(tmp_path: Path, events: bf.Events) -> None:
    (tmp_path / "job").write_bytes(pipeline(events).to_bytes())
    with pytest.raises(bf.StateError, match="saved state of Pipeline, expected one of Checkpoint"):
        bf.Checkpoint(tmp_path / "job").load()


# -- jobs ------------------------------------------------------------------------------------------


def attempt(
    directory: Path, events: Any, every: str, frames: int | None = None, **more: Any
) -> None:
    """A job that writes rows; it is killed after so many frames."""
    with bf.Checkpoint(directory / "job", every=every) as checkpoint:
        out = checkpoint.output(directory / "rows")
        pipe = pipeline(more.pop("units", events))
        for i, frame in enumerate(checkpoint.run(pipe, events, **more)):
            out.write(rows(frame))
            if i == frames:
                raise Killed
        out.write(rows(pipe.finish()))


def chunked(events: bf.Events, size: int) -> Iterator[bf.Events]:
    return events.chunks(size)


@pytest.mark.parametrize("every", ["1events", "100events", "333events", "100000events", "1ns"])
def test_a_job_that_is_killed_goes_on(tmp_path: Path, events: bf.Events, every: str) -> None:
    chance = random.Random(every)
    events = events[:400] if every == "1events" else events
    for _ in range(30):
        frames = chance.randrange(1, 40)
        try:
            attempt(
                tmp_path, chunked(events, chance.choice((50, 999))), every, frames, units=events
            )
        except Killed:
            continue
        break
    else:
        attempt(tmp_path, events, every)
    assert (tmp_path / "rows").read_bytes() == straight(events)
    # A job that is done and run again does nothing but its end.
    attempt(tmp_path, events, every)
    assert (tmp_path / "rows").read_bytes() == straight(events)


def test_a_job_goes_on_from_the_one_before(tmp_path: Path, events: bf.Events) -> None:
    with pytest.raises(Killed):
        attempt(tmp_path, events, "100events", 20)
    damage(tmp_path / "job")
    with pytest.warns(bf.CheckpointWarning, match="at event 1,900"):
        attempt(tmp_path, events, "100events")
    assert (tmp_path / "rows").read_bytes() == straight(events)


def test_lazy_events_and_arrays(tmp_path: Path, events: bf.Events) -> None:
    path = tmp_path / "session.parquet"
    events.write_parquet(path)
    lazy = bf.read_events(path)
    for n in (3, 7):
        with pytest.raises(Killed):
            attempt(tmp_path, lazy, "100events", n, files=[path])
    array = events.to_numpy()
    files = [path]
    attempt(tmp_path, [array[:500], array[500:]], "100events", units=events, files=files)
    assert (tmp_path / "rows").read_bytes() == straight(events)


def test_errors_name_the_row_of_the_file(tmp_path: Path, events: bf.Events) -> None:
    array = events.to_numpy()
    array["size"][1234] = -5
    bad = bf.Events({name: array[name] for name in array.dtype.names}, events.instrument)
    for _ in range(2):
        with pytest.raises(bf.InputError, match="row 1234"):
            attempt(tmp_path, bad, "100events")


def test_another_source_is_refused(tmp_path: Path, events: bf.Events) -> None:
    path = tmp_path / "source"
    path.write_bytes(b"1" * 100_000)
    with pytest.raises(Killed):
        attempt(tmp_path, events, "100events", 5, files=[path])
    for content, rule in (
        (b"1" * 99_999, r"size = 99999: is not the file that .* reading \(100000\)"),
        (b"2" + b"1" * 99_999, "hash of the first 64 KiB"),
    ):
        path.write_bytes(content)
        with pytest.raises(bf.InputError, match=rule):
            attempt(tmp_path, events, "100events", files=[path])
    path.write_bytes(b"1" * 100_000)
    path.rename(tmp_path / "other")
    with pytest.raises(bf.InputError, match=r"name = other: is not .* \(source\)"):
        attempt(tmp_path, events, "100events", files=[tmp_path / "other"])
    with pytest.raises(bf.InputError, match=r"made reading 1 files \(source\)"):
        attempt(tmp_path, events, "100events")


def test_another_pipeline_is_refused(tmp_path: Path, events: bf.Events) -> None:
    with pytest.raises(Killed):
        attempt(tmp_path, events, "100events", 5)
    checkpoint = bf.Checkpoint(tmp_path / "job")
    other = bf.Pipeline(events.instrument, features={"mid": bf.Mid()})
    with pytest.raises(bf.InputError, match=r"spec = .*is not that of the checkpoint"):
        next(checkpoint.run(other, events))
    units = bf.Pipeline(bf.Instrument("Y", price_unit="0.5"), features=FEATURES)
    with pytest.raises(bf.InputError, match=r"instrument = .*is not that of the checkpoint"):
        next(checkpoint.run(units, events))
    checkpoint.save(None, Position(3))
    with pytest.raises(bf.InputError, match="holds no pipeline"):
        next(checkpoint.run(pipeline(events), events))


def test_a_source_that_ends_early_is_refused(tmp_path: Path, events: bf.Events) -> None:
    with pytest.raises(Killed):
        attempt(tmp_path, events, "100events", 5)
    with pytest.raises(bf.InputError, match="source = 400: ends before event 500"):
        attempt(tmp_path, events[:400], "100events")


def test_an_output_is_cut_back(tmp_path: Path, events: bf.Events) -> None:
    (tmp_path / "rows").write_bytes(b"of another job")
    with bf.Checkpoint(tmp_path / "job") as checkpoint:
        out = checkpoint.output(tmp_path / "rows")
        assert out.length == 0
        out.write(b"counted")
        checkpoint.save(None, Position(1))
        out.write(b", not counted")
    with bf.Checkpoint(tmp_path / "job") as checkpoint:
        assert checkpoint.output(tmp_path / "rows").length == 7
    assert (tmp_path / "rows").read_bytes() == b"counted"


def test_an_output_that_is_too_short_is_refused(tmp_path: Path, events: bf.Events) -> None:
    with pytest.raises(Killed):
        attempt(tmp_path, events, "100events", 5)
    (tmp_path / "rows").write_bytes(b"x")
    with pytest.raises(bf.InputError, match=r"rows: bytes = 1: is shorter than the [\d,]+ bytes"):
        attempt(tmp_path, events, "100events")


def test_an_output_has_one_writer(tmp_path: Path) -> None:
    with bf.Checkpoint(tmp_path / "job") as one, bf.Checkpoint(tmp_path / "job") as other:
        one.output(tmp_path / "rows").write(b"x" * 5)
        with pytest.raises(bf.InputError, match="being written by another process"):
            other.output(tmp_path / "rows")
        with pytest.raises(bf.InputError, match="two of this name"):
            one.output(tmp_path / "rows")
    assert (tmp_path / "rows").read_bytes() == b"xxxxx"


def test_a_pipeline_takes_on_a_state(events: bf.Events) -> None:
    one, other = pipeline(events), bf.Pipeline(events.instrument, features={"x": bf.Spread()})
    one.run(events[:500])
    before = other.to_bytes()
    with pytest.raises(bf.StateError):
        other.restore(one.to_bytes()[:-1])
    assert other.to_bytes() == before
    other.restore(one.to_bytes())
    assert other.spec == one.spec
    assert rows(other.run(events[500:])) == rows(one.run(events[500:]))


def test_fingerprints(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"a" * 70_000)
    assert fingerprint(path)[:2] == ("x", 70_000)
    assert fingerprint(path).head == fingerprint(str(path)).head
    Position(source=(fingerprint(path),)).check([path])


@pytest.mark.parametrize("venue", sorted(VENUES))
def test_a_connection_and_its_pipelines(venue: str, tmp_path: Path) -> None:
    """A handler and a pipeline saved together after every message, and restored from disk."""
    said = log(venue, tmp_path)
    handler, checkpoint = made(venue), bf.Checkpoint(tmp_path / "job", every=None)
    for n, line in enumerate(said):
        checkpoint.save(None, Position(row=n), handler=handler)
        saved = checkpoint.load()
        assert saved is not None
        assert give(saved["handler"], line) == give(handler, line)
