"""`python -m benchmarks.shard_start`: what a shard reads at its start and its end, in CPU time."""

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.child import measured
from benchmarks.report import table
from benchmarks.server import Server, serving
from collector.core.cell import Cell, CellState
from collector.core.errors import ExitCode
from collector.core.outcome import Answer, Counters
from collector.plan import (
    CellSet,
    Companies,
    DateRange,
    Part,
    Plan,
    Shard,
    WindowSize,
    absent_in_turns,
    count_by_shard,
    cut_windows,
)
from collector.run.attempt import AttemptRecord
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.digests import Digests, Link, file_digests
from collector.store.files import Listing, PartFiles
from collector.store.identity import describe_service
from collector.store.lines import result_line, timestamp
from collector.store.manifest import DatesRecord, Manifest, describe_plan
from collector.store.recorded_plan import write_company_list
from collector.store.recovery import recover, survey
from collector.store.run_directory import RunDirectory
from collector.store.surveyed import Elsewhere, HandedOver
from collector.telemetry.stats import RunStats

_ROUNDS: Final = 3
_DAILY: Final = WindowSize("days", 1)
_AT: Final = datetime(2026, 11, 1, tzinfo=UTC)
_BETWEEN_ENDS: Final = timedelta(seconds=10)
_CREDENTIALS: Final = {"TRUST_CLIENT_ID": "bench", "TRUST_CLIENT_SECRET": "bench-secret"}
_HONOURED: Final = DatesRecord(verdict="honoured", until="included", until_exclusive=False)
_DATA: Final = b'{"total":1,"sended":1,"pending":0,"fails":0,"campaign":0,"actions":{}}'


def _plan(companies: int, days: int) -> Plan:
    last = date(2026, 1, 1) + timedelta(days - 1)
    windows = cut_windows(DateRange(date(2026, 1, 1), last), _DAILY)
    return Plan(Companies(tuple(map(str, range(companies)))), windows)


def _write(directory: Path, shard: Shard, plan: Plan, lines: Sequence[Cell], url: str) -> None:
    """Write the files of a shard, or of a run without shards, with the lines of these cells."""
    files = PartFiles(directory, shard)
    attempt = AttemptEntry(_AT, {"concurrency": 16, "rate": 10}).as_json()
    Manifest(
        plan=describe_plan(plan, _DAILY),
        service={**_service(), "base-url": url},
        dates=_HONOURED,
        attempts=[attempt],
    ).write(files.manifest)
    answer = Answer(_DATA, Counters(1, 1, 0, 0, 0, {}), _AT, requests=1)
    with files.statistics.open("wb") as stream:
        stream.writelines(result_line(cell, answer, 1) for cell in lines)
    files.errors.touch()
    files.log.write_bytes(b'{"event":"run_started"}\n')


def _service() -> dict[str, str]:
    return describe_service(RunSettings())


def _cells(plan: Plan, shard: Shard) -> list[Cell]:
    return list(absent_in_turns(CellSet(len(plan)), Part(plan, shard)))


def _cpu(scratch: Path, directory: Path, plan: Plan, url: str, *more: str) -> float:
    """Run the collector to its end, and return its CPU seconds, those of its workers included."""
    companies = scratch / "ids.txt"
    companies.write_text("".join(f"{company_id}\n" for company_id in plan.companies.ids))
    last = plan.windows[-1].until_date
    command: list[str | Path] = [
        *(sys.executable, "-m", "collector", "run", companies, "--quiet", "--rate", "100000"),
        *("--from", "2026-01-01", "--until", str(last), "--window", "1d", "--base-url", url),
        *("--token-url", f"{url}/oauth/token/", *more),
        "--output",
        directory,
    ]
    return measured(command, scratch, environment=os.environ | _CREDENTIALS).cpu


