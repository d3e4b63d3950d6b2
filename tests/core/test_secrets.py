import copy
import html
import json
import re
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collector.core.secrets import Redactor, Secret, redacted
from tests.counted_calls import calls_of

_VALUE = "hush-hush-4711"


@dataclass
class _Holder:
    secret: Secret


def _shown() -> dict[str, str]:
    secret = Secret(_VALUE)
    return {
        "repr": repr(secret),
        "str": str(secret),
        "format": format(secret),
        "f-string": f"{secret} {secret!r} {secret!s} {secret!a}",
        "%s": "%s" % (secret,),  # noqa: UP031 - logging does the same
        "%r": "%r" % (secret,),  # noqa: UP031 - likewise
        "in a list": str([secret]),
        "in a dict": str({"token": secret, secret: 1}),
        "in a dataclass": repr(_Holder(secret)),
        "in an exception": str(ValueError("refused", secret)),
        "json": json.dumps({"token": secret}, default=str),
        "orjson": orjson.dumps({"token": secret}, default=str).decode(),
        "copied": repr(copy.deepcopy(_Holder(secret))),
    }


@pytest.mark.parametrize("way", _shown())
def test_a_secret_shows_a_mask(way: str) -> None:
    """Whichever way a text is made of it."""
    text = _shown()[way]
    assert "hush" not in text
    assert "4711" not in text
    assert "[secret]" in text


def test_a_secret_does_not_show_in_a_traceback_with_locals() -> None:
    """Crash reporters print local variables."""

    def fail(token: Secret) -> None:
        raise RuntimeError(f"refused {token}")

    with pytest.raises(RuntimeError) as caught:
        fail(Secret(_VALUE))
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    text = "".join(report.format())
    assert "token = [secret]" in text
    assert _VALUE not in text


def test_a_secret_has_no_attributes_to_print() -> None:
    """`vars` and `__dict__` have nothing to show."""
    secret = Secret(_VALUE)
    assert not hasattr(secret, "__dict__")
    with pytest.raises(AttributeError):
        secret.note = "x"  # type: ignore[attr-defined]


def test_a_secret_reveals_itself_when_asked_by_name() -> None:
    """For the one header that needs it."""
    assert Secret(_VALUE).reveal() == _VALUE


def test_secrets_are_equal_by_value() -> None:
    """But not to a plain text."""
    assert Secret(_VALUE) == Secret(_VALUE)
    assert hash(Secret(_VALUE)) == hash(Secret(_VALUE))
    assert Secret(_VALUE) != Secret("other")
    plain: object = _VALUE
    assert Secret(_VALUE) != plain


def _redactor(*values: str) -> Redactor:
    redact = Redactor()
    redact.learn(*(Secret(value) for value in values))
    return redact


def test_every_known_secret_is_replaced_wherever_it_stands() -> None:
    """And the rest of the text is as it was."""
    redact = _redactor("alpha-1", "beta-22")
    assert redact("alpha-1") == "[secret]"
    assert redact("id=alpha-1&s=beta-22; alpha-1alpha-1!") == (
        "id=[secret]&s=[secret]; [secret][secret]!"
    )
    assert redact("ALPHA alpha-2") == "ALPHA alpha-2"
    assert redact("") == ""


@pytest.mark.parametrize("values", [("token", "token-and-more"), ("token-and-more", "token")])
def test_of_two_secrets_the_longer_one_goes_first(values: tuple[str, str]) -> None:
    """A secret that is part of another leaves no rest of it, in whichever order they came."""
    redact = _redactor(*values)
    assert redact("a token-and-more, a token") == "a [secret], a [secret]"
    later = Redactor()
    for value in values:
        later.learn(Secret(value))
    assert later("a token-and-more, a token") == "a [secret], a [secret]"


@pytest.mark.parametrize("value", ["", "1", "abc"])
def test_what_is_no_secret_leaves_texts_alone(value: str) -> None:
    """An empty one would stand between all letters, a very short one in every other word."""
    redact = _redactor(value, "real-secret")
    assert redact("1 abc real-secret") == "1 abc [secret]"


