"""The directory of a cluster run: its lock, and a log that cannot be opened."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from collector.cluster.shared_directory import ClusterLog, LockedDirectory, survey_directory
from collector.core.cell import CellState
from collector.core.errors import InputError
from collector.plan import CellSet, Part, Shard, absent_in_turns
from collector.settings import RunSettings
from collector.store.append_file import AppendFile
from collector.store.files import PartFiles
from collector.store.recorded_run import find_run
from collector.telemetry.log import EventLog
from tests.store.compressed import compress
from tests.store.made_runs import line, make_run


@pytest.mark.parametrize("is_in_the_way", [False, True])
async def test_a_log_that_cannot_be_opened_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_in_the_way: bool
) -> None:
    """Once, and the run continues: it is about answers."""
    files = PartFiles(tmp_path)
    PartFiles(tmp_path, Shard(0, 2)).manifest.touch()
    if is_in_the_way:
        files.log.mkdir()
    events = EventLog("info", lambda text: text)
    with ClusterLog(files, events) as log:
        await log.open()
        monkeypatch.setattr("collector.cluster.shared_directory.parts_in", None)
        await log.open()
        events.logger.info("something")
    reason = "log.jsonl: cannot be opened (Is a directory), and has no events of this attempt"
    assert log.remarks == ((reason,) if is_in_the_way else ())


async def test_a_log_that_opens_while_its_run_is_cancelled_has_the_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there then; empty, it would tell that nothing has happened."""
    files, events = PartFiles(tmp_path), EventLog("info", lambda text: text)
    PartFiles(tmp_path, Shard(0, 2)).manifest.touch()
    events.logger.info("cluster_started")
    is_opening, may_open, open_file = asyncio.Event(), Event(), AppendFile.open
    loop = asyncio.get_running_loop()

    def wait(path: Path) -> AppendFile:
        loop.call_soon_threadsafe(is_opening.set)
        may_open.wait(30)
        return open_file(path)

    monkeypatch.setattr(AppendFile, "open", wait)
    with ClusterLog(files, events) as log:
        opening = asyncio.create_task(log.open())
        await is_opening.wait()
        opening.cancel()
        may_open.set()
        await asyncio.wait([opening])
        assert opening.cancelled()
    assert "cluster_started" in files.log.read_text()


def test_a_lock_of_another_program_is_refused(tmp_path: Path) -> None:
    """Workers would compare its text, whatever its length; it stays as it is."""
    path = tmp_path / "run-cluster.lock"
    path.write_bytes(b"mine")
    with pytest.raises(InputError, match=r"run-cluster\.lock: belongs to another program"):
        LockedDirectory(tmp_path)
    assert path.read_bytes() == b"mine"


@pytest.mark.parametrize("foreign", [None, b"mine"])
async def test_a_lock_that_is_removed_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, foreign: bytes | None
) -> None:
    """Unless a file of another program has its name by then: that stays as it is."""
    path = tmp_path / "run-cluster.lock"
    locked = LockedDirectory(tmp_path)
    before = path.read_bytes()
    path.unlink()
    if foreign is not None:
        path.write_bytes(foreign)
    was_checked = asyncio.Event()

    async def check(work: Callable[[], None]) -> None:
        work()
        was_checked.set()

    monkeypatch.setattr("collector.cluster.shared_directory.in_thread", check)
    checking = asyncio.create_task(locked.run())
    await was_checked.wait()
    checking.cancel()
    await asyncio.wait([checking])
    assert path.read_bytes() == (foreign or before)
    locked.release()
    assert path.exists() == (foreign is not None)


def test_a_directory_with_compressed_files_is_refused(tmp_path: Path) -> None:
    """Before a shard is assigned; all shards would find it."""
    run = make_run(tmp_path / "r")
    compress(run / "statistics.jsonl", ".gz")
    plan = find_run(run).plan().plan
    with pytest.raises(InputError, match=r"statistics\.jsonl\.gz is compressed"):
        survey_directory(PartFiles(run), plan, RunSettings(), lambda: False)


def test_answers_elsewhere_are_counted_for_each_shard(tmp_path: Path) -> None:
    """Beside all answers: those in files of shards of the number that is there are not among them.

    With another number nothing is handed over.
    """
    run = make_run(tmp_path / "r", [line("1", 1, total=1), line("1", 2), line("2", 1)])
    plan = find_run(run).plan().plan
    own = absent_in_turns(CellSet(len(plan)), Part(plan, Shard(0, 2)))
    days = ((cell.company_id, cell.window.from_date) for cell in own)
    lines = [line(company, first.day) for company, first in days if first is not None]
    make_run(run, lines, shard=Shard(0, 2))
    past = survey_directory(PartFiles(run), plan, RunSettings(), lambda: False)
    division = past.divided(run, plan, 2)
    everywhere, elsewhere = division.before, division.answered
    assert sum(counts.total() for counts in map(Counter, elsewhere)) == 3
    assert sum(Counter(counts)[CellState.DATA] for counts in elsewhere) == 1
    assert sum(everywhere[0].values()) == len(Part(plan, Shard(0, 2)))
    assert division.surveyed is not None
    assert past.elsewhere.surveyed(3) is None
