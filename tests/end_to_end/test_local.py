import asyncio
import json
import resource
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from tests.conftest import Command, Process, StartApi, StartOwnApi, company_lines
from tests.end_to_end.steps import assert_all_answered, until

pytestmark = pytest.mark.slow

_RUN: Final = ("run", "companies.txt", "--output", "r", "--trust-dates")


def _low_limit(*, is_hard: bool) -> dict[int, tuple[int, int]]:
    """Return what `ulimit -n 30` sets, or `ulimit -S -n 30`."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return {resource.RLIMIT_NOFILE: (30, 30 if is_hard else hard)}


@pytest.mark.parametrize("is_hard", [False, True])
async def test_few_file_descriptors_fail_no_cell(
    command: Command, serve: StartOwnApi, *, is_hard: bool
) -> None:
    """With 64 in flight and 30 descriptors: the limit is raised, or fewer are in flight."""
    gathers = 0 if is_hard else 64
    api = await serve(
        lambda _company, _before: 200,
        latency=0.4,
        gathers=gathers,
        total=lambda _company, days: len(days),
    )
    command.write("companies.txt", company_lines(150))
    finished = await api.point(command).run(
        *(*_RUN, "--concurrency", "64", "--rate", "200"),
        limits=_low_limit(is_hard=is_hard),
    )
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 150)
    assert {line["attempts"] for line in command.lines("r/statistics.jsonl")} == {1}
    remarks = command.manifest("r")["attempts"][0]["remarks"]
    logged = [line["text"] for line in command.lines("r/log.jsonl") if line["event"] == "remark"]
    assert remarks == logged
    if is_hard:
        assert 4 <= api.most_in_flight <= 20
        lowered = f"--concurrency 64 is lowered to {api.most_in_flight}, because this process may"
        assert [lowered in remark for remark in remarks] == [True]
        assert lowered in finished.stderr
    else:
        assert api.most_in_flight == 64
        assert remarks == []
        assert finished.stderr == ""


@pytest.mark.parametrize("is_hard", [False, True])
async def test_few_file_descriptors_are_enough_for_a_check_and_a_demo(
    command: Command,
    start_api: StartApi,
    against: Callable[[object], Command],
    *,
    is_hard: bool,
) -> None:
    """The demo has both ends of each connection in one process."""
    command.write("companies.txt", company_lines(100))
    limit = _low_limit(is_hard=is_hard)
    checked = await against(await start_api()).run("check", "companies.txt", limits=limit)
    assert (checked.exit_code, checked.stderr) == (0, ""), checked
    demo = await command.run(
        *("demo", "companies.txt", "--output", "r", "--concurrency", "64", "--rate", "500"),
        limits=limit,
    )
    assert demo.exit_code == 0, demo
    assert ("--concurrency 64 is lowered to" in demo.stderr) is is_hard
    assert_all_answered(command, 100)


@dataclass
class _Server:
    """Answers after `latency` seconds with `status`, and closes each connection.

    * `status`: returns the status of an answer, by the number of the request, from 1.
    * `in_flight`: requests that have not been answered.
    * `came`: when each request came.
    """

    latency: float = 0.2
    status: Callable[[int], int] = lambda _number: 200
    base_url: str = ""
    in_flight: int = 0
    came: list[float] = field(default_factory=list)
    _connections: set[asyncio.Transport] = field(default_factory=set)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["_Server"]:
        """Serve until the block ends."""
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    def point(self, command: Command) -> Command:
        """Point the command at this server."""
        return command.with_environment(
            COLLECTOR_BASE_URL=self.base_url,
            COLLECTOR_TOKEN_URL=f"{self.base_url}/oauth/token/",
            TRUST_ACCESS_TOKEN="static-77aa-1c9e",  # noqa: S106 - made up
        )

    def break_all(self) -> None:
        """Break the connections of the requests in flight."""
        for connection in self._connections:
            connection.abort()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        connection = request.transport
        assert connection is not None
        self._connections.add(connection)
        self.came.append(time.monotonic())
        number = len(self.came)
        self.in_flight += 1
        try:
            await asyncio.sleep(self.latency)
        finally:
            self.in_flight -= 1
            self._connections.discard(connection)
        status = self.status(number)
        counters = {"total": 1, "sended": 1, "pending": 0, "fails": 0, "campaign": 1, "actions": {}}
        response = web.json_response({"code": status, "data": counters}, status=status)
        response.force_close()
        return response


@pytest.fixture
async def server() -> AsyncIterator[_Server]:
    """Give a server that answers everything."""
    async with _Server().serving() as serving:
        yield serving


@contextmanager
def _few_descriptors(process: Process, most: int) -> Iterator[None]:
    """Lower the soft limit of a running process until the block ends."""
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (most, hard))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))


def _beyond(process: Process, kind: str) -> int:
    """Return the number after the highest descriptor whose name begins so."""
    return 1 + max(
        int(entry.name)
        for entry in Path(f"/proc/{process.pid}/fd").iterdir()
        if str(entry.readlink()).startswith(kind)
    )


def _events(command: Command) -> list[str]:
    return [line["event"] for line in command.lines("r/log.jsonl")]


async def test_descriptors_that_are_used_up_in_mid_run_fail_no_cell(
    command: Command, server: _Server
) -> None:
    """Neither the cell nor the API is charged: fewer are in flight until there are more again."""
    command.write("companies.txt", company_lines(150))
    process = await server.point(command).start(
        *_RUN, "--concurrency", "40", "--rate", "100", "--max-attempts", "1"
    )
    finishing = asyncio.create_task(command.finish(process))
    await until(lambda: server.in_flight > 10)
    with _few_descriptors(process, _beyond(process, "/") + 3):
        before = len(server.came)
        await until(lambda: len(server.came) > before + 30)
        assert server.in_flight <= 10
    finished = await finishing
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 150)
    assert {line["attempts"] for line in command.lines("r/statistics.jsonl")} == {1}
    events = _events(command)
    assert "local_shortage" in events
    assert "blocked" not in events
    failures = {
        line["message"] for line in command.lines("r/log.jsonl") if line["event"] == "try_failed"
    }
    assert failures == {"too many open files in this process (see ulimit -n)"}


async def test_a_shortage_that_lasts_ends_with_its_own_message(
    command: Command, server: _Server
) -> None:
    """With 4, and not as an outage of the API; the manifest is written all the same."""
    command.write("companies.txt", company_lines(300))
    arguments = ("--concurrency", "8", "--rate", "50", "--max-outage", "2s")
    process = await server.point(command).start(*_RUN, *arguments)
    finishing = asyncio.create_task(command.finish(process))
    await until(lambda: len(server.came) > 10)
    # All that it holds in reserve is below the limit, and all that it needs for requests beyond.
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (_beyond(process, "/dev/null"),) * 2)
    finished = await finishing
    assert finished.exit_code == 4, finished
    text = "this machine could make no connection for 2 s: too many open files in this process"
    assert text in finished.stderr
    assert "run the same command again" in finished.stderr
    assert text in command.manifest("r")["attempts"][0]["error"]
    assert command.lines("r/errors.jsonl") == []


async def test_a_process_that_stood_still_charges_no_cell(
    command: Command, server: _Server
) -> None:
    """Stopped for longer than --timeout with requests in flight: the time asleep does not count."""
    server.latency = 0.8
    command.write("companies.txt", company_lines(40))
    process = await server.point(command).start(
        *(*_RUN, "--concurrency", "8", "--timeout", "1.5", "--rate", "50", "--max-attempts", "1")
    )
    finishing = asyncio.create_task(command.finish(process))
    await until(lambda: server.in_flight >= 4)
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(4.0)
    process.send_signal(signal.SIGCONT)
    finished = await finishing
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 40)
    assert {line["attempts"] for line in command.lines("r/statistics.jsonl")} == {1}
    events = _events(command)
    assert events.count("process_was_suspended") == 1
    assert "try_failed" not in events
    assert command.manifest("r")["attempts"][0]["latency_seconds"]["max"] < 1.5


async def test_connections_that_broke_in_sleep_are_charged_to_no_cell(
    command: Command, server: _Server
) -> None:
    """After a while the server, or the network, has given them up."""
    server.latency = 30.0
    command.write("companies.txt", company_lines(20))
    process = await server.point(command).start(
        *(*_RUN, "--concurrency", "8", "--rate", "50", "--max-attempts", "1")
    )
    finishing = asyncio.create_task(command.finish(process))
    # No more before the first answer.
    await until(lambda: server.in_flight == 4)
    process.send_signal(signal.SIGSTOP)
    server.break_all()
    server.latency = 0.05
    await asyncio.sleep(5.5)
    process.send_signal(signal.SIGCONT)
    finished = await finishing
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 20)


async def test_an_outage_does_not_last_longer_because_the_process_stood_still(
    command: Command, server: _Server
) -> None:
    """Patience counts the time in which it was awake."""
    is_down = True
    server.latency = 0.0
    server.status = lambda number: 500 if is_down and number > 20 else 200
    command.write("companies.txt", company_lines(100))
    process = await server.point(command).start(*_RUN, "--max-outage", "3s", "--rate", "50")
    finishing = asyncio.create_task(command.finish(process))
    await until((command.directory / "r/log.jsonl").exists)
    await until(lambda: "blocked" in _events(command))
    process.send_signal(signal.SIGSTOP)
    is_down = False
    await asyncio.sleep(4.0)
    process.send_signal(signal.SIGCONT)
    finished = await finishing
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 100)


async def test_the_answer_to_the_last_probe_saves_the_run(
    command: Command, server: _Server
) -> None:
    """It comes after the end of patience, and the run does not give up a moment before."""
    server.latency = 0.0
    server.status = lambda number: 500 if 20 < number < 60 else 200
    command.write("companies.txt", company_lines(100))
    process = await server.point(command).start(
        *(*_RUN, "--concurrency", "16", "--rate", "50", "--max-outage", "2s")
    )
    finishing = asyncio.create_task(command.finish(process))
    await until((command.directory / "r/log.jsonl").exists)
    await until(lambda: "blocked" in _events(command))
    asked = len(server.came)
    server.latency = 2.5
    server.status = lambda _number: 200
    await until(lambda: len(server.came) > asked)
    await asyncio.sleep(2.4)
    server.latency = 0.0
    finished = await finishing
    assert finished.exit_code == 0, finished
    assert_all_answered(command, 100)
    reopened = [line for line in command.lines("r/log.jsonl") if line["event"] == "reopened"]
    assert json.dumps(reopened)
    assert reopened[0]["blocked_for_seconds"] > 2.0
