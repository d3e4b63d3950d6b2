"""The yardstick: a bare aiohttp loop that reads every body and drops it.

`python bare_loop.py BASE_URL COMPANIES FIRST_DAY DAYS IN_FLIGHT [warm]`. The session is a default
one: it does not even send a token, because the server does not need one. `warm` first allocates and
frees one large block of memory; docs/benchmarks.md says why.
"""

import asyncio
import sys
from collections.abc import Iterator
from datetime import date, timedelta

import aiohttp


async def _work(
    session: aiohttp.ClientSession, base_url: str, cells: Iterator[tuple[int, str]]
) -> None:
    for company, day in cells:
        url = (
            f"{base_url}/campaigns/api/v1/company/{company}/statistics"
            f"?from_date={day}&until_date={day}"
        )
        async with session.get(url) as response:
            await response.read()


async def _fetch(base_url: str, companies: int, days: list[str], in_flight: int) -> None:
    cells = ((company, day) for company in range(1, companies + 1) for day in days)
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(_work(session, base_url, cells) for _ in range(in_flight)))


def main(base_url: str, companies: str, first: str, days: str, in_flight: str, *how: str) -> None:
    """Fetch every day of every company once."""
    if "warm" in how:
        bytearray(1 << 22)
    begin = date.fromisoformat(first)
    names = [str(begin + timedelta(age)) for age in range(int(days))]
    asyncio.run(_fetch(base_url, int(companies), names, int(in_flight)))


if __name__ == "__main__":
    main(*sys.argv[1:])
