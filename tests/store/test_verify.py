"""Verification of runs: what was changed, dropped or swapped is named, and nothing else is."""

import json
import os
import random
import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest

from collector.core.errors import InputError
from collector.plan import Shard
from collector.store.coverage import read_coverage
from collector.store.digests import Digests, with_digest
from collector.store.files import PartFiles
from collector.store.found_manifest import FoundManifest
from collector.store.verify import Verified, verify
from tests.store.compressed import PACKERS, compress, compress_all
from tests.store.finished_runs import begin, begun_at, finish, make_finished, make_nights
from tests.store.made_runs import at_work, line, make_run


def _verify(*runs: Path) -> Verified:
    remarks: list[str] = []
    verified = verify(runs, remarks.append)
    assert remarks == []
    return verified


def _found(*runs: Path) -> dict[str, str]:
    """Return what is damaged, by the path below the parent of the runs."""
    verified = _verify(*runs)
    assert all(finding.is_damage for finding in verified.findings), verified.findings
    parent = runs[0].parent
    return {f"{one.path.relative_to(parent)}": one.text for one in verified.findings}


def _unverified(*runs: Path) -> list[str]:
    verified = _verify(*runs)
    assert not any(finding.is_damage for finding in verified.findings), verified.findings
    return [finding.text for finding in verified.findings]


def test_nights_that_are_as_they_were(tmp_path: Path) -> None:
    """All are verified; no other manifest has recorded the newest one."""
    nights = make_nights(tmp_path, 3)
    verified = _verify(*nights)
    assert (verified.runs, verified.intact, verified.lines) == (3, 3, 12)
    assert verified.bytes == sum((run / "statistics.jsonl").stat().st_size for run in nights)
    assert verified.findings == []
    assert verified.beginnings == []
    (newest,) = verified.newest
    assert newest.path == nights[2] / "run.json"


Change = Callable[[Path], object]


def _edit(name: str, old: str, new: str) -> Change:
    def edit(run: Path) -> None:
        path = run / name
        text = path.read_text(encoding="utf-8")
        assert re.search(old, text)
        path.write_text(re.sub(old, new, text, count=1), encoding="utf-8")

    return edit


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    def edit(run: Path) -> None:
        path = run / "statistics.jsonl"
        path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))

    return edit


def _edit_manifest_with_care(run: Path) -> None:
    """Edit a count, and make the manifest fit its own digest again."""
    path = run / "run.json"
    text = path.read_bytes().replace(b'"companies": 3', b'"companies": 4')
    path.write_bytes(with_digest(text.rpartition(b',\n  "sha256"')[0] + b"\n}\n"))


def _replace_by(make: Callable[[Path], object], name: str) -> Change:
    def edit(run: Path) -> None:
        (run / name).unlink()
        make(run / name)

    return edit


def _forge(change: Callable[[dict[str, Any]], object]) -> Change:
    """Change the digests in a manifest, and make it fit its own digest again."""

    def edit(run: Path) -> None:
        path = run / "run.json"
        manifest = json.loads(path.read_bytes())
        del manifest["sha256"]
        change(manifest["digests"])
        path.write_bytes(with_digest(json.dumps(manifest, indent=2).encode() + b"\n"))

    return edit


_STATISTICS = "n1/statistics.jsonl"


