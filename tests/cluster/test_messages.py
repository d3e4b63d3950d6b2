import pickle
from dataclasses import asdict, fields
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import pytest

from collector.cluster.messages import Orders, ShardStatus, Task
from collector.cluster.site import Site
from collector.core.cell import CellState
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.token import Token
from collector.pace import Cause, Share
from collector.plan import Shard
from collector.run.result import End
from collector.telemetry.stats import Counts, RunStats
from tests.cluster.made_reports import report

_SECRET = "do-not-tell"  # noqa: S105 - fake


def _orders(*, token: Token | None = None, **more: Any) -> Orders:  # noqa: ANN401 - see Orders
    token = token or Token.of(Secret(_SECRET), 160.0, 220.0, 95.0)
    return Orders(version=3, share=Share(20.0, 5.0, None, 2), token=token, token_number=2, **more)


def _sent(orders: Orders, now: float = 100.0) -> Orders:
    return msgspec.msgpack.decode(orders.encoded(now), type=Orders)


@pytest.mark.parametrize(
    "orders",
    [
        _orders(),
        _orders(end=End(ExitCode.SIGINT, "so"), at_once=True),
        Orders(share=Share.of(inf, 3, 7.5), token=Token.of(Secret(_SECRET))),
    ],
)
def test_orders_come_as_they_were_sent(orders: Orders) -> None:
    """All of them, those without an end of the rate or of the token, too."""
    sent = _sent(orders, 0.0)
    assert msgspec.structs.replace(sent, token=orders.token) == orders
    assert asdict(sent.token) == asdict(orders.token)


def test_the_times_of_a_token_are_from_now() -> None:
    """The clocks of two machines have nothing in common."""
    token = _sent(_orders()).token
    assert (token.renew_at, token.ends_at, token.issued_at) == (60.0, 120.0, -5.0)
    assert token.secret.reveal() == _SECRET


def test_the_token_is_not_shown() -> None:
    """Not by the orders."""
    orders = _orders()
    assert _SECRET not in repr(orders)
    assert _SECRET not in str(_sent(orders))


def test_reports_come_as_they_were_sent() -> None:
    """With keys that are numbers, and a cause of an open circuit."""
    sent = report(
        *(4,),
        statuses={200: 3, 429: 1},
        kept={"data": 2},
        open_cause=Cause.FAILING,
        limit=3.5,
        stale_token=2,
    )
    assert ShardStatus.decode(msgspec.msgpack.encode(sent)) == sent


def test_the_counts_of_a_run_are_sent_alone() -> None:
    """Neither its latencies nor its clock: those would not fit into a message."""
    stats = RunStats(5)
    stats.cells[CellState.DATA] += 2
    stats.seen(CellState.FAILED, "7")
    stats.answered(200, 0.5)
    sent = stats.counts()
    status = msgspec.structs.replace(report(), counts=sent)
    assert ShardStatus.decode(msgspec.msgpack.encode(status)).counts == sent
    assert sent.statuses == {200: 1}
    assert type(sent) is Counts


def test_a_task_holds_no_secret() -> None:
    """Where the orders are, and what the worker must find."""
    task = Task(Shard(1, 3), Site(Path("/r"), b"lock", "1"), "channel", "statuses")
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301 - made here
    assert {each.name for each in fields(task)} == {"shard", "site", "channel", "statuses"}
