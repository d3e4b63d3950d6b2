"""Parsers and validators of option values: from a text to a value, or an error that teaches.

Parsers raise `ValueError`; the command line library puts the option in front of the message.
"""

import math
import re
from collections.abc import Callable, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeVar

from cyclopts import Token

from collector.core.cell import GAP, CellState
from collector.core.text import quoted

__all__ = [
    "Days",
    "Duration",
    "Limit",
    "Rate",
    "check_finite",
    "check_parameter_name",
    "converter",
    "parse_answers",
    "parse_column",
    "parse_count",
    "parse_date",
    "parse_directory",
    "parse_duration",
    "parse_file_or_output",
    "parse_limit",
    "parse_metrics_file",
    "parse_rate",
    "parse_states",
]

_Value = TypeVar("_Value")


def parse_directory(text: str) -> Path:
    """Return a path; `ValueError` for `-`, and for an empty text, as of an unset variable."""
    if not text:
        message = "an empty name is no directory; write . for the current one"
        raise ValueError(message)
    if text == "-":
        message = "- is neither a pipe nor a name here; give a path, such as ./- for that name"
        raise ValueError(message)
    return Path(text)


def parse_file_or_output(text: str) -> Path:
    """Return a path, or `-` for standard output; `ValueError` for an empty text."""
    return Path(text) if text == "-" else parse_directory(text)


def parse_answers(text: str) -> Literal["-"] | None:
    """Return `-` for standard output, or None for `none`. Raises `ValueError` for anything else."""
    if text == "none":
        return None
    if text != "-":
        message = (
            f"{quoted(text)} is not -, which is standard output; a run writes its answers into "
            "statistics.jsonl of the directory that --output names"
        )
        raise ValueError(message)
    return "-"


def parse_column(text: str) -> str:
    """Return the header of a column; `ValueError` for a blank text: it names none."""
    if not text.strip():
        message = "a blank text names no column; write its header, or leave the option out"
        raise ValueError(message)
    return text.strip()


def parse_metrics_file(text: str) -> Path:
    """Return the path of a metrics file: `night.prom`. Raises `ValueError` for any other ending.

    node_exporter would not read it, and a file of another kind could be overwritten.
    """
    path = Path(text)
    if path.suffix != ".prom" or "\0" in text:
        message = (
            f"{quoted(text)} does not end in .prom, and node_exporter reads no other file; "
            "write a name such as night.prom"
        )
        raise ValueError(message)
    return path


class Days(int):
    """A number of days, printed as the option: `7d`; the help names it DAYS."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"{int(self)}d"


class Duration(int):
    """A number of seconds, printed as the option: `6h`; the help names it DURATION."""

    __slots__ = ()

    def __str__(self) -> str:
        seconds = int(self)
        unit = next(unit for unit in reversed(_UNITS) if seconds % _UNITS[unit] == 0)
        return f"{seconds // _UNITS[unit]}{unit}"


class Rate(float):
    """Requests per second, printed as the option: `50`, `0.5`, and `auto` for `inf`."""

    __slots__ = ()

    def __str__(self) -> str:
        return "auto" if math.isinf(self) else repr(float(self)).removesuffix(".0")


_SLOWEST: Final = 0.001
_FASTEST: Final = 1_000_000.0


def parse_rate(text: str) -> Rate:
    """Parse `50`, `0.5` or `auto`. Raises `ValueError` with a message that teaches."""
    if text == "auto":
        return Rate(math.inf)
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not _SLOWEST <= rate <= _FASTEST:
        message = (
            f"{quoted(text)} is not a rate: write requests per second from {_SLOWEST:g} to 1000000,"
            " such as 10 or 0.5, or auto"
        )
        raise ValueError(message)
    return Rate(rate)


_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_DURATION: Final = re.compile(r"([1-9][0-9]{0,7})([smhd])")

_LONGEST: Final = 366 * 86400


def parse_duration(text: str) -> Duration:
    """Parse `90s`, `30m`, `6h` or `2d`, a year at most; else `ValueError`."""
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST:
        message = (
            f"{quoted(text)} is not a duration: write a whole number and s, m, h or d, "
            "such as 90s, 30m or 6h (366d at most)"
        )
        raise ValueError(message)
    return Duration(seconds)


_NAMED_BY_THE_LIBRARY: Final = {"", "cli", "env"}
"""Sources that the name of the option shows: `--rate`, `COLLECTOR_RATE`; not so a file."""


def converter(parse: Callable[[str], _Value]) -> Callable[[object, Sequence[Token]], _Value]:
    """Adapt a parser of one text to the signature that the command line library calls."""

    def convert(_type: object, tokens: Sequence[Token]) -> _Value:
        token = tokens[0]
        try:
            return parse(token.value)
        except ValueError as error:
            if token.source in _NAMED_BY_THE_LIBRARY:
                raise
            raise ValueError(f"{error} (in {token.source})") from None

    return convert


def parse_date(text: str) -> date:
    """Parse `YYYY-MM-DD`, and nothing else. Raises `ValueError` with a message that teaches."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        message = f'"{text}" is not a day of the calendar; write YYYY-MM-DD, such as 2026-01-31'
        raise ValueError(message)
    return day


def parse_count(text: str) -> int:
    """Parse a whole number. Raises `ValueError` with a message that teaches."""
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        message = f'"{text}" is not a whole number; write one such as 8'
        raise ValueError(message)
    return int(text)


class Limit(str):
    """A number of cells, or a share of them in percent, as the option: `20`, `2.5%`."""

    __slots__ = ()

    def of(self, cells: int) -> int:
        """Return how many of so many cells that are, rounded down."""
        number = Fraction(self.removesuffix("%"))
        return int(cells * number / 100 if self.endswith("%") else number)


_LIMIT: Final = re.compile(r"[0-9]{1,12}|(100|[0-9]{1,2}(\.[0-9]{1,3})?)%")


def parse_limit(text: str) -> Limit:
    """Parse `20` or `2.5%`. Raises `ValueError` with a message that teaches."""
    if _LIMIT.fullmatch(text) is None:
        message = (
            f"{quoted(text)} is neither a number of cells nor a share of them: write a whole "
            "number such as 20, or a share such as 5%"
        )
        raise ValueError(message)
    return Limit(text)


_NAMED: Final = (*CellState, GAP)


def parse_states(text: str) -> frozenset[CellState | Literal["gap"]]:
    """Parse what `--fail-on` names: `missing,gap`. Raises `ValueError` with a message."""
    try:
        names = [state.strip() for state in text.split(",")]
        return frozenset(GAP if name == GAP else CellState(name) for name in names)
    except ValueError:
        message = (
            f"{quoted(text)}: write states of cells ({', '.join(_NAMED)}) with commas between "
            "them, such as missing,failed"
        )
        raise ValueError(message) from None


def check_parameter_name(_type: object, value: str) -> None:
    """Accept only names that need no encoding in a query."""
    if not value.isascii() or not value.replace("_", "").replace("-", "").isalnum():
        message = "A parameter name has letters, digits, '_' and '-' only."
        raise ValueError(message)


def check_finite(_type: object, value: object) -> None:
    """Refuse NaN and the infinities, which pass some comparisons; ignore other types."""
    if isinstance(value, float) and not math.isfinite(value):
        message = "Must be a finite number."
        raise ValueError(message)
