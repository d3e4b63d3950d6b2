"""Companies that a Python program gives as values, instead of a companies file."""

import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final, SupportsIndex

from collector.core.errors import InputError
from collector.core.text import counted, quoted
from collector.plan.companies import Companies, Duplicate, format_companies
from collector.plan.company_line import BadLineError, parse_recorded_line

__all__ = ["GivenCompanies", "companies_of", "entries_of"]

GivenCompanies = Iterable[str | int | tuple[str | int, str | None]] | Mapping[Any, str | None]
"""Ids, pairs of an id and a name, or names by id."""

_SOURCE: Final = "companies"
"""Stands for the name of a file in messages; entries count from 1, like lines."""

_MOST_REPORTED: Final = 20


def entries_of(given: GivenCompanies) -> list[object]:
    """Return the ids, or the pairs of an id and a name, that a value holds.

    It reads the value in the thread of the caller, which may be the only one that can. Raises
    `InputError` for a value that is not a collection, or a table, whose elements are its columns.
    """
    if hasattr(given, "columns"):
        raise InputError(
            f"{_SOURCE}: a {type(given).__name__} has several columns; give one of them, such as "
            'table["company_id"], or pairs: zip(table["company_id"], table["name"])'
        )
    if isinstance(given, bytes | bytearray | memoryview) or not isinstance(given, Iterable):
        raise InputError(
            f"{_SOURCE}: a {type(given).__name__} is not a collection of ids; give ids, pairs of "
            "an id and a name, a mapping from ids to names, or the path of a companies file"
        )
    return list(given.items() if isinstance(given, Mapping) else given)


def companies_of(entries: Iterable[object]) -> Companies:
    """Return the companies of entries, each an id or a pair of an id and a name.

    The rules are those of a companies file, because the run directory has one. White space in a
    name becomes a single space. Duplicates are dropped and listed. Raises `InputError` with a line
    for each bad entry (20 at most), and when there is no entry.
    """
    names: dict[str, str] = {}
    first: dict[str, int] = {}
    duplicates: list[Duplicate] = []
    problems: list[str] = []
    for number, entry in enumerate(entries, start=1):
        try:
            company_id, name = _checked(entry)
        except BadLineError as problem:
            problems.append(f"{_SOURCE}:{number}: {problem}")
            continue
        if company_id in first:
            duplicates.append(Duplicate(number, company_id, first[company_id]))
            continue
        first[company_id] = number
        if name:
            names[company_id] = name
    if problems:
        more = len(problems) - _MOST_REPORTED
        rest = [f"{_SOURCE}: and {more} more bad entries"] if more > 0 else []
        raise InputError(*problems[:_MOST_REPORTED], *rest)
    if not first:
        raise InputError(f"{_SOURCE}: there is no company id in it")
    return Companies(tuple(first), names, tuple(duplicates), _SOURCE)


def _checked(entry: object) -> tuple[str, str]:
    """Return the id and the name of an entry. Raises `BadLineError`."""
    given_id, given_name = _parts(entry)
    company_id = _text_of_id(given_id)
    if given_name is not None and not isinstance(given_name, str):
        raise BadLineError(
            f"the name of {quoted(company_id)} is a {type(given_name).__name__}; give a text, or "
            "None for no name"
        )
    name = " ".join((given_name or "").split())
    if company_id.split() != [company_id] or "#" in company_id:
        raise BadLineError(
            f"{quoted(company_id)} cannot be an id: it is empty, or has white space or # in it; "
            "correct or remove it"
        )
    # A run directory keeps its companies as a companies file: what that cannot hold is refused.
    return parse_recorded_line(_line(company_id, name))


def _parts(entry: object) -> tuple[object, object]:
    if not isinstance(entry, tuple | list):
        return entry, None
    if len(entry) != len(("id", "name")):
        raise BadLineError(
            f"has {counted(len(entry), 'value')}; give an id, or a pair of an id and a name"
        )
    return entry[0], entry[1]


def _line(company_id: str, name: str) -> bytes:
    names = {company_id: name} if name else {}
    try:
        (line,) = format_companies(Companies((company_id,), names))
    except UnicodeEncodeError:
        raise BadLineError(
            f"{quoted(f'{company_id} {name}')} has half of a surrogate pair; correct or remove it"
        ) from None
    return line


def _text_of_id(given: object) -> str:
    if isinstance(given, str):
        return given
    # The integers of numpy and pandas are no `int`, and a bool is one.
    if isinstance(given, SupportsIndex) and not isinstance(given, bool):
        return str(operator.index(given))
    hint = "; a column of ids with gaps in it becomes one of floats"
    raise BadLineError(
        f"a {type(given).__name__} is not an id; give a text or an int"
        f"{hint if isinstance(given, float) else ''}"
    )
