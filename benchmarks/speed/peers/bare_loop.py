"""The yardstick: a bare aiohttp loop that reads every body and drops it.

`python bare_loop.py URLS IN_FLIGHT`, with a file that has one address a line.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp

_HEADERS = {"Authorization": "Bearer bench"}


async def _work(session: aiohttp.ClientSession, urls: Iterator[str]) -> None:
    for url in urls:
        async with session.get(url) as response:
            await response.read()


async def _fetch(urls: list[str], in_flight: int) -> None:
    left = iter(urls)
    async with aiohttp.ClientSession(headers=_HEADERS, raise_for_status=True) as session:
        await asyncio.gather(*(_work(session, left) for _ in range(in_flight)))


if __name__ == "__main__":
    asyncio.run(_fetch(Path(sys.argv[1]).read_text().splitlines(), int(sys.argv[2])))
