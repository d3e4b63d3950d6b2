import json
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from collector.simulator.statistics import Statistics, statistics_of

DAYS = st.dates(date(2000, 1, 1), date(2100, 1, 1))
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
SEEDS = st.integers(0, 2**63 - 1)
WEEK = (date(2026, 1, 1), date(2026, 1, 7))


def flat(statistics: Statistics) -> dict[str, int]:
    """Put counters and actions side by side; an action that is left out is zero."""
    counters = {name: value for name, value in statistics.items() if isinstance(value, int)}
    return {"CLOSED": 0, **counters, **statistics["actions"]}


@given(SEEDS, IDS, DAYS, st.integers(0, 40), st.integers(0, 40))
def test_windows_are_the_sums_of_their_parts(
    seed: int, company_id: str, first: date, before: int, after: int
) -> None:
    """However a range is cut in two, each counter and action adds up exactly."""
    cut, last = first + timedelta(before), first + timedelta(before + after)
    left = flat(statistics_of(seed, company_id, first, cut, empty_share=0.1))
    right = flat(statistics_of(seed, company_id, cut + timedelta(1), last, empty_share=0.1))
    whole = flat(statistics_of(seed, company_id, first, last, empty_share=0.1))
    assert whole == {name: left[name] + right[name] for name in whole}


@given(SEEDS, IDS, DAYS)
def test_a_day_is_plausible(seed: int, company_id: str, day: date) -> None:
    """Nothing is negative, the total is its parts, and no more is acted on than was sent."""
    statistics = statistics_of(seed, company_id, day, day)
    assert min(flat(statistics).values()) >= 0
    parts = statistics["sended"] + statistics["pending"] + statistics["fails"]
    assert statistics["total"] == parts
    assert statistics["total"] >= statistics["campaign"] >= 1
    assert sum(statistics["actions"].values()) <= statistics["sended"]


def test_keys_come_as_in_the_vendors_sample() -> None:
    """CLOSED stands where the vendor's text has it; the rest is the sample's order."""
    statistics = statistics_of(1, "a", *WEEK)
    assert list(statistics) == ["total", "sended", "pending", "fails", "actions", "campaign"]
    assert list(statistics["actions"]) == ["RECEIVED", "PRESS_ACTION", "CLOSED", "UNKNOWN"]


def test_closed_is_left_out_when_it_is_zero() -> None:
    """A small company may have no closed message; the other actions always occur."""
    days = [date(2026, 1, 1) + timedelta(n) for n in range(200)]
    seen = [statistics_of(1, "small", day, day)["actions"] for day in days]
    assert all({"RECEIVED", "PRESS_ACTION", "UNKNOWN"} <= set(actions) for actions in seen)
    assert all(actions["CLOSED"] > 0 for actions in seen if "CLOSED" in actions)
    assert any("CLOSED" not in actions for actions in seen)


def test_a_company_without_campaigns_has_the_documented_zeros() -> None:
    """With an empty share of 1 no company has campaigns."""
    expected = (
        '{"total": 0, "sended": 0, "pending": 0, "fails": 0, "actions": {"RECEIVED": 0,'
        ' "PRESS_ACTION": 0, "UNKNOWN": 0}, "campaign": 0}'
    )
    assert json.dumps(statistics_of(1, "a", *WEEK, empty_share=1.0)) == expected


def test_a_range_without_days_has_zeros() -> None:
    """The sum over no days is zero."""
    assert not any(flat(statistics_of(1, "a", WEEK[1], WEEK[0])).values())


def test_empty_companies_are_the_share_asked_for() -> None:
    """About a tenth of 2,000 companies is empty, and a larger share keeps those empty."""
    ids = [str(n) for n in range(2000)]

    def empty(share: float) -> set[str]:
        return {i for i in ids if not statistics_of(1, i, *WEEK, empty_share=share)["total"]}

    assert 150 < len(empty(0.1)) < 250
    assert empty(0.1) <= empty(0.2)
    assert not empty(0.0)


def test_data_are_the_same_in_every_run_and_release() -> None:
    """Pinned: a rehearsal can be compared with an older one; another seed is another world."""
    assert statistics_of(1, "ñandú/2", *WEEK) == PINNED
    assert statistics_of(2, "ñandú/2", *WEEK) != PINNED


PINNED: Statistics = {
    "total": 15535,
    "sended": 14003,
    "pending": 492,
    "fails": 1040,
    "actions": {"RECEIVED": 7647, "PRESS_ACTION": 2042, "CLOSED": 722, "UNKNOWN": 134},
    "campaign": 17,
}
