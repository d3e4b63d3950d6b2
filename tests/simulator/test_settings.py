import dataclasses
import io
import re
from datetime import date
from pathlib import Path
from typing import Annotated

import pytest
from cyclopts import App, CoercionError, Parameter, ValidationError
from rich.console import Console

from collector.core.errors import InputError
from collector.plan.date_params import DATE_FORMATS, DateFormat
from collector.simulator import SettingsError, SimulatorSettings

DEFAULTS = SimulatorSettings()


def parse(*flags: str) -> SimulatorSettings:
    """Read flags the way `collector simulate` does."""
    app = App()

    @app.default
    def simulate(*, settings: Annotated[SimulatorSettings, Parameter(name="*")] = DEFAULTS) -> None:
        """Do nothing: it is never called."""

    _, bound, _ = app.parse_args(flags, print_error=False, exit_on_error=False)
    settings = bound.arguments["settings"]
    assert isinstance(settings, SimulatorSettings)
    return settings


def test_flags_become_settings() -> None:
    """Every kind of field is read from its flag."""
    flags = "--port 0 --today 2026-11-23 --rate-limit 2.5 --limit-kind window --limit-status 503"
    assert parse(*flags.split(), "--retry-after", "--share-500", "0.25") == SimulatorSettings(
        port=0,
        today=date(2026, 11, 23),
        rate_limit=2.5,
        limit_kind="window",
        limit_status=503,
        retry_after=True,
        share_500=0.25,
    )


def test_a_queue_and_outages_are_asked_for_by_flags() -> None:
    """All switches are off by default, and can be switched off."""
    switches = ("rate_headers", "down", "issuer_down")
    assert not any(getattr(DEFAULTS, name) for name in switches)
    flags = "--limit-kind queue --burst 20 --rate-headers --down --issuer-down"
    assert parse(*flags.split()) == SimulatorSettings(
        limit_kind="queue", burst=20, rate_headers=True, down=True, issuer_down=True
    )
    for name in switches:
        assert parse(f"--no-{name.replace('_', '-')}") == SimulatorSettings()


@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_every_form_of_dates_and_an_age_are_read_from_flags(date_format: DateFormat) -> None:
    """The names of the forms are those of the collector's own option, spaces and all."""
    settings = parse("--date-format", date_format, "--settle-days", "14")
    assert settings == SimulatorSettings(date_format=date_format, settle_days=14)


def test_by_default_days_are_iso_and_never_move() -> None:
    """A server that nothing was asked of behaves as it always did."""
    assert DEFAULTS.date_format == "YYYY-MM-DD"
    assert DEFAULTS.settle_days == 0


@pytest.mark.parametrize("flag", ["--date-format=yyyy-mm-dd", "--date-format=", "--date-format=ms"])
def test_another_form_of_dates_is_refused_and_the_known_ones_are_listed(flag: str) -> None:
    """Names are taken as they are written."""
    with pytest.raises(CoercionError, match=r'"YYYY-MM-DD".*"epoch-ms"'):
        parse(flag)


@pytest.mark.parametrize("value", ["-1", "366", "1.5", "1e1", ""])
def test_an_age_that_is_none_is_refused_as_a_flag(value: str) -> None:
    """It is a whole number of days, a year at most."""
    with pytest.raises((CoercionError, ValidationError), match="settle-days"):
        parse(f"--settle-days={value}")


def test_python_callers_are_told_the_forms_of_dates() -> None:
    """What a type checker would find is refused on construction too."""
    with pytest.raises(SettingsError, match=r"--date-format is 'ISO'. .*YYYY-MM-DD, .*epoch-ms"):
        SimulatorSettings(date_format="ISO")  # type: ignore[arg-type]


def test_companies_are_named_one_by_one() -> None:
    """Ids are texts, and may look like options."""
    settings = parse("--deny", "7", "--deny=-1", "--deny-status", "302", "--huge", "a b")
    assert settings == SimulatorSettings(deny=("7", "-1"), deny_status=302, huge=("a b",))


@pytest.mark.parametrize("number", ["1e-300", "0", "-5"])
def test_tokens_may_state_any_life(number: str) -> None:
    """Servers do."""
    assert parse(f"--expires-in={number}").expires_in == float(number)


@pytest.mark.parametrize(
    "flag", ["--limit-status=404", "--deny-status=404", "--token-status=202", "--empty-actions=map"]
)
def test_other_choices_are_refused(flag: str) -> None:
    """With the choices that there are."""
    with pytest.raises(CoercionError, match="Choose from"):
        parse(flag)


@pytest.mark.parametrize("value", ["", "/new\r\nX: y", "/señor", "/new\n"])
def test_a_redirect_needs_an_address_that_is_a_header(value: str) -> None:
    """It is sent as it is."""
    with pytest.raises(SettingsError, match=r"--redirect-to .*such as https://new\.example"):
        SimulatorSettings(redirect_to=value)
    assert SimulatorSettings(redirect_to="/login?to=%2F").redirect_to == "/login?to=%2F"


