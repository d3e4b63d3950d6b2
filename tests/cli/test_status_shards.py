"""What `collector status` says of a run of which only some shards have begun, or ended well."""

from pathlib import Path

import pytest

from collector.plan import Shard
from collector.store.files import PartFiles
from collector.store.manifest import Manifest
from tests.cli.said import Cli, in_this_process
from tests.store.made_runs import make_run

_AT = "2026-11-23T02:00:09.000Z"


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give `collector status` in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("status", capsys)


def _ended(code: int, *shards: Shard, error: str | None = None) -> None:
    """Make a run of which these shards have ended with a code, in the directory r."""
    for shard in shards:
        make_run(Path("r"), shard=shard)
        path = PartFiles(Path("r"), shard).manifest
        manifest = Manifest.read(path)
        assert manifest is not None
        manifest.attempts[-1] |= {"ended_at": _AT, "exit_code": code, "error": error}
        manifest.write(path)


@pytest.mark.parametrize(
    ("shards", "code", "error", "said"),
    [
        ([Shard(0, 2)], 0, None, "0: every cell of shard 0/2 has an answer"),
        ([Shard(1, 4), Shard(3, 4)], 0, None, "0: every cell of 2 of 4 shards has an answer"),
        ([Shard(0, 2), Shard(1, 2)], 0, None, "0: every cell has an answer"),
        ([Shard()], 0, None, "0: every cell has an answer"),
        ([Shard(1, 2)], 1, None, "1: finished, but some cells failed (shard 1/2)"),
        ([Shard(0, 3), Shard(1, 3)], 4, "out of reach", "4: out of reach (2 of 3 shards)"),
        ([Shard(0, 2), Shard(1, 2)], 143, None, "143: interrupted by SIGTERM"),
    ],
)
def test_the_end_is_that_of_the_shards_that_have_begun(
    cli: Cli, shards: list[Shard], code: int, error: str | None, said: str
) -> None:
    """It is told of which it is, unless of all: the others may have answered nothing."""
    _ended(code, *shards, error=error)
    assert cli("r").rows["attempts"] == f"1, the last ended {_AT} with {said}"


def test_programs_are_told_of_which_shards_an_attempt_is(cli: Cli) -> None:
    """Also when it is a single one."""
    _ended(0, Shard(0, 2))
    (attempt,) = cli("r", "--json").document["attempts"]
    assert attempt["exit_code"] == 0
    assert attempt["shards"] == {"count": 2, "begun": 1}
