"""Runs against servers that send more than was requested: no line has another cell's figures."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.cell import Window
from collector.core.errors import ExitCode
from collector.core.secrets import Secret
from collector.http import connector
from collector.http.credentials import AccessToken, ClientCredentials
from collector.plan import Companies, Plan
from collector.run.run import End, Run
from collector.settings import RunSettings
from collector.settings.parsers import Duration, Rate
from tests.run.unsteady_server import Surplus, UnsteadyServer, answer_to, wrong_lines

_FIRST = date(2026, 9, 1)

Chooses = Callable[[int, int], Surplus | None]


_OPTIONS = RunSettings(rate=Rate(100_000), concurrency=4, trust_dates=True, max_outage=Duration(5))


def _plan(cells: int) -> Plan:
    days = [_FIRST + timedelta(number) for number in range(4)]
    ids = tuple(str(number) for number in range(1, cells // len(days) + 1))
    return Plan(Companies(ids), [Window(day, day) for day in days])


def _run(server: UnsteadyServer, output: Path, *, cells: int, concurrency: int) -> Run:
    options = replace(_OPTIONS, base_url=server.base_url, concurrency=concurrency)
    return Run(_plan(cells), options, AccessToken(Secret("made-up-token")), output)


async def _collect(
    server: UnsteadyServer, output: Path, *, cells: int = 80, concurrency: int
) -> End:
    """Run to the end, and check that every line has the figures of its cell."""
    async with asyncio.timeout(60):
        end = await _run(server, output, cells=cells, concurrency=concurrency).execute()
    answers = output / "statistics.jsonl"
    assert wrong_lines(answers) == []
    lines = [json.loads(line) for line in answers.read_bytes().splitlines()]
    keys = {(line["company_id"], line["from_date"]) for line in lines}
    assert len(keys) == len(lines)
    if end.exit_code is ExitCode.COMPLETE:
        assert len(lines) == cells
    return end


def _events(output: Path, name: str) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in (output / "log.jsonl").read_bytes().splitlines()]
    return [event for event in events if event["event"] == name]


@pytest.mark.parametrize("concurrency", [1, 64])
async def test_a_server_in_step_is_asked_once_for_each_cell(
    tmp_path: Path, concurrency: int
) -> None:
    """On few connections, each of which serves many requests."""
    async with UnsteadyServer() as server:
        end = await _collect(server, tmp_path, cells=800, concurrency=concurrency)
        assert end == End(ExitCode.COMPLETE)
        assert server.requests == 800
        assert server.connections < 20 + 6 * concurrency
    assert _events(tmp_path, "answers_not_attributed") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "concurrency"),
    [
        pytest.param(kind, count, marks=() if is_quick else pytest.mark.torture)
        for kind, quick in (
            ("repeat", 64),
            ("other", 1),
            ("408", 1),
            ("blank", 64),
            ("rubbish", 64),
        )
        for count, is_quick in ((quick, True), (65 - quick, False))
    ],
)
async def test_bytes_without_a_request_are_no_answer(
    tmp_path: Path, concurrency: int, kind: str
) -> None:
    """5 to 30 milliseconds after every third answer, between requests and after they have left."""

    def chooses(connection: int, number: int) -> Surplus | None:
        moment = (connection * 7 + number * 3) % 26
        return Surplus(kind, 0.005 + moment / 1000) if (connection + number) % 3 == 0 else None

    async with UnsteadyServer(chooses, latency=0.003) as server:
        end = await _collect(server, tmp_path, cells=400, concurrency=concurrency)
        assert end == End(ExitCode.COMPLETE)
        assert server.surplus > 0
    (attempt,) = json.loads((tmp_path / "run.json").read_bytes())["attempts"]
    warning = f"{server.base_url} sends answers that were not requested"
    if kind in {"repeat", "other"}:
        assert [text.startswith(warning) for text in attempt["remarks"]] == [True]


@pytest.mark.parametrize("concurrency", [1, 64])
async def test_a_server_that_continues_after_it_was_asked_to_close_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, concurrency: int
) -> None:
    """It declares nothing, so each connection serves one request, and is watched for more."""
    monkeypatch.setattr(connector, "_LINGER_SECONDS", 0.1)

    def chooses(connection: int, _number: int) -> Surplus | None:
        return Surplus("other", 0.02) if connection % 3 == 0 else None

    async with UnsteadyServer(chooses, honours_close=False) as server:
        end = await _collect(server, tmp_path, cells=80, concurrency=concurrency)
        assert end == End(ExitCode.COMPLETE)
        assert server.requests == server.connections
        assert server.surplus > 0


@pytest.mark.parametrize("honours_close", [True, False])
@pytest.mark.parametrize("concurrency", [1, 64])
async def test_a_greeting_is_no_answer(
    tmp_path: Path, concurrency: int, *, honours_close: bool
) -> None:
    """No answer can be attributed: the run ends with 7, and writes none."""
    greeting = answer_to(3, "2026-09-02")
    async with UnsteadyServer(greeting=greeting, honours_close=honours_close) as server:
        end = await _collect(server, tmp_path, concurrency=concurrency)
    assert end.exit_code is ExitCode.DATES
    assert end.error is not None
    assert "cannot be attributed to requests" in end.error
    assert server.base_url in end.error
    assert (tmp_path / "statistics.jsonl").read_bytes() == b""


@pytest.mark.parametrize("concurrency", [1, 64])
@pytest.mark.parametrize("declares", [True, False])
async def test_an_answer_may_end_with_its_connection(
    tmp_path: Path, concurrency: int, *, declares: bool
) -> None:
    """It has no length: each connection brings one answer, and none is requested twice."""
    async with UnsteadyServer(ends_by_close=True, honours_close=declares) as server:
        end = await _collect(server, tmp_path, cells=80, concurrency=concurrency)
        assert end == End(ExitCode.COMPLETE)
        assert server.requests == server.connections == 80


@pytest.mark.parametrize("honours_close", [True, False])
async def test_an_answer_behind_the_token_is_no_answer(
    tmp_path: Path, *, honours_close: bool
) -> None:
    """The token is issued at the same address, and has a connection of its own."""
    async with UnsteadyServer(honours_close=honours_close) as server:
        options = replace(
            _OPTIONS, base_url=server.base_url, token_url=f"{server.base_url}/oauth/token/"
        )
        credentials = ClientCredentials(Secret("made-up-id"), Secret("made-up-secret"))
        run = Run(_plan(40), options, credentials, tmp_path)
        assert await run.execute() == End(ExitCode.COMPLETE)
    assert wrong_lines(tmp_path / "statistics.jsonl") == []


async def test_a_server_that_closes_early_is_asked_again_for_what_is_uncertain(
    tmp_path: Path,
) -> None:
    """After every fifth answer; the connections serve fewer requests then."""
    async with UnsteadyServer(most_answers=5) as server:
        end = await _collect(server, tmp_path, cells=400, concurrency=4)
        assert end == End(ExitCode.COMPLETE)
        assert 400 <= server.requests < 500
    reasons = {event["reason"] for event in _events(tmp_path, "answers_not_attributed")}
    assert reasons == {"lost"}


_SURPLUS = st.builds(
    Surplus,
    st.sampled_from(["repeat", "other", "408", "blank", "rubbish"]),
    st.floats(0.0, 0.05),
    st.none() | st.integers(1, 150),
)


_draw = given(
    st.lists(st.none() | _SURPLUS, min_size=1, max_size=12),
    st.sampled_from([1, 3, 64]),
    st.sampled_from([0.0, 0.002, 0.02]),
    st.booleans(),
)


async def _draw_and_collect(
    surplus: list[Surplus | None],
    concurrency: int,
    latency: float,
    honours_close: bool,  # noqa: FBT001 - drawn
) -> None:
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as output:
        patch.setattr(connector, "_LINGER_SECONDS", 0.1)
        server = UnsteadyServer(
            lambda connection, number: surplus[(connection + number) % len(surplus)],
            honours_close=honours_close,
            latency=latency,
        )
        async with server:
            await _collect(server, Path(output), cells=48, concurrency=concurrency)


# Surplus bytes of any kind, at any moment, whole or in two pieces.
test_no_line_is_wrong_whatever_a_server_sends = settings(max_examples=10)(_draw(_draw_and_collect))
test_no_line_is_wrong_in_hundreds_of_draws = pytest.mark.torture(
    settings(max_examples=300)(_draw(_draw_and_collect))
)
