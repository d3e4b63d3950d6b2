"""The cells of several runs together: which were planned, in which order, and what is not known."""

from pathlib import Path
from typing import Any

import pytest

from collector.report.model import Tile
from tests.report.reading import error, read
from tests.store.made_runs import at_work, day, line, make_run


def test_runs_of_other_plans_are_joined(tmp_path: Path) -> None:
    """Each night plans other days and companies: what was not planned is not missing."""
    first = make_run(tmp_path / "1", [line("1", 1, total=1)], companies=("1", "2"), days=(1, 2))
    then = make_run(
        tmp_path / "2", [line("3", 3, total=1)], companies=("3", "1"), days=(2, 3), names={"1": "N"}
    )
    coverage = read(first, then).coverage
    assert [group.first.id for group in coverage.groups] == ["3", "1", "2"]
    nothing, missing, data = Tile(0, 0, 0, 0), Tile(0, 0, 0, 1), Tile(1, 0, 0, 0)
    assert coverage.tiles == (
        (nothing, missing, data),
        (data, missing, missing),
        (missing, missing, nothing),
    )
    assert coverage.groups[1].first.name == "N"
    assert [facts.cells for facts in read(first, then).runs] == [
        Tile(1, 0, 0, 3),
        Tile(1, 0, 0, 3),
    ]


def test_days_before_the_first_of_a_company_are_not_planned(tmp_path: Path) -> None:
    """Neither missing nor empty: the cell of the map stays blank, and the order is the list's."""
    lines = [line("1", 3, total=1), line("2", 2, total=1)]
    run = make_run(tmp_path / "1", lines, companies=("1", "2", "3"), days=(1, 3), firsts=(2, 0, 2))
    report = read(run)
    assert [group.first.id for group in report.coverage.groups] == ["1", "2", "3"]
    nothing, missing, data = Tile(0, 0, 0, 0), Tile(0, 0, 0, 1), Tile(1, 0, 0, 0)
    assert report.coverage.tiles == (
        (nothing, nothing, data),
        (missing, data, missing),
        (nothing, nothing, missing),
    )
    assert report.runs[0].cells == Tile(2, 0, 0, 3)


def test_the_newest_list_gives_the_order(tmp_path: Path) -> None:
    """The list of the first night is that of the third, too: it comes before the second's."""
    lists = [("b", "a"), ("z", "b"), ("b", "a")]
    runs = [make_run(tmp_path / str(n), companies=ids) for n, ids in enumerate(lists)]
    groups = read(*runs).coverage.groups
    assert [group.first.id for group in groups] == ["b", "a", "z"]


def test_a_lost_list_of_companies_is_said_and_its_answers_count(tmp_path: Path) -> None:
    """Then it is unknown what is missing, but the answers are there."""
    run = make_run(tmp_path / "r", [line("7", 1, total=5)], companies=("7", "8"))
    (run / "run-companies.txt").unlink()
    (run / "errors.jsonl").write_bytes(error("8", 2))
    report = read(run)
    assert report.delivery.total == 5
    assert [group.first.id for group in report.coverage.groups] == ["7", "8"]
    assert not report.coverage.is_known
    assert report.coverage.total == Tile(1, 0, 1, 0)
    assert any("not known" in remark for remark in report.quality.remarks)
    # How many there were is in the manifest.
    assert report.runs[0].cells == Tile(1, 0, 1, 6)


def test_an_edited_list_of_companies_is_not_believed(tmp_path: Path) -> None:
    """A company in it was perhaps never requested, and one that is not perhaps was."""
    run = make_run(tmp_path / "r", [line("7", 1, total=5)], companies=("7", "8"))
    assert read(run).coverage.is_known
    path = run / "run-companies.txt"
    path.write_bytes(path.read_bytes().replace(b"8", b"9"))
    coverage = read(run).coverage
    assert not coverage.is_known
    assert [group.first.id for group in coverage.groups] == ["7"]


