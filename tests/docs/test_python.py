"""docs/python.md, and what README.md has of it: each block runs against the embedded API."""

import ast
import asyncio
import inspect
import re
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, NamedTuple

import pytest

import collector
from collector.core.errors import ClusterError, CollectorError
from collector.library.options import CollectOptions
from collector.simulator import Simulator, SimulatorSettings
from tests.docs.pages import DOCS, README, Block, blocks, read

_TEXT: Final = read(DOCS / "python.md")
_HOME: Final = "/srv/statistics"


class _Example(NamedTuple):
    block: Block
    shown: str | None


def _examples() -> list[_Example]:
    """Return the blocks of code, each with what it prints if the next block shows that."""
    found = [
        *blocks(_TEXT),
        *(block for block in blocks(read(README)) if block.language == "python"),
    ]
    following = [*found[1:], None]
    return [
        _Example(block, after.body if after and after.language == "text" else None)
        for block, after in zip(found, following, strict=True)
        if block.language == "python"
    ]


_EXAMPLES: Final = _examples()


def _compiled(block: Block, text: str) -> CodeType:
    """Compile a block as a notebook compiles a cell; its lines are those of the page."""
    tree = ast.increment_lineno(ast.parse(text), block.line - 1)
    code = compile(tree, str(DOCS / "python.md"), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(code, CodeType)
    return code


class _FailsForGood(Exception):  # noqa: N818 - it stands for a name of Airflow
    """What fails a task at once."""


@pytest.fixture
def _airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace Airflow, which is large, by the names that the page imports from it."""
    sdk, exceptions = ModuleType("airflow.sdk"), ModuleType("airflow.sdk.exceptions")
    vars(sdk)["task"] = lambda **_: lambda function: function
    vars(exceptions).update(AirflowException=RuntimeError, AirflowFailException=_FailsForGood)
    for module in (ModuleType("airflow"), sdk, exceptions):
        monkeypatch.setitem(sys.modules, module.__name__, module)


@pytest.fixture
async def _api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Serve the embedded API where the vendor's is by default; write a companies file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text("4892 Banco del Sur\n5120\n4892\n", encoding="utf-8")
    async with Simulator(SimulatorSettings(port=0)) as api:
        there = partial(collector.collect, base_url=api.base_url, token_url=api.token_url)
        monkeypatch.setattr(collector, "collect", there)
        monkeypatch.delenv("TRUST_ACCESS_TOKEN", raising=False)
        monkeypatch.setenv("TRUST_CLIENT_ID", api.settings.client_id)
        monkeypatch.setenv("TRUST_CLIENT_SECRET", api.settings.client_secret)
        yield


async def _executed(example: _Example, home: Path) -> dict[str, Any]:
    """Execute a block: in this loop if it awaits something, in a thread without one otherwise."""
    names: dict[str, Any] = {"__name__": "__main__"}
    code = _compiled(example.block, example.block.body.replace(_HOME, str(home)))
    if code.co_flags & inspect.CO_COROUTINE:
        await eval(code, names)  # noqa: S307 - our own page
    else:
        await asyncio.to_thread(exec, code, names)
    return names


@pytest.mark.usefixtures("_api", "_airflow")
async def test_the_page_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block, and what it prints if the page shows that."""
    printed = []
    for example in _EXAMPLES:
        names = await _executed(example, tmp_path)
        if "collect_statistics" in names:
            day = "2026-11-07"
            collected = await asyncio.to_thread(names["collect_statistics"], day)
            assert collected == str(tmp_path / "output" / day)
            (tmp_path / "companies.txt").write_text("..")
            with pytest.raises(_FailsForGood, match="cannot be an id"):
                await asyncio.to_thread(names["collect_statistics"], day)
        printed.append(capsys.readouterr().out)
        if example.shown is not None:
            assert printed[-1] == example.shown, f"line {example.block.line}"
    assert "remark: companies.txt:3: company 4892 is in line 1" in printed[1]
    assert "14 of 14 cells: output/" in printed[1]
    assert printed[-2].startswith("4892 20")


def test_there_are_a_cell_a_program_and_a_task() -> None:
    """So that the test above is about each of them."""
    awaiting = [
        bool(_compiled(example.block, example.block.body).co_flags & inspect.CO_COROUTINE)
        for example in _EXAMPLES
    ]
    assert awaiting[:2] == [True, False]
    assert "@task" in _TEXT
    assert sum(example.shown is not None for example in _EXAMPLES) == 2


def test_every_export_is_on_the_page() -> None:
    """But for what a reader does not need by name."""
    for name in set(collector.__all__) - {"__version__", "ClusterError", "Counters", "ExitCode"}:
        assert re.search(rf"\b{name}\b", _TEXT), name


def test_every_option_in_the_tables_is_an_argument() -> None:
    """The others are in the help of the command."""
    _, _, table = _TEXT.partition("| option | values |")
    names = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)[:6]))
    assert {"from_date", "rate", "trust_dates"} <= set(names) <= set(CollectOptions.__annotations__)


def test_every_error_is_beside_its_exit_code() -> None:
    """In the table."""
    rows = re.findall(r"^\| .*", _TEXT, re.MULTILINE)
    for error in set(CollectorError.__subclasses__()) - {ClusterError}:
        start = f"| {int(error.exit_code)} "
        assert any(row.startswith(start) and error.__name__ in row for row in rows), error
