"""What a run tells of itself: `--metrics-file` for Prometheus, samples in its log."""

import asyncio
import shlex
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.simulator import Simulator
from tests.conftest import company_lines
from tests.end_to_end.steps import until

StartApi = Callable[..., Awaitable[Simulator]]
StartOwnApi = Callable[..., Awaitable[Any]]
Against = Callable[[Simulator], Any]
Series = dict[str, float]

_RUN = ("run", "companies.txt", "--output", "r", "--metrics-file", "night.prom")
_FAST = ("--rate", "500")
_COUNTS = ("sent", "answered", "refused", "retried")


def _series(path: Path) -> Series:
    """Read a whole file of metrics, by name and further label: `cells/data`."""
    series: Series = {}
    for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert labels.pop("collection") == path.stem
            series["/".join([sample.name.removeprefix("collector_"), *labels.values()])] = (
                sample.value
            )
    assert any(name.startswith("build_info/") for name in series), "it is cut"
    return series


def _check_against_manifest(series: Series, attempt: dict[str, Any], kept: int = 0) -> None:
    cells, requests = attempt["cells"], attempt["requests"]
    assert series["cells_planned"] == cells["planned"]
    assert series["cells/data"] + series["cells/empty"] == cells["data"] + cells["empty"] + kept
    assert series["cells/failed"] == cells["failed"]
    assert series["cells/missing"] == cells["missing"]
    for name in ("sent", "answered", "refused", "retried"):
        assert series[f"requests_{name}_total"] == requests[name]
    outcomes = {
        name.partition("/")[2]: value
        for name, value in series.items()
        if name.startswith("requests_total/")
    }
    assert outcomes == requests["by_status"] | requests["broken"]
    limit = series.get("limit_found_requests_per_second")
    assert (None if limit is None else round(limit, 2)) == attempt["limit_found"]
    assert series["requests_per_second"] == pytest.approx(attempt["requests_per_second"], rel=0.2)
    assert series["run_exit_code"] == attempt["exit_code"]
    assert series["run_running"] == 0


def _check_samples(
    command: Any,  # noqa: ANN401 - see conftest
    requests: dict[str, int],
) -> list[dict[str, Any]]:
    """Check that the samples of the last attempt are all of it, and its end."""
    events = command.lines("r/log.jsonl")
    first = max(n for n, event in enumerate(events) if event["event"] == "run_started")
    samples = [event for event in events[first:] if event["event"] == "sample"]
    assert {name: sum(sample[name] for sample in samples) for name in _COUNTS} == {
        name: requests[name] for name in _COUNTS
    }
    assert [event["event"] for event in events[-2:]] == ["sample", "run_ended"]
    return samples


def _state(path: Path) -> tuple[int, int, int]:
    """Return what changes when a file is written or replaced."""
    state = path.stat()
    return state.st_ino, state.st_mtime_ns, state.st_size


async def test_the_file_and_the_samples_say_what_the_manifest_says(
    serve: StartOwnApi,
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """Of a run that is well, and of one that is resumed, fails (1) and keeps the last success.

    Refusals, retries and failures are counted alike in all three places.
    """
    is_well = True

    def judge(company: str, before: int) -> int:
        if is_well or company not in {"3", "7"}:
            return 429 if before == 20 else 200
        return 500 if company == "3" else 404

    api = await serve(judge)
    command = api.point(command).without_debugging()
    command.write("companies.txt", company_lines(40))
    done = await command.run(*_RUN, *_FAST)
    assert done.exit_code == 0, done.stderr
    file = command.directory / "night.prom"
    well = _series(file)
    (attempt,) = command.manifest("r")["attempts"]
    assert attempt["requests"]["refused"] == 1
    _check_against_manifest(well, attempt)
    (sample,) = _check_samples(command, attempt["requests"])
    assert (sample["done"], sample["in_flight"]) == (40, 0)
    assert 0 < sample["allowed"] <= 500
    for n in (50, 90, 99):
        assert sample[f"latency_p{n}"] == attempt["latency_seconds"][f"p{n}"]
    success = well["last_success_timestamp_seconds"]
    assert success == well["run_updated_timestamp_seconds"] > well["run_started_timestamp_seconds"]

    statistics = command.directory / "r" / "statistics.jsonl"
    lines = statistics.read_bytes().splitlines(keepends=True)
    gone = (b'{"company_id":"3",', b'{"company_id":"7",')
    statistics.write_bytes(b"".join(line for line in lines if not line.startswith(gone)))
    is_well = False
    failed = await command.run(*_RUN, *_FAST, "--max-attempts", "2", "--log-level", "warning")
    assert failed.exit_code == 1, failed.stderr
    series = _series(file)
    attempt = command.manifest("r")["attempts"][1]
    _check_against_manifest(series, attempt, kept=38)
    assert (series["cells/failed"], series["requests_retried_total"]) == (2, 1)
    assert series["last_success_timestamp_seconds"] == success
    assert series["run_started_timestamp_seconds"] > success
    # With --log-level warning there are no samples.
    assert [event["event"] for event in command.lines("r/log.jsonl")].count("sample") == 1
    status = await command.run("status", "r")
    resume = shlex.split(status.stdout.partition("\nresume ")[2])
    assert "--metrics-file=night.prom" in resume


@pytest.mark.parametrize(
    ("settings", "environment", "code"),
    [
        pytest.param({"client_secret": "right"}, {"TRUST_CLIENT_SECRET": "fake"}, 3, id="refused"),
        pytest.param({"ignore_dates": True}, {}, 7, id="ignored dates"),
        pytest.param({"issuer_down": True}, {}, 4, id="outage"),
    ],
)
async def test_an_end_before_the_first_cell_is_told(
    start_api: StartApi,
    against: Against,
    settings: dict[str, Any],
    environment: dict[str, str],
    code: int,
) -> None:
    """The file is all that such a run leaves: how it ended, and that everything is missing."""
    api = await start_api(**settings)
    command = against(api).with_environment(**environment).without_debugging()
    command.write("companies.txt", company_lines(5))
    options = ("--last", "3d", "--max-attempts", "1", "--max-outage", "1s", *_FAST)
    done = await command.run(*_RUN, *options)
    assert done.exit_code == code, done.stderr
    assert command.files() == {"companies.txt", "night.prom"}
    series = _series(command.directory / "night.prom")
    assert (series["run_exit_code"], series["run_running"]) == (code, 0)
    assert series["cells/missing"] == series["cells_planned"] == 5
    assert series["requests_sent_total"] == api.counts.total > 0
    assert "last_success_timestamp_seconds" not in series
    assert "fake" not in (command.directory / "night.prom").read_text()


async def test_only_the_running_run_writes_and_a_kill_leaves_a_whole_file(
    start_api: StartApi, against: Against
) -> None:
    """A second run (6), and another plan (2), leave the file to the one that has the directory.

    Killed, it has said that it works. The next attempt takes over, and ends by a signal.
    """
    api = await start_api(latency=0.05)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(5000))
    file, statistics = command.directory / "night.prom", command.directory / "r/statistics.jsonl"
    process = await command.start(*_RUN, "--rate", "50")
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    written = _state(file)
    second = await command.run(*_RUN)
    assert second.exit_code == 6, second.stderr
    assert _state(file) == written
    process.kill()
    await command.finish(process)
    assert _state(file) == written
    series = _series(file)
    assert series["run_running"] == 1
    assert "run_exit_code" not in series
    assert series["cells/missing"] == 5000
    other = await command.run(*_RUN, "--last", "1d")
    assert other.exit_code == 2, other.stderr
    assert _state(file) == written

    sent, before = api.counts.total, statistics.stat().st_size
    process = await command.start(*_RUN, "--rate", "auto")
    await until(lambda: statistics.stat().st_size > before)
    process.send_signal(signal.SIGTERM)
    stopped = await command.finish(process)
    assert stopped.exit_code == 143, stopped.stderr
    attempt = command.manifest("r")["attempts"][1]
    kept = attempt["kept"]["data"] + attempt["kept"]["empty"]
    assert kept > 0
    _check_against_manifest(_series(file), attempt, kept=kept)
    assert attempt["requests"]["sent"] == api.counts.total - sent
    _check_samples(command, attempt["requests"])
    assert {path.name for path in command.directory.iterdir()} == {
        *("companies.txt", "night.prom", "r")
    }


