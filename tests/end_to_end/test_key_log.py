"""The keys of TLS connections, with which the access token can be read, are written to no file."""

import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import Command, StartOwnApi
from tests.http.certificates import Made, make_certificate

pytestmark = pytest.mark.slow

_IGNORED: Final = "collector: warning: SSLKEYLOGFILE is ignored: "

_RUN: Final = (*("run", "-", "--output", "r"), "--trust-dates")


@pytest.mark.parametrize(
    "arguments",
    [
        _RUN,
        (*_RUN, "--shard", "0/1"),
        (*_RUN, "--engine", "dask", "--workers", "1"),
        ("check", "-"),
    ],
    ids=["run", "shard", "dask", "check"],
)
async def test_no_keys_are_written(
    command: Command, serve: StartOwnApi, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Neither those of requests nor those of a local cluster; a warning says so, once."""
    certificate = make_certificate(tmp_path, Made("localhost"))
    api = await serve(lambda _company, _before: 200, tls=certificate.server, host="localhost")
    keys = tmp_path / "keys"
    keyed = api.point(command).with_environment(SSLKEYLOGFILE=str(keys))
    done = await keyed.without_debugging().run(
        *(*arguments, "--ca-file", str(certificate.path)), stdin=b"1\n2\n"
    )
    assert done.exit_code == 0, done
    assert api.asked.keys() == {"1", "2"}
    assert done.stderr.startswith(_IGNORED)
    assert done.stderr.count("SSLKEYLOGFILE is") == 1
    assert not keys.exists()


@pytest.mark.parametrize(
    "program",
    [(sys.executable, "-m", "collector"), (str(Path(sys.executable).with_name("collector")),)],
    ids=["python -m collector", "collector"],
)
async def test_a_file_that_cannot_be_written_matters_not(
    command: Command, serve: StartOwnApi, program: tuple[str, ...]
) -> None:
    """Also while aiohttp is imported."""
    api = await serve(lambda _company, _before: 200)
    command.write("companies.txt", "1\n")
    keyed = api.point(command).with_environment(
        SSLKEYLOGFILE=str(command.directory / "no" / "keys")
    )
    run = ("run", "companies.txt", "--output", "r", "--trust-dates", "--quiet")
    done = await keyed.finish(await keyed.spawn(*program, *run))
    assert done.exit_code == 0, done
    assert done.stderr.startswith(_IGNORED)
    assert done.stderr.count("\n") == 1
