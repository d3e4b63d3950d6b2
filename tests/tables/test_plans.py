"""Answers of an older run than the newest that planned them, by the tables and by `latest`."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from collector.store.newest import NewestLines, Pile, older_text
from collector.store.recorded_run import find_runs
from collector.store.scratch import scratch_database
from collector.tables.answers import Answers
from collector.tables.plans import Plans
from tests.store.made_runs import line, make_run
from tests.tables.databases import empty_database

_Cell = tuple[str, int | None]


@dataclass(frozen=True)
class _Night:
    """The companies and days that a run planned, and the cells that it answered."""

    companies: tuple[str, ...]
    days: tuple[int, int] | None
    answered: frozenset[_Cell]
    at: float = 0
    firsts: tuple[int, ...] = ()
    """The places of the first days of the companies; nothing if each has every day."""

    @property
    def planned(self) -> set[_Cell]:
        numbers = [None] if self.days is None else range(self.days[0], self.days[1] + 1)
        firsts = self.firsts or [0] * len(self.companies)
        begins = zip(self.companies, firsts, strict=True)
        return {(company, number) for company, first in begins for number in numbers[first:]}

    def make(self, path: Path) -> Path:
        lines = [line(*cell, self.at) for cell in sorted(self.answered, key=str)]
        return make_run(path, lines, companies=self.companies, days=self.days, firsts=self.firsts)


def _by_hand(nights: Sequence[_Night]) -> int:
    count = 0
    for cell in set().union(*(night.answered for night in nights)):
        planners = [night for night in nights if cell in night.planned]
        count += cell not in planners[-1].answered
    return count


def _by_tables(runs: Sequence[Path]) -> int:
    with empty_database() as database:
        found = find_runs(runs)
        Answers(database).read(found)
        plans = Plans(database)
        for number, run in enumerate(found):
            assert plans.read(run, number) is None
        return plans.older_answers()


def _by_latest(runs: Sequence[Path]) -> str | None:
    with scratch_database() as database:
        lines = NewestLines(database)
        for run in reversed(find_runs(runs)):
            lines.read(run, Pile.NEW)
            lines.expect(run)
        return older_text(lines.older)


@pytest.mark.parametrize("seed", range(12))
def test_they_are_those_that_the_newest_plan_lacks(tmp_path: Path, seed: int) -> None:
    """Whatever was planned and answered, and whenever it was fetched: both count the same."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    nights, runs = [], []
    for number in range(5):
        companies = tuple(chance.sample(("1", "2", "é"), chance.randint(1, 3)))
        first, more = chance.randint(1, 4), chance.randint(0, 2)
        days = None if chance.random() < 0.2 else (first, first + more)
        # As with `--since-last`.
        firsts = () if days is None else tuple(chance.randint(0, more) for _ in companies)
        night = _Night(companies, days, frozenset(), chance.random(), firsts)
        share = chance.choice((0, 0.5, 0.9, 1))
        answered = frozenset(
            cell for cell in sorted(night.planned, key=str) if chance.random() < share
        )
        nights.append(replace(night, answered=answered))
        runs.append(nights[-1].make(tmp_path / str(number)))
    expected = _by_hand(nights)
    assert _by_tables(runs) == expected
    told = _by_latest(runs)
    assert (0 if told is None else int(told.split()[0])) == expected


def test_they_are_counted_in_words(tmp_path: Path) -> None:
    """One, or several."""
    every = frozenset((company, number) for company in ("1", "2") for number in (1, 2))
    runs = [_Night(("1", "2"), (1, 2), every).make(tmp_path / "old")]
    runs.append(_Night(("1", "2"), (1, 2), every - {("1", 1)}, 60).make(tmp_path / "new"))
    assert _by_latest(runs) == (
        "1 cell is from an older run: the newest run that planned it has no answer for it"
    )
    runs.append(_Night(("1", "2"), (1, 2), frozenset(), 90).make(tmp_path / "newest"))
    assert _by_latest(runs) == (
        "4 cells are from an older run: the newest run that planned them has no answer for them"
    )


def test_an_edited_list_says_nothing(tmp_path: Path) -> None:
    """What was planned is not known; the lines are read all the same."""
    old = _Night(("1",), (1, 1), frozenset({("1", 1)})).make(tmp_path / "old")
    new = _Night(("1",), (1, 1), frozenset()).make(tmp_path / "new")
    assert _by_latest([old, new]) is not None
    path = new / "run-companies.txt"
    path.write_bytes(path.read_bytes() + b"2\n")
    assert _by_latest([old, new]) is None
    path.unlink()
    assert _by_latest([old, new]) is None