def _start(scratch: Path, plan: Plan, recorded: Plan, shards: int, begun: int) -> float:
    """Return the CPU seconds of a shard that has all its lines, where others have begun too."""
    seconds = []
    for _ in range(_ROUNDS):
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            directory = Path(name)
            write_company_list(directory / "run-companies.txt", recorded.companies)
            for number in range(begun):
                shard = Shard(number, shards)
                lines = [] if number else _cells(plan, shard)
                _write(directory, shard, recorded, lines, "https://api.example")
                PartFiles(directory, shard).lock.touch()
            more = ("--shard", f"0/{shards}")
            seconds.append(_cpu(scratch, directory, plan, "https://api.example", *more))
    return median(seconds)


def _grown(scratch: Path) -> str:
    plan, recorded = _plan(200_000, 2), _plan(200_000, 1)
    rows = [
        [f"{begun}", f"{_start(scratch, plan, recorded, 32, begun):.2f} s"] for begun in (1, 32)
    ]
    head = "200,000 companies, a day more than recorded: shard 0/32 starts.\n\n"
    return head + table(["manifests", "CPU"], rows)


def _attempt(
    directory: Path, plan: Plan, shard: Shard, handed: HandedOver | None
) -> tuple[float, float]:
    """Return the CPU milliseconds in which a shard locks, reads and begins, and in which it ends.

    It is complete from the start, and its manifest does not know that.
    """
    files, settings = PartFiles(directory, shard), RunSettings(shard=shard)
    part = Part(plan, shard)
    _write(directory, shard, plan, _cells(plan, shard), RunSettings().base_url)
    began = time.process_time()
    with RunDirectory.open(files, is_handed_out=handed is not None) as opened:
        recovered = recover(
            *(files, part, _service()),
            age=_age,
            is_stopped=lambda: False,
            handed=handed,
            listing=opened.listing,
        )
        record = AttemptRecord(opened, recovered, plan, settings)
        asyncio.run(record.begin(_HONOURED, []))
        begun = time.process_time()
        stats = RunStats(len(part))
        stats.found(recovered.kept, recovered.empty_companies)
        if handed is None:
            record.compare_names(stats)
        asyncio.run(record.end(ExitCode.COMPLETE, None, stats, None))
    return (begun - began) * 1000, (time.process_time() - begun) * 1000


def _age(moment: datetime) -> Age:
    return Age.of(moment, None)


def _finish(files: PartFiles, at: datetime, before: Path | None) -> None:
    """Let the manifest of a shard record that the shard has finished, after another one."""
    manifest = Manifest.read(files.manifest)
    if manifest is None:
        return
    attempt = AttemptEntry(_AT, describe_settings(RunSettings(shard=files.shard)))
    attempt.ended(at, ExitCode.COMPLETE, None, RunStats(8))
    manifest.attempts = [attempt.as_json()]
    links = []
    if before is not None:
        digest = sha256(before.read_bytes()).hexdigest()
        links.append(Link(manifest=before.name, started_at=timestamp(_AT), sha256=digest))
    manifest.digests = Digests(
        files=file_digests(files, Listing.of(files.directory)), previous=links
    )
    manifest.write(files.manifest)
    os.utime(files.manifest, (at.timestamp(), at.timestamp()))


def _many(scratch: Path) -> str:
    plan, rows = _plan(8000, 1), []
    for shards in (8, 128, 1000):
        with tempfile.TemporaryDirectory(dir=scratch) as name:
            directory = Path(name) / "night"
            directory.mkdir()
            write_company_list(directory / "run-companies.txt", plan.companies)
            *others, last = (Shard(number, shards) for number in range(shards))
            before = None
            for shard in others:
                files = PartFiles(directory, shard)
                _write(directory, shard, plan, [], RunSettings().base_url)
                _finish(files, _AT + shard.number * _BETWEEN_ENDS, before)
                files.lock.touch()
                before = files.manifest
            ways = (last, None), (last, HandedOver(_HONOURED)), (others[0], None)
            found = [[_attempt(directory, plan, *way) for way in ways] for _ in range(_ROUNDS + 1)]
        (alone, end), (on_dask, _), (_, first) = (
            map(min, zip(*of_way, strict=True)) for of_way in zip(*found, strict=True)
        )
        best = alone, on_dask, end, first
        rows.append([f"{shards:,}", *(f"{milliseconds:.0f} ms" for milliseconds in best)])
    head = ["shards", "start alone", "on Dask", "end of the last shard", "of the first one"]
    return "8,000 companies; the others have ended, one every 10 s.\n\n" + table(head, rows)


