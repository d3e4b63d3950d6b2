"""The silence of a service: how long it has given no answer, why, and when that is too long.

Pure: time (seconds of a monotonic clock) is passed in.
"""

from dataclasses import dataclass
from math import inf
from typing import Final, NamedTuple

from collector.core.errors import OutageError, UnusableError
from collector.core.text import span_text
from collector.http.faults import Fault, Nature

__all__ = ["THE_API", "Service", "Silence"]

_UNUSABLE_SECONDS: Final = 10.0
"""How long a service is tried whose answers are unusable from the start. Nothing passes by itself
there, but one of several servers behind an address may be the wrong one."""

_FEWEST_FAILURES: Final = 2
"""One failure alone ends nothing, however low the rate is."""


class Service(NamedTuple):
    """A service as messages name it: its address, the option that gives it, and what it answers."""

    address: str
    option: str
    answer: str = "answer"


THE_API: Final = Service("the API", "--base-url")
"""Where no address is known."""


@dataclass(slots=True)
class Silence:
    """Counts failures of a service since its last answer; decides how long its first is waited for.

    An answer is anything that is no evidence of an outage, definitive errors included. Faults of
    this machine do not count.

    * `service`: named in messages.
    * `patience`: seconds before the first answer, from the first request on.
    * `longest`: seconds before it at most, if the service itself asks for pauses.
    """

    service: Service = THE_API
    patience: float = inf
    longest: float = inf
    since: float | None = None
    """When the first request after the last answer was sent."""
    last_fault: Fault | None = None
    """The last failure; None after an answer."""
    was_answered: bool = False
    """Whether there was an answer."""
    _failures: int = 0
    _is_unusable: bool = True
    _asked_until: float = -inf

    def sent(self, now: float) -> None:
        """Record that a request is sent."""
        if self.since is None:
            self.since = now

    def answered(self) -> None:
        """Record an answer."""
        self.since = self.last_fault = None
        self.was_answered = True

    def failed(self, fault: Fault, paused_until: float | None = None) -> None:
        """Record a failure, and until when the service itself asks to wait, if it does."""
        if paused_until is not None:
            self._asked_until = max(self._asked_until, paused_until)
        if fault.nature in {Nature.LOCAL, Nature.SUSPENDED}:
            return
        self.last_fault = fault
        self._failures += 1
        self._is_unusable = self._is_unusable and fault.nature is Nature.UNUSABLE

    @property
    def last_error(self) -> str | None:
        """The service and its last failure; None after an answer."""
        if self.last_fault is None:
            return None
        return f"{self.service.address}: {self.last_fault.text}"

    @property
    def was_never_answered(self) -> bool:
        """Whether requests have failed, and none was answered since the start."""
        return self._failures > 0 and not self.was_answered

    @property
    def is_unusable(self) -> bool:
        """Whether every failure since the start says that the service cannot be used as it is."""
        return self.was_never_answered and self._is_unusable

    @property
    def first_ends_at(self) -> float:
        """When the wait for the first answer ends; `inf` while nothing says so."""
        if self.was_answered or self.since is None or self._failures < _FEWEST_FAILURES:
            return inf
        if self.is_unusable:
            return self.since + min(self.patience, _UNUSABLE_SECONDS)
        end = max(self.since, self._asked_until) + self.patience
        return min(end, self.since + max(self.patience, self.longest))

    def check(self, now: float) -> None:
        """Raise the error when the first answer was waited for long enough: see `error`."""
        if now >= self.first_ends_at:
            raise self.error(now)

    def error(self, now: float, *, is_refusing: bool = False) -> OutageError:
        """Return the error that ends the session: service, time, and last cause.

        That is `OutageError`, and `UnusableError` where waiting does not help.
        `is_refusing` says that the service is there, and throttles every request.
        """
        address, option, answer = self.service
        cause = "" if self.last_fault is None else self.last_fault.text
        if cause and self.is_unusable:
            # The cause may name another option, such as that of the proxy.
            remedy = "" if "(see --" in cause else f"; check {option}"
            return UnusableError(f"{address} cannot be used as it is: {cause}{remedy}")
        seconds = span_text(max(1, round(now - (now if self.since is None else self.since))))
        limited = f"{address} rate-limited every request"
        what = limited if is_refusing else f"no {answer} from {address}"
        return OutageError(
            f"{what} for {seconds}; last error: {cause}".removesuffix("; last error: ")
        )
