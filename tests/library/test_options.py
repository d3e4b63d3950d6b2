"""From the arguments of `collect` to the settings of a run."""

import os
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

import pytest

from collector.core.errors import InputError
from collector.library.options import CollectOptions, check_names, read_settings
from collector.plan import Shard, WindowSize
from collector.settings import CollectSettings, RunSettings
from collector.settings.parsers import Days, Duration, Rate

_OF_THE_COMMAND = {
    "engine",
    "workers",
    "scheduler",
    "insecure_cluster",
    "answers",
    "ping_url",
    "quiet",
    "verbose",
    "config",
}


class BytesPath(PurePosixPath):
    """A path that is not text."""

    def __fspath__(self) -> str:
        return os.fsencode(super().__fspath__())  # type: ignore[return-value]


def test_the_arguments_are_the_options_of_a_run() -> None:
    """But those of a cluster, whose library sets up the logging of the process, and the display."""
    assert set(CollectOptions.__annotations__) == {
        field.name for field in fields(RunSettings) if field.name not in _OF_THE_COMMAND
    }
    assert {field.name for field in fields(CollectSettings)} == {
        *CollectOptions.__annotations__,
        "answers",
        "quiet",
        "verbose",
    }


def test_without_arguments_there_are_the_defaults() -> None:
    """None is no value."""
    nothing = dict.fromkeys(CollectOptions.__annotations__)
    assert read_settings({}, None) == read_settings(nothing, None) == RunSettings()


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("from_date", date(2026, 1, 31), "2026-01-31"),
        ("last", timedelta(days=7), "7d"),
        ("last", Days(7), "7d"),
        ("window", timedelta(days=30), "30d"),
        ("window", WindowSize("month"), "month"),
        ("lookback", timedelta(weeks=2), "14d"),
        ("timezone", ZoneInfo("America/Santiago"), "America/Santiago"),
        ("rate", 25, "25"),
        ("rate", 0.5, "0.5"),
        ("rate", Rate("inf"), "auto"),
        ("max_attempts", 3, "3"),
        ("timeout", 1.5, "1.5"),
        ("deadline", timedelta(hours=6), "6h"),
        ("deadline", timedelta(days=1, seconds=1), "86401s"),
        ("max_outage", Duration(90), "90s"),
        ("shard", Shard(3, 16), "3/16"),
        ("output", Path("-o = x"), "-o = x"),
        ("metrics_file", Path("night.prom"), "night.prom"),
        ("trust_dates", True, "true"),
        ("trust_dates", False, "false"),
    ],
)
def test_a_value_is_what_its_text_is(name: str, value: object, text: str) -> None:
    """As `collector run` reads it."""
    settings = read_settings({name: value}, None)
    assert settings == read_settings({name: text}, None)
    assert (settings == RunSettings()) == (value is False)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("last", 7, '"7" is not a number of days'),
        ("last", timedelta(hours=5), '"18000s" is not a number of days'),
        ("deadline", 60, '"60" is not a duration'),
        ("deadline", timedelta(seconds=0.5), '"0.5s" is not a duration'),
        ("deadline", timedelta(0), '"0d" is not a duration'),
        ("rate", float("inf"), '"inf" is not a rate'),
        ("rate", True, '"true" is not a rate'),
        ("from_date", datetime(2026, 1, 31, tzinfo=UTC), "is not a day of the calendar"),
        ("concurrency", 2.5, '"2.5" is not a whole number'),
        ("concurrency", 0, "Must be >= 1"),
        ("timeout", float("nan"), "Must be a finite number"),
        ("output", "", "an empty name is no directory"),
        ("shard", (3, 16), "is no shard"),
        ("trust_dates", "perhaps", "--trust-dates"),
        ("log_level", "loud", "--log-level"),
        ("output", b"night", "--output: the type bytes is no text; give one"),
        ("output", 5, "--output: the type int is no text"),
        ("metrics_file", BytesPath("night.prom"), "--metrics-file: the type bytes is no text"),
        ("credentials_file", True, "--credentials-file: the type bool is no text"),
        ("output", "x\0y", "--output: there is a NUL, or half of a surrogate pair, in it"),
        ("output", Path("\ud800"), "--output: there is a NUL"),
        ("credentials_file", "x\0y", "--credentials-file: there is a NUL"),
        ("timezone", "\ud800", "--timezone: there is a NUL"),
        ("from_param", 5, "--from-param: the type int is no text"),
        ("id_column", 0, "--id-column: the type int is no text"),
        ("base_url", ["https://example.com"], "--base-url: the type list is no text"),
        ("base_url", "http://example.com", "plain http would show the token"),
        ("from_param", "until_date", "one date would take the place of the other"),
    ],
)
def test_a_bad_value_is_refused(name: str, value: object, message: str) -> None:
    """With the error of the command line."""
    with pytest.raises(InputError) as raised:
        read_settings({name: value}, None)
    assert message in str(raised.value)


def test_an_unknown_argument_is_refused() -> None:
    """As any function refuses it; a likely name is given."""
    check_names({"rate": 1, "max_attempts": 2})
    with pytest.raises(TypeError, match=r"argument max_atempts; did you mean max_at"):
        check_names({"max_atempts": 1})
    with pytest.raises(TypeError, match=r"^collect\(\) has no argument engine$"):
        check_names({"engine": "dask"})


def test_a_file_of_options_is_read_if_it_is_named(tmp_path: Path) -> None:
    """Arguments override it, dates in them its range; keys of other commands are no error."""
    file = tmp_path / "collector.toml"
    file.write_text(
        'rate = 25\nlast = "7d"\nlookback = "7d"\nengine = "dask"\nquiet = true\nlang = "es"\n'
    )
    assert read_settings({}, file) == RunSettings(
        rate=Rate(25), last=Days(7), lookback=Days(7), quiet=True
    )
    day = date(2026, 1, 31)
    given = {"from_date": day, "until_date": day, "rate": 3}
    assert read_settings(given, str(file)) == RunSettings(
        rate=Rate(3), from_date=day, until_date=day, quiet=True
    )


def test_a_bad_file_of_options_is_refused(tmp_path: Path) -> None:
    """One that is not there, too: it was asked for."""
    with pytest.raises(InputError, match="there is no such file of options"):
        read_settings({}, tmp_path / "collector.toml")
    file = tmp_path / "other.toml"
    file.write_text("rat = 25\n")
    with pytest.raises(InputError, match=r"other\.toml: unknown key rat"):
        read_settings({}, file)
