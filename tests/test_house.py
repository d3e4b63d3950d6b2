"""The rooms of `collector/`: their order, what each may import, and the page that shows them."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]

ROOMS: Final = (
    *("core", "plan", "settings", "pace", "telemetry", "store", "http", "dates", "run"),
    *("tables", "export", "report", "cluster", "simulator", "cli", "library"),
)
"""From the ground up: a room imports from those before it, and from itself."""

LIBRARIES: Final = {
    "aiohttp": {"http", "simulator"},
    "asyncio_throttle": {"http"},
    "dask": {"cluster"},
    "distributed": {"cluster"},
    "duckdb": {"tables", "export", "report"},
    "jinja2": {"report"},
    "markupsafe": {"report"},
    "prometheus_client": {"telemetry"},
    "rich": {"cli"},
    "sqlite3": {"store"},
    "tomlkit": {"cli"},
    "vl_convert": {"report"},
    "xlsxwriter": {"export"},
    "zstandard": {"export", "store"},
}
"""Libraries that only some rooms know."""

NOT_A_ROOM: Final = {"benchmarks", "docs", "end_to_end", "package"}
"""Folders of tests that are about several rooms."""


def _modules() -> Iterator[tuple[str, Path]]:
    for path in (ROOT / "collector").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES: Final = dict(_modules())


@cache
def _imported(path: Path) -> frozenset[str]:
    """Return the names of all modules that a file imports, in functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None, f"{path}: imports are absolute"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                names.add(submodule if submodule in MODULES else node.module)
    return frozenset(names)


def _room(module: str) -> str:
    """Return the room of a module; nothing for the files beside the rooms, and for libraries."""
    parts = module.split(".")
    return parts[1] if parts[0] == "collector" and len(parts) > 1 and parts[1] in ROOMS else ""


def _floor(module: str) -> int:
    room = _room(module)
    return ROOMS.index(room) if room else -1


def _tree() -> str:
    """Return the tree of CONTRIBUTING.md."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    return page.partition("```text\ncollector/\n")[2].partition("```")[0]


def test_nothing_lies_beside_the_rooms() -> None:
    """But the version, the entry point, and the mark that there are types."""
    entries = {path.name for path in (ROOT / "collector").iterdir() if path.name != "__pycache__"}
    assert entries == {*ROOMS, "__init__.py", "__main__.py", "py.typed"}


def test_no_import_runs_upward() -> None:
    """Not even inside a function. The entry point and the exports are above all rooms."""
    upward = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        for name in _imported(path)
        if module not in {"collector", "collector.__main__"} and _floor(name) > _floor(module)
    ]
    assert upward == []


def test_no_imports_run_in_a_circle() -> None:
    """Modules of one room included."""
    graph = defaultdict[str, set[str]](set)
    for module, path in MODULES.items():
        # These two import what they export only when it is asked for.
        if module not in {"collector", "collector.simulator"}:
            graph[module] = {name for name in _imported(path) if name in MODULES} - {module}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_is_known_to_few(library: str) -> None:
    """So that replacing it, or a new version of it, concerns these rooms alone."""
    rooms = {
        _room(module)
        for module, path in MODULES.items()
        if any(name.partition(".")[0] == library for name in _imported(path))
    }
    assert rooms <= LIBRARIES[library]
    assert rooms, "no room uses it any more"


def test_a_reader_of_contributing_sees_the_rooms_in_their_order() -> None:
    """The tree names each room, from the command line down."""
    assert re.findall(r"^  (\w+)/", _tree(), re.MULTILINE) == list(reversed(ROOMS))


def test_a_reader_of_contributing_is_told_of_every_file() -> None:
    """And of no other one."""
    told = defaultdict[str, set[str]](set)
    room = folder = ""
    for line in _tree().splitlines():
        if found := re.match(r"  (\w+)/", line):
            room = folder = found[1]
        elif found := re.match(r"    (\w+)/", line):
            folder = f"{room}/{found[1]}"
        told[folder] |= set(re.findall(r"\b(\w+)\.py\b", line))
    there = defaultdict[str, set[str]](set)
    for path in MODULES.values():
        if path.stem not in {"__init__", "__main__"}:
            there[path.parent.relative_to(ROOT / "collector").as_posix()].add(path.stem)
    assert told == there


def test_tests_are_in_folders_that_mirror_the_rooms() -> None:
    """What is about several rooms has a folder of its own."""
    folders = {
        path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")
    }
    assert {folder.parts[0] for folder in folders if folder.parts} <= {*ROOMS, *NOT_A_ROOM}
    for folder in folders:
        if folder.parts and folder.parts[0] in ROOMS:
            assert (ROOT / "collector" / folder).is_dir(), folder
