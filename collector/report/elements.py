"""HTML from Python values: text is escaped unless it is `Markup`, so nothing slips through."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Final

import orjson

from collector.report.foreign import company_text, plain
from collector.report.model import Company

__all__ = ["Child", "Markup", "company", "element", "foreign", "joined", "json_script", "prose"]


@dataclass(frozen=True, slots=True)
class Markup:
    """A piece of HTML that is complete and safe."""

    html: str


Child = Markup | str | None
Attribute = str | int | bool | None

_WHOLE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d UTC)?|collector status (?:DIR|--json))"
)
"""Days, moments and commands: what is copied, or not read, once a line ends within it."""

_VOID: Final = frozenset({"meta", "br"})
_IN_SCRIPT: Final = {mark: f"\\u{ord(mark):04x}" for mark in ("<", ">", "&", "\u2028", "\u2029")}
"""What could end a script element, open a comment in it, or break a line of JavaScript."""


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """Return an element; `class_` is the attribute class, `data_x` data-x; None leaves it out."""
    opening = "".join((name, *_attributes(attributes)))
    if name in _VOID:
        return Markup(f"<{opening}>")
    return Markup(f"<{opening}>{joined(children).html}</{name}>")


def joined(children: Iterable[Child]) -> Markup:
    """Return one piece of HTML of several; plain text is escaped, None is nothing."""
    return Markup("".join(map(_html, children)))


def foreign(text: str, *, lang: str | None = None) -> Markup:
    """Return foreign text, isolated, so that its direction does not turn what stands around it.

    `lang` is its language, if that is known and another one than that of the page.
    """
    return element("bdi", plain(text), lang=lang)


def prose(text: str) -> Markup:
    """Return text of our own; days, moments and commands in it stay on one line each."""
    parts = _WHOLE.split(text)
    return joined(_whole(part) if place % 2 else part for place, part in enumerate(parts))


def company(who: Company) -> Markup:
    """Return the id and the name of a company, whole."""
    return element("bdi", company_text(who))


def json_script(name: str, value: object) -> Markup:
    """Return data for the page's script, which finds it by its id."""
    text = orjson.dumps(value).decode()
    for mark, code in _IN_SCRIPT.items():
        text = text.replace(mark, code)
    return Markup(f'<script type="application/json" id="{escape(name)}">{text}</script>')


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
