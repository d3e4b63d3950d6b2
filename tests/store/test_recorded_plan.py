from dataclasses import dataclass
from datetime import date
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.errors import InputError
from collector.plan import (
    Companies,
    DateRange,
    Plan,
    WindowSize,
    cut_windows,
)
from collector.store.manifest import PlanRecord, describe_plan
from collector.store.plan_differences import plan_differences
from collector.store.recorded_plan import recorded_plan, write_company_list

_SIZES = ("1d", "7d", "week", "month", "whole")


@dataclass(frozen=True)
class _Made:
    """A plan by what a user gives for it; no dates are the server's default window."""

    ids: str = "1 2 3"
    first: str | None = "2026-01-01"
    last: str = "2026-01-31"
    window: str = "7d"

    @property
    def plan(self) -> Plan:
        dates = None
        if self.first is not None:
            dates = DateRange(date.fromisoformat(self.first), date.fromisoformat(self.last))
        return Plan(
            Companies(tuple(self.ids.split())), cut_windows(dates, WindowSize.parse(self.window))
        )


def _differences(old: _Made, new: _Made) -> list[str]:
    return plan_differences(old.plan, new.plan)


@pytest.mark.parametrize("size", _SIZES)
def test_a_plan_is_put_together_again(tmp_path: Path, size: str) -> None:
    """From its record and its list of companies: the same cells in the same order."""
    plan = _Made(ids="1 é 0 12", first="2026-01-07", last="2026-03-05", window=size).plan
    path = tmp_path / "run-companies.txt"
    write_company_list(path, plan.companies)
    again, is_intact = recorded_plan(describe_plan(plan, WindowSize.parse(size)), path)
    assert is_intact
    assert list(again) == list(plan)
    assert again.fingerprint == plan.fingerprint


def test_a_plan_without_dates_is_put_together_again(tmp_path: Path) -> None:
    """With the server's default window."""
    plan = _Made(first=None, window="whole").plan
    path = tmp_path / "run-companies.txt"
    write_company_list(path, plan.companies)
    assert list(recorded_plan(describe_plan(plan, WindowSize("whole")), path).plan) == list(plan)


_RECORD = describe_plan(_Made().plan, WindowSize.parse("7d"))


@pytest.mark.parametrize(
    "record",
    [
        msgspec.structs.replace(_RECORD, window="8h"),
        msgspec.structs.replace(_RECORD, window=""),
        msgspec.structs.replace(_RECORD, from_date="yesterday"),
        msgspec.structs.replace(_RECORD, until_date="2026-13-01"),
        msgspec.structs.replace(_RECORD, from_date="2026-02-01"),
    ],
)
def test_a_damaged_record_is_a_value_error(tmp_path: Path, record: PlanRecord) -> None:
    """It cannot be a user's mistake: the collector has written it."""
    path = tmp_path / "run-companies.txt"
    path.write_bytes(b"1\n2\n3\n")
    with pytest.raises(ValueError, match=r"."):
        recorded_plan(record, path)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 600, b"1\n2\n..\n"])
