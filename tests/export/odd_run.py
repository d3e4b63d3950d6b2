"""A run with odd companies and odd actions, and the rows that an export makes of it."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests.store.made_runs import line, make_run

AT = datetime(2026, 11, 23, 2, 0, 1, 250_000, tzinfo=UTC)
_NAMES = {"1": "=cmd()", "007": "<script>alert(1)</script>", "-1": 'a,"b";c', "é": "ñ"}
IDS = [
    "1",
    "007",
    "-1",
    "1e5",
    "2024-01",
    "é",
    "𝄞",
    "'",
    "true",
    "00",
    "+5",
    "@x",
    " 1",
    "a;b,c",
    'x\r\n"y',
]
_ACTIONS = ["", "A", "a", "a/b~c", "late", 'x"y', "z\nz"]
COLUMNS = [
    *("company_id", "company_name", "from_date", "until_date", "fetched_at"),
    *("total", "sended", "pending", "fails", "campaign"),
    *("actions_", "actions_A", "actions_a_2", "actions_a/b~c", "actions_late"),
    *('actions_x"y', "actions_z<U+000A>z"),
]
LARGEST = 2**63 - 1


def _cells() -> Iterator[tuple[str, int | None, int, dict[str, int]]]:
    """Make a company, a day, a total and actions for each row, in the order of the export."""
    for number, company in enumerate(sorted(IDS, key=str.encode)):
        for place, day in enumerate((None, 1, 3)):
            total = (LARGEST, 0, number)[place]
            named = {} if place else {name: number + len(name) for name in _ACTIONS[:4]}
            if company == "é" and place == 2:
                named = {"late": 0, 'x"y': 1, "z\nz": LARGEST}
            yield company, day, total, named


def odd_rows() -> list[tuple[Any, ...]]:
    """Give the rows, in their order."""
    rows = []
    for company, number, total, named in _cells():
        day = None if number is None else date(2026, 11, number)
        counts = [named.get(name) for name in _ACTIONS]
        rows.append((company, _NAMES.get(company), day, day, AT, total, 1, 2, 3, 4, *counts))
    return rows


def make_odd_run(path: Path) -> Path:
    """Make the run, its lines in no order."""
    made = [
        line(
            company, day, 0.25, total=total, sended=1, pending=2, fails=3, campaign=4, actions=named
        )
        for company, day, total, named in _cells()
    ]
    random.Random(1).shuffle(made)  # noqa: S311 - no secret
    return make_run(path, made, companies=_NAMES, names=_NAMES)
