from collections import Counter
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from collector.cluster.aggregate import ClusterStats, pace_of_all
from collector.cluster.messages import ShardStatus
from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.pace import Cause, PaceView
from tests.cluster.made_reports import report, result, running_shards
from tests.counted_calls import calls_of

_SMALL = st.integers(0, 50)


@st.composite
def _reports(draw: st.DrawFn) -> ShardStatus:
    return report(
        draw(st.integers(0, 3)),
        incarnation=draw(st.sampled_from("ab")),
        kept={"data": draw(_SMALL), "empty": draw(_SMALL)},
        cells={"data": draw(_SMALL), "failed": draw(_SMALL)},
        failure_kinds={"http": draw(_SMALL)},
        requests=draw(_SMALL),
        in_flight=draw(_SMALL),
        retries=draw(_SMALL),
        retrying=draw(_SMALL),
        good=draw(_SMALL),
        refused=draw(_SMALL),
        resent=draw(_SMALL),
        held_up=draw(_SMALL),
        statuses={200: draw(_SMALL), 429: draw(_SMALL)},
        broken={"timeout": draw(_SMALL)},
    )


@given(st.lists(_reports(), max_size=20))
def test_it_is_the_sum_of_the_newest_reports(reports: list[ShardStatus]) -> None:
    """Cells are those of each shard's last life; requests are those of all its lives."""
    stats = ClusterStats(1_000)
    lives: dict[tuple[int, str], ShardStatus] = {}
    last: dict[int, str] = {}
    for each in reports:
        stats.take(each)
        if (each.shard, each.incarnation) not in lives:
            last[each.shard] = each.incarnation
        lives[each.shard, each.incarnation] = each
    newest = [lives[key].counts for key in last.items()]
    every = [status.counts for status in lives.values()]
    failed, kind = CellState.FAILED, FailureKind.HTTP
    answered = sum(sum(c.kept.values()) + c.cells[CellState.DATA] for c in newest)
    assert stats.done == answered + stats.cells[failed]
    assert stats.cells[failed] == sum(c.cells[failed] for c in newest)
    assert stats.failure_kinds[kind] == sum(c.failure_kinds[kind] for c in newest)
    assert stats.in_flight == sum(c.in_flight for c in newest)
    assert stats.retrying == sum(c.retrying for c in newest)
    for name in ("requests", "retries", "good", "refused", "resent", "held_up"):
        assert getattr(stats, name) == sum(getattr(c, name) for c in every), name
    assert stats.statuses[429] == sum(c.statuses[429] for c in every)
    assert stats.broken[FailureKind.TIMEOUT] == sum(c.broken[FailureKind.TIMEOUT] for c in every)
    for counts in (stats.cells, stats.failure_kinds, stats.statuses, stats.broken):
        assert all(counts.values()), "a count of zero would be shown"


def test_what_this_process_has_sent_counts_as_well() -> None:
    """The token, and what it took to prove the dates."""
    stats = ClusterStats(20)
    stats.request_sent()
    stats.answered(200, 0.1)
    stats.good, stats.refused, stats.in_flight = 1, 2, 3
    assert (stats.requests, stats.statuses, stats.latencies.count) == (1, {200: 1}, 1)
    stats.take(report(requests=5, statuses={200: 4}, good=3, refused=1, in_flight=1))
    assert (stats.requests, stats.statuses) == (6, Counter({200: 5}))
    assert (stats.good, stats.refused, stats.in_flight) == (4, 3, 4)


def test_a_shard_that_begins_anew_takes_nothing_back() -> None:
    """What has died with its worker was sent all the same; what it has done is kept now."""
    stats = ClusterStats(10)
    stats.take(report(requests=6, statuses={200: 5}, cells={"data": 5}))
    stats.take(report(incarnation="b"))
    assert (stats.requests, stats.statuses.total(), stats.done) == (6, 5, 0)
    stats.take(
        report(incarnation="b", requests=5, statuses={200: 5}, kept={"data": 5}, cells={"data": 5})
    )
    assert (stats.requests, stats.statuses.total(), stats.done, stats.missing) == (11, 10, 10, 0)
    # One that was given up as dead, and is not.
    stats.take(report(requests=7, statuses={200: 6}, cells={"data": 6}))
    assert (stats.requests, stats.done) == (12, 10)


def test_results_bring_their_latencies() -> None:
    """Those of all answers together."""
    stats = ClusterStats(20)
    for shard, seconds in enumerate((0.1, 0.2, 0.9)):
        stats.finish(result(report(shard, requests=1), seconds=seconds))
    assert stats.requests == 3
    assert stats.latencies.longest == 0.9


