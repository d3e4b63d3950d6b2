"""Each command as its user meets it: help, plan, demo, simulate."""

import re
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import collector
from collector.cli.main import main
from collector.core.errors import ExitCode
from collector.core.secrets import Redactor, Secret
from collector.settings import RehearsalSettings, RunSettings, option_name
from collector.simulator import Simulator
from tests.cli.terminal import on_a_terminal
from tests.conftest import company_lines
from tests.docs.pages import COMMANDS

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]


def _printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 0
    return capsys.readouterr().out


_helps: dict[str, str] = {}
"""By command: to lay one out takes a tenth of a second."""


def _help(capsys: pytest.CaptureFixture[str], subcommand: str) -> str:
    if subcommand not in _helps:
        _helps[subcommand] = _printed(capsys, *subcommand.split(), "--help")
    return _helps[subcommand]


def test_the_traceback_of_a_bug_has_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even one of a run that has not begun; the code is that of a bug."""
    secret = "it's-\\4711"  # noqa: S105 - made up

    def fail(_: object) -> None:
        Redactor().learn(Secret(secret))
        raise ValueError(repr(secret))

    monkeypatch.setattr("collector.cli.main.app", fail)
    with pytest.raises(SystemExit) as ended:
        main(["run"])
    assert ended.value.code == ExitCode.BUG
    text = capsys.readouterr().err
    assert "this is a bug in the collector\nTraceback" in text
    assert 'ValueError: "[secret]"' in text


def test_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    """`collector --help` is the map: commands, sources of options, exit codes."""
    text = _help(capsys, "")
    words = ("COLLECTOR_MAX_ATTEMPTS", "collector.toml", "6 another run holds the directory")
    for word in ("run", "plan", "status", "demo", "simulate", *words):
        assert word in re.sub(r"\s+", " ", text)
    assert "Exit codes: 0 every cell has an answer" in text


def test_help_of_run_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option is there with a text of its own."""
    text = _help(capsys, "run")
    for name in map(option_name, (*fields(RunSettings), *fields(RehearsalSettings))):
        assert f"--{name} " in text
    assert "TRUST_CLIENT_ID" in text
    assert "Example" in text


def test_help_of_status_names_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    """Two of its own, and none of a run's."""
    text = _help(capsys, "status")
    assert "RUN_DIR" in text
    assert set(re.findall(r"│ (--[a-z-]+)", text)) == {"--json", "--fail-on", "--config"}
    assert "data, empty, failed, missing" in re.sub(r"[\s│]+", " ", text)


