"""`python -m collector` is the same as the command `collector`."""

from collector.cli.app import main

if __name__ == "__main__":
    main()
