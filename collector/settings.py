"""Every option of a run, once.

The frozen dataclasses below are the only place where an option is spelled: the command line
library derives the flag, the `COLLECTOR_*` environment variable, the key in `collector.toml`
and the help text from the field, its type and the docstring under it.

Secrets are not among the settings: see `collector.fetch.credentials`.
"""

from collections.abc import Sequence
from dataclasses import Field, dataclass, fields
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Group, Parameter, Token, validators

from collector.date_query import DateFormat
from collector.errors import InputError
from collector.option_values import (
    Days,
    Duration,
    Rate,
    check_finite,
    check_parameter_name,
    converter,
    parse_count,
    parse_date,
    parse_directory,
    parse_duration,
    parse_metrics_file,
    parse_rate,
    parse_service_url,
    parse_states,
)
from collector.plan import WHOLE, WindowSize, parse_days
from collector.tally import CellState

__all__ = [
    "MOST_IN_FLIGHT",
    "CheckSettings",
    "DemoSettings",
    "DiffSettings",
    "ExportSettings",
    "LogLevel",
    "PlanSettings",
    "ReportSettings",
    "RunSettings",
    "Selection",
    "Service",
    "StatusSettings",
    "Zone",
    "option_name",
    "option_names",
]

LogLevel = Literal["debug", "info", "warning", "error"]

_TOKEN_URL = "https://atenea.trust.lat/oauth/token/"  # noqa: S105 - an address, no password

MOST_IN_FLIGHT: Final = 10_000

_RATE: Final = Rate(10)
_MAX_OUTAGE: Final = Duration(3600)

_SELECTION = Group("What to collect", sort_key=1)
_PACE = Group("How fast", sort_key=2)
_OUTPUT = Group("Where it lands, what is shown", sort_key=3)
_SERVICE = Group("Which service", sort_key=4)


def _parse_days(text: str) -> Days | None:
    """Parse a number of days, or `none`: no value, whatever a lower place says."""
    return None if text == "none" else Days(parse_days(text))


def _parse_states(_type: object, tokens: Sequence[Token]) -> frozenset[CellState]:
    # A list in the file, a flag given twice, and blanks in a variable make several tokens.
    return parse_states(",".join(token.value.strip(",") for token in tokens))


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Where days begin."""

    timezone: Annotated[str | None, Parameter(group=_SELECTION)] = None
    """Time zone in which yesterday ends for --last, and days begin for a --date-format of moments,
    such as America/Santiago. Default: the machine's."""


@dataclass(frozen=True, kw_only=True)
class Selection(Zone):
    """Which days, and cut into which windows."""

    from_date: Annotated[
        date | None, Parameter(name="--from", converter=converter(parse_date), group=_SELECTION)
    ] = None
    """First day to collect, included (YYYY-MM-DD). Goes with --until."""

    until_date: Annotated[
        date | None, Parameter(name="--until", converter=converter(parse_date), group=_SELECTION)
    ] = None
    """Last day to collect, included (YYYY-MM-DD). Goes with --from."""

    last: Annotated[
        Days | None, Parameter(name="--last", converter=converter(_parse_days), group=_SELECTION)
    ] = None
    """The last so many days, ending yesterday, such as 7d; instead of --from and --until.
    With neither, no dates are sent and the server answers for its own default window. none puts a
    value of the environment or the file aside."""

    window: Annotated[
        WindowSize,
        Parameter(converter=converter(WindowSize.parse), accepts_keys=False, group=_SELECTION),
    ] = WHOLE
    """How the range is cut; each company is asked once for each window: Nd (such as 1d or 30d),
    week (ISO weeks), month (calendar months), or whole. Weeks and months are clipped to the
    range."""

    lookback: Annotated[
        Days | None, Parameter(converter=converter(_parse_days), group=_SELECTION)
    ] = None
    """Days before the range that are collected again, for their figures may have moved: 14d.
    They are cut into windows of the same length. none puts a value of the environment or the file
    aside, and so do --from and --until on the command line."""


