import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from collector.core.errors import CollectorError, InputError, LockedError, StorageError
from collector.plan import Companies, Shard
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.data_lock import hold_data
from collector.store.fault_points import FaultPoint, arm
from collector.store.files import PartFiles
from collector.store.lock import DirectoryLock, held_by
from collector.store.manifest import Manifest, PlanRecord
from collector.store.run_directory import RunDirectory
from tests.store.made_runs import WHOLE_RUN
from tests.store.on_disk import errors_of

LargestFile = Callable[[int], AbstractContextManager[None]]

_LOCK = {"run.lock"}
_ALL = {
    *_LOCK,
    "run-companies.txt",
    "run.json",
    "statistics.jsonl",
    "errors.jsonl",
    "log.jsonl",
}
_COMPANIES = Companies(("17", "4"), {"4": "Four & Sons"})


def _manifest(*attempts: dict[str, Any]) -> Manifest:
    plan = PlanRecord(
        companies=2,
        from_date=None,
        until_date=None,
        window="whole",
        windows=1,
        cells=2,
        fingerprint="f",
    )
    return Manifest(plan=plan, service={"base-url": "http://x"}, attempts=list(attempts))


def _files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def _contents(directory: Path) -> dict[str, bytes]:
    """Return the text of every file but the lock, which names its last holder."""
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name not in _LOCK}


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _path_of(descriptor: int) -> Path:
    return Path(f"/proc/self/fd/{descriptor}").readlink()


def _attempt(
    path: Path,
    statistics: bytes = b"",
    errors: bytes = b"",
    log: bytes = b"",
    *,
    shard: Shard = WHOLE_RUN,
) -> None:
    """Make one attempt at a run, or at a shard of it, that leaves these lines."""
    with RunDirectory.open(PartFiles(path, shard)) as directory:
        files = directory.begin(_COMPANIES, _manifest())
        files.statistics.append(statistics)
        files.errors.append(errors)
        files.log.append(log)


def _child(script: str, *arguments: str, exit_code: int = 0) -> str:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-W", "error", "-c", script, *arguments],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr.decode()
    return done.stdout.decode()


def _list(lines: bytes) -> bytes:
    """Return a list of companies as it is written: a checksum goes before the lines."""
    checksum = sha256(lines).hexdigest().encode()
    return b"# Written by collector; sha256 of the lines below: " + checksum + b"\n" + lines


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[RunDirectory]:
    """Give a run directory that is open, and in which nothing was begun."""
    with RunDirectory.open(PartFiles(tmp_path / "run")) as opened:
        yield opened


def test_a_run_directory_is_made_with_its_files(tmp_path: Path) -> None:
    """Directories above it too; statistics, errors and events go to files of their own."""
    path = tmp_path / "a" / "b" / "run"
    with RunDirectory.open(PartFiles(path)) as directory:
        assert directory.files.directory == path
        assert _files(path) == _LOCK
        files = directory.begin(_COMPANIES, _manifest())
        assert _files(path) == _ALL
        files.statistics.append(b"1\n")
        files.errors.append(b"2\n")
        files.log.append(b"3\n")
    assert _contents(path) | {"run.json": b""} == {
        "statistics.jsonl": b"1\n",
        "errors.jsonl": b"2\n",
        "log.jsonl": b"3\n",
        "run-companies.txt": _list(b"17\n4 Four & Sons\n"),
        "run.json": b"",
    }
    assert Manifest.read(path / "run.json") == _manifest()


@pytest.mark.parametrize("error", [None, ZeroDivisionError])
def test_a_new_directory_leaves_nothing_if_nothing_was_begun(
    tmp_path: Path, error: type[Exception] | None
) -> None:
    """The parents that were made for it are gone too, in order or with an error."""
    before = _open_files()
    (tmp_path / "old").mkdir()
    with (
        suppress(ZeroDivisionError),
        RunDirectory.open(PartFiles(tmp_path / "old" / "a" / "run")) as opened,
    ):
        assert opened.files.directory.is_dir()
        if error is not None:
            raise error
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]
    assert _open_files() == before


