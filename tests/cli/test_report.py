"""`collector report`: the page that it writes, or does not, and how it ends."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.said import Cli, in_this_process
from tests.store.made_runs import line, make_run

LargestFile = Callable[[int], AbstractContextManager[None]]

_SCRIPT = "<script>alert(1)</script>"


def _runs(directory: Path) -> None:
    lines = [line("1", 1, total=5, sended=5), line("2", 1)]
    make_run(directory / "old", lines, names={"1": _SCRIPT})
    make_run(directory / "new", [line("1", 1, 60, total=7, sended=7)], names={"2": "=cmd()"})


async def test_it_writes_one_page_of_all_runs(command: Any) -> None:  # noqa: ANN401 - see conftest
    """In the language that is asked for; names are text in it, and the runs are as they were."""
    _runs(command.directory)
    before = command.files()
    done = await command.run("report", "new", "old", "--to", "night.html", "--lang", "es")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "the page is in night.html\n", "")
    assert command.files() == before | {"night.html"}
    page = (command.directory / "night.html").read_text(encoding="utf-8")
    assert '<html lang="es">' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert _SCRIPT not in page
    assert "=cmd()" in page
    assert page.endswith("</html>\n")


@pytest.fixture
def report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Cli:
    """Give the command in this process, which starts the library that draws once for all tests."""
    monkeypatch.chdir(tmp_path)
    return in_this_process("report", capsys)


def test_english_is_the_default_and_an_old_page_is_replaced(report: Cli, tmp_path: Path) -> None:
    """The new page has the permissions of the old one."""
    _runs(tmp_path)
    page = tmp_path / "r.html"
    page.write_text("old", encoding="utf-8")
    page.chmod(0o640)
    done = report("old", "--to", "r.html")
    assert done.exit_code == 0, done.stderr
    assert '<html lang="en">' in page.read_text(encoding="utf-8")
    assert page.stat().st_mode & 0o777 == 0o640
    assert not list(tmp_path.glob("*.new"))


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("old",), 2, "--to"),
        (("--to", "r.html"), 2, "RUN_DIR"),
        (("old", "--to", "r.pdf"), 2, "r.pdf: the page is HTML; give --to a name such as"),
        (("old", "--to", ""), 2, "an empty name"),
        (("old", "--to", "r.html", "--lang", "fr"), 2, "fr"),
        (("nowhere", "--to", "r.html"), 2, "nowhere: there is no such directory"),
        (("old", "--to", "nowhere/r.html"), 5, "nowhere/r.html: cannot be written: No such file"),
        (("old", "--to", "d.html"), 5, "d.html: cannot be written: Is a directory"),
    ],
)
async def test_what_cannot_be_done_is_said_and_leaves_the_old_page(
    command: Any,  # noqa: ANN401
    arguments: tuple[str, ...],
    code: int,
    text: str,
) -> None:
    """One clear message, the right exit code, and nothing is written."""
    _runs(command.directory)
    command.write("r.html", "old")
    (command.directory / "d.html").mkdir()
    before = command.files()
    done = await command.run("report", *arguments)
    assert done.exit_code == code
    assert text in done.stderr
    assert done.stdout == ""
    assert command.files() == before
    assert (command.directory / "r.html").read_text(encoding="utf-8") == "old"


def test_a_full_disk_leaves_the_old_page(
    report: Cli, tmp_path: Path, largest_file: LargestFile
) -> None:
    """Exit code 5, and no draft stays behind."""
    _runs(tmp_path)
    page = tmp_path / "r.html"
    page.write_text("old", encoding="utf-8")
    with largest_file(10_000):
        done = report("old", "--to", "r.html")
    assert done.exit_code == 5
    assert "r.html: cannot be written: File too large" in done.stderr
    assert page.read_text(encoding="utf-8") == "old"
    assert not list(tmp_path.glob("*.new"))


def test_what_is_odd_in_the_files_is_a_warning_too(report: Cli, tmp_path: Path) -> None:
    """On standard error as on the page; damage and a value that no figure contains give 1."""
    make_run(tmp_path / "a", [line("1", 1, total=5), b"\0\0\n"])
    make_run(tmp_path / "b", [line("1", 1, 60, total=10**30)])
    damage = "warning: a/statistics.jsonl: 3 bytes are damaged, and were left out\n"
    done = report("a", "--to", "r.html")
    assert (done.exit_code, done.stderr) == (1, f"collector: {damage}")
    done = report("a", "b", "--to", "r.html")
    assert (done.exit_code, done.stdout) == (1, "the page is in r.html\n")
    values = 'b: company "1", 2026-11-01: too large for a 64-bit integer'
    assert damage in done.stderr
    assert values in done.stderr
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "company &#34;1&#34;" in page or "company &quot;1&quot;" in page


@pytest.mark.parametrize("package", ["duckdb", "jinja2", "markupsafe", "vl_convert"])
async def test_without_its_extra_it_says_what_to_install(
    command: Any,  # noqa: ANN401
    package: str,
) -> None:
    """The core install has none of them; the help is there all the same."""
    _runs(command.directory)
    hidden = command.write(f"{package}.py", f"raise ModuleNotFoundError(name={package!r})\n")
    without = command.with_environment(PYTHONPATH=str(hidden.parent))
    done = await without.run("report", "old", "--to", "r.html")
    assert done.exit_code == 2
    assert package in done.stderr
    assert "pip install 'duckdb>=2.0' 'jinja2>=3.1' 'vl-convert-python>=1.9'" in done.stderr
    assert not (command.directory / "r.html").exists()
    shown = await without.run("report", "--help")
    assert shown.exit_code == 0
    assert "DuckDB, Jinja2 and vl-convert" in " ".join(shown.stdout.split())
