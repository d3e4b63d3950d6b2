import json
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.errors import InputError, StorageError
from collector.settings import RunSettings
from collector.store.manifest import DatesRecord, Manifest
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import each_once, find_run, find_runs
from collector.store.scratch import scratch_database
from tests.store.made_runs import at_work, line, make_run

LargestFile = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def lines() -> Iterator[NewestLines]:
    """Give an empty table."""
    with scratch_database() as database:
        yield NewestLines(database)


def _newest(lines: NewestLines, *runs: Path) -> list[bytes]:
    """Read runs, the oldest of which is named first."""
    for run in reversed(find_runs(runs)):
        assert lines.read(run, Pile.NEW) == []
    return list(lines.lines())


def test_the_newest_answer_of_a_cell_stays(lines: NewestLines, tmp_path: Path) -> None:
    """By the moment it was fetched, in whichever run and at whichever place it stands."""
    old = make_run(tmp_path / "a", [line("1", 1, 5, total=1), line("1", 2, 0, total=2)])
    new = make_run(tmp_path / "b", [line("1", 1, 4, total=3), line("1", 2, 1, total=4)])
    assert _newest(lines, old, new) == [line("1", 1, 5, total=1), line("1", 2, 1, total=4)]


def test_of_a_tie_the_newer_run_stays(tmp_path: Path) -> None:
    """And in one run the line that stands later."""
    one = make_run(tmp_path / "a", [line("1", 1, total=1)])
    other = make_run(tmp_path / "b", [line("1", 1, total=3), line("1", 1, total=2)])
    for runs, total in ((one, other), 2), ((other, one), 1):
        with scratch_database() as database:
            assert _newest(NewestLines(database), *runs) == [line("1", 1, total=total)]


@pytest.mark.parametrize(
    "moment",
    ["2026-11-23T03:00:01+00:59", "2026-11-22T20:00:01.0009-06:00", "2026-11-23T02:00:02Z"],
)
def test_moments_are_compared_as_moments(lines: NewestLines, tmp_path: Path, moment: str) -> None:
    """Not as texts: a time zone and digits behind the point are read."""
    usual = line("1", 1)
    later = usual.replace(b"2026-11-23T02:00:01.000Z", moment.encode())
    assert later != usual
    runs = make_run(tmp_path / "a", [later]), make_run(tmp_path / "b", [usual])
    assert _newest(lines, *runs) == [later]


def test_lines_are_given_back_byte_for_byte(lines: NewestLines, tmp_path: Path) -> None:
    """Unknown fields, spelling of numbers and order of keys included."""
    data = (
        b'{"actions": {"\\u0041":1}, "new":[1E+2, {"x":-0.0}], "total":1%b,"sended":0,"pending":0,'
        b'"fails":0, "campaign":0}' % (b"0" * 30)
    )
    odd = line("1", 1, data=data).replace(b'"attempts":1', b'"by":"me", "attempts":1')
    assert _newest(lines, make_run(tmp_path / "a", [odd])) == [odd]


_ODD = ["", "0", "00", "1", "10", "2", "A", "a", "'", '"', "\0", "\0a", "é", "ß", "\uffff", "𝄞"]


def test_cells_are_ordered_by_bytes_and_days(lines: NewestLines, tmp_path: Path) -> None:
    """Companies by their UTF-8 bytes, then days; the server's default window comes first.

    Two companies are never one, whatever characters are in their ids.
    """
    made = [line(company, number) for number in (3, None, 1) for company in reversed(_ODD)]
    got = [json.loads(one) for one in _newest(lines, make_run(tmp_path / "a", made))]
    assert [(cell["company_id"], cell["from_date"]) for cell in got] == [
        (company, from_date)
        for company in sorted(_ODD, key=str.encode)
        for from_date in (None, "2026-11-01", "2026-11-03")
    ]


def test_windows_with_one_end_in_common_are_two(lines: NewestLines, tmp_path: Path) -> None:
    """Both ends are of the key; an empty text is not null."""
    usual = line("1", 1)
    longer = usual.replace(b'"until_date":"2026-11-01"', b'"until_date":"2026-11-02"')
    earlier = usual.replace(b'"from_date":"2026-11-01"', b'"from_date":"2026-10-31"')
    empty = line("1", None).replace(b"null", b'""')
    made = [longer, usual, empty, earlier, line("1", None)]
    expected = [line("1", None), empty, earlier, usual, longer]
    assert _newest(lines, make_run(tmp_path / "a", made)) == expected


