import asyncio
import errno
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from collector.errors import StorageError
from collector.models import FailureKind
from collector.store.append_file import AppendFile
from collector.store.journal import Journal, Line
from collector.tally import CellState


class _Disk(AppendFile):
    """A real file that takes notes, and can be slow or refuse when told to."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, path)
        self.notes: list[tuple[str, str]] = []
        self.is_ready = threading.Event()
        self.is_ready.set()
        self.is_asked = threading.Event()
        self.refused: dict[str, OSError] = {}

    def append(self, block: bytes) -> None:
        self._note("append")
        super().append(block)

    def sync(self) -> None:
        self._note("sync")
        super().sync()

    def _note(self, what: str) -> None:
        self.notes.append((what, self.path.name))
        self.is_asked.set()
        assert self.is_ready.wait(5), "the test never let the disk go on"
        if what in self.refused:
            raise self.refused[what]

    def stop(self) -> None:
        """Let the next call hang until `go_on`."""
        self.is_ready.clear()
        self.is_asked.clear()

    def go_on(self) -> None:
        self.is_ready.set()

    async def asked(self) -> None:
        """Wait until the writer's thread has called, and hangs if it was told to."""
        assert await asyncio.to_thread(self.is_asked.wait, 5)

    @property
    def lines(self) -> list[str]:
        return self.path.read_text().splitlines()


class _Bench:
    """A journal on two files, and what it told."""

    def __init__(self, directory: Path) -> None:
        self.statistics = _Disk.create(directory / "statistics.jsonl")
        self.errors = _Disk.create(directory / "errors.jsonl")
        self.notes = self.statistics.notes = self.errors.notes
        self.durable: list[Line] = []
        self._told = asyncio.Event()
        self.journal = Journal(self.statistics, self.errors, on_durable=self._on_durable)

    def _on_durable(self, lines: Sequence[Line]) -> None:
        self.notes.append(("durable", str(len(lines))))
        self.durable += lines
        self._told.set()

    async def until_durable(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.durable) < count:
                self._told.clear()
                await self._told.wait()

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.journal.commit_groups())


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[_Bench]:
    """Give a journal on two new files."""
    bench = _Bench(tmp_path)
    yield bench
    for disk in (bench.statistics, bench.errors):
        disk.go_on()
        disk.close()


def _line(number: int, state: CellState = CellState.DATA) -> Line:
    return Line(b"%d\n" % number, state)


def _failed(number: int) -> Line:
    return Line(b"%d\n" % number, CellState.FAILED, FailureKind.HTTP)


def _numbers(numbers: range) -> list[str]:
    return [str(number) for number in numbers]


