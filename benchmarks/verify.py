"""`collector verify`: what it finds, how long it takes beside `collector latest`, what a run pays.

`python -m benchmarks.verify` measures three things in a temporary directory:

* 10,000 bytes flipped at random and 1,000 lines edited, dropped or swapped, one at a time, in the
  files and manifests of five nights: how many are found, and whether the right file is named;
* `collector verify` and `collector latest` over 40 nights of 15,000 lines, in turns, each in its
  own process;
* the CPU time that the end of a real run takes for the digests, with a year of nights beside it, as
  a share of the CPU time of the run; and hashing lines while they are written in place of reading
  the file at the end.
"""

import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.child import measured
from benchmarks.nights import LOOKBACK, make_night, measure
from benchmarks.report import machine
from benchmarks.simulated import simulated_api
from collector.store.chain import unrecorded
from collector.store.digests import Digests, Hasher, digest_of, file_digests, recorded_name
from collector.store.files import Listing, PartFiles
from collector.store.lines import timestamp
from collector.store.manifest import Manifest
from collector.store.verify import verify

__all__ = ["damages", "make_nights"]

_FIRST: Final = date(2026, 1, 1)
_ROUNDS: Final = 5
_GROUP: Final = 50
"""Lines that a run syncs at a time, at 200 answers per second."""


def make_nights(parent: Path, nights: int, companies: int) -> list[Path]:
    """Make nights that have finished one after the other, with their digests."""
    runs = []
    for night in range(nights):
        run = make_night(parent, _FIRST + timedelta(night), companies)
        files = PartFiles(run)
        manifest = Manifest.read(files.manifest)
        assert manifest is not None
        now = datetime.now(UTC)
        manifest.attempts[-1] |= {"ended_at": timestamp(now), "exit_code": 0}
        manifest.digests = Digests(
            files=file_digests(files, Listing.of(files.directory)),
            previous=unrecorded(files, Listing.of(files.directory)),
            directory=recorded_name(files.directory),
        )
        manifest.write(files.manifest)
        runs.append(run)
    return runs


def damages(runs: list[Path], flips: int, edits: int, seed: int) -> Iterator[tuple[Path, bytes]]:
    """Yield a file, and what it is with one byte or one line changed.

    Bytes are drawn from all bytes of the files of answers, the lists of companies and the
    manifests, lines from those of answers.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    paths = [path for run in runs for path in run.iterdir() if path.suffix != ".lock"]
    sizes = [path.stat().st_size for path in paths]
    for path in chance.choices(paths, sizes, k=flips):
        text = bytearray(path.read_bytes())
        text[chance.randrange(len(text))] ^= 1 << chance.randrange(8)
        yield path, bytes(text)
    changes: list[Callable[[list[bytes], int], None]] = [_edit, _drop, _swap]
    for number in range(edits):
        path = PartFiles(chance.choice(runs)).statistics
        lines = path.read_bytes().splitlines(keepends=True)
        changes[number % len(changes)](lines, chance.randrange(len(lines) - 1))
        yield path, b"".join(lines)


def _edit(lines: list[bytes], at: int) -> None:
    before, key, after = lines[at].partition(b'"total":')
    lines[at] = before + key + b"1" + after


def _drop(lines: list[bytes], at: int) -> None:
    del lines[at]


def _swap(lines: list[bytes], at: int) -> None:
    lines[at], lines[at + 1] = lines[at + 1], lines[at]


def _find(scratch: Path, flips: int, edits: int) -> None:
    runs = make_nights(scratch / "found", 5, 20)
    found = named = 0
    began = time.perf_counter()
    for path, damaged in damages(runs, flips, edits, seed=20):
        whole = path.read_bytes()
        path.write_bytes(damaged)
        paths = [finding.path for finding in verify(runs, print).findings if finding.is_damage]
        found += bool(paths)
        named += path in paths
        path.write_bytes(whole)
    assert not verify(runs, print).findings
    seconds = time.perf_counter() - began
    print(
        f"{flips:,} bytes flipped, {edits:,} lines edited, dropped or swapped: {found:,} found, "
        f"the file named {named:,} times ({seconds / (flips + edits) * 1e3:.1f} ms each)"
    )


def _compare(scratch: Path, nights: int, companies: int) -> None:
    runs = make_nights(scratch / "compared", nights, companies)
    size = sum(PartFiles(run).statistics.stat().st_size for run in runs)
    lines = nights * companies * (LOOKBACK + 1)
    print(f"{nights} nights, {lines:,} lines, {size / 1e6:.0f} MB; medians of {_ROUNDS} rounds")
    seconds: dict[str, list[float]] = {"latest": [], "verify": []}
    for _ in range(_ROUNDS):
        for command, taken in seconds.items():
            output = Path(os.devnull)
            taken.append(measure(command, *runs, scratch=scratch, output=output).seconds)
    for command, taken in seconds.items():
        print(f"  {command}  {median(taken):6.2f} s")
    ratio = median(v / n for v, n in zip(seconds["verify"], seconds["latest"], strict=True))
    print(f"  verify takes {ratio:.2f} times as long as latest (wanted: at most 1.5)")


# Adds up what a thread spends on the digests, and prints it at the end with the CPU time of all.
_RUN: Final = """
import sys, time
from collector.run import attempt
from collector.cli.main import main

