import dataclasses
import io
import math
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from collector.cli.config import ConfigFile, Environment
from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.plan import WHOLE, Shard, WindowSize
from collector.settings import (
    DemoSettings,
    PlanSettings,
    RunSettings,
    Selection,
    StatusSettings,
    option_name,
    option_names,
)
from collector.settings.parsers import Days, Duration, Rate

_DEFAULTS = RunSettings()
_OPTIONS = [
    "answers",
    "at-most",
    "base-url",
    "ca-file",
    "concurrency",
    "config",
    "credentials-file",
    "date-format",
    "deadline",
    "engine",
    "from",
    "from-param",
    "id-column",
    "insecure-cluster",
    "last",
    "log-level",
    "lookback",
    "max-attempts",
    "max-empty",
    "max-failed",
    "max-outage",
    "metrics-file",
    "name-column",
    "output",
    "ping-url",
    "proxy",
    "quiet",
    "rate",
    "scheduler",
    "shard",
    "since-last",
    "timeout",
    "timezone",
    "token-url",
    "trust-dates",
    "until",
    "until-exclusive",
    "until-param",
    "verbose",
    "window",
    "workers",
]
_STATUS_OPTIONS = ["fail-on", "json"]
_CHECK_OPTIONS = ["write"]
_REHEARSAL_OPTIONS = ["dry-run"]
_SHORT = {"-c": "concurrency", "-o": "output", "-q": "quiet", "-r": "rate", "-v": "verbose"}
_SWITCHES = ["insecure-cluster", "quiet", "since-last", "trust-dates", "until-exclusive", "verbose"]
_READING_OPTIONS = ["delimiter", "format", "lang", "to", "unknown-fields"]


def _run(*, settings: Annotated[RunSettings, Parameter(name="*")] = _DEFAULTS) -> None:
    """Do nothing: it is never called."""


def _app(*config: Callable[..., object]) -> App:
    app = App(config=config)
    app.default(_run)
    return app


def _parse(*flags: str, app: App | None = None) -> RunSettings:
    """Read flags the way `collector run` does."""
    _, bound, _ = (app or _app()).parse_args(flags, print_error=False, exit_on_error=False)
    settings = bound.arguments.get("settings", _DEFAULTS)
    assert isinstance(settings, RunSettings)
    return settings


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """Give what reads `options.toml` and `COLLECTOR_*`, as the real one reads its own."""
    for option in _OPTIONS:
        monkeypatch.delenv(f"COLLECTOR_{option.upper().replace('-', '_')}", raising=False)
    return _app(Environment("COLLECTOR_"), ConfigFile(str(tmp_path / "options.toml")))


def test_the_options_are_pinned() -> None:
    """Scripts, environments and files rely on their names."""
    assert sorted(option_names()) == sorted(
        _OPTIONS + _STATUS_OPTIONS + _CHECK_OPTIONS + _REHEARSAL_OPTIONS + _READING_OPTIONS
    )


def test_the_names_are_those_that_the_command_line_takes() -> None:
    """The key in the file is the flag without its dashes, for every field."""
    arguments = _app().assemble_argument_collection()
    flags = {name for argument in arguments if argument.parse for name in argument.names}
    opposites = {f"--no-{name}" for name in _SWITCHES}
    assert flags - {"*"} == {*(f"--{name}" for name in _OPTIONS), *opposites, *_SHORT}
    names = [option_name(field) for field in dataclasses.fields(RunSettings)]
    assert len(names) == len(set(names)) == len(_OPTIONS)


def test_no_option_takes_a_secret() -> None:
    """Command lines are seen by everyone on the machine."""
    secret = re.compile("secret|password|passwd|client-id|access-token|api-key|^token$|bearer")
    assert not [name for name in option_names() if secret.search(name)]


@pytest.mark.parametrize("secret", ["--token", "--client-secret", "--client-id", "--access-token"])
def test_a_secret_as_a_flag_is_refused(secret: str) -> None:
    """There is no such option."""
    with pytest.raises(CycloptsError):
        _parse(secret, "x")


def test_the_first_answer_is_waited_for_less_long_unless_patience_is_given() -> None:
    """An hour and a minute; a value from a flag, the environment or the file is for both."""
    assert (_DEFAULTS.patience, _DEFAULTS.first_patience) == (3600, 60)
    given = _parse("--max-outage", "2h")
    assert (given.patience, given.first_patience) == (7200, 7200)
    short = _parse("--max-outage", "5s")
    assert (short.patience, short.first_patience) == (5, 5)


