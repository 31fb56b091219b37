"""States that earlier versions saved: read as they were meant, or told what they are."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import state_fixtures as kept
from test_feeds_state import give, log, seen

import bookflow as bf
from bookflow.feeds import VENUES, Handler

OLD = sorted(path for path in kept.FOLDER.parent.rglob("*") if path.is_file())
READ: dict[str, Callable[[bytes], Any]] = {
    "pipeline": bf.Pipeline.from_bytes,
    "order_book": bf.OrderBook.from_bytes,
    "level_book": bf.LevelBook.from_bytes,
    "feed": Handler.from_bytes,
}


def test_there_are_states_of_this_version() -> None:
    assert {path.name for path in kept.FOLDER.iterdir()} == set(kept.STATES)


def read(path: Path, tmp_path: Path) -> Any:
    if path.name == "checkpoint":
        copy = tmp_path / "job"
        copy.write_bytes(path.read_bytes())
        return bf.Checkpoint(copy).load()
    return READ[path.name.partition(".")[0]](path.read_bytes())


@pytest.mark.parametrize("path", OLD, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_of_another_version_says_so(path: Path, tmp_path: Path) -> None:
    state = path.read_bytes()
    (tmp_path / path.name).write_bytes(state[:4] + b"\x63\0" + state[6:])
    with pytest.raises(bf.StateError, match="saved by state version 99, this package reads"):
        read(tmp_path / path.name, tmp_path)


def the(name: str) -> list[Path]:
    return [path for path in OLD if path.name == name]


def goes_on(pipe: bf.Pipeline) -> bytes:
    written = [pipe.push(*row) for row in kept.events(kept.CUT, kept.END)]
    assert sum(written) > 10
    pipe.finish()
    frame = pipe.latest(4)
    return frame._records().tobytes() + np.array(written).tobytes()


@pytest.mark.parametrize("path", the("pipeline"), ids=lambda path: path.parent.name)
def test_a_pipeline(path: Path, tmp_path: Path) -> None:
    pipe = read(path, tmp_path)
    assert pipe.spec == kept.pipeline().spec
    assert pipe.instrument == kept.CENTS
    assert goes_on(pipe) == goes_on(kept.pipeline())


@pytest.mark.parametrize("path", the("order_book"), ids=lambda path: path.parent.name)
def test_a_book_of_orders(path: Path, tmp_path: Path) -> None:
    book, fresh = read(path, tmp_path), kept.order_book()
    for _, action, side, price, size, number in kept.events(kept.CUT, kept.END):
        assert book.apply(action, side, price, size, number) == fresh.apply(
            action, side, price, size, number
        )
    assert book.content_hash == fresh.content_hash
    assert book.check() == ""


@pytest.mark.parametrize("path", the("level_book"), ids=lambda path: path.parent.name)
def test_a_book_of_levels(path: Path, tmp_path: Path) -> None:
    book, fresh = read(path, tmp_path), kept.level_book()
    for i in range(kept.CUT, kept.END):
        for one in (book, fresh):
            one.apply(bf.Action.LEVEL, bf.Side.BID if i % 2 else bf.Side.ASK, *kept.level(i))
    assert book.content_hash == fresh.content_hash
    assert book.check() == ""


@pytest.mark.parametrize(
    "path",
    [path for venue in VENUES for path in the(f"feed.{venue}")],
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_a_handler(path: Path, tmp_path: Path) -> None:
    venue = path.name.removeprefix("feed.")
    handler, fresh = read(path, tmp_path), kept.handler(venue)
    said = log(venue, tmp_path)
    for line in said[len(said) * 2 // 3 :]:
        assert give(handler, line) == give(fresh, line)
    assert seen(handler) == seen(fresh)


@pytest.mark.parametrize("path", the("checkpoint"), ids=lambda path: path.parent.name)
def test_a_checkpoint(path: Path, tmp_path: Path) -> None:
    saved = read(path, tmp_path)
    assert saved.position.events == len(kept.events(0, kept.CUT))
    assert saved.position.file == 1
    assert saved.position.source[0].name == "a.csv"
    assert saved.note == {"day": "2026-11-29", "n": [1, None]}
    assert goes_on(saved.pipeline) == goes_on(kept.pipeline())
    assert saved["book"] == kept.order_book()
    assert saved["handler"].to_bytes() == kept.handler("kraken").to_bytes()
