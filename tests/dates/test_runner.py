import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from collector.core.errors import CredentialsError, OutageError, StoppedError
from collector.core.outcome import Answer, Blame, Failure, FailureKind, Outcome
from collector.dates.probe import Probe, Question, QuestionReply, SpentError
from collector.dates.runner import ProbeRunner
from collector.http.meaning import meaning_of
from tests.dates.probe.fake_api import counters

_AT = datetime(2026, 1, 1, tzinfo=UTC)


def _answer(total: int = 1) -> Answer:
    return Answer(b"{}", counters(total), _AT, 1)


def _failure(
    status: int | None = 404,
    kind: FailureKind = FailureKind.HTTP,
    blame: Blame = Blame.CELL,
) -> Failure:
    meaning = meaning_of(kind, status)
    return Failure(kind, status, "no", None, _AT, 1, blame, meaning=meaning)


_TIMEOUT = _failure(None, FailureKind.TIMEOUT)
_RATE = _failure(429, blame=Blame.RATE)
_SERVICE = _failure(503, blame=Blame.SERVICE)


class _Client:
    """Answers in turn what it was given, and then always the last of it."""

    def __init__(self, *outcomes: Outcome | Exception) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[tuple[str, Mapping[str, str], bool]] = []
        self.rests: list[float] = []

    async def ask_with(
        self, company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        self.asked.append((company_id, parameters, is_retry))
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)

    def runner(
        self, most: int = 100, may_continue: Callable[[], bool] = lambda: True, at_once: int = 1
    ) -> ProbeRunner:
        return ProbeRunner(
            self, most=most, sleep=self.sleep, may_continue=may_continue, at_once=at_once
        )


def _costing(outcome: Outcome, requests: int) -> Outcome:
    """Give an outcome that took so many requests."""
    if isinstance(outcome, Failure):
        return replace(outcome, requests=requests)
    return msgspec.structs.replace(outcome, requests=requests)


def _asks(*ids: str) -> Probe[list[QuestionReply]]:
    """Ask one question after the other, and return all replies."""
    replies: list[QuestionReply] = []
    for company_id in ids:
        replies += yield [Question(company_id, {"from": company_id})]
    return replies


def _asks_till_spent(count: int = 1000) -> Probe[int]:
    """Ask for so many, and return how many were answered before it was enough."""
    for number in range(count):
        try:
            yield [Question(str(number), {})]
        except SpentError:
            return number
    return count


async def test_questions_are_asked_in_order_and_replies_are_sent_back() -> None:
    """Counters for an answer, and a failure as it is."""
    failure = _failure()
    client = _Client(_answer(1), failure, _answer(3))
    assert await client.runner().run(_asks("a", "b", "c")) == [
        counters(1),
        failure,
        counters(3),
    ]
    assert client.asked == [(name, {"from": name}, False) for name in "abc"]
    assert client.rests == []


async def test_a_probe_without_questions_sends_nothing() -> None:
    """It is over at once."""
    client = _Client(_answer())
    assert await client.runner().run(_asks()) == []
    assert client.asked == []


@pytest.mark.parametrize(
    "passing",
    [_TIMEOUT, _failure(500), _failure(429), _failure(None, FailureKind.CONNECTION)],
)
async def test_what_may_pass_is_tried_twice(passing: Failure) -> None:
    """The second time as a retry, after a rest of half a second at most; there is no third."""
    client = _Client(passing, _answer(2))
    assert await client.runner().run(_asks("a", "b")) == [counters(2), counters(2)]
    assert [(name, is_retry) for name, _, is_retry in client.asked] == [
        ("a", False),
        ("a", True),
        ("b", False),
    ]
    assert len(client.rests) == 1
    assert 0 <= client.rests[0] <= 0.5
    client = _Client(passing)
    assert await client.runner().run(_asks("a")) == [passing]
    assert len(client.asked) == 2


async def test_the_rest_before_a_second_try_is_drawn() -> None:
    """So that those that failed together are not repeated together."""
    client = _Client(_TIMEOUT)
    await client.runner().run(_asks(*"abcdefghij"))
    assert len(set(client.rests)) > 1


@pytest.mark.parametrize(
    "final", [_failure(404), _failure(400), _failure(None, FailureKind.SCHEMA)]
)
async def test_what_stays_is_not_tried_again(final: Failure) -> None:
    """The answer would be the same."""
    client = _Client(final)
    assert await client.runner().run(_asks("a", "b")) == [final, final]
    assert [name for name, _, _ in client.asked] == ["a", "b"]