async def _turns(count: int = 200) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def _end(writer: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await writer


async def test_lines_are_in_the_file_while_the_run_goes_on(bench: _Bench) -> None:
    """A line does not wait for the end, nor for others to come."""
    writer = bench.start()
    for number in range(3):
        await bench.journal.append(_line(number))
        await bench.until_durable(number + 1)
        assert bench.statistics.lines == _numbers(range(number + 1))
    bench.journal.close()
    await _end(writer)
    assert bench.statistics.lines == ["0", "1", "2"]


async def test_a_line_counts_only_once_it_is_synced(bench: _Bench) -> None:
    """First the block, then the sync, then the word; each file in its turn."""
    await bench.journal.append(_line(1))
    await bench.journal.append(_failed(2))
    await bench.journal.append(_line(3, CellState.EMPTY))
    bench.journal.close()
    await _end(bench.start())
    assert bench.notes == [
        ("append", "statistics.jsonl"),
        ("sync", "statistics.jsonl"),
        ("append", "errors.jsonl"),
        ("sync", "errors.jsonl"),
        ("durable", "3"),
    ]
    assert bench.durable == [_line(1), _failed(2), _line(3, CellState.EMPTY)]
    assert (bench.statistics.lines, bench.errors.lines) == (["1", "3"], ["2"])


async def test_nothing_is_told_while_the_disk_is_busy(bench: _Bench) -> None:
    """As long as the sync lasts, the lines do not count."""
    writer = bench.start()
    bench.errors.stop()
    await bench.journal.append(_line(1))
    await bench.journal.append(_failed(2))
    await bench.errors.asked()
    await _turns()
    assert bench.durable == []
    bench.errors.go_on()
    await bench.until_durable(2)
    bench.journal.close()
    await _end(writer)


async def test_a_file_without_lines_is_left_alone(bench: _Bench) -> None:
    """Neither written nor synced for nothing."""
    await bench.journal.append(_failed(1))
    bench.journal.close()
    await _end(bench.start())
    assert bench.notes == [("append", "errors.jsonl"), ("sync", "errors.jsonl"), ("durable", "1")]


async def test_many_lines_need_few_syncs(bench: _Bench) -> None:
    """A trickle of lines is synced four times a second, not once a line, and keeps its order."""
    began = time.monotonic()
    writer = bench.start()
    for number in range(3000):
        await bench.journal.append(_line(number))
        await asyncio.sleep(0)
    bench.journal.close()
    await _end(writer)
    elapsed = time.monotonic() - began
    assert bench.statistics.lines == _numbers(range(3000))
    assert bench.durable == [_line(number) for number in range(3000)]
    syncs = sum(note == ("sync", "statistics.jsonl") for note in bench.notes)
    # One at once, one each quarter of a second, one for 2,000 lines and one at the end.
    assert syncs <= 4 + elapsed / 0.25


async def test_a_full_group_does_not_wait_for_its_time(bench: _Bench) -> None:
    """Sixty groups of 2,000 lines take far less than the quarter of a second each."""
    began = time.monotonic()
    writer = bench.start()
    for group in range(60):
        for number in range(2000):
            await bench.journal.append(_line(2000 * group + number))
        await bench.until_durable(2000 * (group + 1))
    bench.journal.close()
    await _end(writer)
    assert time.monotonic() - began < 60 * 0.25 / 2
    assert bench.statistics.lines == _numbers(range(120_000))


async def test_a_journal_that_is_closed_with_nothing_pending_ends(bench: _Bench) -> None:
    """At once, whether the writer waits for a first line or for a group to grow."""
    writer = bench.start()
    await _turns()
    bench.journal.close()
    await _turns()
    assert writer.done()
    await _end(writer)
    assert bench.notes == []


async def test_closing_cuts_the_wait_for_more_lines_short(bench: _Bench) -> None:
    """Nobody waits out the quarter of a second at the end of a run."""
    writer = bench.start()
    await bench.journal.append(_line(1))
    await bench.until_durable(1)
    await _turns()
    assert not writer.done()
    bench.journal.close()
    await _turns()
    assert writer.done()
    await _end(writer)


async def test_lines_that_come_during_the_last_write_are_written(bench: _Bench) -> None:
    """Closing while the disk is busy loses nothing."""
    writer = bench.start()
    bench.statistics.stop()
    await bench.journal.append(_line(0))
    await bench.statistics.asked()
    await bench.journal.append(_line(1))
    bench.journal.close()
    bench.statistics.go_on()
    await _end(writer)
    assert bench.statistics.lines == ["0", "1"]
    assert bench.durable == [_line(0), _line(1)]


async def test_a_writer_cancelled_at_rest_writes_what_came(bench: _Bench) -> None:
    """While it lets a group grow, the lines that wait are written before it ends."""
    writer = bench.start()
    await bench.journal.append(_line(0))
    await bench.until_durable(1)
    await bench.journal.append(_line(1))
    await bench.journal.append(_failed(2))
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await _end(writer)
    assert (bench.statistics.lines, bench.errors.lines) == (["0", "1"], ["2"])
    assert bench.durable == [_line(0), _line(1), _failed(2)]


async def test_a_writer_cancelled_at_work_writes_everything_once(bench: _Bench) -> None:
    """The block under way is waited for, told, and followed by what came meanwhile, in order."""
    writer = bench.start()
    bench.statistics.stop()
    await bench.journal.append(_line(0))
    await bench.statistics.asked()
    await bench.journal.append(_line(1))
    writer.cancel()
    await _turns()
    assert not writer.done()
    bench.statistics.go_on()
    with pytest.raises(asyncio.CancelledError):
        await _end(writer)
    assert bench.statistics.lines == ["0", "1"]
    assert bench.durable == [_line(0), _line(1)]


async def test_a_writer_cancelled_twice_still_writes_one_group_at_a_time(bench: _Bench) -> None:
    """The second cancellation does not let the next group start beside the one under way."""
    writer = bench.start()
    bench.statistics.stop()
    await bench.journal.append(_line(0))
    await bench.statistics.asked()
    await bench.journal.append(_line(1))
    for _ in range(2):
        writer.cancel()
        await _turns()
    assert bench.notes == [("append", "statistics.jsonl")]
    bench.statistics.go_on()
    with pytest.raises(asyncio.CancelledError):
        await _end(writer)
    assert bench.statistics.lines == ["0", "1"]
    assert bench.durable == [_line(0), _line(1)]


def _no_space() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("what", ["append", "sync"])
@pytest.mark.parametrize("which", ["statistics", "errors"])
async def test_a_disk_that_refuses_ends_the_writer(bench: _Bench, which: str, what: str) -> None:
    """The file and the reason are named; nothing of the group counts; nothing is written after."""
    disk = bench.statistics if which == "statistics" else bench.errors
    writer = bench.start()
    await bench.journal.append(_line(0))
    await bench.journal.append(_failed(1))
    await bench.until_durable(2)
    disk.refused[what] = _no_space()
    await bench.journal.append(_line(2))
    await bench.journal.append(_failed(3))
    with pytest.raises(StorageError, match=rf"{which}\.jsonl .*No space left on device"):
        await _end(writer)
    assert bench.durable == [_line(0), _failed(1)]
    assert bench.notes[-1] == (what, f"{which}.jsonl")
    notes = list(bench.notes)
    await bench.journal.append(_line(4))
    bench.journal.close()
    await _turns()
    assert bench.notes == notes
    for lines in (bench.statistics.lines, bench.errors.lines):
        assert len(set(lines)) == len(lines)


async def test_a_cancelled_writer_whose_disk_refuses_says_so(bench: _Bench) -> None:
    """The error is not lost behind the cancellation, and what came later is not written."""
    writer = bench.start()
    bench.statistics.stop()
    bench.statistics.refused["append"] = _no_space()
    await bench.journal.append(_line(0))
    await bench.statistics.asked()
    await bench.journal.append(_line(1))
    writer.cancel()
    await _turns()
    bench.statistics.go_on()
    with pytest.raises(StorageError, match="No space left on device"):
        await _end(writer)
    assert bench.notes == [("append", "statistics.jsonl")]
    assert bench.durable == []


async def _until_one_waits(
    journal: Journal, most: int, make: Callable[[int], Line]
) -> asyncio.Task[None]:
    """Append until somebody has to wait, and return who waits."""
    for number in range(most):
        waiting = asyncio.ensure_future(journal.append(make(number)))
        await asyncio.sleep(0)
        if not waiting.done():
            await _turns()
            assert not waiting.done()
            return waiting
    raise AssertionError(f"{most} lines were taken and none is on the disk")


async def test_a_slow_disk_makes_workers_wait(bench: _Bench) -> None:
    """Memory stays bounded: beyond a few thousand lines `append` waits, and then goes on."""
    writer = bench.start()
    bench.statistics.stop()
    made: list[Line] = []

    def make(number: int) -> Line:
        made.append(_line(number))
        return made[-1]

    await bench.journal.append(_line(-1))
    await bench.statistics.asked()
    waiting = await _until_one_waits(bench.journal, 20_000, make)
    others = [asyncio.ensure_future(bench.journal.append(_line(-2))) for _ in range(3)]
    await _turns()
    assert not any(other.done() for other in others)
    bench.statistics.go_on()
    async with asyncio.timeout(5):
        await asyncio.gather(waiting, *others)
    bench.journal.close()
    await _end(writer)
    assert bench.statistics.lines == ["-1", *_numbers(range(len(made))), "-2", "-2", "-2"]
    assert len(made) > 1000


async def test_whoever_waits_for_a_slow_disk_can_be_cancelled(bench: _Bench) -> None:
    """Its line is not written then: the cell was never settled."""
    writer = bench.start()
    bench.statistics.stop()
    await bench.journal.append(_line(-1))
    await bench.statistics.asked()
    made: list[int] = []

    def make(number: int) -> Line:
        made.append(number)
        return _line(number)

    waiting = await _until_one_waits(bench.journal, 20_000, make)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    bench.statistics.go_on()
    bench.journal.close()
    await _end(writer)
    assert bench.statistics.lines == ["-1", *map(str, made[:-1])]


async def test_a_full_device_is_a_storage_error(bench: _Bench, tmp_path: Path) -> None:
    """The kernel's own answer, with its own reason: no room on the device."""
    link = tmp_path / "full.jsonl"
    link.symlink_to("/dev/full")
    with link.open("ab", buffering=0) as stream:
        full = AppendFile(stream.fileno(), link)
        told: list[Line] = []
        journal = Journal(full, bench.errors, on_durable=told.extend)
        await journal.append(_line(1))
        await journal.append(_failed(2))
        journal.close()
        with pytest.raises(StorageError, match=r"full\.jsonl cannot be written: No space left"):
            await journal.commit_groups()
    assert told == []
    assert bench.notes == []
