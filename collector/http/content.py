"""What an answer says of its body: charset and content coding; and what JSON must be: UTF-8."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from collector.http.faults import Fault, Nature

__all__ = ["NOT_UTF8", "content_fault", "is_utf8", "without_bom"]

NOT_UTF8: Final = Fault("the answer is not JSON: it is not UTF-8", Nature.UNUSABLE)

_UTF8_NAMES: Final = frozenset({"", "utf-8", "utf8", "us-ascii", "ascii"})
_OTHER_NAMES: Final = frozenset(
    {
        *("utf-16", "utf-16le", "utf-16be", "utf-32", "utf-7"),
        *("iso-8859-1", "iso-8859-15", "latin1", "windows-1252", "cp1252"),
    }
)
"""Names that a message repeats; of others it does not, because the server may write anything."""

_DECODED: Final = frozenset({"", "identity", "gzip", "deflate", "br", "zstd"})
"""Content codings of which the transport returns the decoded body, or a failure."""

_BOM: Final = b"\xef\xbb\xbf"


def content_fault(headers: Mapping[str, str]) -> Fault | None:
    """Return why a body cannot be read as JSON, by its headers; None if it can."""
    return _declared_fault(headers.get("Content-Type", ""), headers.get("Content-Encoding", ""))


@lru_cache(64)
def _declared_fault(content_type: str, coding: str) -> Fault | None:
    if coding.strip().lower() not in _DECODED:
        return Fault("content encoding that is not known", Nature.UNUSABLE)
    charset = _charset(content_type)
    if charset in _UTF8_NAMES:
        return None
    name = charset if charset in _OTHER_NAMES else "one that is not known"
    return Fault(f"charset other than UTF-8: {name}", Nature.UNUSABLE)


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def is_utf8(body: bytes) -> bool:
    """Return whether a body is UTF-8."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def without_bom(body: bytes) -> bytes:
    """Return a body without the byte order mark at its beginning (RFC 8259, section 8.1)."""
    return body.removeprefix(_BOM)
