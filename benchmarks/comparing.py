"""CPU time and memory of `diff` and `latest` of two large runs, and of `status` of a large plan.

`python -m benchmarks.comparing` makes two runs of 2,000,000 lines (2,000 companies, 1,000 days) in
a temporary directory, of which one is a day later and has the same answers, and the beginning of a
run of 100,000,000 cells, and measures each command in its own process. `python -m
benchmarks.comparing LINES` does so with runs of another size.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.child import Usage
from benchmarks.export import made_run
from benchmarks.nights import measure
from collector.store.files import PartFiles

_COMPANIES: Final = 2000
_A_DAY_LATER: Final = datetime(2026, 11, 24, 2, tzinfo=UTC)
_PLANNED: Final = 10_000
"""Companies and days of the plan for `status`."""


def _row(name: str, usage: Usage) -> str:
    return f"  {name:<12} {usage.cpu:7.1f} s of CPU time, peak {usage.peak / 1e6:,.0f} MB"


def main() -> None:
    """Measure and print; slow figures do not fail, because machines are noisy."""
    days = int(sys.argv[1]) // _COMPANIES if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        output = scratch / "output"
        old = made_run(scratch / "old", _COMPANIES, days)
        new = made_run(scratch / "new", _COMPANIES, days, at=_A_DAY_LATER)
        print(f"two runs of {_COMPANIES * days:,} lines")
        for command in (("diff", old, new), ("diff", old, new, "--json"), ("latest", old, new)):
            usage = measure(*command, scratch=scratch, output=output)
            print(_row(" ".join(part for part in command if isinstance(part, str)), usage))
        begun = made_run(scratch / "begun", _PLANNED, 0, planned_days=_PLANNED)
        assert PartFiles(begun).statistics.stat().st_size == 0
        print(f"a run of {_PLANNED * _PLANNED:,} cells that has begun")
        print(_row("status", measure("status", begun, scratch=scratch, output=output)))


if __name__ == "__main__":
    main()
