"""`collector status`: what it says of a run, to users and to programs, and how to resume."""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.cli.app import app
from collector.core.cell import Cell
from collector.core.outcome import Answer, Counters, Failure, FailureKind
from collector.dates.record import ignored
from collector.plan import (
    WHOLE,
    Companies,
    DateRange,
    Plan,
    WindowSize,
    cut_windows,
)
from collector.settings import RunSettings
from collector.settings.parsers import Duration, Rate
from collector.simulator import Simulator, SimulatorSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.lines import error_line, result_line
from collector.store.manifest import Manifest, describe_plan
from collector.store.run_directory import RunDirectory
from collector.telemetry.stats import RunStats
from tests.cli.said import OUTPUTS, Cli, in_this_process
from tests.conftest import company_lines

Against = Callable[[Simulator], Any]
StartApi = Callable[..., Awaitable[Simulator]]

_NOW = datetime(2026, 11, 23, 2, 0, 0, tzinfo=UTC)
_THREE_DAYS = DateRange(date(2026, 1, 1), date(2026, 1, 3))
_DAILY = WindowSize("days", 1)
_SERVICE = RunSettings(base_url="http://127.0.0.1:9")
_HTTP = Failure(FailureKind.HTTP, 500, "HTTP 500", None, _NOW, 1)
_SLOW = Failure(FailureKind.TIMEOUT, None, "too slow", None, _NOW, 1)


def _answer(total: int) -> Answer:
    actions = b'{"see":0,"click":0}'
    counts = b'{"total":%d,"sended":0,"pending":0,"fails":0,"campaign":0,"actions":%b}'
    return Answer(counts % (total, actions), Counters(total, 0, 0, 0, 0, {}), _NOW, requests=1)


@dataclass
class _Made:
    """A run directory that is made by hand, with the means of the collector."""

    companies: Companies
    dates: DateRange | None = _THREE_DAYS
    window: WindowSize = _DAILY
    settings: RunSettings = _SERVICE
    exit_code: int | None = 1
    error: str | None = None

    @property
    def plan(self) -> Plan:
        """The plan that the run was for."""
        return Plan(self.companies, cut_windows(self.dates, self.window))

    def write(self, path: Path, outcomes: Iterable[tuple[int, Answer | Failure]] = ()) -> Path:
        """Write the run; an outcome goes with the number of its cell."""
        plan = self.plan
        attempt = AttemptEntry(_NOW, describe_settings(self.settings))
        if self.exit_code is not None:
            attempt.ended(_NOW, self.exit_code, self.error, RunStats(len(plan)))
        manifest = Manifest(
            plan=describe_plan(plan, self.window),
            service=describe_service(self.settings),
            attempts=[attempt.as_json()],
        )
        with RunDirectory.open(PartFiles(path)) as directory:
            files = directory.begin(self.companies, manifest)
            for number, outcome in outcomes:
                cell: Cell = plan[number]
                if isinstance(outcome, Failure):
                    files.errors.append(error_line(cell, outcome, 1))
                else:
                    files.statistics.append(result_line(cell, outcome, 1))
        return path


def _made(count: int = 4, **more: Any) -> _Made:  # noqa: ANN401 - see _Made
    ids = tuple(str(number) for number in range(1, count + 1))
    return _Made(Companies(ids, {"2": "Dos Ltda."}), **more)


def _usual(path: Path, **more: Any) -> Path:  # noqa: ANN401 - see _Made
    """Four companies and three days: 1 is whole, 2 lacks two days, 3 failed twice, 4 is empty."""
    return _made(**more).write(
        path,
        [
            *((0, _answer(5)), (1, _answer(6)), (2, _answer(0))),
            (5, _answer(7)),
            *((6, _HTTP), (7, _answer(8)), (8, _SLOW)),
            *((9, _answer(0)), (10, _answer(0)), (11, _answer(0))),
        ],
    )


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give `collector status` in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("status", capsys)


