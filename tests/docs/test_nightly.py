"""docs/nightly.md: what people copy from there works together, and is true.

That its commands are understood is in `test_calls.py`.
"""

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from collector.cli.app import app
from collector.cli.main import main
from collector.core.cell import CellState
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http.credentials import ClientCredentials, load_credentials
from collector.http.network import load_network
from collector.settings import RunSettings
from collector.settings.prepare import prepare_plan
from collector.telemetry.names import Drift
from collector.telemetry.prometheus import LABEL, RunState, page
from collector.telemetry.stats import RunStats
from tests.conftest import company_lines
from tests.docs.pages import DOCS, blocks, calls, read

_TEXT: Final = read(DOCS / "nightly.md")
_BLOCKS: Final = [(block.language, block.body) for block in blocks(_TEXT)]

Unit = dict[tuple[str, str], list[str]]


def _file(name: str) -> str:
    """Return the block that begins with a comment that names the file."""
    found = [body for _, body in _BLOCKS if re.match(rf"# \S*{re.escape(name)}\n", body)]
    assert len(found) == 1, name
    return str(found[0])


def _unit(name: str) -> Unit:
    """Read a unit file: values by section and key, in their order."""
    unit: Unit = {}
    section = ""
    for line in _file(name).splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals, line
            unit.setdefault((section, key), []).append(value)
    return unit


def _cron_lines() -> list[str]:
    """Return the commands of the crontab."""
    (crontab,) = [body for language, body in _BLOCKS if language == "crontab"]
    lines = [line for line in crontab.splitlines() if re.match(r"[\d*]", line)]
    return [line.split(maxsplit=5)[5] for line in lines]


_CALLS: Final = [tuple(call) for call in calls(_TEXT)]


def test_the_commands_are_all_found() -> None:
    """So that `test_calls.py` is about something; and the night is the same everywhere."""
    used = {"run", "plan", "status", "check", "diff", "latest", "verify"}
    assert {call[0] for call in _CALLS} == used
    night = ("run", "companies.txt", "--since-last", "--window", "1d", "--lookback", "14d")
    assert len({call for call in _CALLS if call[: len(night)] == night}) == 3


def _planned(arguments: str, directory: Path) -> tuple[int, RunSettings]:
    _, bound, _ = app.parse_args(shlex.split(arguments), print_error=False, exit_on_error=False)
    settings = bound.arguments["settings"]
    assert isinstance(settings, RunSettings)
    plan, _ = prepare_plan(directory / "companies.txt", settings, datetime.now(UTC))
    return len(plan.windows), settings


def test_the_files_of_the_page_work_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings, companies and credentials as on the page; in the first night 90 days."""
    monkeypatch.chdir(tmp_path)
    for name in ("collector.toml", "companies.txt", "credentials.toml"):
        (tmp_path / name).write_text(_file(name), encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    (command,) = _unit("collector.service")["Service", "ExecStart"]
    windows, settings = _planned(command.partition("/bin/collector ")[2], tmp_path)
    assert windows == 90
    assert settings.timezone == "America/Santiago"
    assert isinstance(load_credentials({}, tmp_path / "credentials.toml"), ClientCredentials)
    with pytest.raises(SystemExit) as ended:
        main(shlex.split("plan companies.txt --since-last --window 1d --lookback 14d"))
    assert ended.value.code == 0
    assert "windows        90\n" in capsys.readouterr().out


def test_the_plan_on_the_page_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cells, requests and duration for so many companies."""
    monkeypatch.chdir(tmp_path)
    shown = re.search(r"\$ (collector plan .*)\n(companies +(\d+)\n[^`]*?)\.\.\.", _TEXT)
    assert shown is not None
    ids = company_lines(int(shown[3]))
    (tmp_path / "companies.txt").write_text(ids)
    with pytest.raises(SystemExit):
        main(shlex.split(shown[1])[1:])
    assert capsys.readouterr().out.startswith(shown[2])


def test_the_credentials_are_where_the_unit_puts_them() -> None:
    """The name after LoadCredential= is the one that ExecStart asks for; the user may write."""
    unit = _unit("collector.service")
    (loaded,) = unit["Service", "LoadCredential"]
    name, _, source = loaded.partition(":")
    assert _file(source).startswith(f"# {source}\n")
    assert f"--credentials-file ${{CREDENTIALS_DIRECTORY}}/{name}" in str(
        unit["Service", "ExecStart"]
    )
    (directory,) = unit["Service", "WorkingDirectory"]
    assert directory == f"/var/lib/{unit['Service', 'StateDirectory'][0]}"
    assert _file("collector.toml").startswith(f"# {directory}/")


def _exit_codes() -> dict[int, str]:
    """Return the table of exit codes: whether it says that another try is of use."""
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| (yes|no) \| [^|]+ \|$", _TEXT, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return {int(code): again for code, again in rows}


