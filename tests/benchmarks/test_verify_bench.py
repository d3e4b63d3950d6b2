"""The damage of `python -m benchmarks.verify`: all of it is found, and the file is named."""

from collections import Counter
from pathlib import Path

from benchmarks.verify import damages, make_nights
from collector.store.verify import verify


def test_all_damage_is_found(tmp_path: Path) -> None:
    """A little of each kind; the benchmark does 11,000 of them."""
    runs = make_nights(tmp_path, 3, 2)
    seen: Counter[str] = Counter()
    for path, damaged in damages(runs, flips=40, edits=9, seed=1):
        whole = path.read_bytes()
        assert damaged != whole
        path.write_bytes(damaged)
        found = {finding.path for finding in verify(runs, print).findings if finding.is_damage}
        assert path in found
        path.write_bytes(whole)
        seen[path.name] += 1
    assert seen.keys() == {"statistics.jsonl", "run.json", "run-companies.txt"}
    verified = verify(runs, print)
    assert (verified.findings, verified.intact) == ([], 3)
