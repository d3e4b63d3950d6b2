"""A Scrapy spider for the work: `scrapy runspider scrapy_spider.py -a urls=FILE -O OUTPUT.jsonl`.

Each setting has its reason in docs/benchmarks.md.
"""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import scrapy
from scrapy.http import Request, TextResponse


class StatisticsSpider(scrapy.Spider):
    """Spider that requests every address of a file and yields the content of the answer."""

    name = "statistics"
    custom_settings: ClassVar[dict[str, Any]] = {
        "CONCURRENT_REQUESTS": 64,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 64,
        "DOWNLOAD_DELAY": 0,
        "ROBOTSTXT_OBEY": False,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOG_LEVEL": "INFO",
        "DEFAULT_REQUEST_HEADERS": {"Authorization": "Bearer bench"},
    }

    def __init__(self, urls: str, filtered: str = "", **arguments: Any) -> None:  # noqa: ANN401 - Scrapy's own words
        super().__init__(**arguments)
        self._urls = Path(urls).read_text().splitlines()
        self._is_filtered = bool(filtered)

    async def start(self) -> AsyncIterator[Request]:
        """Yield the requests. No address occurs twice: only a resumed job needs the filter."""
        for url in self._urls:
            yield Request(url, dont_filter=not self._is_filtered)

    def parse(self, response: TextResponse) -> Iterator[dict[str, Any]]:
        """Yield one item for the feed."""
        yield {"url": response.url, "statistics": response.json()["data"]}