def test_what_is_configured_is_not_forgotten() -> None:
    """However many tokens come after it; learning twice changes nothing."""
    redact = _redactor("first-secret")
    for number in range(100):
        redact.learn_token(Secret(f"token-{number:04}"))
    redact.learn(Secret("second-secret"))
    redact.learn(Secret("second-secret"))
    redact.learn()
    assert redact("first-secret second-secret") == "[secret] [secret]"
    assert redacted("first-secret second-secret") == "[secret] [secret]"


def test_the_last_16_tokens_are_remembered() -> None:
    """Those before have ended. A token that is issued again counts as the newest."""
    redact = Redactor()
    for number in range(17):
        redact.learn_token(Secret(f"issued-{number:02}"))
        redact.learn_token(Secret("issued-00"))
    assert [redact(f"issued-{number:02}") for number in range(17)] == [
        "[secret]",
        "issued-01",
        *["[secret]"] * 15,
    ]
    assert redacted("issued-01, issued-02") == "issued-01, [secret]"


def test_a_token_that_is_configured_too_is_not_forgotten() -> None:
    """An issuer that returns what it was sent."""
    redact = _redactor("both-of-them")
    redact.learn_token(Secret("both-of-them"))
    for number in range(100):
        redact.learn_token(Secret(f"token-{number:04}"))
    assert redact("both-of-them") == "[secret]"


def test_the_work_does_not_grow_with_the_square_of_the_tokens() -> None:
    """To learn 100 tokens takes some ten times as much as 10; to mask a text takes no more."""
    text = '<p>it&#39;s an answer to "Bearer token-0099"</p>' * 20

    def learnt(count: int) -> Redactor:
        redact = _redactor("client-id", "client-secret")
        for number in range(count):
            redact.learn_token(Secret(f"token-{number:04}-{'x' * 1000}"))
        return redact

    assert calls_of(lambda: learnt(100)) <= 20 * calls_of(lambda: learnt(10))
    few, many = learnt(16), learnt(100)
    assert calls_of(lambda: many.beginning(text, 500)) <= 1.1 * calls_of(
        lambda: few.beginning(text, 500)
    )


def test_the_work_for_the_beginning_of_a_text_does_not_depend_on_its_length() -> None:
    """Nor does it look at more of a text than it needs."""
    redact = _redactor(_VALUE)
    text = f"it&#39;s {_VALUE} " * 1000
    assert calls_of(lambda: redact.beginning(text, 100)) == calls_of(
        lambda: redact.beginning(text * 100, 100)
    )


def test_secrets_that_overlap_have_one_mask() -> None:
    """Otherwise the end of one would be left."""
    assert _redactor("abcdef", "defghi")("abcdefghi-defghi") == "[secret]-[secret]"


def test_a_redactor_does_not_show_what_it_knows() -> None:
    """Not in its own representation, nor in that of its method."""
    redact = _redactor(_VALUE)
    assert _VALUE not in repr(redact)
    assert _VALUE not in f"{redact} {redact.learn}"


_LETTERS = "abXY01"


@given(
    st.lists(st.text(_LETTERS, min_size=4, max_size=8), max_size=5),
    st.lists(st.text(_LETTERS, max_size=6), max_size=8),
    st.randoms(use_true_random=False),
)
def test_no_known_secret_is_left(values: list[str], parts: list[str], random: object) -> None:
    """However many there are and however they overlap; texts without any stay the same."""
    redact = _redactor(*values)
    mixed = [*parts, *values]
    getattr(random, "shuffle")(mixed)  # noqa: B009 - hypothesis gives a random.Random
    text = "".join(mixed)
    redacted = redact(text)
    assert not any(value in redacted for value in values)
    if not any(value in text for value in values):
        assert redacted == text


@pytest.mark.parametrize(
    "text",
    [
        r'{"sent":"Bearer tok\/en+x=="}',
        r"Bearer tok\u002fen\u002Bx==",
        "/log?token=tok%2Fen%2bx%3D%3D",
        "Bearer tok/en+x==",
    ],
)
def test_other_spellings_of_a_secret_are_found(text: str) -> None:
    """Escaped as JSON may have it, or percent-encoded: an echo is an echo."""
    redact = Redactor()
    redact.learn(Secret("tok/en+x=="))
    assert "[secret]" in redact(text)
    assert "en" not in redact(text).replace("[secret]", "").replace("sent", "").replace("token", "")


