from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from collector.core.outcome import Counters, FailureKind
from collector.dates.probe import (
    CheckFindings,
    Question,
    Until,
    Verdict,
    check_service,
    verify_dates,
)
from collector.dates.probe.verification import Known, sample
from collector.plan.date_params import DATE_FORMATS, DateFormat
from tests.dates.probe.fake_api import QUERY, FakeApi, counters, dense, empty, failure, run

_TODAY = date(2026, 11, 24)
_BOTH = frozenset({"from_date", "until_date"})

_TODAYS = [
    _TODAY,
    date(2026, 1, 1),
    date(2026, 1, 29),
    date(2026, 2, 28),
    date(2026, 12, 31),
    date(2028, 2, 29),
    date(2028, 3, 31),
]


def _day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize("today", _TODAYS)
@pytest.mark.parametrize("excluded", [False, True])
def test_a_company_with_data_on_most_days_shows_it_in_four_questions(
    today: date,
    excluded: bool,  # noqa: FBT001 - a parameter
) -> None:
    """Both that dates are honoured, and whether the last day is included."""
    api = FakeApi({"1": dense(today)}, today, until_excluded=excluded)
    finding = run(verify_dates(["1", "2"], QUERY, today), api)
    assert finding.dates is Verdict.HONOURED
    assert finding.until is (Until.EXCLUDED if excluded else Until.INCLUDED)
    assert len(api.asked) == 4
    assert "add up to" in finding.evidence[0]


