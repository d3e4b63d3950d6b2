"""Runs that are cut into shards: several real processes that write one run directory."""

import asyncio
import gc
import json
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from collector.plan import Companies, DateRange, Part, Plan, Shard, WindowSize, cut_windows
from collector.simulator import Simulator
from tests.cluster.clusters import Cells, answers_of, lines_of
from tests.conftest import company_lines
from tests.end_to_end.steps import until

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]

_DAYS = 20
_RANGE = (date(2026, 1, 1), date(2026, 1, 1) + timedelta(_DAYS - 1))
_DATES = ("--from", str(_RANGE[0]), "--until", str(_RANGE[1]), "--window", "1d")


def _run(output: str, shard: str | None = None, *more: str, rate: str = "3000") -> list[str]:
    part = [] if shard is None else ["--shard", shard]
    return ["run", "companies.txt", *_DATES, "--rate", rate, "--output", output, *part, *more]


def _cells_of(shard: Shard, companies: int) -> Cells:
    ids = tuple(str(number) for number in range(companies))
    plan = Plan(Companies(ids), cut_windows(DateRange(*_RANGE), WindowSize("days", 1)))
    part = Part(plan, shard)
    cells = (plan[index] for index in range(len(plan)) if index in part)
    return Counter(
        (cell.company_id, str(cell.window.from_date), str(cell.window.until_date)) for cell in cells
    )


def _contents(run: Path) -> dict[str, bytes]:
    """Read every file but the locks, which name their last holder."""
    return {path.name: path.read_bytes() for path in run.iterdir() if path.suffix != ".lock"}


async def _together(command: Any, *runs: list[str]) -> None:  # noqa: ANN401 - see conftest
    """Run commands at the same time, and see that all of them are complete."""
    for done in await asyncio.gather(*(command.run(*run) for run in runs)):
        assert done.exit_code == 0, done.stderr


async def _status(command: Any, run: str = "r") -> dict[str, Any]:  # noqa: ANN401 - see conftest
    done = await command.run("status", run, "--json", "--fail-on", "missing,failed")
    assert done.exit_code == 0, done.stderr + done.stdout
    status: dict[str, Any] = json.loads(done.stdout)
    return status


async def test_shards_collect_together_what_one_run_collects(
    start_api: StartApi, against: Against
) -> None:
    """Three processes at the same time: the same cells, the same answers, and one run to read."""
    api = await start_api()
    command = against(api)
    companies = 6
    command.write("companies.txt", company_lines(companies))
    await _together(command, _run("one"))
    await _together(command, *(_run("r", f"{number}/3") for number in range(3)))
    answers = answers_of(command.directory / "r")
    assert answers == answers_of(command.directory / "one")
    assert len(answers) == companies * _DAYS
    for number in range(3):
        own = Counter(
            (line["company_id"], line["from_date"], line["until_date"])
            for line in command.lines(f"r/statistics-{number:05}-of-00003.jsonl")
        )
        assert own == _cells_of(Shard(number, 3), companies)
        assert command.lines(f"r/errors-{number:05}-of-00003.jsonl") == []
    assert {name for name in command.files() if name.startswith("r/")} == {
        "r/run.lock",
        "r/run-plan.lock",
        "r/run-companies.txt",
        *(
            f"r/{stem}-{number:05}-of-00003.{suffix}"
            for number in range(3)
            for stem, suffix in [
                ("statistics", "jsonl"),
                ("errors", "jsonl"),
                ("log", "jsonl"),
                ("run", "json"),
                ("run", "checkpoint"),
                ("run", "lock"),
            ]
        ),
    }
    status = await _status(command)
    assert (status["cells"]["missing"], status["cells"]["failed"]) == (0, 0)
    assert (status["remarks"], status["go_on"], status["running"]) == ([], None, None)
    latest, latest_one = [await command.run("latest", run) for run in ("r", "one")]
    assert (latest.exit_code, latest.stderr) == (0, "")
    keys = [
        [json.loads(line)["statistics"] for line in done.stdout.splitlines()]
        for done in (latest, latest_one)
    ]
    assert keys[0] == keys[1]
    diff = await command.run("diff", "one", "r", "--json")
    assert diff.exit_code == 0, diff.stderr
    told = json.loads(diff.stdout)
    assert told["cells"] | {"new": 0, "gone": 0, "restated": 0} == told["cells"]
    assert told["cells"]["unchanged"] == len(answers)
    for run in ("r", "one"):
        done = await command.run("export", run, "--to", f"{run}.csv")
        assert done.exit_code == 0, done.stderr
    exported = [
        [line.split(",")[:4] for line in (command.directory / name).read_text().splitlines()]
        for name in ("r.csv", "one.csv")
    ]
    assert exported[0] == exported[1]
    assert len(exported[0]) == len(answers) + 1
    report = await command.run("report", "r", "--to", "r.html")
    assert report.exit_code == 0, report.stderr
    assert (command.directory / "r.html").stat().st_size > 10_000


