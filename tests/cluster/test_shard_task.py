"""A shard in a worker: how it ends when its orders do."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from collector import __version__
from collector.cluster import shard_task
from collector.cluster.messages import Common, Orders, ShardStatus, Task
from collector.cluster.site import Site
from collector.core.cell import SERVER_DEFAULT
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.network import DIRECT
from collector.http.token import Token
from collector.pace import PaceView, Share
from collector.plan import Companies, Plan, Shard
from collector.run.result import End
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats


class _Channel:
    """A channel whose orders end with an error."""

    heard_at = 0.0

    async def follow_orders(self, *_: object) -> None:
        raise ZeroDivisionError

    def why_over(self, *_: object) -> None:
        pass

    def send_status(self, _: object) -> None:
        pass


class _Run:
    """A run that works until it is stopped."""

    def __init__(self) -> None:
        self.ends: list[ExitCode] = []
        self.stopped = asyncio.Event()

    def stop(self, exit_code: ExitCode) -> None:
        self.ends.append(exit_code)
        self.stopped.set()

    async def execute(self) -> End:
        await self.stopped.wait()
        return End(self.ends[0])


class _Shard(shard_task._Shard):  # noqa: SLF001 - Dask is needed for all that is public
    """A shard that applies nothing and has no status."""

    def __init__(self) -> None:
        self._channel = cast("Any", _Channel())

    _apply = _status = cast("Callable[..., Any]", lambda *_: None)


async def test_a_shard_that_gets_no_orders_any_more_ends_with_the_error() -> None:
    """It would not hear the order to stop, nor learn its share of the rate."""
    run = _Run()
    async with asyncio.timeout(30):
        with pytest.raises(ZeroDivisionError):
            await _Shard()._execute(cast("Any", run), cast("Any", None))  # noqa: SLF001
    assert run.ends == [ExitCode.BUG]


class _Ended(_Channel):
    """A channel whose orders are to stop."""

    def read_orders(self) -> Orders:
        token = Token.of(Secret("fake"))
        return Orders(share=Share.of(5.0), token=token, end=End(ExitCode.SIGTERM))


async def test_a_shard_that_is_stopped_before_it_begins_takes_back_no_count(tmp_path: Path) -> None:
    """It has read no line: what it told of its cells would replace what a dead worker has told."""
    plan = Plan(Companies(("1",)), [SERVER_DEFAULT])
    common = Common(plan, RunSettings(), DIRECT, answered=[{}, {}])
    task = Task(Shard(0, 2), Site(tmp_path, b"lock", __version__), "channel", "statuses")
    shard = shard_task._Shard(common, task, cast("Any", _Ended()))  # noqa: SLF001 - see above
    result = await shard.collect()
    assert result.end.exit_code is ExitCode.SIGTERM
    assert result.status is None


async def test_a_shard_that_waits_in_a_directory_that_is_no_utf_8_tells_of_it() -> None:
    """The status has who holds the lock of the plan, with the path."""
    shard = _Shard()
    shard._task = Task(Shard(0, 2), Site(Path("r"), b"", ""), "channel", "statuses")  # noqa: SLF001
    shard._senders, shard._incarnation, shard._token_feed = 1, "a", None  # noqa: SLF001
    run = SimpleNamespace(stats=RunStats(1), pace=PaceView(1.0, 1.0, last_error="/r\udcff is held"))
    status = shard_task._Shard._status(shard, cast("Any", run))  # noqa: SLF001
    sent = ShardStatus.decode(msgspec.msgpack.encode(status))
    assert sent.pace.last_error == "/r\ufffd is held"


class _Worker:
    """A worker whose address is one of another machine, without TLS."""

    address = "tcp://10.0.0.7:4"


@pytest.mark.parametrize(("is_insecure", "why"), [(False, "in plain text"), (True, "does not see")])
def test_a_worker_that_joins_later_gets_no_token_in_plain_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, why: str, *, is_insecure: bool
) -> None:
    """Those at the start were checked; `--insecure-cluster` counts for all."""
    monkeypatch.setattr(shard_task, "get_worker", _Worker)
    monkeypatch.setattr(shard_task, "_RESTORE_SECONDS", -1.0)
    site = Site(tmp_path, b"lock", __version__, is_insecure)
    end = shard_task.collect_shard(Task(Shard(0, 2), site, "channel", "statuses")).end
    assert end.exit_code is ExitCode.STOPPED_EARLY
    assert why in (end.error or "")
