"""The lines that each program leaves, as cells with their figures."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from benchmarks.facts.server import figure
from benchmarks.speed.work import Work

__all__ = ["READERS", "Left", "left"]

Line = tuple[str, str, int]
"""Company, day, total."""


class Left(NamedTuple):
    """What a program has left: cells without a line, further lines of a cell, wrong totals."""

    missing: int
    doubled: int
    wrong: int


def left(lines: Iterator[Line], work: Work) -> Left:
    """Compare lines with the totals that the server has for these days."""
    counts: Counter[tuple[str, str]] = Counter()
    wrong = 0
    for company, day, total in lines:
        counts[company, day] += 1
        wrong += total != figure(company, day, day)
    cells = {(company, str(day)) for company in work.companies for day in work.days}
    return Left(len(cells - counts.keys()), counts.total() - len(counts), wrong)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines that can be read; a killed program may have left half of one."""
    if not path.exists():
        return
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as stream:
        for text in stream:
            try:
                yield json.loads(text)
            except ValueError:
                continue


def _of_address(url: str) -> tuple[str, str]:
    address = urlsplit(url)
    return address.path.split("/")[-2], parse_qs(address.query)["from_date"][0]


def _collector(directory: Path) -> Iterator[Line]:
    for line in _json_lines(directory / "run" / "statistics.jsonl"):
        yield line["company_id"], line["from_date"], line["statistics"]["total"]


def _curl(directory: Path) -> Iterator[Line]:
    for line in _json_lines(directory / "lines.jsonl"):
        yield line["company_id"], line["from_date"], (line["statistics"] or {}).get("total", -1)


def _scrapy(directory: Path) -> Iterator[Line]:
    for line in _json_lines(directory / "feed.jsonl"):
        yield *_of_address(line["url"]), line["statistics"]["total"]


def _dlt(directory: Path) -> Iterator[Line]:
    for path in sorted((directory / "loaded").glob("*/statistics/*.jsonl*")):
        for line in _json_lines(path):
            yield *_of_address(line["url"]), line["statistics__total"]


def _singer(directory: Path) -> Iterator[Line]:
    for message in _json_lines(directory / "output.txt"):
        if message["type"] == "RECORD":
            record = message["record"]
            yield record["company_id"], record["day"], record["total"]


READERS: Final[dict[str, Callable[[Path], Iterator[Line]]]] = {
    "collector": _collector,
    "curl-jq": _curl,
    "scrapy": _scrapy,
    "dlt-async": _dlt,
    "dlt-threads": _dlt,
    "singer": _singer,
}
"""By the key of the program; each takes the directory of its job."""