def test_a_directory_that_was_there_stays(tmp_path: Path) -> None:
    """With what else is in it, and without a lock, if nothing was begun."""
    (tmp_path / "notes.txt").write_text("mine")
    with RunDirectory.open(PartFiles(tmp_path)):
        assert _files(tmp_path) == _LOCK | {"notes.txt"}
    assert _files(tmp_path) == {"notes.txt"}


def test_a_directory_that_is_used_meanwhile_stays(tmp_path: Path) -> None:
    """Only what is empty is taken away."""
    with RunDirectory.open(PartFiles(tmp_path / "a" / "run")):
        (tmp_path / "a" / "notes.txt").write_text("mine")
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {"a", "a/notes.txt"}


def test_a_lock_that_a_killed_process_left_stops_no_run(tmp_path: Path) -> None:
    """It had begun nothing, so the directory is new; the next to begin nothing tidies up."""
    (tmp_path / "run.lock").write_text('{"pid":1,"host":"a","since":"b"}')
    with RunDirectory.open(PartFiles(tmp_path)) as directory:
        assert directory.is_new
    assert _files(tmp_path) == set()


@pytest.mark.parametrize("name", ["run.json", "statistics.jsonl"])
def test_a_directory_in_which_something_was_begun_is_not_new(tmp_path: Path, name: str) -> None:
    """The manifest or a file of results is enough; leaving it takes nothing away."""
    (tmp_path / name).touch()
    with RunDirectory.open(PartFiles(tmp_path)) as directory:
        assert not directory.is_new
    assert _files(tmp_path) == _LOCK | {name}
    assert held_by(tmp_path / "run.lock") is None


def test_a_directory_is_new_until_it_is_begun(directory: RunDirectory) -> None:
    """The lock alone is no run."""
    assert directory.is_new
    directory.begin(_COMPANIES, _manifest())
    assert not directory.is_new


def test_a_run_keeps_its_files_if_nothing_more_is_begun(tmp_path: Path) -> None:
    """Refused for another plan, say: not a byte of it changes."""
    _attempt(tmp_path / "run", b"1\n", b"2\n", b"3\n")
    before = _contents(tmp_path / "run")
    with RunDirectory.open(PartFiles(tmp_path / "run")) as directory:
        assert not directory.is_new
        assert _contents(tmp_path / "run") == before
    assert _contents(tmp_path / "run") == before
    assert _files(tmp_path / "run") == _ALL


def test_a_run_is_resumed_where_it_was(tmp_path: Path) -> None:
    """Results and events are added to; the companies and the manifest are those of today."""
    _attempt(tmp_path, b"1\n", log=b"3\n")
    grown = Companies((*_COMPANIES.ids, "5"))
    with RunDirectory.open(PartFiles(tmp_path)) as directory:
        files = directory.begin(grown, _manifest({"number": 1}, {"number": 2}))
        files.statistics.append(b"4\n")
        files.log.append(b"5\n")
    contents = _contents(tmp_path)
    assert contents["statistics.jsonl"] == b"1\n4\n"
    assert contents["log.jsonl"] == b"3\n5\n"
    assert contents["run-companies.txt"] == _list(b"17\n4\n5\n")
    assert json.loads(contents["run.json"])["attempts"] == [{"number": 1}, {"number": 2}]
    assert _files(tmp_path) == _ALL


def test_errors_of_earlier_attempts_are_put_away(tmp_path: Path) -> None:
    """Each attempt that had some has a file of its own, the first one number 1."""
    for number in range(3):
        _attempt(tmp_path, errors=b"%d\n" % number)
    assert (tmp_path / "errors.1.jsonl").read_bytes() == b"0\n"
    assert (tmp_path / "errors.2.jsonl").read_bytes() == b"1\n"
    assert (tmp_path / "errors.jsonl").read_bytes() == b"2\n"
    assert _files(tmp_path) == _ALL | {"errors.1.jsonl", "errors.2.jsonl"}


