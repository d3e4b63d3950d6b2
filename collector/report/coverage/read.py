"""Reads the state of all planned cells, in tiles of neighbouring companies and windows."""

from math import ceil
from typing import Final

from collector.report.cells import Cells
from collector.report.coverage.model import CompanyGap, CompanyGroup, CoverageMap
from collector.report.model import Company, Tile

__all__ = ["read_coverage"]

_ALONE: Final = 50
"""Companies up to which each has a row of the map."""

_GROUPS: Final = 36
"""Rows of the map for more companies: as many as a printed page can name beside the legend."""

_GAPS: Final = 50
"""Companies that lack answers and are listed, at most."""

_STATES: Final = """
    count(*) FILTER (facts.company IS NOT NULL AND NOT facts.is_empty),
    count(*) FILTER (facts.company IS NOT NULL AND facts.is_empty),
    count(*) FILTER (facts.company IS NULL AND failed.company IS NOT NULL) AS failed,
    count(*) FILTER (facts.company IS NULL AND failed.company IS NULL) AS missing
"""
_CELLS: Final = """
    planned LEFT JOIN facts USING (company, "window") LEFT JOIN failed USING (company, "window")
"""


def read_coverage(cells: Cells) -> CoverageMap:
    """Return the heat map, and the companies that lack most answers."""
    spans = cells.spans()
    groups, size = _groups(cells)
    tiles = [[Tile(0, 0, 0, 0)] * len(spans) for _ in groups]
    rows = cells.rows(
        f"""
        SELECT company // $1, bin, {_STATES} FROM {_CELLS} JOIN bins USING ("window") GROUP BY ALL
        """,
        size,
    )
    for group, span, *states in rows:
        tiles[group][span] = Tile(*states)
    (total,) = cells.rows(f"SELECT {_STATES} FROM {_CELLS}")
    gaps, companies_with_gaps = _gaps(cells)
    return CoverageMap(
        groups=tuple(groups),
        spans=tuple(spans),
        tiles=tuple(map(tuple, tiles)),
        total=Tile(*total),
        gaps=gaps,
        companies_with_gaps=companies_with_gaps,
        is_known=cells.is_known,
        older=cells.older,
    )


def _groups(cells: Cells) -> tuple[list[CompanyGroup], int]:
    ((companies,),) = cells.rows("SELECT count(*) FROM companies")
    size = 1 if companies <= _ALONE else ceil(companies / _GROUPS)
    rows = cells.rows(
        """
        SELECT min_by((company_id, company_name), position),
            max_by((company_id, company_name), position), count(*)
        FROM companies GROUP BY position // $1 ORDER BY position // $1
        """,
        size,
    )
    return [
        CompanyGroup(Company(*first), Company(*last), count) for first, last, count in rows
    ], size


def _gaps(cells: Cells) -> tuple[tuple[CompanyGap, ...], int]:
    cells.execute(
        f"""
        CREATE TEMP TABLE gaps AS
        SELECT company, {_STATES}, count(*) AS planned FROM {_CELLS}
        GROUP BY company HAVING failed + missing > 0
        """
    )
    rows = cells.rows(
        """
        SELECT company_id, company_name, failed, missing, planned
        FROM gaps JOIN companies ON company = position
        ORDER BY failed + missing DESC, position LIMIT $1
        """,
        _GAPS,
    )
    ((count,),) = cells.rows("SELECT count(*) FROM gaps")
    return tuple(
        CompanyGap(Company(company_id, name), failed, missing, planned)
        for company_id, name, failed, missing, planned in rows
    ), count
