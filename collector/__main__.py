"""What `collector` and `python -m collector` run.

The command line is imported by whoever runs it, and not with this module: each process of a local
Dask cluster imports this one as the main module of whoever started it, and reads no command line.
"""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end the process with the command's exit code."""
    from collector.cli.app import main as run  # noqa: PLC0415 - see above

    run()


if __name__ == "__main__":
    main()
