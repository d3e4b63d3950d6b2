import json
import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from collector.core.cell import Cell, CellState
from collector.core.errors import InputError, StoppedError, StorageError
from collector.core.outcome import Answer, Counters, Failure, FailureKind
from collector.core.text import days_text
from collector.plan import Companies, DateRange, Part, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.age import Age
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.files import PartFiles
from collector.store.lines import error_line, parse_error, parse_result, result_line
from collector.store.manifest import Manifest, describe_plan
from collector.store.recorded_plan import write_company_list
from collector.store.recovery import Recovered
from collector.store.recovery import recover as recover_files

LargestFile = Callable[[int], AbstractContextManager[None]]

_AT = datetime(2020, 11, 23, 2, 0, 1, tzinfo=UTC)
_SERVICE = {"base-url": "https://one.example", "from-param": "from", "until-param": "until"}
_ZEROS: dict[str, Any] = {
    **dict.fromkeys(("total", "sended", "pending", "fails", "campaign"), 0),
    "actions": {},
}


def _fresh(_: datetime) -> Age:
    return Age(0, is_of_another_day=False)


def recover(run: Path, plan: Plan, service: dict[str, str]) -> Recovered:
    """Recover a run that has just been written to."""
    return recover_files(PartFiles(run), Part(plan), service, age=_fresh, is_stopped=lambda: False)


def _plan(
    ids: str = "1 2 3 4",
    first: str | None = "2026-01-01",
    last: str = "2026-01-03",
    window: str = "1d",
) -> Plan:
    dates = None
    if first is not None:
        dates = DateRange(date.fromisoformat(first), date.fromisoformat(last))
    size = WindowSize.parse("whole" if first is None else window)
    return Plan(Companies(tuple(ids.split())), cut_windows(dates, size))


def _line(cell: Cell, total: int = 1) -> bytes:
    data = orjson.dumps({**_ZEROS, "total": total})
    return result_line(cell, Answer(data, Counters(total, 0, 0, 0, 0, {}), _AT, requests=1), 1)


def _error(cell: Cell) -> bytes:
    return error_line(cell, Failure(FailureKind.HTTP, 503, "down", None, _AT, 1), 5)


def _make(
    directory: Path,
    plan: Plan,
    results: Iterable[bytes] = (),
    errors: Iterable[bytes] = (),
    window: str = "1d",
) -> Path:
    """Make a run directory as an earlier attempt at this plan left it."""
    directory.mkdir(exist_ok=True)
    Manifest(
        plan=describe_plan(plan, WindowSize.parse(window)),
        service=_SERVICE,
        attempts=[AttemptEntry(_AT, describe_settings(RunSettings())).as_json()],
    ).write(directory / "run.json")
    write_company_list(directory / "run-companies.txt", plan.companies)
    (directory / "statistics.jsonl").write_bytes(b"".join(results))
    (directory / "errors.jsonl").write_bytes(b"".join(errors))
    (directory / "log.jsonl").write_bytes(b'{"event":"run_started"}\n')
    return directory


