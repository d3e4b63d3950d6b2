from collector.http.denied import DeniedCompanies


def test_a_company_is_denied_after_five_401_in_a_row() -> None:
    """An answer between them shows that one of several servers did not know the token."""
    denied = DeniedCompanies()
    for _ in range(4):
        denied.unauthorized("7")
    denied.answered("7")
    for _ in range(4):
        denied.unauthorized("7")
    assert "7" not in denied
    denied.unauthorized("7")
    assert "7" in denied
    assert "8" not in denied


def test_an_answer_ends_a_denial() -> None:
    """Access may be given in mid-run."""
    denied = DeniedCompanies()
    denied.add("7")
    assert "7" in denied
    denied.answered("7")
    assert "7" not in denied


def test_memory_is_bounded() -> None:
    """The oldest is forgotten: its next refusal is examined again."""
    denied = DeniedCompanies()
    for number in range(1025):
        denied.add(str(number))
        denied.unauthorized(f"new {number}")
    assert "0" not in denied
    assert "1" in denied
    assert "1024" in denied
    for _ in range(4):
        denied.unauthorized("new 0")
    assert "new 0" not in denied, "its first 401 is forgotten"
