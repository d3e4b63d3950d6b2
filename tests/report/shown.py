"""What a report shows: its page, the words of the page, the traces of a figure."""

import re
from typing import Any

from collector.report.figure import Figure
from collector.report.language import Lang
from collector.report.page import render
from collector.report.report import Report


def page_of(report: Report, lang: Lang = Lang.EN) -> str:
    """Return the page of a report."""
    return render(report, lang, "1.2.3").decode()


def words_of(page: str) -> str:
    """Return the text of a page before its data and scripts, without tags."""
    body = page[page.index("<body>") : page.index('<script type="application/json"')]
    return " ".join(re.sub(r"<[^>]*>", " ", body).replace("\xa0", " ").split())


def trace(figure: Figure, place: int = 0) -> Any:  # noqa: ANN401 - plain JSON
    """Return a trace of a figure."""
    return figure.data[place]


def layout(figure: Figure) -> Any:  # noqa: ANN401 - plain JSON
    """Return the layout of a figure."""
    return figure.layout
