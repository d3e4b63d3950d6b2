import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.errors import InputError
from collector.plan.today import today_in, zone_named


@pytest.mark.parametrize(
    ("timezone", "expected"),
    [("UTC", 1), ("Europe/Berlin", 1), ("Pacific/Kiritimati", 2), ("America/New_York", 1)],
)
def test_the_day_depends_on_the_zone(timezone: str, expected: int) -> None:
    """At noon in Greenwich it is tomorrow on Kiritimati."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert today_in(timezone, noon) == date(2026, 1, expected)


@pytest.fixture
def _machine_ahead_of_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine stand 14 hours ahead of UTC."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "AHEAD-14")
    time.tzset()
    yield
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("_machine_ahead_of_utc")
def test_without_a_zone_the_machines_zone_counts() -> None:
    """`--timezone` may be left out."""
    assert today_in(None, datetime(2026, 1, 1, 12, tzinfo=UTC)) == date(2026, 1, 2)


@pytest.mark.parametrize(
    "text",
    [
        *("", "UTC", "GMT", "America/Santiago", ":America/Santiago", "/etc/localtime", "EST5EDT"),
        *("XYZ5", "<-03>3", "EST5EDT,M3.2.0,M11.1.0", "CET-1CEST,M3.5.0,M10.5.0/3"),
    ],
)
def test_the_machines_zone_may_be_any_that_posix_knows(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A name, a file, or a rule."""
    monkeypatch.setenv("TZ", text)
    assert zone_named(None) is None


@pytest.mark.parametrize(
    "text", ["Amerca/Santiago", "XYZ25:99", "XYZ", "nowhere", "../x", "\x1b[m"]
)
def test_a_misspelt_zone_of_the_machine_is_not_utc(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """The C library would say nothing."""
    monkeypatch.setenv("TZ", text)
    with pytest.raises(InputError, match=r"^TZ=.* or use --timezone$") as caught:
        today_in(None, datetime(2026, 1, 1, tzinfo=UTC))
    assert str(caught.value).isprintable()
    assert today_in("UTC", datetime(2026, 1, 1, tzinfo=UTC)) == date(2026, 1, 1)


@pytest.mark.parametrize(
    "timezone",
    ["", ".", "..", "../x", "/etc/localtime", "America", "Mars/Olympus", "zone.tab", "UTC ",
     "a\0b", "\ud800", "\x1b[31m", "x" * 5000],
)  # fmt: skip
def test_an_unknown_zone_is_explained(timezone: str) -> None:
    """Whatever the zone database makes of it: a path, a directory, a file that is no zone."""
    with pytest.raises(InputError, match=r"^--timezone .* such as Europe/Berlin") as caught:
        today_in(timezone, datetime(2026, 1, 1, tzinfo=UTC))
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@given(st.text())
def test_any_zone_is_known_or_explained(timezone: str) -> None:
    """No text raises anything but InputError."""
    with suppress(InputError):
        today_in(timezone, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_time_without_zone_is_a_bug() -> None:
    """It would be read in the machine's zone silently."""
    with pytest.raises(ValueError, match="time zone"):
        today_in("UTC", datetime(2026, 1, 1))  # noqa: DTZ001 - the case under test
