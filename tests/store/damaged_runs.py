"""Runs whose files are damaged, compressed, or dealt out among shards; and how they are read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import strategies as st

from collector.store import newest, repair, stored_lines
from tests.store.compressed import PACKERS, compress, cut
from tests.store.made_runs import line, make_run
from tests.store.split_runs import IDS, split_run, strewn_run

_Damage = Callable[[bytes], bytes]

_DAMAGES: dict[str, _Damage] = {
    "none": lambda made: made,
    "cut": lambda made: made[:-9],
    "changed": lambda made: made.replace(b"total", b"t\x00tal"),
    "torn": lambda made: made[:20] + b"\n" + made[20:],
    "gone": lambda _: b"",
    "doubled": lambda made: made + made,
    "doubled and changed": lambda made: made + made.replace(b'"total": ', b'"total": 4'),
    "spelled otherwise": lambda made: made.replace(b'"attempts":1,', b' "attempts": 2, '),
    "older again at the end": lambda made: made,
    "statistics first": lambda made: b'{"new":{},' + made[1:],
}


def _older(made: bytes) -> bytes:
    """Give another answer of its cell, of an hour before."""
    return made.replace(b"T02:", b"T01:").replace(b'"total": ', b'"total": 5')


LINES = st.lists(
    st.builds(
        lambda company, number, at, total, damage: (
            line(company, number, at, total=total),
            damage,
        ),
        st.sampled_from(IDS),
        st.integers(1, 4),
        st.integers(0, 2),
        st.integers(0, 1),
        st.sampled_from(["none"] * 20 + list(_DAMAGES)),
    ),
    # Most runs have no cell twice, as it is with those of the collector.
    unique_by=lambda made: made[0][:75],
    max_size=12,
)
Lines = list[tuple[bytes, str]]


def write_run(path: Path, made: Lines, form: str, days: tuple[int, int], chance: Random) -> Path:
    """Make a run whose files are damaged after they were written."""
    lines = [one for one, _ in made]
    if form == "shards":
        split_run(path, lines, 2, days=days)
    elif form == "strewn":
        strewn_run(path, lines, chance)
    else:
        make_run(path, lines, companies=IDS, days=days)
    damages = dict(made)
    for file in path.glob("statistics*.jsonl"):
        own = file.read_bytes().splitlines(keepends=True)
        damaged = [_DAMAGES[damages[one]](one) for one in own]
        damaged += [_older(one) for one in own if damages[one] == "older again at the end"]
        file.write_bytes(b"".join(damaged))
        if (ending := f".{form.removeprefix('cut ')}") in PACKERS:
            packed = compress(file, ending)
            if form.startswith("cut "):
                cut(packed)
    return path


@contextmanager
def sizes(*, block: int, waiting: int) -> Iterator[None]:
    """Read blocks of that many bytes, and let that many wait, in the block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repair, "_READ_AT_ONCE", block)
        patch.setattr(newest, "_WAITING", waiting)
        patch.setattr(stored_lines, "_AT_ONCE", waiting)
        yield


FORMS = ["plain", "shards", "strewn", "gz", "zst", "cut gz", "cut zst"]
