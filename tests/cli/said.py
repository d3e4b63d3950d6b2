"""What a command says in this process, and outputs that do not take it."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from collector.cli.main import main


@dataclass(frozen=True)
class Said:
    """What the command line printed, and the code it ended with."""

    exit_code: object
    stdout: str
    stderr: str

    @property
    def rows(self) -> dict[str, str]:
        """The rows that have a name, the first of each."""
        rows: dict[str, str] = {}
        for line in self.stdout.splitlines():
            rows.setdefault(line[:11].strip(), line[11:])
        return rows

    def under(self, label: str) -> list[str]:
        """Give all rows under a label."""
        rows, current = [], ""
        for row in self.stdout.splitlines():
            current = row[:10].strip() or current
            if current == label:
                rows.append(row[11:])
        return rows

    @property
    def document(self) -> dict[str, Any]:
        """All of the output as one JSON document, of which no key comes twice."""
        loaded: dict[str, Any] = json.loads(self.stdout, object_pairs_hook=_once)
        return loaded


Cli = Callable[..., Said]


def in_this_process(subcommand: str, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give a subcommand as a function of its arguments."""

    def call(*arguments: str) -> Said:
        with pytest.raises(SystemExit) as ended:
            main([subcommand, *arguments])
        printed = capsys.readouterr()
        return Said(ended.value.code, printed.out, printed.err)

    return call


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def _pipe_without_a_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


OUTPUTS: Mapping[str, Callable[[], int]] = {
    "full": lambda: os.open("/dev/full", os.O_WRONLY),
    "gone": _pipe_without_a_reader,
    "closed": lambda: os.open(os.devnull, os.O_WRONLY),
}
"""File descriptors for standard output; a shell closes the last one."""
