"""The kinds of files that an export can write, told by the ending of the file's name."""

from enum import Enum
from pathlib import Path
from typing import Final

from collector.core.errors import InputError

__all__ = ["Target", "delimiter_of", "target_of"]


class Target(Enum):
    """A kind of file; the value is the ending of its name."""

    EXCEL = ".excel.csv"
    CSV = ".csv"
    PARQUET = ".parquet"
    DUCKDB = ".duckdb"

    @property
    def is_csv(self) -> bool:
        """Whether it is a text with delimiters."""
        return self in {Target.CSV, Target.EXCEL}


def target_of(path: Path) -> Target:
    """Return what kind of file it is to be. Raises `InputError` when its ending does not say."""
    name = path.name.lower()
    for target in Target:
        if name.endswith(target.value) and len(name) > len(target.value):
            return target
    endings = ", ".join(target.value for target in Target)
    raise InputError(f"{path}: the ending of --to says what is written; give one of {endings}")


_DELIMITERS: Final = {"comma": ",", "semicolon": ";", "tab": "\t"}


def delimiter_of(target: Target, wanted: str | None) -> str:
    """Return what stands between values; `wanted` is the name of it, if one was given.

    Raises `InputError` when the file has no such thing.
    """
    if wanted is None:
        return _DELIMITERS["semicolon" if target is Target.EXCEL else "comma"]
    if not target.is_csv:
        raise InputError(f"--delimiter is for CSV, and {target.value} has none; leave it out")
    return _DELIMITERS[wanted]
