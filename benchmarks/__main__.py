"""`python -m benchmarks [PAGE]`: measure the whole report and write it to the page."""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.cluster import cluster_section
from benchmarks.memory import memory_section
from benchmarks.report import machine, rewritten
from benchmarks.speed import speed_section
from benchmarks.start import start_section


def _report(scratch: Path) -> str:
    moment = datetime.now(UTC).strftime("%Y-%m-%d, %H:%M UTC")
    parts = [
        f"The run of {moment}. {machine()}.",
        "## Speed",
        speed_section(scratch),
        "## Memory",
        memory_section(scratch),
        "## Start",
        start_section(scratch),
        "## Two processes",
        cluster_section(scratch),
    ]
    return "\n\n".join(part.strip() for part in parts)


def main() -> None:
    """Measure, print, and rewrite the page if one is named; only invalid figures fail, not slow."""
    with tempfile.TemporaryDirectory() as scratch:
        report = _report(Path(scratch))
    print(report)
    for name in sys.argv[1:]:
        page = Path(name)
        page.write_text(rewritten(page.read_text(), report))


if __name__ == "__main__":
    main()
