"""The tables and the statements of `collector.store.newest`, in the SQL of SQLite.

A cell of a pile is one number, which SQLite finds fastest: the bit of the pile, 31 bits of the
company, 31 bits of the window. Companies and windows are numbered as they are first read. `one` and
`other` are piles. `run` is the last run that has an answer. The answer begins at byte `answer` of
the line, counted from 1.
"""

from typing import Final

__all__ = [
    "ALL",
    "COUNT_ONE",
    "DIFFERENT",
    "IN_BOTH",
    "IN_ONE",
    "OLDER",
    "PUT",
    "PUT_FIRST",
    "TABLES",
]

TABLES: Final = (
    "CREATE TABLE lines (cell INTEGER PRIMARY KEY, run, fetched_at, answer, line)",
    "CREATE TABLE company_order (place INTEGER PRIMARY KEY, company)",
    "CREATE TABLE window_order (number INTEGER PRIMARY KEY, place)",
    """
    CREATE TABLE planned_companies (run, company, PRIMARY KEY (run, company)) WITHOUT ROWID
    """,
    "CREATE TABLE planned_windows (number, run, PRIMARY KEY (number, run)) WITHOUT ROWID",
)

PUT: Final = """
INSERT INTO lines VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET
    run = excluded.run,
    answer = CASE WHEN excluded.fetched_at >= fetched_at THEN excluded.answer ELSE answer END,
    line = CASE WHEN excluded.fetched_at >= fetched_at THEN excluded.line ELSE line END,
    fetched_at = max(fetched_at, excluded.fetched_at)
"""

# Changes a row for the first line of each cell of a run only: the number of changes counts cells.
PUT_FIRST: Final = f"{PUT}WHERE run <> excluded.run"

OLDER: Final = """
SELECT count(*) FROM lines
WHERE cell BETWEEN :one << 62 AND (:one << 62) + 0x3fffffffffffffff AND EXISTS (
    SELECT 1 FROM planned_windows AS planned
    WHERE planned.number = cell & 0x7fffffff AND planned.run > lines.run AND EXISTS (
        SELECT 1 FROM planned_companies
        WHERE run = planned.run AND company = cell >> 31 & 0x7fffffff
    )
)
"""

# CROSS JOIN keeps the order of the tables: companies in their order, and the lines of each.
ALL: Final = """
SELECT line FROM company_order
CROSS JOIN lines ON cell BETWEEN
    (:one << 31 | company) << 31 AND ((:one << 31 | company) << 31) + 0x7fffffff
CROSS JOIN window_order ON number = cell & 0x7fffffff
ORDER BY company_order.place, window_order.place
"""

DIFFERENT: Final = """
SELECT one.line, other.line FROM company_order
CROSS JOIN lines AS one ON one.cell BETWEEN
    (:one << 31 | company) << 31 AND ((:one << 31 | company) << 31) + 0x7fffffff
CROSS JOIN window_order ON number = one.cell & 0x7fffffff
CROSS JOIN lines AS other ON other.cell = one.cell - (:one << 62) + (:other << 62)
WHERE substr(one.line, one.answer) <> substr(other.line, other.answer)
ORDER BY company_order.place, window_order.place
"""

IN_ONE: Final = """
SELECT line FROM company_order
CROSS JOIN lines AS one ON cell BETWEEN
    (:one << 31 | company) << 31 AND ((:one << 31 | company) << 31) + 0x7fffffff
CROSS JOIN window_order ON number = cell & 0x7fffffff
WHERE NOT EXISTS (
    SELECT 1 FROM lines AS other WHERE other.cell = one.cell - (:one << 62) + (:other << 62)
)
ORDER BY company_order.place, window_order.place
"""

IN_BOTH: Final = """
SELECT one.cell & 0x7fffffff FROM lines AS one
CROSS JOIN lines AS other ON other.cell = one.cell - (:one << 62) + (:other << 62)
WHERE one.cell BETWEEN :one << 62 AND (:one << 62) + 0x3fffffffffffffff
"""

COUNT_ONE: Final = """
SELECT count(*) FROM lines AS one
WHERE cell BETWEEN :one << 62 AND (:one << 62) + 0x3fffffffffffffff AND NOT EXISTS (
    SELECT 1 FROM lines AS other WHERE other.cell = one.cell - (:one << 62) + (:other << 62)
)
"""
