import pytest

from collector.report.language import Lang
from tests.report import sample
from tests.report.shown import page_of


@pytest.mark.usefixtures("words_only")
def test_remarks_of_the_files_are_marked_as_english() -> None:
    """A screen reader that reads Spanish must know; on an English page they are like the rest."""
    small = sample.small()
    remark = '<bdi lang="en">&lt;script&gt;alert(1)&lt;/script&gt;</bdi>'
    assert page_of(small, Lang.ES).count(remark) == 2
    assert page_of(small).count(remark) == 0
