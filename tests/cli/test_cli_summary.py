"""The summary at the end of a run: what came of it, and what to do next."""

from pathlib import Path

import pytest

from collector.cli.meaning import MEANING
from collector.cli.summary import summary
from collector.errors import ExitCode
from collector.fetch.credentials import AccessToken
from collector.models import SERVER_DEFAULT, FailureKind
from collector.plan import Companies, Plan
from collector.run import End, Run
from collector.secrets import Secret
from collector.settings import RunSettings
from collector.tally import CellState


def _job(planned: int = 1000) -> Run:
    plan = Plan(Companies(tuple(str(number) for number in range(planned))), (SERVER_DEFAULT,))
    return Run(plan, RunSettings(rate=7.5), AccessToken(Secret("t")), Path("out/night"))


def _rows(job: Run, code: ExitCode) -> dict[str, str]:
    rows = [line.partition(" ") for line in summary(job, End(code)).splitlines()]
    assert len({name for name, *_ in rows}) == len(rows)
    return {name: text.strip() for name, _, text in rows}


def test_every_exit_code_has_a_meaning() -> None:
    """Summary and status say it in words; no two are alike."""
    assert set(MEANING) == set(ExitCode)
    assert len(set(MEANING.values())) == len(MEANING)


def test_a_complete_run_has_nothing_to_do_next() -> None:
    """Counts, requests, time and rate, where the answers are, and the exit code in words."""
    job = _job()
    job.tally.cells.update({CellState.DATA: 900, CellState.EMPTY: 100})
    job.tally.requests, job.tally.retries, job.tally.refused = 1234, 5, 6
    rows = _rows(job, ExitCode.COMPLETE)
    assert list(rows) == ["cells", "requests", "time", "answers", "exit"]
    assert rows["cells"] == "1,000 of 1,000 answered (900 data, 100 empty), 0 failed, 0 missing"
    assert rows["requests"] == "1,234 sent, 5 retried, 6 refused"
    assert rows["time"].endswith(" requests a second (at most 7.5)")
    assert rows["answers"] == "out/night/statistics.jsonl"
    assert rows["exit"] == "0: every cell has an answer"


def test_what_earlier_attempts_answered_is_counted_and_told() -> None:
    """The whole run is what counts; how much of it was there before is said."""
    job = _job()
    job.tally.kept.update({CellState.DATA: 600, CellState.EMPTY: 50})
    job.tally.cells.update({CellState.DATA: 40, CellState.EMPTY: 7, CellState.FAILED: 3})
    job.tally.failure_kinds.update({FailureKind.TIMEOUT: 1, FailureKind.HTTP: 2})
    rows = _rows(job, ExitCode.SOME_FAILED)
    assert rows["cells"] == (
        "697 of 1,000 answered (640 data, 57 empty), 650 of them in earlier attempts, "
        "3 failed, 300 missing"
    )
    assert rows["failures"] == "out/night/errors.jsonl (http 2, timeout 1)"
    assert rows["next"] == "the same command again asks for what failed or is missing"


def test_a_run_that_found_all_done_says_so() -> None:
    """Nothing was sent, and there are answers all the same."""
    job = _job(3)
    job.tally.kept[CellState.DATA] = 3
    rows = _rows(job, ExitCode.COMPLETE)
    assert rows["cells"] == (
        "3 of 3 answered (3 data, 0 empty), 3 of them in earlier attempts, 0 failed, 0 missing"
    )
    assert rows["answers"] == "out/night/statistics.jsonl"
    assert "next" not in rows


@pytest.mark.parametrize("code", list(ExitCode))
def test_only_ends_that_can_be_continued_say_how(code: ExitCode) -> None:
    """With all answered there is nothing to go on with, and a bug would come again."""
    job = _job(3)
    can_go_on = {1, 3, 4, 5, 130, 143}
    rows = _rows(job, code)
    assert ("next" in rows) == (code in can_go_on)
    assert rows["exit"] == f"{code.value}: {MEANING[code]}"
    assert "answers" not in rows
    assert "failures" not in rows
    job.tally.cells[CellState.EMPTY] = 3
    assert "next" not in _rows(job, code)
