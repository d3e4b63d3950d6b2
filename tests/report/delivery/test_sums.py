import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from collector.report.delivery.model import CompanyShare, Delivery, OtherActions
from collector.report.delivery.sums_figure import failing, funnel
from collector.report.figure import WIDE
from collector.report.language import Lang, Language
from collector.report.model import Company, Tile
from collector.report.text_width import width_of
from tests.report import sample
from tests.report.shown import Mark, marks, page_of, texts, tips, words_of

_WORDS = Language(Lang.EN)


def test_actions_may_be_more_than_what_was_sent() -> None:
    """The API counts them apart: sended 0 and PRESS_ACTION 4 are drawn as they are."""
    figure = funnel(Delivery(total=2, pending=2, actions={"PRESS_ACTION": 4}), _WORDS)
    assert figure is not None
    shares = [text for text in texts(figure.wide) if text.endswith("%")]
    assert sorted(shares) == sorted(
        ["100\xa0%", "0\xa0%", "0\xa0%", "100\xa0%", "0\xa0%", "200.0\xa0%"]
    )
    lengths = {
        colour: [float(path.split("h")[1].split("v")[0]) for path in _bars(figure.wide, colour)]
        for colour in ("total", "pending", "pressed", "sended")
    }
    assert lengths["pressed"][0] == pytest.approx(2 * lengths["total"][0], abs=0.2)
    assert lengths["pending"] == lengths["total"]
    assert lengths["sended"] == [0]


def _bars(svg: str, colour: str) -> list[str]:
    fill = f"var(--{colour})"
    return [mark.attributes["d"] for mark in marks(svg) if mark.attributes.get("fill") == fill]


def test_a_share_of_fails_has_its_interval_and_the_share_of_all_companies() -> None:
    """What the companies are sorted by is drawn, and a line that they can be compared with."""
    few, many = CompanyShare(Company("1", None), 10, 5), CompanyShare(Company("2", None), 1000, 500)
    figure = failing([few, many], Delivery(total=1000, fails=123), _WORDS)
    assert figure is not None
    for svg in (figure.wide, figure.narrow):
        ways = [mark for mark in marks(svg) if mark.name == "line"]
        ink = [mark.attributes for mark in ways if mark.attributes["stroke"] == "var(--ink)"]
        across = [float(one["x2"]) for one in ink if "x2" in one]
        assert len(across) == 2
        assert across[0] > 5 * across[1] > 0
        assert "all companies: 12.3\xa0%" in texts(svg)
        assert "95 % interval: 23.7\xa0% to 76.3\xa0%" in tips(svg)[0]
    alone = failing([few], Delivery(), _WORDS)
    assert alone is not None
    assert not any("all companies" in text for text in texts(alone.wide))


@pytest.mark.parametrize("overall", [0.01, 0.111, 0.35])
@pytest.mark.parametrize("name", ["A name that is long", "i"])
def test_the_text_of_all_companies_is_within_the_picture(overall: float, name: str) -> None:
    """On the side of its line where it has room, in the longer language and on a phone."""
    sums = Delivery(total=1000, fails=round(1000 * overall))
    found = failing([CompanyShare(Company("1", name), 1000, 300)], sums, Language(Lang.ES))
    assert found is not None
    for svg, width in ((found.wide, 880), (found.narrow, 340)):
        root = ET.fromstring(svg)  # noqa: S314 - drawn above
        left = float(root[0].attrib["transform"].split("(")[1].split(",")[0])
        (mark,) = (one for one in marks(svg) if one.text.startswith("todas las empresas"))
        end = left + float(mark.attributes["transform"].split("(")[1].split(",")[0])
        if mark.attributes.get("text-anchor") == "end":
            end -= width_of(mark.text)
        assert end >= 0
        assert end + width_of(mark.text) <= width


