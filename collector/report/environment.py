"""The Jinja2 environment of the page: every text is escaped, and an unknown name is an error."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from collector.report import texts
from collector.report.language import DASH, Language
from collector.report.untrusted import company_text, plain

__all__ = ["environment"]

_WHOLE: Final = re.compile(
    r"(\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d UTC)?|collector status (?:DIR|--json))"
)
"""Days, moments and commands: a line break within one would spoil copying and reading."""


class _Part(NamedTuple):
    """A part of a sentence: a day or a moment, a command, or the text around them."""

    kind: str
    text: str


def environment(words: Language) -> Environment:
    """Return an environment for the templates of `templates/`, in one language.

    Templates see `words` (the language), `common` (the texts that sections share) and `DASH`. The
    filters `plain` and `company_text` are for untrusted text; `parts` splits a sentence.
    """
    made = Environment(
        loader=PackageLoader("collector.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals |= {"words": words, "common": texts, "DASH": DASH}
    made.filters |= {"company_text": company_text, "parts": _parts, "plain": plain}
    return made


def _parts(sentence: str) -> Iterator[_Part]:
    """Yield the parts of a sentence; each day, moment and command in it is a part of its own."""
    for place, text in enumerate(_WHOLE.split(sentence)):
        if place % 2 == 0:
            yield _Part("text", text)
        else:
            yield _Part("day" if text[0].isdigit() else "command", text)