@pytest.mark.parametrize("date_format", DATE_FORMATS)
@pytest.mark.parametrize("excluded", [False, True])
def test_each_spelling_is_verified(
    date_format: DateFormat,
    excluded: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A server of moments gets the last second of the day, so for it there is nothing excluded."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, spelling=date_format, until_excluded=excluded)
    query = replace(QUERY, date_format=date_format)
    finding = run(verify_dates(["1"], query, _TODAY), api)
    counts_moments = date_format in {"epoch", "epoch-ms", "YYYY-MM-DDThh:mm:ssZ"}
    assert finding.dates is Verdict.HONOURED
    is_excluded = excluded and not counts_moments
    assert finding.until is (Until.EXCLUDED if is_excluded else Until.INCLUDED)


@pytest.mark.parametrize(
    ("ignores", "more"),
    [
        (_BOTH, {}),
        (_BOTH, {"default_ends": -1}),
        ({"from_date"}, {}),
        ({"from_date"}, {"without_from": "week"}),
        ({"from_date"}, {"until_excluded": True}),
        ({"until_date"}, {}),
        ({"until_date"}, {"without_until": "end"}),
        ({"until_date"}, {"without_until": "week"}),
    ],
)
@pytest.mark.parametrize("today", _TODAYS)
def test_dates_that_have_no_effect_are_found_out(
    ignores: frozenset[str], more: dict[str, Any], today: date
) -> None:
    """Both of them in 3 questions, one of them in 6: a few days are looked at, too."""
    api = FakeApi({"1": dense(today)}, today, ignores=frozenset(ignores), **more)
    finding = run(verify_dates(["1"], QUERY, today), api)
    assert (finding.dates, finding.until) == (Verdict.IGNORED, Until.INCONCLUSIVE)
    assert len(api.asked) == 6
    name = next(iter(ignores)) if len(ignores) == 1 else "the dates"
    assert finding.evidence[0].startswith(f"{name} has no effect" if name != "the dates" else name)


@pytest.mark.parametrize("excluded", [False, True])
@pytest.mark.parametrize("day", ["2026-10-01", "2026-10-12", "2026-10-13", "2026-10-28"])
def test_a_single_day_is_enough(
    day: str,
    excluded: bool,  # noqa: FBT001 - a parameter
) -> None:
    """It is found by halving, and verified by the days around it."""
    today = date(2026, 12, 1)
    api = FakeApi({"1": {_day(day): counters(1)}}, today, until_excluded=excluded)
    finding = run(verify_dates(["1"], QUERY, today), api)
    if excluded and day.endswith("28"):
        assert finding.dates is Verdict.INCONCLUSIVE
        return
    assert finding.dates is Verdict.HONOURED
    assert finding.until is (Until.EXCLUDED if excluded else Until.INCLUDED)


@pytest.mark.parametrize("excluded", [False, True])
def test_a_company_that_is_only_a_few_days_old_is_enough(
    *,
    excluded: bool,
) -> None:
    """There is nothing in settled days; the last ones have to do."""
    api = FakeApi({"1": dense(_TODAY, days=7)}, _TODAY, until_excluded=excluded)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.HONOURED
    assert finding.until is (Until.EXCLUDED if excluded else Until.INCLUDED)
    assert len(api.asked) <= 8


def test_a_company_that_began_today_is_enough() -> None:
    """Its one day is at the end of the window that the server chooses by itself."""
    api = FakeApi({"1": {_TODAY.toordinal(): counters(3)}}, _TODAY)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert (finding.dates, finding.until) == (Verdict.HONOURED, Until.INCLUDED)


@pytest.mark.parametrize("companies", [[], ["1"], ["1", "2", "3"]])
def test_nothing_is_concluded_without_data(companies: list[str]) -> None:
    """Empty answers look the same with and without dates."""
    api = FakeApi({}, _TODAY)
    finding = run(verify_dates(companies, QUERY, _TODAY), api)
    assert (finding.dates, finding.until) == (Verdict.INCONCLUSIVE, Until.INCONCLUSIVE)
    assert finding.evidence == ("no company has data",)
    assert len(api.asked) == 2 * len(companies)


def _asked_of_empty(ids: list[str]) -> list[Question]:
    """Ask companies that have nothing, and return what was asked."""
    api = FakeApi({}, _TODAY)
    run(verify_dates(ids, QUERY, _TODAY), api)
    return api.asked


def test_few_companies_are_asked_and_they_are_taken_from_all_of_the_list() -> None:
    """Neighbours may be of one kind: the first ones all test accounts, say."""
    api = FakeApi({"50": dense(_TODAY)}, _TODAY)
    ids = [str(number) for number in range(100)]
    finding = run(verify_dates(ids, QUERY, _TODAY), api)
    assert finding.dates is Verdict.HONOURED
    asked = [question.company_id for question in api.asked[:6]]
    assert asked == ["0", "10", "20", "30", "40", "50"]
    assert len(api.asked) == 5 + 4
    assert len({q.company_id for q in _asked_of_empty(ids)}) == 10


@pytest.mark.parametrize(("count", "most"), [(0, 3), (2, 3), (3, 3), (4, 3), (100, 7)])
def test_a_sample_has_no_company_twice(count: int, most: int) -> None:
    """It keeps the order, begins with the first, and is as large as it may be."""
    ids = [str(number) for number in range(count)]
    picked = list(sample(ids, most))
    assert len(set(picked)) == len(picked) == min(count, most)
    assert picked == sorted(picked, key=int)
    assert picked[:1] == ids[:1]


@pytest.mark.parametrize(
    "trouble", [failure(404), failure(500), failure(403), failure(None, FailureKind.TIMEOUT)]
)
def test_a_company_that_does_not_answer_is_skipped(trouble: Any) -> None:  # noqa: ANN401
    """The next one shows it, and the failure is among the doubts if none does."""
    api = FakeApi({"2": dense(_TODAY)}, _TODAY, failing={"1": trouble})
    assert run(verify_dates(["1", "2"], QUERY, _TODAY), api).dates is Verdict.HONOURED
    assert len(api.asked) == 5
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.INCONCLUSIVE
    assert finding.evidence == (f"company 1: {trouble.message}",)


def test_a_server_that_refuses_days_long_ago_is_asked_for_the_last_ones() -> None:
    """A refusal of old days says nothing about the dates."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, days_back=30)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert (finding.dates, finding.until) == (Verdict.HONOURED, Until.INCLUDED)


@pytest.mark.parametrize("size", [0, 5])
def test_dates_that_are_always_refused_are_not_understood(size: int) -> None:
    """What is answered without dates and refused with any is refused for the dates."""
    data = {_TODAY.toordinal(): counters(size)} if size else {}
    api = FakeApi({"1": data}, _TODAY, spelling="DD/MM/YYYY")
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.IGNORED
    assert "but rejects 2026-11-16.." in finding.evidence[0]
    assert "HTTP 400" in finding.evidence[0] or "refuses" in finding.evidence[0]


def test_dates_that_find_nothing_where_there_is_data_are_not_understood() -> None:
    """Zeros for the very days that the server answers for by itself."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, spelling="DD/MM/YYYY", unreadable="zeros")
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.IGNORED
    assert "has nothing in 2026-11-16.." in finding.evidence[0]


def test_a_company_that_fails_with_and_without_dates_is_no_evidence() -> None:
    """A 400 for whatever is asked is not about the dates."""
    api = FakeApi({}, _TODAY, failing={"1": failure(400)})
    assert run(verify_dates(["1"], QUERY, _TODAY), api).dates is Verdict.INCONCLUSIVE


def test_what_a_company_has_without_dates_is_not_asked_again() -> None:
    """A check has asked before."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, spelling="DD/MM/YYYY")
    known = Known({"1": counters(12)})
    finding = run(verify_dates(["1"], QUERY, _TODAY, known), api)
    assert finding.dates is Verdict.IGNORED
    assert all(question.parameters for question in api.asked)
    assert "(total 12)" in finding.evidence[0]


def test_figures_of_ignored_dates_may_move() -> None:
    """Each answer is larger than the previous one, and still they are of the same days."""
    api = FakeApi(
        {"1": dense(_TODAY)}, _TODAY, ignores=_BOTH, moves=lambda _: counters(1, 0, PRESSED=1)
    )
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.IGNORED
    assert "still move" in finding.evidence[0]


@pytest.mark.parametrize(("most", "asked"), [(0, 0), (1, 1), (2, 1), (3, 3)])
def test_it_is_not_known_when_no_more_may_be_asked(most: int, asked: int) -> None:
    """It ends at once, and says why. Two questions that belong together are not asked singly."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api, most)
    assert finding.dates is Verdict.INCONCLUSIVE
    assert finding.evidence == ("no more questions were to be asked",)
    assert len(api.asked) == asked


def _without_12ths(today: date) -> dict[int, Counters]:
    return {day: counts for day, counts in dense(today).items() if date.fromordinal(day).day != 12}


def test_what_is_known_when_no_more_may_be_asked_is_not_lost() -> None:
    """Dates are honoured although the end of a window would have needed more questions."""
    api = FakeApi({"1": _without_12ths(_TODAY)}, _TODAY)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api, most=4)
    assert (finding.dates, finding.until) == (Verdict.HONOURED, Until.INCONCLUSIVE)


