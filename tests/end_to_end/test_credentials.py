"""Credentials as people hand them over: in quotes, with a byte order mark, far too long."""

import os
from typing import Final

import pytest
from aiohttp import web

from tests.conftest import Command, Finished, company_lines
from tests.end_to_end.service import Service, good
from tests.end_to_end.steps import assert_all_answered

_COMPANIES: Final = 20
_SECRET: Final = "s3cret-5f2e-9c1f"  # noqa: S105 - made up


async def _run(command: Command, service: Service, *more: str, **variables: str) -> Finished:
    command.write("companies.txt", company_lines(_COMPANIES))
    given = service.point(command).with_environment(**variables)
    return await given.run(
        *("run", "companies.txt", "--output", "r", "--trust-dates", "--rate", "200", *more)
    )


def _assert_secret_is_masked(command: Command, finished: Finished) -> None:
    files = [path for path in command.directory.rglob("*") if path.is_file()]
    texts = [finished.stdout, finished.stderr, *(path.read_text() for path in files)]
    assert not [text for text in texts if _SECRET in text]


async def test_a_client_secret_in_quotes_is_hinted_at(command: Command) -> None:
    """As Docker passes it from an env file. The issuer repeats it without them: still no leak."""

    def grant(_: str) -> web.Response:
        refusal = {"error": "invalid_client", "error_description": f"wrong secret {_SECRET}"}
        return web.json_response(refusal, status=401)

    async with Service(lambda _: good(), grant=grant).serving() as service:
        finished = await _run(command, service, TRUST_CLIENT_SECRET=f'"{_SECRET}"')
    assert finished.exit_code == 3, finished
    assert "invalid_client: wrong secret [secret]" in finished.stderr
    assert "TRUST_CLIENT_SECRET begins and ends with a quote" in finished.stderr
    assert "remove both quotes" in finished.stderr
    assert "TRUST_CLIENT_ID begins" not in finished.stderr
    _assert_secret_is_masked(command, finished)


async def test_a_given_token_in_quotes_is_hinted_at(command: Command) -> None:
    """The API answers 401, and repeats it without the quotes."""

    def judge(_: object) -> web.Response:
        return web.json_response({"message": f"unknown token {_SECRET}"}, status=401)

    async with Service(judge).serving() as service:
        finished = await _run(command, service, TRUST_ACCESS_TOKEN=f"'{_SECRET}'")
    assert finished.exit_code == 3, finished
    assert "the API rejects TRUST_ACCESS_TOKEN (HTTP 401)" in finished.stderr
    assert "TRUST_ACCESS_TOKEN begins and ends with a quote" in finished.stderr
    _assert_secret_is_masked(command, finished)


async def test_a_byte_order_mark_is_skipped_in_all_files(command: Command) -> None:
    """Companies, options and credentials, each saved by an editor of Windows."""
    mark = "\ufeff"
    command.write("collector.toml", f"{mark}credentials-file = 'c.toml'\r\nmax-attempts = 2\r\n")
    lines = f'{mark}client_id = "me"\r\nclient_secret = "{_SECRET}"\r\n'
    command.write("c.toml", lines).chmod(0o600)
    command.write("with-mark.txt", f"{mark}{company_lines(_COMPANIES)}")
    async with Service(lambda _: good()).serving() as service:
        finished = await service.point(command).run(
            *("run", "with-mark.txt", "--output", "r", "--trust-dates", "--rate", "200")
        )
    assert finished.exit_code == 0, finished
    assert_all_answered(command, _COMPANIES)
    assert command.manifest("r")["attempts"][0]["settings"]["max-attempts"] == 2


@pytest.mark.parametrize(
    "name", ["TRUST_CLIENT_ID", "TRUST_CLIENT_SECRET", "TRUST_ACCESS_TOKEN", "https_proxy"]
)
async def test_a_variable_that_is_too_long_is_refused(command: Command, name: str) -> None:
    """Before anything is sent or written."""
    value = _SECRET * 1100
    if name == "https_proxy":
        value = f"http://me:{value}@127.0.0.1:1"
    async with Service(lambda _: good()).serving() as service:
        base_url = service.base_url.replace("http:", "https:")
        finished = await _run(command, service, "--base-url", base_url, **{name: value})
        assert service.asked == []
        assert service.issued == {}
    assert finished.exit_code == 2, finished
    assert f"{name} in the environment" in finished.stderr
    assert "characters; at most 16384 are accepted" in finished.stderr
    assert not (command.directory / "r").exists()
    _assert_secret_is_masked(command, finished)


async def test_a_file_that_is_too_large_is_refused(command: Command) -> None:
    """Of 5 GB, nearly nothing is read."""
    file = command.write("c.toml", f'client_secret = "{_SECRET}"')
    file.chmod(0o600)
    os.truncate(file, 5 * 1024**3)
    async with Service(lambda _: good()).serving() as service:
        finished = await _run(command, service, "--credentials-file", "c.toml")
        assert service.issued == {}
    assert finished.exit_code == 2, finished
    assert "--credentials-file c.toml: has more than 128 KiB" in finished.stderr
    file.unlink()
