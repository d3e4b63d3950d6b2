"""What end-to-end tests share: the command with asyncio's debug mode, beside all warnings."""

import os
from dataclasses import replace
from typing import Final

import pytest

from tests.conftest import Command

_DEBUGGED: Final = {"test_metrics", "test_run"}
"""Files whose commands have the debug mode in `make test`, too. It makes each request five times as
expensive, so the rest has it in `make torture` only, which sets the variable."""


@pytest.fixture
def command(command: Command, request: pytest.FixtureRequest) -> Command:
    """Give the command as it is developed: asyncio tells of mistakes that pass unseen otherwise.

    It tells of a slow machine too, in the same place as the command does, so no more than these
    tests have it.
    """
    if request.path.stem in _DEBUGGED or os.environ.get("PYTHONASYNCIODEBUG"):
        return replace(command, flags=("-X", "dev", *command.flags))
    return command
