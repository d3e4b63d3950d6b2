"""What the server of the benchmarks answers, and what is read from its log."""

import json
import ssl
from datetime import date, timedelta
from pathlib import Path

import pytest

from benchmarks.server.answers import parse_answers, statistics
from benchmarks.server.nginx import nginx_configuration
from benchmarks.server.places import find_places

_TODAY = date(2026, 11, 24)


def _totals() -> dict[tuple[date, date], int]:
    return {
        (date.fromisoformat(first), date.fromisoformat(last)): json.loads(text)["data"]["total"]
        for first, last, text in statistics(_TODAY)
    }


def test_days_add_up_to_windows() -> None:
    """The collector proves by sums that the dates are honoured."""
    totals = _totals()
    for (first, last), total in totals.items():
        days = [first + timedelta(number) for number in range((last - first).days + 1)]
        if all((day, day) in totals for day in days):
            assert total == sum(totals[day, day] for day in days)


def test_the_windows_of_a_company_differ() -> None:
    """The collector takes the same figures in many windows for a server that ignores dates."""
    days = [total for (first, last), total in _totals().items() if first == last]
    assert len(set(days)) > len(days) * 0.9


def test_a_log_is_read() -> None:
    """Seconds begin when the first request arrives, not when it is answered."""
    log = (
        "100.050 0.050 200 /a?from_date=1\n"
        "100.060 0.050 200 /b\n"
        "100.500 0.010 503 /c\n"
        "101.000 0.050 200 /a?from_date=1\n"
    )
    answered = parse_answers(log)
    assert answered.addresses == {"/a?from_date=1", "/b"}
    assert answered.requests == 3
    assert answered.seconds == pytest.approx(1.0)


def test_a_torn_line_does_not_count() -> None:
    """A line without its end may be half an address."""
    assert parse_answers("100.0 0.0 200 /a\n100.1 0.0 200 /b").addresses == {"/a"}


def test_an_empty_log_has_no_answers() -> None:
    """Nothing was asked, or nothing was answered."""
    assert parse_answers("").requests == 0


@pytest.mark.parametrize(("delay", "has_delay"), [(0.0, False), (0.0492, True)])
def test_nginx_delays_only_if_told_to(delay: float, *, has_delay: bool, tmp_path: Path) -> None:
    """Without latency there is no detour by a refusal; with it, nginx knows whole milliseconds."""
    text = nginx_configuration(find_places(tmp_path), delay, _TODAY)
    assert ("auth_delay 49ms;" in text) is has_delay
    assert text.count("{") == text.count("}")


def test_a_server_over_tls_is_trusted_by_its_certificate(tmp_path: Path) -> None:
    """Clients check it as they check any other."""
    certificate = find_places(tmp_path).certificate
    trusting = ssl.create_default_context(cafile=certificate.chain)
    [trusted] = trusting.get_ca_certs()
    assert ("IP Address", "127.0.0.1") in trusted["subjectAltName"]
    # Raises `ssl.SSLError` if the key is that of another certificate.
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(*certificate)
