"""A check as a whole, without its command line."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from collector.core.errors import ExitCode
from collector.core.outcome import Counters
from collector.core.secrets import Secret
from collector.http.credentials import ClientCredentials
from collector.run.check import MOST_REQUESTS, Check
from collector.settings import CheckSettings
from collector.settings.parsers import Rate
from collector.simulator import Simulator

StartApi = Callable[..., Awaitable[Simulator]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


@asynccontextmanager
async def serving(issue: Handler, answer: Handler) -> AsyncIterator[str]:
    """Serve tokens and statistics until the block ends; give the base address."""
    application = web.Application()
    application.router.add_post("/oauth/token/", issue)
    application.router.add_get("/campaigns/api/v1/company/{company}/statistics", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_check_takes_no_longer_than_it_may(start_api: StartApi) -> None:
    """And tells what it has found by then: a server that answers slowly, and has no end."""
    api = await start_api(latency=0.5, empty_share=0)
    settings = CheckSettings(
        base_url=api.base_url, token_url=api.token_url, rate=Rate(1000), timeout=30.0
    )
    credentials = ClientCredentials(
        Secret(api.settings.client_id), Secret(api.settings.client_secret)
    )
    check = Check(["1", "2", "3", "4"], settings, credentials, longest=1.8 - 4.0)
    result = await check.execute()
    assert result.exit_code is ExitCode.STOPPED_EARLY
    assert result.error is not None
    assert 1 <= len(result.findings.answers) <= 3
    assert all(isinstance(answer, Counters) for answer in result.findings.answers.values())


async def test_a_check_sends_no_more_requests_than_it_may() -> None:
    """The request for the token is one of them, and what asks about each 401."""
    sent: list[str] = []
    zeros = dict.fromkeys(("total", "sended", "pending", "fails", "campaign"), 0)
    empty = {"code": 200, "data": {**zeros, "actions": {}}}

    async def issue(_request: web.Request) -> web.Response:
        sent.append("token")
        return web.json_response({"access_token": "fake"})

    async def answer(request: web.Request) -> web.Response:
        sent.append("statistics")
        if request.match_info["company"] == "0":
            return web.json_response(empty)
        return web.json_response({}, status=401)

    async with serving(issue, answer) as base_url:
        settings = CheckSettings(
            base_url=base_url, token_url=f"{base_url}/oauth/token/", rate=Rate(1000)
        )
        credentials = ClientCredentials(Secret("me"), Secret("fake secret"))
        result = await Check([str(number) for number in range(20)], settings, credentials).execute()
    assert result.requests == len(sent) == MOST_REQUESTS
    assert result.exit_code is ExitCode.STOPPED_EARLY
    assert result.error == (
        "40 requests were not enough; the check ends here; try again when the API is in order"
    )
