"""Which days `--since-last` chooses, for each company, by the runs beside the run directory."""

import gzip
import json
import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.cell import Window
from collector.core.errors import InputError
from collector.plan import Companies, DateRange, Plan, Shard, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.settings.parsers import Days
from collector.store.since_last import begin_since_last
from tests.counted_calls import calls_of
from tests.store.made_runs import AT, FIRST, day, line, make_run

_SINCE_LAST = RunSettings(since_last=True, window=WindowSize("days", 1))
_COMPANIES = ("1", "2", "é")


def _reach(until: int, days: int = 10, companies: tuple[str, ...] = _COMPANIES) -> Plan:
    """Give the plan of all days that may be collected, the last of them a day of November."""
    last = FIRST + timedelta(until - 1)
    windows = cut_windows(DateRange(last - timedelta(days - 1), last), WindowSize("days", 1))
    return Plan(Companies(companies), windows)


def _firsts(plan: Plan) -> dict[str, int]:
    """Give the day of November with which each company begins; 0 is the last of October."""
    assert plan.windows[0].from_date is not None
    return {
        company_id: ((plan[plan.span(place).start].window.from_date or FIRST) - FIRST).days + 1
        for place, company_id in enumerate(plan.companies.ids)
    }


def _lines(*days: int, companies: tuple[str, ...] = _COMPANIES) -> list[bytes]:
    return [line(company, number) for company in companies for number in days]


def _begun(
    output: Path, plan: Plan, settings: RunSettings = _SINCE_LAST
) -> tuple[dict[str, int], list[str]]:
    begun, remarks = begin_since_last(plan, settings, output)
    assert begun.windows[-1] == plan.windows[-1]
    assert min(_firsts(begun).values()) == ((begun.windows[0].from_date or FIRST) - FIRST).days + 1
    return _firsts(begun), list(remarks)


def test_a_machine_that_was_off_for_a_week_leaves_no_hole(tmp_path: Path) -> None:
    """The days after the last night; a failed cell before it, for its company alone."""
    make_run(tmp_path / "1", _lines(1, 2), days=(1, 2))
    make_run(tmp_path / "2", _lines(3, companies=("1", "é")), days=(3, 3))
    firsts, remarks = _begun(tmp_path / "night", _reach(10))
    assert firsts == {"1": 4, "2": 3, "é": 4}
    assert remarks == []


def test_a_new_company_gets_its_history(tmp_path: Path) -> None:
    """As far as the days that may be collected reach; the others do not."""
    make_run(tmp_path / "1", _lines(*range(1, 10)), days=(1, 9))
    plan = _reach(10, companies=(*_COMPANIES, "new"))
    assert _begun(tmp_path / "night", plan)[0] == {"1": 10, "2": 10, "é": 10, "new": 1}


def test_without_any_run_each_company_is_new(tmp_path: Path) -> None:
    """The plan is that of the days that may be collected."""
    plan = _reach(10)
    for output in (tmp_path / "night", tmp_path / "nowhere" / "night"):
        begun, remarks = begin_since_last(plan, _SINCE_LAST, output)
        assert list(begun) == list(plan)
        assert not begun.first_windows
        assert not remarks


def test_the_last_day_is_collected_in_any_case(tmp_path: Path) -> None:
    """A second run of a day, in a directory of its own, has the day all the same."""
    make_run(tmp_path / "1", _lines(*range(1, 11)), days=(1, 10))
    assert _begun(tmp_path / "night", _reach(10))[0] == dict.fromkeys(_COMPANIES, 10)


def test_a_lookback_goes_before_the_first_day_and_not_before_the_bound(tmp_path: Path) -> None:
    """The days before a gap are collected again, for their figures still change."""
    make_run(tmp_path / "1", _lines(*range(1, 8)), days=(1, 7))
    looking_back = replace(_SINCE_LAST, lookback=Days(3))
    assert _begun(tmp_path / "night", _reach(10), looking_back)[0] == dict.fromkeys(_COMPANIES, 5)
    firsts, _ = _begun(tmp_path / "night", _reach(10, days=5), looking_back)
    assert firsts == dict.fromkeys(_COMPANIES, 6)