_AWKWARD: Final = "aB3'\\\"<&>%41+/=\\u0041#;x9Z"
"""Has all that escapes are made of, and what looks like an escape itself."""


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _as_unicode(text: str) -> str:
    return "".join(f"\\u{ord(char):04X}" for char in text)


def _in_rails(text: str) -> str:
    """Escape as the JSON of Rails does, so that it can be part of a script."""
    return _in_json(text).translate({ord(char): _as_unicode(char) for char in "<>&"})


def _in_hex(text: str) -> str:
    return "".join(f"&#X000{ord(char):x};" for char in text)


def _in_digits(text: str) -> str:
    return "".join(char if char.isalnum() else f"&#0{ord(char)};" for char in text)


def _in_capitals(text: str) -> str:
    return text.replace("&", "&AMP;").replace("<", "&LT;").replace('"', "&Quot;")


def _in_python(text: str) -> str:
    return repr(f"{text}\n")


def _percent(text: str) -> str:
    return quote(text, safe="")


def _all_percent(text: str) -> str:
    return "".join(f"%{ord(char):02x}" for char in text)


_ESCAPES: Final[tuple[Callable[[str], str], ...]] = (
    *(_in_json, _as_unicode, _in_rails, _in_hex, _in_digits, _in_capitals, _in_python),
    *(_percent, _all_percent, html.escape),
)


@pytest.mark.parametrize("secret", [_AWKWARD, "it's-4711", "back\\slash", '"quoted"', "per%cent&"])
@pytest.mark.parametrize("outer", [None, *_ESCAPES], ids=lambda way: getattr(way, "__name__", ""))
@pytest.mark.parametrize("inner", _ESCAPES, ids=lambda way: str(way.__name__))
def test_a_secret_is_found_under_two_layers_of_escaping(
    inner: Callable[[str], str], outer: Callable[[str], str] | None, secret: str
) -> None:
    """JSON in JSON, HTML in JSON, an address in HTML: in the middle of a text and alone."""
    redact = _redactor(secret, "another-secret")
    text = inner(f"before {secret} after")
    masked = redact(text if outer is None else outer(text))
    assert masked.count("[secret]") == 1
    assert secret[:4] not in masked
    assert secret[-4:] not in masked


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
@pytest.mark.parametrize("escape", _ESCAPES, ids=lambda way: str(way.__name__))
def test_a_secret_is_found_under_many_layers_of_one_kind(
    escape: Callable[[str], str], layers: int
) -> None:
    """A gateway that logs what a gateway has logged."""
    redact = _redactor(_AWKWARD)
    text = _AWKWARD
    for _ in range(layers):
        text = escape(text)
    assert "[secret]" in redact(text)


def test_a_text_without_a_secret_stays_as_it_is() -> None:
    """Its escapes included: it is shown as it came."""
    redact = _redactor(_AWKWARD)
    text = r'{"message":"it\u0027s \\ 100%25 &amp;#39; \x1b","path":"C:\\new"}'
    assert redact(text) == text


def test_what_is_unescaped_cannot_control_a_terminal() -> None:
    """Only printable characters take the place of their escapes."""
    redact = _redactor("it's-4711")
    masked = redact(r"it\u0027s-4711 \u001b[2J %0d%0a &#27; &#x9b; &#9999999;")
    assert masked == r"[secret] \u001b[2J %0d%0a &#27; &#x9b; &#9999999;"


def test_a_secret_in_utf_16_is_found() -> None:
    """A page in another encoding is read as UTF-8, with a NUL beside each letter."""
    redact = _redactor(_AWKWARD)
    assert redact(f"<{_AWKWARD}>".encode("utf-16-le").decode()) == "<[secret]>"


_UNITS: Final = (
    *("\\", '\\"', "\\u0027", "&", "&amp;", "amp;", "&#39;", "&#0", "0", "&#x0000", "%", "%25"),
    *("25", "%27", "%26%2339%3b", "\\\\&amp;%25", _AWKWARD, _AWKWARD[:-1], _percent(_AWKWARD)),
)


_QUICK_UNITS: Final = {"\\", "\\u0027", "&amp;", "&#x0000", "%25", "\\\\&amp;%25", _AWKWARD[:-1]}
"""One of each kind of escape, a mixture, and what nearly is a secret."""


