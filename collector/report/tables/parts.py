"""What all tables are made of: heads with their scope, numbers on the right, rows."""

from collections.abc import Iterable, Sequence

from collector.report.html import Child, Markup, element, joined, untrusted
from collector.report.language import Language
from collector.report.texts import delivery as texts

__all__ = ["Row", "action", "numbers", "row", "table"]

Row = tuple[Child, ...]


def table(
    caption: str,
    columns: Sequence[str],
    rows: Iterable[Row],
    *,
    text_columns: int = 1,
    kind: str = "",
) -> Markup:
    """Return a table that scrolls sideways by itself where it is too wide.

    The first cell of a row heads it. The first `text_columns` columns are text, the others numbers.
    `kind` is a class for the style sheet: the lines of `facts` may wrap.
    """
    heads = (
        element("th", name, scope="col", class_=None if place < text_columns else "number")
        for place, name in enumerate(columns)
    )
    body = (element("tr", *_cells(cells, text_columns)) for cells in rows)
    content = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        class_=kind or None,
    )
    # Whoever has no mouse scrolls it with the arrow keys, so it takes the focus.
    return element("div", content, class_="scroll", tabindex=0, role="group", aria_label=caption)


def row(*cells: Child) -> Row:
    """Return a row of a table; the first cell heads it."""
    return cells


def numbers(values: Iterable[int], words: Language) -> list[str]:
    """Return the cells of whole numbers."""
    return [words.number(value) for value in values]


def action(name: str, words: Language) -> Markup:
    """Return an action of the API, told apart from its counters."""
    before, _, after = words(texts.ACTION, name="\0").partition("\0")
    return joined((before, untrusted(name), after))


def _cells(cells: Sequence[Child], text_columns: int) -> Iterable[Markup]:
    for place, cell in enumerate(cells):
        if place == 0:
            yield element("th", cell, scope="row")
        else:
            yield element("td", cell, class_=None if place < text_columns else "number")
