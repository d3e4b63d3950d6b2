"""`--ping-url`: the pings that a monitoring service gets of a run."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

import pytest
from aiohttp import web

from collector.simulator import Simulator
from collector.store.files import PartFiles
from collector.store.run_directory import RunDirectory
from tests.conftest import Command, Finished, Process, StartApi, company_lines
from tests.end_to_end.steps import until

Against = Callable[[Simulator], Command]

_SECRET: Final = "5f2c-secret-of-the-check"  # noqa: S105 - fake


@dataclass
class _Watcher:
    """A service that is pinged; it answers with `status`, or not at all if that is 0.

    It does not answer either to a path that ends with `hangs`.
    """

    status: int = 200
    hangs: str = "nothing"
    address: str = ""
    pings: list[tuple[str, Any]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.pings.append((request.path, json.loads(body) if body else None))
        if not self.status or request.path.endswith(self.hangs):
            await asyncio.Event().wait()
        return web.Response(status=self.status, text=_SECRET, headers={"Location": "/elsewhere"})


@pytest.fixture
async def watcher() -> AsyncIterator[_Watcher]:
    """Give a service on a free port."""
    watcher = _Watcher()
    app = web.Application()
    app.router.add_post("/{path:.*}", watcher.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    _, port = runner.addresses[0]
    watcher.address = f"http://127.0.0.1:{port}/{_SECRET}"
    try:
        yield watcher
    finally:
        await runner.cleanup()


async def _run(command: Command, address: str, *more: str) -> Finished:
    return await Command.finish(await _start(command, address, *more))


async def _start(command: Command, address: str, *more: str, rate: int = 100) -> Process:
    command.write("companies.txt", company_lines(10))
    command = command.with_environment(COLLECTOR_PING_URL=address)
    return await command.start("run", "companies.txt", "--output", "r", f"--rate={rate}", *more)


async def test_start_and_end_are_told(
    command: Command, start_api: StartApi, against: Against, watcher: _Watcher
) -> None:
    """With the summary of the run, and the exit code as the last part of the address."""
    api = await start_api(duplicate_keys=("7",))
    finished = await _run(against(api), f"{watcher.address}/")
    assert finished.exit_code == 1, finished
    (start, nothing), (end, summary) = watcher.pings
    assert (start, nothing) == (f"/{_SECRET}/start", None)
    assert end == f"/{_SECRET}/1"
    assert (summary["directory"], summary["exit_code"]) == ("r", 1)
    attempt = command.manifest("r")["attempts"][0]
    assert summary["cells"] == attempt["cells"]
    assert summary["requests"] == attempt["requests"]
    assert attempt["settings"]["ping-url"] == "[secret]"
    manifest = (command.directory / "r" / "run.json").read_bytes()
    assert summary["manifests"] == {"run.json": sha256(manifest).hexdigest()}
    texts = [finished.stdout, finished.stderr]
    texts += [path.read_text() for path in (command.directory / "r").iterdir()]
    assert not any(_SECRET in text for text in texts)


async def test_a_directory_whose_name_is_not_utf_8_is_told(
    start_api: StartApi, against: Against, watcher: _Watcher
) -> None:
    """A name of a directory that is not UTF-8, which JSON cannot hold."""
    command = against(await start_api()).with_environment(COLLECTOR_PING_URL=watcher.address)
    command.write("companies.txt", company_lines(2))
    finished = await command.run("run", "companies.txt", "--output", os.fsdecode(b"r\xff"))
    assert finished.exit_code == 0, finished
    path, summary = watcher.pings[-1]
    assert (path, summary["directory"]) == (f"/{_SECRET}/0", "r\ufffd")


async def test_nothing_is_told_of_a_run_that_never_began(
    command: Command, start_api: StartApi, against: Against, watcher: _Watcher
) -> None:
    """While another process has the directory (6), and for one of another plan (2)."""
    command = against(await start_api())

    with RunDirectory.open(PartFiles(command.directory / "r")):
        assert (await _run(command, watcher.address)).exit_code == 6
    assert not watcher.pings
    assert (await _run(command, watcher.address)).exit_code == 0
    assert len(watcher.pings) == 2
    refused = await _run(command, watcher.address, "--from", "2026-01-01", "--until", "2026-01-02")
    assert refused.exit_code == 2, refused
    assert len(watcher.pings) == 2


async def test_a_run_that_ends_at_its_beginning_is_told(
    start_api: StartApi, against: Against, watcher: _Watcher
) -> None:
    """Rejected credentials are no reason for silence."""
    command = against(await start_api()).with_environment(TRUST_CLIENT_SECRET="wrong")  # noqa: S106
    assert (await _run(command, watcher.address)).exit_code == 3
    assert [path for path, _ in watcher.pings] == [f"/{_SECRET}/start", f"/{_SECRET}/3"]


_ENDS: Final[dict[int, tuple[dict[str, Any], tuple[str, ...]]]] = {
    4: ({"down": True}, ("--max-outage", "1s")),
    7: ({"ignore_dates": True, "empty_share": 0.0}, ("--last", "3d", "--window", "1d")),
    8: ({"lacks_field": ("total",)}, ()),
}


@pytest.mark.parametrize("exit_code", list(_ENDS))
async def test_a_run_that_cannot_work_is_told(
    start_api: StartApi, against: Against, watcher: _Watcher, exit_code: int
) -> None:
    """By its exit code, with the reason in the summary."""
    settings, more = _ENDS[exit_code]
    finished = await _run(against(await start_api(**settings)), watcher.address, *more)
    assert finished.exit_code == exit_code, finished
    (start, _), (end, summary) = watcher.pings
    assert (start, end) == (f"/{_SECRET}/start", f"/{_SECRET}/{exit_code}")
    assert summary["exit_code"] == exit_code
    assert summary["exit"]


@pytest.mark.slow
async def test_a_run_on_a_cluster_is_told_once(
    start_api: StartApi, against: Against, watcher: _Watcher
) -> None:
    """By the process that the user started, and not by each shard."""
    command = against(await start_api()).without_debugging()
    finished = await _run(command, watcher.address, "--engine", "dask", "--workers", "2")
    assert finished.exit_code == 0, finished
    (start, _), (end, summary) = watcher.pings
    assert (start, end) == (f"/{_SECRET}/start", f"/{_SECRET}/0")
    assert summary["cells"]["data"] + summary["cells"]["empty"] == 10


async def test_a_signal_while_the_start_is_not_answered_is_told(
    start_api: StartApi, against: Against, watcher: _Watcher
) -> None:
    """The start is not waited for: what sent the signal does not wait for long."""
    watcher.hangs = "/start"
    api = await start_api()
    process = await _start(against(api), watcher.address, rate=1)
    await until(lambda: bool(watcher.pings) and api.counts.kinds["statistics"] > 0)
    process.terminate()
    finished = await Command.finish(process)
    assert finished.exit_code == 143, finished
    assert [path for path, _ in watcher.pings] == [f"/{_SECRET}/start", f"/{_SECRET}/143"]
    assert "a signal ended the wait for its answer" in finished.stderr


@pytest.mark.parametrize("hangs", ["/start", "/0"])
async def test_a_signal_after_the_run_ends_the_wait_for_an_answer(
    command: Command, start_api: StartApi, against: Against, watcher: _Watcher, hangs: str
) -> None:
    """What is told is how the run has ended, and the process ends with the same code."""
    watcher.hangs = hangs
    metrics = command.directory / "night.prom"
    process = await _start(
        against(await start_api()), watcher.address, "--metrics-file", metrics.name
    )

    def is_over() -> bool:
        return metrics.exists() and "collector_run_exit_code{" in metrics.read_text()

    await until(lambda: is_over() and any(path.endswith(hangs) for path, _ in watcher.pings))
    # The second is another one: two of a kind that wait are one.
    for number in (signal.SIGINT, signal.SIGTERM)[: 1 if hangs == "/start" else 2]:
        process.send_signal(number)
    finished = await Command.finish(process)
    assert finished.exit_code == 0, finished
    assert "10 of 10 answered" in finished.stdout
    assert [path for path, _ in watcher.pings] == [f"/{_SECRET}/start", f"/{_SECRET}/0"]
    assert finished.stderr.count("a signal ended the wait for its answer") == 1


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (404, "HTTP 404"),
        (302, "HTTP 302"),
        pytest.param(0, "no answer within 5 s", marks=pytest.mark.slow),
    ],
)
async def test_a_service_that_does_not_listen_changes_nothing(  # noqa: PLR0913, PLR0917 - fixtures
    command: Command,
    start_api: StartApi,
    against: Against,
    watcher: _Watcher,
    status: int,
    why: str,
) -> None:
    """The exit code is that of the run; one warning says why, without the address."""
    watcher.status = status
    finished = await _run(against(await start_api()), watcher.address)
    assert finished.exit_code == 0, finished
    assert finished.stderr.count(f"warning: r: the ping to --ping-url failed: {why}") == 1
    assert _SECRET not in finished.stderr
    _, (_, summary) = watcher.pings
    # The wait for the start is no time of the run.
    rate = command.manifest("r")["attempts"][0]["requests_per_second"]
    assert summary["requests_per_second"] == pytest.approx(rate, rel=0.5)


async def test_a_service_that_is_not_there_changes_nothing(
    start_api: StartApi, against: Against
) -> None:
    """The cause is named as for the API."""
    finished = await _run(against(await start_api()), f"http://127.0.0.1:1/{_SECRET}")
    assert finished.exit_code == 0, finished
    assert "the ping to --ping-url failed: connection refused" in finished.stderr
    assert _SECRET not in finished.stderr


@pytest.mark.parametrize(
    "address",
    [
        f"http://example.com/{_SECRET}",
        f"https://user:{_SECRET}@example.com",
        f"https://example.com/?key={_SECRET}",
        f"ftp://example.com/{_SECRET}",
        _SECRET,
    ],
)
async def test_an_address_that_would_show_the_secret_is_refused(
    command: Command, address: str
) -> None:
    """Before anything is sent, and without repeating it."""
    finished = await _run(command, address)
    assert finished.exit_code == 2, finished
    assert "not an address that can be pinged" in finished.stderr
    assert _SECRET not in finished.stderr
    assert not (command.directory / "r").exists()
