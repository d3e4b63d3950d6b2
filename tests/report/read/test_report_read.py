"""What the page shows, against a computation in plain Python over the same lines."""

import itertools
import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.errors import InputError
from collector.report.delivery.model import (
    CountMovement,
)
from collector.report.model import Company, Tile
from collector.report.report import Report, read_report
from collector.store.recorded_run import find_runs
from tests.store.made_runs import AT, FIRST, ZEROS, at_work, day, line, make_run
from tests.tables.databases import empty_database

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ACTIONS = ("RECEIVED", "PRESS_ACTION", "a/b~c")


def read(*runs: Path) -> Report:
    """Read runs as the command does."""
    with empty_database() as database:
        return read_report(database, find_runs(runs), NOW)


def error(company: str, number: int | None) -> bytes:
    """Write the line of a cell that failed for good."""
    window = day(number)
    fields = {
        "company_id": company,
        "from_date": None if window.from_date is None else str(window.from_date),
        "until_date": None if window.until_date is None else str(window.until_date),
        "failed_at": "2026-11-23T02:00:01.234Z",
        "attempts": 5,
        "kind": "http",
        "status": 500,
        "message": "HTTP 500",
        "body": None,
    }
    return json.dumps(fields).encode() + b"\n"


def sample(number: int, **changes: Any) -> bytes:  # noqa: ANN401 - values of any type
    """Write a sample, ten seconds after the one before it."""
    at = (AT + timedelta(seconds=10 * number)).isoformat().replace("+00:00", "Z")
    fields = {
        "at": at,
        "level": "info",
        "event": "sample",
        "seconds": 10.0,
        "sent": 100,
        "accepted": 90,
        "refused": 10,
        "retried": 5,
        "in_flight": 3,
        "allowed": 12.5,
        "latency_p50": 0.1,
        "latency_p90": 0.2,
        "latency_p99": 0.4,
        "done": 7,
    }
    return json.dumps(fields | changes, separators=(",", ":")).encode() + b"\n"


COUNT = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 10**12))
ANSWER = st.one_of(
    st.just(ZEROS),
    st.fixed_dictionaries(
        dict.fromkeys(("total", "sended", "pending", "fails", "campaign"), COUNT)
        | {"actions": st.dictionaries(st.sampled_from(ACTIONS), COUNT)}
    ),
)
LINE = st.tuples(st.sampled_from(["1", "2", "é"]), st.integers(1, 4), ANSWER)
RUN = st.tuples(
    st.lists(LINE, max_size=12, unique_by=lambda made: made[:2]),
    st.lists(st.tuples(st.sampled_from(["1", "2", "é"]), st.integers(1, 4)), max_size=4),
)


def flat(answer: dict[str, Any]) -> tuple[int, ...]:
    """Put the counts of an answer in a row."""
    counters = [answer[name] for name in ("total", "sended", "pending", "fails", "campaign")]
    return (*counters, *(answer["actions"].get(name, 0) for name in sorted(ACTIONS)))


@given(st.lists(RUN, min_size=1, max_size=3))
@settings(
    # Each example makes files and reads them with many queries.
    max_examples=settings().max_examples // 3,
    deadline=None,
    # Shrinking what fails would take minutes: each example makes files and a database.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_figure_agrees_with_brute_force(
    tmp_path_factory: pytest.TempPathFactory, made: list[Any]
) -> None:
    """Coverage, sums, shares, restated cells and remarks, over runs of any content."""
    root = tmp_path_factory.mktemp("runs")
    answers: dict[tuple[str, int], list[tuple[int, ...]]] = defaultdict(list)
    failed: set[tuple[str, int]] = set()
    runs = []
    for number, (lines, errors) in enumerate(made):
        texts = [line(company, at, number * 60, **answer) for company, at, answer in lines]
        runs.append(make_run(root / str(number), texts, names={"1": "One"}))
        (runs[-1] / "errors.jsonl").write_bytes(b"".join(error(*cell) for cell in errors))
        for company, at, answer in lines:
            answers[company, at].append(flat(answer))
        failed |= set(errors)
    report = read(*runs)
    newest = {cell: versions[-1] for cell, versions in answers.items()}
    _check_coverage(report, newest, failed)
    _check_sums(report, newest)
    _check_quality(report, newest)
    if len(runs) > 1:
        _check_restated(report, answers)
    else:
        assert report.restated is None


