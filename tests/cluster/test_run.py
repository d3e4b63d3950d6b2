"""A run on a cluster, in this process: how it ends by what its shards report and return.

There is no Dask cluster: the test says what comes of the shards.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread, current_thread, main_thread
from typing import Any, cast

import msgspec
import pytest
from distributed import Client

from collector.cluster.channel import Channel
from collector.cluster.messages import Common, Orders, Result, ShardStatus
from collector.cluster.run import ClusterRun
from collector.cluster.site import Site
from collector.cluster.workers import WorkerMonitor
from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.http.faults import Fault, Nature
from collector.plan import CellSet, Companies, Plan, Shard
from collector.run.result import End
from collector.run.session import Session
from collector.settings import RunSettings
from collector.store.files import PartFiles, parts_in
from tests.cluster.made_reports import report, result
from tests.end_to_end.steps import until
from tests.store.made_runs import AT, line, make_run

_CELLS = 20


class _Client:
    """What a channel reads of a client of Dask when it is made."""

    id = "client"


class _Channel(Channel):
    """A channel without a cluster: nothing is published, and shards end as the test says."""

    def __init__(self, orders: Orders, site: Site, collect: Callable[[Shard], Any]) -> None:
        client = cast("Client", _Client())
        super().__init__(client, client, orders, site)
        self._collect = collect

    async def collect(self, shard: Shard) -> Result:
        result: Result = await self._collect(shard)
        return result

    async def _publish(self, *_: object) -> None:
        pass


class _Bench:
    """A run of two shards, and what comes of them: `take` gets results, `hear` statuses."""

    def __init__(self, directory: Path) -> None:
        plan = Plan(Companies(tuple(map(str, range(_CELLS)))), [SERVER_DEFAULT])
        self.run = ClusterRun(plan, RunSettings(), AccessToken(Secret("fake")), directory)
        self.happen: Callable[[], Awaitable[None]]
        self.channel: Channel
        self.common: Common
        self.site: Site
        self.happening: asyncio.Task[None]
        self.shards: dict[int, asyncio.Future[Result]] = {}

    @asynccontextmanager
    async def open_channel(
        self, _client: None, common: Common, orders: Orders, site: Site
    ) -> AsyncIterator[Channel]:
        self.common, self.site = common, site
        self.channel = _Channel(orders, site, self.collect)
        yield self.channel

    async def collect(self, shard: Shard) -> Result:
        """Run a shard; once both run, let happen to them what the test says."""
        self.shards[shard.number] = asyncio.get_running_loop().create_future()
        if len(self.shards) == 2:
            self.happening = asyncio.create_task(self._let_happen())
        return await self.shards[shard.number]

    async def _let_happen(self) -> None:
        await self.happen()
        for shard in self.shards.values():
            shard.cancel()

    def take(self, number: int, result: Result) -> None:
        """End a shard."""
        self.shards[number].set_result(result)

    def hear(self, status: ShardStatus) -> None:
        """Send the status of a shard."""
        self.channel.receive((0.0, msgspec.msgpack.encode(status)))

    def end(self, happen: Callable[[], Awaitable[None]]) -> End:
        """Execute the run, with this happening while both shards run; return its end."""
        self.happen = happen

        async def execute() -> End:
            end = await self.run.execute()
            await self.happening
            return end

        return asyncio.run(execute())


@asynccontextmanager
async def _no_cluster(*_: object) -> AsyncIterator[None]:
    yield


async def _workers(*_: object) -> list[str]:
    return ["one", "two"]


async def _nothing(*_: object) -> None:
    pass


async def _until_cancelled(_: object) -> None:
    await asyncio.Event().wait()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> _Bench:
    """Give a run in `tmp_path`."""
    bench = _Bench(tmp_path)

    monkeypatch.setattr("collector.cluster.run.open_cluster", _no_cluster)
    monkeypatch.setattr("collector.cluster.run.check_workers", _workers)
    monkeypatch.setattr("collector.cluster.run.open_channel", bench.open_channel)
    monkeypatch.setattr("collector.cluster.run.try_first_cells", _nothing)
    monkeypatch.setattr(WorkerMonitor, "run", _until_cancelled)
    return bench


def _part(number: int, code: ExitCode, *, data: int = 0, failed: int = 0) -> Result:
    return result(report(number, cells={"data": data, "failed": failed}), code)


def _events(directory: Path) -> list[str]:
    log = PartFiles(directory).log
    return [json.loads(line)["event"] for line in log.read_text().splitlines()]


def test_a_signal_after_the_last_answer_changes_nothing(bench: _Bench) -> None:
    """Every cell has its outcome: the run ends as its worst shard, and not as interrupted."""

    async def happen() -> None:
        bench.take(0, _part(0, ExitCode.SOME_FAILED, data=9, failed=1))
        bench.take(1, _part(1, ExitCode.COMPLETE, data=10))
        bench.run.stop(ExitCode.SIGINT)

    assert bench.end(happen).exit_code is ExitCode.SOME_FAILED


def test_a_signal_before_the_last_answer_is_how_it_ends(bench: _Bench) -> None:
    """Cells are missing, whatever the shards say."""

    async def happen() -> None:
        bench.take(0, _part(0, ExitCode.COMPLETE, data=10))
        bench.run.stop(ExitCode.SIGINT)
        bench.take(1, _part(1, ExitCode.COMPLETE, data=9))

    assert bench.end(happen).exit_code is ExitCode.SIGINT


def test_a_reason_that_is_no_utf_8_reaches_the_shards(bench: _Bench) -> None:
    """As the path of a directory may be: the order to stop would never be sent."""

    async def happen() -> None:
        bench.run.stop(ExitCode.STORAGE, "/r\udcff: was removed")
        sent = msgspec.msgpack.decode(bench.channel.orders.encoded(0.0), type=Orders)
        assert sent.end == End(ExitCode.STORAGE, "/r\ufffd: was removed")

    assert bench.end(happen).exit_code is ExitCode.STORAGE


def test_missing_cells_without_a_signal_end_as_the_worst_shard(bench: _Bench) -> None:
    """The end of a shard says what it has done; its last status may not have counted all."""

    async def happen() -> None:
        bench.take(0, _part(0, ExitCode.SOME_FAILED, failed=9))
        bench.take(1, _part(1, ExitCode.COMPLETE, data=10))

    assert bench.end(happen).exit_code is ExitCode.SOME_FAILED


@pytest.mark.parametrize("has_begun", [True, False])
def test_bad_input_of_a_shard_is_that_of_the_run_if_none_has_begun(
    bench: _Bench, tmp_path: Path, *, has_begun: bool
) -> None:
    """Exit code 2 promises that nothing was sent, also by a shard that has sent no status yet.

    The log of the whole run is there once a shard has begun.
    """

    async def happen() -> None:
        if has_begun:
            PartFiles(tmp_path, Shard(0, 2)).manifest.touch()
        bench.take(1, Result(End(ExitCode.BAD_INPUT, "no")))

    end = bench.end(happen)
    if has_begun:
        assert end == End(ExitCode.STOPPED_EARLY, "no")
        assert "shard_ended" in _events(tmp_path)
    else:
        assert end == End(ExitCode.BAD_INPUT, "no")
        assert not PartFiles(tmp_path).log.exists()


def test_a_wait_for_the_first_answer_is_shown(
    bench: _Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No shard has begun that could report it; once shards run, theirs is shown."""
    shown: list[str | None] = []

    async def wait(session: Session, *_: object) -> None:
        gate, fault = session.gate, Fault("HTTP 429", Nature.TRANSIENT)
        gate.refused(await gate.acquire(), pause=3600.0, fault=fault)
        shown.append(bench.run.pace.last_error)

    async def happen() -> None:
        shown.append(bench.run.pace.last_error)
        bench.take(0, _part(0, ExitCode.COMPLETE, data=10))
        bench.take(1, _part(1, ExitCode.COMPLETE, data=10))

    monkeypatch.setattr("collector.cluster.run.try_first_cells", wait)
    assert bench.end(happen).exit_code is ExitCode.COMPLETE
    assert shown == [f"{RunSettings().base_url}: HTTP 429", None]