def _files(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def _done(recovered: Recovered, plan: Plan) -> set[Cell]:
    return {plan[index] for index in range(len(plan)) if index in recovered.done}


def _assert_nothing_to_repair(directory: Path, plan: Plan) -> None:
    before = _files(directory)
    recovered = recover(directory, plan, _SERVICE)
    assert recovered.remarks == ()
    assert _files(directory) == before


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Give the path of a run directory that is not there yet."""
    return tmp_path / "run"


def test_an_empty_directory_has_nothing_done(tmp_path: Path) -> None:
    """Nothing is odd about it, and nothing is made in it."""
    recovered = recover(tmp_path, _plan(), _SERVICE)
    assert list(recovered.done.absent()) == list(range(12))
    assert (+recovered.kept, recovered.remarks, recovered.attempts) == ({}, (), ())
    assert _files(tmp_path) == {}


def test_what_is_done_is_found(run: Path) -> None:
    """By the lines of results alone, in whatever order; those that failed are still to do."""
    plan = _plan()
    cells = random.Random(7).sample(list(plan), 7)  # noqa: S311 - no secret
    results = [_line(cell, total) for total, cell in enumerate(cells)]
    _make(run, plan, results, [_error(cell) for cell in plan])
    before = _files(run)
    recovered = recover(run, plan, _SERVICE)
    assert _done(recovered, plan) == set(cells)
    assert +recovered.kept == {CellState.DATA: 6, CellState.EMPTY: 1}
    assert recovered.remarks == ()
    assert _files(run) == before


def test_earlier_attempts_are_handed_on(run: Path) -> None:
    """Whole and in order, for the next manifest to tell them too."""
    _make(run, _plan())
    manifest = Manifest.read(run / "run.json")
    assert manifest is not None
    first = {**manifest.attempts[0], "of_a_later_version": [None]}
    manifest.attempts = [first, manifest.attempts[0]]
    manifest.write(run / "run.json")
    assert list(recover(run, _plan(), _SERVICE).attempts) == manifest.attempts


@pytest.mark.parametrize("attempt", [{}, {"started_at": "yesterday"}, {"settings": []}])
def test_an_attempt_that_is_none_is_a_damaged_manifest(
    run: Path, attempt: dict[str, object]
) -> None:
    """What is said of earlier attempts is used later on, so it is looked at first."""
    _make(run, _plan(), [_line(_plan()[0])])
    manifest = Manifest.read(run / "run.json")
    assert manifest is not None
    whole = manifest.attempts[0]
    manifest.attempts = [{**whole, **attempt} if attempt else {}]
    manifest.write(run / "run.json")
    recovered = recover(run, _plan(), _SERVICE)
    assert recovered.remarks[0].startswith("run.json is damaged")
    assert len(recovered.done) == 1
    assert (run / "run.json.broken").exists()


def _moved(name: str, size: int, start: int) -> str:
    what, were = ("1 damaged byte", "was") if size == 1 else (f"{size:,} damaged bytes", "were")
    return f"{name}: {what} from byte {start:,} on {were} moved to {name}.broken"


def _assert_repaired(run: Path, plan: Plan, name: str, content: bytes, tail: bytes) -> None:
    """Put the content there, and see that exactly the tail of it is taken away and kept."""
    path, broken = run / name, run / f"{name}.broken"
    path.write_bytes(content)
    aside = broken.read_bytes() if broken.exists() else b""
    recovered = recover(run, plan, _SERVICE)
    kept = content[: len(content) - len(tail)]
    assert path.read_bytes() == kept
    assert not kept or kept.endswith(b"\n")
    parse = parse_result if name == "statistics.jsonl" else parse_error
    assert all(parse(line) for line in kept.splitlines(keepends=True))
    if tail:
        assert broken.read_bytes() == aside + tail + b"\n"
        assert recovered.remarks == (_moved(name, len(tail), len(kept)),)
    else:
        assert not aside or broken.read_bytes() == aside
        assert recovered.remarks == ()
    if name == "statistics.jsonl":
        lines = [json.loads(line) for line in kept.splitlines()]
        assert {(cell.company_id, str(cell.window)) for cell in _done(recovered, plan)} == {
            (line["company_id"], days_text(line["from_date"], line["until_date"])) for line in lines
        }
    _assert_nothing_to_repair(run, plan)


@pytest.mark.parametrize(("name", "step"), [("statistics.jsonl", 1), ("errors.jsonl", 5)])
def test_a_file_cut_at_any_byte_is_repaired(run: Path, name: str, step: int) -> None:
    """Of its last three lines: the whole ones stay, the rest is kept aside byte for byte."""
    plan = _plan("1 é")
    make = _line if name == "statistics.jsonl" else _error
    lines = [make(cell) for cell in plan]
    whole = b"".join(lines)
    _make(run, plan)
    for cut in range(len(whole) - sum(map(len, lines[-3:])), len(whole) + 1, step):
        content = whole[:cut]
        _assert_repaired(run, plan, name, content, content[content.rfind(b"\n") + 1 :])


@pytest.mark.parametrize("name", ["statistics.jsonl", "errors.jsonl"])
def test_a_zeroed_end_is_repaired(run: Path, name: str) -> None:
    """As after a power loss, up to 600 bytes of it, wherever that begins in a line."""
    plan = _plan("1 é")
    make = _line if name == "statistics.jsonl" else _error
    whole = b"".join(make(cell) for cell in plan)
    _make(run, plan)
    for zeros in (*range(1, 600, 11), 600, len(whole)):
        good = whole[: len(whole) - zeros]
        start = good.rfind(b"\n") + 1
        _assert_repaired(run, plan, name, good + b"\0" * zeros, good[start:] + b"\0" * zeros)


def test_zeros_behind_the_last_line_are_cut(run: Path) -> None:
    """The file system had made the file longer, and its bytes never came."""
    plan = _plan()
    _make(run, plan)
    _assert_repaired(run, plan, "statistics.jsonl", _line(plan[0]) + b"\0" * 600, b"\0" * 600)


def test_damage_amid_good_lines_is_taken_out(run: Path) -> None:
    """The good lines stay, in their order; the cells of the damaged ones are to do again."""
    plan = _plan()
    lines = [_line(cell) for cell in plan]
    bad = {2: lines[2][:50] + b"\n", 5: b"\0" * len(lines[5]), 9: b"\n", 11: lines[11][:-1]}
    _make(run, plan, [bad.get(index, line) for index, line in enumerate(lines)])
    recovered = recover(run, plan, _SERVICE)
    # The zeros have no line break, so that the line after them is damaged with them.
    lost = [2, 5, 6, 9, 11]
    assert list(recovered.done.absent()) == lost
    good = [line for index, line in enumerate(lines) if index not in lost]
    assert (run / "statistics.jsonl").read_bytes() == b"".join(good)
    assert (run / "statistics.jsonl.broken").read_bytes() == b"\n".join(
        [bad[2], bad[5] + lines[6], bad[9], bad[11], b""]
    )
    size = sum(map(len, bad.values())) + len(lines[6])
    assert recovered.remarks == (_moved("statistics.jsonl", size, len(lines[0]) * 2),)
    _assert_nothing_to_repair(run, plan)


def test_every_file_of_lines_is_repaired(run: Path) -> None:
    """Errors and events too, each with a remark of its own; errors are still none done."""
    plan = _plan()
    _make(run, plan, [_line(plan[0]), b'{"'], [_error(plan[1]), b"{}\n"])
    (run / "log.jsonl").write_bytes(b'{"event":"x"}\n[]\n{"event":')
    recovered = recover(run, plan, _SERVICE)
    assert [remark.split(" ")[:2] for remark in recovered.remarks] == [
        ["statistics.jsonl:", "2"],
        ["errors.jsonl:", "3"],
        ["log.jsonl:", "12"],
    ]
    assert _done(recovered, plan) == {plan[0]}
    assert (run / "log.jsonl").read_bytes() == b'{"event":"x"}\n'
    assert (run / "errors.jsonl").read_bytes() == _error(plan[1])
    _assert_nothing_to_repair(run, plan)


def test_an_event_without_its_line_break_is_moved(run: Path) -> None:
    """It can be read, but the next event would stand on the same line."""
    plan = _plan()
    _make(run, plan)
    (run / "log.jsonl").write_bytes(b'{"event":"x"}\n{"event":"y"}')
    recover(run, plan, _SERVICE)
    assert (run / "log.jsonl").read_bytes() == b'{"event":"x"}\n'
    assert (run / "log.jsonl.broken").read_bytes() == b'{"event":"y"}\n'


def test_foreign_and_double_lines_are_reported_and_stay(run: Path) -> None:
    """They may be the user's data; a double makes no cell done twice."""
    plan = _plan()
    foreign = _line(Cell("9", plan.windows[0]))
    _make(run, plan, [_line(plan[0]), foreign, _line(plan[1]), _line(plan[0], 0), foreign])
    before = _files(run)
    for _ in range(2):
        recovered = recover(run, plan, _SERVICE)
        of_none, of_one = recovered.remarks
        assert of_none.startswith("2 of the lines belong to no cell of the plan; ")
        assert of_none.endswith("the first is of company 9, 2026-01-01")
        assert of_one.startswith("1 of the lines ")
        assert of_one.endswith("the first is of company 1, 2026-01-01")
        assert _done(recovered, plan) == {plan[0], plan[1]}
        assert +recovered.kept == {CellState.DATA: 2}
        assert _files(run) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_plan(), _plan("1 2 3 4 5")),
        (_plan(), _plan("5 4 2 6 3 1")),
        (_plan(), _plan("4 3 2 1")),
        (_plan(), _plan(last="2026-01-09")),
        (_plan(), _plan("9 4 3 1 2", last="2026-03-01")),
        (_plan(first=None), _plan("8 4 3 2 1", first=None)),
    ],
)
def test_a_plan_may_grow(run: Path, old: Plan, new: Plan) -> None:
    """More companies, in another order too, and days at the end: what was done stays done."""
    cells = list(old)[::2]
    window = "whole" if len(old.windows) == 1 else "1d"
    _make(run, old, [_line(cell) for cell in cells], window=window)
    before = _files(run)
    recovered = recover(run, new, _SERVICE)
    assert _done(recovered, new) == set(cells)
    assert recovered.remarks == ()
    assert len(recovered.attempts) == 1
    assert _files(run) == before