def _check_coverage(
    report: Report, newest: dict[tuple[str, int], tuple[int, ...]], failed: set[tuple[str, int]]
) -> None:
    coverage = report.coverage
    assert [group.first.id for group in coverage.groups] == ["1", "2", "é"]
    assert coverage.groups[0].first == Company("1", "One")
    assert [span.from_date for span in coverage.spans] == [FIRST + timedelta(n) for n in range(4)]
    for row, company in enumerate(["1", "2", "é"]):
        for column in range(4):
            cell = (company, column + 1)
            if cell in newest:
                expected = Tile(1, 0, 0, 0) if any(newest[cell]) else Tile(0, 1, 0, 0)
            else:
                expected = Tile(0, 0, 1, 0) if cell in failed else Tile(0, 0, 0, 1)
            assert coverage.tiles[row][column] == expected
    tiles = [tile for row in coverage.tiles for tile in row]
    assert coverage.total == Tile(
        *(sum(getattr(tile, name) for tile in tiles) for name in Tile.__slots__)
    )
    gaps = {gap.company.id: (gap.failed, gap.missing, gap.planned) for gap in coverage.gaps}
    lacking: dict[str, list[bool]] = defaultdict(list)
    for company in ("1", "2", "é"):
        for number in range(1, 5):
            if (company, number) not in newest:
                lacking[company].append((company, number) in failed)
    assert gaps == {
        company: (sum(cells), len(cells) - sum(cells), 4) for company, cells in lacking.items()
    }
    assert coverage.companies_with_gaps == len(lacking)


def _check_sums(report: Report, newest: dict[tuple[str, int], tuple[int, ...]]) -> None:
    def sums(of: list[tuple[int, ...]]) -> list[int]:
        return [sum(column) for column in zip(*of, strict=True)] if of else [0] * 8

    def flat_delivery(delivery: Any) -> list[int]:  # noqa: ANN401
        actions = [delivery.actions.get(name, 0) for name in sorted(ACTIONS)]
        return [delivery.total, delivery.sended, delivery.pending, delivery.fails, *actions]

    def without_campaign(values: list[int]) -> list[int]:
        return values[:4] + values[5:]

    assert flat_delivery(report.delivery) == without_campaign(sums(list(newest.values())))
    for number, part in enumerate(report.over_time, start=1):
        of = [values for (_, at), values in newest.items() if at == number]
        assert part.answers == len(of)
        assert flat_delivery(part.delivery) == without_campaign(sums(of))
    expected = {}
    for company in ("1", "2", "é"):
        of = [values for (of_company, _), values in newest.items() if of_company == company]
        total, fails = sums(of)[0], sums(of)[3]
        if total and fails:
            expected[company] = (total, min(fails, total))
    assert {s.company.id: (s.total, s.fails) for s in report.failing} == expected


def _check_quality(report: Report, newest: dict[tuple[str, int], tuple[int, ...]]) -> None:
    quality = report.quality
    odd = {cell for cell, v in newest.items() if v[0] != v[1] + v[2] + v[3]}
    assert quality.unbalanced == len(odd)
    shown = {(company.id, first) for company, first, *_ in quality.unbalanced_examples}
    assert shown == {(company, day(number).from_date) for company, number in odd}
    by_company: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for (company, _), values in newest.items():
        by_company[company].append(values)
    empty = {c for c, of in by_company.items() if not any(any(values) for values in of)}
    same = {c for c, of in by_company.items() if len(of) > 1 and len(set(of)) == 1 and any(of[0])}
    assert {company.id for company in quality.empty_examples} == empty
    assert {company.id for company in quality.same_examples} == same
    assert (quality.empty_everywhere, quality.same_everywhere) == (len(empty), len(same))
    full = [[values for values in of if any(values)] for of in by_company.values()]
    assert quality.comparable == sum(len(of) > 1 for of in full)


