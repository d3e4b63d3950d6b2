"""What `collector` and `python -m collector` run.

`main` imports the command line, this module does not: each process of a local Dask cluster imports
this one as the main module of the process that started it, and reads no command line.
"""

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and end the process with the command's exit code."""
    from collector.cli.signals import end_on_signals  # noqa: PLC0415 - see above

    # Before the rest is imported, which takes most of the start.
    end_on_signals()
    from collector.cli.main import main as run  # noqa: PLC0415

    run()


if __name__ == "__main__":
    main()
