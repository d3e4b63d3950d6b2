"""Run directories: append-only files of lines, the manifest, locks, recovery, comparison."""