@pytest.mark.parametrize("subcommand", sorted(COMMANDS))
def test_help_says_once_what_holds_for_all(
    capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    """Variables and exit codes are in `collector --help`; no default that says nothing, no path."""
    text = re.sub(r"[\s│]+", " ", _help(capsys, subcommand))
    for word in ("env var", "Exit codes", "[default: False]", "[default: ]", "[default: None]"):
        assert word not in text
    assert str(Path(collector.__file__).parent) not in text.replace(" ", "")
    assert "Environment variables, collector.toml and exit codes: collector --help" in text


@pytest.mark.parametrize("subcommand", ["", *sorted(COMMANDS)])
def test_help_can_be_asked_for_in_a_word(
    capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    """`collector help run` is `collector run --help`."""
    wanted = _help(capsys, subcommand)
    assert _printed(capsys, "help", *subcommand.split()) == wanted


def test_help_of_no_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With those that there are."""
    with pytest.raises(SystemExit) as ended:
        main(["help", "rnu"])
    assert ended.value.code == ExitCode.BAD_INPUT
    assert '"run", "plan"' in capsys.readouterr().err


@pytest.mark.parametrize(
    "subcommand",
    sorted(COMMANDS),
)
def test_help_of_every_command_has_an_example(
    capsys: pytest.CaptureFixture[str], subcommand: str
) -> None:
    """The help of a command says what it does and how it is called."""
    text = _help(capsys, subcommand)
    assert f"Usage: collector {subcommand}" in text
    assert f"collector {subcommand} " in text.partition("Example")[2]


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`collector --version` prints the one version there is."""
    assert _printed(capsys, "--version") == f"{collector.__version__}\n"
    assert _printed(capsys, "run", "--version") == f"{collector.__version__}\n"
    assert _printed(capsys, "-V") == _printed(capsys, "run", "-V") == f"{collector.__version__}\n"


@pytest.mark.parametrize("arguments", [["--version"], ["run", "-V"], ["--help"], ["help"], []])
async def test_help_and_version_on_a_full_disk_are_an_error(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
    arguments: list[str],
) -> None:
    """A script that keeps the text must not take an empty file for it."""
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - a device
        process = await command.start(*arguments, stdout=full.fileno())
        _, said = await process.communicate()
    assert process.returncode == 5
    assert said == b"collector: standard output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["help"], ["help", "run"], ["--help"], ["run", "-h"], ["-V"], ["completion", "bash"]],
)
def test_what_is_asked_for_with_standard_output_closed_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """As Python finds it after `>&-`: the text cannot come, and 0 would say that it has."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
    assert ended.value.code == ExitCode.STORAGE
    assert capsys.readouterr().err == (
        "collector: standard output is closed; give it a file or a pipe\n"
    )


@pytest.mark.parametrize(
    "arguments", [("completion", "bash"), ("plan", "companies.txt", "--last", "7d")]
)
def test_what_is_asked_for_on_a_full_disk_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: tuple[str, ...],
) -> None:
    """Neither a shell nor a person must take a part of it for all."""
    (tmp_path / "companies.txt").write_text("1\n")
    monkeypatch.chdir(tmp_path)
    with open("/dev/full", "w", encoding="utf-8") as full, monkeypatch.context() as patch:  # noqa: PTH123 - a device
        patch.setattr(sys, "stdout", full)
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
    assert ended.value.code == 5
    assert "No space left on device" in capsys.readouterr().err


async def test_plan_says_what_a_run_would_do(start_api: StartApi, against: Against) -> None:
    """Cells, requests, time at the rate, first and last windows; nothing is sent or written."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(1000))
    options = ("--from", "2026-01-01", "--until", "2026-01-31", "--window", "1d", "--rate", "50")
    done = await command.run("plan", "companies.txt", *options)
    assert done.exit_code == 0, done.stderr
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.stdout.splitlines())
    assert rows["companies"] == "1,000"
    assert rows["windows"] == "31"
    assert rows["cells"] == "31,000"
    assert rows["requests"].startswith("31,001 ")
    assert rows["duration"] == "0:10:21 at 50 requests per second"
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", rows["finish"])
    assert rows["first windows"].startswith("2026-01-01, 2026-01-02")
    assert rows["last windows"].endswith("2026-01-31")
    assert api.counts.total == 0
    assert command.files() == {"companies.txt"}


@pytest.mark.parametrize(
    ("rate", "duration"),
    [
        ("auto", "unknown: --rate auto finds the rate"),
        ("0.5", "0:02:02 at 0.5 requests per second"),
    ],
)
@pytest.mark.parametrize("place", ["flag", "variable", "file"])
def test_plan_takes_the_rate_wherever_a_run_does(  # noqa: PLR0913, PLR0917 - a table
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
    rate: str,
    duration: str,
) -> None:
    """With auto the duration and the end are unknown; the rest is still shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text(company_lines(60))
    if place == "variable":
        monkeypatch.setenv("COLLECTOR_RATE", rate)
    elif place == "file":
        (tmp_path / "collector.toml").write_text(f"rate = {rate if rate == '0.5' else repr(rate)}")
    flags = ("--rate", rate) if place == "flag" else ()
    printed = _printed(capsys, "plan", "companies.txt", *flags)
    rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in printed.splitlines())
    assert rows["requests"].startswith("61 (each cell once, and a token")
    assert rows["duration"] == duration
    assert ("finish" in rows) == (rate != "auto")


@pytest.mark.parametrize("place", ["flag", "variable", "file"])
def test_plan_takes_the_shard_wherever_a_run_does(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
) -> None:
    """Its cells at its share of the rate; all shards together are the plan."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text(company_lines(60))
    cells = 0
    for number in range(3):
        shard = f"{number}/3"
        if place == "variable":
            monkeypatch.setenv("COLLECTOR_SHARD", shard)
        elif place == "file":
            (tmp_path / "collector.toml").write_text(f'shard = "{shard}"')
        flags = ("--shard", shard) if place == "flag" else ()
        printed = _printed(capsys, "plan", "companies.txt", "--rate", "0.5", *flags)
        rows = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in printed.splitlines())
        assert (rows["companies"], rows["windows"]) == ("60", "1")
        own = int(rows["cells"].split()[0])
        assert rows["cells"] == f"{own} of 60 (shard {shard})"
        assert rows["requests"].startswith(f"{own + 1} (each cell once, and a token")
        duration = timedelta(seconds=6 * (own + 1))
        assert rows["duration"] == f"{duration} at 0.1667 of 0.5 requests per second"
        cells += own
    assert cells == 60


