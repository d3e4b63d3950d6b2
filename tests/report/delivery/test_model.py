from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from collector.report.delivery.model import CompanyShare, wilson
from collector.report.model import Company
from tests.report.reading import read
from tests.store.made_runs import line, make_run


def test_the_interval_is_that_of_wilson() -> None:
    """As his formula gives it for 10 of 100 (0.0552 to 0.1744), and for one of one."""
    low, high = wilson(10, 100)
    assert (round(low, 4), round(high, 4)) == (0.0552, 0.1744)
    low, high = CompanyShare(Company("1", None), total=1, fails=1).interval
    assert (round(low, 3), high) == (0.207, 1.0)


@given(st.integers(1, 2**70).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_share_is_in_its_interval(counts: tuple[int, int]) -> None:
    """However large the counts are, and never below none nor above all."""
    part, whole = counts
    low, high = wilson(part, whole)
    assert 0 <= low <= high <= 1
    assert low - 1e-9 <= part / whole <= high + 1e-9


def test_companies_are_sorted_by_the_lower_end_that_is_shown(tmp_path: Path) -> None:
    """The database sorts all of them, and the page shows the first."""
    counts = [(1, 1), (60, 100), (59, 100), (2, 3), (900, 1000), (7, 7), (1, 5000)]
    companies = [str(number) for number in range(len(counts))]
    lines = [
        line(company, 1, total=total, fails=fails)
        for company, (fails, total) in zip(companies, counts, strict=True)
    ]
    failing = read(make_run(tmp_path / "r", lines, companies=companies)).failing
    lows = [one.interval[0] for one in failing]
    assert len(failing) == len(counts)
    assert lows == sorted(lows, reverse=True)
    assert failing[0].share == 0.9
