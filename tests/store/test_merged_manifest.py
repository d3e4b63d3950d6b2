from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.cell import CellState
from collector.core.errors import ExitCode, gravest
from collector.core.outcome import FailureKind
from collector.plan import Companies, DateRange, Part, Plan, Shard, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.lines import timestamp
from collector.store.manifest import DatesRecord, Manifest, describe_plan
from collector.store.merged_manifest import merge_manifests
from collector.telemetry.names import AnswerNames, Drift, NamesRecord
from collector.telemetry.stats import RunStats

_AT = datetime(2026, 11, 23, 2, tzinfo=UTC)
_DAILY = WindowSize("days", 1)
_SERVICE = {"base-url": "https://one.example"}


def _plan(companies: int = 12, days: int = 10) -> Plan:
    ids = tuple(str(number) for number in range(companies))
    dates = DateRange(date(2026, 1, 1), date(2026, 1, 1) + timedelta(days - 1))
    return Plan(Companies(ids), cut_windows(dates, _DAILY))


def _entry(  # noqa: PLR0913 - each has its usual value
    begin: float = 0,
    end: float | None = 60,
    code: int = 0,
    *,
    error: str | None = None,
    planned: int = 10,
    kept: int = 0,
    data: int = 0,
    limit: float | None = None,
    latency: float = 0.1,
    remarks: tuple[str, ...] = (),
    fields: dict[str, int] | None = None,
    drift: Drift | None = None,
    shard: str = "0/1",
) -> dict[str, Any]:
    """Tell an attempt that began and ended so many seconds after the others; None was killed."""
    described = describe_settings(RunSettings(shard=Shard.parse(shard)))
    attempt = AttemptEntry(
        _AT + timedelta(seconds=begin), described, {CellState.DATA: kept}, remarks
    )
    if end is not None:
        stats = RunStats(planned)
        stats.kept[CellState.DATA] = kept
        stats.cells[CellState.DATA] = data
        stats.requests, stats.good, stats.refused = data + 1, data, 1
        stats.statuses.update({200: data, 429: 1})
        stats.broken[FailureKind.TIMEOUT] = 2
        stats.failure_kinds[FailureKind.HTTP] = 3
        stats.latencies.add(latency)
        stats.names = AnswerNames([NamesRecord(answers=data, with_data=data, fields=fields)])
        stats.drift = drift
        ended = _AT + timedelta(seconds=end)
        attempt.ended(ended, code, error, stats, limit_found=limit)
    return dict(attempt.as_json())


def _manifest(*attempts: dict[str, Any], plan: Plan | None = None, **more: Any) -> Manifest:  # noqa: ANN401
    return Manifest(
        plan=describe_plan(plan or _plan(), _DAILY),
        service=_SERVICE,
        attempts=list(attempts),
        **more,
    )


