"""What to collect: which days, in which windows, which companies, which part of the plan.

The headings under which the help shows options are here as well.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from collector.plan import WHOLE, Columns, Shard, WindowSize, parse_days
from collector.settings.parsers import Days, converter, parse_column, parse_date, parse_directory

__all__ = [
    "OUTPUT",
    "PACE",
    "PROCESSES",
    "SELECTION",
    "SERVICE",
    "CompaniesFile",
    "Destination",
    "OptionsFile",
    "Portion",
    "Selection",
    "SinceLast",
    "Zone",
]

SELECTION: Final = Group("What to collect", sort_key=1)
PACE: Final = Group("How fast", sort_key=2)
OUTPUT: Final = Group("Where the output goes", sort_key=3)
PROCESSES: Final = Group("Several processes", sort_key=4)
SERVICE: Final = Group("Which service", sort_key=5)
_OPTIONS: Final = Group("Where options come from", sort_key=6)

_WHOLE_RUN: Final = Shard()


def _parse_days(text: str) -> Days | None:
    """Parse a number of days, or `none`, which overrides a source of lower rank."""
    return None if text == "none" else Days(parse_days(text))


def _parse_bound(text: str) -> Days:
    """Parse a number of days."""
    return Days(parse_days(text))


_AT_MOST: Final = Days(90)


@dataclass(frozen=True, kw_only=True)
class OptionsFile:
    """Where options come from that neither a flag nor the environment sets."""

    config: Annotated[Path | None, Parameter(group=_OPTIONS)] = None
    """A TOML file of options, in place of collector.toml in the current directory."""


@dataclass(frozen=True, kw_only=True)
class CompaniesFile:
    """How a table of companies is read."""

    id_column: Annotated[
        str | None, Parameter(group=SELECTION, converter=converter(parse_column))
    ] = None
    """Header of the column of ids, if the companies file is a table. Default: one called id,
    company, company_id, empresa or the like; a file without one is a list."""

    name_column: Annotated[
        str | None, Parameter(group=SELECTION, converter=converter(parse_column))
    ] = None
    """Header of the column of names in a table. Default: one called name, company_name, nombre or
    the like, if there is one."""

    @property
    def columns(self) -> Columns:
        """The headers to look for in a table."""
        return Columns(self.id_column, self.name_column)


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Where days begin."""

    timezone: Annotated[str | None, Parameter(group=SELECTION)] = None
    """Time zone, such as America/Santiago. It decides which day is yesterday for --last and
    --since-last, and when a day begins if --date-format has a time of day or counts seconds.
    Default: the machine's."""


@dataclass(frozen=True, kw_only=True)
class _Days:
    """Which days, and cut into which windows."""

    last: Annotated[
        Days | None, Parameter(name="--last", converter=converter(_parse_days), group=SELECTION)
    ] = None
    """The last N days, ending yesterday, such as 7d; in place of --from and --until. Without these
    options no dates are sent, and the server answers for its default window. The value none cancels
    a --last that the environment or the file sets."""

    from_date: Annotated[
        date | None, Parameter(name="--from", converter=converter(parse_date), group=SELECTION)
    ] = None
    """First day to collect, included (YYYY-MM-DD). Goes with --until."""

    until_date: Annotated[
        date | None, Parameter(name="--until", converter=converter(parse_date), group=SELECTION)
    ] = None
    """Last day to collect, included (YYYY-MM-DD). Goes with --from."""

    window: Annotated[
        WindowSize,
        Parameter(converter=converter(WindowSize.parse), accepts_keys=False, group=SELECTION),
    ] = WHOLE
    """How the range is cut into windows: Nd (such as 1d or 30d), week (ISO weeks), month (calendar
    months), or whole. There is one request for each company and window. Weeks and months are
    clipped to the range."""

    lookback: Annotated[
        Days | None, Parameter(converter=converter(_parse_days), group=SELECTION)
    ] = None
    """Days before the range that are collected again, because their figures may have changed, such
    as 14d. They are cut into windows of the same length. The value none cancels a --lookback that
    the environment or the file sets. --from and --until on the command line cancel it
    too."""


@dataclass(frozen=True, kw_only=True)
class Selection(CompaniesFile, Zone, _Days):
    """Which days, in which windows, of which companies."""


@dataclass(frozen=True, kw_only=True)
class SinceLast(Selection):
    """The same, or the days that the runs beside this one have left out."""

    since_last: Annotated[bool, Parameter(group=SELECTION)] = False
    """In place of --last: collect each company up to yesterday. Each company begins with the first
    day for which no other run in the parent directory of --output has an answer of that company.
    Yesterday is always collected. So the next run collects a night that was missed, and the history
    of a new company. Needs --window 1d."""

    at_most: Annotated[
        Days, Parameter(converter=converter(_parse_bound), show_default=str, group=SELECTION)
    ] = _AT_MOST
    """Maximum number of days for --since-last, --lookback included."""


@dataclass(frozen=True, kw_only=True)
class Destination:
    """The run directory."""

    output: Annotated[
        Path | None, Parameter(alias="-o", group=OUTPUT, converter=converter(parse_directory))
    ] = None
    """The run directory. If it holds a run of the same plan, that run is resumed: answered cells
    are not requested again. Default: output/ and the day, such as output/2026-11-23."""


@dataclass(frozen=True, kw_only=True)
class Portion:
    """Which part of the plan is collected."""

    shard: Annotated[
        Shard,
        Parameter(
            group=PROCESSES, converter=converter(Shard.parse), accepts_keys=False, show_default=str
        ),
    ] = _WHOLE_RUN
    """Collect only one part of the plan, such as 3/16: the fourth of 16, because they are numbered
    from 0. The parts are disjoint, and go into one --output that all machines see; --rate is that
    of the whole run, and is divided by the number of shards."""
