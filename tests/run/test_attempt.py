from datetime import date
from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.plan import CellSet, Companies, DateRange, Plan, Shard, WindowSize, cut_windows
from collector.run.attempt import AttemptRecord
from collector.settings import RunSettings
from collector.store.files import PartFiles
from collector.store.recovery import Recovered
from collector.store.run_directory import RunDirectory

_DAILY = WindowSize.parse("1d")


def _plan(first: int, companies: int = 3) -> Plan:
    """Make seven days from a day in November on."""
    days = DateRange(date(2026, 11, first), date(2026, 11, first + 6))
    ids = tuple(str(number) for number in range(1, companies + 1))
    return Plan(Companies(ids), cut_windows(days, _DAILY))


def _record(directory: RunDirectory, plan: Plan) -> AttemptRecord:
    """Make the record of an attempt that found nothing when it looked."""
    nothing = Recovered(CellSet(len(plan)), is_complete=False, has_lines=False)
    return AttemptRecord(
        directory, nothing, plan, RunSettings(window=_DAILY, shard=directory.files.shard)
    )


@pytest.mark.parametrize("late", [_plan(1), _plan(2, companies=2)], ids=["days", "companies"])
async def test_of_shards_that_begin_together_with_two_plans_one_is_refused(
    tmp_path: Path, late: Plan
) -> None:
    """On two sides of midnight, say, or with an older list: both looked before the other began.

    The list that is there stays, and nothing says that the second had begun.
    """
    first, second = (PartFiles(tmp_path, Shard(number, 2)) for number in range(2))
    with RunDirectory.open(first) as one, RunDirectory.open(second) as other:
        await _record(one, _plan(2)).begin(None, [])
        companies = (tmp_path / "run-companies.txt").read_bytes()
        with pytest.raises(InputError, match="holds a run of another plan"):
            await _record(other, late).begin(None, [])
        assert (tmp_path / "run-companies.txt").read_bytes() == companies
        assert not second.manifest.exists()


async def test_a_shard_may_begin_with_a_plan_that_has_grown(tmp_path: Path) -> None:
    """What the other one collects is a part of it."""
    first, second = (PartFiles(tmp_path, Shard(number, 2)) for number in range(2))
    with RunDirectory.open(first) as one, RunDirectory.open(second) as other:
        await _record(one, _plan(2)).begin(None, [])
        await _record(other, _plan(2, companies=5)).begin(None, [])
        assert second.manifest.exists()
        assert b"\n5\n" in (tmp_path / "run-companies.txt").read_bytes()
