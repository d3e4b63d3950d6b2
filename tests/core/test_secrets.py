import copy
import json
import traceback
from dataclasses import dataclass

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.secrets import Redactor, Secret

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


def test_what_was_learnt_is_not_forgotten() -> None:
    """A new token does not make the old one public, and learning twice changes nothing."""
    redact = _redactor("first-token")
    redact.learn(Secret("second-token"))
    redact.learn(Secret("second-token"))
    redact.learn()
    assert redact("first-token second-token") == "[secret] [secret]"


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
