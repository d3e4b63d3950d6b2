from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.plan import MOST_SHARDS, Shard
from collector.store.files import (
    COMPANIES,
    LOCK,
    Listing,
    PartFiles,
    next_errors,
    parts_in,
    stored_twice_of,
)
from tests.store.on_disk import errors_of

_SHARDS = st.integers(2, MOST_SHARDS).flatmap(
    lambda total: st.builds(Shard, st.integers(0, total - 1), st.just(total))
)


def _touch(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).touch()


def test_the_files_of_a_run_without_shards_are_named_as_ever() -> None:
    """Scripts read them."""
    files = PartFiles(Path("r"))
    assert files.shard.is_whole
    assert [files.statistics, files.errors, files.log, files.manifest, files.lock] == [
        Path("r/statistics.jsonl"),
        Path("r/errors.jsonl"),
        Path("r/log.jsonl"),
        Path("r/run.json"),
        Path("r/run.lock"),
    ]
    assert (LOCK, COMPANIES) == ("run.lock", "run-companies.txt")


def test_the_files_of_a_shard_say_which_it_is() -> None:
    """They sort by their number; the list of companies is that of all."""
    files = PartFiles(Path("r"), Shard(3, 16))
    assert [files.statistics, files.errors, files.log, files.manifest, files.lock] == [
        Path("r/statistics-00003-of-00016.jsonl"),
        Path("r/errors-00003-of-00016.jsonl"),
        Path("r/log-00003-of-00016.jsonl"),
        Path("r/run-00003-of-00016.json"),
        Path("r/run-00003-of-00016.lock"),
    ]
    last = PartFiles(Path("r"), Shard(9999, 10_000))
    assert last.statistics == Path("r/statistics-09999-of-10000.jsonl")


@pytest.mark.parametrize("name", ["statistics", "manifest"])
def test_something_was_begun_if_there_is_a_manifest_or_a_result(tmp_path: Path, name: str) -> None:
    """Of this part; a lock or a log alone is nothing."""
    files = PartFiles(tmp_path, Shard(1, 2))
    for path in (files.lock, files.log, files.errors):
        path.touch()
    PartFiles(tmp_path).manifest.touch()
    PartFiles(tmp_path, Shard(0, 2)).statistics.touch()
    assert not files.exist()
    getattr(files, name).touch()
    assert files.exist()


def test_in_no_directory_and_in_an_empty_one_is_the_run_without_shards(tmp_path: Path) -> None:
    """It is always there: a reader finds that it has no files."""
    assert parts_in(tmp_path / "nowhere") == [PartFiles(tmp_path / "nowhere")]
    assert parts_in(tmp_path) == [PartFiles(tmp_path)]


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """That is for the caller to tell people."""
    _touch(tmp_path, "file")
    with pytest.raises(NotADirectoryError):
        parts_in(tmp_path / "file")


def test_parts_are_found_by_a_manifest_results_or_a_lock(tmp_path: Path) -> None:
    """In the order of how many there are, then of their numbers."""
    _touch(
        tmp_path,
        "run-00010-of-00016.lock",
        "statistics-00002-of-00016.jsonl",
        "run-00002-of-00016.json",
        "run-00001-of-00003.json",
        "statistics-09999-of-10000.jsonl",
    )
    assert [files.shard for files in parts_in(tmp_path)] == [
        Shard(),
        Shard(1, 3),
        Shard(2, 16),
        Shard(10, 16),
        Shard(9999, 10_000),
    ]


@pytest.mark.parametrize(
    "name",
    [
        "statistics-00016-of-00016.jsonl",
        "statistics-00017-of-00016.jsonl",
        "statistics-00000-of-00001.jsonl",
        "statistics-00000-of-00000.jsonl",
        "statistics-3-of-16.jsonl",
        "statistics-000003-of-000016.jsonl",
        "statistics-00003-of-00016.jsonl.broken",
        "statistics-00003-of-00016.jsonl.new",
        "statistics-00003-of-00016.1.jsonl",
        "statistics-00003-of-00016.jsonl\n",
        "statistics-00003-of-00016xjsonl",
        "my-statistics-00003-of-00016.jsonl",
        "statistics-٠٠٠٠٣-of-00016.jsonl",
        "STATISTICS-00003-of-00016.jsonl",
        "errors-00003-of-00016.jsonl",
        "log-00003-of-00016.jsonl",
        "statistics.jsonl",
        "part-00003-of-00016.parquet",
    ],
)
def test_other_files_are_no_parts(tmp_path: Path, name: str) -> None:
    """Those of other programs, drafts, and impossible numbers."""
    _touch(tmp_path, name)
    assert parts_in(tmp_path) == [PartFiles(tmp_path)]


