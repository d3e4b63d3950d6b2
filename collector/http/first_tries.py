"""The first tries of a run: whether all of them fail in the same definitive way.

Pure: it takes what each request has come to.
"""

from collections.abc import Callable
from typing import Final

from collector.core.errors import ImplausibleError
from collector.core.outcome import Failure, FailureKind, Meaning
from collector.http.in_flight import InFlight

__all__ = ["SAMPLE", "FirstTries"]

SAMPLE: Final = 10
"""Cells from all over the plan that come first while it is open whether all fail alike: the first
companies of a list may be closed, and the oldest days too old."""

_TRIES: Final = 50
"""Tries that fail in the same way, after which the run ends."""

_COMPANIES: Final = 5
"""Companies among them, at least: a few may be broken, or misspelt."""

_IN_FLIGHT: Final = 4
"""Requests in flight before the first answer, so that few more are sent after the last try."""


class FirstTries:
    """Ends a run whose first tries all fail in the same definitive way.

    A wrong path in `--base-url`, or a field that the API no longer sends, fails each cell of a plan
    alike. Nothing is decided before `begin`, or after the first good answer. Failures that may pass
    do not count.
    """

    def __init__(self) -> None:
        self._companies: set[str] = set()
        self._tries = 0
        self._last: Failure | None = None
        self._may_pass = False
        self.is_over = True
        """Whether it no longer matters what a request comes to: one was answered, or one has failed
        in another way than the first."""

    def begin(self, in_flight: InFlight, end: Callable[[ImplausibleError], None]) -> None:
        """Decide from now on; `end` is called at most once. Until then few requests may be sent."""
        self._in_flight, self._most, self._end = in_flight, in_flight.most, end
        in_flight.most = min(in_flight.most, _IN_FLIGHT)
        self.is_over = False

    def over(self) -> None:
        """Record that not all tries fail alike."""
        self.is_over = True
        self._in_flight.most = self._most

    def failed(self, company_id: str, failure: Failure) -> None:
        """Record a failure; end the run if it is definitive, and one too many."""
        if self.is_over:
            return
        if failure.meaning not in {Meaning.DEFINITIVE, Meaning.DENIED}:
            self._may_pass = True
            return
        if self._last is not None and _reason(self._last) != _reason(failure):
            self.over()
            return
        self._tries += 1
        self._companies.add(company_id)
        self._last = failure
        if self._tries >= _TRIES:
            error = self.error()
            self.over()
            if error is not None:
                self._end(error)

    def error(self) -> ImplausibleError | None:
        """Return the error if all tries have failed alike; None if they were too few.

        With fewer than 50 tries, return None if any failure was one that may pass.
        """
        if self._may_pass and self._tries < _TRIES:
            return None
        if self.is_over or self._last is None or len(self._companies) < _COMPANIES:
            return None
        return ImplausibleError(
            f"the first {self._tries} requests that count, for {len(self._companies)} companies, "
            f"have all failed in the same way; the last one: {self._last.message}; "
            f"{_remedy(self._last)}"
        )


def _reason(failure: Failure) -> tuple[FailureKind, int | None]:
    """Return what two failures have in common that have failed in the same way.

    Each redirect is the same: a server may say for one request that it is for good, for another
    that it is for now.
    """
    status = None if failure.kind is FailureKind.REDIRECT else failure.status
    return failure.kind, status


_REMEDIES: Final = {
    400: "check --from-param, --until-param and --date-format",
    403: "check which companies these credentials may read",
    404: "check --base-url",
}


def _remedy(failure: Failure) -> str:
    if failure.kind in {FailureKind.HTTP, FailureKind.API_CODE}:
        return _REMEDIES.get(failure.status or 0, "check --base-url")
    if failure.kind is FailureKind.SCHEMA:
        return "the API may have changed: compare its answers with its documentation"
    if failure.kind is FailureKind.REDIRECT:
        return "check --base-url; if the API is being maintained, run the same command later"
    return "check --base-url, and what is between the collector and the API"
