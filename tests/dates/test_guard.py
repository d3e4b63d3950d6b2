"""What a run knows of its dates: real plans and records, and a proof that says what it is told."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.errors import (
    DatesError,
    IgnoredDatesError,
    InputError,
    OutageError,
    StoppedError,
)
from collector.core.outcome import Answer, Counters, Failure, FailureKind, Outcome
from collector.dates.guard import DatesGuard
from collector.dates.probe import Finding, Until, Verdict
from collector.dates.record import doubted
from collector.dates.verify import DatesVerifier, Verified
from collector.plan import CellSet, Companies, Plan
from collector.settings import RunSettings
from collector.store.manifest import DatesRecord
from collector.store.recovery import Recovered
from tests.dates.probe.fake_api import counters, failure

_RUN = Path("output/night")
_FIRST = date(2026, 11, 1)
_IDS = tuple(str(number) for number in range(40))
_AT = failure(404).failed_at

_INCLUDED = Finding(Verdict.HONOURED, Until.INCLUDED, ("because",))
_EXCLUDED = Finding(Verdict.HONOURED, Until.EXCLUDED, ("because",))
_OPEN = Finding(Verdict.HONOURED, Until.INCONCLUSIVE, ("because",))
_UNKNOWN = Finding(Verdict.INCONCLUSIVE, Until.INCONCLUSIVE, ("who knows",))


class _Verifier:
    """Says in turn what it was given, and then always the last of it."""

    def __init__(self, *findings: Finding | Exception) -> None:
        self.findings = list(findings)
        self.asked: list[Sequence[str]] = []
        self.at_once: list[int] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def verify(self, ids: Sequence[str], at_once: int = 1) -> Verified:
        self.asked.append(ids)
        self.at_once.append(at_once)
        await self.may_end.wait()
        finding = self.findings.pop(0) if len(self.findings) > 1 else self.findings[0]
        if isinstance(finding, Exception):
            raise finding
        return Verified(finding, 4)


def _day(number: int) -> Window:
    day = _FIRST + timedelta(number)
    return Window(day, day)


def _plan(windows: int = 3, first: Window | None = None) -> Plan:
    days = [first] if first is not None else [_day(number) for number in range(windows)]
    return Plan(Companies(_IDS), days)


def _guard(plan: Plan | None = None, **settings: Any) -> DatesGuard:  # noqa: ANN401 - see RunSettings
    return DatesGuard(plan or _plan(), RunSettings(**settings), structlog.get_logger())


def _recovered(
    plan: Plan, done: int = 0, dates: DatesRecord | None = None, *, is_known: bool = True
) -> Recovered:
    """Make what is left of an attempt with the first cells done."""
    cells = CellSet(len(plan))
    for number in range(done):
        cells.add(number)
    return Recovered(
        cells,
        is_complete=done == len(plan),
        has_lines=done > 0,
        dates=dates,
        is_known=is_known,
    )


def _record(verdict: str = "honoured", until: str = "included") -> DatesRecord:
    return DatesRecord(
        verdict=verdict, until=until, until_exclusive=until == "excluded", evidence=["before"]
    )


async def _establish(
    guard: DatesGuard, verifier: _Verifier, recovered: Recovered | None = None
) -> Sequence[str]:
    return await guard.establish(
        cast("DatesVerifier", verifier), recovered or _recovered(_plan()), _RUN
    )


async def test_a_new_run_proves_its_dates() -> None:
    """By its companies, once, and the record says what was found out."""
    guard, verifier = _guard(), _Verifier(_INCLUDED)
    assert await _establish(guard, verifier) == []
    assert verifier.asked == [_IDS]
    record = guard.record
    assert record is not None
    assert (record.verdict, record.until, record.requests) == ("honoured", "included", 4)
    assert record.checked_at is not None
    assert not guard.query.until_exclusive
    assert guard.ignored is None


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_no_more_requests_are_in_flight_than_the_run_may_have(concurrency: int) -> None:
    """Before the first cell."""
    guard, verifier = _guard(concurrency=concurrency), _Verifier(_INCLUDED)
    await _establish(guard, verifier)
    assert verifier.at_once == [concurrency]


async def test_a_server_that_leaves_the_last_day_out_gets_the_day_after_it() -> None:
    """Whatever the option says."""
    guard = _guard()
    await _establish(guard, _Verifier(_EXCLUDED))
    assert guard.query.until_exclusive
    guard = _guard(until_exclusive=True)
    remarks = await _establish(guard, _Verifier(_INCLUDED))
    assert not guard.query.until_exclusive
    assert len(remarks) == 1
    assert "--until-exclusive is set, but" in remarks[0]


@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("finding", [_OPEN, _UNKNOWN])
async def test_what_is_not_known_is_as_the_option_says(
    finding: Finding, *, exclusive: bool
) -> None:
    """And users are told that it is not known; the run continues."""
    guard = _guard(until_exclusive=exclusive)
    assert len(await _establish(guard, _Verifier(finding))) == 1
    assert guard.query.until_exclusive is exclusive
    assert guard.record is not None
    assert guard.record.verdict == finding.dates.value


async def test_without_dates_nothing_is_asked() -> None:
    """There is nothing to prove, and no record."""
    plan = _plan(first=SERVER_DEFAULT)
    guard, verifier = _guard(plan), _Verifier(_INCLUDED)
    assert await _establish(guard, verifier, _recovered(plan)) == ()
    assert verifier.asked == []
    assert guard.record is None


@pytest.mark.parametrize("exclusive", [False, True])
async def test_trusted_dates_are_not_proved(*, exclusive: bool) -> None:
    """The option says what the last day means, and answers that repeat are ignored."""
    guard, verifier = _guard(trust_dates=True, until_exclusive=exclusive), _Verifier(_INCLUDED)
    assert await _establish(guard, verifier) == []
    assert guard.record is not None
    assert guard.record.verdict == "trusted"
    assert guard.query.until_exclusive is exclusive
    await _notice_all(guard)
    assert verifier.asked == []
    assert guard.close() is None


@pytest.mark.parametrize("done", [0, 1])
@pytest.mark.parametrize("until", ["included", "excluded", "inconclusive"])
@pytest.mark.parametrize("trust", [False, True])
async def test_a_proof_is_remembered(done: int, until: str, *, trust: bool) -> None:
    """It is for the same service, so nothing is asked; the last day is sent as it was."""
    guard, verifier, before = _guard(trust_dates=trust), _Verifier(_UNKNOWN), _record(until=until)
    await _establish(guard, verifier, _recovered(_plan(), done, before))
    assert verifier.asked == []
    assert guard.record is before
    assert guard.query.until_exclusive is (until == "excluded")


@pytest.mark.parametrize("before", [None, _record("inconclusive", "inconclusive")])
@pytest.mark.parametrize("done", [0, 1])
async def test_what_was_not_proved_is_proved_now(before: DatesRecord | None, done: int) -> None:
    """Companies may have data by now."""
    guard, verifier = _guard(), _Verifier(_INCLUDED)
    await _establish(guard, verifier, _recovered(_plan(), done, before))
    assert len(verifier.asked) == 1
    assert guard.record is not None
    assert guard.record.verdict == "honoured"


async def test_new_lines_are_not_mixed_with_those_of_another_meaning() -> None:
    """Nothing was known when they were fetched, and the last day was sent as it is."""
    guard = _guard()
    recovered = _recovered(_plan(), 1, _record("inconclusive", "inconclusive"))
    with pytest.raises(DatesError, match="sent as it is, and now it would be sent as the day"):
        await _establish(guard, _Verifier(_EXCLUDED), recovered)
    assert guard.record is None
    # Without lines there is nothing to mix with.
    await _establish(guard, _Verifier(_EXCLUDED), _recovered(_plan(), 0, recovered.dates))


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize("done", [1, 120])
async def test_spoilt_lines_are_refused(done: int, *, trust: bool) -> None:
    """Also with --trust-dates, and when all is done: it is unknown which of them are wrong."""
    guard, verifier = _guard(trust_dates=trust), _Verifier(_INCLUDED)
    recovered = _recovered(_plan(), done, _record("ignored", "inconclusive"))
    with pytest.raises(DatesError, match=r"ignored the dates .*\(before\)") as raised:
        await _establish(guard, verifier, recovered)
    assert not isinstance(raised.value, IgnoredDatesError)
    assert verifier.asked == []
    assert (guard.record, guard.ignored) == (None, None)


async def test_a_spoilt_directory_without_lines_may_begin_again() -> None:
    """There is nothing in it that could be wrong."""
    guard, verifier = _guard(), _Verifier(_INCLUDED)
    await _establish(guard, verifier, _recovered(_plan(), 0, _record("ignored", "inconclusive")))
    assert len(verifier.asked) == 1
    assert guard.record is not None
    assert guard.record.verdict == "honoured"


@pytest.mark.parametrize("trust", [False, True])
@pytest.mark.parametrize(
    "before", [None, _record(), _record("trusted", "trusted"), _record("inconclusive", "excluded")]
)
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_complete_run_keeps_its_record(
    before: DatesRecord | None, *, trust: bool, is_known: bool
) -> None:
    """Nothing is asked and nothing is refused, for nothing is going to be fetched."""
    plan = _plan()
    guard, verifier = _guard(plan, trust_dates=trust, until_exclusive=True), _Verifier(_UNKNOWN)
    await _establish(guard, verifier, _recovered(plan, len(plan), before, is_known=is_known))
    assert verifier.asked == []
    assert guard.record is before


async def test_ignored_dates_spoil_the_lines_that_are_there() -> None:
    """They were collected when that was not known."""
    guard, error = _guard(), IgnoredDatesError("all the same")
    with pytest.raises(IgnoredDatesError) as raised:
        await _establish(guard, _Verifier(error), _recovered(_plan(), 1))
    assert raised.value is error
    assert guard.ignored == "all the same"
    assert guard.record is None


async def test_ignored_dates_without_lines_spoil_nothing() -> None:
    """The directory may be used with other options."""
    guard = _guard()
    with pytest.raises(IgnoredDatesError):
        await _establish(guard, _Verifier(IgnoredDatesError("all the same")))
    assert (guard.ignored, guard.record) == (None, None)


@pytest.mark.parametrize("finding", [_EXCLUDED, _OPEN, _UNKNOWN])
async def test_lines_of_a_lost_manifest_need_a_server_that_includes_the_last_day(
    finding: Finding,
) -> None:
    """It is not known how the last day was sent for them."""
    lost = _recovered(_plan(), 1, is_known=False)
    guard = _guard()
    await _establish(guard, _Verifier(_INCLUDED), lost)
    assert guard.record is not None
    guard = _guard()
    with pytest.raises(DatesError, match="is not known any more"):
        await _establish(guard, _Verifier(finding), lost)
    assert guard.record is None


async def test_trust_does_not_help_where_the_manifest_is_lost() -> None:
    """Unless there are no lines."""
    with pytest.raises(DatesError, match="is not known any more"):
        await _establish(
            _guard(trust_dates=True), _Verifier(_INCLUDED), _recovered(_plan(), 1, is_known=False)
        )
    guard = _guard(trust_dates=True)
    await _establish(guard, _Verifier(_INCLUDED), _recovered(_plan(), 0, is_known=False))
    assert guard.record is not None


@pytest.mark.parametrize("done", [0, 1])
@pytest.mark.parametrize("is_remembered", [False, True])
async def test_the_last_day_of_the_calendar_can_be_sent_as_it_is(
    done: int, *, is_remembered: bool
) -> None:
    """But there is no day after it, whether that is needed is proved now or was before."""
    end = date(9999, 12, 31)
    plan = _plan(first=Window(end, end))
    before = _record() if is_remembered else None
    guard = _guard(plan)
    await _establish(guard, _Verifier(_INCLUDED), _recovered(plan, done, before))
    assert guard.record is not None
    before = _record(until="excluded") if is_remembered else None
    with pytest.raises(InputError, match="at the end of the calendar"):
        await _establish(
            _guard(plan), _Verifier(_EXCLUDED), _recovered(plan, done if before else 0, before)
        )


def test_days_that_cannot_be_sent_at_all_are_refused_before_anything_is_asked() -> None:
    """Their last second is in a year that there is not."""
    end = date(9999, 12, 31)
    with pytest.raises(InputError, match="at the end of the calendar"):
        _guard(_plan(first=Window(end, end)), date_format="epoch")


def _answer(counts: Counters) -> Answer:
    return Answer(b"{}", counts, _AT, 1)


async def _observe(guard: DatesGuard, cell: Cell, outcome: Outcome) -> None:
    """Show an outcome, and let what `watch` does about it be done."""
    if guard.observe(cell, outcome):
        await guard.verify_suspicion()


async def _notice(guard: DatesGuard, company: str, outcome: Outcome, windows: int = 3) -> None:
    for number in range(windows):
        await _observe(guard, Cell(company, _day(number)), outcome)


async def _notice_all(guard: DatesGuard, windows: int = 3) -> None:
    """Let all companies have the same answer in all windows."""
    for company in _IDS:
        await _notice(guard, company, _answer(counters(9)), windows)


async def test_answers_that_repeat_are_looked_into_once_and_then_later() -> None:
    """By the companies that repeat; if the dates are honoured, the next row must be longer."""
    guard, verifier = _guard(_plan(7)), _Verifier(_INCLUDED)
    await _establish(guard, verifier)
    record = guard.record
    verifier.asked.clear()
    await _notice_all(guard, windows=7)
    assert verifier.asked == [_IDS[:5], _IDS[5:15], _IDS[15:35]]
    assert guard.ignored is None
    assert guard.record is record
    remark = guard.close()
    assert remark is not None
    assert remark.startswith("40 companies have the same answer")


@pytest.mark.parametrize("finding", [_UNKNOWN, OutageError("no answer"), StoppedError()], ids=str)
async def test_what_was_not_found_out_in_the_end_is_a_doubt(finding: Finding | Exception) -> None:
    """Also when no request was sent, for the run was stopped; it is none once it is settled."""
    guard, verifier = _guard(_plan(7)), _Verifier(_INCLUDED, finding, _INCLUDED)
    await _establish(guard, verifier)
    said = [guard.is_doubtful]
    await _notice(guard, "1", _answer(counters(900)), windows=2)
    said.append(guard.is_doubtful)
    with suppress(OutageError, StoppedError):
        await guard.verify_last_answers()
    said.append(guard.is_doubtful)
    await guard.verify_last_answers()
    assert [*said, guard.is_doubtful] == [False, True, True, False]


@pytest.mark.parametrize("is_complete", [False, True])
@pytest.mark.parametrize(
    ("finding", "verdict"), [(_INCLUDED, "honoured"), (_UNKNOWN, "inconclusive"), (None, None)]
)
async def test_what_is_in_doubt_is_proved_again(
    finding: Finding | None, verdict: str | None, *, is_complete: bool
) -> None:
    """Even if no cell is missing: its last lines may be of other days, which spoils them all."""
    plan = _plan()
    verifier = _Verifier(_INCLUDED if finding is None else finding)
    if finding is None:
        verifier = _Verifier(IgnoredDatesError("all the same"))
    before = doubted(
        DatesRecord(verdict="honoured", until="included", until_exclusive=False), "why", _AT
    )
    recovered = _recovered(plan, len(plan) if is_complete else 1, before)
    guard = _guard(plan)
    if verdict is None:
        with pytest.raises(IgnoredDatesError):
            await _establish(guard, verifier, recovered)
        assert guard.ignored == "all the same"
    else:
        await _establish(guard, verifier, recovered)
        assert guard.record is not None
        assert guard.record.verdict == verdict
    assert verifier.asked == [_IDS]


async def test_a_proof_after_the_last_answer_is_made_if_they_repeat() -> None:
    """Too few for a row, but most of them: they are looked into, and the end is as they show."""
    guard, verifier = (
        _guard(_plan(7)),
        _Verifier(_INCLUDED, _INCLUDED, IgnoredDatesError("all the same")),
    )
    await _establish(guard, verifier)
    verifier.asked.clear()
    await guard.verify_last_answers()
    assert verifier.asked == []
    await _notice(guard, "1", _answer(counters(900)), windows=2)
    await guard.verify_last_answers()
    assert (verifier.asked, guard.ignored) == ([("1",)], None)
    with pytest.raises(IgnoredDatesError):
        await guard.verify_last_answers()
    assert guard.ignored == "all the same"


async def test_a_proof_that_shows_nothing_is_a_false_alarm() -> None:
    """The run continues."""
    guard, verifier = _guard(), _Verifier(_INCLUDED, _UNKNOWN)
    await _establish(guard, verifier)
    await _notice_all(guard)
    assert len(verifier.asked) == 1 + 3
    assert guard.ignored is None


async def test_dates_that_are_ignored_by_now_end_the_run() -> None:
    """There are lines of other days then."""
    error = IgnoredDatesError("all the same")
    guard, verifier = _guard(), _Verifier(_INCLUDED, error)
    await _establish(guard, verifier)
    with pytest.raises(IgnoredDatesError) as raised:
        await _notice_all(guard)
    assert raised.value is error
    assert guard.ignored == "all the same"
    assert verifier.asked == [_IDS, _IDS[:5]]


def _repeat(guard: DatesGuard) -> list[bool]:
    """Let the first companies have the same answer in both windows of a plan, so a row is there."""
    return [
        guard.observe(Cell(company, _day(number)), _answer(counters(9)))
        for number in range(2)
        for company in _IDS[:5]
    ]


@pytest.mark.parametrize("finding", [_INCLUDED, IgnoredDatesError("all the same")])
async def test_outcomes_that_come_during_a_verification_do_not_wait(
    finding: Finding | IgnoredDatesError,
) -> None:
    """It is asked once, whatever comes meanwhile; only the one that completed the row waits."""
    guard, verifier = _guard(_plan(2)), _Verifier(_INCLUDED, finding)
    await _establish(guard, verifier, _recovered(_plan(2)))
    verifier.may_end.clear()
    watching = asyncio.create_task(guard.watch())
    assert _repeat(guard) == [False] * 9 + [True]
    waiting = asyncio.create_task(guard.verified())
    async with asyncio.timeout(10):
        while len(verifier.asked) == 1:  # noqa: ASYNC110 - a list has no events
            await asyncio.sleep(0)
    for number in range(2):
        for company in _IDS[5:9]:
            assert not guard.observe(Cell(company, _day(number)), _answer(counters(9)))
    assert verifier.asked == [_IDS, _IDS[:5]]
    assert not waiting.done()
    verifier.may_end.set()
    if isinstance(finding, Finding):
        await waiting
        assert not watching.done()
        assert guard.ignored is None
        watching.cancel()
        await asyncio.wait([watching])
    else:
        with pytest.raises(IgnoredDatesError):
            await watching
        assert guard.ignored == "all the same"
        await asyncio.sleep(0)
        # Its caller is about to be cancelled, and must not send anything before that.
        assert not waiting.done()
        waiting.cancel()
    assert len(verifier.asked) == 2


async def test_a_row_is_looked_into_although_the_next_answer_ends_it() -> None:
    """The watch is a task of its own, and more answers may come before its turn."""
    guard, verifier = _guard(_plan(2)), _Verifier(_INCLUDED, IgnoredDatesError("all the same"))
    await _establish(guard, verifier, _recovered(_plan(2)))
    watching = asyncio.create_task(guard.watch())
    _repeat(guard)
    for number in range(2):
        guard.observe(Cell("fine", _day(number)), _answer(counters(20 * number)))
    with pytest.raises(IgnoredDatesError):
        await watching
    assert verifier.asked == [_IDS, _IDS[:5]]


async def test_a_watch_that_is_stopped_leaves_a_doubt() -> None:
    """Nothing may be sent any more: that is no error of the run."""
    guard, verifier = _guard(_plan(2)), _Verifier(_INCLUDED, StoppedError())
    await _establish(guard, verifier, _recovered(_plan(2)))
    watching = asyncio.create_task(guard.watch())
    assert _repeat(guard)[-1]
    await guard.verified()
    # Nothing may be sent for it, so that it is not waited for.
    assert not _repeat(guard)[-1]
    await watching
    assert guard.is_doubtful


async def test_an_error_of_a_proof_does_not_end_the_watch() -> None:
    """What is not about dates goes through, spoils nothing, and the next answer asks again."""
    guard, verifier = _guard(), _Verifier(_INCLUDED, InputError("no"), _INCLUDED)
    await _establish(guard, verifier)
    with pytest.raises(InputError):
        await _notice_all(guard)
    assert guard.ignored is None
    await _observe(guard, Cell("more", _day(0)), _answer(counters(9)))
    assert len(verifier.asked) == 3


async def test_failures_and_differences_are_no_suspicion() -> None:
    """Nor are empty answers."""
    guard, verifier = _guard(), _Verifier(_INCLUDED)
    await _establish(guard, verifier)
    for company in _IDS[:10]:
        await _notice(guard, company, Failure(FailureKind.TIMEOUT, None, "no", None, _AT, 1))
        await _notice(guard, f"{company} empty", _answer(counters(0, 0)))
        for number in range(3):
            await _observe(
                guard, Cell(f"{company} fine", _day(number)), _answer(counters(20 * number))
            )
    assert len(verifier.asked) == 1
    assert guard.close() is None


async def test_a_plan_of_one_window_has_nothing_to_compare() -> None:
    """Nothing is watched."""
    plan = _plan(1)
    guard, verifier = _guard(plan), _Verifier(_INCLUDED)
    await _establish(guard, verifier, _recovered(plan))
    for company in _IDS:
        await _notice(guard, company, _answer(counters(9)), 1)
    assert len(verifier.asked) == 1
    assert guard.close() is None
