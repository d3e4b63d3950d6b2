"""The rate of the real command against limits that are not documented."""

import random
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import assert_all_answered

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
Serve = Callable[..., Awaitable[Any]]


def _assert_counts_agree(attempt: dict[str, Any], api: Simulator) -> None:
    """Compare what `run.json` says of the requests with what the server has seen."""
    requests = attempt["requests"]
    assert requests["sent"] == api.counts.total
    assert requests["by_status"] == {
        str(status): count for status, count in sorted(api.counts.statuses.items())
    }
    assert requests["answered"] == api.counts.statuses[200]
    parts = requests["answered"] + requests["refused"] + requests["failed"]
    assert parts == requests["sent"]
    assert requests["broken"] == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "limit", "burst", "status", "count"),
    [
        pytest.param("800", 200, 40, 429, 550, id="above the limit", marks=pytest.mark.alone),
        pytest.param("auto", 60, 10, 429, 280, id="auto", marks=pytest.mark.torture),
        pytest.param("auto", 60, 10, 503, 280, id="auto with 503", marks=pytest.mark.alone),
    ],
)
async def test_a_limit_is_found_and_nothing_is_lost(  # noqa: PLR0913, PLR0917 - a table
    start_api: StartApi,
    against: Against,
    rate: str,
    limit: int,
    burst: int,
    status: int,
    count: int,
) -> None:
    """Few are rate-limited, the limit is in `run.json`, and its counts are the server's."""
    api = await start_api(rate_limit=limit, burst=burst, limit_status=status)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(count))
    done = await command.run("run", "companies.txt", "--rate", rate, "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, count)
    attempt = command.manifest("r")["attempts"][0]
    _assert_counts_agree(attempt, api)
    refused = api.counts.statuses[status]
    assert 0 < refused < 0.05 * api.counts.total
    # A single 503 is an error; only those that follow the rate are refusals.
    assert attempt["requests"]["refused"] <= refused
    if status == 429:
        assert attempt["requests"]["refused"] == refused
    assert attempt["limit_found"] == pytest.approx(limit, rel=0.15)
    told = re.search(r"limit of the API found at (\d+\.\d)\)", done.stdout)
    assert told is not None
    assert float(told[1]) == pytest.approx(attempt["limit_found"], abs=0.06)
    assert attempt["settings"]["rate"] == rate


@pytest.mark.slow
async def test_random_503s_do_not_bring_the_rate_down_for_ever(
    serve: Serve,
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
) -> None:
    """One in twenty, whatever the rate: they are taken for a limit for a moment only."""
    chance = random.Random(7)  # noqa: S311 - no secret
    api = await serve(lambda _company, _before: 503 if chance.random() < 0.05 else 200)
    command = api.point(command).without_debugging()
    command.write("companies.txt", company_lines(600))
    # So few a second that a busy machine can do them too.
    done = await command.run("run", "companies.txt", "--rate", "50", "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert_all_answered(command, 600)
    attempt = command.manifest("r")["attempts"][0]
    # Without any trouble it would be 50, and with a rate that only ever falls a third of that.
    assert attempt["requests_per_second"] > 25
    assert attempt["limit_found"] is None
    assert "limit of the API" not in done.stdout


@pytest.mark.parametrize("concurrency", [1, 7])
async def test_never_more_are_in_flight_than_allowed(
    serve: Serve,
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    concurrency: int,
) -> None:
    """As the server sees it, which is slow; and the summary says what would do for the rate."""
    api = await serve(lambda _company, _before: 200, latency=0.05)
    command = api.point(command).without_debugging()
    command.write("companies.txt", company_lines(20 * concurrency))
    done = await command.run(
        *("run", "companies.txt", "--rate", "1000", "--concurrency", str(concurrency)),
        *("--output", "r"),
    )
    assert done.exit_code == 0, done.stderr
    assert api.most_in_flight == concurrency
    assert_all_answered(command, 20 * concurrency)
    told = re.search(
        r"in flight at most (\d+) held the rate back; --concurrency (\d+) would do for 1000 "
        r"requests per second at (\d+) ms",
        done.stdout,
    )
    assert told is not None
    most, wanted, milliseconds = (int(number) for number in told.groups())
    assert most == concurrency
    # The token is quick. 1,000 per second at 50 ms are 50 in flight, and a fifth more.
    assert milliseconds >= 48
    assert wanted == pytest.approx(1.2 * milliseconds, abs=2)
