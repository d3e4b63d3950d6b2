"""What the client notes of how long a company took to answer."""

import time
from datetime import date
from math import ceil
from typing import Final

from aiohttp import ServerDisconnectedError

from collector.core.cell import Cell, Window
from collector.telemetry.histogram import SlowCompany
from collector.telemetry.stats import RunStats
from tests.http.client_bench import GOOD, bench_for
from tests.http.mocked import Answer, Sent, answer

_DAY: Final = Window(date(2026, 1, 1), date(2026, 1, 1))

_Told = dict[str, list[tuple[int, float] | None]]
"""For each company statuses and the seconds that they take; None for no answer at all."""


async def _ask_all(told: _Told) -> RunStats:
    """Let a client ask each company until nothing is left to answer."""
    # In binary fractions of whole seconds, so that differences are exact.
    now = float(ceil(time.monotonic()))

    def respond(sent: Sent) -> Answer:
        nonlocal now
        status, seconds = told[sent.url.parts[-2]].pop(0) or (0, 9.0)
        now += seconds
        return answer(GOOD, status) if status else ServerDisconnectedError()

    async with bench_for(respond, companies=9, clock=lambda: now) as bench:
        for company_id, answers in told.items():
            while answers:
                await bench.fetch(Cell(company_id, _DAY))
        return bench.stats


async def test_the_answers_of_a_company_are_added_up() -> None:
    """Over all of its windows, and from each answer what it took by itself."""
    usual: _Told = {str(number): [(200, 0.125), (200, 0.125)] for number in range(5)}
    stats = await _ask_all({**usual, "slow": [(200, 2.0), (200, 4.0)]})
    assert stats.company_latencies.slowest(3) == [SlowCompany("slow", 3.0, 2)]
    assert stats.company_latencies.median() == 0.125


async def test_what_is_no_answer_makes_no_company_slow() -> None:
    """Refusals, errors and tries without an answer are told elsewhere."""
    usual: _Told = {str(number): [(200, 0.125)] for number in range(5)}
    refused: _Told = {"refused": [(404, 9.0), (500, 9.0), None, (200, 0.125), (429, 9.0)]}
    stats = await _ask_all({**usual, **refused})
    assert stats.company_latencies.slowest(3) == []
