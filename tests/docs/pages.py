"""The pages of the documentation: their blocks, and the calls of the command on them."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from collector.cli.app import app

_ROOT: Final = Path(__file__).parents[2]

README: Final = _ROOT / "README.md"
DOCS: Final = _ROOT / "docs"
PAGES: Final = (README, *sorted(DOCS.glob("*.md")))

ABOUT_ITSELF: Final = frozenset((*app.help_flags, *app.version_flags))
COMMANDS: Final = frozenset(app) - ABOUT_ITSELF
"""Every subcommand that there is."""

_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CALL: Final = re.compile(rf"(?:^|[ (=/])collector ((?:{'|'.join(sorted(COMMANDS))})\b[^|&>;)]*)")
_SHELL: Final = {"sh", "crontab", "ini"}
"""Languages of which every line that is no comment may call the command."""

_SESSION: Final = {"console", "text"}
"""Languages in which a call stands behind a prompt."""


class Block(NamedTuple):
    """A block between fences; `line` is the number of its first line within the page."""

    language: str
    body: str
    line: int


def name_of(page: Path) -> str:
    """Return the path of a page within the repository."""
    return str(page.relative_to(_ROOT))


def read(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """Find all blocks of a page, in their order."""
    return [
        Block(found[1], found[2], text.count("\n", 0, found.start(2)) + 1)
        for found in _BLOCK.finditer(text)
    ]


def calls(text: str) -> Iterator[list[str]]:
    """Find every call of the command in the blocks of a page, as its arguments."""
    for block in blocks(text):
        body = block.body.replace("\\\n", " ")
        if block.language in _SHELL:
            lines = [line for line in body.splitlines() if not line.startswith("#")]
        elif block.language in _SESSION:
            lines = [line[2:] for line in body.splitlines() if line.startswith("$ ")]
        else:
            continue
        for line in lines:
            yield from _arguments(line)


def mentions(text: str) -> Iterator[list[str]]:
    """Find what a page says of the command in its sentences; arguments may be left out there."""
    for span in re.findall(r"`([^`]+)`", _BLOCK.sub("", text)):
        yield from _arguments(" ".join(span.split()))


def _arguments(line: str) -> Iterator[list[str]]:
    """Take the calls out of a line of a shell, with a text in place of what a shell puts in."""
    line = re.sub(r"\$\([^()]*date [^()]*\)|\$\w+|\$\{\w+\}", "X", line)
    for call in _CALL.findall(line):
        # A redirection of an error stream, and the end of a text in quotes around the call.
        yield shlex.split(re.sub(r"(\s2|')$", "", call.strip()))
