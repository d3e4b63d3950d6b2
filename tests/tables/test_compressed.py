"""Compressed files of answers, as DuckDB reads them and as they are read line by line."""

from pathlib import Path

import pytest

from tests.store.compressed import PACKERS, compress, cut
from tests.store.made_runs import line, make_run
from tests.tables.newest_rows import by_latest, by_tables

_LINES = [
    line(str(company), number, total=company, actions={"A": number} if company % 2 else {})
    for company in range(500)
    for number in range(1, 5)
]

endings = pytest.mark.parametrize("ending", PACKERS)


@endings
@pytest.mark.parametrize("odd", [b"", line("1", 1)[:-9] + b"\n", b"\r\n"])
def test_they_are_read_as_the_plain_file_is(tmp_path: Path, ending: str, odd: bytes) -> None:
    """With all rows and no other; a line that is damaged is told of under the name of the file."""
    run = make_run(tmp_path / "a", [*_LINES, odd, line("2", 1, 60, total=7)])
    plain = by_tables(run)
    assert len(plain.rows) == len(_LINES)
    packed = compress(run / "statistics.jsonl", ending)
    found = by_tables(run)
    assert found.rows == plain.rows
    told = [remark.replace(packed.name, "statistics.jsonl") for remark in found.remarks]
    assert told == plain.remarks
    assert by_latest(run) == found


@endings
def test_several_members_are_read_to_their_end(tmp_path: Path, ending: str) -> None:
    """As several threads or `cat` write them."""
    half = len(_LINES) // 2
    run = make_run(tmp_path / "a", _LINES)
    plain = by_tables(run)
    pack = PACKERS[ending]
    (run / "statistics.jsonl").unlink()
    (run / f"statistics.jsonl{ending}").write_bytes(
        pack(b"".join(_LINES[:half])) + pack(b"".join(_LINES[half:]))
    )
    assert by_tables(run) == by_latest(run) == plain


@endings
@pytest.mark.parametrize("left", [0, 0.5, -2])
def test_what_precedes_the_damage_is_read(tmp_path: Path, ending: str, left: float) -> None:
    """By both ways the same lines, and the same remark; DuckDB takes none from the rest."""
    run = make_run(tmp_path / "a", _LINES)
    packed = compress(run / "statistics.jsonl", ending)
    content = packed.read_bytes()
    packed.write_bytes(content[: int(len(content) * left) if left == 0.5 else int(left)])
    found = by_tables(run)
    assert found == by_latest(run)
    assert len(found.rows) <= len(_LINES)
    assert bool(found.rows) == (left != 0)
    (remark,) = found.remarks
    assert remark.startswith(f"{packed}: is damaged or cut: it cannot be decompressed from byte ")
    assert remark.endswith(" of its content; what may follow was left out")


@endings
def test_a_bomb_is_read_as_damage(tmp_path: Path, ending: str) -> None:
    """A file of kilobytes with very many zeros: the lines before and after them are read."""
    run = make_run(tmp_path / "a", [line("1", 1), bytes(30_000_000), b"\n", line("1", 2)])
    compress(run / "statistics.jsonl", ending)
    found = by_tables(run)
    assert [row.from_date for row in found.rows] == ["2026-11-01", "2026-11-02"]
    assert found == by_latest(run)


@endings
def test_a_file_that_lost_its_end_is_no_failure_of_the_disk(tmp_path: Path, ending: str) -> None:
    """DuckDB reports both as an error of input and output."""
    run = make_run(tmp_path / "a", [line("1", 1)])
    cut(compress(run / "statistics.jsonl", ending))
    assert len(by_tables(run).remarks) == 1
