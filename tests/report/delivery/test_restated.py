from dataclasses import replace
from datetime import date

import pytest

from collector.report.delivery.model import RestatedWindow
from tests.report import sample
from tests.report.shown import page_of, words_of


@pytest.mark.usefixtures("words_only")
def test_what_moved_is_said_of_all_windows_and_cell_by_cell() -> None:
    """The highest share may be of a window that is not among the newest 60."""
    large = sample.large()
    assert large.restated is not None
    old = RestatedWindow(date(2025, 1, 1), date(2025, 1, 1), 10, 10)
    words = words_of(page_of(replace(large, restated=replace(large.restated, highest=old))))
    assert "The highest share, 100 %, is that of 2025-01-01 ." in words
    assert "The newest 60 of 75 windows are shown." in words
    assert (
        "1000 2025-12-31 sended +4,000 pending \u22124,000 action RECEIVED +900 "
        "1031 Transportes Pacífico 2025-12-30"
    ) in words
    small = sample.small()
    assert "windows are shown" not in words_of(page_of(small))


@pytest.mark.usefixtures("words_only")
def test_where_nothing_was_restated_there_is_no_empty_picture() -> None:
    """Only the sentence that says so."""
    large = sample.large()
    assert large.restated is not None
    windows = tuple(replace(one, restated=0) for one in large.restated.windows)
    still = replace(
        large.restated,
        restated=0,
        windows=windows,
        highest=windows[0],
        movements=(),
        examples=(),
    )
    page = page_of(replace(large, restated=still))
    assert 'data-figure="restated"' not in page
    assert "No figure has changed." in words_of(page)
