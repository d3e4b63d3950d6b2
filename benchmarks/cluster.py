"""`python -m benchmarks.cluster`: one process compared with two of a local Dask cluster."""

import os
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

from benchmarks.child import measured
from benchmarks.report import table
from benchmarks.server import Server, serving

__all__ = ["Round", "cluster_section", "cluster_table"]

_COMPANIES: Final = 10_000
_DAYS: Final = 30
_CELLS: Final = _COMPANIES * _DAYS
_ROUNDS: Final = 3
_WANTED: Final = 1.5

_CREDENTIALS: Final = {"TRUST_CLIENT_ID": "bench", "TRUST_CLIENT_SECRET": "bench-secret"}
_WAYS: Final[dict[str, tuple[str, ...]]] = {
    "one process": (),
    "two processes": ("--engine", "dask", "--workers", "2"),
}


class Round(NamedTuple):
    """Seconds that whole commands took, including start and end."""

    one: float
    two: float


def cluster_section(scratch: Path) -> str:
    """Measure in turns, and return Markdown."""
    today = datetime.now(UTC).date()
    companies = scratch / "ten-thousand.txt"
    companies.write_text("".join(f"{number}\n" for number in range(1, _COMPANIES + 1)))
    with serving(scratch, today) as server:
        rounds = [_round(server, companies, scratch, today) for _ in range(_ROUNDS)]
    return cluster_table(rounds)


def cluster_table(rounds: Iterable[Round]) -> str:
    """Return a table of medians; the ratio is the median of the ratios of the rounds."""
    measured_rounds = list(rounds)
    ratio = median(one / two for one, two in measured_rounds)
    columns = zip(*measured_rounds, strict=True)
    rows = [
        [way, f"{seconds:.1f} s", f"{_CELLS / seconds:,.0f}"]
        for way, seconds in zip(_WAYS, map(median, columns), strict=True)
    ]
    verdict = "reached" if ratio >= _WANTED else "**not reached**"
    return (
        f"{_CELLS:,} cells, no latency, whole commands; median of {len(measured_rounds)}.\n\n"
        f"{table(['', 'seconds', 'cells per second'], rows)}\n"
        f"Wanted: {_WANTED} times as fast with two; {verdict} ({ratio:.2f} times)."
    )


def _round(server: Server, companies: Path, scratch: Path, today: date) -> Round:
    return Round(
        *(_seconds(way, more, server, companies, scratch, today) for way, more in _WAYS.items())
    )


def _seconds(  # noqa: PLR0913, PLR0917 - what a run is made of
    way: str,
    more: Iterable[str],
    server: Server,
    companies: Path,
    scratch: Path,
    today: date,
) -> float:
    """Run the collector as its users do, return the seconds, and assert that every line came."""
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        output = Path(name) / "run"
        command: list[str | Path] = [
            *(sys.executable, "-m", "collector", "run", companies),
            *("--from", str(today - timedelta(_DAYS)), "--until", str(today - timedelta(1))),
            *("--window", "1d", "--rate", "1000000", "--concurrency", "64"),
            *("--base-url", server.base_url, "--token-url", f"{server.base_url}/oauth/token/"),
            "--output",
            output,
            *more,
        ]
        usage = measured(command, Path(name), environment=os.environ | _CREDENTIALS)
        lines = sum(path.read_bytes().count(b"\n") for path in output.glob("statistics*.jsonl"))
        assert lines == _CELLS, f"{way}: {lines} of {_CELLS} cells"
    print(f"  {way:<14} {usage.seconds:6.1f} s", file=sys.stderr)
    return usage.seconds


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as scratch:
        print(cluster_section(Path(scratch)))


if __name__ == "__main__":
    main()
