"""What the process that distributes the shards has read, in place of each shard."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.plan import CellSet, Companies, Part, Plan, Shard, absent_in_turns, count_by_shard
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.manifest import DatesRecord
from collector.store.recovery import Recovered, recover, survey
from collector.store.repair import damaged_spans as find_damage
from collector.store.surveyed import Elsewhere, HandedOver
from tests.store.made_runs import day, line, make_run

_TOTAL = 3
_DATES = DatesRecord(verdict="honoured", until="included", until_exclusive=False)
_SERVICE = describe_service(RunSettings())
_IDS = tuple(map(str, range(8)))
_DAYS = 12
_PLAN = Plan(Companies(_IDS), [day(number) for number in range(1, _DAYS + 1)])
_CELLS = [(company, number) for company in _IDS for number in range(1, _DAYS + 1)]


def _age(_: datetime) -> Age:
    return Age(0, is_of_another_day=False)


def _cells(chance: Any, part: Shard) -> list[tuple[str, int]]:  # noqa: ANN401 - see Hypothesis
    own = [each for index, each in enumerate(_CELLS) if index in Part(_PLAN, part)]
    return list(chance.sample(own, chance.randrange(len(own))))


def _make(run: Path, shard: Shard, cells: list[tuple[str, int]], damage: bytes = b"") -> None:
    lines = [line(company, number, total=number % 2) for company, number in cells]
    run.mkdir(exist_ok=True)
    if shard.is_whole and not any(run.iterdir()):
        run.rmdir()
    make_run(run, [*lines, damage], companies=_IDS, days=(1, _DAYS), shard=shard)


def _surveyed(run: Path, total: int | None = None) -> tuple[Elsewhere, list[HandedOver]]:
    """Survey a directory, and return what each shard is handed over."""
    elsewhere, empty = Elsewhere(len(_PLAN), total), CellSet(len(_PLAN))
    files, part = PartFiles(run), Part(_PLAN)
    survey(
        files,
        part,
        _SERVICE,
        age=_age,
        is_stopped=lambda: False,
        empty=empty,
        elsewhere=elsewhere,
    )
    done = count_by_shard(elsewhere.done, _PLAN, _TOTAL)
    without = count_by_shard(elsewhere.empty, _PLAN, _TOTAL)
    answered = [
        {CellState.DATA: n - zeros, CellState.EMPTY: zeros}
        for n, zeros in zip(done, without, strict=True)
    ]
    surveyed = elsewhere.surveyed(_TOTAL)
    return elsewhere, [HandedOver(_DATES, surveyed, each) for each in answered]


def _recover(run: Path, number: int, handed: HandedOver | None = None) -> Recovered:
    shard = Shard(number, _TOTAL)
    files, part = PartFiles(run, shard), Part(_PLAN, shard)
    return recover(files, part, _SERVICE, age=_age, is_stopped=lambda: False, handed=handed)


def _left(recovered: Recovered, number: int) -> list[Any]:
    return list(absent_in_turns(recovered.done, Part(_PLAN, Shard(number, _TOTAL))))


@given(
    st.sets(st.sampled_from([Shard(), Shard(0, 2), Shard(1, 3), Shard(2, 3), Shard(4, 5)])),
    st.randoms(use_true_random=False),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_shard_finds_the_same_without_reading_other_files(
    tmp_path_factory: pytest.TempPathFactory,
    there: set[Shard],
    chance: Any,  # noqa: ANN401 - see Hypothesis
) -> None:
    """Whatever parts there are: the same cells are left, and the same counts are kept."""
    run = tmp_path_factory.mktemp("run") / "r"
    for shard in sorted(there):
        _make(run, shard, _cells(chance, shard))
    total = _TOTAL if any(shard.total == _TOTAL for shard in there) else None
    _, handed = _surveyed(run, total)
    for number in range(_TOTAL):
        alone, told = _recover(run, number), _recover(run, number, handed[number])
        assert _left(told, number) == _left(alone, number)
        assert (told.kept, told.is_complete) == (alone.kept, alone.is_complete)
        assert told.has_lines == alone.has_lines
        assert told.dates == _DATES


def test_other_files_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the lines nor the manifests; its own file is, for only that one is its own truth."""
    run = tmp_path / "r"
    _make(run, Shard(), [("1", 1), ("2", 2)])
    _make(run, Shard(1, _TOTAL), [])
    _, handed = _surveyed(run, _TOTAL)
    read: list[str] = []

    def damaged_spans(path: Path, *more: Any) -> Any:  # noqa: ANN401 - as the function
        read.append(path.name)
        return find_damage(path, *more)

    monkeypatch.setattr("collector.store.results.damaged_spans", damaged_spans)
    _recover(run, 1, handed[1])
    assert read == ["statistics-00001-of-00003.jsonl"]


