"""Answers with other fields or actions than those of earlier runs: one remark, with real runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from collector.simulator import Simulator
from tests.conftest import Command, Finished, StartApi, company_lines

Against = Callable[[Simulator], Command]

_REMARK = "the API has changed since the earlier runs beside this one"


async def _night(command: Command, output: str, *more: str, companies: int = 12) -> Finished:
    command.write("companies.txt", company_lines(companies))
    return await command.run(
        *("run", "companies.txt", "--output", f"output/{output}", "--rate", "500"),
        *("--from", "2026-01-01", "--until", "2026-01-02", "--window", "1d"),
        *("--metrics-file", "night.prom", "--trust-dates"),
        *more,
    )


def _changed(command: Command) -> dict[str, int]:
    """Return the series of changed names, by kind of change; nothing if there are none."""
    lines = (command.directory / "night.prom").read_text().splitlines()
    found = (line for line in lines if line.startswith("collector_changed_names{"))
    return {
        line.partition('change="')[2].partition('"')[0]: int(float(line.split()[-1]))
        for line in found
    }


async def test_a_field_that_comes_and_goes(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """Each change is said once, in the night in which it shows, and the exit code stays 0."""
    api = await start_api()
    nights: list[tuple[tuple[str, ...], str | None, dict[str, int]]] = [
        ((), None, {}),
        (("late", "x"), 'new: "late", "x"', {"new": 2, "gone": 0}),
        (("late", "x"), None, {"new": 0, "gone": 0}),
        (("late",), None, {"new": 0, "gone": 0}),
    ]
    for number, (fields, said, series) in enumerate(nights):
        api.reconfigure(replace(api.settings, more_field=fields))
        finished = await _night(against(api), f"{number}")
        assert finished.exit_code == 0, finished
        assert (_REMARK in finished.stderr) is (said is not None), finished
        assert said is None or said in finished.stderr
        assert _changed(command) == series
        (attempt,) = command.manifest(f"output/{number}")["attempts"]
        assert attempt["names"]["fields"] == dict.fromkeys(fields, 24)
        assert attempt["names"]["answers"] == 24
        assert attempt["names"]["actions"]["RECEIVED"] == 24
        assert any(_REMARK in remark for remark in attempt["remarks"]) is (said is not None)
    assert command.manifest("output/1")["attempts"][0]["names"]["new"] == ["late", "x"]
    # Only the two nights that had the field are left to compare with.
    for number in (0, 3):
        (command.directory / f"output/{number}").rename(command.directory / f"elsewhere-{number}")
    finished = await _night(against(api), "4")
    assert 'no longer there: "x"' in finished.stderr, finished
    assert _changed(command) == {"new": 0, "gone": 1}


async def test_what_was_stopped_says_what_is_new_and_not_what_is_gone(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """The same command again has all answers, and says both; also when nothing is missing."""
    api = await start_api(more_field=("old",))
    assert (await _night(against(api), "1")).exit_code == 0
    two_fail = replace(
        api.settings, more_field=("late",), duplicate_keys=("198", "199"), latency=0.02
    )
    api.reconfigure(two_fail)
    few = "--max-failed", "0", "--concurrency", "1"
    finished = await _night(against(api), "2", *few, companies=200)
    assert finished.exit_code == 8, finished
    assert command.manifest("output/2")["attempts"][0]["cells"]["missing"] > 0
    assert 'new: "late"' in finished.stderr
    assert "no longer there" not in finished.stderr
    api.reconfigure(replace(two_fail, duplicate_keys=(), latency=0.0))
    for _ in range(2):
        finished = await _night(against(api), "2", companies=200)
        assert finished.exit_code == 0, finished
        assert 'new: "late"; no longer there: "old"' in finished.stderr
        assert _changed(command) == {"new": 1, "gone": 1}


async def test_each_shard_compares_its_part(
    command: Command, start_api: StartApi, against: Against
) -> None:
    """And all commands read the names of the parts as those of one run."""
    api = await start_api()
    for output, fields in (("1", ()), ("2", ("late",))):
        api.reconfigure(replace(api.settings, more_field=fields))
        for shard in ("0/2", "1/2"):
            finished = await _night(against(api), output, "--shard", shard, companies=24)
            assert finished.exit_code == 0, finished
            assert ('new: "late"' in finished.stderr) is (output == "2"), finished
    api.reconfigure(replace(api.settings, more_field=("late", "later")))
    finished = await _night(against(api), "3", companies=24)
    assert 'new: "later"' in finished.stderr
    assert _changed(command) == {"new": 1, "gone": 0}


@pytest.mark.slow
async def test_a_run_on_a_cluster_compares_all_shards_once(
    command: Any,  # noqa: ANN401 - see conftest
    start_api: StartApi,
    against: Against,
) -> None:
    """In the process that the user started, which writes the metrics as well."""
    api = await start_api()
    assert (await _night(against(api), "1")).exit_code == 0
    api.reconfigure(replace(api.settings, more_field=("late",)))
    finished = await _night(against(api), "2", "--engine", "dask", "--workers", "2")
    assert finished.exit_code == 0, finished
    assert finished.stderr.count('new: "late"') == 1
    assert _changed(command) == {"new": 1, "gone": 0}