def test_the_defaults_are_those_of_the_design() -> None:
    """Ten requests per second, 32 in flight, five tries, half a minute; the server's own window."""
    assert vars(_DEFAULTS) == {
        "config": None,
        "id_column": None,
        "name_column": None,
        "verbose": False,
        "from_date": None,
        "until_date": None,
        "last": None,
        "timezone": None,
        "window": WHOLE,
        "lookback": None,
        "since_last": False,
        "at_most": Days(90),
        "rate": 10.0,
        "concurrency": 32,
        "max_attempts": 5,
        "timeout": 30.0,
        "deadline": None,
        "max_outage": None,
        "max_failed": None,
        "max_empty": None,
        "ping_url": None,
        "shard": Shard(0, 1),
        "engine": "local",
        "workers": None,
        "scheduler": None,
        "insecure_cluster": False,
        "output": None,
        "log_level": "info",
        "answers": None,
        "quiet": False,
        "metrics_file": None,
        "base_url": "https://api.trust.lat",
        "token_url": "https://atenea.trust.lat/oauth/token/",
        "credentials_file": None,
        "proxy": None,
        "ca_file": None,
        "from_param": "from_date",
        "until_param": "until_date",
        "date_format": "YYYY-MM-DD",
        "until_exclusive": False,
        "trust_dates": False,
    }
    assert _parse() == _DEFAULTS


_FLAGS = [
    *("--from", "2026-01-01", "--until", "2026-01-31", "--timezone", "America/Santiago"),
    *("--window", "7d", "--rate", "0.5", "--concurrency", "3", "--max-attempts", "1"),
    *("--timeout", "1.5", "--output", "night", "--log-level", "debug", "--quiet"),
    *("--metrics-file", "night.prom"),
    *("--deadline", "6h", "--max-outage", "30m", "--lookback", "14d"),
    *("--shard", "3/16", "--engine", "dask", "--workers", "4", "--insecure-cluster"),
    *("--date-format", "epoch-ms", "--until-exclusive", "--trust-dates"),
    *("--base-url", "http://127.0.0.1:1", "--token-url", "https://t.example/oauth"),
    *("--credentials-file", "keys.toml", "--from-param", "desde", "--until-param", "hasta"),
    *("--proxy", "http://proxy.example:3128", "--ca-file", "ca.pem"),
]
_GIVEN = RunSettings(
    from_date=date(2026, 1, 1),
    until_date=date(2026, 1, 31),
    timezone="America/Santiago",
    window=WindowSize("days", 7),
    lookback=Days(14),
    date_format="epoch-ms",
    until_exclusive=True,
    trust_dates=True,
    rate=Rate(0.5),
    concurrency=3,
    max_attempts=1,
    timeout=1.5,
    deadline=Duration(6 * 3600),
    max_outage=Duration(1800),
    shard=Shard(3, 16),
    engine="dask",
    workers=4,
    insecure_cluster=True,
    output=Path("night"),
    log_level="debug",
    quiet=True,
    metrics_file=Path("night.prom"),
    base_url="http://127.0.0.1:1",
    token_url="https://t.example/oauth",  # noqa: S106 - an address, no password
    credentials_file=Path("keys.toml"),
    proxy="http://proxy.example:3128",
    ca_file=Path("ca.pem"),
    from_param="desde",
    until_param="hasta",
)


def test_flags_become_settings() -> None:
    """Every kind of field is read from its flag."""
    assert _parse(*_FLAGS) == _GIVEN
    assert _parse("--last", "7d").last == 7


