"""Shards write the plan one after the other, and none waits for ever."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.core.errors import LockedError, StoppedError, StorageError
from collector.plan import Shard
from collector.store.files import PartFiles
from collector.store.lock import DirectoryLock
from collector.store.plan_lock import LockWait, one_at_a_time

_HELD = r"run-plan.lock is held by process \d+ on "


class _Time:
    """A clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.now += seconds


@pytest.fixture
def files(tmp_path: Path) -> PartFiles:
    """Give the files of a shard."""
    return PartFiles(tmp_path, Shard(0, 2))


@pytest.fixture
def held(files: PartFiles) -> Iterator[DirectoryLock]:
    """Hold the lock of the plan, as another process does."""
    lock = DirectoryLock.take(files.directory / "run-plan.lock", with_directory=False)
    yield lock
    lock.release()


def test_a_run_without_shards_needs_none(tmp_path: Path) -> None:
    """It has the directory to itself."""
    with one_at_a_time(PartFiles(tmp_path), LockWait()):
        assert list(tmp_path.iterdir()) == []


def test_a_free_lock_is_held_in_the_body_and_free_afterwards(files: PartFiles) -> None:
    """And no process waits for it."""
    wait = LockWait()
    path = files.directory / "run-plan.lock"
    with one_at_a_time(files, wait):
        assert wait.reason is None
        with pytest.raises(LockedError):
            DirectoryLock.take(path, with_directory=False)
    DirectoryLock.take(path, with_directory=False).release()


def test_a_lock_that_is_removed_meanwhile_ends_the_run(files: PartFiles) -> None:
    """Another shard may have written another plan at the same time."""
    path = files.directory / "run-plan.lock"

    def write_the_plan() -> None:
        with one_at_a_time(files, LockWait()):
            path.unlink()
            DirectoryLock.take(path, with_directory=False).release()

    with pytest.raises(StorageError, match=r"run-plan\.lock: was removed or replaced while"):
        write_the_plan()
    DirectoryLock.take(path, with_directory=False).release()


@pytest.mark.usefixtures("held")
def test_a_run_that_is_stopped_waits_no_longer(files: PartFiles) -> None:
    """The error says for whom it waited."""
    time, reasons = _Time(), list[str | None]()

    def is_stopped() -> bool:
        reasons.append(wait.reason)
        return time.now > 10

    wait = LockWait(is_stopped)
    with (
        pytest.raises(StoppedError, match=_HELD),
        one_at_a_time(files, wait, clock=time, sleep=time.sleep),
    ):
        pytest.fail("it is held")
    assert time.now < 11
    assert all(reason is not None and "is held by process" in reason for reason in reasons)
    assert wait.reason is None


@pytest.mark.usefixtures("held")
def test_one_that_holds_it_for_a_minute_is_named(files: PartFiles) -> None:
    """It may be stopped: the user has to check it."""
    time = _Time()
    with (
        pytest.raises(LockedError, match=rf"{_HELD}.*, for more than 60 s; if that process"),
        one_at_a_time(files, LockWait(), clock=time, sleep=time.sleep),
    ):
        pytest.fail("it is held")
    assert 60 < time.now < 62


def test_many_that_hold_it_in_turn_are_waited_for(files: PartFiles, held: DirectoryLock) -> None:
    """A minute is for each of them."""
    path = files.directory / "run-plan.lock"
    holders = [held]
    time = _Time()

    def sleep(seconds: float) -> None:
        before = int(time.now // 50)
        time.sleep(seconds)
        if (turn := int(time.now // 50)) != before:
            holders.pop().release()
            if turn < 4:
                holders.append(DirectoryLock.take(path, with_directory=False))
                path.write_text(f'{{"pid":{turn},"host":"there","since":"now"}}')

    with one_at_a_time(files, LockWait(), clock=time, sleep=sleep):
        assert 200 <= time.now < 202
