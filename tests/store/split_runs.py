"""The same lines in one file, and dealt out among the shards of a run."""

import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from collector.plan import Companies, Part, Plan, Shard
from collector.store.lines import parse_result
from tests.store.made_runs import day, line, make_run

IDS = ("1", "2", "é")
_PLAN = Plan(Companies(IDS), [day(number) for number in range(1, 5)])


def _key(made: bytes) -> tuple[str, str | None, Any]:
    read = parse_result(made)
    assert read is not None
    return read.company_id, read.from_date, read.fetched_at


_COUNT = st.one_of(st.just(0), st.integers(0, 3))
LINES = st.lists(
    st.builds(
        lambda company, number, at, total, actions: line(
            company, number, at, total=total, actions=actions
        ),
        st.sampled_from(IDS),
        st.integers(1, 4),
        st.integers(0, 9),
        _COUNT,
        st.dictionaries(st.sampled_from("AB"), _COUNT),
    ),
    max_size=30,
    # Which of two lines of one moment counts depends on their order, which shards do not keep.
    unique_by=_key,
)


def owner(made: bytes, total: int) -> Shard:
    """Say to which shard the cell of a line belongs."""
    fields = msgspec.json.decode(made)
    first = date.fromisoformat(fields["from_date"])
    window = next(at for at, one in enumerate(_PLAN.windows) if one.from_date == first)
    index = IDS.index(fields["company_id"]) * len(_PLAN.windows) + window
    shards = (Shard(number, total) for number in range(total))
    return next(shard for shard in shards if index in Part(_PLAN, shard))


def split_run(path: Path, lines: Sequence[bytes], total: int, **more: Any) -> Path:  # noqa: ANN401
    """Make a run of so many shards, each with the lines of its cells."""
    for number in range(total):
        shard = Shard(number, total)
        own = [made for made in lines if owner(made, total) == shard]
        make_run(path, own, shard=shard, companies=IDS, **more)
    return path


def strewn_run(path: Path, lines: Sequence[bytes], chance: random.Random) -> Path:
    """Make a run whose lines are in files of several numbers of shards, and in that of none."""
    shards = [Shard(), Shard(0, 2), Shard(1, 2), Shard(2, 3)]
    dealt: dict[Shard, list[bytes]] = {shard: [] for shard in shards}
    for made in lines:
        dealt[chance.choice(shards)].append(made)
    for shard, own in dealt.items():
        make_run(path, own, shard=shard, companies=IDS)
    return path