def test_the_environment_becomes_settings(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same options under `COLLECTOR_*`."""
    for flag, value in _pairs():
        monkeypatch.setenv(f"COLLECTOR_{flag.upper().replace('-', '_')}", value)
    assert _parse(app=app) == _GIVEN


def test_the_file_becomes_settings(app: App, tmp_path: Path) -> None:
    """The same options as keys, all of them as texts."""
    lines = [f'{flag} = "{value}"\n' for flag, value in _pairs()]
    (tmp_path / "options.toml").write_text("".join(lines))
    assert _parse(app=app) == _GIVEN


def test_the_file_may_have_numbers_and_truths(app: App, tmp_path: Path) -> None:
    """As TOML writes them."""
    (tmp_path / "options.toml").write_text("rate = 0.5\nconcurrency = 3\nquiet = true\n")
    assert _parse(app=app) == RunSettings(rate=Rate(0.5), concurrency=3, quiet=True)


def _pairs() -> list[tuple[str, str]]:
    switches = ("--quiet", "--until-exclusive", "--trust-dates", "--insecure-cluster")
    flags = [flag for flag in _FLAGS if flag not in switches]
    pairs = [*zip([flag[2:] for flag in flags[::2]], flags[1::2], strict=True)]
    return pairs + [(switch[2:], "true") for switch in switches]


def test_a_flag_beats_the_environment_beats_the_file(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each option on its own."""
    (tmp_path / "options.toml").write_text("rate = 1\nconcurrency = 1\nmax_attempts = 1\n")
    monkeypatch.setenv("COLLECTOR_RATE", "2")
    monkeypatch.setenv("COLLECTOR_CONCURRENCY", "2")
    settings = _parse("--rate", "3", app=app)
    assert (settings.rate, settings.concurrency, settings.max_attempts) == (3.0, 2, 1)


@pytest.mark.parametrize("place", ["flag", "variable", "file"])
@pytest.mark.parametrize(
    ("written", "rate"), [("auto", math.inf), ("25", 25.0), ("0.5", 0.5), ("1000000", 1e6)]
)
def test_a_rate_may_be_given_anywhere(  # noqa: PLR0913, PLR0917 - a table
    app: App,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    written: str,
    rate: float,
) -> None:
    """As a flag, as a variable, and in the file as a number or as a text."""
    flags: tuple[str, ...] = ()
    if place == "flag":
        flags = ("--rate", written)
    elif place == "variable":
        monkeypatch.setenv("COLLECTOR_RATE", written)
    else:
        toml = f'"{written}"' if written == "auto" else written
        (tmp_path / "options.toml").write_text(f"rate = {toml}\n")
    settings = _parse(*flags, app=app)
    assert settings == RunSettings(rate=Rate(rate))
    assert isinstance(settings.rate, Rate)
    assert str(settings.rate) == written


_REFUSED = [
    *(
        ("rate", value)
        for value in ("nan", "inf", "-inf", "0", "-1", "1000001", "fast", "Auto", "")
    ),
    *(("timeout", value) for value in ("nan", "inf", "-inf", "0", "-0.5", "3601", "")),
    *(("concurrency", value) for value in ("0", "-1", "10001", "1.5", "many", "٣", "")),
    *(("max-attempts", value) for value in ("0", "-1", "101", "2.5")),
    *(("deadline", value) for value in ("0s", "6", "-6h", "1.5h", "6H", "367d", "")),
    *(("max-outage", value) for value in ("0s", "30", "-30m", "0.5h", "30M", "367d", "never", "")),
    *(("lookback", value) for value in ("0d", "14", "two weeks")),
    *(("date-format", value) for value in ("%Y-%m-%d", "iso", "EPOCH", "")),
    *(("from", value) for value in ("2026-02-30", "20260101", "yesterday")),
    *(("until", value) for value in ("2026-1-1", "2026-W01-1")),
    *(("last", value) for value in ("0d", "7", "-7d", "7w", "99999d")),
    *(("window", value) for value in ("0d", "day", "7", "Week")),
    *(("shard", value) for value in ("16/16", "1", "1/0", "a/b", "-1/4", "٣/4", "3,16", "")),
    *(("engine", value) for value in ("ray", "Dask", "")),
    *(("workers", value) for value in ("0", "-1", "1025", "two", "1.5")),
    *(("log-level", value) for value in ("verbose", "10")),
    *(("base-url", value) for value in ("http://api.trust.lat", "api.trust.lat", "")),
    *(("token-url", value) for value in ("http://api.trust.lat", "https://u:p@api.trust.lat")),
    *(("proxy", value) for value in ("http://u:p@proxy", "socks5://proxy", "ftp://proxy", "")),
    *(("from-param", value) for value in ("a&b", "")),
    *(("until-param", value) for value in ("a=b", "")),
]


@pytest.mark.parametrize(("option", "value"), _REFUSED)
def test_a_bad_flag_is_refused_by_name(option: str, value: str) -> None:
    """Before anything is sent; the text says which option it is about."""
    with pytest.raises(CycloptsError) as caught:
        _parse(f"--{option}={value}")
    assert f"--{option}" in str(caught.value)


_FIRST = {option: value for option, value in reversed(_REFUSED) if value}
"""One value of each option: the text is read by the same function from wherever it comes."""


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param(option, value, marks=() if _FIRST[option] == value else pytest.mark.torture)
        for option, value in _REFUSED
        if value
    ],
)
def test_the_environment_meets_the_same_bounds(
    app: App, monkeypatch: pytest.MonkeyPatch, option: str, value: str
) -> None:
    """What a flag may not say, a variable may not say either."""
    monkeypatch.setenv(f"COLLECTOR_{option.upper().replace('-', '_')}", value)
    with pytest.raises(CycloptsError):
        _parse(app=app)


