"""What dates mean, the whole way: the real command, and the embedded API in each of its modes."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from collector.plan.date_params import DATE_FORMATS
from collector.simulator import Simulator, statistics_of
from tests.conftest import company_lines
from tests.end_to_end.steps import until

pytestmark = pytest.mark.slow

StartApi = Callable[..., Awaitable[Simulator]]
Against = Callable[[Simulator], Any]
Serve = Callable[..., Awaitable[Any]]

_IDS = "1 Andes\n2\n-1\nÑandú/Sur\n42\n"
_DAYS = ("--from", "2026-08-28", "--until", "2026-09-03")
_FAST = ("--rate", "1000")

_MODES: dict[str, dict[str, Any]] = {
    "names honoured": {},
    "days that still move": {"settle_days": 14},
    "until excluded": {"until_exclusive": True},
    "other names": {"from_param": "desde", "until_param": "hasta"},
    "other names, until excluded": {
        "from_param": "startDate",
        "until_param": "to",
        "until_exclusive": True,
    },
    **{f"as {spelling}": {"date_format": spelling} for spelling in DATE_FORMATS[1:]},
    "other names and spelling": {
        "from_param": "fecha_inicio",
        "until_param": "fecha_fin",
        "date_format": "epoch-ms",
    },
}
_HONOURED = {"names honoured", "days that still move", "until excluded"}
_QUICK = _HONOURED | {"other names, until excluded", "as DD/MM/YYYY", "other names and spelling"}
"""One of each kind; every name and spelling is found in tests/probe, without processes."""


def _check_lines(api: Simulator, lines: list[dict[str, Any]]) -> None:
    """Every line has the figures of the days that it says."""
    for line in lines:
        assert line["statistics"] == statistics_of(
            api.settings.seed,
            line["company_id"],
            date.fromisoformat(line["from_date"]),
            date.fromisoformat(line["until_date"]),
            empty_share=api.settings.empty_share,
        )


def _sums(lines: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Add up every counter and action of each company."""
    sums: dict[str, Counter[str]] = {}
    for line in lines:
        numbers = dict(line["statistics"])
        numbers.update({f"actions {name}": n for name, n in numbers.pop("actions").items()})
        sums.setdefault(line["company_id"], Counter()).update(numbers)
    return sums


@pytest.mark.parametrize(
    "mode",
    [pytest.param(mode, marks=() if mode in _QUICK else pytest.mark.torture) for mode in _MODES],
)
async def test_what_works_is_found_and_used(
    start_api: StartApi, against: Against, mode: str
) -> None:
    """The check finds it within 40 requests; a run refuses what is set, or its days are right.

    After `check --write` the same run works, and the days add up to the whole.
    """
    api = await start_api(**_MODES[mode])
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    whole = ("run", "companies.txt", *_DAYS, *_FAST, "--output", "whole")
    first = await command.run(*whole)
    assert first.exit_code == (0 if mode in _HONOURED else 7), first.stderr
    if mode not in _HONOURED:
        assert "does not honour the dates" in first.stderr
        assert command.files() == {"companies.txt"}
    sent = api.counts.total
    checked = await command.run("check", "companies.txt", "--rate", "1000", "--write")
    assert checked.exit_code == 0, checked.stderr
    assert api.counts.total - sent <= 40
    assert f"requests      {api.counts.total - sent} " in checked.stdout
    excluded = api.settings.until_exclusive
    assert f"until         {'excluded' if excluded else 'included'} " in checked.stdout
    if first.exit_code:
        again = await command.run(*whole)
        assert again.exit_code == 0, again.stderr
    daily = await command.run(*whole[:-1], "daily", "--window", "1d")
    assert daily.exit_code == 0, daily.stderr
    lines, parts = command.lines("whole/statistics.jsonl"), command.lines("daily/statistics.jsonl")
    assert (len(lines), len(parts)) == (5, 35)
    _check_lines(api, lines + parts)
    assert _sums(parts) == _sums(lines)
    dates = command.manifest("daily")["dates"]
    assert (dates["verdict"], dates["until_exclusive"]) == ("honoured", excluded)


