"""An API that is down, seen from a run on a cluster."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from collector.cluster.run import ClusterRun
from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.plan import Companies, Plan
from collector.settings import RunSettings
from collector.settings.parsers import Duration, Rate
from collector.simulator import Simulator
from tests.cluster.clusters import cluster

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]


async def test_the_cause_reaches_the_user_who_watches(
    start_api: StartApi, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    """While the circuits are open, and at the end; from the start, patience is short there too."""
    api = await start_api(down=True)
    plan = Plan(Companies(tuple(str(number) for number in range(60))), [SERVER_DEFAULT])
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        settings = RunSettings(
            base_url=api.base_url,
            rate=Rate(500),
            engine="dask",
            scheduler=made.address,
            max_outage=Duration(3),
        )
        run = ClusterRun(plan, settings, AccessToken(Secret(api.issue_token())), tmp_path / "r")
        running = asyncio.create_task(run.execute())
        async with asyncio.timeout(60):
            while run.pace.open_cause is None and not running.done():  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.02)
            assert run.pace.last_error == f"{api.base_url}: HTTP 502"
            end = await running
    assert end.exit_code is ExitCode.STOPPED_EARLY
    assert end.error is not None
    assert end.error.startswith(f"no answer from {api.base_url} for 3 s; last error: HTTP 502; ")
    assert "nothing was collected" in end.error
