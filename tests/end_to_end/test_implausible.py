"""Nights that cannot be right: exit code 8, with a real server and the real command."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

import pytest
from aiohttp import web

from collector.simulator import Simulator
from tests.conftest import Command, Finished, StartApi, company_lines
from tests.end_to_end.service import Asked, Service, good

Against = Callable[[Simulator], Command]

_EMPTY: Final = {
    "code": 200,
    "data": {"total": 0, "sended": 0, "pending": 0, "fails": 0, "campaign": 0, "actions": {}},
}

_DAYS: Final = ("--window", "1d", "--from", "2026-01-01", "--until")


async def _run(
    command: Command,
    *more: str,
    companies: int = 100,
    output: str = "r",
    last: int = 3,
    pace: tuple[str, ...] = ("--rate", "1000", "--concurrency", "64"),
) -> Finished:
    command.write("companies.txt", company_lines(companies))
    return await command.run(
        *("run", "companies.txt", "--output", output, *_DAYS, f"2026-01-0{last}"),
        *pace,
        *more,
    )


_REASONS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "dropped field": ({"lacks_field": ("campaign",)}, "campaign"),
    "moved": ({"redirect_to": "https://new.example"}, "https://new.example"),
    "denied": ({"deny": tuple(map(str, range(100))), "deny_status": 403}, "HTTP 403"),
}


@pytest.mark.parametrize("more", [(), ("--trust-dates",)], ids=["verified", "trusted"])
@pytest.mark.parametrize("reason", list(_REASONS))
async def test_one_reason_for_all_ends_the_run(
    command: Command, start_api: StartApi, against: Against, reason: str, more: tuple[str, ...]
) -> None:
    """After 60 requests at most, with the reason, and with a line for each cell that failed."""
    settings, named = _REASONS[reason]
    api = await start_api(latency=0.002, **settings)
    finished = await _run(against(api), *more)
    assert finished.exit_code == 8, finished
    assert named in finished.stderr
    assert sum(api.counts.statuses.values()) <= 60
    if not (command.directory / "r").exists():
        # The dates were still being verified.
        assert (reason, more) == ("moved", ())
        return
    attempt = command.manifest("r")["attempts"][0]
    assert (attempt["exit_code"], attempt["cells"]["data"]) == (8, 0)
    assert attempt["cells"]["failed"] == len(command.lines("r/errors.jsonl"))


async def test_a_wrong_path_ends_the_run_each_time(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """All are 404; the same command with the right address collects everything."""
    api = await start_api()
    wrong = against(api).with_environment(COLLECTOR_BASE_URL=f"{api.base_url}/wrong")
    for _ in range(2):
        before = sum(api.counts.statuses.values())
        finished = await _run(wrong)
        assert finished.exit_code == 8, finished
        assert "HTTP 404" in finished.stderr
        assert "check --base-url" in finished.stderr
        assert 50 <= sum(api.counts.statuses.values()) - before <= 60
    assert command.lines("r/errors.jsonl")
    finished = await _run(against(api), output="another")
    assert finished.exit_code == 0, finished


async def test_closed_companies_at_the_beginning_of_a_list_end_nothing(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Also where the dates are not verified: some of the first cells are from all over the plan."""
    api = await start_api(duplicate_keys=tuple(f"{number}" for number in range(60)))
    finished = await _run(against(api), "--trust-dates")
    assert finished.exit_code == 1, finished
    attempt = command.manifest("r")["attempts"][0]
    assert (attempt["cells"]["failed"], attempt["cells"]["missing"]) == (180, 0)


