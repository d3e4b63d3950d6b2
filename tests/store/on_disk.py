"""Open files, and the contents of a directory."""

from pathlib import Path

from collector.store.files import Listing, PartFiles


def open_files() -> int:
    """Count the file descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def name_of(descriptor: int) -> str:
    """Return the last part of the path that a descriptor stands for."""
    return Path(f"/proc/self/fd/{descriptor}").readlink().name


def entries(directory: Path) -> set[str]:
    """Return the names in a directory."""
    return {path.name for path in directory.iterdir()}


def errors_of(files: PartFiles) -> list[Path]:
    """Return the paths of the errors of a part, see `Listing.errors_of`."""
    return Listing.of(files.directory).errors_of([files])[files]
