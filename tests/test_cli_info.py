"""`bookflow info`: what it counts, against counts by hand."""

from pathlib import Path

import numpy as np
import pytest

import bookflow as bf
from bookflow.cli import main
from bookflow.commands import inputs
from bookflow.commands.summary import status_words
from bookflow.commands.text import duration, moment, table
from bookflow.simulation import simulate

SECOND = 1_000_000_000
START = 1_704_205_800 * SECOND


def quotes(bids: list[int], asks: list[int]) -> bf.Events:
    """A quote a second."""
    n = len(bids)
    columns = {
        "ts": START + SECOND * np.arange(n),
        "bid_price": np.array(bids),
        "bid_size": np.full(n, 5),
        "ask_price": np.array(asks),
        "ask_size": np.full(n, 5),
    }
    return bf.Events.from_quotes(columns, bf.Instrument("Q", price_unit="0.01"))


def report(events: bf.Events, directory: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    path = directory / "events.parquet"
    events.write_parquet(path)
    assert main(["info", str(path)]) == 0
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


def test_counts_actions_times_and_prices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = simulate(seed=1, events=4_000).events
    lines = report(events, tmp_path, capsys)
    for action in ("CLEAR", "ADD", "CANCEL", "DELETE", "MODIFY", "EXECUTE"):
        count = int((events.action == bf.Action[action]).sum())
        assert f"{action} {count:,}" in lines
    assert "events 4,000" in lines
    assert f"atomic events {int((events.flags & bf.Flag.LAST).sum()):,}" in lines
    first, last = moment(int(events.ts[0])), moment(int(events.ts[-1]))
    assert any(line.startswith(f"time {first} to {last} UTC, 6 h 30 min") for line in lines)
    traded = events.action == bf.Action.EXECUTE
    low, high = events.price[traded].min() / 100, events.price[traded].max() / 100
    assert f"prints {low:.12g} to {high:.12g}" in lines
    assert f"volume {events.size[traded].sum():,}" in lines
    assert lines[lines.index("faults") + 1] == "none"


def test_tells_crossed_and_locked_time_and_the_status_over_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "CHUNK", 2)
    events = quotes([99, 99, 101, 101, 100, 99, 99], [100, 100, 100, 100, 100, 100, 100])
    lines = report(events, tmp_path, capsys)
    assert "crossed 2 s, 33.33% of the time" in lines
    assert "locked 1 s, 16.67% of the time" in lines
    assert lines[lines.index("faults") + 1] == "crossed 1"
    times = [moment(START + SECOND * second) for second in (0, 2, 4, 5, 6)]
    assert lines[lines.index("book status over time") + 1 :] == [
        f"{times[0]} {times[1]} 2 s ok",
        f"{times[1]} {times[2]} 2 s crossed",
        f"{times[2]} {times[3]} 1 s locked",
        f"{times[3]} {times[4]} 1 s ok",
    ]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1_000])
def test_crossed_and_locked_time_do_not_depend_on_chunks(
    chunk: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "CHUNK", chunk)
    bids = np.random.default_rng(3).integers(98, 103, 60)
    lines = report(quotes(bids.tolist(), [100] * 60), tmp_path, capsys)
    # A quote holds for the second until the next; after the last there is no time.
    for name, held in (("crossed", bids[:-1] > 100), ("locked", bids[:-1] == 100)):
        share = held.sum() / 59
        assert f"{name} {held.sum()} s, {share:.2%} of the time" in lines


def test_lists_only_so_many_segments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = report(quotes([99, 101] * 40, [100, 100] * 40), tmp_path, capsys)
    assert lines[-1] == "and 50 more"


def test_faults_have_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = simulate(seed=1, events=2_000).events
    rows = events.to_numpy()
    rows = np.delete(rows, np.flatnonzero(rows["action"] == bf.Action.ADD)[500:510])
    lines = report(bf.Events.from_numpy(rows, events.instrument), tmp_path, capsys)
    assert not any(line.startswith("halted ") for line in lines)
    fault = lines[lines.index("faults") + 1]
    assert fault.startswith("unknown_id ")
    assert int(fault.split()[1]) > 0


def test_several_inputs_are_told_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for seed in (1, 2):
        paths.append(tmp_path / f"{seed}.parquet")
        simulate(seed=seed, events=1_000).events.write_parquet(paths[-1])
    assert main(["info", *map(str, paths)]) == 0
    out = capsys.readouterr().out
    assert out.count("events by action") == 2


def test_words_for_people() -> None:
    assert status_words(0) == "ok"
    assert status_words(4 | 16 | 1) == "snapshot-pending, crossed, one-sided"
    assert duration(0) == "0 s"
    assert duration(90_061 * SECOND) == "1 d 1 h"
    assert duration(3_725 * SECOND) == "1 h 2 min"
    assert duration(23_399_999_999_999) == "6 h 30 min"
    assert duration(61 * SECOND) == "1 min 1 s"
    assert duration(1_500_000_000) == "1.5 s"
    assert duration(1) == "0.000000001 s"
    assert moment(START) == "2024-01-02 14:30:00.000000000"
    assert table([("a", "b"), ("longer", "c")]) == "  a       b\n  longer  c"


def test_tells_of_other_states_only_if_they_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = 4
    ts = START + SECOND * np.arange(n)
    depth = quotes([99, 99, 99, 99], [100, 100, 100, 100])
    halts = bf.Events(
        {
            "ts": ts,
            "action": np.full(n, bf.Action.STATUS, np.uint8),
            "side": np.zeros(n, np.uint8),
            "price": np.full(n, bf.NONE),
            "size": np.array([0, bf.Status.HALTED, bf.Status.HALTED, 0]),
        },
        depth.instrument,
        depth=depth.depth,
    )
    lines = report(halts, tmp_path, capsys)
    assert "halted 2 s, 66.67% of the time" in lines
    assert "crossed 0 s, 0.00% of the time" in lines
    assert [line.split()[-1] for line in lines[-3:]] == ["ok", "halted", "ok"]