@pytest.mark.parametrize(
    ("total", "share"), [(400, "0.3\xa0%"), (10_000, "<\xa00.1\xa0%"), (1, "100\xa0%")]
)
def test_the_share_of_all_companies_is_written_as_on_its_card(total: int, share: str) -> None:
    """One measure is one text: rounded alike, and only none is 0 %."""
    delivery = Delivery(total=total, fails=1)
    figure = failing([CompanyShare(Company("1", None), 10, 5)], delivery, _WORDS)
    assert figure is not None
    assert f"all companies: {share}" in texts(figure.wide)
    assert f"fails {share} of total".replace("\xa0", " ") in words_of(
        page_of(replace(sample.bare(), delivery=delivery))
    ).replace("&lt;", "<")


def test_more_fails_than_notifications_are_shown_as_they_are() -> None:
    """The bar and its share lie within the picture, and the share does not lie on the bar."""
    company = CompanyShare(Company("1", None), total=5, fails=9)
    figure = failing([company], Delivery(total=5, fails=9), _WORDS)
    assert figure is not None
    for svg in (figure.wide, figure.narrow):
        assert "fails: 9 of 5 (180.0\xa0%)" in tips(svg)[0]
        assert "all companies: 180.0\xa0%" in texts(svg)
        (bar,) = [mark for mark in marks(svg) if mark.attributes.get("fill") == "var(--fails)"]
        width = float(bar.attributes["d"].split("h")[1].split("v")[0])
        (share,) = [mark for mark in marks(svg) if mark.text == "180.0\xa0%"]
        assert 0 < width < _left(share)
    many = failing([CompanyShare(Company("1", None), 5, 10**7)], Delivery(), _WORDS)
    assert many is not None
    (share,) = [mark for mark in marks(many.wide) if mark.text == "200,000,000.0\xa0%"]
    begin = re.search(r"translate\(([\d.]+),", many.wide)
    assert begin is not None
    assert float(begin[1]) + _left(share) + width_of(share.text) <= WIDE.width
    words = words_of(page_of(replace(sample.bare(), delivery=Delivery(fails=7))))
    assert "No company with notifications has fails." in words
    spanish = words_of(page_of(replace(sample.bare(), delivery=Delivery(fails=7)), Lang.ES))
    assert "Ninguna empresa con notificaciones tiene fails." in spanish


def _left(mark: Mark) -> float:
    """Return the left end of a text within its picture."""
    return float(mark.attributes["transform"].split("(")[1].split(",")[0])


@pytest.mark.usefixtures("words_only")
def test_companies_with_fails_come_in_an_order_that_is_said() -> None:
    """The first need not have the highest share."""
    words = words_of(page_of(sample.large()))
    assert "lower end of the 95 % interval of the share" in words
    assert "20 companies are shown. First: 1000, 40.0 % of its total (4,000 of 10,000)." in words
    assert "highest share:" not in words
    assert "lower end" not in words_of(page_of(sample.bare()))


@pytest.mark.parametrize(
    ("lang", "said", "card"),
    [
        (Lang.EN, "No window has an answer.", "total \u2013 no answers"),
        (Lang.ES, "Ninguna ventana tiene respuesta.", "total \u2013 sin respuestas"),
    ],
)
def test_where_nothing_was_answered_no_count_is_zero(lang: Lang, said: str, card: str) -> None:
    """Zeros would be figures: all cells failed, or the run has just begun."""
    bare = sample.bare()
    failed = replace(bare.coverage, total=Tile(0, 0, 1, 0), tiles=((Tile(0, 0, 1, 0),),))
    sums = tuple(replace(one, answers=0) for one in bare.over_time)
    words = words_of(page_of(replace(bare, coverage=failed, over_time=sums), lang))
    # Of the sums, over time, of the fails.
    assert words.count(said) == 3
    assert card in words
    zeros = ("All counters are zero", "Todos los contadores", "has fails", "tiene fails")
    assert not any(zero in words for zero in zeros)
    assert " 0 notif" not in words
    answered = words_of(page_of(bare, lang))
    assert said not in answered
    assert card not in answered


def test_other_actions_have_one_row() -> None:
    """With how many they are."""
    bare = sample.bare()
    delivery = Delivery(total=100, actions={"A": 3}, others=OtherActions(59_801, 25))
    words = words_of(page_of(replace(bare, delivery=delivery)))
    assert "action A 3 3.0 % 59,801 other actions 25 25.0 %" in words
    assert "other action" not in words_of(page_of(bare))
