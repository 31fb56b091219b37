"""Every real recording through the command line, and the truth that it carries.

`READ` says for each file of the recordings how `bookflow info` reads it, `TRUTH` what
`bookflow verify` finds: how much was compared and how much of it was equal. A file that is in
neither is named in `NOT_EVENTS` with the reason.
"""

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from bookflow.cli import main
from bookflow.commands.sources import READERS

FEEDS = {
    "binance": ("hftbacktest/*.gz", "cryptofeed/BINANCE-*"),
    "bitfinex": ("cryptofeed/BITFINEX-58bafb.0",),
    "bitget": ("cryptofeed/BITGET.ws.1.0",),
    "bitmex": ("cryptofeed/BITMEX.ws.17.0",),
    "bitstamp": ("cryptofeed/BITSTAMP-b88f8b.0",),
    "blockchain": ("cryptofeed/BLOCKCHAIN-f74c46.0",),
    "bybit": ("cryptofeed/BYBIT.ws.25.0", "nautilus/bybit_xrpusdt-ob500.data.zip"),
    "coinbase": ("cryptofeed/COINBASE.ws.28.0",),
    "deribit": ("cryptofeed/DERIBIT-5dd9ce.0",),
    "ftx": ("cryptofeed/FTX.ws.*",),
    "independent_reserve": ("cryptofeed/INDEPENDENT_RESERVE.ws.1.0",),
    "kraken": ("cryptofeed/KRAKEN.ws.50.0",),
    "okx": ("cryptofeed/OK*",),
}

CSV = "--reader csv --price-unit 0.01 --ts-unit s --kind "
MICRO = "--reader csv --price-unit 1e-4 --ts-unit s --kind "
TABLES = {
    # recording: how it is read, and how many events there are
    "ccapi_gemini/gemini__eth-usd__2021-07-01__trade.csv": (
        CSV + "trades --size-unit 1e-8 --map ts=time_seconds,side=is_buyer_maker "
        "--words side:1=sell,0=buy",
        25_222,
    ),
    "ccapi_gemini/gemini__eth-usd__2021-07-01__market-depth.csv": (
        CSV + "quotes --open-end --size-unit 1e-8 --map ts=time_seconds "
        "--split bid_price_bid_size=_,bid_price,bid_size "
        "--split ask_price_ask_size=_,ask_price,ask_size",
        None,
    ),
    "pinstimation/hfdata.csv": (MICRO + "trades --map ts=timestamp,size=volume", 100_000),
    "blockhouse_mbp10/first_25000_rows.csv": (CSV + "depth --map ts=ts_recv", 5_000),
    "obanalytics/lob_data_trades.csv.gz": (
        CSV + "trades --map ts=timestamp,size=volume,side=direction",
        482,
    ),
    "nautilus/binance_btcusdt-trades.parquet": (
        CSV + "trades --float-digits 15 --size-unit 1e-6 "
        "--map ts=timestamp,size=quantity,side=buyer_maker --words side:True=sell,False=buy",
        2_001,
    ),
    "tardis/deltas_1.csv": ("--reader tardis --ts-unit ns", None),
    "tardis/trades_1.csv": ("--reader tardis --ts-unit ns", 2),
    "tardis/deltas_with_snapshot.csv": ("--reader tardis", None),
    "tardis/deribit_incremental_book_L2_BTC-PERPETUAL.csv": ("--reader tardis", None),
    "tardis/bitmex_trades_XBTUSD.csv": ("--reader tardis", 10),
    "tardis/huobi-dm-swap_quotes_BTC-USD.csv": ("--reader tardis", None),
    "tardis/nautilus_quotes.csv": ("--reader tardis", 9_999),
    "tardis/nautilus_trades.csv": ("--reader tardis", 9_999),
    "tardis/options_chain.csv": ("--reader tardis", None),
    "tardis/binance-futures_book_snapshot_5_BTCUSDT.csv": ("--reader tardis", 10),
    "tardis/binance-futures_book_snapshot_25_BTCUSDT.csv": ("--reader tardis", 10),
    "iex/test.pcap.gz": ("--reader iex", None),
    "itch/ritch_ex20101224.TEST_ITCH_50": ("--date 2010-12-24", None),
    "itch/lukefasanello_sample.itch": ("--date 2020-01-30 --damaged stop", None),
    "itch/b-bekele_sample.itch": ("--date 2020-01-30", None),
    "databento/nautilus/esh4-glbx-mdp3-20231224.mbo.dbn.zst": ("", None),
}
"""Files of other kinds, with what the command line is told."""