@pytest.mark.parametrize(
    ("plan", "service", "difference"),
    [
        (
            _plan(),
            {"base-url": "https://two.example"},
            "--base-url was https://one.example and is now https://two.example",
        ),
        (_plan(), {"from-param": "since"}, "--from-param was from and is now since"),
        (_plan("1 3"), {}, "2 of its companies are not in the file now: 2, 4"),
        (
            _plan(first="2025-12-31"),
            {},
            "it began on 2026-01-01, and now would begin on 2025-12-31",
        ),
        (
            _plan(first=None),
            {},
            "it began on 2026-01-01, and now would begin with the server's default window",
        ),
        (
            _plan(last="2026-01-02"),
            {},
            "it ended on 2026-01-03, and now would end on 2026-01-02",
        ),
        (
            _plan(window="2d"),
            {},
            "its window 2026-01-01 would become 2026-01-01..2026-01-02",
        ),
        (
            _plan("4", last="2026-01-02"),
            {"until-param": "till", "base-url": "https://two.example"},
            (
                "--base-url was https://one.example and is now https://two.example; "
                "--until-param was until and is now till; "
                "3 of its companies are not in the file now: 1, 2, 3; "
                "it ended on 2026-01-03, and now would end on 2026-01-02"
            ),
        ),
    ],
)
def test_a_run_of_another_plan_is_refused(
    run: Path, plan: Plan, service: dict[str, str], difference: str
) -> None:
    """With every difference in words, and what to do; nothing changes, not even a torn line."""
    old = _plan()
    _make(run, old, [_line(old[0]), b'{"torn'], [b'{"torn'])
    before = _files(run)
    with pytest.raises(InputError) as caught:
        recover(run, plan, {**_SERVICE, **service})
    assert str(caught.value) == (
        f"--output {run}: holds a run of another plan: {difference}; give another --output, or "
        f"resume that run: collector status {run} shows how"
    )
    assert _files(run) == before