def _check_restated(report: Report, answers: dict[tuple[str, int], list[tuple[int, ...]]]) -> None:
    assert report.restated is not None
    again = {cell: versions for cell, versions in answers.items() if len(versions) > 1}
    moved = {cell for cell, versions in again.items() if len(set(versions)) > 1}
    assert (report.restated.cells, report.restated.restated) == (len(again), len(moved))
    windows = {w.from_date: (w.cells, w.restated) for w in report.restated.windows}
    cells, restated = Counter(at for _, at in again), Counter(at for _, at in moved)
    assert windows == {day(at).from_date: (cells[at], restated[at]) for at in cells}
    names = [("total", False), ("sended", False), ("pending", False), ("fails", False)]
    names += [("campaign", False), *((name, True) for name in sorted(ACTIONS))]
    expected = []
    for position, (name, is_action) in enumerate(names):
        steps = [
            new[position] - old[position]
            for versions in again.values()
            for old, new in itertools.pairwise(versions)
        ]
        rose, fell = sum(s for s in steps if s > 0), -sum(s for s in steps if s < 0)
        if rose or fell:
            expected.append(CountMovement(name, is_action, rose, fell))
    assert list(report.restated.movements) == expected


def test_neighbours_are_joined_when_there_are_too_many_to_draw(tmp_path: Path) -> None:
    """130 companies over 250 days: 44 rows of 3 and 84 columns of 3, each cell counted once."""
    companies = [str(number) for number in range(130)]
    lines = [line(company, number, total=1) for company in companies for number in (1, 250)]
    report = read(make_run(tmp_path / "r", lines, companies=companies, days=(1, 250)))
    coverage = report.coverage
    assert (len(coverage.groups), len(coverage.spans)) == (44, 84)
    assert coverage.groups[-1].first.id == "129"
    assert [group.companies for group in coverage.groups] == [3] * 43 + [1]
    assert [span.windows for span in coverage.spans] == [3] * 83 + [1]
    assert coverage.spans[1].until_date == FIRST + timedelta(5)
    assert [span.days for span in coverage.spans] == [3] * 83 + [1]
    assert coverage.tiles[0][0] == Tile(3, 0, 0, 6)
    assert coverage.tiles[43][83] == Tile(1, 0, 0, 0)
    assert coverage.total == Tile(260, 0, 0, 130 * 248)
    assert [part.delivery.total for part in report.over_time] == [130, *[0] * 82, 130]
    assert (len(coverage.gaps), coverage.companies_with_gaps) == (50, 130)


def test_runs_of_other_plans_are_joined(tmp_path: Path) -> None:
    """Each night plans other days and companies: what nobody planned is not missing."""
    first = make_run(tmp_path / "1", [line("1", 1, total=1)], companies=("1", "2"), days=(1, 2))
    then = make_run(
        tmp_path / "2", [line("3", 3, total=1)], companies=("3", "1"), days=(2, 3), names={"1": "N"}
    )
    coverage = read(first, then).coverage
    assert [group.first.id for group in coverage.groups] == ["3", "1", "2"]
    nothing, missing, data = Tile(0, 0, 0, 0), Tile(0, 0, 0, 1), Tile(1, 0, 0, 0)
    assert coverage.tiles == (
        (nothing, missing, data),
        (data, missing, missing),
        (missing, missing, nothing),
    )
    assert coverage.groups[1].first.name == "N"
    assert [facts.cells for facts in read(first, then).runs] == [
        Tile(1, 0, 0, 3),
        Tile(1, 0, 0, 3),
    ]


def test_the_servers_default_window_has_no_days(tmp_path: Path) -> None:
    """One column without dates; and what differs between two nights is not called restated."""
    first = make_run(tmp_path / "1", [line("1", None, total=1)], companies=("1",), days=None)
    then = make_run(tmp_path / "2", [line("1", None, 9, total=2)], companies=("1",), days=None)
    report = read(first, then)
    assert [(span.from_date, span.until_date) for span in report.coverage.spans] == [(None, None)]
    assert report.delivery.total == 2
    assert report.restated is not None
    assert (report.restated.cells, report.restated.highest) == (0, None)
    assert not report.overlap


def test_the_servers_default_window_is_no_part_of_days(tmp_path: Path) -> None:
    """It is the last days: beside other windows it has days in common with some, so to say."""
    first = make_run(tmp_path / "1", [line("1", None, total=1)], companies=("1",), days=None)
    then = make_run(tmp_path / "2", [line("1", 1, total=2)], companies=("1",), days=(1, 1))
    report = read(first, then)
    assert report.overlap
    assert [span.days for span in report.coverage.spans] == [None, 1]


