"""Options as people type them: misspelt variables and keys, other files, a run that is not one."""

from pathlib import Path

import pytest

from collector.cli.app import app
from tests.cli.said import Cli, in_this_process
from tests.docs.pages import COMMANDS


@pytest.fixture(autouse=True)
def directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Work in a directory with a list of companies alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "companies.txt").write_text("1\n2\n")
    return tmp_path


@pytest.fixture
def plan(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give `collector plan` as a function."""
    return in_this_process("plan", capsys)


@pytest.mark.parametrize(
    ("variable", "likely"),
    [
        ("COLLECTOR_RAT", "COLLECTOR_RATE"),
        ("COLLECTOR_CONCURENCY", "COLLECTOR_CONCURRENCY"),
        ("COLLECTOR_MAXATTEMPTS", "COLLECTOR_MAX_ATTEMPTS"),
        ("COLLECTOR_NO_QUIET", "COLLECTOR_QUIET"),
        ("COLLECTOR_LOG-LEVEL", "COLLECTOR_LOG_LEVEL"),
    ],
)
@pytest.mark.parametrize("subcommand", ["run", "plan", "status", "check", "demo"])
def test_a_misspelt_variable_is_named(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    subcommand: str,
    variable: str,
    likely: str,
) -> None:
    """By every command, also by those that have no such option; it has no effect."""
    monkeypatch.setenv(variable, "true")
    said = in_this_process(subcommand, capsys)("missing")
    assert said.exit_code == 2
    assert said.stderr.splitlines()[0] == (
        f"collector: warning: {variable} in the environment is ignored, because no option is "
        f"called so; did you mean {likely}?"
    )
    assert said.stderr.count("warning") == 1


@pytest.mark.parametrize(
    "variable",
    [
        # What Kubernetes sets for a service that is called collector, and what others read.
        *("COLLECTOR_SERVICE_HOST", "COLLECTOR_SERVICE_PORT", "COLLECTOR_PORT"),
        *("COLLECTOR_PORT_4317_TCP_ADDR", "COLLECTOR_OTLP_ENABLED", "COLLECTOR_CHROMIUM"),
        *("COLLECTOR_SIMULATE_DATE_FORMAT", "COLLECTOR_RUN_DIR", "COLLECTOR_R", "MY_COLLECTOR_RAT"),
        *("COLLECTOR_TO", "COLLECTOR_FAIL_ON"),
    ],
)
def test_other_variables_are_left_alone(
    plan: Cli, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """They belong to other commands or programs."""
    monkeypatch.setenv(variable, "7")
    said = plan("companies.txt")
    assert (said.exit_code, said.stderr) == (0, "")
    assert "at 10 requests per second" in said.stdout


def test_a_misspelt_variable_of_the_simulator_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command that would read it."""
    monkeypatch.setenv("COLLECTOR_SIMULATE_DENNY", "7")
    monkeypatch.setenv("COLLECTOR_RAT", "7")
    said = in_this_process("simulate", capsys)("--port", "x")
    assert said.stderr.startswith(
        "collector: warning: COLLECTOR_SIMULATE_DENNY in the environment is ignored, because no "
        "option is called so; did you mean COLLECTOR_SIMULATE_DENY?\n"
    )
    assert "COLLECTOR_RAT " not in said.stderr


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[simulate]\nport = 90000\n", '"90000" for [port] provided by collector.toml. Must be <='),
        (
            "[simulate]\nrate_limt = 5\n",
            "[simulate]: unknown key rate-limt; did you mean rate-limit?",
        ),
        ("[simulate]\nconfig = 'a.toml'\n", "[simulate]: unknown key config; known are ban, bom, "),
        ("[simulate]\nban = {a = 1}\n", "[simulate]: ban: is no value of an option; "),
        ("simulate = 5\n", "simulate: is no table; write [simulate] and its options below it"),
    ],
)
def test_the_simulator_has_a_table_of_the_file(
    capsys: pytest.CaptureFixture[str], plan: Cli, directory: Path, toml: str, message: str
) -> None:
    """Its keys are the options of the simulator, and no concern of other commands."""
    (directory / "collector.toml").write_text(f"rate = 5\n{toml}")
    said = in_this_process("simulate", capsys)()
    assert (said.exit_code, said.stdout) == (2, "")
    assert message in said.stderr
    assert "at 5 requests per second" in plan("companies.txt").stdout


