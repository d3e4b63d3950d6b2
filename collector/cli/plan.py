"""`collector plan`: what a run would do; sends nothing."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil, isinf
from typing import Annotated, Final

from cyclopts import Parameter

from collector.cells import Window
from collector.cli.arguments import CompaniesFile, warn_of_duplicates
from collector.cli.printing import say
from collector.option_values import Rate
from collector.plan import Plan, estimate
from collector.prepare import prepare_plan
from collector.settings import PlanSettings

__all__ = ["plan"]

_SHOWN_WINDOWS: Final = 3


def plan(
    companies: CompaniesFile,
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
    say(describe(planned, settings.rate, now.astimezone()))
    return 0


def describe(planned: Plan, rate: Rate, now: datetime) -> str:
    """Return the plan as aligned lines of text; `now` is when a run would start."""
    rows = [
        ("companies", f"{len(planned.companies):,}"),
        ("windows", f"{len(planned.windows):,}"),
        ("cells", f"{len(planned):,}"),
        *_time_rows(planned, rate, now),
        *_window_rows(planned.windows),
    ]
    return "\n".join(f"{name:<14} {text}" for name, text in rows)


def _time_rows(planned: Plan, rate: Rate, now: datetime) -> list[tuple[str, str]]:
    # Nobody knows how fast the API lets us be; the requests are the same at any rate.
    guess = estimate(len(planned), 1.0 if isinf(rate) else rate)
    on_top = "retries, and the proof of the dates, come on top"
    requests = f"{guess.requests:,} (each cell once, and a token; {on_top})"
    if isinf(rate):
        return [("requests", requests), ("duration", "unknown: --rate auto finds the rate")]
    duration = timedelta(seconds=ceil(guess.duration.total_seconds()))
    return [
        ("requests", requests),
        ("duration", f"{duration} at {rate} requests a second"),
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
