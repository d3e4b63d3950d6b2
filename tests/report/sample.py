"""Reports to draw: a year of 2,000 companies, a week of five with hostile names, and odd ones."""

import math
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from collector.report.bins import cut
from collector.report.coverage.model import CompanyGap, CompanyGroup, CoverageMap
from collector.report.delivery.model import (
    CompanyShare,
    CountMovement,
    Delivery,
    RestatedCell,
    RestatedWindow,
    Restatements,
    SpanDelivery,
)
from collector.report.delivery.settling import ASSUMED
from collector.report.model import Company, Tile, WindowSpan
from collector.report.quality.model import Quality
from collector.report.report import Report
from collector.report.runs.model import Behaviour
from tests.report.parts import MADE, added, company, facts, intervals, total

HOSTILE = (
    "<script>alert(1)</script>",
    "<b>x</b> &lt;i&gt; $x^2$ %{y} =cmd()",
    '<a href="javascript:alert(1)">x</a>',
    "var(--bad) \u202eevil\u202c \x07 \u0645\u0631\u062d\u0628\u0627",
    "</script><img src=x onerror=alert(1)>" + "long " * 60 + "end-of-the-name",
)
"""Names that would run, turn or hide something if a page let them."""


def large() -> Report:
    """Return 2,000 companies x 365 windows of a day, as 36 rows x 53 weeks, of two runs.

    The first and the last week are partial; the figures of the last two still change.
    """
    random = Random(7)  # noqa: S311 - not for secrets
    first = date(2025, 1, 1)
    days = [first + timedelta(days=at) for at in range(365)]
    spans = [one.span for one in cut([WindowSpan(day, day, 1, 1) for day in days], 120)]
    groups = [
        CompanyGroup(company(at), company(min(at + 55, 1999)), min(56, 2000 - at))
        for at in range(0, 2000, 56)
    ]
    tiles = [
        [_tile(random, row, group.companies * span.windows, at) for at, span in enumerate(spans)]
        for row, group in enumerate(groups)
    ]
    coverage = CoverageMap(
        groups=tuple(groups),
        spans=tuple(spans),
        tiles=tuple(map(tuple, tiles)),
        total=total([tile for row in tiles for tile in row]),
        gaps=tuple(CompanyGap(company(at), at % 3, 90 - at, 365) for at in range(50)),
        companies_with_gaps=131,
        is_known=True,
    )
    sums = [
        SpanDelivery(span, _delivery(random, at, span), 2000 * span.windows, is_settled=at < 51)
        for at, span in enumerate(spans)
    ]
    runs = (
        facts("output/2026-01-04", MADE - timedelta(days=1)),
        facts("output/2026-01-05", MADE, 1),
    )
    return Report(
        made_at=MADE,
        runs=runs,
        coverage=coverage,
        delivery=added(sums),
        over_time=tuple(sums),
        settling=ASSUMED,
        overlap=False,
        failing=tuple(
            CompanyShare(company(at * 3), 10_000 + 7 * at, 4_000 - 190 * at) for at in range(20)
        ),
        restated=_restated(random),
        behaviour=tuple(
            Behaviour(run.directory, tuple(intervals(random, run.started_at, 120))) for run in runs
        ),
        quality=Quality(
            unbalanced=2,
            unbalanced_examples=(
                (company(5), date(2025, 3, 1), date(2025, 3, 1), 1200, 1190),
                (company(9), date(2025, 3, 2), date(2025, 3, 2), 80, 84),
            ),
            empty_everywhere=63,
            empty_examples=tuple(company(700 + at) for at in range(50)),
            same_everywhere=1,
            comparable=1931,
            same_examples=(company(77),),
            remarks=("output/2026-01-04/statistics.jsonl: line 12 is damaged and was left out",),
        ),
    )


def small() -> Report:
    """Return 5 companies with hostile names x 7 windows of a day, of one run."""
    companies = [Company(str(number), name) for number, name in enumerate(HOSTILE)]
    days = [date(2026, 1, 1) + timedelta(days=at) for at in range(7)]
    spans = [WindowSpan(day, day, 1, 1) for day in days]
    tiles = [[Tile(1, 0, 0, 0)] * 7 for _ in companies]
    tiles[1][2], tiles[1][3] = Tile(0, 0, 1, 0), Tile(0, 0, 0, 1)
    tiles[3] = [Tile(0, 1, 0, 0)] * 7
    tiles[4][6] = Tile(0, 0, 0, 0)
    script = HOSTILE[0]
    delivery = Delivery(
        total=60, sended=0, pending=50, fails=10, actions={"PRESS_ACTION": 4, script: 2}
    )
    sums = [
        SpanDelivery(span, replace(delivery, total=60 + at), 5) for at, span in enumerate(spans)
    ]
    run = replace(facts(script), remarks=(script,), verdict=script, until=script)
    return Report(
        made_at=MADE,
        runs=(run,),
        coverage=CoverageMap(
            groups=tuple(CompanyGroup(one, one, 1) for one in companies),
            spans=tuple(spans),
            tiles=tuple(map(tuple, tiles)),
            total=total([tile for row in tiles for tile in row]),
            gaps=(CompanyGap(companies[1], 1, 1, 7),),
            companies_with_gaps=1,
            is_known=True,
        ),
        delivery=added(sums),
        over_time=tuple(sums),
        settling=ASSUMED,
        overlap=True,
        failing=tuple(CompanyShare(one, 10, 5 - at) for at, one in enumerate(companies)),
        restated=Restatements(
            cells=4,
            restated=2,
            windows=(
                RestatedWindow(days[0], days[0], 2, 2),
                RestatedWindow(days[1], days[1], 2, 0),
            ),
            all_windows=2,
            highest=RestatedWindow(days[0], days[0], 2, 2),
            movements=(
                CountMovement("sended", is_action=False, rose=12, fell=3),
                CountMovement(script, is_action=True, rose=4, fell=0),
            ),
            examples=(
                RestatedCell(
                    companies[0],
                    days[0],
                    days[0],
                    (
                        CountMovement("sended", is_action=False, rose=12, fell=3),
                        CountMovement(script, is_action=True, rose=4, fell=0),
                    ),
                ),
            ),
        ),
        behaviour=(
            Behaviour(
                script,
                tuple(intervals(Random(3), MADE, 5)),  # noqa: S311 - not for secrets
            ),
        ),
        quality=Quality(
            unbalanced=1,
            unbalanced_examples=((companies[2], days[0], days[0], 7, 6),),
            empty_everywhere=1,
            empty_examples=(companies[3],),
            same_everywhere=1,
            comparable=4,
            same_examples=(companies[0],),
            remarks=(script,),
        ),
    )


