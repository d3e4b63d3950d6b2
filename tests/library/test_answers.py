"""`read_answers` over runs that are made by hand."""

import gc
import sys
import warnings
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
import pytest

from collector import CellAnswer, Counters, InputError, UnreadWarning, read_answers
from collector.settings import RunSettings
from tests.store.compressed import compress
from tests.store.made_runs import at_work, line, make_run

_AT = datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)


def test_the_newest_answer_of_each_cell_comes_typed(tmp_path: Path) -> None:
    """In the order of `collector latest`, whatever the order of the directories."""
    old = make_run(
        tmp_path / "old", [line("2", 1, total=5), line("1", 2, actions={"CLOSED": 3}, extra="x")]
    )
    newer = [line("2", 1, 60, total=6), line("1", None, 60, total=1)]
    new = make_run(tmp_path / "new", newer, companies=["2"])
    answers = list(read_answers(new, old, old))
    assert answers == list(read_answers(old, str(new)))
    assert [(a.company_id, a.from_date, a.until_date) for a in answers] == [
        ("1", None, None),
        ("1", date(2026, 11, 2), date(2026, 11, 2)),
        ("2", date(2026, 11, 1), date(2026, 11, 1)),
    ]
    assert answers[1] == CellAnswer(
        company_id="1",
        from_date=date(2026, 11, 2),
        until_date=date(2026, 11, 2),
        fetched_at=_AT,
        attempts=1,
        statistics=Counters(0, 0, 0, 0, 0, {"CLOSED": 3}),
    )
    assert answers[2].statistics.total == 6
    assert answers[1].statistics.is_empty is False
    with pytest.raises(AttributeError):
        answers[0].company_id = "3"  # type: ignore[misc]
    assert set(msgspec.structs.asdict(answers[0])) == set(CellAnswer.__struct_fields__)


def test_what_is_left_out_is_warned_of(tmp_path: Path) -> None:
    """At the line of the caller; a run in progress is read as far as it is written."""
    strange = line("1", 3).replace(b"2026-11-03", b"2026-11-3x")
    damaged = make_run(tmp_path / "a", [b"\0\0\n", line("1", 1), strange], days=(1, 1))
    working = make_run(tmp_path / "b", [line("1", 2), line("1", 4)[:9]], days=(2, 4))
    with at_work(working), pytest.warns(UnreadWarning) as caught:
        answers = list(read_answers(damaged, working))
    assert [answer.from_date for answer in answers] == [date(2026, 11, 1), date(2026, 11, 2)]
    texts = [str(warning.message) for warning in caught]
    assert texts[0] == f"{damaged}/statistics.jsonl: 3 bytes are damaged, and were left out"
    assert texts[1].startswith("a line is no answer, and was left out: ")
    assert {warning.filename for warning in caught} == {__file__}


def test_windows_that_overlap_are_warned_of(tmp_path: Path) -> None:
    """Who adds up the answers counts days twice."""
    whole = line("1", 1).replace(b'"until_date":"2026-11-01"', b'"until_date":"2026-11-04"')
    runs = make_run(tmp_path / "a", [line("1", 2)]), make_run(tmp_path / "b", [whole], days=(1, 1))
    with pytest.warns(UnreadWarning, match="windows overlap, such as 2026-11-01..2026-11-04"):
        assert len(list(read_answers(*runs))) == 2


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    """With the error of the command."""
    run = make_run(tmp_path / "a", [line("1", 1)])
    other = make_run(
        tmp_path / "b", [line("1", 1)], settings=RunSettings(base_url="https://other.example")
    )
    for directories, text in (
        ((), "needs the directory of a run"),
        ((tmp_path / "nowhere",), "there is no such directory"),
        ((run, other), "different services"),
    ):
        with pytest.raises(InputError, match=text):
            list(read_answers(*directories))


def test_it_leaves_nothing_open(tmp_path: Path) -> None:
    """Not even if it is not read to its end."""
    run = make_run(tmp_path / "a", [line("1", 1), line("1", 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = read_answers(run)
        next(answers)
        del answers
        gc.collect()


def test_a_file_of_zstd_needs_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the command names the file and what installs it; with the package it is read."""
    run = make_run(tmp_path / "a", [line("1", 1)])
    packed = compress(run / "statistics.jsonl", ".zst")
    assert len(list(read_answers(run))) == 1
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r"^zstandard is not installed, and .*") as caught:
        list(read_answers(run))
    assert f"and {packed} needs it; install it with: " in str(caught.value)
