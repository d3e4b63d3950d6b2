import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.core.cell import Cell, CellState
from collector.core.errors import InputError
from collector.core.outcome import Answer, Counters, Failure, FailureKind
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.coverage import Coverage, Gap, read_coverage
from collector.store.lines import error_line, result_line
from collector.store.manifest import Manifest, describe_plan
from collector.store.recorded_plan import write_company_list

_AT = datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)
_ZEROS: dict[str, Any] = {
    **dict.fromkeys(("total", "sended", "pending", "fails", "campaign"), 0),
    "actions": {},
}
_DATES = DateRange(date(2026, 1, 1), date(2026, 1, 4))
_PLAN = Plan(Companies(("1", "2", "é")), cut_windows(_DATES, WindowSize.parse("1d")))
_ONE, _TWO, _THREE, _FOUR = _PLAN.windows
_WEEK = Plan(
    _PLAN.companies,
    cut_windows(DateRange(date(2026, 1, 1), date(2026, 1, 8)), WindowSize.parse("1d")),
)
"""Eight days, for what takes seven answers."""


def _answer(company: str, day: int, data: dict[str, Any] | bytes | None = None) -> bytes:
    """Write the line of an answer for a company's `day`; `data` adds to its zeros."""
    text = data if isinstance(data, bytes) else orjson.dumps({**_ZEROS, **(data or {})})
    cell = Cell(company, _WEEK.windows[day - 1])
    return result_line(cell, Answer(text, Counters(0, 0, 0, 0, 0, {}), _AT, requests=1), 1)


def _data(company: str, *days: int) -> list[bytes]:
    """Write lines with a total of its own for each day."""
    return [_answer(company, day, {"total": 10 + day}) for day in days]


def _error(company: str, day: int, kind: FailureKind = FailureKind.HTTP) -> bytes:
    cell = Cell(company, _PLAN.windows[day - 1])
    return error_line(cell, Failure(kind, None, "", None, _AT, 1), 5)


