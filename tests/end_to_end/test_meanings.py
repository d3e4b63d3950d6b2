"""What answers mean, with a real server and the real command. See `collector.http.meaning`."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.cluster.clusters import cells_of
from tests.conftest import Command, Finished, StartApi, company_lines
from tests.end_to_end.steps import assert_all_answered, until

pytestmark = pytest.mark.slow

Against = Callable[[Simulator], Command]


async def _run(
    command: Command,
    *more: str,
    companies: int = 40,
    rate: int = 200,
    concurrency: int = 16,
) -> Finished:
    command.write("companies.txt", company_lines(companies))
    return await command.run(
        *("run", "companies.txt", "--output", "r", "--trust-dates"),
        *("--rate", f"{rate}", "--concurrency", f"{concurrency}", *more),
    )


_DAYS: Final = ("--from", "2026-01-01", "--until", "2026-01-04", "--window", "1d")


def _failed_companies(command: Command) -> Counter[str]:
    return Counter(line["company_id"] for line in command.lines("r/errors.jsonl"))


def _events(command: Command) -> set[str]:
    return {event["event"] for event in command.lines("r/log.jsonl")}


_REFUSALS: Final[dict[str, dict[str, Any]]] = {
    "403 with Retry-After": {"limit_status": 403, "retry_after": True},
    "403 with a rate header": {"limit_status": 403, "rate_headers": True},
    "403 with a page": {"limit_status": 403, "limit_page": True},
    "429 in a 200": {"envelope_errors": True},
    "420": {"limit_status": 420},
    "529": {"limit_status": 529},
}


@pytest.mark.parametrize("name", list(_REFUSALS))
async def test_too_fast_in_other_words(
    command: Command, start_api: StartApi, against: Against, name: str
) -> None:
    """All requests slow down, nothing fails, and few are rate-limited."""
    api = await start_api(rate_limit=20, burst=20, latency=0.005, **_REFUSALS[name])
    finished = await _run(against(api), companies=100)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 100)
    refused = sum(request.is_refused for request in api.requests)
    assert 0 < refused < 60
    assert command.manifest("r")["attempts"][0]["requests"]["refused"] == refused


async def test_more_requests_at_once_than_are_processed(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """The rate that four of them allow is found."""
    api = await start_api(concurrency_limit=4, latency=0.2)
    finished = await _run(against(api), companies=60)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 60)
    refused = sum(request.is_refused for request in api.requests)
    assert 0 < refused < 60
    assert command.manifest("r")["attempts"][0]["requests"]["refused"] == refused


async def test_a_ban_is_an_outage(command: Command, start_api: StartApi, against: Against) -> None:
    """403 for all requests, no hint, for some seconds: the circuit opens, no cell is charged."""
    api = await start_api(rate_limit=20, burst=60, latency=0.005, ban=3.0, limit_status=403)
    finished = await _run(against(api), *_DAYS)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 160
    assert 0 < api.counts.statuses[403] < 80
    assert "blocked" in _events(command)


async def test_a_ban_at_the_start_of_an_attempt_is_an_outage_too(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """What an earlier attempt was answered shows that it is not about the companies."""
    late = [f"{number}" for number in range(20, 40)]
    api = await start_api(latency=0.005, deny=tuple(late), deny_status=403)
    first = await _run(against(api))
    assert first.exit_code == 1, first
    assert set(_failed_companies(command)) == set(late)
    healthy = replace(api.settings, deny=())
    api.reconfigure(replace(healthy, deny=tuple(f"{number}" for number in range(40))))
    before = api.counts.statuses[403]
    running = asyncio.create_task(_run(against(api)))
    await until(lambda: api.counts.statuses[403] > before + 3)
    api.reconfigure(healthy)
    again = await running
    assert again.exit_code == 0, again
    assert_all_answered(command, 40)


async def test_companies_that_are_denied_fail_alone(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """A dozen in a row among forty: each fails after five tries, of two requests and a witness."""
    denied = tuple(f"{number}" for number in range(10, 22))
    api = await start_api(latency=0.005, deny=denied, deny_status=403)
    finished = await _run(against(api), *_DAYS)
    assert finished.exit_code == 1, finished
    assert len(command.lines("r/statistics.jsonl")) == 4 * 28
    assert _failed_companies(command) == dict.fromkeys(denied, 4)
    assert api.counts.kinds["statistics"] <= 160 + 12 * 12
    assert "blocked" not in _events(command)


async def test_an_answer_that_is_not_ready_is_asked_for_again(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """As late as the server says; the other cells continue."""
    api = await start_api(latency=0.005, not_ready=1.0)
    begun = time.monotonic()
    finished = await _run(against(api), companies=30)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 30)
    assert time.monotonic() - begun > 1.0
    assert api.counts.statuses[202] == 30
    assert api.counts.kinds["statistics"] == 60


async def test_a_service_that_has_moved_ends_the_run_with_8(
    start_api: StartApi, against: Against
) -> None:
    """And its new origin is named, without the rest of the address."""
    api = await start_api(redirect_to="https://new.example/other/path?token=secret")
    finished = await _run(against(api))
    assert finished.exit_code == 8, finished
    assert "a redirect to https://new.example, which is not followed" in finished.stderr
    assert "--base-url" in finished.stderr
    assert "secret" not in finished.stderr
    assert api.counts.statuses[308] == 40


async def test_one_redirect_among_answers_fails_its_cell(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Its company is refused, whatever for."""
    api = await start_api(latency=0.005, deny=("25",), deny_status=302)
    finished = await _run(against(api))
    assert finished.exit_code == 1, finished
    assert _failed_companies(command) == {"25": 1}
    assert len(command.lines("r/statistics.jsonl")) == 39