def _merged(*parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell the attempts of shards as those of one run."""
    total = len(parts)
    manifests = {Shard(number, total): _manifest(*part) for number, part in enumerate(parts)}
    return merge_manifests(manifests).attempts


def _moment(seconds: float) -> str:
    return timestamp(_AT + timedelta(seconds=seconds))


def test_the_manifest_of_a_run_without_shards_is_passed_on_untouched() -> None:
    """It is told as ever."""
    manifest = _manifest(_entry(0, None), _entry(10, 20))
    assert merge_manifests({Shard(): manifest}) is manifest


def test_the_only_shard_that_has_begun_does_not_speak_for_all() -> None:
    """Its attempts are told as they are, and that they are of one of sixteen."""
    killed, ended = _entry(0, None), _entry(10_000, 10_020)
    told = merge_manifests({Shard(3, 16): _manifest(killed, ended)}).attempts
    shards = {"count": 16, "begun": 1}
    assert told == [{**killed, "shards": shards}, {**ended, "shards": shards}]


def test_attempts_that_overlap_are_one() -> None:
    """It begins with the first and ends with the last, and everything is added up."""
    (told,) = _merged(
        [_entry(0, 100, data=4, planned=9, latency=0.1)],
        [_entry(20, 300, data=5, planned=7, kept=1, latency=0.4)],
        [_entry(290, 310, data=6, planned=8, kept=2, latency=0.2)],
    )
    assert (told["started_at"], told["ended_at"]) == (_moment(0), _moment(310))
    assert (told["exit_code"], told["error"], told["remarks"]) == (0, None, [])
    assert told["kept"] == {"data": 3, "empty": 0}
    assert told["cells"] == {"planned": 24, "data": 15, "empty": 0, "failed": 0, "missing": 6}
    assert told["requests"] == {
        "sent": 18,
        "answered": 15,
        "refused": 3,
        "failed": 0,
        "retried": 0,
        "resent": 0,
        "by_status": {"200": 15, "429": 3},
        "broken": {"timeout": 6},
    }
    assert told["failed_by_kind"] == {"http": 9}
    assert told["latency_seconds"] == dict.fromkeys(
        ("p50", "p90", "p99", "max"), pytest.approx(0.4, rel=0.05)
    )
    assert told["requests_per_second"] == round(18 / 310, 3)
    assert told["shards"] == {"count": 3, "begun": 3}


def test_shards_that_follow_each_other_soon_are_one_attempt() -> None:
    """Fewer machines than shards: a minute between two is still the same night."""
    assert len(_merged([_entry(0, 100)], [_entry(160, 200)], [_entry(201, 300)])) == 1
    assert len(_merged([_entry(0, 100)], [_entry(161, 200)], [_entry(201, 300)])) == 2


def test_a_running_shard_is_joined_by_those_that_begin_later() -> None:
    """It is unknown when it ends; one that was killed and resumed no longer runs."""
    assert len(_merged([_entry(0, None)], [_entry(600, 700)])) == 1
    assert len(_merged([_entry(0, None), _entry(5000, 5100)], [_entry(600, 700)])) == 3


def test_two_nights_stay_two() -> None:
    """In the order of time, whichever shard was first; the last one is the last night's."""
    day = 86_400
    nights = _merged(
        [_entry(0, 50, 1, data=1), _entry(day + 5, day + 70, data=2)],
        [_entry(3, 60, data=3), _entry(day, day + 60, data=4)],
    )
    assert [night["started_at"] for night in nights] == [_moment(0), _moment(day)]
    assert [night["exit_code"] for night in nights] == [1, 0]
    assert [night["cells"]["data"] for night in nights] == [4, 6]


def test_a_killed_shard_that_is_resumed_counts_once() -> None:
    """Its last attempt says what became of its cells; that of its sibling is not over meanwhile."""
    (told,) = _merged(
        [_entry(0, None), _entry(40, 90, planned=9, kept=3, data=6)],
        [_entry(0, 100, planned=7, data=7)],
    )
    assert told["exit_code"] == 0
    assert (told["started_at"], told["ended_at"]) == (_moment(0), _moment(100))
    assert told["kept"] == {"data": 3, "empty": 0}
    assert told["shards"] == {"count": 2, "begun": 2}
    # It is unknown what the killed attempt has sent.
    assert "requests" not in told


def test_a_shard_that_was_stopped_and_resumed_counts_once() -> None:
    """Its requests are those of both attempts, its cells and its end those of the last one."""
    (told,) = _merged(
        [_entry(0, 30, 143, planned=9, data=3), _entry(40, 90, planned=9, kept=3, data=6)],
        [_entry(0, 100, planned=7, data=7)],
    )
    assert (told["exit_code"], told["ended_at"]) == (0, _moment(100))
    assert told["cells"] == {"planned": 16, "data": 13, "empty": 0, "failed": 0, "missing": 0}
    assert told["requests"]["answered"] == 16


def test_a_shard_that_was_killed_leaves_the_end_open() -> None:
    """As for a run without shards: a user may have to check it."""
    (told,) = _merged([_entry(0, None)], [_entry(0, 100, 1)])
    assert (told["ended_at"], told["exit_code"], told["error"]) == (None, None, None)


def test_the_gravest_end_is_that_of_all() -> None:
    """With its text; remarks are those of all, each of them once."""
    (told,) = _merged(
        [_entry(0, 60, 1, remarks=("odd", "dates"))],
        [_entry(0, 70, 4, error="the API is out of reach", remarks=("dates",))],
        [_entry(0, 80, remarks=("other",))],
    )
    assert (told["exit_code"], told["error"]) == (4, "the API is out of reach")
    assert told["ended_at"] == _moment(80)
    assert told["remarks"] == ["odd", "dates", "other"]


@pytest.mark.parametrize(
    ("attempts", "limit"),
    [
        ([(0, 60, 10.0), (0, 60, 20.0)], 30.0),
        ([(0, 60, 10.0), (60, 90, 20.0)], 20.0),
        ([(0, 60, 10.0), (30, 90, 20.0), (60, 100, 15.0)], 35.0),
        ([(0, 60, None), (0, 60, 20.0)], 20.0),
        ([(0, 60, None), (0, 60, None)], None),
    ],
)
def test_the_limit_is_what_all_that_run_have_found(
    attempts: list[tuple[float, float, float | None]], limit: float | None
) -> None:
    """Those that follow each other have found the same one."""
    (told,) = _merged(*([_entry(begin, end, limit=found)] for begin, end, found in attempts))
    assert told["limit_found"] == limit


def test_a_run_without_shards_is_an_attempt_of_its_own() -> None:
    """So are shards of another number; that they follow at once changes nothing."""
    manifests = {
        Shard(): _manifest(_entry(130, 150, data=1)),
        Shard(0, 2): _manifest(_entry(0, 50, data=2)),
        Shard(1, 2): _manifest(_entry(0, 60, data=3)),
        Shard(2, 3): _manifest(_entry(61, 120, data=4)),
    }
    told = merge_manifests(manifests).attempts
    assert [attempt["cells"]["data"] for attempt in told] == [5, 4, 1]
    assert [attempt.get("shards") for attempt in told] == [
        {"count": 2, "begun": 2},
        {"count": 3, "begun": 1},
        None,
    ]


def test_the_plan_is_the_largest() -> None:
    """It can only have grown; some shards may not have heard of it yet."""
    grown = _plan(15, 10)
    manifest = merge_manifests({Shard(0, 2): _manifest(), Shard(1, 2): _manifest(plan=grown)})
    assert manifest.plan == describe_plan(grown, _DAILY)


def test_what_is_known_of_dates_is_that_of_any_shard() -> None:
    """That they are ignored goes first: some of the lines are of other days."""
    honoured = DatesRecord(verdict="honoured", until="included", until_exclusive=False)
    ignored = DatesRecord(verdict="ignored", until="inconclusive", until_exclusive=False)
    for records, expected in [
        ((None, None, None), None),
        ((None, honoured, None), honoured),
        ((None, honoured, ignored), ignored),
    ]:
        manifests = {
            Shard(number, 3): _manifest(dates=record) for number, record in enumerate(records)
        }
        assert merge_manifests(manifests).dates == expected


@settings(deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 30),
    st.integers(2, 20),
    st.data(),
)
def test_the_cells_of_all_shards_are_those_of_the_plan(
    companies: int, days: int, total: int, data: st.DataObject
) -> None:
    """Whenever each of them ran, and however often, within one night."""
    plan = _plan(companies, days)
    parts: list[list[dict[str, Any]]] = []
    for number in range(total):
        planned = len(Part(plan, Shard(number, total)))
        ends = data.draw(st.lists(st.integers(1, 55), min_size=1, max_size=3))
        begin = 0
        told = []
        for end in ends:
            told.append(_entry(begin, begin + end, planned=planned, data=planned))
            begin += end
        parts.append(told)
    attempts = _merged(*parts)
    assert len(attempts) == 1
    assert attempts[0]["cells"]["planned"] == len(plan)
    assert attempts[0]["shards"] == {"count": total, "begun": total}


