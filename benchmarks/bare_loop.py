"""The yardstick: a bare aiohttp loop that reads every body and drops it.

`python -m benchmarks.bare_loop BASE_URL REQUESTS CONCURRENCY` prints its requests a second.
"""

import asyncio
import sys
import time

import aiohttp


async def _work(session: aiohttp.ClientSession, base_url: str, numbers: list[int]) -> None:
    while numbers:
        number = numbers.pop()
        url = f"{base_url}/campaigns/api/v1/company/{number}/statistics"
        async with session.get(url) as response:
            await response.read()


async def _measure(base_url: str, requests: int, concurrency: int) -> float:
    numbers = list(range(requests))
    async with aiohttp.ClientSession() as session:
        started = time.monotonic()
        await asyncio.gather(*(_work(session, base_url, numbers) for _ in range(concurrency)))
        return requests / (time.monotonic() - started)


if __name__ == "__main__":
    print(asyncio.run(_measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
