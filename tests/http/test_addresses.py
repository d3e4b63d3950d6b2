import re
from datetime import date
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.cell import SERVER_DEFAULT, Cell, Window
from collector.core.secrets import Secret
from collector.http.addresses import Addresses
from collector.http.gate import Gate
from collector.http.token import Token, TokenSource
from collector.http.transport import Response, Transport
from collector.pace import RateController
from collector.plan.date_params import DateQuery
from collector.simulator import Simulator, SimulatorSettings
from collector.telemetry.stats import RunStats

JANUARY = Window(date(2026, 1, 1), date(2026, 1, 31))
PATH = "/campaigns/api/v1/company"
IDS = ["1", "-1", "a/b", "..%2f", "%2e%2e", "%", "%%41", "a b", " ", "+", "a+b", "ñandú 東京", "😀"]
IDS += ["?", "#", "a?b#c", "a&b=c", ";", ":", "@", "//host/x", "\\", "...", ".a", "~_.-", "\x00"]
IDS += ["x/statistics", "'\"<>", "\u202e", "é", "e\u0301", "İ", "x" * 500]


def addresses(base_url: str = "https://api.example") -> Addresses:
    """Build addresses with the default parameter names."""
    return Addresses(base_url, DateQuery("from_date", "until_date"))


@pytest.mark.parametrize(
    ("company_id", "segment"),
    [
        ("1", "1"),
        ("-1", "-1"),
        ("~_.-", "~_.-"),
        ("a/b", "a%2Fb"),
        ("..%2f", "..%252f"),
        ("%2e%2e", "%252e%252e"),
        ("a b", "a%20b"),
        ("a+b", "a%2Bb"),
        ("ñ", "%C3%B1"),
        ("a?b#c", "a%3Fb%23c"),
        ("...", "..."),
        ("!$&'()*,;=:@", "%21%24%26%27%28%29%2A%2C%3B%3D%3A%40"),
    ],
)
def test_an_id_is_one_segment_whatever_it_holds(company_id: str, segment: str) -> None:
    """Everything but letters, digits and `_.-~` is percent-encoded, once."""
    url = addresses()(Cell(company_id, SERVER_DEFAULT))
    assert str(url) == f"https://api.example{PATH}/{segment}/statistics"
    assert url.raw_path == f"{PATH}/{segment}/statistics"
    assert not url.raw_query_string
    assert not url.raw_fragment


@given(st.text(min_size=1).filter(lambda text: text not in {".", ".."}))
def test_any_id_can_be_read_back(company_id: str) -> None:
    """The path has as many segments as ever, and the id comes out of its own."""
    url = addresses()(Cell(company_id, JANUARY))
    segments = url.raw_path.split("/")
    assert [*segments[:5], segments[6]] == [*PATH.split("/"), "statistics"]
    assert len(segments) == 7
    assert unquote(segments[5], errors="strict") == company_id
    assert re.fullmatch(r"([A-Za-z0-9_.~-]|%[0-9A-F]{2})+", segments[5])
    assert url.raw_query_string == "from_date=2026-01-01&until_date=2026-01-31"


@pytest.mark.parametrize("company_id", ["", ".", ".."])
def test_a_step_in_the_path_is_no_id(company_id: str) -> None:
    """A server, or a proxy before it, would take it for another address."""
    with pytest.raises(ValueError, match="cannot be a company id"):
        addresses()(Cell(company_id, JANUARY))


def test_dates_are_sent_both_or_not_at_all() -> None:
    """The server's default window sends no parameters."""
    cells = addresses()
    assert (
        cells(Cell("1", JANUARY)).raw_query_string == "from_date=2026-01-01&until_date=2026-01-31"
    )
    assert str(cells(Cell("1", SERVER_DEFAULT))).endswith("/statistics")
    year_one = Window(date(1, 1, 1), date(9999, 12, 31))
    assert cells(Cell("1", year_one)).raw_query_string == (
        "from_date=0001-01-01&until_date=9999-12-31"
    )


@pytest.mark.parametrize("names", [("since", "upto"), ("range[from]", "range[to]"), ("a&b", "c=d")])
def test_parameters_are_named_as_asked(names: tuple[str, str]) -> None:
    """Names with characters of their own meaning are encoded."""
    build = Addresses("https://api.example", DateQuery(*names))
    query = build(Cell("1", JANUARY)).raw_query_string
    assert parse_qsl(query) == [(names[0], "2026-01-01"), (names[1], "2026-01-31")]


@pytest.mark.parametrize(
    ("base_url", "prefix"),
    [
        ("https://api.example/", "https://api.example"),
        ("https://api.example/proxy/v2", "https://api.example/proxy/v2"),
        ("https://api.example/proxy/v2/", "https://api.example/proxy/v2"),
        ("https://api.example/a%20b//", "https://api.example/a%20b"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_a_base_address_may_have_a_path_and_a_slash(base_url: str, prefix: str) -> None:
    """Exactly one slash stands between it and the path."""
    url = addresses(base_url)(Cell("1", SERVER_DEFAULT))
    assert str(url) == f"{prefix}{PATH}/1/statistics"


def test_cells_do_not_mix() -> None:
    """What is remembered of one base, company or window does not show up in another."""
    one, other = addresses("https://one.example"), addresses("https://other.example")
    windows = (SERVER_DEFAULT, JANUARY, Window(date(2026, 1, 1), date(2026, 1, 1)))
    cells = [Cell(company_id, window) for company_id in ("1", "2") for window in windows]
    urls = [str(build(cell)) for _ in range(2) for build in (one, other) for cell in cells]
    assert len(set(urls)) == 12
    assert urls[:12] == urls[12:]


async def seen_by_the_server(ids: list[str]) -> list[tuple[str | None, str | None, str | None]]:
    """Ask the embedded API for every id in January, and return what it saw."""
    stats = RunStats(len(ids))
    async with (
        Simulator(SimulatorSettings(port=0), record_requests=True) as api,
        Transport(
            Gate(RateController(1e6, companies=1, probe_seconds=60.0)),
            stats,
            concurrency=2,
            timeout=10.0,
        ) as transport,
    ):
        tokens = TokenSource(None, Token.of(Secret(api.issue_token())))
        build = addresses(api.base_url)
        for company_id in ids:
            reply = await transport.get(build(Cell(company_id, JANUARY)), tokens)
            assert isinstance(reply, Response)
            assert reply.status == 200
        return [(seen.company_id, seen.from_date, seen.until_date) for seen in api.requests]


async def test_the_server_sees_exactly_the_id() -> None:
    """Over HTTP, nothing on the way normalizes, decodes or encodes anew."""
    assert await seen_by_the_server(IDS) == [(each, "2026-01-01", "2026-01-31") for each in IDS]


@settings(max_examples=10)
@given(st.lists(st.text(min_size=1, max_size=20).filter(lambda text: text.strip(".")), max_size=8))
async def test_the_server_sees_exactly_any_id(ids: list[str]) -> None:
    """Whatever hypothesis thinks of."""
    assert [seen[0] for seen in await seen_by_the_server(ids)] == ids
