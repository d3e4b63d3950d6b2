"""`python -m benchmarks.facts`: its server, and what it finds in the lines of a program."""

from datetime import date
from pathlib import Path

import orjson
from aiohttp import ClientSession

from benchmarks.facts.output import READERS, left
from benchmarks.facts.server import Behaviour, figure, serving
from benchmarks.speed.work import Work

_TODAY = date(2026, 11, 30)
_WORK = Work(2, _TODAY)
_PATH = "/campaigns/api/v1/company/{}/statistics?from_date={}&until_date={}"


def test_days_add_up_and_companies_differ() -> None:
    """As the collector verifies before it begins."""
    days = [f"2026-11-0{day}" for day in range(1, 8)]
    assert figure("3", days[0], days[-1]) == sum(figure("3", day, day) for day in days)
    assert figure("3", days[0], days[0]) != figure("4", days[0], days[0])


def test_missing_doubled_and_wrong_lines_are_counted() -> None:
    """Of two cells one is there twice, with the figure of the other one."""
    good = figure("1", "2026-11-29", "2026-11-29")
    assert left(iter([("1", "2026-11-29", good), ("2", "2026-11-29", good)]), _WORK) == (0, 0, 1)
    assert left(iter([("1", "2026-11-29", good)] * 2), _WORK) == (1, 1, 0)


def test_half_a_line_is_left_out(tmp_path: Path) -> None:
    """A killed program may have left it."""
    line = {"company_id": "1", "from_date": "2026-11-29", "statistics": {"total": 7}}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "statistics.jsonl").write_bytes(orjson.dumps(line) + b'\n{"company')
    assert list(READERS["collector"](tmp_path)) == [("1", "2026-11-29", 7)]


async def _total(session: ClientSession, base_url: str, company: str, day: str) -> tuple[int, int]:
    async with session.get(base_url + _PATH.format(company, day, day)) as response:
        data = (await response.json(content_type=None)).get("data", {})
        return response.status, data.get("total", 0)


async def test_the_server_limits_and_counts() -> None:
    """Two requests of a bucket of one: the second is refused, and both are counted."""
    with serving(Behaviour(limit=0.001, burst=1), _TODAY) as seen:
        async with ClientSession() as session:
            first = await _total(session, seen.base_url, "1", "2026-11-29")
            second = await _total(session, seen.base_url, "1", "2026-11-29")
    assert first == (200, figure("1", "2026-11-29", "2026-11-29"))
    assert second[0] == 429
    assert (seen.requests, seen.limited, len(seen.accepted)) == (2, 1, 1)


async def test_the_server_ignores_dates() -> None:
    """Every day has the answer of its last seven days."""
    with serving(Behaviour(ignores_dates=True), _TODAY) as seen:
        async with ClientSession() as session:
            totals = {
                (await _total(session, seen.base_url, "1", day))[1]
                for day in ("2026-11-01", "2026-11-02")
            }
    assert totals == {figure("1", "2026-11-24", "2026-11-30")}
