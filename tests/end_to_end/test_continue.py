"""Runs that are killed, cut short or damaged, and continued: nothing lost, nothing doubled."""

import asyncio
import random
import shutil
import signal
import time
from bisect import bisect
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.plan import Part
from collector.simulator import Simulator
from collector.store.age import Age
from collector.store.fault_points import FaultPoint
from collector.store.files import PartFiles
from collector.store.recorded_run import find_run
from collector.store.recovery import recover
from tests.conftest import company_lines

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

CRASHING = Path(__file__).with_name("crashing.py")


def _planned(companies: int, first: str, days: int) -> Counter[tuple[str, str, str]]:
    start = date.fromisoformat(first)
    all_days = [(start + timedelta(day)).isoformat() for day in range(days)]
    return Counter((str(number), day, day) for number in range(companies) for day in all_days)


def _answered(command: Any, run: str = "r") -> Counter[tuple[str, str, str]]:  # noqa: ANN401
    lines = command.lines(f"{run}/statistics.jsonl")
    return Counter((line["company_id"], line["from_date"], line["until_date"]) for line in lines)


@pytest.mark.parametrize(
    ("kills", "companies", "rate"),
    [
        pytest.param(6, 60, "100", id="6-kills"),
        pytest.param(200, 1000, "70", id="200-kills", marks=pytest.mark.torture),
        pytest.param(40, 20_000, "1000000", id="at-full-speed", marks=pytest.mark.torture),
    ],
)
async def test_killed_at_random_moments_and_continued(
    start_api: StartApi, against: Against, kills: int, companies: int, rate: str
) -> None:
    """SIGKILL again and again, in the middle of anything: the end is as if nothing had happened."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(companies))
    run = (
        *("run", "companies.txt", "--from", "2026-01-01", "--until", "2026-01-05"),
        *("--window", "1d", "--concurrency", "32", "--output", "r", "--rate"),
    )
    moments = random.Random(kills)  # noqa: S311 - no secret
    lives: list[tuple[float, float]] = []
    while len(lives) < kills:
        began = time.monotonic()
        process = await command.start(*run, rate)
        # Seconds from the start of the process: the imports, the opening, the run itself.
        await asyncio.sleep(moments.uniform(0.0, 0.9))
        assert process.returncode is None, "the run was over before it could be killed often enough"
        process.kill()
        await command.finish(process)
        lives.append((began, time.monotonic()))
    done = await command.run(*run, "1000000")
    assert done.exit_code == 0, done.stderr
    assert _answered(command) == _planned(companies, "2026-01-01", 5)
    assert command.lines("r/errors.jsonl") == []
    # Only what was on its way, or was held back until its connection is confirmed, is requested
    # again: the answers of a second, and of a tenth of the time of the process.
    moments_asked = sorted(each.at for each in api.requests if each.kind == "statistics")
    again = sum(
        bisect(moments_asked, ended)
        - bisect(moments_asked, max(began, ended - 1 - (ended - began) / 10))
        for began, ended in lives
    )
    assert len(moments_asked) <= companies * 5 + again
    attempts = command.manifest("r")["attempts"]
    assert attempts[-1]["exit_code"] == 0
    assert all(attempt["exit_code"] is None for attempt in attempts[:-1])


@pytest.mark.parametrize(
    ("point", "file", "times"),
    [
        # All answers of a connection are written by one call, and a slow machine confirms several
        # connections at once: only the first writes are certain to come.
        pytest.param(FaultPoint.BEFORE_WRITE, "statistics.jsonl", 2, marks=pytest.mark.slow),
        (FaultPoint.AFTER_PARTIAL_WRITE, "statistics.jsonl", 2),
        (FaultPoint.BEFORE_SYNC, "statistics.jsonl", 1),
        pytest.param(FaultPoint.AFTER_SYNC, "statistics.jsonl", 1, marks=pytest.mark.slow),
        pytest.param(FaultPoint.BEFORE_WRITE, "errors.jsonl", 1, marks=pytest.mark.torture),
        pytest.param(FaultPoint.AFTER_PARTIAL_WRITE, "errors.jsonl", 1, marks=pytest.mark.slow),
        pytest.param(FaultPoint.AFTER_PARTIAL_WRITE, "log.jsonl", 2, marks=pytest.mark.torture),
        pytest.param(FaultPoint.BEFORE_REPLACE, "run-companies.txt", 1, marks=pytest.mark.slow),
        pytest.param(FaultPoint.BEFORE_REPLACE, "run.json", 1, marks=pytest.mark.torture),
        pytest.param(FaultPoint.BEFORE_REPLACE, "run.checkpoint", 1, marks=pytest.mark.slow),
        (FaultPoint.BEFORE_REPLACE, "run.json", 2),
    ],
)
async def test_a_crash_at_each_fault_point(
    start_api: StartApi, against: Against, point: FaultPoint, file: str, times: int
) -> None:
    """A real process dies at the worst moments; the next one repairs and completes the run."""
    api = await start_api(share_500=0.2)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(40))
    run = (
        *("run", "companies.txt", "--from", "2026-01-01", "--until", "2026-01-01"),
        *("--rate", "200", "--output", "r", "--trust-dates", "--max-attempts"),
    )
    process = await command.start(
        *(point, file, str(times), "--", *run, "1"), program=str(CRASHING)
    )
    died = await command.finish(process)
    assert died.exit_code == -signal.SIGKILL, died.stderr
    before = api.counts.kinds["statistics"]
    # Errors are of use to the one that dies; to wait for retries shows nothing here.
    api.reconfigure(replace(api.settings, share_500=0.0))
    done = await command.run(*run, "1")
    assert done.exit_code == 0, done.stderr
    assert _answered(command) == _planned(40, "2026-01-01", 1)
    assert command.lines("r/errors.jsonl") == []
    command.lines("r/log.jsonl")
    assert before <= 40 + 32
    assert not list((command.directory / "r").glob("*.new"))
    broken = {path.name for path in (command.directory / "r").glob("*.broken")}
    assert broken == ({f"{file}.broken"} if point == FaultPoint.AFTER_PARTIAL_WRITE else set())


async def test_a_file_cut_anywhere_is_completed(start_api: StartApi, against: Against) -> None:
    """The results torn or zeroed at their end: repaired, and only what was lost is asked again."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(30))
    run = (
        *("run", "companies.txt", "--from", "2026-01-01", "--until", "2026-01-01"),
        *("--rate", "1000000", "--output", "r"),
    )
    assert (await command.run(*run)).exit_code == 0
    statistics = command.directory / "r" / "statistics.jsonl"
    whole = statistics.read_bytes()
    lines = whole.splitlines(keepends=True)
    last = len(lines[-1])
    damages = [
        (whole[: len(whole) - last - len(lines[-2]) // 2], 2),
        (whole[:-last], 1),
        (whole[:-600] + bytes(600), 600 // last + 1),
    ]
    for content, lost in damages:
        asked = api.counts.kinds["statistics"]
        statistics.write_bytes(content)
        done = await command.run(*run)
        assert done.exit_code == 0, done.stderr
        assert _answered(command) == _planned(30, "2026-01-01", 1)
        assert api.counts.kinds["statistics"] - asked == lost
        was_torn = not content.endswith(b"\n")
        assert ("moved to statistics.jsonl.broken" in done.stderr) == was_torn
    assert command.manifest("r")["attempts"][-1]["remarks"]


@pytest.mark.torture
async def test_a_file_cut_at_every_byte_is_completed(start_api: StartApi, against: Against) -> None:
    """Each byte position of the last three lines, by the real command."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(8))
    run = (
        *("run", "companies.txt", "--from", "2026-01-01", "--until", "2026-01-01"),
        *("--rate", "1000000", "--output"),
    )
    assert (await command.run(*run, "r")).exit_code == 0
    whole = (command.directory / "r" / "statistics.jsonl").read_bytes()
    tail = sum(map(len, whole.splitlines(keepends=True)[-3:]))
    damages = [whole[:end] for end in range(len(whole) - tail, len(whole) + 1)]
    damages.append(whole[:-600] + bytes(600))

    async def check(name: str, content: bytes) -> None:
        shutil.copytree(command.directory / "r", command.directory / name)
        (command.directory / name / "statistics.jsonl").write_bytes(content)
        done = await command.run(*run, name)
        assert done.exit_code == 0, done.stderr
        assert _answered(command, name) == _planned(8, "2026-01-01", 1)
        shutil.rmtree(command.directory / name)

    for first in range(0, len(damages), 2):
        pair = damages[first : first + 2]
        await asyncio.gather(*(check(f"cut-{first + i}", cut) for i, cut in enumerate(pair)))


@pytest.mark.parametrize(
    ("rounds", "companies"), [(1, 500), pytest.param(50, 5000, marks=pytest.mark.torture)]
)
async def test_of_two_at_the_same_moment_one_works(
    start_api: StartApi, against: Against, rounds: int, companies: int
) -> None:
    """Two processes, one directory: one is told who works there, and dies with no harm done."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(companies))
    run = ("run", "companies.txt", "--rate", "30", "--output", "r")
    lines = command.directory / "r" / "statistics.jsonl"

    def size() -> int:
        return lines.stat().st_size if lines.exists() else 0

    for _ in range(rounds):
        before = size()
        pair = [await command.start(*run) for _ in range(2)]
        ending = {asyncio.ensure_future(process.wait()): process for process in pair}
        async with asyncio.timeout(30):
            ended, _ = await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        assert len(ended) == 1
        loser = ending[ended.pop()]
        winner = next(process for process in pair if process is not loser)
        refused = await command.finish(loser)
        assert refused.exit_code == 6, refused.stderr
        assert f"process {winner.pid} on " in refused.stderr
        async with asyncio.timeout(30):
            while size() == before:  # noqa: ASYNC110 - a file of another process has no events
                await asyncio.sleep(0.005)
        # The lock dies with its process, however that one dies.
        winner.kill()
        await command.finish(winner)
    done = await command.run(*run[:2], "--rate", "1000000", "--output", "r")
    assert done.exit_code == 0, done.stderr
    answered = Counter(line["company_id"] for line in command.lines("r/statistics.jsonl"))
    assert answered == Counter(str(number) for number in range(companies))


async def test_what_failed_is_tried_again_and_what_is_done_is_not(
    start_api: StartApi, against: Against
) -> None:
    """The second attempt asks for the failures only; `errors.jsonl` is of the last attempt."""
    api = await start_api(share_500=0.3)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(60))
    run = ("run", "companies.txt", "--rate", "500", "--output", "r", "--max-attempts")
    first = await command.run(*run, "1")
    assert first.exit_code == 1
    failed = {line["company_id"] for line in command.lines("r/errors.jsonl")}
    assert 5 < len(failed) < 40
    assert "run the same command again: it requests what failed or is missing" in first.stdout
    asked = len(api.requests)
    second = await command.run(*run, "50")
    assert second.exit_code == 0, second.stderr
    again = {request.company_id for request in api.requests[asked:]} - {None}
    assert again == failed
    assert len(command.lines("r/statistics.jsonl")) == 60
    assert command.lines("r/errors.jsonl") == []
    assert {line["company_id"] for line in command.lines("r/errors.1.jsonl")} == failed
    assert "60 of 60 answered" in second.stdout
    assert f"{60 - len(failed)} of them in earlier attempts" in second.stdout
    one, two = command.manifest("r")["attempts"]
    assert (one["exit_code"], two["exit_code"]) == (1, 0)
    assert one["cells"]["failed"] == len(failed)
    assert sum(two["kept"].values()) == 60 - len(failed)
    assert two["cells"]["data"] + two["cells"]["empty"] == len(failed)


async def test_a_complete_run_sends_nothing(start_api: StartApi, against: Against) -> None:
    """The same command again, when all is done: exit 0, no request, not even for a token."""
    api = await start_api()
    command = against(api)
    run = ("run", "-", "--last", "3d", "--output", "r")
    assert (await command.run(*run, stdin=b"1\n2\n")).exit_code == 0
    before = (command.directory / "r" / "statistics.jsonl").read_bytes()
    total = api.counts.total
    done = await command.run(*run, stdin=b"1\n2\n")
    assert done.exit_code == 0, done.stderr
    assert api.counts.total == total
    assert (command.directory / "r" / "statistics.jsonl").read_bytes() == before
    assert [attempt["exit_code"] for attempt in command.manifest("r")["attempts"]] == [0]
    # The log has the invocation; the manifest, which a later run may have recorded, stays.
    events = [line["event"] for line in command.lines("r/log.jsonl")]
    assert (events.count("run_started"), events.count("run_ended")) == (2, 2)
    assert {path.name for path in (command.directory / "r").glob("run*.json")} == {"run.json"}
    assert (await command.run("verify", "r")).exit_code == 0


async def test_a_grown_plan_is_resumed_and_another_one_is_refused(
    start_api: StartApi, against: Against
) -> None:
    """More companies and more days are added to a run; fewer, or others, are not."""
    api = await start_api()
    command = against(api)
    day = ("--window", "1d", "--rate", "500", "--output", "r")
    first = ("run", "-", "--from", "2026-01-01", "--until", "2026-01-03", *day)
    assert (await command.run(*first, stdin=b"1 One\n2\n")).exit_code == 0
    grown = ("run", "-", "--from", "2026-01-01", "--until", "2026-01-05", *day)
    assert (await command.run(*grown, stdin=b"0\n1\n2\n")).exit_code == 0
    assert _answered(command) == _planned(3, "2026-01-01", 5)
    # The dates are proved once.
    proof = command.manifest("r")["dates"]["requests"]
    assert api.counts.kinds["statistics"] == 15 + proof
    files = {p: p.read_bytes() for p in (command.directory / "r").iterdir()}
    refused = await command.run(*first, "--from-param", "start", stdin=b"0\n1\n")
    assert refused.exit_code == 2
    for words in (
        "--from-param was from_date and is now start",
        "1 of its companies is not in the file now: 2",
        "it ended on 2026-01-05, and now would end on 2026-01-03",
    ):
        assert words in refused.stderr
    assert api.counts.kinds["statistics"] == 15 + proof
    assert {p: p.read_bytes() for p in (command.directory / "r").iterdir()} == files | {
        command.directory / "r" / "run.lock": (command.directory / "r" / "run.lock").read_bytes()
    }


async def test_the_lines_alone_say_what_is_done(start_api: StartApi, against: Against) -> None:
    """Without manifest and list of companies the run is resumed, and says what was missing."""
    api = await start_api()
    command = against(api)
    run = ("run", "-", "--rate", "500", "--output", "r")
    assert (await command.run(*run, stdin=b"1\n2\n3\n")).exit_code == 0
    statistics = command.directory / "r" / "statistics.jsonl"
    statistics.write_bytes(b"".join(statistics.read_bytes().splitlines(keepends=True)[:2]))
    (command.directory / "r" / "run.json").unlink()
    (command.directory / "r" / "run-companies.txt").unlink()
    done = await command.run(*run, stdin=b"1\n2\n3\n")
    assert done.exit_code == 0, done.stderr
    assert "run.json is missing: the lines were read as lines of this plan" in done.stderr
    assert api.counts.kinds["statistics"] == 4
    assert len(command.lines("r/statistics.jsonl")) == 3


async def test_a_run_leaves_the_checkpoint_of_its_lines(
    start_api: StartApi, against: Against
) -> None:
    """Byte for byte the one that a start writes which reads all lines; so does one that resumes."""
    api = await start_api(share_500=0.3)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(60))
    run = (
        *("run", "companies.txt", "--from", "2026-01-01", "--until", "2026-01-03"),
        *("--window", "1d", "--rate", "1000000", "--output", "r", "--trust-dates"),
    )
    checkpoint, written = command.directory / "r" / "run.checkpoint", b""
    sizes = []
    for attempts, code in (("1", 1), ("50", 0)):
        assert (await command.run(*run, "--max-attempts", attempts)).exit_code == code
        written = checkpoint.read_bytes()
        checkpoint.unlink()
        plan, _ = find_run(command.directory / "r").plan()
        service = find_run(command.directory / "r").manifest.service
        found = recover(
            PartFiles(command.directory / "r"),
            Part(plan),
            service,
            age=lambda _: Age(0, is_of_another_day=False),
            is_stopped=lambda: False,
        )
        assert found.checkpointer is not None
        assert found.checkpointer.finish() is None
        assert checkpoint.read_bytes() == written
        sizes.append(len(found.done))
    assert sizes[0] < sizes[1] == 180
    # A run that is complete leaves its manifest, and still makes up for a checkpoint that is gone.
    checkpoint.unlink()
    manifest = (command.directory / "r" / "run.json").read_bytes()
    assert (await command.run(*run)).exit_code == 0
    assert checkpoint.read_bytes() == written
    assert (command.directory / "r" / "run.json").read_bytes() == manifest