def test_what_a_shard_finds_of_its_own_dead_worker_is_of_this_attempt() -> None:
    """Earlier is what was there before the first one began, whether a shard has begun or not."""
    stats = ClusterStats(30)
    stats.found(Counter({CellState.DATA: 7, CellState.EMPTY: 1}))
    stats.found_by_shard([{CellState.DATA: 3}, {CellState.DATA: 4, CellState.EMPTY: 1}])
    stats.take(report())
    assert (stats.kept.total(), stats.cells.total(), stats.seconds_left()) == (8, 0, None)
    stats.take(report(kept={"data": 3}, cells={"data": 2, "empty": 1, "failed": 1}))
    stats.take(report(incarnation="b"))
    stats.take(report(incarnation="b", kept={"data": 5, "empty": 1}, cells={"data": 2}))
    assert stats.kept == {CellState.DATA: 7, CellState.EMPTY: 1}
    assert stats.cells == {CellState.DATA: 4, CellState.EMPTY: 1}
    assert (stats.done, stats.missing) == (13, 17)


def test_what_is_on_the_disk_counts_when_a_shard_has_not_told_of_it() -> None:
    """What was there before stays so; the rest was answered now."""
    stats = ClusterStats(30)
    stats.found(Counter({CellState.DATA: 10}))
    stats.take(report(cells={"data": 1, "failed": 1}))
    counts = {CellState.DATA: 13, CellState.EMPTY: 2, CellState.FAILED: 1, CellState.MISSING: 14}
    stats.found_on_disk(counts)
    assert stats.kept == {CellState.DATA: 10}
    assert stats.cells == {CellState.DATA: 3, CellState.EMPTY: 2, CellState.FAILED: 1}
    assert (stats.done, stats.missing) == (16, 14)


def test_lines_that_are_gone_from_the_disk_do_not_count() -> None:
    """Another process has removed them: those of earlier attempts, too."""
    stats = ClusterStats(30)
    stats.found(Counter({CellState.DATA: 10, CellState.EMPTY: 2}))
    stats.take(report(cells={"data": 5, "failed": 1}))
    stats.found_on_disk({CellState.DATA: 4, CellState.EMPTY: 3, CellState.FAILED: 1})
    assert stats.kept == {CellState.DATA: 4, CellState.EMPTY: 2}
    assert stats.cells == {CellState.DATA: 0, CellState.EMPTY: 1, CellState.FAILED: 1}


def test_companies_of_several_shards_are_told_apart() -> None:
    """A company may have cells in each of them, and is one company all the same."""
    stats = ClusterStats(30)
    stats.found(Counter({CellState.EMPTY: 3}), {"7"})
    stats.take(report(0, companies={"failed": ["1"], "empty": ["7"]}))
    stats.take(report(1, companies={"failed": ["1"], "empty": []}))
    assert not stats.has_several(CellState.FAILED)
    assert not stats.has_several(CellState.EMPTY)
    stats.take(report(1, companies={"failed": ["1"], "empty": ["8"]}))
    stats.take(report(2, companies={"failed": ["2"], "empty": []}))
    assert stats.has_several(CellState.FAILED)
    assert stats.has_several(CellState.EMPTY)


def _calls_of(shards: int) -> int:
    """Return how many functions one status calls while so many shards run."""
    stats, scheduler = ClusterStats(10 * shards), running_shards(shards)

    def take(status: ShardStatus) -> None:
        assert scheduler.update(status)
        stats.take(status)

    for number in range(shards):
        take(report(number, cells={"data": 1}, statuses={200: 1}, requests=1))
    status = report(0, cells={"data": 2}, statuses={200: 2}, requests=2)
    calls = calls_of(lambda: take(status))
    assert stats.statuses == {200: shards + 1}
    return calls


def test_a_status_costs_the_same_however_many_shards_run() -> None:
    """Each shard reports twice per second: what a status costs must not grow with the others."""
    assert _calls_of(5) == _calls_of(500)


def test_the_pace_is_that_of_all_that_run() -> None:
    """Rates add up; that of the last status and the limit stay when no shard runs any more."""
    assert pace_of_all([], PaceView(8.0, 40.0)) == PaceView(8.0, 40.0)
    running = [report(n, rate=rate, senders=3) for n, rate in enumerate((10.0, 15.0, 5.0))]
    assert pace_of_all(running, PaceView(8.0, 40.0, 45.0)) == PaceView(30.0, 40.0, 45.0)


def test_an_ended_shard_takes_nothing_of_the_pace_along() -> None:
    """Its part is the others', before they have heard of it and after."""
    scheduler = running_shards(2, PaceView(8.0, 40.0))
    for shard in range(2):
        assert scheduler.update(report(shard, rate=20.0, senders=2))
    del scheduler.running[0]
    assert scheduler.pace.rate == 40.0
    assert scheduler.update(report(1, rate=40.0, senders=1))
    assert scheduler.pace.rate == 40.0
    del scheduler.running[1]
    assert scheduler.pace.rate == 40.0


def test_it_is_blocked_when_all_are() -> None:
    """And then until the first of them tries; the cause is that of the first."""
    error = "https://api.example: HTTP 502"
    blocked = [
        report(n, open_cause=Cause.FAILING, next_probe_in=3.0 + n, last_error=error)
        for n in range(2)
    ]
    otherwise = PaceView(10.0, inf)
    assert pace_of_all(blocked, otherwise)[2:] == (None, Cause.FAILING, 3.0, error)
    view = pace_of_all([*blocked, report(2)], otherwise)
    assert (view.open_cause, view.next_probe_in, view.last_error) == (None, 0.0, None)
