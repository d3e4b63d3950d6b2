"""What a session knows as secrets, and of its own sleep."""

import asyncio
from typing import Any

import pytest

from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.http.network import load_network
from collector.http.token import TokenSource
from collector.http.transport import Transport
from collector.pace import Share
from collector.run.session import Session
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats


def _session(environment: dict[str, str]) -> Session:
    settings = RunSettings()
    return Session(
        settings,
        AccessToken(Secret("static-77aa")),
        share=Share.of(10.0),
        network=load_network(environment, settings),
        companies=1,
        stats=RunStats(1),
        concurrency=1,
        patience=1.0,
        first_patience=1.0,
        log_level="error",
    )


async def test_the_password_of_a_proxy_is_a_secret() -> None:
    """As the credentials are: no text that the session redacts contains it."""
    session = _session({"https_proxy": "http://night:hunter%2022@proxy:1"})
    assert session.redact("static-77aa <hunter 22> hunter%2022") == "[secret] <[secret]> [secret]"


async def test_a_long_suspension_is_told_of_at_the_end() -> None:
    """A minute in all, however many times; the log has each of them."""
    session = _session({})
    session.clock.notify(50.0)
    assert session.suspension is None
    session.clock.notify(700.0)
    assert session.suspension == (
        "the process was suspended for 12.5 min in all (stopped, or the machine was asleep); no "
        "limit of time counts that"
    )


async def test_a_session_that_cannot_be_opened_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither connections nor tasks: what was opened before is closed."""

    def fail(_self: Session) -> TokenSource:
        raise RuntimeError("no token source")

    closed: list[Transport] = []
    leave = Transport.__aexit__

    async def note(self: Transport, *error: Any) -> None:  # noqa: ANN401
        closed.append(self)
        await leave(self, *error)

    monkeypatch.setattr(Session, "_token_source", fail)
    monkeypatch.setattr(Transport, "__aexit__", note)
    before = asyncio.all_tasks()
    with pytest.raises(RuntimeError, match="no token source"):
        async with _session({}):
            pass
    assert len(closed) == 1
    assert asyncio.all_tasks() == before
