"""What a session knows as secrets, and of its own sleep."""

from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.http.network import load_network
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
        "the process was suspended for 12 min in all (stopped, or the machine was asleep); no "
        "limit of time counts that"
    )