def _make(
    run: Path, results: Iterable[bytes] = (), plan: Plan = _PLAN, /, **errors: list[bytes]
) -> Path:
    """Make a run directory; `errors` are the lines of errors files, by their names."""
    run.mkdir(exist_ok=True)
    Manifest(
        plan=describe_plan(plan, WindowSize.parse("1d")),
        service={"base-url": "https://one.example"},
        attempts=[AttemptEntry(_AT, describe_settings(RunSettings())).as_json()],
    ).write(run / "run.json")
    write_company_list(run / "run-companies.txt", plan.companies)
    (run / "statistics.jsonl").write_bytes(b"".join(results))
    for name, lines in errors.items():
        path = run / f"{name.replace('_', '.')}.jsonl"
        path.write_bytes(b"".join(lines))
    return run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Give the path of a run directory that is not there yet."""
    return tmp_path / "run"


def _counts(coverage: Coverage) -> tuple[int, int, int, int]:
    counts = coverage.counts()
    assert list(counts) == list(CellState)
    assert sum(counts.values()) == len(_PLAN)
    data, empty, failed, missing = counts.values()
    return data, empty, failed, missing


def test_a_run_that_has_just_begun_is_all_missing(run: Path) -> None:
    """Every company is a gap of all its windows."""
    coverage = read_coverage(_make(run))
    assert _counts(coverage) == (0, 0, 0, 12)
    assert coverage.incomplete_companies() == 3
    assert list(coverage.gaps()) == [
        Gap(company, _ONE, _FOUR, 4, None) for company in ("1", "2", "é")
    ]
    assert coverage.failed_by_kind() == {}
    assert (coverage.remarks, coverage.empty_everywhere, coverage.same_everywhere) == ([], [], [])


def test_a_run_without_files_of_lines_is_all_missing(run: Path) -> None:
    """It was killed before they were made."""
    (_make(run) / "statistics.jsonl").unlink()
    assert _counts(read_coverage(run)) == (0, 0, 0, 12)


def test_a_complete_run_has_no_gap(run: Path) -> None:
    """Data and empty answers are both answers."""
    lines = [*_data("1", 1, 2, 3, 4), *_data("é", 4, 3, 2, 1), *_data("2", 1, 2)]
    coverage = read_coverage(_make(run, [*lines, _answer("2", 3), _answer("2", 4)]))
    assert _counts(coverage) == (10, 2, 0, 0)
    assert coverage.incomplete_companies() == 0
    assert list(coverage.gaps()) == []
    assert coverage.remarks == []


def test_the_plan_and_the_attempts_are_those_of_the_run(run: Path) -> None:
    """From the manifest and the list of companies beside it."""
    coverage = read_coverage(_make(run))
    assert list(coverage.plan) == list(_PLAN)
    assert coverage.directory == run
    assert coverage.manifest.service == {"base-url": "https://one.example"}
    assert coverage.manifest == Manifest.read(run / "run.json")
    assert coverage.held_by is None


def test_a_cell_is_failed_if_some_attempt_gave_it_up_and_none_answered(run: Path) -> None:
    """In whichever errors file that stands; its last failure gives the kind."""
    _make(
        run,
        _data("1", 1, 2),
        errors_1=[_error("1", 1), _error("1", 3), _error("2", 1, FailureKind.TIMEOUT)],
        errors_2=[_error("1", 3, FailureKind.SCHEMA), _error("1", 4)],
        errors=[
            _error("1", 4, FailureKind.REDIRECT),
            _error("1", 4, FailureKind.TOO_LARGE),
            _error("1", 2),
        ],
    )
    coverage = read_coverage(run)
    assert _counts(coverage) == (2, 0, 3, 7)
    assert coverage.failed_by_kind() == {
        FailureKind.TIMEOUT: 1,
        FailureKind.SCHEMA: 1,
        FailureKind.TOO_LARGE: 1,
    }


def test_errors_of_earlier_attempts_count_when_the_last_has_none(run: Path) -> None:
    """Its errors file may be empty, or may not be there yet."""
    _make(run, errors_1=[_error("1", 1)])
    assert _counts(read_coverage(run)) == (0, 0, 1, 11)
    (run / "errors.jsonl").write_bytes(b"")
    assert _counts(read_coverage(run)) == (0, 0, 1, 11)


def test_errors_of_more_than_nine_attempts_are_read_in_their_order(run: Path) -> None:
    """By number, not by name."""
    numbered = {f"errors_{number}": [_error("1", 1)] for number in range(1, 12)}
    numbered["errors_2"] = [_error("1", 1, FailureKind.SCHEMA)]
    numbered["errors_11"] = [_error("1", 1, FailureKind.TIMEOUT)]
    assert read_coverage(_make(run, **numbered)).failed_by_kind() == {FailureKind.TIMEOUT: 1}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_is_told_from_the_others(run: Path, kind: FailureKind) -> None:
    """In the counts and in the gaps."""
    coverage = read_coverage(_make(run, errors=[_error("2", 2, kind), _error("é", 1, kind)]))
    assert coverage.failed_by_kind() == {kind: 2}
    assert [gap for gap in coverage.gaps() if gap.kind] == [
        Gap("2", _TWO, _TWO, 1, kind),
        Gap("é", _ONE, _ONE, 1, kind),
    ]


def test_neighbouring_windows_of_one_kind_are_one_gap(run: Path) -> None:
    """Another kind, an answer and another company begin a new one."""
    _make(
        run,
        [*_data("1", 3), *_data("2", 1, 2, 4)],
        errors=[
            _error("1", 1),
            _error("1", 2, FailureKind.TIMEOUT),
            _error("é", 1),
            _error("é", 2),
            _error("é", 3, FailureKind.TIMEOUT),
        ],
    )
    coverage = read_coverage(run)
    assert list(coverage.gaps()) == [
        Gap("1", _ONE, _ONE, 1, FailureKind.HTTP),
        Gap("1", _TWO, _TWO, 1, FailureKind.TIMEOUT),
        Gap("1", _FOUR, _FOUR, 1, None),
        Gap("2", _THREE, _THREE, 1, None),
        Gap("é", _ONE, _TWO, 2, FailureKind.HTTP),
        Gap("é", _THREE, _THREE, 1, FailureKind.TIMEOUT),
        Gap("é", _FOUR, _FOUR, 1, None),
    ]
    assert coverage.incomplete_companies() == 3


def test_gaps_of_two_companies_are_never_one(run: Path) -> None:
    """The last window of one and the first of the next stand side by side."""
    _make(run, [*_data("1", 1, 2, 3), *_data("2", 2, 3, 4), *_data("é", 1, 2, 3, 4)])
    coverage = read_coverage(run)
    assert list(coverage.gaps()) == [Gap("1", _FOUR, _FOUR, 1, None), Gap("2", _ONE, _ONE, 1, None)]
    assert coverage.incomplete_companies() == 2


def test_companies_that_are_empty_everywhere_are_pointed_out(run: Path) -> None:
    """All windows are answered, and empty: the id may be wrong. A gap leaves the question open."""
    empty = [_answer("1", day) for day in (1, 2, 3, 4)]
    almost = [*(_answer("2", day) for day in (1, 2, 3)), *_data("2", 4)]
    unfinished = [_answer("é", day) for day in (1, 2, 3)]
    coverage = read_coverage(_make(run, [*empty, *almost, *unfinished], errors=[_error("é", 4)]))
    assert coverage.empty_everywhere == ["1"]
    assert coverage.same_everywhere == []


def test_companies_with_the_same_answer_everywhere_are_pointed_out(run: Path) -> None:
    """In seven or more answered windows: the server may ignore the dates. Six may be chance."""
    same = [_answer("1", day, {"total": 7, "actions": {"A": 1}}) for day in range(1, 9)]
    some = [_answer("2", day, {"total": 7}) for day in range(1, 8)]
    few = [_answer("é", day, {"total": 7}) for day in range(2, 8)]
    coverage = read_coverage(_make(run, [*same, *some, *few], _WEEK))
    assert coverage.same_everywhere == ["1", "2"]
    assert coverage.empty_everywhere == []


def test_the_order_of_keys_makes_no_other_answer(run: Path) -> None:
    """Neither that of the counters nor that of the actions, nor spaces between them."""
    data = {**_ZEROS, "total": 7, "actions": {"A": 1, "B": 2}}
    turned = {**dict(reversed(data.items())), "actions": {"B": 2, "A": 1}}
    lines = [
        _answer("1", 1, orjson.dumps(data)),
        _answer("1", 2, orjson.dumps(turned)),
        *(_answer("1", day, orjson.dumps(data).replace(b",", b" ,  ")) for day in range(3, 8)),
    ]
    assert read_coverage(_make(run, lines, _WEEK)).same_everywhere == ["1"]


@pytest.mark.parametrize(
    "other",
    [
        {"total": 8},
        {"total": 7, "fails": 1},
        {"total": 0, "sended": 7},
        {"total": 7, "actions": {"A": 0}},
        {"total": 7, "actions": {"A": 1}},
        None,
    ],
)
def test_one_other_answer_is_enough(run: Path, other: dict[str, Any] | None) -> None:
    """Wherever it stands, an empty one too: the dates do make a difference then."""
    for odd_one in (1, 2, 8):
        lines = [
            _answer("1", day, other if day == odd_one else {"total": 7}) for day in range(1, 9)
        ]
        assert read_coverage(_make(run, lines, _WEEK)).same_everywhere == []


def test_what_is_odd_in_the_files_is_remarked(run: Path) -> None:
    """Damage in each file, foreign and double lines; the good lines count all the same."""
    foreign = _answer("1", 1, {"total": 1}).replace(b'"1"', b'"9"')
    _make(
        run,
        [*_data("1", 1), b"\0" * 1500, b"\n", *_data("1", 2), *_data("1", 1), foreign, b'{"'],
        errors_1=[_error("2", 1), b"{}\n"],
        errors=[_error("2", 2).replace(b'"2"', b'"9"'), _error("2", 2), _error("2", 3)[:-1]],
    )
    coverage = read_coverage(run)
    assert _counts(coverage) == (2, 0, 2, 8)
    damage, of_errors_1, of_errors, of_none, doubled = coverage.remarks
    assert damage == "statistics.jsonl: 1,503 bytes are damaged"
    assert of_errors_1 == "errors.1.jsonl: 3 bytes are damaged"
    assert of_errors == f"errors.jsonl: {len(_error('2', 3)) - 1} bytes are damaged"
    assert of_none.endswith("the first is of company 9, 2026-01-01")
    assert doubled.endswith("the first is of company 1, 2026-01-01")


def test_the_first_line_of_a_cell_counts(run: Path) -> None:
    """A double is pointed out, and makes no other answer of it."""
    lines = [*_data("1", 1), _answer("1", 1), _answer("1", 2), *_data("1", 2)]
    assert _counts(read_coverage(_make(run, lines))) == (1, 1, 0, 10)


def test_a_deep_answer_is_read(run: Path) -> None:
    """However deep unknown fields are."""
    deep = orjson.dumps({**_ZEROS, "total": 7})[:-1] + b',"x":%b}' % (b"[" * 500 + b"]" * 500)
    coverage = read_coverage(_make(run, [_answer("1", day, deep) for day in (1, 2)]))
    assert _counts(coverage) == (2, 0, 0, 10)
    assert coverage.remarks == []


def _snapshot(run: Path) -> dict[str, tuple[bytes, int, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns, path.stat().st_ino)
        for path in run.iterdir()
    }


def test_looking_changes_nothing(run: Path) -> None:
    """No file, no time of change, however damaged they are; and no file is made."""
    _make(run, [*_data("1", 1), b"\0", b"\n", *_data("1", 2)[0:1], b'{"'], errors=[b"{"])
    (run / "run.lock").write_bytes(b"")
    before, listed = _snapshot(run), run.stat().st_mtime_ns
    assert read_coverage(run).remarks == read_coverage(run).remarks != []
    assert _snapshot(run) == before
    assert run.stat().st_mtime_ns == listed


_HOLD = """
import sys
from pathlib import Path
from collector.store.lock import DirectoryLock

