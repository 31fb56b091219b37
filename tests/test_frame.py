"""Feature frames: columns and rows, and the files that they write."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import bookflow as bf

ACME = bf.Instrument("ACME", price_unit="0.01", tick="0.01")


def frame(**changes: Any) -> bf.FeatureFrame:
    given: dict[str, Any] = {
        "ts": np.array([10, 20, 30]),
        "status": np.array([0, bf.Status.CROSSED, bf.Status.UNVERIFIABLE], np.uint16),
        "seen": np.array([0, bf.Status.CROSSED, bf.Status.CROSSED], np.uint16),
        "clean": np.array([5_000_000_000, 0, 60_000_000_000]),
        "columns": {
            "ofi": np.array([1.0, -0.1, np.nan]),
            "mlofi_1": np.array([1.0, 2.0, 3.0]),
            "mlofi_2": np.array([4.0, 5.0, 6.0]),
            "qi": np.array([0.25, 0.5, 1 / 3]),
        },
        "spec": "ofi=OrderFlowImbalance()",
        "instrument": ACME,
        "version": "0.1.0",
    }
    return bf.FeatureFrame(**given | changes)


def test_columns_features_and_vectors() -> None:
    made = frame()
    assert len(made) == 3
    assert made.features == ["ofi", "mlofi", "qi"]
    assert made["ofi"] is made.columns["ofi"]
    assert made["mlofi"].tolist() == [[1, 4], [2, 5], [3, 6]]
    assert made["mlofi_2"].tolist() == [4, 5, 6]
    assert "mlofi" in made
    assert "vpin" not in made
    with pytest.raises(KeyError, match="there are ofi, mlofi"):
        made["vpin"]


def test_numbered_names_that_are_no_vector_stay_themselves() -> None:
    columns = {name: np.zeros(3) for name in ("a", "a_1", "b_2", "c_01")}
    assert frame(columns=columns).features == ["a", "a_1", "b_2", "c_01"]


def test_to_numpy_is_rows_by_features() -> None:
    matrix = frame().to_numpy()
    assert matrix.shape == (3, 4)
    assert matrix.dtype == np.float64
    assert matrix[1].tolist() == [-0.1, 2.0, 5.0, 0.5]
    assert frame(columns={}).to_numpy().shape == (3, 0)


def test_rows() -> None:
    rows = list(frame())
    assert [row.ts for row in rows] == [10, 20, 30]
    assert rows[1].status is bf.Status.CROSSED
    assert rows[2].seen is bf.Status.CROSSED
    assert rows[0].clean == 5_000_000_000
    assert rows[1]["ofi"] == rows[1].ofi == -0.1
    assert rows[1]["mlofi"].tolist() == [2.0, 5.0]
    assert rows[1].mlofi_2 == 5.0
    assert "ofi=-0.1" in repr(rows[1])
    with pytest.raises(KeyError, match="there are"):
        rows[0]["vpin"]
    with pytest.raises(AttributeError, match="vpin"):
        _ = rows[0].vpin


def test_good_rows_are_clean_for_long_enough() -> None:
    made = frame()
    assert made.good().tolist() == [True, False, True]
    assert made.good("5s").tolist() == [True, False, True]
    assert made.good("1m").tolist() == [False, False, True]
    assert made.good(60_000_000_001).tolist() == [False] * 3
    for span in ("soon", "1 m", 1.5, True):
        with pytest.raises(bf.InputError):
            made.good(span)  # type: ignore[arg-type]


def test_concat_is_the_rows_in_order() -> None:
    whole = bf.FeatureFrame.concat([frame(), frame()])
    assert whole.ts.tolist() == [10, 20, 30] * 2
    assert whole["qi"].tolist() == frame()["qi"].tolist() * 2
    assert (whole.spec, whole.instrument, whole.version) == (frame().spec, ACME, "0.1.0")
    with pytest.raises(bf.InputError, match="different pipelines"):
        bf.FeatureFrame.concat([frame(), frame(spec="other=Mid()")])
    with pytest.raises(bf.InputError, match="different instruments"):
        bf.FeatureFrame.concat([frame(), frame(instrument=None)])
    with pytest.raises(bf.InputError, match="nothing"):
        bf.FeatureFrame.concat([])


def test_columns_of_other_lengths_and_types_are_refused() -> None:
    with pytest.raises(bf.InputError) as error:
        frame(seen=np.zeros(2, np.uint16))
    assert error.value.field == "seen"
    with pytest.raises(bf.InputError) as error:
        frame(columns={"ofi": np.zeros((3, 2))})
    assert error.value.field == "ofi"
    with pytest.raises(TypeError, match="ofi"):
        frame(columns={"ofi": np.zeros(3, np.int64)})
    with pytest.raises(TypeError, match="ts"):
        frame(ts=np.zeros(3))


def test_frames_of_polars_and_pandas() -> None:
    made = frame()
    names = ["ts", "status", "seen", "clean", *made.columns]
    polars = made.to_polars()
    assert polars.columns == names
    assert polars["status"].dtype == pl.UInt16
    pandas = made.to_pandas()
    assert list(pandas.columns) == names
    assert pandas["ofi"].tolist()[:2] == [1.0, -0.1]


def test_parquet_keeps_spec_version_and_instrument(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    made = frame()
    made.write_parquet(path)
    metadata = pl.read_parquet_metadata(path)
    assert metadata["bookflow.spec"] == made.spec
    assert metadata["bookflow.version"] == "0.1.0"
    again = bf.FeatureFrame.read_parquet(path)
    assert again.instrument == ACME
    assert (again.spec, again.version) == (made.spec, made.version)
    assert np.array_equal(again.to_numpy(), made.to_numpy(), equal_nan=True)
    for name in ("ts", "status", "seen", "clean"):
        assert np.array_equal(getattr(again, name), getattr(made, name))
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(bf.InputError) as error:
        bf.FeatureFrame.read_parquet(path)
    assert error.value.field == "ts"


def test_csv_and_npy_read_back_the_same(tmp_path: Path) -> None:
    made = frame()
    made.write_csv(tmp_path / "a.csv")
    assert pl.read_csv(tmp_path / "a.csv").equals(
        made.to_polars().cast({"status": pl.Int64, "seen": pl.Int64})
    )
    made.write_npy(tmp_path / "a.npy")
    rows = np.load(tmp_path / "a.npy")
    assert rows.dtype.names == ("ts", "status", "seen", "clean", *made.columns)
    assert np.array_equal(rows["ofi"], made["ofi"], equal_nan=True)


def test_without_the_extra_the_error_says_how_to_get_it() -> None:
    code = """
