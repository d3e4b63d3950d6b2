"""The page: one HTML file that holds all it needs, and may run nothing but its own scripts."""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

from collector.errors import InputError
from collector.report import palette, sections
from collector.report.html import Markup, element, joined, json_script
from collector.report.language import Lang, Language
from collector.report.model import Report
from collector.report.sections import Section
from collector.report.sections.delivery import overlap_note
from collector.report.sections.head import period
from collector.report.texts import page as texts

__all__ = ["render"]


def render(report: Report, lang: Lang, version: str) -> Iterator[bytes]:
    """Return the page in pieces, UTF-8; `version` is the collector's.

    Raises `InputError` when plotly, which does the drawing, is not installed: at once, before
    anything is written.
    """
    plotly = _plotly()
    words = Language(lang)
    parts = _sections(report, words)
    scripts = (_read("early.js"), plotly, _read("page.js"))
    html = element("html", _head(report, words, scripts), lang=words.lang.value)
    opened = html.html.removesuffix("</html>")
    return _pieces(opened, _body(report, words, version, parts), _data(words, parts), scripts)


def _pieces(opened: str, body: Markup, data: Markup, scripts: Sequence[str]) -> Iterator[bytes]:
    """Yield the later scripts last, so that words and tables show while the library is read."""
    yield f"<!doctype html>\n{opened}<body>{body.html}".encode()
    yield data.html.encode()
    for script in scripts[1:]:
        yield f"\n<script>{script}</script>".encode()
    yield b"\n</body></html>\n"


def _plotly() -> str:
    """Return the drawing library as JavaScript."""
    try:
        # Not everybody installs it, and it ships no type information.
        from plotly.offline import (  # noqa: PLC0415
            get_plotlyjs,
        )
    except ImportError as error:
        raise InputError(
            "the report is drawn by plotly, which is not installed; "
            'install it with: pip install "collector[report]"'
        ) from error
    script: str = get_plotlyjs()
    # A browser reads CR LF as LF, and hashes that.
    return script.replace("\r\n", "\n").replace("</script", "<\\/script")


def _sections(report: Report, words: Language) -> list[Section]:
    return [
        sections.coverage_section(report.coverage, words),
        sections.delivery_section(report, words),
        sections.time_section(report, words),
        sections.failing_section(report, words),
        sections.restated_section(report, words),
        sections.behaviour_section(report, words),
        sections.quality_section(report.quality, words),
        sections.runs_section(report, words),
        sections.reading_section(words),
    ]


def _head(report: Report, words: Language, scripts: Sequence[str]) -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(scripts)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"{words(texts.TITLE)}: {period(report, words)}"),
        Markup(f"<style>{_style()}</style>"),
        Markup(f"<script>{scripts[0]}</script>"),
    )


def _policy(scripts: Sequence[str]) -> str:
    """Return what the page may do: run these scripts, style itself, make pictures of its own.

    Plotly sets styles by itself. Pictures are drawn into data addresses, and saved from them.
    """
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _sha256(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _style() -> str:
    """Return the style sheet: the palettes, then `page.css`. Paper is light."""
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
            sections.header(report, words, version),
            element("nav", element("ul", *contents), aria_label=words(texts.CONTENTS)),
            element(
                "main",
                sections.verdict(report, words),
                sections.cards(report, words),
                overlap_note(report, words),
                element("p", words(texts.NO_SCRIPT), class_="warn no-script"),
                *(part.html for part in parts),
            ),
            element("footer", element("p", words(texts.FOOTER))),
        )
    )


def _data(words: Language, parts: Sequence[Section]) -> Markup:
    figures = {figure.name: figure.as_json() for part in parts for figure in part.figures}
    settings = {
        "light": palette.LIGHT,
        "dark": palette.DARK,
        "lang": words.lang.value,
        "save": words(texts.PNG),
    }
    return joined((json_script("settings", settings), json_script("figures", figures)))


_PACKAGE: Final = "collector.report"


def _read(name: str) -> str:
    return files(_PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")