async def test_dates_that_are_ignored_end_a_run_before_it_begins(
    start_api: StartApi, against: Against
) -> None:
    """Exit code 7, a handful of requests, and nothing on the disk; the check says so as well."""
    api = await start_api(ignore_dates=True)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    refused = await command.run("run", "companies.txt", *_DAYS, "--window", "1d", "--output", "r")
    assert refused.exit_code == 7
    assert "the dates have no effect" in refused.stderr
    assert api.counts.kinds["statistics"] == 7
    assert command.files() == {"companies.txt"}
    checked = await command.run("check", "companies.txt", "--rate", "1000", "--write")
    assert checked.exit_code == 7
    assert "have the same counters as no dates" in " ".join(checked.stdout.split())
    assert "nothing was found to be honoured" in checked.stderr
    assert command.files() == {"companies.txt"}


async def test_only_zeros_prove_nothing(start_api: StartApi, against: Against) -> None:
    """The check says inconclusive; a run warns and continues, and its manifest says so too."""
    api = await start_api(empty_share=1)
    command = against(api).without_debugging()
    command.write("companies.txt", _IDS)
    checked = await command.run("check", "companies.txt", "--rate", "1000")
    assert checked.exit_code == 0
    assert "inconclusive" in checked.stdout
    assert api.counts.total <= 40
    done = await command.run("run", "companies.txt", *_DAYS, *_FAST, "--output", "r")
    assert done.exit_code == 0
    assert "could not be found out whether the API honours the dates" in done.stderr
    manifest = command.manifest("r")
    assert manifest["dates"]["verdict"] == "inconclusive"
    assert any("honours the dates" in text for text in manifest["attempts"][0]["remarks"])


async def test_trusted_dates_are_not_looked_at(start_api: StartApi, against: Against) -> None:
    """Neither before the run nor during it, and that is on the record."""
    api = await start_api(ignore_dates=True, empty_share=0)
    command = against(api).without_debugging()
    ids = company_lines(30).encode()
    run = ("run", "-", *_DAYS, "--window", "1d", *_FAST, "--output", "r", "--trust-dates")
    done = await command.run(*run, stdin=ids)
    assert done.exit_code == 0, done.stderr
    assert 30 * 7 <= api.counts.kinds["statistics"] < 30 * 7 + 32
    manifest = command.manifest("r")
    assert manifest["dates"]["verdict"] == "trusted"
    assert manifest["attempts"][0]["settings"]["trust-dates"] is True
    assert "trusted, not looked at" in done.stdout


async def test_a_proof_is_not_repeated(start_api: StartApi, against: Against) -> None:
    """Resuming sends nothing but what is missing, whatever the first attempt had found."""
    api = await start_api(until_exclusive=True, latency=0.05)
    command = against(api).without_debugging()
    run = ("run", "companies.txt", *_DAYS, "--window", "1d", "--output", "r", "--rate")
    command.write("companies.txt", "1\n2\n3\n4\n5\n6\n")
    process = await command.start(*run, "10")
    statistics = command.directory / "r" / "statistics.jsonl"
    await until(lambda: statistics.exists() and statistics.stat().st_size > 0)
    process.send_signal(signal.SIGINT)
    stopped = await command.finish(process)
    assert stopped.exit_code == 130, stopped.stderr
    proof = command.manifest("r")["dates"]
    done = await command.run(*run, "1000")
    assert done.exit_code == 0, done.stderr
    assert api.counts.kinds["statistics"] == 6 * 7 + proof["requests"]
    assert command.manifest("r")["dates"] == proof
    _check_lines(api, command.lines("r/statistics.jsonl"))


