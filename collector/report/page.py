"""The page: one complete HTML file, whose policy allows no scripts but its own."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

from collector.report import palette, texts
from collector.report.coverage.section import coverage_section
from collector.report.delivery.over_time import time_section
from collector.report.delivery.restated import restated_section
from collector.report.delivery.sums import delivery_section, failing_section, overlap_note
from collector.report.head import cards, header, period, verdict
from collector.report.html import Markup, element, joined, prose
from collector.report.language import Lang, Language
from collector.report.quality.section import quality_section
from collector.report.report import Report
from collector.report.runs.behaviour import behaviour_section
from collector.report.runs.facts import runs_section
from collector.report.section import Section, section

__all__ = ["render"]


def render(report: Report, lang: Lang, version: str) -> Iterator[bytes]:
    """Return the page in pieces of UTF-8; `version` is the version of the collector."""
    words = Language(lang)
    parts = _sections(report, words)
    script = _read("page.js")
    html = element("html", _head(report, words, script), lang=words.lang.value)
    opened = html.html.removesuffix("</html>")
    return _pieces(opened, _body(report, words, version, parts), script)


def _pieces(opened: str, body: Markup, script: str) -> Iterator[bytes]:
    yield f"<!doctype html>\n{opened}<body>{body.html}".encode()
    yield f"\n<script>{script}</script>\n</body></html>\n".encode()


def _sections(report: Report, words: Language) -> list[Section]:
    return [
        coverage_section(report.coverage, words),
        delivery_section(report.delivery, words, overlap=report.overlap),
        time_section(report.over_time, report.coverage.by_span, words, overlap=report.overlap),
        failing_section(report.failing, report.delivery.fails_share, words),
        restated_section(report.restated, words),
        behaviour_section(report.behaviour, len(report.runs), words),
        quality_section(report.quality, words),
        runs_section(report.runs, words),
        _reading_section(words),
    ]


def _reading_section(words: Language) -> Section:
    """Return the glossary."""
    entries = (
        element("div", element("dt", words(term)), element("dd", prose(words(meaning))))
        for term, meaning in texts.GLOSSARY
    )
    html = section("reading", words(texts.READING), element("dl", *entries, class_="glossary"))
    return Section("reading", texts.READING, html)


def _head(report: Report, words: Language, script: str) -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{words(texts.TITLE)}: {period(report, words)}"),
        Markup(f"<style>{_style()}</style>"),
    )


def _policy(script: str) -> str:
    """Return the content security policy: only this script, and styles that are in the page."""
    return (
        f"default-src 'none'; script-src 'sha256-{_sha256(script)}'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _style() -> str:
    """Return the style sheet: the palettes, then `page.css`. Print uses the light one."""
    light, dark = palette.variables(palette.LIGHT), palette.variables(palette.DARK)
    return (
        f":root{{{light}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"{_read('page.css')}"
    )


def _body(report: Report, words: Language, version: str, parts: Sequence[Section]) -> Markup:
    contents = (
        element("li", element("a", words(part.name), href=f"#{part.anchor}")) for part in parts
    )
    return joined(
        (
            element("a", words(texts.SKIP), href="#coverage", class_="skip"),
            header(report, words, version),
            element("nav", element("ul", *contents), aria_label=words(texts.CONTENTS)),
            element(
                "main",
                verdict(report, words),
                cards(report, words),
                overlap_note(words, overlap=report.overlap),
                *(part.html for part in parts),
            ),
            element("footer", element("p", words(texts.FOOTER))),
        )
    )


_PACKAGE: Final = "collector.report"


def _read(name: str) -> str:
    return files(_PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")
