"""A site on loopback with pages, pictures and people in them, and a run of it."""

from __future__ import annotations

import uuid

from tests.fixtures.hostile_site import HostileSite, page, picture
from tests.service.work.work_factory import Worker, shown


def plant(site: HostileSite, person_id: uuid.UUID | None, pages: int = 4, media: int = 3) -> None:
    """A start page that leads to `pages` pages of `media` pictures; the first shows the person."""
    links = "".join(f'<a href="/p{number}">p</a>' for number in range(pages))
    site.put("/", page(f"<title>Start</title>{links}"))
    for number in range(pages):
        pictures = "".join(f'<img src="/m{number}-{which}.png">' for which in range(media))
        site.put(f"/p{number}", page(f"<title>Page {number}</title>{pictures}"))
        for which in range(media):
            shows = person_id if which == 0 else None
            site.put(f"/m{number}-{which}.png", picture(shown(shows, number * 100 + which)))


def run_of(worker: Worker, site: HostileSite, **changes: object) -> uuid.UUID:
    described = worker.sources.site(name=str(uuid.uuid4()), seeds=(site.at("/"),), **changes)
    return worker.sources.run(described).id
