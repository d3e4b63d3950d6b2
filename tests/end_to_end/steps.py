"""What several end-to-end tests do on their way, and look at when they are there."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what files or counts show."""
    async with asyncio.timeout(90):
        while not condition():  # noqa: ASYNC110 - they have no events
            await asyncio.sleep(0.01)


def assert_all_answered(command: Any, count: int) -> None:  # noqa: ANN401 - see conftest
    """Each company has its line, once, and none an error."""
    answered = [line["company_id"] for line in command.lines("r/statistics.jsonl")]
    assert Counter(answered) == Counter(str(number) for number in range(count))
    assert command.lines("r/errors.jsonl") == []
