"""What answers mean, with a real server and the real command. See `collector.http.meaning`."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
from aiohttp import web

from tests.cluster.clusters import cells_of
from tests.conftest import Command, Finished, company_lines
from tests.end_to_end.service import Asked, Service, good
from tests.end_to_end.steps import assert_all_answered

Serve = Callable[..., Awaitable[Service]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Give a function that starts a service."""
    async with AsyncExitStack() as stack:

        async def start(judge: Callable[[Asked], web.Response], **more: Any) -> Service:  # noqa: ANN401
            return await stack.enter_async_context(Service(judge, **more).serving())

        yield start


async def _run(
    command: Command,
    service: Service,
    *more: str,
    companies: int = 40,
    rate: int = 200,
    concurrency: int = 16,
) -> Finished:
    command.write("companies.txt", company_lines(companies))
    return await service.point(command).run(
        *("run", "companies.txt", "--output", "r", "--trust-dates"),
        *("--rate", f"{rate}", "--concurrency", f"{concurrency}", *more),
    )


_DAYS: Final = ("--from", "2026-01-01", "--until", "2026-01-04", "--window", "1d")


def _failed_companies(command: Command) -> Counter[str]:
    return Counter(line["company_id"] for line in command.lines("r/errors.jsonl"))


def _denied() -> web.Response:
    return web.Response(status=403, text="{}", content_type="application/json")


class _Limit:
    """At most 20 requests in any second are answered; `refuse` answers the others."""

    def __init__(self, refuse: Callable[[], web.Response]) -> None:
        self.refuse = refuse
        self.let = list[float]()
        self.refused = 0

    def __call__(self, asked: Asked) -> web.Response:
        """Answer, or refuse."""
        self.let = [at for at in self.let if asked.at - at < 1.0]
        if len(self.let) >= 20:
            self.refused += 1
            return self.refuse()
        self.let.append(asked.at)
        return good()


_REFUSALS: Final[dict[str, Callable[[], web.Response]]] = {
    "403 with Retry-After": lambda: web.Response(status=403, headers={"Retry-After": "1"}),
    "403 with a rate header": lambda: web.Response(
        status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}
    ),
    "403 with a page": lambda: web.Response(status=403, text="error code: 1015"),
    "429 in a 200": lambda: web.json_response({"code": 429, "message": "slow down"}),
    "420": lambda: web.Response(status=420),
    "529": lambda: web.Response(status=529),
}


@pytest.mark.parametrize("name", list(_REFUSALS))
async def test_too_fast_in_other_words(command: Command, serve: Serve, name: str) -> None:
    """Everybody slows down, nothing fails, and few requests are refused."""
    limit = _Limit(_REFUSALS[name])
    service = await serve(limit)
    finished = await _run(command, service, companies=100)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 100)
    assert 0 < limit.refused < 60
    assert command.manifest("r")["attempts"][0]["requests"]["refused"] == limit.refused


async def test_a_ban_is_an_outage(command: Command, serve: Serve) -> None:
    """403 for everybody, for some seconds: the circuit opens, and no cell is charged."""
    banned_until = [0.0]

    def judge(asked: Asked) -> web.Response:
        if asked.number == 60:
            banned_until[0] = asked.at + 4.0
        return _denied() if asked.at < banned_until[0] else good()

    service = await serve(judge)
    finished = await _run(command, service, *_DAYS)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 160
    assert service.statuses[403] < 80
    assert "blocked" in {event["event"] for event in command.lines("r/log.jsonl")}


async def test_a_ban_at_the_start_of_an_attempt_is_an_outage_too(
    command: Command, serve: Serve
) -> None:
    """What an earlier attempt was answered shows that it is not about the companies."""
    last = [20]
    banned_until = [0.0]

    def judge(asked: Asked) -> web.Response:
        if asked.at < banned_until[0]:
            return _denied()
        return good() if int(asked.company) < last[0] else web.Response(status=404)

    service = await serve(judge)
    first = await _run(command, service)
    assert first.exit_code == 1, first
    last[0] = 40
    banned_until[0] = time.monotonic() + 3.0
    again = await _run(command, service)
    assert again.exit_code == 0, again
    assert_all_answered(command, 40)
    assert service.statuses[403] > 0


async def test_companies_that_are_denied_fail_alone(command: Command, serve: Serve) -> None:
    """A dozen in a row among forty: they fail, and the witness is asked once for each at most."""
    service = await serve(lambda asked: _denied() if 10 <= int(asked.company) < 22 else good())
    finished = await _run(command, service, *_DAYS)
    assert finished.exit_code == 1, finished
    assert len(command.lines("r/statistics.jsonl")) == 4 * 28
    failed = _failed_companies(command)
    assert failed == {str(number): 4 for number in range(10, 22)}
    assert len(service.asked) <= 160 + 3 * 12
    assert "blocked" not in {event["event"] for event in command.lines("r/log.jsonl")}


async def test_an_answer_that_is_not_ready_is_asked_for_again(
    command: Command, serve: Serve
) -> None:
    """As late as the server says; the other cells go on."""
    service = await serve(
        lambda asked: (
            good() if asked.before else web.Response(status=202, headers={"Retry-After": "1"})
        )
    )
    begun = time.monotonic()
    finished = await _run(command, service, companies=30)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 30)
    assert time.monotonic() - begun > 1.0
    assert len(service.asked) == 60


