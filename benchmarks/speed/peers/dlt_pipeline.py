"""A dlt pipeline for the work, with threads or asynchronous; it leaves JSONL files.

`python dlt_pipeline.py threads|async URLS DIRECTORY IN_FLIGHT`, with a file that has one address
per line. Each setting has its reason in docs/benchmarks.md.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import dlt
from dlt.sources.helpers import requests

_HEADERS = {"Authorization": "Bearer bench"}


@dlt.resource(selected=False)
def addresses(path: str) -> Iterator[str]:
    """Yield the addresses, one by one, for the pool to take."""
    yield from Path(path).read_text().splitlines()


@dlt.transformer(name="statistics", parallelized=True)
def by_threads(url: str) -> dict[str, Any]:
    """Request one address with dlt's own client: a session, and a connection, for each thread."""
    return {"url": url, "statistics": requests.get(url, headers=_HEADERS).json()["data"]}


_sessions: list[aiohttp.ClientSession] = []


@dlt.transformer(name="statistics")
async def by_coroutines(url: str) -> dict[str, Any]:
    """Request one address with aiohttp: one session, created in the loop that dlt runs."""
    if not _sessions:
        _sessions.append(aiohttp.ClientSession(headers=_HEADERS, raise_for_status=True))
    async with _sessions[0].get(url) as response:
        return {"url": url, "statistics": (await response.json())["data"]}


_WAYS = {"threads": by_threads, "async": by_coroutines}


def main(way: str, urls: str, directory: Path, in_flight: int) -> None:
    """Extract, normalize and load."""
    dlt.config["extract.workers"] = in_flight
    dlt.config["extract.max_parallel_items"] = in_flight
    dlt.config["runtime.dlthub_telemetry"] = False
    pipeline = dlt.pipeline(
        "statistics",
        pipelines_dir=str(directory / "working"),
        destination=dlt.destinations.filesystem(str(directory / "loaded")),
        dataset_name="bench",
    )
    loaded = pipeline.run(addresses(urls) | _WAYS[way], loader_file_format="jsonl")
    loaded.raise_on_failed_jobs()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
