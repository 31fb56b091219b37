"""The command line: what is asked for. What is done stands in `bookflow.commands`."""

import argparse
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bookflow.errors import InputError, StateError

__all__ = ["main"]

_ABOUT = """\
Order-flow features from market data.

exit codes: 0 done; 1 the data differ (verify); 2 wrong usage, bad input or a failed write;
130 interrupted; 141 the reader of the output has gone; 143 terminated"""

_DEMO = """\
examples:
  bookflow demo
  bookflow demo --out /tmp/session --events 200000 --seed 7"""

_LIVE_DEMO = """\
examples:
  bookflow live-demo
  bookflow live-demo --seconds 30 --events 500000"""

_FEATURES = """\
examples:
  bookflow features AMZN_2012-06-21_34200000_57600000_message_5.csv \\
      AMZN_2012-06-21_34200000_57600000_orderbook_5.csv --every 10s \\
      -f "ofi=OrderFlowImbalance()" -f "qi=QueueImbalance()" --out amzn.parquet
  bookflow features esm4.mbo.dbn.zst --every 1000volume \\
      -f "vpin=VPIN(bucket_volume=500, n_buckets=50, sign=aggressor)" --out vpin.csv
  bookflow features session.parquet --every best --session "09:30-16:00 America/New_York" \\
      -f "micro=WeightedMid()" -f "mlofi=MultiLevelOrderFlowImbalance(levels=5)" --out x.npy
  bookflow features year.parquet --every 1s -f "mid=Mid()" --out year.csv --resume

The last one may be killed at any time: the same command goes on from its last checkpoint, and the
file is in the end that of a job that was never interrupted.

LOBSTER files are paired by their names, so several days can be given in order: the book, the
windows and VPIN's buckets go on from one to the next. A message file alone is replayed, from an
empty book or from --seed, and its rows are marked unverifiable."""

_CALCULATORS = """\
examples:
  bookflow calculators
  bookflow calculators VPIN OrderFlowImbalance"""

_INFO = """\
examples:
  bookflow info session.parquet
  bookflow info esm4.mbo.dbn.zst --instrument 5602
  bookflow info AMZN_2012-06-21_34200000_57600000_message_5.csv \\
      AMZN_2012-06-21_34200000_57600000_orderbook_5.csv"""

