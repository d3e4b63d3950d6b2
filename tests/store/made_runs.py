"""Run directories that are made by hand, for what reads several of them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.outcome import Answer, Counters
from collector.plan import WHOLE, Companies, DateRange, Plan, Shard, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.files import PartFiles
from collector.store.identity import describe_service
from collector.store.lines import result_line
from collector.store.lock import DirectoryLock
from collector.store.manifest import Manifest, describe_plan
from collector.store.recorded_plan import write_company_list

WHOLE_RUN = Shard()
FIRST = date(2026, 11, 1)
AT = datetime(2026, 11, 23, 2, 0, 1, tzinfo=UTC)
ZEROS: dict[str, Any] = {
    **dict.fromkeys(("total", "sended", "pending", "fails", "campaign"), 0),
    "actions": {},
}
_NONE = Counters(0, 0, 0, 0, 0, {})


def day(number: int | None) -> Window:
    """Give the window of a day of November, the first is 1; None is the server's default."""
    if number is None:
        return SERVER_DEFAULT
    one = FIRST + timedelta(number - 1)
    return Window(one, one)


def line(
    company: str,
    number: int | None,
    at: float = 0,
    data: bytes | None = None,
    **counters: Any,  # noqa: ANN401 - see ZEROS
) -> bytes:
    """Write the line of an answer that was fetched `at` seconds later than usual."""
    # Not orjson: a counter may be larger than its 64 bits.
    text = data or json.dumps({**ZEROS, **counters}).encode()
    answer = Answer(text, _NONE, AT + timedelta(seconds=at), requests=1)
    return result_line(Cell(company, day(number)), answer, 1)


def make_run(  # noqa: PLR0913 - each has its usual value
    path: Path,
    lines: Iterable[bytes] = (),
    *,
    companies: Iterable[str] = ("1", "2", "é"),
    names: Mapping[str, str] | None = None,
    days: tuple[int, int] | None = (1, 4),
    window: str = "1d",
    settings: RunSettings | None = None,
    shard: Shard = WHOLE_RUN,
    firsts: Sequence[int] = (),
) -> Path:
    """Make a run directory; `days` are the first and the last of its plan, None sends no dates.

    With a shard it gets the files of that one, beside what is there. `firsts` are the places of the
    first windows of the companies.
    """
    files = PartFiles(path, shard)
    path.mkdir(exist_ok=not shard.is_whole)
    size = WHOLE if days is None else WindowSize.parse(window)
    dates = None
    if days is not None:
        ends = [day(number).from_date or FIRST for number in days]
        dates = DateRange(*ends)
    listed = Companies(tuple(companies), dict(names or {}))
    plan = Plan(listed, cut_windows(dates, size), firsts)
    used = replace(settings or RunSettings(), shard=shard)
    Manifest(
        plan=describe_plan(plan, size),
        service=describe_service(used),
        attempts=[AttemptEntry(AT, describe_settings(used)).as_json()],
    ).write(files.manifest)
    write_company_list(path / "run-companies.txt", plan.companies, plan.first_days())
    files.statistics.write_bytes(b"".join(lines))
    return path


@contextmanager
def at_work(run: Path) -> Iterator[None]:
    """Hold the lock of a run."""
    lock = DirectoryLock.take(run / "run.lock")
    try:
        yield
    finally:
        lock.release()
