import random
import tracemalloc
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Window
from collector.plan import (
    MOST_SHARDS,
    CellSet,
    Companies,
    Part,
    Plan,
    Shard,
    absent_in_turns,
)

_FIRST = date(2026, 1, 1)
_BLOCK = 8
_IDS = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=25, unique=True).map(tuple)
_TOTALS = st.one_of(st.integers(1, 9), st.sampled_from([16, 64, 1000, MOST_SHARDS]))


def _windows(count: int) -> list[Window]:
    days = [_FIRST + timedelta(number) for number in range(count)]
    return [Window(day, day) for day in days]


def _plan(ids: tuple[str, ...] | int, windows: int) -> Plan:
    if isinstance(ids, int):
        ids = tuple(str(number) for number in range(1, ids + 1))
    return Plan(Companies(ids), _windows(windows))


def _parts(plan: Plan, total: int) -> list[Part]:
    return [Part(plan, Shard(number, total)) for number in range(total)]


def _owners(plan: Plan, total: int) -> dict[tuple[str, Window], int]:
    """Say which shard each cell falls to, and see that no two have it."""
    owners: dict[tuple[str, Window], int] = {}
    for part in _parts(plan, total):
        for company in range(len(plan.companies)):
            for span in part.spans(company):
                for index in span:
                    cell = plan[index]
                    assert (cell.company_id, cell.window) not in owners
                    owners[cell.company_id, cell.window] = part.shard.number
    assert len(owners) == len(plan)
    return owners


@settings(deadline=None)
@given(_IDS, st.integers(1, 40), st.integers(1, 20))
@example(("1",), 1, 20)
@example(("1",), 8, 2)
@example(("1",), 9, 2)
@example(("1", "2"), 40, 5)
def test_every_cell_falls_to_exactly_one_shard(
    ids: tuple[str, ...], windows: int, total: int
) -> None:
    """And to the same one whether it is asked for by its index, or the shard for its spans."""
    plan = _plan(ids, windows)
    parts = _parts(plan, total)
    for index in range(len(plan)):
        assert sum(index in part for part in parts) == 1
    for part in parts:
        spans = [span for company in range(len(ids)) for span in part.spans(company)]
        cells = [index for span in spans for index in span]
        assert cells == sorted(set(cells)) == [i for i in range(len(plan)) if i in part]
        assert len(part) == len(cells)
        assert all(0 < len(span) <= (windows if total == 1 else _BLOCK) for span in spans)
    assert sum(map(len, parts)) == len(plan)


@settings(deadline=None)
@given(_IDS, st.integers(1, 40), _TOTALS, st.integers(0, MOST_SHARDS), st.data())
def test_a_shard_asks_for_its_absent_cells_only(
    ids: tuple[str, ...], windows: int, total: int, number: int, data: st.DataObject
) -> None:
    """Each of them once; what others have done counts as done, what others are to do is theirs."""
    plan = _plan(ids, windows)
    part = Part(plan, Shard(number % total, total))
    done = CellSet(len(plan))
    for index in data.draw(st.sets(st.integers(0, len(plan) - 1))):
        done.add(index)
    expected = sorted(plan[index] for index in done.absent() if index in part)
    assert sorted(absent_in_turns(done, part)) == expected


@settings(deadline=None)
@given(_IDS, st.integers(1, 30), st.integers(1, 20), st.integers(1, 12), st.randoms())
def test_a_cell_stays_with_its_shard_when_the_plan_grows(
    ids: tuple[str, ...], windows: int, more: int, total: int, shuffled: random.Random
) -> None:
    """Companies may be put in anywhere, in any order, and windows at the end."""
    old = _owners(_plan(ids, windows), total)
    grown = [*ids, *(f"new {number}" for number in range(5))]
    shuffled.shuffle(grown)
    new = _owners(_plan(tuple(grown), windows + more), total)
    assert {cell: new[cell] for cell in old} == old


def test_what_falls_to_whom_is_pinned() -> None:
    """Another version, on another machine, must not deal out otherwise: cells would be lost."""
    owners = _owners(_plan(("1", "17", "é"), 17), 5)
    days = [_FIRST, _FIRST + timedelta(7), _FIRST + timedelta(8), _FIRST + timedelta(16)]
    assert [
        [owners[company, Window(day, day)] for day in days] for company in ("1", "17", "é")
    ] == [
        [3, 3, 4, 0],
        [2, 2, 3, 4],
        [1, 1, 2, 3],
    ]


@settings(deadline=None)
@given(st.text(min_size=1, max_size=8), st.integers(1, 100), st.integers(2, 30))
def test_eight_windows_stay_together(company: str, windows: int, total: int) -> None:
    """Seven that are all alike show that a server has begun to ignore the dates."""
    plan = _plan((company,), windows)
    owners = _owners(plan, total)
    ordered = [owners[company, window] for window in plan.windows]
    blocks = [ordered[first : first + _BLOCK] for first in range(0, windows, _BLOCK)]
    assert all(len(set(block)) == 1 for block in blocks)
    firsts = [block[0] for block in blocks]
    assert all((b - a) % total == 1 for a, b in pairwise(firsts))