def test_damaged_lines_are_left_out_and_told(lines: NewestLines, tmp_path: Path) -> None:
    """The file and how many bytes; what stands around them is read."""
    made = [line("1", 1), b"\0" * 1500, b"\n", line("2", 1), b"{}\n", line("2", 2)[:-1]]
    run = make_run(tmp_path / "a", made)
    damage = lines.read(find_run(run), Pile.NEW)
    damaged, unfinished = damage
    assert damaged == f"{run}/statistics.jsonl: 1,504 bytes are damaged, and were left out"
    size = len(line("2", 2)) - 1
    assert f"{run}/statistics.jsonl: the last line is unfinished ({size} bytes); " in unfinished
    assert lines.lacks_lines
    assert list(lines.lines()) == [line("1", 1), line("2", 1)]


def test_an_unfinished_line_is_no_damage(lines: NewestLines, tmp_path: Path) -> None:
    """A run that was killed may leave one; damage before it counts, also while a run works."""
    run = make_run(tmp_path / "a", [line("1", 1), line("1", 2)[:-20]])
    assert len(lines.read(find_run(run), Pile.NEW)) == 1
    assert not lines.lacks_lines
    run = make_run(tmp_path / "b", [b"{}\n", line("1", 2)[:-20]])
    with at_work(run):
        (remark,) = lines.read(find_run(run), Pile.NEW)
    assert remark == f"{run}/statistics.jsonl: 3 bytes are damaged, and were left out"
    assert lines.lacks_lines


def test_a_run_in_progress_is_read_as_far_as_its_lines_are_whole(
    lines: NewestLines, tmp_path: Path
) -> None:
    """The line that it is just writing is no damage."""
    run = make_run(tmp_path / "a", [line("1", 1), line("1", 2)[:-20]])
    with at_work(run):
        assert _newest(lines, run) == [line("1", 1)]
    assert lines.read(find_run(run), Pile.NEW) != []


def test_a_run_without_lines_has_none(lines: NewestLines, tmp_path: Path) -> None:
    """Nothing was answered."""
    assert _newest(lines, make_run(tmp_path / "a")) == []


def test_lines_that_cannot_be_read_are_refused(lines: NewestLines, tmp_path: Path) -> None:
    """The text names the file."""
    run = make_run(tmp_path / "a")
    path = run / "statistics.jsonl"
    path.unlink()
    path.symlink_to("/proc/self/mem")  # nothing can be read at its beginning
    with pytest.raises(InputError, match=f"^{path}: cannot be read: Input/output error"):
        lines.read(find_run(run), Pile.NEW)


def test_runs_of_two_services_are_refused(tmp_path: Path) -> None:
    """Both directories and every difference are named."""
    usual = RunSettings()
    one = make_run(tmp_path / "a")
    for name, changed, text in [
        ("b", replace(usual, base_url="https://o.example"), "--base-url was https://api.trust.lat"),
        ("c", replace(usual, from_param="desde"), "--from-param was from_date and is now desde"),
        ("d", replace(usual, date_format="DD/MM/YYYY"), "--date-format was YYYY-MM-DD and is now"),
        ("e", replace(usual, date_format="epoch", timezone="UTC"), "--timezone was not given and"),
    ]:
        other = make_run(tmp_path / name, settings=changed)
        with pytest.raises(InputError, match=f"^{one} and {other}: their answers are of ") as ours:
            find_runs([one, one, other])
        assert text in str(ours.value)
        assert str(ours.value).endswith("; give runs of one service")
        with pytest.raises(InputError, match=f"^{other} and {one}: their answers are of "):
            find_runs([other, one])
    assert len(find_runs([tmp_path / "e", tmp_path / "e"])) == 2


def test_a_run_whose_dates_were_ignored_is_refused(tmp_path: Path) -> None:
    """Its lines are of other days than they say; any other verdict is let pass."""
    one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    manifest = Manifest.read(one / "run.json")
    assert manifest is not None
    for verdict in ("honoured", "inconclusive", "trusted"):
        manifest.dates = DatesRecord(verdict=verdict, until="included", until_exclusive=False)
        manifest.write(one / "run.json")
        assert len(find_runs([other, one])) == 2
    manifest.dates = DatesRecord(verdict="ignored", until="inconclusive", until_exclusive=False)
    manifest.write(one / "run.json")
    with pytest.raises(InputError, match=rf"^{one}: its answers are of other days .*leave .* out"):
        find_runs([other, one])