def test_a_list_that_cannot_be_read_is_an_input_error(
    tmp_path: Path, content: bytes | None
) -> None:
    """Missing, empty or damaged; the text names it."""
    path = tmp_path / "run-companies.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=str(path)):
        recorded_plan(_RECORD, path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_Made(), _Made()),
        (_Made(), _Made(ids="1 2 3 4 5")),
        (_Made(), _Made(ids="5 3 2 4 1")),
        (_Made(), _Made(ids="3 1 2")),
        (_Made(last="2026-01-28"), _Made(last="2026-02-01")),
        (_Made(last="2026-01-28"), _Made(ids="9 3 2 1", last="2026-03-31")),
        (_Made(window="1d"), _Made(window="1d", last="2026-02-01")),
        (_Made(window="month"), _Made(window="month", last="2026-02-11")),
        (_Made(window="whole"), _Made(window="month")),
        (_Made(last="2026-01-01", window="whole"), _Made(window="1d")),
        (_Made(first=None, window="whole"), _Made(ids="4 3 2 1", first=None, window="whole")),
    ],
)
def test_a_plan_may_stay_or_grow(old: _Made, new: _Made) -> None:
    """Companies anywhere in the list and in any order, windows at the end."""
    assert _differences(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "difference"),
    [
        (
            _Made(),
            _Made(first="2025-12-31"),
            "it began on 2026-01-01, and now would begin on 2025-12-31",
        ),
        (
            _Made(),
            _Made(first="2026-01-02"),
            "it began on 2026-01-01, and now would begin on 2026-01-02",
        ),
        (
            _Made(),
            _Made(first=None, window="whole"),
            "it began on 2026-01-01, and now would begin with the server's default window",
        ),
        (
            _Made(first=None, window="whole"),
            _Made(),
            "it began with the server's default window, and now would begin on 2026-01-01",
        ),
        (
            _Made(),
            _Made(last="2026-01-28"),
            "it ended on 2026-01-31, and now would end on 2026-01-28",
        ),
        (
            _Made(),
            _Made(window="1d"),
            "its window 2026-01-01..2026-01-07 would become 2026-01-01",
        ),
        (
            _Made(),
            _Made(window="week"),
            "its window 2026-01-01..2026-01-07 would become 2026-01-01..2026-01-04",
        ),
        (
            _Made(),
            _Made(last="2026-02-01"),
            "its window 2026-01-29..2026-01-31 would become 2026-01-29..2026-02-01",
        ),
        (
            _Made(last="2026-01-30", window="month"),
            _Made(window="month"),
            "its window 2026-01-01..2026-01-30 would become 2026-01-01..2026-01-31",
        ),
        (
            _Made(window="whole"),
            _Made(window="whole", last="2026-02-01"),
            "its window 2026-01-01..2026-01-31 would become 2026-01-01..2026-02-01",
        ),
        (_Made(), _Made(ids="1 3 4"), "1 of its companies is not in the file now: 2"),
        (
            _Made(ids=" ".join(map(str, range(1, 1010)))),
            _Made(ids="1009"),
            "1,008 of its companies are not in the file now: 1, 2, 3, 4, 5 and 1,003 more",
        ),
        (
            _Made(ids="1 2 3 4 5 6"),
            _Made(ids="6"),
            "5 of its companies are not in the file now: 1, 2, 3, 4, 5",
        ),
        (
            _Made(ids="1 x\u200b"),
            _Made(ids="1"),
            "1 of its companies is not in the file now: x<U+200B>",
        ),
    ],
)
def test_a_difference_is_said_in_words(old: _Made, new: _Made, difference: str) -> None:
    """With both values, so that the user sees which option to mend."""
    assert _differences(old, new) == [difference]


def test_every_difference_is_said() -> None:
    """Companies first, then the days."""
    assert _differences(_Made(), _Made(ids="1 2", first="2026-01-02")) == [
        "1 of its companies is not in the file now: 3",
        "it began on 2026-01-01, and now would begin on 2026-01-02",
    ]


_PLANS = st.builds(
    _Made,
    ids=st.lists(st.sampled_from("1234"), min_size=1, unique=True).map(" ".join),
    first=st.sampled_from(["2026-01-01", "2026-01-05"]),
    last=st.sampled_from(["2026-01-05", "2026-01-06", "2026-01-18", "2026-02-28"]),
    window=st.sampled_from(_SIZES),
)


@given(_PLANS, _PLANS)
def test_there_is_no_difference_if_every_cell_is_still_planned(old: _Made, new: _Made) -> None:
    """And only then: no line of the old plan may be foreign to the new one."""
    # All that the plans have in common are their first windows, or the days overlap.
    is_kept = set(old.plan) <= set(new.plan)
    is_grown_at_the_end = old.plan.windows[0] == new.plan.windows[0]
    assert (not _differences(old, new)) == (is_kept and is_grown_at_the_end)


@pytest.mark.parametrize("edited", [b"1\n2\n3\n", b"# a comment\n1\n2\n3\n", None])
def test_a_list_that_was_edited_is_known(tmp_path: Path, edited: bytes | None) -> None:
    """Removing a company from the list must not hide that it is missing."""
    path = tmp_path / "run-companies.txt"
    write_company_list(path, _Made().plan.companies)
    path.write_bytes(path.read_bytes()[:-2] if edited is None else edited)
    assert not recorded_plan(_RECORD, path).is_intact
