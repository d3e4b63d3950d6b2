"""What a shard takes over of a run directory, and what it leaves to the others."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.core.cell import Cell, CellState
from collector.core.errors import InputError
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
    cut_windows,
)
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.files import PartFiles
from collector.store.lines import result_line
from collector.store.manifest import DatesRecord, Manifest, describe_plan
from collector.store.recorded_plan import write_company_list
from collector.store.recovery import Recovered, recover

_AT = datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)
_SERVICE = {"base-url": "https://one.example"}
_HONOURED = DatesRecord(verdict="honoured", until="included", until_exclusive=False)
_TORN = b'{"company_id":"1","from'


def _fresh(_: datetime) -> Age:
    return Age(0, is_of_another_day=False)


def _plan(companies: int = 12, days: int | None = 20) -> Plan:
    dates = None
    if days is not None:
        dates = DateRange(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days - 1))
    size = WindowSize.parse("whole" if days is None else "1d")
    ids = tuple(str(number) for number in range(companies))
    return Plan(Companies(ids), cut_windows(dates, size))


_PLAN = _plan()


def _line(cell: Cell, at: datetime = _AT) -> bytes:
    counts = {"total": 1, "sended": 0, "pending": 0, "fails": 0, "campaign": 0, "actions": {}}
    answer = Answer(orjson.dumps(counts), Counters(1, 0, 0, 0, 0, {}), at, requests=1)
    return result_line(cell, answer, 1)


def _cells(shard: Shard, plan: Plan = _PLAN) -> list[Cell]:
    return list(absent_in_turns(CellSet(len(plan)), Part(plan, shard)))


def _make(  # noqa: PLR0913 - each has its usual value
    run: Path,
    shard: Shard,
    cells: Iterable[Cell] = (),
    *,
    damage: bytes = b"",
    plan: Plan = _PLAN,
    service: dict[str, str] | None = None,
    **more: Any,  # noqa: ANN401 - see Manifest
) -> PartFiles:
    """Write the files of a shard as an earlier attempt has left them."""
    run.mkdir(exist_ok=True)
    files = PartFiles(run, shard)
    size = WindowSize.parse("1d" if plan.windows[0].from_date else "whole")
    attempt = AttemptEntry(_AT, describe_settings(RunSettings(shard=shard)))
    Manifest(
        plan=describe_plan(plan, size),
        service=service or _SERVICE,
        attempts=[attempt.as_json()],
        **more,
    ).write(files.manifest)
    write_company_list(run / "run-companies.txt", plan.companies)
    files.statistics.write_bytes(b"".join(map(_line, cells)) + damage)
    files.errors.write_bytes(damage)
    files.log.write_bytes(b'{"event":"run_started"}\n' + damage)
    return files


def _recover(
    run: Path,
    shard: Shard,
    plan: Plan = _PLAN,
    age: Callable[[datetime], Age] = _fresh,
) -> Recovered:
    files = PartFiles(run, shard)
    return recover(files, Part(plan, shard), _SERVICE, age=age, is_stopped=lambda: False)


def _contents(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir()}


def _done(recovered: Recovered, plan: Plan = _PLAN) -> set[Cell]:
    return {plan[index] for index in range(len(plan)) if index in recovered.done}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Give the path of a run directory that is not there yet."""
    return tmp_path / "run"


def test_a_shard_takes_over_its_own_lines(run: Path) -> None:
    """And its own attempts; those of its siblings are not looked at."""
    own, sibling = Shard(0, 2), Shard(1, 2)
    _make(run, own, _cells(own)[:7])
    _make(run, sibling, _cells(sibling))
    recovered = _recover(run, own)
    assert _done(recovered) == set(_cells(own)[:7])
    assert recovered.kept == Counter({CellState.DATA: 7})
    assert (recovered.is_complete, recovered.remarks, len(recovered.attempts)) == (False, (), 1)


