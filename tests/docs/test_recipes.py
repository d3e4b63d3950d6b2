"""docs/recipes.md: each recipe is typed, and prints what the page shows, if its tool is there."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from collector import ClientCredentials, collect
from collector.simulator import Simulator, SimulatorSettings
from tests.conftest import ENVIRONMENT
from tests.docs.pages import DOCS, Block, blocks, read
from tests.docs.played_page import Example, Shell, shell

_ROOT: Final = Path(__file__).parents[2]
_TEXT: Final = read(DOCS / "recipes.md")
_RECIPES: Final = {
    title: blocks(section)
    for title, section in re.findall(
        r"^## (\w+)\n(.*?)(?=^## |\Z)", _TEXT, re.MULTILINE | re.DOTALL
    )
}
_NEEDS: Final = {"pandas": ("pandas", "pyarrow"), "polars": ("polars",), "DuckDB": ("duckdb",)}
_NOT_RUN: Final = {"BigQuery", "S3"}


@pytest.fixture
async def directory(tmp_path: Path) -> Path:
    """Give a directory with two nights; the second has collected days of the first again."""
    settings = SimulatorSettings(port=0)
    (tmp_path / "output").mkdir()
    async with Simulator(settings) as api:
        for night, first in (("2026-11-22", "2026-11-20"), ("2026-11-23", "2026-11-21")):
            result = await collect(
                ["4892", "5120"],
                credentials=ClientCredentials.of(settings.client_id, settings.client_secret),
                base_url=api.base_url,
                token_url=api.token_url,
                from_date=first,
                until_date=night,
                window="1d",
                rate=1000,
                output=tmp_path / "output" / night,
            )
            assert result.is_complete
    return tmp_path


async def _type(bash: Shell, block: Block) -> str:
    """Type a block of a shell; a command that fails fails the test."""
    command = f"( set -e\n{block.body}) || echo ended with $?"
    return await bash.type(Example(block.line, command, (), is_last=True))


async def _follow(recipe: list[Block], directory: Path, **environment: str) -> None:
    """Do what a recipe says in a directory, and compare what is shown."""
    printed = ""
    async with shell(directory, {**ENVIRONMENT, **environment}) as bash:
        for block in recipe:
            if block.language == "sh":
                printed = await _type(bash, block)
            elif block.language == "python":
                (directory / "recipe.py").write_text(block.body, encoding="utf-8")
                command = f"PYTHONPATH={shlex.quote(str(_ROOT))} python -W error recipe.py"
                printed = await _type(bash, block._replace(body=f"{command}\n"))
            elif block.language == "sql":
                (directory / "load.sql").write_text(block.body, encoding="utf-8")
            else:
                assert printed == block.body, f"what is shown in line {block.line} of the recipe"
                printed = ""
    assert printed == ""


@pytest.mark.parametrize("title", _NEEDS)
async def test_a_library_shows_what_the_page_shows(title: str, directory: Path) -> None:
    """From the command to the figures."""
    for library in _NEEDS[title]:
        pytest.importorskip(library, reason=f"{library} is not installed: make recipes installs it")
    await _follow(_RECIPES[title], directory)


@pytest.fixture
def postgresql() -> Iterator[dict[str, str]]:
    """Start a PostgreSQL server of its own; give the variables with which psql finds it."""
    programs = Path(shutil.which("initdb") or "").resolve().parent
    if not (programs / "pg_ctl").exists() or shutil.which("psql") is None:
        pytest.skip("there is no PostgreSQL server on the path (initdb, pg_ctl, psql)")
    # The server refuses to work for root.
    user = "postgres" if os.geteuid() == 0 else None
    # Another user may not enter the directory of the tests, and a socket needs a short name.
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    if user is not None:
        shutil.chown(place, user)

    def do(program: str, *arguments: str) -> None:
        subprocess.run(  # noqa: S603 - what is on the path
            [programs / program, "-D", place / "data", *arguments],
            user=user,
            cwd=place,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    try:
        do("initdb", "--no-sync", "--auth=trust", "--encoding=UTF8", "--username=tester")
        do("pg_ctl", "-w", "-l", str(place / "log"), "-o", f"-F -h '' -k {place}", "start")
        try:
            yield {"PGHOST": str(place), "PGUSER": "tester", "PGDATABASE": "postgres"}
        finally:
            do("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(place)


async def test_postgresql_shows_what_the_page_shows(
    directory: Path, postgresql: dict[str, str]
) -> None:
    """Also when the lines are loaded again, and when a server writes odd ones.

    Quotes and backslashes in an id, no dates, actions that are a list; the newest answer stays.
    """
    recipe = _RECIPES["PostgreSQL"]
    await _follow([*recipe, *recipe], directory, **postgresql)
    load = next(block for block in recipe if block.body.startswith("psql"))
    load = load._replace(body=f"cd {directory}\n{load.body.splitlines()[0]}")
    line = (
        r'{"company_id":"a\"b\\n,é","from_date":null,"until_date":null,'
        '"fetched_at":"2026-11-23T%s:00:00.000Z","attempts":1,"statistics":'
        '{"total":%d,"sended":0,"pending":0,"fails":0,"campaign":0,"actions":%s}}\n'
    )
    table = "SELECT company_id, total, actions FROM statistics WHERE from_date IS NULL"
    show = load._replace(body=f'psql --csv --tuples-only --command "{table}"')
    async with shell(directory / "output", {**ENVIRONMENT, **postgresql}) as bash:
        for values in (("02", 2, "[]"), ("01", 1, '{"CLOSED":1}')):
            (directory / "latest.jsonl").write_text(line % values, encoding="utf-8")
            assert await _type(bash, load) == ""
        assert await _type(bash, show) == '"a""b\\n,é",2,{}\n'


def test_every_recipe_is_run_or_says_that_it_is_not() -> None:
    """The page and the tests name the same ones."""
    assert set(_RECIPES) == {*_NEEDS, "PostgreSQL", *_NOT_RUN}
    for title in _NOT_RUN:
        assert f"## {title}\n\nNot run. " in _TEXT
    for title in {*_RECIPES} - _NOT_RUN:
        assert [block for block in _RECIPES[title] if block.language == "text"], title
