"""Opening what an earlier attempt left behind: repair it, and find what is done already."""

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from collector.errors import InputError, StorageError
from collector.models import SERVER_DEFAULT
from collector.plan import CellSet, Plan
from collector.store.ledger import Ledger
from collector.store.lines import parse_error, parse_result
from collector.store.manifest import Manifest
from collector.store.recorded_plan import (
    plan_differences,
    recorded_plan,
    service_differences,
)
from collector.store.repair import Span, broken_path, damaged_spans, put_aside
from collector.store.run_directory import COMPANIES, ERRORS, LOG, MANIFEST, STATISTICS
from collector.tally import CellState

__all__ = ["Recovered", "recover", "refuse_stale_default"]

_MISSING: Final = f"{MANIFEST} is missing"
_DAMAGED: Final = f"{MANIFEST} is damaged"


@dataclass(frozen=True, slots=True)
class Recovered:
    """What an earlier attempt left: the cells that are done, and its story.

    `kept` counts the done cells by state; `remarks` says for people what was odd.
    """

    done: CellSet
    kept: Counter[CellState] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    attempts: tuple[dict[str, Any], ...] = ()


def recover(directory: Path, plan: Plan, service: dict[str, str]) -> Recovered:
    """Check that a run directory is for this plan, repair its files, and find the done cells.

    Nothing is changed before the plan is known to fit. Then damaged lines are put aside, see
    `collector.store.repair`. The lines alone say what is done; one bit is kept of each. Blocks:
    it reads everything. Raises `InputError` when the directory is for another plan, and
    `StorageError` when it cannot be read or repaired.
    """
    try:
        return _recover(directory, plan, service)
    except OSError as error:
        raise StorageError(
            f"{error.filename or directory}: cannot be read or repaired: {error.strerror}; "
            "nothing is lost; see that this user may write there, and that there is room"
        ) from error


def _recover(directory: Path, plan: Plan, service: dict[str, str]) -> Recovered:
    past = _read_past(directory, plan, service)
    ledger = Ledger(plan)
    empty, damaged = _read_results(directory / STATISTICS, ledger)
    remarks = ledger.remarks()
    if past.trouble and (ledger.done or ledger.foreign):
        if ledger.foreign:
            raise InputError(
                f"--output {directory}: {past.trouble}, and {remarks[0]}; give another --output"
            )
        remarks.insert(0, f"{past.trouble}: its lines were taken for lines of this plan")
    if past.trouble == _MISSING and damaged and not ledger.done:
        raise InputError(
            f"--output {directory}: {past.trouble}, and no line of {STATISTICS} is one of a run; "
            "give another --output"
        )
    # Nothing was changed up to here.
    if past.trouble == _DAMAGED:
        (directory / MANIFEST).replace(broken_path(directory / MANIFEST))
    remarks += _put_aside(directory / STATISTICS, damaged)
    for name, check in ((ERRORS, _is_error), (LOG, _is_event)):
        remarks += _put_aside(directory / name, damaged_spans(directory / name, check))
    kept = Counter({CellState.DATA: len(ledger.done) - empty, CellState.EMPTY: empty})
    return Recovered(ledger.done, kept, tuple(remarks), past.attempts)


class _Past(NamedTuple):
    """The earlier attempts, and the trouble if it cannot be known which plan they were for."""

    attempts: tuple[dict[str, Any], ...] = ()
    trouble: str = ""


def _read_past(directory: Path, plan: Plan, service: dict[str, str]) -> _Past:
    """Read the manifest and compare its plan. Raises `InputError` when that is another one."""
    try:
        manifest = Manifest.read(directory / MANIFEST)
    except ValueError:
        return _Past(trouble=_DAMAGED)
    if manifest is None:
        return _Past(trouble=_MISSING)
    trouble = ""
    differences = service_differences(manifest.service, service)
    if manifest.plan.fingerprint != plan.fingerprint:
        try:
            recorded = recorded_plan(manifest.plan, directory / COMPANIES)
            if recorded.fingerprint == manifest.plan.fingerprint:
                differences += plan_differences(recorded, plan)
            else:
                trouble = f"{COMPANIES} is not the list that {MANIFEST} speaks of"
        except InputError:
            trouble = f"{COMPANIES} is missing or damaged"
        except ValueError:
            trouble = _DAMAGED
    if differences:
        raise InputError(
            f"--output {directory}: holds a run of another plan: {'; '.join(differences)}; give "
            f"another --output, or see with collector status {shlex.quote(str(directory))} how to "
            "go on with that run"
        )
    return _Past(tuple(manifest.attempts), trouble)


def _read_results(path: Path, ledger: Ledger) -> tuple[int, list[Span]]:
    """Enter all results into the ledger; return how many cells are empty, and what is damaged."""
    empty = 0
    place = ledger.place

    def take(line: bytes) -> bool:
        nonlocal empty
        result = parse_result(line)
        if result is None:
            return False
        if place(result) is not None and result.statistics.is_empty:
            empty += 1
        return True

    damaged = damaged_spans(path, take)
    return empty, damaged


def _is_error(line: bytes) -> bool:
    return parse_error(line) is not None


def _is_event(line: bytes) -> bool:
    try:
        return type(orjson.loads(line)) is dict and line.endswith(b"\n")
    except orjson.JSONDecodeError:
        return False


def _put_aside(path: Path, damaged: list[Span]) -> list[str]:
    if not damaged:
        return []
    put_aside(path, damaged)
    size = sum(span.end - span.start for span in damaged)
    remark = (
        f"{path.name}: {size:,} damaged bytes from byte {damaged[0].start:,} on "
        f"were put aside into {broken_path(path).name}"
    )
    return [remark]


def refuse_stale_default(
    directory: Path, recovered: Recovered, plan: Plan, day_of: Callable[[datetime], date]
) -> None:
    """Refuse to take yesterday's answers for today's, when no dates were sent.

    The server's default window moves with the day. Going on with an unfinished run is what was
    asked for; finding everything "done already" on another day is not. `day_of` gives the day of
    a moment in the run's time zone. Raises `InputError`.
    """
    is_complete = len(recovered.done) == len(plan)
    if plan.windows[0] != SERVER_DEFAULT or not is_complete or not recovered.attempts:
        return
    begun = day_of(datetime.fromisoformat(recovered.attempts[0]["started_at"]))
    if begun != day_of(datetime.now(UTC)):
        raise InputError(
            f"--output {directory}: holds a complete run of {begun}, and without dates the server "
            "answers for other days now; give another --output"
        )
