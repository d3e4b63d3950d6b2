"""`python -m benchmarks.start`: how long a help text or an input error takes."""

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.child import measured
from benchmarks.report import table
from collector.core.errors import ExitCode

__all__ = ["Start", "start_section", "start_table"]

_ROUNDS: Final = 11
_ALLOWED: Final = 2.0

_COLLECTOR: Final = Path(sys.executable).parent / "collector"
_YARDSTICK: Final = [sys.executable, "-c", "import cyclopts"]


class Start(NamedTuple):
    """A question, and for each round the seconds of its answer and of the yardstick."""

    title: str
    seconds: list[float]
    yardstick: list[float]


def start_section(scratch: Path) -> str:
    """Measure in turns, and return Markdown."""
    companies, bad = scratch / "some-companies.txt", scratch / "bad-companies.txt"
    companies.write_text("1\n2\n")
    bad.write_text("1\n..\n")
    cases: list[tuple[str, list[str | Path], ExitCode]] = [
        ("`collector --help`", ["--help"], ExitCode.COMPLETE),
        ("`collector run --help`", ["run", "--help"], ExitCode.COMPLETE),
        ("an option that does not exist", ["run", companies, "--rat", "5"], ExitCode.BAD_INPUT),
        ("a file of companies that does not exist", ["run", scratch / "none"], ExitCode.BAD_INPUT),
        ("a bad line in the file of companies", ["run", bad], ExitCode.BAD_INPUT),
    ]
    starts = [Start(title, [], []) for title, _, _ in cases]
    for _ in range(_ROUNDS):
        yardstick = measured(_YARDSTICK, scratch).seconds
        for start, (_, arguments, code) in zip(starts, cases, strict=True):
            usage = measured([_COLLECTOR, *arguments], scratch, exit_code=code)
            start.seconds.append(usage.seconds)
            start.yardstick.append(yardstick)
    return start_table(starts)


def start_table(starts: Iterable[Start]) -> str:
    """Return a table of medians; a ratio is the median of the ratios of the rounds."""
    rows = []
    for title, seconds, yardstick in starts:
        ratio = median(mine / theirs for mine, theirs in zip(seconds, yardstick, strict=True))
        verdict = "reached" if ratio <= _ALLOWED else "**not reached**"
        times = f"{median(seconds) * 1000:,.0f} ms", f"{median(yardstick) * 1000:,.0f} ms"
        rows.append([title, *times, f"{ratio:.2f}", f"at most {_ALLOWED:g}: {verdict}"])
    return table(["", "answers after", "`import cyclopts` takes", "times as long", "wanted"], rows)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        print(start_section(Path(scratch)))


if __name__ == "__main__":
    main()
