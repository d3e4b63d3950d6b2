"""The Dask cluster that shards run on: a local one, or the address of one."""

import asyncio
import concurrent.futures
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from ipaddress import ip_address
from multiprocessing import resource_tracker
from threading import Event, Thread
from typing import Final

import cryptography  # noqa: F401 - `Security.temporary` needs it, and looks for it too late
import dask.config
from distributed import Client, LocalCluster, Security
from distributed.comm.addressing import parse_address, parse_host_port
from distributed.scheduler import KilledWorker

from collector import __version__
from collector.cluster.division import workers_within
from collector.cluster.site import Site
from collector.core.errors import ClusterError, InputError, StoppedError
from collector.core.text import quoted, span_text
from collector.settings import RunSettings

__all__ = [
    "check_addresses",
    "check_workers",
    "count_workers",
    "error_by",
    "no_workers",
    "open_cluster",
    "own_signals",
]

_CONNECT_SECONDS: Final = 20.0
_ANSWER_SECONDS: Final = 60.0
_IDENTITY_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.2

_MOST_PORTS: Final = 65535


@asynccontextmanager
async def open_cluster(
    settings: RunSettings, is_stopped: Callable[[], bool]
) -> AsyncIterator[Client]:
    """Open a client of the cluster that the settings name, with at least one worker.

    Raises `InputError` when the cluster is neither on loopback nor uses TLS (the token would go
    over the network in plain text), `ClusterError` when it is out of reach or has no worker, and
    `StoppedError` when `is_stopped` returns True before it has one.
    """
    _silence_logs()
    if settings.scheduler is None:
        async with _local(settings.workers or os.cpu_count() or 1) as client:
            yield client
        return
    check_addresses([settings.scheduler], is_insecure=settings.insecure_cluster)
    try:
        timeout = min(_CONNECT_SECONDS, workers_within(settings.patience))
        client = await Client(settings.scheduler, asynchronous=True, timeout=timeout)
    except OSError as error:
        raise ClusterError(
            f"--scheduler {settings.scheduler}: no scheduler of Dask answers there ({error}); "
            "start one with: dask scheduler"
        ) from error
    except (ValueError, TypeError) as error:
        raise InputError(
            f"--scheduler {settings.scheduler}: no connection in this protocol ({error}); check "
            "that Dask's configuration names the certificates, if it is tls://"
        ) from error
    async with client:
        workers = await _first_workers(client, settings, is_stopped)
        check_addresses(workers, is_insecure=settings.insecure_cluster)
        yield client


async def _first_workers(
    client: Client, settings: RunSettings, is_stopped: Callable[[], bool]
) -> Sequence[str]:
    """Wait until there are workers, and return their addresses."""
    patience = workers_within(settings.patience)
    until = time.monotonic() + patience
    while not (workers := await count_workers(client)):
        if is_stopped():
            raise StoppedError
        if time.monotonic() > until:
            raise no_workers(settings, patience) if workers is not None else _scheduler_gone()
        await asyncio.sleep(_POLL_SECONDS)
    return list(await client.nthreads())


def _silence_logs() -> None:
    """Silence the logs of Dask on the terminal: the results state what matters."""
    # Its modules have levels of their own; the level of the package does not change them.
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


@asynccontextmanager
async def _local(workers: int) -> AsyncIterator[Client]:
    """Open a client of a cluster on this machine.

    Its processes use TLS with certificates of their own, because a client of the cluster runs code
    as this user, and this machine may have other users.
    """
    settings = {
        # If a worker dies, nothing is lost: the files have the lines, and another worker continues.
        "distributed.scheduler.allowed-failures": 10,
        # Pages about the cluster, which other users of this machine could read.
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # A shard keeps its process busy, and a profiler takes the interpreter away from it.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500 ms",
        # Dask makes the C library return memory to the kernel early. Then every answer is received
        # into pages that the kernel has just mapped: a tenth of the time.
        "distributed.nanny.pre-spawn-environ": {},
    }
    async with AsyncExitStack() as opened:
        opened.enter_context(dask.config.set(settings))
        opened.enter_context(own_signals())
        try:
            cluster = await opened.enter_async_context(
                LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    protocol="tls://",
                    security=Security.temporary(),
                    dashboard_address=None,
                    # Otherwise it warns when its usual port is taken.
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                    asynchronous=True,
                )
            )
            client = await opened.enter_async_context(Client(cluster, asynchronous=True))
        except (OSError, RuntimeError) as error:
            raise ClusterError(
                f"--workers {workers}: a cluster of so many processes does not start here "
                f"({error}); give fewer --workers"
            ) from error
        yield client


