import asyncio
import errno
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.core.cell import CellState
from collector.core.errors import StorageError
from collector.core.outcome import Answer, Counters, Failure, FailureKind
from collector.store.append_file import AppendFile
from collector.store.journal import Journal, Line

LargestFile = Callable[[int], AbstractContextManager[None]]

_MOST_UNSYNCED = 8000
_AT = datetime(2026, 11, 1, tzinfo=UTC)
_ANSWER = Answer(b"{}", Counters(0, 0, 0, 0, 0, {}), _AT, 1)
_FAILURE = Failure(FailureKind.HTTP, 404, "HTTP 404", None, _AT, 1)


class _Disk:
    """Replaces the system's sync; records calls, and is slow or fails when told to."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, str]] = []
        self.threads: set[int] = set()
        self.refused: set[str] = set()
        self._is_ready = threading.Event()
        self._is_ready.set()
        self._is_asked = threading.Event()

    def sync(self, descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        self.threads.add(threading.get_ident())
        self.notes.append(("sync", name))
        self._is_asked.set()
        assert self._is_ready.wait(5), "the test never released the disk"
        if name in self.refused:
            raise OSError(errno.EIO, "Input/output error")

    def stop(self) -> None:
        """Let the next sync hang until `go_on`."""
        self._is_ready.clear()
        self._is_asked.clear()

    def go_on(self) -> None:
        self._is_ready.set()

    async def asked(self) -> None:
        """Wait until a sync was asked for, and hangs if it was told to."""
        assert await asyncio.to_thread(self._is_asked.wait, 5)


class _Bench:
    """A journal on two real files, and what it told."""

    def __init__(self, directory: Path, disk: _Disk) -> None:
        self.disk = disk
        self.statistics = AppendFile.open(directory / "statistics.jsonl")
        self.errors = AppendFile.open(directory / "errors.jsonl")
        self.durable: list[Line] = []
        self._told = asyncio.Event()
        self.journal = Journal(self.statistics, self.errors, on_durable=self._on_durable)

    def _on_durable(self, lines: Sequence[Line]) -> None:
        self.disk.notes.append(("durable", str(len(lines))))
        self.durable += lines
        self._told.set()

    async def append(self, *lines: Line) -> None:
        for line in lines:
            await self.journal.append([line])

    async def until_durable(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.durable) < count:
                self._told.clear()
                await self._told.wait()

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.journal.sync_groups())

    @property
    def lines(self) -> list[str]:
        return self.statistics.path.read_text().splitlines()

    @property
    def error_lines(self) -> list[str]:
        return self.errors.path.read_text().splitlines()


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[_Bench]:
    """Give a journal on two new files."""
    disk = _Disk()
    monkeypatch.setattr("collector.store.append_file._sync", disk.sync)
    bench = _Bench(tmp_path, disk)
    yield bench
    disk.go_on()
    bench.statistics.close()
    bench.errors.close()


@pytest.fixture
def _no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing happen only because a quarter of a second has passed."""
    monkeypatch.setattr("collector.store.journal._GROUP_SECONDS", 3600.0)