def test_a_shard_neither_reads_nor_repairs_its_siblings(run: Path) -> None:
    """They may be running: what looks torn there is a line that is being written."""
    own, sibling = Shard(0, 2), Shard(1, 2)
    _make(run, own, _cells(own)[:3], damage=_TORN)
    _make(run, sibling, _cells(sibling), damage=_TORN)
    before = _contents(run)
    recovered = _recover(run, own)
    assert len(recovered.remarks) == 3
    assert all("-00000-of-00002" in remark for remark in recovered.remarks)
    after = _contents(run)
    assert after.keys() - before.keys() == {
        f"{name}-00000-of-00002.jsonl.broken" for name in ("statistics", "errors", "log")
    }
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {f"{name}-00000-of-00002.jsonl" for name in ("statistics", "errors", "log")}
    assert after["statistics-00000-of-00002.jsonl"] == b"".join(map(_line, _cells(own)[:3]))


@pytest.mark.parametrize("other", [Shard(), Shard(0, 3), Shard(1, 5)], ids=str)
def test_lines_of_others_count_as_done(run: Path, other: Shard) -> None:
    """Of the whole run and of shards of another number; kept are those that are the shard's."""
    own = Shard(1, 2)
    _make(run, other, _cells(other))
    recovered = _recover(run, own)
    both = set(_cells(own)) & set(_cells(other))
    assert _done(recovered) & set(_cells(own)) == both
    assert recovered.kept == Counter({CellState.DATA: len(both)})
    assert recovered.is_complete is other.is_whole
    assert recovered.remarks == ()
    assert recovered.attempts == ()
    left = list(absent_in_turns(recovered.done, Part(_PLAN, own)))
    assert set(left) == set(_cells(own)) - both


def test_damage_of_another_number_is_told_and_left_alone(run: Path) -> None:
    """It is for the run without shards to repair; nothing there changes."""
    _make(run, Shard(), _cells(Shard())[:4], damage=_TORN)
    thirds = [cell for cell in _cells(Shard(2, 3)) if cell not in _cells(Shard())[:4]][:4]
    _make(run, Shard(2, 3), thirds, damage=_TORN)
    before = _contents(run)
    recovered = _recover(run, Shard(0, 2))
    assert _contents(run) == before
    assert recovered.remarks == tuple(
        f"{run / name}: the last line is unfinished ({len(_TORN)} bytes); "
        "collector run requests its cell again"
        for name in ("statistics.jsonl", "statistics-00002-of-00003.jsonl")
    )
    own = set(_cells(Shard(0, 2)))
    assert _done(recovered) & own == {*_cells(Shard())[:4], *thirds} & own


def test_a_run_without_shards_reads_and_repairs_all(run: Path) -> None:
    """It has the directory for itself: what the shards have left over is what it asks for."""
    shards = [Shard(), Shard(0, 2), Shard(1, 2), Shard(2, 3)]
    found: set[Cell] = set()
    for shard in shards:
        cells = [cell for cell in _cells(shard) if cell not in found][:9]
        found.update(cells)
        _make(run, shard, cells, damage=_TORN)
    recovered = _recover(run, Shard())
    assert _done(recovered) == found
    assert recovered.kept.total() == len(found)
    assert len(recovered.remarks) == 3 * len(shards)
    broken = {path.name for path in run.glob("*.broken")}
    assert len(broken) == 3 * len(shards)
    for shard in shards:
        for path in (PartFiles(run, shard).statistics, PartFiles(run, shard).log):
            assert path.read_bytes().endswith(b"}\n")
        assert PartFiles(run, shard).errors.read_bytes() == b""
    again = _recover(run, Shard())
    assert (again.remarks, again.kept) == ((), recovered.kept)