lock = DirectoryLock.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def _held(run: Path) -> Iterator[int]:
    """Let another process hold the lock, and give its id."""
    with subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", _HOLD, str(run / "run.lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"held\n"
            yield process.pid
        finally:
            process.kill()


def test_a_run_in_progress_can_be_looked_at(run: Path) -> None:
    """It names the process that runs; the line that is just being written is no damage."""
    foreign = _answer("1", 1).replace(b'"1"', b'"9"')
    _make(run, [*_data("1", 1, 2), foreign, b'{"comp'])
    with _held(run) as pid:
        before = _snapshot(run)
        coverage = read_coverage(run)
        assert _snapshot(run) == before
        assert coverage.held_by is not None
        assert coverage.held_by.startswith(f"process {pid} on ")
        assert _counts(coverage) == (2, 0, 0, 10)
        (remark,) = coverage.remarks
        assert "belongs to no cell of the plan" in remark
    coverage = read_coverage(run)
    assert coverage.held_by is None
    assert coverage.remarks == ["statistics.jsonl: 6 bytes are damaged", remark]


def test_a_directory_without_a_run_is_refused(tmp_path: Path) -> None:
    """One that is not there, too; the text shows what such a directory is called."""
    for path, why in (
        (tmp_path, r"there is no run\.json in it"),
        (tmp_path / "nowhere", "there is no such directory"),
    ):
        with pytest.raises(InputError, match=rf"^{path}: {why}; give the directory"):
            read_coverage(path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_run_directory(tmp_path: Path) -> None:
    """The text names it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(
        InputError, match=f"^{tmp_path / 'file'}: is not the directory of a run; leave it out"
    ):
        read_coverage(tmp_path / "file")


@pytest.mark.parametrize("old", [b'"format": 1', b'"2026-01-04"', b'"1d"', b'"service"'])
def test_a_damaged_manifest_is_refused(run: Path, old: bytes) -> None:
    """The text says what repairs it; nothing changes."""
    path = _make(run) / "run.json"
    path.write_bytes(path.read_bytes().replace(old, b'"\0"'))
    before = _snapshot(run)
    with pytest.raises(InputError, match=f"^{path}: is damaged .*; the collector run that made it"):
        read_coverage(run)
    assert _snapshot(run) == before


def test_a_manifest_of_a_newer_collector_is_refused(run: Path) -> None:
    """What its lines mean cannot be known."""
    path = _make(run) / "run.json"
    path.write_bytes(path.read_bytes().replace(b'"format": 1', b'"format": 9'))
    with pytest.raises(InputError, match=f"^{path}: has format 9, .*newer collector"):
        read_coverage(run)


@pytest.mark.parametrize("content", [None, b"", b"1\n..\n"])
def test_a_lost_list_of_companies_is_refused(run: Path, content: bytes | None) -> None:
    """It is unknown what is missing; the text names the list."""
    path = _make(run) / "run-companies.txt"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path}"):
        read_coverage(run)


def test_a_file_that_cannot_be_read_is_refused(run: Path) -> None:
    """The text names it and the reason."""
    path = _make(run) / "run.json"
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=f"^{path}: cannot be read: Is a directory"):
        read_coverage(run)
