"""Pure checks of a response body against the documented answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Final

import msgspec
import orjson
from yarl import URL

from collector.core.outcome import MOST_NAMES, Counters, FailureKind, all_required
from collector.http.content import NOT_UTF8, content_fault, is_utf8, without_bom
from collector.http.faults import Nature

__all__ = ["Checked", "Wrong", "check_envelope", "check_reply"]

_OK: Final = HTTPStatus.OK.value

_LARGEST_CODE: Final = 2**53
"""The largest number that every reader of JSON keeps (RFC 8259, section 6)."""


class _Envelope(msgspec.Struct):
    code: int | float | str
    data: msgspec.Raw = msgspec.Raw(b"null")
    message: object = None
    errors: object = None


_envelope = msgspec.json.Decoder(_Envelope)
_counters = msgspec.json.Decoder(all_required(Counters))
_DOCUMENTED: Final = frozenset(Counters.__struct_fields__)


class Checked(msgspec.Struct, frozen=True, gc=False):
    """A valid answer: `data` as received, on one line, and its documented counters, decoded.

    `further` has the names of its other fields, at most 201.
    """

    statistics: bytes
    counters: Counters
    further: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """A body that is not a valid answer, and why. `code` is the envelope's, when it has one.

    `nature` says whether the next answer may be valid.
    """

    kind: FailureKind
    message: str
    code: int | None = None
    nature: Nature = Nature.TRANSIENT


def check_reply(
    status: int, headers: Mapping[str, str], body: bytes, *, is_cut: bool
) -> Checked | Wrong:
    """Check a whole HTTP answer; `is_cut` says that its body exceeded the limit."""
    if status == _OK:
        fault = content_fault(headers)
        if fault is not None:
            return Wrong(FailureKind.NOT_JSON, fault.text, nature=fault.nature)
        if is_cut:
            return Wrong(FailureKind.TOO_LARGE, "the answer is larger than 1 MiB and was cut off")
        return check_envelope(body)
    if 300 <= status <= 399:  # noqa: PLR2004 - the class 3xx
        to = _origin(headers.get("Location", ""))
        message = f"HTTP {status}: a redirect{to}, which is not followed"
        return Wrong(FailureKind.REDIRECT, message)
    texts = _error_text(body)
    return Wrong(FailureKind.HTTP, f"HTTP {status}: {texts}" if texts else f"HTTP {status}")


def check_envelope(body: bytes) -> Checked | Wrong:
    """Check the body of a 200: JSON, unique names, the envelope, `code` 200, counts.

    Undocumented fields are kept and not checked. The returned `statistics` is the text of `data`
    itself, not encoded again, so that nothing is lost: big numbers, the spelling of numbers, the
    order of keys.
    """
    body = without_bom(body)
    try:
        # The strictest parser runs first: every reader of JSON Lines can read what it accepts.
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not is_utf8(body):
            return Wrong(FailureKind.NOT_JSON, NOT_UTF8.text, nature=NOT_UTF8.nature)
        return Wrong(FailureKind.NOT_JSON, f"the answer is not JSON: {error}")
    verdict = _read_envelope(body)
    if isinstance(verdict, Checked):
        data = parsed["data"]
        if data.keys() != _DOCUMENTED:
            names = (name for name in data if name not in _DOCUMENTED)
            further = tuple(islice(names, MOST_NAMES + 1))
            verdict = Checked(verdict.statistics, verdict.counters, further)
        # Members in undocumented fields are not counted here, and colons in strings are: the
        # numbers are equal only if there are neither. It is so in nearly all answers, and takes a
        # microsecond.
        if body.count(b":") == len(parsed) + len(data) + len(verdict.counters.actions):
            return verdict
    if _repeats_a_name(body, parsed):
        # Some readers take the first value, others the last (RFC 8259, section 4).
        message = "not the documented answer: an object has a name twice"
        return Wrong(FailureKind.SCHEMA, message)
    return verdict


def _read_envelope(body: bytes) -> Checked | Wrong:
    """Check the envelope of a body of JSON whose names may not be unique."""
    try:
        envelope = _envelope.decode(body)
        code = _OK if envelope.code == _OK else _number_of(envelope.code)
        if code != _OK:
            message = f"code {code} in a 200: {_error_texts(envelope)}".removesuffix(": ")
            known = code if abs(code) <= _LARGEST_CODE else None
            return Wrong(FailureKind.API_CODE, message, known)
        counters = _counters.decode(envelope.data)
    except (msgspec.DecodeError, RecursionError) as error:
        return Wrong(FailureKind.SCHEMA, f"not the documented answer: {error}")
    # Inside a JSON string a line break is always escaped, so these occur only between values.
    line = bytes(envelope.data).replace(b"\n", b" ").replace(b"\r", b" ")
    return Checked(line, counters)


_CODE_TEXT: Final = re.compile(r"[0-9]{3}")


def _number_of(code: float | str) -> int:
    """Return the number of a `code`: 429, 429.0 and "429" are the same.

    Raises `msgspec.ValidationError` if it is no whole number.
    """
    if isinstance(code, str) and _CODE_TEXT.fullmatch(code):
        return int(code)
    if isinstance(code, str) or code != int(code):
        raise msgspec.ValidationError("`code` is not a whole number")
    return int(code)


_STRING: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')


def _repeats_a_name(body: bytes, parsed: object) -> bool:
    """Return whether an object in a body of JSON has a name twice; `parsed` is what orjson made.

    Outside of strings JSON has a colon for each member, and no other. orjson keeps one member of
    those that have the same name. So each name is unique if as many members were kept.
    """
    return _members(parsed) < _STRING.sub(b"", body).count(b":")


def _members(parsed: object) -> int:
    """Count the members of all objects in a parsed value, however deep it is."""
    members = 0
    rest = [parsed]
    while rest:
        value = rest.pop()
        if type(value) is dict:
            members += len(value)
            rest.extend(value.values())
        elif type(value) is list:
            rest.extend(value)
    return members


_LONGEST_ORIGIN: Final = 200


def _origin(location: str) -> str:
    """Return where a redirect leads, as ` to https://other.example`; '' within the same origin.

    The rest of the address may hold a secret, and anything else.
    """
    try:
        url = URL(location)
        origin = str(url.origin()) if url.absolute else ""
    except ValueError:
        return ""
    # As it came: in small letters a secret within it would not be found, and be shown.
    begin = location.lower().find(origin)
    if begin >= 0:
        origin = location[begin : begin + len(origin)]
    is_harmless = origin.isascii() and origin.isprintable() and len(origin) <= _LONGEST_ORIGIN
    return f" to {origin}" if origin and is_harmless else ""


def _error_text(body: bytes) -> str:
    """Return the text of an error body in the vendor's form (`message`, `errors`), or ''."""
    try:
        return _error_texts(_envelope.decode(without_bom(body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _error_texts(envelope: _Envelope) -> str:
    texts = (envelope.message, envelope.errors)
    return ": ".join(text for text in texts if isinstance(text, str) and text)
