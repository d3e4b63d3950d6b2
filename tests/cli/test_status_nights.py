"""`collector status` of several runs: the table of nights, gaps, and what fails."""

import json
import os
from datetime import date, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len

from tests.cli.said import Cli, in_this_process
from tests.store.made_runs import at_work, line, make_run


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give the command, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("status", capsys)


def _night(number: int, total: int = 1, *, without: int = 0, lookback: int = 0) -> Path:
    """Make the run of the night after a day of November: 5 companies, the last `without` of none.

    The `lookback` days before have other figures than the nights before.
    """
    companies = [str(company) for company in range(1, 6)]
    lines = [
        line(company, day, 86_400 * number, total=total + day)
        for company in companies[: 5 - without]
        for day in range(number - lookback, number + 1)
    ]
    path = Path("output") / (date(2026, 11, 1) + timedelta(number)).isoformat()
    path.parent.mkdir(exist_ok=True)
    days = number - lookback, number
    make_run(path, lines, companies=companies, names={"5": "Cinco"}, days=days)
    manifest = json.loads((path / "run.json").read_text())
    manifest["attempts"][0]["started_at"] = f"{path.name}T02:00:00.000Z"
    (path / "run.json").write_text(json.dumps(manifest))
    return path


def _paths() -> list[str]:
    return sorted(map(str, Path("output").iterdir()))


def test_a_table_of_nights(cli: Cli) -> None:
    """Each with its days and counts; then the days that no run has an answer for."""
    _night(1)
    _night(2, without=1)
    _night(3, total=2, lookback=1, without=1)
    _night(9)
    said = cli(*_paths())
    assert (said.exit_code, said.stderr) == (0, "")
    table = said.stdout.splitlines()
    assert [line.split() for line in table[:5]] == [
        ["run", "days", "cells", "complete", "failed", "missing", "restated", "gaps"],
        ["output/2026-11-02", "2026-11-01", *"550000"],
        ["output/2026-11-03", "2026-11-02", *"540141"],
        ["output/2026-11-04", "2026-11-02..2026-11-03", "10", *"80202"],
        ["output/2026-11-10", "2026-11-09", *"550000"],
    ]
    assert {len(line) for line in table[:5]} == {91}
    assert table[5:] == [
        "gaps       27 days of companies have no answer in any of these runs",
        "           2026-11-02..2026-11-03  5 (Cinco)",
        "           2026-11-04..2026-11-08  all 5 companies",
        "next       collector run with --from 2026-11-02 --until 2026-11-08 --window 1d; or with",
        "           --since-last, if --at-most reaches back to 2026-11-02",
    ]


def test_nights_without_a_gap(cli: Cli) -> None:
    """The table says so, and --fail-on gap ends with 0."""
    _night(1)
    _night(2)
    said = cli(*_paths(), "--fail-on", "gap")
    assert said.exit_code == 0
    assert said.under("gaps") == [
        "none in 2026-11-01..2026-11-02: each company has an answer for each day from the",
        "first that a run has planned for it",
    ]


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_fail_on_gap(cli: Cli, form: tuple[str, ...]) -> None:
    """A day between the nights that none has planned, or a cell that none has answered."""
    for number in (1, 2, 4):
        _night(number)
    assert cli(*_paths(), *form, "--fail-on", "gap").exit_code == 1
    assert cli(*_paths(), *form, "--fail-on", "missing,failed").exit_code == 0
    assert cli(*_paths(), *form).exit_code == 0
    _night(3, without=1)
    assert cli(*_paths(), *form, "--fail-on", "gap").exit_code == 1
    _night(5, lookback=2)
    assert cli(*_paths(), *form, "--fail-on", "gap").exit_code == 0
    assert cli(*_paths(), *form, "--fail-on", "gap,missing").exit_code == 1


def test_of_one_run_what_has_no_answer_is_a_gap(cli: Cli) -> None:
    """And what it prints is what it printed before."""
    whole, part = _night(1), _night(2, without=2)
    assert cli(str(whole), "--fail-on", "gap").exit_code == 0
    said = cli(str(part), "--fail-on", "gap")
    assert said.exit_code == 1
    assert said.stdout == cli(str(part)).stdout
    assert said.rows["run"] == str(part)


def test_a_document_for_programs(cli: Cli) -> None:
    """Every night, and each gap of each company."""
    first, last = _night(1, without=1), _night(4)
    said = cli(*_paths(), "--json")
    document = said.document
    runs = document.pop("runs")
    assert [run["directory"] for run in runs] == [str(first), str(last)]
    assert runs[0] == {
        "directory": str(first),
        "companies": 5,
        "windows": 1,
        "from_date": "2026-11-01",
        "until_date": "2026-11-01",
        "running": None,
        "exit_code": None,
        "cells": {"planned": 5, "data": 4, "empty": 0, "failed": 0, "missing": 1},
        "restated": 0,
        "gap_days": 1,
        "remarks": [],
    }
    gaps = document.pop("gaps")
    assert document == {
        "companies": 5,
        "left_companies": 0,
        "from_date": "2026-11-01",
        "until_date": "2026-11-04",
        "gap_days": 11,
    }
    assert gaps[0] == {
        "company_id": "1",
        "company_name": None,
        "from_date": "2026-11-02",
        "until_date": "2026-11-03",
        "days": 2,
    }
    assert gaps[-1] == {
        "company_id": "5",
        "company_name": "Cinco",
        "from_date": "2026-11-01",
        "until_date": "2026-11-03",
        "days": 3,
    }