_VERIFY = """\
examples:
  bookflow verify --reader lobster AMZN_2012-06-21_34200000_57600000_message_5.csv \\
      AMZN_2012-06-21_34200000_57600000_orderbook_5.csv
  bookflow verify --reader kraken kraken.log
  bookflow verify --reader binance --as-one spot_20240808.gz spot_20240809.gz

Venues: the events of the recording go through a pipeline, whose book is compared with what the
venue says of its own: checksums, or the best quotes of another channel.

LOBSTER (the default): message i is applied to the recorded book of row i-1 and the result compared
with row i. A level that scrolls in at the last place because one before it went is counted, not
compared: the file does not say what lay there."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    args = _parser().parse_args(argv)
    module = args.command.replace("-", "_")
    command = importlib.import_module(f"bookflow.commands.{module}")
    try:
        with _terminable():
            code: int = command.run(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _give_output_up()
        return 128 + 13  # as if SIGPIPE, which Python ignores, had ended it (`| head`)
    except KeyboardInterrupt:
        return 130
    except (InputError, StateError, ImportError, OSError) as error:
        _give_output_up()
        print(f"bookflow {args.command}: {error}", file=sys.stderr)
        return 2


def _give_output_up() -> None:
    """What standard output does not take now must not be tried again, and fail, at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM ends the block as an exception does: what it has begun is cleaned up."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are the main thread's
        return

    def leave(number: int, frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # cleaning up is not interrupted
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bookflow", description=_ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _demo(_command(commands, "demo", "simulate a session and report on it", _DEMO))
    _live_demo(
        _command(commands, "live-demo", "simulate a live market, read it in another", _LIVE_DEMO)
    )
    _features(_command(commands, "features", "write features of recorded events", _FEATURES))
    _calculators(_command(commands, "calculators", "list what can be computed", _CALCULATORS))
    _info(_command(commands, "info", "say what is in a recording", _INFO))
    _verify(_command(commands, "verify", "check our book against a recorded one", _VERIFY))
    return parser


class _Version(argparse.Action):
    """Looks the version up only when asked."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        from bookflow import __version__

        print(f"bookflow {__version__}")
        parser.exit()


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
    examples: str,
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("bookflow-demo"),
        metavar="DIR",
        help="directory for features.parquet and report.html (default: %(default)s)",
    )
    parser.add_argument(
        "--events", type=_count, default=1_000_000, metavar="N", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=_count, default=1, metavar="N", help="default: %(default)s")


def _live_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seconds", type=_count, default=10, metavar="N", help="how long (default: %(default)s)"
    )
    parser.add_argument(
        "--events", type=_count, default=200_000, metavar="N", help="default: %(default)s"
    )
    parser.add_argument("--seed", type=_count, default=1, metavar="N", help="default: %(default)s")
    parser.add_argument("--feed", metavar="NAME", help=argparse.SUPPRESS)  # the other process


def _features(parser: argparse.ArgumentParser) -> None:
    _input(parser)
    parser.add_argument(
        "--every",
        required=True,
        metavar="CLOCK",
        help="when a row is written: 10s, 100ms, 100events, 500trades, 1000volume, 50000value, "
        "trade, best, event, imbalance(...), run(...)",
    )
    parser.add_argument(
        "-f",
        "--feature",
        dest="features",
        required=True,
        action="append",
        metavar="NAME=CALCULATOR(...)",
        help="a column and its calculator; repeat for more",
    )
    parser.add_argument(
        "--session",
        metavar="HOURS",
        help='"09:30-16:00 America/New_York" or "00:00 UTC": flows restart there',
    )
    parser.add_argument(
        "--hidden",
        choices=("volume", "flow", "none"),
        default="volume",
        help="where hidden executions count (default: %(default)s)",
    )
    parser.add_argument(
        "--on-gap",
        choices=("mark", "hold", "raise"),
        default="mark",
        help="after a gap: mark the rows, write none until a snapshot, or stop "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--on-crossed",
        choices=("mark", "hold", "uncross", "raise"),
        default="mark",
        help="while the book is crossed: mark the rows, write none, remove what is older, or stop "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--stale-after",
        metavar="SPAN",
        help="mark rows stale when nothing came for longer, as 5s (default: never)",
    )
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="FILE",
        help="what to write, by its ending: .parquet, .csv or .npy",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint of a job that was interrupted, if there is one, and make "
        "checkpoints (in OUT.checkpoint, which goes when the job is done)",
    )
    parser.add_argument(
        "--checkpoint-every",
        metavar="SPAN",
        help="make checkpoints this often: 60s of the wall clock, 1000000events "
        "(default: 60s with --resume, else none)",
    )


def _calculators(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="*", metavar="NAME", help="show these whole")


def _info(parser: argparse.ArgumentParser) -> None:
    _input(parser)


def _verify(parser: argparse.ArgumentParser) -> None:
    _input(parser)


def _input(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    parser.add_argument(
        "--reader",
        metavar="NAME",
        help="what the inputs are: lobster, databento, events, csv, tardis, itch, iex or a venue "
        "(default: by their names; a mistyped name lists them all)",
    )
    parser.add_argument("--tick", metavar="STEP", help="price step, as 0.01")
    parser.add_argument("--price-unit", metavar="UNIT", help="finest step of a print, as 0.0001")
    parser.add_argument("--size-unit", metavar="UNIT", help="finest step of a size, as 1 or 1e-8")
    parser.add_argument(
        "--symbol", metavar="NAME", help="the instrument's name; of a feed, take only this one"
    )
    parser.add_argument(
        "--instrument",
        type=_count,
        metavar="ID",
        help="which of an input's instruments (default: features needs it to be the only one, "
        "info describes each)",
    )
    _date(parser)
    parser.add_argument(
        "--seed",
        type=Path,
        metavar="FILE",
        help="LOBSTER: orderbook file whose first row seeds the book of a message file alone",
    )
    parser.add_argument(
        "--order",
        choices=("error", "as-is"),
        default="error",
        help="times that go back are an error, or taken as the latest so far and counted "
        "(default: %(default)s; a feed counts them)",
    )
    parser.add_argument(
        "--damaged",
        choices=("error", "stop"),
        help="ITCH: what is cut or no message is an error (default), or the end",
    )
    parser.add_argument(
        "--as-one",
        action="store_true",
        help="venues: the inputs are one connection's, each goes on where the one before ends",
    )
    parser.add_argument(
        "--map",
        action="append",
        metavar="FIELD=COLUMN,...",
        help="csv: the file's own names of fields, as ts=time,price=px",
    )
    parser.add_argument(
        "--words",
        action="append",
        metavar="FIELD:TEXT=WORD,...",
        help="csv: what cells mean, as side:True=sell,False=buy",
    )
    parser.add_argument(
        "--split",
        action="append",
        metavar="COLUMN=MARK,NAME,...",
        help="csv: a column of several values, what stands between and their names",
    )
    parser.add_argument(
        "--float-digits",
        type=_count,
        metavar="N",
        help="csv: digits that a Parquet file's floats are meant to have, at most 15",
    )
    parser.add_argument(
        "--open-end",
        action="store_true",
        help="csv, tardis: the last line is whole though no newline ends it",
    )
    parser.add_argument(
        "--kind",
        help="csv: what its rows are: trades, quotes, depth or events; "
        "binance-csv: trades, aggTrades or bookTicker, where the file's name does not tell",
    )
    parser.add_argument("--ts-unit", metavar="UNIT", help="csv, tardis: of times: ns, us, ms, s")


def _date(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--date", metavar="YYYY-MM-DD", help="LOBSTER, ITCH: the day, if no name has it"
    )


def _count(text: str) -> int:
    """A whole number from 0, as 1000000 or 1_000_000."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


_count.__name__ = "number"  # argparse names the type in its message
