"""The demo's site: what it serves, and that its planned outcomes are declared."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from service.demo.pictures import decompression_bomb, jpeg, person_pictures
from service.demo.server import LoopbackServer
from service.demo.site import TEST_NET, BroughtLink, Site, built_in, of_folder
from service.errors import InvalidInputError


@pytest.fixture(scope="module")
def site() -> Site:
    return built_in(person_pictures(), other_port=9)


def test_every_item_of_the_built_in_site_declares_what_is_right(site: Site) -> None:
    brought = {"/forum/17.jpg"}
    assert {item.path for item in site.items if item.expected is None} == brought


def test_no_two_items_share_an_address_or_content(site: Site) -> None:
    assert len({item.path for item in site.items}) == len(site.items)
    contents = [
        item.content for item in site.media if item.content and item.path != "/private/hidden.jpg"
    ]
    assert len(set(contents)) == len(contents)


def test_the_pictures_of_the_person_are_pictures(site: Site) -> None:
    for item in site.media:
        if item.shows == "person":
            assert isinstance(item.content, bytes)
            with Image.open(io.BytesIO(item.content)) as picture:
                picture.load()
                assert min(picture.size) > 100


def test_the_bomb_is_small_and_says_that_it_is_huge() -> None:
    bomb = decompression_bomb(20_000)
    assert len(bomb) < 500_000
    with Image.open(io.BytesIO(decompression_bomb(500))) as small:
        small.load()
        assert small.size == (500, 500)


def test_only_the_forbidden_page_names_the_hidden_picture(site: Site) -> None:
    naming = [
        item.path
        for item in site.items
        if isinstance(item.content, bytes) and b"/private/hidden.jpg" in item.content
    ]
    assert naming == ["/private/"]


def test_no_page_names_the_link_that_the_person_brings(site: Site) -> None:
    naming = [
        item.path
        for item in site.items
        if isinstance(item.content, bytes) and b"/forum/thread-17" in item.content
    ]
    assert naming == []
    assert site.brought == BroughtLink("/forum/17.jpg", "/forum/thread-17")


def test_the_server_answers_and_remembers(site: Site) -> None:
    with LoopbackServer() as server:
        server.serve(*site.items)
        with urllib.request.urlopen(f"{server.url}/media/again.jpg") as answer:
            assert answer.headers["Content-Type"] == "image/jpeg"
            assert answer.read() == next(
                i.content for i in site.items if i.path.endswith("/again.jpg")
            )
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{server.url}/nothing")
        assert server.asked == {"/media/again.jpg": 1, "/nothing": 1}


def test_the_redirects_lead_where_nothing_may_be_asked(site: Site) -> None:
    targets = [dict(item.headers)["Location"] for item in site.items if item.status == 302]
    assert targets == [f"http://{TEST_NET}/picture.jpg", "http://127.0.0.1:9/picture.jpg"]


def test_a_folder_becomes_pages_that_name_all_its_pictures(tmp_path: Path) -> None:
    picture = jpeg(Image.new("RGB", (8, 8)), 80)
    (tmp_path / "one person").mkdir()
    names = [f"one person/{number:03d} & more.jpg" for number in range(60)]
    for name in names:
        (tmp_path / name).write_bytes(picture)
    (tmp_path / "notes.txt").write_text("not a picture")
    site = of_folder(tmp_path)
    assert [item.what for item in site.media] == names
    pages = [item for item in site.items if item.path.startswith("/pages/")]
    assert len(pages) == 2
    with LoopbackServer() as server:
        server.serve(*site.items)
        with urllib.request.urlopen(server.url + site.media[-1].path) as answer:
            assert answer.read() == picture


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no picture"):
        of_folder(tmp_path)
    with pytest.raises(InvalidInputError, match="not a folder"):
        of_folder(tmp_path / "absent")