_DONE: dict[str, tuple[Change, str, str]] = {
    "a figure": (
        _edit("statistics.jsonl", '"total": 5', '"total": 6'),
        _STATISTICS,
        "lines 1 to 4 differ",
    ),
    "a byte": (
        _edit("statistics.jsonl", '"total": 5', 'x"total": 5'),
        _STATISTICS,
        "line 2 is damaged",
    ),
    "the first line dropped": (
        _lines(lambda lines: lines[1:]),
        _STATISTICS,
        "has 1 line less than run.json",
    ),
    "the last line dropped": (
        _lines(lambda lines: lines[:-1]),
        _STATISTICS,
        "has 1 line less than run.json",
    ),
    "lines swapped": (
        _lines(lambda lines: lines[::-1]),
        _STATISTICS,
        "lines 1 to 4 differ from what run.json",
    ),
    "a line added at the end": (
        _lines(lambda lines: [*lines, lines[0]]),
        _STATISTICS,
        "has 1 line more than recorded, fr",
    ),
    "a line added": (
        _lines(lambda lines: [lines[0], *lines]),
        _STATISTICS,
        "has 1 line more than run.json",
    ),
    "answers deleted": (
        lambda run: (run / "statistics.jsonl").unlink(),
        _STATISTICS,
        "is missing; it had 4 lines",
    ),
    "a company renamed": (
        _edit("run-companies.txt", "é", "e"),
        "n1/run-companies.txt",
        "differ from what run.json",
    ),
    "a count": (_edit("run.json", '"cells": 12', '"cells": 13'), "n1/run.json", "or was edited"),
    "remarks": (
        _edit("run.json", '"remarks": .*', '"remarks": ["x"],'),
        "n1/run.json",
        "or was edited",
    ),
    "no digests": (
        _edit("run.json", '"digests"', '"d"'),
        "n1/run.json",
        "is damaged, or was edited",
    ),
    "a count with care": (
        _edit_manifest_with_care,
        "n1/run.json",
        "not as n2/run.json has recorded it: it was chan",
    ),
    "no manifest": (lambda run: (run / "run.json").unlink(), "n1", "there is no run.json in it"),
    "deleted": (rmtree, "n1", "is missing: n2 has recorded it"),
    "a file added": (
        lambda run: (run / "statistics-00000-of-00002.jsonl").write_bytes(line("1", 1)),
        "n1/statistics-00000-of-00002.jsonl",
        "no manifest has recorded it",
    ),
    "errors added": (
        lambda run: (run / "errors.jsonl").write_bytes(b"{}\n"),
        "n1/errors.jsonl",
        "no manifest has recorded it",
    ),
    "earlier errors added": (
        lambda run: (run / "errors.3.jsonl").write_bytes(b"{}\n"),
        "n1/errors.3.jsonl",
        "no manifest has recorded it",
    ),
    "a directory in place of answers": (
        _replace_by(Path.mkdir, "statistics.jsonl"),
        _STATISTICS,
        "is no file; it had 4 lines",
    ),
    "a pipe in place of companies": (
        _replace_by(os.mkfifo, "run-companies.txt"),
        "n1/run-companies.txt",
        "is no file; it had ",
    ),
}


