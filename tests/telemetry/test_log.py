import errno
import io
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.core.errors import StorageError
from collector.core.secrets import Redactor, Secret
from collector.settings import LogLevel
from collector.store.append_file import AppendFile
from collector.telemetry.log import EventLog, console_logger

_VALUE = "hush-hush-4711"


def _unchanged(text: str) -> str:
    return text


def _redactor() -> Redactor:
    redact = Redactor()
    redact.learn(Secret(_VALUE))
    return redact


def _events(lines: list[bytes]) -> list[dict[str, Any]]:
    """Read lines that must be whole, one JSON object each."""
    for line in lines:
        assert line.endswith(b"\n")
        assert line.count(b"\n") == 1
    return [json.loads(line) for line in lines]


def test_an_event_is_one_line_of_json() -> None:
    """With `at`, `level` and `event` first, then its fields as they were given."""
    lines: list[bytes] = []
    log = EventLog("info", _unchanged)
    before = datetime.now(UTC)
    with log.into(lines.append):
        log.logger.warning("try_failed", zebra="ñ\n", at_all=None, attempts=2, share=0.5)
    after = datetime.now(UTC)
    (event,) = _events(lines)
    assert list(event) == ["at", "level", "event", "zebra", "at_all", "attempts", "share"]
    at = event.pop("at")
    assert at.endswith("Z")
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(at) <= after
    assert event == {
        "level": "warning",
        "event": "try_failed",
        "zebra": "ñ\n",
        "at_all": None,
        "attempts": 2,
        "share": 0.5,
    }


def test_events_from_before_there_was_a_file_land_in_it() -> None:
    """In their order, with the time at which they happened, and once."""
    lines: list[bytes] = []
    log = EventLog("info", _unchanged)
    log.logger.info("first")
    log.logger.info("second")
    noted = datetime.now(UTC)
    while datetime.now(UTC) <= noted:
        time.sleep(0)
    with log.into(lines.append):
        log.logger.info("third")
    events = _events(lines)
    assert [event["event"] for event in events] == ["first", "second", "third"]
    assert datetime.fromisoformat(events[1]["at"]) <= noted
    with log.into(lines.append):
        pass
    assert len(lines) == 3


def test_what_went_wrong_before_there_was_a_file_can_be_shown() -> None:
    """One readable line for each warning or error, without secrets; infos are left out."""
    log = EventLog("info", _redactor())
    log.logger.info("sample", sent=0)
    log.logger.warning("token_not_issued", problem=f"no {_VALUE}\n", attempt=1)
    log.logger.error("bug", exc_info=ValueError("broken"))
    first, second = log.unwritten()
    assert first.startswith("at=2")
    assert first.endswith(
        r' level=warning event=token_not_issued problem="no [secret]\n" attempt=1'
    )
    assert "event=bug" in second
    assert "\n" not in second


def test_events_that_had_a_file_are_not_shown_again() -> None:
    """Nor those that come after it was closed."""
    log = EventLog("info", _unchanged)
    log.logger.warning("early")
    with log.into(lambda _: None):
        log.logger.warning("in time")
    log.logger.warning("late")
    assert log.unwritten() == []


def test_a_log_without_a_file_stays_small() -> None:
    """The first events give way to the last ones."""
    log = EventLog("warning", _unchanged)
    for number in range(1500):
        log.logger.warning("tried", number=number)
    events = log.unwritten()
    assert len(events) == 1000
    assert events[-1].endswith("event=tried number=1499")
    assert log.loss == "500 events were dropped: there was no log yet"


def test_events_are_written_as_they_happen() -> None:
    """Not at the end: the log shows them during the run."""
    lines: list[bytes] = []
    log = EventLog("info", _unchanged)
    with log.into(lines.append):
        for number in range(1, 4):
            log.logger.info("step")
            assert len(lines) == number


def test_a_log_that_was_left_writes_nothing_more() -> None:
    """Its file is closed by then; also when an error ended it."""
    lines: list[bytes] = []
    log = EventLog("info", _unchanged)
    with pytest.raises(ZeroDivisionError), log.into(lines.append):
        raise ZeroDivisionError
    log.logger.info("late")
    assert lines == []


_WEIGHTS: list[LogLevel] = ["debug", "info", "warning", "error"]


@pytest.mark.parametrize("level", _WEIGHTS)
def test_events_below_the_level_are_left_out(level: LogLevel) -> None:
    """`--log-level` is the least weight that is written, also before there is a file."""
    lines: list[bytes] = []
    log = EventLog(level, _unchanged)
    expected = _WEIGHTS[_WEIGHTS.index(level) :]
    for weight in _WEIGHTS:
        getattr(log.logger, weight)("early")
    with log.into(lines.append):
        for weight in _WEIGHTS:
            getattr(log.logger, weight)("late")
    assert [(event["event"], event["level"]) for event in _events(lines)] == [
        *(("early", weight) for weight in expected),
        *(("late", weight) for weight in expected),
    ]


