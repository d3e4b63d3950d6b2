"""Servers and figures that are odd in a way that once brought, or brings, a wrong verdict."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Literal

import pytest

from collector.core.outcome import Counters
from collector.dates.probe import Finding, Until, Verdict, verify_dates
from collector.plan.date_params import DateFormat
from tests.dates.probe.fake_api import QUERY, FakeApi, counters, dense, empty, run

_TODAY = date(2026, 11, 24)


def _verify(
    api: FakeApi, *, today: date = _TODAY, date_format: DateFormat = "YYYY-MM-DD"
) -> Finding:
    return run(verify_dates(list(api.data), replace(QUERY, date_format=date_format), today), api)


def _on(day: date, size: int = 1, campaign: int = 1) -> dict[int, Counters]:
    return {day.toordinal(): counters(size, campaign)}


@pytest.mark.parametrize("days", [1, 7])
def test_a_server_that_refuses_days_to_come_may_honour_dates(days: int) -> None:
    """A company whose data are of the last days only, and a 400 for windows that end tomorrow."""
    api = FakeApi({"1": dense(_TODAY, days)}, _TODAY, future="refuse")
    assert _verify(api).dates is not Verdict.IGNORED


@pytest.mark.parametrize("longest", [1, 2, 7, 9])
@pytest.mark.parametrize("days", [0, 7, 400])
def test_a_server_that_refuses_long_windows_may_honour_dates(longest: int, days: int) -> None:
    """Whether or not there are data: short ones are answered for the days that were asked."""
    api = FakeApi({"1": dense(_TODAY, days)}, _TODAY, longest=longest)
    assert _verify(api).dates is not Verdict.IGNORED


@pytest.mark.parametrize("days_back", [2, 6, 7])
def test_a_server_that_knows_only_the_last_days_may_honour_dates(days_back: int) -> None:
    """It refuses windows that begin earlier."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, days_back=days_back)
    assert _verify(api).dates is not Verdict.IGNORED


def test_a_server_may_be_a_day_ahead_and_leave_until_out() -> None:
    """Its today is the client's tomorrow, and the company began there."""
    tomorrow = _TODAY + timedelta(days=1)
    api = FakeApi({"1": _on(tomorrow)}, tomorrow, until_excluded=True)
    assert _verify(api).dates is not Verdict.IGNORED


def test_a_server_may_answer_with_nothing_for_windows_that_end_in_days_to_come() -> None:
    """And the company began today."""
    api = FakeApi({"1": _on(_TODAY)}, _TODAY, future="zeros")
    assert _verify(api).dates is not Verdict.IGNORED


