"""The crawl's named peer: a bare Scrapy spider that only downloads, in a process of its own.

`python -m indexer.benchmarks.crawl_spider ADDRESS…` follows every link and fetches every picture of
the hosts given, with Scrapy's own defaults otherwise (connections are kept), and says what it did
in one line of JSON. No politeness, no robots.txt, no checked addresses, nothing is kept: what
Likeness costs beyond this is what it adds.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec
from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.http import HtmlResponse, Response

AT_ONCE: Final = 32


class SpiderFigures(msgspec.Struct, frozen=True):
    """What the spider fetched; `seconds` from its first request to its last answer."""

    pages: int
    media: int
    failed: int
    bytes_fetched: int
    seconds: float
    cpu_s: float


class BareSpider(Spider):  # type: ignore[misc]  # Scrapy has no types
    """Downloads what it finds and counts it."""

    name = "bare"

    def __init__(self, seeds: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._seeds = seeds
        self.pages = self.media = self.failed = self.bytes_fetched = 0
        self.began_s = self.ended_s = time.monotonic()

    async def start(self) -> AsyncIterator[Any]:
        """Begin at the seeds."""
        self.began_s = time.monotonic()
        for seed in self._seeds:
            yield Request(seed, callback=self.parse, errback=self.failure)

    def parse(self, response: Response, **_kwargs: Any) -> Iterator[Request]:
        """Count what came; of a page follow links and pictures."""
        self.ended_s = time.monotonic()
        self.bytes_fetched += len(response.body)
        if not isinstance(response, HtmlResponse):
            self.media += 1
            return
        self.pages += 1
        for address in response.css("a::attr(href), img::attr(src)").getall():
            yield response.follow(address, callback=self.parse, errback=self.failure)

    def failure(self, _failure: object) -> None:
        """Count what was not answered."""
        self.failed += 1


def main() -> None:
    """Crawl the addresses on the command line."""
    seeds = sys.argv[1:]
    process = AsyncCrawlerProcess(
        {
            "CONCURRENT_REQUESTS": AT_ONCE,
            "CONCURRENT_REQUESTS_PER_DOMAIN": AT_ONCE,
            "DOWNLOAD_DELAY": 0,
            "LOG_ENABLED": False,
            "ROBOTSTXT_OBEY": False,
            "TELNETCONSOLE_ENABLED": False,
        }
    )
    crawler = process.create_crawler(BareSpider)
    process.crawl(crawler, seeds=seeds)
    cpu_before_s = _cpu_s()
    process.start()
    spider = crawler.spider
    if not isinstance(spider, BareSpider):
        raise SystemExit("the spider did not start")
    figures = SpiderFigures(
        pages=spider.pages,
        media=spider.media,
        failed=spider.failed,
        bytes_fetched=spider.bytes_fetched,
        seconds=spider.ended_s - spider.began_s,
        cpu_s=_cpu_s() - cpu_before_s,
    )
    sys.stdout.write(msgspec.json.encode(figures).decode() + "\n")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
