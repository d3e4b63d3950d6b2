"""Run directories of any size, made without requests: the commands read them as any others."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import orjson

from collector.plan import Companies, DateRange, Part, Plan, WindowSize, cut_windows
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.chain import unrecorded
from collector.store.digests import Digests, file_digests
from collector.store.files import COMPANIES, Listing, PartFiles
from collector.store.identity import describe_service
from collector.store.lines import timestamp
from collector.store.manifest import DatesRecord, Manifest, describe_plan
from collector.store.recorded_plan import write_company_list
from collector.telemetry.stats import RunStats

__all__ = ["BYTES_OF_LINE", "figures", "make_part", "planned"]

BYTES_OF_LINE: Final = 290
"""The most that a made line has."""

_DAILY: Final = WindowSize("days", 1)
_AT: Final = datetime(2026, 11, 28, 2, tzinfo=UTC)
_LASTED: Final = timedelta(minutes=5)
_DATES: Final = DatesRecord(verdict="trusted", until="trusted", until_exclusive=False)

_KINDS: Final = 4999
"""Different figures of answers, a prime: the windows of a company differ."""

_STEP: Final = 101
"""How many figures apart those of two windows are."""


def planned(companies: int, first: date, days: int) -> Plan:
    """Return a plan of companies, of which each has a name, and single days."""
    ids = tuple(str(number) for number in range(1, companies + 1))
    names = {company: f"Company {company}" for company in ids}
    last = first + timedelta(days - 1)
    return Plan(Companies(ids, names), cut_windows(DateRange(first, last), _DAILY))


def figures(restated: int = 0) -> list[bytes]:
    """Return the figures of answers, as JSON; of those that are restated some fields differ."""
    return [
        orjson.dumps(
            {
                "total": 900 + kind,
                "sended": 700 + kind - restated,
                "pending": 50 + restated,
                "fails": 150,
                "actions": {"RECEIVED": 500 + kind, "PRESS_ACTION": 160, "CLOSED": 18},
                "campaign": 3,
            }
        )
        for kind in range(_KINDS)
    ]


def make_part(  # noqa: PLR0913 - each is a fact about the run
    files: PartFiles,
    plan: Plan,
    kinds: Sequence[bytes],
    *,
    base_url: str,
    missing: int = 0,
    attempts: int = 1,
    at: datetime = _AT,
) -> None:
    """Write the files of a run, or of one of its shards, of which the last cells are missing.

    A part without missing cells has finished, and its manifest has the digests of the files.
    `attempts` is the number of invocations that the manifest records.
    """
    files.directory.mkdir(parents=True, exist_ok=True)
    if not (files.directory / COMPANIES).exists():
        write_company_list(files.directory / COMPANIES, plan.companies)
    part = Part(plan, files.shard)
    with files.statistics.open("wb") as stream:
        stream.writelines(_lines(part, kinds, at, len(part) - missing))
    settings = RunSettings(base_url=base_url)
    manifest = Manifest(
        plan=describe_plan(plan, _DAILY),
        service=describe_service(settings),
        dates=_DATES,
        attempts=[
            _attempt(settings, len(part), at - 2 * _LASTED * (number - 1), missing)
            for number in range(attempts, 0, -1)
        ],
    )
    if not missing:
        manifest.digests = Digests(
            files=file_digests(files, Listing.of(files.directory)),
            previous=unrecorded(files, Listing.of(files.directory)),
        )
    manifest.write(files.manifest)


def _attempt(settings: RunSettings, cells: int, at: datetime, missing: int) -> dict[str, object]:
    """Return the entry of an invocation of five minutes, interrupted if cells are missing."""
    entry = AttemptEntry(at, describe_settings(settings))
    entry.ended(at + _LASTED, 130 if missing else 0, None, RunStats(cells))
    return entry.as_json()


def _lines(part: Part, kinds: Sequence[bytes], at: datetime, most: int) -> Iterator[bytes]:
    """Yield the first lines in the order of the plan, those of one company at a time."""
    days = [
        b'"from_date":"%b","until_date":"%b","fetched_at":"%b","attempts":1,"statistics":'
        % (str(window.from_date).encode(), str(window.until_date).encode(), timestamp(at).encode())
        for window in part.plan.windows
    ]
    for company, company_id in enumerate(part.plan.companies.ids):
        head = b'{"company_id":"%b",' % company_id.encode()
        start = part.plan.span(company).start
        places = [cell - start for span in part.spans(company) for cell in span][:most]
        yield b"".join(
            [
                b"%b%b%b}\n" % (head, days[place], kinds[(company + place * _STEP) % _KINDS])
                for place in places
            ]
        )
        most -= len(places)
