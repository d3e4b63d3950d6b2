"""`collector verify`: its rows, and the exit code that a scheduler gets."""

import json
from pathlib import Path
from shutil import rmtree

import pytest

from collector.store.digests import with_digest
from tests.cli.said import Cli, in_this_process
from tests.store.finished_runs import make_nights
from tests.store.made_runs import line, make_run


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Give `collector verify` in this process, in an empty directory."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("verify", capsys)


def test_all_is_verified(cli: Cli) -> None:
    """The newest manifest has a row that sha256sum takes, to be noted elsewhere."""
    nights = make_nights(Path(), 3)
    said = cli("n2", "n0", "n1")
    assert (said.exit_code, said.stderr) == (0, "")
    size = sum((run / "statistics.jsonl").stat().st_size for run in nights)
    assert said.rows["verified"] == f"3 of 3 runs; 12 lines, {size:,} bytes were read"
    digest, path = said.rows["newest"].split("  ")
    assert (len(digest), path) == (64, "n2/run.json")
    assert len(said.rows) == 2


def test_damage_is_8_and_has_a_row_for_each_file(cli: Cli) -> None:
    """Damage is graver than what cannot be verified."""
    nights = make_nights(Path(), 3)
    make_run(Path("old"), [line("1", 1)])
    rmtree(nights[1])
    (nights[2] / "statistics.jsonl").write_bytes(b"\x1b[2J\n")
    said = cli("n0", "n2", "old")
    assert (said.exit_code, said.stderr) == (8, "")
    assert said.rows["verified"].startswith("1 of 3 runs; 5 lines, ")
    changed, missing = said.under("damaged")
    assert changed == (
        "n2/statistics.jsonl: has 3 lines less than run.json has recorded; the first change is in "
        "lines 1 to 4; line 1 is damaged"
    )
    assert missing == "n1: is missing: n2 has recorded it"
    assert said.rows["unverified"].startswith("old/run.json: not finished")


def test_what_cannot_be_verified_is_1_and_has_one_row(cli: Cli) -> None:
    """A year of runs of an older collector must not hide the rest."""
    names = [f"old{number}" for number in range(5)]
    for name in names:
        make_run(Path(name), [line("1", 1)])
    said = cli(*names)
    assert said.exit_code == 1
    assert said.rows["verified"] == "0 of 5 runs; 0 lines, 0 bytes were read"
    listed = "old0/run.json, old1/run.json, old2/run.json and 2 more: not finished: no end of"
    assert said.rows["unverified"].startswith(listed)


def test_runs_that_were_deleted_by_age_are_0(cli: Cli) -> None:
    """It is said where the chain begins."""
    rmtree(make_nights(Path(), 3)[0])
    said = cli("n1", "n2")
    assert said.exit_code == 0
    assert said.rows["begins"] == "n1: the run before it, n0, is gone"


def test_links_of_an_edited_manifest_make_no_rows_of_their_own(cli: Cli) -> None:
    """Their names are escaped and bounded, and their rows are counted."""
    (run,) = make_nights(Path(), 1)
    manifest = json.loads((run / "run.json").read_bytes())
    del manifest["sha256"]
    names = ["x\nverified   9", "y" * 5000, *(f"z{number}" for number in range(300))]
    manifest["digests"]["previous"] = [
        {"manifest": f"../{name}/run.json", "started_at": "", "sha256": ""} for name in names
    ]
    text = json.dumps(manifest, indent=2).encode() + b"\n"
    (run / "run.json").write_bytes(with_digest(text))
    said = cli("n0")
    assert said.exit_code == 8
    assert said.under("damaged") == [
        "n0/run.json: records a manifest under a name that no manifest can have"
    ]
    begins = said.under("begins")
    assert begins[0] == "n0: the run before it, x<U+000A>verified   9, is gone"
    assert (len(begins), begins[-1]) == (101, "and 201 more")
    assert max(map(len, said.stdout.splitlines())) < 400


@pytest.mark.parametrize("arguments", [(), ("",), ("nope",), ("file",)])
def test_what_is_no_run_is_2(cli: Cli, arguments: tuple[str, ...]) -> None:
    """Nothing is on standard output, which could be taken for a result."""
    Path("file").touch()
    said = cli(*arguments)
    assert (said.exit_code, said.stdout) == (2, "")
    assert "Traceback" not in said.stderr


def test_a_checkpoint_proves_nothing(cli: Cli) -> None:
    """It is a cache, and was removed by a job, changed or left behind: that is no damage."""
    run, *_ = make_nights(Path(), 3)
    before = cli("n0", "n1", "n2")
    for content in (b"collector checkpoint 1\n", b""):
        (run / "run.checkpoint").write_bytes(content)
        said = cli("n0", "n1", "n2")
        assert (said.exit_code, said.stdout, said.stderr) == (0, before.stdout, "")