async def test_a_killed_shard_is_resumed(start_api: StartApi, against: Against) -> None:
    """SIGKILL in the middle: its sibling is not disturbed, and nothing is lost or doubled."""
    api = await start_api()
    command = against(api).without_debugging()
    companies = 40
    command.write("companies.txt", company_lines(companies))
    slow = [_run("r", f"{number}/2", rate="400") for number in range(2)]
    killed, sibling = [await command.start(*run) for run in slow]
    statistics = command.directory / "r" / "statistics-00000-of-00002.jsonl"
    await until(lambda: statistics.exists() and statistics.read_bytes().count(b"\n") > 40)
    killed.kill()
    await command.finish(killed)
    before = statistics.read_bytes().count(b"\n")
    assert before < len(_cells_of(Shard(0, 2), companies))
    # While the other one works.
    await _together(command, _run("r", "0/2"))
    done = await command.finish(sibling)
    assert done.exit_code == 0, done.stderr
    answers = answers_of(command.directory / "r")
    assert Counter(answers.keys()) == _cells_of(Shard(), companies)
    status = await _status(command)
    assert status["remarks"] == []
    manifest = json.loads((command.directory / "r" / "run-00000-of-00002.json").read_bytes())
    first, second = manifest["attempts"]
    assert (first["exit_code"], second["exit_code"]) == (None, 0)
    # What was on its way, or not confirmed, is asked for again: a tenth of the time that it worked
    # and a second more, at 200 per second. And each of three processes may verify the dates.
    assert second["kept"]["data"] + second["kept"]["empty"] >= before
    assert api.counts.kinds["statistics"] <= companies * _DAYS + 32 + 250 + 3 * 30


