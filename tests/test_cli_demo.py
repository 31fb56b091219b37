"""`bookflow demo`: its files, its figures, its numbers."""

import re
from pathlib import Path

import numpy as np
import pytest

import bookflow as bf
from bookflow.cli import main
from bookflow.commands.demo import demo_pipeline
from bookflow.report import linear_fit
from bookflow.simulation import simulate


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "out"


@pytest.fixture(scope="module")
def printed(directory: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(words)))
        assert main(["demo", "--out", str(directory), "--events", "30000", "--seed", "5"]) == 0
    return "\n".join(lines)


def test_prints_a_summary(printed: str, directory: Path) -> None:
    assert "30,000 market-by-order" in printed
    assert re.search(r"[\d,]+ events/s", printed)
    assert re.search(r"faults +none", printed)
    assert str(directory / "report.html") in printed
    assert str(directory / "features.parquet") in printed


def test_features_are_the_pipelines(printed: str, directory: Path) -> None:
    frame = bf.FeatureFrame.read_parquet(directory / "features.parquet")
    sim = simulate(seed=5, events=30_000)
    pipe = demo_pipeline(sim)
    again = bf.FeatureFrame.concat([pipe.run(sim.events), pipe.finish()])
    assert list(frame.columns) == list(again.columns)
    np.testing.assert_array_equal(frame.to_numpy(), again.to_numpy())
    assert f"{len(frame):,}, one every 10s" in printed


def test_the_report_is_whole_in_itself(printed: str, directory: Path) -> None:
    report = directory / "report.html"
    assert report.stat().st_size < 8_000_000
    page = report.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)
    for heading in ("Price and best quotes", "Imbalance", "VPIN", "mid price"):
        assert f"{heading}</h2>" in page
    assert page.count('class="plotly-graph-div"') == 4
    assert re.search(r"R&sup2; = 0\.\d{3}", page)
    assert page.count('"type":"rect"') == 3 * 6


def test_linear_fit_is_least_squares() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=200)
    y = 3 * x - 1 + rng.normal(size=200)
    fit = linear_fit(x, y)
    slope, intercept = np.polyfit(x, y, 1)
    assert fit.slope == pytest.approx(slope)
    assert fit.intercept == pytest.approx(intercept)
    assert fit.r2 == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2)
    assert fit.n == 200


def test_linear_fit_leaves_out_what_is_no_number() -> None:
    fit = linear_fit(np.array([1.0, 2.0, np.nan, 4.0]), np.array([2.0, 4.0, 6.0, np.nan]))
    assert (fit.n, fit.slope, fit.intercept) == (2, 2.0, 0.0)
    assert np.isnan(linear_fit(np.array([1.0, 1.0]), np.array([1.0, 2.0])).slope)
    assert np.isnan(linear_fit(np.array([1.0, 2.0]), np.array([5.0, 5.0])).r2)
    assert linear_fit(np.empty(0), np.empty(0)).n == 0
