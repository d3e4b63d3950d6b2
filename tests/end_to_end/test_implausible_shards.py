"""Shards that all fail for one reason, and limits of a run on a cluster: exit code 8."""

import asyncio
import json
from collections.abc import Callable
from typing import Final

import pytest

from collector.simulator import Simulator
from tests.cluster.clusters import lines_of
from tests.conftest import Command, StartApi, company_lines

pytestmark = pytest.mark.slow

Against = Callable[[Simulator], Command]

_RUN: Final = ("run", "companies.txt", "--window", "1d", "--from", "2026-01-01")
_DAYS: Final = (*_RUN, "--output", "r", "--until", "2026-01-03", "--rate", "1000")
_DASK: Final = ("--engine", "dask", "--workers", "2")


async def test_each_shard_ends_after_its_first_tries(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Each for itself, after 60 requests at most: two processes at the same time."""
    api = await start_api(lacks_field=("campaign",))
    command.write("companies.txt", company_lines(100))
    shards = [against(api).run(*_DAYS, "--shard", f"{number}/2") for number in range(2)]
    for finished in await asyncio.gather(*shards):
        assert finished.exit_code == 8, finished
        assert "campaign" in finished.stderr
    for number in range(2):
        path = command.directory / "r" / f"run-{number:05}-of-00002.json"
        attempt = json.loads(path.read_bytes())["attempts"][0]
        assert (attempt["exit_code"], attempt["cells"]["data"]) == (8, 0)
        assert attempt["requests"]["sent"] <= 60


@pytest.mark.parametrize("more", [(), ("--trust-dates",)], ids=["verified", "trusted"])
async def test_a_run_on_a_cluster_ends_before_its_shards(
    command: Command, start_api: StartApi, against: Against, more: tuple[str, ...]
) -> None:
    """After 60 requests of all processes together; no shard begins."""
    api = await start_api()
    wrong = against(api).with_environment(COLLECTOR_BASE_URL=f"{api.base_url}/wrong")
    command.write("companies.txt", company_lines(100))
    finished = await wrong.without_debugging().run(*_DAYS, *_DASK, *more)
    assert finished.exit_code == 8, finished
    assert "HTTP 404" in finished.stderr
    assert "check --base-url" in finished.stderr
    assert 50 <= api.counts.total <= 60
    assert not lines_of(command.directory / "r", "errors")


async def test_a_small_run_on_a_cluster_is_judged_as_a_whole(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Five companies are enough, four are not: they may be misspelt."""
    api = await start_api(lacks_field=("total",))
    for companies, exit_code in ((5, 8), (4, 1)):
        command.write("companies.txt", company_lines(companies))
        finished = (
            await against(api)
            .without_debugging()
            .run(
                *_RUN, "--until", "2026-01-01", "--output", f"{companies}", "--rate", "1000", *_DASK
            )
        )
        assert finished.exit_code == exit_code, finished
        # The shards write that file, and none has begun.
        assert "errors.jsonl" not in finished.stderr


async def test_companies_that_fail_end_no_run_on_a_cluster(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Sixty closed ones at the beginning of the list: a shard may have no other."""
    api = await start_api(duplicate_keys=tuple(f"{number}" for number in range(60)))
    command.write("companies.txt", company_lines(100))
    finished = await against(api).without_debugging().run(*_DAYS, *_DASK, "--trust-dates")
    assert finished.exit_code == 1, finished
    assert len(lines_of(command.directory / "r")) == 120


async def test_more_failed_cells_than_allowed_end_a_run_on_a_cluster(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """The limit is that of all shards together, and each of them stops."""
    api = await start_api(duplicate_keys=tuple(f"{number}" for number in range(0, 100, 2)))
    command.write("companies.txt", company_lines(100))
    slowly = (*_RUN, "--output", "r", "--until", "2026-01-20", "--rate", "200")
    finished = await against(api).without_debugging().run(*slowly, *_DASK, "--max-failed", "2%")
    assert finished.exit_code == 8, finished
    assert "of 2,000 cells have failed, more than --max-failed 2% allows" in finished.stderr
    errors = lines_of(command.directory / "r", "errors")
    assert 40 < len(errors) < 900
    assert len({line["company_id"] for line in errors}) > 1
