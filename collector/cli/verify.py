"""`collector verify`: whether runs are as they were when they had finished."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import say
from collector.core.errors import ExitCode
from collector.core.text import escaped

__all__ = ["verify"]

_LISTED: Final = 3
"""Paths in a row that says the same of many runs."""

_MOST_ROWS: Final = 100
"""Rows of a label: a manifest that was edited may name any number of runs."""


def verify(run_dir: RunDirectoryArgument, /, *run_dirs: RunDirectoryArgument) -> int:
    """Compare runs with the digests that they, and later runs, have recorded.

    Parameters
    ----------
    run_dir
        The directory of a run, such as output/2026-11-23.
    run_dirs
        More of them.
    """
    from collector.cli.reading import warn
    from collector.store.verify import verify as verify_runs

    verified = verify_runs((run_dir, *run_dirs), warn)
    damaged = [finding for finding in verified.findings if finding.is_damage]
    unverified = [finding for finding in verified.findings if not finding.is_damage]
    runs = "1 run" if verified.runs == 1 else f"{verified.runs:,} runs"
    read = f"{verified.lines:,} lines, {verified.bytes:,} bytes were read"
    gone = [(one.path, f"the run before it, {one.gone}, is gone") for one in verified.beginnings]
    rows = [
        f"verified   {verified.intact:,} of {runs}; {read}",
        *_bounded("damaged", [f"{finding.path}: {finding.text}" for finding in damaged]),
        *_bounded("unverified", _alike([(finding.path, finding.text) for finding in unverified])),
        *_bounded("begins", _alike(gone)),
        *_bounded("newest", [f"{newest.sha256}  {newest.path}" for newest in verified.newest]),
    ]
    # A line break in a name makes no row.
    say("\n".join(map(escaped, rows)))
    if damaged:
        return ExitCode.IMPLAUSIBLE
    return ExitCode.SOME_FAILED if unverified else ExitCode.COMPLETE


def _bounded(label: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield a row for each of the first texts, and one that counts the others."""
    for text in texts[:_MOST_ROWS]:
        yield f"{label:<10} {text}"
    if len(texts) > _MOST_ROWS:
        yield f"{label:<10} and {len(texts) - _MOST_ROWS:,} more"


def _alike(found: Sequence[tuple[Path, str]]) -> list[str]:
    """Return each text once, after the paths that it is about."""
    paths: dict[str, list[str]] = {}
    for path, text in found:
        paths.setdefault(text, []).append(str(path))
    texts: list[str] = []
    for text, of_text in paths.items():
        more = f" and {len(of_text) - _LISTED:,} more" if len(of_text) > _LISTED else ""
        texts.append(f"{', '.join(of_text[:_LISTED])}{more}: {text}")
    return texts