def test_damage_is_said(tmp_path: Path) -> None:
    """An unfinished line of a run that works is the one that it is writing."""
    run = make_run(tmp_path / "r", [line("1", 1, total=5), b'{"company_id":"2","fr'])
    (run / "errors.jsonl").write_bytes(error("2", 1) + b"\0\0\0\n")
    unfinished, damaged = read(run).quality.remarks
    assert "statistics.jsonl: the last line is unfinished" in unfinished
    assert "errors.jsonl: 4 bytes are damaged" in damaged
    with at_work(run):
        report = read(run)
    assert report.quality.remarks == (damaged,)
    assert report.quality.is_incomplete
    (run / "errors.jsonl").write_bytes(b"")
    assert not read(run).quality.is_incomplete
    assert report.runs[0].is_running


def test_the_servers_default_window_is_no_part_of_days(tmp_path: Path) -> None:
    """It is the last days: beside other windows it has days in common with some, so to say."""
    first = make_run(tmp_path / "1", [line("1", None, total=1)], companies=("1",), days=None)
    then = make_run(tmp_path / "2", [line("1", 1, total=2)], companies=("1",), days=(1, 1))
    report = read(first, then)
    assert report.overlap
    assert [span.days for span in report.coverage.spans] == [None, 1]


def test_days_between_windows_are_no_days_of_a_span(tmp_path: Path) -> None:
    """121 windows make weeks; a year lies between two of them, and cuts both."""
    first = make_run(tmp_path / "1", [line("1", 1, total=1)], companies=("1",), days=(1, 61))
    then = make_run(tmp_path / "2", [], companies=("1",), days=(427, 486))
    spans = read(first, then).coverage.spans
    assert [span.days for span in spans] == [1, *[7] * 8, 4, 2, *[7] * 8, 2]
    assert [at for at, span in enumerate(spans) if span.is_partial] == [0, 9, 10, 19]


@pytest.mark.parametrize("list_of_companies", ["there", "lost"])
def test_the_plan_of_a_run_tells_which_windows_are_partial(
    tmp_path: Path, list_of_companies: str
) -> None:
    """Windows of 7 days over 17, and a single night of another run after a gap."""
    weeks = make_run(tmp_path / "1", companies=("1",), days=(1, 17), window="7d")
    night = make_run(tmp_path / "2", companies=("1",), days=(20, 20))
    if list_of_companies == "lost":
        # Its windows are known from its lines then.
        text = line("1", 15, total=1).replace(
            b'"until_date":"2026-11-15', b'"until_date":"2026-11-17'
        )
        (weeks / "statistics.jsonl").write_bytes(line("1", 1) + text)
        (weeks / "run-companies.txt").unlink()
    spans = read(weeks, night).coverage.spans
    partial = [(span.from_date, span.days) for span in spans if span.is_partial]
    assert partial == [(day(15).from_date, 3)]


def test_values_that_no_column_can_hold_are_left_out_of_all_figures(tmp_path: Path) -> None:
    """And named. Their cells are answered, not empty, not odd, and not compared with others."""
    huge = 10**38
    odd: dict[str, Any] = {"total": huge, "fails": 7, "actions": {"A": huge, "B": 2}}
    others = [line("2", n, total=9, sended=9, actions={"A": 4}) for n in (1, 2)]
    old = make_run(tmp_path / "o", [line("1", 1, total=5, sended=5), *others], days=(1, 2))
    new = make_run(
        tmp_path / "r", [*(line("1", n, 60, **odd) for n in (1, 2)), line("é", 1, sended=huge)]
    )
    report = read(old, new)
    assert report.coverage.total == Tile(5, 0, 0, 7)
    assert (report.delivery.total, report.delivery.actions) == (18, {"A": 8, "B": 0})
    assert report.quality.is_incomplete
    assert len(report.quality.remarks) == 3
    assert all("too large" in remark for remark in report.quality.remarks)
    assert 'company "1", 2026-11-01' in report.quality.remarks[0]
    assert '"total, actions.A"' in report.quality.remarks[0]
    assert report.quality.unbalanced == 0
    assert [company.id for company in report.quality.same_examples] == ["2"]
    assert report.failing == ()
    assert report.restated is not None
    assert (report.restated.cells, report.restated.movements) == (0, ())
    assert report.runs[1].cells == Tile(3, 0, 0, 9)
