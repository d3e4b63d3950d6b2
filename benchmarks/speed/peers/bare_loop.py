"""The yardstick: a bare aiohttp loop that reads every body and drops it.

`python bare_loop.py BASE_URL PATHS IN_FLIGHT`, with a file that has one path a line. The session is
a default one: it does not even send a token, which the server does not ask for.
"""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp


async def _work(session: aiohttp.ClientSession, base_url: str, paths: Iterator[str]) -> None:
    for path in paths:
        async with session.get(f"{base_url}{path}") as response:
            await response.read()


async def _fetch(base_url: str, paths: list[str], in_flight: int) -> None:
    left = iter(paths)
    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(_work(session, base_url, left) for _ in range(in_flight)))


if __name__ == "__main__":
    asyncio.run(_fetch(sys.argv[1], Path(sys.argv[2]).read_text().splitlines(), int(sys.argv[3])))