@dataclass(frozen=True, kw_only=True)
class Frequency:
    """How often requests are sent."""

    rate: Annotated[Rate, Parameter(group=_PACE, converter=converter(parse_rate))] = _RATE
    """Requests a second, at most; every request counts: first tries, retries and tokens. It goes
    slower when the API refuses, and comes back. auto has no upper limit and finds the API's."""


@dataclass(frozen=True, kw_only=True)
class Patience(Frequency):
    """How long an answer is waited for, how often it is asked for again."""

    max_attempts: Annotated[
        int,
        Parameter(
            group=_PACE,
            converter=converter(parse_count),
            validator=validators.Number(gte=1, lte=100),
        ),
    ] = 5
    """Tries for one cell before it counts as failed. Tries that were refused because of the rate
    (429), or while the API is out of reach, are not counted."""

    timeout: Annotated[
        float, Parameter(group=_PACE, validator=(check_finite, validators.Number(gt=0, lte=3600)))
    ] = 30.0
    """Seconds that one request may take, from leaving to the last byte of its answer."""


@dataclass(frozen=True, kw_only=True)
class Pace(Patience):
    """How many at once, and until when."""

    concurrency: Annotated[
        int,
        Parameter(
            group=_PACE,
            converter=converter(parse_count),
            validator=validators.Number(gte=1, lte=MOST_IN_FLIGHT),
        ),
    ] = 32
    """Requests in flight, at most."""

    deadline: Annotated[
        Duration | None, Parameter(group=_PACE, converter=converter(parse_duration))
    ] = None
    """How long the run may take, such as 90s, 30m or 6h. Then it ends in order with exit code 4;
    the same command again goes on."""

    max_outage: Annotated[Duration, Parameter(group=_PACE, converter=converter(parse_duration))] = (
        _MAX_OUTAGE
    )
    """How long the API may be out of reach, or refuse everything, before the run ends with exit
    code 4, such as 30m. Until then single requests try now and then whether it is back."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where the run lands and what a person sees of it."""

    output: Annotated[
        Path | None, Parameter(group=_OUTPUT, converter=converter(parse_directory))
    ] = None
    """The run directory. If it holds a run of the same plan, that one goes on: what is done is not
    asked for again. Default: output/ and the day, such as output/2026-11-23."""

    log_level: Annotated[LogLevel, Parameter(group=_OUTPUT)] = "info"
    """Least weight of the events that go to log.jsonl."""

    quiet: Annotated[bool, Parameter(group=_OUTPUT, negative="")] = False
    """Show nothing but errors: no progress, no summary."""

    metrics_file: Annotated[
        Path | None, Parameter(group=_OUTPUT, converter=converter(parse_metrics_file))
    ] = None
    """A file for node_exporter's textfile collector, such as night.prom: cells, requests, rate and
    how the run ended, for Prometheus. It is replaced at the start, every 30 seconds, and at the
    end."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Which API is asked, and how its dates are called."""

    base_url: Annotated[str, Parameter(converter=converter(parse_service_url), group=_SERVICE)] = (
        "https://api.trust.lat"
    )
    """Address of the statistics API."""

    token_url: Annotated[str, Parameter(converter=converter(parse_service_url), group=_SERVICE)] = (
        _TOKEN_URL
    )
    """Address that issues access tokens (Atenea)."""

    credentials_file: Annotated[Path | None, Parameter(group=_SERVICE)] = None
    """A TOML file with client_id and client_secret, or access_token, that only its owner may
    read. Without it they come from TRUST_CLIENT_ID and TRUST_CLIENT_SECRET, or
    TRUST_ACCESS_TOKEN."""

    from_param: Annotated[str, Parameter(group=_SERVICE, validator=check_parameter_name)] = (
        "from_date"
    )
    """Name of the query parameter for a window's first day."""

    until_param: Annotated[str, Parameter(group=_SERVICE, validator=check_parameter_name)] = (
        "until_date"
    )
    """Name of the query parameter for a window's last day."""

    date_format: Annotated[DateFormat, Parameter(group=_SERVICE)] = "YYYY-MM-DD"
    """How a day is spelled in them. Spellings with a time of day send the first and the last second
    of a window; epoch is in seconds, epoch-ms in milliseconds since 1970."""

    until_exclusive: Annotated[bool, Parameter(group=_SERVICE, negative="")] = False
    """The API leaves out the day that --until-param names, so that the next one is sent. What the
    first requests of a run prove goes before this option."""

    def __post_init__(self) -> None:
        """Raise `InputError` when one date would take the place of the other."""
        if self.from_param == self.until_param:
            raise InputError(
                f"--from-param and --until-param are both {self.from_param}: "
                "one date would take the place of the other; give two names"
            )


