"""The page: one complete HTML file, whose policy allows no scripts but its own."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from markupsafe import Markup
from plotly.offline import get_plotlyjs

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
    scripts = (_read("early.js"), _plotly(), _read("page.js"))
    page = environment(words).get_template("page.html.jinja")
    return page.render(
        head=head(report, words, version),
        sections=sections,
        policy=_policy(scripts),
        # Files of this package: the only texts of the page that are not escaped.
        style=Markup(_style()),  # noqa: S704
        scripts=[Markup(script) for script in scripts],  # noqa: S704
        figures={one.name: one.as_json() for part in sections for one in part.figures},
        settings={
            "light": palette.LIGHT,
            "dark": palette.DARK,
            "lang": words.lang.value,
            "save": words(texts.PNG),
        },
    ).encode()


def _plotly() -> str:
    """Return the drawing library as JavaScript."""
    script: str = get_plotlyjs()
    # A browser reads CR LF as LF, and hashes that.
    return script.replace("\r\n", "\n").replace("</script", "<\\/script")


def _sections(report: Report, words: Language) -> list[Section]:
    return [
        coverage_section(report.coverage, words),
        delivery_section(report.delivery, words, overlap=report.overlap),
        time_section(
            report.over_time,
            report.coverage.by_span,
            report.settling,
            words,
            overlap=report.overlap,
        ),
        failing_section(report.failing, words),
        restated_section(report.restated, words),
        behaviour_section(report.behaviour, len(report.runs), words),
        Section("quality", quality_texts.HEADING, quality_texts, report.quality),
        runs_section(report.runs, words),
        Section("reading", texts.READING, texts, texts.GLOSSARY),
    ]


def _policy(scripts: Sequence[str]) -> str:
    """Return the content security policy: only these scripts, inline styles, and drawn images.

    Plotly sets styles itself. It draws images into data addresses, and saves them from there.
    """
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
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
