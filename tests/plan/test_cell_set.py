import tracemalloc
import zlib
from datetime import date
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Window
from collector.plan import (
    CellIndex,
    CellSet,
    Companies,
    DateRange,
    Part,
    Plan,
    Shard,
    WindowSize,
    absent_in_turns,
    cell_set,
    count_by_shard,
    cut_windows,
)
from collector.plan.cell_set import spread

_JANUARY = Window(date(2026, 1, 1), date(2026, 1, 31))
_FEBRUARY = Window(date(2026, 2, 1), date(2026, 2, 28))

_SIZES_AND_CELLS = st.integers(0, 70).flatmap(
    lambda size: st.tuples(
        st.just(size), st.lists(st.integers(0, size - 1), max_size=80) if size else st.just([])
    )
)


@given(_SIZES_AND_CELLS)
@example((0, []))
@example((8, list(range(8))))
@example((9, list(range(9))))
@example((16, [7, 8, 15, 0]))
def test_a_set_of_cells_is_a_set(size_and_cells: tuple[int, list[int]]) -> None:
    """It agrees with a plain set after every step, at the borders of its bytes too."""
    size, cells = size_and_cells
    ours, plain = CellSet(size), set[int]()
    for cell in cells:
        assert ours.add(cell) == (cell not in plain)
        plain.add(cell)
        assert len(ours) == len(plain)
    assert [cell in ours for cell in range(size)] == [cell in plain for cell in range(size)]
    assert list(ours.absent()) == [cell for cell in range(size) if cell not in plain]


@given(_SIZES_AND_CELLS, st.sets(st.integers(0, 69)), st.integers(0, 80), st.sampled_from([8, 800]))
def test_two_sets_are_joined(
    size_and_cells: tuple[int, list[int]], others: set[int], begin: int, block: int
) -> None:
    """As plain sets are, in blocks of any size; and the first cell from any place on is found."""
    size, cells = size_and_cells
    ours, other, plain = CellSet(size), CellSet(size), {cell for cell in others if cell < size}
    for cell in cells:
        ours.add(cell)
    for cell in plain:
        other.add(cell)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cell_set, "_BLOCK", block)
        assert ours.is_disjoint(other) == plain.isdisjoint(cells)
        ours.update(other)
        joined = sorted(plain.union(cells))
        assert [cell for cell in range(size) if cell in ours] == joined
        assert len(ours) == len(joined) == len(CellSet.unpacked(ours.packed(), size))
        assert ours.first(begin) == next((cell for cell in joined if cell >= begin), None)
    assert [cell for cell in range(size) if cell in other] == sorted(plain)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 64])
def test_an_empty_set_lacks_every_cell_and_a_full_one_none(size: int) -> None:
    """No cell beyond the last one is made up, however the size fits into bytes."""
    cells = CellSet(size)
    assert list(cells.absent()) == list(range(size))
    assert not cells
    for cell in range(size):
        assert cells.add(cell)
    assert list(cells.absent()) == []
    assert len(cells) == size


def test_absent_cells_are_made_as_they_are_needed() -> None:
    """There is no list of them; a cell that is added meanwhile is not yielded later."""
    cells = CellSet(8_000_000)
    absent = cells.absent()
    assert list(islice(absent, 3)) == [0, 1, 2]
    cells.add(100)
    assert list(islice(absent, 100)) == [*range(3, 100), 101, 102, 103]


@given(_SIZES_AND_CELLS, st.integers(0, 80), st.integers(0, 80))
def test_absent_cells_of_a_part(
    size_and_cells: tuple[int, list[int]], begin: int, end: int
) -> None:
    """Those from the one to before the other, whatever bytes they share."""
    size, cells = size_and_cells
    ours = CellSet(size)
    for cell in cells:
        ours.add(cell)
    expected = [cell for cell in range(begin, min(end, size)) if cell not in cells]
    assert list(ours.absent(begin, end)) == expected


def _plan(companies: int, windows: int) -> Plan:
    days = DateRange(date(2026, 1, 1), date.fromordinal(date(2026, 1, 1).toordinal() + windows - 1))
    ids = tuple(str(number) for number in range(companies))
    return Plan(Companies(ids), cut_windows(days, WindowSize("days", 1)))


