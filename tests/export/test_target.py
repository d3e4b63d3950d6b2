from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.export.formats import Target, delimiter_of, target_of


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("a.csv", Target.CSV),
        ("a.excel.csv", Target.EXCEL),
        ("A.Excel.CSV", Target.EXCEL),
        ("excel.csv", Target.CSV),
        (".excel.csv", Target.CSV),
        ("a.b.parquet", Target.PARQUET),
        ("x.csv/a.DuckDB", Target.DUCKDB),
        ("-.csv", Target.CSV),
    ],
)
def test_the_ending_says_what_is_written(name: str, target: Target) -> None:
    """In whatever case."""
    assert target_of(Path(name)) is target


@pytest.mark.parametrize(
    "name", ["a", "a.xlsx", "a.csv.gz", "a.csv/b", ".csv", ".parquet", "csv", "-"]
)
def test_other_endings_are_refused(name: str) -> None:
    """The text gives those that there are."""
    with pytest.raises(InputError, match=rf"^{name}: .*\.excel\.csv, \.csv, \.parquet, \.duckdb$"):
        target_of(Path(name))


def test_only_csv_has_delimiters() -> None:
    """Excel expects a semicolon where a comma is the decimal sign."""
    assert delimiter_of(Target.CSV, None) == ","
    assert delimiter_of(Target.EXCEL, None) == ";"
    assert delimiter_of(Target.EXCEL, "tab") == delimiter_of(Target.CSV, "tab") == "\t"
    assert delimiter_of(Target.EXCEL, "comma") == ","
    for target in (Target.PARQUET, Target.DUCKDB):
        assert delimiter_of(target, None)
        with pytest.raises(InputError, match="--delimiter is for CSV"):
            delimiter_of(target, "semicolon")
