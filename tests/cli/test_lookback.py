"""`--lookback` by the real command: its windows on the disk, and in what the run is told by."""

import shlex
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.cli.app import app
from collector.settings.prepare import prepare_plan, window_size
from collector.simulator import Simulator
from tests.cli.said import in_this_process
from tests.conftest import company_lines

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_FAST = ("--trust-dates", "--rate", "1000", "--output", "r")
_DAY = ("--from", "2026-03-15", "--until", "2026-03-15", "--window", "1d", "--lookback", "14d")


def _windows(command: Any) -> Counter[tuple[str, str, str]]:  # noqa: ANN401 - see conftest
    return Counter(
        (line["company_id"], line["from_date"], line["until_date"])
        for line in command.lines("r/statistics.jsonl")
    )


def _planned(arguments: list[str], directory: Path) -> tuple[str, str]:
    """Return the fingerprint and the size of the windows that a printed command plans."""
    program, *rest = arguments
    assert program == "collector"
    _, bound, _ = app.parse_args(rest, print_error=False, exit_on_error=False)
    settings = bound.arguments["settings"]
    plan, _ = prepare_plan(directory / bound.arguments["companies"], settings, datetime.now(UTC))
    return plan.fingerprint, str(window_size(settings, plan))


async def test_yesterday_and_the_14_days_before_it_are_collected(
    start_api: StartApi, against: Against
) -> None:
    """15 windows per company, each once; the manifest's plan is what was collected."""
    api = await start_api()
    command = against(api).without_debugging()
    options = ("--last", "1d", "--window", "1d", "--lookback", "14d", "--timezone", "UTC")
    before = datetime.now(UTC).date()
    done = await command.run("run", "-", *options, *_FAST, stdin=b"1\n2\n")
    assert done.exit_code == 0, done.stderr
    # Midnight may have come meanwhile.
    today = date.fromisoformat(command.manifest("r")["plan"]["until_date"]) + timedelta(days=1)
    assert before <= today <= datetime.now(UTC).date()
    days = [str(today - timedelta(days=back)) for back in range(1, 16)]
    assert _windows(command) == Counter((company, day, day) for company in "12" for day in days)
    assert api.counts.kinds["statistics"] == 30
    manifest = command.manifest("r")
    assert manifest["plan"] | {"fingerprint": ""} == {
        "companies": 2,
        "from_date": days[-1],
        "until_date": days[0],
        "window": "1d",
        "windows": 15,
        "cells": 30,
        "fingerprint": "",
    }
    assert manifest["attempts"][0]["settings"]["lookback"] == "14d"
    said = await command.run("status", "r", "--fail-on", "missing,failed")
    assert said.exit_code == 0, said.stderr
    assert f"2 companies x 15 windows = 30 cells, {days[-1]}..{days[0]}" in said.stdout


@pytest.mark.parametrize(
    ("window", "lookback", "recorded", "windows"),
    [
        pytest.param("1d", "14d", "1d", 17, marks=pytest.mark.torture),
        ("whole", "6d", "3d", 3),
        pytest.param("week", "14d", "week", 3, marks=pytest.mark.torture),
        ("month", "20d", "month", 2),
    ],
)
async def test_the_printed_command_resumes_the_same_cells(  # noqa: PLR0913, PLR0917 - a table
    start_api: StartApi,
    against: Against,
    tmp_path: Path,
    window: str,
    lookback: str,
    recorded: str,
    windows: int,
) -> None:
    """What failed is asked for again and nothing else; the days before are not added once more."""
    api = await start_api(share_500=0.5)
    command = against(api).without_debugging()
    days = ("--from", "2026-03-13", "--until", "2026-03-15")
    options = (*days, "--window", window, "--lookback", lookback, "--max-attempts", "1")
    companies = company_lines(9).encode()
    done = await command.run("run", "-", *options, *_FAST, stdin=companies)
    assert done.exit_code == 1, done.stderr
    plan = command.manifest("r")["plan"]
    assert (plan["window"], plan["windows"]) == (recorded, windows)
    said = await command.run("status", "r")
    resume = shlex.split(said.stdout.partition("\nresume ")[2])
    assert f"9 companies x {windows} windows" in said.stdout
    assert not [word for word in resume if word.startswith("--lookback")]
    assert _planned(resume, tmp_path) == (plan["fingerprint"], recorded)
    answered = _windows(command)
    assert 0 < len(answered) < 9 * windows
    asked = len(api.requests)
    api.reconfigure(replace(api.settings, share_500=0.0))
    last = await command.run(*resume[1:])
    assert last.exit_code == 0, last.stderr
    assert len(_windows(command)) == _windows(command).total() == 9 * windows
    assert command.manifest("r")["plan"] == plan
    again = {(one.company_id, one.from_date, one.until_date) for one in api.requests[asked:]}
    known = {(c, date.fromisoformat(f), date.fromisoformat(u)) for c, f, u in answered}
    assert not again & known


