"""The comparison of two runs as text for people, and as JSON for programs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import chain, islice
from typing import Final

from collector.cli.printing import columns_of, company_text, json_array, padded
from collector.core.text import counted, days_text, escaped, json_text, terminal_safe
from collector.store.changes import AnsweredCell, Change, Changes
from collector.store.comparison import Comparison, Movement, Restated
from collector.store.recorded_run import RecordedRun

__all__ = ["diff_json", "diff_text"]


def diff_json(comparison: Comparison) -> Iterator[bytes]:
    """Yield the document in pieces: there may be many cells."""
    totals = comparison.totals
    head = {
        "old_run": json_text(comparison.old.directory),
        "new_run": json_text(comparison.new.directory),
        "cells": {
            "both": totals.both,
            "unchanged": totals.unchanged,
            "restated": totals.restated,
            "new": totals.new,
            "gone": totals.gone,
            "gone_planned": totals.gone_planned,
        },
        "changes": {
            **_movements_json(totals.counters),
            "actions": _movements_json(dict(sorted(totals.actions.items()))),
        },
    }
    windows = (
        {"from_date": first, "until_date": last, "cells": n.cells, "restated": n.restated}
        for (first, last), n in totals.windows_in_order()
    )
    yield _json(head)[:-1]
    yield b',"windows":'
    yield from json_array(map(_json, windows))
    yield b',"restated":'
    yield from json_array(_json(_restated_json(comparison, cell)) for cell in comparison.restated())
    yield b',"new":'
    yield from json_array(
        _json({**_cell_json(comparison, cell), "new_fetched_at": cell.fetched_at})
        for cell in comparison.only_new()
    )
    yield b',"gone":'
    yield from json_array(
        _json(
            {
                **_cell_json(comparison, cell),
                "old_fetched_at": cell.fetched_at,
                "planned": comparison.is_planned(cell),
            }
        )
        for cell in comparison.gone()
    )
    yield b"}\n"


def _cell_json(comparison: Comparison, cell: AnsweredCell) -> dict[str, object]:
    return {
        "company_id": cell.company_id,
        "company_name": comparison.name(cell),
        "from_date": cell.from_date,
        "until_date": cell.until_date,
    }


def _restated_json(comparison: Comparison, cell: Restated) -> dict[str, object]:
    return {
        **_cell_json(comparison, cell.new),
        "old_fetched_at": cell.old.fetched_at,
        "new_fetched_at": cell.new.fetched_at,
        "changes": _changes(cell.changes),
    }


def _changes(changes: Changes) -> dict[str, object]:
    return {**_differences(changes.counters), "actions": _differences(changes.actions)}


def _differences(changes: Mapping[str, Change]) -> dict[str, object]:
    return {
        name: {"old": change.old, "new": change.new, "difference": change.difference}
        for name, change in changes.items()
    }


def _movements_json(movements: Mapping[str, Movement]) -> dict[str, object]:
    return {name: {"rose": moved.rose, "fell": moved.fell} for name, moved in movements.items()}


def _json(value: object) -> bytes:
    # Not orjson: a counter may be larger than its 64 bits.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # The server names the actions.
    return terminal_safe(text.encode())


_SHOWN: Final = 10
"""Cells of one kind, or changes of one cell, that are shown; --json lists all."""

_SHOWN_ROWS: Final = 31
"""Rows of a table that are shown: a month of days."""


def diff_text(comparison: Comparison) -> str:
    """Return the comparison as plain text."""
    return "\n".join(f"{name:<10} {text}".rstrip() for name, text in _rows(comparison))


def _rows(comparison: Comparison) -> Iterator[tuple[str, str]]:
    totals = comparison.totals
    yield "old run", _run(comparison.old)
    yield "new run", _run(comparison.new)
    of_both = f"{totals.unchanged:,} unchanged, {totals.restated:,} restated"
    yield "cells", f"{totals.both:,} in both: {of_both}; {totals.new:,} new, {totals.gone:,} gone"
    if totals.gone:
        planned, others = totals.gone_planned, totals.gone - totals.gone_planned
        yield "gone", f"{others:,} not planned in the new run, {planned:,} planned but not answered"
    moved = _movements_text(totals.counters, totals.actions)
    yield from _labelled("changes", _some(moved, len(moved), _SHOWN_ROWS))
    windows = _windows(comparison)
    shown = _some(windows, len(windows), _SHOWN_ROWS)
    yield from _labelled("windows", chain(shown, _lookback_hint(comparison)))
    restated = (_restated_text(comparison, cell) for cell in comparison.restated())
    yield from _labelled("restated", _some(restated, totals.restated))
    only_new = (_cell_text(comparison, cell) for cell in comparison.only_new())
    yield from _labelled("new cells", _some(only_new, totals.new))
    # Planned cells first: they are few, and their answers are missing.
    gone = (
        _gone(comparison, cell)
        for is_planned in ((True, False) if totals.gone_planned else (False,))
        for cell in comparison.gone()
        if comparison.is_planned(cell) is is_planned
    )
    yield from _labelled("gone cells", _some(gone, totals.gone))


def _labelled(label: str, texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield a row for each text; only the first has the label."""
    for text in texts:
        yield label, text
        label = ""