def test_a_signal_before_the_first_shard_waits_for_no_shard(
    bench: _Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Only requests of this process are in flight: it is as patient as a run without a cluster."""

    async def hang(*_: object) -> None:
        bench.run.stop(ExitCode.SIGTERM)
        await asyncio.Event().wait()

    async def execute() -> End:
        async with asyncio.timeout(60) as limit:
            end = await bench.run.execute()
        # The run takes the cancellation for its own.
        assert not limit.expired()
        return end

    monkeypatch.setattr("collector.cluster.run.try_first_cells", hang)
    monkeypatch.setattr("collector.cluster.run._OWN_GRACE_SECONDS", 0.01)
    monkeypatch.setattr("collector.cluster.run._GRACE_SECONDS", 3600.0)
    bench.run = _Bench(tmp_path).run
    assert asyncio.run(execute()).exit_code is ExitCode.SIGTERM


def test_the_log_is_there_when_the_first_shard_reports(bench: _Bench, tmp_path: Path) -> None:
    """Before any has ended: a run that is killed leaves its events."""
    seen: list[list[str]] = []

    async def happen() -> None:
        PartFiles(tmp_path, Shard(0, 2)).manifest.touch()
        # Dask tells of the client after which the topic is named.
        bench.channel.receive((0.0, {"action": "add-client"}))
        bench.hear(report(0, cells={"data": 1}))
        log = PartFiles(tmp_path).log
        await until(lambda: log.exists() and "cluster_started" in log.read_text())
        seen.append(_events(tmp_path))

    bench.end(happen)
    assert seen
    assert "cluster_started" in seen[0]


def test_the_directory_is_not_listed_in_the_event_loop(
    bench: _Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file server that does not answer would hold up signals and display, too."""
    threads: list[Thread] = []

    def listed(directory: Path) -> list[PartFiles]:
        threads.append(current_thread())
        return parts_in(directory)

    async def happen() -> None:
        begun = len(threads)
        bench.hear(report(0, cells={"data": 1}))
        await until(lambda: len(threads) > begun)
        begun = len(threads)
        bench.take(0, _part(0, ExitCode.COMPLETE, data=10))
        await until(lambda: len(threads) > begun)

    monkeypatch.setattr("collector.cluster.shared_directory.parts_in", listed)
    bench.end(happen)
    assert main_thread() not in threads


def test_a_log_that_cannot_be_looked_for_is_a_bug(
    bench: _Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error ends the run, although only a status has come."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    async def happen() -> None:
        monkeypatch.setattr("collector.cluster.shared_directory.parts_in", fail)
        bench.hear(report(0, cells={"data": 1}))
        await until(lambda: bench.channel.orders.end is not None)

    end = bench.end(happen)
    assert end.exit_code is ExitCode.BUG
    assert "a bug in the collector (ZeroDivisionError)" in (end.error or "")


def test_shards_are_told_what_a_run_without_shards_has_answered(
    bench: _Bench, tmp_path: Path
) -> None:
    """Each gets the number of its own cells, and all get the cells: none reads the lines."""
    tmp_path.rmdir()
    ago = (datetime.now(UTC) - AT).total_seconds()
    lines = [line(str(number), None, ago, total=1) for number in range(12)]
    make_run(tmp_path, [*lines, b"torn"], companies=map(str, range(_CELLS)), days=None)
    bench.end(_nothing)
    surveyed = bench.common.surveyed
    assert surveyed is not None
    assert surveyed.stamps.keys() == {"statistics.jsonl"}
    assert len(CellSet.unpacked(surveyed.done, _CELLS)) == 12
    answered = [sum(counts.values()) for counts in bench.common.answered]
    assert (len(answered), sum(answered)) == (2, 12)
    assert [text for text in bench.run.remarks if "the last line is unfinished (4 bytes)" in text]


@pytest.mark.parametrize("is_insecure", [False, True])
def test_shards_are_told_whether_the_cluster_may_be_insecure(
    bench: _Bench, *, is_insecure: bool
) -> None:
    """A worker that joins later is checked by the shard that it gets."""
    bench.run.settings = RunSettings(
        engine="dask", scheduler="tls://10.0.0.5:8786", insecure_cluster=is_insecure
    )
    bench.end(_nothing)
    assert bench.site.is_insecure == is_insecure


def test_a_status_that_cannot_be_taken_is_a_bug(bench: _Bench) -> None:
    """Dask would swallow the error, and the run would know nothing of its shards."""

    async def happen() -> None:
        bench.channel.receive((0.0, b"{"))
        await until(lambda: bench.channel.orders.end is not None)

    end = bench.end(happen)
    assert end.exit_code is ExitCode.BUG
    assert "a bug in the collector (ValidationError)" in (end.error or "")