@pytest.fixture
def _short_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save time where it does not matter."""
    monkeypatch.setattr("collector.store.journal._GROUP_SECONDS", 0.01)


def _line(number: int, state: CellState = CellState.DATA) -> Line:
    return Line(b"%d\n" % number, state, _ANSWER)


def _failed(number: int) -> Line:
    return Line(b"%d\n" % number, CellState.FAILED, _FAILURE)


def _numbers(numbers: range) -> list[str]:
    return [str(number) for number in numbers]


async def _turns(count: int = 200) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _end(writer: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await writer


async def test_a_line_is_in_its_file_when_append_returns(bench: _Bench) -> None:
    """Even if there is never a sync: killing the process now would not lose it."""
    for number in range(3):
        await bench.append(_line(number), _failed(number))
        assert bench.lines == bench.error_lines == _numbers(range(number + 1))
    assert bench.disk.notes == []
    assert bench.durable == []


async def test_a_line_counts_only_once_it_is_synced(bench: _Bench) -> None:
    """First the sync, then the word; each file in its turn, results first."""
    lines = _line(1), _failed(2), _line(3, CellState.EMPTY)
    await bench.append(*lines)
    bench.journal.close()
    await _end(bench.start())
    assert bench.disk.notes == [
        ("sync", "statistics.jsonl"),
        ("durable", "2"),
        ("sync", "errors.jsonl"),
        ("durable", "1"),
    ]
    assert bench.durable == [lines[0], lines[2], lines[1]]
    assert (bench.lines, bench.error_lines) == (["1", "3"], ["2"])


@pytest.mark.usefixtures("_short_timer")
async def test_nothing_is_told_while_the_disk_is_busy(bench: _Bench) -> None:
    """As long as the sync lasts its lines do not count, and the event loop continues."""
    writer = bench.start()
    bench.disk.stop()
    await bench.append(_line(1), _failed(2))
    await bench.disk.asked()
    await _turns()
    assert bench.durable == []
    bench.disk.go_on()
    await bench.until_durable(2)
    bench.journal.close()
    await _end(writer)


@pytest.mark.usefixtures("_short_timer")
async def test_syncing_is_never_done_on_the_event_loop(bench: _Bench) -> None:
    """Neither in groups, nor at the end, nor when cancelled: a slow disk stops no request."""
    writer = bench.start()
    await bench.append(_line(1), _failed(2))
    await bench.until_durable(2)
    await bench.append(_line(3), _failed(4))
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await _end(writer)
    await bench.append(_line(5), _failed(6))
    bench.journal.close()
    await _end(bench.start())
    assert len(bench.durable) == 6
    assert bench.disk.threads
    assert threading.get_ident() not in bench.disk.threads


async def test_a_file_without_lines_is_left_alone(bench: _Bench) -> None:
    """It is not synced for nothing."""
    await bench.append(_failed(1))
    bench.journal.close()
    await _end(bench.start())
    assert bench.disk.notes == [("sync", "errors.jsonl"), ("durable", "1")]


async def test_a_group_grows_for_a_quarter_of_a_second(bench: _Bench) -> None:
    """Lines that come one after the other share one sync, and the first waits no longer."""
    writer = bench.start()
    await _turns()
    began = time.monotonic()
    for number in range(20):
        await bench.append(_line(number))
        await _turns(5)
    await bench.until_durable(1)
    elapsed = time.monotonic() - began
    assert bench.durable == [_line(number) for number in range(20)]
    # A second is what is promised; a busy machine may need more than the quarter.
    assert 0.2 < elapsed < 1
    bench.journal.close()
    await _end(writer)
    assert bench.disk.notes == [("sync", "statistics.jsonl"), ("durable", "20")]


async def test_many_lines_need_few_syncs(bench: _Bench) -> None:
    """A stream of lines is synced four times per second, not once per line, and keeps its order."""
    began = time.monotonic()
    writer = bench.start()
    for number in range(3000):
        await bench.append(_line(number))
        await asyncio.sleep(0)
    bench.journal.close()
    await _end(writer)
    elapsed = time.monotonic() - began
    assert bench.lines == _numbers(range(3000))
    assert bench.durable == [_line(number) for number in range(3000)]
    syncs = bench.disk.notes.count(("sync", "statistics.jsonl"))
    # One each quarter of a second, two around 2,000 lines and one at the end.
    assert syncs <= 3 + elapsed / 0.25


@pytest.mark.usefixtures("_no_timer")
@pytest.mark.parametrize("make", [_line, lambda number: (_line, _failed)[number % 2](number)])
async def test_a_group_of_2000_lines_does_not_wait_for_its_time(
    bench: _Bench, make: Callable[[int], Line]
) -> None:
    """With one less it would; lines of both files count alike."""
    writer = bench.start()
    for group in range(3):
        del bench.disk.notes[:]
        await bench.append(*map(make, range(1999)))
        await _turns()
        assert bench.disk.notes == []
        await bench.append(make(1999))
        await bench.until_durable(2000 * (group + 1))
    bench.journal.close()
    await _end(writer)


async def test_a_journal_that_is_closed_with_nothing_pending_ends(bench: _Bench) -> None:
    """At once: it syncs nothing."""
    writer = bench.start()
    await _turns()
    bench.journal.close()
    await _turns()
    assert writer.done()
    await _end(writer)
    assert bench.disk.notes == []


@pytest.mark.usefixtures("_no_timer")
async def test_closing_cuts_the_wait_for_more_lines_short(bench: _Bench) -> None:
    """The end of a run does not wait for the quarter of a second; what came is synced."""
    writer = bench.start()
    await bench.append(_line(1))
    await _turns()
    assert bench.disk.notes == []
    bench.journal.close()
    await _end(writer)
    assert bench.durable == [_line(1)]


@pytest.mark.usefixtures("_no_timer")
async def test_lines_that_come_during_a_sync_count_with_the_next(bench: _Bench) -> None:
    """It is unknown whether the sync under way saw them; closing meanwhile loses none."""
    writer = bench.start()
    bench.disk.stop()
    await bench.append(*map(_line, range(2000)))
    await bench.disk.asked()
    await bench.append(_line(2000), _line(2001))
    assert len(bench.lines) == 2002
    bench.disk.go_on()
    await bench.until_durable(1)
    assert len(bench.durable) == 2000
    bench.journal.close()
    await _end(writer)
    assert bench.durable == [_line(number) for number in range(2002)]


@pytest.mark.usefixtures("_no_timer")
async def test_a_writer_cancelled_at_rest_syncs_what_came(bench: _Bench) -> None:
    """While it lets a group grow, the lines that wait are synced and told before it ends."""
    writer = bench.start()
    await bench.append(_line(1), _failed(2))
    await _turns()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await _end(writer)
    assert bench.durable == [_line(1), _failed(2)]
    assert bench.disk.notes == [
        ("sync", "statistics.jsonl"),
        ("durable", "1"),
        ("sync", "errors.jsonl"),
        ("durable", "1"),
    ]


@pytest.mark.usefixtures("_short_timer")
@pytest.mark.parametrize("cancellations", [1, 2])
async def test_a_writer_cancelled_while_it_writes_tells_everything_once(
    bench: _Bench, cancellations: int
) -> None:
    """The sync under way is waited for, told, and followed by one for what came meanwhile."""
    writer = bench.start()
    bench.disk.stop()
    await bench.append(_line(0))
    await bench.disk.asked()
    await bench.append(_line(1), _failed(2))
    for _ in range(cancellations):
        writer.cancel()
        await _turns()
    assert not writer.done()
    assert bench.disk.notes == [("sync", "statistics.jsonl")], "two syncs at a time"
    bench.disk.go_on()
    with pytest.raises(asyncio.CancelledError):
        await _end(writer)
    assert bench.durable == [_line(0), _line(1), _failed(2)]
    one = ("durable", "1")
    results, errors = ("sync", "statistics.jsonl"), ("sync", "errors.jsonl")
    assert bench.disk.notes == [results, one, results, one, errors, one]


@pytest.mark.usefixtures("_short_timer")
async def test_a_failed_sync_of_results_cuts_them_and_ends_all(bench: _Bench) -> None:
    """The file and the reason are named; the group does not count; nothing is asked again."""
    writer = bench.start()
    await bench.append(_line(0), _failed(1))
    await bench.until_durable(2)
    bench.disk.refused.add("statistics.jsonl")
    bench.disk.stop()
    await bench.append(_line(2), _failed(3))
    await bench.disk.asked()
    await bench.append(_line(4))
    bench.disk.go_on()
    with pytest.raises(
        StorageError, match=r"statistics\.jsonl cannot be written: Input/output error; .* again"
    ):
        await _end(writer)
    assert bench.durable == [_line(0), _failed(1)]
    assert bench.lines == ["0"]
    notes = list(bench.disk.notes)
    assert notes[-1] == ("sync", "statistics.jsonl")
    for line in (_line(5), _failed(6)):
        with pytest.raises(StorageError, match=r"statistics\.jsonl cannot be written"):
            await bench.append(line)
    bench.journal.close()
    await _turns()
    assert bench.disk.notes == notes
    assert (bench.lines, bench.error_lines) == (["0"], ["1", "3"])


@pytest.mark.usefixtures("_short_timer")
async def test_results_count_though_the_errors_cannot_be_synced(bench: _Bench) -> None:
    """They were synced before; only the lines of the other file are cut, and do not count."""
    writer = bench.start()
    bench.disk.refused.add("errors.jsonl")
    await bench.append(_line(1), _failed(2))
    with pytest.raises(StorageError, match=r"errors\.jsonl cannot be written: Input/output error"):
        await _end(writer)
    assert bench.durable == [_line(1)]
    assert (bench.lines, bench.error_lines) == (["1"], [])
    with pytest.raises(StorageError, match=r"errors\.jsonl cannot be written"):
        await bench.append(_line(3))
    assert bench.lines == ["1"]


@pytest.mark.usefixtures("_short_timer")
async def test_a_cancelled_writer_whose_disk_refuses_says_so(bench: _Bench) -> None:
    """The error is not lost behind the cancellation, and nothing is synced after it."""
    writer = bench.start()
    bench.disk.stop()
    bench.disk.refused.add("statistics.jsonl")
    await bench.append(_line(0))
    await bench.disk.asked()
    await bench.append(_failed(1))
    writer.cancel()
    await _turns()
    bench.disk.go_on()
    with pytest.raises(StorageError, match="Input/output error"):
        await _end(writer)
    assert bench.disk.notes == [("sync", "statistics.jsonl")]
    assert bench.durable == []


async def test_what_cannot_be_synced_is_a_storage_error(tmp_path: Path) -> None:
    """The kernel's own refusal to sync, with its own reason; nothing is counted."""
    reading, writing = os.pipe()
    pipe, errors = (
        AppendFile(writing, tmp_path / "pipe.jsonl"),
        AppendFile.open(tmp_path / "errors"),
    )
    durable: list[Line] = []
    journal = Journal(pipe, errors, on_durable=durable.extend)
    await journal.append([_line(1)])
    journal.close()
    with pytest.raises(StorageError, match=r"pipe\.jsonl cannot be written: Invalid argument"):
        await journal.sync_groups()
    pipe.close()
    errors.close()
    os.close(reading)
    assert durable == []


