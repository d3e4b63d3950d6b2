"""Redirects of a server: for all from the start, for all in mid-run, and with `Retry-After`."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import Command, Finished, company_lines
from tests.end_to_end.service import Asked, Service, good

Serve = Callable[[Callable[[Asked], web.Response]], Any]

_STATUSES = (301, 302, 303, 307, 308)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Give a function that starts a service, which ends with the test."""
    async with AsyncExitStack() as opened:

        async def start(judge: Callable[[Asked], web.Response]) -> Service:
            return await opened.enter_async_context(Service(judge).serving())

        yield start


def _redirect(status: int, **headers: str) -> web.Response:
    headers["Location"] = "https://maintenance.example/page?token=secret"
    return web.Response(status=status, headers=headers)


async def _run(command: Command, service: Service, *more: str) -> Finished:
    command.write("companies.txt", company_lines(100))
    return await service.point(command).run(
        *("run", "companies.txt", "--output", "r", "--rate", "1000", "--concurrency", "4"),
        *more,
    )


@pytest.mark.parametrize("statuses", [(302,), (307,), _STATUSES], ids=["302", "307", "mixed"])
@pytest.mark.parametrize("more", [(), ("--last", "3d", "--window", "1d")], ids=["now", "days"])
async def test_redirects_for_all_from_the_start_end_with_8(
    command: Command, serve: Serve, statuses: tuple[int, ...], more: tuple[str, ...]
) -> None:
    """After 60 requests at most; the place that they lead to is named, and no more of it."""
    service = await serve(lambda asked: _redirect(statuses[asked.number % len(statuses)]))
    finished = await _run(command, service, *more)
    assert finished.exit_code == 8, finished
    assert re.search(
        r"the first 5\d requests that count, for \d+ companies, .* HTTP 30\d: a redirect to "
        r"https://maintenance\.example, which is not followed; check --base-url",
        finished.stderr,
    )
    assert "secret" not in finished.stderr
    assert 50 <= len(service.asked) + len(service.issued) <= 60
    assert (
        len(command.lines("r/errors.jsonl"))
        == command.manifest("r")["attempts"][0]["cells"]["failed"]
    )


async def test_redirects_for_all_in_mid_run_are_an_outage(command: Command, serve: Serve) -> None:
    """A page for maintenance passes: no cell is charged, and the run completes."""
    service = await serve(lambda asked: _redirect(302) if 30 <= asked.number < 36 else good())
    finished = await _run(command, service)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 100
    assert [e["cause"] for e in command.lines("r/log.jsonl") if e["event"] == "blocked"] == [
        "failing"
    ]


async def test_a_redirect_that_names_a_time_is_waited_for(command: Command, serve: Serve) -> None:
    """`Retry-After` says that it passes, also from the start."""
    headers = {"Retry-After": "1"}
    service = await serve(lambda asked: _redirect(302, **headers) if asked.number < 3 else good())
    finished = await _run(command, service)
    assert finished.exit_code == 0, finished
    assert len(command.lines("r/statistics.jsonl")) == 100
