"""`bookflow calculators`: the list as the core declares it."""

import pytest

import bookflow as bf
from bookflow.cli import main


def test_every_calculator_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calculators"]) == 0
    out = capsys.readouterr().out
    for entry in bf.calculators():
        call = next(line for line in out.splitlines() if line.startswith(entry["name"] + "("))
        assert all(p["name"] in call for p in entry["parameters"])
    assert 'VPIN(bucket_volume, n_buckets=50, sign="aggressor"' in out
    assert "    prints. VPIN, sum over the last n buckets" in out


def test_one_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calculators", "VPIN", "Mid"]) == 0
    out = capsys.readouterr().out
    assert "eq. 9" in out
    assert "a whole number from 1 to 1000000" in out
    assert "Mid()" in out


def test_a_mistyped_name_gets_the_candidates(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calculators", "Vpin"]) == 2
    error = capsys.readouterr().err
    assert "Vpin" in error
    assert "VPIN" in error
