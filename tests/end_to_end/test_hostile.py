"""Answers that once held a run for ever, or lost cells; with a real server and the real command."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Command, Finished, company_lines
from tests.end_to_end.service import Asked, Service, good

pytestmark = pytest.mark.slow

Serve = Callable[..., Awaitable[Service]]
_GIVEN = {"TRUST_CLIENT_ID": "", "TRUST_CLIENT_SECRET": "", "TRUST_ACCESS_TOKEN": "given"}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Give a function that starts a service."""
    async with AsyncExitStack() as stack:

        async def start(judge: Callable[[Asked], web.Response], **more: Any) -> Service:  # noqa: ANN401
            return await stack.enter_async_context(Service(judge, **more).serving())

        yield start


async def _run(
    command: Command, service: Service, *more: str, companies: int = 40, rate: int = 100
) -> Finished:
    command.write("companies.txt", company_lines(companies))
    return await service.point(command).run(
        *("run", "companies.txt", "--output", "r", "--rate", f"{rate}", "--concurrency", "16"),
        *more,
    )


def _status(status: int) -> web.Response:
    return web.Response(status=status, text="{}", content_type="application/json")


async def test_a_ban_before_the_last_cell_ends_the_run(command: Command, serve: Serve) -> None:
    """No more than two companies are left to tell that it is an outage; it is one all the same."""
    service = await serve(lambda asked: good() if asked.number < 39 else _status(403))
    limits = ("--max-outage", "4s", "--deadline", "15s")
    finished = await _run(command, service, "--trust-dates", *limits)
    assert finished.exit_code == 4, finished
    assert "deadline" not in finished.stderr
    assert service.statuses[403] < 40


async def test_a_ban_while_dates_are_verified_ends_the_run(command: Command, serve: Serve) -> None:
    """One company is asked at a time there."""
    service = await serve(lambda asked: good() if asked.number < 3 else _status(403))
    days = ("--from", "2026-01-01", "--until", "2026-01-04", "--window", "1d")
    limits = ("--max-outage", "4s", "--deadline", "15s")
    finished = await _run(command, service, *days, *limits)
    assert finished.exit_code == 4, finished
    assert "deadline" not in finished.stderr
    assert service.statuses[403] < 40


async def test_a_token_that_ended_is_renewed_beside_companies_that_do_not_exist(
    command: Command, serve: Serve
) -> None:
    """A gateway that says 404 before it looks at the token does not show that it is accepted."""

    def judge(asked: Asked) -> web.Response:
        if int(asked.company) % 2:
            return _status(404)
        return good() if asked.at - service.issued[asked.token] < 3.0 else _status(401)

    service = await serve(judge)
    days = ("--from", "2026-01-01", "--until", "2026-01-10", "--window", "1d")
    finished = await _run(command, service, "--trust-dates", *days)
    assert finished.exit_code == 1, finished
    assert {line["status"] for line in command.lines("r/errors.jsonl")} == {404}
    assert len(service.issued) > 1


async def test_a_given_token_is_not_refused_for_the_first_companies(
    command: Command, serve: Serve
) -> None:
    """As one that was requested is not."""
    service = await serve(lambda asked: _status(401) if int(asked.company) < 5 else good())
    command.write("companies.txt", company_lines(40))
    given = service.point(command).with_environment(**_GIVEN)
    finished = await given.run(
        *("run", "companies.txt", "--output", "r", "--trust-dates"),
        *("--rate", "20", "--concurrency", "2"),
    )
    assert finished.exit_code == 1, finished
    assert len(command.lines("r/statistics.jsonl")) == 35


async def test_two_companies_that_are_redirected_fail_alone(command: Command, serve: Serve) -> None:
    """Only a service that redirects all has moved."""
    service = await serve(lambda asked: _status(302) if int(asked.company) < 3 else good())
    finished = await _run(command, service, "--trust-dates", rate=10)
    assert finished.exit_code == 1, finished
    assert len(command.lines("r/statistics.jsonl")) == 37


@pytest.mark.parametrize(
    "headers", [{}, {"X-RateLimit-Remaining": "0"}], ids=["no hint", "no reset"]
)
async def test_a_limit_that_answers_403_loses_nothing(
    command: Command, serve: Serve, headers: dict[str, str]
) -> None:
    """20 requests per second are let through, so the witness is answered now and then."""
    let = list[float]()

    def judge(asked: Asked) -> web.Response:
        let[:] = [at for at in let if asked.at - at < 1.0]
        if len(let) >= 20:
            return web.Response(status=403, headers=headers)
        let.append(asked.at)
        return good()

    service = await serve(judge)
    finished = await _run(command, service, "--trust-dates", companies=120)
    assert finished.exit_code == 0, finished


@pytest.mark.parametrize("code", ["429", 429.0])
async def test_a_code_that_is_spelled_otherwise(
    command: Command, serve: Serve, code: object
) -> None:
    """A text, or a number with a fraction of zero, is the same code."""

    def judge(asked: Asked) -> web.Response:
        text = json.dumps({"code": code, "message": "slow down"})
        if asked.number > 2:
            return good()
        return web.Response(text=text, content_type="application/json")

    service = await serve(judge)
    finished = await _run(command, service, "--trust-dates", companies=10)
    assert finished.exit_code == 0, finished


async def test_check_says_that_the_service_refuses(command: Command, serve: Serve) -> None:
    """Most of its requests got a 403."""
    service = await serve(lambda asked: good() if asked.number < 4 else _status(403))
    command.write("companies.txt", company_lines(40))
    finished = await service.point(command).run("check", "companies.txt")
    assert finished.exit_code == 4, finished