def test_windows_of_several_days_cover_each_of_them(tmp_path: Path) -> None:
    """So a change from one size of windows to days makes no line overlap another."""
    wide = tmp_path / "wide"
    make_run(wide, days=(1, 4))
    text = line("1", 1)
    days = Window(FIRST, FIRST + timedelta(6))
    made = json.loads(text)
    made["until_date"] = str(days.until_date)
    (wide / "statistics.jsonl").write_text(json.dumps(made) + "\n")
    manifest = json.loads((wide / "run.json").read_text())
    manifest["plan"] |= {"until_date": str(days.until_date), "window": "whole", "windows": 1}
    manifest["plan"]["cells"] = 3
    (wide / "run.json").write_text(json.dumps(manifest))
    assert _begun(tmp_path / "night", _reach(10))[0] == {"1": 8, "2": 1, "é": 1}


def _edit(run: Path, **changes: Any) -> None:  # noqa: ANN401 - JSON
    manifest = json.loads((run / "run.json").read_text())
    for name, value in changes.items():
        manifest[name] = value
    (run / "run.json").write_text(json.dumps(manifest))


def test_answers_that_are_not_of_these_days_or_this_service_do_not_count(tmp_path: Path) -> None:
    """Those of a demo, of a run whose dates were ignored, of one that cannot be read: a warning."""
    for name in ("demo", "ignored", "torn", "other"):
        make_run(tmp_path / name, _lines(*range(1, 11)), days=(1, 10))
    make_run(tmp_path / "whole", [line("1", None)], days=None)
    _edit(tmp_path / "demo", service={"base-url": "http://127.0.0.1:9"})
    dates = {"verdict": "ignored", "until": "included", "until_exclusive": False}
    _edit(tmp_path / "ignored", dates=dates)
    (tmp_path / "torn" / "run.json").write_text("{")
    statistics = tmp_path / "other" / "statistics.jsonl"
    statistics.unlink()
    statistics.mkdir()
    (tmp_path / "README").write_text("Our nights.")
    (tmp_path / "lost+found").mkdir()
    firsts, remarks = _begun(tmp_path / "night", _reach(10))
    assert firsts == dict.fromkeys(_COMPANIES, 1)
    named = ["demo", "ignored", "torn/run.json", "other/statistics.jsonl"]
    assert [remark.partition(": ")[0] for remark in remarks] == [
        str(tmp_path / name) for name in named
    ]
    assert all("do not count" in text or "count as not collected" in text for text in remarks)
    assert "is of another service: --base-url was http://127.0.0.1:9" in remarks[0]


def test_many_runs_that_do_not_count_make_few_warnings(tmp_path: Path) -> None:
    """Each demo leaves a directory beside the nights."""
    for number in range(9):
        run = make_run(tmp_path / f"demo-{number}", _lines(1), days=(1, 1))
        _edit(run, service={"base-url": f"http://127.0.0.1:{number}"})
    _, remarks = _begun(tmp_path / "night", _reach(10))
    assert len(remarks) == 6
    assert remarks[-1] == f"and 4 more warnings about runs beside {tmp_path / 'night'}"


@pytest.mark.parametrize(
    ("damage", "file", "why"),
    [
        ("cut", "", ": 8 lines are gone"),
        ("gone", "", ": 9 lines are gone"),
        ("nul", "/statistics.jsonl", ": 501 bytes are damaged"),
        ("packed", "/statistics.jsonl.gz", ": is damaged or cut"),
        ("without", "", ": has answers, and no run.json"),
    ],
)
def test_what_a_run_has_lost_is_named(tmp_path: Path, damage: str, file: str, why: str) -> None:
    """Bytes that are no line, a file that is cut or gone, compressed or not, and no manifest."""
    text = b"".join(_lines(1, 2, 3))
    run = make_run(tmp_path / "1", [text], days=(1, 3))
    manifest = json.loads((run / "run.json").read_text())
    counts = {"kept": {"data": 0, "empty": 0}, "cells": {"data": 9, "empty": 0}}
    attempt = manifest["attempts"][0] | counts | {"ended_at": "2026-11-23T03:00:00.000Z"}
    _edit(run, attempts=[attempt])
    path = run / "statistics.jsonl"
    if damage == "cut":
        path.write_bytes(_lines(1)[0])
    elif damage == "nul":
        path.write_bytes(bytes(500) + b"\n" + text)
    elif damage == "without":
        (run / "run.json").unlink()
    else:
        path.unlink()
    if damage == "packed":
        (run / "statistics.jsonl.gz").write_bytes(gzip.compress(text)[:-40])
    _, remarks = _begun(tmp_path / "night", _reach(10))
    assert remarks[0].startswith(f"{run}{file}{why}")
    assert all(remark.endswith("; its days count as not collected") for remark in remarks)


