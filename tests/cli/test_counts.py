"""Counts and days in texts for people: `1 cell`, and one date for a window of one day."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.cli.said import in_this_process
from tests.store.made_runs import line, make_run

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_NOUNS: Final = (
    "actions|answers|attempts|bytes|cells|columns|companies|connections|days|events|fields|files|"
    "gaps|hours|invocations|keys|lines|minutes|names|others|remarks|requests|retries|rows|runs|"
    "seconds|shards|tokens|tries|values|warnings|windows|workers"
)

_PLURAL: Final = re.compile(rf"(?<![\d,.:-])1 (?:\w+ ){{0,1}}(?:{_NOUNS})\b")
_ONE_DAY: Final = re.compile(r"(\d{4}-\d\d-\d\d)\.\.\1")
_UNSEPARATED: Final = re.compile(rf"(?<![\w,.-])\d{{4,}} (?:{_NOUNS})\b")


def _wrong(text: str) -> list[str]:
    """Find counts of one with a plural, a window of one day as a range, and long counts."""
    return [found[0] for each in (_PLURAL, _ONE_DAY, _UNSEPARATED) for found in each.finditer(text)]


@pytest.mark.parametrize(
    "text",
    [
        "1 cells",
        "of 1 companies",
        "1 more gaps",
        "2026-11-16..2026-11-16",
        "12000 cells",
    ],
)
def test_what_is_wrong_is_found(text: str) -> None:
    """So that the tests below can fail."""
    assert _wrong(text)
    assert not _wrong(text.replace("1 ", "21 ").replace("..2026-11-16", "").replace("12", "12,"))


@pytest.mark.parametrize(
    "call",
    [
        ("status", "a"),
        ("status", "a", "b"),
        ("diff", "a", "b"),
        ("latest", "a", "b", "--to", "new.jsonl"),
        ("export", "a", "b", "--to", "new.csv"),
        ("plan", "ids.txt", "--from", "2026-11-01", "--until", "2026-11-01"),
        ("plan", "ids.txt", "--rate", "1"),
    ],
    ids=" ".join,
)
def test_one_of_each_is_singular(
    call: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Runs of one company and one day: one damaged byte, one line of another plan, one gap."""
    monkeypatch.chdir(tmp_path)
    Path("ids.txt").write_text("1\n", encoding="utf-8")
    ours = line("1", 1, total=5)
    make_run(Path("a"), [ours, b"\n", line("7", 1)], companies=("1",), days=(1, 1))
    make_run(
        Path("b"), [line("1", 1, 60, total=6), line("1", 1, 60)], companies=("1",), days=(1, 1)
    )
    said = in_this_process(call[0], capsys)(*call[1:])
    assert said.stdout
    assert _wrong(said.stdout) + _wrong(said.stderr) == []


async def test_a_run_of_one_cell_is_singular(start_api: StartApi, against: Against) -> None:
    """Its summary, its one retry and its one failure, and what it says when it is resumed."""
    api = await start_api(deny=("1",), deny_status=404)
    command = against(api)
    command.write("ids.txt", "1\n")
    options = ("--from", "2026-11-01", "--until", "2026-11-01", "--trust-dates")
    for _ in range(2):
        done = await command.run("run", "ids.txt", *options, "--output", "r")
        assert "0 of 1 answered" in done.stdout, done.stdout
        assert _wrong(done.stdout) + _wrong(done.stderr) == []