@given(st.integers(1, 200), st.integers(1, 5), st.data())
def test_companies_take_turns_and_no_cell_is_left_out(
    companies: int, windows: int, data: st.DataObject
) -> None:
    """Each absent cell once, none that is done, and in a company the windows in their order."""
    plan = _plan(companies, windows)
    done = CellSet(len(plan))
    for index in data.draw(st.sets(st.integers(0, len(plan) - 1))):
        done.add(index)
    cells = list(absent_in_turns(done, Part(plan)))
    assert sorted(cells) == sorted(plan[index] for index in done.absent())
    for company in plan.companies.ids:
        own = [cell.window for cell in cells if cell.company_id == company]
        assert own == sorted(own, key=str)


def test_a_company_is_asked_for_once_in_64() -> None:
    """Until the others of its 64 are through: none stands for all that is under way."""
    cells = list(absent_in_turns(CellSet(130 * 30), Part(_plan(130, 30))))
    ids = [cell.company_id for cell in cells]
    assert ids[:64] == ids[64:128] == [str(number) for number in range(64)]
    assert ids[64 * 30 : 64 * 30 + 3] == ["64", "65", "66"]
    assert ids[128 * 30 : 128 * 30 + 4] == ["128", "129", "128", "129"]


def test_a_cell_costs_one_bit() -> None:
    """Eight million of them are one megabyte, however many are in the set."""
    tracemalloc.start()
    try:
        cells = CellSet(8_000_000)
        for cell in range(0, 8_000_000, 80):
            cells.add(cell)
        next(cells.absent())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(cells) == 100_000
    assert peak < 1_010_000


def test_a_sample_costs_no_copy_of_the_set() -> None:
    """A set of eight million cells is a megabyte; what is done stays in it alone."""
    done, part = CellSet(8_000_000), Part(_plan(100_000, 80))
    tracemalloc.start()
    try:
        assert len(list(islice(absent_in_turns(done, part, 10), 20))) == 20
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000


_PLANS = st.builds(
    Plan,
    st.lists(st.text(st.characters(codec="utf-8")), unique=True, max_size=6).map(
        lambda ids: Companies(tuple(ids))
    ),
    st.lists(
        st.just(SERVER_DEFAULT) | st.builds(Window, st.dates(), st.dates()), unique=True, max_size=6
    ),
)


@settings(max_examples=50)
@given(_PLANS)
def test_every_cell_is_found_by_its_key(plan: Plan) -> None:
    """With the dates as a line has them: as text, or none."""
    find = CellIndex(plan).find
    found = [
        find(company_id, *(None if day is None else day.isoformat() for day in window))
        for company_id, window in plan
    ]
    assert found == list(range(len(plan)))


@pytest.mark.parametrize(
    "key",
    [
        ("2", "2026-01-01", "2026-01-31"),
        ("", "2026-01-01", "2026-01-31"),
        ("1 ", "2026-01-01", "2026-01-31"),
        ("1", None, None),
        ("1", "2026-01-01", "2026-02-28"),
        ("1", "2026-01-01", "2026-01-30"),
        ("1", "2026-02-01", "2026-01-31"),
        ("1", "2026-1-1", "2026-1-31"),
        ("1", "20260101", "20260131"),
        ("1", "", ""),
    ],
)
def test_what_is_not_planned_is_not_found(key: tuple[str, str | None, str | None]) -> None:
    """Another company, another window, another spelling of its days."""
    assert CellIndex(Plan(Companies(("1",)), [_JANUARY, _FEBRUARY])).find(*key) is None


def test_dates_are_not_found_in_a_plan_without_any() -> None:
    """The server's default window has its own key."""
    index = CellIndex(Plan(Companies(("1", "2")), [SERVER_DEFAULT]))
    assert index.find("2", None, None) == 1
    assert index.find("2", "2026-01-01", "2026-01-31") is None


def test_finding_takes_less_than_32_bytes_a_company() -> None:
    """The windows and the cells cost nothing beside that."""
    companies = Companies(tuple(f"company-{number:06}" for number in range(100_000)))
    days = DateRange(date(2026, 1, 1), date(2026, 4, 10))
    plan = Plan(companies, cut_windows(days, WindowSize.parse("1d")))
    tracemalloc.start()
    try:
        index = CellIndex(plan)
        stays, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert index.find("company-099999", "2026-04-10", "2026-04-10") == 9_999_999
    assert stays / len(companies) < 33


