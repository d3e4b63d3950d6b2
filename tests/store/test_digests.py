"""The digests of files and manifests: the tools of the system can check them."""

import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.plan import Shard
from collector.store import digests
from collector.store.digests import digest_of, file_digests, fits_its_digest, with_digest
from collector.store.files import Listing, PartFiles, next_errors
from tests.store.compressed import PACKERS, compress
from tests.store.on_disk import errors_of


@given(st.lists(st.binary(max_size=9)), st.sampled_from((b"", b"rest")), st.integers(1, 7))
def test_blocks_are_of_so_many_lines(lines: list[bytes], rest: bytes, at_once: int) -> None:
    """However the file is read in pieces; the last block has what is left."""
    content = b"".join(line.replace(b"\n", b"") + b"\n" for line in lines) + rest
    file = digests.Hasher()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digests, "BLOCK_LINES", 3)
        for start in range(0, len(content), at_once):
            file.update(content[start : start + at_once])
        digest = file.digest()
    each = content.splitlines(keepends=True) if b"\r" not in content else None
    assert (digest.lines, digest.bytes) == (content.count(b"\n"), len(content))
    assert digest.sha256 == sha256(content).hexdigest()
    if each is None or len(each) != digest.lines + bool(rest):  # other ends of lines
        return
    blocks = [b"".join(each[at : at + 3]) for at in range(0, len(each), 3)]
    expected = [sha256(block).hexdigest()[:16] for block in blocks]
    assert digest.blocks == (expected if len(expected) > 1 else [])


def test_a_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    """Of the file, of a block, and of the manifest without its last two lines."""
    path = tmp_path / "statistics.jsonl"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(2500)))
    digest = digest_of(path)

    def shell(command: str) -> str:
        return subprocess.check_output(command, shell=True, cwd=tmp_path, text=True)  # noqa: S602 - ours

    assert shell("sha256sum < statistics.jsonl").startswith(digest.sha256)
    second = shell("sed -n '1001,2000p' statistics.jsonl | sha256sum")
    assert second.startswith(digest.blocks[1])
    assert len(digest.blocks) == 3
    (tmp_path / "run.json").write_bytes(with_digest(b'{\n  "format": 1\n}\n'))
    own = shell("head -n -2 run.json | sha256sum").split()[0]
    assert f'  "sha256": "{own}"\n}}\n' in (tmp_path / "run.json").read_text()


@pytest.mark.parametrize("ending", PACKERS)
def test_a_compressed_file_has_the_digest_of_its_content(tmp_path: Path, ending: str) -> None:
    """So that a job that saves space changes nothing."""
    path = tmp_path / "statistics.jsonl"
    path.write_bytes(b"one\ntwo\n" * 1000)
    plain = digest_of(path)
    compress(path, ending)
    assert digest_of(path) == plain


def test_the_files_of_a_run_are_those_that_it_has_for_itself(tmp_path: Path) -> None:
    """A shard leaves out the other shards of its number; what is empty has no digest."""
    whole, shards = PartFiles(tmp_path), [PartFiles(tmp_path, Shard(at, 2)) for at in range(2)]
    for files in (whole, *shards):
        files.statistics.write_bytes(b"{}\n")
        files.errors.touch()
        files.lock.touch()
    compress(shards[1].statistics, ".gz")
    next_errors(errors_of(shards[0])).write_bytes(b"{}\n")
    names = [shards[0].statistics.name, shards[1].statistics.name, "statistics.jsonl"]
    errors = "errors-00000-of-00002.1.jsonl"
    assert file_digests(whole, Listing.of(whole.directory)).keys() == {*names, errors}
    assert file_digests(shards[0], Listing.of(shards[0].directory)).keys() == {
        names[0],
        names[2],
        errors,
    }


def test_the_beginning_of_a_file_has_a_digest_too(tmp_path: Path) -> None:
    """It is what a run had when it had finished before it grew."""
    path, beginning = tmp_path / "whole", tmp_path / "beginning"
    path.write_bytes(b"one\ntwo\n" * 100_000)
    beginning.write_bytes(path.read_bytes()[:555_555])
    assert digest_of(path, 555_555) == digest_of(beginning)


def test_every_change_of_a_manifest_is_found() -> None:
    """Of any of its bytes, those of the digest included."""
    text = with_digest(b'{\n  "format": 1,\n  "digests": null\n}\n')
    assert fits_its_digest(text) is True
    for at in range(len(text)):
        changed = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        assert not fits_its_digest(changed), at
    assert fits_its_digest(b'{\n  "format": 1\n}\n') is None