def test_the_simulator_reads_the_file_that_the_environment_names(
    capsys: pytest.CaptureFixture[str], directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In place of collector.toml, as every command does; what is wrong with it is said."""
    (directory / "collector.toml").write_text("[simulate]\nport = 90001\n")
    (directory / "night.toml").write_text("rate = 5\n[simulate]\nport = 90002\n")
    for value, message in (
        ("night.toml", '"90002" for [port] provided by night.toml'),
        ("gone.toml", "COLLECTOR_CONFIG gone.toml: there is no such file; check the path"),
        ("", "COLLECTOR_CONFIG: an empty name is no file; give its path, or leave it out"),
    ):
        monkeypatch.setenv("COLLECTOR_CONFIG", value)
        said = in_this_process("simulate", capsys)()
        assert (said.exit_code, said.stdout) == (2, ""), said
        assert message in said.stderr


@pytest.mark.parametrize(
    ("key", "likely"),
    [
        ("rat", "rate"),
        ("windows", "window"),
        ("no-quiet", "quiet"),
        ("max_attemps", "max-attempts"),
    ],
)
def test_a_misspelt_key_is_named(plan: Cli, directory: Path, key: str, likely: str) -> None:
    """With the likely one before all of them."""
    (directory / "collector.toml").write_text(f"{key} = 1\n")
    said = plan("companies.txt")
    assert said.exit_code == 2
    key = key.replace("_", "-")
    assert (
        f"collector.toml: unknown key {key}; did you mean {likely}? Known are answers, at"
        in said.stderr
    )


def test_a_key_that_is_like_none_gets_no_guess(plan: Cli, directory: Path) -> None:
    """Only the list."""
    (directory / "collector.toml").write_text("zzz = 1\n")
    assert (
        "collector.toml: unknown key zzz; known are answers, at-most"
        in plan("companies.txt").stderr
    )


@pytest.mark.parametrize("place", ["flag", "variable"])
def test_another_file_of_options_takes_the_place_of_the_usual(
    plan: Cli, directory: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Flags override it as they override the usual one."""
    (directory / "collector.toml").write_text("rate = 1\nlast = '7d'\n")
    (directory / "night.toml").write_text("rate = 2\n")
    flags = ("--config", "night.toml") if place == "flag" else ()
    if place == "variable":
        monkeypatch.setenv("COLLECTOR_CONFIG", "night.toml")
    said = plan("companies.txt", *flags)
    assert (said.exit_code, said.stderr) == (0, "")
    assert "at 2 requests per second" in said.stdout
    assert "server default" in said.stdout
    assert "at 3 requests per second" in plan("companies.txt", *flags, "-r", "3").stdout


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("missing.toml", "--config missing.toml: there is no such file; check the path"),
        (".", "cannot be read: Is a directory"),
        ("companies.txt", "companies.txt: is not TOML"),
        ("", "--config: an empty name is no file"),
    ],
)
def test_another_file_must_be_one(plan: Cli, file: str, message: str) -> None:
    """The usual one need not be there; one that is named must."""
    said = plan("companies.txt", "--config", file)
    assert (said.exit_code, said.stdout) == (2, "")
    assert message in said.stderr


def test_a_file_of_options_names_no_other(plan: Cli, directory: Path) -> None:
    """Which of them counts would be left open."""
    (directory / "collector.toml").write_text("config = 'other.toml'\n")
    assert "collector.toml: unknown key config; " in plan("companies.txt").stderr


def test_a_run_can_be_rehearsed(capsys: pytest.CaptureFixture[str], directory: Path) -> None:
    """It is the plan; no credentials are needed, and nothing is written."""
    words = ("companies.txt", "--last", "7d", "--window", "1d", "-r", "5")
    done = in_this_process("run", capsys)(*words, "--dry-run", "-o", "night", "-q", "-c", "3")
    assert (done.exit_code, done.stderr) == (0, "")
    shown = done.stdout.splitlines()
    planned = in_this_process("plan", capsys)(*words).stdout.splitlines()
    assert [row for row in shown if not row.startswith("finish")] == [
        row for row in planned if not row.startswith("finish")
    ]
    assert [path.name for path in directory.iterdir()] == ["companies.txt"]


def test_a_rehearsal_finds_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """As the run would."""
    said = in_this_process("run", capsys)("companies.txt", "--dry-run", "--workers", "3")
    assert said.exit_code == 2
    assert "--workers is for --engine dask" in said.stderr


@pytest.mark.parametrize("flag", ["--no-json", "--json=false"])
def test_a_switch_of_the_environment_can_be_switched_off(
    plan: Cli, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    """For once."""
    monkeypatch.setenv("COLLECTOR_JSON", "true")
    assert plan("companies.txt").document["companies"] == 2
    assert plan("companies.txt", flag).stdout.startswith("companies      2\n")


@pytest.mark.parametrize("subcommand", sorted(COMMANDS))
def test_every_switch_has_an_opposite(subcommand: str) -> None:
    """Of every command, the simulator's too."""
    arguments = app[subcommand].assemble_argument_collection()
    switches = [argument for argument in arguments if argument.hint is bool]
    for argument in switches:
        name = argument.name.removeprefix("--")
        assert f"--no-{name}" in argument.names
    wanted = {"run", "plan", "check", "demo", "status", "diff", "export", "simulate"}
    assert bool(switches) == (subcommand in wanted)


@pytest.mark.parametrize(("subcommand", "name"), [("export", "a.csv"), ("report", "a.html")])
def test_what_is_written_is_named_shortly(
    capsys: pytest.CaptureFixture[str], subcommand: str, name: str
) -> None:
    """As the output of a run."""
    said = in_this_process(subcommand, capsys)("missing", "-o", name)
    assert said.exit_code == 2
    assert said.stderr == in_this_process(subcommand, capsys)("missing", "--to", name).stderr
    assert "missing: there is no such directory" in said.stderr
