"""A real server, a site on loopback, and a headless browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.demo.pictures import PersonPictures, person_pictures
from service.demo.server import LoopbackServer
from service.demo.site import Site, built_in
from tests.fixtures.running_server import RunningServer


@pytest.fixture(scope="module")
def person() -> PersonPictures:
    """What the person brings: reference photos, and a picture known by its hashes."""
    return person_pictures()


@pytest.fixture(scope="module")
def site_server(person: PersonPictures) -> Iterator[tuple[LoopbackServer, Site]]:
    """The demo's site, served on loopback."""
    with LoopbackServer() as server:
        site = built_in(person, other_port=9)
        server.serve(*site.items)
        yield server, site


@pytest.fixture(scope="module")
def likeness(
    site_server: tuple[LoopbackServer, Site], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """`likeness serve`, empty, allowed to visit the demo's site; its exit leads there too."""
    folder: Path = tmp_path_factory.mktemp("likeness")
    site = site_server[0]
    with RunningServer(folder, (site.host,), exit_url=f"{site.url}/people/") as server:
        yield server