@pytest.mark.parametrize(
    "name",
    ["../n0/statistics.jsonl", "/dev/zero", "/proc/self/environ", ".", "", "log.jsonl", "run.lock"],
)
def test_no_file_of_another_name_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A manifest that names one was edited, though it fits its own digest."""
    run = make_finished(tmp_path / "n1", 0, [line("1", 1)])
    make_finished(tmp_path / "n0", 0, [line("1", 1)])
    _forge(lambda digests: digests.update(files={name: {"lines": 1, "bytes": 1, "sha256": ""}}))(
        run
    )
    opened: list[Path] = []
    monkeypatch.setattr("collector.store.digests.open_data", opened.append)
    assert _found(run) == {"n1/run.json": "is damaged, or was edited"}
    assert opened == []


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"bytes": 10**18}, "statistics.jsonl differs from what run.json has recorded"),
        ({"bytes": 10**30}, "run.json is damaged, or was edited"),
        (
            {"bytes": 1, "lines": 5},
            "statistics.jsonl has 1 line less than run.json has recorded",
        ),
    ],
)
def test_a_record_that_fits_no_file_has_a_whole_text(
    tmp_path: Path, record: dict[str, int], text: str
) -> None:
    """No place is named where none differs."""
    run = make_finished(tmp_path / "r", 0, [line("1", number + 1) for number in range(4)])
    _forge(lambda digests: digests["files"]["statistics.jsonl"].update(record))(run)
    ((path, found),) = _found(run).items()
    assert f"{path.removeprefix('r/')} {found}" == text


@pytest.mark.parametrize("done", _DONE)
def test_what_was_done_to_a_run_is_named(tmp_path: Path, done: str) -> None:
    """Its directory, its file, and where in it; nothing else is damaged."""
    change, path, text = _DONE[done]
    nights = make_nights(tmp_path, 3)
    change(nights[1])
    found = _found(*(run for run in nights if run.exists()))
    assert list(found) == [path]
    assert text in found[path]


def test_what_was_done_to_the_newest_run_is_named(tmp_path: Path) -> None:
    """No later run has recorded its manifest, but it has a digest of itself."""
    nights = make_nights(tmp_path, 2)
    _edit("run.json", '"exit_code": 0', '"exit_code": 1')(nights[1])
    assert list(_found(*nights)) == ["n1/run.json"]


def test_the_digest_that_was_noted_verifies_the_newest_manifest(tmp_path: Path) -> None:
    """Who edits it with care, with the digest of itself, cannot keep that one."""
    nights = make_nights(tmp_path, 2)
    (noted,) = _verify(*nights).newest
    _edit_manifest_with_care(nights[1])
    verified = _verify(*nights)
    assert verified.findings == []
    assert verified.newest[0].sha256 != noted.sha256


def test_a_renamed_directory_is_named(tmp_path: Path) -> None:
    """Whether it was given under its new name, or lies beside."""
    nights = make_nights(tmp_path, 3)
    renamed = nights[1].rename(tmp_path / "nx")
    for given in ([nights[0], renamed, nights[2]], [nights[0], nights[2]]):
        assert "the run n1 is in nx now; the directories were renamed" in _found(*given)["nx"]


def test_one_process_records_the_new_name_of_shards(tmp_path: Path) -> None:
    """The shards need not be started once more, but no single one of them does so for another."""
    run = make_finished(tmp_path / "old", 0, [])
    for number in range(2):
        shard = Shard(number, 2)
        make_finished(run, number, [line("1", number + 1)], shard)
    renamed = run.rename(tmp_path / "new")
    moved = "the run old is in new now; the directories were renamed, swapped or copied"
    assert _found(renamed) == {"new": moved}
    begin(renamed, 10, Shard(0, 2))
    finish(renamed, shard=Shard(0, 2))
    assert _found(renamed) == {"new": moved}
    begin(renamed, 20)
    finish(renamed)
    assert _found(renamed) == {}


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2)])
def test_swapped_directories_are_named(tmp_path: Path, one: int, other: int) -> None:
    """Each run is as it was; the names are not."""
    nights = make_nights(tmp_path, 3)
    nights[one].rename(tmp_path / "aside")
    nights[other].rename(nights[one])
    (tmp_path / "aside").rename(nights[other])
    found = _found(*nights)
    assert f"the run n{one} is in n{other} now" in found[f"n{other}"]
    assert f"the run n{other} is in n{one} now" in found[f"n{one}"]


def test_that_the_newest_run_was_renamed_is_named(tmp_path: Path) -> None:
    """No later run has recorded its name, but it has done so itself."""
    nights = make_nights(tmp_path, 2)
    renamed = nights[1].rename(tmp_path / "nx")
    found = _found(nights[0], renamed)
    assert list(found) == ["nx"]
    assert found["nx"].startswith("the run n1 is in nx now; the directories were renamed, swapped")
    # Once the run is resumed, and has something to record, that is its name.
    begin(renamed, 5000)
    finish(renamed)
    assert _found(nights[0], renamed) == {}


def test_a_name_that_is_no_name_is_damage(tmp_path: Path) -> None:
    """It is not printed, however long it is; without one, no name is compared."""
    run = make_finished(tmp_path / "r", 0, [line("1", 1)])
    _forge(lambda digests: digests.update(directory="x" * 301))(run)
    assert _found(run) == {"r/run.json": "is damaged, or was edited"}
    _forge(lambda digests: digests.pop("directory"))(run)
    assert _found(run) == {}


@pytest.mark.parametrize("later", [False, True])
def test_a_copy_of_a_run_beside_it_is_named(tmp_path: Path, later: bool) -> None:  # noqa: FBT001
    """It is no night of its own; the original is the one with the recorded name."""
    nights = make_nights(tmp_path, 3)
    copy = tmp_path / "n3"
    copytree(nights[2], copy)
    if later:
        nights.append(make_finished(tmp_path / "n4", 9000, [line("1", 1)]))
    verified = _verify(*nights, copy)
    assert verified.intact == len(nights)
    found = _found(*nights, copy)
    assert found.pop("n3").startswith("the run n2 is in n3 now; the directories were renamed, ")
    assert found == {}


def test_deleted_old_runs_are_no_damage(tmp_path: Path) -> None:
    """A job that deletes old runs does that: the chain begins later, which is said."""
    nights = make_nights(tmp_path, 4)
    for run in nights[:2]:
        rmtree(run)
    verified = _verify(*nights[2:])
    assert (verified.findings, verified.intact) == ([], 2)
    assert [(one.path, one.gone) for one in verified.beginnings] == [(nights[2], "n1")]


def test_copies_elsewhere_are_verified(tmp_path: Path) -> None:
    """The names of the runs count, not those of the directories above them."""
    (tmp_path / "output").mkdir()
    nights = make_nights(tmp_path / "output", 3)
    copies = [tmp_path / "copies" / run.name for run in nights]
    copytree(tmp_path / "output", tmp_path / "copies")
    verified = _verify(*copies)
    assert verified.findings == []
    assert verified.newest[0].sha256 == _verify(*nights).newest[0].sha256
    # The original verifies nothing of its copy.
    _edit_manifest_with_care(copies[1])
    assert [one.path for one in _verify(*nights, *copies).findings] == [copies[1] / "run.json"]


def test_a_single_run_is_verified_by_the_manifests_beside_it(tmp_path: Path) -> None:
    """Those of later runs have recorded its own; the files of others are not read."""
    nights = make_nights(tmp_path, 3)
    (nights[2] / "statistics.jsonl").unlink()
    assert _found(nights[1]) == {}
    assert _verify(nights[1]).newest == []
    _edit_manifest_with_care(nights[1])
    assert list(_found(nights[1])) == ["n1/run.json"]


def test_a_run_that_is_resumed_after_it_had_finished(tmp_path: Path) -> None:
    """The manifest that a later run has recorded is kept, and its lines are the first ones."""
    nights = make_nights(tmp_path, 2)
    statistics = nights[0] / "statistics.jsonl"
    begin(nights[0], 5000)
    assert _unverified(*nights) == ["not finished: no end of its last attempt is recorded"]
    with statistics.open("ab") as stream:
        stream.write(line("2", 1))
    assert _unverified(*nights) == ["not finished: no end of its last attempt is recorded"]
    finish(nights[0])
    verified = _verify(*nights)
    assert (verified.findings, verified.intact) == ([], 2)
    assert [one.path for one in verified.newest] == [nights[0] / "run.json"]
    # The next night records what the resumed run has become.
    third = make_finished(tmp_path / "n2", 6000, [line("1", 1)])
    assert [one.path for one in _verify(*nights, third).newest] == [third / "run.json"]
    statistics.write_bytes(statistics.read_bytes().replace(b'"total": 1', b'"total": 7', 1))
    assert list(_found(*nights, third)) == ["n0/statistics.jsonl"]


def test_a_finished_manifest_is_kept_once(tmp_path: Path) -> None:
    """An attempt that was killed before it wrote its own finds it kept already."""
    run = make_finished(tmp_path / "r", 0, [line("1", 1)])
    text = (run / "run.json").read_bytes()
    begin(run, 1)
    (run / "run.json").write_bytes(text)
    begin(run, 2)
    begin(run, 3)
    assert (run / "run.1.json").read_bytes() == text
    assert not (run / "run.2.json").exists()


def test_errors_keep_their_digest_under_another_name(tmp_path: Path) -> None:
    """Another attempt moves them to errors.1.jsonl; a change of them is found all the same."""
    run = make_run(tmp_path / "r", [line("1", 1)])
    errors = run / "errors.jsonl"
    errors.write_bytes(b'{"company_id":"2"}\n')
    finish(run, 1)
    begin(run, 1)
    errors.rename(run / "errors.1.jsonl")
    finish(run)
    assert _found(run) == {}
    (run / "errors.1.jsonl").write_bytes(b'{"company_id":"3"}\n')
    assert "errors.1.jsonl" in " ".join(_found(run))


def test_runs_at_the_same_time_are_both_recorded(tmp_path: Path) -> None:
    """By the next one, whichever that is."""
    runs = [
        make_run(tmp_path / "a", [line("1", 1)]),
        begun_at(make_run(tmp_path / "b", [line("1", 1)]), 1),
    ]
    texts = []
    for run in runs:
        begun = (run / "run.json").read_bytes()
        finish(run)
        texts.append((run / "run.json").read_bytes())
        # Neither had finished when the other one did.
        (run / "run.json").write_bytes(begun)
    for run, text in zip(runs, texts, strict=True):
        (run / "run.json").write_bytes(text)
    last = make_finished(tmp_path / "c", 9, [line("1", 2)])
    assert [one.path for one in _verify(*runs, last).newest] == [last / "run.json"]
    rmtree(runs[1])
    assert list(_found(runs[0], last)) == ["b"]


@pytest.mark.parametrize("change", [None, "statistics", "run"])
def test_shards_record_their_own_files(tmp_path: Path, change: str | None) -> None:
    """And one another's manifests; the next run records the others."""
    run = tmp_path / "r"
    shards = [Shard(number, 3) for number in range(3)]
    for shard in shards:
        make_finished(run, shard.number, [line("1", shard.number + 1)], shard=shard)
        (run / "run.lock").touch()
        if shard.number < 2:
            assert len(_unverified(run)) == 1
    last = make_finished(tmp_path / "s", 9, [line("1", 1)])
    if change is None:
        verified = _verify(run, last)
        assert (verified.findings, verified.lines) == ([], 4)
        assert [one.path for one in verified.newest] == [last / "run.json"]
        return
    name = f"{change}-00001-of-00003.json{'l' * (change == 'statistics')}"
    (run / name).unlink()
    damaged = [one.path for one in _verify(run, last).findings if one.is_damage]
    assert run / name in damaged