@pytest.mark.parametrize(
    "line",
    [
        *("rate = nan", "rate = inf", "rate = 0", "rate = -1.0", "timeout = nan", "timeout = 0"),
        *("concurrency = 0", "concurrency = 1.5", "max-attempts = 101", "last = 7", "window = 7"),
        *("deadline = 6", "deadline = 6.5", 'deadline = "6"', "deadline = true"),
        *("max-outage = 30", "max-outage = true", "max-outage = inf", 'rate = "automatic"'),
        *("shard = 3", "shard = [3, 16]", "shard = true", 'shard = "3"'),
        *("log-level = 10", 'base-url = "http://api.trust.lat"', 'from = "2026-02-30"'),
        *("rate = true", "concurrency = true", 'quiet = "perhaps"', "rate = [1, 2]"),
    ],
)
def test_the_file_meets_the_same_bounds(app: App, tmp_path: Path, line: str) -> None:
    """Also for values that only TOML can write, such as a NaN or a truth."""
    (tmp_path / "options.toml").write_text(f"{line}\n")
    with pytest.raises(CycloptsError):
        _parse(app=app)


def test_a_day_may_be_in_the_file_as_toml_writes_days(app: App, tmp_path: Path) -> None:
    """Without quotes it is a date, not a text."""
    (tmp_path / "options.toml").write_text("from = 2026-01-01\nuntil = 2026-01-31\n")
    settings = _parse(app=app)
    assert (settings.from_date, settings.until_date) == (date(2026, 1, 1), date(2026, 1, 31))


@pytest.mark.parametrize("kind", [RunSettings, PlanSettings, DemoSettings, Selection])
def test_settings_are_frozen(kind: type[Any]) -> None:
    """Checked once, they stay what they are; and they are given by name."""
    settings = kind()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.window = WHOLE
    with pytest.raises(TypeError):
        kind(date(2026, 1, 1))


@pytest.mark.parametrize("kind", [PlanSettings, DemoSettings])
def test_other_commands_take_a_part_of_the_options(kind: type[Any]) -> None:
    """Under the same names, with the same defaults."""
    names = {option_name(field) for field in dataclasses.fields(kind)}
    assert names < option_names()
    defaults = {name: value for name, value in vars(kind()).items() if name != "json"}
    assert defaults == {name: getattr(_DEFAULTS, name) for name in defaults}
    assert math.isfinite(kind().rate)


def _help() -> str:
    console = Console(file=io.StringIO(), width=200)
    _app()("--help", console=console, result_action="return_value")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_every_option_has_help_and_a_group() -> None:
    """The docstring under a field is its help; all groups appear, in the order of use."""
    text = _help()
    groups = [
        "Commands",
        "What to collect",
        "How fast",
        "Where the output goes",
        "Several processes",
        "Which service",
        "Where options come from",
    ]
    assert "auto has no maximum: it finds the limit of the API" in re.sub(r"[\s│]+", " ", text)
    assert re.findall("─ ([A-Z][a-z ]+) ─", text) == groups
    for option in _OPTIONS:
        sentence = rf"│ --{option}( -[a-z])?( --no-[a-z-]+)?( [A-Z]+)? +[A-Z][a-z]*\b .*[.;:]"
        assert re.search(sentence, text), f"--{option} has no help"
    for field in dataclasses.fields(RunSettings):
        if field.default in (None, False):
            continue
        assert f"[default: {field.default}" in text, f"the default of {field.name} is not shown"