@pytest.mark.parametrize("throttled_tries", [_RATE, _SERVICE])
async def test_what_is_not_the_questions_fault_uses_no_try_up(throttled_tries: Failure) -> None:
    """Nor is the next one a retry: two tries are left."""
    client = _Client(
        throttled_tries, throttled_tries, throttled_tries, _TIMEOUT, throttled_tries, _answer(7)
    )
    assert await client.runner().run(_asks("a")) == [counters(7)]
    assert [is_retry for _, _, is_retry in client.asked] == [False] * 4 + [True] * 2
    assert client.rests[:3] == [0.0, 0.0, 0.0]


async def test_a_question_that_is_always_refused_is_given_up() -> None:
    """After ten times it counts: while others are accepted, the company may be throttled alone."""
    client = _Client(_RATE)
    assert await client.runner().run(_asks("a")) == [_RATE]
    assert len(client.asked) == 12


@pytest.mark.parametrize("throttled_tries", [_RATE, _SERVICE])
@pytest.mark.parametrize("cost", [1, 2])
async def test_what_is_not_the_questions_fault_is_not_charged(
    throttled_tries: Failure, cost: int
) -> None:
    """An allowance of one question is enough for it, but all requests are counted."""
    passing = _costing(throttled_tries, cost)
    client = _Client(*[passing] * 9, _answer(7))
    runner = client.runner(2)
    assert await runner.run(_asks("a")) == [counters(7)]
    assert runner.requests == 9 * cost + 1


async def test_what_is_charged_is_so_among_what_is_not() -> None:
    """Timeouts and answers use the allowance up."""
    client = _Client(_TIMEOUT, _RATE, _answer(1), _SERVICE, _answer(2))
    runner = client.runner(4)
    assert await runner.run(_asks_till_spent()) == 2
    assert runner.requests == 5


@pytest.mark.parametrize("cost", [1, 2])
@pytest.mark.parametrize("most", range(8))
@pytest.mark.parametrize("outcome", [_answer(), _failure(404), _TIMEOUT])
async def test_no_more_is_sent_than_allowed(cost: int, most: int, outcome: Outcome) -> None:
    """Also when each request is sent twice; the probe gets the error instead of a reply."""
    client = _Client(_costing(outcome, cost))
    runner = client.runner(most)
    await runner.run(_asks_till_spent())
    assert most - 2 < runner.requests <= max(most, 0)
    assert runner.requests == len(client.asked) * cost


async def test_the_allowance_is_for_all_probes_together() -> None:
    """A second one gets what the first one has left."""
    client = _Client(_answer())
    runner = client.runner(6)
    await runner.run(_asks("a", "b", "c"))
    assert await runner.run(_asks_till_spent()) == 2
    assert runner.requests == 5


async def test_the_caller_may_end_it() -> None:
    """Tokens cost requests, too: nothing is sent when the caller says so, not even a retry."""
    client = _Client(_answer())
    runner = client.runner(100, lambda: len(client.asked) < 3)
    assert await runner.run(_asks_till_spent()) == 3
    assert runner.requests == len(client.asked) == 3
    client = _Client(_TIMEOUT)
    runner = client.runner(100, lambda: not client.asked)
    assert await runner.run(_asks_till_spent()) == 0
    assert runner.requests == 1


@pytest.mark.parametrize(
    ("outcomes", "met_outage"),
    [
        ([_answer()], False),
        ([_failure(404)], False),
        ([_failure(503)], False),
        ([_TIMEOUT], False),
        ([_RATE, _answer()], False),
        ([_SERVICE, _answer()], True),
        ([_answer(), _SERVICE, _answer()], True),
        ([_SERVICE, _RATE, _TIMEOUT, _answer()], True),
    ],
)
async def test_it_tells_whether_the_service_was_out(
    outcomes: list[Outcome],
    met_outage: bool,  # noqa: FBT001 - a parameter
) -> None:
    """No request was accepted or answered for a while, though the service came back."""
    runner = _Client(*outcomes).runner()
    assert not runner.met_outage
    await runner.run(_asks("a", "b"))
    assert runner.met_outage is met_outage


async def test_a_retry_beyond_the_allowance_is_not_sent() -> None:
    """The question stays without a reply."""
    runner = _Client(_TIMEOUT).runner(2)
    assert await runner.run(_asks_till_spent()) == 0
    assert runner.requests == 1


