"""The cluster that shards run on: a local one of this machine's own, or one that is there."""

import asyncio
import concurrent.futures
import logging
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import ip_address
from typing import Final

import cryptography  # noqa: F401 - `Security.temporary` needs it, and looks for it too late
import dask.config
from distributed import Client, LocalCluster, Security
from distributed.comm.addressing import parse_address, parse_host_port
from distributed.scheduler import KilledWorker

from collector import __version__
from collector.engine.messages import Site
from collector.engine.own_signals import own_signals
from collector.errors import InputError, OutageError
from collector.quoting import quoted
from collector.settings import RunSettings

__all__ = ["check_addresses", "check_workers", "open_cluster", "outage_by"]

_CONNECT_SECONDS: Final = 20.0
_WORKERS_SECONDS: Final = 60.0

_MOST_PORTS: Final = 65535


@asynccontextmanager
async def open_cluster(settings: RunSettings) -> AsyncIterator[Client]:
    """Give a client of the cluster that the settings name, with at least one worker.

    Raises `InputError` when there is none, or when it is neither on loopback nor spoken to over TLS
    (the token would go over the network in plain text), and `OutageError` when it has no worker.
    """
    # What Dask says of itself is for its own logs; what matters here the results say.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    if settings.scheduler is None:
        async with _local(settings.workers or os.cpu_count() or 1) as client:
            yield client
        return
    check_addresses([settings.scheduler], is_insecure=settings.insecure_cluster)
    try:
        client = await Client(settings.scheduler, asynchronous=True, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"--scheduler {settings.scheduler}: no scheduler of Dask answers there ({error}); "
            "start one with: dask scheduler"
        ) from error
    async with client:
        try:
            await client.wait_for_workers(1, timeout=_WORKERS_SECONDS)
        except TimeoutError as error:
            raise OutageError(
                f"--scheduler {settings.scheduler}: has had no worker for {_WORKERS_SECONDS:.0f} "
                "seconds; start some with: dask worker"
            ) from error
        check_addresses(_workers(client), is_insecure=settings.insecure_cluster)
        yield client


@asynccontextmanager
async def _local(workers: int) -> AsyncIterator[Client]:
    """Give a client of a cluster of this machine alone.

    Its processes speak TLS with certificates of their own, for who can speak to them runs code as
    this user, and other users may be on this machine.
    """
    settings = {
        # A worker dies with all that it holds: the files are the truth, and another one goes on.
        "distributed.scheduler.allowed-failures": 10,
        # Pages about the cluster, which other users of this machine could read.
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": False,
        # A shard keeps its process busy; whoever looks on takes the interpreter away from it.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "500 ms",
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
                    # Or it warns when its usual port is taken.
                    scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                    silence_logs=logging.CRITICAL,
                    asynchronous=True,
                )
            )
            client = await opened.enter_async_context(Client(cluster, asynchronous=True))
        except (OSError, RuntimeError) as error:
            raise OutageError(
                f"--workers {workers}: a cluster of so many processes does not start here ({error})"
            ) from error
        yield client


def check_addresses(addresses: Iterable[str], *, is_insecure: bool) -> None:
    """Raise `InputError` for addresses over which a token would travel in plain text.

    Only TLS (`tls://`) and this machine itself are safe from readers.
    """
    for address in addresses:
        scheme, host = _parsed(address)
        if is_insecure or scheme in {"tls", "inproc"} or _is_loopback(host):
            continue
        raise InputError(
            f"{address}: the access token would go over the network in plain text; use a scheduler "
            "and workers that speak TLS (tls://), or say --insecure-cluster if nobody can listen"
        )


def _parsed(address: str) -> tuple[str, str]:
    """Return scheme and host of an address, as Dask itself reads them."""
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
    """Return the addresses of the workers; each has this collector, and sees the directory.

    Raises `InputError` otherwise. Those that join later are asked when they get a shard.
    """
    try:
        async with asyncio.timeout(_WORKERS_SECONDS):
            seen = await client.run(site.trouble, on_error="return")
    except TimeoutError as error:
        raise OutageError(
            f"the workers of the cluster have not answered for {_WORKERS_SECONDS:.0f} seconds"
        ) from error
    for worker, answer in seen.items():
        if isinstance(answer, Exception):
            raise InputError(
                f"{worker}: a worker of the cluster cannot run the collector ({answer}); install "
                f"collector[dask] {__version__} there"
            )
        if answer is not None:
            raise InputError(f"{worker}: a worker of the cluster {answer}")
    return list(seen)


def outage_by(error: BaseException) -> OutageError | None:
    """Return what an error of Dask says of the cluster; None if it is about something else."""
    if isinstance(error, concurrent.futures.CancelledError):
        return OutageError(f"the cluster has lost a shard: its scheduler may have ended ({error})")
    if isinstance(error, OSError | TimeoutError):
        text = str(error) or type(error).__name__
        return OutageError(f"the cluster is out of reach ({text})")
    if isinstance(error, KilledWorker):
        return OutageError("the workers of the cluster die again and again; see their logs")
    return None


def _workers(client: Client) -> list[str]:
    return list(client.scheduler_info(n_workers=-1)["workers"])


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