def test_an_answer_of_a_day_that_was_not_over_does_not_count(tmp_path: Path) -> None:
    """In the time zone of the run that asks: the figures of that day were not all there."""
    noon = datetime(2026, 11, 3, 12, tzinfo=UTC)
    at = (noon - AT).total_seconds()
    lines = [line(company, each, at) for company in _COMPANIES for each in (1, 2, 3)]
    make_run(tmp_path / "1", lines, days=(1, 3))
    for zone, first in (("UTC", 3), ("Pacific/Kiritimati", 4), ("Etc/GMT+12", 3)):
        asking = replace(_SINCE_LAST, timezone=zone)
        firsts, _ = _begun(tmp_path / "night", _reach(6, days=6), asking)
        assert firsts == dict.fromkeys(_COMPANIES, first), zone


def test_only_runs_that_are_needed_are_read(tmp_path: Path) -> None:
    """With a lookback most days are in many runs; the one that reaches furthest is enough."""
    for number in range(3, 10):
        make_run(
            tmp_path / str(number),
            _lines(*range(number - 2, number + 1)),
            days=(number - 2, number),
        )
    for needless in ("4", "5", "7", "8"):
        (tmp_path / needless / "statistics.jsonl").unlink()
        (tmp_path / needless / "statistics.jsonl").mkdir()
    firsts, remarks = _begun(tmp_path / "night", _reach(10))
    assert firsts == dict.fromkeys(_COMPANIES, 10)
    assert remarks == []


def test_the_work_does_not_grow_with_the_square_of_the_nights(tmp_path: Path) -> None:
    """Each night has another day; twice as many are twice the calls."""

    def work(nights: int) -> int:
        root = tmp_path / str(nights)
        root.mkdir()
        for number in range(20 - nights, 20):
            make_run(root / str(number), _lines(number), days=(number, number))
        plan = _reach(20, days=nights + 1)
        return calls_of(lambda: begin_since_last(plan, _SINCE_LAST, root / "night"))

    one, two, four = map(work, (30, 60, 120))
    assert four - two < 2.2 * (two - one)


_nights = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.integers(0, 3),
        st.sets(st.tuples(st.sampled_from(_COMPANIES), st.integers(-3, 12)), max_size=20),
    ),
    max_size=6,
)


@settings(deadline=None)
@given(_nights, st.integers(0, 4))
def test_it_finds_what_a_search_finds(
    tmp_path_factory: Any,  # noqa: ANN401 - no public type
    nights: list[tuple[int, int, set[tuple[str, int]]]],
    lookback: int,
) -> None:
    """The first day of each company that no run has a line of, whatever runs there are."""
    root = tmp_path_factory.mktemp("nights")
    covered: set[tuple[str, int]] = set()
    for number, (last, more, cells) in enumerate(nights):
        own = {cell for cell in cells if last - more <= cell[1] <= last}
        lines = [line(*cell) for cell in sorted(own)]
        make_run(root / str(number), lines, days=(last - more, last))
        covered |= own
    plan = _reach(10)
    expected = {
        company: max(
            1,
            min((d for d in range(1, 11) if (company, d) not in covered), default=10) - lookback,
        )
        for company in _COMPANIES
    }
    chosen = replace(_SINCE_LAST, lookback=Days(lookback) if lookback else None)
    assert _begun(root / "night", plan, chosen)[0] == expected


