"""Finding the done cells of a run directory, and a bare loop of `orjson.loads` over its lines.

`python -m benchmarks.finding` compares the two, in turns, each in its own process:
`python -m benchmarks.finding make DIR COMPANIES DAYS` writes a complete run. `... bare DIR` and
`... ours DIR COMPANIES DAYS` print the seconds, the latter also by how many bytes the peak of the
process's memory grew during the search.
"""

import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
import orjson

from collector.core.outcome import Answer, Counters
from collector.core.text import counted
from collector.plan import Companies, DateRange, Part, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.attempt_entry import AttemptEntry
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.lines import result_line
from collector.store.manifest import Manifest, describe_plan
from collector.store.recovery import recover
from collector.store.run_directory import RunDirectory

_FIRST = date(2023, 1, 1)
_STATISTICS = (
    b'{"total":945,"sended":789,"pending":38,"fails":118,'
    b'"actions":{"RECEIVED":517,"PRESS_ACTION":161,"CLOSED":18,"UNKNOWN":3},"campaign":3}'
)
SETTINGS: Final = RunSettings()
_ROUNDS: Final = 5


def plan_of(companies: int, days: int) -> Plan:
    """Return a plan of so many companies and days."""
    ids = tuple(f"company-{number:06}" for number in range(companies))
    days_range = DateRange(_FIRST, _FIRST + timedelta(days - 1))
    return Plan(Companies(ids), cut_windows(days_range, WindowSize("days", 1)))


def make(path: Path, companies: int, days: int) -> None:
    """Write a complete run of that plan."""
    plan = plan_of(companies, days)
    counters = msgspec.json.decode(_STATISTICS, type=Counters)
    answer = Answer(_STATISTICS, counters, fetched_at=datetime.now(UTC), requests=1)
    manifest = Manifest(
        plan=describe_plan(plan, WindowSize("days", 1)),
        service=describe_service(SETTINGS),
        attempts=[AttemptEntry(answer.fetched_at, {}).as_json()],
    )
    with RunDirectory.open(PartFiles(path)) as directory:
        directory.begin(plan.companies, manifest)
        with PartFiles(path).statistics.open("wb") as stream:
            stream.writelines(result_line(cell, answer, 1) for cell in plan)


def _bare(path: Path) -> None:
    began = time.perf_counter()
    loads = orjson.loads
    with PartFiles(path).statistics.open("rb") as stream:
        for line in stream:
            loads(line)
    print(time.perf_counter() - began)


def _ours(path: Path, companies: int, days: int) -> None:
    plan = plan_of(companies, days)
    service = describe_service(SETTINGS)
    # Every run needs the fingerprint for its manifest; it is not part of the search.
    assert plan.fingerprint
    before = _peak()
    began = time.perf_counter()
    recovered = recover(
        PartFiles(path),
        Part(plan),
        service,
        age=lambda _: Age(0, is_of_another_day=False),
        is_stopped=lambda: False,
    )
    seconds = time.perf_counter() - began
    assert len(recovered.done) == len(plan)
    assert not recovered.remarks
    print(seconds, _peak() - before)


def _peak() -> int:
    """Return the peak memory of this process, in bytes."""
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return kilobytes * (1 if sys.platform == "darwin" else 1024)


def _compare(scratch: Path, companies: int, days: int) -> None:
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
    windows = counted(days, "window")
    print(f"finding the done cells: {companies:,} companies x {windows}, all answered")
    print(f"  bare orjson.loads      {bare:8.2f} s")
    print(f"  collector              {ours:8.2f} s   {ratio:.2f} times as long (wanted: 3)")
    print(f"  memory beside the plan {memory / 1e6:8.1f} MB  (wanted: {allowed / 1e6:.1f})")


def _find(*arguments: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.finding", *arguments]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return [float(text) for text in finished.stdout.split()]


def main(what: str, directory: str, *numbers: str) -> None:
    """Run one step: `make`, `bare` or `ours`."""
    if what == "bare":
        _bare(Path(directory))
    else:
        step = {"make": make, "ours": _ours}[what]
        step(Path(directory), *map(int, numbers))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as scratch:
            _compare(Path(scratch), 1000, 1000)
            _compare(Path(scratch), 1_000_000, 1)
