"""`collector latest` and `collector diff` over many nightly runs: time and peak memory.

`python -m benchmarks.nights` makes 100 nights of 1,000 companies and 15 days in a temporary
directory and measures both commands, each in its own process.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson

from benchmarks.child import Usage, measured
from collector.core.cell import Cell
from collector.core.outcome import Answer, Counters
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry
from collector.store.files import COMPANIES, PartFiles
from collector.store.identity import describe_service
from collector.store.lines import result_line
from collector.store.manifest import Manifest, describe_plan
from collector.store.recorded_plan import write_company_list

__all__ = ["LOOKBACK", "make_night", "measure"]

LOOKBACK: Final = 14
"""Days that each night collects again, in addition to the day before it."""

_DAILY: Final = WindowSize("days", 1)
_EMPTY: Final = Counters(0, 0, 0, 0, 0, {})


def measure(
    *arguments: str | Path,
    scratch: Path,
    output: Path,
    environment: Mapping[str, str] | None = None,
) -> Usage:
    """Run `python -m collector` in its own process and assert exit code 0; see `measured`."""
    command = [sys.executable, "-m", "collector", *arguments]
    return measured(command, scratch, output=output, environment=environment)


def make_night(parent: Path, night: date, companies: int) -> Path:
    """Write the complete run of a night: the days before it, lookback included, one by one.

    Pending counts halve from night to night, so recent days are restated and old ones are final.
    """
    days = DateRange(night - timedelta(LOOKBACK + 1), night - timedelta(1))
    ids = tuple(str(number) for number in range(1, companies + 1))
    plan = Plan(Companies(ids), cut_windows(days, _DAILY))
    directory = parent / night.isoformat()
    directory.mkdir(parents=True)
    Manifest(
        plan=describe_plan(plan, _DAILY),
        service=describe_service(RunSettings()),
        attempts=[AttemptEntry(datetime.now(UTC), {}).as_json()],
    ).write(PartFiles(directory).manifest)
    write_company_list(directory / COMPANIES, plan.companies)
    with PartFiles(directory).statistics.open("wb") as stream:
        stream.writelines(_lines(plan, night))
    return directory


def _lines(plan: Plan, night: date) -> Iterator[bytes]:
    moment = datetime(night.year, night.month, night.day, 2, tzinfo=UTC)
    for cell in plan:
        moment += timedelta(milliseconds=1)
        answer = Answer(_statistics(cell, night), _EMPTY, fetched_at=moment, requests=1)
        yield result_line(cell, answer, requests=1)


def _statistics(cell: Cell, night: date) -> bytes:
    day = cell.window.from_date
    assert day is not None
    total = 900 + (int(cell.company_id) * 37 + day.toordinal()) % 100
    pending = total // 8 >> (night - day).days
    sended = total - pending - 18
    actions = {"RECEIVED": sended * 2 // 3, "PRESS_ACTION": sended // 5, "CLOSED": 18, "UNKNOWN": 3}
    counters = {"total": total, "sended": sended, "pending": pending, "fails": 18}
    return orjson.dumps({**counters, "actions": actions, "campaign": 3})


def main() -> None:
    """Measure and print; slow figures do not fail, because machines are noisy."""
    nights, companies = 100, 1000
    lines = nights * companies * (LOOKBACK + 1)
    first = date(2026, 8, 15)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        runs = [make_night(scratch, first + timedelta(n), companies) for n in range(nights)]
        print(f"{nights} nights x {companies:,} companies x {LOOKBACK + 1} days = {lines:,} lines")
        output = scratch / "output"
        latest = measure("latest", *runs, scratch=scratch, output=output)
        print(
            f"  latest       {latest.seconds:6.2f} s   {lines / latest.seconds:,.0f} lines/s, "
            f"{latest.peak / 1e6:.0f} MB"
        )
        for form in ((), ("--json",)):
            diff = measure("diff", *runs[-2:], *form, scratch=scratch, output=output)
            print(
                f"  {' '.join(('diff', *form)):<12} {diff.seconds:6.2f} s   two of the nights, "
                f"{diff.peak / 1e6:.0f} MB"
            )


if __name__ == "__main__":
    main()