@pytest.mark.parametrize("excluded", [False, True])
def test_a_day_without_data_at_the_cut_does_not_leave_the_end_open(*, excluded: bool) -> None:
    """A company may not send on weekends; another split shows it with three more questions."""
    api = FakeApi({"1": _without_12ths(_TODAY)}, _TODAY, until_excluded=excluded)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert finding.dates is Verdict.HONOURED
    assert finding.until is (Until.EXCLUDED if excluded else Until.INCLUDED)
    assert len(api.asked) <= 8


def test_campaigns_that_continue_are_mentioned() -> None:
    """They do not add up, which people who add windows up should know."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, distinct=True)
    finding = run(verify_dates(["1"], QUERY, _TODAY), api)
    assert (finding.dates, finding.until) == (Verdict.HONOURED, Until.INCLUDED)
    assert "campaign does not add up" in finding.evidence[1]


@pytest.mark.parametrize("date_format", ["DD/MM/YYYY", "DD-MM-YYYY", "MM/DD/YYYY"])
@pytest.mark.parametrize("today", _TODAYS)
def test_a_reader_that_guesses_day_and_month_is_not_trusted(
    date_format: DateFormat, today: date
) -> None:
    """It is right from the 13th on, and wrong before."""
    api = FakeApi({"1": dense(today)}, today, spelling=date_format, lenient=True)
    finding = run(verify_dates(["1"], replace(QUERY, date_format=date_format), today), api)
    assert finding.dates is not Verdict.HONOURED


def test_empty_days_beside_a_gap_leave_only_the_end_of_windows_open() -> None:
    """Two days far apart show that dates are honoured; the day at the cut has nothing."""
    today = date(2026, 12, 1)
    data = {_day("2026-10-03"): counters(2), _day("2026-10-20"): counters(3)}
    api = FakeApi({"1": data}, today)
    finding = run(verify_dates(["1"], QUERY, today), api)
    assert (finding.dates, finding.until) == (Verdict.HONOURED, Until.INCLUDED)
    assert empty().is_empty


@pytest.mark.parametrize("name", ["Bearer s3cr3t", "\x1b[31m", "a\nb"])
def test_names_of_actions_are_in_no_evidence(name: str) -> None:
    """They are the server's: a careless or hostile one may put anything there."""
    days = range(_TODAY.toordinal() - 200, _TODAY.toordinal() + 1)
    data = {day: Counters(0, 0, 0, 0, 0, {name: 1 + day % 31}) for day in days}
    servers: list[dict[str, Any]] = [
        {},
        {"until_excluded": True},
        {"ignores": _BOTH},
        {"ignores": frozenset({"from_date"})},
        {"ignores": frozenset({"until_date"})},
        {"cut_to": 7},
        {"spelling": "DD/MM/YYYY"},
        {"spelling": "DD/MM/YYYY", "unreadable": "zeros"},
        {"ignores": _BOTH, "moves": lambda _: Counters(0, 0, 0, 0, 0, {name: 1})},
    ]
    told = set()
    for more in servers:
        api = FakeApi({"1": data}, _TODAY, **more)
        findings = CheckFindings()
        run(check_service(["1"], QUERY, _TODAY, findings), api)
        for finding in (run(verify_dates(["1"], QUERY, _TODAY), api), findings.configured):
            text = " ".join(finding.evidence)
            assert "actions" in text
            assert name not in text
            assert text.isprintable()
            told.add(finding.dates)
    assert told == set(Verdict)
