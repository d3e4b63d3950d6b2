"""Opening what an earlier attempt left behind: repair it, and find what is done already."""

import shlex
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from collector.errors import InputError, StoppedError, StorageError
from collector.models import SERVER_DEFAULT
from collector.plan import CellSet, Plan
from collector.store.company_list import read_company_list
from collector.store.ledger import Ledger
from collector.store.lines import parse_error, parse_result, timestamp
from collector.store.manifest import DatesRecord, Manifest
from collector.store.recorded_plan import (
    plan_differences,
    recorded_plan,
    service_differences,
)
from collector.store.repair import Span, broken_path, damaged_spans, put_aside
from collector.store.run_directory import COMPANIES, ERRORS, LOG, MANIFEST, STATISTICS
from collector.tally import CellState

__all__ = ["Age", "Recovered", "recover"]

_MISSING: Final = f"{MANIFEST} is missing"
_DAMAGED: Final = f"{MANIFEST} is damaged"
_FIRST_YEAR: Final = 2000
_LAST_YEAR: Final = 9000
"""Years far off are damage, and would break arithmetic with time zones."""

_LOOK_UP_EVERY: Final = 256
"""Lines that are read between two looks at whether the run is to end."""

_STALE_HOURS: Final = 12
"""Without dates, an unfinished run is continued for so long after its last answer."""


class Age(NamedTuple):
    """How old an answer is: in hours, and whether its day has ended in the run's time zone."""

    hours: float
    is_of_another_day: bool


@dataclass(frozen=True, slots=True)
class Recovered:
    """What an earlier attempt left: the cells that are done, and its story.

    `kept` counts the done cells by state; `remarks` says for people what was odd; `dates` is what
    was known of the meaning of dates, if that `is_known`.
    """

    done: CellSet
    kept: Counter[CellState] = field(default_factory=Counter)
    remarks: tuple[str, ...] = ()
    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
    is_known: bool = True


def recover(
    directory: Path,
    plan: Plan,
    service: dict[str, str],
    *,
    age: Callable[[datetime], Age],
    is_stopped: Callable[[], bool],
) -> Recovered:
    """Check that a run directory is for this plan, repair its files, and find the done cells.

    Nothing is changed before the plan is known to fit. Then damaged lines are put aside, see
    `collector.store.repair`. The lines alone say what is done; one bit is kept of each. Blocks:
    it reads everything, and raises `StoppedError` between lines when `is_stopped` says so.
    `age` tells how long ago a line was fetched. Raises `InputError` when the directory is for
    another plan or for other days, and `StorageError` when it cannot be read or repaired.
    """
    try:
        past = _read_past(directory, plan, service)
        results = _Results(plan, is_stopped)
        damaged = damaged_spans(directory / STATISTICS, results.take)
        remarks = results.ledger.remarks()
        if past.trouble:
            _refuse_what_is_not_ours(directory, past.trouble, results.ledger)
            if results.ledger.done:
                remarks.insert(0, f"{past.trouble}: its lines were taken for lines of this plan")
        _refuse_stale_default(directory, plan, results, age)
        # Nothing was changed up to here.
        remarks += _put_aside(directory / STATISTICS, damaged)
        if past.trouble == _DAMAGED:
            remarks += _put_aside(directory / MANIFEST, _whole(directory / MANIFEST))
        for name, check in ((ERRORS, _is_error), (LOG, _is_event)):
            remarks += _put_aside(directory / name, damaged_spans(directory / name, check))
    except OSError as error:
        raise StorageError(
            f"{error.filename or directory}: cannot be read or repaired: {error.strerror}; "
            "nothing is lost; see that this user may write there, and that there is room"
        ) from error
    return Recovered(
        results.ledger.done,
        results.kept(),
        tuple(remarks),
        past.attempts,
        past.dates,
        is_known=past.trouble not in {_MISSING, _DAMAGED},
    )


class _Results:
    """Takes the lines of the results, and enters them into a ledger."""

    def __init__(self, plan: Plan, is_stopped: Callable[[], bool]) -> None:
        self.ledger = Ledger(plan)
        self.newest: datetime | None = None
        self._empty = 0
        self._read = 0
        self._is_stopped = is_stopped
        # Only answers of the server's default window grow old.
        self._has_age = plan.windows[0] == SERVER_DEFAULT

    def take(self, line: bytes) -> bool:
        self._read += 1
        if self._read % _LOOK_UP_EVERY == 0 and self._is_stopped():
            raise StoppedError
        result = parse_result(line)
        if result is None or (self._has_age and not self._date(result.fetched_at)):
            return False
        if self.ledger.place(result) is not None and result.statistics.is_empty:
            self._empty += 1
        return True

    def _date(self, fetched_at: datetime) -> bool:
        """Note how old an answer is; False for a year that no answer was fetched in."""
        if not _FIRST_YEAR <= fetched_at.year <= _LAST_YEAR:
            return False
        if self.newest is None or fetched_at > self.newest:
            self.newest = fetched_at
        return True

    def kept(self) -> Counter[CellState]:
        data = len(self.ledger.done) - self._empty
        return Counter({CellState.DATA: data, CellState.EMPTY: self._empty})


class _Past(NamedTuple):
    """The earlier attempts, and the trouble if it cannot be known which plan they were for."""

    attempts: tuple[dict[str, Any], ...] = ()
    dates: DatesRecord | None = None
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
            recorded, is_intact = recorded_plan(manifest.plan, directory / COMPANIES)
            if is_intact:
                differences += plan_differences(recorded, plan)
            else:
                trouble = f"{COMPANIES} was edited"
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
    return _Past(tuple(manifest.attempts), manifest.dates, trouble)


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


def _refuse_what_is_not_ours(directory: Path, trouble: str, ledger: Ledger) -> None:
    """Refuse to begin among lines of another plan, or files of another program.

    Called when the manifest does not say whose the files are. Raises `InputError`.
    """
    if ledger.foreign:
        raise InputError(
            f"--output {directory}: {trouble}, and {ledger.remarks()[0]}; give another --output"
        )
    if ledger.done or trouble not in {_MISSING, _DAMAGED} or _has_our_list(directory):
        return
    files = (directory / name for name in (MANIFEST, STATISTICS, ERRORS, LOG))
    if found := [file.name for file in files if _whole(file)]:
        raise InputError(
            f"--output {directory}: {trouble}, and no line of a run is in it, but there is "
            f"{', '.join(found)}; give another --output"
        )


def _has_our_list(directory: Path) -> bool:
    try:
        return read_company_list(directory / COMPANIES).is_intact
    except InputError:
        return False


def _whole(file: Path) -> list[Span]:
    """Return all of a file's content as one span; nothing if there is none."""
    size = file.stat().st_size if file.is_file() else 0
    return [Span(0, size)] if size else []


def _refuse_stale_default(
    directory: Path, plan: Plan, results: _Results, age: Callable[[datetime], Age]
) -> None:
    """Refuse to take old answers for today's, when no dates were sent.

    The server's default window moves with the day. Going on with an unfinished run is what was
    asked for, within half a day; finding everything "done already" on another day is not.
    """
    if results.newest is None:
        return
    newest = age(results.newest)
    is_complete = len(results.ledger.done) == len(plan)
    if newest.hours > _STALE_HOURS or (is_complete and newest.is_of_another_day):
        raise InputError(
            f"--output {directory}: holds a run without dates whose last answer is of "
            f"{timestamp(results.newest)}, and the server answers for other days now; give "
            "another --output"
        )
