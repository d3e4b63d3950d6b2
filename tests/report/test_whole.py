"""From the run to the page in a browser, with nothing made up but the figures."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.report.reader import Reader
from tests.store.made_runs import FIRST, day, line, make_run

pytestmark = pytest.mark.asyncio(loop_scope="module")

_SCRIPT = "<script>document.title='ran'</script>"


@pytest.mark.slow
async def test_a_run_with_a_hostile_name_is_shown_as_it_is(
    reader: Reader,
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """A real run, its real report: the names are read as text, and no script has run."""
    command.write("companies.txt", f"1 {_SCRIPT}\n2 =cmd()\n3 <b>bold</b> &amp; $x$ %{{y}}\n")
    days = ("--from", "2026-01-01", "--until", "2026-01-03", "--window", "1d")
    done = await command.run("demo", "companies.txt", *days, "--rate", "200", "--output", "r")
    assert done.exit_code == 0, done.stderr
    done = await command.run("report", "r", "--to", "r.html")
    assert done.exit_code == 0, done.stderr
    opened = await reader.open_file(command.directory / "r.html")
    text = await opened.page.evaluate("document.body.textContent")
    for name in (_SCRIPT, "=cmd()", "<b>bold</b> &amp; $x$ %{y}"):
        assert name in text
    assert await opened.page.title() != "ran"
    assert opened.troubles == []


@pytest.mark.torture
async def test_a_year_of_2000_companies_from_the_lines_to_the_screen(
    reader: Reader,
    command: Any,  # noqa: ANN401
    tmp_path: Path,
) -> None:
    """730,000 lines, two runs: the page is smaller than 2 MB, and all pictures are in it."""
    chance = random.Random(1)  # noqa: S311 - figures, no secrets
    companies = [str(number) for number in range(2000)]
    for name, days in (("r", (1, 365)), ("s", (350, 365))):
        make_run(tmp_path / name, companies=companies, days=days, names={"7": _SCRIPT})
        with (tmp_path / name / "statistics.jsonl").open("wb") as stream:
            for company in companies:
                stream.writelines(
                    line(company, number, len(name), total=chance.randrange(500))
                    for number in range(days[0], days[1] + 1)
                    if chance.random() < 0.999
                )
    assert day(365).from_date == FIRST.replace(year=2027, month=10, day=31)
    done = await command.run("report", "r", "s", "--to", "r.html")
    assert done.exit_code == 0, done.stderr
    path = command.directory / "r.html"
    assert path.stat().st_size < 2_000_000
    opened = await reader.open_file(path)
    assert await opened.page.locator(".plot:visible svg").count() >= 5
    assert opened.troubles == []
