"""The demo's sites: pages that name pictures in every usual way, or a folder of the user's own.

1. `built_in` lays out the built-in pictures, the hostile items and a robots-forbidden page.
2. `of_folder` puts a folder's pictures on plain pages.
3. `thread_page` is one page that no other page links to: what a person would bring as a link.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import quote

import msgspec

from service.demo.pictures import (
    JPEG,
    PersonPictures,
    hostile_pictures,
    known_clip_again,
    known_picture_again,
    pictures_of_others,
    pictures_of_the_person,
)
from service.demo.planned import Expected, Planned
from service.errors import InvalidInputError

PICTURES_A_PAGE = 50
TEST_NET = "192.0.2.1"
"""An address of RFC 5737 that belongs to nobody: contacting it would be a defect."""

_HTML = "text/html; charset=utf-8"
_PAGE = Expected()
# fmt: off
_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".webp", ".avif", ".heic", ".heif", ".bmp",
    ".tif", ".tiff",
})
# fmt: on


@dataclass(frozen=True, slots=True)
class BroughtLink:
    """What the person brings: the path of a picture, and of the page that it is on."""

    medium: str
    page: str


@dataclass(frozen=True, slots=True)
class Site:
    """What is served, where a crawl begins, and the link that a person brings (or None)."""

    items: tuple[Planned, ...]
    start: str
    brought: BroughtLink | None

    @property
    def media(self) -> tuple[Planned, ...]:
        """The items that are not pages, but for what only the person knows of."""
        return tuple(item for item in self._crawled if not item.content_type.startswith("text/"))

    @property
    def pages(self) -> tuple[Planned, ...]:
        """The pages that a run should reach, or be kept from."""
        return tuple(item for item in self._crawled if item.content_type.startswith("text/html"))

    @property
    def _crawled(self) -> tuple[Planned, ...]:
        known = {self.brought.medium, self.brought.page} if self.brought is not None else set()
        return tuple(item for item in self.items if item.path not in known)


def built_in(person: PersonPictures, other_port: int) -> Site:
    """The built-in site. `other_port` is a port of this machine that no setting lists."""
    mine = pictures_of_the_person()
    known = known_picture_again(person.known)
    known_clip = known_clip_again()
    others = pictures_of_others()
    hostile = (*hostile_pictures(), *_redirects(other_port))
    brought = _thread(mine[0])
    private = _private(mine[1])
    items = (
        _text("/robots.txt", "User-agent: *\nDisallow: /private/\n"),
        _page(
            "/",
            "A demonstration site",
            _links("/people/", "/albums/", "/odd/", "/private/"),
            head=_social_card(mine[0].path),
        ),
        _page("/people/", "People", _in_every_way(mine), head=_json_ld(mine[-1].path)),
        _page(
            "/albums/",
            "Albums",
            "".join(_img(item) for item in (*others, known)) + _video(known_clip),
        ),
        _page("/odd/", "Odd things", "".join(_img(item) for item in hostile)),
        *private,
        *brought,
        *(*mine, known, known_clip, *others, *hostile),
    )
    return Site(items, "/", BroughtLink(medium=brought[1].path, page=brought[0].path))


def of_folder(folder: Path) -> Site:
    """A site of all pictures below `folder`, `PICTURES_A_PAGE` to a page."""
    files = picture_files(folder)
    if not files:
        raise InvalidInputError(f"there is no picture in {folder}")
    items = [_of_file(path, path.relative_to(folder).as_posix()) for path in files]
    groups = [items[at : at + PICTURES_A_PAGE] for at in range(0, len(items), PICTURES_A_PAGE)]
    pages = [
        _page(f"/pages/{number}", f"Page {number}", "".join(_img(item) for item in group))
        for number, group in enumerate(groups, 1)
    ]
    start = _page("/", "Pictures of a folder", _links(*(page.path for page in pages)))
    return Site(
        (_text("/robots.txt", "User-agent: *\nDisallow:\n"), start, *pages, *items), "/", None
    )


def picture_files(folder: Path) -> list[Path]:
    """All files below `folder` whose name ends like a picture's, in order of their names."""
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def _of_file(path: Path, name: str) -> Planned:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Planned(f"/media/{quote(name)}", path, kind, "unknown", name, None)


