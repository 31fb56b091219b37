"""`bookflow features`: the rows of a pipeline, in a file that is there whole or not at all."""

from pathlib import Path

import numpy as np
import pytest
from small_lobster import write_pair

import bookflow as bf
from bookflow.cli import main
from bookflow.commands import inputs, output
from bookflow.commands.inputs import guess_reader
from bookflow.commands.pairs import lobster_pairs
from bookflow.simulation import simulate

SPECS = ["-f", "ofi=OrderFlowImbalance()", "-f", "mlofi=MultiLevelOrderFlowImbalance(levels=2)"]


@pytest.fixture(scope="module")
def events() -> bf.Events:
    return simulate(seed=2, events=5_000).events


@pytest.fixture(scope="module")
def recording(events: bf.Events, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("events") / "session.parquet"
    events.write_parquet(path)
    return path


def expected(events: bf.Events, clock: str) -> bf.FeatureFrame:
    pipe = bf.Pipeline(
        events.instrument,
        clock=clock,
        features={
            "ofi": bf.OrderFlowImbalance(),
            "mlofi": bf.MultiLevelOrderFlowImbalance(levels=2),
        },
    )
    return bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])


def read(path: Path) -> dict[str, np.ndarray]:
    import polars as pl

    if path.suffix == ".npy":
        rows = np.load(path)
        return {name: rows[name] for name in rows.dtype.names}
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
    return {name: frame[name].to_numpy() for name in frame.columns}


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".npy"])
@pytest.mark.parametrize("parts", [False, True])
def test_writes_what_the_pipeline_writes(
    suffix: str,
    parts: bool,
    recording: Path,
    events: bf.Events,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if parts:
        monkeypatch.setattr(output, "PART_ROWS", 100)
        monkeypatch.setattr(inputs, "CHUNK", 700)
    out = tmp_path / f"features{suffix}"
    assert main(["features", str(recording), "--every", "10events", *SPECS, "--out", str(out)]) == 0
    frame = expected(events, "10events")
    columns = read(out)
    assert list(columns) == ["ts", "status", "seen", "clean", "ofi", "mlofi_1", "mlofi_2"]
    for name in ("ts", "status", "seen", "clean"):
        np.testing.assert_array_equal(columns[name], getattr(frame, name))
    for name, values in frame.columns.items():
        np.testing.assert_array_equal(columns[name], values)
    assert columns["status"][-1] & bf.Status.PARTIAL
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert f"{len(frame):,} rows of ofi, mlofi from 5,000 events" in capsys.readouterr().out


@pytest.mark.parametrize("part_rows", [100, 1 << 20])
def test_parquet_carries_its_origin(
    part_rows: int,
    recording: Path,
    events: bf.Events,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output, "PART_ROWS", part_rows)
    monkeypatch.setattr(inputs, "CHUNK", 700)
    out = tmp_path / "features.parquet"
    assert main(["features", str(recording), "--every", "10events", *SPECS, "--out", str(out)]) == 0
    frame = bf.FeatureFrame.read_parquet(out)
    wanted = expected(events, "10events")
    assert frame.instrument == events.instrument
    assert (frame.spec, frame.version) == (wanted.spec, wanted.version)


def test_settings_reach_the_pipeline(recording: Path, events: bf.Events, tmp_path: Path) -> None:
    out = tmp_path / "x.npy"
    arguments = ["--every", "1000volume", "--session", "15:00 UTC", "--hidden", "none"]
    spec = "vpin=VPIN(bucket_volume=500, n_buckets=5, sign=tick)"
    assert main(["features", str(recording), *arguments, "-f", spec, "--out", str(out)]) == 0
    vpin = bf.VPIN(bucket_volume=500, n_buckets=5, sign="tick")
    pipe = bf.Pipeline(
        events.instrument,
        clock="1000volume",
        session="15:00 UTC",
        hidden="none",
        features={"vpin": vpin},
    )
    frame = bf.FeatureFrame.concat([pipe.run(events), pipe.finish()])
    np.testing.assert_array_equal(np.load(out)["vpin"], frame["vpin"])


def test_several_days_continue_one_pipeline(tmp_path: Path) -> None:
    first = write_pair(tmp_path, day="2024-01-02", seed=1)
    second = write_pair(tmp_path, day="2024-01-03", seed=2)
    out = tmp_path / "two.npy"
    spec = "v=Volume(window=None)"
    files = [str(path) for path in (*first, *second)]
    assert main(["features", *files, "--every", "100events", "-f", spec, "--out", str(out)]) == 0
    pipe = bf.Pipeline(
        bf.read_lobster(*first).instrument,
        clock="100events",
        features={"v": bf.Volume(window=None)},
    )
    frames = [pipe.run(bf.read_lobster(*pair)) for pair in (first, second)]
    frame = bf.FeatureFrame.concat([*frames, pipe.finish()])
    rows = np.load(out)
    np.testing.assert_array_equal(rows["ts"], frame.ts)
    np.testing.assert_array_equal(rows["v"], frame["v"])
    assert (np.diff(rows["v"]) >= 0).all()


def test_another_instrument_is_refused(
    recording: Path, events: bf.Events, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.parquet"
    bf.Events.from_numpy(
        events.to_numpy(), bf.Instrument("OTHER", price_unit="0.001")
    ).write_parquet(other)
    out = tmp_path / "x.npy"
    files = [str(recording), str(other)]
    assert main(["features", *files, "--every", "10s", *SPECS, "--out", str(out)]) == 2
    assert "another instrument" in capsys.readouterr().err
    assert not out.exists()


def test_files_without_units_need_them(
    events: bf.Events, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "a.npy", tmp_path / "x.npy"
    events.write_npy(path)
    arguments = ["features", str(path), "--every", "10s", *SPECS, "--out", str(out)]
    assert main(arguments) == 2
    assert "a.npy: --price-unit: must be given" in capsys.readouterr().err
    assert main([*arguments, "--tick", "0.01"]) == 2
    assert "--price-unit: must be given with --tick" in capsys.readouterr().err
    assert main([*arguments, "--price-unit", "0.01", "--symbol", "X"]) == 0
    assert len(np.load(out)) == len(expected(events, "10s"))


def test_a_failed_job_leaves_the_old_file(
    events: bf.Events, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "features.npy"
    out.write_bytes(b"old")
    bad = events.to_numpy()
    bad["ts"][4_000] = 5
    np.save(tmp_path / "bad.npy", bad)
    files = [str(tmp_path / "bad.npy")]
    arguments = ["--price-unit", "0.01", "--every", "10s", *SPECS, "--out", str(out)]
    assert main(["features", *files, *arguments]) == 2
    assert "row 4000" in capsys.readouterr().err
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.npy", "features.npy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "OrderFlowImbalance()"], "must be NAME=Calculator(...)"),
        (["-f", "VPIN(bucket_volume=5)"], "must be NAME=Calculator(...)"),
        (["-f", "a=Mid()", "-f", "a=Spread()"], "-f = a: there are two of this name"),
        (["-f", "a=Nothing()"], "Nothing"),
        (["-f", "a=VPIN(bucket_volume=-1)"], "bucket_volume"),
        (["-f", "a=__import__('os').getcwd()"], "bookflow features: "),
        (["-f", "a=Mid()", "--every", "10parsecs"], "10parsecs"),
        (["-f", "a=Mid()", "--session", "noon"], "noon"),
        (["-f", "a=Mid()", "--out", "x.txt"], "--out = x.txt: its name must end in .parquet"),
        (["-f", "a=Mid()", "--out", "no/x.npy"], "--out = no/x.npy: there is no such directory"),
        (["-f", "a=Mid()", "--date", "2024-01-02"], "--date: is not for the events reader"),
        (["-f", "a=Mid()", "--seed", "book.csv"], "--seed: is not for the events reader"),
    ],
)
def test_bad_settings_are_2(
    arguments: list[str],
    message: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    defaults = ["--every", "10s", "--out", "out.npy"]
    assert main(["features", str(recording), *defaults, *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("AMZN_2012-06-21_34200000_57600000_message_5.csv", "lobster"),
        ("AMZN_2012-06-21_34200000_57600000_orderbook_5.csv", "lobster"),
        ("es.mbo.dbn.zst", "databento"),
        ("es.dbn", "databento"),
        ("a.parquet", "events"),
        ("a.csv", "events"),
        ("a.npy", "events"),
    ],
)
def test_the_reader_is_guessed_by_the_name(name: str, reader: str) -> None:
    assert guess_reader([Path("some") / name]) == reader


def test_names_that_say_nothing_are_refused() -> None:
    with pytest.raises(bf.InputError, match=r"data\.bin: its name does not say"):
        guess_reader([Path("data.bin")])
    with pytest.raises(bf.InputError, match="several kinds"):
        guess_reader([Path("a.dbn"), Path("b.npy")])


def test_lobster_files_are_paired_by_their_names() -> None:
    days = ["A_2012-06-21_1_2_{}_5.csv", "A_2012-06-22_1_2_{}_5.csv"]
    messages = [Path(day.format("message")) for day in days]
    orderbooks = [Path(day.format("orderbook")) for day in days]
    pairs = list(zip(messages, orderbooks, strict=True))
    assert lobster_pairs([*messages, *reversed(orderbooks)]) == pairs
    assert lobster_pairs(messages[:1]) == [(messages[0], None)]
    assert lobster_pairs([Path("a")]) == [(Path("a"), None)]
    assert lobster_pairs([Path("a"), Path("b")]) == [(Path("a"), Path("b"))]
    with pytest.raises(bf.InputError, match="no message file"):
        lobster_pairs([messages[0], orderbooks[1]])
    with pytest.raises(bf.InputError, match="more than two"):
        lobster_pairs([Path("a"), Path("b"), Path("c")])


def test_no_lobster_file_is_read_without_its_book_by_mistake() -> None:
    days = ["A_2012-06-21_1_2_{}_5.csv", "A_2012-06-22_1_2_{}_5.csv"]
    messages = [Path(day.format("message")) for day in days]
    orderbooks = [Path(day.format("orderbook")) for day in days]
    for paths in ([messages[0], orderbooks[0], messages[1]], messages, [*messages, orderbooks[1]]):
        with pytest.raises(bf.InputError, match=r"message_5\.csv: there is no orderbook file"):
            lobster_pairs(paths)
    pair = [messages[0], orderbooks[0]]
    for paths in (pair * 2, [*pair, messages[0].absolute()], [Path("a"), Path("a")]):
        with pytest.raises(bf.InputError, match="is given twice"):
            lobster_pairs(paths)


def test_a_message_file_alone_is_seeded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message, orderbook = write_pair(tmp_path)
    out = tmp_path / "x.npy"
    arguments = ["--every", "event", "-f", "bid=Touch(of=bid_price)", "--out", str(out)]
    assert main(["features", str(message), "--seed", str(orderbook), *arguments]) == 0
    events = bf.read_lobster(message, seed=orderbook)
    pipe = bf.Pipeline(events.instrument, features={"bid": bf.Touch(of="bid_price")})
    np.testing.assert_array_equal(np.load(out)["bid"], pipe.run(events)["bid"])
    assert np.load(out)["bid"][1] > 0  # row 0 is before the seed
    capsys.readouterr()
    both = [str(message), str(orderbook), "--seed", str(orderbook)]
    assert main(["features", *both, *arguments]) == 2
    assert "seed: is for message files without an orderbook file" in capsys.readouterr().err
    assert main(["features", str(message), "--seed", str(tmp_path / "no"), *arguments]) == 2
    assert "no such file" in capsys.readouterr().err.lower()


def test_faults_are_told_at_the_end(
    events: bf.Events, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = events.to_numpy()
    removed = np.flatnonzero(rows["action"] == bf.Action.ADD)[500:510]
    path, out = tmp_path / "faulty.npy", tmp_path / "x.npy"
    np.save(path, np.delete(rows, removed))
    arguments = ["--price-unit", "0.01", "--every", "10s", *SPECS, "--out", str(out)]
    assert main(["features", str(path), *arguments]) == 0
    err = capsys.readouterr().err
    assert err.startswith("bookflow features: faults: ")
    assert " unknown_id" in err
    assert err.count("\n") == 1


def test_an_input_that_ends_inside_an_atomic_event_says_so(
    events: bf.Events, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = events.to_numpy()
    rows["flags"][-1] &= ~np.uint16(bf.Flag.LAST)
    path, out = tmp_path / "open.npy", tmp_path / "x.npy"
    np.save(path, rows)
    arguments = ["--price-unit", "0.01", "--every", "10s", *SPECS, "--out", str(out)]
    assert main(["features", str(path), *arguments]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "bookflow features: the input ends inside an atomic event, which is left out",
        "bookflow features: faults: 1 unfinished",
    ]
