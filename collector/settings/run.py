"""The options of the commands that send requests, or plan what would be sent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter, validators

from collector.core.errors import InputError
from collector.core.secrets import Secret
from collector.settings.addresses import parse_ping_url
from collector.settings.parsers import (
    Duration,
    Limit,
    Rate,
    check_finite,
    converter,
    parse_answers,
    parse_count,
    parse_duration,
    parse_limit,
    parse_metrics_file,
    parse_rate,
)
from collector.settings.selection import (
    OUTPUT,
    PACE,
    PROCESSES,
    SELECTION,
    SERVICE,
    CompaniesFile,
    Destination,
    OptionsFile,
    Portion,
    Selection,
    SinceLast,
    Zone,
)
from collector.settings.service import Api, Service, Trust

__all__ = [
    "MOST_IN_FLIGHT",
    "CheckSettings",
    "CollectSettings",
    "DemoSettings",
    "LogLevel",
    "PlanSettings",
    "Processes",
    "RehearsalSettings",
    "RunSettings",
    "Selection",
    "Service",
    "SinceLast",
    "Zone",
]


@dataclass(frozen=True, kw_only=True)
class Processes(Portion):
    """Which part of a run this process does, or whether it starts others for the parts."""

    engine: Annotated[Literal["local", "dask"], Parameter(group=PROCESSES)] = "local"
    """Which processes collect: this one (local), or those of a Dask cluster, in shards (dask; needs
    the extra dask)."""


@dataclass(frozen=True, kw_only=True)
class Distribution(Processes):
    """How a run is divided among processes, and which of them it starts."""

    workers: Annotated[
        int | None,
        Parameter(
            group=PROCESSES,
            converter=converter(parse_count),
            validator=validators.Number(gte=1, lte=1024),
        ),
    ] = None
    """With --engine dask: the number of processes of a cluster on this machine. Default: one for
    each core."""

    scheduler: Annotated[str | None, Parameter(group=PROCESSES)] = None
    """With --engine dask: the address of an existing cluster, such as tls://10.0.0.5:8786. Its
    machines must see --output."""

    insecure_cluster: Annotated[bool, Parameter(group=PROCESSES)] = False
    """Allow the access token, and the password of a proxy, to be sent to a cluster that is neither
    on this machine nor connected over TLS."""

    def __post_init__(self) -> None:
        """Raise `InputError` for options that would have no effect."""
        if self.engine == "dask":
            if self.workers is not None and self.scheduler is not None:
                raise InputError(
                    "--workers is for a cluster on this machine, and --scheduler names one that is "
                    "there; give one of them"
                )
            return
        for name in ("workers", "scheduler", "insecure_cluster"):
            if getattr(self, name):
                option = name.replace("_", "-")
                raise InputError(f"--{option} is for --engine dask; leave it out, or give both")


LogLevel = Literal["debug", "info", "warning", "error"]

MOST_IN_FLIGHT: Final = 10_000

_RATE: Final = Rate(10)
_MAX_OUTAGE: Final = Duration(3600)
_FIRST_ANSWER: Final = Duration(60)


@dataclass(frozen=True, kw_only=True)
class RequestRate:
    """How often requests are sent."""

    rate: Annotated[Rate, Parameter(alias="-r", group=PACE, converter=converter(parse_rate))] = (
        _RATE
    )
    """Requests per second, at most; every request counts: first tries, retries and tokens. The rate
    is lowered when the API throttles, and raised again. auto has no maximum: it finds the limit of
    the API."""


@dataclass(frozen=True, kw_only=True)
class AttemptLimits(RequestRate):
    """How many attempts a cell has, and how long one of them may take."""

    max_attempts: Annotated[
        int,
        Parameter(
            group=PACE,
            converter=converter(parse_count),
            validator=validators.Number(gte=1, lte=100),
        ),
    ] = 5
    """Tries for one cell before it counts as failed. A try is not counted if it was rate-limited
    (429), or made while the API was out of reach."""

    timeout: Annotated[
        float, Parameter(group=PACE, validator=(check_finite, validators.Number(gt=0, lte=3600)))
    ] = 30.0
    """Seconds that one request may take, until the last byte of its answer."""


@dataclass(frozen=True, kw_only=True)
class RunLimits(AttemptLimits):
    """How many requests at once, and for how long."""

    concurrency: Annotated[
        int,
        Parameter(
            alias="-c",
            group=PACE,
            converter=converter(parse_count),
            validator=validators.Number(gte=1, lte=MOST_IN_FLIGHT),
        ),
    ] = 32
    """Maximum number of requests in flight, in each process."""

    deadline: Annotated[
        Duration | None, Parameter(group=PACE, converter=converter(parse_duration))
    ] = None
    """How long the run may take, such as 90s, 30m or 6h. It then stops cleanly with exit code
    4; run the same command to resume."""

    max_outage: Annotated[
        Duration | None, Parameter(group=PACE, converter=converter(parse_duration))
    ] = None
    """How long, such as 30m, the API may be out of reach or throttle every request. Then the run
    ends with exit code 4. Until then single probe requests check whether the API is back. Default:
    1h, but 1m until the first answer of a run. A value that you set applies from the start."""

    max_failed: Annotated[Limit | None, Parameter(group=PACE, converter=converter(parse_limit))] = (
        None
    )
    """Cells that may fail, as a number such as 20 or a share such as 5%. If more fail, the run ends
    with exit code 8, unless all of them are of one company. Default: no limit."""

    max_empty: Annotated[Limit | None, Parameter(group=PACE, converter=converter(parse_limit))] = (
        None
    )
    """Cells that may be empty, as a number or a share. If more are empty after the last cell, the
    run ends with exit code 8, unless all of them are of one company. Default: no limit."""

    @property
    def patience(self) -> Duration:
        """Seconds for which an outage is waited for."""
        return self.max_outage or _MAX_OUTAGE

    @property
    def first_patience(self) -> Duration:
        """Seconds for which the first answer of a run is waited for."""
        return self.max_outage or _FIRST_ANSWER


@dataclass(frozen=True, kw_only=True)
class Output(Destination):
    """The run directory, the log, the display and the metrics."""

    answers: Annotated[
        Literal["-"] | None,
        Parameter(group=OUTPUT, converter=converter(parse_answers), allow_leading_hyphen=True),
    ] = None
    """Also print each new answer. The value - prints its line of statistics.jsonl to standard
    output, once that line is on the disk; all other text then goes to standard error. The value
    none cancels --answers of the environment or the file."""

    quiet: Annotated[bool, Parameter(alias="-q", group=OUTPUT)] = False
    """Show no progress, and no summary of a run that ends with 0. Any other end prints one line."""

    verbose: Annotated[bool, Parameter(alias="-v", group=OUTPUT)] = False
    """Write every event to log.jsonl, as --log-level debug does."""

    log_level: Annotated[LogLevel, Parameter(group=OUTPUT)] = "info"
    """Minimum level of the events in log.jsonl."""

    metrics_file: Annotated[
        Path | None, Parameter(group=OUTPUT, converter=converter(parse_metrics_file))
    ] = None
    """A file for node_exporter's textfile collector, such as night.prom: cells, requests, rate and
    how the run ended, for Prometheus. It is replaced at the start, every 30 seconds, and at the
    end. Each shard writes its own file beside it: night-00003-of-00016.prom."""

    @property
    def least_level(self) -> LogLevel:
        """The minimum level of the events in the log."""
        return "debug" if self.verbose else self.log_level


@dataclass(frozen=True, kw_only=True)
class Notification:
    """Who is told of a run."""

    ping_url: Annotated[
        Secret | None,
        Parameter(group=OUTPUT, converter=converter(parse_ping_url), accepts_keys=False),
    ] = None
    """Send pings to a monitoring service in the format of healthchecks.io: a POST to URL/start at
    the start, and one to URL/EXIT_CODE, with the summary as JSON, at the end. A ping never changes
    how a run ends. The address is a secret: set COLLECTOR_PING_URL rather than the flag."""


@dataclass(frozen=True, kw_only=True)
class PlanSettings(OptionsFile, Api, Processes, Destination, RequestRate, SinceLast):
    """The options of `collector plan`. The API and the run directory are for `--since-last`."""

    json: Annotated[bool, Parameter(group=OUTPUT)] = False
    """Print one JSON document for programs."""


@dataclass(frozen=True, kw_only=True)
class DemoSettings(OptionsFile, Output, RunLimits, Selection):
    """The options of `collector demo`: a run's, but for the service, which is embedded."""


