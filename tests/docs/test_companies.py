"""docs/companies.md: its files are read as it says, and what it refuses is refused."""

import re

import pytest

from collector.core.errors import InputError
from collector.plan import parse_companies
from tests.docs.pages import DOCS, blocks, read

_TEXT = read(DOCS / "companies.md")


def _lines(text: str) -> list[bytes]:
    return text.encode().splitlines(keepends=True)


def test_the_files_of_the_page_are_read() -> None:
    """A list, a table, and a list with ids in quotes."""
    files = [parse_companies(_lines(block.body), "f") for block in blocks(_TEXT)]
    assert [file.ids for file in files] == [
        ("1", "007", "-1"),
        ("1", "007"),
        ("a;b", "1.0", "id"),
    ]
    assert files[0].names["007"] == "Banco del Sur"
    assert files[1].names == {"1": "Andes Retail", "007": "Banco del Sur; S.A."}


def test_what_the_page_refuses_is_refused() -> None:
    """Each example in the first column of its table."""
    table = _TEXT.partition("## What is rejected")[2].split("\n\n")[2]
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    examples = [example for cell in first[:6] for example in re.findall("`([^`]+)`", cell)]
    assert len(examples) == 11
    for example in examples:
        with pytest.raises(InputError):
            parse_companies([example.encode()], "f")