@pytest.mark.parametrize(
    "rest",
    [
        (None,),
        pytest.param(("0/3", "1/3", "2/3"), marks=pytest.mark.torture),
        pytest.param(("0/4", "1/4", None), marks=pytest.mark.torture),
    ],
)
async def test_what_shards_have_left_over_is_collected_by_others(
    start_api: StartApi, against: Against, rest: tuple[str | None, ...]
) -> None:
    """One of two shards never began: a run without shards does its cells, or any other number."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(12))
    await _together(command, _run("r", "1/2"))
    first = _contents(command.directory / "r")
    half = len(lines_of(command.directory / "r"))
    status = await command.run("status", "r", "--json", "--fail-on", "missing")
    assert status.exit_code == 1
    assert json.loads(status.stdout)["cells"]["missing"] == 12 * _DAYS - half
    asked = api.counts.kinds["statistics"]
    if len(rest) == 3 and None not in rest:
        await _together(command, *(_run("r", shard) for shard in rest))
    else:
        for shard in rest:
            await _together(command, _run("r", shard))
    assert Counter(answers_of(command.directory / "r").keys()) == _cells_of(Shard(), 12)
    # What the dates mean was proved already.
    assert api.counts.kinds["statistics"] - asked == 12 * _DAYS - half
    assert (await _status(command))["remarks"] == []
    now = _contents(command.directory / "r")
    assert {name: now[name] for name in first if "00001-of-00002" in name} == {
        name: text for name, text in first.items() if "00001-of-00002" in name
    }
    again = await command.run(*_run("r", "0/2"))
    assert again.exit_code == 0, again.stderr
    assert api.counts.kinds["statistics"] - asked == 12 * _DAYS - half


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (("0/2", "1/2"), None),
        pytest.param((None,), "0/2", marks=pytest.mark.slow),
        pytest.param(("0/2", "1/2"), "0/3", marks=pytest.mark.slow),
    ],
)
async def test_what_others_have_completed_is_not_asked_for(
    start_api: StartApi, against: Against, first: tuple[str | None, ...], then: str | None
) -> None:
    """Nothing is missing, and the API is down: it ends with 0 as when the same run had done it all.

    No token and no verification of the dates is needed for that; its manifest tells of the attempt.
    """
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(9))
    await _together(command, *(_run("r", shard) for shard in first))
    before = _contents(command.directory / "r")
    await api.stop()
    done = await command.run(*_run("r", then))
    assert done.exit_code == 0, done.stderr
    assert "requests  0 sent" in done.stdout
    now = _contents(command.directory / "r")
    assert {name: now[name] for name in before} == before
    name = "run" if then is None else f"run-{int(then[0]):05}-of-{int(then[2]):05}"
    manifest = json.loads(now[f"{name}.json"])
    assert [attempt["exit_code"] for attempt in manifest["attempts"]] == [0]
    assert manifest["dates"]["verdict"] == "honoured"
    assert (await _status(command))["cells"]["missing"] == 0


@pytest.mark.torture
async def test_the_command_that_status_prints_resumes(
    start_api: StartApi, against: Against
) -> None:
    """It asks without a shard for what is missing of all."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(6))
    await _together(command, _run("r", "0/3"))
    status = await command.run("status", "r", "--json")
    go_on = json.loads(status.stdout)["go_on"]
    assert "--shard" not in go_on
    _collector, *arguments = go_on.split()
    await _together(command, arguments)
    assert Counter(answers_of(command.directory / "r").keys()) == _cells_of(Shard(), 6)


async def test_who_is_in_the_way_of_shards_is_refused(
    start_api: StartApi, against: Against
) -> None:
    """The same shard again, another number, and a run without shards: with 6, nothing is sent."""
    api = await start_api(latency=0.02)
    command = against(api)
    command.write("companies.txt", company_lines(20))
    working = await command.start(*_run("r", "0/2", rate="10"))
    statistics = command.directory / "r" / "statistics-00000-of-00002.jsonl"
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    try:
        status = await command.run("status", "r", "--json")
        assert json.loads(status.stdout)["running"].startswith(f"process {working.pid} on ")
        refused = await asyncio.gather(
            *(command.run(*_run("r", shard)) for shard in ("0/2", "0/3", None))
        )
        for done in refused:
            assert done.exit_code == 6, done.stderr
            assert "another run holds this directory" in done.stderr
        assert not list((command.directory / "r").glob("*-of-00003.js*"))
        assert not (command.directory / "r" / "run.json").exists()
        assert api.counts.kinds["token"] == 1
    finally:
        working.terminate()
        ended = await command.finish(working)
    assert ended.exit_code == 143, ended.stderr


