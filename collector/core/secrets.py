"""Secrets that print as a mask, and their redaction from texts."""

import re
import sys
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

_LAYERS: Final = 5
"""Layers of escaping that are undone, such as JSON in HTML in JSON. Any number of layers of the
same kind (`\\\\\\"`, `%252527`, `&amp;amp;#39;`) is undone at once."""

_LONGEST_SPELLING: Final = 16
"""Most characters that stand for one character of a secret, such as `&amp;#x00027;`."""


class Redactor:
    """Masks every known secret in a text before it reaches a file or a screen.

    It finds a secret as it is, and escaped as in JSON, in Python, in HTML or in an address, in any
    mixture of them. A "secret" of less than four characters stays: it hides nothing, and its
    letters occur in unrelated text.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._reach = 0

    def learn(self, *secrets: Secret) -> None:
        """Add secrets; longer ones are replaced first, so that none hides another."""
        if self is not _of_this_process:
            _of_this_process.learn(*secrets)
        for secret in secrets:
            value = secret.reveal()
            self._known |= {value, _unescaped(value)}
        long_enough = [value for value in self._known if len(value) >= _SHORTEST]
        if long_enough:
            ordered = sorted(long_enough, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, ordered)))
            self._reach = len(ordered[0]) * _LONGEST_SPELLING

    def __call__(self, text: str) -> str:
        """Return `text` with a mask in place of every known secret.

        A text with an escaped secret comes back unescaped: that secret has no other place in it.
        """
        pattern = self._pattern
        if pattern is None:
            return text
        text = plain = pattern.sub(_MASK, text)
        for _ in range(_LAYERS):
            before, plain = plain, _without_escapes(plain)
            if plain == before:
                break
            if pattern.search(plain):
                text = plain = pattern.sub(_MASK, plain)
        return text

    def beginning(self, text: str, most: int) -> str:
        """Return at most `most` characters of the redacted text, from its beginning.

        The time does not depend on the length of the text, which a server may choose.
        """
        head = text[: most + 2 * self._reach]
        shown = self(head)
        if len(head) < len(text):
            # It may end within a secret, of which no more than this is left.
            shown = shown[: max(0, len(shown) - self._reach)]
        return shown[:most]


_of_this_process: Final = Redactor()


def redacted(text: str) -> str:
    """Mask every secret that any redactor of this process has learnt, such as in a traceback."""
    return _of_this_process(text)


_NAMED: Final = {
    name.removesuffix(";").lower(): char
    for name, char in html5.items()
    if len(char) == 1 and char.isascii() and char.isprintable()
}

_ESCAPE: Final = re.compile(
    r"\\+(?:u([0-9a-f]{4})|x([0-9a-f]{2}))?"
    r"|%(?:25)*([0-9a-f]{2})"
    r"|&(?:amp;)*(?:#x0*([0-9a-f]{1,6});?|#0*([0-9]{1,7});?|"
    rf"({'|'.join(_NAMED)});)",
    re.IGNORECASE | re.ASCII,
)
_HEX_GROUPS: Final = 4
_DECIMAL_GROUP: Final = 5


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
    return _ESCAPE.sub(_character, text.replace("\0", ""))


def _character(escape: re.Match[str]) -> str:
    group = escape.lastindex
    if group is None:
        return ""
    digits = escape[group]
    if group > _DECIMAL_GROUP:
        return _NAMED[digits.lower()]
    code = int(digits, 16 if group <= _HEX_GROUPS else 10)
    # A line break or an escape of a terminal stays as harmless as it was.
    return chr(code) if code <= sys.maxunicode and chr(code).isprintable() else escape[0]