def test_a_service_without_an_option_had_its_default(tmp_path: Path) -> None:
    """An older collector did not have it, so that its nights go with those of today."""
    one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    manifest = Manifest.read(one / "run.json")
    assert manifest is not None
    del manifest.service["date-format"]
    manifest.write(one / "run.json")
    assert len(find_runs([one, other])) == len(find_runs([other, one])) == 2


def test_a_directory_counts_once_where_it_is_named_last(tmp_path: Path) -> None:
    """Under whatever name."""
    one, other = make_run(tmp_path / "a"), make_run(tmp_path / "b")
    (tmp_path / "link").symlink_to(one)
    runs = find_runs([one, other, other / ".." / "b", tmp_path / "link"])
    assert len(runs) == 4
    assert [run.directory.name for run in each_once(runs)] == ["b", "link"]


def test_where_there_is_no_run_it_is_refused(tmp_path: Path) -> None:
    """As by the status: what is wrong, where, and what to do."""
    file = tmp_path / "file"
    file.write_bytes(b"")
    damaged = make_run(tmp_path / "a")
    (damaged / "run.json").write_bytes(b'{"format":1}')
    newer = make_run(tmp_path / "b")
    (newer / "run.json").write_bytes(b'{"format":9}')
    for path, text in [
        (tmp_path, f"^{tmp_path}: there is no run.json in it; give the directory of a run"),
        (tmp_path / "x", "there is no such directory"),
        (file, "is not the directory of a run; leave it out"),
        (damaged, f"^{damaged}/run.json: is damaged .*; the collector run that made it"),
        (newer, "has format 9, .*newer collector"),
    ]:
        with pytest.raises(InputError, match=text):
            find_runs([path])


def test_a_full_disk_is_told_with_a_remedy(tmp_path: Path, largest_file: LargestFile) -> None:
    """Not a bug: the temporary directory can be another one."""
    made = (line(str(number), 1, total=number, name="x" * 20_000) for number in range(3000))
    run = find_run(make_run(tmp_path / "a", made))
    with (
        largest_file(8_000_000),
        pytest.raises(StorageError, match=r"temporary database cannot be written: .*SQLITE_TMPDIR"),
        scratch_database() as database,
    ):
        NewestLines(database).read(run, Pile.NEW)


def test_a_mistake_is_no_full_disk() -> None:
    """What the disk has no part in stays a bug."""
    with pytest.raises(sqlite3.OperationalError), scratch_database() as database:
        database.execute("SELECT nothing")


def test_the_database_lies_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file has no name: nothing is left behind when the process is killed."""
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path))
    with scratch_database() as database:
        database.execute("CREATE TABLE big AS SELECT zeroblob(100000000) AS zeros")
        assert list(tmp_path.iterdir()) == []


_ids = st.sampled_from(["1", "10", "2", "é", "'; DROP TABLE lines; --", "\0", "%_", "𝄞"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=3
)
_made_line = st.builds(
    line,
    _ids,
    st.none() | st.integers(1, 3),
    st.integers(0, 3),
    total=st.integers(0, 10**30),
)
_made_runs = st.lists(st.lists(_made_line, max_size=12), min_size=1, max_size=4)


def _by_brute_force(runs: list[list[bytes]]) -> list[bytes]:
    newest: dict[tuple[bytes, str, str], tuple[str, bytes]] = {}
    for run in runs:
        for one in run:
            cell: dict[str, Any] = json.loads(one)
            key = (
                cell["company_id"].encode(),
                cell["from_date"] or "",
                cell["until_date"] or "",
            )
            if key not in newest or cell["fetched_at"] >= newest[key][0]:
                newest[key] = cell["fetched_at"], one
    return [newest[key][1] for key in sorted(newest)]


@settings(deadline=None)
@given(_made_runs)
def test_the_newest_are_those_of_a_plain_dictionary(made: list[list[bytes]]) -> None:
    """Whatever companies, days, moments and runs there are."""
    with TemporaryDirectory() as name, scratch_database() as database:
        runs = [make_run(Path(name) / str(n), run) for n, run in enumerate(made)]
        assert _newest(NewestLines(database), *runs) == _by_brute_force(made)


def test_a_signal_that_interrupts_a_statement_is_an_interrupt() -> None:
    """SQLite reports only that it was interrupted, and that is no bug."""

    def work() -> None:
        with scratch_database() as database:
            database.set_progress_handler(partial(signal.raise_signal, signal.SIGINT), 1)
            database.execute("SELECT 1")

    with pytest.raises(KeyboardInterrupt):
        work()