async def test_a_small_run_that_fails_as_a_whole_is_not_plausible(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Five companies are enough, four are not: they may be misspelt."""
    api = await start_api(lacks_field=("total",))
    for companies, exit_code in ((5, 8), (4, 1)):
        finished = await _run(against(api), companies=companies, output=f"{companies}", last=1)
        assert finished.exit_code == exit_code, finished
        assert len(command.lines(f"{companies}/errors.jsonl")) == companies


async def test_companies_that_fail_among_others_end_nothing(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Nor when they are all that is left for the second invocation."""
    denied = tuple(f"{number}" for number in range(40))
    api = await start_api(duplicate_keys=denied)
    for _ in range(2):
        finished = await _run(against(api))
        assert finished.exit_code == 1, finished
    attempts = command.manifest("r")["attempts"]
    assert [attempt["cells"]["failed"] for attempt in attempts] == [120, 120]


async def test_a_quiet_night_says_one_line_when_it_was_not_complete(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """With counts, directory and the next command; of a complete one it says nothing."""
    api = await start_api(duplicate_keys=("7",))
    finished = await _run(against(api), "--quiet", companies=10)
    assert (finished.exit_code, finished.stdout) == (1, ""), finished
    (line,) = finished.stderr.splitlines()
    assert line.startswith("collector: r: exit 1: finished, but some cells failed; cells: 27 of 30")
    assert line.endswith("collector status r shows which")
    api.reconfigure(replace(api.settings, duplicate_keys=()))
    finished = await _run(against(api), "--quiet", companies=10)
    assert (finished.exit_code, finished.stdout, finished.stderr) == (0, "", ""), finished
    assert len(command.lines("r/statistics.jsonl")) == 30


@pytest.mark.parametrize("shard", ["0/1", "0/2"])
async def test_the_message_names_files_that_are_there(
    command: Command, start_api: StartApi, against: Against, shard: str
) -> None:
    """Those of the errors have other names in a run of shards."""
    api = await start_api(duplicate_keys=tuple(f"{number}" for number in range(0, 20, 2)))
    finished = await _run(against(api), "--max-failed", "1", "--shard", shard, companies=20)
    assert finished.exit_code == 8, finished
    named = re.search(r"look at (\S+)$", finished.stderr.splitlines()[-1])
    assert named is not None, finished
    assert list((command.directory / "r").glob(named[1]))


async def test_more_failed_cells_than_allowed(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """The run stops soon after; one fewer is allowed, and the lines of both are kept."""
    api = await start_api(duplicate_keys=tuple(f"{number}" for number in range(0, 20, 2)))
    finished = await _run(against(api), "--max-failed", "10%", output="allowed")
    assert finished.exit_code == 1, finished
    slowly = ("--rate", "100", "--concurrency", "2")
    finished = await _run(against(api), "--max-failed", "3%", pace=slowly)
    assert finished.exit_code == 8, finished
    assert "of 300 cells have failed, more than --max-failed 3% allows" in finished.stderr
    attempt = command.manifest("r")["attempts"][0]
    assert 10 <= attempt["cells"]["failed"] == len(command.lines("r/errors.jsonl"))
    assert attempt["cells"]["missing"] > 20
    assert attempt["settings"]["max-failed"] == "3%"


async def test_more_empty_cells_than_allowed(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """All are answered and kept; a night of zeros is said also without the option."""
    api = await start_api(empty_share=1.0)
    finished = await _run(against(api), companies=10)
    assert finished.exit_code == 0, finished
    assert "all 30 answers are empty" in finished.stderr
    for most in ("29", "96.5%"):
        finished = await _run(against(api), "--max-empty", most, companies=10)
        assert finished.exit_code == 8, finished
        assert f"30 of 30 cells are empty, more than --max-empty {most} allows" in finished.stderr
    finished = await _run(against(api), "--max-empty", "100%", companies=10)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 30


async def test_a_lone_company_is_never_too_many(command: Command) -> None:
    """One that fails or is empty may be broken, however small the plan is; two are not alone."""
    failing, empty = {"3"}, {"4"}

    def judge(asked: Asked) -> web.Response:
        if asked.company in failing:
            return web.Response(status=404)
        return web.json_response(_EMPTY) if asked.company in empty else good()

    limits = ("--max-failed", "5%", "--max-empty", "5%", "--trust-dates")
    async with Service(judge).serving() as service:
        run = partial(_run, service.point(command), *limits, companies=6)
        finished = await run(output="lone")
        assert finished.exit_code == 1, finished
        assert len(command.lines("lone/errors.jsonl")) == 3
        failing = {"3", "5"}
        finished = await run(output="two")
        assert finished.exit_code == 8, finished
        assert "cells have failed, more than --max-failed 5% allows" in finished.stderr
        # The empty cells of the invocation before count, with their company.
        failing, empty = set(), {"3"}
        finished = await run(output="lone")
    assert finished.exit_code == 8, finished
    assert "6 of 18 cells are empty, more than --max-empty 5% allows" in finished.stderr
