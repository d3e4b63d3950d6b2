"""`collector verify`: whether runs are as they were when they had finished."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from collector.cli.arguments import RunDirectoryArgument
from collector.cli.printing import say
from collector.core.errors import ExitCode

__all__ = ["verify"]

_LISTED: Final = 3
"""Paths in a row that says the same of many runs."""


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
    unproved = [finding for finding in verified.findings if not finding.is_damage]
    runs = "1 run" if verified.runs == 1 else f"{verified.runs:,} runs"
    read = f"{verified.lines:,} lines, {verified.bytes:,} bytes were read"
    gone = [(one.path, f"the run before it, {one.gone}, is gone") for one in verified.beginnings]
    rows = [
        f"proved     {verified.proved:,} of {runs}; {read}",
        *(f"damaged    {finding.path}: {finding.text}" for finding in damaged),
        *_rows("unproved", [(finding.path, finding.text) for finding in unproved]),
        *_rows("begins", gone),
        *(f"newest     {newest.sha256}  {newest.path}" for newest in verified.newest),
    ]
    say("\n".join(rows))
    if damaged:
        return ExitCode.IMPLAUSIBLE
    return ExitCode.SOME_FAILED if unproved else ExitCode.COMPLETE


def _rows(label: str, found: Sequence[tuple[Path, str]]) -> Iterator[str]:
    """Yield a row for each text, with the paths that it is about."""
    paths: dict[str, list[str]] = {}
    for path, text in found:
        paths.setdefault(text, []).append(str(path))
    for text, of_text in paths.items():
        more = f" and {len(of_text) - _LISTED:,} more" if len(of_text) > _LISTED else ""
        yield f"{label:<10} {', '.join(of_text[:_LISTED])}{more}: {text}"
