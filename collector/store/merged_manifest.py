"""What several shards say of one run, told as one story."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final, NamedTuple

from collector.core.errors import gravest
from collector.plan import Shard
from collector.store.manifest import Manifest, gravest_record

__all__ = ["merge_manifests"]

_GAP: Final = timedelta(minutes=1)
"""Shards of one attempt follow each other sooner, where fewer of them work at a time."""


def merge_manifests(manifests: Mapping[Shard, Manifest]) -> Manifest:
    """Return the manifest of a run from those of its shards; without shards, the one there is.

    The plan is the largest, for it can only have grown. Attempts of shards that overlap in time, or
    follow each other within a minute, are one attempt of the run. It says in `shards` of how many
    of them it is: its end is not that of the others.
    """
    if manifests.keys() == {Shard()}:
        return manifests[Shard()]
    largest = max(manifests.values(), key=lambda manifest: manifest.plan.cells)
    known = [manifest.dates for manifest in manifests.values() if manifest.dates is not None]
    return Manifest(
        format=largest.format,
        plan=largest.plan,
        service=largest.service,
        dates=gravest_record(known),
        attempts=[_told(group) for group in _groups(manifests)],
    )


_EVER: Final = datetime.max.replace(tzinfo=UTC)


class _Attempt(NamedTuple):
    began_at: datetime
    shard: Shard
    entry: Mapping[str, Any]

    @property
    def ended_at(self) -> datetime | None:
        text = self.entry["ended_at"]
        return None if text is None else datetime.fromisoformat(text)


def _groups(manifests: Mapping[Shard, Manifest]) -> Iterator[list[_Attempt]]:
    """Make the attempts of shards in groups that belong together, ordered by time."""
    attempts = sorted(
        (
            _Attempt(datetime.fromisoformat(entry["started_at"]), shard, entry)
            for shard, manifest in manifests.items()
            for entry in manifest.attempts
        ),
        key=lambda attempt: attempt.began_at,
    )
    # Of each shard the last one: if it has no end it is at work, or was killed nobody knows when.
    lasts = {attempt.shard: attempt for attempt in attempts}
    group: list[_Attempt] = []
    until = _EVER
    for attempt in attempts:
        if group and not _belongs(attempt, group[0], until):
            yield group
            group = []
        is_open = attempt.ended_at is None and attempt is lasts[attempt.shard]
        end = _EVER if is_open else attempt.ended_at or attempt.began_at
        until = max(until, end) if group else end
        group.append(attempt)
    if group:
        yield group


def _belongs(attempt: _Attempt, first: _Attempt, until: datetime) -> bool:
    is_of_kind = attempt.shard.total == first.shard.total and not attempt.shard.is_whole
    return is_of_kind and attempt.began_at - _GAP <= until


def _told(group: Sequence[_Attempt]) -> dict[str, Any]:
    """Tell attempts as one, and of how many shards it is."""
    shard = group[0].shard
    told = _added_up(group) if len(group) > 1 else dict(group[0].entry)
    if not shard.is_whole:
        begun = len({attempt.shard for attempt in group})
        told["shards"] = {"count": shard.total, "begun": begun}
    return told


def _added_up(group: Sequence[_Attempt]) -> dict[str, Any]:
    """Add attempts up: cells as the last one of each shard left them, requests of them all.

    A percentile is the highest of those of the shards, for that of all together is not known.
    """
    lasts = list({attempt.shard: attempt for attempt in group}.values())
    entries = [attempt.entry for attempt in group]
    began, ended = group[0].began_at, _end(lasts)
    worst = gravest(attempt.entry["exit_code"] for attempt in lasts)
    told: dict[str, Any] = {
        "started_at": group[0].entry["started_at"],
        "ended_at": None if ended is None else ended.entry["ended_at"],
        "exit_code": worst,
        "error": _error(lasts, worst),
        "remarks": list(dict.fromkeys(text for e in entries for text in e.get("remarks", ()))),
        "kept": _sum(attempt.entry.get("kept", {}) for attempt in lasts),
    }
    counted = [entry for entry in entries if "requests" in entry]
    if len(counted) == len(entries):
        told |= _counts(group, lasts)
        seconds = _seconds(began, ended)
        told["requests_per_second"] = round(told["requests"]["sent"] / seconds, 3)
    return {**told, "settings": group[-1].entry["settings"]}


def _end(lasts: Sequence[_Attempt]) -> _Attempt | None:
    """Return the attempt that ended last; None if one was killed, or is at work."""
    if any(attempt.ended_at is None for attempt in lasts):
        return None
    return max(lasts, key=lambda attempt: attempt.ended_at or attempt.began_at)


def _seconds(began: datetime, ended: _Attempt | None) -> float:
    last = None if ended is None else ended.ended_at
    return 1.0 if last is None else max((last - began).total_seconds(), 0.001)


def _error(lasts: Sequence[_Attempt], code: int | None) -> str | None:
    errors = (attempt.entry["error"] for attempt in lasts if attempt.entry["exit_code"] == code)
    return next((error for error in errors if error is not None), None)


def _counts(group: Sequence[_Attempt], lasts: Sequence[_Attempt]) -> dict[str, Any]:
    entries = [attempt.entry for attempt in group]
    requests = [entry["requests"] for entry in entries]
    nested = ("by_status", "broken")
    return {
        "cells": _sum(attempt.entry["cells"] for attempt in lasts),
        "requests": {
            **_sum({k: n for k, n in of.items() if k not in nested} for of in requests),
            **{name: _sum(of.get(name, {}) for of in requests) for name in nested},
        },
        "failed_by_kind": _sum(a.entry.get("failed_by_kind", {}) for a in lasts),
        "latency_seconds": _highest(entry.get("latency_seconds", {}) for entry in entries),
        "limit_found": _limit(group),
    }


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts:
        for name, n in each.items():
            total[name] = total.get(name, 0) + n
    return total


def _highest(values: Iterable[Mapping[str, float]]) -> dict[str, float]:
    highest: dict[str, float] = {}
    for each in values:
        for name, value in each.items():
            highest[name] = max(value, highest.get(name, value))
    return highest


def _limit(group: Sequence[_Attempt]) -> float | None:
    """Return the limit that all at work together have found: the most of any moment."""
    steps: list[tuple[datetime, float]] = []
    for attempt in group:
        limit, ended_at = attempt.entry.get("limit_found"), attempt.ended_at
        if limit is not None and ended_at is not None:
            steps += [(attempt.began_at, limit), (ended_at, -limit)]
    if not steps:
        return None
    return round(max(accumulate(step for _, step in sorted(steps))), 2)