def _make_night(path: Path, plan: Plan) -> Path:
    """Make the directory of a run that has begun with a plan."""
    days = [((window.from_date or FIRST) - FIRST).days + 1 for window in plan.windows]
    ends = days[0], days[-1]
    return make_run(path, companies=plan.companies.ids, days=ends, firsts=plan.first_windows)


def test_what_a_run_has_begun_with_stays(tmp_path: Path) -> None:
    """Whatever happens to the runs beside it: the same command makes the same plan."""
    sibling = make_run(tmp_path / "1", _lines(*range(1, 6), companies=("1", "2")), days=(1, 5))
    plan, _ = begin_since_last(_reach(10), _SINCE_LAST, tmp_path / "night")
    night = _make_night(tmp_path / "night", plan)
    assert _firsts(plan) == {"1": 6, "2": 6, "é": 1}
    (sibling / "statistics.jsonl").write_bytes(b"")
    make_run(tmp_path / "2", _lines(*range(1, 10)), days=(1, 9))
    again, remarks = begin_since_last(_reach(10), _SINCE_LAST, night)
    assert again.fingerprint == plan.fingerprint
    assert list(remarks) == []
    looking_back = replace(_SINCE_LAST, lookback=Days(2))
    assert begin_since_last(_reach(10), looking_back, night).plan.fingerprint == plan.fingerprint
    shard = replace(_SINCE_LAST, shard=Shard(1, 3))
    assert begin_since_last(_reach(10), shard, night).plan.fingerprint == plan.fingerprint


def test_a_run_that_is_continued_may_grow(tmp_path: Path) -> None:
    """By the days since, and by companies: without runs beside it, from its first day on."""
    plan = Plan(Companies(_COMPANIES), _reach(10).windows, (5, 5, 0))
    night = _make_night(tmp_path / "night", plan)
    grown, _ = begin_since_last(_reach(12, companies=(*_COMPANIES, "new")), _SINCE_LAST, night)
    assert _firsts(grown) == {"1": 6, "2": 6, "é": 1, "new": 1}
    assert grown.windows[-1] == day(12)
    # The clock, or the time zone, may be another one.
    earlier, _ = begin_since_last(_reach(9), _SINCE_LAST, night)
    assert earlier.fingerprint == plan.fingerprint


def test_a_company_that_is_added_begins_with_its_own_day(tmp_path: Path) -> None:
    """With the first that no run beside this one covers, and the lookback before it."""
    lines = _lines(*range(1, 9), companies=("back",))
    make_run(tmp_path / "1", lines, companies=("back",), days=(1, 8))
    plan = Plan(Companies(_COMPANIES), _reach(10).windows[4:])
    night = _make_night(tmp_path / "night", plan)
    more = _reach(10, companies=(*_COMPANIES, "back", "new"))
    begun, remarks = begin_since_last(more, _SINCE_LAST, night)
    assert _firsts(begun) == {"1": 5, "2": 5, "é": 5, "back": 9, "new": 5}
    (remark,) = remarks
    assert remark == (
        f"{night}: companies were added, and the run begins with 2026-11-05; their days before "
        "that, from 2026-11-01 on, are collected by a run with another --output"
    )
    looking_back = replace(_SINCE_LAST, lookback=Days(2))
    more = _reach(10, companies=(*_COMPANIES, "back"))
    begun, remarks = begin_since_last(more, looking_back, night)
    assert _firsts(begun) == {"1": 5, "2": 5, "é": 5, "back": 7}
    assert not remarks
    # Once it is recorded, it stays.
    shutil.rmtree(tmp_path / "1")
    shutil.rmtree(night)
    _make_night(night, begun)
    again, _ = begin_since_last(more, _SINCE_LAST, night)
    assert again.fingerprint == begun.fingerprint