@pytest.mark.parametrize(
    "unit",
    [
        pytest.param(unit, marks=() if unit in _QUICK_UNITS else pytest.mark.torture)
        for unit in _UNITS
    ],
)
def test_the_time_grows_with_the_length_of_a_text_only(unit: str) -> None:
    """What a hostile server may send takes half a second for 1 MiB at most, and never minutes."""
    redact = _redactor(_AWKWARD, "x" * 40, "\\\\\\\\\\\\''\"%25%25")
    text = unit * (2**18 // len(unit))
    began = time.process_time()
    for start in ("&#", "&", "%", "\\u00"):
        redact(start + text)
    assert time.process_time() - began < 10.0


_PRINTABLE: Final = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


@given(
    st.text(_PRINTABLE, min_size=8, max_size=60),
    st.lists(st.sampled_from(_ESCAPES), max_size=3),
    st.integers(0, 400),
    st.integers(0, 400),
)
@example("00000000", [_in_python, _in_python, _in_capitals], 0, 0)
def test_no_part_of_any_secret_is_left_in_the_beginning_of_a_text(
    middle: str, escapes: list[Callable[[str], str]], before: int, most: int
) -> None:
    """Whatever it is made of, however it is spelled, and wherever the text is cut.

    Its ends have letters that no escape is made of, so that what stands around cannot change it.
    """
    secret = f"ZQXJ{middle}KVWY"
    redact = _redactor(secret, "another-secret")
    spelled = secret
    for escape in escapes:
        spelled = escape(spelled)
    text = f"{'-' * before}|{spelled}|{'-' * 9999}"
    whole, beginning = redact(text), redact.beginning(text, most)
    assert beginning == redact.beginning(text.encode(), most)
    assert len(beginning) <= most
    assert "[secret]" in whole
    for shown in (whole, beginning):
        plain = _undone(shown)
        assert not any(letter in plain for letter in "ZQXJKVWY")


def _undone(text: str) -> str:
    """Undo what the escapes of these tests do to a letter."""
    for _ in range(6):
        # `html.unescape` does not know this spelling.
        text = text.replace("&Quot;", '"')
        text = unquote(html.unescape(re.sub(r"\\+u00(..)", r"%\1", text)))
    return text.upper()


def test_a_text_is_cut_after_it_is_redacted() -> None:
    """Wherever the cut falls, nothing of a secret is left before it."""
    redact = _redactor(_AWKWARD)
    for spelled in (_AWKWARD, *(escape(_AWKWARD) for escape in _ESCAPES)):
        text = f"{'-' * 30}{spelled}{'-' * 5000}"
        for most in range(60):
            assert redact.beginning(text, most) == redact(text)[:most]


def test_the_beginning_of_a_text_full_of_secrets_has_no_part_of_one() -> None:
    """Masks are shorter than secrets, so that the end of what was looked at comes into view."""
    secret = "s3cr3t-" + "z" * 200
    redact = _redactor(secret)
    for most in range(0, 20_000, 1000):
        shown = redact.beginning(secret * 1000, most)
        assert shown == ("[secret]" * 1000)[: len(shown)]


@pytest.mark.parametrize("letter", ["a", "ñ", "語", "\U0001f600"])
def test_the_beginning_of_bytes_is_that_of_their_text(letter: str) -> None:
    """A letter that is cut in two does not show, and a secret is masked wherever it stands."""
    redact = _redactor(_VALUE)
    text = f"{letter * 90}{_VALUE}{letter * 9999}"
    for most in range(0, 300, 7):
        assert redact.beginning(text.encode(), most) == redact(text)[:most]
    assert redact.beginning(b"\xff" * 9999, 10) == "\ufffd" * 10


def test_the_beginning_of_a_short_text_is_all_of_it() -> None:
    """With secrets or without, known or not."""
    assert Redactor().beginning("abc", 10) == "abc"
    assert Redactor().beginning("abc", 2) == "ab"
    redact = _redactor(_VALUE)
    assert redact.beginning(f"a {_VALUE} b", 100) == "a [secret] b"
    assert redact.beginning("", 100) == ""


def test_what_any_redactor_knows_is_masked_for_the_whole_process() -> None:
    """A traceback that no run has caught may hold any secret."""
    _redactor("known-to-one-4711")
    _redactor("known-to-another-4712")
    assert redacted("known-to-one-4711, known-to-another-4712") == "[secret], [secret]"
