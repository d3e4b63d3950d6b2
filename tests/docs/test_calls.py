"""README.md and docs/: every call of the command on them is understood, every link leads on."""

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import pytest
from cyclopts import CycloptsError, MissingArgumentError

from collector.cli.app import app
from tests.docs.pages import COMMANDS, DOCS, PAGES, README, blocks, calls, mentions, name_of, read

Find = Callable[[str], Iterable[list[str]]]


def _on_all_pages(find: Find) -> dict[str, list[str]]:
    """Return what is found on each page, once, by page and text."""
    return {
        f"{name_of(page)}: {' '.join(arguments)}": arguments
        for page in PAGES
        for arguments in find(read(page))
    }


_CALLS: Final = _on_all_pages(calls)
_MENTIONS: Final = _on_all_pages(mentions)


def _parse(arguments: Iterable[str]) -> None:
    _, bound, _ = app.parse_args(list(arguments), print_error=False, exit_on_error=False)
    # Where any file or directory may stand, an unknown option is taken for one.
    assert not [path for path in bound.args if str(path).startswith("--")]


def _parse_completed(arguments: Sequence[str]) -> None:
    """Parse with what is left out put in."""
    try:
        _parse(arguments)
    except MissingArgumentError as error:
        if error.argument is None or error.argument.name in arguments:
            raise  # an option without its value
        name = error.argument.name
        # A name of a file, and of a shell.
        _parse_completed([*arguments, *([name] if name.startswith("-") else []), "bash"])


@pytest.mark.parametrize("arguments", _CALLS.values(), ids=_CALLS)
def test_every_call_is_understood(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its options are known, and their values can be read."""
    monkeypatch.chdir(tmp_path)
    _parse(arguments)


@pytest.mark.parametrize("arguments", _MENTIONS.values(), ids=_MENTIONS)
def test_every_mention_is_understood(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same within a sentence, where the companies or the directory may be left out."""
    monkeypatch.chdir(tmp_path)
    _parse_completed(arguments)


def test_the_calls_are_found() -> None:
    """So that the tests above are about something."""
    called = {call[0] for page in PAGES for call in calls(read(page))}
    assert called == COMMANDS
    assert {page.name for page in PAGES if any(calls(read(page)))} >= {
        "README.md",
        "columns-and-report.md",
        "commands.md",
        "dates.md",
        "nightly.md",
        "run-directory.md",
        "simulator.md",
    }


def test_the_settings_of_the_readme_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys are options, and their values can be read."""
    (settings,) = [block.body for block in blocks(read(README)) if block.language == "toml"]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collector.toml").write_text(settings, encoding="utf-8")
    _parse(["run", "companies.txt"])


def test_the_settings_of_the_simulator_are_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of its page, in its table of the file."""
    (settings,) = [
        block.body for block in blocks(read(DOCS / "simulator.md")) if block.language == "toml"
    ]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "collector.toml").write_text(settings, encoding="utf-8")
    _, bound, _ = app.parse_args(["simulate"], print_error=False, exit_on_error=False)
    assert bound.arguments["settings"].rate_limit == 50


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_links_the_glossary(page: Path) -> None:
    """So that a reader finds what its terms mean; reasons and the index aside."""
    if page.name not in {"glossary.md", "decisions.md"}:
        assert "glossary.md)" in read(page)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page: Path) -> None:
    """Those within the repository."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(page)):
        assert (page.parent / target).exists(), target


def test_every_page_is_in_the_index() -> None:
    """docs/README.md links all pages of docs/, and README.md links it."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", read(DOCS / "README.md")))
    assert linked == {page.name for page in DOCS.glob("*.md")} - {"README.md"}
    assert "](docs/README.md)" in read(README)


@pytest.mark.parametrize(
    "arguments",
    [
        *(["run", "--nope"], ["run", "a", "--nope"], ["latest", "a", "--nope"]),
        *(["run", "--rate", "x"], ["run", "--rate"], ["diff", "a", "b", "c"], ["nope"]),
    ],
    ids=" ".join,
)
def test_what_is_wrong_is_found(arguments: list[str]) -> None:
    """So that the tests above can fail."""
    with pytest.raises((CycloptsError, AssertionError)):
        _parse_completed(arguments)
