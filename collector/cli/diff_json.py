"""The comparison of two runs for programs: one JSON document."""

import json
from collections.abc import Iterable, Iterator, Mapping

from collector.quoting import json_text
from collector.store.changes import AnsweredCell, Change, Changes
from collector.store.comparison import Comparison, Movement, Restated

__all__ = ["diff_json"]


def diff_json(comparison: Comparison) -> Iterator[bytes]:
    """Make the document piece by piece: there may be many cells."""
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
            **_movements(totals.counters),
            "actions": _movements(dict(sorted(totals.actions.items()))),
        },
    }
    windows = (
        {"from_date": first, "until_date": last, "cells": n.cells, "restated": n.restated}
        for (first, last), n in totals.windows_in_order()
    )
    yield _json(head)[:-1]
    yield b',"windows":'
    yield from _array(windows)
    yield b',"restated":'
    yield from _array(_restated(comparison, cell) for cell in comparison.restated())
    yield b',"new":'
    yield from _array(
        {**_cell(comparison, cell), "new_fetched_at": cell.fetched_at}
        for cell in comparison.only_new()
    )
    yield b',"gone":'
    yield from _array(
        {
            **_cell(comparison, cell),
            "old_fetched_at": cell.fetched_at,
            "planned": comparison.is_planned(cell),
        }
        for cell in comparison.gone()
    )
    yield b"}\n"


def _cell(comparison: Comparison, cell: AnsweredCell) -> dict[str, object]:
    return {
        "company_id": cell.company_id,
        "company_name": comparison.name(cell),
        "from_date": cell.from_date,
        "until_date": cell.until_date,
    }


def _restated(comparison: Comparison, cell: Restated) -> dict[str, object]:
    return {
        **_cell(comparison, cell.new),
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


def _movements(movements: Mapping[str, Movement]) -> dict[str, object]:
    return {name: {"rose": moved.rose, "fell": moved.fell} for name, moved in movements.items()}


def _array(values: Iterable[object]) -> Iterator[bytes]:
    separator = b"["
    for value in values:
        yield separator + _json(value)
        separator = b",\n"
    yield b"[]" if separator == b"[" else b"]"


def _json(value: object) -> bytes:
    # Not orjson: a counter may be larger than its 64 bits.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
