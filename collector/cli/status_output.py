"""The coverage of a run as text for people, and as JSON for programs."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
import orjson

from collector.cli.hints import dates_text, exit_text, resume_command
from collector.cli.printing import company_text, json_array
from collector.core.cell import CellState, Window
from collector.core.text import counted, days_text, json_text
from collector.dates.record import spoilt
from collector.store.coverage import Coverage, Gap

__all__ = ["coverage_json", "coverage_text"]


def coverage_json(coverage: Coverage) -> Iterator[bytes]:
    """Yield the document in pieces: a run of many companies has many gaps."""
    counts = coverage.counts()
    resume = resume_command(coverage)
    first, last = coverage.plan.windows[0], coverage.plan.windows[-1]
    dates = coverage.manifest.dates
    head = {
        "directory": json_text(coverage.directory),
        "companies": len(coverage.plan.companies),
        "windows": len(coverage.plan.windows),
        "from_date": first.from_date,
        "until_date": last.until_date,
        "window": str(coverage.manifest.plan.window),
        "service": coverage.manifest.service,
        "dates": None if dates is None else msgspec.to_builtins(dates),
        "running": coverage.held_by,
        "cells": {"planned": len(coverage.plan), **{s.value: n for s, n in counts.items()}},
        "failed_by_kind": {kind.value: n for kind, n in coverage.failed_by_kind().items()},
        "incomplete_companies": coverage.incomplete_companies(),
        "remarks": coverage.remarks,
        "go_on": None if resume is None else json_text(resume),
        "attempts": coverage.manifest.attempts,
    }
    yield orjson.dumps(head)[:-1]
    yield b',"gaps":'
    yield from json_array(orjson.dumps(_gap_json(coverage, gap)) for gap in coverage.gaps())
    yield b',"empty_everywhere":'
    yield from json_array(map(orjson.dumps, coverage.empty_everywhere))
    yield b',"same_everywhere":'
    yield from json_array(map(orjson.dumps, coverage.same_everywhere))
    yield b"}\n"


def _gap_json(coverage: Coverage, gap: Gap) -> dict[str, object]:
    return {
        "company_id": gap.company_id,
        "company_name": coverage.plan.companies.names.get(gap.company_id),
        "from_date": gap.first.from_date,
        "until_date": gap.last.until_date,
        "windows": gap.windows,
        "state": CellState.MISSING if gap.kind is None else CellState.FAILED,
        "kind": gap.kind,
    }


_SHOWN: Final = 10
"""Gaps and companies that are shown; --json lists all."""


def coverage_text(coverage: Coverage) -> str:
    """Return the coverage as plain text."""
    return "\n".join(f"{name:<10} {text}".rstrip() for name, text in _rows(coverage))


def _rows(coverage: Coverage) -> Iterator[tuple[str, str]]:
    plan, counts = coverage.plan, coverage.counts()
    by = "with up to" if plan.first_windows else "x"
    companies = counted(len(plan.companies), "company", "companies")
    size = f"{companies} {by} {counted(len(plan.windows), 'window')}"
    yield "run", str(coverage.directory)
    yield "plan", f"{size} = {counted(len(plan), 'cell')}, {_range(plan.windows)}"
    dates = coverage.manifest.dates
    if dates is not None:
        yield "dates", dates_text(dates)
    yield "cells", ", ".join(f"{count:,} {state}" for state, count in counts.items())
    yield from _attempts(coverage)
    yield from _gaps(coverage)
    if failed := coverage.failed_by_kind():
        yield "failed", ", ".join(f"{kind} {count:,}" for kind, count in failed.items())
    for remark in coverage.remarks:
        yield "remark", remark
    yield from _suspicious(coverage)
    if coverage.is_spoilt and dates is not None:
        yield "spoilt", spoilt(dates)
    if (resume := resume_command(coverage)) is not None:
        yield "resume", resume


def _range(windows: Sequence[Window]) -> str:
    first, last = windows[0], windows[-1]
    if first.from_date is None:
        return "the server's default window"
    return days_text(first.from_date, last.until_date)


def _attempts(coverage: Coverage) -> Iterator[tuple[str, str]]:
    if coverage.held_by:
        yield (
            "attempts",
            f"{len(coverage.manifest.attempts)}; {coverage.held_by} is running",
        )
    elif coverage.manifest.attempts:
        yield (
            "attempts",
            f"{len(coverage.manifest.attempts)}, the last {_end(coverage.manifest.attempts[-1])}",
        )


def _end(attempt: dict[str, Any]) -> str:
    if attempt["exit_code"] is None:
        return f"began {attempt['started_at']} and was killed, or could not write down its end"
    code = attempt["exit_code"]
    text = exit_text(code, attempt["error"], shards=_shards(attempt))
    return f"ended {attempt['ended_at']} with {code}: {text}"


def _shards(attempt: dict[str, Any]) -> str:
    """Return the shards of an invocation; nothing if it is of the whole run."""
    shards = attempt.get("shards")
    if shards is None or shards["begun"] == shards["count"]:
        return ""
    if shards["begun"] == 1:
        return f"shard {attempt['settings']['shard']}"
    return f"{shards['begun']:,} of {shards['count']:,} shards"


def _gaps(coverage: Coverage) -> Iterator[tuple[str, str]]:
    incomplete = coverage.incomplete_companies()
    if not incomplete:
        return
    yield (
        "incomplete",
        f"{incomplete:,} of {counted(len(coverage.plan.companies), 'company', 'companies')}",
    )
    gaps = coverage.gaps()
    for gap in islice(gaps, _SHOWN):
        yield "", _gap_text(coverage, gap)
    if more := sum(1 for _ in gaps):
        yield "", f"and {counted(more, 'more gap')}; --json lists them all"


def _gap_text(coverage: Coverage, gap: Gap) -> str:
    company = company_text(gap.company_id, coverage.plan.companies.names.get(gap.company_id))
    state = "missing" if gap.kind is None else f"failed: {gap.kind}"
    days = str(gap.first)
    if gap.windows > 1:
        days = f"{gap.first.from_date}..{gap.last.until_date}, {counted(gap.windows, 'window')}"
    return f"{company}  {days}  {state}"


def _suspicious(coverage: Coverage) -> Iterator[tuple[str, str]]:
    if empty := coverage.empty_everywhere:
        who = counted(len(empty), "company is", "companies are")
        yield "remark", f"{who} empty in every window; are these ids right? ({_listed(empty)})"
    if same := coverage.same_everywhere:
        who = counted(len(same), "company has", "companies have")
        what = "the same answer in every answered window, and not an empty one"
        dates = coverage.manifest.dates
        question = "does the server ignore the dates?"
        if dates is not None and dates.is_honoured:
            question = "the dates were verified, so check whether these figures can be right"
        yield "remark", f"{who} {what}; {question} ({_listed(same)})"


def _listed(ids: Sequence[str]) -> str:
    more = ", ..." if len(ids) > _SHOWN else ""
    return ", ".join(ids[:_SHOWN]) + more