_BEFORE = (Shard(), Shard(0, 2), Shard(1, 2), Shard(2, 3))


@pytest.mark.parametrize(
    ("shard", "stay"),
    [
        (Shard(), set()),
        (Shard(0, 2), {"errors-00001-of-00002.jsonl"}),
        (Shard(0, 4), set()),
    ],
)
def test_errors_of_shards_that_had_the_same_cells_are_put_away(
    tmp_path: Path, shard: Shard, stay: set[str]
) -> None:
    """They are asked for again. Other shards of the same number may be running, and keep theirs."""
    for other in _BEFORE:
        _attempt(tmp_path, shard=other)
    for other in _BEFORE:
        PartFiles(tmp_path, other).errors.write_bytes(b"1\n")
    _attempt(tmp_path, shard=shard)
    left = {path.name for path in tmp_path.glob("errors*.jsonl") if path.stat().st_size}
    put_away = {PartFiles(tmp_path, other).errors.stem for other in _BEFORE} - {
        name.removesuffix(".jsonl") for name in stay
    }
    assert left == stay | {f"{stem}.1.jsonl" for stem in put_away}


def test_attempts_without_errors_put_nothing_away(tmp_path: Path) -> None:
    """A run that failed a hundred times at its start has no hundred empty files."""
    for errors in (b"", b"", b"0\n", b"", b"", b"1\n", b""):
        _attempt(tmp_path, errors=errors)
    assert _files(tmp_path) == _ALL | {"errors.1.jsonl", "errors.2.jsonl"}
    assert (tmp_path / "errors.2.jsonl").read_bytes() == b"1\n"
    assert (tmp_path / "errors.jsonl").read_bytes() == b""


def test_the_error_files_are_listed_in_their_order(tmp_path: Path) -> None:
    """Those of earlier attempts first, numbers as numbers; today's last, there or not."""
    assert errors_of(PartFiles(tmp_path)) == [tmp_path / "errors.jsonl"]
    for number in range(12):
        _attempt(tmp_path, errors=b"%d\n" % number)
    texts = [path.read_bytes() for path in errors_of(PartFiles(tmp_path))]
    assert texts == [b"%d\n" % number for number in range(12)]


