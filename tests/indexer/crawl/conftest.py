"""A site of the test's own and a crawl child for the whole module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from indexer.crawl.client import CrawlClient
from tests.fixtures.hostile_site import HostileSite, hostile_site


@pytest.fixture
def site() -> Iterator[HostileSite]:
    with hostile_site() as running:
        yield running


@pytest.fixture(scope="module")
def crawler() -> Iterator[CrawlClient]:
    """One child for a module: many slices through one process is what it is for."""
    with CrawlClient(grace_s=20.0) as client:
        yield client
