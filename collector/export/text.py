"""Exports as text: CSV and JSON Lines, compressed or not."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import orjson

from collector.core.text import terminal_safe
from collector.export.columns import (
    OTHER_ACTIONS,
    UNKNOWN_FIELDS,
    UNTRUSTED_COLUMNS,
    excel_text,
    safe_text,
)
from collector.export.compression import compressed
from collector.export.formats import Format, Target

__all__ = ["write_text"]

_JSON: Final = frozenset({OTHER_ACTIONS, UNKNOWN_FIELDS})
"""The columns of JSON, which are the last ones."""


def write_text(
    path: Path,
    form: Format,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    delimiter: str,
) -> None:
    """Write rows over an existing file; `delimiter` is for CSV. Raises `OSError`."""
    with compressed(path, form.compression) as stream:
        if form.target is Target.JSON_LINES:
            for line in _json_lines(header, rows):
                stream.write(line)
        else:
            _write_csv(stream, header, rows, delimiter, for_excel=form.target is Target.EXCEL)


def _json_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """Yield a flat object for each row, with all columns; None becomes null."""
    for row in rows:
        line = orjson.dumps(dict(zip(header, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE)
        yield terminal_safe(line)


def _write_csv(
    stream: IO[bytes],
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    delimiter: str,
    *,
    for_excel: bool,
) -> None:
    """Write rows; None becomes an empty field.

    The untrusted text of the first `UNTRUSTED_COLUMNS` columns is made safe, and that of columns of
    JSON. The file is UTF-8, quoted as in RFC 4180. For Excel it begins with a byte-order
    mark, from which Excel knows the encoding, and lines end with CR LF.
    """
    text = excel_text if for_excel else safe_text
    encoding, line_end = ("utf-8-sig", "\r\n") if for_excel else ("utf-8", "\n")
    with io.TextIOWrapper(stream, encoding, newline="") as characters:
        writer = csv.writer(characters, delimiter=delimiter, lineterminator=line_end)
        writer.writerow([safe_text(name) for name in header])
        first_json = len(header) - sum(name in _JSON for name in header)
        writer.writerows(
            (
                *(value and text(value) for value in row[:UNTRUSTED_COLUMNS]),
                *row[UNTRUSTED_COLUMNS:first_json],
                *(value and _safe_json(value) for value in row[first_json:]),
            )
            for row in rows
        )


def _safe_json(text: str) -> str:
    return terminal_safe(text.encode()).decode()
