"""Lines of other shards, which are told from own ones without decoding them."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.plan import Companies, Part, Plan, Shard
from collector.store.own_lines import OwnLines
from tests.store.made_runs import day, line

_IDS = ("1", "22", "é", 'quote"d', "back\\slash", "a/b")


def _lines(days: int, shard: Shard, firsts: Sequence[int] = ()) -> tuple[Part, OwnLines]:
    plan = Plan(Companies(_IDS), [day(number) for number in range(1, days + 1)], firsts)
    part = Part(plan, shard)
    return part, OwnLines(part)


@given(st.integers(1, 30), st.integers(1, 7))
def test_no_line_of_an_own_cell_is_of_another_shard(days: int, total: int) -> None:
    """And of other cells all are, but for ids that are escaped in the line."""
    for number in range(total):
        part, own = _lines(days, Shard(number, total))
        for index, cell in enumerate(part.plan):
            place = index % days + 1
            is_plain = not set('"\\') & set(cell.company_id)
            expected = index not in part and is_plain
            assert own.is_other(line(cell.company_id, place)) is expected


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\n",
        b'{"company_id":"1"}\n',
        line("1", 1)[:-1],
        line("1", 1)[:40],
        line("1", 1).replace(b"2026-11-01", b"2026-13-01"),
        line("1", 1).replace(b'"company_id"', b'"company"'),
        b" " + line("1", 1),
    ],
)
def test_what_the_collector_does_not_write_is_decoded(damaged: bytes) -> None:
    """By every shard: then it is found to be damaged, or of no planned cell."""
    for number in range(3):
        _, own = _lines(20, Shard(number, 3))
        assert not own.is_other(damaged)


def test_every_line_counts_where_the_place_does_not_say_it() -> None:
    """For the whole run, without dates, and where companies begin with different days."""
    _, whole = _lines(20, Shard())
    _, later = _lines(20, Shard(0, 2), [0, 1, 2, 3, 4, 5])
    dateless = OwnLines(Part(Plan(Companies(_IDS), [day(None)]), Shard(0, 2)))
    assert [lines.can_tell for lines in (whole, later, dateless)] == [False] * 3