def _redirects(other_port: int) -> tuple[Planned, ...]:
    refused = Expected(refusals=frozenset({"address_not_public", "out_of_scope"}))
    return (
        _redirect("away", f"http://{TEST_NET}/picture.jpg", "a redirect to TEST-NET", refused),
        _redirect(
            "other-port",
            f"http://127.0.0.1:{other_port}/picture.jpg",
            "a redirect to a port of this machine that no setting lists",
            refused,
        ),
    )


def _redirect(name: str, target: str, what: str, expected: Expected) -> Planned:
    return Planned(
        f"/media/{name}.jpg",
        b"",
        JPEG,
        "unreadable",
        what,
        expected,
        status=302,
        headers=(("Location", target),),
    )


def _private(picture: Planned) -> tuple[Planned, ...]:
    """A page that robots.txt forbids, with a picture that only it names."""
    never = Expected(requested=False)
    hidden = Planned(
        "/private/hidden.jpg", picture.content, JPEG, "person", "on a forbidden page", never
    )
    page = _page("/private/", "Private", _img(hidden))
    forbidden = Expected(refusals=frozenset({"robots"}), requested=False)
    return (
        Planned(page.path, page.content, _HTML, "nobody", "forbidden by robots.txt", forbidden),
        hidden,
    )


def _thread(picture: Planned) -> tuple[Planned, ...]:
    """A page that nothing links to, with a picture that is nowhere else: found by being brought."""
    page = "/forum/thread-17"
    medium = Planned(
        "/forum/17.jpg", _one_byte_more(picture), JPEG, "person", "on a page that was brought", None
    )
    return (_page(page, "A thread", _img(medium)), medium)


def _one_byte_more(picture: Planned) -> bytes:
    """The same picture with other bytes (a comment), so that it is another medium."""
    content = picture.content
    if isinstance(content, Path):
        content = content.read_bytes()
    comment = b"brought"
    return content[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + content[2:]


def _in_every_way(media: Sequence[Planned]) -> str:
    """Name each picture in one of the ways that pages do."""
    ways = (
        lambda path: f'<img src="{path}" alt="">',
        lambda path: f'<img srcset="{path} 2x" alt="">',
        lambda path: f'<picture><source srcset="{path}"></picture>',
        lambda path: f'<video poster="{path}"></video>',
        lambda path: f'<a href="{path}">open</a>',
        lambda path: f'<div style="background-image: url({path})"></div>',
        lambda path: f'<img data-src="{path}" alt="">',
    )
    return "".join(
        f"<p>{ways[number % len(ways)](item.path)}</p>" for number, item in enumerate(media[:-1])
    )


def _social_card(path: str) -> str:
    return f'<meta property="og:image" content="{path}">'


def _json_ld(path: str) -> str:
    card = {"@context": "https://schema.org", "@type": "ImageObject", "contentUrl": path}
    text = msgspec.json.encode(card).decode()
    return f'<script type="application/ld+json">{text}</script>'


def _img(item: Planned) -> str:
    return f'<p><img src="{escape(item.path, quote=True)}" alt=""></p>\n'


def _video(item: Planned) -> str:
    return f'<video><source src="{item.path}" type="{item.content_type}"></video>\n'


def _links(*paths: str) -> str:
    return "".join(f'<p><a href="{path}">{escape(path)}</a></p>\n' for path in paths)


def _page(path: str, title: str, body: str, head: str = "") -> Planned:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"{head}</head><body><h1>{escape(title)}</h1>\n{body}</body></html>"
    )
    return Planned(path, text.encode(), _HTML, "nobody", title, _PAGE)


def _text(path: str, text: str) -> Planned:
    return Planned(path, text.encode(), "text/plain; charset=utf-8", "nobody", path, _PAGE)
