import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from collector.core.errors import InputError
from tests.report.reading import log_sample, read
from tests.store.made_runs import AT, FIRST, make_run


def test_a_killed_attempt_has_at_least_the_requests_of_its_samples(tmp_path: Path) -> None:
    """Its own samples, not those of an attempt that has counts."""
    run = make_run(tmp_path / "r")
    manifest = json.loads((run / "run.json").read_bytes())
    (killed,) = manifest["attempts"]
    later = (AT + timedelta(seconds=25)).isoformat()
    counts = {"sent": 7, "refused": 1, "retried": 2}
    ended = {**killed, "started_at": later, "exit_code": 0, "requests": counts}
    manifest["attempts"] = [killed, ended]
    (run / "run.json").write_text(json.dumps(manifest))
    (run / "log.jsonl").write_bytes(log_sample(1) + log_sample(2) + log_sample(3))
    (facts,) = read(run).runs
    assert not facts.is_counted
    assert (facts.requests, facts.refused, facts.retried) == (207, 21, 12)


def test_a_moment_at_the_end_is_a_part_of_what_was_before(tmp_path: Path) -> None:
    """The last sample of an attempt would be a cliff in each picture."""
    run = make_run(tmp_path / "r")
    short = log_sample(3, seconds=0.5, sent=1)
    (run / "log.jsonl").write_bytes(log_sample(1) + log_sample(2) + short + log_sample(4))
    (behaviour,) = read(run).behaviour
    assert [part.seconds for part in behaviour.intervals] == [10.0, 10.5, 10.0]
    assert behaviour.intervals[1].sent == pytest.approx(101 / 10.5)
    (run / "log.jsonl").write_bytes(short)
    (behaviour,) = read(run).behaviour
    assert [part.seconds for part in behaviour.intervals] == [0.5]


def test_samples_become_intervals(tmp_path: Path) -> None:
    """Counts become rates; other events, torn ones included, are skipped."""
    run = make_run(tmp_path / "r")
    other = b'{"at":"x","level":"info","event":"run_started"}\n'
    silent = log_sample(2, seconds=5.0, sent=0, answered=0, refused=0, latency_p50=None)
    (run / "log.jsonl").write_bytes(log_sample(1) + other + silent + log_sample(3)[:-9])
    (behaviour,) = read(run).behaviour
    one, other_one = behaviour.intervals
    assert (one.sent, one.refused, one.retried, one.allowed) == (10.0, 1.0, 0.5, 12.5)
    assert (one.latency_p50, one.latency_p90, one.latency_p99) == (0.1, 0.2, 0.4)
    assert one.ended_at == AT + timedelta(seconds=10)
    assert (other_one.sent, other_one.latency_p50) == (0.0, None)
    assert not behaviour.is_joined


def test_a_long_night_is_joined_into_200_intervals(tmp_path: Path) -> None:
    """Neighbours are added up, latencies weighted by requests; nothing is lost at the end."""
    run = make_run(tmp_path / "r")
    samples = [log_sample(n, sent=n, latency_p50=float(n)) for n in range(401)]
    (run / "log.jsonl").write_bytes(b"".join(samples))
    (behaviour,) = read(run).behaviour
    intervals = behaviour.intervals
    assert len(intervals) == 134
    assert sum(part.sent * part.seconds for part in intervals) == sum(range(401))
    assert sum(part.seconds for part in intervals) == 4010
    assert intervals[0].latency_p50 == pytest.approx((0 * 1 + 1 * 1 + 2 * 2) / 4)
    assert intervals[-1].ended_at == AT + timedelta(seconds=4000)
    assert behaviour.is_joined


def test_only_the_newest_five_runs_are_followed_over_time(tmp_path: Path) -> None:
    """All of them are in the facts."""
    runs = [make_run(tmp_path / str(number)) for number in range(7)]
    report = read(*runs)
    assert [part.directory for part in report.behaviour] == [str(run) for run in runs[-5:]]
    assert [facts.directory for facts in report.runs] == [str(run) for run in runs]


def test_facts_add_up_attempts_and_tell_how_the_last_one_ended(tmp_path: Path) -> None:
    """Requests are of all attempts, the end is the last one's; a killed one has no end."""
    run = make_run(tmp_path / "r")
    manifest = json.loads((run / "run.json").read_bytes())
    (attempt,) = manifest["attempts"]
    ended = {
        **attempt,
        "exit_code": 1,
        "ended_at": "2026-11-23T03:00:00.000Z",
        "limit_found": 49.5,
        "requests": {"sent": 10, "refused": 2, "retried": 3},
        "requests_per_second": 4.5,
        "latency_seconds": {"p50": 0.1, "p99": 0.9},
        "remarks": ["odd"],
    }
    manifest["attempts"] = [ended, {**ended, "exit_code": 0}]
    (run / "run.json").write_text(json.dumps(manifest))
    (facts,) = read(run).runs
    assert (facts.requests, facts.refused, facts.retried, facts.attempts) == (20, 4, 6, 2)
    assert facts.is_counted
    assert (facts.exit_code, facts.limit_found, facts.requests_per_second) == (0, 49.5, 4.5)
    assert (facts.latency_p50, facts.latency_p99, facts.remarks) == (0.1, 0.9, ("odd",))
    assert (facts.from_date, facts.until_date) == (FIRST, date(2026, 11, 4))
    manifest["attempts"] = [ended, attempt]
    (run / "run.json").write_text(json.dumps(manifest))
    (facts,) = read(run).runs
    assert (facts.exit_code, facts.ended_at, facts.requests) == (None, None, 10)


def test_a_manifest_without_attempts_is_damaged(tmp_path: Path) -> None:
    """No collector has written it."""
    run = make_run(tmp_path / "r")
    manifest = json.loads((run / "run.json").read_bytes())
    (run / "run.json").write_text(json.dumps({**manifest, "attempts": []}))
    with pytest.raises(InputError, match="no attempt"):
        read(run)