@pytest.mark.parametrize("name", _SWITCHES)
def test_a_switch_has_an_opposite(app: App, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As people type it; it overrides the environment, as any flag does."""
    monkeypatch.setenv(f"COLLECTOR_{name.upper().replace('-', '_')}", "true")
    field = name.replace("-", "_")
    if name == "insecure-cluster":
        monkeypatch.setenv("COLLECTOR_ENGINE", "dask")
    assert getattr(_parse(app=app), field)
    for flag in (f"--no-{name}", f"--{name}=false", f"--{name}=no"):
        assert not getattr(_parse(flag, app=app), field), flag
    for flag in (f"--{name}", f"--{name}=true", f"--no-{name}=false"):
        assert getattr(_parse(flag, app=app), field), flag


def test_answers_go_to_standard_output_or_nowhere(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`none` overrides the environment; a file is refused, and so is a cluster's run."""
    assert _parse("--answers", "-").answers == _parse("--answers=-").answers == "-"
    monkeypatch.setenv("COLLECTOR_ANSWERS", "-")
    assert _parse(app=app).answers == "-"
    assert _parse("--answers", "none", app=app).answers is None
    with pytest.raises(CycloptsError, match=r"statistics\.jsonl of the directory that --output"):
        _parse("--answers", "night.jsonl")
    with pytest.raises(InputError, match=r"with --engine dask other processes do; leave one"):
        RunSettings(answers="-", engine="dask")


def test_what_is_typed_often_is_short() -> None:
    """One letter, with a blank or without."""
    settings = _parse("-r", "5", "-c", "3", "-o", "night", "-q", "-v")
    assert settings == _parse("--rate=5", "--concurrency=3", "--output=night", "--quiet", "-v")
    assert _parse("-qv", "-r5", "-onight", "-c3") == settings


def test_verbose_is_the_log_of_debugging() -> None:
    """Whatever level the environment or the file has."""
    assert _parse().least_level == "info"
    assert _parse("--log-level", "error").least_level == "error"
    assert _parse("--log-level", "error", "-v").least_level == "debug"


_STATUS_DEFAULTS = StatusSettings()


def _status(*, settings: Annotated[StatusSettings, Parameter(name="*")] = _STATUS_DEFAULTS) -> None:
    """Do nothing: it is never called."""


def _parse_status(*flags: str, config: Callable[..., object] | None = None) -> StatusSettings:
    """Read flags the way `collector status` does."""
    app = App(config=() if config is None else [config])
    app.default(_status)
    _, bound, _ = app.parse_args(flags, print_error=False, exit_on_error=False)
    settings = bound.arguments.get("settings", _STATUS_DEFAULTS)
    assert isinstance(settings, StatusSettings)
    return settings


def test_a_status_is_for_people_and_fails_on_nothing() -> None:
    """Unless it is asked to."""
    assert vars(StatusSettings()) == {"config": None, "json": False, "fail_on": frozenset()}
    assert _parse_status() == StatusSettings()


def test_flags_of_a_status_become_settings() -> None:
    """One list of states, with commas."""
    settings = _parse_status("--json", "--fail-on", "missing,failed")
    assert settings == StatusSettings(
        json=True, fail_on=frozenset({CellState.MISSING, CellState.FAILED})
    )


@pytest.mark.parametrize("flag", ["--fail-on=", "--no-fail-on", "--fail-on=lost", "--rate=1"])
def test_a_bad_flag_of_a_status_is_refused(flag: str) -> None:
    """No empty list, no opposite of a list, no unknown state, no option of another command."""
    with pytest.raises(CycloptsError) as caught:
        _parse_status(flag)
    assert flag.partition("=")[0] in str(caught.value)


def test_a_list_of_states_given_in_parts_counts_whole_or_is_refused(tmp_path: Path) -> None:
    """A check must not drop the second half of what it was told to look for."""
    both = frozenset({CellState.MISSING, CellState.FAILED})
    file = tmp_path / "options.toml"
    file.write_text('fail-on = ["missing", "failed"]\n')
    given: list[StatusSettings] = []
    with suppress(CycloptsError):
        given.append(_parse_status("--fail-on", "missing", "--fail-on", "failed"))
    with suppress(CycloptsError):
        given.append(_parse_status(config=ConfigFile(str(file))))
    assert all(settings.fail_on == both for settings in given)