async def test_lines_before_a_full_disk_are_synced_and_counted(
    bench: _Bench, largest_file: LargestFile
) -> None:
    """A line that does not fit leaves no trace and stops the workers, whose end syncs the rest."""

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.journal.sync_groups())
            await asyncio.sleep(0)
            await bench.append(_line(1), _failed(2), _line(3), _line(4444))

    with largest_file(5):
        with pytest.raises(ExceptionGroup) as caught:
            await run()
        (error,) = caught.value.exceptions
        assert isinstance(error, StorageError)
        assert str(error).startswith(
            f"{bench.statistics.path} cannot be written: File too large; it has only whole lines"
        )
        assert bench.statistics.path.read_bytes() == b"1\n3\n"
        assert bench.durable == [_line(1), _line(3), _failed(2)]


async def test_after_a_full_disk_nothing_is_written(
    bench: _Bench, largest_file: LargestFile
) -> None:
    """Neither a shorter line that would fit, nor one for the other file, nor with room again."""
    with largest_file(5):
        await bench.append(_line(1))
        with pytest.raises(StorageError, match=r"statistics\.jsonl .*File too large"):
            await bench.append(_line(4444))
        for line in (_line(2), _failed(3)):
            with pytest.raises(StorageError, match=r"statistics\.jsonl .*File too large"):
                await bench.append(line)
    with pytest.raises(StorageError, match="File too large"):
        await bench.append(_line(5))
    assert (bench.lines, bench.error_lines) == (["1"], [])