spent = 0.0
def timed(work):
    def wrapped(*arguments):
        global spent
        began = time.thread_time()
        try:
            return work(*arguments)
        finally:
            spent += time.thread_time() - began
    return wrapped

attempt.file_digests = timed(attempt.file_digests)
attempt.unrecorded = timed(attempt.unrecorded)
try:
    main(sys.argv[2:])
finally:
    with open(sys.argv[1], "w") as stream:
        print(spent, time.process_time(), file=stream)
"""


def _cost(scratch: Path, companies: int, nights: int) -> None:
    output = scratch / "cost"
    make_nights(output, nights, 1)
    (scratch / "companies.txt").write_text("".join(f"{n}\n" for n in range(1, companies + 1)))
    result = scratch / "spent.txt"
    with simulated_api(scratch) as environment:
        run: list[str | Path] = [
            "run",
            scratch / "companies.txt",
            "--from",
            "2026-01-01",
            "--until",
            "2026-01-15",
        ]
        run += ["--window", "1d", "--rate", "100000", "--concurrency", "64", "--quiet"]
        measured(
            [sys.executable, "-c", _RUN, result, *run, "--output", output / "run"],
            scratch,
            environment=environment,
        )
    spent, whole = map(float, result.read_text().split())
    print(
        f"a run of {companies * 15:,} cells with {nights} nights beside it: {whole:.2f} s of CPU "
        f"time, {spent * 1e3:.0f} ms of it for the digests: {spent / whole:.2%} (wanted: less than "
        "2 %)"
    )
    path = PartFiles(output / "run").statistics
    began = time.thread_time()
    digest_of(path)
    at_end, while_written = time.thread_time() - began, _in_groups(path)
    print(
        f"  at the end, from the file: {at_end * 1e3:.1f} ms; while it is written, in groups of "
        f"{_GROUP} lines: {while_written * 1e3:.1f} ms"
    )


def _in_groups(path: Path) -> float:
    """Return the CPU time of hashing the lines of a file in groups, as a run syncs them."""
    lines = path.read_bytes().splitlines(keepends=True)
    hasher = Hasher()
    began = time.thread_time()
    for start in range(0, len(lines), _GROUP):
        hasher.update(b"".join(lines[start : start + _GROUP]))
    hasher.digest()
    return time.thread_time() - began


def main() -> None:
    """Measure and print; slow figures do not fail, because machines are noisy."""
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        _find(scratch, flips=10_000, edits=1000)
        _compare(scratch, nights=40, companies=1000)
        _cost(scratch, companies=1000, nights=365)


if __name__ == "__main__":
    main()
