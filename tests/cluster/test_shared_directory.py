"""The log of a cluster run that cannot be opened is told."""

from pathlib import Path

import pytest

from collector.cluster.shared_directory import ClusterLog
from collector.plan import Shard
from collector.store.files import PartFiles
from collector.telemetry.log import EventLog


@pytest.mark.parametrize("is_in_the_way", [False, True])
def test_a_log_that_cannot_be_opened_is_told(tmp_path: Path, *, is_in_the_way: bool) -> None:
    """Once, and the run goes on: it is about answers."""
    files = PartFiles(tmp_path)
    PartFiles(tmp_path, Shard(0, 2)).manifest.touch()
    if is_in_the_way:
        files.log.mkdir()
    events = EventLog("info", lambda text: text)
    with ClusterLog(files, events) as log:
        log.open()
        log.open()
        events.logger.info("something")
    reason = "log.jsonl: cannot be opened (Is a directory), and has no events of this attempt"
    assert log.remarks == ((reason,) if is_in_the_way else ())