async def test_where_nothing_can_be_written_nothing_is_sent(
    start_api: StartApi, against: Against
) -> None:
    """No directory, a directory: exit code 2 and the reason, nothing is made, nothing changes."""
    api = await start_api()
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(5))
    (command.directory / "taken.prom").mkdir()
    before = command.files()
    run = ("run", "companies.txt", "--output", "r", "--metrics-file")
    for done, reason in zip(
        await asyncio.gather(*(command.run(*run, name) for name in ("no/a.prom", "taken.prom"))),
        ("No such file or directory", "there is something that is no file"),
        strict=True,
    ):
        assert done.exit_code == 2
        assert f".prom: cannot be written: {reason}" in done.stderr
    assert api.counts.total == 0
    assert command.files() == before


async def test_what_cannot_be_written_at_the_end_is_said_and_no_failure(
    start_api: StartApi, against: Against
) -> None:
    """The directory of the file has gone in mid-run: the answers count, the exit code stays."""
    api = await start_api(latency=0.3)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(3))
    (command.directory / "m").mkdir()
    run = ("run", "companies.txt", "--output", "r", "--metrics-file", "m/night.prom", "--quiet")
    process = await command.start(*run)
    await until(lambda: api.counts.total > 1)
    (command.directory / "m" / "night.prom").unlink()
    (command.directory / "m").rmdir()
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert "night.prom: cannot be written: No such file or directory" in done.stderr
    assert command.manifest("r")["attempts"][0]["exit_code"] == 0


async def test_the_demo_writes_one_as_well(command: Any) -> None:  # noqa: ANN401 - see conftest
    """So that a dashboard can be tried without credentials."""
    done = await command.without_debugging().run(
        "demo", "--metrics-file", "demo.prom", "--output", "r", *_FAST
    )
    assert done.exit_code == 0, done.stderr
    (attempt,) = command.manifest("r")["attempts"]
    _check_against_manifest(_series(command.directory / "demo.prom"), attempt)


async def test_shards_with_one_name_write_a_file_each(
    start_api: StartApi, against: Against
) -> None:
    """It may be set in `collector.toml`, for all; together they have the cells of the plan."""
    command = against(await start_api())
    command.write("companies.txt", company_lines(40))
    command.write("collector.toml", 'metrics-file = "night.prom"\n')
    run = ("run", "companies.txt", "--output", "r", "--rate", "500", "--shard")
    for done in await asyncio.gather(*(command.run(*run, f"{n}/2") for n in range(2))):
        assert done.exit_code == 0, done.stderr
    assert not (command.directory / "night.prom").exists()
    planned = 0.0
    for number in range(2):
        path = command.directory / f"night-0000{number}-of-00002.prom"
        for family in text_string_to_metric_families(path.read_text(encoding="utf-8")):
            for sample in family.samples:
                assert sample.labels["collection"] == "night"
                assert sample.labels["shard"] == f"{number}/2"
                planned += sample.value if sample.name == "collector_cells_planned" else 0
    assert planned == 40