@settings(deadline=None)
@given(_SHARDS)
def test_every_name_of_a_part_is_known_again(shard: Shard) -> None:
    """Whatever shard it is of: no file of results is overlooked."""
    with TemporaryDirectory() as name:
        files = PartFiles(Path(name), shard)
        for path in (files.statistics, files.manifest, files.lock):
            path.touch()
            assert parts_in(Path(name)) == [PartFiles(Path(name)), files]
            path.unlink()


@settings(deadline=None)
@given(_SHARDS, st.sets(_SHARDS | st.builds(Shard, st.integers(0, 3), st.integers(2, 4))))
def test_a_part_has_itself_and_what_no_other_process_writes(
    shard: Shard, others: set[Shard]
) -> None:
    """Found without looking at each shard of the same division."""
    with TemporaryDirectory() as name:
        for own in (PartFiles(Path(name)), PartFiles(Path(name), shard)):
            own.lock.touch()
            for other in others:
                PartFiles(Path(name), other).lock.touch()
            listing = Listing.of(Path(name))
            expected = list(filter(own.has_for_itself, listing.parts()))
            assert listing.reserved_for(own).parts(own) == expected


def test_errors_of_earlier_attempts_are_numbered_for_each_shard(tmp_path: Path) -> None:
    """As numbers, those of other parts aside; the next one comes after the highest."""
    files = PartFiles(tmp_path, Shard(3, 16))
    assert next_errors(errors_of(files)) == tmp_path / "errors-00003-of-00016.1.jsonl"
    _touch(
        tmp_path,
        "errors-00003-of-00016.10.jsonl",
        "errors-00003-of-00016.2.jsonl",
        "errors-00003-of-00016.old.jsonl",
        "errors-00003-of-00016.03.jsonl",
        "errors-00003-of-00016.jsonl",
        "errors-00004-of-00016.77.jsonl",
        "errors.88.jsonl",
        "errors.jsonl",
    )
    assert [path.name for path in errors_of(files)] == [
        "errors-00003-of-00016.2.jsonl",
        "errors-00003-of-00016.10.jsonl",
        "errors-00003-of-00016.jsonl",
    ]
    assert next_errors(errors_of(files)) == tmp_path / "errors-00003-of-00016.11.jsonl"
    assert next_errors(errors_of(PartFiles(tmp_path))) == tmp_path / "errors.89.jsonl"
    assert [path.name for path in errors_of(PartFiles(tmp_path))] == [
        "errors.88.jsonl",
        "errors.jsonl",
    ]


def test_errors_in_a_directory_with_an_odd_name(tmp_path: Path) -> None:
    """What is a pattern in a name of the directory is none here."""
    directory = tmp_path / "[a]*?"
    directory.mkdir()
    _touch(directory, "errors-00000-of-00002.1.jsonl")
    files = PartFiles(directory, Shard(0, 2))
    assert next_errors(errors_of(files)).name == "errors-00000-of-00002.2.jsonl"


@pytest.mark.parametrize("present", [("", ".gz"), (".gz", ".zst"), ("", ".zst")])
@pytest.mark.parametrize("name", ["statistics", "errors.1", "log"])
def test_two_forms_are_told_of_whichever_they_are(
    tmp_path: Path, name: str, present: tuple[str, str]
) -> None:
    """Both names are in the warning; the first form is the one that is read."""
    for ending in present:
        (tmp_path / f"{name}.jsonl{ending}").touch()
    first, other = (f"{name}.jsonl{ending}" for ending in present)
    assert stored_twice_of(Listing.of(tmp_path), [PartFiles(tmp_path)]) == [
        f"{tmp_path / first}: is read, and {other} beside it is not; remove one of them"
    ]


def test_a_file_of_one_shard_of_one_is_of_no_part(tmp_path: Path) -> None:
    """No run has written it: a run without shards has no number in its names."""
    _touch(tmp_path, "errors-00000-of-00001.jsonl", "errors-00000-of-00001.1.jsonl")
    files = PartFiles(tmp_path)
    assert errors_of(files) == [files.errors]
