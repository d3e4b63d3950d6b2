"""HTML from Python values: all text is escaped unless it is `Markup`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

from collector.report.model import Company
from collector.report.untrusted import company_text, plain

__all__ = ["Child", "Markup", "company", "element", "joined", "prose", "untrusted"]


@dataclass(frozen=True, slots=True)
class Markup:
    """A complete and safe piece of HTML."""

    html: str


Child = Markup | str | None
Attribute = str | int | bool | None

_WHOLE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d UTC)?|collector status (?:DIR|--json))"
)
"""Days, moments and commands: a line break within one would spoil copying and reading."""

_VOID: Final = frozenset({"meta", "br"})


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element; `class_` is the attribute class, `data_x` data-x; None leaves it out."""
    opening = "".join((name, *_attributes(attributes)))
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{joined(children).html}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """Return several pieces as one; plain text is escaped, None is left out."""
    return Markup("".join(map(_html, children)))


def untrusted(text: str, *, lang: str | None = None) -> Markup:
    """Return untrusted text in an element that isolates its direction from the text around it.

    `lang` is its language, if that is known and differs from the language of the page.
    """
    return element("bdi", plain(text), lang=lang)


def prose(text: str) -> Markup:
    """Return text of the page itself; each day, moment and command in it stays on one line."""
    parts = _WHOLE.split(text)
    return joined(_whole(part) if place % 2 else part for place, part in enumerate(parts))


def company(who: Company) -> Markup:
    """Return the id and the whole name of a company."""
    return element("bdi", company_text(who))


def _whole(part: str) -> Markup:
    return element("span", part, class_="day") if part[0].isdigit() else element("code", part)


def _attributes(attributes: dict[str, Attribute]) -> Iterable[str]:
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        key = name.rstrip("_").replace("_", "-")
        yield f" {key}" if value is True else f' {key}="{escape(str(value))}"'


def _html(child: Child) -> str:
    if child is None:
        return ""
    return child.html if isinstance(child, Markup) else escape(child)
