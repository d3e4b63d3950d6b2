"""What the processes of a local cluster are started with."""

import os

import pytest

from collector.cluster.cluster import open_cluster
from collector.settings import RunSettings


@pytest.mark.slow
async def test_workers_keep_their_memory_between_answers() -> None:
    """Dask's own setting has the C library ask the kernel for a block for each answer."""
    settings = RunSettings(engine="dask", workers=1)
    async with open_cluster(settings, lambda: False) as client:
        environments = await client.run(lambda: dict(os.environ))
    assert environments
    for environment in environments.values():
        assert "MALLOC_TRIM_THRESHOLD_" not in environment