async def test_a_service_that_has_moved_ends_the_run_at_once(
    command: Command, serve: Serve
) -> None:
    """And its new origin is named, without the rest of the address."""
    location = "https://new.example/other/path?token=secret"
    service = await serve(lambda _: web.Response(status=308, headers={"Location": location}))
    begun = time.monotonic()
    finished = await _run(command, service)
    assert finished.exit_code == 4, finished
    assert "a redirect to https://new.example, which is not followed" in finished.stderr
    assert "--base-url" in finished.stderr
    assert "secret" not in finished.stderr
    assert time.monotonic() - begun < 8.0
    assert len(service.asked) < 40


async def test_one_redirect_among_answers_fails_its_cell(command: Command, serve: Serve) -> None:
    """Its company is refused, whatever for."""
    service = await serve(
        lambda asked: (
            web.Response(status=302, headers={"Location": "/login"})
            if asked.company == "25"
            else good()
        )
    )
    finished = await _run(command, service)
    assert finished.exit_code == 1, finished
    assert _failed_companies(command) == {"25": 1}
    assert len(command.lines("r/statistics.jsonl")) == 39


# What a 401 means.


async def test_a_token_that_is_not_known_yet_is_waited_for(command: Command, serve: Serve) -> None:
    """At the start all wait; after a renewal the token before it serves meanwhile."""

    def judge(asked: Asked) -> web.Response:
        is_known = asked.at - service.issued[asked.token] >= 1.5
        return good() if is_known else web.Response(status=401)

    service = await serve(judge, expires_in=7.0)
    finished = await _run(command, service, *_DAYS, companies=50, rate=30)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 200
    assert 2 <= len(service.issued) <= 3
    assert service.statuses[401] < 60
    attempts = Counter(line["attempts"] for line in command.lines("r/statistics.jsonl"))
    assert attempts[1] > 150


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("first", [1, 10])
async def test_companies_that_are_always_unauthorized_fail_alone(
    command: Command, serve: Serve, first: int, concurrency: int
) -> None:
    """The first of the list or a dozen of them: one token is enough, on the rerun too."""
    denied = {"1"} if first == 1 else {str(number) for number in range(10, 22)}
    service = await serve(
        lambda asked: web.Response(status=401) if asked.company in denied else good()
    )
    finished = await _run(command, service, *_DAYS, concurrency=concurrency)
    assert finished.exit_code == 1, finished
    assert set(_failed_companies(command)) == denied
    assert len(command.lines("r/statistics.jsonl")) == 4 * (40 - len(denied))
    assert len(service.issued) == 1
    again = await _run(command, service, *_DAYS, concurrency=concurrency)
    assert again.exit_code == 1, again
    assert set(_failed_companies(command)) == denied
    assert len(service.issued) == 2


async def test_one_of_five_servers_that_refuses_the_token_costs_no_cell(
    command: Command, serve: Serve
) -> None:
    """Another try reaches another server."""
    service = await serve(
        lambda asked: web.Response(status=401) if asked.number % 5 == 3 else good()
    )
    finished = await _run(command, service, *_DAYS)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 160
    assert len(service.issued) <= 2


async def test_a_token_that_ends_early_is_renewed_once_for_all(
    command: Command, serve: Serve
) -> None:
    """Also if the server says so by a code in a 200."""

    def judge(asked: Asked) -> web.Response:
        age = asked.at - service.issued[asked.token]
        return good() if age < 6.0 else web.json_response({"code": 401, "message": "expired"})

    service = await serve(judge)
    finished = await _run(command, service, *_DAYS, rate=20)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 160
    assert len(service.issued) == 2


@pytest.mark.torture
async def test_shards_judge_a_401_as_a_single_run_does(command: Command, serve: Serve) -> None:
    """They know how old the token is; a company that is always refused costs no other token."""

    def judge(asked: Asked) -> web.Response:
        is_known = asked.at - service.issued[asked.token] >= 6.0
        return good() if is_known and asked.company != "7" else web.Response(status=401)

    service = await serve(judge)
    dask = ("--engine", "dask", "--workers", "2")
    finished = await _run(command.without_debugging(), service, *_DAYS, *dask)
    assert finished.exit_code == 1, finished
    answered = Counter(company for company, _, _ in cells_of(command.directory / "r"))
    assert answered == {str(number): 4 for number in range(40) if number != 7}
    assert len(service.issued) == 1


async def test_credentials_of_another_service_end_the_run(command: Command, serve: Serve) -> None:
    """After half a minute in which the token was not accepted for anybody."""
    service = await serve(lambda _: web.Response(status=401))
    finished = await _run(command, service)
    assert finished.exit_code == 3, finished
    assert "refuses tokens that have just been issued" in finished.stderr
    assert len(service.issued) == 1
    assert len(service.asked) < 60
    assert len({asked.company for asked in service.asked}) > 10


async def test_a_token_that_is_given_and_not_accepted_ends_the_run_at_once(
    command: Command, serve: Serve
) -> None:
    """It is not new, and cannot be renewed."""
    service = await serve(lambda _: web.Response(status=401))
    command.write("companies.txt", company_lines(40))
    given = service.point(command).with_environment(
        TRUST_CLIENT_ID="",
        TRUST_CLIENT_SECRET="",
        TRUST_ACCESS_TOKEN="given",  # noqa: S106
    )
    begun = time.monotonic()
    finished = await given.run("run", "companies.txt", "--output", "r", "--trust-dates")
    assert finished.exit_code == 3, finished
    assert "TRUST_ACCESS_TOKEN" in finished.stderr
    assert time.monotonic() - begun < 10.0