@pytest.mark.parametrize(
    ("place", "shard", "said"),
    [
        ("flag", "3/3", "shards are numbered from 0: the last of 3 is 2/3"),
        ("variable", "1", '"1" is no shard; write its number, from 0, and how many there are'),
    ],
)
async def test_a_shard_that_is_none_is_refused(
    start_api: StartApi, against: Against, place: str, shard: str, said: str
) -> None:
    """With 2, before anything is sent or written, and it is told what to write."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(3))
    before = command.files()
    if place == "flag":
        done = await command.run(*_run("r", shard))
    else:
        done = await command.with_environment(COLLECTOR_SHARD=shard).run(*_run("r"))
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert api.counts.total == 0
    assert command.files() == before


@pytest.mark.torture
async def test_the_shard_may_be_set_in_the_environment(
    start_api: StartApi, against: Against
) -> None:
    """Schedulers of containers number them by variables; a flag goes before it."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(9))
    for number in range(2):
        one = command.with_environment(COLLECTOR_SHARD=f"{number}/2")
        await _together(one, _run("r"))
    assert Counter(answers_of(command.directory / "r").keys()) == _cells_of(Shard(), 9)
    assert not (command.directory / "r" / "statistics.jsonl").exists()
    await _together(command.with_environment(COLLECTOR_SHARD="0/2"), _run("other", "1/2"))
    assert (command.directory / "other" / "statistics-00001-of-00002.jsonl").exists()
    assert not (command.directory / "other" / "statistics-00000-of-00002.jsonl").exists()


@pytest.mark.torture
async def test_a_shard_without_cells_is_complete(start_api: StartApi, against: Against) -> None:
    """More machines than blocks of windows: some have nothing to do, which is no fault."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", "1\n")
    owners = [n for n in range(5) if _cells_of_company_one(Shard(n, 5))]
    idle = next(n for n in range(5) if n not in owners)
    done = await command.run(*_run("r", f"{idle}/5"))
    assert done.exit_code == 0, done.stderr
    assert lines_of(command.directory / "r") == []


def _cells_of_company_one(shard: Shard) -> int:
    plan = Plan(Companies(("1",)), cut_windows(DateRange(*_RANGE), WindowSize("days", 1)))
    return len(Part(plan, shard))


@pytest.mark.torture
async def test_the_rate_is_that_of_all_shards_together(
    start_api: StartApi, against: Against
) -> None:
    """Three at once with `--rate 30`: 90 to 100 % of it, as the server sees them together.

    Each of them opens with one request, so that 2 more may come at the very beginning. What is
    below the rate is measured again, twice at most, for a machine may stand still.
    """
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(30))
    gc.freeze()
    reached: list[int] = []
    for turn in range(3):
        first = len(api.requests)
        await _together(
            command, *(_run(f"r{turn}", f"{number}/3", rate="30") for number in range(3))
        )
        seen = [request.at for request in api.requests[first:]]
        assert len(seen) >= 600
        # All three are running between these: the processes start one after the other.
        begin = seen[0] + 3
        in_10_seconds = sum(begin <= at < begin + 10 for at in seen)
        for at in seen[::10]:
            assert sum(at <= other < at + 1 for other in seen) <= 30 + 3
            assert sum(at <= other < at + 5 for other in seen) <= 150 + 3
        reached.append(in_10_seconds)
        if in_10_seconds >= 270:
            break
    assert 270 <= max(reached) <= 303, reached


@pytest.mark.slow
async def test_lock_files_may_be_removed_while_a_shard_works(
    start_api: StartApi, against: Against
) -> None:
    """Removing `*.lock` doubles nothing: the shard continues, and others end with 6."""
    api = await start_api()
    command = against(api)
    command.write("companies.txt", company_lines(60))
    run = command.directory / "r"
    first = await command.start(*_run("r", "0/2", rate="20"))
    await until(lambda: api.counts.kinds["statistics"] > 10)
    for other in ("0/2", "2/3", None):
        for lock in run.glob("*.lock"):
            lock.unlink()
        refused = await command.run(*_run("r", other))
        assert refused.exit_code == 6, refused.stderr
        assert "another run holds this directory" in refused.stderr
    status = await command.run("status", "r")
    assert " is running" in status.stdout
    sent = api.counts.kinds["statistics"]
    await until(lambda: api.counts.kinds["statistics"] > sent)
    first.send_signal(signal.SIGTERM)
    done = await command.finish(first)
    assert done.exit_code == 143, done.stderr
    await _together(command, *(_run("r", shard) for shard in ("0/2", "1/2")))
    assert len(answers_of(run)) == 60 * _DAYS