def test_a_clipped_window_that_would_grow_is_refused(run: Path) -> None:
    """Its answers are of fewer days than it would have now."""
    old = _plan(last="2026-01-10", window="week")
    _make(run, old, [_line(cell) for cell in old] + [b"\0"], window="week")
    before = _files(run)
    grown = _plan(last="2026-01-18", window="week")
    with pytest.raises(
        InputError,
        match=r"its window 2026-01-05\.\.2026-01-10 would become 2026-01-05\.\.2026-01-11; give",
    ):
        recover(run, grown, _SERVICE)
    assert _files(run) == before


def test_the_command_in_a_refusal_can_be_pasted(tmp_path: Path) -> None:
    """Whatever the directory is called."""
    run = _make(tmp_path / "it's; mine", _plan())
    with pytest.raises(InputError) as caught:
        recover(run, _plan("1"), _SERVICE)
    assert f"collector status '{tmp_path}/it'\"'\"'s; mine' shows how" in str(caught.value)


_TROUBLE = [
    ("run.json", None, "run.json is missing"),
    ("run.json", b'{"format": 1', "run.json is damaged"),
    ("run.json", b"", "run.json is damaged"),
    ("run.json", b"\0" * 600, "run.json is damaged"),
    ("run-companies.txt", None, "run-companies.txt is missing or damaged"),
    ("run-companies.txt", b"", "run-companies.txt is missing or damaged"),
    ("run-companies.txt", b"\0" * 600, "run-companies.txt is missing or damaged"),
]


