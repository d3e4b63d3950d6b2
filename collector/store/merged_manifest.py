"""The manifest of a run, merged from those of its shards."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from operator import attrgetter
from typing import Any, Final

import msgspec

from collector.core.errors import gravest
from collector.plan import Shard
from collector.store.manifest import Manifest, gravest_record, names_recorded
from collector.telemetry.names import AnswerNames, Drift

__all__ = ["merge_manifests"]

_LONGEST_PAUSE: Final = timedelta(minutes=1)
"""Where fewer shards run at a time, those of one attempt follow each other within this time."""


def merge_manifests(manifests: Mapping[Shard, Manifest]) -> Manifest:
    """Merge the manifests of the shards of a run; without shards, return the only one.

    The plan is the largest, because a plan can only grow. Attempts of shards that overlap in time,
    or follow each other within a minute, become one attempt. Its `shards` has the number of shards,
    and how many of them have begun; the end of the attempt says nothing about the others.
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
        attempts=[_merged(group) for group in _groups(manifests)],
    )


_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _ShardAttempt:
    """An entry of `attempts` in the manifest of a shard."""

    began_at: datetime
    shard: Shard
    entry: Mapping[str, Any]

    @property
    def ended_at(self) -> datetime | None:
        text = self.entry["ended_at"]
        return None if text is None else datetime.fromisoformat(text)


def _groups(manifests: Mapping[Shard, Manifest]) -> Iterator[list[_ShardAttempt]]:
    """Yield groups of attempts that are one attempt of the run, ordered by time."""
    attempts = sorted(
        (
            _ShardAttempt(datetime.fromisoformat(entry["started_at"]), shard, entry)
            for shard, manifest in manifests.items()
            for entry in manifest.attempts
        ),
        key=lambda attempt: attempt.began_at,
    )
    # The last one of each shard: without an end it is in progress, or was killed at some time.
    lasts = {attempt.shard: attempt for attempt in attempts}
    group: list[_ShardAttempt] = []
    until = _NEVER
    for attempt in attempts:
        if group and not _is_same_attempt(attempt, group[0], until):
            yield group
            group = []
        is_open = attempt.ended_at is None and attempt is lasts[attempt.shard]
        end = _NEVER if is_open else attempt.ended_at or attempt.began_at
        until = max(until, end) if group else end
        group.append(attempt)
    if group:
        yield group


def _is_same_attempt(attempt: _ShardAttempt, first: _ShardAttempt, until: datetime) -> bool:
    is_of_kind = attempt.shard.total == first.shard.total and not attempt.shard.is_whole
    return is_of_kind and attempt.began_at - _LONGEST_PAUSE <= until


def _merged(group: Sequence[_ShardAttempt]) -> dict[str, Any]:
    """Merge attempts into one entry, with the number of their shards."""
    shard = group[0].shard
    merged = _sum_up(group) if len(group) > 1 else dict(group[0].entry)
    if not shard.is_whole:
        begun = len({attempt.shard for attempt in group})
        merged["shards"] = {"count": shard.total, "begun": begun}
    return merged


def _sum_up(group: Sequence[_ShardAttempt]) -> dict[str, Any]:
    """Sum attempts up: the cells of the last one of each shard, the requests of all.

    A percentile is the highest of the shards, because that of all requests is unknown.
    """
    lasts = list({attempt.shard: attempt for attempt in group}.values())
    entries = [attempt.entry for attempt in group]
    began, ended = group[0].began_at, _last_to_end(lasts)
    worst = gravest(attempt.entry["exit_code"] for attempt in lasts)
    merged: dict[str, Any] = {
        "started_at": group[0].entry["started_at"],
        "ended_at": None if ended is None else ended.entry["ended_at"],
        "exit_code": worst,
        "error": _error(lasts, worst),
        "remarks": list(dict.fromkeys(text for e in entries for text in e.get("remarks", ()))),
        "kept": _sum(attempt.entry.get("kept", {}) for attempt in lasts),
    }
    counted = [entry for entry in entries if "requests" in entry]
    if len(counted) == len(entries):
        merged |= _sum_counts(group, lasts)
        seconds = _seconds(began, ended)
        merged["requests_per_second"] = round(merged["requests"]["sent"] / seconds, 3)
    return {**merged, "settings": group[-1].entry["settings"]}


def _last_to_end(lasts: Sequence[_ShardAttempt]) -> _ShardAttempt | None:
    """Return the attempt that ended last; None if one was killed, or is in progress."""
    if any(attempt.ended_at is None for attempt in lasts):
        return None
    return max(lasts, key=lambda attempt: attempt.ended_at or attempt.began_at)


def _seconds(began: datetime, ended: _ShardAttempt | None) -> float:
    last = None if ended is None else ended.ended_at
    return 1.0 if last is None else max((last - began).total_seconds(), 0.001)


def _error(lasts: Sequence[_ShardAttempt], code: int | None) -> str | None:
    errors = (attempt.entry["error"] for attempt in lasts if attempt.entry["exit_code"] == code)
    return next((error for error in errors if error is not None), None)


def _sum_counts(group: Sequence[_ShardAttempt], lasts: Sequence[_ShardAttempt]) -> dict[str, Any]:
    entries = [attempt.entry for attempt in group]
    requests = [entry["requests"] for entry in entries]
    nested = ("by_status", "broken")
    return {
        "cells": _sum(attempt.entry["cells"] for attempt in lasts),
        "requests": {
            **_sum({k: n for k, n in of.items() if k not in nested} for of in requests),
            **{name: _sum(of.get(name, {}) for of in requests) for name in nested},
        },
        **_names(entries),
        "failed_by_kind": _sum(a.entry.get("failed_by_kind", {}) for a in lasts),
        "latency_seconds": _highest(entry.get("latency_seconds", {}) for entry in entries),
        "limit_found": _limit_of_all(group),
    }


def _names(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Add up the names in answers; nothing if an older collector wrote the entries."""
    records = names_recorded(entries)
    if not records:
        return {}
    new, gone = (
        tuple(dict.fromkeys(chain.from_iterable(map(attrgetter(change), records))))
        for change in ("new", "gone")
    )
    return {"names": msgspec.to_builtins(AnswerNames(records).record(Drift(new, gone)))}


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


def _limit_of_all(group: Sequence[_ShardAttempt]) -> float | None:
    """Return the highest sum of limits, over time, of the attempts that ran at the same time."""
    steps: list[tuple[datetime, float]] = []
    for attempt in group:
        limit, ended_at = attempt.entry.get("limit_found"), attempt.ended_at
        if limit is not None and ended_at is not None:
            steps += [(attempt.began_at, limit), (ended_at, -limit)]
    if not steps:
        return None
    return round(max(accumulate(step for _, step in sorted(steps))), 2)