def check_addresses(addresses: Iterable[str], *, is_insecure: bool) -> None:
    """Raise `InputError` for addresses over which a token would travel in plain text.

    Only TLS (`tls://`) and loopback are safe.
    """
    for address in addresses:
        scheme, host = _parsed(address)
        if is_insecure or scheme in {"tls", "inproc"} or _is_loopback(host):
            continue
        raise InputError(
            f"{address}: the access token would go over the network in plain text; use a scheduler "
            "and workers that speak TLS (tls://), or set --insecure-cluster in a trusted network"
        )


def _parsed(address: str) -> tuple[str, str]:
    """Return scheme and host of an address, as Dask parses them."""
    try:
        scheme, location = parse_address(address)
        if scheme == "inproc":
            return scheme, ""
        host, port = parse_host_port(location)
    except ValueError:
        scheme, host, port = "", "", 0
    if scheme in {"tls", "tcp"} and host and 0 < port <= _MOST_PORTS:
        return scheme, host
    raise InputError(
        f"--scheduler {quoted(address)}: is no address of a scheduler; write one such as "
        "tls://10.0.0.5:8786"
    )


async def check_workers(client: Client, site: Site) -> list[str]:
    """Return the addresses of the workers, each with this collector and access to the directory.

    Raises `InputError` otherwise, and `ClusterError` when no worker answers. Workers that join
    later are checked when they get a shard.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            seen = await client.run(site.mismatch, on_error="return")
    except TimeoutError as error:
        raise ClusterError(
            f"the workers of the cluster have not answered for {span_text(_ANSWER_SECONDS)}; see "
            "their logs"
        ) from error
    except OSError as error:
        raise _scheduler_gone() from error
    # A worker that has gone meanwhile does not count.
    seen = {worker: answer for worker, answer in seen.items() if not isinstance(answer, OSError)}
    if not seen:
        raise ClusterError("the cluster has lost its workers; start some with: dask worker")
    for worker, answer in seen.items():
        if isinstance(answer, Exception):
            raise InputError(
                f"{worker}: a worker of the cluster cannot run the collector ({answer}); install "
                f"the same version there ({__version__}), with its extra dask"
            )
        if answer is not None:
            raise InputError(f"{worker}: a worker of the cluster {answer}")
    return list(seen)


def no_workers(settings: RunSettings, seconds: float) -> ClusterError:
    """Return the error of a cluster that has had no worker for so many seconds."""
    if settings.scheduler is None:
        return ClusterError(
            f"--workers: the cluster has had no worker for {span_text(seconds)}; check why they end"
        )
    return ClusterError(
        f"--scheduler {settings.scheduler}: has had no worker for {span_text(seconds)}; start "
        "some with: dask worker"
    )


def error_by(error: BaseException) -> ClusterError | None:
    """Return the error of the cluster that an error of Dask means; None if it means another one."""
    if isinstance(error, concurrent.futures.CancelledError):
        # The text of Dask has several lines, with the key of the shard in them.
        return _scheduler_gone()
    if isinstance(error, OSError):
        text = " ".join(str(error).split()) or type(error).__name__
        return ClusterError(
            f"the cluster is out of reach ({text}); check that its scheduler and its workers are up"
        )
    if isinstance(error, KilledWorker):
        return ClusterError("the workers of the cluster die again and again; see their logs")
    return None


def _scheduler_gone() -> ClusterError:
    return ClusterError(
        "the scheduler of the cluster has gone, or is out of reach; start the cluster again"
    )


async def count_workers(client: Client) -> int | None:
    """Return how many workers there are now; None if the Dask scheduler does not answer."""
    # Any error of the Dask scheduler also reaches the futures of the shards.
    with suppress(Exception):
        async with asyncio.timeout(_IDENTITY_SECONDS):
            # What the client itself knows about workers may be outdated. The description of each
            # worker has kilobytes: none is asked for.
            if (scheduler := client.scheduler) is not None:
                return int((await scheduler.identity(n_workers=0))["n_workers"])
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


_SIGNALS: Final = {signal.SIGHUP, signal.SIGINT, signal.SIGTERM}


@contextmanager
def own_signals() -> Iterator[None]:
    """Block SIGHUP, SIGINT and SIGTERM in the processes that the body starts.

    Terminals and systemd send these signals to all processes. This process stops the shards
    gracefully; a worker that ended by itself would lose requests in flight, and one that ended as
    it starts could end the whole cluster.

    A child process inherits the signal mask, so the signals are blocked from its first instruction.
    This process receives them in a thread that does nothing else.
    """
    over = Event()
    receiver = Thread(target=over.wait, name="signals", daemon=True)
    receiver.start()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    # This ignores SIGINT and SIGTERM by itself, and unblocks them in the thread that calls it.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        over.set()
        receiver.join()
