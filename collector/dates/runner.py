"""Sends the questions of a probe, one after the other, and no more than so many."""

from collections.abc import Awaitable, Callable, Mapping
from random import random
from typing import Final, Protocol, TypeVar

from collector.core.outcome import Blame, Failure, Outcome
from collector.dates.probe import Probe, Question, QuestionReply, SpentError
from collector.http.retry import RetryPolicy, is_outage_evidence

__all__ = ["Client", "ProbeRunner"]

_T = TypeVar("_T")

_TRIES: Final = 2
"""For one question. There are other companies to ask."""

_FOR_ONE: Final = 2
"""Requests that a question may take beside its tries: one more with a new token."""


class Client(Protocol):
    """Asks the statistics endpoint: `collector.http.client.StatisticsClient`."""

    async def ask_with(
        self, company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        """Return an answer or a failure."""


class ProbeRunner:
    """Conducts a probe with a client.

    It ends when `most` requests were sent for it, but for those that the rate or the service is to
    blame for, or when `may_continue` says no. `sleep` waits for so many seconds.
    """

    def __init__(
        self,
        client: Client,
        *,
        most: int,
        sleep: Callable[[float], Awaitable[None]],
        may_continue: Callable[[], bool] = lambda: True,
    ) -> None:
        self._client = client
        self._most = most
        self._sleep = sleep
        self._may_continue = may_continue
        self._policy = RetryPolicy(_TRIES)
        self._charged = 0
        self.requests = 0
        """How many were sent for it, whoever is to blame."""
        self.was_answered = False
        """Whether there was any answer that says more than that something is out of order."""
        self.met_outage = False
        """Whether nobody was let in or answered for a while."""

    async def run(self, probe: Probe[_T]) -> _T:
        """Return what the probe has found out.

        Raises what the client raises: refused credentials, an outage.
        """
        try:
            question = next(probe)
            while True:
                reply = await self._ask(question)
                question = probe.throw(SpentError()) if reply is None else probe.send(reply)
        except StopIteration as end:
            found: _T = end.value
            return found
        finally:
            probe.close()

    async def _ask(self, question: Question) -> QuestionReply | None:
        """Ask with patience; None when that would be too many requests."""
        tries = throttled_tries = 0
        while self._charged + _FOR_ONE <= self._most and self._may_continue():
            outcome = await self._client.ask_with(
                question.company_id, question.parameters, is_retry=tries > 0
            )
            self._count(outcome)
            if not isinstance(outcome, Failure):
                self.was_answered = True
                return outcome.counters
            retry = self._policy.decide(outcome, tries, throttled_tries, random)
            if retry is None:
                self.was_answered = self.was_answered or not is_outage_evidence(outcome)
                return outcome
            tries += retry.counts
            throttled_tries += not retry.counts
            await self._sleep(retry.delay)
        return None

    def _count(self, outcome: Outcome) -> None:
        self.requests += outcome.requests
        if isinstance(outcome, Failure) and outcome.blame is not Blame.CELL:
            self.met_outage = self.met_outage or outcome.blame is Blame.SERVICE
        else:
            self._charged += outcome.requests
