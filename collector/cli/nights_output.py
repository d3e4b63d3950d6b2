"""Several runs as a table of nights for people, and as JSON for programs."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

import orjson

from collector.cli.printing import columns_of, company_text, json_array, padded
from collector.core.cell import CellState
from collector.core.text import counted, days_text, escaped, json_text
from collector.plan import DateRange
from collector.store.answered_days import Uncovered
from collector.store.nights import DayGap, Night, Nights

__all__ = ["nights_json", "nights_text"]

_SHOWN: Final = 40
"""Nights that are shown, the newest; --json has them all."""

_GAPS: Final = 10
"""Gaps and remarks that are shown."""

_LISTED: Final = 3
"""Companies that are listed of a gap."""

_WIDTH: Final = 100
_SHORTEST_NAME: Final = 13
"""Columns of a directory that are shown, however wide the numbers are."""

_HEAD: Final = (*("run", "days", "cells", "complete", "failed", "missing", "restated", "gaps"),)


def nights_json(nights: Nights) -> Iterator[bytes]:
    """Yield the document in pieces: many companies have many gaps."""
    yield b'{"runs":'
    yield from json_array(orjson.dumps(_night_json(nights, each)) for each in nights.nights)
    tail = {
        "companies": len(nights.companies),
        "left_companies": nights.left,
        **_days_json(nights.days),
        "gap_days": nights.gap_days(),
    }
    yield b"," + orjson.dumps(tail)[1:-1]
    yield b',"gaps":'
    yield from json_array(orjson.dumps(_gap_json(nights, gap)) for gap in nights.gaps())
    yield b"}\n"


def _night_json(nights: Nights, night: Night) -> dict[str, object]:
    run = night.run
    attempts = run.manifest.attempts
    return {
        "directory": json_text(run.directory),
        "companies": run.manifest.plan.companies,
        "windows": run.manifest.plan.windows,
        **_days_json(night.days),
        "running": run.held_by,
        "exit_code": attempts[-1]["exit_code"] if attempts else None,
        "cells": {
            "planned": sum(night.counts.values()),
            **{state.value: count for state, count in night.counts.items()},
        },
        "restated": night.restated,
        "gap_days": nights.gap_days(night),
        "remarks": night.remarks,
    }


def _days_json(days: DateRange | None) -> dict[str, object]:
    return {
        "from_date": None if days is None else days.from_date,
        "until_date": None if days is None else days.until_date,
    }


def _gap_json(nights: Nights, gap: DayGap) -> dict[str, object]:
    return {
        "company_id": gap.company_id,
        "company_name": nights.companies.names.get(gap.company_id),
        **_days_json(gap.days),
        "days": gap.days.days,
    }


def nights_text(nights: Nights) -> str:
    """Return the table, and what the runs leave open."""
    return "\n".join((*_table(nights), *_notes(nights)))


def _table(nights: Nights) -> Iterator[str]:
    shown = nights.nights[-_SHOWN:]
    rows: list[tuple[str, ...]] = [_HEAD]
    if older := nights.nights[:-_SHOWN]:
        rows.append((counted(len(older), "older run"), "", *_counts(nights, older)))
    for night in shown:
        directory = escaped(str(night.run.directory))
        rows.append((directory, _days(night.days), *_counts(nights, [night])))
    _, *widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    # The end of a longer name tells nights apart.
    room = max(_SHORTEST_NAME, _WIDTH - sum(widths) - 2 * len(widths))
    names = [_end_of(name, room) for name, *_ in rows]
    width = max(map(columns_of, names))
    for name, (_, days, *counts) in zip(names, rows, strict=True):
        numbers = (f"{text:>{wide}}" for text, wide in zip(counts, widths[1:], strict=True))
        yield "  ".join((padded(name, width), f"{days:<{widths[0]}}", *numbers))


def _end_of(name: str, columns: int) -> str:
    if columns_of(name) <= columns:
        return name
    while columns_of(name) > columns - 3:
        name = name[1:]
    return f"...{name}"


def _days(days: DateRange | None) -> str:
    if days is None:
        return days_text(None, None)
    return days_text(days.from_date, days.until_date)


def _counts(nights: Nights, of: Sequence[Night]) -> tuple[str, ...]:
    """Return the columns of numbers; of several nights their sums."""
    states = [sum(night.counts[state] for night in of) for state in CellState]
    data, empty, failed, missing = states
    restated = sum(night.restated for night in of)
    gaps = sum(nights.gap_days(night) for night in of)
    numbers = (sum(states), data + empty, failed, missing, restated, gaps)
    return tuple(f"{number:,}" for number in numbers)


def _notes(nights: Nights) -> Iterator[str]:
    """Yield lines about running nights, damage and gaps."""
    for name, text in (*_remarks(nights), *_left(nights), *_undated(nights), *_gaps(nights)):
        yield f"{name:<10} {text}".rstrip()


def _remarks(nights: Nights) -> Iterator[tuple[str, str]]:
    for night in nights.nights:
        if night.run.held_by:
            yield "running", f"{night.run.directory}: {night.run.held_by} is running"
    remarks = [
        f"{night.run.directory}: {text.removeprefix(f'{night.run.directory}: ')}"
        for night in nights.nights
        for text in night.remarks
    ]
    for text in remarks[:_GAPS]:
        yield "remark", text
    if len(remarks) > _GAPS:
        yield "", f"and {counted(len(remarks) - _GAPS, 'more remark')}; --json lists them all"


def _left(nights: Nights) -> Iterator[tuple[str, str]]:
    if nights.left:
        left = counted(nights.left, "company", "companies")
        yield "left", f"{left} of earlier runs: not in the newest run; after the last day that"
        yield "", "a run has planned for such a company, no answer is expected"


def _undated(nights: Nights) -> Iterator[tuple[str, str]]:
    undated = sum(night.days is None for night in nights.nights)
    if 0 < undated < len(nights.nights):
        cover = "1 run asks" if undated == 1 else f"{undated:,} runs ask"
        yield "undated", f"{cover} for the server's default window: such answers cover no day, and"
        yield "", "of a company that is in no other run no day is expected"


def _gaps(nights: Nights) -> Iterator[tuple[str, str]]:
    if nights.days is None:
        is_dated = any(night.days is not None for night in nights.nights)
        why = (
            "no planned day is over"
            if is_dated
            else "these runs request the server's default window"
        )
        yield "gaps", f"not known: {why}"
        return
    count = nights.gap_days()
    if not count:
        yield (
            "gaps",
            f"none in {_days(nights.days)}: each company has an answer for each day from the",
        )
        yield "", "first that a run has planned for it"
        return
    are = counted(count, "day of a company has", "days of companies have")
    yield "gaps", f"{are} no answer in any of these runs"
    for gap in islice(nights.uncovered, _GAPS):
        yield "", f"{_days(gap.days)}  {_who(nights, gap)}"
    if (more := len(nights.uncovered) - _GAPS) > 0:
        yield "", f"and {counted(more, 'more gap')}; --json lists them all"
    first, last = nights.uncovered[0].days.from_date, nights.uncovered[-1].days.until_date
    yield "next", f"collector run with --from {first} --until {last} --window 1d; or with"
    yield "", f"--since-last, if --at-most reaches back to {first}"


def _who(nights: Nights, gap: Uncovered) -> str:
    count = gap.companies.bit_count()
    if count == len(nights.companies) and count > _LISTED:
        return f"all {count:,} companies"
    listed = [
        company_text(company_id, nights.companies.names.get(company_id))
        for company_id in (nights.companies.ids[place] for place in islice(gap.places(), _LISTED))
    ]
    if (more := count - _LISTED) > 0:
        listed.append(f"and {more:,} more")
    return ", ".join(listed)
