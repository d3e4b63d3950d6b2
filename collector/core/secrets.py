"""Secrets that print as a mask, and their redaction from texts."""

import re
from typing import Final

__all__ = ["Redactor", "Secret"]

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


class Redactor:
    """Masks every known secret in a text before it reaches a file or a screen.

    A "secret" of less than four characters stays: it hides nothing, and its letters occur in
    unrelated text.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def learn(self, *secrets: Secret) -> None:
        """Add secrets; longer ones are replaced first, so that none hides another."""
        self._known |= {secret.reveal() for secret in secrets}
        long_enough = [value for value in self._known if len(value) >= _SHORTEST]
        if long_enough:
            ordered = sorted(long_enough, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(_any_spelling, ordered)))

    def __call__(self, text: str) -> str:
        """Return `text` with a mask in place of every known secret."""
        return text if self._pattern is None else self._pattern.sub(_MASK, text)


def _any_spelling(secret: str) -> str:
    """Return a pattern for a secret as it is, escaped as in JSON, or percent-encoded."""
    return "".join(
        rf"(?:\\?{re.escape(char)}|(?i:\\u{ord(char):04x}|%{ord(char):02x}))" for char in secret
    )