async def test_a_server_that_stops_honouring_them_ends_the_run(
    start_api: StartApi, against: Against
) -> None:
    """Company after company with the same counters: exit code 7, and the directory is spoilt."""
    api = await start_api(empty_share=0)
    command = against(api).without_debugging()
    ids = company_lines(200).encode()
    run = (
        "run",
        "companies.txt",
        "--from",
        "2026-09-01",
        "--until",
        "2026-09-30",
        "--window",
        "1d",
    )
    options = ("--rate", "200", "--concurrency", "4", "--output", "r")
    command.write("companies.txt", ids.decode())
    process = await command.start(*run, *options)
    async with asyncio.timeout(30):
        while api.counts.kinds["statistics"] < 20:  # noqa: ASYNC110 - the API has no event for a count
            await asyncio.sleep(0.01)
    api.reconfigure(replace(api.settings, ignore_dates=True))
    ended = await command.finish(process)
    assert ended.exit_code == 7, ended.stderr
    assert "the API does not honour the dates as they are sent" in ended.stderr
    manifest = command.manifest("r")
    assert (manifest["dates"]["verdict"], manifest["attempts"][0]["exit_code"]) == ("ignored", 7)
    sent = api.counts.kinds["statistics"]
    assert sent < 200 * 30 / 2
    status = await command.run("status", "r")
    assert "\nspoilt     the API ignored the dates" in status.stdout
    assert "\nresume " not in status.stdout
    again = await command.run(*run, *options)
    assert again.exit_code == 7
    assert "the API ignored the dates when its lines were fetched" in again.stderr
    assert api.counts.kinds["statistics"] == sent


@pytest.mark.parametrize("honoured", [4, 15])
async def test_of_a_few_companies_it_is_noticed_as_well(
    start_api: StartApi, against: Against, honoured: int
) -> None:
    """Each has right answers by then; with three windows to go it is noticed after the last one."""
    api = await start_api(empty_share=0)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(14))
    process = await command.start(
        *("run", "companies.txt", "--from", "2026-09-01", "--until", "2026-09-18"),
        *("--window", "1d", "--rate", "80", "--concurrency", "4", "--output", "r"),
    )
    await until(lambda: api.counts.kinds["statistics"] >= 14 * honoured)
    api.reconfigure(replace(api.settings, ignore_dates=True))
    ended = await command.finish(process)
    assert ended.exit_code == 7, ended.stderr
    assert "the API does not honour the dates as they are sent" in ended.stderr
    assert command.manifest("r")["dates"]["verdict"] == "ignored"
    lines = len(command.lines("r/statistics.jsonl"))
    assert lines == 14 * 18 if honoured == 15 else lines < 14 * 17


@pytest.mark.parametrize(("stop", "code"), [("outage", 4), ("signal", 143)])
async def test_a_look_back_that_is_cut_short_is_owed(
    serve: Serve,
    command: Any,  # noqa: ANN401 - see conftest
    stop: str,
    code: int,
) -> None:
    """All cells have answers, the last ones repeat, and no request can show why any more.

    The next attempt sends nothing but the proof, and ends with 7: the last three days are wrong.
    """
    ignores = is_back = False

    def judge(_company: str, before: int) -> int:
        nonlocal ignores
        ignores = before >= 4 + 5 * 7
        if stop == "signal":
            # So that the last answers are in flight when it comes.
            api.latency = 1.0 if before >= 4 + 5 * 9 and not is_back else 0.0
        return 503 if stop == "outage" and before >= 4 + 5 * 10 and not is_back else 200

    def total(_company: str, days: range) -> int:
        return 900 if ignores else sum(100 + 50 * (day % 3) for day in days)

    api = await serve(judge, total=total)
    command = api.point(command).without_debugging()
    command.write("companies.txt", "1\n2\n3\n4\n5\n")
    run = ("run", "companies.txt", "--from", "2026-09-01", "--until", "2026-09-10")
    more = ("--window", "1d", "--rate", "100", "--max-outage", "1s", "--output", "r")
    process = await command.start(*run, *more)
    await until(lambda: api.asked.total() >= 4 + 5 * 10)
    if stop == "signal":
        process.send_signal(signal.SIGTERM)
    first = await command.finish(process)
    assert first.exit_code == code, first.stderr
    lines = len(command.lines("r/statistics.jsonl"))
    # In an outage the last answers cannot be confirmed any more, and are requested again.
    assert lines == 50 if stop == "signal" else 0 < lines <= 50
    assert "it was not found out whether the API still honours the dates" in first.stderr
    status = await command.run("status", "r")
    assert "doubted: the latest answers repeat" in status.stdout
    sent, is_back = api.asked.total(), True
    again = await command.run(*run, *more)
    assert again.exit_code == 7, again.stderr
    assert api.asked.total() - sent <= 7
    assert command.manifest("r")["dates"]["verdict"] == "ignored"
    assert (await command.run("latest", "r")).exit_code == 2


