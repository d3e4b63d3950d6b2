"""Starts commands, and reports which modules they have imported by their end; not a test.

For each line of input, a directory and arguments in JSON, it answers with the exit code and the
names of all modules. The entry point is imported once, as every command imports it first; each
command then runs in a process of its own.
"""

import json
import os
import sys

from collector.cli.app import main


def _exit_code(directory: str, arguments: list[str]) -> int:
    os.chdir(directory)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    try:
        main(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)


def _answer(directory: str, arguments: list[str]) -> None:
    """Run a command in a child process, which answers with what it has come to."""
    answers = os.dup(sys.stdout.fileno())
    child = os.fork()
    if child:
        os.close(answers)
        os.waitpid(child, 0)
        return
    try:
        try:
            code: int | str = _exit_code(directory, arguments)
        except BaseException as error:  # noqa: BLE001 - the caller waits for an answer
            code = repr(error)
        text = json.dumps({"exit_code": code, "modules": sorted(sys.modules)})
        with os.fdopen(answers, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
    finally:
        os._exit(0)


if __name__ == "__main__":
    for line in sys.stdin:
        _answer(**json.loads(line))