@pytest.fixture
def at_fault_points(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Give `arm`, which is undone after the test."""
    monkeypatch.setattr("collector.store.fault_points._hook", None)
    return arm


def test_what_is_to_be_collected_is_written_before_any_result(
    directory: RunDirectory, at_fault_points: Callable[[Callable[..., None]], None]
) -> None:
    """A line must never be in a directory that does not say which plan it is of."""
    seen: list[tuple[str, set[str]]] = []

    def look(point: FaultPoint, path: Path) -> None:
        if point is FaultPoint.BEFORE_REPLACE:
            files = {
                re.sub("[0-9a-f]{16}", "DRAFT", name) for name in _files(directory.files.directory)
            }
            seen.append((path.name, files))

    at_fault_points(look)
    directory.begin(_COMPANIES, _manifest())
    assert seen == [
        ("run-companies.txt", _LOCK | {"run-companies.txt.DRAFT.new"}),
        ("run.json", _LOCK | {"run-companies.txt", "run.json.DRAFT.new"}),
    ]


_KILLED = """
import os, signal, sys
from pathlib import Path
from collector.plan import Companies
from collector.store.data_lock import hold_data
from collector.store.fault_points import arm
from collector.store.manifest import Manifest, PlanRecord
from collector.store.files import PartFiles
from collector.store.run_directory import RunDirectory

def die(point, path):
    if path.name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

plan = PlanRecord(companies=1, from_date=None, until_date=None, window="whole", windows=1,
                  cells=1, fingerprint="other")
directory = RunDirectory.open(PartFiles(Path(sys.argv[1])))
arm(die)
directory.begin(Companies(("99",)), Manifest(plan=plan, service={}, attempts=[]))
"""


@pytest.mark.parametrize("at", ["run-companies.txt", "run.json", "statistics.jsonl"])
def test_a_process_killed_while_it_begins_loses_nothing(tmp_path: Path, at: str) -> None:
    """Its lock is free, what was in the files is there, and the next attempt begins as ever."""
    _attempt(tmp_path, b"1\n", b"2\n", b"3\n")
    _child(_KILLED, str(tmp_path), at, exit_code=-signal.SIGKILL)
    _attempt(tmp_path, b"4\n", b"5\n", b"6\n")
    contents = _contents(tmp_path)
    assert contents["statistics.jsonl"] == b"1\n4\n"
    assert contents["errors.1.jsonl"] == b"2\n"
    assert contents["errors.jsonl"] == b"5\n"
    assert contents["log.jsonl"] == b"3\n6\n"
    assert contents["run-companies.txt"] == _list(b"17\n4 Four & Sons\n")
    assert not list(tmp_path.glob("*.new"))
    assert Manifest.read(tmp_path / "run.json") == _manifest()
    assert _files(tmp_path) == _ALL | {"errors.1.jsonl"}


def test_the_names_of_all_files_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each new directory's is synced in the one above it, and the files' after the last one."""
    synced: list[tuple[Path, set[str]]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        if (path := _path_of(descriptor)).is_dir():
            synced.append((path, _files(path)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    path = tmp_path / "a" / "run"
    with RunDirectory.open(PartFiles(path)) as directory:
        assert synced == [(tmp_path, {"a"}), (tmp_path / "a", {"run"})]
        directory.begin(_COMPANIES, _manifest())
        assert synced[-1] == (path, _ALL)


def test_results_of_a_killed_attempt_are_synced_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are taken for done, so they must be on the disk; in a new file there are none."""
    synced: list[str] = []
    monkeypatch.setattr(
        "collector.store.append_file._sync", lambda number: synced.append(_path_of(number).name)
    )
    _attempt(tmp_path, b"1\n", b"2\n")
    assert synced == []
    _attempt(tmp_path)
    assert synced == ["statistics.jsonl"]


def test_a_lock_that_is_removed_before_the_begin_ends_the_shard(tmp_path: Path) -> None:
    """Another process may have it, and would write the same cells: nothing is begun."""
    files = PartFiles(tmp_path, Shard(0, 2))
    with RunDirectory.open(files) as first:
        files.lock.unlink()
        with RunDirectory.open(files) as second:
            with pytest.raises(StorageError) as told:
                first.begin(_COMPANIES, _manifest())
            assert str(told.value).startswith(f"{files.lock}: was removed or replaced while")
            assert not first.has_begun
            assert not files.exist()
            second.begin(_COMPANIES, _manifest())


@pytest.mark.parametrize("is_new", [False, True])
def test_a_lock_may_be_removed_after_the_begin(tmp_path: Path, *, is_new: bool) -> None:
    """The file of answers is locked too: no other process can begin what this one writes."""
    files = PartFiles(tmp_path, Shard(0, 2))
    if not is_new:
        _attempt(tmp_path, b"a\n", shard=files.shard)
    with RunDirectory.open(files) as directory:
        directory.begin(_COMPANIES, _manifest())
        for lock in tmp_path.glob("*.lock"):
            lock.unlink()
        with pytest.raises(LockedError, match="a process that has locked the file of answers"):
            RunDirectory.open(files)
        directory.write_manifest(_manifest())
    with RunDirectory.open(files) as directory:
        directory.begin(_COMPANIES, _manifest())


def test_of_two_that_have_the_lock_one_writes(tmp_path: Path) -> None:
    """The second one finds the file of answers locked before it has begun anything."""
    files = PartFiles(tmp_path, Shard(0, 2))
    _attempt(tmp_path, b"a\n", shard=files.shard)
    with RunDirectory.open(files) as first:
        files.lock.unlink()
        with RunDirectory.open(files) as second, ExitStack() as opened:
            # It has locked the file, and has not looked at its lock file yet.
            hold_data(files.statistics, opened)
            with pytest.raises(LockedError, match="another process has locked this file"):
                second.begin(_COMPANIES, _manifest())
            assert not second.has_begun
        with pytest.raises(StorageError, match="was removed or replaced"):
            first.begin(_COMPANIES, _manifest())


def test_leaving_closes_the_files_and_frees_the_lock(tmp_path: Path) -> None:
    """In order or with an error, every descriptor is given back."""
    before = _open_files()
    with RunDirectory.open(PartFiles(tmp_path / "1")) as directory:
        assert _open_files() == before + 2
        directory.begin(_COMPANIES, _manifest())
        assert _open_files() == before + 6
        assert held_by(tmp_path / "1" / "run.lock") is not None
    with suppress(ZeroDivisionError), RunDirectory.open(PartFiles(tmp_path / "2")) as directory:
        directory.begin(_COMPANIES, _manifest())
        raise ZeroDivisionError
    assert _open_files() == before
    for name in ("1", "2"):
        assert held_by(tmp_path / name / "run.lock") is None
        assert _files(tmp_path / name) == _ALL


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_directory_that_is_open_cannot_be_opened(tmp_path: Path, *, has_begun: bool) -> None:
    """By whatever path: the second is rejected and changes nothing, the first continues."""
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with RunDirectory.open(PartFiles(tmp_path / "a" / "run")) as first:
        if has_begun:
            first.begin(_COMPANIES, _manifest()).statistics.append(b"1\n")
        before = _contents(first.files.directory)
        open_files = _open_files()
        for path in (first.files.directory, tmp_path / "link" / "run"):
            with pytest.raises(LockedError, match=rf"another run .*process {os.getpid()} on"):
                RunDirectory.open(PartFiles(path))
        assert _open_files() == open_files
        assert _contents(first.files.directory) == before
        assert held_by(first.files.directory / "run.lock") is not None
    assert (tmp_path / "a").exists() is has_begun
    _attempt(tmp_path / "a" / "run", b"2\n")
    statistics = (tmp_path / "a" / "run" / "statistics.jsonl").read_bytes()
    assert statistics == (b"1\n2\n" if has_begun else b"2\n")


def test_of_several_at_the_same_moment_one_gets_it(tmp_path: Path) -> None:
    """Also while the directories are still to be made; the others hear that it is held."""
    contenders = 4

    def open_directory(path: Path, start: threading.Barrier) -> RunDirectory | CollectorError:
        start.wait(10)
        try:
            return RunDirectory.open(PartFiles(path))
        except CollectorError as error:
            return error

    with ThreadPoolExecutor(contenders) as threads:
        for number in range(6):
            path = tmp_path / str(number) / "run"
            start = threading.Barrier(contenders)
            futures = [threads.submit(open_directory, path, start) for _ in range(contenders)]
            results = [future.result(10) for future in futures]
            won = [result for result in results if isinstance(result, RunDirectory)]
            assert len(won) == 1, results
            with won[0] as directory:
                directory.begin(_COMPANIES, _manifest())
            assert sum(isinstance(result, LockedError) for result in results) == contenders - 1
            assert _files(path) == _ALL


@pytest.mark.parametrize("below", ["", "run", "deep/run"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, below: str) -> None:
    """In the place of the directory or above it; the text names the file and the remedy."""
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(InputError) as caught:
        RunDirectory.open(PartFiles(file / below))
    assert str(caught.value) == f"--output {file / below}: {file} is a file; give another directory"
    assert file.read_text() == "mine"
    assert _files(tmp_path) == {"file"}


def test_a_link_to_nowhere_is_no_directory(tmp_path: Path) -> None:
    """It is refused, and nothing comes to be where it points."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="--output"):
        RunDirectory.open(PartFiles(tmp_path / "link" / "run"))
    assert _files(tmp_path) == {"link"}


def test_a_link_to_a_directory_is_followed(tmp_path: Path) -> None:
    """The output may be on another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    _attempt(tmp_path / "link", b"1\n")
    assert _files(tmp_path / "disk") == _ALL


def test_what_is_no_path_is_refused() -> None:
    """No system call takes a NUL; the message shows it without sending it."""
    with pytest.raises(InputError, match=r"--output a<U\+0000>b: is not a path"):
        RunDirectory.open(PartFiles(Path("a\0b")))


@pytest.mark.parametrize("name", ["x" * 300, "x" * 300 + "/run"])
def test_parents_made_for_nothing_are_removed(tmp_path: Path, name: str) -> None:
    """The last part of the path turns out to be impossible: nothing is left behind."""
    path = tmp_path / "a" / "b" / name
    before = _open_files()
    with pytest.raises(StorageError) as caught:
        RunDirectory.open(PartFiles(path))
    assert str(caught.value) == (
        f"--output {path}: cannot be written: File name too long; check that this user may write "
        "there, and that there is room"
    )
    assert _files(tmp_path) == set()
    assert _open_files() == before


def test_a_detour_that_was_not_needed_is_removed(tmp_path: Path) -> None:
    """A path may go through a directory that is made for it, and end at a file all the same."""
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        RunDirectory.open(PartFiles(tmp_path / "new" / ".." / "file"))
    assert _files(tmp_path) == {"file"}


def test_a_lock_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    """Something else has its name: the parents that were there stay, and so does that."""
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(StorageError, match=f"--output {tmp_path}: cannot be written: Is a direct"):
        RunDirectory.open(PartFiles(tmp_path))
    assert _files(tmp_path) == {"run.lock"}


def test_a_place_where_nothing_can_be_made_is_a_storage_error() -> None:
    """For every user, root included: the kernel's own file system takes no directories."""
    with pytest.raises(StorageError, match=r"--output /proc/collector/run: cannot be written: \w"):
        RunDirectory.open(PartFiles(Path("/proc/collector/run")))


_UNPRIVILEGED = """
import os, sys
from pathlib import Path
from collector.core.errors import StorageError
from collector.store.files import PartFiles
from collector.store.run_directory import RunDirectory

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    RunDirectory.open(PartFiles(Path(sys.argv[1])))
except StorageError as error:
    print(int(error.exit_code), error)
"""


@pytest.mark.parametrize("is_there", [True, False])
def test_a_directory_without_permission_is_a_storage_error(
    tmp_path: Path, *, is_there: bool
) -> None:
    """Code 5, and the text says that this user may not write there."""
    path = tmp_path / "mine"
    if is_there:
        path.mkdir()
    (path if is_there else tmp_path).chmod(0o555)
    said = _child(_UNPRIVILEGED, str(path))
    tmp_path.chmod(0o755)
    assert said.startswith(f"5 --output {path}: cannot be written: Permission denied; check that")


@pytest.mark.parametrize(
    "name", ["run-companies.txt", "run.json", "statistics.jsonl", "errors.jsonl"]
)
def test_a_run_that_cannot_begin_is_a_storage_error(tmp_path: Path, name: str) -> None:
    """A directory stands where a file belongs: it is named, and nothing stays open or locked."""
    path = tmp_path / "run"
    (path / name).mkdir(parents=True)
    before = _open_files()
    with (
        RunDirectory.open(PartFiles(path)) as directory,
        pytest.raises(
            StorageError,
            match=rf"{name}\S*: cannot be written: Is a directory; "
            rf"move the directory {path / name} away, and run",
        ),
    ):
        directory.begin(_COMPANIES, _manifest())
    assert _open_files() == before
    assert held_by(path / "run.lock") is None
    assert not list(path.glob("*.new"))


def test_a_run_that_finds_no_room_to_begin_leaves_the_old_one(
    tmp_path: Path, largest_file: LargestFile
) -> None:
    """Its results, its manifest, and its errors are as they were."""
    _attempt(tmp_path, b"1\n", b"2\n", b"3\n")
    before = _contents(tmp_path)
    with (
        RunDirectory.open(PartFiles(tmp_path)) as directory,
        largest_file(100),
        pytest.raises(StorageError, match="cannot be written: File too large"),
    ):
        directory.begin(_COMPANIES, _manifest())
    assert _contents(tmp_path) == before


def test_a_manifest_is_replaced_at_once(directory: RunDirectory) -> None:
    """A reader never finds a half one, and no draft stays behind."""
    path = directory.files.directory / "run.json"
    directory.begin(_COMPANIES, _manifest())
    numbers: set[int] = set()
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            (attempt,) = json.loads(path.read_bytes())["attempts"] or [{"number": 0, "filling": []}]
            assert len(attempt["filling"]) == attempt["number"] * 100
            numbers.add(attempt["number"])

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        try:
            while len(numbers) < 10 and not reading.done():
                for number in range(1, 40):
                    filling = list(range(number * 100))
                    directory.write_manifest(_manifest({"number": number, "filling": filling}))
        finally:
            is_over.set()
        reading.result(10)
    assert _files(directory.files.directory) == _ALL


def test_a_manifest_that_does_not_fit_leaves_the_old_one(
    directory: RunDirectory, largest_file: LargestFile
) -> None:
    """The error says where, and the reason."""
    directory.begin(_COMPANIES, _manifest())
    with (
        largest_file(1000),
        pytest.raises(
            StorageError, match=f"^{directory.files.directory}.*: cannot be written: File too larg"
        ),
    ):
        directory.write_manifest(_manifest({"filling": "x" * 5000}))
    assert Manifest.read(directory.files.directory / "run.json") == _manifest()
    assert _files(directory.files.directory) == _ALL


def test_a_manifest_in_a_directory_that_is_gone_is_a_storage_error(tmp_path: Path) -> None:
    """Another process removed it during the run; leaving it is no error on top of that."""
    with RunDirectory.open(PartFiles(tmp_path / "run")) as directory:
        directory.begin(_COMPANIES, _manifest())
        for path in directory.files.directory.iterdir():
            path.unlink()
        directory.files.directory.rmdir()
        with pytest.raises(StorageError, match="was removed or replaced by another process"):
            directory.write_manifest(_manifest())
    with RunDirectory.open(PartFiles(tmp_path / "other")):
        (tmp_path / "other" / "run.lock").unlink()
    assert _files(tmp_path) == set()


def test_a_directory_may_have_any_name_that_the_system_takes(tmp_path: Path) -> None:
    """Also one that is no UTF-8: its settings go into the manifest all the same."""
    path = tmp_path / os.fsdecode(b"ni\xf1o")
    attempt = AttemptEntry(datetime.now(UTC), describe_settings(RunSettings(output=path)))
    with RunDirectory.open(PartFiles(path)) as directory:
        directory.begin(_COMPANIES, _manifest(attempt.as_json()))
    assert _files(path) == _ALL
    (read,) = json.loads((path / "run.json").read_bytes())["attempts"]
    assert "output" in read["settings"]


def test_a_directory_that_is_given_up_meanwhile_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run that came first began nothing and tidied up; the second one has the directory."""
    path = tmp_path / "a" / "run"
    first = RunDirectory.open(PartFiles(path))
    take = DirectoryLock.take

    def leave(_: float) -> None:
        first.__exit__(None, None, None)

    def take_while_first_leaves(lock: Path) -> DirectoryLock:
        return take(lock, sleep=leave) if path.exists() else take(lock)

    monkeypatch.setattr(DirectoryLock, "take", take_while_first_leaves)
    with RunDirectory.open(PartFiles(path)) as second:
        assert held_by(second.files.directory / "run.lock") is not None


def test_a_detour_to_a_held_directory_is_taken_away(tmp_path: Path) -> None:
    """As for any other refusal."""
    with RunDirectory.open(PartFiles(tmp_path / "run")):
        with pytest.raises(LockedError):
            RunDirectory.open(PartFiles(tmp_path / "new" / ".." / "run"))
        assert not (tmp_path / "new").exists()


def test_errors_of_earlier_attempts_stay_in_order_when_one_is_removed(tmp_path: Path) -> None:
    """The last failure of a cell is in the file with the highest number, whatever is missing."""
    path = tmp_path / "run"
    path.mkdir()
    for name in ("errors.2.jsonl", "errors.10.jsonl", "errors.jsonl", "errors.old.jsonl"):
        (path / name).write_bytes(b"{}\n")
    with RunDirectory.open(PartFiles(path)) as directory:
        directory.begin(_COMPANIES, _manifest())
    names = [file.name for file in errors_of(PartFiles(path))]
    assert names == ["errors.2.jsonl", "errors.10.jsonl", "errors.11.jsonl", "errors.jsonl"]


def test_a_directory_that_another_process_has_by_now_is_left_alone(tmp_path: Path) -> None:
    """A run whose directory was moved away touches nothing in the one that took its place."""
    path = tmp_path / "run"
    with RunDirectory.open(PartFiles(path)) as first:
        path.rename(tmp_path / "moved")
        with RunDirectory.open(PartFiles(path)) as second:
            first.__exit__(None, None, None)
            assert held_by(path / "run.lock") is not None
            second.begin(_COMPANIES, _manifest())
    with RunDirectory.open(PartFiles(path)) as first:
        first.begin(_COMPANIES, _manifest())
        path.rename(tmp_path / "moved-too")
        path.mkdir()
        with pytest.raises(StorageError, match="removed or replaced by another process"):
            first.write_manifest(_manifest())
    assert list(path.iterdir()) == []


def test_an_empty_directory_that_took_the_place_stays(tmp_path: Path) -> None:
    """Another process has just made it: what is removed again is what this run has made."""
    path = tmp_path / "a" / "run"
    with RunDirectory.open(PartFiles(path)):
        path.rename(tmp_path / "moved")
        path.mkdir()
    assert path.is_dir()
    assert held_by(tmp_path / "moved" / "run.lock") is None


@pytest.mark.parametrize("name", ["statistics.jsonl", "errors.jsonl"])
def test_lines_that_are_taken_away_are_noticed_at_the_end(
    directory: RunDirectory, name: str
) -> None:
    """Also if nothing is written any more; before anything is begun there is nothing to miss."""
    directory.check()
    files = directory.begin(_COMPANIES, _manifest())
    files.statistics.append(b"1\n")
    files.errors.append(b"1\n")
    directory.check()
    (directory.files.directory / name).unlink()
    with pytest.raises(StorageError, match=rf"{name}: another process has removed it while the "):
        directory.check()
    assert directory.remarks == []


@pytest.mark.parametrize("name", ["statistics.jsonl", "errors.jsonl"])
def test_an_empty_file_that_is_removed_has_lost_no_line(directory: RunDirectory, name: str) -> None:
    """A run is no failure because a user removes empty files; a line written after that is one."""
    files = directory.begin(_COMPANIES, _manifest())
    path = directory.files.directory / name
    path.unlink()
    directory.check()
    path.write_bytes(b"")
    with pytest.raises(StorageError, match="has replaced it"):
        directory.check()
    path.unlink()
    file = files.errors if name == "errors.jsonl" else files.statistics
    file.append(b"1\n")
    with pytest.raises(StorageError, match="has removed it"):
        directory.check()


def test_a_log_that_is_taken_away_is_a_remark(directory: RunDirectory) -> None:
    """It is for people: the answers are all there."""
    directory.begin(_COMPANIES, _manifest()).log.append(b"1\n")
    directory.files.log.write_bytes(b"")
    directory.check()
    (remark,) = directory.remarks
    assert remark == (
        "log.jsonl: another process has cut it, and events of this attempt are missing"
    )
