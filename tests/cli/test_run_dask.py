"""What `collector run --engine dask` refuses, and how it says so: real schedulers and workers."""

import os
import re
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.cli.terminal import on_a_terminal
from tests.cluster.clusters import cluster
from tests.conftest import company_lines

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--engine", "dask", "--shard", "0/2"), "--shard is for processes that are started"),
        (("--workers", "2"), "--workers is for --engine dask"),
        (("--scheduler", "tls://10.0.0.1:8786"), "--scheduler is for --engine dask"),
        (("--insecure-cluster",), "--insecure-cluster is for --engine dask"),
        (
            ("--engine", "dask", "--workers", "2", "--scheduler", "tls://10.0.0.1:8786"),
            "give one of them",
        ),
        (("--engine", "dask", "--workers", "0"), "--workers"),
        (("--engine", "spark"), "--engine"),
    ],
)
async def test_options_that_do_not_go_together(
    command: Any,  # noqa: ANN401 - see conftest
    options: tuple[str, ...],
    words: str,
) -> None:
    """Exit code 2 before anything is read or sent."""
    with_token = command.with_environment(TRUST_ACCESS_TOKEN="fake")  # noqa: S106 - fake
    done = await with_token.without_debugging().run("run", "-", *options, stdin=b"1\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert command.files() == set()


@pytest.mark.parametrize("missing", ["dask", "distributed", "cryptography"])
async def test_without_the_extra_it_says_how_to_get_it(
    command: Any,  # noqa: ANN401 - see conftest
    missing: str,
) -> None:
    """With 2, whichever of its packages is missing; nothing is read, sent or written."""
    (command.directory / "without").mkdir()
    command.write(
        f"without/{missing}.py", f"raise ModuleNotFoundError('nothing', name='{missing}')\n"
    )
    path = os.pathsep.join([str(command.directory / "without"), str(Path.cwd())])
    without = command.with_environment(PYTHONPATH=path, TRUST_ACCESS_TOKEN="fake")  # noqa: S106
    done = await without.without_debugging().run("run", "-", "--engine", "dask", stdin=b"1\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == (
        f"collector: {missing} is not installed, and this command needs it; install it with: "
        f"{sys.executable} -m pip install 'cryptography>=46' 'distributed>=2026.7'\n"
    )


async def test_a_configuration_of_dask_that_it_cannot_read(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """With 2 and where to look; Dask reads it while it is imported."""
    command.write("dask.yaml", "{")
    odd = command.with_environment(DASK_CONFIG="dask.yaml", TRUST_ACCESS_TOKEN="fake")  # noqa: S106
    done = await odd.from_the_start().run("run", "-", "--engine", "dask", stdin=b"1\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("collector: --engine dask: the configuration of Dask cannot be")
    assert "'dask.yaml' is malformed" in done.stderr
    assert "look at DASK_CONFIG" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://10.0.0.1:8786", "would go over the network in plain text"),
        # What else is none is in tests/engine/test_engine_addresses.py.
        ("tcp://127.0.0.1", "is no address of a scheduler"),
    ],
)
async def test_addresses_that_are_refused_at_once(
    start_api: StartApi, against: Against, address: str, words: str
) -> None:
    """Exit code 2; nothing is sent, not even for a token, and nothing is written."""
    api = await start_api()
    command = against(api).without_debugging()
    done = await command.run(
        *("run", "-", "--output", "r", "--engine", "dask", "--scheduler", address), stdin=b"1\n"
    )
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert api.counts.total == 0
    assert command.files() == set()


@pytest.mark.slow
async def test_a_scheduler_that_is_not_there(start_api: StartApi, against: Against) -> None:
    """Exit code 4, for it may come back: after 20 seconds, or ten with a short `--max-outage`.

    It says how to start one; nothing was sent, not even for a token, and nothing is left behind.
    """
    api = await start_api()
    command = against(api).without_debugging()
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
        done = await command.run(
            *("run", "-", "--output", "r", "--engine", "dask", "--scheduler", address),
            *("--max-outage", "1s"),
            stdin=b"1\n",
        )
    assert done.exit_code == 4, done.stderr
    assert f"--scheduler {address}: no scheduler of Dask answers there" in done.stderr
    assert "start one with: dask scheduler, then run the same command again" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "0 sent" in done.stdout
    assert "next      check that the scheduler and its workers are up" in done.stdout
    assert api.counts.total == 0
    assert command.files() == set()


async def test_an_output_that_is_a_link_to_itself(start_api: StartApi, against: Against) -> None:
    """It ends with 5 and the remedy, on every Python, and no cell is asked for."""
    api = await start_api()
    command = against(api).without_debugging()
    (command.directory / "r").symlink_to("r")
    options = ("--engine", "dask", "--scheduler", "tcp://127.0.0.1:1")
    done = await command.run("run", "-", "--output", "r", *options, stdin=b"1\n")
    assert done.exit_code == 5, done
    where = command.directory / "r"
    assert done.stderr == (
        f"collector: --output {where}: cannot be read: Too many levels of symbolic links; "
        "give another --output\n"
    )
    assert api.counts.kinds["statistics"] == 0


async def test_a_complete_run_needs_no_cluster(start_api: StartApi, against: Against) -> None:
    """Nothing is sent, no scheduler is looked for, and the end is 0, with the API dead or alive."""
    api = await start_api()
    command = against(api).without_debugging()
    run = ("run", "-", "--rate", "1000", "--output", "r", "--last", "2d", "--window", "1d")
    first = await command.run(*run, stdin=b"1\n2\n")
    assert first.exit_code == 0, first.stderr
    sent, before = api.counts.total, command.files()
    dead = command.with_environment(
        COLLECTOR_BASE_URL=api.base_url,
        COLLECTOR_TOKEN_URL="http://127.0.0.1:1/token",  # noqa: S106 - an address without a server
    )
    with_dask = ("--engine", "dask", "--scheduler", "tcp://127.0.0.1:1")
    again = await dead.run(*run, *with_dask, stdin=b"1\n2\n")
    assert again.exit_code == 0, again.stderr
    assert "4 of 4 answered" in again.stdout
    assert "4 of them in earlier attempts" in again.stdout
    assert api.counts.total == sent
    assert command.files() == before


# The process is forked from one that has imported the collector.
_OLD = """
import sys

for name, module in list(sys.modules.items()):
    if name.partition('.')[0] == 'collector' and hasattr(module, '__version__'):
        module.__version__ = '0.0.1'
"""
_NONE = """
import sys

for name in list(sys.modules):
    if name.partition('.')[0] == 'collector':
        sys.modules[name] = None
"""
_BLIND = """
import pathlib

_read = pathlib.Path.read_bytes

def read_bytes(path):
    if path.name == 'run-cluster.lock':
        raise FileNotFoundError
    return _read(path)

pathlib.Path.read_bytes = read_bytes
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "words"),
    [
        pytest.param(_OLD, "a worker of the cluster has collector 0.0.1", id="another version"),
        pytest.param(_NONE, "a worker of the cluster cannot run the collector", id="no collector"),
        pytest.param(_BLIND, "a worker of the cluster does not see ", id="another disk"),
    ],
)
async def test_a_worker_that_is_of_no_use(
    start_api: StartApi, against: Against, tmp_path: Path, before: str, words: str
) -> None:
    """Exit code 2 before a cell is asked for; it names the worker."""
    api = await start_api()
    command = against(api).without_debugging()
    with cluster(tmp_path / "cluster", workers=1, preload=before) as made:
        done = await command.run("run", "-", "--output", "r", *made.options, stdin=b"1\n")
    assert (done.exit_code, done.stdout) == (2, "")
    assert f": {words}" in done.stderr
    assert "collector: tcp://127.0.0.1:" in done.stderr
    assert api.counts.total == 0
    # Not even the lock that workers were to see.
    assert not (command.directory / "r").exists()


@pytest.mark.torture
async def test_a_cluster_without_workers(
    start_api: StartApi, against: Against, tmp_path: Path
) -> None:
    """Workers may be on their way for a minute; then it is an outage (4)."""
    api = await start_api()
    command = against(api).without_debugging()
    with cluster(tmp_path / "cluster", workers=0) as made:
        done = await command.run("run", "-", "--output", "r", *made.options, stdin=b"1\n")
    assert done.exit_code == 4, done.stderr
    assert "has had no worker for 60 s" in done.stderr
    assert api.counts.total == 0


@pytest.mark.slow
async def test_workers_on_a_network_need_consent(
    start_api: StartApi, against: Against, tmp_path: Path
) -> None:
    """A scheduler on loopback whose worker speaks plain text on another address is refused."""
    own = _own_address()
    if own is None:
        pytest.skip("this machine has no address but loopback")
    api = await start_api()
    command = against(api).without_debugging()
    with cluster(tmp_path / "cluster", workers=1, worker_host=own) as made:
        run = ("run", "-", "--output", "r", *made.options)
        refused = await command.run(*run, stdin=b"1\n")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert f"tcp://{own}:" in refused.stderr
        assert "would go over the network in plain text" in refused.stderr
        assert api.counts.total == 0
        allowed = await command.run(*run, "--insecure-cluster", stdin=b"1\n")
        assert allowed.exit_code == 0, allowed.stderr


def _own_address() -> str | None:
    """Return an address of this machine that is not loopback; nothing is sent for that."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = str(asking.getsockname()[0])
    return None if address.startswith("127.") else address


@pytest.mark.torture
async def test_one_display_for_all(start_api: StartApi, against: Against, tmp_path: Path) -> None:
    """In a terminal: cells and rate of both shards together, and their summary at the end."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(480))
    with cluster(tmp_path / "cluster") as made:
        shown = await on_a_terminal(
            command,
            *("run", "companies.txt", "--rate", "80", "--output", "r"),
            *made.options,
            columns=100,
        )
    done = [int(count) for count in re.findall(r"(\d+) of 480 cells", shown)]
    assert done == sorted(done)
    assert len(set(done)) > 3
    # Each shard has about half of them.
    assert max(done) > 300
    assert " of 80 requests/s" in shown
    assert "480 of 480 answered" in shown