def test_the_bound_is_for_the_days_that_a_run_gets(tmp_path: Path) -> None:
    """However long ago the run began: only the days after its last are requested."""
    night = _make_night(tmp_path / "night", _reach(4))
    grown, _ = begin_since_last(_reach(7, days=3), _SINCE_LAST, night)
    assert (len(grown.windows), grown.windows[-1]) == (13, day(7))
    with pytest.raises(InputError) as raised:
        begin_since_last(_reach(8, days=3), _SINCE_LAST, night)
    assert str(raised.value) == (
        f"{night}: its run ends with 2026-11-04, and --at-most 3d reaches back to 2026-11-06 only: "
        "give another --output, or --at-most 4d or more"
    )


@pytest.mark.parametrize(("days", "window"), [((1, 7), "7d"), ((1, 9), "7d"), (None, "1d")])
def test_a_run_of_other_windows_is_not_continued(
    tmp_path: Path, days: tuple[int, int] | None, window: str
) -> None:
    """A plan says so as the run does."""
    run = make_run(tmp_path / "night", days=days, window=window)
    with pytest.raises(InputError, match="and --since-last collects day by day: give another"):
        begin_since_last(_reach(10), _SINCE_LAST, run)


def test_its_days_can_be_given_as_dates_too(tmp_path: Path) -> None:
    """As the command does that collector status prints; other dates are another plan."""
    plan = Plan(Companies(_COMPANIES), _reach(10).windows, (5, 5, 0))
    night = _make_night(tmp_path / "night", plan)
    dated = replace(_SINCE_LAST, since_last=False)
    assert begin_since_last(_reach(10), dated, night).plan.fingerprint == plan.fingerprint
    # What opens the directory refuses them, and says why.
    for other in (_reach(10, days=4), _reach(4, days=4)):
        assert begin_since_last(other, dated, night).plan is other
    elsewhere = _reach(10)
    assert begin_since_last(elsewhere, dated, tmp_path / "elsewhere").plan is elsewhere


def test_a_run_of_the_same_days_for_all_is_continued_with_them(tmp_path: Path) -> None:
    """The night before the first with this option had --last; the same directory stays one plan."""
    plan = _reach(10, days=3)
    night = _make_night(tmp_path / "night", plan)
    make_run(tmp_path / "1", _lines(*range(1, 9)), days=(1, 8))
    again, _ = begin_since_last(_reach(10), _SINCE_LAST, night)
    assert again.fingerprint == plan.fingerprint


def test_the_directory_itself_is_not_beside_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whatever name it is called; and `.` has siblings, too."""
    make_run(tmp_path / "1", _lines(*range(1, 5)), days=(1, 4))
    night = make_run(tmp_path / "night", _lines(*range(1, 10)), days=(1, 9))
    # Its plan cannot be read, so that it is not what counts.
    (night / "run-companies.txt").unlink()
    monkeypatch.chdir(night)
    (tmp_path / "link").symlink_to(night)
    for output in (Path(), Path("../night"), Path("../link")):
        assert _begun(output, _reach(10))[0] == dict.fromkeys(_COMPANIES, 5)
    assert _begun(Path("../other"), _reach(10))[0] == dict.fromkeys(_COMPANIES, 10)


def test_many_companies_take_turns(tmp_path: Path) -> None:
    """Each with a first day of its own, and few bits for each."""
    companies = tuple(str(number) for number in range(500))
    chosen = random.Random(7)  # noqa: S311 - no secret
    firsts = {company: chosen.randint(1, 10) for company in companies}
    lines = [line(c, number) for c, first in firsts.items() for number in range(1, first)]
    make_run(tmp_path / "1", lines, companies=companies, days=(1, 9))
    assert _begun(tmp_path / "night", _reach(10, companies=companies))[0] == firsts


def test_two_forms_of_a_file_are_a_warning(tmp_path: Path) -> None:
    """The run counts by the form that is read."""
    run = make_run(tmp_path / "a", _lines(1), companies=_COMPANIES, days=(1, 1))
    (run / "statistics.jsonl.gz").touch()
    _, remarks = _begun(tmp_path / "night", _reach(10))
    (remark,) = remarks
    assert remark.startswith(f"{run}/statistics.jsonl: is read, and statistics.jsonl.gz beside it ")
