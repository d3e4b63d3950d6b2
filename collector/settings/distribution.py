"""The options that divide a run among processes."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from cyclopts import Parameter, validators

from collector.errors import InputError
from collector.option_values import converter, parse_count
from collector.plan import Shard
from collector.settings.groups import PACE

__all__ = ["Distribution", "Portion"]

_WHOLE_RUN: Final = Shard()


@dataclass(frozen=True, kw_only=True)
class Portion:
    """Which part of a run is meant."""

    shard: Annotated[
        Shard,
        Parameter(
            group=PACE, converter=converter(Shard.parse), accepts_keys=False, show_default=str
        ),
    ] = _WHOLE_RUN
    """Collect only one part of the plan, such as 3/16: the fourth of 16, for they are numbered from
    0. The parts are disjoint, and go into one --output that all machines see; --rate is that of the
    whole run, and is divided by the number of shards."""


@dataclass(frozen=True, kw_only=True)
class Distribution(Portion):
    """How a run is divided among processes: which part this one does, or which it starts."""

    engine: Annotated[Literal["local", "dask"], Parameter(group=PACE)] = "local"
    """Where the run works: in this process (local), or as shards in the processes of a Dask cluster
    (dask, needs the extra: pip install 'collector[dask]')."""

    workers: Annotated[
        int | None,
        Parameter(
            group=PACE,
            converter=converter(parse_count),
            validator=validators.Number(gte=1, lte=1024),
        ),
    ] = None
    """With --engine dask: processes of a cluster on this machine alone. Default: one for each
    core."""

    scheduler: Annotated[str | None, Parameter(group=PACE)] = None
    """With --engine dask: the address of a cluster that is there, such as tls://10.0.0.5:8786. Its
    machines see --output."""

    insecure_cluster: Annotated[bool, Parameter(group=PACE, negative="")] = False
    """Let the access token go to a cluster that is neither on this machine nor spoken to over
    TLS."""

    def __post_init__(self) -> None:
        """Raise `InputError` for options that nobody would read."""
        if self.engine == "dask":
            if self.workers is not None and self.scheduler is not None:
                raise InputError(
                    "--workers is for a cluster on this machine, and --scheduler names one that is "
                    "there; give one of them"
                )
            return
        for name in ("workers", "scheduler", "insecure_cluster"):
            if getattr(self, name):
                option = name.replace("_", "-")
                raise InputError(f"--{option} is for --engine dask; leave it out, or give both")