def test_lines_in_two_parts_are_told_once_each(run: Path) -> None:
    """A cell that two have is one cell; for people it is odd."""
    _make(run, Shard(), _cells(Shard())[:5])
    _make(run, Shard(0, 2), _cells(Shard(0, 2))[:5])
    both = {*_cells(Shard())[:5]} & {*_cells(Shard(0, 2))[:5]}
    recovered = _recover(run, Shard())
    assert recovered.kept.total() == 10 - len(both)
    assert len(both) > 0
    (remark,) = recovered.remarks
    assert re.match(r"\d+ of the lines (is of a cell|are of cells) that ha(s|ve) a line", remark)
    assert remark.startswith(f"{len(both)} of the lines ")


@given(
    st.lists(
        st.sampled_from([Shard(), *(Shard(n, t) for t in (2, 3) for n in range(t))]), max_size=4
    ),
    st.sampled_from([Shard(), Shard(0, 2), Shard(1, 3)]),
    st.randoms(use_true_random=False),
)
@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_done_and_what_is_left_are_the_plan(
    tmp_path_factory: pytest.TempPathFactory,
    there: list[Shard],
    own: Shard,
    chance: Any,  # noqa: ANN401
) -> None:
    """Whatever parts there are: kept and absent cells are those of the part, each of them once."""
    run = tmp_path_factory.mktemp("run")
    for shard in set(there):
        cells = _cells(shard)
        _make(run, shard, chance.sample(cells, chance.randrange(len(cells))))
    recovered = _recover(run, own)
    left = list(absent_in_turns(recovered.done, Part(_PLAN, own)))
    assert recovered.kept.total() + len(left) == len(Part(_PLAN, own))
    assert recovered.is_complete is (not left)
    assert set(left).isdisjoint(_done(recovered))
    assert set(left) <= set(_cells(own))


@pytest.mark.parametrize("other", [Shard(), Shard(1, 2), Shard(0, 3)], ids=str)
@pytest.mark.parametrize("own", [Shard(), Shard(0, 2)], ids=str)
def test_another_plan_than_that_of_the_others_is_refused(
    run: Path, own: Shard, other: Shard
) -> None:
    """With 2, before anything is changed: lines of two plans cannot be in one directory."""
    _make(run, other, damage=_TORN)
    before = _contents(run)
    with pytest.raises(InputError, match="2 of its companies are not in the file now: 10, 11") as (
        caught
    ):
        _recover(run, own, _plan(10))
    assert caught.value.exit_code == 2
    assert _contents(run) == before


def test_another_service_than_that_of_a_sibling_is_refused(run: Path) -> None:
    """Two machines with two configurations do not mix their answers."""
    _make(run, Shard(1, 2), service={"base-url": "https://other.example"})
    with pytest.raises(InputError, match="--base-url was https://other"):
        _recover(run, Shard(0, 2))


def test_a_plan_may_grow_before_a_sibling_hears_of_it(run: Path) -> None:
    """The first shard of the new night writes the longer list; the next ones continue as well."""
    own, sibling, grown = Shard(0, 2), Shard(1, 2), _plan(15, 22)
    _make(run, own, _cells(own))
    _make(run, sibling, _cells(sibling))
    first = _recover(run, own, grown)
    assert (first.remarks, first.is_complete) == ((), False)
    left = list(absent_in_turns(first.done, Part(grown, own)))
    assert set(left) == set(_cells(own, grown)) - set(_cells(own))
    # It begins: the list on the disk is the longer one now, the sibling's manifest is the old one.
    _make(run, own, _cells(own), plan=grown)
    second = _recover(run, sibling, grown)
    assert _done(second, grown) == set(_cells(sibling))
    assert (second.remarks, len(second.attempts)) == ((), 1)
    whole = _recover(run, Shard(), grown)
    assert (whole.remarks, whole.kept.total()) == ((), len(_PLAN))


@pytest.mark.parametrize("proved", [Shard(1, 2), Shard(), Shard(2, 3)], ids=str)
def test_what_another_part_has_proved_of_dates_is_taken_over(run: Path, proved: Shard) -> None:
    """It asked the same server; a shard that has no attempt yet need not ask again."""
    _make(run, proved, _cells(proved)[:2], dates=_HONOURED)
    recovered = _recover(run, Shard(0, 2))
    assert (recovered.dates, recovered.is_known) == (_HONOURED, True)
    assert recovered.remarks == ()