@pytest.mark.parametrize(
    ("sent", "read"), [("MM/DD/YYYY", "DD/MM/YYYY"), ("DD/MM/YYYY", "MM/DD/YYYY")]
)
@pytest.mark.parametrize(
    ("today", "days", "excluded"),
    [
        (date(2025, 12, 17), 400, False),
        (date(2025, 12, 17), 400, True),
        (date(2025, 12, 31), 14, False),
        (date(2025, 12, 31), 400, True),
        (date(2026, 2, 20), 14, False),
        (date(2026, 2, 20), 400, True),
    ],
)
def test_a_server_that_ignores_what_is_no_date_does_not_honour_them(
    sent: DateFormat,
    read: DateFormat,
    today: date,
    days: int,
    excluded: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It takes the 12th of November for the 11th of December, and the 13th for no date at all."""
    data = dense(today, days)
    api = FakeApi({"1": data}, today, spelling=read, unreadable="missing", until_excluded=excluded)
    assert _verify(api, today=today, date_format=sent).dates is not Verdict.HONOURED


def _once(number: int, size: int = 1) -> Callable[[int], Counters]:
    """Let something come in once, before the given number of requests."""
    return lambda request: counters(size) if request == number else empty()


@pytest.mark.parametrize("excluded", [False, True])
@pytest.mark.parametrize("ages", [(5,), (6, 4), (7, 2), (2,)])
def test_a_notification_that_comes_in_meanwhile_shows_nothing(
    ages: tuple[int, ...], *, excluded: bool
) -> None:
    """The first one of today, in a company that has sent last some days ago: whenever it comes."""
    truth = Until.EXCLUDED if excluded else Until.INCLUDED
    data = {_TODAY.toordinal() - age: counters(1) for age in ages}
    for number in range(1, 20):
        api = FakeApi({"1": data}, _TODAY, until_excluded=excluded, moves=_once(number))
        finding = _verify(api)
        assert finding.dates is not Verdict.IGNORED
        assert finding.until in {truth, Until.INCONCLUSIVE}


@pytest.mark.parametrize("distinct", [False, True])
def test_campaigns_without_notifications_show_nothing(*, distinct: bool) -> None:
    """Only notifications add up, so only they can show it."""
    for age in (0, 1, 3, 12, 40, 60, 70):
        data = _on(_TODAY - timedelta(days=age), 0, 2)
        api = FakeApi({"1": data}, _TODAY, until_excluded=True, distinct=distinct)
        assert _verify(api).dates is not Verdict.IGNORED


def test_a_campaign_on_the_day_of_the_cut_does_not_show_whether_it_is_included() -> None:
    """It has no notifications, so the parts add up without it."""
    data = dense(_TODAY) | _on(date(2026, 9, 12), 0, 2)
    api = FakeApi({"1": data}, _TODAY, until_excluded=True)
    assert _verify(api).until is not Until.INCLUDED


def test_a_campaign_that_continues_does_not_show_that_until_is_ignored() -> None:
    """Left and whole are the same, campaigns included, and the right part has but a campaign."""
    data = _on(date(2026, 9, 5), 4, 1) | _on(date(2026, 9, 20), 0, 1)
    api = FakeApi({"1": data}, _TODAY, distinct=True)
    assert _verify(api).dates is not Verdict.IGNORED


@pytest.mark.parametrize("excluded", [False, True])
@pytest.mark.parametrize("cut_from", ["first", "last"])
@pytest.mark.parametrize("cut_to", [6, 7])
def test_a_server_that_cuts_long_windows_does_not_ignore_dates(
    cut_to: int, cut_from: Literal["first", "last"], *, excluded: bool
) -> None:
    """Short windows are answered for what they say; it is said that long ones may not be."""
    api = FakeApi(
        {"1": dense(_TODAY)}, _TODAY, until_excluded=excluded, cut_to=cut_to, cut_from=cut_from
    )
    finding = _verify(api)
    assert (finding.dates, finding.until) == (Verdict.INCONCLUSIVE, Until.INCONCLUSIVE)
    assert "long ones seem to be cut" in finding.evidence[0]


@pytest.mark.parametrize("cut_from", ["first", "last"])
def test_a_server_that_cuts_long_windows_of_a_steady_company_does_not_ignore_dates(
    cut_from: Literal["first", "last"],
) -> None:
    """A company with the same figures every day, or every week, has the same in all 7 days."""
    data = {day: counters(1) for day in dense(_TODAY)}
    api = FakeApi({"1": data}, _TODAY, cut_to=7, cut_from=cut_from)
    assert _verify(api).dates is not Verdict.IGNORED


def test_notifications_that_come_in_before_a_closer_look_show_nothing() -> None:
    """One five days ago, two that come in after the whole was asked for, one more at last."""
    data = {_TODAY.toordinal() - 5: counters(1)}
    moves = {4: counters(2, 0), 12: counters(1, 0)}
    api = FakeApi({"1": data}, _TODAY, moves=lambda number: moves.get(number, empty()))
    assert _verify(api).dates is not Verdict.IGNORED


@pytest.mark.parametrize("name", ["from_date", "until_date"])
@pytest.mark.parametrize("alone", ["beginning", "week"])
def test_a_server_that_cuts_windows_and_ignores_an_end_ignores_dates(
    name: str, alone: Literal["beginning", "week"]
) -> None:
    """A few days show it as well as many."""
    api = FakeApi(
        {"1": dense(_TODAY)},
        _TODAY,
        ignores=frozenset({name}),
        without_from=alone,
        without_until="today" if alone == "beginning" else "week",
        cut_to=7,
        cut_from="first" if name == "until_date" else "last",
    )
    finding = _verify(api)
    assert finding.dates is Verdict.IGNORED
    assert finding.evidence[0].startswith(f"{name} has no effect")


def test_a_default_window_may_be_longer_than_a_week() -> None:
    """A company with data 16 to 24 days ago has them without dates, and none in the last days."""
    data = {
        day: counts for day, counts in dense(_TODAY).items() if 16 <= _TODAY.toordinal() - day <= 24
    }
    api = FakeApi({"1": data}, _TODAY, default_days=30)
    assert _verify(api).dates is Verdict.INCONCLUSIVE


def test_a_spelling_that_finds_nothing_in_a_year_is_not_understood() -> None:
    """Though the default window may be longer than a week."""
    api = FakeApi(
        {"1": dense(_TODAY)}, _TODAY, default_days=30, spelling="epoch", unreadable="zeros"
    )
    assert _verify(api).dates is Verdict.IGNORED


@pytest.mark.parametrize("cut_from", ["first", "last"])
@pytest.mark.parametrize("cut_to", [9, 14, 20])
def test_windows_that_are_cut_later_are_not_honoured_either(
    cut_to: int, cut_from: Literal["first", "last"]
) -> None:
    """The last days alone, which are few, would seem to verify_dates it; a month would be cut."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, cut_to=cut_to, cut_from=cut_from)
    finding = _verify(api)
    assert finding.dates is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("longest", [6, 7, 14])
@pytest.mark.parametrize("excluded", [False, True])
def test_a_server_that_refuses_long_windows_is_verified_by_short_ones(
    longest: int,
    excluded: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Six days of the same month are enough; the 400 says nothing of names and spelling."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, until_excluded=excluded, longest=longest)
    finding = _verify(api)
    assert finding.dates is Verdict.HONOURED
    assert finding.until is (Until.EXCLUDED if excluded else Until.INCLUDED)
    assert len(api.asked) == 5
