import pickle
from math import inf
from pathlib import Path

import pytest

from collector.cluster.messages import Orders, ShardStatus, Task
from collector.cluster.site import Site
from collector.dates.record import trusted
from collector.pace import Share
from collector.plan import Shard
from collector.run.shard_context import ShardContext
from collector.settings import RunSettings
from collector.settings.prepare import date_query
from tests.cluster.made_reports import report

_SECRET = "do-not-tell"  # noqa: S105 - fake


def _orders(**more: float | str | None) -> Orders:
    given: dict[str, float | str | None] = {
        "ceiling": 20.0,
        "start": 5.0,
        "limit": None,
        "renew_in": 60.0,
        "issued_ago": 5.0,
        "ends_in": 120.0,
        **more,
    }
    return Orders(version=3, senders=2, token=_SECRET, token_number=2, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "orders",
    [
        _orders(),
        _orders(ceiling=None, limit=7.5, renew_in=None, ends_in=None, issued_ago=None),
        _orders(exit_code=130, why="so", at_once=True),
    ],
)
def test_orders_come_as_they_were_sent(orders: Orders) -> None:
    """All of them."""
    assert Orders.decode(orders.encoded()) == orders


def test_orders_say_what_a_shard_may_send_and_with_which_token() -> None:
    """No end is sent as nothing, for there is no infinity in the message."""
    orders = _orders(ceiling=None, limit=7.5)
    assert orders.share == Share(inf, 5.0, 7.5)
    token = orders.received_token
    assert (token.number, token.secret.reveal()) == (2, _SECRET)
    assert (token.renew_in, token.ends_in, token.issued_ago) == (60.0, 120.0, 5.0)
    assert orders.is_renewable
    forever = _orders(renew_in=None, ends_in=None, issued_ago=None)
    token = forever.received_token
    assert (token.renew_in, token.ends_in, token.issued_ago) == (inf, inf, inf)
    assert not forever.is_renewable


def test_the_token_is_not_shown() -> None:
    """Neither by the orders nor by what is made of them."""
    orders = _orders()
    assert _SECRET not in repr(orders)
    assert _SECRET not in str(orders)
    assert _SECRET not in repr(orders.received_token) + repr(vars(type(orders.received_token)))


def test_reports_come_as_they_were_sent() -> None:
    """With keys that are numbers, and a cause of an open circuit."""
    sent = report(
        *(4,),
        statuses={200: 3, 429: 1},
        kept={"data": 2},
        open_cause="FAILING",
        limit=3.5,
        stale_token=2,
    )
    assert ShardStatus.decode(sent.encoded()) == sent


def test_a_task_holds_no_secret() -> None:
    """Settings, a share and what is known of dates; the path of a file of credentials at most."""
    settings = RunSettings(engine="dask", credentials_file=Path("secret.toml"), shard=Shard(1, 3))
    dates = trusted(date_query(settings))
    task = Task(
        settings,
        Site(Path("/r"), b"lock", "1"),
        ShardContext(Share(20.0), dates),
        "channel",
        "statuses",
    )
    assert pickle.loads(pickle.dumps(task)) == task  # noqa: S301 - made here
    assert {"credentials", "token", "secret"}.isdisjoint(dir(task) + dir(task.context))
