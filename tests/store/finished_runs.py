"""Run directories that have finished, with the digests that the end of a run records."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

from collector.core.errors import ExitCode
from collector.plan import Shard
from collector.settings import RunSettings
from collector.store.attempt_entry import AttemptEntry, describe_settings
from collector.store.chain import keep_finished, unrecorded
from collector.store.digests import Digests, file_digests, recorded_name
from collector.store.files import Listing, PartFiles
from collector.store.lines import timestamp
from collector.store.manifest import Manifest
from tests.store.made_runs import AT, WHOLE_RUN, line, make_run

_MINUTE = timedelta(minutes=1)


def begin(run: Path, minute: float, shard: Shard = WHOLE_RUN) -> Manifest:
    """Add an attempt to a run; `minute` is when."""
    files = PartFiles(run, shard)
    manifest = Manifest.read(files.manifest)
    assert manifest is not None
    entry = AttemptEntry(AT + minute * _MINUTE, describe_settings(RunSettings()))
    manifest.attempts.append(entry.as_json())
    manifest.digests = None
    keep_finished(files)
    manifest.write(files.manifest)
    return manifest


def finish(run: Path, code: int = ExitCode.COMPLETE, shard: Shard = WHOLE_RUN) -> None:
    """End the last attempt of a run, 30 seconds after it began."""
    files = PartFiles(run, shard)
    manifest = Manifest.read(files.manifest)
    assert manifest is not None
    manifest.attempts[-1] |= {
        "ended_at": timestamp(AT + len(manifest.attempts) * _MINUTE / 2),
        "exit_code": int(code),
    }
    manifest.digests = Digests(
        files=file_digests(files, Listing.of(files.directory)),
        previous=unrecorded(files, Listing.of(files.directory)),
        directory=recorded_name(files.directory),
    )
    manifest.write(files.manifest)


def make_finished(
    run: Path,
    minute: float,
    lines: Iterable[bytes],
    shard: Shard = WHOLE_RUN,
    **more: Any,  # noqa: ANN401 - see make_run
) -> Path:
    """Make a run that began at a minute and has finished."""
    begun_at(make_run(run, lines, shard=shard, **more), minute, shard)
    finish(run, shard=shard)
    return run


def begun_at(run: Path, minute: float, shard: Shard = WHOLE_RUN) -> Path:
    """Change when the last attempt of a run has begun."""
    files = PartFiles(run, shard)
    manifest = Manifest.read(files.manifest)
    assert manifest is not None
    manifest.attempts[-1]["started_at"] = timestamp(AT + minute * _MINUTE)
    manifest.write(files.manifest)
    return run


def make_nights(parent: Path, count: int, lines: int = 4) -> list[Path]:
    """Make runs that followed each other, n0, n1 and so on, each with lines of its own figures."""
    return [
        make_finished(
            parent / f"n{night}",
            night * 1440,
            (
                line("1", number % 4 + 1, number, total=night * lines + number)
                for number in range(lines)
            ),
        )
        for night in range(count)
    ]
