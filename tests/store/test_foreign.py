"""Files of other programs: a run refuses them, and leaves them as they are."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from collector.core.errors import InputError
from collector.plan import Companies, Shard
from collector.store.files import Listing, PartFiles, next_errors
from collector.store.foreign import refuse_compressed, refuse_links
from collector.store.lock import DirectoryLock, held_by, recorded_holder
from collector.store.manifest import Manifest
from collector.store.recorded_plan import is_intact_list
from collector.store.run_directory import RunDirectory
from collector.store.shard_lock import lock_for, lock_for_all
from tests.store.compressed import compress
from tests.store.made_runs import make_run
from tests.store.on_disk import entries, errors_of, open_files

_SHARD: Final = Shard(0, 2)
_WHOLE_FILES: Final = ("statistics.jsonl", "errors.jsonl", "log.jsonl", "run.json", "run.lock")
_NAMES: Final = (
    *_WHOLE_FILES,
    *(f"{name}.broken" for name in _WHOLE_FILES[:4]),
    *("run-companies.txt", "run-companies.txt.broken", "run-plan.lock", "run-cluster.lock"),
    *("statistics-00001-of-00002.jsonl", "errors-00000-of-00002.jsonl"),
    *("log-00000-of-00002.jsonl", "run-00000-of-00002.json", "run-00001-of-00002.lock"),
)


@pytest.mark.parametrize("name", _NAMES)
@pytest.mark.parametrize("shard", [Shard(), _SHARD])
def test_a_link_in_place_of_a_file_is_refused(tmp_path: Path, name: str, shard: Shard) -> None:
    """With 2 and its name, before anything is made; what it leads to stays as it is."""
    (tmp_path / "foreign").write_bytes(b"")
    run = tmp_path / "run"
    run.mkdir()
    for target in (tmp_path / "foreign", tmp_path / "nothing"):
        (run / name).symlink_to(target)
        before = open_files()
        with pytest.raises(InputError) as caught:
            RunDirectory.open(PartFiles(run, shard))
        assert str(caught.value) == (
            f"--output {run}: {name} is a symbolic link; replace it by the file, or link the "
            "whole directory: a run writes files of its own only"
        )
        assert open_files() == before
        assert entries(run) == {name}
        (run / name).unlink()
    assert (tmp_path / "foreign").read_bytes() == b""
    assert entries(tmp_path) == {"foreign", "run"}


@pytest.mark.parametrize("name", ["run.json", "run-companies.txt", "statistics.jsonl", "run.lock"])
def test_a_pipe_is_refused(tmp_path: Path, name: str) -> None:
    """It has no end, and would block."""
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match=rf"{name} is a named pipe, not a file; remove it"):
        RunDirectory.open(PartFiles(tmp_path))
    assert entries(tmp_path) == {name}


def test_other_links_are_of_no_concern(tmp_path: Path) -> None:
    """Whatever they are called, and wherever they lead; and a directory may be missing."""
    names = ("run.jsonl", "log.json", "companies.txt", "statistics.jsonl.new", "run-1-of-2.json")
    for name in names:
        (tmp_path / name).symlink_to("nowhere")
    refuse_links(tmp_path)
    refuse_links(tmp_path / "missing")
    with RunDirectory.open(PartFiles(tmp_path)) as directory:
        directory.begin(_COMPANIES, _manifest(tmp_path))
    assert all((tmp_path / name).is_symlink() for name in names)


_COMPANIES: Final = Companies(("1", "2"))


def _manifest(directory: Path) -> Manifest:
    made = Manifest.read(make_run(directory / "made") / "run.json")
    assert made is not None
    return made


def _take(path: Path) -> None:
    DirectoryLock.take(path)


def _take_for_a_shard(path: Path) -> None:
    lock_for(PartFiles(path.parent, _SHARD))


def _take_for_all(path: Path) -> None:
    lock_for_all(path.parent)


@pytest.mark.parametrize(
    ("name", "take"),
    [
        ("run.lock", _take),
        ("run-plan.lock", _take),
        ("run.lock", _take_for_a_shard),
        ("run-00000-of-00002.lock", _take_for_a_shard),
        ("run-cluster.lock", _take_for_all),
    ],
)
def test_a_lock_that_became_a_link_is_not_written(
    tmp_path: Path, name: str, take: Callable[[Path], None]
) -> None:
    """An empty file of another program would get the name of the holder."""
    (tmp_path / "foreign").write_bytes(b"")
    (tmp_path / name).symlink_to("foreign")
    before = open_files()
    with pytest.raises(OSError, match="it is a symbolic link"):
        take(tmp_path / name)
    assert (tmp_path / "foreign").read_bytes() == b""
    assert open_files() == before


def test_a_link_is_no_lock(tmp_path: Path) -> None:
    """Commands that read a run neither follow it nor fail."""
    with ExitStack() as opened:
        lock = DirectoryLock.take(tmp_path / "other.lock", with_directory=False)
        opened.callback(lock.release)
        for target in ("other.lock", "run.lock", "nowhere"):
            (tmp_path / "run.lock").symlink_to(target)
            assert held_by(tmp_path / "run.lock") is None
            assert recorded_holder(tmp_path / "run.lock") == "an unknown process"
            (tmp_path / "run.lock").unlink()


@pytest.mark.parametrize("text", ["mine\n", "# Written by a user\n1\n", "1\n2\n"])
def test_a_foreign_list_in_a_run_is_moved(tmp_path: Path, text: str) -> None:
    """Before the list of the run replaces it; the user is told."""
    run = make_run(tmp_path / "run")
    path = run / "run-companies.txt"
    path.write_text(text)
    with RunDirectory.open(PartFiles(run)) as directory:
        directory.begin(_COMPANIES, _manifest(tmp_path))
        (remark,) = directory.remarks
    assert remark == (
        "run-companies.txt was not as the collector wrote it; its text was moved to "
        "run-companies.txt.broken"
    )
    assert (run / "run-companies.txt.broken").read_text() == f"{text}\n"
    assert is_intact_list(path)


def test_the_list_of_the_collector_is_replaced(tmp_path: Path) -> None:
    """Without a word, as it may grow."""
    run = make_run(tmp_path / "run")
    with RunDirectory.open(PartFiles(run)) as directory:
        directory.begin(_COMPANIES, _manifest(tmp_path))
        assert directory.remarks == []
    assert not (run / "run-companies.txt.broken").exists()


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_compressed_files_are_refused(tmp_path: Path, ending: str) -> None:
    """Those that the run would read or append to: not those of the other shards of its number."""
    run = make_run(tmp_path / "a", shard=Shard(0, 2))
    make_run(run, shard=Shard(1, 2))
    compress(run / "statistics-00001-of-00002.jsonl", ending)
    refuse_compressed(PartFiles(run, Shard(0, 2)), Listing.of(run))
    for shard in (Shard(1, 2), Shard(), Shard(0, 3)):
        with pytest.raises(InputError) as caught:
            refuse_compressed(PartFiles(run, shard), Listing.of(run))
        command = {".gz": "gunzip", ".zst": "unzstd --rm"}[ending]
        assert str(caught.value) == (
            f"--output {run}: statistics-00001-of-00002.jsonl{ending} is compressed, and a run is "
            f"resumed from plain files; decompress them first ({command} {run}/*.jsonl{ending}), "
            "or give another --output"
        )
    before = entries(run)
    with pytest.raises(InputError, match="is compressed"):
        RunDirectory.open(PartFiles(run))
    assert entries(run) == before


def test_earlier_errors_may_be_compressed(tmp_path: Path) -> None:
    """They are read, and never written; the next ones get the next number."""
    run = make_run(tmp_path / "a")
    (run / "errors.4.jsonl").write_bytes(b"{}\n")
    compress(run / "errors.4.jsonl", ".gz")
    files = PartFiles(run)
    refuse_compressed(files, Listing.of(files.directory))
    assert next_errors(errors_of(files)) == run / "errors.5.jsonl"
    assert errors_of(files) == [run / "errors.4.jsonl", run / "errors.jsonl"]


def test_a_directory_that_is_not_there_has_no_compressed_files(tmp_path: Path) -> None:
    """A run makes it."""
    refuse_compressed(PartFiles(tmp_path / "missing"), Listing.of(tmp_path / "missing"))