@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 5), st.data())
@settings(max_examples=50)
def test_cells_are_counted_by_the_shards_that_they_fall_to(
    companies: int, windows: int, total: int, data: st.DataObject
) -> None:
    """As the parts of the plan say themselves, cell by cell."""
    january = DateRange(date(2026, 1, 1), date.fromordinal(date(2026, 1, 1).toordinal() + windows))
    cut = cut_windows(january, WindowSize.parse("1d"))[:windows]
    plan = Plan(Companies(tuple(f"c{n}" for n in range(companies))), cut)
    cells = CellSet(len(plan))
    chosen = data.draw(st.sets(st.integers(0, len(plan) - 1)))
    for index in chosen:
        cells.add(index)
    parts = [Part(plan, Shard(number, total)) for number in range(total)]
    assert count_by_shard(cells, plan, total) == [
        sum(index in part for index in chosen) for part in parts
    ]


@given(st.integers(1, 60), st.integers(1, 30), st.integers(1, 12), st.data())
def test_a_sample_is_from_all_over_the_part(
    companies: int, windows: int, number: int, data: st.DataObject
) -> None:
    """Different cells of the part that are not done; of the first and the last company, too.

    They come first, and all others after them, each once.
    """
    shards = data.draw(st.integers(1, 3))
    part = Part(_plan(companies, windows), Shard(data.draw(st.integers(0, shards - 1)), shards))
    done = CellSet(companies * windows)
    for index in data.draw(st.sets(st.integers(0, companies * windows - 1))):
        done.add(index)
    before = [index in done for index in range(companies * windows)]
    found = spread(done, part, number)
    cells = list(absent_in_turns(done, part, number))
    assert cells[: len(found)] == [part.plan[index] for index in found]
    assert sorted(cells, key=str) == sorted(absent_in_turns(done, part), key=str)
    assert len(set(found)) == len(found) <= number
    assert all(index in part and index not in done for index in found)
    for company, place in ((0, 0), (companies - 1, -1)):
        cells_of = [i for i in part.plan.span(company) if i in part and i not in done]
        assert number < 2 or not cells_of or cells_of[place] in found
    if shards == 1 and not len(done) and number > 1:
        assert {index // windows for index in found} >= {0, companies - 1}
    assert [index in done for index in range(companies * windows)] == before


@given(st.integers(1, 70), st.integers(1, 3), st.integers(0, 20), st.data())
def test_cells_that_come_in_while_they_are_yielded_change_nothing(
    companies: int, windows: int, sample: int, data: st.DataObject
) -> None:
    """A run adds its cells to the set from which the missing ones are found."""
    part = Part(_plan(companies, windows))
    done = CellSet(companies * windows)
    for index in data.draw(st.sets(st.integers(0, companies * windows - 1), max_size=30)):
        done.add(index)
    alone = list(absent_in_turns(done, part, sample))
    index_of = {str(part.plan[index]): index for index in range(companies * windows)}
    pace = data.draw(st.integers(1, 5))
    yielded = []
    for cell in absent_in_turns(done, part, sample):
        yielded.append(cell)
        done.add(index_of[str(yielded[len(yielded) // pace - 1])])
    assert yielded == alone


@given(st.integers(1, 300), st.data())
def test_a_packed_set_is_the_same(size: int, data: st.DataObject) -> None:
    """Its cells and their number."""
    cells = CellSet(size)
    for index in data.draw(st.sets(st.integers(0, size - 1))):
        cells.add(index)
    packed = cells.packed()
    other = CellSet(size)
    other.add(0)
    assert other.unpack(packed)
    for index in range(size):
        assert (index in other) == (index in cells)
    assert len(other) == len(cells)


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"no zlib",
        zlib.compress(bytes(1)),
        zlib.compress(bytes(3)),
        zlib.compress(bytes(1_000_000)),
        zlib.compress(bytes([0, 8])),
        zlib.compress(bytes(2))[:-1],
    ],
)
def test_what_is_no_packed_set_changes_nothing(packed: bytes) -> None:
    """Too few or too many bytes, and cells that do not exist."""
    cells = CellSet(11)
    cells.add(10)
    assert not cells.unpack(packed)
    assert (len(cells), cells.first()) == (1, 10)
