"""The chain of runs: what the end of a run links to."""

import errno
import os
from collections.abc import Sequence
from datetime import timedelta
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.errors import ExitCode
from collector.plan import Shard
from collector.store import chain
from collector.store.chain import unrecorded
from collector.store.digests import Digests, Link
from collector.store.files import Listing, PartFiles
from collector.store.found_manifest import FoundManifest, read_manifest
from collector.store.lines import timestamp
from collector.store.manifest import Manifest
from tests.store.finished_runs import make_finished
from tests.store.made_runs import AT, line, make_run


def test_last_night_is_linked_though_older_runs_changed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a job has compressed the old ones since; those that changed last are read too."""
    nights = [make_finished(tmp_path / f"n{night}", night, [line("1", 1)]) for night in range(5)]
    monkeypatch.setattr(chain, "_MOST_RUNS", 2)
    for changed_at, night in enumerate(reversed(nights)):
        os.utime(night, (changed_at, changed_at))
    links = [
        link.manifest
        for link in unrecorded(PartFiles(tmp_path / "n5"), Listing.of(tmp_path / "n5"))
    ]
    assert links == ["../n1/run.json", "../n4/run.json"]


_ENDS = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 200)), min_size=2, max_size=9)
"""When shards end: the second at which each reads the others, and how long it takes to write."""


@settings(deadline=None)
@given(_ENDS)
def test_a_shard_links_to_the_same_manifests_as_if_it_read_all(
    ends: Sequence[tuple[int, int]],
) -> None:
    """Whichever end while others do: it leaves out only what one that it reads has recorded."""
    steps = [(read, 1, number) for number, (read, _) in enumerate(ends)]
    steps += [(read + takes, 0, number) for number, (read, takes) in enumerate(ends) if takes]
    with TemporaryDirectory() as name:
        run = Path(name) / "run"
        parts = [PartFiles(run, Shard(number + 1, 99)) for number in range(len(ends))]
        links: dict[int, list[Link]] = {}
        for files in parts:
            make_run(run, [], shard=files.shard)
            os.utime(files.manifest, (0, 0))
        for second, is_read, number in sorted(steps):
            if is_read:
                links[number] = _links(parts[number])
            if not is_read or not ends[number][1]:
                _end(parts[number], ends[number][0], second, links[number])


def _links(files: PartFiles) -> list[Link]:
    listing = Listing.of(files.directory)
    found = unrecorded(files, listing)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chain, "_CLOCKS_DIFFER", inf)
        assert found == unrecorded(files, listing)
    return found


def _end(files: PartFiles, ended: int, written: int, links: list[Link]) -> None:
    manifest = Manifest.read(files.manifest)
    assert manifest is not None
    at = timestamp(AT + timedelta(seconds=ended))
    manifest.attempts[-1] |= {"ended_at": at, "exit_code": int(ExitCode.COMPLETE)}
    manifest.digests = Digests(files={}, previous=links)
    manifest.write(files.manifest)
    changed_at = AT.timestamp() + written
    os.utime(files.manifest, (changed_at, changed_at))


def test_a_shard_reads_few_of_many_that_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 30 that ended one every ten seconds: those of the last minute, and one more."""
    run, read = tmp_path / "run", list[str]()

    def counted(path: Path) -> FoundManifest | None:
        read.append(path.name)
        return read_manifest(path)

    for number in range(1, 31):
        files = PartFiles(run, Shard(number, 99))
        make_run(run, [], shard=files.shard)
        _end(files, number * 10, number * 10, _links(files))
    monkeypatch.setattr(chain, "read_manifest", counted)
    (link,) = unrecorded(PartFiles(run, Shard(31, 99)), Listing.of(run))
    assert (link.manifest, len(read)) == ("run-00030-of-00099.json", 7)
    read.clear()
    assert unrecorded(PartFiles(run, Shard(0, 99)), Listing.of(run)) == [link]


def test_a_manifest_that_cannot_be_read_takes_no_other_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that is replaced on a file server at that moment, or is of another user.

    The shards that end later do not read what this one must have read.
    """
    run = tmp_path / "run"
    for number in range(1, 5):
        make_run(run, [], shard=Shard(number, 99))
    for number, ended in ((1, 100), (2, 101), (3, 102)):
        _end(PartFiles(run, Shard(number, 99)), ended, ended, [])

    def stale(path: Path) -> FoundManifest | None:
        if path.name == "run-00003-of-00099.json":
            raise OSError(errno.ESTALE, "Stale file handle", str(path))
        return read_manifest(path)

    with monkeypatch.context() as patched:
        patched.setattr(chain, "read_manifest", stale)
        links = unrecorded(PartFiles(run, Shard(4, 99)), Listing.of(run))
    assert {link.manifest for link in links} == {
        "run-00001-of-00099.json",
        "run-00002-of-00099.json",
    }
