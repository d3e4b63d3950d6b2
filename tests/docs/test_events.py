"""docs/events.md: every event of the code with its level and fields, and no other one."""

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from inspect import signature
from pathlib import Path
from typing import Final, NamedTuple

from collector.telemetry.reporter import Sample, Telemetry
from tests.docs.pages import DOCS, read

_PACKAGE: Final = Path(__file__).parents[2] / "collector"

_LEVELS: Final = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "_notify": "warning",
}
"""Methods of a logger; `_notify` is the method `warning` of one, passed in."""


class _Event(NamedTuple):
    name: str
    level: str
    fields: frozenset[str]
    is_open: bool = False
    """Whether it has further fields, which a function returns."""


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_of_a_logger(function: ast.Attribute) -> bool:
    name = "" if function.attr == "_notify" else ast.unparse(function.value).rpartition(".")[2]
    return function.attr == "_notify" or name in {"log", "_log", "logger", "_logger"}


def _logged(node: ast.Call) -> Iterator[_Event]:
    """Give the event that a call logs under a name that is written there."""
    if not (isinstance(node.func, ast.Attribute) and node.args):
        return
    level, name = _LEVELS.get(node.func.attr), _text(node.args[0])
    if level is None or name is None or not _is_of_a_logger(node.func):
        return
    names = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
    is_open = any(keyword.arg is None for keyword in node.keywords)
    if "exc_info" in names or node.func.attr == "exception":
        names = names - {"exc_info"} | {"exception"}
    yield _Event(name, level, names, is_open)


def _sampled(node: ast.Call) -> Iterator[_Event]:
    """Give the name that a call gives to the samples, other than the usual one."""
    for keyword in node.keywords:
        name = _text(keyword.value) if keyword.arg == "event" else None
        if name is not None:
            yield _Event(name, "info", _SAMPLE)


_SAMPLE: Final = frozenset(field.name for field in fields(Sample))
_USUAL: Final = signature(Telemetry).parameters["event"].default


@cache
def _in_the_code() -> set[_Event]:
    """Read all modules: in the tests, as each process of pytest imports this module."""
    calls = (
        node
        for path in _PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    )
    found = {event for call in calls for event in (*_logged(call), *_sampled(call))}
    return {_Event(_USUAL, "info", _SAMPLE), *found}


def _told() -> Iterator[_Event]:
    for row in re.findall(r"^\| (`.*) \|$", read(DOCS / "events.md"), re.MULTILINE):
        names, level, _, described = row.split(" | ")
        # Fields precede a colon; what is in brackets, or follows the colon, are values.
        plain = re.sub(r"\([^)]*\)", "", described)
        heads = [part.partition(":")[0] for part in plain.split(";")]
        found = frozenset(name for head in heads for name in re.findall(r"`(\w+)`", head))
        for name in re.findall(r"`(\w+)`", names):
            yield _Event(name, level, found)


_ON_THE_PAGE: Final = {event.name: event for event in _told()}


def test_every_event_is_on_the_page() -> None:
    """And no other one."""
    assert {event.name for event in _in_the_code()} == set(_ON_THE_PAGE)


def test_every_event_is_told_with_its_level_and_fields() -> None:
    """An event with fields that a function returns may have more of them."""
    for event in sorted(_in_the_code()):
        told = _ON_THE_PAGE[event.name]
        assert told.level == event.level, event.name
        if event.is_open:
            assert told.fields >= event.fields, event.name
        else:
            assert told.fields == event.fields, event.name


def test_events_are_found() -> None:
    """So that the tests above are about something: both ways of logging, and both spellings."""
    names = {event.name for event in _in_the_code()}
    assert names >= {
        "run_started",
        "local_shortage",
        "blocked",
        "try_failed",
        "bug",
        "cluster_sample",
    }
