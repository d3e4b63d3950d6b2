from pathlib import Path

import pytest

from collector.core.errors import InputError
from collector.export.formats import Compression, Format, Target, delimiter_of, format_of

_ENDINGS = ".excel.csv, .csv, .jsonl, .xlsx, .parquet, .duckdb"


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
        ("a.jsonl", Target.JSON_LINES),
        ("a.XLSX", Target.WORKBOOK),
        ("a.csv.xlsx", Target.WORKBOOK),
        ("-", Target.CSV),
    ],
)
def test_the_ending_says_what_is_written(name: str, target: Target) -> None:
    """In whatever case; standard output has CSV."""
    assert format_of(Path(name)) == Format(target)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv.gz", Format(Target.CSV, Compression.GZIP)),
        ("a.excel.csv.zst", Format(Target.EXCEL, Compression.ZSTD)),
        ("A.JSONL.GZ", Format(Target.JSON_LINES, Compression.GZIP)),
        ("a.gz.jsonl.zst", Format(Target.JSON_LINES, Compression.ZSTD)),
    ],
)
def test_another_ending_compresses_text(name: str, form: Format) -> None:
    """After the one of the text."""
    assert format_of(Path(name)) == form
    assert form.is_binary
    assert not Format(form.target).is_binary


@pytest.mark.parametrize(
    "name",
    [
        *("a", "a.xls", "a.csv/b", ".csv", ".parquet", "csv", ".", "a.json", "a.gz", ".csv.gz"),
        *("a.csv.bz2", "a.csv.gz.zst", "a.parquet.gz", "a.xlsx.zst", "a.duckdb.gz", "./-/x"),
    ],
)
def test_other_endings_are_refused(name: str) -> None:
    """The text gives those that there are."""
    with pytest.raises(InputError) as refused:
        format_of(Path(name))
    assert str(refused.value) == (
        f"{Path(name)}: the ending of --to names no known format; give one of {_ENDINGS}; "
        ".gz or .zst may follow .excel.csv, .csv, .jsonl"
    )


def test_a_format_that_is_named_counts() -> None:
    """Whatever the file is called; it is written as an ending, with or without its first dot."""
    for path in (Path("-"), Path("a"), Path("a.parquet")):
        assert format_of(path, "csv") == Format(Target.CSV)
        assert format_of(path, ".csv") == Format(Target.CSV)
        assert format_of(path, "Excel.CSV") == Format(Target.EXCEL)
        assert format_of(path, "jsonl.gz") == Format(Target.JSON_LINES, Compression.GZIP)
    for wanted in ("", ".", "x.csv", "gz", "csv.", "xlsx.gz", "yaml"):
        with pytest.raises(InputError, match=rf'^--format: "{wanted}" is not a .*{_ENDINGS}'):
            format_of(Path("-"), wanted)


def test_a_format_names_the_packages_that_only_it_needs() -> None:
    """So that the others work without them."""
    assert Format(Target.WORKBOOK).packages == ("xlsxwriter",)
    assert Format(Target.CSV, Compression.ZSTD).packages == ("zstandard",)
    for target in (Target.CSV, Target.JSON_LINES, Target.PARQUET, Target.DUCKDB):
        assert Format(target).packages == ()
    assert Format(Target.JSON_LINES, Compression.GZIP).packages == ()


def test_only_csv_has_delimiters() -> None:
    """Excel expects a semicolon where a comma is the decimal sign."""
    assert delimiter_of(Target.CSV, None) == ","
    assert delimiter_of(Target.EXCEL, None) == ";"
    assert delimiter_of(Target.EXCEL, "tab") == delimiter_of(Target.CSV, "tab") == "\t"
    assert delimiter_of(Target.EXCEL, "comma") == ","
    for target in (Target.PARQUET, Target.DUCKDB, Target.WORKBOOK, Target.JSON_LINES):
        assert delimiter_of(target, None)
        with pytest.raises(InputError, match="--delimiter is for CSV"):
            delimiter_of(target, "semicolon")
