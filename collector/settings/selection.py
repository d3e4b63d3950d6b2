"""What to collect: which days, in which windows, which part of the plan.

The headings under which the help shows options are here as well.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final

from cyclopts import Group, Parameter

from collector.plan import WHOLE, Shard, WindowSize, parse_days
from collector.settings.parsers import Days, converter, parse_date

__all__ = ["OUTPUT", "PACE", "SELECTION", "SERVICE", "Portion", "Selection", "Zone"]

SELECTION: Final = Group("What to collect", sort_key=1)
PACE: Final = Group("How fast", sort_key=2)
OUTPUT: Final = Group("Where it lands, what is shown", sort_key=3)
SERVICE: Final = Group("Which service", sort_key=4)

_WHOLE_RUN: Final = Shard()


def _parse_days(text: str) -> Days | None:
    """Parse a number of days, or `none`, which overrides a source of lower rank."""
    return None if text == "none" else Days(parse_days(text))


@dataclass(frozen=True, kw_only=True)
class Zone:
    """Where days begin."""

    timezone: Annotated[str | None, Parameter(group=SELECTION)] = None
    """Time zone in which yesterday ends for --last, and days begin for a --date-format of moments,
    such as America/Santiago. Default: the machine's."""


@dataclass(frozen=True, kw_only=True)
class Selection(Zone):
    """Which days, and cut into which windows."""

    from_date: Annotated[
        date | None, Parameter(name="--from", converter=converter(parse_date), group=SELECTION)
    ] = None
    """First day to collect, included (YYYY-MM-DD). Goes with --until."""

    until_date: Annotated[
        date | None, Parameter(name="--until", converter=converter(parse_date), group=SELECTION)
    ] = None
    """Last day to collect, included (YYYY-MM-DD). Goes with --from."""

    last: Annotated[
        Days | None, Parameter(name="--last", converter=converter(_parse_days), group=SELECTION)
    ] = None
    """The last so many days, ending yesterday, such as 7d; instead of --from and --until.
    With neither, no dates are sent and the server answers for its own default window. none puts a
    value of the environment or the file aside."""

    window: Annotated[
        WindowSize,
        Parameter(converter=converter(WindowSize.parse), accepts_keys=False, group=SELECTION),
    ] = WHOLE
    """How the range is cut; each company is asked once for each window: Nd (such as 1d or 30d),
    week (ISO weeks), month (calendar months), or whole. Weeks and months are clipped to the
    range."""

    lookback: Annotated[
        Days | None, Parameter(converter=converter(_parse_days), group=SELECTION)
    ] = None
    """Days before the range that are collected again, for their figures may have moved: 14d.
    They are cut into windows of the same length. none puts a value of the environment or the file
    aside, and so do --from and --until on the command line."""


@dataclass(frozen=True, kw_only=True)
class Portion:
    """Which part of the plan is collected."""

    shard: Annotated[
        Shard,
        Parameter(
            group=PACE, converter=converter(Shard.parse), accepts_keys=False, show_default=str
        ),
    ] = _WHOLE_RUN
    """Collect only one part of the plan, such as 3/16: the fourth of 16, for they are numbered from
    0. The parts are disjoint, and go into one --output that all machines see; --rate is that of the
    whole run, and is divided by the number of shards."""
