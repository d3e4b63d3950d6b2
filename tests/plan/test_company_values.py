import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from collector.core.errors import InputError
from collector.plan import RECORDED
from collector.plan.companies import Companies, Duplicate, format_companies, parse_companies
from collector.plan.company_values import companies_of, entries_of


def _companies(given: Any) -> Companies:  # noqa: ANN401 - also what is no collection
    return companies_of(entries_of(given))


class _Int64:
    """An integer of numpy."""

    def __index__(self) -> int:
        return 17


def _generated() -> Iterator[str]:
    yield from ("17", "18")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (["17", "18"], {}),
        ([17, _Int64(), "18"], {}),
        (("17", "18"), {}),
        (_generated(), {}),
        ({"17": None, "18": ""}, {}),
        ([("17", "Banco  del\tSur "), ["18", None]], {"17": "Banco del Sur"}),
        ({"17": "Banco del Sur", 18: "É, S.A."}, {"17": "Banco del Sur", "18": "É, S.A."}),
    ],
)
def test_companies_are_given_in_several_ways(given: object, names: dict[str, str]) -> None:
    """Ids, pairs, or a mapping; in their order."""
    companies = _companies(given)
    assert companies.ids == ("17", "18")
    assert dict(companies.names) == names


def test_duplicates_are_dropped_and_listed() -> None:
    """By their number, from 1; also if one is a number and one a text."""
    companies = _companies([("17", "first"), ("18", "x"), (17, "second")])
    assert companies.ids == ("17", "18")
    assert companies.names["17"] == "first"
    assert companies.duplicates == (Duplicate(3, "17", 1),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "companies: there is no company id in it"),
        (["a", ""], "companies:2: "),
        ([" a"], 'companies:1: " a" cannot be an id'),
        (["a b"], 'companies:1: "a b" cannot be an id'),
        (["#a"], 'companies:1: "#a" cannot be an id'),
        (["a\n"], "companies:1: "),
        ([".."], "companies:1: "),
        (["a\u200b"], "invisible character U\\+200B"),
        (["\ufeffa"], "invisible character U\\+FEFF"),
        (["\ud800"], "half of a surrogate pair"),
        (["x" * 9000], "longer than 8192 bytes"),
        ([17.0], "companies:1: a float is not an id; give a text or an int; a column of ids with"),
        ([None], "companies:1: a NoneType is not an id"),
        ([True], "companies:1: a bool is not an id"),
        ([("1", "2", "3")], "companies:1: has 3 values"),
        ([("1", 2)], 'companies:1: the name of "1" is a int; give a text'),
        (5, "companies: a int is not a collection of ids"),
        (b"17", "companies: a bytes is not a collection of ids"),
        (bytearray(b"17"), "companies: a bytearray is not a collection of ids"),
        (memoryview(b"17"), "companies: a memoryview is not a collection of ids"),
        (SimpleNamespace(columns=["company_id"]), "companies: a SimpleNamespace has several col"),
    ],
)
def test_what_is_no_company_is_refused(given: object, message: str) -> None:
    """With its number, from 1."""
    with pytest.raises(InputError, match=message):
        _companies(given)


def test_every_bad_entry_is_named() -> None:
    """20 at most."""
    with pytest.raises(InputError) as raised:
        _companies([""] * 22)
    assert len(raised.value.lines) == 21
    assert raised.value.lines[-1] == "companies: and 2 more bad entries"


def test_what_is_accepted_survives_in_the_list_of_a_run() -> None:
    """Ids and names of any characters: a run is resumed with the list in its directory."""
    letters = "aé17-_.,;:'\"[]()/\\%&=+ #\t\u2028\u200b😀\x1c"
    draw = random.Random(1)  # noqa: S311 - no secret
    accepted = 0
    for _ in range(2000):
        pair = tuple("".join(draw.choices(letters, k=draw.randint(1, 4))) for _ in range(2))
        try:
            companies = _companies([pair])
        except InputError:
            continue
        accepted += 1
        again = parse_companies([RECORDED + b"\n", *format_companies(companies)], "list")
        assert (again.ids, dict(again.names)) == (companies.ids, dict(companies.names))
    assert accepted > 200