async def test_a_full_device_is_a_storage_error(bench: _Bench, tmp_path: Path) -> None:
    """The kernel's own answer, with its own reason: no room on the device."""
    full = AppendFile(os.open("/dev/full", os.O_WRONLY), tmp_path / "full.jsonl")
    journal = Journal(full, bench.errors, on_durable=bench.durable.extend)
    with pytest.raises(StorageError, match=r"full\.jsonl cannot be written: No space left"):
        await journal.append([_line(1)])
    full.close()
    journal.close()
    await asyncio.wait_for(journal.sync_groups(), 5)
    assert bench.durable == []
    assert bench.disk.notes == []


async def _fill_up(bench: _Bench) -> tuple[asyncio.Task[None], asyncio.Task[None]]:
    """Let as many lines be written as a hanging disk allows; return the writer and who waits."""
    writer = bench.start()
    bench.disk.stop()
    await bench.append(_failed(-1), _line(-1))
    await bench.disk.asked()
    async with asyncio.timeout(5):
        await bench.append(*map(_line, range(_MOST_UNSYNCED - 2)))
    waiting = asyncio.create_task(bench.append(_line(-2)))
    await _turns()
    assert not waiting.done(), f"more than {_MOST_UNSYNCED} lines are not on the disk"
    return writer, waiting


