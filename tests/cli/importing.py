"""Starts commands, and reports which modules they have imported by their end; not a test.

For each line of input, a directory and commands in JSON, it answers with the exit code of each
command and the names of all modules by then. The entry point is imported once, as every command
imports it first; the commands of a line then run one after the other in a process of their own.
"""

import json
import os
import sys

from collector.cli.main import main


def _exit_code(arguments: list[str]) -> int | str:
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException as error:  # noqa: BLE001 - the caller waits for an answer
        return repr(error)


def _answer(directory: str, commands: list[list[str]]) -> None:
    """Run commands in a child process, which answers with what they have come to."""
    answers = os.dup(sys.stdout.fileno())
    child = os.fork()
    if child:
        os.close(answers)
        os.waitpid(child, 0)
        return
    try:
        os.chdir(directory)
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        starts = [
            {"exit_code": _exit_code(arguments), "modules": sorted(sys.modules)}
            for arguments in commands
        ]
        with os.fdopen(answers, "w", encoding="utf-8") as stream:
            stream.write(json.dumps(starts) + "\n")
    finally:
        os._exit(0)


if __name__ == "__main__":
    for line in sys.stdin:
        _answer(**json.loads(line))
