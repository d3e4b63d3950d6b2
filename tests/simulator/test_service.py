import dataclasses
from datetime import date

import orjson
import pytest

from collector.simulator import Fault, RequestRecord, SimulatorSettings, statistics_of
from tests.simulator.bench import TODAY, Bench


def test_an_answer_is_the_documented_envelope() -> None:
    """The whole body, keys in the documented order, as compact JSON."""
    bench = Bench(SimulatorSettings(empty_share=1.0))
    assert bench.ask() == 200
    assert bench.decision.reply.body == (
        b'{"code":200,"resource":"Statistics","data":{"total":0,"sended":0,"pending":0,"fails":0,'
        b'"actions":{"RECEIVED":0,"PRESS_ACTION":0,"UNKNOWN":0},"campaign":0},"message":"Ok"}'
    )


def test_without_dates_the_answer_is_about_the_week_that_ends_today() -> None:
    """Today comes from the machine unless the settings name a day."""
    bench = Bench(SimulatorSettings(empty_share=0.0))
    bench.ask("1")
    assert bench.data() == statistics_of(1, "1", date(2026, 11, 17), TODAY)
    bench.service.configure(SimulatorSettings(empty_share=0.0, today=date(2026, 1, 7)))
    bench.ask("1")
    assert bench.data() == statistics_of(1, "1", date(2026, 1, 1), date(2026, 1, 7))


def test_dates_are_honoured_excluded_or_ignored_as_the_settings_say() -> None:
    """One range, three servers."""
    bench = Bench(SimulatorSettings(empty_share=0.0))
    settings = bench.service.settings
    first, last = ["2026-01-01"], ["2026-01-31"]
    bench.ask("1", first, last)
    assert bench.data() == statistics_of(1, "1", date(2026, 1, 1), date(2026, 1, 31))
    bench.service.configure(dataclasses.replace(settings, until_exclusive=True))
    bench.ask("1", first, last)
    assert bench.data() == statistics_of(1, "1", date(2026, 1, 1), date(2026, 1, 30))
    bench.service.configure(dataclasses.replace(settings, ignore_dates=True))
    bench.ask("1", first=["nonsense"])
    assert bench.data() == statistics_of(1, "1", date(2026, 11, 17), TODAY)


def test_only_the_configured_form_of_dates_is_read() -> None:
    """The reason names it; nothing else about the answer depends on it."""
    bench = Bench(SimulatorSettings(empty_share=0.0, date_format="DD/MM/YYYY"))
    assert bench.ask("1", ["05/01/2026"], ["31/01/2026"]) == 200
    assert bench.data() == statistics_of(1, "1", date(2026, 1, 5), date(2026, 1, 31))
    assert bench.ask("1", ["2026-01-05"], ["2026-01-31"]) == 400
    reason = orjson.loads(bench.decision.reply.body)["errors"]
    assert reason == "a date is not a day in the form DD/MM/YYYY"
    bench.service.configure(SimulatorSettings(date_format="epoch"))
    assert bench.ask("1", ["2026-01-05"], ["2026-01-31"]) == 400
    reason = orjson.loads(bench.decision.reply.body)["errors"]
    assert reason == "a date is not a moment in the form epoch"


def test_unsettled_days_are_as_of_the_servers_current_day() -> None:
    """The machine's day, or the one of the settings; also without dates."""
    bench = Bench(SimulatorSettings(empty_share=0.0, settle_days=14))
    week = (date(2026, 11, 17), TODAY)
    for first, last in (([], []), (["2026-11-17"], ["2026-11-23"])):
        bench.ask("1", first, last)
        assert bench.data() == statistics_of(1, "1", *week, settle_days=14, today=TODAY)
    later = date(2026, 11, 30)
    bench.service.configure(dataclasses.replace(bench.service.settings, today=later))
    bench.ask("1", ["2026-11-17"], ["2026-11-23"])
    assert bench.data() == statistics_of(1, "1", *week, settle_days=14, today=later)
    assert bench.data() != statistics_of(1, "1", *week)
    bench.service.configure(SimulatorSettings(empty_share=0.0, settle_days=14, today=TODAY))
    bench.ask("1", ["2026-11-24"], ["2026-12-24"])
    assert bench.data()["total"] == 0


