from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.errors import InputError
from collector.plan import WindowSize
from collector.settings import Selection
from collector.settings.parsers import Days
from collector.settings.prepare import default_output, prepare_plan, window_size

_NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday; in Santiago it is still Sunday, in Auckland it is Monday afternoon."""


@pytest.fixture
def companies(tmp_path: Path) -> Path:
    """Give a file of two companies, one of them twice."""
    path = tmp_path / "companies.txt"
    path.write_text("7 Andes\n-1\n7\n")
    return path


def _window(first: str, last: str) -> Window:
    return Window(date.fromisoformat(first), date.fromisoformat(last))


def _size(text: str) -> WindowSize:
    return WindowSize.parse(text)


def test_without_dates_each_company_has_the_servers_window(companies: Path) -> None:
    """And the companies come along, for their warnings."""
    plan, read = prepare_plan(companies, Selection(), _NOW)
    assert list(plan) == [Cell("7", SERVER_DEFAULT), Cell("-1", SERVER_DEFAULT)]
    assert plan.companies is read
    assert [(d.line, d.id, d.first_line) for d in read.duplicates] == [(3, "7", 1)]


@pytest.mark.parametrize(
    ("size", "windows"),
    [
        ("whole", [("2026-01-28", "2026-02-10")]),
        (
            "week",
            [
                ("2026-01-28", "2026-02-01"),
                ("2026-02-02", "2026-02-08"),
                ("2026-02-09", "2026-02-10"),
            ],
        ),
        ("month", [("2026-01-28", "2026-01-31"), ("2026-02-01", "2026-02-10")]),
        ("10d", [("2026-01-28", "2026-02-06"), ("2026-02-07", "2026-02-10")]),
        ("30d", [("2026-01-28", "2026-02-10")]),
    ],
)
def test_a_range_is_cut_into_windows(
    companies: Path, size: str, windows: list[tuple[str, str]]
) -> None:
    """Both ends included, company by company."""
    selection = Selection(
        from_date=date(2026, 1, 28), until_date=date(2026, 2, 10), window=_size(size)
    )
    plan, _ = prepare_plan(companies, selection, _NOW)
    assert list(plan) == [
        Cell(company_id, _window(*window)) for company_id in ("7", "-1") for window in windows
    ]


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("UTC", "2026-11-20", "2026-11-22"),
        ("America/Santiago", "2026-11-19", "2026-11-21"),
        ("Pacific/Auckland", "2026-11-20", "2026-11-22"),
    ],
)
def test_the_last_days_end_yesterday_in_the_time_zone(
    companies: Path, zone: str, first: str, last: str
) -> None:
    """Where it is still yesterday, they end a day earlier."""
    plan, _ = prepare_plan(companies, Selection(last=Days(3), timezone=zone), _NOW)
    assert plan.windows == (_window(first, last),)


def test_the_last_days_are_cut_too(companies: Path) -> None:
    """One window per day, oldest first."""
    selection = Selection(last=Days(3), window=_size("1d"), timezone="UTC")
    plan, _ = prepare_plan(companies, selection, _NOW)
    assert plan.windows == tuple(
        _window(f"2026-11-{day}", f"2026-11-{day}") for day in (20, 21, 22)
    )


def test_one_day_may_be_a_range(companies: Path) -> None:
    """From and until the same day."""
    day = date(2026, 2, 28)
    plan, _ = prepare_plan(companies, Selection(from_date=day, until_date=day), _NOW)
    assert plan.windows == (Window(day, day),)


@pytest.mark.parametrize(
    ("last", "size", "lookback", "windows", "recorded"),
    [
        (1, "1d", 14, 15, "1d"),
        (7, "whole", 14, 3, "7d"),
        (7, "week", 14, 3, "week"),
        (7, "whole", None, 1, "whole"),
    ],
)
def test_days_before_the_range_come_first(  # noqa: PLR0913, PLR0917 - a table
    companies: Path, last: int, size: str, lookback: int | None, windows: int, recorded: str
) -> None:
    """`window_size` is what cuts the days of the plan into these windows again."""
    selection = Selection(
        last=Days(last),
        window=_size(size),
        lookback=None if lookback is None else Days(lookback),
        timezone="UTC",
    )
    plan, _ = prepare_plan(companies, selection, _NOW)
    assert len(plan.windows) == windows
    assert plan.windows[-1].until_date == date(2026, 11, 22)
    assert str(window_size(selection, plan)) == recorded
    first, until = plan.windows[0].from_date, plan.windows[-1].until_date
    again = Selection(from_date=first, until_date=until, window=window_size(selection, plan))
    assert prepare_plan(companies, again, _NOW)[0].fingerprint == plan.fingerprint


def test_without_dates_the_size_is_as_it_was_given(companies: Path) -> None:
    """There is one window then, the server's, which is never cut."""
    plan, _ = prepare_plan(companies, Selection(), _NOW)
    assert window_size(Selection(), plan) == _size("whole")


