"""The coverage of a run for programs: one JSON document."""

from collections.abc import Iterable, Iterator

import msgspec
import orjson

from collector.cells import CellState
from collector.cli.go_on import command_to_go_on
from collector.quoting import json_text
from collector.store.coverage import Coverage, Gap

__all__ = ["coverage_json"]


def coverage_json(coverage: Coverage) -> Iterator[bytes]:
    """Make the document piece by piece: a run of many companies has many gaps."""
    counts = coverage.counts()
    go_on = command_to_go_on(coverage)
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
        "go_on": None if go_on is None else json_text(go_on),
        "attempts": coverage.manifest.attempts,
    }
    yield orjson.dumps(head)[:-1]
    yield b',"gaps":'
    yield from _array(_gap(coverage, gap) for gap in coverage.gaps())
    yield b',"empty_everywhere":'
    yield from _array(coverage.empty_everywhere)
    yield b',"same_everywhere":'
    yield from _array(coverage.same_everywhere)
    yield b"}\n"


def _gap(coverage: Coverage, gap: Gap) -> dict[str, object]:
    return {
        "company_id": gap.company_id,
        "company_name": coverage.plan.companies.names.get(gap.company_id),
        "from_date": gap.first.from_date,
        "until_date": gap.last.until_date,
        "windows": gap.windows,
        "state": CellState.MISSING if gap.kind is None else CellState.FAILED,
        "kind": gap.kind,
    }


def _array(values: Iterable[object]) -> Iterator[bytes]:
    separator = b"["
    for value in values:
        yield separator + orjson.dumps(value)
        separator = b",\n"
    yield b"[]" if separator == b"[" else b"]"
