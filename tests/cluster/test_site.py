import subprocess
import sys
from pathlib import Path

import pytest

from collector import __version__
from collector.cluster.site import Site
from collector.core.errors import LockedError
from collector.plan import Shard
from collector.store.files import CLUSTER_LOCK, PartFiles
from collector.store.shard_lock import holder_of, lock_for, lock_for_all, refuse_held
from tests.conftest import ENVIRONMENT


def _site(directory: Path) -> Site:
    return Site(directory, (directory / CLUSTER_LOCK).read_bytes(), __version__)


def test_who_sees_the_same_directory_is_of_use(tmp_path: Path) -> None:
    """Also a worker that joins later, or comes back on another machine, is asked that."""
    lock = lock_for_all(tmp_path)
    assert _site(tmp_path).mismatch() is None
    lock.release()


def test_who_sees_another_directory_of_that_name_is_of_none(tmp_path: Path) -> None:
    """A disk of its own, empty or with a lock of another run."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    lock = lock_for_all(here)
    text = (here / CLUSTER_LOCK).read_bytes()
    elsewhere = Site(there, text, __version__)
    assert "does not see" in (elsewhere.mismatch() or "")
    (there / CLUSTER_LOCK).write_bytes(text.replace(b"pid", b"qid"))
    assert "does not see" in (elsewhere.mismatch() or "")
    lock.release()


def test_another_version_is_told(tmp_path: Path) -> None:
    """It would write other lines, or understand orders otherwise."""
    mismatch = Site(tmp_path, b"", "0.0.1").mismatch()
    assert mismatch == f"has collector {__version__}, this is 0.0.1; install the same there"


def test_a_worker_that_writes_the_keys_of_its_connections_is_told(tmp_path: Path) -> None:
    """The access token comes over them. It is told too if the file cannot be written."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from collector import __version__\n"
        "from collector.cluster.site import Site\n"
        "print(Site(Path(), b'', __version__).mismatch())"
    )
    said = subprocess.run(  # noqa: S603 - this Python, and a script of a test
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, "SSLKEYLOGFILE": str(tmp_path / "absent" / "keys")},
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout.startswith("was started with SSLKEYLOGFILE: ")
    assert "start it without" in said.stdout


@pytest.mark.parametrize("shard", [Shard(), Shard(0, 2)])
def test_no_process_begins_beside_the_one_that_assigns_shards(tmp_path: Path, shard: Shard) -> None:
    """But the shards that are assigned do."""
    lock = lock_for_all(tmp_path)
    files = PartFiles(tmp_path, shard)
    with pytest.raises(LockedError):
        lock_for(files)
    with pytest.raises(LockedError):
        lock_for_all(tmp_path)
    assert (holder_of(tmp_path) or "").startswith("process ")
    lock_for(files, is_handed_out=True)[0].release()
    lock.release()
    lock_for(files)[0].release()


@pytest.mark.parametrize("shard", [Shard(), Shard(0, 2)])
def test_shards_are_not_assigned_beside_a_run(tmp_path: Path, shard: Shard) -> None:
    """Nor beside a single shard: its share of the rate would come on top."""
    lock, _ = lock_for(PartFiles(tmp_path, shard))
    with pytest.raises(LockedError):
        refuse_held(tmp_path)
    with pytest.raises(LockedError):
        lock_for_all(tmp_path)
    lock.release()
    refuse_held(tmp_path)
