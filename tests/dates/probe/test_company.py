from dataclasses import replace
from datetime import date, timedelta

import pytest

from collector.core.outcome import Counters, FailureKind
from collector.dates.probe import Finding, Question, QuestionReply, Until, Verdict, verify_dates
from collector.dates.probe.company import verify_company
from collector.dates.probe.questions import settled_span
from tests.dates.probe.fake_api import QUERY, FakeApi, asking, counters, dense, empty, failure, run

_TODAY = date(2026, 11, 24)
_SPAN = settled_span(_TODAY)
_DAYS = [_SPAN.first + timedelta(days=number) for number in range(28)]


def _on(*days: date) -> dict[int, Counters]:
    return {day.toordinal(): counters(1) for day in days}


def _verify(*replies: QuestionReply) -> Finding | None:
    """Verify with a company that answers its windows in turn: whole, left, right, overlap, ..."""
    left = list(replies)
    return asking(verify_company("1", QUERY, _SPAN), lambda _: left.pop(0) if left else empty())


@pytest.mark.parametrize("day", _DAYS)
@pytest.mark.parametrize("excluded", [False, True])
def test_any_day_of_the_month_is_found(
    day: date,
    excluded: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Even if it is the only one; but a day that the server leaves out has no data."""
    api = FakeApi({"1": _on(day)}, _TODAY, until_excluded=excluded)
    finding = run(verify_company("1", QUERY, _SPAN), api)
    if excluded and day == _SPAN.last:
        assert finding is None
        return
    assert finding is not None
    assert finding.dates is Verdict.HONOURED
    assert finding.until is (Until.EXCLUDED if excluded else Until.INCLUDED)


@pytest.mark.parametrize("gap", range(1, 8))
@pytest.mark.parametrize("first", range(7))
def test_data_once_in_a_while_are_enough(first: int, gap: int) -> None:
    """In 22 questions at most, 4 if it is every day."""
    api = FakeApi({"1": _on(*_DAYS[first::gap])}, _TODAY)
    finding = run(verify_company("1", QUERY, _SPAN), api)
    assert finding is not None
    assert finding.dates is Verdict.HONOURED
    assert len(api.asked) <= (4 if gap == 1 else 22)


def test_a_company_without_data_takes_one_question() -> None:
    """There are others."""
    api = FakeApi({}, _TODAY)
    assert run(verify_company("1", QUERY, _SPAN), api) is None
    assert len(api.asked) == 1


@pytest.mark.parametrize("most", range(4, 14))
def test_what_was_found_is_kept_whenever_questions_end(most: int) -> None:
    """Two days, one on each side of the cut: that dates are honoured is known from then on."""
    api = FakeApi({"1": _on(_DAYS[4], _DAYS[19])}, _TODAY)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api, most)
    assert finding.dates is Verdict.HONOURED


def test_the_end_stays_open_where_day_and_month_may_be_mistaken() -> None:
    """There is but the one cut that a reader who guesses cannot pass."""
    data = {"1": _on(_DAYS[4], _DAYS[19], _DAYS[26])}
    api = FakeApi(data, _TODAY, spelling="DD/MM/YYYY")
    finding = run(verify_dates(["1"], replace(QUERY, date_format="DD/MM/YYYY"), _TODAY), api)
    assert (finding.dates, finding.until) == (Verdict.HONOURED, Until.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("whole", "left", "right", "now"),
    [
        (10, 5, 6, 11),
        (10, 11, 3, 14),
        (10, 3, 11, 14),
        (10, 3, 4, 10),
        (10, 15, 16, 12),
    ],
)
def test_parts_that_do_not_add_up_show_nothing(whole: int, left: int, right: int, now: int) -> None:
    """Only if both lie between two answers for the whole, the dates have no effect."""
    replies = (counters(number) for number in (whole, left, right, right, now))
    finding = _verify(*replies)
    assert finding is not None
    assert (finding.dates, finding.until) == (Verdict.INCONCLUSIVE, Until.INCONCLUSIVE)
    assert "do not add up" in finding.evidence[0]


def test_parts_between_two_answers_for_the_whole_show_that_dates_are_ignored() -> None:
    """The figures of the same days, as they move."""
    finding = _verify(*(counters(number) for number in (10, 11, 12, 13, 14)))
    assert finding is not None
    assert finding.dates is Verdict.IGNORED


def test_windows_that_end_in_days_to_come_may_be_answered_with_nothing() -> None:
    """Data of the days before show that this is not for the dates."""
    api = FakeApi({"1": dense(_TODAY, 7)}, _TODAY, future="zeros")
    assert run(verify_dates(["1"], QUERY, _TODAY), api).dates is not Verdict.IGNORED


def test_a_company_without_data_shows_nothing_where_old_days_are_refused() -> None:
    """Neither has it any in the last days, nor without dates."""
    api = FakeApi({"1": {}}, _TODAY, days_back=30)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.INCONCLUSIVE
    assert finding.evidence == ("no company has data",)


@pytest.mark.parametrize("trouble", [failure(500), failure(None, FailureKind.TIMEOUT)])
def test_a_failure_for_the_last_days_is_no_refusal(trouble: QuestionReply) -> None:
    """The service may be out of order."""
    api = FakeApi({"1": dense(_TODAY, 7)}, _TODAY)

    def answer(question: Question) -> QuestionReply:
        is_recent = question.parameters.get("from_date", "") > "2026-11"
        return trouble if is_recent else api.reply(question)

    finding = asking(verify_dates(["1"], QUERY, _TODAY), answer)
    assert finding.dates is Verdict.INCONCLUSIVE
    assert len(finding.evidence) == 1
