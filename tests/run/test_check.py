"""A check as a whole, without its command line."""

from collections.abc import Awaitable, Callable

from collector.core.errors import ExitCode
from collector.core.outcome import Counters
from collector.core.secrets import Secret
from collector.http.credentials import ClientCredentials
from collector.run.check import Check
from collector.settings import CheckSettings
from collector.settings.parsers import Rate
from collector.simulator import Simulator

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