def bare() -> Report:
    """Return one company in the server's default window, all zero, of a run that was killed."""
    one = Company("1", None)
    span = WindowSpan(None, None, 1, None)
    run = replace(
        facts("output"),
        from_date=None,
        until_date=None,
        companies=1,
        windows=1,
        ended_at=None,
        exit_code=None,
        cells=Tile(0, 1, 0, 0),
        is_counted=False,
        requests_per_second=None,
        limit_found=None,
        latency_p50=None,
        latency_p99=None,
        verdict=None,
        until=None,
    )
    tile = Tile(0, 1, 0, 0)
    return Report(
        made_at=MADE,
        runs=(run,),
        coverage=CoverageMap(
            (CompanyGroup(one, one, 1),), (span,), ((tile,),), tile, (), 0, is_known=True
        ),
        delivery=Delivery(),
        over_time=(SpanDelivery(span, Delivery(), 1),),
        settling=ASSUMED,
        overlap=False,
        failing=(),
        restated=None,
        behaviour=(),
        quality=Quality(0, (), 0, (), 0, 0, (), ()),
    )


def nothing() -> Report:
    """Return a report of runs that planned nothing."""
    return replace(
        bare(),
        runs=(),
        coverage=CoverageMap((), (), (), Tile(0, 0, 0, 0), (), 0, is_known=True),
        over_time=(),
    )


def _tile(random: Random, row: int, planned: int, column: int) -> Tile:
    missing = planned if row > 30 and column == 30 else 0
    if row == 12 and column > 43:
        missing = random.randrange(1, 20)
    failed = random.randrange(1, 9) if random.random() < 0.006 else 0
    failed = min(failed, planned - missing)
    share = 0.9 if 24 <= row < 27 and column < 17 else 0.12
    empty = round((planned - missing - failed) * share)
    return Tile(planned - missing - failed - empty, empty, failed, missing)


def _delivery(random: Random, at: int, span: WindowSpan) -> Delivery:
    total_count = round(span.windows * 90_000 * (1.2 + math.sin(at / 5)) * random.uniform(0.8, 1))
    fails = round(total_count * random.uniform(0.02, 0.05))
    pending = total_count // 3 if at >= 51 else total_count // 90
    received = round((total_count - fails - pending) * 0.83)
    actions = {"RECEIVED": received, "PRESS_ACTION": received // 14, "CLOSED": received // 5}
    return Delivery(total_count, total_count - fails - pending, pending, fails, actions)


def _restated(random: Random) -> Restatements:
    days = [date(2025, 12, 31) - timedelta(days=60 - at) for at in range(1, 61)]
    windows = tuple(
        RestatedWindow(day, day, 2000, round(2000 * math.exp((at - 59) / 9) * random.random()))
        for at, day in enumerate(days)
    )
    return Restatements(
        cells=120_000,
        restated=sum(window.restated for window in windows),
        windows=windows,
        all_windows=75,
        highest=max(windows, key=lambda one: one.restated),
        movements=(
            CountMovement("total", is_action=False, rose=12_310, fell=0),
            CountMovement("sended", is_action=False, rose=52_112, fell=20),
            CountMovement("pending", is_action=False, rose=900, fell=43_210),
            CountMovement("fails", is_action=False, rose=3_200, fell=0),
            CountMovement("RECEIVED", is_action=True, rose=61_007, fell=0),
            CountMovement("PRESS_ACTION", is_action=True, rose=4_102, fell=3),
        ),
        examples=tuple(
            RestatedCell(
                company(at * 31),
                days[-1 - at % 3],
                days[-1 - at % 3],
                (
                    CountMovement("sended", is_action=False, rose=4_000 - 90 * at, fell=0),
                    CountMovement("pending", is_action=False, rose=0, fell=4_000 - 90 * at),
                    CountMovement("RECEIVED", is_action=True, rose=900 - 9 * at, fell=0),
                ),
            )
            for at in range(20)
        ),
    )
