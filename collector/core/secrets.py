"""Secrets that print as a mask, and their redaction from texts."""

import re
import sys
from collections import deque
from html.entities import html5
from typing import Final

__all__ = ["LONGEST_SECRET", "Redactor", "Secret", "redacted"]

LONGEST_SECRET: Final = 16 * 1024
"""Most characters of a secret. No server takes a header that is longer."""

_MASK = "[secret]"


class Secret:
    """A text that only `reveal` returns.

    `repr`, `str`, format strings and tracebacks with locals show a mask.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> str:
        """Return the secret itself, for the one header or body that needs it."""
        return self._value


_SHORTEST: Final = 4

_TOKENS: Final = 16
"""Tokens that are remembered. They are 5 seconds apart at least, and two of them are in use."""

_LAYERS: Final = 5
"""Layers of escaping that are undone, such as JSON in HTML in JSON. Any number of layers of the
same kind (`\\\"`, `%252527`, `&amp;amp;#39;`) is undone at once."""

_CUT_ESCAPE: Final = 64
"""Most characters that are left of an escape, in several layers, whose end was cut off."""

_LOOKS: Final = (2, 6)
"""How much of a text is looked at for its beginning, as multiples of what plain text takes: most
texts have few escapes, and a letter takes six characters as `\\u00e9`."""


class Redactor:
    """Masks every known secret in a text before it reaches a file or a screen.

    It finds a secret as it is, and escaped as in JSON, in Python, in HTML or in an address, in any
    mixture of them. A "secret" of less than four characters stays: it hides nothing, and its
    letters occur in unrelated text.

    Each secret is looked for by itself: a pattern of all of them would have to be compiled again
    with each token, which takes a second when they have some kilobytes.
    """

    def __init__(self) -> None:
        self._kept: frozenset[str] = frozenset()
        self._tokens: deque[frozenset[str]] = deque(maxlen=_TOKENS)
        self._values: tuple[str, ...] = ()
        self._longest = 0

    def learn(self, *secrets: Secret) -> None:
        """Add secrets that are never forgotten, such as those of the configuration."""
        if self is not _of_this_process:
            _of_this_process.learn(*secrets)
        self._kept = self._kept.union(*map(_forms, secrets))
        self._collect()

    def learn_token(self, token: Secret) -> None:
        """Add a token that the service has issued. The last 16 tokens are remembered."""
        if self is not _of_this_process:
            _of_this_process.learn_token(token)
        forms = _forms(token)
        if forms in self._tokens:
            self._tokens.remove(forms)
        self._tokens.append(forms)
        self._collect()

    def _collect(self) -> None:
        known = self._kept.union(*self._tokens)
        self._values = tuple(value for value in known if len(value) >= _SHORTEST)
        self._longest = max(map(len, self._values), default=0)

    def __call__(self, text: str) -> str:
        """Return `text` with a mask in place of every known secret.

        A text with an escaped secret comes back unescaped: that secret has no other place in it.
        The time grows with the length of the text: use `beginning` for a text that a server sent.
        """
        return self._search(text)[0]

    def beginning(self, text: str | bytes, most: int) -> str:
        """Return at most `most` characters of the redacted text, from its beginning.

        Bytes are UTF-8; what is not becomes U+FFFD. The time does not depend on the length of the
        text, which a server may choose. It may return less than there is if the text has a great
        many escapes.
        """
        # What is looked at may end within a secret, of which this much is left.
        rest = self._longest + _CUT_ESCAPE
        shown, safe = "", 0
        for times in _LOOKS:
            size = times * (most + rest)
            cut = text[:size]
            head = cut if isinstance(cut, str) else cut.decode(errors="replace")
            shown, plain = self._search(head)
            if size >= len(text):
                return shown[:most]
            # A mask may be twice as long as the secret.
            safe = len(plain) - rest - plain.count(_MASK) * (len(_MASK) - _SHORTEST)
            if safe >= most or (shown is head and safe >= len(_unescaped(head[:most]))):
                return shown[:most]
        return shown[: max(0, safe)]

    def _search(self, text: str) -> tuple[str, str]:
        """Return the redacted text, and the same without any escapes."""
        if not self._values:
            return text, text
        text = plain = self._masked(text)
        for _ in range(_LAYERS):
            before, plain = plain, _without_escapes(plain)
            if plain == before:
                break
            masked = self._masked(plain)
            if masked is not plain:
                text = plain = masked
        return text, plain

    def _masked(self, text: str) -> str:
        """Mask the secrets that are in the text as they are; the same object if there are none."""
        spans: list[tuple[int, int]] = []
        for value in self._values:
            at = text.find(value)
            while at >= 0:
                end = at + len(value)
                spans.append((at, end))
                at = text.find(value, end)
        if not spans:
            return text
        # Secrets that overlap have one mask, so that nothing is left of the second one.
        spans.sort()
        pieces: list[str] = []
        done = 0
        for start, end in spans:
            if start >= done:
                pieces += (text[done:start], _MASK)
            done = max(done, end)
        return "".join((*pieces, text[done:]))


def _forms(secret: Secret) -> frozenset[str]:
    """Return the secret, and what is left of it in a text whose escapes are all undone."""
    value = secret.reveal()
    return frozenset((value, _unescaped(value)))


_of_this_process: Final = Redactor()


def redacted(text: str) -> str:
    """Mask every secret that any redactor of this process has learnt, such as in a traceback."""
    return _of_this_process(text)


_NAMED: Final = {
    name.removesuffix(";").lower(): char
    for name, char in html5.items()
    if len(char) == 1 and char.isascii() and char.isprintable()
}

# It begins with a set of characters: only then is the text between two escapes skipped quickly.
_ESCAPE: Final = re.compile(
    r"([\\%&](?:"
    r"(?<=\\)\\*(?:u[0-9a-f]{4}|x[0-9a-f]{2})?"
    r"|(?<=%)(?:25)*[0-9a-f]{2}"
    r"|(?<=&)(?:amp;)*(?:#x0*[0-9a-f]{1,6};?|#0*[0-9]{1,7};?|"
    rf"(?:{'|'.join(_NAMED)});)"
    r"))",
    re.IGNORECASE | re.ASCII,
)


def _unescaped(text: str) -> str:
    """Undo all layers of escaping; escaped texts of one text have the same result."""
    for _ in range(_LAYERS):
        before, text = text, _without_escapes(text)
        if text == before:
            break
    return text


def _without_escapes(text: str) -> str:
    r"""Replace each escape by its character, and drop every other backslash.

    So `\"`, `\\\"` and `"` become the same, however often JSON was put into JSON.
    """
    # Text in UTF-16 that was read as UTF-8 has a NUL beside each letter.
    text = text.replace("\0", "")
    if not ("\\" in text or "%" in text or "&" in text):
        return text
    # Every second piece is an escape.
    pieces = _ESCAPE.split(text)
    pieces[1::2] = map(_Characters().__getitem__, pieces[1::2])
    return "".join(pieces)


class _Characters(dict[str, str]):
    """The characters of the escapes in a text. Each is found once: a text has thousands of few."""

    def __missing__(self, escape: str) -> str:
        char = self[escape] = _character(escape)
        return char


def _character(escape: str) -> str:
    """Return the character of an escape that `_ESCAPE` has matched."""
    if escape[0] == "\\":
        digits = escape.lstrip("\\")[1:]
        if not digits:
            return ""
        code = int(digits, 16)
    elif escape[0] == "%":
        code = int(escape[-2:], 16)
    else:
        name = escape[1:].removesuffix(";").rpartition(";")[2].lower()
        if not name.startswith("#"):
            return _NAMED[name]
        is_hex = name.startswith("#x")
        # Python reads no decimal number of more than 4300 digits.
        code = int(name[1 + is_hex :].lstrip("0") or "0", 16 if is_hex else 10)
    # A line break or an escape of a terminal stays as harmless as it was.
    return chr(code) if code <= sys.maxunicode and chr(code).isprintable() else escape
