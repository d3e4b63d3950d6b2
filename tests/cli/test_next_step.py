"""What the summary says is to be done next, for every way in which a run ends."""

import os
import re
from pathlib import Path

import pytest

from collector.cli.next_step import next_step
from collector.cluster.run import ClusterRun
from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.errors import (
    ClusterError,
    CredentialsError,
    DatesError,
    ExitCode,
    IgnoredDatesError,
    ImplausibleError,
    OutageError,
    StorageError,
)
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.plan import Companies, Plan, Shard
from collector.run.run import End, Run
from collector.settings import RunSettings
from collector.store.files import PartFiles


def _job(output: Path = Path("out/night"), source: str = "companies.txt") -> Run:
    companies = Companies(tuple(str(number) for number in range(1000)), source=source)
    return Run(Plan(companies, (SERVER_DEFAULT,)), RunSettings(), AccessToken(Secret("t")), output)


def test_complete_means_nothing_to_do() -> None:
    """Whatever ended the run, if every cell has an answer."""
    job = _job()
    job.stats.kept[CellState.EMPTY] = 400
    job.stats.cells[CellState.DATA] = 600
    for code in set(ExitCode) - {ExitCode.BUG}:
        assert next_step(job, End(code)) == ""


def test_failed_cells_are_asked_for_again_and_shown_by_status() -> None:
    """The command can be pasted, whatever the directory is called."""
    job = _job(Path("-my runs"))
    job.stats.cells.update({CellState.DATA: 990, CellState.FAILED: 10})
    assert next_step(job, End(ExitCode.SOME_FAILED)) == (
        "run the same command again: it requests what failed or is missing; collector status "
        "'./-my runs' shows which"
    )


@pytest.mark.parametrize(
    "code", [ExitCode.SIGHUP, ExitCode.SIGINT, ExitCode.SIGTERM, ExitCode.STOPPED_EARLY]
)
def test_an_interrupted_run_is_told_how_much_is_left(code: ExitCode) -> None:
    """As soon as there is a cell to judge by."""
    job = _job()
    resume = "run the same command again: it requests what failed or is missing"
    assert next_step(job, End(code)) == resume
    job.stats.cells[CellState.DATA] = 10
    assert re.fullmatch(
        r"run the same command again: it requests what failed or is missing; this takes about "
        r"\d+:\d\d:\d\d at this rate",
        next_step(job, End(code)),
    )


def test_after_a_deadline_only_the_time_is_news() -> None:
    """Its message says already that the same command resumes the run."""
    job = _job()
    end = End(ExitCode.STOPPED_EARLY, "the deadline has passed; run the same command again")
    assert next_step(job, end) == ""
    job.stats.cells.update({CellState.DATA: 10, CellState.FAILED: 1})
    assert re.fullmatch(
        r"what is missing takes about \d+:\d\d:\d\d more at this rate",
        next_step(job, end),
    )


@pytest.mark.parametrize(
    ("cause", "step"),
    [
        (OutageError, "collector check companies.txt shows whether the service works now"),
        (
            CredentialsError,
            "collector check companies.txt shows whether the API accepts the credentials",
        ),
        (
            IgnoredDatesError,
            (
                "collector check companies.txt --write puts the dates that the API honours into "
                "collector.toml"
            ),
        ),
        (ClusterError, "run the same command again: it requests what failed or is missing"),
        # No "same command again": the same would follow.
        (ImplausibleError, "collector check companies.txt shows what the API answers"),
        (DatesError, ""),
        (StorageError, ""),
    ],
)
def test_after_an_error_the_step_adds_to_its_text(cause: type[OutageError], step: str) -> None:
    """Which says already that what was collected is kept, and how to resume."""
    assert next_step(_job(), End(cause.exit_code, "said", cause)) == step
    read = _job(source="standard input")
    assert next_step(read, End(cause.exit_code, "said", cause)) == step.replace(
        "companies.txt", "COMPANIES"
    )


def test_a_full_disk_is_told_how_much_room_the_rest_takes(tmp_path: Path) -> None:
    """As much for each cell as those that are there; with room enough it is something else."""
    job = _job(tmp_path)
    job.stats.cells[CellState.DATA] = 10
    end = End(ExitCode.STORAGE, "cannot be written", StorageError)
    lines = tmp_path / "statistics.jsonl"
    lines.touch()
    # A hole of 1 TB takes no room.
    os.truncate(lines, 10**12)
    assert re.fullmatch(
        rf"make room for about 99\.0 TB; [\d.]+ \w+ are free for {re.escape(str(tmp_path))}",
        next_step(job, end),
    )
    os.truncate(lines, 10)
    assert next_step(job, end) == ""


@pytest.mark.parametrize("kind", [Run, ClusterRun])
def test_room_is_reckoned_by_the_lines_of_all_shards(
    kind: type[Run | ClusterRun], tmp_path: Path
) -> None:
    """And of the run without shards: 5 TB for 1,000 cells, and as much for the other 1,000."""
    companies = Companies(tuple(str(number) for number in range(2000)))
    plan = Plan(companies, (SERVER_DEFAULT,))
    job = kind(plan, RunSettings(), AccessToken(Secret("t")), tmp_path)
    job.stats.cells[CellState.DATA] = 1000
    for shard in (Shard(0, 1), *(Shard(number, 4) for number in range(4))):
        lines = PartFiles(tmp_path, shard).statistics
        lines.touch()
        os.truncate(lines, 10**12)
    step = next_step(job, End(ExitCode.STORAGE, "cannot be written", StorageError))
    assert step.startswith("make room for about 5.0 TB; ")


def test_a_bug_is_to_be_reported() -> None:
    """Running the same again would only meet it again."""
    step = next_step(_job(), End(ExitCode.BUG, "said"))
    assert step == "report it, with the end of log.jsonl; it holds no secrets"
