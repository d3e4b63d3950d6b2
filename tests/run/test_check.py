"""A check as a whole, without its command line."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from collector.core.errors import ExitCode
from collector.core.outcome import Counters
from collector.core.secrets import Secret
from collector.http.credentials import ClientCredentials
from collector.run.check import MOST_REQUESTS, Check
from collector.settings import CheckSettings
from collector.settings.parsers import Rate
from collector.simulator import Simulator
from tests.conftest import serving

StartApi = Callable[..., Awaitable[Simulator]]


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

    async with serving(issue, answer) as port:
        base_url = f"http://127.0.0.1:{port}"
        settings = CheckSettings(
            base_url=base_url, token_url=f"{base_url}/oauth/token/", rate=Rate(1000)
        )
        credentials = ClientCredentials(Secret("me"), Secret("fake secret"))
        result = await Check([str(number) for number in range(20)], settings, credentials).execute()
    assert result.requests == len(sent) == MOST_REQUESTS
    assert result.exit_code is ExitCode.STOPPED_EARLY
    assert result.error == (
        "40 requests were not enough; the check ends here; try again when the API works"
    )
