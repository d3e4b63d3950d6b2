import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from collector.errors import CollectorError, InputError, StorageError
from collector.settings import RunSettings
from collector.store.manifest import Manifest, describe_settings
from collector.store.run_directory import RunDirectory

_MADE = {"statistics.jsonl", "errors.jsonl", "log.jsonl"}


def _files(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _child(script: str, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-X", "dev", "-W", "error", "-c", script, *arguments],
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_a_run_directory_is_made_with_its_files(tmp_path: Path) -> None:
    """Directories above it too; statistics, errors and events go to files of their own."""
    path = tmp_path / "a" / "b" / "run"
    with RunDirectory.create(path) as directory:
        assert _files(path) == _MADE
        directory.statistics.append(b"1\n")
        directory.errors.append(b"2\n")
        directory.log.append(b"3\n")
        assert directory.path == path
    assert (path / "statistics.jsonl").read_bytes() == b"1\n"
    assert (path / "errors.jsonl").read_bytes() == b"2\n"
    assert (path / "log.jsonl").read_bytes() == b"3\n"


def test_a_directory_that_is_there_already_is_used(tmp_path: Path) -> None:
    """As long as it holds no run; what else is in it stays."""
    (tmp_path / "notes.txt").write_text("mine")
    RunDirectory.create(tmp_path).__exit__(None, None, None)
    assert _files(tmp_path) == _MADE | {"notes.txt"}


def test_leaving_closes_the_files(tmp_path: Path) -> None:
    """In order or with an error, every descriptor is given back."""
    before = _open_files()
    with RunDirectory.create(tmp_path / "1"):
        assert _open_files() == before + 3
    with suppress(ZeroDivisionError), RunDirectory.create(tmp_path / "2"):
        raise ZeroDivisionError
    assert _open_files() == before


def test_a_directory_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    """Nothing in it changes, and the text names the option, the place and the remedy."""
    with RunDirectory.create(tmp_path) as directory:
        directory.statistics.append(b"1\n")
        directory.write_manifest({"format": 1})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=f"--output {tmp_path}: holds a run already; give another"):
        RunDirectory.create(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", sorted(_MADE))
def test_a_refusal_leaves_nothing_behind(tmp_path: Path, name: str) -> None:
    """Whichever file stands in the way: no other is made, and none is left open."""
    (tmp_path / name).write_text("mine\n")
    before = _open_files()
    with pytest.raises(CollectorError, match=f"--output {tmp_path}: "):
        RunDirectory.create(tmp_path)
    assert (tmp_path / name).read_text() == "mine\n"
    assert _open_files() == before
    assert _files(tmp_path) == {name}


@pytest.mark.parametrize("make", [RunDirectory.check, RunDirectory.create])
@pytest.mark.parametrize("below", ["", "run", "deep/run"])
def test_a_file_in_the_way_is_refused(
    tmp_path: Path, make: Callable[[Path], object], below: str
) -> None:
    """In the place of the directory or above it; the text names the file."""
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(InputError, match=f"--output {file / below}: .*file"):
        make(file / below)
    assert file.read_text() == "mine"
    assert _files(tmp_path) == {"file"}


def test_a_link_to_nowhere_is_no_directory(tmp_path: Path) -> None:
    """It is refused, and nothing comes to be where it points."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CollectorError, match="--output"):
        RunDirectory.create(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()


def test_a_check_creates_nothing(tmp_path: Path) -> None:
    """Neither for a directory that is there nor for one that is not."""
    RunDirectory.check(tmp_path)
    RunDirectory.check(tmp_path / "deep" / "run")
    assert _files(tmp_path) == set()


def test_a_check_finds_a_run(tmp_path: Path) -> None:
    """As `create` would, before anything was sent."""
    with RunDirectory.create(tmp_path):
        pass
    with pytest.raises(InputError, match="holds a run already"):
        RunDirectory.check(tmp_path)


def test_a_place_where_nothing_can_be_made_is_a_storage_error() -> None:
    """For whoever runs it, root included: the kernel's own file system takes no directories."""
    with pytest.raises(StorageError, match=r"--output /proc/collector/run: cannot be written: \w"):
        RunDirectory.create(Path("/proc/collector/run"))


_UNPRIVILEGED = """
import os, sys
from pathlib import Path
from collector.errors import StorageError
from collector.store.run_directory import RunDirectory

if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    RunDirectory.create(Path(sys.argv[1]))
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
    assert said.startswith(f"5 --output {path}: cannot be written: Permission denied; see that")


def test_of_two_at_the_same_moment_one_wins(tmp_path: Path) -> None:
    """The others are refused, and the winner's files are its own."""
    contenders = 4

    def create(path: Path, start: threading.Barrier) -> RunDirectory | CollectorError:
        start.wait(10)
        try:
            return RunDirectory.create(path)
        except CollectorError as error:
            return error

    with ThreadPoolExecutor(contenders) as threads:
        for number in range(30):
            path = tmp_path / str(number) / "run"
            start = threading.Barrier(contenders)
            futures = [threads.submit(create, path, start) for _ in range(contenders)]
            results = [future.result(10) for future in futures]
            won = [result for result in results if isinstance(result, RunDirectory)]
            assert len(won) == 1, results
            with won[0]:
                won[0].statistics.append(b"1\n")
            assert sum(isinstance(result, InputError) for result in results) == contenders - 1
            assert _files(path) == _MADE


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[RunDirectory]:
    """Give an open run directory."""
    with RunDirectory.create(tmp_path / "run") as made:
        yield made


def test_a_manifest_is_readable_json(directory: RunDirectory) -> None:
    """For people too: indented, keys in the given order, a line break at the end."""
    directory.write_manifest({"z": 1, "a": {"b": None, "ñ": "ñ"}})
    text = (directory.path / "run.json").read_text(encoding="utf-8")
    assert text == '{\n  "z": 1,\n  "a": {\n    "b": null,\n    "ñ": "ñ"\n  }\n}\n'


def test_a_manifest_is_replaced_at_once(directory: RunDirectory) -> None:
    """A reader never finds a half one, and no draft stays behind."""
    path = directory.path / "run.json"
    directory.write_manifest({"number": 0, "filling": []})
    numbers: list[int] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            manifest: dict[str, Any] = json.loads(path.read_bytes())
            assert len(manifest["filling"]) == manifest["number"] * 100
            numbers.append(manifest["number"])

    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(read)
        try:
            for number in [*range(1, 40), *reversed(range(40))]:
                directory.write_manifest({"number": number, "filling": list(range(number * 100))})
        finally:
            is_over.set()
        reading.result(10)
    assert len(set(numbers)) > 5
    assert _files(directory.path) == _MADE | {"run.json"}


_FULL = """
import json, resource, signal, sys
from pathlib import Path
from collector.errors import StorageError
from collector.store.run_directory import RunDirectory

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with RunDirectory.create(Path(sys.argv[1])) as directory:
    directory.write_manifest({"number": 1})
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        directory.write_manifest({"filling": "x" * 5000})
    except StorageError as error:
        print(error)
"""


def test_a_manifest_that_does_not_fit_leaves_the_old_one(tmp_path: Path) -> None:
    """The error names the file and the reason."""
    said = _child(_FULL, str(tmp_path))
    assert said.strip() == f"{tmp_path / 'run.json'} cannot be written: File too large"
    assert json.loads((tmp_path / "run.json").read_bytes()) == {"number": 1}
    assert _files(tmp_path) == _MADE | {"run.json"}


def test_a_manifest_in_a_directory_that_is_gone_is_a_storage_error(tmp_path: Path) -> None:
    """Somebody removed it during the run."""
    with RunDirectory.create(tmp_path / "run") as directory:
        for path in directory.path.iterdir():
            path.unlink()
        directory.path.rmdir()
        with pytest.raises(StorageError, match=r"run\.json cannot be written: No such file"):
            directory.write_manifest({})


def test_a_directory_may_have_any_name_that_the_system_takes(tmp_path: Path) -> None:
    """Also one that is no UTF-8: its settings go into the manifest all the same."""
    path = tmp_path / os.fsdecode(b"ni\xf1o")
    manifest = Manifest({}, describe_settings(RunSettings(output=path)), datetime.now(UTC))
    with RunDirectory.create(path) as directory:
        directory.write_manifest(manifest.as_json())
    assert _files(path) == _MADE | {"run.json"}
    assert "output" in json.loads((path / "run.json").read_bytes())["settings"]
