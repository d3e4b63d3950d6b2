"""Runner that sends the questions of a probe, up to a limit of requests."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from random import random
from typing import Final, Protocol, TypeVar

from collector.core.errors import main_error
from collector.core.outcome import Blame, Failure, Outcome
from collector.dates.probe import Probe, Question, QuestionReply, SpentError
from collector.http.retry import RetryPolicy, is_outage_evidence

__all__ = ["ProbeClient", "ProbeRunner"]

_T = TypeVar("_T")

_TRIES: Final = 2
"""Charged tries of one question. There are other companies to ask."""

_REQUESTS_PER_TRY: Final = 2
"""Most requests of one try: one, and one more with a new token."""


class ProbeClient(Protocol):
    """What the runner needs of a client: `collector.http.client.StatisticsClient` provides it."""

    async def ask_with(
        self, company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        """Request a company with the given parameters; return an answer or a failure."""


class ProbeRunner:
    """Runs a probe with a client.

    The probe may ask no more once `most` requests were sent for it, without those whose failure is
    charged to the rate or the service, or once `may_continue` returns False. `sleep` waits for a
    number of seconds. At most `at_once` questions are asked at the same time.
    """

    def __init__(
        self,
        client: ProbeClient,
        *,
        most: int,
        sleep: Callable[[float], Awaitable[None]],
        may_continue: Callable[[], bool] = lambda: True,
        at_once: int = 1,
    ) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._client = client
        self._most = most
        self._sleep = sleep
        self._may_continue = may_continue
        self._policy = RetryPolicy(_TRIES)
        self._charged = 0
        self._reserved = 0
        self.requests = 0
        """Number of requests that were sent, whatever their failures are charged to."""
        self.was_answered = False
        """Whether the server gave an answer, or a failure that is no evidence of an outage."""
        self.met_outage = False
        """Whether a failure was charged to the service, because of an outage."""

    async def run(self, probe: Probe[_T]) -> _T:
        """Run the probe and return its result.

        Raises what the client raises: rejected credentials, an outage.
        """
        try:
            questions = next(probe)
            while True:
                replies = await self._ask_all(questions)
                questions = probe.throw(SpentError()) if replies is None else probe.send(replies)
        except StopIteration as end:
            found: _T = end.value
            return found
        finally:
            probe.close()

    async def _ask_all(self, questions: Sequence[Question]) -> list[QuestionReply] | None:
        """Ask questions at the same time; None when that would take too many requests."""
        try:
            async with asyncio.TaskGroup() as group:
                asking = [group.create_task(self._in_place(each)) for each in questions]
        except BaseExceptionGroup as failed:
            error = main_error(failed)
        else:
            replies = [task.result() for task in asking]
            return None if None in replies else [reply for reply in replies if reply is not None]
        # Raised here, so that the context of the error is its own cause, not the group.
        raise error

    async def _in_place(self, question: Question) -> QuestionReply | None:
        async with self._places:
            return await self._ask(question)

    async def _ask(self, question: Question) -> QuestionReply | None:
        """Ask a question, with retries; None when that would take too many requests."""
        tries = throttled_tries = 0
        while self._may_send() and self._may_continue():
            self._reserved += _REQUESTS_PER_TRY
            try:
                outcome = await self._client.ask_with(
                    question.company_id, question.parameters, is_retry=tries > 0
                )
            finally:
                self._reserved -= _REQUESTS_PER_TRY
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

    def _may_send(self) -> bool:
        return self._charged + self._reserved + _REQUESTS_PER_TRY <= self._most

    def _count(self, outcome: Outcome) -> None:
        self.requests += outcome.requests
        if isinstance(outcome, Failure) and outcome.blame is not Blame.CELL:
            self.met_outage = self.met_outage or outcome.blame is Blame.SERVICE
        else:
            self._charged += outcome.requests
