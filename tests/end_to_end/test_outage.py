"""Outages in mid-run: of the statistics, of the server, of the issuer of tokens."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import assert_all_answered, until

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
Serve = Callable[..., Awaitable[Any]]

RUN = ("run", "companies.txt", "--rate", "100", "--output", "r")


async def _begin(command: Any, api: Simulator, *more: str) -> asyncio.subprocess.Process:  # noqa: ANN401 - see conftest
    """Start a run, and wait until it is well under way."""
    process: asyncio.subprocess.Process = await command.start(*RUN, *more)
    await until(lambda: api.counts.kinds["statistics"] >= 50)
    return process


def _events(command: Any, name: str) -> list[dict[str, Any]]:  # noqa: ANN401 - see conftest
    return [event for event in command.lines("r/log.jsonl") if event["event"] == name]


MOST = 8 + 32 + 3
"""What may be sent into an outage of 2.5 s: until it is noticed, in flight then, and probes."""


async def test_an_outage_in_mid_run_is_waited_for(start_api: StartApi, against: Against) -> None:
    """Few requests are sent into it, no cell fails for it, and the run continues by itself."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(150))
    process = await _begin(command, api)
    api.reconfigure(replace(api.settings, down=True))
    await until(lambda: api.counts.statuses[502] >= 8)
    # The length of the outage; at 100 per second 250 requests could be sent into it.
    await asyncio.sleep(2.5)
    api.reconfigure(replace(api.settings, down=False))
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 150)
    assert 8 <= api.counts.statuses[502] <= MOST
    attempt = command.manifest("r")["attempts"][0]
    assert attempt["cells"]["failed"] == 0
    assert attempt["requests"]["by_status"]["502"] == api.counts.statuses[502]
    assert attempt["limit_found"] is None
    (blocked,) = _events(command, "blocked")
    assert blocked["cause"] == "failing"
    assert blocked["last_error"] == f"{api.base_url}: HTTP 502"
    (reopened,) = _events(command, "reopened")
    assert 2.0 < reopened["blocked_for_seconds"] < 6.0


async def test_a_server_that_is_away_and_comes_back_is_waited_for(
    start_api: StartApi, against: Against
) -> None:
    """Stopped and started again on its port: connections are refused meanwhile, and few tried."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(150))
    process = await _begin(command, api)
    await api.stop()
    log = command.directory / "r" / "log.jsonl"
    await until(lambda: b'"blocked"' in log.read_bytes())
    await asyncio.sleep(2.5)
    await api.start()
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 150)
    attempt = command.manifest("r")["attempts"][0]
    assert attempt["requests"]["broken"].keys() == {"connection"}
    assert 8 <= attempt["requests"]["broken"]["connection"] <= MOST
    assert attempt["cells"]["failed"] == 0


async def test_an_outage_that_is_too_long_ends_the_run_to_be_continued(
    start_api: StartApi, against: Against
) -> None:
    """`--max-outage 2s`: exit 4, what was collected is kept, and the same command resumes it."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(150))
    process = await _begin(command, api, "--max-outage", "2s")
    api.reconfigure(replace(api.settings, down=True))
    began = time.monotonic()
    done = await command.finish(process)
    assert done.exit_code == 4, done.stderr
    assert 1.9 < time.monotonic() - began < 40
    text = f"no answer from {api.base_url} for 2 s; last error: HTTP 502; what was collected so far"
    assert text in done.stderr
    assert "run the same command again" in done.stderr
    assert api.counts.statuses[502] <= MOST
    kept = len(command.lines("r/statistics.jsonl"))
    # The answers of the last half second were not confirmed: their connections are gone.
    assert 0 < kept <= api.counts.statuses[200] - 1
    assert command.lines("r/errors.jsonl") == []
    attempt = command.manifest("r")["attempts"][0]
    assert attempt["exit_code"] == 4
    assert attempt["cells"]["missing"] == 150 - kept
    assert "--max-outage" in attempt["error"]
    api.reconfigure(replace(api.settings, down=False))
    done = await command.run(*RUN, "--max-outage", "2s")
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 150)


async def test_a_run_that_meets_an_outage_from_the_first_request_on(
    start_api: StartApi, against: Against
) -> None:
    """It waits for as long as allowed, sends little meanwhile, and charges no cell for it."""
    api = await start_api(down=True)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(150))
    done = await command.run(*RUN, "--max-outage", "1s", "--max-attempts", "1")
    assert done.exit_code == 4, done.stderr
    assert api.counts.kinds["statistics"] <= MOST
    # Before eight in a row have failed it is no outage yet.
    assert len(command.lines("r/errors.jsonl")) <= 8
    assert command.lines("r/statistics.jsonl") == []
    for text in (done.stderr, command.manifest("r")["attempts"][0]["error"]):
        assert "nothing was collected; run the same command again when the service is back" in text
        assert "kept" not in text