def test_a_run_without_shards_finishes_what_shards_began(tmp_path: Path) -> None:
    """It has the directory to itself, and records the files of all."""
    run = make_run(tmp_path / "r", [line("1", 1)], shard=Shard(0, 2))
    assert _unverified(run) == ["not finished: no end of its last attempt is recorded"]
    (run / "run.json").write_bytes((run / "run-00000-of-00002.json").read_bytes())
    (run / "statistics.jsonl").write_bytes(line("1", 2))
    begin(run, 5)
    finish(run)
    assert _verify(run).findings == []
    (run / "statistics-00000-of-00002.jsonl").write_bytes(line("1", 3))
    assert list(_found(run)) == ["r/statistics-00000-of-00002.jsonl"]


def test_the_place_of_a_change_is_named(tmp_path: Path) -> None:
    """As a range of 1,000 lines; a line that cannot be read, and one that is gone, more exactly."""
    lines = [line("1", 1, number, total=number) for number in range(2500)]
    run = make_finished(tmp_path / "r", 0, lines)
    statistics = run / "statistics.jsonl"

    def found(changed: list[bytes]) -> str:
        statistics.write_bytes(b"".join(changed))
        return _found(run)["r/statistics.jsonl"]

    assert found([*lines[:1700], lines[1701], lines[1700], *lines[1702:]]) == (
        "lines 1,001 to 2,000 differ from what run.json has recorded"
    )
    assert found([*lines[:5], line("1", 1, total=7), *lines[6:2100], b"{}\n", *lines[2101:]]) == (
        "lines 1 to 1,000, lines 2,001 to 2,500 differ from what run.json has recorded; line 2,101 "
        "is damaged"
    )
    assert found(lines[:1200] + lines[1201:]) == (
        "has 1 line less than run.json has recorded; the first change is in lines 1,001 to 2,000"
    )
    assert found(lines[:2000]) == (
        "has 500 lines less than run.json has recorded; the first change is in lines 2,001 to 2,500"
    )


