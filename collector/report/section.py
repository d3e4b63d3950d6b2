"""A section of the page: what its template is given."""

from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType

from collector.report.language import Language, Text
from collector.report.model import WindowSpan

__all__ = ["Section", "known_days"]


@dataclass(frozen=True, slots=True)
class Section:
    """A section: `templates/sections/<anchor>.html.jinja` shows `view` with the texts `t`.

    `anchor` is its id in the page, too; `heading` names it in the navigation. `view` is a value of
    its own class for each section.
    """

    anchor: str
    heading: Text
    t: ModuleType
    view: object


def known_days(spans: Iterable[WindowSpan], words: Language) -> str:
    """Return the days from the first to the last that is known."""
    found = tuple(spans)
    begins = [span.from_date for span in found if span.from_date]
    ends = [span.until_date for span in found if span.until_date]
    return words.days(min(begins, default=None), max(ends, default=None))
