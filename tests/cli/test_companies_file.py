"""The companies file as people have it: saved by a spreadsheet, or a spreadsheet itself."""

import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.cli.said import Cli, in_this_process

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_SAVED = '\ufeffcompany_id;nombre\r\n1;"Andes; Retail"\r\n007;Ñandú # 2\r\n9;\r\n;\r\n'.encode()
"""As Excel saves a sheet as "CSV UTF-8" in Spanish."""


@pytest.fixture
def plan(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Cli:
    """Give `collector plan` as a function, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("plan", capsys)


@pytest.mark.slow
async def test_a_table_is_collected_and_continued(start_api: StartApi, against: Against) -> None:
    """The ids are asked for as they are; the resume command reads them back, with names."""
    api = await start_api(deny=("9",))
    command = against(api)
    command.write("c.csv", _SAVED.decode())
    (command.directory / "night.toml").write_text("rate = 100\n")
    columns = ("--id-column", "Company_ID", "--name-column", "nombre")
    done = await command.run("run", "c.csv", "-v", "-o", "r", "--config", "night.toml", *columns)
    assert done.exit_code == 1, done.stderr
    assert {line["company_id"] for line in command.lines("r/statistics.jsonl")} == {"1", "007"}
    seen = await command.run("status", "r")
    assert "9  server default  failed" in seen.stdout
    resume = next(line for line in seen.stdout.splitlines() if line.startswith("resume"))
    words = resume.split()[2:]
    assert words[:2] == ["run", "r/run-companies.txt"]
    assert "--rate=100" in words
    assert not [word for word in words if word.startswith(("--config", "--id-", "--na", "--verb"))]
    (command.directory / "collector.toml").write_text('id-column = "company_id"\n')
    again = await command.run(*words)
    assert again.exit_code == 1, again.stderr
    assert "2 of them in earlier attempts" in again.stdout
    assert (
        "1 Andes; Retail\n007 Ñandú # 2\n9\n"
        in (command.directory / "r/run-companies.txt").read_text()
    )


async def test_a_list_of_an_older_version_is_continued(
    start_api: StartApi, against: Against
) -> None:
    """It was accepted once: ids with commas and quotes in a run directory stay what they are."""
    api = await start_api()
    command = against(api)
    command.write("list.txt", '"a,b" # as a list writes it now\n"1.0"\n"""7"""\n')
    done = await command.run("run", "list.txt", "--output", "r", "--rate", "100")
    assert done.exit_code == 0, done.stderr
    ids = {line["company_id"] for line in command.lines("r/statistics.jsonl")}
    assert ids == {"a,b", "1.0", '"7"'}
    head, *rest = (command.directory / "r/run-companies.txt").read_text().splitlines()
    assert head.startswith("# Written by collector; sha256 of the lines below: ")
    assert rest == ["a,b", "1.0", '"7"']
    done = await command.run("status", "r", "--fail-on", "missing")
    assert done.exit_code == 0, done.stdout
    again = await command.run("run", "r/run-companies.txt", "--output", "r")
    assert again.exit_code == 0, again.stderr
    assert "3 of them in earlier attempts" in again.stdout


def test_plan_shows_the_first_and_the_last_ids(plan: Cli, tmp_path: Path) -> None:
    """All of a few; what is long is cut, and what is odd is escaped."""
    (tmp_path / "c.csv").write_bytes(_SAVED)
    assert plan("c.csv").stdout.splitlines()[-2:] == [
        "all ids        1 (Andes; Retail), 007 (Ñandú # 2), 9",
        "all windows    server default",
    ]
    lines = [f"{number} {'x' * 99}\n" for number in range(1, 8)]
    (tmp_path / "c.txt").write_text("".join(lines))
    said = plan("c.txt").stdout
    cut = f"({'x' * 57}..."
    assert (
        f"\nfirst ids      1 {cut}, 2 {cut}, 3 {cut}\nlast ids       5 {cut}, 6 {cut}, 7 " in said
    )


def test_plan_is_a_document_for_programs(plan: Cli, tmp_path: Path) -> None:
    """With what the text shows."""
    (tmp_path / "c.csv").write_bytes(_SAVED + b"1;again\r\n")
    options = ("--from", "2026-01-01", "--until", "2026-01-31", "--window", "1d", "--json")
    document = json.loads(plan("c.csv", *options, "--rate", "5").stdout)
    finish = document.pop("finish")
    assert finish > "2026"
    ids = [
        {"company_id": "1", "company_name": "Andes; Retail"},
        {"company_id": "007", "company_name": "Ñandú # 2"},
        {"company_id": "9", "company_name": None},
    ]
    days = [
        {"from_date": f"2026-01-{day:02}", "until_date": f"2026-01-{day:02}"} for day in range(32)
    ]
    assert document == {
        "source": "c.csv",
        "companies": 3,
        "duplicates": 1,
        "first_companies": ids,
        "last_companies": ids,
        "windows": 31,
        "first_windows": days[1:4],
        "last_windows": days[29:32],
        "first_days": [{"from_date": "2026-01-01", "companies": 3}],
        "shard": None,
        "cells": {"planned": 93, "shard": 93},
        "requests": 94,
        "rate": 5.0,
        "duration_seconds": 18.8,
    }
    unknown = json.loads(plan("c.csv", "--json", "--rate", "auto", "--shard", "0/3").stdout)
    assert (unknown["rate"], unknown["duration_seconds"], unknown["finish"]) == (None, None, None)
    assert (unknown["shard"], unknown["cells"]["planned"]) == ("0/3", 3)


@pytest.mark.parametrize("subcommand", ["run", "plan", "check", "demo"])
def test_a_spreadsheet_is_refused_by_what_is_in_it(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    subcommand: str,
) -> None:
    """Whatever its name; with the remedy."""
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("companies.txt", "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    said = in_this_process(subcommand, capsys)("companies.txt")
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == (
        "collector: companies.txt: is a spreadsheet (.xlsx or .ods) or a ZIP archive; save it as "
        "CSV (UTF-8)\n"
    )


@pytest.mark.parametrize("subcommand", ["run", "plan", "check", "demo"])
def test_every_command_with_companies_takes_the_columns(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    subcommand: str,
) -> None:
    """And says which there are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.csv").write_bytes(_SAVED)
    said = in_this_process(subcommand, capsys)("c.csv", "--id-column", "Kunde")
    assert said.exit_code == 2
    assert said.stderr == (
        'collector: c.csv:1: no column is called "Kunde"; give --id-column one of "company_id", '
        '"nombre"\n'
    )
    assert "--name-column" in in_this_process(subcommand, capsys)("--help").stdout
