"""The pages of the venues: each example runs on a small log and prints what is shown."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
import venue_logs
import venue_logs_orders
import venue_logs_updates
from test_docs_examples import FILES

LOGS = venue_logs.LOGS | venue_logs_orders.LOGS | venue_logs_updates.LOGS
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


def test_every_page_has_an_example_that_is_run() -> None:
    run = {*LOGS, *(Path(page).name for page in FILES)}
    assert {page.stem for page in PAGES.glob("*.md")} <= run
