"""The newest answers as `collector latest` has them, and as the tables have them: side by side."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from collector.core.outcome import COUNTERS
from collector.export.export import Rows
from collector.store.changes import read_cell
from collector.store.lines import parse_result
from collector.store.newest import NewestLines, Pile
from collector.store.recorded_run import find_runs
from collector.store.scratch import scratch_database
from collector.tables.answers import Answers
from collector.tables.names import load_names
from tests.tables.databases import empty_database


class Row(NamedTuple):
    """A cell and its newest answer; `at` is in microseconds since 1970.

    A counter that no column can hold is None, such an action is not there.
    """

    company_id: str
    from_date: str | None
    until_date: str | None
    at: int
    counters: list[int | None]
    actions: dict[str, int]


class Newest(NamedTuple):
    """All rows in their order, and what people are told about lines that were left out."""

    rows: list[Row]
    remarks: list[str]


_LARGEST = 2**63 - 1
_ABOUT_VALUES = "too large"


def by_latest(*paths: Path) -> Newest:
    """Read runs as `collector latest` does."""
    with scratch_database() as database:
        lines = NewestLines(database)
        damages = [lines.read(run, Pile.NEW) for run in reversed(find_runs(paths))]
        remarks = [remark for damage in reversed(damages) for remark in damage]
        rows = [_of_line(line) for line in lines.lines()]
    return Newest(rows, remarks)


def by_tables(*paths: Path) -> Newest:
    """Read runs as `collector export` does."""
    runs = find_runs(paths)
    with empty_database() as database:
        answers = Answers(database)
        answers.read(runs)
        assert load_names(database, runs) == []
        query, names = Rows(answers), answers.actions().names
        got = database.connection.execute(query.typed, query.parameters).fetchall()
        assert answers.cells() == len(got)
        remarks = [remark for remark in answers.remarks if _ABOUT_VALUES not in remark]
        assert answers.lacks_values == (len(remarks) < len(answers.remarks))
        return Newest([_of_row(row, names) for row in got], remarks)


def remarks_on_values(*paths: Path) -> list[str]:
    """Return what people are told about values that `collector export` leaves out of runs."""
    with empty_database() as database:
        answers = Answers(database)
        answers.read(find_runs(paths))
        return [remark for remark in answers.remarks if _ABOUT_VALUES in remark]


def _of_line(line: bytes) -> Row:
    cell, parsed = read_cell(line), parse_result(line)
    assert parsed is not None
    counters = [getattr(cell.statistics, name) for name in COUNTERS]
    counts = [count if count <= _LARGEST else None for count in counters]
    first, last = cell.from_date, cell.until_date
    actions = {name: n for name, n in cell.statistics.actions.items() if n <= _LARGEST}
    return Row(cell.company_id, first, last, _microseconds(parsed.fetched_at), counts, actions)


def _of_row(row: Sequence[Any], names: Sequence[str]) -> Row:
    company_id, _, first, last, at, *counts = row
    counters, actions = counts[: len(COUNTERS)], counts[len(COUNTERS) :]
    return Row(
        company_id,
        None if first is None else first.isoformat(),
        None if last is None else last.isoformat(),
        _microseconds(at),
        counters,
        {name: n for name, n in zip(names, actions, strict=True) if n is not None},
    )


def _microseconds(moment: datetime) -> int:
    since = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