@pytest.mark.usefixtures("_short_timer")
async def test_a_slow_disk_makes_workers_wait(bench: _Bench) -> None:
    """Memory stays bounded: with 8,000 lines unsynced `append` waits until a sync."""
    writer, waiting = await _fill_up(bench)
    others = [asyncio.create_task(bench.append(make(-3))) for make in (_line, _failed, _line)]
    await _turns()
    assert not any(other.done() for other in others)
    assert bench.lines == ["-1", *_numbers(range(_MOST_UNSYNCED - 2))]
    bench.disk.go_on()
    async with asyncio.timeout(5):
        await asyncio.gather(waiting, *others)
    bench.journal.close()
    await _end(writer)
    assert bench.lines == ["-1", *_numbers(range(_MOST_UNSYNCED - 2)), "-2", "-3", "-3"]
    assert bench.error_lines == ["-1", "-3"]
    assert len(bench.durable) == _MOST_UNSYNCED + 4


@pytest.mark.usefixtures("_short_timer")
async def test_a_task_that_waits_for_a_slow_disk_can_be_cancelled(bench: _Bench) -> None:
    """Its line is not written then: the cell was never settled."""
    writer, waiting = await _fill_up(bench)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bench.disk.go_on()
    bench.journal.close()
    await _end(writer)
    assert bench.lines == ["-1", *_numbers(range(_MOST_UNSYNCED - 2))]


@pytest.mark.usefixtures("_short_timer")
async def test_a_task_that_waits_for_a_slow_disk_hears_of_its_failure(bench: _Bench) -> None:
    """It does not wait for ever, and its line is not written."""
    writer, waiting = await _fill_up(bench)
    bench.disk.refused.add("statistics.jsonl")
    bench.disk.go_on()
    with pytest.raises(StorageError, match="Input/output error"):
        await _end(writer)
    async with asyncio.timeout(5):
        with pytest.raises(StorageError, match="Input/output error"):
            await waiting
    assert bench.lines == []
    assert bench.durable == []
