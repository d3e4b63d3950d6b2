"""Records of the meaning of dates in the manifest, and checks that new lines fit the old ones."""

from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import structs

from collector.core.errors import DatesError
from collector.dates.probe import Finding, Until, Verdict
from collector.plan.date_params import DateQuery
from collector.store.lines import timestamp
from collector.store.manifest import DatesRecord

__all__ = [
    "doubted",
    "doubts",
    "ignored",
    "is_verified",
    "recorded",
    "refuse_mixing",
    "refuse_spoilt",
    "spoilt",
    "trusted",
]

_TRUSTED: Final = "trusted"


def trusted(query: DateQuery) -> DatesRecord:
    """Return the record of dates that the user trusts without verification."""
    return DatesRecord(verdict=_TRUSTED, until=_TRUSTED, until_exclusive=query.until_exclusive)


def is_verified(record: DatesRecord | None) -> bool:
    """Return whether the dates were verified as honoured, so that it need not be done again."""
    return record is not None and record.is_honoured


def recorded(finding: Finding, query: DateQuery, at: datetime, requests: int) -> DatesRecord:
    """Return the record of a finding; if `until` is inconclusive, `query` decides."""
    until_exclusive = finding.until is Until.EXCLUDED
    if finding.until is Until.INCONCLUSIVE:
        until_exclusive = query.until_exclusive
    return DatesRecord(
        verdict=finding.dates.value,
        until=finding.until.value,
        until_exclusive=until_exclusive,
        checked_at=timestamp(at),
        requests=requests,
        evidence=list(finding.evidence),
    )


def ignored(before: DatesRecord | None, evidence: str, at: datetime) -> DatesRecord:
    """Return the record of dates found to be ignored after lines were written."""
    return DatesRecord(
        verdict=Verdict.IGNORED.value,
        until=Until.INCONCLUSIVE.value,
        until_exclusive=before is not None and before.until_exclusive,
        checked_at=timestamp(at),
        evidence=[evidence],
    )


def doubted(before: DatesRecord, evidence: str, at: datetime) -> DatesRecord:
    """Return the record of dates that were verified before, and may be ignored now."""
    return structs.replace(before, verdict="doubted", checked_at=timestamp(at), evidence=[evidence])


def refuse_spoilt(before: DatesRecord | None, directory: Path) -> None:
    """Raise `DatesError` if lines of a directory are known to cover other days than they state.

    It is unknown which lines, so `--trust-dates` does not help.
    """
    if before is not None and before.is_ignored:
        raise DatesError(f"--output {directory}: {spoilt(before)}")


def spoilt(record: DatesRecord) -> str:
    """Return the message why a run whose lines were fetched with ignored dates cannot resume."""
    return (
        "the API ignored the dates when its lines were fetched "
        f"({'; '.join(record.evidence)}); give another --output"
    )


def refuse_mixing(
    before: DatesRecord | None, now: DatesRecord, directory: Path, *, is_known: bool
) -> None:
    """Raise `DatesError` if new lines may cover other days than those of the directory.

    `before` is the record with which those were written; None in directories written before dates
    were verified, and if it is unknown (not `is_known`). If it is unknown, new lines are accepted
    only when the server is verified to include the last day.
    """
    if not is_known and now.until != Until.INCLUDED.value:
        raise DatesError(
            f"--output {directory}: it is not known any more what the dates meant when its lines "
            "were fetched, for its run.json is missing or damaged; give another --output"
        )
    was_exclusive = before is not None and before.until_exclusive
    if was_exclusive == now.until_exclusive:
        return
    was, is_now = (
        "as the day after it" if exclusive else "as it is"
        for exclusive in (was_exclusive, now.until_exclusive)
    )
    raise DatesError(
        f"--output {directory}: its lines were fetched with the last day of a window sent {was}, "
        f"and now it would be sent {is_now}, so they are of other days; give another --output"
    )


def doubts(record: DatesRecord, query: DateQuery) -> list[str]:
    """Return remarks for the user: what is unknown, or differs from the options."""
    if record.verdict == Verdict.INCONCLUSIVE.value:
        evidence = "; ".join(record.evidence)
        text = f"it could not be found out whether the API honours the dates ({evidence})"
        return [f"{text}; look at the figures, or try collector check"]
    if record.until == Until.INCONCLUSIVE.value:
        text = f"it could not be found out whether the API includes {query.until_param}"
        return [f"{text}; it is taken for {'left out' if record.until_exclusive else 'included'}"]
    if query.until_exclusive and not record.until_exclusive:
        return ["--until-exclusive is set, but the API includes the last day: it is sent as it is"]
    return []
