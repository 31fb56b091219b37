"""The command line as such: help, exit codes, messages without tracebacks."""

import io
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import bookflow as bf
from bookflow.cli import main
from bookflow.commands import demo
from bookflow.commands.progress import Progress
from bookflow.simulation import simulate

COMMANDS = ("demo", "features", "info", "verify")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert "example" in text
    assert f"  bookflow {command}" in text


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(f"\n    {command} " in text for command in COMMANDS)
    assert "exit codes" in text
    assert all(code in text for code in ("130", "141", "143"))


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"bookflow {bf.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["nothing"], "invalid choice"),
        (["demo", "--events", "many"], "invalid number value: 'many'"),
        (["demo", "--seed", "-1"], "-1 is negative"),
        (["features", "x.parquet", "--every", "10s", "--out", "y.csv"], "-f/--feature"),
    ],
)
def test_wrong_usage_is_2(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "no/such.parquet"], "bookflow info: no/such.parquet: no such file"),
        (["info", "--reader", "events", "no/such"], "no/such: no such file"),
        (
            ["info", "--reader", "krakn", __file__],
            "= krakn: is no reader; there is kraken",
        ),
        (["verify", "--reader", "events", "a.npy"], "a.npy: no such file"),
        (["demo", "--events", "10"], "bookflow demo: events = 10: must be at least 1000"),
        (["verify", "a_message_1.csv", "a_orderbook_1.csv"], "bookflow verify: "),
    ],
)
def test_bad_input_is_2_and_one_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_file_of_the_wrong_type_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "numbers.npy"
    np.save(path, np.arange(5))
    assert main(["info", str(path), "--price-unit", "0.01"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("bookflow info: numbers.npy: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (ImportError('plotly is not installed: pip install "bookflow[plot]"'), 2),
        (OSError("disk full"), 2),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException,
    code: int,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(args: object) -> int:
        raise error

    monkeypatch.setattr(demo, "run", fail)
    assert main(["demo"]) == code
    expected = "" if code == 130 else f"bookflow demo: {error}\n"
    assert capsys.readouterr().err == expected


def test_a_missing_extra_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    assert main(["demo", "--out", str(tmp_path), "--events", "1000"]) == 2
    assert 'pip install "bookflow[plot]"' in capsys.readouterr().err


def test_runs_as_a_module_and_prints_nothing_to_stderr(tmp_path: Path) -> None:
    path = tmp_path / "events.npy"
    simulate(seed=0, events=1_000).events.write_npy(path)
    done = subprocess.run(
        [sys.executable, "-m", "bookflow", "info", str(path), "--price-unit", "0.01"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "1,000" in done.stdout


def test_a_closed_pipe_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "events.npy"
    simulate(seed=0, events=1_000).events.write_npy(path)
    process = subprocess.Popen(
        [sys.executable, "-m", "bookflow", "info", str(path), "--price-unit", "0.01"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert err == b""


def test_help_does_not_import_what_commands_need() -> None:
    code = (
        "import sys, bookflow.cli\n"
        "try: bookflow.cli.main(['demo', '--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('polars', 'plotly', 'databento_dbn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "watched", "shown"), [(5, True, True), (0, True, False), (5, False, False)]
)
def test_progress_is_for_long_work_and_those_who_watch(
    seconds: float, watched: bool, shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stderr = Terminal() if watched else io.StringIO()
    clock = iter([0.0, seconds, seconds + 0.01])
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with Progress("events") as progress:
        progress.add(10_000)
        progress.add(1)
    assert stderr.getvalue() == ("\r10,000 events, 2,000/s \r\x1b[K" if shown else "")
