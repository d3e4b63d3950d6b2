"""A survey finds the same with the checkpoints of the parts as without; so does each part then."""

import random
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.cluster.division import number_found
from collector.core.errors import InputError
from collector.plan import CellSet, Companies, Part, Plan, Shard
from collector.settings import RunSettings
from collector.store import results
from collector.store.age import Age
from collector.store.files import PartFiles, parts_in
from collector.store.identity import describe_service
from collector.store.recovery import recover, survey
from collector.store.repair import damaged_spans
from collector.store.surveyed import Elsewhere
from tests.store.damages import COMPANIES, DAMAGES, DAMAGES_OF_A_CHECKPOINT, LINES
from tests.store.made_runs import day, line, make_run

_PLAN = Plan(Companies(COMPANIES), [day(number) for number in range(1, 9)])
_GROWN = Plan(Companies(("0", *COMPANIES)), _PLAN.windows)
_IDS = tuple(map(str, range(24)))
_DATELESS = Plan(Companies(_IDS), [day(None)])
_DATELESS_LINES = [line(each, None, at=int(each), total=int(each) % 3) for each in _IDS]
_SHARDS = [Shard(), Shard(0, 2), Shard(1, 2), Shard(0, 3), Shard(2, 3), Shard(4, 5)]
_SERVICE = describe_service(RunSettings())


def _age(_: datetime) -> Age:
    return Age(0, is_of_another_day=False)


def _bits(cells: CellSet, plan: Plan) -> list[bool]:
    return [index in cells for index in range(len(plan))]


def _surveyed(run: Path, plan: Plan) -> tuple[Any, ...]:
    """Return all that a survey finds, but the directory's name."""
    found = [each.shard for each in parts_in(run) if each.exist()]
    elsewhere, empty = Elsewhere(len(plan), number_found(found)), CellSet(len(plan))
    moments: list[datetime] = []

    def age(moment: datetime) -> Age:
        moments.append(moment)
        return _age(moment)

    try:
        read = survey(
            *(PartFiles(run), Part(plan), _SERVICE),
            age=age,
            is_stopped=lambda: False,
            empty=empty,
            elsewhere=elsewhere,
        )
    except InputError as error:
        return (str(error).replace(str(run), ""),)
    remarks = (text.replace(str(run), "") for text in (*read.remarks, *elsewhere.remarks))
    sets = (read.done, empty, elsewhere.done, elsewhere.empty)
    counts = (read.kept, read.is_complete, read.has_lines, len(read.empty_companies))
    return [_bits(each, plan) for each in sets], list(map(len, sets)), counts, [*remarks], moments


def _recovered(run: Path, plan: Plan, shard: Shard) -> tuple[Any, ...]:
    """Return what the start of a part finds, and the files that it leaves."""
    part = Part(plan, shard)
    try:
        found = recover(
            *(PartFiles(run, shard), part, _SERVICE), age=_age, is_stopped=lambda: False
        )
    except InputError as error:
        return (str(error).replace(str(run), ""),)
    files = {path.name: path.read_bytes() for path in run.iterdir()}
    own = [index in found.done for index in range(len(plan)) if index in part]
    counts = (found.kept, found.is_complete, found.has_lines, len(found.empty_companies))
    remarks = [text.replace(str(run), "") for text in found.remarks]
    return own, counts, remarks, {n: c for n, c in files.items() if not n.endswith("checkpoint")}


def _begin(files: PartFiles, plan: Plan, lines: list[bytes], later: list[bytes]) -> None:
    """Make a part as a run leaves it that was killed: its last lines are in no checkpoint."""
    dates = None if plan is _DATELESS else (1, 8)
    companies = plan.companies.ids
    if not files.shard.is_whole and not files.directory.exists():
        make_run(files.directory, companies=companies, days=dates)
    make_run(files.directory, lines, companies=companies, days=dates, shard=files.shard)
    found = recover(files, Part(plan, files.shard), _SERVICE, age=_age, is_stopped=lambda: False)
    if found.checkpointer is not None:
        assert found.checkpointer.finish() is None
    with files.statistics.open("ab") as stream:
        stream.writelines(later)