def test_a_small_newest_run_hides_no_gap(cli: Cli) -> None:
    """The companies of earlier runs keep their days, and the table says that they have left."""
    _night(1)
    _night(3)
    path = Path("output/one")
    make_run(path, [line("1", day) for day in (1, 2, 3)], companies=["1"], days=(1, 3))
    manifest = json.loads((path / "run.json").read_text())
    manifest["attempts"][0]["started_at"] = "2026-12-01T02:00:00.000Z"
    (path / "run.json").write_text(json.dumps(manifest))
    said = cli(*_paths(), "--fail-on", "gap")
    assert said.exit_code == 1
    assert said.under("gaps")[1] == "2026-11-02  2, 3, 4, and 1 more"
    assert said.under("left")[0] == (
        "4 companies of earlier runs: not in the newest run; after the last day that"
    )
    document = cli(*_paths(), "--json").document
    assert (document["companies"], document["left_companies"]) == (5, 4)
    assert document["gaps"][-1]["company_name"] == "Cinco"


def test_many_nights_fit_a_page(cli: Cli) -> None:
    """The newest 40 have a row, the others one together; no line is wider than 100 columns."""
    for number in range(45):
        path = _night(number, total=number)
        path.rename(path.with_name(f"of-the-customers-in-the-south-{path.name}"))
    said = cli(*_paths())
    lines = said.stdout.splitlines()
    assert len(lines) == 1 + 1 + 40 + 2
    assert lines[1].split() == ["5", "older", "runs", *(["25", "25", "0", "0", "0", "0"])]
    assert lines[2].startswith("...e-customers-in-the-south-2026-11-06  2026-11-05 ")
    assert max(map(len, lines)) <= 100


def test_wide_letters_take_two_columns(cli: Cli) -> None:
    """So that the columns after a directory stay below each other; a long name is cut to fit."""
    _night(1)
    path = _night(2)
    path.rename(path.with_name("東京支店"))
    table = cli(*_paths()).stdout.splitlines()
    assert {cell_len(row) for row in table[:3]} == {cell_len(table[0])}
    (Path("output") / "東京支店").rename(Path("output") / ("東京支店" * 12))
    table = cli(*_paths()).stdout.splitlines()
    assert table[2].startswith("...店東京支店")
    assert {cell_len(row) for row in table[:3]} == {cell_len(table[0])}
    assert max(map(cell_len, table)) <= 100


def test_a_run_without_dates_is_told_of(cli: Cli) -> None:
    """Its answers cover no day: that there is no gap says nothing of it."""
    _night(1)
    make_run(Path("output/a"), [line("1", None)], companies=["1"], days=None)
    said = cli(*_paths(), "--fail-on", "gap")
    assert said.exit_code == 0
    assert said.under("undated")[0].startswith("1 run asks for the server's default window: such")
    assert said.under("gaps")[0].startswith("none in 2026-11-01: each company")
    make_run(Path("output/b"), [line("1", None)], companies=["1"], days=None)
    said = cli(*_paths())
    assert said.under("undated")[0].startswith("2 runs ask ")
    said = cli("output/a", "output/b")
    assert "undated" not in said.rows
    assert said.under("gaps") == ["not known: these runs request the server's default window"]


def test_no_planned_day_may_be_over(cli: Cli) -> None:
    """Then there can be no gap yet."""
    for name in ("a", "b"):
        make_run(Path(name), [line("1", 9999)], companies=["1"], days=(9999, 9999))
    said = cli("a", "b", "--fail-on", "gap")
    assert said.exit_code == 0
    assert said.under("gaps") == ["not known: no planned day is over"]


def test_a_running_night_damage_and_what_is_no_run_are_named(cli: Cli) -> None:
    """With the directory; and many remarks are cut."""
    for path in map(_night, range(1, 14)):
        with (path / "statistics.jsonl").open("ab") as stream:
            stream.write(b"torn\n")
    newest = Path(_paths()[-1])
    Path("output/README").write_text("These are our nights.")
    with at_work(newest):
        said = cli(*_paths())
    assert said.exit_code == 0
    assert said.stderr == (
        "collector: warning: output/README: is not the directory of a run; left out\n"
    )
    (running,) = said.under("running")
    assert running.startswith(f"{newest}: process {os.getpid()} on ")
    remarks = said.under("remark")
    assert remarks[0] == "output/2026-11-02: statistics.jsonl: 5 bytes are damaged"
    assert remarks[-1] == "and 2 more remarks; --json lists them all"
    assert len(remarks) == 11


def test_runs_of_several_services_are_refused(cli: Cli) -> None:
    """Their days and figures have nothing to do with each other."""
    _night(1)
    path = _night(2)
    manifest = json.loads((path / "run.json").read_text())
    manifest["service"]["base-url"] = "http://127.0.0.1:9"
    (path / "run.json").write_text(json.dumps(manifest))
    said = cli(*_paths())
    assert (said.exit_code, said.stdout) == (2, "")
    assert "their answers are of different services" in said.stderr


def test_an_edited_list_of_companies_is_not_believed(cli: Cli) -> None:
    """Whatever --fail-on names: companies may be gone from it."""
    _night(1)
    path = _night(2)
    (path / "run-companies.txt").write_text("1\n")
    assert cli(*_paths(), "--fail-on", "gap").exit_code == 1


def test_a_checkpoint_is_not_read(cli: Cli) -> None:
    """Beside the lines of a run, and of its shards, it is no run and no part of one."""
    run = _night(1)
    _night(2)
    before = cli(*_paths())
    for name in ("run.checkpoint", "run-00000-of-00002.checkpoint"):
        (run / name).write_bytes(b"collector checkpoint 1\n")
    said = cli(*_paths())
    assert (said.exit_code, said.stdout, said.stderr) == (0, before.stdout, "")
