"""The message about how a run ended."""

import pytest

from collector.core.errors import CollectorError, OutageError, ShortageError
from collector.run.result import end_by, without_answers


@pytest.mark.parametrize("kind", [OutageError, ShortageError])
def test_a_run_that_began_nothing_promises_nothing_kept(kind: type[CollectorError]) -> None:
    """There is nothing to resume; the rest of the message stays."""
    end = end_by(kind("no answer"), str)
    assert "what was collected so far is kept; run the same command again to resume" in str(end)
    error = without_answers(end).error or ""
    assert error.startswith("no answer; nothing was collected; run the same command again ")
    assert "resume" not in error
