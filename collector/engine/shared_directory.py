"""The run directory, as whoever hands out shards finds it and holds it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from collector import __version__
from collector.engine.messages import Site
from collector.errors import StorageError
from collector.plan import CellSet, Plan
from collector.settings import RunSettings
from collector.store.files import CLUSTER_LOCK, PartFiles, parts_in
from collector.store.manifest import describe_service
from collector.store.past import read_past
from collector.store.recovery import Recovered
from collector.store.shard_lock import lock_for_all, refuse_held

__all__ = ["hold", "look_back"]


def look_back(files: PartFiles, plan: Plan, settings: RunSettings) -> Recovered:
    """Read what earlier attempts say of the plan and of the dates; cells the shards look up.

    Raises `LockedError` while somebody is at work there, `InputError` if it is another run's, and
    `StorageError` if it cannot be read.
    """
    try:
        refuse_held(files.directory)
        parts = parts_in(files.directory)
    except OSError as error:
        raise StorageError(
            f"--output {files.directory}: cannot be read: {error.strerror}; give another --output"
        ) from error
    past = read_past(files, parts, plan, describe_service(settings))
    return Recovered(
        CellSet(len(plan)),
        is_complete=False,
        has_lines=any(part.has_answers() for part in parts),
        dates=past.dates,
        is_known=past.is_known,
    )


@contextmanager
def hold(directory: Path) -> Iterator[Site]:
    """Lock the directory for whoever hands out shards: for one, and until the body is done.

    Raises `LockedError` and `StorageError`.
    """
    with ExitStack() as held:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            lock = lock_for_all(directory)
            held.callback(lock.release)
            held.callback(lock.discard)
            site = Site(directory, (directory / CLUSTER_LOCK).read_bytes(), __version__)
        except OSError as error:
            raise StorageError(
                f"--output {directory}: cannot be written: {error.strerror}; see that this user "
                "may write there, and that there is room"
            ) from error
        yield site