@pytest.mark.parametrize("change", ["more", "less", "removed", "another", "replaced"])
def test_a_file_that_has_changed_is_read_by_the_shard(tmp_path: Path, change: str) -> None:
    """A process wrote it before the directory was locked: the lines are the truth, as ever."""
    run = tmp_path / "r"
    cells = [(company, number) for company in _IDS for number in (1, 2)]
    _make(run, Shard(), cells)
    _, handed = _surveyed(run)
    path = run / "statistics.jsonl"
    text = path.read_bytes()
    match change:
        case "more":
            path.write_bytes(text + line("1", 9) + line("2", 9) + line("3", 9) + line("4", 9))
        case "less":
            path.write_bytes(text[: len(text) // 2 + 3])
        case "removed":
            path.unlink()
        case "another":
            _make(run, Shard(1, 2), [("5", 10), ("6", 10), ("7", 10)])
        case _:
            draft = run / "draft"
            draft.write_bytes(text.replace(b'"company_id":"1"', b'"company_id":"x"'))
            draft.replace(path)
    for number in range(_TOTAL):
        alone, told = _recover(run, number), _recover(run, number, handed[number])
        assert _left(told, number) == _left(alone, number)
        assert told.kept == alone.kept


def test_damage_of_other_files_is_told_once(tmp_path: Path) -> None:
    """By the process that has read them; that of files of shards by these."""
    run = tmp_path / "r"
    _make(run, Shard(), [("1", 1)], damage=b"torn\n")
    _make(run, Shard(1, _TOTAL), [], damage=b"torn as well\n")
    elsewhere, handed = _surveyed(run, _TOTAL)
    assert elsewhere.remarks == [
        f"{run / 'statistics.jsonl'}: 5 bytes are damaged, and were left out"
    ]
    assert _recover(run, 0, handed[0]).remarks == ()
    (remark,) = _recover(run, 1, handed[1]).remarks
    assert remark.startswith("statistics-00001-of-00003.jsonl: 13 damaged bytes")


def test_another_number_of_shards_is_handed_nothing(tmp_path: Path) -> None:
    """The cells of a file of its own would count as done, whatever is in that file then."""
    run = tmp_path / "r"
    _make(run, Shard(0, 2), [("1", 1)])
    elsewhere, _ = _surveyed(run, 2)
    assert elsewhere.surveyed(2) is not None
    assert elsewhere.surveyed(_TOTAL) is None


def test_a_set_comes_back_as_it_was() -> None:
    """With its count; one of another size is refused, and not made."""
    cells = CellSet(21)
    for index in (0, 7, 8, 20):
        cells.add(index)
    again = CellSet.unpacked(cells.packed(), 21)
    assert (len(again), list(again.absent())) == (4, list(cells.absent()))
    for size in (8, 100):
        with pytest.raises(ValueError, match="no set of"):
            CellSet.unpacked(cells.packed(), size)


def test_a_shard_with_cells_handed_over_has_a_checkpoint(tmp_path: Path) -> None:
    """Of its own lines alone, the same as if nothing was handed over: the next survey reads it."""
    run = tmp_path / "r"
    _make(run, Shard(), [(company, 1) for company in _IDS])
    own = [(company, number) for company in _IDS for number in range(2, _DAYS + 1)]
    shard = Shard(1, _TOTAL)
    part = Part(_PLAN, shard)
    _make(run, shard, [each for each in own if _CELLS.index(each) in part])
    _, handed = _surveyed(run, _TOTAL)
    written = []
    for given_over in (None, handed[1]):
        checkpointer = _recover(run, 1, given_over).checkpointer
        assert checkpointer is not None
        assert checkpointer.finish() is None
        path = PartFiles(run, shard).checkpoint
        written.append(path.read_bytes())
        path.unlink()
    assert written[0] == written[1]
