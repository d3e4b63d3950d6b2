"""Run directories in which some companies begin with a later day than others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.plan import Companies, Plan, WindowSize, read_companies
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.coverage import read_coverage
from collector.store.identity import describe_service
from collector.store.manifest import Manifest, describe_plan
from collector.store.plan_differences import plan_differences
from collector.store.recorded_plan import recorded_plan, write_company_list
from tests.store.made_runs import FIRST, day, line

_DAILY = WindowSize("days", 1)
_IDS = ("1", "2", "3", "é")
_NAMES = {"2": "from 2026-11-01"}
_AT = datetime(2026, 11, 23, tzinfo=UTC)


def _plan(
    firsts: tuple[int, ...] = (2, 2, 0, 1), days: int = 4, ids: tuple[str, ...] = _IDS
) -> Plan:
    return Plan(Companies(ids, _NAMES), [day(number + 1) for number in range(days)], firsts)


def _write(run: Path, plan: Plan, lines: list[bytes] | None = None) -> Path:
    run.mkdir(exist_ok=True)
    Manifest(
        plan=describe_plan(plan, _DAILY),
        service=describe_service(RunSettings()),
        attempts=[AttemptEntry(_AT, describe_settings(RunSettings())).as_json()],
    ).write(run / "run.json")
    write_company_list(run / "run-companies.txt", plan.companies, plan.first_days())
    (run / "statistics.jsonl").write_bytes(b"".join(lines or []))
    return run


def test_first_days_are_recorded_and_read_again(tmp_path: Path) -> None:
    """Above the companies that they are of; the list can be read as any list of companies."""
    plan, path = _plan(), tmp_path / "list"
    write_company_list(path, plan.companies, plan.first_days())
    assert path.read_text("utf-8").splitlines()[1:] == [
        "# from 2026-11-03",
        "1",
        "2 from 2026-11-01",
        "# from 2026-11-01",
        "3",
        "# from 2026-11-02",
        "é",
    ]
    again, is_intact = recorded_plan(describe_plan(plan, _DAILY), path)
    assert is_intact
    assert list(again) == list(plan)
    assert again.fingerprint == plan.fingerprint
    read = read_companies(path)
    assert (read.ids, dict(read.names)) == (_IDS, _NAMES)


def test_an_older_collector_does_not_take_them_for_a_plan_without(tmp_path: Path) -> None:
    """It would request the days before: the manifest has a format that it does not know."""
    even = Plan(Companies(_IDS), _plan().windows)
    for plan, form in ((_plan(), 2), (even, 1)):
        path = _write(tmp_path / f"run-{form}", plan) / "run.json"
        manifest = Manifest.read(path)
        assert manifest is not None
        assert manifest.format == form
        assert manifest.plan.has_first_days is (form == 2)


def test_an_edited_list_keeps_the_days_of_those_that_are_left(tmp_path: Path) -> None:
    """Each company has the day above it, wherever lines were removed."""
    plan, path = _plan(), tmp_path / "list"
    write_company_list(path, plan.companies, plan.first_days())
    path.write_text(path.read_text("utf-8").replace("\n1\n", "\n").replace("\n3\n", "\n"), "utf-8")
    again, is_intact = recorded_plan(describe_plan(plan, _DAILY), path)
    assert not is_intact
    assert again.companies.ids == ("2", "é")
    assert list(again.first_windows) == [2, 1]


def test_a_damaged_day_is_damage(tmp_path: Path) -> None:
    """Not a plan that begins somewhere."""
    plan, path = _plan(), tmp_path / "list"
    write_company_list(path, plan.companies, plan.first_days())
    path.write_text(path.read_text("utf-8").replace("# from 2026-11-02", "# from some day"))
    with pytest.raises(ValueError, match="isoformat"):
        recorded_plan(describe_plan(plan, _DAILY), path)


@pytest.mark.parametrize(
    ("new", "difference"),
    [
        (_plan(), None),
        (_plan(days=6), None),
        (_plan((2, 2, 0, 1, 3), ids=(*_IDS, "new")), None),
        (_plan((0, 0, 0, 0)), None),
        (_plan((2, 3, 0, 1)), "1 of its companies would begin later, such as 2"),
        (_plan((3, 3, 0, 3)), "3 of its companies would begin later, such as 1"),
    ],
)
def test_a_plan_may_grow_and_not_begin_later(new: Plan, difference: str | None) -> None:
    """A line before the first day of its company would be one of no cell."""
    assert plan_differences(_plan(), new) == ([] if difference is None else [difference])


def test_a_plan_without_first_days_may_not_get_any() -> None:
    """It has cells of all days."""
    even = Plan(Companies(_IDS), _plan().windows)
    assert plan_differences(even, _plan()) == ["3 of its companies would begin later, such as 1"]
    assert plan_differences(even, even) == []


def test_the_coverage_knows_which_days_are_planned(tmp_path: Path) -> None:
    """Days before the first of a company are neither missing nor planned."""
    lines = [line("1", 3, total=1), line("1", 4), line("3", 1), line("3", 2), line("é", 1)]
    coverage = read_coverage(_write(tmp_path / "run", _plan(), lines))
    assert coverage.counts() == {
        CellState.DATA: 1,
        CellState.EMPTY: 3,
        CellState.FAILED: 0,
        CellState.MISSING: 7,
    }
    gaps = [(gap.company_id, gap.first, gap.last, gap.windows) for gap in coverage.gaps()]
    assert gaps == [
        ("2", day(3), day(4), 2),
        ("3", day(3), day(4), 2),
        ("é", day(2), day(4), 3),
    ]
    (remark,) = coverage.remarks
    assert remark.startswith("1 of the lines belongs to no cell of the plan; the first is of com")
    whole = [line(company, (window.from_date or FIRST).day) for company, window in _plan()]
    assert read_coverage(_write(tmp_path / "whole", _plan(), whole)).empty_everywhere == list(_IDS)


def test_an_older_record_can_be_read(tmp_path: Path) -> None:
    """A shard may have it, beside a list with a company that begins after its last day."""
    path = tmp_path / "list"
    grown = _plan((0, 0, 0, 3))
    write_company_list(path, grown.companies, grown.first_days())
    old = _plan((0, 0, 0, 1), days=2)
    again, _ = recorded_plan(describe_plan(old, _DAILY), path)
    assert list(again.first_windows) == [0, 0, 0, 1]
    assert again[len(again) - 1].window.from_date == FIRST + timedelta(1)


def test_a_list_without_days_is_refused(tmp_path: Path) -> None:
    """As any list that is no list of companies."""
    path = tmp_path / "list"
    path.write_text("1 2\n\x07\n")
    with pytest.raises(InputError, match="control character"):
        recorded_plan(describe_plan(_plan(), _DAILY), path)
