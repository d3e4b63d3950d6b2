"""Shards in processes of their own, and a run without shards: which excludes which."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from collector.core.errors import InputError, LockedError
from collector.plan import Shard
from collector.store.data_lock import hold_data
from collector.store.files import PartFiles
from collector.store.lock import DirectoryLock
from collector.store.shard_lock import ShardLock, holder_of, lock_for
from tests.forking import ForkedScript
from tests.store.on_disk import entries, open_files

_WHOLE = Shard()

_PROCESS = """
import sys
from pathlib import Path
from collector.core.errors import CollectorError
from collector.plan import Shard
from collector.store.files import PartFiles
from collector.store.shard_lock import lock_for

print("ready", flush=True)
lock = None
for line in sys.stdin:
    order, *names = line.split()
    if order == "take":
        try:
            lock, _ = lock_for(PartFiles(Path(names[0]), Shard.parse(names[1])))
        except CollectorError as error:
            print(int(error.exit_code), error, flush=True)
        else:
            print("held", flush=True)
    elif order == "release":
        lock.release()
        print("free", flush=True)
    elif order == "discard":
        lock.discard()
        lock.release()
        print("free", flush=True)
"""


class _Process:
    """A process that locks a part of a directory when it is told to."""

    def __init__(self, child: ForkedScript) -> None:
        self.child = child
        self.pid = child.pid

    def send(self, order: str, *names: object) -> None:
        """Say what it is to do."""
        self.child.stdin.write(" ".join(map(str, (order, *names))) + "\n")
        self.child.stdin.flush()

    def hear(self) -> str:
        """Wait for what it answers."""
        return self.child.stdout.readline().rstrip("\n")

    def told(self, order: str, *names: object) -> str:
        """Say something and wait for the answer."""
        self.send(order, *names)
        return self.hear()

    def kill(self) -> None:
        """End it at once."""
        self.child.kill()
        self.child.wait()


@contextmanager
def _process() -> Iterator[_Process]:
    with ForkedScript(_PROCESS) as child:
        process = _Process(child)
        assert process.hear() == "ready"
        yield process


@pytest.fixture
def one() -> Iterator[_Process]:
    """Give a process that holds nothing yet."""
    with _process() as process:
        yield process


@pytest.fixture
def other() -> Iterator[_Process]:
    """Give another one."""
    with _process() as process:
        yield process


def _take(directory: Path, shard: Shard) -> DirectoryLock | ShardLock:
    return lock_for(PartFiles(directory, shard))[0]


def test_two_shards_run_at_once(tmp_path: Path, one: _Process, other: _Process) -> None:
    """Each has a lock of its own, and both that of the directory; who is named says which."""
    before = open_files()
    assert one.told("take", tmp_path, "0/2") == "held"
    assert other.told("take", tmp_path, "1/2") == "held"
    assert entries(tmp_path) == {"run.lock", "run-00000-of-00002.lock", "run-00001-of-00002.lock"}
    holder = holder_of(tmp_path) or ""
    assert holder.startswith(f"process {one.pid} on {socket.gethostname()}, since ")
    assert holder.endswith(", and 1 more, each with a shard of its own")
    common = json.loads((tmp_path / "run.lock").read_bytes())
    assert (common["pid"], common["shards"]) == (one.pid, 2)
    own = json.loads((tmp_path / "run-00001-of-00002.lock").read_bytes())
    assert set(own) == {"pid", "host", "since"}
    assert own["pid"] == other.pid
    assert open_files() == before


def test_how_many_hold_a_directory_is_said(tmp_path: Path) -> None:
    """One is named alone; without a holder None, whatever files are there, and nothing changes."""
    shards = [ShardLock.take(PartFiles(tmp_path, Shard(number, 3))) for number in range(3)]
    assert (holder_of(tmp_path) or "").endswith(", and 2 more, each with a shard of its own")
    for lock in shards[1:]:
        lock.release()
    alone = holder_of(tmp_path) or ""
    assert alone.startswith(f"process {os.getpid()} on ")
    assert "more" not in alone
    shards[0].release()
    files = {path: path.read_bytes() for path in tmp_path.iterdir()}
    before = open_files()
    assert holder_of(tmp_path) is None
    assert holder_of(tmp_path / "nowhere") is None
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == files
    assert open_files() == before


def test_a_run_without_shards_is_named_as_ever(tmp_path: Path, one: _Process) -> None:
    """By its process and nothing else."""
    assert one.told("take", tmp_path, "0/1") == "held"
    holder = holder_of(tmp_path) or ""
    assert holder.startswith(f"process {one.pid} on ")
    assert "more" not in holder


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("1/2", "1/2", id="the same shard"),
        pytest.param("0/2", "0/3", id="another number"),
        pytest.param("0/2", "2/3", id="another number and another shard"),
        pytest.param("0/2", "0/1", id="a run without shards"),
        pytest.param("0/1", "0/2", id="a shard beside a run without shards"),
    ],
)
def test_a_process_that_would_do_the_same_cells_is_excluded(
    tmp_path: Path, one: _Process, other: _Process, first: str, second: str
) -> None:
    """With 6 and who is in the way, in both processes; after the end of the first it may begin."""
    assert one.told("take", tmp_path, first) == "held"
    said = other.told("take", tmp_path, second)
    assert said.startswith(f"6 {tmp_path}: another run holds this directory (process {one.pid} on ")
    assert said.endswith("wait until it ends, or give another --output")
    before = open_files()
    with pytest.raises(LockedError) as caught:
        _take(tmp_path, Shard.parse(second))
    assert caught.value.exit_code == 6
    assert open_files() == before
    assert one.told("release") == "free"
    assert other.told("take", tmp_path, second) == "held"
    assert one.told("take", tmp_path, first).startswith("6 ")


def test_a_refused_process_stops_no_other(tmp_path: Path, one: _Process, other: _Process) -> None:
    """A shard of another number, and the same one, leave the others to begin."""
    assert one.told("take", tmp_path, "0/3") == "held"
    for refused in ("0/3", "0/2", "0/1"):
        assert other.told("take", tmp_path, refused).startswith("6 ")
    assert other.told("take", tmp_path, "1/3") == "held"
    assert other.told("release") == "free"
    assert other.told("take", tmp_path, "2/3") == "held"


def test_a_death_frees_one_shard_only(tmp_path: Path, one: _Process, other: _Process) -> None:
    """The killed shard can be resumed while its sibling works; the rest still have to wait."""
    assert one.told("take", tmp_path, "0/2") == "held"
    assert other.told("take", tmp_path, "1/2") == "held"
    one.kill()
    assert (holder_of(tmp_path) or "").startswith(f"process {other.pid} on ")
    for refused in (_WHOLE, Shard(0, 3), Shard(1, 2)):
        with pytest.raises(LockedError):
            _take(tmp_path, refused)
    _take(tmp_path, Shard(0, 2)).release()
    other.kill()
    assert holder_of(tmp_path) is None
    _take(tmp_path, Shard(0, 3)).release()


@pytest.mark.torture
def test_after_the_last_shard_others_may_begin(
    tmp_path: Path, one: _Process, other: _Process
) -> None:
    """A run without shards, then shards of another number, then of the first one again."""
    for number, process in enumerate((one, other)):
        assert process.told("take", tmp_path, f"{number}/2") == "held"
    assert one.told("release") == "free"
    assert one.told("take", tmp_path, "0/1").startswith("6 ")
    assert other.told("release") == "free"
    for text in ("0/1", "4/5", "1/2", "0/1"):
        assert one.told("take", tmp_path, text) == "held"
        assert other.told("take", tmp_path, "2/4").startswith("6 ")
        assert one.told("release") == "free"


def test_many_shards_begin_in_the_same_moment(tmp_path: Path) -> None:
    """Eight of them, several times, in new directories and in old ones: all of them get theirs."""
    count = 8
    with ExitStack() as stack:
        processes = [stack.enter_context(_process()) for _ in range(count)]
        for turn in range(12):
            directory = tmp_path / str(turn // 3)
            directory.mkdir(exist_ok=True)
            total = count + turn % 3
            for number, process in enumerate(processes):
                process.send("take", directory, f"{number}/{total}")
            assert [process.hear() for process in processes] == ["held"] * count
            with pytest.raises(LockedError):
                _take(directory, _WHOLE)
            for process in processes:
                process.send("release")
            assert [process.hear() for process in processes] == ["free"] * count
            assert holder_of(directory) is None


@pytest.mark.torture
def test_of_two_numbers_in_the_same_moment_one_gets_in(tmp_path: Path) -> None:
    """Or none, which is told; never shards of both, for they have cells in common."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_process()) for _ in range(6)]
        shards = ["0/2", "0/3", "1/2", "1/3", "0/1", "2/3"]
        for turn in range(4):
            directory = tmp_path / str(turn)
            directory.mkdir()
            for process, shard in zip(processes, shards, strict=True):
                process.send("take", directory, shard)
            heard = [process.hear() for process in processes]
            won = {
                shard.partition("/")[2]
                for shard, said in zip(shards, heard, strict=True)
                if said == "held"
            }
            assert len(won) <= 1, heard
            assert all(said == "held" or said.startswith("6 ") for said in heard)
            for process, said in zip(processes, heard, strict=True):
                if said == "held":
                    assert process.told("release") == "free"


