from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.models import Counters, Failure, FailureKind
from collector.probe import Checkup, Question, Reply, Until, Verdict, check_up
from collector.probe.names import NAMES
from tests.probe.fake_api import QUERY, FakeApi, asking, dense, failure, run

_TODAY = date(2026, 11, 24)
_MOST = 38


def _check(api: FakeApi, ids: list[str] | None = None, most: int = _MOST) -> Checkup:
    checkup = run(check_up(ids or list(api.data), QUERY, api.today), api, most)
    assert len(api.asked) <= most
    return checkup


def test_a_server_in_order_needs_few_questions() -> None:
    """Each company once without dates, one of long ago, and the proof; no search."""
    api = FakeApi({str(number): dense(_TODAY) for number in range(3)}, _TODAY)
    checkup = _check(api)
    assert list(checkup.answers) == ["0", "1", "2"]
    assert checkup.configured.dates is Verdict.HONOURED
    assert checkup.configured.until is Until.INCLUDED
    assert (checkup.found, checkup.is_spent) == (None, False)
    assert len(api.asked) == 3 + 1 + 4


def test_each_company_of_a_sample_has_its_answer() -> None:
    """Counters or a failure, in the order of the list, from all over it."""
    trouble = failure(404)
    api = FakeApi({"50": dense(_TODAY)}, _TODAY, failing={"12": trouble, "87": trouble})
    checkup = _check(api, [str(number) for number in range(100)])
    assert list(checkup.answers) == ["0", "12", "25", "37", "50", "62", "75", "87"]
    assert checkup.answers["12"] is trouble
    answer = checkup.answers["50"]
    assert isinstance(answer, Counters)
    assert answer.total > 0
    assert checkup.configured.dates is Verdict.HONOURED


def test_companies_with_data_are_asked_first() -> None:
    """Those without prove nothing, and those that fail are not asked again."""
    failing = {"0": failure(404)}
    api = FakeApi({"3": dense(_TODAY)}, _TODAY, failing=failing)
    _check(api, ["0", "1", "2", "3"])
    assert {question.company_id for question in api.asked[4:]} == {"3"}


def test_no_company_that_answers_is_said_so() -> None:
    """There is nothing to search with."""
    failing: dict[str, Failure] = {
        "1": failure(404),
        "2": failure(None, FailureKind.TIMEOUT),
    }
    api = FakeApi({}, _TODAY, failing=failing)
    checkup = _check(api, ["1", "2"])
    assert checkup.answers == failing
    assert checkup.configured.dates is Verdict.INCONCLUSIVE
    assert "no company answers" in checkup.configured.evidence[0]
    assert (checkup.found, checkup.is_spent) == (None, False)
    assert len(api.asked) == 2


def test_dates_without_effect_are_seen_at_once() -> None:
    """The same figures in 2001, in 2002 and now: two questions tell."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, ignores=frozenset({"from_date", "until_date"}))
    checkup = _check(api)
    assert checkup.configured.dates is Verdict.IGNORED
    assert "2001-01-01..2001-01-07 and 2002-02-01..2002-02-03" in checkup.configured.evidence[0]
    assert [question.parameters.get("from_date") for question in api.asked[:3]] == [
        None,
        "2001-01-01",
        "2002-02-01",
    ]
    assert checkup.found is None
    assert not checkup.is_spent


def test_an_empty_company_is_not_compared_with_the_far_past() -> None:
    """Nothing is nothing, whenever."""
    checkup = _check(FakeApi({"1": {}}, _TODAY))
    assert checkup.configured.dates is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("status", [400, 404, 500])
def test_a_failure_for_the_far_past_shows_nothing(status: int) -> None:
    """The proof goes on."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY)

    def answer(question: Question) -> Reply:
        if question.parameters.get("from_date", "9") < "2010":
            return failure(status)
        return api.reply(question)

    checkup = asking(check_up(["1"], QUERY, _TODAY), answer)
    assert checkup.configured.dates is Verdict.HONOURED


@pytest.mark.parametrize("names", [NAMES[1], NAMES[-1], ("since", "endDate")])
@pytest.mark.parametrize("more", [{}, {"spelling": "DD/MM/YYYY"}, {"spelling": "epoch-ms"}])
@pytest.mark.parametrize("companies", [1, 8])
def test_another_way_is_found_within_the_allowance(
    names: tuple[str, str], more: dict[str, Any], companies: int
) -> None:
    """What is set is not honoured, and what would be is told, with what shows it."""
    data = {str(number): dense(_TODAY) for number in range(companies)}
    api = FakeApi(data, _TODAY, names, **more)
    checkup = _check(api)
    assert checkup.configured.dates is Verdict.IGNORED
    assert checkup.found is not None
    wanted = replace(QUERY, from_param=names[0], until_param=names[1])
    assert checkup.found.query == replace(wanted, date_format=api.spelling)
    assert checkup.found.finding.dates is Verdict.HONOURED


def test_a_strict_server_is_searched_within_the_allowance() -> None:
    """It refuses every request that has a name it does not know."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, NAMES[9], strict=True)
    checkup = _check(api)
    assert checkup.found is not None
    assert (checkup.found.query.from_param, checkup.found.query.until_param) == NAMES[9]


@pytest.mark.parametrize("most", range(18))
def test_it_says_that_it_was_ended_early(most: int) -> None:
    """What was found out before is kept."""
    api = FakeApi({"1": dense(_TODAY), "2": {}}, _TODAY, NAMES[-1])
    checkup = _check(api, most=most)
    assert checkup.is_spent
    assert len(checkup.answers) == min(most, 2)
    assert (checkup.configured.dates is Verdict.IGNORED) == (most >= 4)
    assert checkup.configured.evidence


def test_it_says_that_it_was_ended_early_in_the_last_proof_of_a_search() -> None:
    """There is no further question that would tell it."""
    api = FakeApi({"1": dense(_TODAY)}, _TODAY, NAMES[0], "epoch-ms")
    whole = _check(api, most=1000)
    assert whole.found is not None
    for most in range(len(api.asked)):
        api.asked.clear()
        checkup = _check(api, most=most)
        assert checkup.found is not None or checkup.is_spent


@given(st.sampled_from([{}, {"unreadable": "missing"}]), st.integers(0, 40))
@settings(deadline=None)
def test_the_end_of_questions_is_no_error(more: dict[str, Any], most: int) -> None:
    """Whenever it comes."""
    api = FakeApi({"1": dense(_TODAY), "2": {}}, _TODAY, NAMES[3], "MM/DD/YYYY", **more)
    checkup = _check(api, most=most)
    assert checkup.configured.dates is not Verdict.HONOURED