def test_that_dates_are_ignored_goes_before_what_else_is_known(run: Path) -> None:
    """Some of the lines are of other days, whichever shard has found it out."""
    ignored = DatesRecord(verdict="ignored", until="inconclusive", until_exclusive=False)
    _make(run, Shard(0, 2), dates=_HONOURED)
    _make(run, Shard(1, 2), dates=ignored)
    for own in (Shard(0, 2), Shard(1, 2), Shard(0, 3), Shard()):
        assert _recover(run, own).dates == ignored


def test_a_damaged_sibling_says_nothing(run: Path) -> None:
    """Its manifest is its own to repair; a sibling continues without it, and touches nothing."""
    _make(run, Shard(0, 2), _cells(Shard(0, 2))[:2], dates=_HONOURED)
    sibling = _make(run, Shard(1, 2), _cells(Shard(1, 2)))
    sibling.manifest.write_bytes(b"{")
    before = _contents(run)
    recovered = _recover(run, Shard(0, 2))
    assert (recovered.dates, recovered.remarks) == (_HONOURED, ())
    assert _contents(run) == before


def test_an_own_manifest_that_is_damaged_is_moved(run: Path) -> None:
    """The lines are kept, for they fit the plan."""
    own = Shard(1, 2)
    files = _make(run, own, _cells(own)[:3])
    files.manifest.write_bytes(b"{")
    recovered = _recover(run, own)
    assert recovered.kept.total() == 3
    assert recovered.remarks[0].startswith("run-00001-of-00002.json is damaged: the lines were")
    assert (run / "run-00001-of-00002.json.broken").read_bytes() == b"{\n"


def _hours(count: float) -> Callable[[datetime], Age]:
    """Look back on `_AT` from so many hours later, of another day from 24 on."""
    return lambda at: Age(count + (_AT - at).total_seconds() / 3600, is_of_another_day=count >= 24)


def test_without_dates_a_shard_does_not_join_those_of_yesterday(run: Path) -> None:
    """The server answers for other days by now: half the lines would be of other ones."""
    plan = _plan(6, None)
    _make(run, Shard(0, 2), _cells(Shard(0, 2), plan), plan=plan)
    before = _contents(run)
    assert _recover(run, Shard(1, 2), plan, _hours(11)).kept.total() == 0
    with pytest.raises(InputError, match="whose last answer is of 2026-11-23T02:00:01") as caught:
        _recover(run, Shard(1, 2), plan, _hours(13))
    assert caught.value.exit_code == 2
    assert _contents(run) == before
    # With dates the days stay the same.
    dated = run.with_name("dated")
    _make(dated, Shard(0, 2))
    _recover(dated, Shard(1, 2), age=_hours(1000))


def test_without_dates_a_complete_shard_is_not_taken_for_todays(run: Path) -> None:
    """After midnight it is another run; a shard that has something left is resumed."""
    plan = _plan(6, None)
    own = Shard(0, 2)
    _make(run, own, _cells(own, plan), plan=plan)
    midnight: Callable[[datetime], Age] = lambda _: Age(3, is_of_another_day=True)  # noqa: E731
    with pytest.raises(InputError, match="a run without dates"):
        _recover(run, own, plan, midnight)
    _make(run, own, _cells(own, plan)[:-1], plan=plan)
    assert not _recover(run, own, plan, midnight).is_complete


def test_foreign_files_in_the_place_of_a_shard_are_refused(run: Path) -> None:
    """Without a manifest of ours and without one line of a run, they are another program's."""
    run.mkdir()
    (run / "statistics-00001-of-00002.jsonl").write_text("a,b\n1,2\n")
    before = _contents(run)
    with pytest.raises(InputError, match=r"there is statistics-00001-of-00002\.jsonl; give anoth"):
        _recover(run, Shard(1, 2))
    assert _contents(run) == before
