from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pace.circuit import CircuitBreaker


def outages(breaker: CircuitBreaker, companies: list[str]) -> list[bool]:
    """Let a request of each company fail, one after the other."""
    return [breaker.failed(company) for company in companies]


def test_8_failures_in_a_row_of_3_companies_are_an_outage() -> None:
    """The eighth tells, and each one after it."""
    companies = list(islice(cycle("abc"), 10))
    assert outages(CircuitBreaker(100), companies) == [False] * 7 + [True] * 3


@pytest.mark.parametrize(
    ("companies", "failing", "is_outage"),
    [
        (100, "aaaaaaaaaaaaaaaaaaaa", False),
        (100, "abababababababababab", False),
        (100, "aaaaaaaaaaaaaaaaaaab", False),
        (100, "aaaaaaabc", True),
        (100, "abcabca", False),
        (3, "abababababababababab", False),
        (2, "abababab", True),
        (2, "aaaaaaaaaaaaaaaa", False),
        (1, "aaaaaaaa", True),
        (1, "aaaaaaa", False),
    ],
)
def test_it_takes_3_companies_or_all_there_are(
    companies: int,
    failing: str,
    is_outage: bool,  # noqa: FBT001 - a table
) -> None:
    """One broken company, however often it fails, is no outage, unless it is the only one."""
    assert outages(CircuitBreaker(companies), list(failing))[-1] is is_outage


def test_an_answer_begins_the_count_anew() -> None:
    """Both of failures and of companies."""
    breaker = CircuitBreaker(100)
    assert not any(outages(breaker, list("abcabca")))
    breaker.succeeded()
    assert not any(outages(breaker, list("aaaaaaaaaa")))
    breaker.succeeded()
    assert outages(breaker, list("abcabcab"))[-1]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=40))
def test_without_8_in_a_row_there_is_no_outage(news: list[str]) -> None:
    """Whatever fails in between; "" stands for an answer."""
    breaker, in_a_row = CircuitBreaker(4), list[str]()
    for company in news:
        if company:
            in_a_row.append(company)
            is_outage = breaker.failed(company)
            assert is_outage is (len(in_a_row) >= 8 and len(set(in_a_row)) >= 3)
        else:
            in_a_row.clear()
            breaker.succeeded()
        assert breaker.is_doubtful is (len(in_a_row) >= 2)


def test_a_second_failure_in_a_row_is_doubtful() -> None:
    """One may be chance; an answer removes the doubt."""
    breaker = CircuitBreaker(100)
    seen = [breaker.is_doubtful]
    for _ in range(3):
        breaker.failed("a")
        seen.append(breaker.is_doubtful)
    breaker.succeeded()
    assert [*seen, breaker.is_doubtful] == [False, False, True, True, False]
