"""A page of the documentation, typed into a real bash: what it shows, and what came.

A command stands behind `$ `, and continues behind a backslash; what it prints follows below. There
`...` within a line is any text, and a line of only `...` any lines, or none.
"""

import asyncio
import difflib
import os
import re
import shlex
import signal
import sysconfig
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from tests.docs.pages import COMMANDS, blocks
from tests.forking import write_command

_ANYTHING: Final = "..."
_MARK: Final = "\x1e"
"""Printed behind each command; nothing else prints it."""

_PATIENCE_SECONDS: Final = 60.0
"""For one command; they take less than two."""

_BACKGROUND_SECONDS: Final = 20.0
"""Until a command in the background has printed what is shown."""

_CALL: Final = re.compile(r"(?:^|[ (|;&])collector (\S+)")


class Example(NamedTuple):
    """A command of a page, at its line, and the lines that are shown below it."""

    line: int
    command: str
    shown: tuple[str, ...]
    is_last: bool
    """Whether no other command comes after it in its block."""

    @property
    def called(self) -> set[str]:
        """Which of the collector's commands it calls."""
        return set(_CALL.findall(self.command)) & (COMMANDS | {"--version"})

    @property
    def is_compared(self) -> bool:
        """Whether anything is shown that is more than a wildcard."""
        return any(line.replace(_ANYTHING, "").strip() for line in self.shown)

    def at_port(self, usual: str, port: str) -> "Example":
        """Return it with another port, in the command and in what it prints."""
        shown = tuple(line.replace(usual, port) for line in self.shown)
        return self._replace(command=self.command.replace(usual, port), shown=shown)

    def difference(self, printed: str) -> str:
        """Say how what was printed differs from what is shown; nothing if it does not."""
        printed = printed.rstrip("\n")
        if re.fullmatch(_pattern(self.shown), f"{printed}\n" if printed else ""):
            return ""
        # What a wildcard stands for is no difference.
        got = [_as_shown(line, self.shown) for line in printed.splitlines()]
        lines = difflib.unified_diff(self.shown, got, "the page", "the program", n=1, lineterm="")
        return "\n".join((f"line {self.line}: $ {self.command}", *lines))


def examples(text: str) -> list[Example]:
    """Find the commands in the console blocks of a page."""
    found: list[Example] = []
    for block in blocks(text):
        if block.language == "console":
            found += _of_block(block.body.splitlines(), block.line)
    return found


def _of_block(lines: Sequence[str], first: int) -> list[Example]:
    starts = [number for number, line in enumerate(lines) if line.startswith("$ ")]
    assert starts[:1] == [0], f"line {first}: a console block begins with a command"
    found = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        output = start + 1
        while lines[output - 1].endswith("\\"):
            output += 1
        command = "\n".join(lines[start:output])[2:]
        shown = tuple("\n".join(lines[output:end]).rstrip("\n").splitlines())
        found.append(Example(first + start, command, shown, end == len(lines)))
    return found


def _pattern(shown: Sequence[str]) -> str:
    return "".join(
        r"(?:.*\n)*?" if line == _ANYTHING else rf"{_line_pattern(line)}\n" for line in shown
    )


def _line_pattern(line: str) -> str:
    return ".+?".join(map(re.escape, line.split(_ANYTHING)))


def _as_shown(line: str, shown: Sequence[str]) -> str:
    alike = (other for other in shown if other != _ANYTHING)
    return next((other for other in alike if re.fullmatch(_line_pattern(other), line)), line)


class Shell:
    """A bash that keeps its variables from one command to the next."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._stdin, self._stdout = process.stdin, process.stdout

    async def type(self, example: Example) -> str:
        """Type a command, and return what is printed until it has ended.

        For one in the background, until it has printed what is shown. Raises `TimeoutError`.
        """
        # There is no user to type more into it.
        self._stdin.write(f"eval {shlex.quote(example.command)} </dev/null; mark\n".encode())
        async with asyncio.timeout(_PATIENCE_SECONDS):
            printed = (await self._stdout.readuntil(_MARK.encode())).decode().removesuffix(_MARK)
        if example.command.endswith("&"):
            with suppress(TimeoutError):
                async with asyncio.timeout(_BACKGROUND_SECONDS):
                    while example.difference(printed) and not self._stdout.at_eof():
                        printed += (await self._stdout.readline()).decode()
        return printed


_BEGIN: Final = rf"mark() {{ local code=$?; printf '\x{ord(_MARK):x}'; return $code; }}" + "\n"


@asynccontextmanager
async def shell(directory: Path, environment: Mapping[str, str]) -> AsyncIterator[Shell]:
    """Start a bash in a directory; whatever it has started ends with it.

    It finds the collector and the Python of these tests, and a terminal of 100 columns.
    """
    commands = directory.with_name(f"{directory.name}-commands")
    commands.mkdir()
    write_command(commands / "collector")
    scripts = sysconfig.get_path("scripts")
    path = os.pathsep.join((str(commands), scripts, environment.get("PATH", os.defpath)))
    process = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "--noprofile"),
        cwd=directory,
        env={**environment, "PATH": path, "COLUMNS": "100", "LC_ALL": "C.UTF-8"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        # Its processes are a group of their own, with its id.
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(_BEGIN.encode())
        yield Shell(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
