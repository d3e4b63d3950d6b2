"""The options of the commands that read run directories."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter, Token

from collector.core.cell import CellState
from collector.settings.parsers import (
    converter,
    parse_directory,
    parse_file_or_output,
    parse_states,
)
from collector.settings.selection import OptionsFile

__all__ = [
    "DiffSettings",
    "ExportSettings",
    "LatestSettings",
    "ReportSettings",
    "StatusSettings",
]


_Named = frozenset[CellState | Literal["gap"]]


def _parse_states(_type: object, tokens: Sequence[Token]) -> _Named:
    # A list in the file, a flag given twice, and blanks in a variable make several tokens.
    return parse_states(",".join(token.value.strip(",") for token in tokens))


_FileOrOutput = Annotated[
    Path, Parameter(converter=converter(parse_file_or_output), allow_leading_hyphen=True)
]
"""A path, or `-` for standard output."""


@dataclass(frozen=True, kw_only=True)
class StatusSettings(OptionsFile):
    """The options of `collector status`."""

    json: bool = False
    """Print one JSON document for programs, with every gap in it."""

    fail_on: Annotated[_Named, Parameter(converter=_parse_states, negative="")] = frozenset()
    """End with exit code 1 if there are cells of these states, such as missing,failed. The states
    are data, empty, failed, missing. With gap: if a day of a company has no answer in any of these
    runs."""


@dataclass(frozen=True, kw_only=True)
class DiffSettings(OptionsFile):
    """The options of `collector diff`."""

    json: bool = False
    """Print one JSON document for programs, with every cell that differs in it."""


@dataclass(frozen=True, kw_only=True)
class LatestSettings:
    """The options of `collector latest`."""

    to: Annotated[_FileOrOutput, Parameter(alias="-o")] = Path("-")
    """The file, such as latest.jsonl; an existing file is replaced when the new one is complete.
    .jsonl.gz and .jsonl.zst are compressed. - is standard output. Only a flag sets it: in the
    environment and in collector.toml it is the file of an export or a report."""


@dataclass(frozen=True, kw_only=True)
class ExportSettings(OptionsFile):
    """The options of `collector export`."""

    to: Annotated[_FileOrOutput, Parameter(alias="-o")]
    """The file, or - for standard output; an existing file is replaced when the new one is
    complete. Its ending selects the format: .csv, .excel.csv, .jsonl, .xlsx, .parquet or .duckdb
    (with one table, statistics). After .csv and .jsonl, .gz or .zst compresses it."""

    format: str | None = None
    """The format, as an ending without its first dot: jsonl, csv.gz. Default: the ending of the
    file; on standard output csv."""

    delimiter: Literal["comma", "semicolon", "tab"] | None = None
    """The separator of a CSV file. Default: a comma; in .excel.csv a semicolon, which Excel expects
    where the comma is the decimal sign."""

    unknown_fields: bool = False
    """Add the column unknown_fields: the fields of each answer that have no column of their own,
    because the API does not document them, as one JSON object."""


@dataclass(frozen=True, kw_only=True)
class ReportSettings(OptionsFile):
    """The options of `collector report`."""

    to: Annotated[Path, Parameter(alias="-o", converter=converter(parse_directory))]
    """The page, such as report.html; an existing file is replaced when the new one is complete."""

    lang: Literal["en", "es"] = "en"
    """Language of the page: es or en."""
