import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.outcome import FailureKind, Meaning
from collector.http.meaning import Signs, is_page, is_throttle_page, meaning_of

_PAUSE = Signs(asks_pause=True)
_USED_UP = Signs(is_used_up=True)
_PAGE = Signs(is_page=True)
_THROTTLE_PAGE = Signs(is_page=True, is_throttle_page=True)

_TABLE: list[tuple[int, Signs, Meaning]] = [
    *((status, Signs(), Meaning.RATE_LIMITED) for status in (420, 429, 509, 529)),
    *((status, _PAUSE, Meaning.RATE_LIMITED) for status in (400, 403, 404, 408, 500, 502, 503)),
    *((status, _USED_UP, Meaning.RATE_LIMITED) for status in (403, 500, 503)),
    (403, _THROTTLE_PAGE, Meaning.RATE_LIMITED),
    # What is left says nothing about a company that does not exist.
    *((status, _USED_UP, Meaning.DEFINITIVE) for status in (400, 404, 410, 422)),
    *((status, Signs(), Meaning.NOT_READY) for status in (202, 425)),
    *((status, _PAUSE, Meaning.NOT_READY) for status in (202, 425)),
    *((401, signs, Meaning.UNAUTHORIZED) for signs in (Signs(), _PAUSE, _USED_UP, _PAGE)),
    (503, Signs(), Meaning.UNAVAILABLE),
    (503, _PAGE, Meaning.UNAVAILABLE),
    *((status, Signs(), Meaning.TRANSIENT) for status in (408, 500, 502, 504, 520, 599)),
    (502, _PAGE, Meaning.TRANSIENT),
    (403, Signs(), Meaning.DENIED),
    *((status, _PAGE, Meaning.DENIED) for status in (400, 403, 404, 406, 451)),
    *((status, Signs(), Meaning.DEFINITIVE) for status in (400, 402, 404, 405, 409, 410, 422)),
    *((status, Signs(), Meaning.DEFINITIVE) for status in (-1, 0, 100, 201, 204, 206, 600, 10**30)),
]


@pytest.mark.parametrize(("status", "signs", "meaning"), _TABLE)
def test_the_meaning_of_a_status(status: int, signs: Signs, meaning: Meaning) -> None:
    """A code in an envelope means what the same status of HTTP does."""
    for kind in (FailureKind.HTTP, FailureKind.API_CODE):
        assert meaning_of(kind, status, signs) is meaning


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        (FailureKind.TIMEOUT, Meaning.TRANSIENT),
        (FailureKind.CONNECTION, Meaning.TRANSIENT),
        (FailureKind.NOT_JSON, Meaning.TRANSIENT),
        (FailureKind.SCHEMA, Meaning.DEFINITIVE),
        (FailureKind.TOO_LARGE, Meaning.DEFINITIVE),
        (FailureKind.REDIRECT, Meaning.DENIED),
    ],
)
def test_the_meaning_of_a_failure_that_is_no_status(kind: FailureKind, meaning: Meaning) -> None:
    """Whatever the status is: these kinds say more than it does."""
    for status in (None, 200, 302, 429, 503):
        assert meaning_of(kind, status) is meaning


@pytest.mark.parametrize("kind", [FailureKind.NOT_JSON, FailureKind.REDIRECT])
def test_an_answer_with_a_pause_says_that_it_passes(kind: FailureKind) -> None:
    """A page for maintenance, or a redirect to one, that names the time."""
    for status in (200, 301, 302, 303, 307, 308):
        assert meaning_of(kind, status, _PAUSE) is Meaning.RATE_LIMITED


_SIGNS = st.builds(Signs, st.booleans(), st.booleans(), st.booleans(), st.booleans())


@given(st.sampled_from(FailureKind), st.none() | st.integers(), _SIGNS)
def test_every_failure_has_a_meaning(kind: FailureKind, status: int | None, signs: Signs) -> None:
    """Whatever a server sends."""
    assert meaning_of(kind, status, signs) in Meaning


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("text/html", b"anything", True),
        ("Text/HTML; charset=utf-8", b"", True),
        ("application/json", b"\n <!DOCTYPE html><p>", True),
        ("", b"<html lang=en>", True),
        ("application/json", b'{"message": "<html>"}', False),
        ("text/plain", b"error code: 1020", False),
        ("text/html-not", b"", False),
    ],
)
def test_pages(content_type: str, body: bytes, *, expected: bool) -> None:
    """By the header, or by the beginning of the body."""
    assert is_page({"Content-Type": content_type}, body) is expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"error code: 1015", True),
        (b"<html><title>Access denied</title> Error 1015 <p>You are being rate limited", True),
        (b"error code: 1020", False),
        (b"x" * 5000 + b"error code: 1015", False),
    ],
)
def test_pages_that_say_too_fast(body: bytes, *, expected: bool) -> None:
    """Within the first 4 KiB."""
    assert is_throttle_page(body) is expected
