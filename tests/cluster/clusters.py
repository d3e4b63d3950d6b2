"""Real clusters of Dask for tests, and what their runs leave on the disk."""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ENVIRONMENT
from tests.forking import Forked, Order

Cell = tuple[str, str | None, str | None]
Cells = Counter[Cell]

_DASK = str(Path(sys.executable).with_name("dask"))


class Cluster:
    """A scheduler and its workers, each a process of its own that knows nothing of credentials."""

    def __init__(self, directory: Path, scheduler: Forked) -> None:
        self.directory = directory
        self.scheduler = scheduler
        self.workers: list[Forked] = []
        self.address = ""
        self.start_worker: Callable[[], None] = lambda: None
        """Start one more."""

    @property
    def options(self) -> tuple[str, ...]:
        """What is said to `collector run` for it to work there."""
        return ("--engine", "dask", "--scheduler", self.address)

    def read_address(self) -> None:
        """Wait until the scheduler has said where it listens."""
        file = self.directory / "scheduler.json"
        until = time.monotonic() + 30
        while not file.exists() or not file.read_bytes().endswith(b"}"):
            assert time.monotonic() < until
            assert self.scheduler.poll() is None
            time.sleep(0.02)
        self.address = json.loads(file.read_bytes())["address"]

    def wait_for_workers(self) -> None:
        """Wait until each worker has said that the scheduler knows it."""
        until = time.monotonic() + 30
        while (self.directory / "dask.log").read_bytes().count(b"Registered to:") < len(
            self.workers
        ):
            assert time.monotonic() < until
            assert all(worker.poll() is None for worker in self.workers)
            time.sleep(0.02)


@contextmanager
def cluster(
    directory: Path, *, workers: int = 2, preload: str = "", worker_host: str = "127.0.0.1"
) -> Iterator[Cluster]:
    """Start a cluster on loopback, all of it; `preload` is code that each worker runs first."""
    directory.mkdir(parents=True, exist_ok=True)
    options = ["--no-dashboard", "--scheduler-file", "scheduler.json"]
    more = []
    if preload:
        (directory / "before.py").write_text(preload, encoding="utf-8")
        more = ["--preload", str(directory / "before.py")]
    with ExitStack() as opened:
        start = ["scheduler", "--host", "127.0.0.1", "--port", "0"]
        made = Cluster(directory, _started(opened, directory, [*start, *options]))
        made.read_address()
        options += [
            "--nthreads",
            "1",
            "--no-nanny",
            "--local-directory",
            ".",
            "--host",
            worker_host,
        ]

        def start_worker() -> None:
            made.workers.append(_started(opened, directory, ["worker", *options, *more]))

        made.start_worker = start_worker
        for _ in range(workers):
            start_worker()
        made.wait_for_workers()
        yield made


def _started(opened: ExitStack, directory: Path, arguments: list[str]) -> Forked:
    order = Order(arguments, directory, ENVIRONMENT, program=_DASK)
    with (directory / "dask.log").open("ab") as log, Path(os.devnull).open("rb") as nothing:
        process = Forked(order, [nothing.fileno(), log.fileno(), log.fileno()])
    opened.callback(_end, process)
    return process


def _end(process: Forked) -> None:
    process.kill()
    process.wait()


def children(pid: int) -> list[int]:
    """Return the processes that a process has started, and that are there now."""
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return sorted(child for child in pids if _stat(child)[1:2] == [str(pid)])


def workers_of(pid: int) -> list[int]:
    """Return the workers of the local cluster that a run has started."""
    return [child for child in children(pid) if b"spawn_main" in _words(child)]


def is_alive(pid: int) -> bool:
    """Tell whether a process is running."""
    return _stat(pid)[:1] not in ([], ["Z"])


def _stat(pid: int) -> list[str]:
    """Return state, parent and more of a process; nothing if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _words(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def lines_of(run: Path, stem: str = "statistics") -> list[dict[str, Any]]:
    """Read the lines of all shards, each of which must be whole."""
    lines = []
    for path in sorted(run.glob(f"{stem}*.jsonl")):
        text = path.read_text(encoding="utf-8")
        assert not text or text.endswith("\n"), path
        lines += [json.loads(line) for line in text.splitlines()]
    return lines


def cells_of(run: Path) -> Cells:
    """Count the lines of each cell."""
    return Counter(map(_cell, lines_of(run)))


def answers_of(run: Path) -> dict[Cell, dict[str, Any]]:
    """Give the answer of each cell, and see that none has two."""
    lines = lines_of(run)
    answers = {_cell(line): line["statistics"] for line in lines}
    assert len(answers) == len(lines)
    return answers


def _cell(line: dict[str, Any]) -> Cell:
    return line["company_id"], line["from_date"], line["until_date"]


def attempts_of(run: Path) -> list[list[dict[str, Any]]]:
    """Read the attempts of each shard."""
    return [
        json.loads(path.read_bytes())["attempts"]
        for path in sorted(run.glob("run-*-of-?????.json"))
    ]


def codes_of(run: Path) -> list[list[int | None]]:
    """Return how the attempts of each shard have ended."""
    return [[attempt["exit_code"] for attempt in shard] for shard in attempts_of(run)]
