import pytest

from collector.core.outcome import FailureKind
from collector.http.content import NOT_UTF8, content_fault, is_utf8, without_bom
from collector.http.envelope import Checked, Wrong, check_reply
from collector.http.faults import Nature

GOOD = (
    b'{"code":200,"message":"Ok","data":{"total":0,"sended":0,"pending":0,"fails":0,"campaign":0,'
    b'"actions":{}}}'
)


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "application/json", "application/json; charset=utf-8", "text/plain;CHARSET=UTF8"),
        *('application/json; charset="utf-8"; x=y', "application/json; charset=us-ascii"),
        *("application/json;", "application/json; charset=", "a; xcharset=utf-16", ";;;=;"),
    ],
)
@pytest.mark.parametrize("coding", ["", "identity", "gzip", "GZIP", "deflate", "br", " zstd "])
def test_utf8_in_a_known_coding_is_read(content_type: str, coding: str) -> None:
    """The transport has decoded the coding, or failed."""
    headers = {"Content-Type": content_type, "Content-Encoding": coding}
    assert content_fault(headers) is None
    assert content_fault({}) is None


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("utf-16", "utf-16"),
        ("UTF-16LE", "utf-16le"),
        ('"iso-8859-1"', "iso-8859-1"),
        ("token-77aa", "one that is not known"),
    ],
)
def test_another_charset_is_not_read(charset: str, name: str) -> None:
    """The message repeats only names that are known: a server may write anything there."""
    fault = content_fault({"Content-Type": f"application/json; charset={charset}"})
    assert fault == (f"charset other than UTF-8: {name}", Nature.UNUSABLE)


@pytest.mark.parametrize("coding", ["compress", "x-gzip", "gzip, br", "token-77aa"])
def test_another_coding_is_not_read(coding: str) -> None:
    """Of it the transport returns the bytes as they came."""
    fault = content_fault({"Content-Encoding": coding})
    assert fault == ("content encoding that is not known", Nature.UNUSABLE)


def test_a_byte_order_mark_is_skipped() -> None:
    """One, at the beginning."""
    plain = check_reply(200, {}, GOOD, is_cut=False)
    assert isinstance(plain, Checked)
    assert check_reply(200, {}, b"\xef\xbb\xbf" + GOOD, is_cut=False) == plain
    twice = check_reply(200, {}, b"\xef\xbb\xbf" * 2 + GOOD, is_cut=False)
    assert isinstance(twice, Wrong)
    assert without_bom(GOOD) == GOOD
    error = b'\xef\xbb\xbf{"code":404,"message":"Bad Request"}'
    assert check_reply(404, {}, error, is_cut=False) == Wrong(
        FailureKind.HTTP, "HTTP 404: Bad Request"
    )


@pytest.mark.parametrize("body", [GOOD.decode().encode("utf-16"), GOOD.replace(b"Ok", b"\xed\xa0")])
def test_a_body_that_is_not_utf8_is_unusable(body: bytes) -> None:
    """Whatever the headers say; a page that is UTF-8 may pass."""
    assert not is_utf8(body)
    expected = Wrong(FailureKind.NOT_JSON, NOT_UTF8.text, nature=Nature.UNUSABLE)
    assert check_reply(200, {}, body, is_cut=False) == expected
    page = check_reply(200, {}, b"<html>", is_cut=False)
    assert isinstance(page, Wrong)
    assert page.nature is Nature.TRANSIENT


def test_only_a_200_must_be_readable() -> None:
    """A 429 is a 429 in every charset."""
    headers = {"Content-Type": "text/html; charset=utf-16"}
    assert check_reply(429, headers, b"", is_cut=False) == Wrong(FailureKind.HTTP, "HTTP 429")
    unreadable = check_reply(200, headers, GOOD, is_cut=False)
    assert unreadable == Wrong(
        FailureKind.NOT_JSON, "charset other than UTF-8: utf-16", nature=Nature.UNUSABLE
    )
