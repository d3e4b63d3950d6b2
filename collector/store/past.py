"""What earlier attempts at a run wrote down: whether it is the same plan, and how it went."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from collector.errors import InputError
from collector.plan import Plan
from collector.store.files import COMPANIES, PartFiles
from collector.store.manifest import DatesRecord, Manifest, gravest_record
from collector.store.recorded_plan import (
    plan_differences,
    recorded_plan,
    service_differences,
)

__all__ = ["Past", "damaged_manifest", "missing_manifest", "read_past"]


class Past(NamedTuple):
    """The earlier attempts, and the trouble if it cannot be known which plan they were for.

    `newest` is when other shards were at work last.
    """

    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
    is_known: bool = True
    trouble: str = ""
    newest: datetime | None = None


def read_past(
    files: PartFiles, parts: Sequence[PartFiles], plan: Plan, service: dict[str, str]
) -> Past:
    """Read the manifests and compare their plans. Raises `InputError` when one is another.

    What is known of dates may come from another shard, the attempts are one's own.
    """
    own = _read_manifest(files, plan, service)
    others = [_read_manifest(other, plan, service) for other in parts if other != files]
    known = [past for past in others if past.is_known]
    if own.trouble == missing_manifest(files) and known:
        own = Past()
    dates = [past.dates for past in (own, *known) if past.dates is not None]
    return own._replace(
        dates=gravest_record(dates),
        newest=max((at for past in known for at in _answered_at(past)), default=None),
    )


def _answered_at(past: Past) -> Iterator[datetime]:
    """Make the moments by which attempts with answers had ended, or began if they have no end."""
    for attempt in past.attempts:
        cells = attempt.get("cells", {})
        if attempt["ended_at"] is None or cells.get("data", 0) + cells.get("empty", 0):
            yield datetime.fromisoformat(attempt["ended_at"] or attempt["started_at"])


def _read_manifest(files: PartFiles, plan: Plan, service: dict[str, str]) -> Past:
    directory = files.directory
    try:
        manifest = Manifest.read(files.manifest)
    except ValueError:
        return Past(trouble=damaged_manifest(files), is_known=False)
    if manifest is None:
        return Past(trouble=missing_manifest(files), is_known=False)
    trouble = ""
    is_known = True
    differences = service_differences(manifest.service, service)
    if manifest.plan.fingerprint != plan.fingerprint:
        try:
            recorded, is_intact = recorded_plan(manifest.plan, directory / COMPANIES)
            if is_intact:
                differences += plan_differences(recorded, plan)
            else:
                trouble = f"{COMPANIES} was edited"
        except InputError:
            trouble = f"{COMPANIES} is missing or damaged"
        except ValueError:
            trouble, is_known = damaged_manifest(files), False
    if differences:
        raise InputError(
            f"--output {directory}: holds a run of another plan: {'; '.join(differences)}; give "
            f"another --output, or see with collector status {shlex.quote(str(directory))} how to "
            "go on with that run"
        )
    return Past(tuple(manifest.attempts), manifest.dates, is_known, trouble)


def missing_manifest(files: PartFiles) -> str:
    """Return the trouble with a manifest that is not there."""
    return f"{files.manifest.name} is missing"


def damaged_manifest(files: PartFiles) -> str:
    """Return the trouble with a manifest that cannot be read."""
    return f"{files.manifest.name} is damaged"
