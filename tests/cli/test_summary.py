"""The summary at the end of a run: what came of it, and what to do next."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from collector.cli.hints import EXIT_TEXTS
from collector.cli.summary import summary
from collector.core.cell import SERVER_DEFAULT, CellState
from collector.core.errors import ExitCode
from collector.core.outcome import FailureKind
from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.http.gate import Gate
from collector.pace import PaceView
from collector.plan import Companies, Plan, Shard
from collector.run.run import End, Run
from collector.settings import RunSettings
from collector.settings.parsers import Rate


def _job(
    planned: int = 1000,
    names: Mapping[str, str] = MappingProxyType({}),
    **settings: Any,  # noqa: ANN401 - see RunSettings
) -> Run:
    ids = tuple(str(number) for number in range(planned))
    plan = Plan(Companies(ids, dict(names)), (SERVER_DEFAULT,))
    told = RunSettings(**{"rate": Rate(7.5), **settings})
    job = Run(plan, told, AccessToken(Secret("t")), Path("out/night"))
    job.stats.found(Counter())
    return job


def _rows(job: Run, code: ExitCode) -> dict[str, str]:
    lines = summary(job, End(code)).splitlines()
    rows = {line[:9].rstrip(): line[10:] for line in lines}
    assert len(rows) == len(lines)
    return rows


def test_every_exit_code_has_a_meaning() -> None:
    """Summary and status say it in words; no two are alike."""
    assert set(EXIT_TEXTS) == set(ExitCode)
    assert len(set(EXIT_TEXTS.values())) == len(EXIT_TEXTS)


def test_what_was_not_read_is_not_counted() -> None:
    """A directory that cannot be read, or was taken away, is not said to have no answer."""
    job = _job()
    job.stats.is_known = False
    text = "1,000 planned; how many have an answer is not known"
    assert _rows(job, ExitCode.STORAGE)["cells"] == text


def test_a_complete_run_has_nothing_to_do_next() -> None:
    """Counts, requests, time and rate, where the answers are, and the exit code in words."""
    job = _job()
    job.stats.cells.update({CellState.DATA: 900, CellState.EMPTY: 100})
    job.stats.requests, job.stats.retries, job.stats.refused = 1234, 5, 6
    job.stats.good = 1198
    for _ in range(1200):
        job.stats.answered(200, 0.123)
    for _ in range(6):
        job.stats.answered(429, 0.01)
    for _ in range(20):
        job.stats.answered(500, 1.26)
    job.stats.broken.update({FailureKind.TIMEOUT: 2, FailureKind.CONNECTION: 6})
    rows = _rows(job, ExitCode.COMPLETE)
    assert list(rows) == [*("cells", "requests", "outcomes", "latency", "time", "answers", "exit")]
    assert rows["cells"] == "1,000 of 1,000 answered (900 data, 100 empty), 0 failed, 0 missing"
    assert rows["requests"] == "1,234 sent: 1,198 answered, 6 rate-limited, 30 failed; 5 retried"
    assert rows["outcomes"] == "200: 1,200, 429: 6, 500: 20, connection: 6, timeout: 2"
    assert (
        rows["latency"]
        == "half within 126 ms, 90 % within 126 ms, 99 % within 1.2 s, longest 1.3 s"
    )
    assert rows["time"].endswith(" requests per second (at most 7.5)")
    assert rows["answers"] == "out/night/statistics.jsonl"
    assert rows["exit"] == "0: every cell has an answer"


def test_a_complete_shard_does_not_speak_for_the_run() -> None:
    """Its exit code is about its own cells, whatever became of the others."""
    job = _job(shard=Shard(1, 2))
    rows = _rows(job, ExitCode.COMPLETE)
    assert rows["exit"] == "0: every cell of shard 1/2 has an answer"
    assert _rows(job, ExitCode.SIGTERM)["exit"] == "143: interrupted by SIGTERM (shard 1/2)"


def test_what_earlier_attempts_answered_is_counted_and_told() -> None:
    """The whole run is what counts; how much of it was there before is said."""
    job = _job()
    job.stats.kept.update({CellState.DATA: 600, CellState.EMPTY: 50})
    job.stats.cells.update({CellState.DATA: 40, CellState.EMPTY: 7, CellState.FAILED: 3})
    job.stats.failure_kinds.update({FailureKind.TIMEOUT: 1, FailureKind.HTTP: 2})
    rows = _rows(job, ExitCode.SOME_FAILED)
    assert rows["cells"] == (
        "697 of 1,000 answered (640 data, 57 empty), 650 of them in earlier attempts, "
        "3 failed, 300 missing"
    )
    assert rows["failures"] == "out/night/errors.jsonl (http 2, timeout 1)"
    resume = "run the same command again: it requests what failed or is missing; "
    assert rows["next"].startswith(resume)


def test_a_run_that_found_all_done_says_so() -> None:
    """Nothing was sent, and there are answers all the same."""
    job = _job(3)
    job.stats.kept[CellState.DATA] = 3
    rows = _rows(job, ExitCode.COMPLETE)
    assert rows["cells"] == (
        "3 of 3 answered (3 data, 0 empty), 3 of them in earlier attempts, 0 failed, 0 missing"
    )
    assert rows["answers"] == "out/night/statistics.jsonl"
    assert "next" not in rows


@pytest.mark.parametrize("code", list(ExitCode))
def test_only_ends_that_can_be_continued_say_how(code: ExitCode) -> None:
    """With all answered there is nothing to resume; a bug is to be reported."""
    job = _job(3)
    can_resume = {1, 3, 4, 5, 70, 129, 130, 143}
    rows = _rows(job, code)
    assert ("next" in rows) == (code in can_resume)
    assert rows["exit"] == f"{code.value}: {EXIT_TEXTS[code]}"
    assert "answers" not in rows
    assert "failures" not in rows
    job.stats.cells[CellState.EMPTY] = 3
    assert ("next" in _rows(job, code)) == (code is ExitCode.BUG)


def test_where_the_service_ends_with_the_run_there_is_no_next_step() -> None:
    """The same command would find another one."""
    text = summary(_job(), End(ExitCode.SIGINT), can_resume=False)
    assert "\nexit" in text
    assert "\nnext" not in text


def test_slow_companies_are_told_by_name_beside_what_is_usual() -> None:
    """Three of them; a name or an id that is very long is cut."""
    job = _job(10, names={"1": "Andes [red]Retail", "2": "x" * 50})
    slowest = {"1": (4.0, 5.0), "2": (3.0,), "3": (0.7,) * 7, "4": (0.6,) * 7}
    for number in range(10):
        for seconds in slowest.get(str(number), (0.1,)):
            job.stats.company_latencies.add(str(number), seconds)
    assert _rows(job, ExitCode.COMPLETE)["slowest"] == (
        f"1 (Andes [red]Retail) mean 4.5 s of 2 answers, 2 ({'x' * 37}...) mean 3 s of 1 answer, "
        "3 mean 700 ms of 7 answers; half of the companies within 100 ms"
    )


def test_where_all_are_alike_no_company_is_named() -> None:
    """There is always a slowest one; that is no news."""
    job = _job(10)
    for number in range(10):
        job.stats.company_latencies.add(str(number), 0.1 + number / 100)
    assert "slowest" not in _rows(job, ExitCode.COMPLETE)


def test_a_run_that_got_no_answer_has_no_latency() -> None:
    """Rows that would say nothing are left out."""
    job = _job()
    assert {"outcomes", "latency", "in flight"}.isdisjoint(_rows(job, ExitCode.STOPPED_EARLY))
    job.stats.requests = 3
    job.stats.broken[FailureKind.CONNECTION] = 3
    rows = _rows(job, ExitCode.STOPPED_EARLY)
    assert rows["requests"] == "3 sent: 0 answered, 0 rate-limited, 3 failed; 0 retried"
    assert rows["outcomes"] == "connection: 3"
    assert "latency" not in rows


@pytest.mark.parametrize(
    ("rate", "most"),
    [
        *((Rate(10), "(at most 10)"), (Rate(0.25), "(at most 0.25)")),
        *((Rate(1_000_000), "(at most 1000000)"), (Rate("inf"), "(no upper limit)")),
    ],
)
def test_the_highest_rate_is_told_as_it_was_given(rate: Rate, most: str) -> None:
    """And nothing of a limit that was not met."""
    assert _rows(_job(rate=rate), ExitCode.COMPLETE)["time"].endswith(f"requests per second {most}")


class _FoundGate(Gate):
    """A gate whose controller has found the API's limit."""

    def view(self) -> PaceView:
        """Return what was found."""
        return super().view()._replace(rate=46.6123, limit=48.06)


