"""The practice site: the demo's pictures on a port that was chosen, and photos to enrol with."""

from __future__ import annotations

import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from service.demo.practice import practice_site, write_photos
from service.errors import NotConfiguredError
from tests.fixtures.running_server import free_port


def test_the_practice_site_is_served_where_it_says() -> None:
    port = free_port()
    with practice_site(port) as site:
        assert site.host == f"127.0.0.1:{port}"
        for path in ("/", site.brought):
            with urllib.request.urlopen(site.url + path) as answer:
                assert answer.read()


def test_a_port_in_use_is_named_with_the_way_out() -> None:
    port = free_port()
    with practice_site(port), pytest.raises(NotConfiguredError, match="--port"):  # noqa: SIM117
        with practice_site(port):
            pass


def test_the_photos_are_written_as_pictures(tmp_path: Path) -> None:
    photos = write_photos(tmp_path / "practice")
    assert len(photos) == 2
    for photo in photos:
        with Image.open(photo) as picture:
            picture.load()
