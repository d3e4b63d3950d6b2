"""Forked processes are what their starter would have made of them, and end with it."""

import asyncio
import importlib
import os
import resource
import signal
import sys
from pathlib import Path

import pytest

from tests.cluster.clusters import is_alive
from tests.conftest import ENVIRONMENT, Command, LargestFile, end
from tests.forking import Forked, Order

_SLEEPS = "import time; print('begun', flush=True); time.sleep(3600)"


@pytest.mark.parametrize(
    ("code", "exit_code", "stdout", "stderr"),
    [
        ("import sys; sys.exit(7)", 7, "", ""),
        ("raise SystemExit('why')", 1, "", "why\n"),
        ("print(input())", 0, "what was said\n", ""),
        ("import os; print(os.getcwd() == os.environ['HERE'])", 0, "True\n", ""),
        ("import atexit; atexit.register(print, 'last'); print('first')", 0, "first\nlast\n", ""),
        ("import threading\nthreading.Timer(0.05, print, ['thread']).start()", 0, "thread\n", ""),
        ("import os; os.kill(os.getpid(), 9)", -9, "", ""),
        ("import signal; signal.raise_signal(signal.SIGTERM)", -15, "", ""),
        ("import os; print(len(os.listdir('/proc/self/fd')))", 0, "4\n", ""),
        ("import sys; sys.stdout = open('/dev/full', 'w'); print('x')", 120, "", ""),
        ("import resource; print(resource.getrlimit(resource.RLIMIT_CORE)[0])", 0, "0\n", ""),
    ],
)
async def test_a_program_ends_as_python_ends_it(
    command: Command, code: str, exit_code: int, stdout: str, stderr: str
) -> None:
    """Exit code, streams, directory, environment, threads, and nothing of the server's."""
    here = command.with_environment(HERE=str(command.directory))
    limits = {resource.RLIMIT_CORE: (0, 0)}
    done = await here.run(code=code, stdin=b"what was said\n", limits=limits)
    assert (done.exit_code, done.stdout, done.stderr) == (exit_code, stdout, stderr)


async def test_an_error_is_shown(command: Command) -> None:
    """With its traceback, and ends the program with 1."""
    done = await command.run(code="1 / 0")
    assert done.exit_code == 1
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")


async def test_what_a_test_leaves_behind_is_ended(command: Command) -> None:
    """Whether it has failed or not: forked or not, and stopped or not."""
    forked = await command.start(code=_SLEEPS)
    assert forked.stdout is not None
    assert await forked.stdout.readline() == b"begun\n"
    stopped = await command.start(code=_SLEEPS)
    stopped.send_signal(signal.SIGSTOP)
    started = await command.spawn(sys.executable, "-c", _SLEEPS)
    assert command.processes == [forked, stopped, started]
    for process in command.processes:
        await end(process)
        assert process.returncode == -signal.SIGKILL
        assert not is_alive(process.pid)


def test_a_process_whose_client_has_gone_is_killed(tmp_path: Path) -> None:
    """As when the tests are killed themselves."""
    reading, writing = os.pipe()
    order = Order((), tmp_path, ENVIRONMENT, code=_SLEEPS)
    with Path(os.devnull).open("rb") as nothing:
        process = Forked(order, [nothing.fileno(), writing, writing])
    os.close(writing)
    with open(reading, "rb", buffering=0) as said:  # noqa: PTH123 - a descriptor
        assert said.read(100) == b"begun\n"
        assert is_alive(process.pid)
        process.close()
        # The pipe ends with the process.
        assert said.read(100) == b""


async def test_many_at_once_are_each_their_own(command: Command) -> None:
    """Their numbers, codes and outputs are not mixed up."""
    code = "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[1]))"
    ended = await asyncio.gather(*(command.run(str(n), code=code) for n in range(20)))
    assert [(done.exit_code, done.stdout) for done in ended] == [(n, f"{n}\n") for n in range(20)]


def test_what_is_imported_while_files_are_small_is_not_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, largest_file: LargestFile
) -> None:
    """A compiled file that was cut off would make each later import of the module fail."""
    (tmp_path / "imported_once.py").write_text("TEXT = " + repr("x" * 2000))
    monkeypatch.syspath_prepend(tmp_path)
    with largest_file(1000):
        module = importlib.import_module("imported_once")
    assert len(module.TEXT) == 2000
    assert not list(tmp_path.rglob("*.pyc"))
