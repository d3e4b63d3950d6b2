"""Bad input: one clear message, the right code, nothing sent, nothing written.

The command line runs in this process where nothing can be sent, and as a child where a run is.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collector.cli.main import main
from collector.simulator import Simulator

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]


@dataclass(frozen=True)
class Said:
    """What the command line printed, and the code it ended with."""

    exit_code: object
    stdout: str
    stderr: str


Cli = Callable[..., Said]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give the command line in this process: empty directory, a token, a service that is not."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRUST_ACCESS_TOKEN", "t")
    monkeypatch.setenv("COLLECTOR_BASE_URL", "http://127.0.0.1:9")

    def call(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        printed = capsys.readouterr()
        return Said(ended.value.code, printed.out, printed.err)

    return call


BAD_OPTIONS = [
    ("--from 2026-02-01 --until 2026-01-01", "--from 2026-02-01 is after --until"),
    ("--from 2026-02-01", "--from needs --until"),
    ("--until 2026-02-01", "--until needs --from"),
    ("--last 7d --from 2026-02-01 --until 2026-02-02", "--last cannot be combined"),
    ("--from 2026-02-30 --until 2026-03-01", '--from: "2026-02-30" is not a day'),
    ("--from 2026-01-01 --until 01/02/2026", "write YYYY-MM-DD"),
    ("--last 7d --window 0d", '--window: "0d"'),
    ("--last 0d", '--last: "0d"'),
    ("--last -7d", "--last"),
    ("--window 1d", "--window 1d cuts a range"),
    ("--timezone Mars/Olympus --last 1d", "--timezone"),
    ("--rate 0", '--rate: "0" is not a rate: write requests per second from 0.001 to 1000000'),
    ("--rate -5", '--rate: "-5" is not a rate'),
    ("--rate nan", '--rate: "nan" is not a rate'),
    ("--rate inf", '--rate: "inf" is not a rate'),
    ("--rate 1000001", "such as 10 or 0.5, or auto"),
    ("--rate fast", "such as 10 or 0.5, or auto"),
    ("--rate Auto", "such as 10 or 0.5, or auto"),
    ("--max-outage 0m", '--max-outage: "0m" is not a duration'),
    ("--max-outage 30", "such as 90s, 30m or 6h"),
    ("--max-outage never", '--max-outage: "never" is not a duration'),
    ("--concurrency 0", "--concurrency. Must be >= 1"),
    ("--concurrency -1", "--concurrency. Must be >= 1"),
    ("--concurrency 1.5", "--concurrency"),
    ("--timeout 0", "--timeout. Must be > 0"),
    ("--timeout -1", "--timeout. Must be > 0"),
    ("--deadline 0h", '--deadline: "0h" is not a duration'),
    ("--deadline 6", "such as 90s, 30m or 6h"),
    ("--fail-on missing", "--fail-on"),
    ("--max-attempts 0", "--max-attempts. Must be >= 1"),
    ("--base-url http://api.trust.lat", "--base-url: plain http"),
    ("--token-url http://atenea.trust.lat/oauth/token/", "--token-url: plain http"),
    ("--base-url https://user:pw@api.trust.lat", "--base-url: an address carries no user name"),
    ("--base-url api.trust.lat", "--base-url: an address starts with https://"),
    ("--proxy http://me:hunter22@proxy", "--proxy: an option carries no user name or password"),
    ("--proxy socks5://proxy", "--proxy: a SOCKS proxy cannot be used; name an HTTP proxy"),
    ("--proxy ftp://proxy:1", "--proxy: not the address of a proxy: write scheme"),
    ("--ca-file missing.pem", "--ca-file missing.pem: cannot be read: No such file"),
    ("--ca-file companies.txt", "--ca-file companies.txt: has no certificate"),
    ("--ca-file .", "--ca-file .: cannot be read: Is a directory"),
    ("--from-param day --until-param day", "--from-param and --until-param are both day"),
    ("--log-level loud", "--log-level"),
    ("--frobnicate 1", "--frobnicate"),
    ("another.txt", "another.txt"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_a_bad_option_is_named(cli: Cli, tmp_path: Path, options: str, message: str) -> None:
    """Exit 2, the option and the remedy on standard error, nothing written."""
    (tmp_path / "companies.txt").write_text("1\n")
    said = cli("run", "companies.txt", *options.split())
    assert said.exit_code == 2
    assert message in said.stderr
    assert said.stderr.startswith("collector: ")
    assert "Traceback" not in said.stderr
    assert "hunter22" not in said.stderr
    assert said.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["companies.txt"]


@pytest.mark.parametrize("subcommand", ["run", "check"])
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("COLLECTOR_PROXY", "http://me:hunter22@proxy", "COLLECTOR_PROXY: an option carries no"),
        ("all_proxy", "socks5://me:hunter22@proxy", "all_proxy in the environment: a SOCKS proxy"),
        ("http_proxy", "me:hunter22@proxy:0", "http_proxy in the environment: port 0"),
    ],
)
def test_a_bad_proxy_in_the_environment_is_named(  # noqa: PLR0913, PLR0917 - fixtures
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    subcommand: str,
    variable: str,
    value: str,
    message: str,
) -> None:
    """The variable and what is wrong with it, without the password; nothing is sent or written."""
    monkeypatch.setenv("COLLECTOR_TOKEN_URL", "http://127.0.0.1:9/token")
    monkeypatch.setenv(variable, value)
    (tmp_path / "companies.txt").write_text("1\n")
    said = cli(subcommand, "companies.txt")
    assert (said.exit_code, said.stdout) == (2, "")
    assert message in said.stderr
    assert "hunter22" not in said.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["companies.txt"]


def test_a_password_in_the_file_of_options_is_refused(cli: Cli, tmp_path: Path) -> None:
    """The file is no place for secrets either; the text names it."""
    (tmp_path / "companies.txt").write_text("1\n")
    (tmp_path / "collector.toml").write_text('proxy = "http://me:hunter22@proxy:3128"\n')
    said = cli("run", "companies.txt")
    assert said.exit_code == 2
    assert "no user name or password" in said.stderr
    assert "(in collector.toml)" in said.stderr
    assert "hunter22" not in said.stderr


@pytest.mark.parametrize("subcommand", ["run", "plan", "demo"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "companies.txt: there is no such file"),
        ("", "companies.txt: there is no company id in it"),
        ("# nothing\n\n", "companies.txt: there is no company id in it"),
        ("1\n.\n2\n..\n3 a\x07b\n", 'companies.txt:2: "." cannot be an id'),
    ],
)
def test_a_bad_companies_file_is_named(
    cli: Cli, tmp_path: Path, subcommand: str, content: str | None, message: str
) -> None:
    """Every command that takes the file says what is wrong with it, before anything else."""
    file = tmp_path / "companies.txt"
    if content is not None:
        file.write_text(content)
    said = cli(subcommand, "companies.txt")
    assert said.exit_code == 2
    assert message in said.stderr
    if content and "\x07" in content:
        for line in ("2", "4", "5"):
            assert f"companies.txt:{line}: " in said.stderr
        assert "\x07" not in said.stderr
    assert list(tmp_path.iterdir()) == ([] if content is None else [file])


async def test_missing_credentials_end_with_3(command: Any) -> None:  # noqa: ANN401 - see conftest
    """No credentials: exit 3, and the names of the variables to set."""
    done = await command.run("run", "-", stdin=b"1\n")
    assert done.exit_code == 3
    assert "TRUST_CLIENT_ID" in done.stderr
    assert "TRUST_ACCESS_TOKEN" in done.stderr
    half = await command.with_environment(TRUST_CLIENT_ID="me").run("run", "-", stdin=b"1\n")
    assert half.exit_code == 3
    assert "TRUST_CLIENT_SECRET is missing" in half.stderr
    assert command.files() == set()


async def test_duplicates_are_dropped_with_a_warning(start_api: StartApi, against: Against) -> None:
    """A doubled id is asked for once, and the warning says where it stands."""
    api = await start_api()
    command = against(api)
    done = await command.run("run", "-", "--output", "r", stdin=b"1\n2\n1 again\n")
    assert done.exit_code == 0
    assert "warning: standard input:3: company 1 is in line 1 already" in done.stderr
    assert len(command.lines("r/statistics.jsonl")) == 2


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("rat = 5\n", "collector.toml: unknown key rat"),
        ("[run]\nrate = 5\n", "collector.toml: unknown key run"),
        ("rate = \n", "collector.toml: is not TOML"),
        ("rate = -1\n", '[rate]: "-1" is not a rate'),
        ("rate = inf\n", "such as 10 or 0.5, or auto"),
        ("rate = 'fast'\n", "such as 10 or 0.5, or auto"),
        ('client-secret = "x"\n', "collector.toml: unknown key client-secret"),
        (
            f"rate = {'[' * 100_000}\n",
            "collector.toml: is not TOML: lists or tables are nested too",
        ),
        (f"rate = {'{a=' * 20_000}\n", "collector.toml: is not TOML: lists or tables are nested"),
        (
            f"rate{'.a' * 2000} = 1\n",
            "collector.toml: rate: is no value of an option; write a text",
        ),
        ("rate = [[1]]\n", "collector.toml: rate: is no value of an option"),
        (f"rate = {'9' * 5000}\n", "collector.toml: "),
        (f"rate = 0x{'f' * 5000}\n", "collector.toml: rate: is no value of an option"),
        (
            'credentials-file = "a\\u0000b"\n',
            "collector.toml: credentials-file: is no value of an option",
        ),
    ],
)
@pytest.mark.parametrize("subcommand", ["run", "plan"])
def test_a_bad_configuration_file_is_named(
    cli: Cli, tmp_path: Path, subcommand: str, toml: str, message: str
) -> None:
    """Unknown keys, bad values and bad TOML end with 2, and the file is named."""
    (tmp_path / "companies.txt").write_text("1\n")
    (tmp_path / "collector.toml").write_text(toml)
    said = cli(subcommand, "companies.txt")
    assert said.exit_code == 2
    assert message in said.stderr
    assert "collector.toml" in said.stderr
    assert len(list(tmp_path.iterdir())) == 2


def test_a_byte_order_mark_in_the_configuration_file_is_skipped(cli: Cli, tmp_path: Path) -> None:
    """As editors of Windows write it."""
    (tmp_path / "companies.txt").write_bytes(b"\xef\xbb\xbf1\n")
    (tmp_path / "collector.toml").write_bytes(b"\xef\xbb\xbfrate = 321\r\n")
    said = cli("plan", "companies.txt")
    assert said.exit_code == 0, said
    assert "at 321 requests per second" in said.stdout


def test_no_more_of_a_configuration_file_is_read_than_options_take(
    cli: Cli, tmp_path: Path
) -> None:
    """A device that never ends, behind a link."""
    (tmp_path / "companies.txt").write_text("1\n")
    (tmp_path / "collector.toml").symlink_to("/dev/zero")
    said = cli("plan", "companies.txt")
    assert said.exit_code == 2
    assert "collector.toml: has more than 1 MiB" in said.stderr


async def test_a_flag_beats_the_environment_beats_the_file(
    start_api: StartApi, against: Against
) -> None:
    """The three sources of an option, in their order; dashes and underscores are both fine."""
    api = await start_api()
    command = against(api).with_environment(COLLECTOR_TIMEOUT="11", COLLECTOR_MAX_ATTEMPTS="3")
    toml = "rate = 321\ntimeout = 12\nmax_attempts = 4\nlog-level = 'debug'\nlast = '2d'\n"
    command.write("collector.toml", toml)
    done = await command.run("run", "-", "--max-attempts", "2", "--output", "r", stdin=b"1\n")
    assert done.exit_code == 0, done.stderr
    settings = command.manifest("r")["attempts"][-1]["settings"]
    chosen = {key: settings[key] for key in ("rate", "timeout", "max-attempts", "log-level")}
    assert chosen == {"rate": "321", "timeout": 11.0, "max-attempts": 2, "log-level": "debug"}
    assert settings["last"] == "2d"
    # The file also holds what another command has no use for.
    planned = await command.run("plan", "-", stdin=b"1\n")
    assert planned.exit_code == 0, planned.stderr
    assert "at 321 requests per second" in planned.stdout


@pytest.mark.parametrize(
    ("file", "variables", "flags", "windows"),
    [
        ("last = '7d'", {}, "--from 2026-01-01 --until 2026-01-31", "2026-01-01..2026-01-31"),
        ("", {"COLLECTOR_LAST": "7d"}, "--from 2026-01-01 --until 2026-01-02", "2026-01-02"),
        (
            "last = '7d'",
            {"COLLECTOR_FROM": "2026-02-01", "COLLECTOR_UNTIL": "2026-02-03"},
            "",
            "02",
        ),
        ("from = 2026-01-01\nuntil = 2026-01-02", {}, "--last 2d --window 1d", ", "),
        ("since-last = true", {}, "--from 2026-01-01 --until 2026-01-31", "2026-01-01..2026-01-31"),
        ("since-last = true\nlookback = '99d'", {"COLLECTOR_LAST": "2d"}, "--lookback none", "1\n"),
        ("last = '2d'", {}, "--since-last --at-most 3d --window 1d", "3\n"),
        ("last = '2d'", {"COLLECTOR_SINCE_LAST": "true"}, "--at-most 3d --window 1d", "3\n"),
        ("since-last = true\nwindow = '1d'\nat-most = '3d'", {}, "", "3\n"),
        # A switch that is off chooses no days.
        ("last = '2d'", {}, "--no-since-last --window 1d", "2\n"),
        ("last = '2d'", {"COLLECTOR_SINCE_LAST": "false"}, "--window 1d", "2\n"),
        ("since-last = true\nlast = '2d'", {}, "--since-last=false --window 1d", "2\n"),
    ],
)
def test_a_range_from_a_higher_place_beats_one_from_a_lower(  # noqa: PLR0913, PLR0917 - a table
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    variables: dict[str, str],
    flags: str,
    windows: str,
) -> None:
    """`--from` and `--until` on the command line put a `last` of the file aside, and so on."""
    (tmp_path / "companies.txt").write_text("1\n")
    (tmp_path / "collector.toml").write_text(file)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = cli("plan", "companies.txt", *flags.split())
    assert said.exit_code == 0, said.stderr
    assert windows in said.stdout.partition("windows  ")[2]


def test_an_empty_output_is_not_the_current_directory(cli: Cli, tmp_path: Path) -> None:
    """An unset variable must not spread a run over the user's files."""
    (tmp_path / "companies.txt").write_text("1\n")
    said = cli("run", "companies.txt", "--output", "")
    assert said.exit_code == 2
    assert "--output" in said.stderr
    assert len(list(tmp_path.iterdir())) == 1


def test_untrusted_text_cannot_steer_the_terminal(cli: Cli) -> None:
    """Control characters in a message are shown by their code points."""
    said = cli("run", "a\x1b[2Jb.txt")
    assert said.exit_code == 2
    assert "\x1b" not in said.stderr
    assert "a<U+001B>[2Jb.txt" in said.stderr