async def test_a_probe_that_continues_after_the_end_hears_of_it_each_time() -> None:
    """Nothing is sent for it."""

    def stubborn() -> Probe[int]:
        refused = 0
        for number in range(10):
            try:
                yield [Question(str(number), {})]
            except SpentError:
                refused += 1
        return refused

    runner = _Client(_answer()).runner(4)
    assert await runner.run(stubborn()) == 7
    assert runner.requests == 3


async def test_a_probe_that_does_not_mind_the_end_ends_with_it() -> None:
    """Its caller gets the error."""
    client = _Client(_answer())
    with pytest.raises(SpentError):
        await client.runner(3).run(_asks("a", "b", "c"))


@pytest.mark.parametrize(
    ("outcomes", "was_answered"),
    [
        ([_answer()], True),
        ([_failure(404)], True),
        ([_failure(400)], True),
        ([_failure(None, FailureKind.SCHEMA)], True),
        ([_TIMEOUT], False),
        ([_failure(500)], False),
        ([_RATE], False),
        ([_SERVICE, _TIMEOUT], False),
        ([_answer(), _TIMEOUT], True),
        ([_failure(404), _TIMEOUT], True),
        ([_TIMEOUT, _TIMEOUT, _failure(404)], True),
        ([_TIMEOUT, _TIMEOUT, _answer()], True),
    ],
)
async def test_it_tells_whether_there_was_any_answer(
    outcomes: list[Outcome],
    was_answered: bool,  # noqa: FBT001 - a parameter
) -> None:
    """A refusal is one; what only says that something is out of order is none."""
    client = _Client(*outcomes)
    runner = client.runner(20)
    assert not runner.was_answered
    await runner.run(_asks_till_spent(3))
    assert runner.was_answered is was_answered


@pytest.mark.parametrize("error", [CredentialsError("no"), OutageError("no"), StoppedError()])
async def test_what_the_client_raises_comes_through(error: Exception) -> None:
    """Refused credentials, an outage, a stop: there is nothing more to find out."""
    client = _Client(_answer(), error)
    with pytest.raises(type(error)) as raised:
        await client.runner().run(_asks("a", "b", "c"))
    assert raised.value is error
    assert len(client.asked) == 2


@pytest.mark.parametrize("error", [OutageError("no"), StoppedError()])
async def test_a_probe_that_does_not_end_is_closed(error: Exception) -> None:
    """It cleans up then, not when it happens to be garbage-collected."""
    probe = _asks("a", "b")
    with pytest.raises(type(error)):
        await _Client(error).runner().run(probe)
    assert inspect.getgeneratorstate(probe) == inspect.GEN_CLOSED


class _Concurrent(_Client):
    """Answers when all tasks that are ready have run; `most` were in flight at the same time."""

    in_flight = most = 0

    async def ask_with(
        self, company_id: str, parameters: Mapping[str, str], *, is_retry: bool = False
    ) -> Outcome:
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            outcome = await super().ask_with(company_id, parameters, is_retry=is_retry)
            await asyncio.sleep(0)
        finally:
            self.in_flight -= 1
        return outcome


def _asks_together(*ids: str) -> Probe[Sequence[QuestionReply]]:
    try:
        return (yield [Question(company_id, {}) for company_id in ids])
    except SpentError:
        return ()


@pytest.mark.parametrize("at_once", [1, 2, 64])
async def test_questions_that_belong_together_are_in_flight_together(at_once: int) -> None:
    """As many as allowed; the replies come in the order of the questions."""
    failure = _failure()
    client = _Concurrent(_answer(1), failure, _answer(3))
    replies = await client.runner(at_once=at_once).run(_asks_together("a", "b", "c"))
    assert replies == [counters(1), failure, counters(3)]
    assert client.most == min(at_once, 3)


@pytest.mark.parametrize(("most", "sent"), [(3, 1), (4, 2), (5, 2), (6, 3)])
async def test_questions_together_do_not_take_more_requests_than_allowed(
    most: int, sent: int
) -> None:
    """Each may take two requests, so that much is kept for it while it is in flight."""
    client = _Concurrent(_answer())
    replies = await client.runner(most, at_once=3).run(_asks_together("a", "b", "c"))
    assert len(client.asked) == sent
    assert len(replies) == (3 if sent == 3 else 0)


async def test_an_error_ends_the_other_questions() -> None:
    """It comes through as it is, and no request is left in flight."""
    error = OutageError("no")
    client = _Concurrent(_answer(), error, _answer())
    with pytest.raises(OutageError) as raised:
        await client.runner(at_once=3).run(_asks_together("a", "b", "c"))
    assert raised.value is error
    assert raised.value.__context__ is None
    assert client.in_flight == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
