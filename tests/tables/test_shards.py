"""The tables of a run with shards are those of the same lines in one file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector.plan import Shard
from collector.store.files import PartFiles
from tests.store.made_runs import line, make_run
from tests.store.split_runs import LINES, split_run
from tests.tables.newest_rows import by_latest, by_tables

_ODD = [b"", b'{"company_id":"1"\n', b"\0" * 40 + b"\n", line("1", 1, 99, total=10**30)]


@pytest.mark.slow
@given(LINES, LINES, st.integers(2, 4))
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_answers_are_those_of_one_file(
    tmp_path_factory: pytest.TempPathFactory, old: list[bytes], new: list[bytes], total: int
) -> None:
    """Over two nights, of which one or both had shards."""
    root = tmp_path_factory.mktemp("runs")
    olds = make_run(root / "old", old), split_run(root / "olds", old, total)
    news = make_run(root / "new", new), split_run(root / "news", new, total)
    expected = by_tables(olds[0], news[0])
    for first, second in [(olds[1], news[0]), (olds[0], news[1]), (olds[1], news[1])]:
        assert by_tables(first, second) == by_latest(first, second) == expected


@pytest.mark.parametrize("odd", _ODD, ids=["nothing", "torn", "zeros", "a wide number"])
@pytest.mark.parametrize("number", [0, 1])
def test_what_is_odd_in_one_part_is_treated_as_ever(
    tmp_path: Path, number: int, odd: bytes
) -> None:
    """The part is read line by line, the others at full speed; remarks name the part."""
    lines = [line(company, day, total=day) for company in ("1", "2", "é") for day in (1, 2, 3, 4)]
    run = split_run(tmp_path / "run", lines, 2)
    path = PartFiles(run, Shard(number, 2)).statistics
    with path.open("ab") as stream:
        stream.write(odd)
    found = by_tables(run)
    assert found == by_latest(run)
    assert len(found.rows) == 12
    if odd and b"total" not in odd:
        assert found.remarks == [f"{path}: {len(odd)} bytes are damaged, and were left out"]
