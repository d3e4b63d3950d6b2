"""The chain of runs: what the end of a run links to."""

import os
from pathlib import Path

import pytest

from collector.store import chain
from collector.store.chain import unrecorded
from collector.store.files import Listing, PartFiles
from tests.store.finished_runs import make_finished
from tests.store.made_runs import line


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
