"""The formats of an export, chosen by the ending of the file's name."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from collector.core.errors import InputError
from collector.core.text import quoted

__all__ = [
    "STANDARD_OUTPUT",
    "Compression",
    "Format",
    "Target",
    "delimiter_of",
    "format_named",
    "format_of",
]

STANDARD_OUTPUT: Final = Path("-")


class Target(Enum):
    """What is written; the value is the ending of the file's name."""

    EXCEL = ".excel.csv"
    CSV = ".csv"
    JSON_LINES = ".jsonl"
    WORKBOOK = ".xlsx"
    PARQUET = ".parquet"
    DUCKDB = ".duckdb"

    @property
    def is_csv(self) -> bool:
        """Whether it is text with delimiters."""
        return self in {Target.CSV, Target.EXCEL}

    @property
    def is_text(self) -> bool:
        """Whether it is text, which can be compressed."""
        return self.is_csv or self is Target.JSON_LINES

    @property
    def is_made_by_duckdb(self) -> bool:
        """Whether DuckDB opens the file, by its name."""
        return self in {Target.PARQUET, Target.DUCKDB}


class Compression(Enum):
    """How text is compressed; the value is the ending that follows the one of the target."""

    NONE = ""
    GZIP = ".gz"
    ZSTD = ".zst"


@dataclass(frozen=True, slots=True)
class Format:
    """A target and its compression."""

    target: Target
    compression: Compression = Compression.NONE

    @property
    def is_binary(self) -> bool:
        """Whether a terminal cannot show it."""
        return not self.target.is_text or self.compression is not Compression.NONE

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages of the extra `export` that only this format needs."""
        if self.target is Target.WORKBOOK:
            return ("xlsxwriter",)
        return ("zstandard",) if self.compression is Compression.ZSTD else ()


_FORMATS: Final = {
    target.value + compression.value: Format(target, compression)
    for target in Target
    for compression in Compression
    if target.is_text or compression is Compression.NONE
}
"""The formats by the ending of the file's name; one that ends with another comes first."""


def format_of(path: Path, wanted: str | None = None) -> Format:
    """Return the format of a file: `wanted`, such as `csv.gz`, or what its ending says.

    Standard output has CSV. Raises `InputError` when there is no such format.
    """
    if wanted is not None:
        found = _FORMATS.get(f".{wanted.lower().removeprefix('.')}")
        problem = f"--format: {quoted(wanted)} is not a format that can be written"
    elif path == STANDARD_OUTPUT:
        return Format(Target.CSV)
    else:
        found = format_named(path)
        problem = f"{path}: the ending of --to names no known format"
    if found is None:
        targets = ", ".join(target.value for target in Target)
        texts = ", ".join(target.value for target in Target if target.is_text)
        raise InputError(f"{problem}; give one of {targets}; .gz or .zst may follow {texts}")
    return found


def format_named(path: Path) -> Format | None:
    """Return the format that the ending of a file's name says; None if it says none."""
    name = path.name.lower()
    endings = (end for end in _FORMATS if name.endswith(end) and len(name) > len(end))
    return _FORMATS.get(next(endings, ""))


_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}


def delimiter_of(target: Target, wanted: str | None) -> str:
    """Return the delimiter of values; `wanted` is the name of the one that was given, if any.

    Raises `InputError` when the format has none.
    """
    if wanted is None:
        return _DELIMITERS["semicolon" if target is Target.EXCEL else "comma"]
    if not target.is_csv:
        raise InputError(f"--delimiter is for CSV, and {target.value} has none; leave it out")
    return _DELIMITERS[wanted]
