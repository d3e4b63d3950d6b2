import pickle
import tracemalloc
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import islice, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

import collector.plan
from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.errors import InputError
from collector.plan import Companies, DateRange, Plan, WindowSize, cut_windows, estimate

_JANUARY = Window(date(2026, 1, 1), date(2026, 1, 31))
_FEBRUARY = Window(date(2026, 2, 1), date(2026, 2, 28))


def _plan(*ids: str, windows: Sequence[Window] = (_JANUARY, _FEBRUARY)) -> Plan:
    return Plan(Companies(ids), windows)


_PLANS = st.builds(
    Plan,
    st.lists(st.text(st.characters(codec="utf-8")), unique=True, max_size=6).map(
        lambda ids: Companies(tuple(ids))
    ),
    st.lists(
        st.just(SERVER_DEFAULT) | st.builds(Window, st.dates(), st.dates()), unique=True, max_size=6
    ),
)


def test_cells_are_in_company_major_order() -> None:
    """All windows of the first company come first."""
    assert list(_plan("2", "1")) == [
        Cell("2", _JANUARY),
        Cell("2", _FEBRUARY),
        Cell("1", _JANUARY),
        Cell("1", _FEBRUARY),
    ]


@given(_PLANS)
def test_a_plan_is_a_sequence(plan: Plan) -> None:
    """Length, indexes of either sign, iteration, containment and positions agree."""
    cells = list(plan)
    assert cells == [Cell(*pair) for pair in product(plan.companies.ids, plan.windows)]
    assert len(plan) == len(cells)
    assert [plan[i] for i in range(len(plan))] == cells
    assert [plan[i] for i in range(-len(plan), 0)] == cells
    assert [plan.index(cell) for cell in cells] == list(range(len(cells)))
    assert all(cell in plan for cell in cells)
    assert list(reversed(plan)) == cells[::-1]


@given(_PLANS, st.integers())
def test_indexes_outside_raise_index_error(plan: Plan, index: int) -> None:
    """As in any sequence, an empty plan included."""
    if -len(plan) <= index < len(plan):
        assert plan[index] in plan
    else:
        with pytest.raises(IndexError, match=f"cell {index} is outside"):
            plan[index]


def test_slices_are_refused() -> None:
    """They would be lists of cells."""
    with pytest.raises(TypeError, match="no slices"):
        _plan("1")[0:1]


def test_windows_cannot_be_repeated() -> None:
    """Their cells would be collected twice."""
    with pytest.raises(ValueError, match="repeated"):
        _plan("1", windows=[_JANUARY, _JANUARY])


def test_a_fingerprint_stays_the_same() -> None:
    """Runs are continued by later versions: a change here must change the version tag."""
    plan = _plan("1", "é", windows=[_JANUARY, SERVER_DEFAULT])
    assert plan.fingerprint == "9086ee921aca4e5cf90cee0eb0a0a3ef9e774ea0d64155c53726a4d5d9283f08"


@pytest.mark.parametrize(
    "other",
    [
        _plan("a", "bc"),
        _plan("abc"),
        _plan("c", "ab"),
        _plan("ab", "c", windows=[_FEBRUARY, _JANUARY]),
        _plan("ab", "c", windows=[_JANUARY]),
        _plan("ab", "c", windows=[SERVER_DEFAULT]),
        _plan("ab,1:c"),
    ],
)
def test_a_fingerprint_tells_plans_apart(other: Plan) -> None:
    """Grouping, order, companies and windows all count."""
    assert other.fingerprint != _plan("ab", "c").fingerprint


@given(_PLANS, _PLANS)
def test_fingerprints_are_equal_when_plans_are(first: Plan, second: Plan) -> None:
    """The ids and the windows decide, whatever characters the ids are made of."""
    same = (first.companies.ids, first.windows) == (second.companies.ids, second.windows)
    assert (first.fingerprint == second.fingerprint) == same


def test_names_do_not_change_the_fingerprint() -> None:
    """They are for people; a corrected name must not hinder a run from being continued."""
    named = Plan(Companies(("1",), {"1": "One"}, source="other.txt"), [_JANUARY])
    assert named.fingerprint == _plan("1", windows=[_JANUARY]).fingerprint


def test_a_plan_travels_and_prints_shortly() -> None:
    """It can be sent to another process, and a log line of it stays short."""
    plan = _plan("1", "2", "3")
    copy = pickle.loads(pickle.dumps(plan))  # noqa: S301 - pickled right here
    assert list(copy) == list(plan)
    assert repr(plan) == "Plan(3 companies x 2 windows)"


def test_ten_million_cells_cost_nothing() -> None:
    """Memory grows neither with the cells nor, beyond the ids themselves, with the companies."""
    companies = Companies(tuple(f"company-{number:06}" for number in range(100_000)))
    days = DateRange(date(2026, 1, 1), date(2026, 4, 10))
    tracemalloc.start()
    try:
        plan = Plan(companies, cut_windows(days, WindowSize.parse("1d")))
        assert len(plan) == 10_000_000
        assert plan[9_999_999] == Cell("company-099999", plan.windows[-1])
        assert next(islice(plan, 1000, None)) == plan[1000]
        assert len(plan.fingerprint) == 64
        stays, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert stays < 100_000


def test_an_estimate_counts_every_request() -> None:
    """Those for the token pass the same gate."""
    guess = estimate(100, 10.0)
    assert guess.requests == 101
    assert guess.duration == timedelta(seconds=10.1)
    assert estimate(100, 0.5, token_requests=0).duration == timedelta(seconds=200)


def test_nothing_to_collect_costs_nothing() -> None:
    """Without cells no token is asked for."""
    assert estimate(0, 10.0).requests == 0
    assert estimate(0, 10.0).duration == timedelta(0)


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_explained(rate: float) -> None:
    """The message names the option, the unit and examples."""
    with pytest.raises(InputError, match=r"^--rate .*requests per second, such as 10"):
        estimate(1, rate)


@pytest.mark.parametrize("rate", [1e-12, 5e-324])
def test_a_rate_that_never_ends_is_explained(rate: float) -> None:
    """Instead of an overflow."""
    with pytest.raises(InputError, match=r"^--rate .* is too low.* give a higher rate"):
        estimate(1000, rate)


def test_negative_counts_are_a_bug() -> None:
    """They come from code, not from input."""
    with pytest.raises(ValueError, match="negative"):
        estimate(-1, 10.0)
    with pytest.raises(ValueError, match="negative"):
        estimate(1, 10.0, token_requests=-1)


def test_the_public_names_are_pinned() -> None:
    """Other folders import from the package, not from its modules."""
    assert collector.plan.__all__ == [
        "MOST_SHARDS",
        "RECORDED",
        "WHOLE",
        "AnsweredCells",
        "CellIndex",
        "CellSet",
        "Columns",
        "Companies",
        "DateRange",
        "Duplicate",
        "Estimate",
        "Part",
        "Plan",
        "Shard",
        "WindowSize",
        "absent_in_turns",
        "cells_in_turns",
        "clipped_windows",
        "count_by_shard",
        "cut_windows",
        "estimate",
        "extend_back",
        "format_companies",
        "parse_companies",
        "parse_days",
        "read_companies",
        "select_range",
        "size_of",
        "today_in",
        "zone_named",
    ]
    assert all(hasattr(collector.plan, name) for name in collector.plan.__all__)