def test_the_merged_manifest_can_be_written_and_read(tmp_path: Any) -> None:  # noqa: ANN401
    """It has the shape of any other."""
    manifests = {Shard(n, 2): _manifest(_entry(n, 60)) for n in range(2)}
    manifest = merge_manifests(manifests)
    manifest.write(tmp_path / "run.json")
    assert Manifest.read(tmp_path / "run.json") == manifest


@pytest.mark.parametrize(
    ("codes", "worst"),
    [
        ([], None),
        ([0], 0),
        ([0, None], None),
        ([0, 1, 0], 1),
        ([1, 143, 130], 143),
        ([1, 130, 129], 129),
        ([4, 143, 1], 4),
        ([2, 4, 6], 2),
        ([3, 2], 3),
        ([7, 3], 7),
        ([5, 7], 5),
        ([70, 5], 70),
        ([0, 99], 99),
    ],
)
def test_the_gravest_of_several_ends(codes: list[int | None], worst: int | None) -> None:
    """A bug goes before a disk before the rest, and what is unknown before them all."""
    assert gravest(codes) == worst
    assert gravest(reversed(codes)) == worst


def test_every_exit_code_has_its_place() -> None:
    """A new one must be put in order too."""
    for code in ExitCode:
        expected = code if code is not ExitCode.COMPLETE else 0
        assert gravest([0, code.value]) == expected


def test_names_in_answers_are_added_up() -> None:
    """And what has changed, each name once; a shard with too many names leaves none."""
    (told,) = _merged(
        [_entry(0, 9, data=4, fields={"late": 4}, drift=Drift(("late",), ("x",)))],
        [_entry(1, 9, data=5, fields={"late": 2, "y": 5}, drift=Drift(("y", "late"), ("x",)))],
    )
    assert told["names"] == {
        "answers": 9,
        "with_data": 9,
        "fields": {"late": 6, "y": 5},
        "actions": {},
        "new": ["late", "y"],
        "gone": ["x"],
    }
    (told,) = _merged([_entry(0, 9, data=4, fields={"late": 4})], [_entry(1, 9, fields=None)])
    assert told["names"]["fields"] is None


def test_shards_of_an_older_collector_have_no_names() -> None:
    """Their entries are merged all the same."""
    older = _entry(0, 9, data=4)
    del older["names"]
    (told,) = _merged([older], [older])
    assert "names" not in told
    assert told["cells"]["data"] == 8
