import asyncio
from dataclasses import dataclass, field

from yarl import URL

from collector.http.witness import Witness, WitnessAnswer

_URL = URL("http://127.0.0.1/7")


@dataclass
class _Bench:
    """A witness, and how its request is answered, each time a second later."""

    is_answered: bool = True
    now: float = 100.0
    asked: list[str] = field(default_factory=list)
    witness: Witness = field(default_factory=Witness)

    async def ask(self, _url: URL, company_id: str) -> WitnessAnswer:
        """Send the request of the witness."""
        self.asked.append(company_id)
        self.now += 1.0
        await asyncio.sleep(0)
        return WitnessAnswer(self.now, self.is_answered)

    async def is_working(self, since: float) -> bool | None:
        """Return whether the service works, after a refusal that came at `since`."""
        return await self.witness.is_service_working(since, self.ask)


async def test_nothing_is_known_before_the_first_good_answer() -> None:
    """And nothing is asked."""
    bench = _Bench()
    assert await bench.is_working(100.0) is None
    assert bench.asked == []


async def test_the_request_that_was_answered_last_is_sent_again() -> None:
    """Its answer decides for every refusal before it."""
    for is_answered in (True, False):
        bench = _Bench(is_answered)
        bench.witness.answered(_URL, "6", 98.0)
        bench.witness.answered(_URL, "7", 99.0)
        answers = await asyncio.gather(*(bench.is_working(99.5 + n / 100) for n in range(64)))
        assert set(answers) == {is_answered}
        assert bench.asked == ["7"]
        assert await bench.is_working(101.5) is is_answered
        assert bench.asked == ["7", "7"]


async def test_an_answer_to_a_later_request_is_enough() -> None:
    """One that was sent before the refusal came says nothing: a ban may have begun since."""
    bench = _Bench(is_answered=False)
    bench.witness.answered(_URL, "7", 102.0)
    assert await bench.is_working(101.0) is True
    assert bench.asked == []
    assert await bench.is_working(102.0) is False
    assert bench.asked == ["7"]
