from datetime import timedelta
from pathlib import Path

from collector.report.model import Company, Tile
from tests.report.reading import read
from tests.store.made_runs import FIRST, line, make_run


def test_neighbours_are_joined_when_there_are_too_many_to_draw(tmp_path: Path) -> None:
    """130 companies over 250 days: 33 rows of 4 and 37 weeks, each cell counted once."""
    companies = [str(number) for number in range(130)]
    lines = [line(company, number, total=1) for company in companies for number in (1, 250)]
    report = read(make_run(tmp_path / "r", lines, companies=companies, days=(1, 250)))
    coverage = report.coverage
    assert (len(coverage.groups), len(coverage.spans)) == (33, 37)
    assert coverage.groups[-1].first.id == "128"
    assert [group.companies for group in coverage.groups] == [4] * 32 + [2]
    # The first day is a Sunday.
    assert [span.windows for span in coverage.spans] == [1, *[7] * 35, 4]
    assert coverage.spans[1].until_date == FIRST + timedelta(7)
    assert [span.days for span in coverage.spans] == [1, *[7] * 35, 4]
    assert coverage.tiles[0][0] == Tile(4, 0, 0, 0)
    assert coverage.tiles[32][36] == Tile(2, 0, 0, 6)
    assert coverage.total == Tile(260, 0, 0, 130 * 248)
    assert [part.delivery.total for part in report.over_time] == [130, *[0] * 35, 130]
    assert (len(coverage.gaps), coverage.companies_with_gaps) == (50, 130)


def test_a_group_has_the_names_of_its_own_ends(tmp_path: Path) -> None:
    """And none if they have none, whatever those between them are called."""
    companies = [str(number) for number in range(150)]
    run = make_run(tmp_path / "r", companies=companies, names={"1": "One", "4": "Four"})
    group = read(run).coverage.groups[0]
    assert (group.first, group.last) == (Company("0", None), Company("4", "Four"))


def test_each_of_50_companies_has_a_row(tmp_path: Path) -> None:
    """One more makes rows of two."""
    for count, rows in ((50, 50), (51, 26)):
        companies = [str(number) for number in range(count)]
        coverage = read(make_run(tmp_path / str(count), companies=companies)).coverage
        assert len(coverage.groups) == rows
