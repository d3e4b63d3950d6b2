"""The answers of the servers, and their log. Needs only the standard library."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

__all__ = ["NOTHING", "TOKEN", "Answered", "parse_answers", "statistics"]

_LONGEST: Final = 31
"""Length of the longest window that has figures, in days."""

_OLDEST: Final = 100
"""Age of the first day that has figures, in days."""


class Answered(NamedTuple):
    """Requests answered with 200: the distinct addresses, and the number of requests.

    `seconds` begin when the first request has arrived, and end when the last answer is written.
    """

    addresses: frozenset[str]
    requests: int
    seconds: float


def parse_answers(log: str) -> Answered:
    """Read lines of `<end, in seconds of the epoch> <seconds it took> <status> <path and query>`.

    An incomplete last line is skipped.
    """
    lines = (line.split(" ", 3) for line in log.splitlines(keepends=True) if line.endswith("\n"))
    good = [
        (float(end), float(took), address.rstrip("\n"))
        for end, took, status, address in lines
        if status == "200"
    ]
    if not good:
        return Answered(frozenset(), 0, 0.0)
    began = min(end - took for end, took, _ in good)
    ended = max(end for end, _, _ in good)
    return Answered(frozenset(address for _, _, address in good), len(good), ended - began)


def statistics(today: date) -> Iterator[tuple[str, str, str]]:
    """Yield all windows that have figures (first day, last day), and the answer to each.

    Days add up to windows, and the windows of a company differ; otherwise the collector, which
    checks both, would stop with an error.
    """
    for age in range(_OLDEST, -4, -1):
        first = today - timedelta(age)
        total = 0
        for length in range(_LONGEST):
            last = first + timedelta(length)
            total += 100 + last.toordinal() * 37 % 101
            yield first.isoformat(), last.isoformat(), _answer(total)


def _answer(total: int) -> str:
    actions = {"RECEIVED": total, "PRESS_ACTION": 0, "UNKNOWN": 0}
    data = {"total": total, "sended": total, "pending": 0, "fails": 0, "actions": actions}
    answer = {"code": 200, "resource": "Statistics", "data": data | {"campaign": 5}}
    return json.dumps(answer | {"message": "Ok"}, separators=(",", ":"))


NOTHING: Final = _answer(0)
"""The answer to every other window."""

TOKEN: Final = '{"access_token":"bench","token_type":"Bearer","expires_in":7200}'  # noqa: S105 - not a secret
