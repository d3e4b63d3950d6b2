"""Nothing heavy is imported before it is needed: help and bad input are answered at once.

What is imported is read from `python -X importtime`. How long it takes is no matter of a test.
"""

import asyncio
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Command
from tests.pages import COMMANDS

_IMPORTED: Final = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)

_SENDING: Final = frozenset(
    {
        "aiohttp",
        "asyncio",
        "asyncio_throttle",
        "distributed",
        "prometheus_client",
        "ssl",
        "structlog",
    }
)
"""What sends requests, paces them, and tells of them."""

_READING: Final = frozenset({"duckdb", "msgspec", "orjson", "plotly", "sqlite3"})
"""What reads answers, and adds them up."""

_HEAVY: Final = _SENDING | _READING | {"rich.live", "rich.progress_bar", "tomlkit", "yarl"}

_RENDERING_MARKDOWN: Final = frozenset({"markdown_it", "pygments", "rich.markdown"})


@dataclass(frozen=True)
class Start:
    """How a command ended, and the names of the modules that it had imported by then."""

    exit_code: int
    modules: frozenset[str]


async def start(command: Command, *arguments: str) -> Start:
    """Run the command to its end with a list of what it imports."""
    done = await replace(command, flags=("-X", "importtime")).run(*arguments)
    return Start(done.exit_code, frozenset(_IMPORTED.findall(done.stderr)))


@pytest.fixture(autouse=True)
def _companies(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("1\n2\n")
    (tmp_path / "bad.txt").write_text("1\n..\n")


@pytest.mark.parametrize("name", sorted(COMMANDS))
async def test_the_help_of_a_command_imports_nothing_that_the_command_works_with(
    name: str, command: Command
) -> None:
    """Only options and their texts are needed."""
    started = await start(command, name, "--help")
    assert started.exit_code == 0
    assert not started.modules & _HEAVY


@pytest.mark.parametrize("arguments", ["", "--help", "--version"])
async def test_the_collector_tells_of_itself_without_its_options(
    arguments: str, command: Command
) -> None:
    """Neither the options of the commands are needed nor, in plain texts, a reader of Markdown."""
    started = await start(command, *arguments.split())
    assert started.exit_code == 0
    assert not started.modules & (_HEAVY | _RENDERING_MARKDOWN | {"collector.settings"})


BAD_INPUT = [
    "bogus",
    "run",
    "run good.txt --bogus",
    "run missing.txt",
    "run bad.txt",
    "run good.txt --from 2026-02-01 --until 2026-01-01",
    "run good.txt --from 2026-02-01 --until 2026-02-02 --last 7d",
    "run good.txt --last 7d --window 8x",
    "run good.txt --timezone Mars/Olympus --last 1d",
    "run good.txt --rate fast",
    "run good.txt --concurrency 0",
    "run good.txt --date-format roman",
    "plan missing.txt",
    "plan bad.txt",
    "check missing.txt",
    "check bad.txt",
    "check good.txt --timeout 0",
    "demo missing.txt",
    "demo good.txt --last 0d",
    "simulate --rate-limit fast",
    "status one --fail-on lost",
    "export one --to answers.xls",
    "report one --to page.pdf",
    "completion ksh",
]


@pytest.mark.parametrize("arguments", BAD_INPUT)
async def test_bad_input_is_refused_before_anything_heavy_is_imported(
    arguments: str, command: Command
) -> None:
    """Options and the companies file are read with little more than the command line library."""
    started = await start(command, *arguments.split())
    assert started.exit_code == 2
    assert not started.modules & _HEAVY


async def test_a_bad_address_is_refused_without_the_client_that_would_use_it(
    command: Command,
) -> None:
    """The address is read by the client's own reader of addresses, and by nothing more of it."""
    started = await start(command, "run", "good.txt", "--base-url", "http://example.com")
    assert started.exit_code == 2
    assert "yarl" in started.modules
    assert not started.modules & (_HEAVY - {"yarl"})


async def test_missing_credentials_are_told_before_anything_heavy_is_imported(
    command: Command,
) -> None:
    """Like bad input they end a run before it begins."""
    started = await start(command, "run", "good.txt")
    assert started.exit_code == 3
    assert not started.modules & _HEAVY


async def test_a_plan_is_shown_without_anything_that_sends_or_reads_answers(
    command: Command,
) -> None:
    """It is made of the options and the companies file alone."""
    started = await start(command, "plan", "good.txt", "--last", "7d", "--window", "1d")
    assert started.exit_code == 0
    assert not started.modules & _HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        "status one",
        "diff one other",
        "latest one",
        "export one --to a.csv",
        "report one --to a.html",
    ],
)
async def test_a_directory_without_a_run_is_refused_by_nothing_that_sends(
    arguments: str, command: Command
) -> None:
    """What reads the manifest of a run is needed to know; what sends, draws or counts is not."""
    started = await start(command, *arguments.split())
    assert started.exit_code == 2
    assert not started.modules & (_SENDING | {"duckdb", "plotly", "yarl"})


async def test_a_process_of_a_local_cluster_has_no_command_line(tmp_path: Path) -> None:
    """It imports anew what `collector` runs, the script in `bin`, but not as `__main__`."""
    code = "import runpy, sys; runpy.run_path(sys.argv[1], run_name='__mp_main__')"
    script = Path(sys.executable).with_name("collector")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "importtime", "-c", code, script),
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    assert process.returncode == 0
    modules = _IMPORTED.findall(stderr.decode())
    assert "collector.__main__" in modules
    assert not {"collector.cli.app", "cyclopts"}.intersection(modules)