def test_what_cannot_be_verified(tmp_path: Path) -> None:
    """Runs of an older collector, in progress, and ended early: that is no damage."""
    run = make_run(tmp_path / "r", [line("1", 1)])
    with at_work(run):
        (text,) = _unverified(run)
        assert text.startswith("in progress, ")
    begin(run, 1)
    manifest = json.loads((run / "run.json").read_bytes())
    manifest["attempts"][-1] |= {"ended_at": "2026-11-23T02:00:09.000Z", "exit_code": 4}
    text = json.dumps(manifest, indent=2)
    (run / "run.json").write_bytes(
        with_digest(text.rpartition(',\n  "sha256"')[0].encode() + b"\n}\n")
    )
    assert _unverified(run) == ["not finished: its last attempt ended with exit code 4"]
    manifest["attempts"][-1]["exit_code"] = 0
    del manifest["digests"], manifest["sha256"]
    (run / "run.json").write_text(json.dumps(manifest))
    (text,) = _unverified(run)
    assert text.startswith("no digests are recorded, because an older collector has made the run")


@pytest.mark.parametrize("ending", PACKERS)
def test_compressed_copies_are_verified(tmp_path: Path, ending: str) -> None:
    """By their content; what is changed or cut within the compression is found."""
    nights = make_nights(tmp_path, 2, lines=40)
    for run in nights:
        compress_all(run, ending)
    verified = _verify(*nights)
    assert (verified.findings, verified.lines) == ([], 80)
    packed = nights[1] / f"statistics.jsonl{ending}"
    packed.write_bytes(packed.read_bytes()[:-5])
    assert _found(*nights) == {f"n1/{packed.name}": "is damaged or cut within its compression"}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_compressed_list_of_companies_cannot_be_verified(tmp_path: Path, ending: str) -> None:
    """Its content is what it was, but no other command reads the run; a change is damage."""
    (run,) = make_nights(tmp_path, 1)
    packed = compress(run / "run-companies.txt", ending)
    (text,) = _unverified(run)
    assert re.fullmatch(f"cannot be read: it must stay plain; decompress it: .* {packed}", text)
    with pytest.raises(InputError, match="is compressed, but must stay plain"):
        read_coverage(run)
    packed.write_bytes(PACKERS[ending](b"1\n"))
    assert list(_found(run)) == [f"n0/{packed.name}"]


