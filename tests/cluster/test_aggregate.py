from collections import Counter
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from collector.cluster.aggregate import ClusterPace, ClusterStats
from collector.cluster.messages import ShardStatus
from collector.cluster.scheduler import ShardScheduler
from collector.core.cell import CellState
from collector.core.outcome import FailureKind
from collector.pace import Cause, PaceView
from tests.cluster.made_reports import report, result
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
    newest = [lives[key] for key in last.items()]
    answered = sum(sum(r.kept.values()) + r.cells["data"] for r in newest)
    assert stats.done == answered + stats.cells[CellState.FAILED]
    assert stats.cells[CellState.FAILED] == sum(r.cells["failed"] for r in newest)
    assert stats.failure_kinds[FailureKind.HTTP] == sum(r.failure_kinds["http"] for r in newest)
    assert stats.in_flight == sum(r.in_flight for r in newest)
    assert stats.retrying == sum(r.retrying for r in newest)
    for name in ("retries", "good", "refused", "resent", "held_up"):
        assert getattr(stats, name) == sum(getattr(r, name) for r in lives.values()), name
    assert stats.statuses[429] == sum(r.statuses[429] for r in lives.values())
    assert stats.broken[FailureKind.TIMEOUT] == sum(r.broken["timeout"] for r in lives.values())


def test_what_this_process_has_sent_counts_as_well() -> None:
    """The token, and what it took to prove the dates."""
    stats = ClusterStats(20)
    stats.own.request_sent()
    stats.own.answered(200, 0.1)
    stats.own.good, stats.own.refused, stats.own.in_flight = 1, 2, 3
    stats.add_up()
    assert (stats.requests, stats.statuses) == (1, Counter({200: 1}))
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
    stats, pace = ClusterStats(10 * shards), ClusterPace(40.0, 8.0)
    scheduler = ShardScheduler(shards, shards)

    def take(status: ShardStatus) -> None:
        assert scheduler.update(status)
        stats.take(status)
        pace.take(status, scheduler.statuses)

    while scheduler.start() is not None:
        pass
    for number in range(shards):
        take(report(number, cells={"data": 1}, statuses={200: 1}, requests=1))
    status = report(0, cells={"data": 2}, statuses={200: 2}, requests=2)
    calls = calls_of(lambda: take(status))
    assert stats.statuses == {200: shards + 1}
    return calls


def test_a_status_costs_the_same_however_many_shards_run() -> None:
    """Each shard reports twice per second: what a status costs must not grow with the others."""
    assert _calls_of(5) == _calls_of(500)


def _take(pace: ClusterPace, running: dict[int, ShardStatus], *statuses: ShardStatus) -> None:
    """Put statuses among those of the shards that run, one after the other."""
    for status in statuses:
        running[status.shard] = status
        pace.take(status, running)


def test_the_pace_is_that_of_all_that_run() -> None:
    """Rates add up; that of the last status and the limit stay when no shard runs any more."""
    pace = ClusterPace(40.0, 8.0)
    assert pace.view() == PaceView(8.0, 40.0)
    running: dict[int, ShardStatus] = {}
    for number, rate in enumerate((10.0, 15.0, 5.0)):
        _take(pace, running, report(number, rate=rate, senders=3))
    pace.limit = 45.0
    assert pace.view() == PaceView(30.0, 40.0, 45.0)
    _take(pace, running, report(1, rate=11.0, senders=3))
    running.clear()
    assert pace.view() == PaceView(33.0, 40.0, 45.0)


def test_an_ended_shard_takes_nothing_of_the_pace_along() -> None:
    """Its part is the others', before they have heard of it and after."""
    pace = ClusterPace(40.0, 40.0)
    running: dict[int, ShardStatus] = {}
    _take(pace, running, report(0, rate=20.0, senders=2), report(1, rate=20.0, senders=2))
    del running[0]
    assert pace.view().rate == 40.0
    _take(pace, running, report(1, rate=40.0, senders=1))
    assert pace.view().rate == 40.0


def test_it_is_blocked_when_all_are() -> None:
    """And then until the first of them tries; the cause is that of the first."""
    pace = ClusterPace(inf, 10.0)
    error = "https://api.example: HTTP 502"
    blocked = [
        report(n, open_cause=Cause.FAILING.name, next_probe_in=3.0 + n, last_error=error)
        for n in range(2)
    ]
    running: dict[int, ShardStatus] = {}
    _take(pace, running, *blocked)
    assert pace.view()[2:] == (None, Cause.FAILING, 3.0, error)
    _take(pace, running, report(2))
    assert pace.view().open_cause is None
    assert pace.view().next_probe_in == 0.0