# What a 401 means.


async def test_a_token_that_is_not_known_yet_is_waited_for(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """At the start all wait; after a renewal the previous token is used meanwhile."""
    api = await start_api(latency=0.005, token_delay=1.5, token_life=7)
    finished = await _run(against(api), *_DAYS, companies=50, rate=30)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 200
    assert 2 <= api.counts.kinds["token"] <= 3
    # For each token those in flight, and the companies that are asked for in four tries at most.
    assert api.counts.statuses[401] <= api.counts.kinds["token"] * (16 + 3 + 3 * 12)
    attempts = Counter(line["attempts"] for line in command.lines("r/statistics.jsonl"))
    assert attempts[1] > 150


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("first", [1, 10])
async def test_companies_that_are_always_unauthorized_fail_alone(
    command: Command, start_api: StartApi, against: Against, first: int, concurrency: int
) -> None:
    """The first of the list or a dozen of them: one token is enough, on the rerun too."""
    denied = {"1"} if first == 1 else {str(number) for number in range(10, 22)}
    api = await start_api(latency=0.005, deny=tuple(denied))
    finished = await _run(against(api), *_DAYS, concurrency=concurrency)
    assert finished.exit_code == 1, finished
    assert set(_failed_companies(command)) == denied
    assert len(command.lines("r/statistics.jsonl")) == 4 * (40 - len(denied))
    assert api.counts.kinds["token"] == 1
    again = await _run(against(api), *_DAYS, concurrency=concurrency)
    assert again.exit_code == 1, again
    assert set(_failed_companies(command)) == denied
    assert api.counts.kinds["token"] == 2


async def test_one_of_five_servers_that_refuses_the_token_costs_no_cell(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Another try reaches another server."""
    api = await start_api(latency=0.005, share_401=0.2)
    finished = await _run(against(api), *_DAYS)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 160
    assert api.counts.kinds["token"] <= 2


async def test_a_token_that_ends_early_is_renewed_once_for_all(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Also if the server says so by a code in a 200."""
    api = await start_api(latency=0.005, token_life=6, expires_in=7200.0, envelope_errors=True)
    finished = await _run(against(api), *_DAYS, rate=20)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 160
    assert api.counts.kinds["token"] == 2


@pytest.mark.torture
async def test_shards_judge_a_401_as_a_single_run_does(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """They know how old the token is; a company that is always refused costs no other token."""
    api = await start_api(latency=0.005, token_delay=6.0, deny=("7",))
    dask = ("--engine", "dask", "--workers", "2")
    finished = await _run(against(api).without_debugging(), *_DAYS, *dask)
    assert finished.exit_code == 1, finished
    answered = Counter(company for company, _, _ in cells_of(command.directory / "r"))
    assert answered == {str(number): 4 for number in range(40) if number != 7}
    assert api.counts.kinds["token"] == 1


async def test_credentials_of_another_service_end_the_run(
    start_api: StartApi, against: Against
) -> None:
    """After half a minute in which the token was accepted for no company."""
    api = await start_api(latency=0.005, token_delay=3600.0)
    finished = await _run(against(api))
    assert finished.exit_code == 3, finished
    assert "rejects tokens that have just been issued" in finished.stderr
    assert api.counts.kinds["token"] == 1
    asked = [request for request in api.requests if request.kind == "statistics"]
    # Each company once, those in flight, and a few in each later try.
    assert len(asked) < 40 + 16 + 10 * 3 + 10
    assert len({request.company_id for request in asked}) > 10


async def test_a_token_that_is_given_and_not_accepted_ends_the_run_at_once(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """It is not new, and cannot be renewed."""
    api = await start_api(latency=0.005)
    command.write("companies.txt", company_lines(40))
    given = against(api).with_environment(
        TRUST_CLIENT_ID="",
        TRUST_CLIENT_SECRET="",
        TRUST_ACCESS_TOKEN="given",  # noqa: S106
    )
    begun = time.monotonic()
    finished = await given.run("run", "companies.txt", "--output", "r", "--trust-dates")
    assert finished.exit_code == 3, finished
    assert "TRUST_ACCESS_TOKEN" in finished.stderr
    assert time.monotonic() - begun < 10.0
