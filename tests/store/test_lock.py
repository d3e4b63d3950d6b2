import errno
import fcntl
import json
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from collector.core.errors import LockedError
from collector.store.lock import DirectoryLock, held_by

_HOLDER = """
import sys
from pathlib import Path
from collector.store.lock import DirectoryLock

lock = DirectoryLock.take(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""

_CONTENDER = """
import sys
from pathlib import Path
from collector.core.errors import LockedError
from collector.store.lock import DirectoryLock

print("ready", flush=True)
for path in sys.stdin:
    try:
        lock = DirectoryLock.take(Path(path.strip()))
    except LockedError:
        print("locked", flush=True)
    else:
        print("held", flush=True)
        next(sys.stdin)
        lock.release()
"""


@contextmanager
def _child(script: str, *arguments: str, close_fds: bool = True) -> Iterator[subprocess.Popen[str]]:
    """Start a process that says one line when it is ready; it is killed at the end."""
    child = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        close_fds=close_fds,
    )
    with child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() in {"held\n", "ready\n"}
            yield child
        finally:
            child.kill()


def _say(child: subprocess.Popen[str], text: str) -> None:
    assert child.stdin is not None
    child.stdin.write(text + "\n")
    child.stdin.flush()


def _hear(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


@contextmanager
def _kernel_lock(path: Path, kind: int) -> Iterator[int]:
    """Hold the kernel's lock of a file, as something other than a run would."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        yield descriptor
    finally:
        os.close(descriptor)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _no_sleep(_: float) -> None:
    """Try again at once."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give the path of a lock that does not exist yet."""
    return tmp_path / "run.lock"


def test_two_processes_cannot_hold_one_lock(path: Path) -> None:
    """The second hears which process on which machine has it, since when, and what to do."""
    before = datetime.now(UTC) - timedelta(seconds=1)
    with _child(_HOLDER, str(path)) as child:
        with pytest.raises(LockedError) as caught:
            DirectoryLock.take(path)
        holder = held_by(path)
        since = json.loads(path.read_bytes())["since"]
    assert holder == f"process {child.pid} on {socket.gethostname()}, since {since}"
    assert str(caught.value) == (
        f"{path.parent}: another run holds this directory ({holder}); wait until it ends, or give "
        "another --output"
    )
    assert caught.value.exit_code == 6
    assert before <= datetime.fromisoformat(since) <= datetime.now(UTC)


def test_a_lock_dies_with_its_process(path: Path) -> None:
    """Also when that is killed; the next holder is named instead of it."""
    with _child(_HOLDER, str(path)) as child:
        assert held_by(path) is not None
        child.kill()
        child.wait(10)
        assert held_by(path) is None
        lock = DirectoryLock.take(path)
    assert (held_by(path) or "").startswith(f"process {os.getpid()} on ")
    lock.release()


