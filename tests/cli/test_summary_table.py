"""The summary in a terminal: a table in colour where there is one, plain lines anywhere else."""

import io
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from collector.cli.summary import summary, summary_table
from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.errors import ExitCode
from collector.core.outcome import FailureKind
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.plan import Companies, Plan
from collector.run.run import End, Run
from collector.settings import RunSettings
from collector.simulator import Simulator
from tests.cli.terminal import on_a_terminal

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_ESCAPE = "\x1b"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_ODD_NAME = "[red]x[/red] :warning: \x1b[2J"


def _job(output: str = "out/night", planned: int = 1000) -> Run:
    ids = tuple(str(number) for number in range(planned))
    plan = Plan(Companies(ids, {"1": _ODD_NAME}), (SERVER_DEFAULT,))
    job = Run(plan, RunSettings(), AccessToken(Secret("t")), Path(output))
    job.stats.found(Counter())
    return job


def _of_all_kinds(output: str = "out/night") -> Run:
    """Give a run that has each row there is, but for the dates and the concurrency."""
    job = _job(output)
    job.stats.kept[CellState.DATA] = 100
    job.stats.cells.update({CellState.DATA: 500, CellState.EMPTY: 1, CellState.FAILED: 2})
    job.stats.failure_kinds[FailureKind.TIMEOUT] = 2
    job.stats.requests, job.stats.good, job.stats.refused = 600, 588, 7
    for number in range(9):
        job.stats.answered(200, 0.1)
        job.stats.company_latencies.add(str(number), 9.0 if number == 1 else 0.1)
    return job


def _drawn(
    job: Run, code: ExitCode, *, width: int = 60, colours: bool = True, encoding: str = "utf-8"
) -> str:
    screen = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=screen,
        force_terminal=True,
        width=width,
        color_system="standard" if colours else None,
        legacy_windows=False,
        _environ={},
    )
    console.print(summary_table(job, End(code), console))
    screen.seek(0)
    return screen.read()


def _bare(drawn: str) -> list[str]:
    return [line.rstrip() for line in _STYLE.sub("", drawn).splitlines()]


def _texts(lines: list[str]) -> dict[str, str]:
    """Give the text of each row, put together again from its lines."""
    rows: dict[str, str] = {}
    label = ""
    for line in lines:
        label = line[:9].strip() or label
        rows[label] = f"{rows.get(label, '')} {line[10:]}".strip()
    return rows


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_table_says_what_the_plain_lines_say(width: int) -> None:
    """Whatever the width: each row is whole, and its lines are aligned behind the label."""
    job = _of_all_kinds()
    lines = _bare(_drawn(job, ExitCode.SOME_FAILED, width=width))
    assert max(map(len, lines)) <= width
    assert {line[9] for line in lines} == {" "}
    rows = _texts(lines)
    assert rows.pop("coverage").endswith(" 60.1 % answered")
    plain = {line[:9].strip(): line[10:] for line in _plain(job, ExitCode.SOME_FAILED)}
    # Time passes between the two.
    del rows["time"], plain["time"]
    rows["next"] = re.sub(r"\d+:\d\d:\d\d", "0", rows["next"])
    plain["next"] = re.sub(r"\d+:\d\d:\d\d", "0", plain["next"])
    assert rows == plain


def _plain(job: Run, code: ExitCode) -> list[str]:
    # `say` escapes its characters.
    return summary(job, End(code)).replace("\x1b", "<U+001B>").splitlines()


def test_untrusted_text_stays_text() -> None:
    """Neither markup nor an escape sequence, in a path or in a name, does anything."""
    drawn = _drawn(_of_all_kinds("out/[bold red]\x1b]0;x\x07"), ExitCode.SOME_FAILED, width=200)
    assert "[red]x[/red] :warning: <U+001B>[2J" in drawn
    assert "out/[bold red]<U+001B>]0;x<U+0007>/statistics.jsonl" in drawn
    assert _ESCAPE not in _STYLE.sub("", drawn)


@pytest.mark.parametrize(
    ("code", "colour"),
    [
        *((ExitCode.COMPLETE, 32), (ExitCode.SOME_FAILED, 33), (ExitCode.STOPPED_EARLY, 33)),
        *((ExitCode.SIGINT, 33), (ExitCode.STORAGE, 31), (ExitCode.BUG, 31), (ExitCode.DATES, 31)),
    ],
)
def test_the_end_has_the_colour_of_what_it_means(code: ExitCode, colour: int) -> None:
    """Green is complete, yellow is to be resumed, red needs the user."""
    assert f"\x1b[{colour}m{code.value}: " in _drawn(_job(), code)


