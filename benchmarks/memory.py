"""`python -m benchmarks.memory`: whether the collector's memory grows with its plan."""

import os
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.child import Child
from benchmarks.report import megabytes, table
from benchmarks.server import Server, serving
from collector.core.errors import ExitCode

__all__ = ["Planned", "memory_section", "memory_table"]

_ENOUGH: Final = 30_000
"""Answers after which a run is interrupted: nothing new happens in it after them."""

_PATIENCE: Final = 300.0
"""Seconds within which a run must reach them."""

_LOOK: Final = 0.02
"""Seconds between checks of the number of lines."""

_CREDENTIALS: Final = {"TRUST_CLIENT_ID": "bench", "TRUST_CLIENT_SECRET": "bench-secret"}


class Planned(NamedTuple):
    """Companies and windows of a run, and the bytes its peak may be above the smallest run's."""

    companies: int
    windows: int
    allowed: int


_RUNS: Final = (
    Planned(1000, 10, 0),
    Planned(1000, 1000, 60_000_000),
    Planned(1000, 10_000, 60_000_000),
    Planned(1000, 100_000, 75_000_000),
    Planned(1_000_000, 1, 150_000_000),
    Planned(1_000_000, 10, 150_000_000),
    Planned(1_000_000, 1000, 275_000_000),
)
"""The smallest first. A planned cell takes one bit, which is 125 MB for the last."""


def memory_section(scratch: Path) -> str:
    """Measure, and return Markdown."""
    today = datetime.now(UTC).date()
    with serving(scratch, today) as server:
        return memory_table((run, _peak(run, server, scratch, today)) for run in _RUNS)


def memory_table(peaks: Iterable[tuple[Planned, int]]) -> str:
    """Return a table of runs and their peaks of memory, in bytes, the smallest plan first."""
    measured = list(peaks)
    _, least = measured[0]
    rows = []
    for (companies, windows, allowed), peak in measured:
        row = [f"{companies:,} x {windows:,}", f"{companies * windows:,}", megabytes(peak)]
        if allowed:
            above = peak - least
            verdict = "reached" if above <= allowed else "**not reached**"
            row += [megabytes(above), f"at most {megabytes(allowed)}: {verdict}"]
        else:
            row += ["", ""]
        rows.append(row)
    header = ["companies x windows", "planned cells", "peak memory", "above the first", "wanted"]
    return table(header, rows)


def _peak(run: Planned, server: Server, scratch: Path, today: date) -> int:
    """Return the peak memory of the collector, in bytes.

    The run is interrupted after enough answers; a plan that has fewer is collected to its end.
    """
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        directory = Path(name)
        errors = directory / "errors.txt"
        command = _command(run, server.base_url, directory, today)
        environment = os.environ | _CREDENTIALS
        with Child(command, Path(os.devnull), errors, environment) as child:
            is_enough = _await(child, directory / "run" / "statistics.jsonl")
            if is_enough:
                child.interrupt()
            usage = child.wait()
        wanted = ExitCode.SIGINT if is_enough else ExitCode.COMPLETE
        assert usage.exit_code == wanted, (run, usage, errors.read_text()[-2000:])
        print(f"  {run.companies} x {run.windows}: {megabytes(usage.peak)}", file=sys.stderr)
        return usage.peak


def _command(run: Planned, base_url: str, directory: Path, today: date) -> list[str | Path]:
    companies = directory / "companies.txt"
    with companies.open("w") as stream:
        stream.writelines(f"{number}\n" for number in range(1, run.companies + 1))
    first, last = today - timedelta(run.windows), today - timedelta(1)
    return [
        *(sys.executable, "-m", "collector", "run", companies),
        *("--from", str(first), "--until", str(last), "--window", "1d", "--trust-dates"),
        *("--rate", "1000000", "--concurrency", "64"),
        *("--base-url", base_url, "--token-url", f"{base_url}/oauth/token/"),
        *("--output", directory / "run"),
    ]


def _await(child: Child, lines: Path) -> bool:
    """Wait for the end, or for enough lines, and return whether there were enough lines."""
    deadline = time.monotonic() + _PATIENCE
    seen = offset = 0
    while child.is_running:
        assert time.monotonic() < deadline, f"only {seen} answers within {_PATIENCE} s"
        time.sleep(_LOOK)
        if lines.exists():
            with lines.open("rb") as stream:
                stream.seek(offset)
                news = stream.read()
            seen, offset = seen + news.count(b"\n"), offset + len(news)
        if seen >= _ENOUGH:
            return True
    return False


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        print(memory_section(Path(scratch)))


if __name__ == "__main__":
    main()
