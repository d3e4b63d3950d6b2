"""What is left to print when a run has ended, and how the command ends then."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from collector.cli import execution
from collector.cli.answers import AnswerPrinter
from collector.core.errors import ExitCode
from collector.run.result import End
from collector.settings import RunSettings
from collector.settings.parsers import Duration
from collector.store.append_file import AppendFile

_LINES = b'{"company_id":"1"}\n' * 100_000
"""More than a pipe holds."""


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Give a pipe: the descriptor to read, and the one to write."""
    both = os.pipe()
    yield both
    for descriptor in both:
        with suppress(OSError):
            os.close(descriptor)


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[AppendFile]:
    """Give a file of answers with a line of an earlier attempt."""
    path = tmp_path / "statistics.jsonl"
    path.write_bytes(b'{"company_id":"0"}\n')
    file = AppendFile.open(path)
    yield file
    file.close()


def _run(
    printer: AnswerPrinter, answers: AppendFile, end: End, deadline: Duration | None = None
) -> Any:  # noqa: ANN401 - what `execute` takes of a run
    """Return a run that writes lines, of which the last one is not synced, and ends."""

    async def execute() -> End:
        printer.reach(answers)
        answers.append(_LINES)
        await asyncio.to_thread(answers.sync)
        printer.reach(answers)
        answers.append(b"not on the disk\n")
        return end

    return SimpleNamespace(
        execute=execute,
        settings=RunSettings(quiet=True, deadline=deadline),
        stop=lambda _code: None,
        stop_at_once=lambda: None,
        announcer=SimpleNamespace(),
        files=SimpleNamespace(directory=answers.path.parent),
    )


@pytest.fixture(autouse=True)
def _collect_garbage_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what a run sets for its process from the tests."""
    settings = SimpleNamespace(freeze=lambda: None, set_threshold=lambda _count: None)
    monkeypatch.setattr(execution, "gc", settings)


async def test_a_reader_gets_what_is_new_and_on_the_disk(
    pipe: tuple[int, int], answers: AppendFile
) -> None:
    """However long it takes: neither a line of an earlier run, nor one that is not synced."""
    printer = AnswerPrinter(pipe[1])
    run = _run(printer, answers, End(ExitCode.COMPLETE))
    running = asyncio.create_task(execution.execute(run, printer))
    read = b""
    while len(read) < len(_LINES):
        read += await asyncio.to_thread(os.read, pipe[0], 1 << 20)
    assert read == _LINES
    assert await running == End(ExitCode.COMPLETE)


async def test_the_deadline_counts_for_the_reader_too(
    pipe: tuple[int, int], answers: AppendFile, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has passed while a run that is complete waits: 4, and the file is named."""
    printer = AnswerPrinter(pipe[1])
    end = await execution.execute(
        _run(printer, answers, End(ExitCode.COMPLETE), Duration(1)), printer
    )
    assert end == End(ExitCode.STOPPED_EARLY, "the deadline of 1s has passed")
    said = capsys.readouterr().err
    assert "standard output took nothing for 1 s; the answers that were not printed are" in said
    assert f"are in {answers.path}" in said


@pytest.mark.parametrize("code", [ExitCode.STOPPED_EARLY, ExitCode.DATES, ExitCode.BUG])
async def test_a_run_that_did_not_finish_waits_for_a_second(
    pipe: tuple[int, int], answers: AppendFile, code: ExitCode
) -> None:
    """And ends as it has ended."""
    printer = AnswerPrinter(pipe[1])
    end = End(code, "why")
    assert await execution.execute(_run(printer, answers, end), printer) == end


async def test_a_file_that_another_process_has_cut_is_not_waited_for(
    pipe: tuple[int, int], answers: AppendFile, capsys: pytest.CaptureFixture[str]
) -> None:
    """The run tells of it."""
    printer = AnswerPrinter(pipe[1])
    printer.reach(answers)
    answers.append(_LINES)
    await asyncio.to_thread(answers.sync)
    answers.path.write_bytes(b"")
    printer.reach(answers)
    end = End(ExitCode.STORAGE, "another process has cut it")
    assert await printer.finish(end) == (end, None)
    assert capsys.readouterr().err == ""