def _spoil(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)


@pytest.mark.parametrize(("name", "content", "trouble"), _TROUBLE)
def test_without_the_old_plan_fitting_lines_are_taken(
    run: Path, name: str, content: bytes | None, trouble: str
) -> None:
    """They say themselves what they are of; a remark says that they could not be compared."""
    old, new = _plan(), _plan("1 2 3 4 5")
    _make(run, old, [_line(old[0]), _line(old[1], 0), b'{"torn'])
    _spoil(run / name, content)
    recovered = recover(run, new, _SERVICE)
    assert _done(recovered, new) == {old[0], old[1]}
    assert +recovered.kept == {CellState.DATA: 1, CellState.EMPTY: 1}
    assert recovered.remarks[0] == f"{trouble}: the lines were read as lines of this plan"
    assert sum("statistics.jsonl.broken" in remark for remark in recovered.remarks) == 1
    assert len(recovered.attempts) == (name == "run-companies.txt")
    if trouble == "run.json is damaged":
        assert (run / "run.json").read_bytes() == b""
        kept = (run / "run.json.broken").read_bytes() if content else b"\n"
        assert kept == (content or b"") + b"\n"


@pytest.mark.parametrize(("name", "content", "trouble"), _TROUBLE)
def test_without_the_old_plan_foreign_lines_are_refused(
    run: Path, name: str, content: bytes | None, trouble: str
) -> None:
    """The run is of another plan then, and nothing in it changes."""
    old, new = _plan("1 2"), _plan("1 3")
    _make(run, old, [*(_line(cell) for cell in old), b'{"torn'])
    _spoil(run / name, content)
    before = _files(run)
    with pytest.raises(InputError) as caught:
        recover(run, new, _SERVICE)
    assert str(caught.value) == (
        f"--output {run}: {trouble}, and 3 of the lines belong to no cell of the plan; the first "
        "is of company 2, 2026-01-01; give another --output"
    )
    assert _files(run) == before


def test_a_list_of_companies_that_is_not_the_recorded_one_is_damaged(run: Path) -> None:
    """It can be read, but half of it is gone: what it says must not hide another plan."""
    old, new = _plan(), _plan("1 2")
    _make(run, old, [_line(cell) for cell in old])
    (run / "run-companies.txt").write_bytes(b"1\n2\n")
    before = _files(run)
    # The plan of what is left of the list would be that of the new one, and refuse nothing.
    with pytest.raises(InputError, match="6 of the lines belong to no cell of the plan"):
        recover(run, new, _SERVICE)
    assert _files(run) == before


def test_a_damaged_record_of_the_plan_is_a_damaged_manifest(run: Path) -> None:
    """It is kept aside, and the lines are taken if they fit."""
    old = _plan()
    _make(run, old, [_line(old[0])])
    text = (run / "run.json").read_bytes().replace(b'"2026-01-03"', b'"2026-01-33"')
    (run / "run.json").write_bytes(text)
    recovered = recover(run, _plan("1 2 3 4 5"), _SERVICE)
    assert recovered.remarks == (
        "run.json is damaged: the lines were read as lines of this plan",
        _moved("run.json", len(text), 0),
    )
    assert (run / "run.json.broken").read_bytes() == text + b"\n"


def test_a_lost_list_does_not_hide_another_service(run: Path) -> None:
    """What can still be compared is compared."""
    _make(run, _plan())
    (run / "run-companies.txt").unlink()
    with pytest.raises(InputError, match=r"--base-url was .*and is now https://2"):
        recover(run, _plan("1"), {**_SERVICE, "base-url": "https://2.example"})


