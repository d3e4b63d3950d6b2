import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from string import Formatter

import pytest

from collector import report
from collector.errors import ExitCode
from collector.report.language import Lang, Language, Plural, Text
from collector.report.runs.facts import end_text
from collector.report.runs.texts import ENDS
from tests.report.parts import facts

_EN, _ES = Language(Lang.EN), Language(Lang.ES)
_SAME = {
    "Plan",
    "total",
    "sended",
    "pending",
    "fails",
    "Fails",
    "sended + pending + fails",
    "p50 · p90 · p99",
}
"""Texts that are the same in both languages: the API's own words, and one that just is."""


def _texts(value: object) -> Iterator[Text]:
    if isinstance(value, Text):
        yield value
    elif isinstance(value, Plural):
        yield from value
    elif isinstance(value, dict):
        yield from _texts(tuple(value.values()))
    elif isinstance(value, tuple):
        for one in value:
            yield from _texts(one)


_MODULES = [
    import_module(module.name)
    for module in walk_packages(report.__path__, f"{report.__name__}.")
    if module.name.endswith(".texts")
]
_ALL = [text for module in _MODULES for value in vars(module).values() for text in _texts(value)]


def test_each_text_is_there_in_both_languages() -> None:
    """With the same gaps, and not forgotten in English."""
    for text in _ALL:
        assert all(text), text
        assert all(words.strip() == words for words in text), text
        assert _gaps(text.en) == _gaps(text.es), text
        assert text.en != text.es or text.en in _SAME, text


def _gaps(words: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(words)} - {None}


def _used() -> set[tuple[str, str]]:
    """Return the modules and names of the texts that the page is made of."""
    found = set()
    for path in Path(report.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == "texts"
        }
        found |= {
            (modules[node.value.id], node.attr)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
        }
    return found


def test_each_text_is_used() -> None:
    """A sentence that is no longer on the page leaves no text behind."""
    there = {
        (module.__name__, name)
        for module in _MODULES
        for name, value in vars(module).items()
        if any(True for _ in _texts(value))
    }
    assert len(_MODULES) == 5
    assert len(there) > 100
    assert there - _used() == set()


@pytest.mark.parametrize(
    ("shards", "code", "said"),
    [
        (None, 0, "every cell has an answer"),
        ((2, 2), 0, "every cell has an answer"),
        ((1, 2), 0, "every cell of 1 of 2 shards has an answer"),
        ((1, 2), 1, "finished, but some cells failed"),
    ],
)
def test_the_end_is_that_of_the_shards_that_have_begun(
    shards: tuple[int, int] | None, code: int, said: str
) -> None:
    """The page does not say of the whole run what only some of its shards have come to."""
    run = replace(facts("r", exit_code=code), shards=shards)
    assert end_text(run, _EN) == said


def test_there_are_many_texts_and_each_exit_code_has_one() -> None:
    """The search above finds them, and a new exit code asks for its words."""
    assert len(_ALL) > 150
    assert set(ENDS) == set(ExitCode)


@pytest.mark.parametrize(
    ("part", "whole", "english", "spanish"),
    [
        (0, 0, "–", "–"),  # noqa: RUF001 - what is written where there is nothing
        (0, 5, "0 %", "0 %"),
        (5, 5, "100 %", "100 %"),
        (123, 1000, "12.3 %", "12,3 %"),
        (729_999, 730_000, "> 99.9 %", "> 99,9 %"),
        (1, 730_000, "< 0.1 %", "< 0,1 %"),
        (3, 2, "150.0 %", "150,0 %"),
        (10_004, 10_000, "100.0 %", "100,0 %"),
    ],
)
def test_not_quite_all_is_not_100_per_cent(
    part: int, whole: int, english: str, spanish: str
) -> None:
    """One missing cell of 730,000 does not vanish in rounding, nor does one that is there."""
    assert _EN.share(part, whole).replace("\xa0", " ") == english
    assert _ES.share(part, whole).replace("\xa0", " ") == spanish


def test_numbers_are_written_as_in_the_language() -> None:
    """Grouped by comma or point; texts that are put into gaps stay as they are."""
    assert (_EN.number(1_234_567), _ES.number(1_234_567)) == ("1,234,567", "1.234.567")
    assert (_EN.decimal(1234.56), _ES.decimal(1234.56)) == ("1,234.6", "1.234,6")
    assert (_EN.signed(1200), _EN.signed(0), _ES.signed(-1200)) == ("+1,200", "", "\u22121.200")
    assert (_EN.latency(0.0844), _ES.latency(1.2345)) == ("84\xa0ms", "1,23\xa0s")
    assert _EN.latency(None) == "\N{EN DASH}"
    assert _EN(Text("{a} of {b}", "{a} de {b}"), a=1000, b="1000 {c}") == "1,000 of 1000 {c}"


def test_one_thing_has_its_own_sentence() -> None:
    """None and several share the other one."""
    plural = Plural(Text("{n} cell", "{n} celda"), Text("{n} cells", "{n} celdas"))
    said = [_ES.count(plural, n) for n in (0, 1, 2000)]
    assert said == ["0 celdas", "1 celda", "2.000 celdas"]


def test_days_are_iso_in_both_languages_and_moments_are_utc() -> None:
    """They are data: whoever copies one finds it in the files."""
    day = date(2026, 1, 2)
    assert _ES.days(day, day) == "2026-01-02"
    assert _EN.days(day, date(2026, 1, 8)) == "2026-01-02 \N{EN DASH} 2026-01-08"
    assert _ES.days(None, None) == "la ventana por defecto del servidor"
    lima = timezone(timedelta(hours=-5))
    at = datetime(2026, 1, 2, 20, 0, tzinfo=lima)
    assert _EN.moment(at) == "2026-01-03 01:00:00 UTC" == _ES.moment(at.astimezone(UTC))
