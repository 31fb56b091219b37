"""The README's example gives the output shown there, and its two commands are those of CI."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.S)
    assert found, language
    return found[1]


def test_the_example_prints_what_is_shown(tmp_path: Path) -> None:
    code = block("python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert run.stdout == block("text")


def test_the_two_commands_are_there() -> None:
    lines = README.splitlines()
    assert 'pip install ".[all]" && bookflow demo' in lines
    assert 'pip install -e ".[all,test]" && pytest' in lines