async def test_lines_of_two_meanings_are_not_mixed(start_api: StartApi, against: Against) -> None:
    """A run with trusted dates is not resumed once it is verified that they meant other days."""
    api = await start_api(until_exclusive=True)
    command = against(api).without_debugging()
    run = ("run", "-", *_DAYS, "--window", "1d", *_FAST, "--output", "r")
    ids = b"1\n2\n3\n"
    assert (await command.run(*run, "--trust-dates", stdin=ids)).exit_code == 0
    statistics = command.directory / "r" / "statistics.jsonl"
    lines = statistics.read_bytes().splitlines(keepends=True)
    statistics.write_bytes(b"".join(lines[:5]))
    refused = await command.run(*run, stdin=ids)
    assert refused.exit_code == 7
    assert "its lines were fetched with the last day of a window sent as it is" in refused.stderr
    assert statistics.read_bytes() == b"".join(lines[:5])
    # With the option for it the same lines are right from the beginning, and are kept.
    statistics.unlink()
    trusted = ("--trust-dates", "--until-exclusive")
    assert (await command.run(*run, *trusted, stdin=ids)).exit_code == 0
    _check_lines(api, command.lines("r/statistics.jsonl"))


async def test_an_api_that_is_down_at_first_is_waited_for(
    start_api: StartApi, against: Against
) -> None:
    """No verdict is drawn from an outage; when it is over the dates are proved, then collected."""
    api = await start_api(down=True, until_exclusive=True)
    command = against(api).without_debugging()
    command.write("companies.txt", company_lines(20))
    process = await command.start("run", "companies.txt", *_DAYS, "--rate", "100", "--output", "r")
    async with asyncio.timeout(30):
        while api.counts.statuses[502] < 12:  # noqa: ASYNC110 - the API has no event for a count
            await asyncio.sleep(0.01)
    api.reconfigure(replace(api.settings, down=False))
    done = await command.finish(process)
    assert done.exit_code == 0, done.stderr
    assert command.manifest("r")["dates"]["verdict"] == "honoured"
    _check_lines(api, command.lines("r/statistics.jsonl"))


async def test_days_begin_in_the_given_zone(start_api: StartApi, against: Against) -> None:
    """Moments of a day in Santiago; another zone is another service to the same directory."""
    api = await start_api(date_format="epoch")
    command = against(api).without_debugging()
    run = ("run", "-", *_DAYS, "--date-format", "epoch", *_FAST, "--output", "r")
    done = await command.run(*run, "--timezone", "America/Santiago", stdin=b"1\n2\n")
    assert done.exit_code == 0, done.stderr
    _check_lines(api, command.lines("r/statistics.jsonl"))
    first = int(api.requests[-1].from_date or "")
    assert first % 86400 == 4 * 3600
    refused = await command.run(*run, "--timezone", "UTC", stdin=b"1\n2\n")
    assert refused.exit_code == 2
    assert "--timezone was America/Santiago and is now UTC" in refused.stderr


