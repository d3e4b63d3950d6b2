from dataclasses import replace

from collector.report.delivery.model import Delivery, OtherActions
from collector.report.delivery.sums_figure import funnel
from collector.report.language import Lang, Language
from tests.report import sample
from tests.report.shown import layout, page_of, trace, words_of

_WORDS = Language(Lang.EN)


def test_actions_may_be_more_than_what_was_sent() -> None:
    """The API counts them apart: sended 0 and PRESS_ACTION 4 are drawn as they are."""
    figure = funnel(Delivery(total=2, pending=2, actions={"PRESS_ACTION": 4}), _WORDS)
    assert figure is not None
    bars = trace(figure)
    assert bars["x"] == [2, 0, 0, 2, 0, 4]
    assert bars["text"] == ["100\xa0%", "0\xa0%", "0\xa0%", "100\xa0%", "0\xa0%", "200.0\xa0%"]
    assert layout(figure)["xaxis"]["range"] == [0, 4]


def test_companies_with_fails_come_in_an_order_that_is_said() -> None:
    """The first need not have the highest share."""
    words = words_of(page_of(sample.large()))
    assert "lower end of the 95 % interval of the share" in words
    assert "20 companies are shown. First: 1000, 40.0 % of its total (4,000 of 10,000)." in words
    assert "highest share:" not in words
    assert "lower end" not in words_of(page_of(sample.bare()))


def test_other_actions_have_one_row() -> None:
    """With how many they are."""
    bare = sample.bare()
    delivery = Delivery(total=100, actions={"A": 3}, others=OtherActions(59_801, 25))
    words = words_of(page_of(replace(bare, delivery=delivery)))
    assert "action A 3 3.0 % 59,801 other actions 25 25.0 %" in words
    assert "other action" not in words_of(page_of(bare))
