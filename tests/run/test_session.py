"""What a session knows as secrets."""

from collector.core.secrets import Secret
from collector.http.credentials import AccessToken
from collector.http.network import load_network
from collector.pace import Share
from collector.run.session import Session
from collector.settings import RunSettings
from collector.telemetry.stats import RunStats


async def test_the_password_of_a_proxy_is_a_secret() -> None:
    """As the credentials are: no text that the session redacts contains it."""
    settings = RunSettings()
    session = Session(
        settings,
        AccessToken(Secret("static-77aa")),
        share=Share.of(10.0),
        network=load_network({"https_proxy": "http://night:hunter%2022@proxy:1"}, settings),
        companies=1,
        stats=RunStats(1),
        concurrency=1,
        patience=1.0,
        first_patience=1.0,
        log_level="error",
    )
    assert session.redact("static-77aa <hunter 22> hunter%2022") == "[secret] <[secret]> [secret]"