def test_any_byte_that_is_flipped_is_found(tmp_path: Path) -> None:
    """In the lines, the list of companies, the errors and the manifests, the newest included."""
    chance = random.Random(20)  # noqa: S311 - no secret
    run = make_run(tmp_path / "r", [line("1", 1), line("2", 1)])
    (run / "errors.jsonl").write_bytes(b'{"company_id":"2"}\n')
    finish(run)
    begin(run, 1)
    finish(run)
    paths = sorted(path for path in run.iterdir() if path.suffix in {".json", ".jsonl", ".txt"})
    assert len(paths) == 5
    for path in paths:
        whole = path.read_bytes()
        for _ in range(20):
            at, bit = chance.randrange(len(whole)), 1 << chance.randrange(8)
            path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            verified = _verify(run)
            assert any(one.is_damage for one in verified.findings), (path.name, at, bit)
        path.write_bytes(whole)
    assert _verify(run).findings == []


def test_a_file_that_cannot_be_read_verifies_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not said to be damaged."""
    run = make_finished(tmp_path / "r", 0, [line("1", 1)])

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("collector.store.digests.open_data", refuse)
    assert set(_unverified(run)) == {"cannot be read: Permission denied"}


def test_what_is_no_run_is_left_out(tmp_path: Path) -> None:
    """With a remark, as in other commands that read runs."""
    nights = make_nights(tmp_path, 1)
    (tmp_path / "README").touch()
    dead = tmp_path / "dead"
    dead.mkdir()
    (dead / "run.lock").touch()
    remarks: list[str] = []
    assert verify([tmp_path / "README", *nights, dead, *nights], remarks.append).runs == 1
    assert [remark.rpartition("; ")[2] for remark in remarks] == ["left out", "left out"]
    with pytest.raises(InputError, match="there is no such directory"):
        verify([*nights, tmp_path / "nope"], remarks.append)


def test_a_link_to_a_directory_is_the_run_that_it_leads_to(tmp_path: Path) -> None:
    """Such as a link to the newest night, which has no place in the chain."""
    nights = make_nights(tmp_path, 2)
    (tmp_path / "newest").symlink_to(nights[1])
    nights.append(make_finished(tmp_path / "n2", 9000, [line("1", 1)]))
    verified = _verify(*nights, tmp_path / "newest")
    assert (verified.runs, verified.findings) == (3, [])
    assert "newest" not in (nights[2] / "run.json").read_text()


def test_two_forms_of_a_file_are_a_warning(tmp_path: Path) -> None:
    """Only one of them is verified."""
    (run,) = make_nights(tmp_path, 1)
    compress(run / "statistics.jsonl", ".gz")
    (run / "statistics.jsonl.zst").touch()
    remarks: list[str] = []
    assert verify([run], remarks.append).findings == []
    (remark,) = remarks
    assert "statistics.jsonl.gz: is read, and statistics.jsonl.zst beside it is not" in remark


def test_open_shards_are_not_compared_with_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 10,000 shards that would be a hundred million comparisons."""
    shards = [PartFiles(tmp_path / "run", Shard(number, 100)) for number in range(100)]
    run = make_run(tmp_path / "run", [], shard=shards[0].shard)
    for files in shards[1:]:
        files.manifest.write_bytes(shards[0].manifest.read_bytes())
    looked = 0
    digests: property = vars(FoundManifest)["digests"]

    def counted(manifest: FoundManifest) -> Digests | None:
        nonlocal looked
        looked += 1
        found: Digests | None = digests.__get__(manifest)
        return found

    monkeypatch.setattr(FoundManifest, "digests", property(counted))
    (text,) = _unverified(run)
    assert text == "not finished: no end of its last attempt is recorded (and 99 shards more)"
    assert looked < 20 * len(shards)