def test_days_between_windows_are_no_days_of_a_span(tmp_path: Path) -> None:
    """121 windows make spans of two; a year lies between the windows of one of them."""
    first = make_run(tmp_path / "1", [line("1", 1, total=1)], companies=("1",), days=(1, 61))
    then = make_run(tmp_path / "2", [], companies=("1",), days=(427, 486))
    spans = read(first, then).coverage.spans
    assert [span.days for span in spans] == [2] * 60 + [1]
    between = spans[30]
    assert between.from_date is not None
    assert between.until_date == between.from_date + timedelta(366)


def test_the_newest_list_gives_the_order(tmp_path: Path) -> None:
    """The list of the first night is that of the third, too: it comes before the second's."""
    lists = [("b", "a"), ("z", "b"), ("b", "a")]
    runs = [make_run(tmp_path / str(n), companies=ids) for n, ids in enumerate(lists)]
    groups = read(*runs).coverage.groups
    assert [group.first.id for group in groups] == ["b", "a", "z"]


def test_a_group_has_the_names_of_its_own_ends(tmp_path: Path) -> None:
    """And none if they have none, whatever those between them are called."""
    companies = [str(number) for number in range(150)]
    run = make_run(tmp_path / "r", companies=companies, names={"1": "One", "2": "Two"})
    group = read(run).coverage.groups[0]
    assert (group.first, group.last) == (Company("0", None), Company("2", "Two"))


def test_a_lost_list_of_companies_is_said_and_its_answers_count(tmp_path: Path) -> None:
    """Then nobody knows what is missing, but the answers are there."""
    run = make_run(tmp_path / "r", [line("7", 1, total=5)], companies=("7", "8"))
    (run / "run-companies.txt").unlink()
    (run / "errors.jsonl").write_bytes(error("8", 2))
    report = read(run)
    assert report.delivery.total == 5
    assert [group.first.id for group in report.coverage.groups] == ["7", "8"]
    assert not report.coverage.is_known
    assert report.coverage.total == Tile(1, 0, 1, 0)
    assert any("not known" in remark for remark in report.quality.remarks)
    # How many there were is in the manifest.
    assert report.runs[0].cells == Tile(1, 0, 1, 6)


def test_an_edited_list_of_companies_is_not_believed(tmp_path: Path) -> None:
    """Who stands in it was perhaps never asked for, and who does not perhaps was."""
    run = make_run(tmp_path / "r", [line("7", 1, total=5)], companies=("7", "8"))
    assert read(run).coverage.is_known
    path = run / "run-companies.txt"
    path.write_bytes(path.read_bytes().replace(b"8", b"9"))
    coverage = read(run).coverage
    assert not coverage.is_known
    assert [group.first.id for group in coverage.groups] == ["7"]


def test_damage_is_said_but_for_a_run_at_work(tmp_path: Path) -> None:
    """A torn line of a run that works is the one that it is writing."""
    run = make_run(tmp_path / "r", [line("1", 1, total=5), b'{"company_id":"2","fr'])
    (run / "errors.jsonl").write_bytes(error("2", 1) + b"\0\0\0\n")
    remarks = read(run).quality.remarks
    assert len(remarks) == 2
    assert all("damaged" in remark for remark in remarks)
    with at_work(run):
        report = read(run)
    assert report.quality.remarks == ()
    assert report.runs[0].is_at_work


def test_few_fails_of_few_come_behind_many_of_many(tmp_path: Path) -> None:
    """1 of 1 says less than 60 of 100; 100 of 10,000 says least."""
    lines = [
        line("1", 1, total=1, fails=1),
        line("2", 1, total=100, fails=60),
        line("é", 1, total=10_000, fails=100),
    ]
    failing = read(make_run(tmp_path / "r", lines)).failing
    assert [(share.company.id, share.total, share.fails) for share in failing] == [
        ("2", 100, 60),
        ("1", 1, 1),
        ("é", 10_000, 100),
    ]