def _some(texts: Iterable[str], count: int, shown: int = _SHOWN) -> Iterator[str]:
    """Yield the first of `count` texts, and then how many more there are."""
    yield from islice(texts, shown)
    if count > shown:
        yield f"and {count - shown:,} more; --json lists them all"


def _run(run: RecordedRun) -> str:
    plan = run.manifest.plan
    days = _days(plan.from_date, plan.until_date)
    return (
        f"{escaped(str(run.directory))}, {counted(plan.companies, 'company', 'companies')}, {days}"
    )


def _movements_text(counters: Mapping[str, Movement], actions: Mapping[str, Movement]) -> list[str]:
    named = [
        *((name, moved) for name, moved in counters.items() if moved.rose or moved.fell),
        *((_action(name), moved) for name, moved in sorted(actions.items())),
    ]
    width = max((columns_of(name) for name, _ in named), default=0)
    return [f"{padded(name, width)}  +{moved.rose:,} -{moved.fell:,}" for name, moved in named]


def _windows(comparison: Comparison) -> list[str]:
    """Return a text for each window with restated cells, the oldest first."""
    last = comparison.new_plan.windows[-1].until_date
    rows = [
        (
            _days(*window),
            f"{count.restated:,} of {counted(count.cells, 'cell')}",
            _age(window[1], last),
        )
        for window, count in comparison.totals.windows_in_order()
        if count.restated
    ]
    width = max((len(cells) for _, cells, _ in rows), default=0)
    return [f"{days}  {cells:>{width}} restated{age}" for days, cells, age in rows]


def _lookback_hint(comparison: Comparison) -> Iterator[str]:
    """Suggest a longer lookback if the oldest window of both runs has restated cells."""
    for window, count in comparison.totals.windows_in_order()[:1]:
        if count.restated and window[0] is not None:
            yield "the oldest window of both is among them: a longer --lookback may find more"


def _age(until: str | None, last: date | None) -> str:
    """Return how many days a window ends before the last day; nothing for less than one."""
    try:
        days = (last - date.fromisoformat(until)).days if last and until else 0
    except ValueError:  # the collector did not write this line
        days = 0
    if days < 1:
        return ""
    return f", {counted(days, 'day')} before the last"


def _restated_text(comparison: Comparison, cell: Restated) -> str:
    counters, actions = cell.changes
    texts = [
        *(_change(name, change) for name, change in counters.items()),
        *(_change(_action(name), change) for name, change in actions.items()),
    ]
    return f"{_cell_text(comparison, cell.new)}  {', '.join(_some(texts, len(texts)))}"


def _change(name: str, change: Change) -> str:
    return f"{name} {_count(change.old)} -> {_count(change.new)} ({change.difference:+,})"


def _count(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def _action(name: str) -> str:
    return f"actions {escaped(name)}"


def _gone(comparison: Comparison, cell: AnsweredCell) -> str:
    why = "planned, not answered" if comparison.is_planned(cell) else "not planned"
    return f"{_cell_text(comparison, cell)}  {why}"


def _cell_text(comparison: Comparison, cell: AnsweredCell) -> str:
    company = company_text(cell.company_id, comparison.name(cell))
    return f"{escaped(company)}  {_days(cell.from_date, cell.until_date)}"


def _days(first: str | None, last: str | None) -> str:
    return escaped(days_text(first, last))
