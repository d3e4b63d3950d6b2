"""What the scheduler of a run decides: which shards run, and what they share."""

from typing import cast

from distributed import Client
from hypothesis import given
from hypothesis import strategies as st

from collector.cluster.aggregate import ClusterPace
from collector.cluster.channel import Channel
from collector.cluster.messages import Common
from collector.cluster.scheduler import ShardScheduler, SharedState
from collector.core.secrets import Secret
from collector.http.token import Token, TokenSource
from collector.pace import Share
from tests.cluster.made_reports import report


def _started(shards: int, workers: int) -> ShardScheduler:
    scheduler = ShardScheduler(shards, workers)
    assert [scheduler.start() for _ in range(scheduler.senders)] == list(range(scheduler.senders))
    return scheduler


@given(shards=st.integers(1, 20), workers=st.integers(1, 20), data=st.data())
def test_the_rate_is_shared_by_those_that_run(
    shards: int, workers: int, data: st.DataObject
) -> None:
    """Each shard runs once, at most as many as workers at a time; their number only shrinks."""
    scheduler = _started(shards, workers)
    running = set(range(scheduler.senders))
    ended: list[int] = []
    while running:
        assert scheduler.senders == len(running) <= workers
        number = data.draw(st.sampled_from(sorted(running)))
        running.remove(number)
        ended.append(number)
        following = scheduler.follow(number, is_stopped=False)
        if following is not None:
            running.add(following)
        assert following is not None or len(ended) + len(running) == shards
    assert sorted(ended) == list(range(shards))
    assert scheduler.senders == 1


def test_a_run_that_is_stopped_starts_no_more() -> None:
    """Those that run share what is left."""
    scheduler = _started(10, 3)
    assert scheduler.follow(1, is_stopped=True) is None
    assert scheduler.senders == 2
    assert scheduler.follow(0, is_stopped=False) == 3


def test_a_late_status_does_not_count() -> None:
    """That of a shard that has ended, or that never ran, would be shared and shown for good."""
    scheduler = _started(3, 2)
    assert scheduler.update(report(0, requests=1))
    assert scheduler.update(report(0, requests=2))
    assert scheduler.statuses[0].requests == 2
    assert not scheduler.update(report(2))
    assert scheduler.follow(0, is_stopped=False) == 2
    assert scheduler.statuses == {}
    assert not scheduler.update(report(0, requests=3))
    assert scheduler.statuses == {}
    assert scheduler.update(report(2))


class _Bench:
    """A shared state whose time moves when told to; `issued` counts tokens."""

    def __init__(self, scheduler: ShardScheduler, rate: float = 100.0) -> None:
        self.now = 0.0
        self.issued = 0
        self.scheduler = scheduler
        first = self._token()
        share = Share.of(rate, scheduler.senders)
        # Neither the client nor what it would store is used before the channel is entered.
        nothing = cast("Client", None), cast("Common", None)
        self.channel = Channel(*nothing, first, share, scheduler.senders, lambda _: None)
        tokens = TokenSource(self._issue, first, clock=self._clock)
        pace = ClusterPace(rate, rate)
        self.state = SharedState(
            tokens, self.channel, scheduler, pace, rate, clock=lambda: self.now
        )

    def _clock(self) -> float:
        return self.now

    def _token(self) -> Token:
        self.issued += 1
        return Token.of(Secret(f"token-{self.issued}"))

    async def _issue(self) -> Token:
        return self._token()

    async def refused(self, number: int) -> int:
        """Update the state when a shard says that this token is not accepted; count the tokens."""
        assert self.scheduler.update(report(0, stale_token=number))
        await self.state.update()
        return self.issued


async def test_shards_that_ask_for_a_token_get_one_in_three_seconds() -> None:
    """Each asks by itself, and a server that accepts none would be asked without a pause."""
    bench = _Bench(_started(2, 2))
    assert await bench.refused(1) == 2
    assert bench.channel.token_number == 2
    bench.now = 2.9
    assert await bench.refused(2) == 2
    bench.now = 3.0
    assert await bench.refused(2) == 3
    assert bench.channel.token_number == 3


async def test_a_token_that_was_replaced_is_not_replaced_again() -> None:
    """A shard that has not read the newest orders speaks of an older one."""
    bench = _Bench(_started(2, 2))
    assert await bench.refused(1) == 2
    bench.now = 10.0
    assert await bench.refused(1) == 2


async def test_shards_that_are_left_get_the_share_of_those_that_ended() -> None:
    """They learn it with the next orders."""
    bench = _Bench(_started(2, 2))
    await bench.state.update()
    assert (bench.channel.senders, bench.channel.share.ceiling) == (2, 50.0)
    bench.scheduler.follow(1, is_stopped=False)
    await bench.state.update()
    assert (bench.channel.senders, bench.channel.share.ceiling) == (1, 100.0)
