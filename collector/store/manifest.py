"""The manifest `run.json`: what is to be collected from where, and the story of every attempt."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from collector.core.errors import InputError
from collector.plan import Plan, WindowSize
from collector.store.atomic import replace_file

__all__ = [
    "DatesRecord",
    "Manifest",
    "PlanRecord",
    "describe_plan",
    "gravest_record",
]

_FORMAT: Final = 1
_LIBRARIES: Final = ("aiohttp", "asyncio-throttle", "orjson", "msgspec")


class _Format(msgspec.Struct):
    format: int


class PlanRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifest says of the plan; the ids are in `run-companies.txt` beside it."""

    companies: int
    from_date: str | None
    until_date: str | None
    window: str
    windows: int
    cells: int
    fingerprint: str


class _AttemptFields(msgspec.Struct):
    """What must be in an entry of `attempts`; the rest of it is passed on as it is."""

    started_at: datetime
    ended_at: datetime | None
    exit_code: int | None
    error: str | None
    settings: dict[str, bool | int | float | str | None]


class DatesRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the meaning of dates, for the service that the manifest names.

    `verdict` is honoured, ignored, doubted, inconclusive or trusted, `until` included, excluded,
    inconclusive or trusted. With `until_exclusive` the last day of a window is sent as the day
    after it. `requests` is what the proof has cost.
    """

    verdict: str
    until: str
    until_exclusive: bool
    checked_at: str | None = None
    requests: int = 0
    evidence: list[str] = []

    @property
    def is_ignored(self) -> bool:
        """Whether the lines of the run are of other days than they say."""
        return self.verdict == "ignored"

    @property
    def is_honoured(self) -> bool:
        """Whether it was proved, and need not be proved again."""
        return self.verdict == "honoured"

    @property
    def is_doubted(self) -> bool:
        """Whether it was proved once, and has to be proved again even if no cell is missing."""
        return self.verdict == "doubted"


def gravest_record(records: Sequence[DatesRecord]) -> DatesRecord | None:
    """Return what is known of dates if several know: that they are ignored, or in doubt, or any.

    A doubt lasts until a later proof, whoever made it.
    """
    ignored = [record for record in records if record.is_ignored]
    if not ignored and any(record.is_doubted for record in records):
        proofs = [record for record in records if record.is_doubted or record.is_honoured]
        return max(proofs, key=lambda record: record.checked_at or "")
    return next(iter([*ignored, *records]), None)


class Manifest(msgspec.Struct, kw_only=True):
    """All that `run.json` says. `service` is what the answers depend on beside the plan.

    `dates` is None when none are sent, and in manifests of before they were proved.

    An attempt that never ended (it was killed, or the disk was full) has nulls for its end.
    """

    format: int = _FORMAT
    plan: PlanRecord
    service: dict[str, str]
    dates: DatesRecord | None = None
    attempts: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> "Manifest | None":
        """Read a manifest; None when there is none.

        Raises `OSError`, `InputError` when a newer collector wrote it, and `ValueError` when it is
        damaged.
        """
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            form = msgspec.json.decode(text, type=_Format).format
            if form > _FORMAT:
                raise InputError(
                    f"{path}: has format {form}, and this collector knows {_FORMAT} at most; "
                    "use the newer collector that wrote it"
                )
            manifest = msgspec.json.decode(text, type=cls)
            msgspec.convert(manifest.attempts, list[_AttemptFields])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        return manifest

    def write(self, path: Path) -> None:
        """Replace the file atomically. Raises `OSError`."""
        options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        replace_file(path, [orjson.dumps(msgspec.to_builtins(self), option=options)])


def describe_plan(plan: Plan, window: WindowSize) -> PlanRecord:
    """Return what the manifest says of the plan; the fingerprint covers every id and window."""
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
