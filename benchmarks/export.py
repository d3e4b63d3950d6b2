"""`collector export` to Parquet compared with DuckDB that only reads the same lines, in turns.

`python -m benchmarks.export` makes 1,000,000 lines (2,000 companies, 500 days, four actions) in a
temporary directory, and measures, each in its own process: DuckDB reading them with its own reader
into a table, DuckDB writing what it reads to Parquet, and the command. `python -m
benchmarks.export LINES` does so with another number of lines.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

import duckdb
import orjson

from benchmarks.child import measured
from collector.core.cell import Cell, Window
from collector.core.outcome import Answer, Counters
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry
from collector.store.files import COMPANIES, PartFiles
from collector.store.identity import describe_service
from collector.store.lines import result_line
from collector.store.manifest import Manifest, describe_plan
from collector.store.recorded_plan import write_company_list

__all__ = ["made_cells", "made_run"]

_COMPANIES: Final = 2000
_FIRST: Final = date(2025, 1, 1)
_AT: Final = datetime(2026, 11, 23, 2, tzinfo=UTC)
_DAILY: Final = WindowSize("days", 1)
_NONE: Final = Counters(0, 0, 0, 0, 0, {})
_ROUNDS: Final = 5

_READ: Final = "import duckdb; duckdb.sql(\"CREATE TABLE t AS SELECT * FROM read_json('{lines}')\")"
_COPY: Final = (
    "import duckdb; "
    "duckdb.sql(\"COPY (SELECT * FROM read_json('{lines}')) TO '{output}' (FORMAT parquet)\")"
)


Counts = dict[str, int]


def made_cells(
    companies: int, days: int, moment: datetime = _AT
) -> Iterator[tuple[Cell, datetime, Counts, Counts]]:
    """Yield cells in the order of a run, each with its time, its counters and its actions."""
    for place in range(days):
        day = _FIRST + timedelta(place)
        window = Window(day, day)
        for company in range(companies):
            moment += timedelta(milliseconds=1)
            sended, pending, fails = company * 37 % 4999, place % 50, (company + place) % 97
            counters = {"total": sended + pending + fails, "sended": sended, "pending": pending}
            actions = {"RECEIVED": sended // 2, "PRESS_ACTION": (sended + place) // 5}
            actions |= {"CLOSED": company * place % 1009, "UNKNOWN": place}
            cell = Cell(str(1000 + company), window)
            yield cell, moment, counters | {"fails": fails, "campaign": 3}, actions


def made_run(
    path: Path, companies: int, days: int, planned_days: int | None = None, at: datetime = _AT
) -> Path:
    """Write a run; every other company has a name. It is complete unless more days are planned."""
    ids = tuple(str(1000 + number) for number in range(companies))
    names = {company: f"Company {company}" for company in ids[::2]}
    last = _FIRST + timedelta((days if planned_days is None else planned_days) - 1)
    windows = cut_windows(DateRange(_FIRST, last), _DAILY)
    plan = Plan(Companies(ids, names), windows)
    path.mkdir()
    Manifest(
        plan=describe_plan(plan, _DAILY),
        service=describe_service(RunSettings()),
        attempts=[AttemptEntry(at, {}).as_json()],
    ).write(PartFiles(path).manifest)
    write_company_list(path / COMPANIES, plan.companies)
    with PartFiles(path).statistics.open("wb") as stream:
        for cell, moment, counters, actions in made_cells(companies, days, at):
            data = orjson.dumps(counters | {"actions": actions})
            stream.write(result_line(cell, Answer(data, _NONE, moment, 1), 1))
    return path


def _compare(run: Path, scratch: Path) -> None:
    """Measure in turns, so that a change of the machine's speed affects all."""
    lines, output = PartFiles(run).statistics, scratch / "output.parquet"
    commands: dict[str, list[str | Path]] = {
        "DuckDB reads": ["-c", _READ.format(lines=lines)],
        "DuckDB reads and writes Parquet": ["-c", _COPY.format(lines=lines, output=output)],
        "collector export to Parquet": ["-m", "collector", "export", run, "--to", output],
    }
    rounds = [
        [measured([sys.executable, *command], scratch) for command in commands.values()]
        for _ in range(_ROUNDS)
    ]
    print("| | seconds | times DuckDB's reading | peak memory |")
    print("|---|---|---|---|")
    for place, name in enumerate(commands):
        seconds = median(usages[place].seconds for usages in rounds)
        ratio = median(usages[place].seconds / usages[0].seconds for usages in rounds)
        peak = max(usages[place].peak for usages in rounds)
        print(f"| {name} | {seconds:.2f} | {ratio:.2f} | {peak / 1e6:.0f} MB |")
    print(f"\nMedians of {_ROUNDS} rounds; wanted: at most 3 times DuckDB's reading.")


def main() -> None:
    """Measure and print; slow figures do not fail, because machines are noisy."""
    days = int(sys.argv[1]) // _COMPANIES if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name:
        run = made_run(Path(name) / "run", _COMPANIES, days)
        size = PartFiles(run).statistics.stat().st_size
        print(
            f"{_COMPANIES * days:,} lines, {size / 1e6:.0f} MB; DuckDB {duckdb.__version__}, "
            f"Python {platform.python_version()}, {os.cpu_count()} cores\n"
        )
        _compare(run, Path(name))


if __name__ == "__main__":
    main()
