from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import orjson
import pytest

from collector.core.errors import StorageError
from collector.tables.salvage import salvage
from tests.store.made_runs import line

LargestFile = Callable[[int], AbstractContextManager[None]]


def test_good_lines_are_written_anew(tmp_path: Path) -> None:
    """Counters are texts, unknown fields are gone, and each action is there once.

    A count that is too large for a BIGINT is null, and named.
    """
    source, target = tmp_path / "source", tmp_path / "target"
    twice = line("1", 1, total=2**70, sended=2**63 - 1, x=1, actions={"A": 1, "B": 2**63})
    twice = twice.replace(b'"A": 1', b'"A": 1, "\\u0041": 2')
    source.write_bytes(b"\0\0\n" + twice + line("2", None)[:-1])
    damaged = salvage(source, target)
    good = 3 + len(twice)
    assert damaged == [(0, 3), (good, good + len(line("2", None)) - 1)]
    (written,) = target.read_bytes().splitlines()
    assert orjson.loads(written) == {
        "company_id": "1",
        "from_date": "2026-11-01",
        "until_date": "2026-11-01",
        "fetched_at": "2026-11-23T02:00:01Z",
        "attempts": 1,
        "statistics": {
            "total": None,
            "sended": str(2**63 - 1),
            **dict.fromkeys(("pending", "fails", "campaign"), "0"),
            "actions": {"A": 2, "B": None},
        },
        "left_out": "total, actions.B",
        "unknown_fields": None,
    }


def test_a_full_disk_is_told_with_a_remedy(tmp_path: Path, largest_file: LargestFile) -> None:
    """Not as if the run could not be read; the temporary directory can be another one."""
    source = tmp_path / "source"
    source.write_bytes(line("1", 1) * 1000)
    with (
        largest_file(5000),
        pytest.raises(StorageError, match=r"temporary files cannot be written: .*TMPDIR"),
    ):
        salvage(source, tmp_path / "target")
    with pytest.raises(StorageError, match="No such file"):
        salvage(source, tmp_path / "gone" / "target")


def test_a_source_that_cannot_be_read_stays_an_oserror(tmp_path: Path) -> None:
    """The reader knows its name."""
    source = tmp_path / "source"
    source.symlink_to("/proc/self/mem")
    with pytest.raises(OSError, match="Input/output error"):
        salvage(source, tmp_path / "target")