@pytest.mark.parametrize(
    ("rate", "most"),
    [
        (Rate(400), "(at most 400; limit of the API found at 48.1)"),
        (Rate("inf"), "(no upper limit; limit of the API found at 48.1)"),
    ],
)
def test_the_limit_that_was_found_is_told(rate: Rate, most: str) -> None:
    """So that the next run can be told of it."""
    job = _found(rate=rate)
    assert _rows(job, ExitCode.COMPLETE)["time"].endswith(f"requests per second {most}")


def _found(**settings: Any) -> Run:  # noqa: ANN401 - see RunSettings
    job = _job(**settings)
    job.gate.__class__ = _FoundGate
    return job


def _held_up(job: Run, latency: float, *, share: float = 0.2, count: int = 100) -> Run:
    """Let requests of the given latency have left, a share of them only when others came."""
    for _ in range(count):
        job.stats.answered(200, latency)
    job.stats.requests = count
    job.stats.held_up = round(share * count)
    return job


def test_a_concurrency_that_held_the_rate_back_is_told_with_the_one_that_would_do() -> None:
    """Rate times latency, and a fifth more: 50 per second at 2 seconds is 120 in flight."""
    job = _held_up(_job(rate=Rate(50), concurrency=32), 2.0)
    said = _rows(job, ExitCode.COMPLETE)["in flight"]
    found = re.fullmatch(
        r"at most 32 held the rate back; --concurrency (\d+) would do for 50 requests per second "
        r"at ([\d.]+) s",
        said,
    )
    assert found is not None, said
    assert int(found[1]) == pytest.approx(120, rel=0.03)
    assert float(found[2]) == pytest.approx(2.0, rel=0.03)


