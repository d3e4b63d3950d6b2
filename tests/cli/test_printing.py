"""Printing does not steer a terminal, and what was asked for is printed whole or an error."""

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import pytest

from collector.cli.printing import complain, note, say, show, write
from collector.core.errors import StorageError


@contextmanager
def _stdout(
    monkeypatch: pytest.MonkeyPatch, descriptor: int, encoding: str = "utf-8"
) -> Iterator[TextIO]:
    """Put a real stream in place of standard output."""
    stream = open(descriptor, "w", encoding=encoding)  # noqa: SIM115 - see below
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        yield stream
    with suppress(OSError):
        stream.close()


def _full() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def _without_a_reader() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def _file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT)


def test_a_document_is_written_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Piece by piece and byte for byte; it is in the file when the call returns."""
    with _stdout(monkeypatch, _file(tmp_path / "f")):
        write(iter([b'{"a":', b'"\\u001b\xc3\xb1"', b"}\n"]))
        assert (tmp_path / "f").read_bytes() == b'{"a":"\\u001b\xc3\xb1"}\n'


def test_a_document_that_cannot_be_written_whole_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A program must not take a part for all, and the reason is told; large or small."""
    for size in (1, 1_000_000):
        with (
            _stdout(monkeypatch, _full()),
            pytest.raises(
                StorageError, match=r"standard output cannot .*: No space left"
            ) as caught,
        ):
            write([b"x" * size])
        assert caught.value.exit_code == 5


def test_without_standard_output_a_document_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent process has closed it; the text says what to give."""
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(StorageError, match="standard output is closed; give it a file or a pipe"):
        write([b"x"])


def test_a_reader_who_has_gone_ends_the_document_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more pieces are made than fit into the buffer."""
    made = 0

    def pieces() -> Iterator[bytes]:
        nonlocal made
        for _ in range(10_000):
            made += 1
            yield b"x" * 1000

    with _stdout(monkeypatch, _without_a_reader()):
        write(pieces())
        write([b"x"])
    assert made < 1000


@pytest.mark.parametrize("size", [1, 1_000_000])
def test_text_that_was_asked_for_and_cannot_be_written_is_an_error(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """On a full disk, that is; a reader that has closed the pipe wants no more."""
    with (
        _stdout(monkeypatch, _full()),
        pytest.raises(StorageError, match=r"standard output cannot .*: No space left"),
    ):
        say("x" * size)
    with _stdout(monkeypatch, _without_a_reader()):
        say("x" * size)


@pytest.mark.parametrize("place", [_full, _without_a_reader])
def test_text_that_informs_is_given_up(
    monkeypatch: pytest.MonkeyPatch, place: Callable[[], int]
) -> None:
    """A full disk or a closed pipe behind standard output is not the run's failure."""
    with _stdout(monkeypatch, place()):
        note("x")
        note("x" * 1_000_000)
        show("x")


def test_what_was_drawn_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Colours and all, and without a line break of its own."""
    show("\x1b[32mgreen\x1b[0m\n")
    assert capsys.readouterr().out == "\x1b[32mgreen\x1b[0m\n"


def test_text_without_a_reader_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both streams closed before the command began, or meanwhile."""
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        note("x")
        complain("x")
        show("x")
        with pytest.raises(StorageError, match="standard output is closed"):
            say("x")


def test_text_has_its_control_characters_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks are the text's own; everything else is shown by its code point."""
    say("a\x1b[2J\r\x07\x9b\u202eb\nñ \t€")
    complain("c\x1b")
    printed = capsys.readouterr()
    assert printed.out == "a<U+001B>[2J<U+000D><U+0007><U+009B><U+202E>b\nñ <U+0009>€\n"
    assert printed.err == "collector: c<U+001B>\n"


def test_a_text_from_outside_makes_no_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server that answers with a line break cannot speak for the collector."""
    complain("refused: no\ncollector: exit 0: every cell has an answer", "see\rhelp")
    assert capsys.readouterr().err == (
        "collector: refused: no<U+000A>collector: exit 0: every cell has an answer\n"
        "see<U+000D>help\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_text_that_the_terminal_cannot_show_is_not_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoding: str
) -> None:
    """One odd letter in a company's name must not take the whole text away."""
    with _stdout(monkeypatch, _file(tmp_path / "f"), encoding):
        say("12 of 13 answered\nŁódź €")
    assert b"12 of 13 answered\n" in (tmp_path / "f").read_bytes()
