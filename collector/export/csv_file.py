"""CSV that neither a spreadsheet nor a parser misunderstands."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from collector.export.columns import FOREIGN, excel_text, safe_text

__all__ = ["write_csv"]


def write_csv(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    delimiter: str,
    for_excel: bool,
) -> None:
    """Write rows; what is None stays empty. Raises `OSError`.

    The first `FOREIGN` columns are texts that somebody else has chosen, and are made safe.

    The text is UTF-8, quoted as RFC 4180 has it. For Excel it begins with a byte-order mark, by
    which Excel knows the encoding, and lines end with CR LF.
    """
    text = excel_text if for_excel else safe_text
    encoding, line_end = ("utf-8-sig", "\r\n") if for_excel else ("utf-8", "\n")
    with path.open("w", encoding=encoding, newline="") as stream:
        writer = csv.writer(stream, delimiter=delimiter, lineterminator=line_end)
        writer.writerow([safe_text(name) for name in header])
        writer.writerows(
            (*(value and text(value) for value in row[:FOREIGN]), *row[FOREIGN:]) for row in rows
        )