def test_the_advice_is_for_the_rate_that_the_api_allows() -> None:
    """A rate that was asked for and refused would not come with more in flight."""
    job = _held_up(_found(rate=Rate(400), concurrency=10), 0.5)
    said = _rows(job, ExitCode.COMPLETE)["in flight"]
    assert re.search(r"--concurrency 2[78] would do for 46\.61 requests per second at \d+ ms", said)


def test_without_an_upper_limit_twice_as_many_are_worth_a_try() -> None:
    """What the API allows is not known as long as something else holds the rate back."""
    job = _held_up(_job(rate=Rate("inf"), concurrency=32), 0.2)
    assert _rows(job, ExitCode.COMPLETE)["in flight"] == (
        "at most 32 held the rate back; --concurrency 64 would show whether the API allows more"
    )


@pytest.mark.parametrize("rate", [Rate(100_000), Rate("inf")])
def test_no_concurrency_is_advised_that_is_not_allowed(rate: Rate) -> None:
    """The most that the option takes is the most that is advised."""
    job = _held_up(_job(rate=rate, concurrency=9_999), 30.0, count=20_000)
    assert "--concurrency 10000 " in _rows(job, ExitCode.COMPLETE)["in flight"]
    job = _held_up(_job(rate=rate, concurrency=10_000), 30.0, count=20_000)
    assert "in flight" not in _rows(job, ExitCode.COMPLETE)


@pytest.mark.parametrize("rate", [Rate(50), Rate("inf")])
def test_where_the_concurrency_did_for_the_rate_nothing_is_advised(rate: Rate) -> None:
    """A few moments without a free place are not the pace of a run."""
    job = _held_up(_job(rate=rate, concurrency=32), 0.6, share=0.19)
    assert "in flight" not in _rows(job, ExitCode.COMPLETE)


@pytest.mark.parametrize("rate", [Rate(50), Rate("inf")])
def test_answers_that_come_in_bursts_do_not_hide_it(rate: Rate) -> None:
    """They make room for many at once, of which only the first is late: rate times latency tells.

    A run with fewer requests than may be in flight was not held back.
    """
    job = _held_up(_job(rate=rate, concurrency=32), 4.0, share=0.03)
    assert "at most 32 held the rate back" in _rows(job, ExitCode.COMPLETE)["in flight"]
    job.stats.requests = 32
    assert "in flight" not in _rows(job, ExitCode.COMPLETE)


def test_nothing_is_advised_that_would_change_nothing() -> None:
    """More than enough is in flight already: then something else held the rate back."""
    job = _held_up(_job(rate=Rate(50), concurrency=32), 0.1, share=1.0)
    assert "in flight" not in _rows(job, ExitCode.COMPLETE)
