"""The page: one complete HTML file, whose policy allows no scripts but its own."""

import base64
import hashlib
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from collector.report import palette, texts
from collector.report.coverage.section import coverage_section
from collector.report.delivery.over_time import time_section
from collector.report.delivery.restated import restated_section
from collector.report.delivery.sums import delivery_section, failing_section
from collector.report.environment import environment
from collector.report.head import head
from collector.report.language import Lang, Language
from collector.report.quality import texts as quality_texts
from collector.report.report import Report
from collector.report.runs.behaviour import behaviour_section
from collector.report.runs.facts import runs_section
from collector.report.section import Section

__all__ = ["render"]

_PACKAGE: Final = "collector.report"


def render(report: Report, lang: Lang, version: str) -> bytes:
    """Return the page in UTF-8; `version` is the version of the collector."""
    words = Language(lang)
    sections = _sections(report, words)
    script = _read("page.js")
    page = environment(words).get_template("page.html.jinja")
    return page.render(
        head=head(report, words, version),
        sections=sections,
        policy=_policy(script),
        # Files of this package, which are not escaped.
        style=Markup(_style()),  # noqa: S704
        script=Markup(script),  # noqa: S704
    ).encode()


def _sections(report: Report, words: Language) -> list[Section]:
    is_answered = report.coverage.total.answered > 0
    return [
        coverage_section(report.coverage, words),
        delivery_section(report.delivery, words, is_answered=is_answered, overlap=report.overlap),
        time_section(
            report.over_time,
            report.coverage.by_span,
            report.settling,
            words,
            overlap=report.overlap,
        ),
        failing_section(report.failing, report.delivery, words, is_answered=is_answered),
        restated_section(report.restated, words),
        behaviour_section(report.behaviour, len(report.runs), words),
        Section("quality", quality_texts.HEADING, quality_texts, report.quality),
        runs_section(report.runs, words),
        Section("reading", texts.READING, texts, texts.GLOSSARY),
    ]


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


def _read(name: str) -> str:
    return files(_PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")