def test_the_proxy_is_where_the_unit_looks_for_it() -> None:
    """In a file whose lines mean the same to the collector, without quotes or `export`."""
    (file,) = _unit("proxy.conf")["Service", "EnvironmentFile"]
    assert f"sudo install -m 0600 /dev/null {file}\n" in _TEXT
    lines = _file("proxy.env").splitlines()[1:]
    environ = dict(line.split("=", maxsplit=1) for line in lines)
    network = load_network(environ, RunSettings())
    assert set(network.described().values()) == {"http://proxy.example.com:3128"}
    assert Secret("PASSWORD") in network.secrets()
    local = RunSettings(base_url="https://localhost", token_url="https://127.0.0.1")  # noqa: S106 - addresses
    assert set(load_network(environ, local).described().values()) == {"none"}


def test_the_table_has_every_exit_code_and_no_other() -> None:
    """In ascending order, each once."""
    assert list(_exit_codes()) == sorted(ExitCode)


def test_systemd_tries_again_what_the_table_says() -> None:
    """What is of no use is in RestartPreventExitStatus=; a stop is no failure."""
    unit = _unit("collector.service")
    (prevented,) = unit["Service", "RestartPreventExitStatus"]
    useless = {code for code, again in _exit_codes().items() if again == "no"}
    assert {int(code) for code in prevented.split()} == useless - {ExitCode.COMPLETE}
    assert unit["Service", "SuccessExitStatus"] == [str(int(ExitCode.SIGTERM))]
    assert unit["Service", "Restart"] == ["on-failure"]
    assert unit["Unit", "OnFailure"] == ["collector-alert.service"]
    assert ("Service", "ExecStart") in _unit("collector-alert.service")


def test_a_percent_sign_is_escaped_in_the_crontab() -> None:
    """It would be a line break; and the lines that collect are the same command."""
    first, second, look = _cron_lines()
    assert first == second
    assert all(not re.search(r"(?<!\\)%", line) for line in (first, second, look))
    assert r"date +\%F" in look


def _series() -> dict[str, set[str]]:
    """Return the name of every series that a run can have, with those of its labels."""
    stats = RunStats(1)
    stats.answered(200, 0.1)
    stats.drift = Drift(("late",), ())
    state = RunState(
        started_at=1.0, now=2.0, allowed=1.0, limit_found=1.0, exit_code=0, last_success=2.0
    )
    return {
        sample.name: set(sample.labels)
        for family in page("night", stats, state).collect()
        for sample in family.samples
    }


def test_every_series_is_explained() -> None:
    """The table has all of them, and no other."""
    _, _, section = _TEXT.partition("\n## Prometheus\n")
    rows = re.findall(r"^\| ([^|]*`collector_[^|]*) \|", section, re.MULTILINE)
    explained = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(explained) == sorted(_series())


def test_the_rules_are_about_series_that_there_are() -> None:
    """Names, labels and states; every alert has what promtool asks for, and says whom it is about.

    (The rules were tried with `promtool check rules` and `promtool test rules`.)
    """
    rules = _file("collector.yml")
    series = _series()
    unanswered = f"{CellState.FAILED}|{CellState.MISSING}"
    states = {
        f'state=~"{unanswered}"',
        f'state=~"{CellState.DATA}|{unanswered}"',
        f'state="{CellState.EMPTY}"',
    }
    for name, selector in re.findall(r"(collector_\w+)(?:\{(.*?)\})?", rules):
        labels = set(re.findall(r"(\w+)=", selector))
        assert labels <= series[name], name
        assert "state" not in labels or selector in states
    alerts = rules.split("- alert: ")[1:]
    explained = re.findall(r"^- \*\*(\w+):\*\*", _TEXT, re.MULTILINE)
    assert [alert.split()[0] for alert in alerts] == explained
    for alert in alerts:
        keys = re.findall(r"^        (\w+):", alert, re.MULTILINE)
        assert [key for key in keys if key != "for"] == ["expr", "labels", "annotations"]
        assert f"$labels.{LABEL}" in alert
    assert not any(re.match(r"( {2})* \S", line) for line in rules.splitlines()), "odd indentation"


def test_the_metrics_are_where_node_exporter_is_led_to() -> None:
    """The unit may write there, and the rules are about that file."""
    unit = _unit("metrics.conf")
    (directory,) = unit["Service", "ReadWritePaths"]
    (variable,) = unit["Service", "Environment"]
    name, _, path = variable.partition("=")
    assert name == "COLLECTOR_METRICS_FILE"
    assert Path(path).parent == Path(directory)
    assert path.endswith(".prom")
    assert f"{path} /var/lib/prometheus/node-exporter/" in _TEXT
    assert f'{{{LABEL}="{Path(path).stem}"}}' in _file("collector.yml")