import sys
sys.modules["polars"] = sys.modules["pandas"] = None
import numpy as np
import bookflow as bf
stamps = [np.zeros(1, d) for d in ("i8", "u2", "u2", "i8")]
frame = bf.FeatureFrame(*stamps, {"a": np.zeros(1)})
for call in (frame.to_polars, frame.to_pandas, lambda: frame.write_parquet("x")):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'polars is not installed: pip install "bookflow[io]"',
        'pandas is not installed: pip install "pandas"',
        'polars is not installed: pip install "bookflow[io]"',
    ]


def test_a_negative_span_is_refused_and_names_are_listed_once() -> None:
    with pytest.raises(bf.InputError):
        frame().good(-5)
    with pytest.raises(KeyError) as error:
        frame()["vpin"]
    assert str(error.value).count("qi") == 1


def test_files_that_cannot_be_written_or_read(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing more")
    with pytest.raises(bf.InputError, match="is no Parquet file") as error:
        bf.FeatureFrame.read_parquet(path)
    assert error.value.source == str(path)
    with pytest.raises(FileNotFoundError):
        bf.FeatureFrame.read_parquet(tmp_path / "none.parquet")
    full = Path("/dev/full")
    if not full.exists():
        return
    columns = {"a": np.random.default_rng(1).random(100_000)}
    stamps = {"ts": np.int64, "status": np.uint16, "seen": np.uint16, "clean": np.int64}
    large = frame(columns=columns, **{n: np.zeros(100_000, t) for n, t in stamps.items()})
    for write in (large.write_parquet, large.write_csv, large.write_npy):
        with pytest.raises(OSError, match=r"full|space"):
            write(full)


def test_the_import_is_light() -> None:
    code = """
import sys, numpy
before = set(sys.modules)
import bookflow
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("bookflow")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dataclasses", "pathlib", "polars", "pandas", "difflib"} & set(done.stdout.split())
