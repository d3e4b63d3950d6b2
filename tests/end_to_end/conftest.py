"""What end-to-end tests share: the command with asyncio's debug mode, beside all warnings."""

from dataclasses import replace

import pytest

from tests.conftest import Command


@pytest.fixture
def command(command: Command) -> Command:
    """Give the command as it is developed: asyncio tells of mistakes that pass unseen otherwise.

    It tells of a slow machine too, in the same place as the command does, so no more than these
    tests have it.
    """
    return replace(command, flags=("-X", "dev", *command.flags))
