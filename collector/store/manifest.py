"""The manifest `run.json`: the plan, the service, and the record of every attempt."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import orjson

from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.core.regular import read_regular
from collector.plan import Plan, WindowSize
from collector.store.atomic import replace_file
from collector.store.digests import Digests, with_digest
from collector.telemetry.names import NamesRecord

__all__ = [
    "DatesRecord",
    "Manifest",
    "ManifestHead",
    "PlanRecord",
    "answers_recorded",
    "describe_plan",
    "gravest_record",
    "names_recorded",
]

_FORMAT: Final = 2
"""The newest format: companies may begin with different days. All other manifests have format 1."""


class _Format(msgspec.Struct):
    format: int


class PlanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The plan in the manifest; the ids are in `run-companies.txt` beside it."""

    companies: int
    from_date: str | None
    until_date: str | None
    window: str
    windows: int
    cells: int
    fingerprint: str

    @property
    def has_first_days(self) -> bool:
        """Whether some companies begin later than others; then their list has their first days."""
        return self.cells != self.companies * self.windows


class _PlanFields(msgspec.Struct):
    from_date: date | None
    until_date: date | None


_Counts = dict[str, int]


class _RequestFields(msgspec.Struct):
    sent: int = 0
    answered: int = 0
    refused: int = 0
    failed: int = 0
    retried: int = 0
    resent: int = 0
    by_status: _Counts = {}
    broken: _Counts = {}


class _LatencyFields(msgspec.Struct):
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    max: float = 0.0


class _ShardFields(msgspec.Struct):
    begun: int
    count: int


class _AttemptFields(msgspec.Struct):
    """The fields of an entry of `attempts` that are read; the optional ones came with time."""

    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    error: str | None
    settings: dict[str, bool | int | float | str | None]
    remarks: list[str] | msgspec.UnsetType = msgspec.UNSET
    kept: _Counts | msgspec.UnsetType = msgspec.UNSET
    cells: _Counts | msgspec.UnsetType = msgspec.UNSET
    failed_by_kind: _Counts | msgspec.UnsetType = msgspec.UNSET
    names: NamesRecord | msgspec.UnsetType = msgspec.UNSET
    requests: _RequestFields | msgspec.UnsetType = msgspec.UNSET
    latency_seconds: _LatencyFields | msgspec.UnsetType = msgspec.UNSET
    requests_per_second: float | None = None
    limit_found: float | None = None
    shards: _ShardFields | None = None


class DatesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How the service of the manifest treats dates, as far as it is known.

    `verdict` is honoured, ignored, doubted, inconclusive or trusted, `until` included, excluded,
    inconclusive or trusted. With `until_exclusive` the last day of a window is sent as the day
    after it. `requests` is the number of requests of the verification.
    """

    verdict: str
    until: str
    until_exclusive: bool
    checked_at: str | None = None
    requests: int = 0
    evidence: list[str] = []

    @property
    def is_ignored(self) -> bool:
        """Whether the lines of the run cover other days than they state."""
        return self.verdict == "ignored"

    @property
    def is_honoured(self) -> bool:
        """Whether it was verified, and need not be verified again."""
        return self.verdict == "honoured"

    @property
    def is_doubted(self) -> bool:
        """Whether it was verified once, and must be verified again even if no cell is missing."""
        return self.verdict == "doubted"


def gravest_record(records: Sequence[DatesRecord]) -> DatesRecord | None:
    """Return the record that counts of several: ignored before doubted before any other.

    A doubt lasts until a later verification, of whatever shard.
    """
    ignored = [record for record in records if record.is_ignored]
    if not ignored and any(record.is_doubted for record in records):
        proofs = [record for record in records if record.is_doubted or record.is_honoured]
        return max(proofs, key=lambda record: record.checked_at or "")
    return next(iter([*ignored, *records]), None)


class Manifest(msgspec.Struct, kw_only=True):
    """The content of `run.json`. `service` is the identity, see `collector.store.identity`.

    `dates` is None when no dates are sent, and in manifests older than their verification. An
    attempt that never ended (it was killed, or the disk was full) has nulls for its end. `digests`
    is None until the run has finished: every cell has an answer, or failed for good.
    """

    format: int = 1
    plan: PlanRecord
    service: dict[str, str]
    dates: DatesRecord | None = None
    attempts: list[dict[str, Any]]
    digests: Digests | None = None

    def __post_init__(self) -> None:
        """Refuse older collectors, which would request what companies do not have."""
        if self.plan.has_first_days:
            self.format = _FORMAT

    @classmethod
    def read(cls, path: Path) -> "Manifest | None":
        """Read a manifest; return None if there is none.

        Raises `OSError`, `InputError` when a newer collector wrote it, and `ValueError` when it is
        damaged.
        """
        try:
            manifest = _decoded(path, _manifest)
            if manifest is None:
                return None
            msgspec.convert(manifest.attempts, list[_AttemptFields])
            msgspec.convert(msgspec.to_builtins(manifest.plan), _PlanFields)
            # The next attempt has to write what it has read, and orjson no number above 64 bits.
            manifest.encoded()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, TypeError) as error:
            raise ValueError(str(error)) from error
        return manifest

    def encoded(self) -> bytes:
        """Return the content of the file. Raises `TypeError` if it has a number above 64 bits."""
        # Not msgspec, which writes 1e16 where orjson, as in every version, writes 1e+16.
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        return with_digest(orjson.dumps(msgspec.to_builtins(self), option=options))

    def write(self, path: Path) -> None:
        """Replace the file atomically. Raises `OSError`."""
        replace_file(path, [self.encoded()])


class _AnswerTimes(msgspec.Struct, frozen=True):
    started_at: datetime
    ended_at: datetime | None
    cells: Any = None


class ManifestHead(msgspec.Struct, kw_only=True, frozen=True):
    """What a shard needs to know of the manifest of another; the rest is skipped."""

    plan: PlanRecord
    service: dict[str, str]
    dates: DatesRecord | None = None
    attempts: list[_AnswerTimes]

    @classmethod
    def read(cls, path: Path) -> "ManifestHead | None":
        """Read it in a fifth of the time that `Manifest.read` takes, and raise as it does."""
        try:
            return _decoded(path, _head)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error

    @property
    def newest(self) -> datetime | None:
        """When the last attempt with answers ended, or began if it has no end."""
        times = (
            attempt.ended_at or attempt.started_at
            for attempt in self.attempts
            if attempt.ended_at is None or answers_recorded({"cells": attempt.cells}, "cells")
        )
        return max(times, default=None)


_T = TypeVar("_T")
_format: Final = msgspec.json.Decoder(_Format)
_manifest: Final = msgspec.json.Decoder(Manifest)
_head: Final = msgspec.json.Decoder(ManifestHead)


def _decoded(path: Path, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """Decode a manifest; return None if there is none. Raises as msgspec does, and `OSError`."""
    try:
        text = read_regular(path)
    except FileNotFoundError:
        return None
    form = _format.decode(text).format
    if form > _FORMAT:
        raise InputError(
            f"{path}: has format {form}, and this collector knows {_FORMAT} at most; "
            "use the newer collector that wrote it"
        )
    return decoder.decode(text)


def answers_recorded(attempt: Mapping[str, Any], name: str) -> int:
    """Return how many answers an entry of `attempts` counts under `name`: `kept` or `cells`.

    These fields are not checked when a manifest is read. What is no count is 0.
    """
    counts = attempt.get(name)
    if not isinstance(counts, dict):
        return 0
    found = (counts.get(state) for state in (CellState.DATA.value, CellState.EMPTY.value))
    return sum(count for count in found if isinstance(count, int))


def names_recorded(attempts: Iterable[Mapping[str, Any]]) -> list[NamesRecord]:
    """Return the names that entries of `attempts` record; older entries have none."""
    return [msgspec.convert(entry["names"], NamesRecord) for entry in attempts if "names" in entry]


def describe_plan(plan: Plan, window: WindowSize) -> PlanRecord:
    """Return the record of a plan; the fingerprint covers every id and window."""
    first, last = plan.windows[0], plan.windows[-1]
    return PlanRecord(
        companies=len(plan.companies),
        from_date=None if first.from_date is None else first.from_date.isoformat(),
        until_date=None if last.until_date is None else last.until_date.isoformat(),
        window=str(window),
        windows=len(plan.windows),
        cells=len(plan),
        fingerprint=plan.fingerprint,
    )