def test_what_is_wrong_is_marked_and_what_is_not_is_not() -> None:
    """Failed cells red, missing ones and lost requests yellow, the next step bold; zeros plain."""
    drawn = _drawn(_of_all_kinds(), ExitCode.SOME_FAILED, width=120)
    for marked in (
        "31m2 failed",
        "33m397 missing",
        "33m7 rate-limited",
        "33m5 failed",
        "1mrun the same command again",
    ):
        assert f"\x1b[{marked}" in drawn
    job = _job()
    job.stats.cells[CellState.DATA] = 1000
    drawn = _drawn(job, ExitCode.COMPLETE, width=120)
    assert "\x1b[32m1,000 of 1,000 answered\x1b[0m (1,000 data, 0 empty), 0 failed, 0 mi" in drawn
    assert "\x1b[32m 100 % answered" in drawn
    assert not re.search(r"\x1b\[(31|33)m", drawn)


@pytest.mark.parametrize(
    ("counts", "share", "lengths"),
    [
        ((1000, 0, 0), "100 %", (30, 0, 0)),
        ((999, 1, 0), "99.9 %", (29, 1, 0)),
        ((0, 0, 1000), "0 %", (0, 0, 30)),
        ((1, 1, 998), "0.1 %", (1, 1, 28)),
        ((500, 250, 250), "50 %", (16, 7, 7)),
    ],
)
def test_the_bar_shows_every_state_there_is(
    counts: tuple[int, int, int], share: str, lengths: tuple[int, int, int]
) -> None:
    """One that has a single cell too; and the share is 100 % for all of them only."""
    job = _job()
    for state, count in zip((CellState.DATA, CellState.FAILED), counts[:2], strict=True):
        if count:
            job.stats.cells[state] = count
    drawn = _drawn(job, ExitCode.SOME_FAILED)
    for colour, length in zip((32, 31, 33), lengths, strict=True):
        found = re.search(rf"\x1b\[{colour}m(━+)", drawn)
        assert (len(found[1]) if found else 0) == length
    assert f" {share} answered" in drawn


def test_a_terminal_without_such_characters_gets_others() -> None:
    """A bar is not worth a summary that cannot be shown."""
    assert f"{'=' * 30} 0 % answered" in _bare(_drawn(_job(), ExitCode.BUG, encoding="ascii"))[0]


def test_without_colours_there_is_no_bar_and_no_escape() -> None:
    """The bar would say nothing without them."""
    drawn = _drawn(_of_all_kinds(), ExitCode.SOME_FAILED, colours=False)
    assert _ESCAPE not in drawn
    assert drawn.startswith("cells     601 of 1,000 answered")


@pytest.mark.parametrize(
    ("variables", "is_coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
async def test_the_command_colours_what_a_terminal_can_show(
    start_api: StartApi,
    against: Against,
    variables: dict[str, str],
    is_coloured: bool,  # noqa: FBT001 - a table
) -> None:
    """In a real terminal of 60 columns; NO_COLOR and a dumb terminal get no escapes at all."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", "1 [red]Andes\n2\n3\n")
    shown = await on_a_terminal(
        command.with_environment(**{"TERM": "xterm", **variables}),
        *("run", "companies.txt", "--output", "r"),
        columns=60,
        shows_errors=False,
    )
    assert (_ESCAPE in shown) == is_coloured
    lines = _bare(shown.replace("\r\n", "\n"))
    assert max(map(len, lines)) <= 60
    assert ("coverage" in lines[0]) == is_coloured
    rows = _texts(lines)
    assert rows["cells"].startswith("3 of 3 answered (")
    assert rows["exit"] == "0: every cell has an answer"
    assert "next" not in rows


async def test_a_pipe_gets_plain_lines_even_if_colour_is_forced(
    start_api: StartApi, against: Against
) -> None:
    """Cron mails and programs read it: a line for each row, however long, and no escapes."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", "1\n2\n3\n")
    forced = command.with_environment(FORCE_COLOR="1", COLUMNS="40")
    done = await forced.run("run", "companies.txt", "--last", "1d", "--output", "r")
    assert done.exit_code == 0, done.stderr
    assert _ESCAPE not in done.stdout
    labels = [line[:10].rstrip() for line in done.stdout.splitlines()]
    assert labels == [
        *("cells", "dates", "requests", "outcomes", "latency", "time", "answers", "exit")
    ]


async def test_how_a_run_ended_leads_to_the_next_step(
    start_api: StartApi, against: Against
) -> None:
    """The message says what to check, and the last row with which command."""
    command = against(await start_api()).without_debugging()
    command.write("companies.txt", "1\n")
    done = await command.with_environment(TRUST_CLIENT_SECRET="wrong").run("run", "companies.txt")  # noqa: S106 - fake
    assert done.exit_code == 3
    assert "check TRUST_CLIENT_ID" in done.stderr
    assert done.stdout.splitlines()[-1] == (
        "next      collector check companies.txt shows whether the API accepts the credentials"
    )
