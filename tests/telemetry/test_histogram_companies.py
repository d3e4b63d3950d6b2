"""Which companies are slow: out of line with the others, and by enough to look into."""

import tracemalloc

import pytest

from collector.telemetry.histogram import CompanyLatencies, SlowCompany


def _latencies(**seconds: tuple[float, ...]) -> CompanyLatencies:
    latencies = CompanyLatencies()
    for company_id, answers in seconds.items():
        for each in answers:
            latencies.add(company_id, each)
    return latencies


def test_the_slowest_come_first_with_their_mean_and_their_answers() -> None:
    """Three at most, if three are asked for; the others are as fast as others are."""
    usual = {f"usual{number}": (0.1, 0.1, 0.1) for number in range(20)}
    latencies = _latencies(a=(1.0, 2.0), b=(9.0,), c=(0.75, 0.75, 0.75), d=(0.6, 0.8), **usual)
    assert latencies.slowest(3) == [
        SlowCompany("b", 9.0, 1),
        SlowCompany("a", 1.5, 2),
        SlowCompany("c", 0.75, 3),
    ]
    assert [company.company_id for company in latencies.slowest(9)] == ["b", "a", "c", "d"]


def test_less_than_twice_the_median_is_not_slow() -> None:
    """However many seconds that is."""
    assert _latencies(a=(10.0,), b=(11.0,), c=(12.0,), d=(21.9,)).slowest(3) == []
    slow = _latencies(a=(10.0,), b=(11.0,), c=(12.0,), d=(22.0,)).slowest(3)
    assert slow == [SlowCompany("d", 22.0, 1)]


def test_what_cost_less_than_a_second_is_not_slow() -> None:
    """One answer may be ten times as slow by chance: its connection had to be opened first."""
    usual = {f"usual{number}": (0.1,) for number in range(20)}
    assert _latencies(slow=(1.0,), **usual).slowest(3) == []
    assert _latencies(slow=(1.2,), **usual).slowest(3) == [SlowCompany("slow", 1.2, 1)]
    assert _latencies(slow=(0.3,) * 4, **usual).slowest(3) == []
    assert [each.answers for each in _latencies(slow=(0.3,) * 6, **usual).slowest(3)] == [6]


def test_of_three_companies_none_stands_out() -> None:
    """There is no rule yet from which one could be the exception."""
    assert _latencies(a=(0.1,), b=(0.1,), c=(9.0,)).slowest(3) == []
    assert _latencies(a=(0.1,), b=(0.1,), c=(9.0,), d=(0.1,)).slowest(3)
    assert CompanyLatencies().slowest(3) == []


def test_half_of_the_companies_are_within_the_median() -> None:
    """Of the means of companies, not of answers: one company may have most of them."""
    latencies = _latencies(a=(5.0,) * 9, b=(0.1, 0.3), c=(0.4,), d=(0.3,))
    assert latencies.median() == pytest.approx(0.3)
    assert CompanyLatencies().median() == 0.0


def test_a_company_takes_less_than_a_hundred_bytes() -> None:
    """However many answers it has; the ids are there anyway."""
    ids = [f"company-{number:06d}" for number in range(50_000)]
    latencies = CompanyLatencies()
    tracemalloc.start()
    try:
        for company_id in ids:
            latencies.add(company_id, 0.1)
        once = tracemalloc.get_traced_memory()[0]
        for company_id in ids:
            latencies.add(company_id, 0.1)
        twice = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert once < 100 * len(ids)
    assert twice - once < len(ids)
