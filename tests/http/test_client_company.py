"""What the client notes of how long a company took to answer."""

import json
from datetime import date
from typing import Final

from yarl import URL

from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.outcome import FailureKind
from collector.core.secrets import Redactor, Secret
from collector.http.client import Addresses, StatisticsClient
from collector.http.gate import Gate
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport, TransportFailure
from collector.pace import RateController
from collector.plan.date_params import DateQuery
from collector.simulator import Simulator, SimulatorSettings
from collector.telemetry.histogram import SlowCompany
from collector.telemetry.log import EventLog
from collector.telemetry.stats import RunStats

_ZEROS: Final = {"total": 0, "sended": 0, "pending": 0, "fails": 0, "actions": {}, "campaign": 0}
_GOOD: Final = json.dumps({"code": 200, "data": _ZEROS}).encode()
_DAY: Final = Window(date(2026, 1, 1), date(2026, 1, 1))


class _Told:
    """Sends nothing, and answers what it was told: a status and seconds, or nothing at all."""

    def __init__(self, gate: Gate, answers: dict[str, list[tuple[int, float] | None]]) -> None:
        self._gate = gate
        self._answers = answers

    async def get(
        self, url: URL, _tokens: TokenSource, *, is_alone: bool = False, is_last: bool = False
    ) -> Response | TransportFailure:
        assert not is_alone
        assert not is_last
        permit = await self._gate.acquire()
        told = self._answers[url.parts[-2]].pop(0)
        if told is None:
            return TransportFailure(FailureKind.TIMEOUT, "too slow", permit, 1)
        return Response(told[0], {}, _GOOD, False, permit, 1, told[1])  # noqa: FBT003 - is_cut


async def _ask_all(answers: dict[str, list[tuple[int, float] | None]]) -> RunStats:
    """Let a client ask each company until nothing is left to answer."""
    gate, stats, redact = (
        Gate(RateController(1e6, companies=9, probe_seconds=60.0)),
        RunStats(9),
        Redactor(),
    )
    client = StatisticsClient(
        transport=_Told(gate, answers),
        gate=gate,
        tokens=TokenSource(None, Token.of(Secret("static"))),
        stats=stats,
        redact=redact,
        addresses=Addresses("http://127.0.0.1:9", DateQuery("from_date", "until_date")),
        log=EventLog("error", redact).logger,
    )
    for company_id, told in answers.items():
        while told:
            await client.fetch(Cell(company_id, _DAY))
    return stats


async def test_the_answers_of_a_company_are_added_up() -> None:
    """Over all of its windows, and from each answer what it took by itself."""
    usual: dict[str, list[tuple[int, float] | None]] = {
        str(number): [(200, 0.1), (200, 0.1)] for number in range(5)
    }
    stats = await _ask_all({**usual, "slow": [(200, 2.0), (200, 4.0)]})
    assert stats.company_latencies.slowest(3) == [SlowCompany("slow", 3.0, 2)]
    assert stats.company_latencies.median() == 0.1


async def test_what_is_no_answer_makes_no_company_slow() -> None:
    """Refusals, errors and tries that ran out of time are told elsewhere."""
    usual: dict[str, list[tuple[int, float] | None]] = {
        str(number): [(200, 0.1)] for number in range(5)
    }
    refused: list[tuple[int, float] | None] = [(404, 9.0), (500, 9.0), None, (200, 0.1), (429, 9.0)]
    stats = await _ask_all({**usual, "refused": refused})
    assert stats.company_latencies.slowest(3) == []


async def test_an_answer_takes_as_long_as_the_run_counts_for_it() -> None:
    """From the gate to its last byte: the wait at the gate is none of the company's."""
    async with Simulator(SimulatorSettings(port=0, latency=0.02)) as server:
        gate, stats = Gate(RateController(1e6, companies=9, probe_seconds=60.0)), RunStats(1)
        tokens = TokenSource(None, Token.of(Secret(server.issue_token())))
        query = DateQuery("from_date", "until_date")
        url = Addresses(server.base_url, query)(Cell("7", SERVER_DEFAULT))
        async with Transport(gate, stats, concurrency=4, timeout=10.0) as transport:
            reply = await transport.get(url, tokens)
    assert isinstance(reply, Response)
    assert reply.seconds == stats.latencies.longest >= 0.02
