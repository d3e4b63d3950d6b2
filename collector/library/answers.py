"""`read_answers`: what runs have collected, for a Python program."""

import warnings
from collections.abc import Iterator
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import Annotated

import msgspec

from collector.core.errors import InputError
from collector.core.outcome import Counters
from collector.store.newest import newest_lines

__all__ = ["CellAnswer", "UnreadWarning", "read_answers"]


class UnreadWarning(UserWarning):
    """What `read_answers` has left out, what is of an older run, or what adds up to too much."""


class CellAnswer(msgspec.Struct, frozen=True, gc=False):
    """The newest answer of a cell.

    * `company_id`: the id.
    * `from_date`, `until_date`: first and last day, both included; None for the server's default.
    * `fetched_at`: when it came.
    * `attempts`: requests that were sent for it.
    * `statistics`: the documented counters.
    """

    company_id: str
    from_date: date | None
    until_date: date | None
    fetched_at: Annotated[datetime, msgspec.Meta(tz=True)]
    attempts: int
    statistics: Counters


_answer = msgspec.json.Decoder(CellAnswer)


def read_answers(*run_directories: str | PathLike[str]) -> Iterator[CellAnswer]:
    """Yield the newest answer of every cell in run directories, as `collector latest` prints them.

    They are ordered by the company's id, then by the days. A run may be in progress. Memory grows
    with the answers of one company only; all others are in a temporary file. Damaged lines are left
    out with an `UnreadWarning`. Lines that are gone, answers of an older run than the newest that
    planned them, and windows that overlap are warned of likewise.

    Raises `InputError` when there is no run in a directory, runs are of different services, or a
    file needs the package zstandard, and `StorageError` when the temporary file cannot be written;
    all as the first answer is asked for.
    """
    if not run_directories:
        raise InputError("read_answers() needs the directory of a run, such as output/2026-11-23")
    remarks: list[str] = []
    directories = [Path(directory) for directory in run_directories]
    with newest_lines(directories, remarks.append) as newest:
        for remark in remarks:
            warnings.warn(remark, UnreadWarning, stacklevel=2)
        for line in newest.lines():
            try:
                answer = _answer.decode(line)
            except msgspec.ValidationError as error:
                # The days of a line that the collector did not write.
                remark = f"a line is no answer, and was left out: {error}"
                warnings.warn(remark, UnreadWarning, stacklevel=2)
                continue
            yield answer
