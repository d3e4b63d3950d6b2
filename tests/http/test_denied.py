from collections.abc import Callable

import pytest

from collector.http.denied import DeniedCompanies

Refuse = Callable[[DeniedCompanies, str], None]


@pytest.mark.parametrize("refuse", [DeniedCompanies.unauthorized, DeniedCompanies.forbidden])
def test_a_company_is_denied_after_five_refusals_in_a_row(refuse: Refuse) -> None:
    """An answer between them shows that they pass."""
    denied = DeniedCompanies()
    for _ in range(4):
        refuse(denied, "7")
    denied.answered("7")
    for _ in range(4):
        refuse(denied, "7")
    assert "7" not in denied
    refuse(denied, "7")
    assert "7" in denied
    assert "8" not in denied


def test_an_answer_ends_a_denial() -> None:
    """Access may be given in mid-run."""
    denied = DeniedCompanies()
    for _ in range(5):
        denied.forbidden("7")
    denied.answered("7")
    assert "7" not in denied


def test_a_company_that_is_answered_after_a_refusal_shows_that_refusals_pass() -> None:
    """A 401 is about the token, and shows nothing of the kind."""
    denied = DeniedCompanies()
    denied.unauthorized("7")
    denied.answered("7")
    denied.forbidden("8")
    denied.answered("9")
    assert not denied.are_refusals_passing
    denied.answered("8")
    assert denied.are_refusals_passing


def test_memory_is_bounded() -> None:
    """The oldest is forgotten: its next refusal is examined again."""
    denied = DeniedCompanies()
    for number in range(1025):
        for _ in range(5):
            denied.forbidden(str(number))
    assert "0" not in denied
    assert "1" in denied
    assert "1024" in denied
    for _ in range(4):
        denied.forbidden("0")
    assert "0" not in denied, "its first refusals are forgotten"