def _make(
    run: Path, plan: Plan, there: list[Shard], data: st.DataObject, chance: random.Random
) -> None:
    """Give cells to parts: each to one that it belongs to, and some to another one as well."""
    lines = LINES if plan is _PLAN else _DATELESS_LINES
    own: dict[Shard, list[bytes]] = {shard: [] for shard in there}
    for index, text in enumerate(lines):
        fitting = [shard for shard in there if index in Part(plan, shard)]
        if fitting and chance.random() < 0.8:
            own[chance.choice(fitting)].append(text)
    for _ in range(data.draw(st.sampled_from([0, 0, 0, 1, 2]))):
        own[chance.choice(there)].append(chance.choice(lines))
    for shard in there:
        cut = chance.randrange(len(own[shard]) + 1)
        chance.shuffle(own[shard])
        # Each without the others: a start that sees a cell twice would write no checkpoint.
        alone = run.with_name(f"alone{shard.in_names}")
        _begin(PartFiles(alone, shard), plan, own[shard][:cut], own[shard][cut:])
        run.mkdir(exist_ok=True)
        for path in alone.iterdir():
            if shard.in_names in path.name or not (run / path.name).exists():
                shutil.copyfile(path, run / path.name)


def _spoil(run: Path, data: st.DataObject, chance: random.Random) -> None:
    """Damage or remove files of answers and checkpoints, and exchange these."""
    for name in sorted(path.name for path in run.glob("statistics*")):
        path = run / name
        if data.draw(st.integers(0, 3)) == 0:
            damage = data.draw(st.sampled_from(DAMAGES))
            path.write_bytes(damage(path.read_bytes(), chance))
        elif data.draw(st.integers(0, 15)) == 0:
            path.unlink()
    checkpoints = sorted(run.glob("*.checkpoint"))
    for path in checkpoints:
        if data.draw(st.integers(0, 3)) == 0:
            damage = data.draw(st.sampled_from(DAMAGES_OF_A_CHECKPOINT))
            path.write_bytes(damage(path.read_bytes(), chance))
        elif data.draw(st.integers(0, 7)) == 0:
            path.write_bytes(chance.choice(checkpoints).read_bytes())


@given(st.lists(st.sampled_from(_SHARDS), min_size=1, unique=True), st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_survey_finds_the_same_as_without_them(
    tmp_path_factory: pytest.TempPathFactory, there: list[Shard], data: st.DataObject
) -> None:
    """Whatever parts there are, and whatever was done to them since; so does each start then."""
    root = tmp_path_factory.mktemp("runs")
    chance = random.Random(data.draw(st.integers(0, 10**9)))  # noqa: S311 - no secret
    plan = data.draw(st.sampled_from([_PLAN, _PLAN, _DATELESS]))
    run = root / "run"
    _make(run, plan, sorted(there), data, chance)
    _spoil(run, data, chance)
    if plan is _PLAN:
        plan = data.draw(st.sampled_from([_PLAN, _PLAN, _PLAN, _GROWN]))
    without = Path(shutil.copytree(run, root / "without"))
    for path in without.glob("*.checkpoint"):
        path.unlink()
    assert _surveyed(run, plan) == _surveyed(without, plan)
    shard = data.draw(st.sampled_from([Shard(), *there]))
    assert _recovered(run, plan, shard) == _recovered(without, plan, shard)


def test_only_lines_that_no_checkpoint_covers_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each part: of the run without shards, of shards, and of shards of another number."""
    run, decoded, later = tmp_path / "run", list[bytes](), list[bytes]()
    for number, shard in enumerate([Shard(), Shard(0, 2), Shard(1, 2), Shard(4, 5)]):
        of_shard = [text for index, text in enumerate(LINES) if index in Part(_PLAN, shard)]
        own = of_shard[number::4][:3]
        _begin(PartFiles(run, shard), _PLAN, own[:-1], own[-1:])
        later += own[-1:]

    def spans(path: Path, take: Callable[[bytes], bool], *more: Any) -> Any:  # noqa: ANN401
        def noted(one: bytes) -> bool:
            decoded.append(one)
            return take(one)

        return damaged_spans(path, noted, *more)

    monkeypatch.setattr(results, "damaged_spans", spans)
    (_, (done, *_), *_) = _surveyed(run, _PLAN)
    assert sorted(decoded) == sorted(later)
    assert done > len(later)
