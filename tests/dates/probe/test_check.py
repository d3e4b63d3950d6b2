from dataclasses import replace
from datetime import date
from typing import Any, Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.outcome import Counters, Failure, FailureKind
from collector.dates.probe import (
    CheckFindings,
    Question,
    QuestionReply,
    Until,
    Verdict,
    check_service,
)
from collector.dates.probe.search import NAMES
from collector.plan.date_params import DATE_FORMATS, DateFormat
from tests.dates.probe.fake_api import QUERY, FakeApi, asking, dense, failure, run

_TODAY = date(2026, 11, 24)
_MOST = 38


def _check(api: FakeApi, ids: list[str] | None = None, most: int = _MOST) -> CheckFindings:
    findings = CheckFindings()
    run(check_service(ids or list(api.data), QUERY, api.today, findings), api, most)
    assert len(api.asked) <= most
    return findings


def test_a_server_in_order_needs_few_questions() -> None:
    """Each company once without dates, one of long ago, and the verification; no search."""
    api = FakeApi({str(number): dense(_TODAY) for number in range(3)}, _TODAY)
    findings = _check(api)
    assert list(findings.answers) == ["0", "1", "2"]
    assert findings.configured.dates is Verdict.HONOURED
    assert findings.configured.until is Until.INCLUDED
    assert (findings.found, findings.was_searched, findings.is_spent) == (None, False, False)
    assert len(api.asked) == 3 + 1 + 4


def test_each_company_of_a_sample_has_its_answer() -> None:
    """Counters or a failure, from all over the list."""
    trouble = failure(404)
    api = FakeApi({"50": dense(_TODAY)}, _TODAY, failing={"12": trouble})
    findings = _check(api, [str(number) for number in range(100)])
    assert list(findings.answers) == ["0", "6", "12", "18", "25", "31", "37", "43", "50"]
    assert findings.answers["12"] is trouble
    answer = findings.answers["50"]
    assert isinstance(answer, Counters)
    assert answer.total > 0
    assert findings.configured.dates is Verdict.HONOURED


@pytest.mark.parametrize("with_data", range(17))
def test_companies_are_asked_until_one_has_data(with_data: int) -> None:
    """3 at least and 16 at most; the verification follows, and more are asked up to 8 in all."""
    ids = [str(number) for number in range(16)]
    api = FakeApi({str(with_data): dense(_TODAY)}, _TODAY)
    findings = _check(api, ids)
    asked = [question.company_id for question in api.asked if not question.parameters]
    at_first = max(3, min(with_data + 1, 16))
    assert asked[:at_first] == ids[:at_first]
    assert asked == list(findings.answers)
    assert findings.has_data == (with_data < 16)
    if findings.has_data:
        assert api.asked[at_first].parameters
        assert set(asked[at_first:]) <= {str(number) for number in range(0, 16, 2)}
        assert len(asked) == max(8, at_first)


@pytest.mark.parametrize("count", [1, 2, 8, 9, 1000])
def test_no_company_is_asked_without_dates_twice(count: int) -> None:
    """Where dates are honoured."""
    api = FakeApi({str(number): dense(_TODAY) for number in range(count)}, _TODAY)
    findings = _check(api)
    asked = [question.company_id for question in api.asked if not question.parameters]
    assert len(asked) == len(set(asked)) == len(findings.answers) == min(count, 8)


def test_more_companies_are_asked_with_the_questions_that_are_left_only() -> None:
    """The verification comes first."""
    api = FakeApi({str(number): dense(_TODAY) for number in range(8)}, _TODAY)
    for most in range(8, 13):
        api.asked.clear()
        findings = _check(api, most=most)
        assert findings.configured.dates is Verdict.HONOURED
        assert len(findings.answers) == 3 + most - 8
        assert findings.is_spent
    api.asked.clear()
    assert not _check(api, most=13).is_spent


def test_companies_with_data_are_asked_first() -> None:
    """Those without are no evidence, and those that fail are not asked again."""
    failing = {"0": failure(404)}
    api = FakeApi({"3": dense(_TODAY)}, _TODAY, failing=failing)
    _check(api, ["0", "1", "2", "3"])
    assert {question.company_id for question in api.asked[4:]} == {"3"}
    assert len(api.asked) == 4 + 1 + 4