@dataclass(frozen=True, kw_only=True)
class Trust:
    """Whether what the dates mean is proved."""

    trust_dates: Annotated[bool, Parameter(group=_SERVICE, negative="")] = False
    """Do not find out whether the API honours the dates, neither before the first cell nor from
    the answers: for static test servers, and for those who know."""


@dataclass(frozen=True, kw_only=True)
class PlanSettings(Selection, Frequency):
    """The options of `collector plan`."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings(Selection, Pace, Output):
    """The options of `collector demo`: a run's, but for the service, which is embedded."""


@dataclass(frozen=True, kw_only=True)
class RunSettings(Selection, Pace, Output, Service, Trust):
    """The options of `collector run`: the union of all."""


@dataclass(frozen=True, kw_only=True)
class CheckSettings(Zone, Patience, Service):
    """The options of `collector check`."""

    write: Annotated[bool, Parameter(negative="")] = False
    """Write what was found to be honoured into collector.toml of the current directory."""


@dataclass(frozen=True, kw_only=True)
class StatusSettings:
    """The options of `collector status`."""

    json: Annotated[bool, Parameter(negative="")] = False
    """Print one JSON document for programs, with every gap in it."""

    fail_on: Annotated[frozenset[CellState], Parameter(converter=_parse_states, negative="")] = (
        frozenset()
    )
    """End with exit code 1 if there are cells of these states, such as missing,failed. The states
    are data, empty, failed, missing."""


@dataclass(frozen=True, kw_only=True)
class DiffSettings:
    """The options of `collector diff`."""

    json: Annotated[bool, Parameter(negative="")] = False
    """Print one JSON document for programs, with every cell that differs in it."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """The options of `collector export`."""

    to: Annotated[Path, Parameter(converter=converter(parse_directory))]
    """The file; what is there is replaced when all is written. Its ending says what it is: .csv,
    .excel.csv, .parquet or .duckdb (with one table, statistics)."""

    delimiter: Literal[",", ";", "tab"] | None = None
    """What stands between the values of a CSV file. Default: a comma; in .excel.csv a semicolon,
    which Excel expects where the comma is the decimal sign."""


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """The options of `collector report`."""

    to: Annotated[Path, Parameter(converter=converter(parse_directory))]
    """The page, such as report.html; what is there is replaced when all is written."""

    lang: Literal["en", "es"] = "en"
    """Language of the page: es or en."""


def option_names() -> frozenset[str]:
    """All option names without dashes, as they stand in `collector.toml`, such as `from`."""
    return frozenset(
        option_name(field)
        for command in (
            *(RunSettings, CheckSettings, StatusSettings),
            *(DiffSettings, ExportSettings, ReportSettings),
        )
        for field in fields(command)
    )


def option_name(field: Field[Any]) -> str:
    """Return the name of a field's option, without dashes in front: `from`, `max-attempts`."""
    return field.name.removesuffix("_date").replace("_", "-")
