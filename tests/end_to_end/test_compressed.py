"""Runs whose files a job has compressed: read as they are, and resumed only from plain ones."""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.store.compressed import PACKERS, compress, compress_all, cut

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_COUNT: Final = 12
_RUN: Final = (
    *("run", "companies.txt", "--output", "r", "--rate", "1000"),
    *("--from", "2026-11-20", "--until", "2026-11-21"),
)
_UNDO: Final = {".gz": "gunzip r/*.jsonl.gz", ".zst": "unzstd --rm r/*.jsonl.zst"}
_READING: Final = (
    ("latest", "r"),
    ("diff", "r", "r", "--json"),
    ("export", "r", "--to", "-"),
)

endings = pytest.mark.parametrize("ending", PACKERS)


@pytest.fixture
async def command(start_api: StartApi, against: Against) -> Any:  # noqa: ANN401 - see conftest
    """Give the command after a run in r, in which one company failed."""
    api = await start_api(deny=("3",), deny_status=404)
    command = against(api)
    command.write("companies.txt", company_lines(_COUNT))
    done = await command.run(*_RUN)
    assert done.exit_code == 1, done
    api.requests.clear()
    yield command
    assert not api.requests


def _content(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir()}


@endings
async def test_they_are_read_as_they_are(
    command: Any,  # noqa: ANN401 - see conftest
    ending: str,
) -> None:
    """By all commands, with the same output; `status` says so, and how the run is resumed."""
    plain = [await command.run(*words) for words in _READING]
    assert all(done.exit_code == 0 for done in plain)
    before = json.loads((await command.run("status", "r", "--json")).stdout)
    assert before["cells"]["failed"] == 1
    compress_all(command.directory / "r", ending)
    for words, expected in zip(_READING, plain, strict=True):
        done = await command.run(*words)
        assert (done.exit_code, done.stdout, done.stderr) == (0, expected.stdout, expected.stderr)
    status = json.loads((await command.run("status", "r", "--json")).stdout)
    assert status.pop("remarks") == [
        *before.pop("remarks"),
        (
            f"statistics.jsonl{ending} and 2 more files are compressed; decompress them before you "
            "resume the run"
        ),
    ]
    assert status.pop("go_on") == f"{_UNDO[ending]} && {before.pop('go_on')}"
    assert status == before


@pytest.mark.slow
@endings
async def test_the_page_is_the_same(
    command: Any,  # noqa: ANN401 - see conftest
    ending: str,
) -> None:
    """With what the log tells of the run."""
    made = []
    for name in ("plain.html", "packed.html"):
        done = await command.run("report", "r", "--to", name)
        assert (done.exit_code, done.stderr.count("warning")) == (0, 0), done
        page = (command.directory / name).read_text(encoding="utf-8")
        made.append(re.sub(r"[0-9: -]+ UTC by", "", page))
        compress_all(command.directory / "r", ending)
    assert made[0] == made[1]


@endings
async def test_what_is_cut_is_damage(
    command: Any,  # noqa: ANN401 - see conftest
    ending: str,
) -> None:
    """Exit code 1 and the file, as with damaged lines; of the errors too where they are read."""
    packed = compress(command.directory / "r" / "statistics.jsonl", ending)
    cut(packed)
    for words in _READING:
        done = await command.run(*words)
        assert done.exit_code == 1, done
        assert f"r/statistics.jsonl{ending}: is damaged or cut: it cannot be" in done.stderr
    cut(compress(command.directory / "r" / "errors.jsonl", ending))
    status = await command.run("status", "r")
    assert f"statistics.jsonl{ending}: is damaged or cut" in status.stdout
    assert f"errors.jsonl{ending}: is damaged or cut" in status.stdout


@endings
@pytest.mark.parametrize("name", ["statistics", "errors", "log"])
async def test_a_run_is_not_resumed_from_them(
    command: Any,  # noqa: ANN401 - see conftest
    ending: str,
    name: str,
) -> None:
    """Exit code 2, before anything is sent or written; the message has the command that undoes it.

    What `run` would do else: request all cells again, and leave two files of answers.
    """
    run = command.directory / "r"
    compress(run / f"{name}.jsonl", ending)
    before = _content(run)
    done = await command.run(*_RUN)
    assert done.exit_code == 2, done
    assert done.stderr == (
        f"collector: --output r: {name}.jsonl{ending} is compressed, and a run is resumed from "
        f"plain files; decompress them first ({_UNDO[ending]}), or give another --output\n"
    )
    assert _content(run) == before


async def test_the_command_of_the_message_undoes_it(
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """With the program that each machine has."""
    run = command.directory / "r"
    before = _content(run)
    compress_all(run, ".gz")
    process = await command.spawn("/bin/sh", "-c", _UNDO[".gz"])
    assert await process.wait() == 0
    assert _content(run) == before


@endings
async def test_both_forms_are_one_warning(
    command: Any,  # noqa: ANN401 - see conftest
    ending: str,
) -> None:
    """The plain file is read, in which a run may have continued; the exit code stays."""
    run = command.directory / "r"
    plain = await command.run("latest", "r")
    content = (run / "statistics.jsonl").read_bytes()
    compress(run / "statistics.jsonl", ending)
    (run / "statistics.jsonl").write_bytes(content)
    done = await command.run("latest", "r")
    assert (done.exit_code, done.stdout) == (0, plain.stdout)
    assert done.stderr == (
        f"collector: warning: r/statistics.jsonl: is read, and statistics.jsonl{ending} beside it "
        "is not; remove one of them\n"
    )
    for words in (("diff", "r", "r"), ("status", "r")):
        done = await command.run(*words)
        assert "beside it is not; remove one of them" in done.stdout + done.stderr