def _lines(scratch: Path) -> str:
    """Compare how long the lines of a run without shards take: itself, a shard, one on Dask."""
    plan = _plan(2000, 50)
    write_company_list(scratch / "run-companies.txt", plan.companies)
    _write(scratch, Shard(), plan, _cells(plan, Shard())[:-200], RunSettings().base_url)
    elsewhere = Elsewhere(len(plan), None)
    files, service, go = PartFiles(scratch), _service(), lambda: False
    empty = CellSet(len(plan))
    survey(*(files, Part(plan), service), age=_age, is_stopped=go, empty=empty, elsewhere=elsewhere)
    shard = Shard(3, 32)
    answered = {CellState.DATA: count_by_shard(elsewhere.done, plan, 32)[3]}
    handed = HandedOver(_HONOURED, elsewhere.surveyed(32), answered)
    seconds = []
    for own, given in (Shard(), None), (shard, None), (shard, handed):
        began = time.process_time()
        files = PartFiles(scratch, own)
        recover(files, Part(plan, own), service, age=_age, is_stopped=go, handed=given)
        seconds.append(time.process_time() - began)
    ratios = [f"{each / seconds[0]:.3f}" for each in seconds]
    return table(["", "the run", "shard 3/32", "on Dask"], [["99,800 lines", *ratios]])


def _continued(scratch: Path, server: Server) -> str:
    """Compare how runs continue one without shards that lacks 1,000 cells, with its checkpoint."""
    plan, made = _plan(10_000, 200), scratch / "made"
    made.mkdir()
    write_company_list(made / "run-companies.txt", plan.companies)
    _write(made, Shard(), plan, _cells(plan, Shard())[:-1000], server.base_url)
    service = {**_service(), "base-url": server.base_url}
    found = recover(PartFiles(made), Part(plan), service, age=_age, is_stopped=lambda: False)
    assert found.checkpointer is not None
    assert found.checkpointer.finish() is None
    dask = "--engine", "dask", "--workers", "2"
    ways = {"one process": (), "two workers of Dask": dask, "plain shard 0/8": ("--shard", "0/8")}
    seconds: dict[tuple[str, bool], list[float]] = {
        (way, is_there): [] for way in ways for is_there in (False, True)
    }
    for _ in range(_ROUNDS):
        for (way, is_there), taken in seconds.items():
            with tempfile.TemporaryDirectory(dir=scratch) as name:
                directory = Path(shutil.copytree(made, name, dirs_exist_ok=True))
                if not is_there:
                    PartFiles(directory).checkpoint.unlink()
                taken.append(_cpu(scratch, directory, plan, server.base_url, *ways[way]))
    rows = [
        [way, *(f"{median(seconds[way, is_there]):.2f} s" for is_there in (False, True))]
        for way in ways
    ]
    head = "2,000,000 cells, 1,999,000 lines of a run without shards: it is continued.\n\n"
    return head + table(["by", "CPU without a checkpoint", "with its checkpoint"], rows)


def main() -> None:
    """Measure and print; arguments name some of the four tables."""
    wanted = sys.argv[1:] or ["grown", "many", "lines", "continued"]
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if "grown" in wanted:
            print(_grown(scratch))
        if "many" in wanted:
            print(_many(scratch))
        if "lines" in wanted:
            print(_lines(scratch))
        if "continued" in wanted:
            with serving(scratch, date(2026, 2, 20)) as server:
                print(_continued(scratch, server))


if __name__ == "__main__":
    main()
