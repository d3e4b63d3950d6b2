"""The parts of `python -m benchmarks.growth`: what is made, and which commands read it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.growth.bench import Bench
from benchmarks.growth.made import BYTES_OF_LINE, figures, make_part, planned
from benchmarks.growth.series import Cost
from collector.plan import Shard
from collector.plan.companies import format_companies
from collector.store.files import PartFiles

__all__ = ["PARTS", "Part"]

_Costs = Iterator[tuple[str, Cost]]

_FIRST: Final = date(2026, 1, 1)
_MISSING: Final = 1000
"""Cells that a resumed run has left to request: more than it requests until it is interrupted."""

_CHECKPOINT: Final = "run.checkpoint"
"""What a run may have recorded of the lines that it has read; without it all are read again."""

_DAYS: Final = 100
_NIGHTLY_COMPANIES: Final = 500
_NIGHTLY_DAYS: Final = 5


class Part(NamedTuple):
    """A kind of data: what its sizes count, the sizes, and how it is made and read.

    `smallest` is the size that stands for next to nothing. `disk` is how many bytes a unit of size
    takes.
    """

    unit: str
    smallest: int
    sizes: Sequence[int]
    disk: int
    measure: Callable[[Bench, Path, int], _Costs]


def _lines(bench: Bench, data: Path, lines: int) -> _Costs:
    """Yield the costs of reading one run, and two runs that have half of the lines each."""
    run, plan = data / "run", planned(lines // _DAYS, _FIRST, _DAYS)
    make_part(PartFiles(run), plan, figures(), base_url=bench.base_url, missing=_MISSING)
    yield "`status`", bench.command("status", run)
    companies = data / "companies.txt"
    with companies.open("wb") as stream:
        stream.writelines(format_companies(plan.companies))
    resume = (companies, "--from", str(_FIRST), "--until", str(_FIRST + timedelta(_DAYS - 1)))
    checkpoint = run / _CHECKPOINT
    yield (
        "`run`, resumed without a checkpoint: all lines are read",
        bench.begun(
            *(*resume, "--window", "1d"),
            output=run,
            before=lambda: checkpoint.unlink(missing_ok=True),
        ),
    )
    yield "`run`, resumed again", bench.begun(*resume, "--window", "1d", output=run)
    yield "`export` to Parquet", bench.command("export", run, "--to", data / "answers.parquet")
    yield "`report`", bench.command("report", run, "--to", data / "report.html")
    runs = data / "older", data / "newer"
    for restated, half in enumerate(runs):
        at = datetime(2026, 11, 27 + restated, 2, tzinfo=UTC)
        plan = planned(lines // _DAYS // 2, _FIRST, _DAYS)
        make_part(PartFiles(half), plan, figures(restated), base_url=bench.base_url, at=at)
    yield "`latest`, two runs", bench.command("latest", *runs)
    yield "`diff`, two runs", bench.command("diff", *runs)


def _companies(bench: Bench, data: Path, cells: int) -> _Costs:
    return _cells(bench, data, cells // 1000, 1000)


def _windows(bench: Bench, data: Path, cells: int) -> _Costs:
    return _cells(bench, data, 2000, cells // 2000)


def _cells(bench: Bench, data: Path, companies: int, days: int) -> _Costs:
    """Yield the costs of a plan of which nearly no cell has an answer."""
    last = datetime.now(UTC).date() - timedelta(1)
    path, run = data / "companies.txt", data / "run"
    with path.open("w") as stream:
        stream.writelines(f"{number} Company {number}\n" for number in range(1, companies + 1))
    options = path, "--from", str(last - timedelta(days - 1)), "--until", str(last)
    yield "`plan`", bench.command("plan", *options, "--window", "1d")
    yield "`run`, until its first line", bench.begun(*options, "--window", "1d", output=run)
    yield "`status`", bench.command("status", run)


def _shards(bench: Bench, data: Path, shards: int) -> _Costs:
    """Yield the costs of a finished run of shards; the number of lines is always the same."""
    plan = planned(12_800, _FIRST, 1)
    run = data / "run"
    for number in range(shards):
        files = PartFiles(run, Shard(number, shards))
        make_part(files, plan, figures(), base_url=bench.base_url)
    companies = data / "companies.txt"
    with companies.open("wb") as stream:
        stream.writelines(format_companies(plan.companies))
    options = "--from", str(_FIRST), "--until", str(_FIRST), "--window", "1d", "--output", run
    yield (
        "start of one shard",
        bench.command("run", companies, *options, "--trust-dates", "--shard", f"1/{shards}"),
    )
    yield "`status`", bench.command("status", run)


def _nights(bench: Bench, data: Path, nights: int) -> _Costs:
    """Yield the costs of nights that have recorded each other."""
    parent, today, kinds = data / "output", datetime.now(UTC).date(), figures()
    runs = []
    for ago in range(nights, 0, -1):
        night = today - timedelta(ago)
        runs.append(parent / night.isoformat())
        plan = planned(_NIGHTLY_COMPANIES, night - timedelta(_NIGHTLY_DAYS), _NIGHTLY_DAYS)
        at = datetime.combine(night, time(2), UTC)
        make_part(PartFiles(runs[-1]), plan, kinds, base_url=bench.base_url, at=at)
    yield "`status`, all runs", bench.command("status", *runs)
    yield "`verify`, all runs", bench.command("verify", *runs)
    yield "`latest`, all runs", bench.command("latest", *runs)
    yield "`report`, all runs", bench.command("report", *runs, "--to", data / "report.html")
    companies = data / "companies.txt"
    companies.write_text("".join(f"{n + 1}\n" for n in range(_NIGHTLY_COMPANIES)))
    since = "--since-last", "--at-most", f"{nights}d", "--window", "1d", "--output", parent / "new"
    yield "`plan --since-last`", bench.command("plan", companies, *since)


def _attempts(bench: Bench, data: Path, attempts: int) -> _Costs:
    """Yield the costs of a run that was resumed so often."""
    run, plan = data / "run", planned(2000, _FIRST, 1)
    files = PartFiles(run)
    url = bench.base_url
    make_part(files, plan, figures(), base_url=url, missing=_MISSING, attempts=attempts)
    companies = data / "companies.txt"
    with companies.open("wb") as stream:
        stream.writelines(format_companies(plan.companies))
    options = companies, "--from", str(_FIRST), "--until", str(_FIRST), "--window", "1d"
    yield "`run`, resumed once more", bench.begun(*options, output=run)
    yield "`status`", bench.command("status", run)


_MILLION: Final = 10**6

PARTS: Final = {
    "lines": Part(
        "lines",
        10_000,
        (_MILLION // 2, _MILLION, 2 * _MILLION, 4 * _MILLION),
        3 * BYTES_OF_LINE,
        _lines,
    ),
    "companies": Part(
        "planned cells, 1,000 for each company", 10_000, (10**7, 10**8, 10**9), 1, _companies
    ),
    "windows": Part(
        "planned cells, 2,000 companies",
        10_000,
        # Without the third size all depends on the start: the second costs little more than that.
        (10**7, 10**8, 3 * 10**8, 10**9),
        1,
        _windows,
    ),
    "shards": Part("shards", 2, (8, 32, 128), 100_000, _shards),
    "nights": Part(
        "nights of 500 companies and 5 days",
        2,
        (50, 100, 200, 400),
        BYTES_OF_LINE * _NIGHTLY_COMPANIES * _NIGHTLY_DAYS,
        _nights,
    ),
    "attempts": Part("invocations of one run", 1, (100, 300, 1000, 3000), 10_000, _attempts),
}