def test_a_ban_needs_a_limit() -> None:
    """It would never begin without one."""
    with pytest.raises(SettingsError, match=r"--ban 20 .*--rate-limit or --concurrency-limit"):
        SimulatorSettings(ban=20.0)
    SimulatorSettings(ban=20.0, rate_limit=1.0)
    SimulatorSettings(ban=20.0, concurrency_limit=4)


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-0.1", "1.1"])
def test_a_share_that_is_none_is_refused_as_a_flag(value: str) -> None:
    """NaN and the infinities are no shares, nor is anything outside of 0 to 1."""
    with pytest.raises(ValidationError, match="share-hangs"):
        parse(f"--share-hangs={value}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latency", float("nan")),
        ("jitter", float("inf")),
        ("latency", -1.0),
        ("rate_limit", float("nan")),
        ("rate_limit", float("inf")),
        ("rate_limit", 0.0),
        ("limit_window", 0.0),
        ("empty_share", float("nan")),
        ("share_500", 1.01),
        ("burst", 0),
        ("port", 65536),
        ("token_life", 0),
        ("seed", -1),
        ("settle_days", -1),
        ("settle_days", 366),
        ("settle_days", 1.5),
        ("settle_days", float("nan")),
        ("not_ready", -1.0),
        ("token_delay", float("nan")),
        ("expires_in", float("inf")),
        ("concurrency_limit", 0),
        ("ban", float("inf")),
        ("share_401", 1.5),
        ("deny", ("",)),
        ("huge", "7"),
    ],
)
def test_python_callers_meet_the_bounds_of_the_flags(name: str, value: object) -> None:
    """A value that the flag refuses is refused on construction too, and the text names the flag."""
    flag = f"--{name.replace('_', '-')}"
    with pytest.raises(SettingsError, match=flag) as caught:
        dataclasses.replace(SimulatorSettings(), **{name: value})  # type: ignore[arg-type]
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, ValueError)


def test_faults_share_the_requests() -> None:
    """Shares of faults may add up to 1, decimals notwithstanding, and not to more."""
    fifth = 0.2
    SimulatorSettings(
        share_500=fifth,
        share_resets=fifth,
        share_hangs=fifth,
        share_truncated=fifth,
        share_401=fifth,
    )
    with pytest.raises(SettingsError, match=r"add up to 1\.2"):
        SimulatorSettings(share_500=0.6, share_resets=0.6)


def test_flags_that_do_not_go_together_reach_the_command_line_as_an_input_error() -> None:
    """The error passes through cyclopts, so that the command can end with code 2."""
    with pytest.raises(InputError, match="add up to"):
        parse("--share-500", "0.6", "--share-resets", "0.6")


def test_a_window_must_let_something_pass() -> None:
    """A fixed window that is too short for one request is refused, with the length it needs."""
    with pytest.raises(SettingsError, match="--limit-window to 2 or more"):
        SimulatorSettings(rate_limit=0.5, limit_kind="window")
    settings = SimulatorSettings(rate_limit=0.5, limit_kind="window", limit_window=2.0)
    assert settings.window_size == 1


def test_the_size_of_a_window_is_not_lost_to_rounding() -> None:
    """0.57 per second over 100 seconds are 57 requests, though the product is 56.99999999999999."""
    settings = SimulatorSettings(rate_limit=0.57, limit_kind="window", limit_window=100.0)
    assert settings.window_size == 57


@pytest.mark.parametrize(
    "changes", [{"host": ""}, {"from_param": ""}, {"from_param": "until_date"}]
)
def test_names_must_be_usable(changes: dict[str, str]) -> None:
    """An empty host would listen everywhere; two parameters of one name carry no range."""
    with pytest.raises(SettingsError):
        dataclasses.replace(SimulatorSettings(), **changes)  # type: ignore[arg-type]


def test_every_option_has_help_and_a_group() -> None:
    """The docstring under a field is its help; all groups appear, in their order."""
    app = App()

    @app.default
    def simulate(*, settings: Annotated[SimulatorSettings, Parameter(name="*")] = DEFAULTS) -> None:
        """Do nothing: it is never called."""

    console = Console(file=io.StringIO(), width=200)
    app("--help", console=console, result_action="return_value")
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    groups = ["Server", "Identity", "Data", "Companies", "Dates", "Rate limit", "Spelling"]
    groups += ["Faults", "Outages"]
    places = [text.index(f"─ {group} ─") for group in groups]
    assert places == sorted(places)
    assert "─ Parameters ─" not in text
    for field in dataclasses.fields(SimulatorSettings):
        flag = f"--{field.name.replace('_', '-')}"
        assert re.search(rf"│ {flag}( --no-[a-z-]+)?( [A-Z]+)? +\w.*\. ", text), flag


def test_the_page_names_every_option_and_no_other() -> None:
    """The tables of docs/simulator.md keep up with the settings."""
    page = Path(__file__).parents[2] / "docs" / "simulator.md"
    flags = re.findall(r"^\| `(--[a-z0-9-]+)`", page.read_text(encoding="utf-8"), re.MULTILINE)
    names = [field.name for field in dataclasses.fields(SimulatorSettings)]
    assert flags == [f"--{name.replace('_', '-')}" for name in names]
