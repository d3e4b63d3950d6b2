"""`collector plan`: what a run would do; sends nothing."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from math import ceil, isinf
from pathlib import Path
from typing import Annotated, Final, TypeVar

from cyclopts import Parameter

from collector.cli.arguments import CompaniesArgument, refuse_two_divisions, warn_of_duplicates
from collector.cli.printing import company_text, rate_text, say, write
from collector.core.cell import Window
from collector.core.errors import ExitCode
from collector.core.text import clock_text, counted, json_text
from collector.plan import Estimate, Part, Plan, estimate
from collector.settings import PlanSettings, RunSettings
from collector.settings.parsers import Rate
from collector.settings.prepare import default_output, prepare_plan

__all__ = ["plan", "show_plan"]

_SHOWN: Final = 3
"""Companies and windows that are shown of each end."""

_LONGEST: Final = 60
"""Characters of a company that are shown."""

_CELLS_FOR_DASK: Final = 100_000
"""At full speed one process has collected fewer cells soon after the processes of a cluster have
started; see docs/scale.md."""

_DASK_START_SECONDS: Final = 2

_Item = TypeVar("_Item")


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
        A list, with one company id per line, optionally followed by a name; or a table (CSV) with
        a column of ids. The value - means standard input.
    """
    refuse_two_divisions(settings)
    return show_plan(companies, settings, as_json=settings.json)


def show_plan(
    companies: Path, settings: PlanSettings | RunSettings, *, as_json: bool = False
) -> ExitCode:
    """Print what a run with these settings would do, and return the exit code."""
    now = datetime.now(UTC)
    planned, read = prepare_plan(companies, settings, now)
    warn_of_duplicates(read)
    if settings.since_last or settings.output is not None:
        from collector.cli.reading import warn
        from collector.store.since_last import begin_since_last

        output = settings.output or default_output(settings, now)
        planned, remarks = begin_since_last(planned, settings, output)
        for remark in remarks:
            warn(remark)
    part = Part(planned, settings.shard)
    if as_json:
        write([document(part, settings.rate, now.astimezone())])
    else:
        say(describe(part, settings.rate, now.astimezone(), on_dask=settings.engine == "dask"))
    return ExitCode.COMPLETE


def describe(part: Part, rate: Rate, now: datetime, *, on_dask: bool = False) -> str:
    """Return a plan, or a shard of it, as aligned lines of text.

    `rate` is that of all shards together, in requests per second; `now` is the start of the run.
    `on_dask` tells whether shards run on a Dask cluster.
    """
    planned = part.plan
    of_all = "" if part.shard.is_whole else f" of {len(planned):,} (shard {part.shard})"
    companies = planned.companies
    rows = [
        ("companies", f"{len(companies):,}"),
        ("windows", f"{len(planned.windows):,}"),
        ("cells", f"{len(part):,}{of_all}"),
        *_first_days(planned),
        *_time_rows(part, rate, now),
        *_engine_rows(part, on_dask=on_dask),
        *_ends("ids", companies.ids, lambda each: _shown(each, companies.names.get(each))),
        *_ends("windows", planned.windows, str),
    ]
    return "\n".join(f"{name:<14} {text}" for name, text in rows)


def _first_days(planned: Plan) -> list[tuple[str, str]]:
    """Return a row of the first days of companies, the latest first; none if there is but one."""
    groups = [(windows[0].from_date, len(places)) for places, windows in planned.groups()]
    if len(groups) == 1:
        return []
    texts = [
        f"{first} ({counted(count, 'company', 'companies')})" for first, count in reversed(groups)
    ]
    if more := texts[2 * _SHOWN :]:
        texts[2 * _SHOWN :] = [f"and {len(more):,} more"]
    return [("first days", ", ".join(texts))]


def document(part: Part, rate: Rate, now: datetime) -> bytes:
    """Return a plan, or a shard of it, as one JSON document; the arguments are as in `describe`."""
    import orjson

    planned, guess = part.plan, _estimate(part, rate)
    companies = planned.companies

    def company(company_id: str) -> dict[str, str | None]:
        return {"company_id": company_id, "company_name": companies.names.get(company_id)}

    def window(each: Window) -> dict[str, object]:
        return {"from_date": each.from_date, "until_date": each.until_date}

    is_timed = not isinf(rate)
    return orjson.dumps(
        {
            "source": json_text(companies.source),
            "companies": len(companies),
            "duplicates": len(companies.duplicates),
            "first_companies": [company(each) for each in companies.ids[:_SHOWN]],
            "last_companies": [company(each) for each in companies.ids[-_SHOWN:]],
            "windows": len(planned.windows),
            "first_windows": [window(each) for each in planned.windows[:_SHOWN]],
            "last_windows": [window(each) for each in planned.windows[-_SHOWN:]],
            "first_days": [
                {"from_date": windows[0].from_date, "companies": len(places)}
                for places, windows in planned.groups()
            ],
            "shard": None if part.shard.is_whole else str(part.shard),
            "cells": {"planned": len(planned), "shard": len(part)},
            "requests": guess.requests,
            "rate": float(rate) if is_timed else None,
            "duration_seconds": guess.duration.total_seconds() if is_timed else None,
            "finish": _finish(now, guess.duration) if is_timed else None,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _estimate(part: Part, rate: Rate) -> Estimate:
    # As `collector.pace.Share` computes it, which is slow to import. With --rate auto the rate is
    # unknown; the number of requests is the same at any rate.
    return estimate(len(part), 1.0 if isinf(rate) else rate / part.shard.total)


def _time_rows(part: Part, rate: Rate, now: datetime) -> list[tuple[str, str]]:
    guess = _estimate(part, rate)
    on_top = "retries, and the verification of the dates, come on top"
    requests = f"{guess.requests:,} (each cell once, and a token; {on_top})"
    if isinf(rate):
        return [("requests", requests), ("duration", "unknown: --rate auto finds the rate")]
    own = rate / part.shard.total
    at = str(rate) if part.shard.is_whole else f"{rate_text(own)} of {rate}"
    each = "request" if float(rate) == 1 else "requests"
    duration = timedelta(seconds=ceil(guess.duration.total_seconds()))
    return [
        ("requests", requests),
        ("duration", f"{clock_text(duration.total_seconds())} at {at} {each} per second"),
        ("finish", _finish_text(_finish(now, duration))),
    ]


def _engine_rows(part: Part, *, on_dask: bool) -> list[tuple[str, str]]:
    if not on_dask or len(part) >= _CELLS_FOR_DASK:
        return []
    text = (
        f"dask; below {_CELLS_FOR_DASK:,} cells a run without --engine dask takes hardly longer: "
        f"the processes need about {_DASK_START_SECONDS} seconds to start"
    )
    return [("engine", text)]


def _finish(now: datetime, duration: timedelta) -> datetime | None:
    try:
        return now + duration
    except OverflowError:
        return None


def _finish_text(finish: datetime | None) -> str:
    at = "beyond the calendar" if finish is None else f"{finish:%Y-%m-%d %H:%M:%S %Z}"
    return f"{at} if it started now"


def _ends(what: str, items: Sequence[_Item], text: Callable[[_Item], str]) -> list[tuple[str, str]]:
    """Return rows with all of a few items, or with the first and the last of many."""
    if len(items) <= 2 * _SHOWN:
        return [(f"all {what}", ", ".join(map(text, items)))]
    return [
        (f"first {what}", ", ".join(map(text, items[:_SHOWN]))),
        (f"last {what}", ", ".join(map(text, items[-_SHOWN:]))),
    ]


def _shown(company_id: str, name: str | None) -> str:
    text = company_text(company_id, name)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