def test_a_lost_list_of_the_same_plan_is_no_trouble(run: Path) -> None:
    """The fingerprint in the manifest says that the plan is the same."""
    plan = _plan()
    _make(run, plan, [_line(plan[0])])
    (run / "run-companies.txt").unlink()
    _assert_nothing_to_repair(run, plan)


def test_a_run_of_a_newer_collector_is_refused(run: Path) -> None:
    """Its lines may mean something else; nothing changes."""
    plan = _plan()
    _make(run, plan, [_line(plan[0]), b'{"torn'])
    text = (run / "run.json").read_bytes().replace(b'"format": 1', b'"format": 3')
    (run / "run.json").write_bytes(text)
    before = _files(run)
    with pytest.raises(InputError, match=r"run\.json: has format 3, .*; use the newer collector"):
        recover(run, plan, _SERVICE)
    assert _files(run) == before


def test_lines_of_something_else_are_not_moved(tmp_path: Path) -> None:
    """A directory that holds another program's files is no run, and is refused as it is."""
    (tmp_path / "statistics.jsonl").write_bytes(b'{"day":"2026-01-01","visits":7}\n' * 3)
    before = _files(tmp_path)
    with pytest.raises(InputError, match="--output"):
        recover(tmp_path, _plan(), _SERVICE)
    assert _files(tmp_path) == before


@pytest.mark.parametrize("text", ["mine\n", "1\n2\n", "# Written by me\n"])
def test_a_list_of_something_else_is_not_replaced(tmp_path: Path, text: str) -> None:
    """Where there is no run, a file called as the list of companies is another program's."""
    (tmp_path / "run-companies.txt").write_text(text)
    before = _files(tmp_path)
    with pytest.raises(InputError, match=r"but there is run-companies\.txt; give another --output"):
        recover(tmp_path, _plan(), _SERVICE)
    assert _files(tmp_path) == before


@pytest.mark.parametrize("name", ["statistics.jsonl.broken", "run.json"])
def test_what_cannot_be_read_or_repaired_is_a_storage_error(run: Path, name: str) -> None:
    """A directory has its name, say; the text names the file, and nothing is cut."""
    plan = _plan()
    _make(run, plan, [_line(plan[0]), b'{"torn'])
    (run / name).unlink(missing_ok=True)
    (run / name).mkdir()
    before = (run / "statistics.jsonl").read_bytes()
    with pytest.raises(StorageError, match=f"^{run / name}: cannot be read or repaired: Is a dir"):
        recover(run, plan, _SERVICE)
    assert (run / "statistics.jsonl").read_bytes() == before


def test_a_full_disk_cuts_nothing(run: Path, largest_file: LargestFile) -> None:
    """What cannot be moved stays where it is, for the next attempt to repair."""
    plan = _plan()
    _make(run, plan, [_line(plan[0]), b'{"torn'])
    before = (run / "statistics.jsonl").read_bytes()
    too_large = "File too large; nothing is lost; check that"
    with largest_file(1), pytest.raises(StorageError, match=too_large):
        recover(run, plan, _SERVICE)
    assert (run / "statistics.jsonl").read_bytes() == before


def _refuses_after(hours: float, run: Path, plan: Plan, lines: Iterable[bytes]) -> bool:
    """Recover a run whose newest line is so old; a day has 24 hours here, from the newest on."""
    _make(run, plan, lines, window="whole" if len(plan.windows) == 1 else "1d")
    before = _files(run)
    age = Age(hours, is_of_another_day=hours >= 12)
    said = ""
    try:
        recover_files(
            PartFiles(run), Part(plan), _SERVICE, age=lambda _: age, is_stopped=lambda: False
        )
    except InputError as error:
        said = str(error)
    if not said:
        return False
    assert "holds a run without dates whose last answer is of 2020-11-23T02:00:01.000Z" in said
    assert _files(run) == before
    return True


