"""The formats of an export, chosen by the ending of the file's name."""

from enum import Enum
from pathlib import Path
from typing import Final

from collector.core.errors import InputError

__all__ = ["Target", "delimiter_of", "target_of"]


class Target(Enum):
    """A format; the value is the ending of the file's name."""

    EXCEL = ".excel.csv"
    CSV = ".csv"
    PARQUET = ".parquet"
    DUCKDB = ".duckdb"

    @property
    def is_csv(self) -> bool:
        """Whether it is text with delimiters."""
        return self in {Target.CSV, Target.EXCEL}


def target_of(path: Path) -> Target:
    """Return the format of a file. Raises `InputError` when its ending is of none."""
    name = path.name.lower()
    for target in Target:
        if name.endswith(target.value) and len(name) > len(target.value):
            return target
    endings = ", ".join(target.value for target in Target)
    raise InputError(f"{path}: the ending of --to says what is written; give one of {endings}")


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