def test_a_look_does_not_keep_a_shard_out(tmp_path: Path, one: _Process) -> None:
    """A process that asks for the holder takes each lock for a moment."""
    for _ in range(20):
        one.send("take", tmp_path, "0/2")
        while not (holder_of(tmp_path) or "").startswith(f"process {one.pid} on "):
            pass
        assert one.hear() == "held"
        assert one.told("release") == "free"


def test_the_common_lock_may_be_removed(tmp_path: Path, one: _Process, other: _Process) -> None:
    """Who tidies up `*.lock` lets no run without shards in, and keeps no sibling out."""
    assert one.told("take", tmp_path, "0/2") == "held"
    (tmp_path / "run.lock").unlink()
    assert other.told("take", tmp_path, "0/1").startswith("6 ")
    assert other.told("take", tmp_path, "0/3").startswith("6 ")
    assert (holder_of(tmp_path) or "").startswith(f"process {one.pid} on ")
    assert other.told("take", tmp_path, "1/2") == "held"
    assert one.told("release") == "free"
    with pytest.raises(LockedError):
        _take(tmp_path, _WHOLE)
    assert other.told("release") == "free"
    _take(tmp_path, _WHOLE).release()


@pytest.mark.parametrize("shard", [Shard(0, 2), Shard(1, 3), _WHOLE])
def test_all_locks_may_be_removed_from_one_that_writes(tmp_path: Path, shard: Shard) -> None:
    """Its open file of answers refuses all who have cells in common, and tells who reads."""
    files = PartFiles(tmp_path, Shard(0, 2))
    files.statistics.touch()
    before = open_files()
    with ExitStack() as opened:
        hold_data(files.statistics, opened)
        assert holder_of(tmp_path) == "a process that has locked the file of answers"
        with pytest.raises(LockedError, match="a process that has locked the file of answers"):
            _take(tmp_path, shard)
        _take(tmp_path, Shard(1, 2)).release()
    assert holder_of(tmp_path) is None
    _take(tmp_path, shard).release()
    assert open_files() == before