_DAY = date(2026, 1, 1)


@pytest.mark.parametrize(
    ("selection", "text"),
    [
        (Selection(from_date=_DAY), "--from needs --until"),
        (Selection(until_date=_DAY), "--until needs --from"),
        (Selection(from_date=_DAY, until_date=date(2025, 12, 31)), "is after --until"),
        (Selection(last=Days(7), from_date=_DAY), "--last cannot be combined"),
        (Selection(last=Days(7), until_date=_DAY), "--last cannot be combined"),
        (Selection(last=Days(7), from_date=_DAY, until_date=_DAY), "--last cannot be combined"),
        (Selection(window=WindowSize("week")), "--window week cuts a range"),
        (Selection(window=WindowSize("days", 7)), "--window 7d cuts a range"),
        (Selection(lookback=Days(14)), "--lookback 14d extends a range"),
        (Selection(last=Days(7), lookback=Days(8)), "--lookback 8d is no whole number"),
        (Selection(timezone="Mars/Olympus"), "--timezone"),
        (Selection(timezone=""), "--timezone"),
        (Selection(last=Days(7), timezone="../etc/passwd"), "--timezone"),
    ],
)
def test_options_that_make_no_range_are_refused(
    companies: Path, selection: Selection, text: str
) -> None:
    """The text names the options."""
    with pytest.raises(InputError, match=text):
        prepare_plan(companies, selection, _NOW)


@pytest.mark.parametrize("content", ["", "# none\n", "a b\n..\n", None])
def test_a_file_without_companies_is_refused(tmp_path: Path, content: str | None) -> None:
    """Empty, wrong, or not there: the text names the file."""
    path = tmp_path / "companies.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=r"companies\.txt"):
        prepare_plan(path, Selection(), _NOW)


@pytest.mark.parametrize(
    ("zone", "day"),
    [("UTC", "2026-11-23"), ("America/Santiago", "2026-11-22"), ("Asia/Tokyo", "2026-11-23")],
)
def test_the_default_output_is_named_after_the_day(zone: str, day: str) -> None:
    """The day of the time zone, not that of the clock's own."""
    assert default_output(Selection(timezone=zone), _NOW) == Path("output") / day
    local = _NOW.astimezone(timezone(timedelta(hours=-11)))
    assert default_output(Selection(timezone=zone), local) == Path("output") / day


def test_the_default_output_is_in_the_machines_zone_by_default() -> None:
    """As a person at the machine would name it."""
    expected = _NOW.astimezone().date().isoformat()
    assert default_output(Selection(), _NOW) == Path("output") / expected


def test_a_zone_that_is_none_is_refused_for_the_output_too() -> None:
    """The text names the option."""
    with pytest.raises(InputError, match="--timezone"):
        default_output(Selection(timezone="Nowhere"), _NOW)
