import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from string import Formatter

from collector import report
from collector.core.errors import ExitCode
from collector.report import texts
from collector.report.language import Plural, Text
from collector.report.runs.texts import ENDS

_ROOT = Path(report.__file__).parent
_IN_TEMPLATE = re.compile(r"\b(t|common)\.([A-Z_]+)")

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
    if module.name.endswith("texts")
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
    # What templates call the modules: a section names its own, `t`, beside its template.
    given = {"common": texts.__name__}
    for path in _ROOT.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.asname or alias.name: f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name.endswith("texts")
        }
        for node in ast.walk(tree):
            match node:
                case ast.Attribute(value=ast.Name(id=name), attr=text) if name in modules:
                    found.add((modules[name], text))
                case ast.Call(
                    func=ast.Name(id="Section"),
                    args=[ast.Constant(value=str(anchor)), _, ast.Name(id=name), *_],
                ):
                    given[f"{anchor}.html.jinja"] = modules[name]
    for path in _ROOT.rglob("*.jinja"):
        for name, text in _IN_TEMPLATE.findall(path.read_text(encoding="utf-8")):
            found.add((given["common" if name == "common" else path.name], text))
    assert len(given) == 10
    return found


def test_each_text_is_used() -> None:
    """A sentence that is no longer on the page leaves no text behind."""
    there = {
        (module.__name__, name)
        for module in _MODULES
        for name, value in vars(module).items()
        if any(True for _ in _texts(value))
    }
    assert len(_MODULES) == 6
    assert len(there) > 100
    assert there - _used() == set()


def test_there_are_many_texts_and_each_exit_code_has_one() -> None:
    """The search above finds them, and a new exit code asks for its words."""
    assert len(_ALL) > 150
    assert set(ENDS) == set(ExitCode)
