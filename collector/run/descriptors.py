"""File descriptors for the requests in flight: the limit of this process, raised if necessary."""

import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["DescriptorPlan", "plan_descriptors", "reserve_descriptors", "spare_descriptors"]

_BESIDE_REQUESTS: Final = 10
"""The token's connection, the files of a run and their drafts, the resolver, the event loop."""

_SPARE: Final = 3
"""For the manifest and the metrics file, which are written after the last request."""


class DescriptorPlan(NamedTuple):
    """The soft limit to set, and the requests in flight for which it is enough."""

    soft: int
    concurrency: int


def plan_descriptors(
    concurrency: int, *, soft: int, hard: int, in_use: int, each: int = 1
) -> DescriptorPlan:
    """Return what to do about the limit, so that each request has `each` file descriptors.

    `soft` and `hard` are the limits in force, `in_use` descriptors are open. The soft limit is
    raised no further than necessary; if the hard limit does not allow that, fewer requests are in
    flight, at least one.
    """
    beside = in_use + _BESIDE_REQUESTS
    raised = max(soft, min(hard, beside + concurrency * each))
    return DescriptorPlan(raised, max(1, min(concurrency, (raised - beside) // each)))


def reserve_descriptors(concurrency: int, *, each: int = 1) -> tuple[int, str | None]:
    """Raise the limit for `concurrency` requests in flight, with `each` file descriptors.

    Return how many requests may be in flight, and a warning for the user if those are fewer.
    """
    soft, hard = map(_count, resource.getrlimit(resource.RLIMIT_NOFILE))
    in_use = _in_use()
    plan = plan_descriptors(concurrency, soft=soft, hard=hard, in_use=in_use, each=each)
    if plan.soft > soft:
        # Some systems allow less than the hard limit says.
        with suppress(OSError, ValueError):
            _, unchanged = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (plan.soft, unchanged))
        soft = _count(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        plan = plan_descriptors(concurrency, soft=soft, hard=soft, in_use=in_use, each=each)
    if plan.concurrency == concurrency:
        return concurrency, None
    return plan.concurrency, (
        f"--concurrency {concurrency} is lowered to {plan.concurrency}, because this process may "
        f"open {plan.soft} files only; raise its hard limit, such as with LimitNOFILE= in a "
        "systemd unit or nofile in /etc/security/limits.conf"
    )


@contextmanager
def spare_descriptors() -> Iterator[None]:
    """Hold a few file descriptors that are free after the context, when requests use up all."""
    with ExitStack() as spare:
        with suppress(OSError):
            for _ in range(_SPARE):
                spare.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        yield


_UNLIMITED: Final = 2**31


def _count(limit: int) -> int:
    return _UNLIMITED if limit == resource.RLIM_INFINITY else limit


def _in_use() -> int:
    try:
        return sum(1 for _ in Path("/dev/fd").iterdir())
    except OSError:
        return _BESIDE_REQUESTS
