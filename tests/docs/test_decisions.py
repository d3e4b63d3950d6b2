"""docs/decisions.md: every entry has the same form."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from tests.docs.pages import DOCS, read

_LABELS: Final = ("Superseded", "Decision", "Why", "Measured", "Alternatives")
"""The labels of an entry, in their order; the first is of an entry that another one replaces."""

_LABEL: Final = re.compile(r"^\*\*(.+?)(?:\*\*|\n\n)", re.MULTILINE | re.DOTALL)
_REPLACED: Final = re.compile(r"^\*\*Superseded\.\*\* By \[[^]]+\]\(#([\w-]+)\)", re.MULTILINE)


class _Entry(NamedTuple):
    title: str
    body: str


def _entries(text: str) -> Iterator[_Entry]:
    """Find the entries of the page, and what is outside of one under the title `## ...`."""
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        name, *entries = re.split(r"^### ", section, flags=re.MULTILINE)
        title, _, outside = name.partition("\n")
        if outside.strip():
            yield _Entry(f"## {title}", outside)
        for entry in entries:
            title, _, body = entry.partition("\n")
            yield _Entry(title, body)


def _anchor(title: str) -> str:
    """Return the name by which GitHub links to a title."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _problem(entry: _Entry, anchors: set[str]) -> str | None:
    """Return what is wrong with the form of an entry."""
    labels = _LABEL.findall(entry.body)
    known = [f"{label}." for label in _LABELS if f"{label}." in labels]
    if not entry.body.lstrip().startswith("**") or not labels:
        return "begin with **Decision.**, or with **Why.** if the title says it all"
    if labels != known:
        return f"{labels}: each label once, in this order, and no other bold words: {_LABELS}"
    if "Superseded." in labels:
        replaced = _REPLACED.search(entry.body)
        if replaced is None or replaced[1] not in anchors:
            return "name the entry that replaces it: **Superseded.** By [title](#anchor)."
    return None


def _problems(text: str) -> list[str]:
    entries = list(_entries(text))
    anchors = {_anchor(entry.title) for entry in entries}
    found = [(entry.title, _problem(entry, anchors)) for entry in entries]
    return [f"{title}: {problem}" for title, problem in found if problem]


def test_every_entry_has_the_form() -> None:
    """Decision, Why, Measured, Alternatives; what has no label is an entry of the old form."""
    text = read(DOCS / "decisions.md")
    assert _problems(text) == []
    assert len(list(_entries(text))) > 100  # The titles are found.


def test_the_links_within_the_page_lead_to_an_entry() -> None:
    """A title that is changed keeps no link to its old name."""
    text = read(DOCS / "decisions.md")
    anchors = {_anchor(entry.title) for entry in _entries(text)}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links
    assert [link for link in links if link not in anchors] == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("**Decision.** A.\n\n**Why.** B.", None),
        ("**Why.** B.\n\n**Alternatives.** C.", None),
        ("**Superseded.** By [B](#b).\n\n**Decision.** A.", None),
        ("**A paragraph of the old form.** It says why.", "each label once"),
        ("**An old title\nof two lines.** It says why.", "each label once"),
        ("It says why.", "begin with"),
        ("**Why.** B.\n\n**Decision.** A.", "in this order"),
        ("**Decision.** A.\n\n**Decision.** A.", "each label once"),
        ("**Superseded.** By the next one.\n\n**Decision.** A.", "name the entry"),
        ("**Superseded.** By [C](#c).\n\n**Decision.** A.", "name the entry"),
    ],
)
def test_another_form_is_found(body: str, problem: str | None) -> None:
    """With what to write."""
    found = _problems(f"# Page\n\n## Room\n\n### A\n\n{body}\n\n### B\n\n**Why.** B.\n")
    assert len(found) == (problem is not None)
    assert all(problem in each for each in found if problem)


def test_a_paragraph_outside_of_an_entry_is_found() -> None:
    """It has no title."""
    (found,) = _problems("## Room\n\n**An entry.** Of the old form.\n\n### B\n\n**Why.** B.\n")
    assert found.startswith("## Room: ")