def test_a_shard_has_lost_its_lock_when_the_file_was_removed(tmp_path: Path) -> None:
    """A run without shards holds the directory as well, and has not."""
    for name in ("shards", "whole"):
        (tmp_path / name).mkdir()
    shard, whole = _take(tmp_path / "shards", Shard(0, 2)), _take(tmp_path / "whole", _WHOLE)
    assert not shard.is_lost()
    for lock in tmp_path.rglob("*.lock"):
        lock.unlink()
    assert shard.is_lost()
    assert not whole.is_lost()
    shard.release()
    whole.release()


def test_a_file_of_another_program_is_in_the_way(tmp_path: Path) -> None:
    """Shards need to write into the common one; it is named, and left as it is."""
    (tmp_path / "run.lock").write_text("precious")
    with pytest.raises(InputError, match=r"run\.lock: belongs to another program"):
        _take(tmp_path, Shard(0, 2))
    assert (tmp_path / "run.lock").read_text() == "precious"
    assert entries(tmp_path) == {"run.lock"}


def test_what_is_discarded_is_gone(tmp_path: Path) -> None:
    """Nothing came of the only shard: there is no trace of it."""
    before = open_files()
    lock = ShardLock.take(PartFiles(tmp_path, Shard(0, 2)))
    assert lock.is_ours()
    lock.discard()
    lock.release()
    assert entries(tmp_path) == set()
    assert open_files() == before