def test_old_answers_are_not_taken_for_todays(run: Path) -> None:
    """A complete run without dates is refused on another day, for the server's days have moved."""
    plan = _plan("1 2", first=None)
    lines = [_line(cell) for cell in plan]
    assert _refuses_after(24, run, plan, [*lines, b"torn"])
    assert not _refuses_after(11, run, plan, lines)


def test_an_unfinished_run_without_dates_is_resumed_for_half_a_day(run: Path) -> None:
    """Midnight does not stop it; a company that always fails does not keep it open for ever."""
    plan = _plan("1 2", first=None)
    assert not _refuses_after(12, run, plan, [_line(plan[0])])
    assert _refuses_after(12.1, run, plan, [_line(plan[0])])


def test_the_lines_say_how_old_a_run_is(run: Path) -> None:
    """The manifest may be lost; the newest line counts."""
    plan = _plan("1 2", first=None)
    later = _line(plan[1]).replace(b"2020-11-23", b"2020-11-24")
    _make(run, plan, [_line(plan[0]), later, _line(plan[0])], window="whole")
    (run / "run.json").unlink()
    asked: list[datetime] = []

    def age(moment: datetime) -> Age:
        asked.append(moment)
        return Age(1, is_of_another_day=False)

    recover_files(PartFiles(run), Part(plan), _SERVICE, age=age, is_stopped=lambda: False)
    assert asked == [_AT + timedelta(days=1)]


def test_a_run_with_dates_does_not_become_stale(run: Path) -> None:
    """Its days stay the same."""
    plan = _plan("1 2")
    assert not _refuses_after(1000, run, plan, [_line(cell) for cell in plan])


def test_reading_can_be_stopped_between_two_lines(run: Path) -> None:
    """A big directory does not keep a run that is to end; nothing is repaired then."""
    plan = _plan(" ".join(map(str, range(1000))))
    _make(run, plan, [*(_line(cell) for cell in plan), b"torn"])
    before = _files(run)
    answers = iter([False, False, True])
    with pytest.raises(StoppedError):
        recover_files(
            PartFiles(run), Part(plan), _SERVICE, age=_fresh, is_stopped=lambda: next(answers)
        )
    assert _files(run) == before


@pytest.mark.parametrize("name", ["run.json", "statistics.jsonl", "errors.jsonl", "log.jsonl"])
def test_files_of_another_program_are_not_touched(run: Path, name: str) -> None:
    """Without a manifest of ours and without one line of a run, nothing there is ours."""
    run.mkdir()
    (run / name).write_text("a,b\n1,2\n")
    before = _files(run)
    with pytest.raises(InputError, match=f"there is {name}; give another --output"):
        recover(run, _plan(), _SERVICE)
    assert _files(run) == before


def test_a_crash_while_the_plan_grows_excludes_no_shard(run: Path) -> None:
    """The new list is there and the old manifest still: what was odd before is no reason."""
    old, new = _plan("1 2"), _plan("1 2 3")
    foreign = _line(Cell("zzz", old.windows[0]))
    _make(run, old, [*(_line(cell) for cell in old), foreign])
    write_company_list(run / "run-companies.txt", new.companies)
    assert len(recover(run, new, _SERVICE).done) == len(old)


def test_a_lost_manifest_beside_our_list_is_no_other_program(run: Path) -> None:
    """Nothing was answered yet, but the list with its checksum says whose directory it is."""
    _make(run, _plan())
    (run / "log.jsonl").write_bytes(b'{"event":"run_started"}\n')
    (run / "run.json").write_bytes(b"{")
    assert len(recover(run, _plan(), _SERVICE).done) == 0


@pytest.mark.parametrize("moment", [b"0001-01-01T00:00:00.000Z", b"9999-12-31T23:59:59.000-05:00"])
def test_a_year_far_off_is_damage(run: Path, moment: bytes) -> None:
    """No answer was fetched then, and no clock in another zone can show it."""
    plan = _plan("1", first=None)
    line = _line(plan[0])
    damaged = line.replace(b"2020-11-23T02:00:01.000Z", moment)
    assert damaged != line
    _make(run, plan, [damaged], window="whole")
    assert len(recover(run, plan, _SERVICE).done) == 0
