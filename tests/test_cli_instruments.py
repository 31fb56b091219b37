"""Inputs of several instruments: one is picked, or each is described."""

from pathlib import Path

import numpy as np
import pytest

import bookflow as bf
from bookflow.cli import main
from bookflow.commands import inputs
from bookflow.simulation import simulate

IDS = (0, 7)
FEATURES = ["--every", "100events", "-f", "ofi=OrderFlowImbalance()"]


@pytest.fixture(scope="module")
def parts() -> dict[int, bf.Events]:
    """The events of each instrument by itself."""
    made = {}
    for number in IDS:
        events = simulate(seed=number, events=3_000 + number).events
        rows = events.to_numpy()
        rows["instrument"] = number
        instrument = bf.Instrument(events.instrument.symbol, price_unit="0.01", id=number)
        made[number] = bf.Events.from_numpy(rows, instrument)
    return made


@pytest.fixture(scope="module")
def recording(parts: dict[int, bf.Events], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both in one file, by time."""
    rows = np.concatenate([part.to_numpy() for part in parts.values()])
    path = tmp_path_factory.mktemp("two") / "two.npy"
    np.save(path, rows[np.argsort(rows["ts"], kind="stable")])
    return path


@pytest.mark.parametrize("number", IDS)
@pytest.mark.parametrize("chunk", [100, 1 << 18])
def test_features_of_one_of_two(
    number: int,
    chunk: int,
    recording: Path,
    parts: dict[int, bf.Events],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(inputs, "CHUNK", chunk)
    out = tmp_path / "x.npy"
    arguments = ["--price-unit", "0.01", "--instrument", str(number), *FEATURES, "--out", str(out)]
    assert main(["features", str(recording), *arguments]) == 0
    assert f"from {len(parts[number]):,} events" in capsys.readouterr().out
    features = {"ofi": bf.OrderFlowImbalance()}
    pipe = bf.Pipeline(parts[number].instrument, clock="100events", features=features)
    frame = bf.FeatureFrame.concat([pipe.run(parts[number]), pipe.finish()])
    rows = np.load(out)
    np.testing.assert_array_equal(rows["ts"], frame.ts)
    np.testing.assert_array_equal(rows["ofi"], frame["ofi"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["features", *FEATURES, "--out", "x.npy"], "--instrument: must be one of 0, 7"),
        (
            ["features", *FEATURES, "--out", "x.npy", "--instrument", "8"],
            "two.npy: --instrument = 8: is not in the input, which has 0, 7",
        ),
        (["info", "--instrument", "8"], "--instrument = 8: is not in the input, which has 0, 7"),
        (["info", "--reader", "lobster", "--instrument", "0"], "is not for the lobster reader"),
    ],
)
def test_the_ids_there_are_are_told(
    arguments: list[str],
    message: str,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    units = [] if "lobster" in arguments else ["--price-unit", "0.01"]
    assert main([*arguments, *units, str(recording)]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def told(path: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """What `info` says after the file's name, an instrument each."""
    assert main(["info", str(path), "--price-unit", "0.01", *arguments]) == 0
    return capsys.readouterr().out.partition("\n")[2].rstrip("\n").split("\n\n")


@pytest.mark.parametrize("chunk", [100, 1 << 18])
def test_info_describes_each(
    chunk: int,
    recording: Path,
    parts: dict[int, bf.Events],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(inputs, "CHUNK", chunk)
    both = told(recording, capsys)
    assert len(both) == len(IDS)
    for number, text in zip(IDS, both, strict=True):
        assert told(recording, capsys, "--instrument", str(number)) == [text]
        path = tmp_path / f"{number}.npy"
        parts[number].write_npy(path)
        assert told(path, capsys) == [text]


def test_what_the_reader_counts_is_told_once(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = np.load(recording)
    rows["ts"][[-50, -40]] = rows["ts"][0]
    path = tmp_path / "late.npy"
    np.save(path, rows)
    *both, last = told(path, capsys, "--order", "as-is")
    assert last == "faults of the whole file: 2 late"
    assert all("late" not in text for text in both)


@pytest.mark.shared
def test_a_databento_file_says_which_it_has(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = sorted((shared / "data").rglob("*mbo*.dbn*"))
    if not paths:
        pytest.skip("needs a Databento recording")
    assert main(["info", str(paths[0]), "--instrument", "1"]) == 2
    assert "--instrument = 1: is not in the input, which has " in capsys.readouterr().err