TRUTH: dict[tuple[str, ...], tuple[str, str, int, int]] = {
    # recording(s): reader, what is compared, how many, how many are equal
    ("cryptofeed/KRAKEN.ws.50.0",): ("kraken", "checksum", 4_269, 4_269),
    ("cryptofeed/FTX.ws.32.0",): ("ftx", "checksum", 1_276, 1_276),
    ("cryptofeed/FTX.ws.1.0",): ("ftx", "checksum", 971, 971),
    ("cryptofeed/OKEX.ws.56.0",): ("okx", "checksum", 2_398, 2_398),
    ("cryptofeed/OKX.ws.1.0-b",): ("okx", "checksum", 290, 290),
    ("cryptofeed/OKCOIN.ws.3.0",): ("okx", "checksum", 1_099, 1_099),
    ("cryptofeed/BITFINEX-58bafb.0",): ("bitfinex", "ticker", 46, 46),
    ("cryptofeed/BITGET.ws.1.0",): ("bitget", "checksum", 443, 443),
    ("cryptofeed/BITMEX.ws.17.0",): ("bitmex", "quote", 429, 421),
    ("cryptofeed/BINANCE-b38f7c.0",): ("binance", "best quote", 4_629, 4_629),
    ("hftbacktest/usdm__ethusdt_20240808.gz",): ("binance", "best quote", 6_581, 6_581),
    ("hftbacktest/spot__btcusdt_20240808.gz",): ("binance", "best quote", 3_449, 3_449),
    ("hftbacktest/spot__btcusdt_20240808.gz", "hftbacktest/spot__btcusdt_20240809.gz"): (
        "binance",
        "best quote",
        6_491,
        6_491,
    ),
    ("hftbacktest/cm__ethusd_perp_20240808.gz",): ("binance", "best quote", 22_887, 22_887),
    ("hftbacktest/cm__ethusd_perp_20240808.gz", "hftbacktest/cm__ethusd_perp_20240809.gz"): (
        "binance",
        "best quote",
        39_133,
        39_133,
    ),
}

pytestmark = pytest.mark.shared


def feeds(shared: Path) -> list[tuple[str, Path]]:
    data = shared / "data"
    return [
        (venue, path)
        for venue, patterns in FEEDS.items()
        if venue in READERS
        for pattern in patterns
        for path in sorted(data.glob(pattern))
    ]


def test_info_reads_every_feed(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert feeds(shared)
    for venue, path in feeds(shared):
        assert main(["info", "--reader", venue, str(path)]) == 0, path
        said = capsys.readouterr().out
        assert re.search(r"events +[1-9]", said), (path, said)


@pytest.mark.parametrize("name", TABLES)
def test_info_reads_a_table(name: str, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options, rows = TABLES[name]
    assert main(["info", *options.split(), str(shared / "data" / name)]) == 0
    said = capsys.readouterr().out
    events = sum(int(n.replace(",", "")) for n in re.findall(r"^  events +([0-9,]+)", said, re.M))
    assert events == rows if rows is not None else events > 0, said


@pytest.mark.parametrize("names", TRUTH, ids=lambda names: names[0])
def test_the_truth_of_a_recording(
    names: tuple[str, ...], shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reader, what, compared, equal = TRUTH[names]
    if reader not in READERS:
        pytest.fail(f"there is no reader {reader}")
    files = [str(shared / "data" / name) for name in names]
    as_one = ["--as-one"] if len(files) > 1 else []
    assert main(["verify", "--reader", reader, *as_one, *files]) == 0
    said = capsys.readouterr().out
    found = re.search(rf"{what}s compared +([0-9,]+)\nequal +([0-9,]+)", said)
    assert found, said
    assert [int(n.replace(",", "")) for n in found.groups()] == [compared, equal], said


def test_every_recorded_feed_is_named(shared: Path) -> None:
    """A recording that comes anew must not go unnoticed."""
    data = shared / "data"
    patterns = [pattern for group in FEEDS.values() for pattern in group]
    for folder in ("cryptofeed", "hftbacktest"):
        for path in (data / folder).iterdir():
            name = f"{folder}/{path.name}"
            if name != "cryptofeed/INDEPENDENT_RESERVE.http.0.0":  # the snapshots of the other
                assert any(fnmatch(name, pattern) for pattern in patterns), name
