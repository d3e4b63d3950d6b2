"""What the tests of `collect` share: where the service is, and what is asked for."""

import json
from datetime import date
from pathlib import Path
from typing import Any, Final

from collector import AccessToken, ClientCredentials
from collector.simulator import Simulator

DAYS: Final[dict[str, Any]] = {
    "from_date": date(2026, 9, 1),
    "until_date": "2026-09-07",
    "window": "1d",
}
FAST: Final[dict[str, Any]] = {"rate": 10_000, **DAYS}
TOKEN: Final = AccessToken.of("fake-token")


def total(company: str, days: range) -> int:
    """Return a total that shows that the dates are honoured."""
    return sum(1 + (day * 37 + len(company)) % 101 for day in days)


def there(api: Simulator) -> dict[str, Any]:
    """Return the address of an embedded API, and credentials for it."""
    settings = api.settings
    return {
        "base_url": api.base_url,
        "token_url": api.token_url,
        "credentials": ClientCredentials.of(settings.client_id, settings.client_secret),
    }


def cells(output: Path) -> list[tuple[str, str]]:
    """Return the cells of all lines, each of which is whole."""
    text = (output / "statistics.jsonl").read_text(encoding="utf-8")
    assert text.endswith("\n")
    lines = [json.loads(line) for line in text.splitlines()]
    return [(line["company_id"], line["from_date"]) for line in lines]
