"""Answers that say what the usual ones say in other words: denials, 202, odd data, redirects."""

import json

import orjson
import pytest

from collector.simulator import Fault, SimulatorSettings
from tests.simulator.bench import GRANT, Bench


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_company_is_denied_each_time(status: int) -> None:
    """Whatever its token; no fault is spent on it, and others are answered."""
    bench = Bench(SimulatorSettings(deny=("7", "a/b"), deny_status=status, share_500=1.0))  # type: ignore[arg-type]
    assert [bench.ask("7"), bench.ask("7"), bench.ask("a%2Fb")] == [status] * 3
    assert orjson.loads(bench.decision.reply.body)["code"] == status
    assert not bench.service.counts.faults
    assert bench.ask("77") == 500
    assert bench.ask("7", access=False) == 401


def test_a_denied_company_may_be_sent_to_log_in() -> None:
    """By a redirect without a body."""
    bench = Bench(SimulatorSettings(deny=("7",), deny_status=302))
    assert bench.ask("7") == 302
    assert bench.decision.reply.headers == {"Location": "/login"}
    assert bench.ask("8") == 200


def test_a_replica_that_does_not_know_the_token_is_a_fault() -> None:
    """It is drawn for each request, and counted; the token stays good."""
    bench = Bench(SimulatorSettings(share_401=0.2))
    statuses = [bench.ask() for _ in range(500)]
    assert 70 <= statuses.count(401) <= 130
    assert set(statuses) == {200, 401}
    assert bench.service.counts.faults == {Fault.STATUS_401: statuses.count(401)}


def test_an_answer_is_ready_some_time_after_it_was_asked_for() -> None:
    """Each company and range for itself; the pause is in whole seconds."""
    bench = Bench(SimulatorSettings(not_ready=1.5))
    january, february = (["2026-01-01"], ["2026-01-31"]), (["2026-02-01"], ["2026-02-28"])
    assert bench.ask("1", *january) == 202
    assert bench.decision.reply.headers["Retry-After"] == "2"
    assert orjson.loads(bench.decision.reply.body)["code"] == 202
    bench.monotonic.now += 1.0
    assert [bench.ask("1", *january), bench.ask("1", *february), bench.ask("2")] == [202] * 3
    assert bench.ask("1", ["nonsense"], ["nonsense"]) == 400
    bench.monotonic.now += 0.5
    assert [bench.ask("1", *january), bench.ask("1", *january)] == [200, 200]
    assert bench.ask("1", *february) == 202


def test_a_service_that_has_moved_redirects_everything() -> None:
    """To the address as it was given; no limit is charged, and no token looked at."""
    bench = Bench(SimulatorSettings(redirect_to="https://new.example/x?y=z", rate_limit=0.5))
    assert [bench.ask(), bench.ask(access=False)] == [308, 308]
    assert bench.decision.reply.headers == {"Location": "https://new.example/x?y=z"}
    assert bench.decision.reply.body == b""
    assert bench.service.oauth("token", GRANT, "application/json").status == 200


@pytest.mark.parametrize(("written", "actions"), [("list", "[]"), ("null", "null")])
def test_actions_of_empty_answers_may_be_no_map(written: str, actions: str) -> None:
    """Of empty answers only."""
    settings = SimulatorSettings(empty_share=0.5, empty_actions=written)  # type: ignore[arg-type]
    bench = Bench(settings)
    for company in range(40):
        bench.ask(f"{company}")
        data = bench.data()
        assert isinstance(data["actions"], dict) == bool(data["total"])
        assert data["total"] or f'"actions":{actions},' in bench.decision.reply.body.decode()


def test_actions_of_empty_answers_may_be_absent() -> None:
    """The other counters stay."""
    bench = Bench(SimulatorSettings(empty_share=1.0, empty_actions="absent"))
    bench.ask()
    assert bench.data() == {"total": 0, "sended": 0, "pending": 0, "fails": 0, "campaign": 0}


def test_a_company_may_have_a_key_twice() -> None:
    """With two values, so that readers differ."""
    bench = Bench(SimulatorSettings(duplicate_keys=("7",), empty_share=0.0))
    bench.ask("7")
    pairs = json.loads(bench.decision.reply.body, object_pairs_hook=list)
    totals = [value for key, value in dict(pairs)["data"] if key == "total"]
    assert len(totals) == len(set(totals)) == 2
    bench.ask("8")
    assert bench.decision.reply.body.count(b'"total"') == 1


def test_a_company_may_have_a_counter_beyond_64_bits() -> None:
    """Also one without campaigns; in compact JSON as the others."""
    bench = Bench(SimulatorSettings(huge=("7",), empty_share=1.0))
    bench.ask("7")
    assert f'"data":{{"total":{2**64},"sended":0,' in bench.decision.reply.body.decode()
    bench.ask("8")
    assert bench.data()["total"] == 0


def test_json_may_begin_with_a_byte_order_mark() -> None:
    """Data, errors and tokens; pages and redirects do not."""
    bench = Bench(SimulatorSettings())
    bench.service.configure(SimulatorSettings(bom=True))
    for access in (True, False):
        bench.ask(access=access)
        assert json.loads(bench.decision.reply.body.decode("utf-8-sig"))
        assert bench.decision.reply.body.startswith(b"\xef\xbb\xbf{")
    token = bench.service.oauth("token", GRANT, "application/json")
    assert token.body.startswith(b"\xef\xbb\xbf{")
    for more in ({"down": True}, {"redirect_to": "/new"}):
        bench.service.configure(SimulatorSettings(bom=True, **more))
        bench.ask()
        assert not bench.decision.reply.body.startswith(b"\xef\xbb\xbf")
