from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, Final

import pytest
from jinja2 import UndefinedError, meta
from markupsafe import escape

from collector.report.delivery import texts
from collector.report.environment import environment
from collector.report.language import Lang, Language
from collector.report.report import Report
from collector.report.untrusted import plain
from tests.report import sample
from tests.report.shown import page_of

_WORDS: Final = Language(Lang.EN)
_ENVIRONMENT: Final = environment(_WORDS)
_TEMPLATES: Final = _ENVIRONMENT.list_templates(extensions=["jinja"])

_GIVEN: Final = {
    *("head", "sections", "policy", "style", "script"),
    *("t", "view"),
    *_ENVIRONMENT.globals,
}
"""What `render` gives to the page, the page to its sections, and the environment to all."""

_HOSTILE: Final = (
    """</bdi></script><img src=x onerror=alert(1)> onclick='x' " {{ 7*7 }} {% raw %}"""
)


def _macro(call: str, **given: object) -> str:
    """Return what a macro of the page makes of its arguments."""
    name = call.partition("(")[0]
    source = f'{{% from "macros.html.jinja" import {name} %}}{{{{ {call} }}}}'
    return _ENVIRONMENT.from_string(source).render(**given).strip()


@pytest.mark.parametrize("name", _TEMPLATES)
def test_every_template_escapes_and_uses_only_what_it_is_given(name: str) -> None:
    """No template switches escaping off or takes a text for HTML; a misspelt name is found."""
    assert _ENVIRONMENT.loader is not None
    source, _, _ = _ENVIRONMENT.loader.get_source(_ENVIRONMENT, name)
    assert "autoescape" not in source
    assert "safe" not in source
    assert meta.find_undeclared_variables(_ENVIRONMENT.parse(source)) <= _GIVEN
    assert _ENVIRONMENT.autoescape is True


@pytest.mark.parametrize(
    "source", ["{{ unknown }}", "{{ words(t.UNKNOWN) }}", "{{ words.lang.unknown }}"]
)
def test_an_unknown_name_is_an_error(source: str) -> None:
    """Not an empty place in the page."""
    with pytest.raises(UndefinedError):
        _ENVIRONMENT.from_string(source).render(t=texts)


def _with_hostile_texts(value: Any) -> Any:  # noqa: ANN401 - any part of a report
    """Return a value whose texts are all hostile, also those that a server or a user never sets."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return f"{_HOSTILE} {value}"
    if isinstance(value, dict):
        return {_with_hostile_texts(key): one for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_with_hostile_texts, value))
    if is_dataclass(value) and not isinstance(value, type):
        changed = {one.name: _with_hostile_texts(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **changed)
    return value


@pytest.mark.parametrize("lang", list(Lang))
@pytest.mark.parametrize("report", [sample.large(), sample.small()], ids=["large", "small"])
def test_no_text_of_a_report_becomes_html(report: Report, lang: Lang) -> None:
    """Companies, actions, remarks and directories are shown, and are text wherever they are."""
    hostile = _with_hostile_texts(report)
    page = page_of(hostile, lang)
    body = page[page.index("<body>") :]
    assert "<img" not in body
    assert "</bdi></script>" not in body
    assert "onclick='x'" not in body
    action = next(iter(hostile.delivery.actions))
    for text in (action, hostile.runs[0].directory, hostile.failing[0].company.id):
        assert f"<bdi>{escape(plain(text))}" in body
    remark = "<bdi>" if lang is Lang.EN else '<bdi lang="en">'
    assert f"{remark}{escape(plain(hostile.quality.remarks[0]))}" in body


def test_untrusted_text_is_isolated_and_shows_what_cannot_be_seen() -> None:
    """Marks that turn text around, line breaks and half characters do nothing."""
    assert _macro("untrusted(text)", text="a\u202e<b>\n\x07c\ud800") == (
        "<bdi>a&lt;U+202E&gt;&lt;b&gt; &lt;U+0007&gt;c&lt;U+D800&gt;</bdi>"
    )
    assert plain("  a\u2028b\tc  ") == "a b c"
    assert plain("Ñuñoa 日本 \U0001f600") == "Ñuñoa 日本 \U0001f600"


def test_days_in_our_sentences_are_kept_whole() -> None:
    """And nothing else in them changes."""
    assert _macro("prose(text)", text="<2026-01-02 03:04:05 UTC>, 2026-01") == (
        '&lt;<span class="day">2026-01-02 03:04:05 UTC</span>&gt;, 2026-01'
    )
    assert _macro("prose(text)", text="collector status DIR & more") == (
        "<code>collector status DIR</code> &amp; more"
    )