def test_plan_of_a_shard_does_not_know_what_auto_reaches(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As without shards."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text("1\n2\n3\n")
    printed = _printed(capsys, "plan", "companies.txt", "--rate", "auto", "--shard", "0/2")
    assert "duration       unknown: --rate auto finds the rate\n" in printed


@pytest.mark.parametrize(
    ("options", "is_told"),
    [
        (("--engine", "dask"), True),
        ((), False),
        (("--engine", "dask", "--from", "2020-01-01", "--until", "2024-12-31"), False),
    ],
)
@pytest.mark.parametrize("words", [("plan",), ("run", "--dry-run")])
def test_plan_says_when_a_cluster_is_of_little_use(  # noqa: PLR0913 - a table
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    options: tuple[str, ...],
    *,
    is_told: bool,
) -> None:
    """Below 100,000 cells its start takes most of the time that it saves: not from 109,620."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text(company_lines(60))
    window = ("--window", "1d") if "--from" in options else ()
    printed = _printed(capsys, *words, "companies.txt", *options, *window)
    assert ("\nengine         dask; below 100,000 cells a run" in printed) == is_told


def test_plan_refuses_a_shard_of_a_cluster(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a run does: `--engine dask` starts all shards itself."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text("1\n")
    with pytest.raises(SystemExit) as ended:
        main(["plan", "companies.txt", "--engine", "dask", "--shard", "0/2"])
    assert ended.value.code == 2
    assert "--shard is for processes that are started one by one" in capsys.readouterr().err


async def test_plan_needs_no_credentials_and_takes_standard_input(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
) -> None:
    """A plan needs no credentials, and reads from a pipe."""
    done = await command.run("plan", "-", stdin=b"1\n2\n")
    assert done.exit_code == 0, done.stderr
    assert "server default" in done.stdout


async def test_demo_runs_the_whole_way(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
) -> None:
    """One command, no credentials, no file: a run against the embedded API, exit 0."""
    done = await command.from_the_start().run(
        "demo", "--last", "2d", "--window", "1d", "--rate", "100"
    )
    assert done.exit_code == 0, done.stderr
    (run,) = (command.directory / "output").iterdir()
    assert run.name.startswith("demo-")
    assert len(command.lines(f"output/{run.name}/statistics.jsonl")) == 10
    assert f"answers   output/{run.name}/statistics.jsonl" in done.stdout


async def test_simulate_serves_until_it_is_interrupted(
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
) -> None:
    """It says how to use it, answers, and tells at the end what came."""
    process = await command.start("simulate", "--port", "0", "--seed", "3")
    assert process.stdout is not None
    head = [(await process.stdout.readline()).decode() for _ in range(5)]
    exports = dict(re.findall(r"export (\w+)=(\S+)", "".join(head)))
    credentials = {
        "client_id": exports["TRUST_CLIENT_ID"],
        "client_secret": exports["TRUST_CLIENT_SECRET"],
        "grant_type": "client_credentials",
    }
    async with (
        aiohttp.ClientSession() as session,
        session.post(exports["COLLECTOR_TOKEN_URL"], json=credentials) as response,
    ):
        assert response.status == 200
    process.send_signal(signal.SIGINT)
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert "requests  1 (token 1)" in done.stdout


async def test_a_taken_port_is_an_input_error(
    start_api: StartApi,
    command: Any,  # noqa: ANN401 - the fixture's type lives in conftest
) -> None:
    """`simulate` on a port that is in use: exit 2, and another port as the remedy."""
    api = await start_api()
    done = await command.run("simulate", "--port", str(api.port))
    assert done.exit_code == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_check_says_on_a_terminal_how_far_it_is(
    start_api: StartApi, against: Against
) -> None:
    """A slow API takes a minute; into a file it writes nothing but the table."""
    api = await start_api(latency=0.1)
    command = against(api)
    command.write("companies.txt", company_lines(60))
    shown = await on_a_terminal(
        command.with_environment(TERM="xterm"), "check", "companies.txt", columns=90
    )
    assert "of at most 40 requests" in shown
    assert shown.splitlines()[-1].endswith("collector run can send dates as they are set.")
    forced = command.with_environment(FORCE_COLOR="1")
    assert (await forced.run("check", "companies.txt")).stderr == ""


def test_a_bug_has_its_own_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An unexpected error ends with 70 and its traceback, not with another code."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text("1\n")
    monkeypatch.setattr("collector.cli.plan.describe", lambda *_, **__: 1 / 0)
    with pytest.raises(SystemExit) as ended:
        main(["plan", "companies.txt"])
    assert ended.value.code == 70
    assert "ZeroDivisionError" in capsys.readouterr().err