async def test_the_same_command_resumes_too(start_api: StartApi, against: Against) -> None:
    """The plan that is read back from the manifest is the one that is made anew."""
    api = await start_api()
    command = against(api).without_debugging()
    options = ("--from", "2026-03-09", "--until", "2026-03-15", "--lookback", "14d")
    for _ in range(2):
        done = await command.run("run", "-", *options, *_FAST, stdin=b"1\n2\n")
        assert done.exit_code == 0, done.stderr
    assert api.counts.kinds["statistics"] == 6
    assert command.manifest("r")["plan"]["window"] == "7d"


@pytest.mark.parametrize("place", ["flag", "variable", "file"])
async def test_the_plan_shows_the_windows(
    start_api: StartApi, against: Against, place: str
) -> None:
    """With those of the days before; wherever the option stands; nothing is sent."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", "1\n2\n")
    command, flags = _looking_back(command, place)
    done = await command.run("plan", "companies.txt", "--last", "1d", *flags)
    assert done.exit_code == 0, done.stderr
    assert "windows        15\ncells          30\n" in done.stdout
    assert api.counts.total == 0


@pytest.mark.parametrize(("place", "windows"), [("flag", 15), ("variable", 1), ("file", 1)])
async def test_dates_say_all_of_the_range(command: Any, place: str, windows: int) -> None:  # noqa: ANN401 - see conftest
    """They override a lookback of lower rank: a command that resumes a run names dates."""
    command.write("companies.txt", "1\n2\n")
    command, flags = _looking_back(command, place)
    done = await command.run("plan", "companies.txt", *_DAY[:-2], *flags)
    assert done.exit_code == 0, done.stderr
    assert f"windows        {windows}\n" in done.stdout
    assert done.stdout.endswith("2026-03-15\n")


def _looking_back(command: Any, place: str) -> tuple[Any, tuple[str, ...]]:  # noqa: ANN401 - see conftest
    """Give `--lookback 14d` at one of the places where options stand."""
    if place == "file":
        command.write("collector.toml", 'lookback = "14d"\n')
    elif place == "variable":
        return command.with_environment(COLLECTOR_LOOKBACK="14d"), ()
    return command, ("--lookback", "14d") if place == "flag" else ()


@pytest.mark.parametrize("subcommand", ["run", "plan", "demo"])
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--lookback 14d", "--lookback 14d extends a range: give --from and --until, or --last"),
        ("--last 7d --lookback 10d", "is no whole number of windows of 7 days (--window whole)"),
        ("--last 9d --window 3d --lookback 14d", "give --lookback 12d or 15d, or --window 1d"),
        (
            "--from 0001-01-08 --until 0001-01-09 --window 1d --lookback 8d",
            "--lookback 8d begins before the year 1: give fewer days",
        ),
        ("--last 1d --lookback 0d", '--lookback: "0d" is not a number of days'),
    ],
)
async def test_a_lookback_that_cannot_be_is_refused_before_anything(  # noqa: PLR0913, PLR0917 - a table
    start_api: StartApi,
    against: Against,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    subcommand: str,
    options: str,
    text: str,
) -> None:
    """Exit code 2, one message that says what to do; nothing is sent, nothing written.

    In this process: a run that began after all could not, with another event loop around it.
    """
    api = await start_api()
    command = against(api)
    command.write("companies.txt", "1\n")
    monkeypatch.chdir(command.directory)
    for name in ("COLLECTOR_BASE_URL", "COLLECTOR_TOKEN_URL", "TRUST_CLIENT_ID"):
        monkeypatch.setenv(name, command.environment[name])
    monkeypatch.setenv("TRUST_CLIENT_SECRET", command.environment["TRUST_CLIENT_SECRET"])
    said = in_this_process(subcommand, capsys)("companies.txt", *options.split())
    assert said.exit_code == 2
    assert text in " ".join(said.stderr.split())
    assert "Traceback" not in said.stderr
    assert said.stdout == ""
    assert api.counts.total == 0
    assert command.files() == {"companies.txt"}