def test_of_processes_at_the_same_moment_one_gets_it(path: Path) -> None:
    """Always exactly one, whether the file was there before or not."""
    contenders = 3
    with ExitStack() as stack:
        children = [stack.enter_context(_child(_CONTENDER)) for _ in range(contenders)]
        for number in range(6):
            contended = path.parent / str(number // 2) / "run.lock"
            contended.parent.mkdir(exist_ok=True)
            for child in children:
                _say(child, str(contended))
            heard = [_hear(child) for child in children]
            assert sorted(heard) == ["held", *["locked"] * (contenders - 1)]
            winner = children[heard.index("held")]
            assert (held_by(contended) or "").startswith(f"process {winner.pid} on ")
            _say(winner, "release")
            # It has let go when it takes the next one.
            _say(winner, str(path))
            assert _hear(winner) == "held"
            assert held_by(contended) is None
            _say(winner, "release")


def test_one_process_cannot_hold_it_twice(path: Path) -> None:
    """Two runs in one process are two runs; after the end of the first there is room."""
    first = DirectoryLock.take(path)
    before = _open_files()
    for _ in range(2):
        with pytest.raises(LockedError, match=f"process {os.getpid()} on "):
            DirectoryLock.take(path, sleep=_no_sleep)
    assert _open_files() == before
    first.release()
    DirectoryLock.take(path).release()
    assert _open_files() == before - 2


def test_a_child_does_not_keep_the_lock(path: Path) -> None:
    """A program that a run has started may outlive it."""
    lock = DirectoryLock.take(path)
    with _child(_CONTENDER, close_fds=False):
        lock.release()
        assert held_by(path) is None
        DirectoryLock.take(path).release()


def test_a_look_at_the_lock_does_not_keep_a_run_from_it(path: Path) -> None:
    """`held_by` takes it for a moment; a run that begins right then tries again."""
    slept: list[float] = []
    with ExitStack() as stack:
        stack.enter_context(_kernel_lock(path, fcntl.LOCK_SH))

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == 3:
                stack.close()

        lock = DirectoryLock.take(path, sleep=sleep)
    lock.release()
    assert len(slept) == 3


def test_taking_a_held_lock_gives_up_soon(path: Path) -> None:
    """After a few tries within a tenth of a second."""
    slept: list[float] = []
    with _kernel_lock(path, fcntl.LOCK_EX), pytest.raises(LockedError):
        DirectoryLock.take(path, sleep=slept.append)
    assert slept
    assert 0 < sum(slept) < 0.1


def test_looking_at_a_lock_changes_nothing(path: Path) -> None:
    """None for one that is not there, is free, or is looked at by another process."""
    before = _open_files()
    assert held_by(path) is None
    assert not path.exists()
    DirectoryLock.take(path).release()
    text = path.read_bytes()
    assert json.loads(text)["pid"] == os.getpid()
    assert held_by(path) is None
    with _kernel_lock(path, fcntl.LOCK_SH):
        assert held_by(path) is None
    assert path.read_bytes() == text
    lock = DirectoryLock.take(path)
    holder = held_by(path)
    assert holder is not None
    assert held_by(path) == holder
    lock.release()
    assert _open_files() == before


def test_a_look_leaves_the_lock_free(path: Path) -> None:
    """The run that begins afterwards need not try twice."""
    path.touch()
    assert held_by(path) is None

    def never(_: float) -> None:
        raise AssertionError("the lock was not free")

    DirectoryLock.take(path, sleep=never).release()


def test_a_lock_whose_file_is_discarded_is_taken_anew(path: Path) -> None:
    """A process that waited for the old file must hold the one that has the name now."""
    first = DirectoryLock.take(path)

    def end_first(_: float) -> None:
        first.discard()
        first.release()

    before = _open_files()
    second = DirectoryLock.take(path, sleep=end_first)
    assert _open_files() == before
    assert (held_by(path) or "").startswith(f"process {os.getpid()} on ")
    with pytest.raises(LockedError):
        DirectoryLock.take(path, sleep=_no_sleep)
    second.release()
    assert _open_files() == before - 2


def test_a_lock_whose_file_is_discarded_may_have_gone_to_another(path: Path) -> None:
    """A process that waited for the old file does not get the new one, which another holds."""
    first = DirectoryLock.take(path)
    third: list[DirectoryLock] = []

    def pass_on(_: float) -> None:
        if not third:
            first.discard()
            first.release()
            third.append(DirectoryLock.take(path))

    before = _open_files()
    with pytest.raises(LockedError):
        DirectoryLock.take(path, sleep=pass_on)
    assert _open_files() == before
    assert held_by(path) is not None
    third[0].release()
    assert held_by(path) is None


def test_a_discarded_lock_is_still_held(path: Path) -> None:
    """Its file is gone, and what takes its place is not ours to discard."""
    lock = DirectoryLock.take(path)
    lock.discard()
    assert not path.exists()
    assert held_by(path) == "an unknown process"
    assert not lock.has_file()
    lock.discard()
    path.write_text("of another process", encoding="utf-8")
    lock.discard()
    assert path.read_text(encoding="utf-8") == "of another process"
    lock.release()


def test_a_holder_writes_over_the_old_content(path: Path) -> None:
    """Nothing is left of a longer text, nor of what a power failure has made of it."""
    for text in ('{"pid":1,"host":"' + "x" * 3000 + '","since":""}', "\0" * 600):
        path.write_text(text)
        DirectoryLock.take(path).release()
        assert json.loads(path.read_bytes())["pid"] == os.getpid()
    DirectoryLock.take(path).release()
    assert set(json.loads(path.read_bytes())) == {"pid", "host", "since"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"not JSON",
        b"\0" * 600,
        b"[1]",
        b'{"pid": "1", "host": "a", "since": "b"}',
        b'{"pid":',
        b'{"pid":1,"host":"\xff","since":"x"}',
        b'{"x":' + b"[" * 4000,
    ],
)
def test_a_holder_that_gave_no_name_is_unknown(path: Path, text: bytes) -> None:
    """It may not have written it yet, or there was no room for it; the lock holds all the same."""
    path.write_bytes(text)
    with _kernel_lock(path, fcntl.LOCK_EX):
        assert held_by(path) == "an unknown process"
        with pytest.raises(LockedError, match=r"holds this directory \(an unknown process\)"):
            DirectoryLock.take(path, sleep=_no_sleep)
    assert path.read_bytes() == text


def test_a_lock_needs_no_room_on_the_disk(path: Path) -> None:
    """A full disk is reported by what must be written; the lock is held without a name."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        lock = DirectoryLock.take(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert held_by(path) == "an unknown process"
    lock.release()


def test_a_lock_that_cannot_be_opened_is_the_systems_error(path: Path) -> None:
    """No directory for it, or a directory in its place; nothing stays open."""
    before = _open_files()
    with pytest.raises(FileNotFoundError):
        DirectoryLock.take(path.parent / "nowhere" / "run.lock")
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        DirectoryLock.take(path)
    assert _open_files() == before


def test_a_file_system_without_locks_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run refuses to work without one; and no process can hold one there."""

    def refuse(_descriptor: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    path.touch()
    before = _open_files()
    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match="No locks available"):
        DirectoryLock.take(path)
    assert held_by(path) is None
    assert _open_files() == before


def test_a_lock_whose_file_is_removed_still_holds(path: Path) -> None:
    """Removing `*.lock` opens nothing: the directory is locked as well."""
    lock = DirectoryLock.take(path)
    path.unlink()
    with pytest.raises(LockedError, match="another run holds this directory"):
        DirectoryLock.take(path, sleep=_no_sleep)
    lock.release()
    DirectoryLock.take(path).release()


def test_the_file_of_another_program_is_left_alone(path: Path) -> None:
    """It has the name by accident: it is locked, but neither written to nor taken away."""
    path.write_text("precious")
    lock = DirectoryLock.take(path)
    with pytest.raises(LockedError, match="an unknown process"):
        DirectoryLock.take(path, sleep=_no_sleep)
    lock.discard()
    lock.release()
    assert path.read_text() == "precious"


def test_a_directory_that_was_replaced_is_not_ours(path: Path) -> None:
    """A process that was locked out of the old one may have the new one."""
    path.parent.joinpath("run").mkdir()
    lock = DirectoryLock.take(path.parent / "run" / "run.lock")
    assert lock.is_ours()
    path.parent.joinpath("run").rename(path.parent / "old")
    assert not lock.is_ours()
    path.parent.joinpath("run").mkdir()
    assert not lock.is_ours()
    lock.release()
