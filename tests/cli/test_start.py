"""Nothing heavy is imported before it is needed: help and bad input are answered at once.

How long it takes is no matter of a test.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests.conftest import ENVIRONMENT
from tests.docs.pages import COMMANDS

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

_READING: Final = frozenset({"duckdb", "jinja2", "msgspec", "orjson", "sqlite3", "vl_convert"})
"""What reads answers, and adds them up."""

_HEAVY: Final = _SENDING | _READING | {"rich.live", "rich.progress_bar", "tomlkit", "yarl"}

_RENDERING_MARKDOWN: Final = frozenset({"markdown_it", "pygments", "rich.markdown"})


class Start(NamedTuple):
    """How a command ended, and the names of the modules that had been imported by then."""

    arguments: str
    exit_code: int
    modules: frozenset[str]


Ask = Callable[[dict[str, Any]], list[dict[str, Any]]]
Run = Callable[..., list[Start]]


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """Give a function that asks `importing.py`, which has imported the entry point and no more."""
    with subprocess.Popen(  # noqa: S603 - runs only what is installed with it
        [sys.executable, str(Path(__file__).with_name("importing.py"))],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        requests, answers = process.stdin, process.stdout
        assert requests is not None
        assert answers is not None

        def tell(request: dict[str, Any]) -> list[dict[str, Any]]:
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            answer: list[dict[str, Any]] = json.loads(answers.readline())
            return answer

        try:
            yield tell
        finally:
            process.kill()


@pytest.fixture
def start(ask: Ask, tmp_path: Path) -> Run:
    """Give a function that runs commands to their end beside a good list of companies and a bad.

    They run in one process, one after the other: to start each takes a quarter of a second, and
    what none of them may import is not there after the last either.
    """
    (tmp_path / "good.txt").write_text("1\n2\n")
    (tmp_path / "bad.txt").write_text("1\n..\n")

    def run(*commands: str) -> list[Start]:
        given = [arguments.split() for arguments in commands]
        answers = ask({"directory": str(tmp_path), "commands": given})
        return [
            Start(arguments, answer["exit_code"], frozenset(answer["modules"]))
            for arguments, answer in zip(commands, answers, strict=True)
        ]

    return run


def test_the_help_of_a_command_imports_nothing_that_the_command_works_with(start: Run) -> None:
    """Only options and their texts are needed."""
    for arguments, exit_code, modules in start(*(f"{name} --help" for name in sorted(COMMANDS))):
        assert exit_code == 0, arguments
        assert not modules & _HEAVY, arguments


def test_the_collector_tells_of_itself_without_its_options(start: Run) -> None:
    """Neither the options of the commands are needed nor, in plain texts, a reader of Markdown."""
    for arguments, exit_code, modules in start("", "--help", "--version"):
        assert exit_code == 0, arguments
        assert not modules & (_HEAVY | _RENDERING_MARKDOWN | {"collector.settings"}), arguments


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


def test_bad_input_is_refused_before_anything_heavy_is_imported(start: Run) -> None:
    """Options and the companies file are read with little more than the command line library."""
    for arguments, exit_code, modules in start(*BAD_INPUT):
        assert exit_code == 2, arguments
        assert not modules & _HEAVY, arguments


def test_a_bad_address_is_refused_without_the_client_that_would_use_it(
    start: Run,
) -> None:
    """The address is read by the client's own reader of addresses, and by nothing more of it."""
    (started,) = start("run good.txt --base-url http://example.com")
    assert started.exit_code == 2
    assert "yarl" in started.modules
    assert not started.modules & (_HEAVY - {"yarl"})


def test_missing_credentials_are_told_before_anything_heavy_is_imported(
    start: Run,
) -> None:
    """Like bad input they end a run before it begins."""
    (started,) = start("run good.txt")
    assert started.exit_code == 3
    assert not started.modules & _HEAVY


def test_a_plan_is_shown_without_anything_that_sends_or_reads_answers(
    start: Run,
) -> None:
    """It is made of the options and the companies file alone."""
    (started,) = start("plan good.txt --last 7d --window 1d")
    assert started.exit_code == 0
    assert not started.modules & _HEAVY


def test_a_directory_without_a_run_is_refused_by_nothing_that_sends(start: Run) -> None:
    """What reads the manifest of a run is needed to know; what sends, draws or counts is not."""
    commands = (
        "status one",
        "diff one other",
        "latest one",
        "export one --to a.csv",
        "report one --to a.html",
    )
    for arguments, exit_code, modules in start(*commands):
        assert exit_code == 2, arguments
        assert not modules & (_SENDING | {"duckdb", "jinja2", "vl_convert", "yarl"}), arguments


def test_a_process_of_a_local_cluster_has_no_command_line(tmp_path: Path) -> None:
    """It imports anew what `collector` runs, the script in `bin`, but not as `__main__`."""
    code = """
import json, runpy, sys
runpy.run_path(sys.argv[1], run_name="__mp_main__")
print(json.dumps(list(sys.modules)))
"""
    script = Path(sys.executable).with_name("collector")
    done = subprocess.run(  # noqa: S603 - runs only what is installed
        [sys.executable, "-c", code, script], check=True, capture_output=True, cwd=tmp_path
    )
    modules = set(json.loads(done.stdout))
    assert "collector.__main__" in modules
    assert not modules & {"collector.cli.app", "cyclopts"}