@pytest.mark.parametrize(
    ("companies", "windows", "off"),
    [(1000, 7, 0.65), (1000, 365, 0.10), (50_000, 1, 0.10)],
)
@pytest.mark.parametrize(
    "total",
    [
        *(3, 64),
        *(pytest.param(total, marks=pytest.mark.torture) for total in (2, 7, 16, 31)),
    ],
)
def test_shards_are_about_equal(companies: int, windows: int, off: float, total: int) -> None:
    """Numbers that follow each other are the usual ids: the checksum must not deal them badly.

    Of 1,000 companies in blocks, the smallest of 64 shards has 16 or so, and chance says the rest.
    """
    plan = _plan(companies, windows)
    mean = len(plan) / total
    sizes = [len(part) for part in _parts(plan, total)]
    assert sum(sizes) == len(plan)
    assert mean * (1 - off) <= min(sizes)
    assert max(sizes) <= mean * (1 + off)


def test_one_company_is_dealt_out_as_well() -> None:
    """Years of a single company occupy all shards; what is left over is less than a block."""
    sizes = [len(part) for part in _parts(_plan(("1",), 800), 10)]
    assert sizes == [80] * 10


def test_the_whole_run_needs_no_memory() -> None:
    """However many companies there are; a shard takes 2 bytes for each."""
    plan = _plan(50_000, 7)
    tracemalloc.start()
    try:
        whole = Part(plan)
        assert (whole.shard, whole.shard.is_whole, len(whole)) == (Shard(0, 1), True, len(plan))
        assert tracemalloc.get_traced_memory()[1] < 5_000
        part = Part(plan, Shard(1, 3))
        assert 0 < len(part) < len(plan)
        assert tracemalloc.get_traced_memory()[0] < 2.2 * 50_000 + 20_000
    finally:
        tracemalloc.stop()


def test_more_shards_than_cells_leave_some_with_nothing() -> None:
    """They have nothing to do, and say so."""
    plan = Plan(Companies(("1",)), [SERVER_DEFAULT])
    sizes = [len(part) for part in _parts(plan, 50)]
    assert sorted(sizes) == [0] * 49 + [1]
    empty = Part(plan, Shard(sizes.index(0), 50))
    assert list(empty.spans(0)) == []
    assert list(absent_in_turns(CellSet(1), empty)) == []


@pytest.mark.parametrize(
    ("text", "shard"),
    [
        ("0/1", Shard()),
        ("3/16", Shard(3, 16)),
        ("15/16", Shard(15, 16)),
        ("00003/00016", Shard(3, 16)),
        ("9999/10000", Shard(9999, 10_000)),
    ],
)
def test_a_shard_is_written_as_its_number_and_how_many(text: str, shard: Shard) -> None:
    """Numbered from 0; it is shown as it is written."""
    assert Shard.parse(text) == shard
    assert Shard.parse(str(shard)) == shard
    assert shard.is_whole is (text == "0/1")


@given(st.integers(1, MOST_SHARDS).flatmap(lambda n: st.tuples(st.integers(0, n - 1), st.just(n))))
def test_every_shard_can_be_written_and_read(pair: tuple[int, int]) -> None:
    """What a manifest has is what an option takes."""
    assert Shard.parse(str(Shard(*pair))) == Shard(*pair)


_FORM = "is no shard; write its number, from 0, and how many there are: 3/16"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        *((text, f'"{text}" {_FORM}') for text in ("a/b", "1", "", "/", "1/", "/4", "-1/4")),
        *((text, f'"{text}" {_FORM}') for text in ("1/-4", "1.0/4", "1/2/3", "+1/4", "0x1/4")),
        *((text, f'"{text}" {_FORM}') for text in (" 1/4", "1/4 ", "1 / 4", "1_0/20")),
        *((text, f'"{text}" {_FORM}') for text in ("٣/16", "3/١٦", "²/4", "3of16", "3\uff0f16")),
        ("1/4\n", f'"1/4<U+000A>" {_FORM}'),
        ("16/16", "shards are numbered from 0: the last of 16 is 15/16"),
        ("1/1", "shards are numbered from 0: the last of 1 is 0/1"),
        ("10000/10000", "shards are numbered from 0: the last of 10000 is 9999/10000"),
        ("1/0", "0 shards cannot be; write 1 to 10,000 of them"),
        ("0/0", "0 shards cannot be; write 1 to 10,000 of them"),
        ("0/10001", "10001 shards cannot be; write 1 to 10,000 of them"),
        ("1/99999999", "99999999 shards cannot be; write 1 to 10,000 of them"),
    ],
)
def test_what_is_no_shard_is_refused(text: str, said: str) -> None:
    """With a message that teaches."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        Shard.parse(text)
    assert str(caught.value) == said


@given(st.text(alphabet="0123456789/ -+.٣a", max_size=12))
def test_no_text_is_more_than_refused(text: str) -> None:
    """Nothing but `ValueError`, and never a shard that is not there."""
    try:
        shard = Shard.parse(text)
    except ValueError:
        return
    assert 0 <= shard.number < shard.total <= MOST_SHARDS


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    """Such a number is not even read, and not shown whole."""
    with pytest.raises(ValueError, match=r'^"1/9{50,60}\.\.\." is no shard'):
        Shard.parse("1/" + "9" * 5000)