def _raise_nested(text: str) -> None:
    try:
        try:
            int(f"inner {text}")
        except ValueError as inner:
            raise LookupError(f"middle {text}") from inner
    except LookupError as middle:
        raise ExceptionGroup(f"outer {text}", [RuntimeError(f"leaf {text}")]) from middle


def test_a_bug_is_logged_with_its_whole_traceback() -> None:
    """What led to it and what is inside of a group, with every secret taken out."""
    lines: list[bytes] = []
    log = EventLog("info", _redactor())
    with log.into(lines.append):
        try:
            _raise_nested(_VALUE)
        except ExceptionGroup as error:
            log.logger.error("bug", exc_info=error)  # noqa: TRY400 - as the run does it
    (event,) = _events(lines)
    for part in ("inner", "middle", "outer", "leaf"):
        assert f"{part} [secret]" in event["exception"]
    assert "_raise_nested" in event["exception"]
    assert "exc_info" not in event
    assert _VALUE.encode() not in lines[0]


_Make = Callable[[str], object]


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(str, id="text"),
        pytest.param(lambda text: f"Bearer {text}, {text}", id="inside a text"),
        pytest.param(lambda text: [text, [text]], id="list"),
        pytest.param(lambda text: {"header": {"inner": text}}, id="dict"),
        pytest.param(lambda text: (text,), id="tuple"),
        pytest.param(ValueError, id="exception"),
        pytest.param(Path, id="path"),
        pytest.param(Secret, id="secret"),
    ],
)
def test_secrets_are_taken_out_of_every_value(make: _Make) -> None:
    """Whatever an event carries: no secret reaches the file."""
    lines: list[bytes] = []
    log = EventLog("info", _redactor())
    with log.into(lines.append):
        log.logger.info("token", value=make(_VALUE))
    _events(lines)
    assert _VALUE.encode() not in lines[0]
    assert b"[secret]" in lines[0]


def test_secrets_are_taken_out_of_the_name_of_an_event() -> None:
    """It is a text like any other."""
    lines: list[bytes] = []
    log = EventLog("info", _redactor())
    name = f"refused {_VALUE}"
    log.logger.info(name)
    with log.into(lines.append):
        pass
    assert _events(lines)[0]["event"] == "refused [secret]"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(os.fsdecode(b"ni\xf1o"), id="a file name that is no UTF-8"),
        pytest.param(Path(os.fsdecode(b"ni\xf1o")), id="its path"),
        pytest.param(float("nan"), id="no number"),
        pytest.param({"a"}, id="a set"),
        pytest.param(b"\xff", id="bytes"),
    ],
)
def test_no_value_is_too_strange_for_the_log(value: object) -> None:
    """A field that JSON has no form for must not end the run."""
    lines: list[bytes] = []
    log = EventLog("info", _redactor())
    with log.into(lines.append):
        log.logger.info("strange", value=value)
    (event,) = _events(lines)
    assert (event["event"], "value" in event) == ("strange", True)


def test_a_log_that_cannot_be_written_does_not_end_the_run() -> None:
    """Neither now nor for the events from before; and the next event is tried again."""
    tried: list[bytes] = []

    def refuse(line: bytes) -> None:
        tried.append(line)
        raise OSError(errno.ENOSPC, "No space left on device")

    log = EventLog("info", _unchanged)
    log.logger.info("early")
    with log.into(refuse):
        log.logger.info("one")
        log.logger.error("two")
        assert log.loss == "3 events could not be written (No space left on device)"
    assert [event["event"] for event in _events(tried)] == ["early", "one", "two"]


def test_a_log_that_has_all_events_has_no_loss() -> None:
    """Early ones and late ones."""
    log = EventLog("info", _unchanged)
    log.logger.info("early")
    with log.into(lambda _: None):
        log.logger.info("late")
    assert log.loss is None


def test_a_log_on_a_full_device_does_not_end_the_run(tmp_path: Path) -> None:
    """The same with the kernel's own refusal."""
    log = EventLog("info", _unchanged)
    with (
        Path("/dev/full").open("ab", buffering=0) as stream,
        log.into(AppendFile(stream.fileno(), tmp_path).append),
    ):
        log.logger.info("lost")


def test_other_errors_of_the_log_are_not_hidden() -> None:
    """Only the disk may refuse; a bug is a bug."""
    log = EventLog("info", _unchanged)

    def fail(_line: bytes) -> None:
        raise StorageError("not the disk's own word")

    with log.into(fail), pytest.raises(StorageError):
        log.logger.info("one")


def test_the_console_gets_one_readable_line_for_an_event() -> None:
    """For cron mails: `key=value`, in the same order as in the file."""
    stream = io.StringIO()
    logger = console_logger(stream)
    logger.debug("unseen")
    logger.info("progress", done=3, note="two words")
    text = stream.getvalue()
    assert text.count("\n") == 1
    assert text.startswith("at=20")
    assert text.endswith('Z level=info event=progress done=3 note="two words"\n')