@pytest.mark.parametrize("huge", [2**63 - 1, 10**30, 10**37])
def test_large_counts_are_exact(tmp_path: Path, huge: int) -> None:
    """Sums, differences and what does not add up, near 64 bits and far beyond."""
    lines = [
        line("1", n, total=huge, sended=huge - n, pending=1, actions={"RECEIVED": huge})
        for n in (1, 2)
    ]
    old = make_run(tmp_path / "old", lines)
    new = make_run(tmp_path / "new", [line("1", 1, 60, total=huge, sended=huge, pending=1)])
    report = read(old)
    assert (report.delivery.total, report.delivery.received) == (2 * huge, 2 * huge)
    assert report.delivery.sended == 2 * huge - 3
    assert report.quality.unbalanced == 1
    (example,) = report.quality.unbalanced_examples
    assert example[3:] == (huge, huge - 1)
    restated = read(old, new).restated
    assert restated is not None
    assert restated.movements == (
        CountMovement("sended", is_action=False, rose=1, fell=0),
        CountMovement("RECEIVED", is_action=True, rose=0, fell=huge),
    )


def test_counts_that_cannot_be_added_up_are_refused(tmp_path: Path) -> None:
    """38 digits are the most that a sum can have."""
    run = make_run(tmp_path / "r", [line("1", n, total=10**38 - 1) for n in (1, 2)])
    with pytest.raises(InputError, match="too large to be added up"):
        read(run)


def test_what_moved_most_is_named(tmp_path: Path) -> None:
    """The 20 cells that moved most; of 70 windows the newest 60, and the highest of all."""
    companies = [str(number) for number in range(3)]
    cells = [(company, number) for company in companies for number in range(1, 71)]
    old = make_run(
        tmp_path / "old",
        [line(company, number, total=1000) for company, number in cells],
        companies=companies,
        days=(1, 70),
    )
    moved = [("0", 2), ("1", 2), ("2", 2), *(("1", number) for number in range(41, 71))]
    new = make_run(
        tmp_path / "new",
        [line(c, n, 60, total=1000 - n if c == "1" else 1001 + n) for c, n in moved],
        companies=companies,
        days=(1, 70),
    )
    restated = read(old, new).restated
    assert restated is not None
    assert (restated.cells, restated.restated) == (33, 33)
    assert (len(restated.windows), restated.all_windows) == (31, 31)
    assert restated.highest == restated.windows[0]
    assert len(restated.examples) == 20
    first = restated.examples[0]
    assert (first.company.id, first.from_date) == ("1", day(70).from_date)
    assert first.movements == (CountMovement("total", is_action=False, rose=0, fell=70),)
    again = [line(company, number, 60, total=1000) for company, number in cells]
    again[1] = line("0", 2, 60, total=1)
    third = make_run(tmp_path / "third", again, companies=companies, days=(1, 70))
    restated = read(old, third).restated
    assert restated is not None
    assert (len(restated.windows), restated.all_windows) == (60, 70)
    assert restated.highest is not None
    assert restated.highest.from_date == day(2).from_date


def test_a_killed_attempt_has_at_least_the_requests_of_its_samples(tmp_path: Path) -> None:
    """Its own samples, not those of an attempt that has counts."""
    run = make_run(tmp_path / "r")
    manifest = json.loads((run / "run.json").read_bytes())
    (killed,) = manifest["attempts"]
    later = (AT + timedelta(seconds=25)).isoformat()
    counts = {"sent": 7, "refused": 1, "retried": 2}
    ended = {**killed, "started_at": later, "exit_code": 0, "requests": counts}
    manifest["attempts"] = [killed, ended]
    (run / "run.json").write_text(json.dumps(manifest))
    (run / "log.jsonl").write_bytes(sample(1) + sample(2) + sample(3))
    (facts,) = read(run).runs
    assert not facts.is_counted
    assert (facts.requests, facts.refused, facts.retried) == (207, 21, 12)


def test_a_moment_at_the_end_is_a_part_of_what_was_before(tmp_path: Path) -> None:
    """The last sample of an attempt would be a cliff in each picture."""
    run = make_run(tmp_path / "r")
    short = sample(3, seconds=0.5, sent=1)
    (run / "log.jsonl").write_bytes(sample(1) + sample(2) + short + sample(4))
    (behaviour,) = read(run).behaviour
    assert [part.seconds for part in behaviour.intervals] == [10.0, 10.5, 10.0]
    assert behaviour.intervals[1].sent == pytest.approx(101 / 10.5)
    (run / "log.jsonl").write_bytes(short)
    (behaviour,) = read(run).behaviour
    assert [part.seconds for part in behaviour.intervals] == [0.5]


