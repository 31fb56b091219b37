"""The examples of the venues' pages, each on a small log of that venue."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from venue_logs import LOGS

DOCS = Path(__file__).parents[1] / "docs/venues"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.S | re.M)
PAGES = sorted(path.stem for path in DOCS.glob("*.md") if "```python" in path.read_text("utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_the_example_prints_what_is_shown(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LOGS[page](tmp_path / f"{page}.log")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": page}
    for code, shown in BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8")):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"docs/venues/{page}.md", "exec"), names)
        assert printed.getvalue() == shown