async def test_an_issuer_that_is_down_when_the_token_ends_is_waited_for(
    start_api: StartApi, against: Against
) -> None:
    """Nothing can be asked without a token, so nothing is; then the run continues, nothing lost."""
    api = await start_api(token_life=2)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(300))
    # More than a token lasts for: it ends in mid-run.
    process = await _begin(command, api, "--max-attempts", "1")
    api.reconfigure(replace(api.settings, issuer_down=True))
    await until(lambda: api.counts.statuses[503] > 0)
    await asyncio.sleep(2.0)
    api.reconfigure(replace(api.settings, issuer_down=False))
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 300)
    assert api.counts.statuses[503] <= 8
    # The server's clock may end a token that lives for two seconds before ours does: then whatever
    # is in flight meets a 401, once for each token.
    kinds = Counter((request.kind, request.status) for request in api.requests)
    assert kinds["statistics", 401] <= 32 * kinds["token", 200]
    assert command.manifest("r")["attempts"][0]["cells"]["failed"] == 0


@pytest.mark.alone
async def test_an_issuer_that_is_down_for_too_long_ends_the_run(
    start_api: StartApi, against: Against
) -> None:
    """`--max-outage 1s` is for the issuer too: exit 4, and what is done is kept."""
    api = await start_api(token_life=2)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(2000))
    process = await _begin(command, api, "--max-outage", "1s")
    api.reconfigure(replace(api.settings, issuer_down=True))
    done = await command.finish(process)
    assert done.exit_code == 4, done.stderr
    # From the first refusal as the server saw it: this test itself may be late to look.
    began = next(request.at for request in api.requests if request.status == 503)
    assert 0.9 < time.monotonic() - began < 40
    assert "no access token from" in done.stderr
    assert "run the same command again" in done.stderr
    kinds = Counter((request.kind, request.status) for request in api.requests)
    # The answers that were held when the run ended are requested again by the next one.
    assert 0 < len(command.lines("r/statistics.jsonl")) <= kinds["statistics", 200]
    assert command.lines("r/errors.jsonl") == []
    assert command.manifest("r")["attempts"][0]["exit_code"] == 4


async def test_a_client_that_is_refused_in_mid_run_ends_it_at_once(
    start_api: StartApi, against: Against
) -> None:
    """Its secret is changed and its token revoked: exit 3, and what is done is kept."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(2000))
    process = await _begin(command, api)
    secret = "another"  # noqa: S105 - fake
    api.reconfigure(replace(api.settings, client_secret=secret))
    api.revoke_all()
    began = time.monotonic()
    done = await command.finish(process)
    assert done.exit_code == 3, done.stderr
    # Two tokens are at least five seconds apart.
    assert time.monotonic() - began < 40
    assert "invalid_client" in done.stderr
    assert "check TRUST_CLIENT_ID and TRUST_CLIENT_SECRET" in done.stderr
    kinds = Counter((request.kind, request.status) for request in api.requests)
    assert kinds["token", 401] == 1
    # Those in flight, and one request each for up to three other companies with the same token.
    assert kinds["statistics", 401] <= 32 + 3
    assert 0 < len(command.lines("r/statistics.jsonl")) <= kinds["statistics", 200]
    assert command.lines("r/errors.jsonl") == []
    assert command.manifest("r")["attempts"][0]["exit_code"] == 3


@pytest.mark.parametrize(
    ("days", "status"),
    [
        (1, 429),
        pytest.param(1, 500, marks=pytest.mark.torture),
        pytest.param(10, 429, marks=pytest.mark.torture),
        (10, 500),
    ],
)
async def test_a_company_that_is_always_refused_does_not_stop_the_others(
    serve: Serve,
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    status: int,
    days: int,
) -> None:
    """It ends in `errors.jsonl`, and neither is taken for the rate nor for an outage for long."""
    api = await serve(lambda company, _before: status if company == "7" else 200)
    command = api.point(command).without_debugging()
    command.write("companies.txt", company_lines(40))
    # The deadline is the bound of what is no crawl: at 100 per second it takes seconds.
    done = await command.run(
        *(*RUN, "--from", "2026-01-01", "--until", f"2026-01-{days:02}", "--window", "1d"),
        *("--max-attempts", "3", "--deadline", "20s"),
    )
    assert done.exit_code == 1, done.stderr
    errors = command.lines("r/errors.jsonl")
    assert [line["company_id"] for line in errors] == ["7"] * days
    assert {line["status"] for line in errors} == {status}
    answered = Counter(line["company_id"] for line in command.lines("r/statistics.jsonl"))
    assert answered == {str(number): days for number in range(40) if number != 7}
