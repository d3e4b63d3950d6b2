"""Plans in which some companies begin later than others."""

import pickle
import tracemalloc
from datetime import date, timedelta
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.cell import Cell, Window
from collector.plan import (
    CellIndex,
    CellSet,
    Companies,
    Part,
    Plan,
    Shard,
    absent_in_turns,
    cells_in_turns,
    count_by_shard,
)
from collector.plan.cell_set import spread

_FIRST = date(2026, 1, 1)


def _windows(count: int) -> list[Window]:
    days = [_FIRST + timedelta(number) for number in range(count)]
    return [Window(day, day) for day in days]


def _ids(count: int) -> tuple[str, ...]:
    return tuple(f"c{number}" for number in range(count))


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    windows = draw(st.integers(1, 20))
    firsts = draw(st.lists(st.integers(0, windows - 1), min_size=1, max_size=9))
    return Plan(Companies(_ids(len(firsts))), _windows(windows), firsts)


def _expected(plan: Plan) -> list[Cell]:
    firsts = plan.first_windows or [0] * len(plan.companies)
    return [
        Cell(company_id, window)
        for company_id, first in zip(plan.companies.ids, firsts, strict=True)
        for window in plan.windows[first:]
    ]


@given(_plans())
def test_it_is_a_sequence(plan: Plan) -> None:
    """Length, indexes of either sign, iteration, spans and places agree."""
    cells = _expected(plan)
    assert list(plan) == cells
    assert len(plan) == len(cells)
    assert [plan[i] for i in range(-len(plan), len(plan))] == cells * 2
    spans = [plan.span(company) for company in range(len(plan.companies))]
    assert [index for span in spans for index in span] == list(range(len(plan)))
    for index, cell in enumerate(cells):
        company, window = plan.places(index)
        assert Cell(plan.companies.ids[company], plan.windows[window]) == cell
        assert plan.index_at(company, window) == index
    with pytest.raises(IndexError):
        plan[len(plan)]


@given(_plans())
def test_a_cell_is_found_by_its_key_and_no_other_is(plan: Plan) -> None:
    """Neither is one before the first window of its company."""
    planned = {cell: index for index, cell in enumerate(_expected(plan))}
    find = CellIndex(plan).find
    for company_id in plan.companies.ids:
        for window in plan.windows:
            found = find(company_id, str(window.from_date), str(window.until_date))
            assert found == planned.get(Cell(company_id, window))


@given(_plans())
def test_the_groups_have_each_cell_once(plan: Plan) -> None:
    """All companies of a group have its windows."""
    groups = list(plan.groups())
    cells = [
        Cell(plan.companies.ids[place], window)
        for places, windows in groups
        for place in places
        for window in windows
    ]
    assert sorted(cells) == sorted(plan)
    assert len({len(windows) for _, windows in groups}) == len(groups)
    days = plan.first_days()
    assert days == [plan[plan.span(place).start].window[0] for place in range(len(days))]


@settings(deadline=None)
@given(_plans(), st.integers(1, 6), st.data())
def test_shards_share_it_out(plan: Plan, total: int, data: st.DataObject) -> None:
    """Each cell falls to one of them, and they request what is not done."""
    done = CellSet(len(plan))
    for index in data.draw(st.sets(st.integers(0, len(plan) - 1))):
        done.add(index)
    parts = [Part(plan, Shard(number, total)) for number in range(total)]
    assert all(sum(index in part for part in parts) == 1 for index in range(len(plan)))
    for part in parts:
        own = [
            i for place in range(len(plan.companies)) for span in part.spans(place) for i in span
        ]
        assert own == [index for index in range(len(plan)) if index in part]
        assert len(part) == len(own)
        expected = sorted(plan[index] for index in own if index not in done)
        assert sorted(absent_in_turns(done, part)) == expected
        assert all(index in part and index not in done for index in spread(done, part, 4))
    assert count_by_shard(done, plan, total) == [
        sum(index in part and index in done for index in range(len(plan))) for part in parts
    ]


@given(_plans(), st.data())
def test_shards_stay_the_same_when_days_are_added(plan: Plan, data: st.DataObject) -> None:
    """At the end, as a run that is continued on a later day has them."""
    more = _windows(len(plan.windows) + data.draw(st.integers(1, 9)))
    grown = Plan(plan.companies, more, plan.first_windows)
    for number in range(3):
        shard = Shard(number, 3)
        before = {plan[i] for i in range(len(plan)) if i in Part(plan, shard)}
        after = {grown[i] for i in range(len(grown)) if i in Part(grown, shard)}
        assert before <= after


@given(_plans())
def test_a_cell_of_each_company_takes_its_turn(plan: Plan) -> None:
    """The first that it has, without end."""
    count = len(plan.companies)
    cells = list(islice(cells_in_turns(plan, CellSet(len(plan))), count + 1))
    assert [cell.company_id for cell in cells] == [*plan.companies.ids, plan.companies.ids[0]]
    assert all(cell in plan for cell in cells)


def test_its_fingerprint_is_its_own() -> None:
    """And stays the same, for runs are continued by later versions."""
    plan = Plan(Companies(_ids(3)), _windows(3), [0, 2, 1])
    others = [
        Plan(Companies(_ids(3)), _windows(3)),
        Plan(Companies(_ids(3)), _windows(3), [0, 1, 2]),
    ]
    assert plan.fingerprint not in {other.fingerprint for other in others}
    assert plan.fingerprint == "a61c7025099956f80a3cc8bc15db4fa412fa86352ce86e2a5eedc31dc5fdce02"


def test_equal_first_windows_are_none() -> None:
    """It is the plan that it was before companies could have them, fingerprint included."""
    plan = Plan(Companies(_ids(3)), _windows(2), [0, 0, 0])
    assert list(plan.first_windows) == list(plan.first_days()) == []
    assert plan.fingerprint == Plan(Companies(_ids(3)), _windows(2)).fingerprint


@pytest.mark.parametrize("firsts", [[0, 2], [0, 3], [1], [1, 1, 1]])
def test_each_company_needs_a_window(firsts: list[int]) -> None:
    """As many first windows as companies, each of them one of the plan's."""
    with pytest.raises(ValueError, match=r"window|zip"):
        Plan(Companies(_ids(2)), _windows(2), firsts)


def test_it_travels_to_another_process() -> None:
    """As any plan does, on a cluster."""
    plan = Plan(Companies(_ids(3)), _windows(3), [0, 2, 1])
    copy = pickle.loads(pickle.dumps(plan))  # noqa: S301 - pickled right here
    assert list(copy) == list(plan)
    assert copy.fingerprint == plan.fingerprint


def test_it_takes_12_bytes_for_each_company() -> None:
    """However many cells they have."""
    companies = Companies(_ids(100_000))
    windows = _windows(90)
    firsts = [number % 90 for number in range(100_000)]
    tracemalloc.start()
    try:
        plan = Plan(companies, windows, firsts)
        stays, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(plan) == sum(90 - first for first in firsts)
    assert stays / len(companies) < 14