def test_the_common_lock_stays_while_another_shard_has_it(
    tmp_path: Path, one: _Process, other: _Process
) -> None:
    """Nothing came of one shard, and the other is still guarded."""
    assert one.told("take", tmp_path, "0/2") == "held"
    assert other.told("take", tmp_path, "1/2") == "held"
    assert one.told("discard") == "free"
    assert entries(tmp_path) == {"run.lock", "run-00001-of-00002.lock"}
    assert one.told("take", tmp_path, "0/1").startswith("6 ")
    assert one.told("take", tmp_path, "0/3").startswith("6 ")
    assert one.told("take", tmp_path, "0/2") == "held"
    assert one.told("discard") == "free"
    assert other.told("discard") == "free"
    assert entries(tmp_path) == set()


def test_discarding_and_beginning_at_once(tmp_path: Path) -> None:
    """Shards that give up take away locks that others are just opening: these try again."""
    with ExitStack() as stack:
        processes = [stack.enter_context(_process()) for _ in range(4)]
        for turn in range(10):
            for number, process in enumerate(processes):
                process.send("take", tmp_path, f"{number}/4")
                process.send("discard" if (turn + number) % 2 else "release")
            heard = [(process.hear(), process.hear()) for process in processes]
            assert heard == [("held", "free")] * 4
    assert holder_of(tmp_path) is None


def test_a_directory_that_was_replaced_is_not_ours(tmp_path: Path) -> None:
    """As for a run without shards: one that was locked out of the old one may have the new one."""
    path = tmp_path / "run"
    path.mkdir()
    lock = ShardLock.take(PartFiles(path, Shard(0, 2)))
    path.rename(tmp_path / "old")
    assert not lock.is_ours()
    path.mkdir()
    assert not lock.is_ours()
    ShardLock.take(PartFiles(path, Shard(0, 2))).release()
    lock.release()


def test_waiting_for_others_ends(tmp_path: Path, one: _Process) -> None:
    """After a second or so, in steps so short that many shards can begin one after the other."""
    assert one.told("take", tmp_path, "0/1") == "held"
    slept: list[float] = []
    with pytest.raises(LockedError):
        ShardLock.take(PartFiles(tmp_path, Shard(0, 2)), sleep=slept.append)
    assert 0.5 < sum(slept) < 1.5
    assert max(slept) < 0.05


def test_a_shard_waits_for_a_run_that_is_just_ending(tmp_path: Path) -> None:
    """It has the lock when that one lets go, and overwrites its content."""
    first = DirectoryLock.take(tmp_path / "run.lock")
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            first.release()

    lock = ShardLock.take(PartFiles(tmp_path, Shard(2, 7)), sleep=sleep)
    assert len(slept) == 5
    assert json.loads((tmp_path / "run.lock").read_bytes())["shards"] == 7
    lock.release()


def test_a_place_without_a_directory_is_the_systems_error(tmp_path: Path) -> None:
    """And nothing stays open."""
    before = open_files()
    with pytest.raises(FileNotFoundError):
        ShardLock.take(PartFiles(tmp_path / "nowhere", Shard(0, 2)))
    (tmp_path / "run-00000-of-00002.lock").mkdir()
    with pytest.raises(IsADirectoryError):
        ShardLock.take(PartFiles(tmp_path, Shard(0, 2)))
    assert open_files() == before
    assert holder_of(tmp_path / "nowhere") is None


def test_a_common_lock_that_is_taken_away_meanwhile_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between opening and locking it another shard may discard it: what has the name counts."""
    before = open_files()
    flock = fcntl.flock
    path = tmp_path / "run.lock"
    seen: list[int] = []

    def lock_late(descriptor: int, operation: int) -> None:
        if not seen:
            path.unlink()
        seen.append(operation)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    lock = ShardLock.take(PartFiles(tmp_path, Shard(0, 2)))
    assert json.loads(path.read_bytes())["shards"] == 2
    lock.release()
    assert open_files() == before


def test_a_process_that_begins_before_the_lock_is_taken_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks were removed since: what it holds is looked for once the directory is locked."""
    take, other = ShardLock.take, PartFiles(tmp_path, Shard(1, 3))
    with ExitStack() as opened:

        def take_late(files: PartFiles) -> ShardLock:
            other.statistics.touch()
            hold_data(other.statistics, opened)
            return take(files)

        monkeypatch.setattr(ShardLock, "take", take_late)
        with pytest.raises(LockedError, match="another run holds this directory"):
            lock_for(PartFiles(tmp_path, Shard(0, 2)))
