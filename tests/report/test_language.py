from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.report.language import Lang, Language, Plural, Text

_EN, _ES = Language(Lang.EN), Language(Lang.ES)


@pytest.mark.parametrize(
    ("part", "whole", "english", "spanish"),
    [
        (0, 0, "–", "–"),  # noqa: RUF001 - what is written where there is nothing
        (0, 5, "0 %", "0 %"),
        (5, 5, "100 %", "100 %"),
        (123, 1000, "12.3 %", "12.3 %"),
        (729_999, 730_000, "> 99.9 %", "> 99.9 %"),
        (1, 730_000, "< 0.1 %", "< 0.1 %"),
        (3, 2, "150.0 %", "150.0 %"),
        (10_004, 10_000, "100.0 %", "100.0 %"),
    ],
)
def test_not_quite_all_is_not_100_per_cent(
    part: int, whole: int, english: str, spanish: str
) -> None:
    """One missing cell of 730,000 does not vanish in rounding, nor does one that is there."""
    assert _EN.share(part, whole).replace("\xa0", " ") == english
    assert _ES.share(part, whole).replace("\xa0", " ") == spanish


def test_numbers_are_written_as_in_the_language() -> None:
    """Grouped by comma or thin space; texts that are put into gaps stay as they are."""
    assert (_EN.number(1_234_567), _ES.number(1_234_567)) == ("1,234,567", "1\u202f234\u202f567")
    assert (_EN.decimal(1234.56), _ES.decimal(1234.56)) == ("1,234.6", "1\u202f234.6")
    assert (_EN.signed(1200), _EN.signed(0), _ES.signed(-1200)) == (
        "+1,200",
        "",
        "\u22121\u202f200",
    )
    assert (_EN.latency(0.0844), _ES.latency(1.2345)) == ("84\xa0ms", "1.23\xa0s")
    assert _EN.latency(None) == "\N{EN DASH}"
    assert _EN(Text("{a} of {b}", "{a} de {b}"), a=1000, b="1000 {c}") == "1,000 of 1000 {c}"


def test_one_thing_has_its_own_sentence() -> None:
    """None and several share the other one."""
    plural = Plural(Text("{n} cell", "{n} celda"), Text("{n} cells", "{n} celdas"))
    said = [_ES.count(plural, n) for n in (0, 1, 2000)]
    assert said == ["0 celdas", "1 celda", "2\u202f000 celdas"]


def test_days_are_iso_in_both_languages_and_moments_are_utc() -> None:
    """They are data: a copied one is found in the files."""
    day = date(2026, 1, 2)
    assert _ES.days(day, day) == "2026-01-02"
    assert _EN.days(day, date(2026, 1, 8)) == "2026-01-02 \N{EN DASH} 2026-01-08"
    assert _ES.days(None, None) == "la ventana predeterminada del servidor"
    lima = timezone(timedelta(hours=-5))
    at = datetime(2026, 1, 2, 20, 0, tzinfo=lima)
    assert _EN.moment(at) == "2026-01-03 01:00:00 UTC" == _ES.moment(at.astimezone(UTC))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.2366, 0.7634, "23.7 % 76.3 %"),
        (0.40001, 0.40043, "40.00 % 40.04 %"),
        (0.0000018, 0.0000057, "0.0002 % 0.0006 %"),
        (0.0, 0.0000057, "0 % 0.0006 %"),
        (0.00001, 0.5, "< 0.1 % 50.0 %"),
        (0.5, 0.99999, "50.0 % > 99.9 %"),
        (0.99999, 1.0, "99.9990 % 100 %"),
        (0.5, 0.5, "50.0 % 50.0 %"),
    ],
)
def test_the_ends_of_an_interval_have_the_digits_that_tell_them_apart(
    low: float, high: float, said: str
) -> None:
    """However narrow it is; and what is more than none is not 0.0 %."""
    assert " ".join(_EN.interval(low, high)).replace("\xa0", " ") == said


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_ends_of_an_interval_are_never_rounded_to_none_or_all(one: float, other: float) -> None:
    """Only none is 0 %, and only all is 100 %; two ends that differ have two texts."""
    low, high = sorted((one, other))
    ends = _EN.interval(low, high)
    for share, said in zip((low, high), ends, strict=True):
        number = float(said.strip("<>%\xa0").replace(",", ""))
        assert (number == 0) is (share == 0)
        assert (number == 100) is (share == 1)
    assert high - low < 1e-12 or ends[0] != ends[1] or ends[0][0] in "<>"