def test_no_company_that_answers_is_said_so() -> None:
    """There is nothing to search with."""
    failing: dict[str, Failure] = {
        "1": failure(404),
        "2": failure(None, FailureKind.TIMEOUT),
    }
    api = FakeApi({}, _TODAY, failing=failing)
    findings = _check(api, ["1", "2"])
    assert findings.answers == failing
    assert findings.configured.dates is Verdict.INCONCLUSIVE
    assert "no company answers" in findings.configured.evidence[0]
    assert (findings.found, findings.is_spent) == (None, False)
    assert len(api.asked) == 2


def test_dates_without_effect_are_seen_at_once() -> None:
    """The same figures in 2001, in 2002 and now: two questions tell."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, ignores=frozenset({"from_date", "until_date"}))
    findings = _check(api)
    assert findings.configured.dates is Verdict.IGNORED
    assert "2001-01-01..2001-01-07 and 2002-02-01..2002-02-03" in findings.configured.evidence[0]
    assert [question.parameters.get("from_date") for question in api.asked[:3]] == [
        None,
        "2001-01-01",
        "2002-02-01",
    ]
    assert findings.found is None
    assert not findings.is_spent


def test_an_empty_company_is_not_compared_with_the_far_past() -> None:
    """Nothing is nothing, whenever."""
    api = FakeApi({"1": {}}, _TODAY)
    findings = _check(api)
    assert findings.configured.dates is Verdict.INCONCLUSIVE
    assert all(q.parameters.get("from_date", "9") > "2026" for q in api.asked)


@pytest.mark.parametrize("has_old_data", [False, True])
def test_another_way_is_not_looked_for_without_data(*, has_old_data: bool) -> None:
    """A search would find nothing, or what a coincidence shows, and cost many questions."""
    old = {day: size for day, size in dense(_TODAY).items() if day < _TODAY.toordinal() - 30}
    api = FakeApi({"1": old if has_old_data else {}, "2": {}}, _TODAY, ("from", "to"))
    findings = _check(api)
    assert not findings.has_data
    assert findings.configured.dates is Verdict.INCONCLUSIVE
    assert (findings.found, findings.was_searched, findings.is_spent) == (None, False, False)


def test_another_way_is_looked_for_also_when_nothing_is_known_about_the_one_that_is_set() -> None:
    """As long as a company has data."""
    findings = _check(FakeApi({"1": dense(_TODAY)}, _TODAY, cut_to=7), most=1000)
    assert findings.configured.dates is Verdict.INCONCLUSIVE
    assert findings.was_searched
    assert findings.found is None


def test_what_is_found_out_is_there_as_it_comes() -> None:
    """An interrupted check shows what is known by then."""
    api = FakeApi({"1": dense(_TODAY), "2": {}}, _TODAY)
    findings = CheckFindings()
    probe = check_service(["1", "2"], QUERY, _TODAY, findings)
    questions = next(probe)
    for _ in range(2):
        questions = probe.send([api.reply(question) for question in questions])
    assert list(findings.answers) == ["1", "2"]
    assert findings.has_data
    assert findings.configured.dates is Verdict.INCONCLUSIVE
    probe.close()
    assert not findings.is_spent


def test_a_search_that_finds_nothing_is_said_so() -> None:
    """And that it was not for want of questions."""
    findings = _check(FakeApi({"1": dense(_TODAY)}, _TODAY, ("nobodys", "names")))
    assert (findings.found, findings.was_searched, findings.is_spent) == (None, True, False)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_failure_for_the_far_past_shows_nothing(status: int) -> None:
    """The verification continues."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY)

    def answer(question: Question) -> QuestionReply:
        if question.parameters.get("from_date", "9") < "2010":
            return failure(status)
        return api.reply(question)

    findings = CheckFindings()
    asking(check_service(["1"], QUERY, _TODAY, findings), answer)
    assert findings.configured.dates is Verdict.HONOURED