async def test_a_spoilt_directory_stays_spoilt(start_api: StartApi, against: Against) -> None:
    """Whatever is trusted later: it is unknown which of its lines are of other days."""
    api = await start_api(ignore_dates=True, empty_share=0)
    command = against(api).without_debugging()
    run = ("run", "-", *_DAYS, "--window", "1d", *_FAST, "--output", "r")
    assert (await command.run(*run, "--trust-dates", stdin=b"1\n2\n")).exit_code == 0
    statistics = command.directory / "r" / "statistics.jsonl"
    statistics.write_bytes(b"".join(statistics.read_bytes().splitlines(keepends=True)[:5]))
    refused = await command.run(*run, stdin=b"1\n2\n")
    assert refused.exit_code == 7
    manifest = command.manifest("r")
    assert (manifest["dates"]["verdict"], manifest["attempts"][-1]["exit_code"]) == ("ignored", 7)
    api.reconfigure(replace(api.settings, ignore_dates=False))
    sent = api.counts.total
    for more in ((), ("--trust-dates",)):
        again = await command.run(*run, *more, stdin=b"1\n2\n")
        assert again.exit_code == 7
        assert "the API ignored the dates when its lines were fetched" in again.stderr
    assert api.counts.kinds["statistics"] <= sent
    latest = await command.run("latest", "r")
    assert (latest.exit_code, latest.stdout) == (2, "")


@pytest.mark.parametrize("more", [(), ("--trust-dates",)])
async def test_what_is_no_longer_known_is_not_mixed(
    start_api: StartApi, against: Against, more: tuple[str, ...]
) -> None:
    """Without its manifest it is unknown how the last day was sent when the lines were fetched."""
    api = await start_api(until_exclusive=True)
    command = against(api).without_debugging()
    run = ("run", "-", *_DAYS, "--window", "1d", *_FAST, "--output", "r")
    assert (await command.run(*run, stdin=b"1\n2\n")).exit_code == 0
    statistics = command.directory / "r" / "statistics.jsonl"
    kept = b"".join(statistics.read_bytes().splitlines(keepends=True)[:5])
    statistics.write_bytes(kept)
    (command.directory / "r" / "run.json").unlink()
    refused = await command.run(*run, *more, stdin=b"1\n2\n")
    assert refused.exit_code == 7
    assert "it is not known any more what the dates meant" in refused.stderr
    assert statistics.read_bytes() == kept


async def test_a_night_of_companies_that_look_alike_continues(
    serve: Serve,
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """The same figures every day raise a suspicion; a new proof says that dates are honoured."""
    api = await serve(lambda _company, _: 200, total=lambda _company, days: 20 * len(days))
    command = api.point(command)
    command.write("companies.txt", company_lines(40))
    run = ("run", "companies.txt", *_DAYS, "--window", "1d", "--rate", "500", "--output", "r")
    done = await command.run(*run)
    assert done.exit_code == 0, done.stderr
    assert "40 companies have the same answer in all windows" in done.stderr
    assert len(command.lines("r/statistics.jsonl")) == 40 * 7
    events = [event["event"] for event in command.lines("r/log.jsonl")]
    # After each false alarm the row has to be twice as long: 5, 10, 20.
    assert 1 <= events.count("answers_repeat") <= 3
    assert events.count("dates_examined") == 1 + events.count("answers_repeat")


async def test_an_ignoring_server_whose_figures_move_is_noticed(
    serve: Serve,
    command: Any,  # noqa: ANN401 - see conftest
) -> None:
    """From the 60th request on it answers for its last days, which grow meanwhile."""

    def total(_company: str, days: range) -> int:
        asked = api.asked.total()
        return sum(100 + day % 97 for day in days) if asked < 60 else 1000 + asked // 40

    api = await serve(lambda _company, _: 200, total=total)
    command = api.point(command)
    command.write("companies.txt", company_lines(200))
    run = ("run", "companies.txt", *_DAYS, "--window", "1d", "--rate", "500", "--output", "r")
    done = await command.run(*run)
    assert done.exit_code == 7, done.stderr
    assert command.manifest("r")["dates"]["verdict"] == "ignored"
