"""The words of code and documentation: what has a plainer word or a term is written with that."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]

TERMS: Final = {
    r"nobody|somebody|anybody|everybody|whoever|whomever|those who|one who": "the actor: the user, "
    "the server, another process, the caller",
    "be it": "whether ... or",
    "at work": "running",
    "lets? in|letting in": "accepted, answered",
    "(?:sees?|saw|seen) to it": "ensure, check",
    "(?:takes?|took|taken) note": "record",
    "(?:go(?:es|ne|ing)?|went) on": "continue, resume",
    r"(?:stand|stands|stood|standing) (?:there|in|aside)": "is in, is there; replaces",
    r"put(?:s|ting)?(?: \S+){0,4} aside": "moved; overridden",
    "blockades?": "open circuit",
    "departures?": "request that is sent",
    "tall(?:y|ies)": "stats",
    "crew|attendance": "workers",
    "in vain": "wasted, for nothing",
    "hand(?:s|ed|ing)? out": "assign, issue, provide",
    "by way of": "through",
    r"the ones? before|of before": "the previous one, earlier",
    "worth another": "transient, retried",
    "ke(?:ep|eps|pt) out": "exclude, rate-limited",
    "foreign texts?": "untrusted text",
    "pass(?:es|ed|ing)? over": "ignore, skip",
    "checkups?|interviews?|examinations?": "verification, probe",
    "end(?:s|ed|ing)? in order": "stop cleanly",
    r"the (?:whole )?story": "the record",
    r"proofs? of the dates": "verification of the dates",
    r"on the wire": "sent",
    "watch(?:es|ed|ing)? over": "monitor",
    "spoken to|speaks? to": "connected to, sends to",
    "(?:has|have|had) come of": "the state, the result of",
    "what lies in": "the contents of",
    # But not "it requests a cell".
    r"(?:requests|answers|cells|lines|tokens|retries|tries|bytes|one|once|twice|times|\d(?:[\d,.]*\d)?)"
    r" a (?:second|minute|hour|day)": "per second",
    r"(?:ids?|one|once) a (?:line|company|window)": "per line",
}
"""Words that have a better one, as patterns; a blank is any white space, and the sign of a comment.

What is not here is no better for that: these are the ones that were used most.
"""

_ITSELF: Final = "tests/test_terms.py"

_WORDS: Final = re.compile(
    rf"(?<![\w-])\b(?:{'|'.join(TERMS)})(?!\w)".replace(" ", r"(?:\s+(?:#:?\s+)?)"), re.IGNORECASE
)

_ALLOWED: Final = {"tests/plan/test_companies_read.py": "nobody"}
"""A word that is a name in a file: of a user of the system."""


def _texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file that is read by people."""
    folders = ("collector", "docs", "tests", "benchmarks", "requirements")
    paths = [*ROOT.glob("*.md"), *(path for name in folders for path in (ROOT / name).rglob("*"))]
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        if path.suffix in {".py", ".md", ".jinja", ".js", ".css"} and name != _ITSELF:
            yield name, path.read_text(encoding="utf-8")


def _found(text: str) -> Iterator[tuple[int, str]]:
    """Yield the number of the line and the words of each find."""
    for found in _WORDS.finditer(text):
        yield text.count("\n", 0, found.start()) + 1, re.sub(r"[\s#:]+", " ", found[0])


def test_the_terms_are_used() -> None:
    """Each find is told with its line and with what to write."""
    wrong = [
        f"{name}:{line}: {words!r}: write {_better(words)}"
        for name, text in _texts()
        for line, words in _found(text)
        if words.lower() != _ALLOWED.get(name)
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_names_have_the_terms() -> None:
    """Those of functions and classes are texts, too: `by_way_of`, `test_nobody_knows`."""
    names = [
        each
        for path, text in _texts()
        for each in re.findall(r"(?:def|class) (\w+)", text)
        if path.startswith("collector/") or each.startswith("test_")
    ]
    assert [each for each in names if list(_found(_spaced(each)))] == []


def _spaced(name: str) -> str:
    """Return the words of a name: `put aside` of `_put_aside` and of `PutAside`."""
    return re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", name).strip()


@pytest.mark.parametrize("name", ["by_way_of", "_put_aside", "PutAside", "test_nobody_knows"])
def test_a_word_in_a_name_is_found(name: str) -> None:
    """However its words are joined."""
    assert list(_found(_spaced(name)))


def _better(words: str) -> str:
    return next(
        better for pattern, better in TERMS.items() if re.fullmatch(pattern, words, re.IGNORECASE)
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Nobody knows.", "Nobody"),
        ("it goes\n    # on", "goes on"),
        ("50 requests a second", "requests a second"),
        ("the run\nends in order", "ends in order"),
        ("puts the last byte aside", "puts the last byte aside"),
    ],
)
def test_a_word_is_found(text: str, words: str) -> None:
    """Across lines and within comments, whatever its case."""
    ((_, found),) = _found(text)
    assert found == words
    assert _better(found)


@pytest.mark.parametrize(
    "text", ["it requests a cell", "an ongoing run", "_nobody", "in order to", "goes once"]
)
def test_other_words_are_left_alone(text: str) -> None:
    """Parts of words, and the same words in another sense."""
    assert not list(_found(text))


def test_every_exception_is_needed() -> None:
    """A file that has no such word any more leaves the list."""
    texts = {path: (ROOT / path).read_text(encoding="utf-8") for path in _ALLOWED}
    assert [path for path, text in texts.items() if not list(_found(text))] == []