@pytest.mark.parametrize("names", [NAMES[1], NAMES[-1], ("since", "endDate")])
@pytest.mark.parametrize("more", [{}, {"spelling": "DD/MM/YYYY"}, {"spelling": "epoch-ms"}])
@pytest.mark.parametrize("companies", [1, 8])
def test_another_way_is_found_within_the_allowance(
    names: tuple[str, str], more: dict[str, Any], companies: int
) -> None:
    """The configured dates are not honoured; those that would be are reported, with evidence."""
    data = {str(number): dense(_TODAY) for number in range(companies)}
    api = FakeApi(data, _TODAY, names, **more)
    findings = _check(api)
    assert findings.configured.dates is Verdict.IGNORED
    assert findings.found is not None
    wanted = replace(QUERY, from_param=names[0], until_param=names[1])
    assert findings.found.query == replace(wanted, date_format=api.spelling)
    assert findings.found.finding.dates is Verdict.HONOURED


def test_a_strict_server_is_searched_within_the_allowance() -> None:
    """It refuses every request that has a name it does not know."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, NAMES[9], strict=True)
    findings = _check(api)
    assert findings.found is not None
    assert (findings.found.query.from_param, findings.found.query.until_param) == NAMES[9]


_IDS = [str(number) for number in range(40)]


_Unreadable = Literal["refuse", "zeros", "missing"]


@pytest.mark.parametrize(
    ("spelling", "unreadable", "excluded"),
    [
        pytest.param(
            *(spelling, unreadable, excluded),
            # In `make test` with one end each, and each of the two with every other.
            marks=() if (number + kind) % 2 == excluded else pytest.mark.torture,
        )
        for number, spelling in enumerate(DATE_FORMATS)
        for kind, unreadable in enumerate(get_args(_Unreadable))
        for excluded in (False, True)
    ],
)
def test_every_pair_and_spelling_is_found_within_the_allowance(
    spelling: DateFormat,
    unreadable: _Unreadable,
    *,
    excluded: bool,
) -> None:
    """By a server that ignores names it does not know; the first of 40 companies have data.

    Up to 6 questions more are needed for MM/DD/YYYY if what cannot be read is ignored, and for
    one pair in the last spellings if it is answered with zeros.
    """
    data = {str(number): dense(_TODAY) for number in range(3)}
    for names in NAMES:
        wanted = replace(QUERY, from_param=names[0], until_param=names[1], date_format=spelling)
        if wanted == QUERY:
            continue
        more: dict[str, Any] = {"unreadable": unreadable, "until_excluded": excluded}
        api = FakeApi(data, _TODAY, names, spelling, **more)
        most = 44 if _takes_more(names, spelling, unreadable) else _MOST
        findings = _check(api, _IDS, most)
        assert findings.found is not None
        assert findings.found.query == wanted


def _takes_more(names: tuple[str, str], spelling: DateFormat, unreadable: str) -> bool:
    if unreadable == "missing":
        return spelling == "MM/DD/YYYY"
    last = {"MM/DD/YYYY", "epoch", "epoch-ms", "YYYYMMDD"}
    return unreadable == "zeros" and names == ("from_date", "to_date") and spelling in last


@pytest.mark.parametrize("most", range(18))
def test_it_says_that_it_was_ended_early(most: int) -> None:
    """What was found out before is kept."""
    api = FakeApi({"1": dense(_TODAY), "2": {}}, _TODAY, NAMES[-1])
    findings = _check(api, most=most)
    assert findings.is_spent
    assert len(findings.answers) == min(most, 2)
    assert (findings.configured.dates is Verdict.IGNORED) == (most >= 4)
    assert findings.configured.evidence


def test_it_says_that_it_was_ended_early_in_the_last_verification_of_a_search() -> None:
    """There is no further question that would tell it."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, NAMES[0], "epoch-ms")
    whole = _check(api, most=1000)
    assert whole.found is not None
    for most in range(len(api.asked)):
        api.asked.clear()
        findings = _check(api, most=most)
        assert findings.found is not None or findings.is_spent


@given(st.sampled_from([{}, {"unreadable": "missing"}]), st.integers(0, 40))
@settings(deadline=None)
def test_the_end_of_questions_is_no_error(more: dict[str, Any], most: int) -> None:
    """Whenever it comes."""
    api = FakeApi({"1": dense(_TODAY), "2": {}}, _TODAY, NAMES[3], "MM/DD/YYYY", **more)
    findings = _check(api, most=most)
    assert findings.configured.dates is not Verdict.HONOURED
