"""What a token issuer may answer, with a real server and the real command."""

import json
from collections.abc import Callable
from typing import Final

import pytest
from aiohttp import web

from tests.conftest import Command, Finished, company_lines
from tests.end_to_end.service import Service, good
from tests.end_to_end.steps import assert_all_answered

_COMPANIES: Final = 60


async def _run(
    command: Command, grant: Callable[[str], web.Response], rate: int = 200
) -> tuple[Finished, Service]:
    command.write("companies.txt", company_lines(_COMPANIES))
    async with Service(lambda _: good(), grant=grant).serving() as service:
        finished = await service.point(command).run(
            *("run", "companies.txt", "--output", "r", "--trust-dates", "--rate", f"{rate}")
        )
    return finished, service


async def test_a_201_with_a_byte_order_mark_is_a_token(command: Command) -> None:
    """The run collects everything with it."""

    def grant(name: str) -> web.Response:
        body = b"\xef\xbb\xbf" + json.dumps({"access_token": name}).encode()
        return web.Response(body=body, status=201, content_type="application/json")

    finished, service = await _run(command, grant)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, _COMPANIES)
    assert list(service.issued) == ["t0"]


@pytest.mark.slow
@pytest.mark.parametrize("expires_in", ["1e-300", "0.001", "0", "-5", "1e999", '"nan"'])
async def test_a_life_that_cannot_be_true_costs_one_token(
    command: Command, expires_in: str
) -> None:
    """However many requests are sent."""

    def grant(name: str) -> web.Response:
        body = f'{{"access_token": "{name}", "token_type": "bearer", "expires_in": {expires_in}}}'
        return web.Response(text=body, content_type="application/json")

    finished, service = await _run(command, grant, rate=50)
    assert finished.exit_code == 0, finished
    assert_all_answered(command, _COMPANIES)
    assert list(service.issued) == ["t0"]


async def test_a_token_of_another_type_is_refused(command: Command) -> None:
    """Exit 3 with the type, and nothing is sent with it."""

    def grant(name: str) -> web.Response:
        return web.json_response({"access_token": name, "token_type": "DPoP"})

    finished, service = await _run(command, grant)
    assert finished.exit_code == 3, finished
    assert 'issued a token whose token_type is "DPoP"; only Bearer' in finished.stderr
    assert len(service.issued) == 1
    assert service.asked == []


async def test_a_token_that_is_too_long_is_refused(command: Command) -> None:
    """16 KiB at most: no server takes such a header."""

    def grant(name: str) -> web.Response:
        return web.json_response({"access_token": name + "x" * 16_384})

    finished, service = await _run(command, grant)
    assert finished.exit_code == 3, finished
    assert "issued an access_token of 16386 characters; at most 16384" in finished.stderr
    assert "xxxx" not in finished.stderr
    assert service.asked == []
