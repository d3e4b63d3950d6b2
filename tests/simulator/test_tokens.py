import pytest

from collector.simulator import SimulatorSettings
from collector.simulator.tokens import TokenReply, TokenStore, read_fields

SETTINGS = SimulatorSettings()
CLIENT = {"client_id": "demo", "client_secret": "demo-secret"}
GRANT = {**CLIENT, "grant_type": "client_credentials"}


class Clock:
    """Epoch seconds that stand still until they are told to move."""

    def __init__(self) -> None:
        self.now = 1_590_515_112.75

    def __call__(self) -> float:
        """Read the clock."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give the store a clock that the test moves."""
    return Clock()


@pytest.fixture
def store(clock: Clock) -> TokenStore:
    """Return a store without tokens."""
    return TokenStore(clock)


def bearer(reply: TokenReply) -> str:
    """Make the header of an issued token."""
    assert reply.status == 200
    return f"Bearer {reply.body['access_token']}"


def test_a_token_comes_in_the_documented_form(store: TokenStore) -> None:
    """The four fields, whole epoch seconds; the token gives access."""
    reply = store.issue(SETTINGS, GRANT)
    assert {**reply.body, "access_token": "..."} == {
        "access_token": "...",
        "token_type": "Bearer",
        "expires_in": 7200,
        "created_at": 1_590_515_112,
    }
    assert store.refusal(bearer(reply)) is None
    assert store.refusal(bearer(reply).replace("Bearer", "bearer")) is None


def test_a_token_ends_at_created_at_plus_expires_in(store: TokenStore, clock: Clock) -> None:
    """It is good until just before, and refused from then on."""
    header = bearer(store.issue(SETTINGS, GRANT))
    clock.now = 1_590_515_112 + 7199.999
    assert store.refusal(header) is None
    clock.now = 1_590_515_112 + 7200
    assert store.refusal(header) == "The access token expired"


def test_a_token_may_be_accepted_late(store: TokenStore, clock: Clock) -> None:
    """Until then it is as unknown; its life counts from its issue."""
    settings = SimulatorSettings(token_delay=1.5, token_life=3)
    header = bearer(store.issue(settings, GRANT))
    assert store.refusal(header) == "The access token is invalid"
    clock.now += 1.5
    assert store.refusal(header) is None
    clock.now = 1_590_515_112 + 3
    assert store.refusal(header) == "The access token expired"


def test_a_token_may_be_described_in_other_words(store: TokenStore, clock: Clock) -> None:
    """Another status, type and life; it is a bearer token that lives as long as it does."""
    settings = SimulatorSettings(token_status=201, token_type="DPoP", expires_in=0.001)  # noqa: S106
    reply = store.issue(settings, GRANT)
    assert reply.status == 201
    assert (reply.body["token_type"], reply.body["expires_in"]) == ("DPoP", 0.001)
    clock.now += 7000.0
    assert store.refusal(f"Bearer {reply.body['access_token']}") is None


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Bearer nonsense", "Basic Zm9v"])
def test_anything_else_gives_no_access(store: TokenStore, header: str | None) -> None:
    """A missing, foreign or made-up header is refused."""
    store.issue(SETTINGS, GRANT)
    assert store.refusal(header) == "The access token is invalid"


@pytest.mark.parametrize("field", ["client_id", "client_secret"])
@pytest.mark.parametrize("value", [None, "", "DEMO"])
def test_only_the_client_itself_is_given_tokens(
    store: TokenStore, field: str, value: str | None
) -> None:
    """Any other id or secret is an invalid client."""
    fields = {name: text for name, text in {**GRANT, field: value}.items() if text is not None}
    reply = store.issue(SETTINGS, fields)
    assert (reply.status, reply.body["error"]) == (401, "invalid_client")
    assert reply.body["error_description"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [(CLIENT, "invalid_request"), ({**GRANT, "grant_type": "password"}, "unsupported_grant_type")],
)
def test_only_client_credentials_are_granted(
    store: TokenStore, fields: dict[str, str], error: str
) -> None:
    """No grant type, or another one, is answered with 400."""
    reply = store.issue(SETTINGS, fields)
    assert (reply.status, reply.body["error"]) == (400, error)


def test_earlier_tokens_live_on_unless_told_otherwise(store: TokenStore) -> None:
    """With `revoke_earlier` a new token throws the others out."""
    first = bearer(store.issue(SETTINGS, GRANT))
    second = bearer(store.issue(SETTINGS, GRANT))
    assert store.refusal(first) is None
    third = bearer(store.issue(SimulatorSettings(revoke_earlier=True), GRANT))
    assert store.refusal(first) == store.refusal(second) == "The access token was revoked"
    assert store.refusal(third) is None


def test_revocation_follows_rfc_7009(store: TokenStore) -> None:
    """The client gets 200 for a known token and for an unknown one; strangers change nothing."""
    header = bearer(store.issue(SETTINGS, GRANT))
    token = header.removeprefix("Bearer ")
    assert store.revoke(SETTINGS, {"token": token}).status == 401
    assert store.revoke(SETTINGS, {**CLIENT, "token": "unknown"}) == TokenReply(200, {})
    assert store.revoke(SETTINGS, CLIENT) == TokenReply(200, {})
    assert store.refusal(header) is None
    assert store.revoke(SETTINGS, {**CLIENT, "token": token}) == TokenReply(200, {})
    assert store.refusal(header) == "The access token was revoked"


def test_tokens_that_ended_long_ago_are_forgotten(store: TokenStore, clock: Clock) -> None:
    """A server that runs for weeks does not grow; a token just ended is still told apart."""
    old = bearer(store.issue(SETTINGS, GRANT))
    clock.now += 7200 + 3599
    store.issue(SETTINGS, GRANT)
    assert store.refusal(old) == "The access token expired"
    clock.now += 2
    store.issue(SETTINGS, GRANT)
    assert store.refusal(old) == "The access token is invalid"


@pytest.mark.parametrize(
    ("body", "content_type", "fields"),
    [
        (b'{"a":"1","b":2}', "application/json", {"a": "1"}),
        (b'{"a":"1"}', "application/octet-stream", {"a": "1"}),
        (b"a=1%262&b=", "application/x-www-form-urlencoded", {"a": "1&2", "b": ""}),
        (b"a=1", "application/json", {}),
        (b'["a"]', "application/json", {}),
        (b"", "application/json", {}),
        (b"\xff", "application/x-www-form-urlencoded", {"\ufffd": ""}),
    ],
)
def test_bodies_are_json_or_forms(body: bytes, content_type: str, fields: dict[str, str]) -> None:
    """Doorkeeper takes both; anything else has no fields."""
    assert read_fields(body, content_type) == fields
