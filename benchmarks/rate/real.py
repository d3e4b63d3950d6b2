"""The real collector, a child process, against the embedded API, in real time."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from math import isinf
from pathlib import Path
from typing import Any, Final

import orjson

from benchmarks.rate.scenario import Scenario
from benchmarks.rate.seen import Seen
from collector.simulator import RequestRecord, Simulator
from collector.simulator.limit import RequestQueue

__all__ = ["run_for_real"]

_COMPANIES: Final = 1000


async def run_for_real(scenario: Scenario) -> Seen:
    """Run a scenario and return what the server saw of it."""
    with tempfile.TemporaryDirectory() as scratch:
        async with Simulator(scenario.settings, record_requests=True) as api:
            epoch = time.time() - time.monotonic()
            changing = asyncio.create_task(_change(api, scenario))
            try:
                await _collect(api, scenario, Path(scratch))
            finally:
                changing.cancel()
                await asyncio.wait([changing])
            return _seen(api, scenario, epoch, Path(scratch))


async def _change(api: Simulator, scenario: Scenario) -> None:
    """Apply the changes at their times, in seconds after the first statistics request."""
    while not any(request.kind == "statistics" for request in api.requests):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    began = asyncio.get_running_loop().time()
    for at, settings in scenario.changes:
        await asyncio.sleep(began + at - asyncio.get_running_loop().time())
        if settings.get("revoke"):
            api.revoke_all()
        else:
            api.reconfigure(replace(api.settings, **settings))


async def _collect(api: Simulator, scenario: Scenario, scratch: Path) -> None:
    """Run the command; kill and restart it at the times of the scenario."""
    arguments = _arguments(api, scenario, scratch)
    left = scenario.seconds
    for seconds in (*scenario.kills, None):
        deadline = [] if left > 1e6 else ["--deadline", f"{max(1, round(left))}s"]  # noqa: PLR2004 - no end
        process = await asyncio.create_subprocess_exec(
            *arguments,
            *deadline,
            env=os.environ
            | {"TRUST_CLIENT_ID": api.settings.client_id}
            | {"TRUST_CLIENT_SECRET": api.settings.client_secret},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        began = time.monotonic()
        try:
            async with asyncio.timeout(None if seconds is None else seconds):
                _, errors = await process.communicate()
                assert process.returncode in {0, 1, 4}, errors.decode()
        except TimeoutError:
            left -= time.monotonic() - began
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def _arguments(api: Simulator, scenario: Scenario, scratch: Path) -> list[str]:
    companies = scratch / "companies.txt"
    companies.write_text("".join(f"{number}\n" for number in range(_COMPANIES)))
    days = 365 if scenario.cells is None else scenario.cells // _COMPANIES
    rate = "auto" if isinf(scenario.ceiling) else f"{scenario.ceiling:g}"
    return [
        *(sys.executable, "-m", "collector", "run", str(companies), "--quiet"),
        # The scenarios measure the rate; four verification requests at the start would distort it.
        "--trust-dates",
        *("--last", f"{days}d", "--window", "1d", "--rate", rate),
        *("--concurrency", str(scenario.concurrency), "--timeout", f"{scenario.timeout:g}"),
        *("--base-url", api.base_url, "--token-url", api.token_url),
        *("--output", str(scratch / "run")),
    ]


def _seen(api: Simulator, scenario: Scenario, epoch: float, scratch: Path) -> Seen:
    requests = [request for request in api.requests if request.kind == "statistics"]
    began = requests[0].at
    attempts = orjson.loads((scratch / "run" / "run.json").read_bytes())["attempts"]
    counts = attempts[-1]["cells"]
    window = scenario.settings.limit_window
    return Seen(
        sent=[request.at - began for request in requests],
        refused=[request.at - began for request in requests if request.is_refused],
        latencies=_queue_latencies(scenario, requests),
        seconds=requests[-1].at - began,
        cells=counts["data"] + counts["empty"],
        failed_cells=sum(_failed(attempts)),
        retried=sum(attempt.get("requests", {}).get("retried", 0) for attempt in attempts),
        tokens=api.counts.kinds["token"],
        window_offset=(began + epoch) % window,
    )


def _failed(attempts: Iterable[dict[str, Any]]) -> Iterable[int]:
    return (attempt["cells"]["failed"] for attempt in attempts if "cells" in attempt)


def _queue_latencies(
    scenario: Scenario, requests: list[RequestRecord]
) -> list[tuple[float, float]]:
    """Return how long the server kept each request, computed from the arrivals."""
    settings = scenario.settings
    if settings.limit_kind != "queue" or settings.rate_limit is None:
        return []
    queue = RequestQueue(settings.rate_limit, settings.burst)
    began = requests[0].at
    delay = settings.latency + settings.jitter / 2.0
    return [(one.at - began, queue.admit(one.at).seconds + delay) for one in requests]
