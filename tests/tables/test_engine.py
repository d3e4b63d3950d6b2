import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from collector.core.errors import StorageError
from collector.tables.engine import (
    Database,
    analytical_database,
    is_utf8,
    json_pointer,
    sql_name,
    sql_text,
)

LargestFile = Callable[[int], AbstractContextManager[None]]

_ODD = ["", "'", '"', "''", '""', "\\", "a'b\"c", "é", "%", "$1", "?", "\n", "; DROP TABLE t; --"]


def test_texts_and_names_are_spelled_for_sql() -> None:
    """Whatever is in them, they come back as they were."""
    with analytical_database() as database:
        for text in _ODD:
            names = [sql_name(text + "x"), sql_text(text)]
            got = database.connection.execute(f"SELECT {names[1]} AS {names[0]}")
            assert got.description[0][0] == text + "x"
            assert got.fetchall() == [(text,)]


def test_a_pointer_finds_any_member() -> None:
    """RFC 6901: `~` and `/` have spellings of their own."""
    with analytical_database() as database:
        for key in [*_ODD, "/", "~", "~1", "a/b~c", "~01", "0", "-"]:
            (got,) = database.connection.execute(
                "SELECT json_extract_string(json_object($1::VARCHAR, 'found'), $2::VARCHAR)",
                [key, json_pointer(key)],
            ).fetchall()
            assert got == ("found",), key


def _spill(database: Database, rows: int) -> None:
    """Make a table that does not fit into memory."""
    database.connection.execute("SET memory_limit = '10MB'")
    database.connection.execute(
        "CREATE TEMP TABLE big AS SELECT range, hash(range) FROM range($1)", [rows]
    )


def _work_long(scratch: "Future[Path]") -> None:
    """Run a statement that takes a while; it has begun when there is spilled data."""
    with analytical_database() as database:
        scratch.set_result(database.scratch)
        _spill(database, 20_000_000)


def test_the_scratch_directory_goes_with_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spilled data and all; also when the block raises."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with analytical_database() as database:
        _spill(database, 1_000_000)
        assert database.scratch.parent == tmp_path
        assert list((database.scratch / "spilled").iterdir())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(duckdb.ParserException), analytical_database() as database:
        database.connection.execute("no SQL")
    assert list(tmp_path.iterdir()) == []


def test_nothing_comes_from_a_network_or_from_elsewhere() -> None:
    """Extensions are neither installed nor loaded, and moments are read and written in UTC."""
    with analytical_database() as database:
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            ((value,),) = database.connection.execute(
                "SELECT current_setting($1)", [name]
            ).fetchall()
            assert value in {False, "false"}
        with pytest.raises(duckdb.Error):
            database.connection.execute("SELECT * FROM read_json('https://localhost:1/x')")
        ((text,),) = database.connection.execute(
            "SELECT '2026-11-23T02:00:01.5Z'::TIMESTAMPTZ::VARCHAR"
        ).fetchall()
        assert text == "2026-11-23 02:00:01.5+00"


def test_a_full_disk_is_told_with_a_remedy(largest_file: LargestFile) -> None:
    """Not a bug: the temporary directory can be another one."""
    with (
        largest_file(100_000),
        pytest.raises(StorageError, match=r"the database fails: .*TMPDIR"),
        analytical_database() as database,
    ):
        _spill(database, 5_000_000)


def test_where_nothing_can_be_written_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory for temporary files is gone, or has a name that DuckDB cannot be told."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    with pytest.raises(StorageError, match=r"No such file .*TMPDIR"), analytical_database():
        pytest.fail("nothing can be written")
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    Path(odd).mkdir()
    monkeypatch.setattr("tempfile.tempdir", odd)
    with pytest.raises(StorageError, match="its name is no UTF-8"), analytical_database():
        pytest.fail("nothing can be written")
    assert list(Path(odd).iterdir()) == []


def test_names_of_files_are_utf8_or_not() -> None:
    """As the system has them: bytes that are none come as lone surrogates."""
    assert is_utf8("é 𝄞 '*?")
    assert not is_utf8(os.fsdecode(b"a\xff"))


def test_an_interrupted_statement_is_an_interruption() -> None:
    """A signal in the midst of a statement, of which DuckDB would say `RuntimeError`."""
    scratch: Future[Path] = Future()
    main = threading.get_ident()

    def interrupt() -> None:
        spilled = scratch.result(10) / "spilled"
        while not spilled.is_dir() or not any(spilled.iterdir()):
            pass
        signal.pthread_kill(main, signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ThreadPoolExecutor(1) as threads:
            interrupting = threads.submit(interrupt)
            with pytest.raises(KeyboardInterrupt) as raised:
                _work_long(scratch)
            interrupting.result(10)
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(raised.value.__cause__, RuntimeError)


def test_a_mistake_is_no_interruption() -> None:
    """Neither is any other error of the block."""
    with pytest.raises(duckdb.CatalogException), analytical_database() as database:
        database.connection.execute("SELECT * FROM nothing")
    with pytest.raises(RuntimeError, match=r"^other$"), analytical_database():
        raise RuntimeError("other")
