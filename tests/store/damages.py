"""What can happen to the files of a run between two starts, at random places."""

import random
from collections.abc import Callable
from typing import Final

from tests.store.made_runs import line

COMPANIES: Final = ("1", "2", "é", "4")
LINES: Final = [
    line(company, number, total=number % 3) for company in COMPANIES for number in range(1, 9)
]
"""An answer for each of these companies and eight days; that of a third of the days is empty."""

FOREIGN: Final = line("9", 1)

Damage = Callable[[bytes, random.Random], bytes]


def _flip(content: bytes, chance: random.Random) -> bytes:
    if not content:
        return content
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _swap(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _twice(content: bytes, chance: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    if lines:
        lines.insert(chance.randrange(len(lines)), chance.choice(lines))
    return b"".join(lines)


def _cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _zeroed(content: bytes, chance: random.Random) -> bytes:
    zeros = chance.randrange(len(content) + 1)
    return content[: len(content) - zeros] + bytes(zeros)


def _other(content: bytes, chance: random.Random) -> bytes:
    lines = chance.sample(LINES, min(len(LINES), content.count(b"\n")))
    return b"".join(lines)


def _more(content: bytes, chance: random.Random) -> bytes:
    return content + chance.choice([*LINES, FOREIGN, b'{"torn', b"[]\n"])


DAMAGES: tuple[Damage, ...] = (
    *(_flip, _swap, _twice, _cut, _zeroed, _other, _more),
    lambda content, _: content,
    lambda _content, _: b"",
)
DAMAGES_OF_A_CHECKPOINT: tuple[Damage, ...] = (_flip, _cut, _zeroed, lambda content, _: content)
