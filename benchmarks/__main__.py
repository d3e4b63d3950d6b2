"""The collector beside a bare aiohttp loop: same work, same server, in turns, in one run."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

import orjson

_CONCURRENCY: Final = 64
_COMPANIES: Final = 1000
_DAYS: Final = 20
_CELLS: Final = _COMPANIES * _DAYS
_ROUNDS: Final = 5
_LATENCY: Final = 0.05
_CREDENTIALS: Final = {"TRUST_CLIENT_ID": "bench", "TRUST_CLIENT_SECRET": "bench-secret"}


@contextmanager
def _server(latency: float) -> Iterator[str]:
    command = [sys.executable, "-m", "benchmarks.fast_server", str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def _bare(base_url: str) -> float:
    command = [sys.executable, "-m", "benchmarks.bare_loop", base_url, str(_CELLS)]
    finished = subprocess.run(
        [*command, str(_CONCURRENCY)], check=True, capture_output=True, text=True
    )
    return float(finished.stdout)


def _collector(base_url: str, scratch: Path) -> float:
    """Run the collector as its users do, and return the cells a second from its manifest.

    The time is the whole run's: from the creation of its directory to the last sync.
    """
    companies = scratch / "companies.txt"
    companies.write_text("".join(f"{number}\n" for number in range(_COMPANIES)))
    output = Path(tempfile.mkdtemp(dir=scratch)) / "run"
    command = [
        *(sys.executable, "-m", "collector", "run", str(companies), "--last", f"{_DAYS}d"),
        *("--window", "1d", "--rate", "1000000", "--concurrency", str(_CONCURRENCY)),
        *("--base-url", base_url, "--token-url", f"{base_url}/oauth/token/"),
        *("--output", str(output)),
    ]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | _CREDENTIALS)
    attempt = orjson.loads((output / "run.json").read_bytes())["attempts"][0]
    assert attempt["cells"]["data"] == _CELLS, attempt
    return _CELLS / (_moment(attempt["ended_at"]) - _moment(attempt["started_at"]))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _compare(scratch: Path, latency: float) -> None:
    """Measure in turns, so that a change of the machine's mood meets both."""
    with _server(latency) as base_url:
        pairs = [(_bare(base_url), _collector(base_url, scratch)) for _ in range(_ROUNDS)]
    bare, ours = (median(column) for column in zip(*pairs, strict=True))
    ratio = median(mine / theirs for theirs, mine in pairs)
    print(f"latency {latency * 1000:g} ms: requests/s, median of {_ROUNDS}")
    if latency:
        ceiling = _CONCURRENCY / latency
        print(f"  concurrency / latency  {ceiling:8,.0f}")
        print(f"  bare aiohttp loop      {bare:8,.0f}   {bare / ceiling:.1%} of the ceiling")
        print(f"  collector              {ours:8,.0f}   {ours / ceiling:.1%} (wanted: 95 %)")
    else:
        print(f"  bare aiohttp loop      {bare:8,.0f}")
        print(f"  collector              {ours:8,.0f}   {ratio:.1%} of it (wanted: 85 %)")


def _finding(scratch: Path, companies: int, days: int) -> None:
    """Compare finding the done cells of a complete run with only parsing its lines, in turns."""
    directory = str(scratch / f"{companies}x{days}")
    size = (str(companies), str(days))
    _find("make", directory, *size)
    rounds = [
        (_find("bare", directory)[0], *_find("ours", directory, *size)) for _ in range(_ROUNDS)
    ]
    bare, ours, memory = (median(column) for column in zip(*rounds, strict=True))
    ratio = median(mine / theirs for theirs, mine, _ in rounds)
    allowed = 100 * companies + companies * days / 8 + 50_000_000
    print(f"finding the done cells: {companies:,} companies x {days:,} windows, all answered")
    print(f"  bare orjson.loads      {bare:8.2f} s")
    print(f"  collector              {ours:8.2f} s   {ratio:.2f} times as long (wanted: 3)")
    print(f"  memory beside the plan {memory / 1e6:8.1f} MB  (wanted: {allowed / 1e6:.1f})")


def _find(*arguments: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.finding", *arguments]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(text) for text in finished.stdout.split()]


def main() -> None:
    """Measure and print; nothing fails here, for machines are noisy."""
    print(
        f"{_CELLS:,} cells, {_CONCURRENCY} in flight; Python {platform.python_version()}, "
        f"aiohttp {version('aiohttp')}, {os.cpu_count()} cores"
    )
    with tempfile.TemporaryDirectory() as scratch:
        _compare(Path(scratch), 0.0)
        _compare(Path(scratch), _LATENCY)
        _finding(Path(scratch), 1000, 1000)
        _finding(Path(scratch), 1_000_000, 1)


if __name__ == "__main__":
    main()
