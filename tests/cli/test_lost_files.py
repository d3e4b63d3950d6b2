"""Runs that have lost their manifest and their results, beside runs that are whole."""

from pathlib import Path

import pytest

from tests.cli.said import in_this_process
from tests.store.compressed import compress
from tests.store.finished_runs import make_nights

_LOST = (
    "n1: run.json and statistics.jsonl are missing, but log.jsonl is there: a run has lost its "
    "files; restore them from a copy"
)
_KILLED = "n1: a run was killed before its first cell; left out"
_COMMANDS = [
    ("latest", ()),
    ("export", ("--to", "o.csv")),
    ("report", ("--to", "o.html")),
    ("status", ("--fail-on", "failed")),
    ("verify", ()),
]


@pytest.fixture
def night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the newer of two nights, which lacks its manifest and results."""
    monkeypatch.chdir(tmp_path)
    night = make_nights(Path(), 2)[1]
    for name in ("run.json", "statistics.jsonl"):
        (night / name).unlink()
    for path in night.glob("*.jsonl"):
        path.unlink()
    (night / "run.lock").touch()
    (night / "run-companies.txt").touch()
    return night


@pytest.mark.parametrize(("command", "options"), _COMMANDS)
def test_a_run_that_lost_its_files_is_no_run_that_began_nothing(
    night: Path, capsys: pytest.CaptureFixture[str], command: str, options: tuple[str, ...]
) -> None:
    """It shows in the exit code, and the others are read; an empty log is enough."""
    (night / "log.jsonl").touch()
    said = in_this_process(command, capsys)("n0", "n1", *options)
    if command == "verify":
        assert said.exit_code == 8
        assert said.under("damaged") == ["n1: there is no run.json in it"]
    else:
        assert said.exit_code == 1
        assert f"warning: {_LOST}; left out" in said.stderr
    assert "killed" not in said.stderr


@pytest.mark.parametrize(("command", "options"), _COMMANDS)
def test_a_run_that_was_killed_before_its_manifest_lacks_nothing(
    night: Path, capsys: pytest.CaptureFixture[str], command: str, options: tuple[str, ...]
) -> None:
    """It leaves locks, the list of companies, and drafts."""
    for name in ("run-plan.lock", "run.json.0123456789abcdef.new"):
        (night / name).touch()
    said = in_this_process(command, capsys)("n0", "n1", *options)
    assert said.exit_code == 0
    assert f"warning: {_KILLED}" in said.stderr


def test_alone_it_is_an_error(night: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty result must not replace an earlier one."""
    (night / "log.jsonl").touch()
    for command in ("latest", "status"):
        said = in_this_process(command, capsys)("n1")
        assert (said.exit_code, said.stdout) == (2, "")
        assert _LOST in said.stderr


@pytest.mark.parametrize(("ending", "undo"), [(".gz", "gunzip"), (".zst", "unzstd --rm")])
def test_a_compressed_list_of_companies_is_named_with_the_remedy(
    night: Path, capsys: pytest.CaptureFixture[str], ending: str, undo: str
) -> None:
    """The list must stay plain."""
    whole = night.with_name("n0")
    packed = compress(whole / "run-companies.txt", ending)
    said = in_this_process("status", capsys)("n0")
    assert said.exit_code == 2
    assert f"{packed}: is compressed, but must stay plain; decompress it: {undo} {packed}" in (
        said.stderr
    )
