"""`collector plan`: what a run would do; sends nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil, isinf
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cli.arguments import CompaniesArgument, warn_of_duplicates
from collector.cli.printing import rate_text, say
from collector.core.cell import Window
from collector.plan import Part, estimate
from collector.settings import PlanSettings
from collector.settings.parsers import Rate
from collector.settings.prepare import prepare_plan

__all__ = ["plan"]

_SHOWN_WINDOWS: Final = 3


def plan(
    companies: CompaniesArgument,
    /,
    *,
    settings: Annotated[PlanSettings, Parameter(name="*")] = PlanSettings(),  # noqa: B008 - frozen
) -> int:
    """Print what a run would do and how long it takes.

    Parameters
    ----------
    companies
        File with one company id a line, optionally followed by a name; - is standard input.
    """
    now = datetime.now(UTC)
    planned, read = prepare_plan(companies, settings, now)
    warn_of_duplicates(read)
    say(describe(Part(planned, settings.shard), settings.rate, now.astimezone()))
    return 0


def describe(part: Part, rate: Rate, now: datetime) -> str:
    """Return a plan, or a shard of it, as aligned lines of text.

    `rate` is that of all shards together, in requests per second; `now` is the start of the run.
    """
    planned = part.plan
    of_all = "" if part.shard.is_whole else f" of {len(planned):,} (shard {part.shard})"
    rows = [
        ("companies", f"{len(planned.companies):,}"),
        ("windows", f"{len(planned.windows):,}"),
        ("cells", f"{len(part):,}{of_all}"),
        *_time_rows(part, rate, now),
        *_window_rows(planned.windows),
    ]
    return "\n".join(f"{name:<14} {text}" for name, text in rows)


def _time_rows(part: Part, rate: Rate, now: datetime) -> list[tuple[str, str]]:
    # As `collector.pace.Share` computes it, which is slow to import.
    own = rate / part.shard.total
    # With --rate auto the rate is unknown; the number of requests is the same at any rate.
    guess = estimate(len(part), 1.0 if isinf(rate) else own)
    on_top = "retries, and the proof of the dates, come on top"
    requests = f"{guess.requests:,} (each cell once, and a token; {on_top})"
    if isinf(rate):
        return [("requests", requests), ("duration", "unknown: --rate auto finds the rate")]
    at = str(rate) if part.shard.is_whole else f"{rate_text(own)} of {rate}"
    duration = timedelta(seconds=ceil(guess.duration.total_seconds()))
    return [
        ("requests", requests),
        ("duration", f"{duration} at {at} requests a second"),
        ("finish", f"{_finish(now, duration)} if it started now"),
    ]


def _finish(now: datetime, duration: timedelta) -> str:
    try:
        return f"{now + duration:%Y-%m-%d %H:%M:%S %Z}"
    except OverflowError:
        return "beyond the calendar"


def _window_rows(windows: Sequence[Window]) -> list[tuple[str, str]]:
    if len(windows) <= 2 * _SHOWN_WINDOWS:
        return [("all windows", ", ".join(map(str, windows)))]
    return [
        ("first windows", ", ".join(map(str, windows[:_SHOWN_WINDOWS]))),
        ("last windows", ", ".join(map(str, windows[-_SHOWN_WINDOWS:]))),
    ]
