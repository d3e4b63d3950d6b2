"""A million lines, cell by cell, and many nights that overlap."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.export import made_cells, made_run
from collector.cli.main import main
from tests.store.made_runs import line, make_run
from tests.tables.newest_rows import by_latest, by_tables

_Row = tuple[date, str, datetime, list[int]]


def _of_the_lines(companies: int, days: int) -> Iterator[_Row]:
    for cell, moment, counters, actions in made_cells(companies, days):
        assert cell.window.from_date is not None
        counts = [*counters.values(), *(actions[name] for name in sorted(actions))]
        yield cell.window.from_date, cell.company_id, moment, counts


def _of_the_file(path: Path) -> Iterator[_Row]:
    """Read the file in the order in which the lines were written."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        rows = connection.execute(
            "SELECT * FROM read_parquet(?) ORDER BY from_date, company_id::INTEGER", [str(path)]
        )
        while some := rows.fetchmany(10_000):
            for company, name, first, last, moment, *counts in some:
                assert name == (None if int(company) % 2 else f"Company {company}")
                assert first == last
                yield first, company, moment, counts


@pytest.mark.parametrize(
    ("companies", "days"),
    [
        pytest.param(20, 100, id="2000-lines"),
        pytest.param(2000, 500, id="1000000-lines", marks=pytest.mark.torture),
        pytest.param(250_000, 4, id="250000-companies", marks=pytest.mark.torture),
    ],
)
def test_each_value_of_each_line_is_in_its_cell(tmp_path: Path, companies: int, days: int) -> None:
    """All of them, and in the order of `collector latest`."""
    run, path = made_run(tmp_path / "run", companies, days), tmp_path / "o.parquet"
    with pytest.raises(SystemExit) as ended:
        main(["export", str(run), "--to", str(path)])
    assert ended.value.code == 0
    rows = 0
    for ours, theirs in zip(_of_the_lines(companies, days), _of_the_file(path), strict=True):
        assert ours == theirs
        rows += 1
    assert rows == companies * days
    with duckdb.connect() as connection:
        order = connection.execute(
            "SELECT company_id, from_date FROM read_parquet(?, file_row_number = true) "
            "ORDER BY file_row_number",
            [str(path)],
        )
        before: tuple[Any, ...] = ("", date.min)
        while some := order.fetchmany(10_000):
            for row in some:
                assert before < row
                before = row


@pytest.mark.parametrize(
    ("nights", "companies"),
    [(4, 5), pytest.param(30, 1000, id="30-nights", marks=pytest.mark.torture)],
)
def test_of_nights_that_overlap_each_cell_has_its_newest_answer(
    tmp_path: Path, nights: int, companies: int
) -> None:
    """As `collector latest` has them, in whatever order the nights are named."""
    runs = [
        make_run(
            tmp_path / str(night),
            [
                line(str(company), day, night * 3600.0, total=night, actions={f"{night % 7}": day})
                for company in range(companies)
                for day in range(night, night + 8)
            ],
        )
        for night in range(1, nights + 1)
    ]
    expected = by_latest(*runs)
    assert len(expected.rows) == companies * (nights + 7)
    assert by_tables(*runs) == by_tables(*reversed(runs)) == expected
