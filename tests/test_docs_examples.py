"""Pages whose examples are run: each block goes on from those before and prints what is shown."""

import contextlib
import gzip
import io
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import test_reader_databento as databento
import test_reader_tables as tables
import test_reader_tardis as tardis
from captures import pcap, session

import bookflow as bf

DOCS = Path(__file__).parents[1] / "docs"
# What a page's examples read, by its name.
FILES = {
    "venues/iex": {"acme.pcap.gz": lambda: gzip.compress(pcap(session()))},
    "venues/databento": {
        "es.mbo.dbn": lambda: (
            databento.header("mbo") + databento.records("mbo", databento.MBO).tobytes()
        ),
    },
    "venues/hftbacktest": {},
    "venues/itch": {},
    "venues/tables": {"trades.csv": lambda: tables.PRINTS.encode()},
    "venues/tardis": {
        "book.csv.gz": lambda: gzip.compress("\n".join([tardis.BOOK, *tardis.ROWS]).encode()),
    },
}
PAGES = (
    "checkpoints",
    "composition",
    "detection",
    "feeds",
    "live",
    "order_flow_regression",
    "profile",
    *FILES,
)
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.S | re.M)


@pytest.mark.parametrize("page", PAGES)
def test_examples_print_what_is_shown(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, make in FILES.get(page, {}).items():
        (tmp_path / name).write_bytes(make())
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": page}
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python") > 0
    assert sum(bool(shown) for _, shown in blocks) == text.count("```text")
    for code, shown in blocks:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"docs/{page}.md", "exec"), names)
        assert printed.getvalue() == shown


@pytest.mark.parametrize("page", sorted(path.stem for path in DOCS.glob("*.md")))
def test_the_index_lists_the_page(page: str) -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert page == "index" or f"\n{page}\n" in index


def test_the_page_of_feeds_lists_all_venues() -> None:
    assert "\nvenues/*\n" in (DOCS / "feeds.md").read_text(encoding="utf-8")


def test_the_calculators_page_has_all_of_them() -> None:
    """Sphinx's configuration writes it from what the core says, of every feed there is."""
    page = runpy.run_path(str(DOCS / "conf.py"))["calculators_page"]()
    assert [c["name"] for c in bf.calculators() if f"\n## {c['name']}\n" not in page] == []


def test_plots_are_those_that_the_script_draws() -> None:
    """As committed, but for the last digit of a place where a platform rounds otherwise."""
    numbers = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
    for name, draw in runpy.run_path(str(DOCS / "plots.py"))["PLOTS"].items():
        drawn, kept = draw(), (DOCS / "plots" / f"{name}.svg").read_text(encoding="utf-8")
        assert numbers.sub("#", drawn) == numbers.sub("#", kept)
        pairs = zip(numbers.findall(drawn), numbers.findall(kept), strict=True)
        assert all(abs(float(a) - float(b)) <= 0.11 for a, b in pairs), name


def test_every_picture_is_there() -> None:
    picture = re.compile(r"!\[[^]]*\]\(([^)]+)\)")
    pages = {path: path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
    shown = {
        (path.parent / name).resolve()
        for path, text in pages.items()
        for name in picture.findall(text)
    }
    entries = runpy.run_path(str(DOCS / "conf.py"))["PLOTS"].values()  # of the page it writes
    shown |= {(DOCS / "generated" / name).resolve() for name in entries}
    assert {path for path in shown if not path.exists()} == set()
    assert {path.resolve() for path in (DOCS / "plots").glob("*.svg")} <= shown