@dataclass(frozen=True, kw_only=True)
class CollectSettings(Trust, Service, Portion, Output, RunLimits, SinceLast):
    """The options of `collector.collect`: a run's in one process, that of the caller."""


@dataclass(frozen=True, kw_only=True)
class RunSettings(
    OptionsFile, Trust, Service, Distribution, Notification, Output, RunLimits, SinceLast
):
    """The options of `collector run`: the union of all."""

    def __post_init__(self) -> None:
        """Raise `InputError` for options that contradict each other."""
        Distribution.__post_init__(self)
        Service.__post_init__(self)
        if self.answers is not None and self.engine == "dask":
            raise InputError(
                "--answers prints what this process collects, and with --engine dask other "
                "processes do; leave one of them out; collector latest prints the answers of a run "
                "directory"
            )


@dataclass(frozen=True, kw_only=True)
class RehearsalSettings:
    """Whether `collector run` does what it says."""

    dry_run: Annotated[bool, Parameter(group=SELECTION)] = False
    """Show what the run would do, as collector plan does; nothing is sent or written."""


@dataclass(frozen=True, kw_only=True)
class CheckSettings(OptionsFile, Service, AttemptLimits, Zone, CompaniesFile):
    """The options of `collector check`."""

    write: Annotated[bool, Parameter(group=SERVICE)] = False
    """Write the dates that the API honours into collector.toml in the current directory, or into
    the file that --config names."""