def test_samples_become_intervals(tmp_path: Path) -> None:
    """Counts become rates; other events, torn ones included, are passed over."""
    run = make_run(tmp_path / "r")
    other = b'{"at":"x","level":"info","event":"run_started"}\n'
    silent = sample(2, seconds=5.0, sent=0, accepted=0, refused=0, latency_p50=None)
    (run / "log.jsonl").write_bytes(sample(1) + other + silent + sample(3)[:-9])
    (behaviour,) = read(run).behaviour
    one, other_one = behaviour.intervals
    assert (one.sent, one.refused, one.retried, one.allowed) == (10.0, 1.0, 0.5, 12.5)
    assert (one.latency_p50, one.latency_p90, one.latency_p99) == (0.1, 0.2, 0.4)
    assert one.ended_at == AT + timedelta(seconds=10)
    assert (other_one.sent, other_one.latency_p50) == (0.0, None)


def test_a_long_night_is_joined_into_200_intervals(tmp_path: Path) -> None:
    """Neighbours are added up, latencies weighted by their answers; nothing is lost at the end."""
    run = make_run(tmp_path / "r")
    samples = [sample(n, sent=n, accepted=n % 2, latency_p50=float(n)) for n in range(401)]
    (run / "log.jsonl").write_bytes(b"".join(samples))
    (behaviour,) = read(run).behaviour
    intervals = behaviour.intervals
    assert len(intervals) == 134
    assert sum(part.sent * part.seconds for part in intervals) == sum(range(401))
    assert sum(part.seconds for part in intervals) == 4010
    assert intervals[0].latency_p50 == pytest.approx((0 + 1 + 2) / 3)
    assert intervals[-1].ended_at == AT + timedelta(seconds=4000)


def test_only_the_newest_five_runs_are_followed_over_time(tmp_path: Path) -> None:
    """All of them are in the facts."""
    runs = [make_run(tmp_path / str(number)) for number in range(7)]
    report = read(*runs)
    assert [part.directory for part in report.behaviour] == [str(run) for run in runs[-5:]]
    assert [facts.directory for facts in report.runs] == [str(run) for run in runs]


def test_facts_add_up_attempts_and_tell_how_the_last_one_ended(tmp_path: Path) -> None:
    """Requests are of all attempts, the end is the last one's; a killed one has no end."""
    run = make_run(tmp_path / "r")
    manifest = json.loads((run / "run.json").read_bytes())
    (attempt,) = manifest["attempts"]
    ended = {
        **attempt,
        "exit_code": 1,
        "ended_at": "2026-11-23T03:00:00.000Z",
        "limit_found": 49.5,
        "requests": {"sent": 10, "refused": 2, "retried": 3},
        "requests_per_second": 4.5,
        "latency_seconds": {"p50": 0.1, "p99": 0.9},
        "remarks": ["odd"],
    }
    manifest["attempts"] = [ended, {**ended, "exit_code": 0}]
    (run / "run.json").write_text(json.dumps(manifest))
    (facts,) = read(run).runs
    assert (facts.requests, facts.refused, facts.retried, facts.attempts) == (20, 4, 6, 2)
    assert facts.is_counted
    assert (facts.exit_code, facts.limit_found, facts.requests_per_second) == (0, 49.5, 4.5)
    assert (facts.latency_p50, facts.latency_p99, facts.remarks) == (0.1, 0.9, ("odd",))
    assert (facts.from_date, facts.until_date) == (FIRST, date(2026, 11, 4))
    manifest["attempts"] = [ended, attempt]
    (run / "run.json").write_text(json.dumps(manifest))
    (facts,) = read(run).runs
    assert (facts.exit_code, facts.ended_at, facts.requests) == (None, None, 10)


def test_a_manifest_without_attempts_is_damaged(tmp_path: Path) -> None:
    """No collector has written it."""
    run = make_run(tmp_path / "r")
    manifest = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**manifest, "attempts": []}))
    with pytest.raises(InputError, match="no attempt"):
        read(run)


def test_windows_that_overlap_are_told(tmp_path: Path) -> None:
    """Sums would count days twice."""
    run = make_run(tmp_path / "r", [line("1", 1, total=1), line("1", 2, total=1)])
    assert not read(run).overlap
    text = line("2", 1, total=1).replace(b'"until_date":"2026-11-01"', b'"until_date":"2026-11-02"')
    (run / "statistics.jsonl").write_bytes(line("1", 1, total=1) + line("1", 2) + text)
    assert read(run).overlap
