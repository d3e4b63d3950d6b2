"""The parts of docs/benchmarks.md that are written by `make bench`."""

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

__all__ = ["BEGIN", "END", "machine", "megabytes", "rewritten", "table"]

BEGIN: Final = "<!-- bench:begin -->"
END: Final = "<!-- bench:end -->"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; all columns but the first are figures, aligned right."""
    rule = ["---", *("---:" for _ in header[1:])]
    return "".join(f"| {' | '.join(row)} |\n" for row in (header, rule, *rows))


def megabytes(size: float) -> str:
    """Format bytes as megabytes."""
    return f"{round(size / 1e6):,} MB"


def rewritten(page: str, generated: str) -> str:
    """Return the page with this text between its two markers.

    Raise `ValueError` if the page does not have each marker once, in this order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(f"the page needs {BEGIN} and {END}, once each")
    return f"{before}{BEGIN}\n\n{generated.strip()}\n\n{END}{after}"


def machine() -> str:
    """Describe the machine, and its load."""
    load = f"{os.getloadavg()[0]:.2f}"
    return (
        f"{_processor()}, {os.cpu_count()} cores; {_system()}; Python {platform.python_version()}; "
        f"load average before the run {load}"
    )


def _processor() -> str:
    """Return the model of the processor; only Linux has it in a file."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(": ")[2]
    return platform.processor() or platform.machine()


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.platform()
    return f"{name}, {platform.system()} {platform.release()}"
