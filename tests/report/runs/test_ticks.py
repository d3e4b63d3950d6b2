from datetime import UTC, datetime, timedelta

import pytest

from collector.report.runs.ticks import ticks

_FIRST = datetime(2026, 1, 4, 6, 31, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "first", "last"),
    [
        (10, "06:31:08", "06:31:16"),
        (300, "06:32", "06:36"),
        (7_200, "07:00", "08:30"),
        (90_000, "12:00", "06:00"),
        (864_000, "2026-01-05", "2026-01-13"),
        (864_000_000, "2030-09-19", "2052-10-17"),
    ],
)
def test_moments_are_full_units_of_time(seconds: int, first: str, last: str) -> None:
    """As many as fit; the labels are the same in every language."""
    found = ticks(_FIRST, _FIRST + timedelta(seconds=seconds), 500)
    assert 1 <= len(found) <= 7
    assert all(_FIRST <= at <= _FIRST + timedelta(seconds=seconds) for at, _ in found)
    assert (found[0][1], found[-1][1]) == (first, last)