def _content(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_status_says_what_is_there_and_what_is_not(cli: Cli) -> None:
    """Plan, counts, how the last attempt ended, gaps by company, failures by kind; changes nothing.

    Windows that lack an answer for one reason and follow each other are one gap.
    """
    directory = _usual(Path("r"), error="the API refuses the token")
    before = _content(directory)
    said = cli("r")
    assert (said.exit_code, said.stderr) == (0, "")
    rows = said.rows
    assert rows["run"] == "r"
    assert rows["plan"] == "4 companies x 3 windows = 12 cells, 2026-01-01..2026-01-03"
    assert rows["cells"] == "4 data, 4 empty, 2 failed, 2 missing"
    ended = "1, the last ended 2026-11-23T02:00:00.000Z with 1: the API refuses the token"
    assert rows["attempts"] == ended
    assert rows["incomplete"] == "2 of 4 companies"
    assert rows["failed"] == "http 1, timeout 1"
    assert said.stdout.splitlines()[5:8] == [
        "           2 (Dos Ltda.)  2026-01-01..2026-01-02, 2 windows  missing",
        "           3  2026-01-01  failed: http",
        "           3  2026-01-03  failed: timeout",
    ]
    assert "1 company is empty in every window; are these ids right? (4)" in said.stdout
    assert rows["resume"].startswith("collector run r/run-companies.txt --from 2026-01-01 ")
    assert _content(directory) == before


def test_a_status_for_programs_is_one_document_with_everything(cli: Cli) -> None:
    """The figures of the text, every gap, and the attempts as the manifest has them."""
    _usual(Path("r"))
    said = cli("r", "--json")
    assert (said.exit_code, said.stderr) == (0, "")
    document = said.document
    manifest = json.loads(Path("r/run.json").read_bytes())
    assert document.pop("attempts") == manifest["attempts"]
    assert document.pop("go_on") == cli("r").rows["resume"]
    assert document == {
        "directory": "r",
        "companies": 4,
        "windows": 3,
        "from_date": "2026-01-01",
        "until_date": "2026-01-03",
        "window": "1d",
        "service": manifest["service"],
        "dates": None,
        "running": None,
        "cells": {"planned": 12, "data": 4, "empty": 4, "failed": 2, "missing": 2},
        "failed_by_kind": {"http": 1, "timeout": 1},
        "incomplete_companies": 2,
        "remarks": [],
        "gaps": [
            _gap("2", "Dos Ltda.", "2026-01-01", "2026-01-02", 2, "missing", None),
            _gap("3", None, "2026-01-01", "2026-01-01", 1, "failed", "http"),
            _gap("3", None, "2026-01-03", "2026-01-03", 1, "failed", "timeout"),
        ],
        "empty_everywhere": ["4"],
        "same_everywhere": [],
    }


def _gap(*values: object) -> dict[str, object]:
    names = ("company_id", "company_name", "from_date", "until_date", "windows", "state", "kind")
    return dict(zip(names, values, strict=True))


def test_a_complete_run_has_no_gaps_and_nothing_to_resume(cli: Cli) -> None:
    """Empty lists in the document, and no rows about gaps in the text."""
    made = _made(2, exit_code=0)
    made.write(Path("r"), [(number, _answer(number + 1)) for number in range(6)])
    said = cli("r", "--fail-on", "missing,failed,empty")
    assert said.exit_code == 0
    assert list(said.rows) == ["run", "plan", "cells", "attempts"]
    assert said.rows["attempts"].endswith("with 0: every cell has an answer")
    document = cli("r", "--json").document
    for name in ("gaps", "empty_everywhere", "same_everywhere", "remarks"):
        assert document[name] == []
    assert document["go_on"] is None


def _ignore_the_dates(directory: Path) -> None:
    """Let the manifest say that answers were of other days."""
    manifest = Manifest.read(directory / "run.json")
    assert manifest is not None
    manifest.dates = ignored(None, "company 1: the same counters", _NOW)
    manifest.write(directory / "run.json")


def test_a_spoilt_run_is_not_resumed(cli: Cli) -> None:
    """Any command would be refused with 7: what is said is what that would say."""
    _ignore_the_dates(_usual(Path("r")))
    rows = cli("r").rows
    assert "resume" not in rows
    assert rows["spoilt"] == (
        "the API ignored the dates when its lines were fetched (company 1: the same counters); "
        "give another --output"
    )
    assert cli("r", "--json").document["go_on"] is None


def test_without_lines_there_is_nothing_spoilt(cli: Cli) -> None:
    """Nothing is of other days, and the same command may try again."""
    made = _made()
    _ignore_the_dates(made.write(Path("r")))
    rows = cli("r").rows
    assert "spoilt" not in rows
    assert rows["resume"].startswith("collector run ")


def test_many_gaps_are_all_in_the_document_and_the_first_in_the_text(cli: Cli) -> None:
    """Ten for people, who are told how many more there are and where."""
    made = _made(3000)
    made.write(Path("r"), [(3 * number + 1, _answer(1)) for number in range(3000)])
    said = cli("r")
    assert said.rows["incomplete"] == "3,000 of 3,000 companies"
    assert len(said.stdout.splitlines()) == 17
    assert "           and 5,990 more gaps; --json lists them all\n" in said.stdout
    gaps = cli("r", "--json").document["gaps"]
    assert len(gaps) == 6000
    assert {gap["company_id"] for gap in gaps} == set(made.companies.ids)


def test_a_run_that_was_killed_says_so(cli: Cli) -> None:
    """Its last attempt has a beginning and no end; nothing is answered yet."""
    made = _made(2, dates=None, window=WHOLE, exit_code=None)
    made.write(Path("r"))
    rows = cli("r").rows
    assert rows["plan"] == "2 companies x 1 window = 2 cells, the server's default window"
    assert rows["attempts"] == (
        "1, the last began 2026-11-23T02:00:00.000Z and was killed, or could not write down its end"
    )
    assert "--from " not in rows["resume"]
    document = cli("r", "--json").document
    assert (document["from_date"], document["until_date"], document["window"]) == (
        None,
        None,
        "whole",
    )
    assert document["cells"]["missing"] == 2


def test_answers_that_look_wrong_are_pointed_out(cli: Cli) -> None:
    """Companies that are empty everywhere, and companies for which the dates change nothing."""
    made = _made(30, dates=DateRange(date(2026, 1, 1), date(2026, 1, 7)))
    empty = [(number, _answer(0)) for number in range(13 * 7)]
    # Company 14 has seven equal answers; 15 has six of seven windows, which is too few.
    same = [(number, _answer(9)) for number in range(13 * 7, 15 * 7 - 1)]
    other = [(number, _answer(number)) for number in range(15 * 7, 30 * 7)]
    made.write(Path("r"), [*empty, *same, *other])
    said = cli("r")
    ids = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..."
    assert f"13 companies are empty in every window; are these ids right? ({ids})" in said.stdout
    assert (
        "1 company has the same answer in every answered window, and not an empty one; "
        "does the server ignore the dates? (14)" in said.stdout
    )
    document = cli("r", "--json").document
    assert document["empty_everywhere"] == [str(number) for number in range(1, 14)]
    assert document["same_everywhere"] == ["14"]


def test_equal_answers_of_verified_dates_are_no_question_about_the_dates(cli: Cli) -> None:
    """It would contradict the line that says they were honoured."""
    made = _made(1, dates=DateRange(date(2026, 1, 1), date(2026, 1, 7)))
    made.write(Path("r"), [(number, _answer(9)) for number in range(7)])
    manifest = json.loads(Path("r/run.json").read_bytes())
    manifest["dates"] = {
        "verdict": "honoured",
        "until": "included",
        "until_exclusive": False,
        "checked_at": "2026-01-08T02:00:00.000Z",
        "evidence": [],
        "requests": 4,
    }
    Path("r/run.json").write_text(json.dumps(manifest))
    said = cli("r").stdout
    assert "dates      honoured" in said
    assert "the dates were verified, so check whether these figures can be right (1)" in said
    assert "ignore the dates?" not in said


def test_damage_and_foreign_lines_are_remarks(cli: Cli) -> None:
    """They are no cell's answer; the status repairs nothing."""
    _usual(Path("r"))
    stranger = result_line(Cell("99", _made().plan.windows[0]), _answer(1), 1)
    lines = Path("r/statistics.jsonl").read_bytes()
    Path("r/statistics.jsonl").write_bytes(lines + stranger + lines[: lines.index(b"\n") - 9])
    said = cli("r")
    assert said.exit_code == 0
    assert said.rows["cells"] == "4 data, 4 empty, 2 failed, 2 missing"
    assert "remark     statistics.jsonl: " in said.stdout
    assert "the first is of company 99, 2026-01-01" in said.stdout
    assert len(cli("r", "--json").document["remarks"]) == 2
    assert not list(Path("r").glob("*.broken*"))


_FAIL_ON = [
    ("missing", 1),
    ("failed", 1),
    ("missing,failed", 1),
    ("data", 1),
    ("empty", 1),
    ("empty,missing", 1),
]


@pytest.mark.parametrize(("states", "code"), _FAIL_ON)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_fail_on_sets_the_exit_code(
    cli: Cli, states: str, code: int, form: tuple[str, ...]
) -> None:
    """1 when there is a cell of these states; what is printed is the same."""
    _usual(Path("r"))
    said = cli("r", *form, "--fail-on", states)
    assert said.exit_code == code
    assert said.stdout == cli("r", *form).stdout
    assert said.stderr == ""


def test_fail_on_looks_at_the_given_states_only(cli: Cli) -> None:
    """Cells of other states do not matter."""
    made = _made(2)
    made.write(Path("r"), [*((n, _answer(n + 1)) for n in range(5)), (5, _HTTP)])
    for states, code in [
        ("missing", 0),
        ("missing,empty", 0),
        ("failed", 1),
        ("missing,failed", 1),
    ]:
        assert cli("r", "--fail-on", states).exit_code == code


@pytest.mark.parametrize("states", ["missing", "failed", "empty"])
def test_fail_on_does_not_believe_an_edited_list_of_companies(cli: Cli, states: str) -> None:
    """Every company of the list has data; of those that were removed from it nothing is known."""
    _made(2).write(Path("r"), [(n, _answer(n + 1)) for n in range(6)])
    assert cli("r", "--fail-on", states).exit_code == 0
    Path("r/run-companies.txt").write_text("1\n")
    for form in ((), ("--json",)):
        assert cli("r", *form, "--fail-on", states).exit_code == 1
        assert cli("r", *form).exit_code == 0


def test_fail_on_may_be_set_in_the_environment_or_the_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As every option: a flag overrides the environment, which overrides the file; json too.

    What other commands have in the file is none of the status's business.
    """
    _made(2).write(Path("r"), [(n, _answer(n + 1)) for n in range(5)])
    Path("collector.toml").write_text('fail-on = "missing"\nrate = 5\njson = true\n')
    said = cli("r")
    assert said.exit_code == 1
    assert said.document["cells"]["missing"] == 1
    monkeypatch.setenv("COLLECTOR_FAIL_ON", "failed")
    assert cli("r").exit_code == 0
    assert cli("r", "--fail-on", "missing").exit_code == 1
    Path("collector.toml").unlink()
    monkeypatch.setenv("COLLECTOR_FAIL_ON", "failed,missing")
    assert cli("r").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("r --fail-on lost", '--fail-on: "lost": write states of cells (data, empty, failed, miss'),
        ("r --fail-on=", "such as missing,failed"),
        ("r --fail-on", "--fail-on"),
        ("r --rate 5", "--rate"),
        ("r other", "other: there is no such directory"),
        ("", "RUN_DIR"),
    ],
)
def test_a_bad_call_ends_with_2(cli: Cli, arguments: str, message: str) -> None:
    """The option and the remedy on standard error, nothing on standard output."""
    _usual(Path("r"))
    said = cli(*arguments.split())
    assert (said.exit_code, said.stdout) == (2, "")
    assert message in said.stderr
    assert "Traceback" not in said.stderr


def _spoil(name: str, content: bytes | None) -> None:
    path = _usual(Path("r")) / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: None, "r: there is no such directory; give the directory of a run"),
        (lambda: Path("r").mkdir(), "r: there is no run.json in it; give the directory of a run"),
        (lambda: Path("r").write_text("x"), "r: is not the directory of a run; leave it out"),
        (lambda: _spoil("run.json", b'{"format":1}'), "r/run.json: is damaged ("),
        (lambda: _spoil("run.json", b"\0" * 99), "r/run.json: is damaged ("),
        (lambda: _spoil("run.json", b'{"format":3}'), "use the newer collector"),
        (lambda: _spoil("run-companies.txt", None), "run-companies.txt: there is no such file"),
    ],
    ids=["nothing", "empty", "a file", "half", "zeros", "newer", "no companies"],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_where_there_is_no_run_it_ends_with_2(
    cli: Cli, make: Callable[[], object], message: str, form: tuple[str, ...]
) -> None:
    """What is wrong, where, and what to do; a program gets no half of a document."""
    make()
    said = cli("r", *form)
    assert (said.exit_code, said.stdout) == (2, "")
    assert message in said.stderr
    assert "Traceback" not in said.stderr


def test_untrusted_text_cannot_steer_the_terminal(cli: Cli) -> None:
    """The name of the directory and the error of an attempt, in the text and in complaints."""
    name = "r\x1b[2J\u202e\x9b"
    _usual(Path(name), error="said \x1b]0;title\x07")
    for said in (cli(name), cli(f"{name}x")):
        shown = said.stdout + said.stderr
        assert all(char.isprintable() or char == "\n" for char in shown)
        assert "r<U+001B>[2J<U+202E><U+009B>" in shown
    document = cli(name, "--json")
    assert "\x1b" not in document.stdout
    assert document.document["directory"] == name


@pytest.mark.parametrize(
    "form",
    [(), pytest.param(("--json",))],
)
def test_a_directory_may_have_a_name_that_is_no_utf8(cli: Cli, form: tuple[str, ...]) -> None:
    """It is an odd name, not a bug."""
    name = os.fsdecode(b"r\xff")
    _usual(Path(name))
    said = cli(name, *form)
    assert (said.exit_code, said.stderr) == (0, "")
    if form:
        assert said.document["cells"]["planned"] == 12


_SETTINGS = [
    RunSettings(),
    RunSettings(
        base_url="http://127.0.0.1:8080/base",
        token_url="https://t.example/oauth/",  # noqa: S106 - an address, no password
        rate=Rate(0.001),
        concurrency=1,
        max_attempts=100,
        timeout=2.0,
        deadline=Duration(5400),
        credentials_file=Path("my keys.toml"),
        proxy="http://proxy.example:3128",
        ca_file=Path("my ca.pem"),
        from_param="desde",
        until_param="hasta",
        log_level="debug",
        quiet=True,
        timezone="America/Santiago",
    ),
    RunSettings(rate=Rate(1_000_000), timeout=0.25, deadline=Duration(86400)),
    RunSettings(rate=Rate("inf"), max_outage=Duration(1800)),
    RunSettings(rate=Rate(123_456.789), max_outage=Duration(366 * 86400)),
    RunSettings(rate=Rate(1 / 3), max_outage=Duration(1)),
    pytest.param(
        RunSettings(base_url="https://10.1.0.0", timeout=3600.0),
    ),
    pytest.param(
        RunSettings(base_url="https://api.example.com/v1.0", credentials_file=Path("keys.0")),
    ),
    RunSettings(proxy="none"),
    pytest.param(
        RunSettings(from_param="-from", until_param="-until"),
    ),
]
_NOT_REPEATED = {"from_date", "until_date", "last", "timezone", "window", "output", "quiet"}


@pytest.mark.parametrize("settings", _SETTINGS)
def test_the_resume_command_means_what_the_last_attempt_was_told(
    cli: Cli, settings: RunSettings
) -> None:
    """Read by the command line, it gives the same settings, but for what is about showing only.

    The dates are those of the plan, whatever `--last` would mean today; the companies are those
    in the run directory.
    """
    _made(settings=settings).write(Path("r"))
    program, *arguments = shlex.split(cli("r").rows["resume"])
    assert program == "collector"
    _, bound, _ = app.parse_args(arguments, print_error=False, exit_on_error=False)
    again = bound.arguments["settings"]
    assert isinstance(again, RunSettings)
    assert bound.arguments["companies"] == Path("r/run-companies.txt")
    assert (again.output, again.window, again.last) == (Path("r"), _DAILY, None)
    assert (again.from_date, again.until_date) == (
        _THREE_DAYS.from_date,
        _THREE_DAYS.until_date,
    )
    kept = {field.name for field in fields(RunSettings)} - _NOT_REPEATED - {"log_level"}
    assert {name: asdict(again)[name] for name in kept} == {
        name: asdict(settings)[name] for name in kept
    }


@pytest.mark.parametrize(
    ("settings", "flags"),
    [
        (
            RunSettings(rate=Rate("inf"), max_outage=Duration(1800)),
            ["--rate=auto", "--max-outage=30m"],
        ),
        (RunSettings(rate=Rate(0.5)), ["--rate=0.5"]),
        (RunSettings(rate=Rate(1_000_000)), ["--rate=1000000"]),
        (RunSettings(), []),
    ],
)
def test_the_resume_command_is_written_as_people_write_it(
    cli: Cli, settings: RunSettings, flags: list[str]
) -> None:
    """Options that are as by default are left out."""
    _made(settings=settings).write(Path("r"))
    resume = shlex.split(cli("r").rows["resume"])
    assert [word for word in resume if word.startswith(("--rate", "--max-outage"))] == flags


async def _shell(command: Any, text: str) -> tuple[int | None, str]:  # noqa: ANN401 - see conftest
    """Give a text to a shell as a user would paste it; return its exit code and standard error."""
    script = f'collector() {{ "$PYTHON" -X dev -W error -m collector "$@"; }}\n{text}\n'
    process = await command.with_environment(PYTHON=sys.executable).spawn(
        *("bash", "-c", script), stdin=asyncio.subprocess.DEVNULL
    )
    done = await command.finish(process)
    return done.exit_code, done.stderr


async def test_the_resume_command_works_in_a_shell(
    cli: Cli, against: Against, tmp_path: Path
) -> None:
    """A run with failures is completed by what the status says, however odd its directory's name.

    The service is down for half of the requests first, and well later, at the same address. The
    first companies file is gone by then.
    """
    name = "-my run's $HOME; exit 9 `x` #\\"
    async with Simulator(SimulatorSettings(port=0, share_500=0.5)) as api:
        command = against(api)
        port = api.port
        companies = command.write("c.txt", "".join(f"{n} Compañía {n}\n" for n in range(12)))
        # Of some other days a company has the same answers, and the run warns of it.
        days = ("--from", "2026-01-01", "--until", "2026-01-02", "--window", "1d")
        options = ("--rate", "1000", "--max-attempts", "1", f"--output={name}")
        done = await command.run("run", "c.txt", *days, *options)
        assert done.exit_code == 1, done.stderr
    companies.unlink()
    said = cli(name, "--json", "--fail-on", "failed")
    assert said.exit_code == 1
    failed = said.document["cells"]["failed"]
    assert failed > 0
    async with Simulator(SimulatorSettings(port=port), record_requests=True) as api:
        assert await _shell(command, said.document["go_on"]) == (0, "")
        assert api.counts.total == failed + 1
    said = cli(name, "--json", "--fail-on", "missing,failed")
    assert said.exit_code == 0
    assert said.document["go_on"] is None
    assert [attempt["exit_code"] for attempt in said.document["attempts"]] == [1, 0]
    assert len((tmp_path / name / "statistics.jsonl").read_bytes().splitlines()) == 24


async def test_a_status_may_be_asked_for_while_the_run_works(
    cli: Cli, start_api: StartApi, against: Against
) -> None:
    """It names the process, and no command that resumes a run in progress."""
    api = await start_api()
    command = against(api)
    command.write("c.txt", company_lines(1000))
    process = await command.start("run", "c.txt", "--rate", "20", "--output", "r")
    async with asyncio.timeout(30):
        while api.counts.total < 3:  # noqa: ASYNC110 - a count is no event
            await asyncio.sleep(0.01)
    said, document = cli("r", "--fail-on", "missing"), cli("r", "--json").document
    process.send_signal(signal.SIGTERM)
    done = await command.finish(process)
    assert done.exit_code == 143
    assert said.exit_code == 1
    assert said.rows["attempts"].startswith(f"1; process {process.pid} on ")
    assert "resume" not in said.rows
    assert f"process {process.pid} on " in document["running"]
    assert document["go_on"] is None
    said = cli("r")
    assert said.rows["attempts"].endswith(" with 143: interrupted by SIGTERM")
    assert "resume" in said.rows


@pytest.mark.parametrize(
    ("output", "arguments", "code", "complaint"),
    [
        ("full", ("r",), 5, "standard output cannot be written: No space left on device"),
        ("full", ("r", "--json"), 5, "standard output cannot be written: No space left on device"),
        ("gone", ("r",), 0, ""),
        ("gone", ("r", "--json", "--fail-on", "missing"), 1, ""),
        ("closed", ("r",), 5, "standard output is closed; give it a file or a pipe"),
        ("closed", ("r", "--json"), 5, "standard output is closed; give it a file or a pipe"),
    ],
)
async def test_what_cannot_be_printed_whole_is_an_error(
    command: Any,  # noqa: ANN401 - see conftest
    output: str,
    arguments: tuple[str, ...],
    code: int,
    complaint: str,
) -> None:
    """A reader that has closed the pipe wants no more; that is not reported."""
    _made(2000).write(command.directory / "r")
    stdout = OUTPUTS[output]()
    try:
        if output == "closed":
            closing = ("bash", "-c", 'exec "$0" -m collector status "$@" >&-', sys.executable)
            process = await command.spawn(*closing, *arguments, stdout=stdout)
        else:
            process = await command.start("status", *arguments, stdout=stdout)
    finally:
        os.close(stdout)
    done = await command.finish(process)
    assert done.exit_code == code
    assert done.stderr == (f"collector: {complaint}\n" if complaint else "")
