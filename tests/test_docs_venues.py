"""The pages of the venues: each example runs on a small log and prints what is shown."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from venue_logs import LOGS

PAGES = Path(__file__).parents[1] / "docs" / "venues"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.S | re.M)


@pytest.mark.parametrize("venue", sorted(LOGS))
def test_examples_print_what_is_shown(
    venue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (PAGES / f"{venue}.md").read_text(encoding="utf-8")
    LOGS[venue](tmp_path / f"{venue}.log")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": venue}
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python") > 0
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"docs/venues/{venue}.md", "exec"), names)
        assert printed.getvalue() == shown