def test_a_bad_request_is_answered_in_the_vendors_form() -> None:
    """The reason is in `errors`."""
    bench = Bench(SimulatorSettings())
    assert bench.ask(first=["2026-01-01"]) == 400
    assert orjson.loads(bench.decision.reply.body) == {
        "code": 400,
        "resource": "Statistics",
        "message": "Bad Request",
        "errors": "both ends of the date range are needed, each exactly once",
    }


@pytest.mark.parametrize("raw_id", ["%FF", "%ED%A0%80", "\udcff"])
def test_an_id_that_is_not_text_is_a_bad_request(raw_id: str) -> None:
    """Bytes that are not UTF-8 name no company; the record keeps them as they came."""
    bench = Bench(SimulatorSettings())
    assert bench.ask(raw_id) == 400
    assert bench.service.requests[-1].company_id == raw_id


def test_without_access_the_challenge_of_doorkeeper() -> None:
    """401, the reason in the header and in the body."""
    bench = Bench(SimulatorSettings())
    assert bench.ask(access=False) == 401
    assert bench.decision.reply.headers["WWW-Authenticate"] == (
        'Bearer realm="Doorkeeper", error="invalid_token",'
        ' error_description="The access token is invalid"'
    )
    assert orjson.loads(bench.decision.reply.body)["errors"] == "The access token is invalid"


def test_the_limit_comes_before_the_token_and_the_token_before_the_faults() -> None:
    """A request without access takes from the bucket, and no fault is spent on it."""
    bench = Bench(SimulatorSettings(rate_limit=1.0, share_500=1.0))
    assert [bench.ask(access=False), bench.ask()] == [401, 429]
    assert not bench.service.counts.faults
    bench.monotonic.now += 1.0
    assert bench.ask() == 500


def test_latency_and_jitter_add_up() -> None:
    """Every delay lies within latency and latency + jitter, and they differ."""
    bench = Bench(SimulatorSettings(latency=1.0, jitter=0.5))
    delays = [bench.decision.delay for _ in range(100) if bench.ask()]
    assert 1.0 <= min(delays) < 1.1
    assert 1.4 < max(delays) <= 1.5


def test_jitter_does_not_change_who_meets_a_fault() -> None:
    """Two rehearsals with one seed stay comparable."""

    def faults(settings: SimulatorSettings) -> list[Fault | None]:
        bench = Bench(settings)
        return [bench.decision.fault for _ in range(50) if bench.ask()]

    settings = SimulatorSettings(share_resets=0.5)
    assert faults(settings) == faults(dataclasses.replace(settings, jitter=1.0))


def test_requests_are_recorded_as_they_arrive() -> None:
    """The record has what was received, verbatim, and what was decided."""
    bench = Bench(SimulatorSettings(share_hangs=1.0))
    bench.monotonic.now = 5.0
    bench.ask("a%2Fb", first=["x"], last=["y"])
    bench.service.configure(SimulatorSettings())
    bench.ask("1", first=["x", "y"], last=["z"])
    bench.service.misdirected(404, "nothing here")
    assert bench.service.requests == [
        RequestRecord(1000.0, "token", status=200),
        RequestRecord(5.0, "statistics", "a/b", "x", "y", None, Fault.HANG),
        RequestRecord(5.0, "statistics", "1", None, "z", 400),
        RequestRecord(5.0, "other", status=404),
    ]
    counts = bench.service.counts
    assert counts.total == 4
    assert counts.kinds == {"token": 1, "statistics": 2, "other": 1}
    assert counts.statuses == {200: 1, None: 1, 400: 1, 404: 1}
    assert counts.faults == {Fault.HANG: 1}
