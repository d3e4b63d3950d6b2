from pathlib import Path

from collector.store.recorded_run import find_runs
from collector.tables.names import load_names
from tests.store.made_runs import make_run
from tests.tables.databases import empty_database


def _names(*runs: Path) -> tuple[dict[str, str], list[str]]:
    with empty_database() as database:
        remarks = load_names(database, find_runs(runs))
        return dict(database.connection.execute("SELECT * FROM names").fetchall()), remarks


def test_the_run_that_is_named_later_goes_first(tmp_path: Path) -> None:
    """A run that does not name a company takes no name away; each name is a text and no more."""
    one = make_run(tmp_path / "a", names={"1": "old", "é": "=cmd()"})
    other = make_run(tmp_path / "b", names={"1": "new", "2": "<script>'\""})
    assert _names(one, other) == ({"1": "new", "2": "<script>'\"", "é": "=cmd()"}, [])
    assert _names(other, one)[0]["1"] == "old"
    assert _names(make_run(tmp_path / "c")) == ({}, [])


def test_a_list_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Its names are not known, and the others are."""
    one = make_run(tmp_path / "a", names={"1": "old"})
    other = make_run(tmp_path / "b", names={"1": "new"})
    (other / "run-companies.txt").unlink()
    names, remarks = _names(one, other)
    assert names == {"1": "old"}
    assert len(remarks) == 1
    assert str(other / "run-companies.txt") in remarks[0]
    assert remarks[0].endswith("; the names in it are not known")
