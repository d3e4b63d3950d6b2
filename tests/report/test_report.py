"""All that a page shows, against a computation in plain Python over the same lines."""

import itertools
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from collector.plan import Shard
from collector.report.delivery.model import CountMovement
from collector.report.model import Company, Tile
from collector.report.report import Report
from collector.store.files import PartFiles
from tests.report.reading import error, log_sample, read
from tests.store.made_runs import FIRST, ZEROS, day, line, make_run
from tests.store.split_runs import split_run

ACTIONS = ("RECEIVED", "PRESS_ACTION", "a/b~c")
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
            expected[company] = (total, fails)
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


def test_windows_that_overlap_are_told(tmp_path: Path) -> None:
    """Sums would count days twice."""
    run = make_run(tmp_path / "r", [line("1", 1, total=1), line("1", 2, total=1)])
    assert not read(run).overlap
    text = line("2", 1, total=1).replace(b'"until_date":"2026-11-01"', b'"until_date":"2026-11-02"')
    (run / "statistics.jsonl").write_bytes(line("1", 1, total=1) + line("1", 2) + text)
    assert read(run).overlap


def test_the_report_of_shards_is_that_of_one_run(tmp_path: Path) -> None:
    """Every figure of the answers; and how the run went is that of all shards together."""
    lines = [
        line(company, day, total=day * 3, sended=day, fails=day)
        for company in ("1", "2")
        for day in (1, 2, 4)
    ]
    at = {"at": "2026-11-23T02:00:10Z"}
    one = make_run(tmp_path / "one", lines)
    (one / "log.jsonl").write_bytes(log_sample(1, sent=60, answered=60, **at))
    many = split_run(tmp_path / "many", lines, 2)
    for number in range(2):
        PartFiles(many, Shard(number, 2)).log.write_bytes(log_sample(1, sent=30, answered=30, **at))
    single, joint = read(one), read(many)
    assert joint.coverage == single.coverage
    assert (joint.delivery, joint.over_time) == (single.delivery, single.over_time)
    assert (joint.failing, joint.quality) == (single.failing, single.quality)
    assert joint.runs[0].cells == single.runs[0].cells
    assert (joint.runs[0].requests, joint.runs[0].attempts) == (60, 1)
    assert (single.runs[0].shards, joint.runs[0].shards) == (None, (2, 2))
    assert [report.behaviour[0].is_joined for report in (joint, single)] == [True, False]
    ((seen,), (expected,)) = (report.behaviour[0].intervals for report in (joint, single))
    assert (seen.sent, seen.allowed) == (expected.sent, 2 * expected.allowed)
