"""Text for a reader that has stopped is dropped; for one that is only slow it is kept."""

import io
import os
import pty
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

import pytest

from collector.cli.streams import background_streams, takes_text

_MIB = 1024 * 1024


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """Give a pipe: the descriptor to read, and a stream that writes."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        yield reader, stream
    os.close(reader)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _read_all(reader: int, read: list[int]) -> None:
    while taken := len(os.read(reader, 65536)):
        read.append(taken)


def test_what_was_written_is_there_at_the_end_in_its_order(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, TextIO]
) -> None:
    """Of both streams, when they are one pipe; as bytes too."""
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "stderr", stream)
    with background_streams() as output:
        for number in range(1000):
            stream_of_two = (sys.stdout, sys.stderr)[number % 2]
            stream_of_two.write(f"{number}\n")
        sys.stdout.buffer.write(b"end\n")
    assert (sys.stdout, sys.stderr) == (stream, stream)
    assert not output.is_lost
    assert os.read(reader, 65536) == b"".join(b"%d\n" % n for n in range(1000)) + b"end\n"


def test_a_reader_that_has_stopped_is_waited_for_a_second_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pipe: tuple[int, TextIO],
) -> None:
    """No write waits; the end does, and says what is lost."""
    monkeypatch.setattr(sys, "stdout", pipe[1])
    with background_streams() as output:
        began = time.monotonic()
        _write("x" * _MIB)
        assert not takes_text(sys.stdout)
        assert time.monotonic() - began < 1
        began = time.monotonic()
    assert time.monotonic() - began >= 1
    assert output.is_lost
    assert capsys.readouterr().err == (
        "collector: warning: standard output took no text for 1 s; the rest of it is lost\n"
    )


def test_a_slow_reader_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, TextIO]
) -> None:
    """As long as it takes something now and then, it gets all."""
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    read: list[int] = []

    def take_slowly() -> None:
        while sum(read) < _MIB:
            time.sleep(0.02)
            read.append(len(os.read(reader, 16384)))

    reading = threading.Thread(target=take_slowly)
    with background_streams() as output:
        _write("x" * _MIB)
        reading.start()
    reading.join()
    assert sum(read) == _MIB
    assert not output.is_lost


def test_what_waits_is_bounded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipe: tuple[int, TextIO]
) -> None:
    """A reader that has stopped for a night must not fill up the memory."""
    reader, stream = pipe
    monkeypatch.setattr(sys, "stdout", stream)
    read: list[int] = []
    with background_streams():
        for _ in range(3):
            _write("x" * _MIB)
        reading = threading.Thread(target=_read_all, args=(reader, read))
        reading.start()
    assert capsys.readouterr().err == ""
    stream.close()
    reading.join()
    assert sum(read) == _MIB


def test_a_terminal_stays_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The display asks for it, and for the descriptor and the encoding."""
    other_side, screen = pty.openpty()
    with os.fdopen(screen, "w", encoding="ascii") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        with background_streams():
            assert sys.stderr.isatty()
            assert sys.stderr.fileno() == screen
            assert sys.stderr.encoding == "ascii"
            sys.stderr.write("ñ\n")
        assert os.read(other_side, 100) == b"\\xf1\r\n"
    os.close(other_side)


@pytest.mark.parametrize(
    ("text", "loss"),
    [("x", "cannot be written: No space left on device; the rest of it is lost"), ("", None)],
)
def test_a_full_disk_is_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    loss: str | None,
) -> None:
    """If there was anything to write."""
    with open("/dev/full", "w", encoding="utf-8") as full, monkeypatch.context() as patch:  # noqa: PTH123 - a device
        patch.setattr(sys, "stdout", full)
        with background_streams() as output:
            _write(text)
    assert output.is_lost == (loss is not None)
    said = "" if loss is None else f"collector: warning: standard output {loss}\n"
    assert capsys.readouterr().err == said


def test_a_reader_that_has_gone_wants_no_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That is no loss."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with background_streams() as output:
            _write("x")
    assert not output.is_lost
    assert capsys.readouterr().err == ""


def test_a_pipe_that_does_not_block_gets_all(
    monkeypatch: pytest.MonkeyPatch, pipe: tuple[int, TextIO]
) -> None:
    """Another process of the same terminal may have set it so."""
    reader, stream = pipe
    os.set_blocking(stream.fileno(), False)
    read: list[int] = []
    monkeypatch.setattr(sys, "stdout", stream)
    with background_streams() as output:
        _write("x" * _MIB)
        reading = threading.Thread(target=_read_all, args=(reader, read))
        reading.start()
    assert not output.is_lost
    stream.close()
    reading.join()
    assert sum(read) == _MIB


def test_streams_without_a_file_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was closed before the start, and one in memory."""
    memory = io.StringIO()
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", memory)
    with background_streams() as output:
        assert sys.stdout is None
        assert sys.stderr is memory
        assert takes_text(memory)
    assert not output.is_lost
