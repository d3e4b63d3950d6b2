"""`python -m benchmarks.resume`: the start of a run with and without its checkpoint, as Markdown.

CPU seconds, each start in a process of its own, three times in turns; and what it costs a run to
write checkpoints. `... STEP DIR COMPANIES DAYS` does one step: `start`, `follow`, or what a run on
Dask does: `survey`.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from subprocess import run
from typing import Final

from benchmarks.finding import SETTINGS, make, plan_of
from benchmarks.report import table
from collector.cluster.shared_directory import survey_directory
from collector.plan import Part
from collector.store.age import Age
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.recovery import Recovered, recover

_SIZES: Final = ((1000, 500), (1000, 2000), (100_000, 20))
"""Companies and windows, all answered."""

_ROUNDS: Final = 3

_GROUP: Final = 1000
"""Lines that a run syncs at once."""


def _found(directory: Path, companies: int, days: int) -> tuple[Recovered, float]:
    """Return what a start finds, and the CPU seconds that it takes."""
    plan = plan_of(companies, days)
    # Every run needs the fingerprint for its manifest.
    assert plan.fingerprint
    began = time.process_time()
    found = recover(
        PartFiles(directory),
        Part(plan),
        describe_service(SETTINGS),
        age=lambda _: Age(0, is_of_another_day=False),
        is_stopped=lambda: False,
    )
    return found, time.process_time() - began


def _start(directory: Path, companies: int, days: int) -> None:
    found, seconds = _found(directory, companies, days)
    assert len(found.done) == companies * days
    assert not found.remarks
    print(seconds)


def _survey(directory: Path, companies: int, days: int) -> None:
    plan = plan_of(companies, days)
    assert plan.fingerprint
    began = time.process_time()
    past = survey_directory(PartFiles(directory), plan, SETTINGS, lambda: False)
    seconds = time.process_time() - began
    assert past.recovered.is_complete
    print(seconds)


def _follow(directory: Path, companies: int, days: int) -> None:
    """Pass the lines of a run to the checkpointer of an empty one, as a run does."""
    with PartFiles(directory).statistics.open("rb") as stream:
        lines = stream.readlines()
    with tempfile.TemporaryDirectory(dir=directory) as empty:
        found, _ = _found(Path(empty), companies, days)
        assert found.checkpointer is not None
        began = time.process_time()
        for first in range(0, len(lines), _GROUP):
            found.checkpointer.follow(lines[first : first + _GROUP])
        print(time.process_time() - began)
        assert found.checkpointer.finish() is None


def _seconds(step: str, directory: Path, size: tuple[int, int]) -> float:
    command = [sys.executable, "-m", "benchmarks.resume", step, str(directory), *map(str, size)]
    return float(run(command, check=True, capture_output=True, text=True).stdout)


def _rows(scratch: Path, size: tuple[int, int]) -> Iterator[list[str]]:
    companies, days = size
    directory = scratch / f"{companies}x{days}"
    make(directory, companies, days)
    found, _ = _found(directory, companies, days)
    assert found.checkpointer is not None
    assert found.checkpointer.finish() is None
    checkpoint, aside = PartFiles(directory).checkpoint, scratch / "aside"
    per_line = _seconds("follow", directory, size) / (companies * days) * 1e6
    for step in ("start", "survey"):
        without, with_it = [], []
        for _ in range(_ROUNDS):
            with_it.append(_seconds(step, directory, size))
            checkpoint.rename(aside)
            without.append(_seconds(step, directory, size))
            aside.rename(checkpoint)
        before, after = median(without), median(with_it)
        yield [
            f"{companies:,} x {days:,}, {step}",
            f"{companies * days:,}",
            f"{before:.2f} s",
            f"{after:.2f} s",
            f"{before / after:.1f}",
            f"{checkpoint.stat().st_size / 1000:,.0f} kB",
            f"{per_line:.1f} us",
        ]


def main(step: str, directory: str, *size: str) -> None:
    """Run one step."""
    {"start": _start, "survey": _survey, "follow": _follow}[step](Path(directory), *map(int, size))


_HEADER: Final = (
    *("companies x windows", "lines", "without", "with a checkpoint", "ratio", "its size"),
    "writing it, per line",
)

if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(*sys.argv[1:])
    else:
        with tempfile.TemporaryDirectory() as scratch:
            rows = [row for size in _SIZES for row in _rows(Path(scratch), size)]
        print(table(_HEADER, rows))
