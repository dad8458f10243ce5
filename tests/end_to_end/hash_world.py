"""An installation with its real worker and examiner, without any face pack, and a site to visit."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pdqhash
from fastapi.testclient import TestClient

from indexer.media.picture import Pixels
from service.accounts.actor import Actor, Role
from service.app import build_rooms, create_web
from service.clock import SystemClock
from service.settings import Settings
from service.work.assembly import assemble, work_rooms
from tests.fixtures.clock import SettableClock
from tests.fixtures.hostile_site import HostileSite, page, picture
from tests.service.enrolment.people_factory import (
    House,
    MadeUpEyes,
    add_organisation,
    add_staff,
)

PATIENCE_S = 90.0


@dataclass
class HashWorld:
    """Rooms with a running worker; face matching is off and no pack is there."""

    house: House
    site: HostileSite
    client: TestClient

    def api(self, actor: Actor, method: str, path: str, status: int = 200, **more: Any) -> Any:
        """One call as the person's or advocate's program makes it."""
        assert actor.organisation_id is not None
        with self.house.rooms.database.write() as session:
            _, token = self.house.rooms.accounts.sessions.open(
                session,
                actor.role,
                actor.organisation_id,
                account_id=actor.account_id,
                person_id=actor.person_id,
            )
        headers = {"Authorization": f"Bearer {token}"}
        answer = self.client.request(method, f"/api/v1{path}", headers=headers, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def show(self, **pictures: bytes) -> None:
        """What the site shows from now on: one page with these pictures (name -> JPEG)."""
        named = {f"/{name}.jpg": content for name, content in pictures.items()}
        images = "".join(f'<img src="{path}">' for path in named)
        self.site.put("/", page(f"<title>Start</title>{images}"))
        for path, content in named.items():
            self.site.put(path, picture(content, "image/jpeg"))

    def add_site(self) -> uuid.UUID:
        from service.sources.site_draft import SiteDraft

        draft = SiteDraft(
            name="The site",
            seeds=(self.site.at("/"),),
            purpose="Look for copies on a site that people reported",
            legal_basis="Mandates of the depicted people",
            delay_s=0.0,
        )
        with self.house.rooms.database.write() as session:
            return self.house.rooms.sources.add_site(session, self.house.operator, draft).id

    def crawl(self, site_id: uuid.UUID, purpose: str = "") -> None:
        """A run of the site from its start to its end, by the worker."""
        sources, database = self.house.rooms.sources, self.house.rooms.database
        with database.write() as session:
            run = sources.start_run(session, self.house.operator, site_id, purpose)

        def over() -> bool:
            with database.read() as session:
                return not sources.run(session, self.house.operator, run.id).is_live

        wait_until(over)
        with database.read() as session:
            ended = sources.run(session, self.house.operator, run.id)
        assert ended.state == "finished", ended.state_reason

    def finds(self) -> dict[str, Any]:
        """What waits for reviewers, by the name of its first picture."""
        candidates = self.house.rooms.candidates
        found = {}
        with self.house.rooms.database.read() as session:
            for item in candidates.queue(session, self.house.reviewers[0]):
                view = candidates.view(session, self.house.reviewers[0], item.candidate_id)
                name = Path(str(view.addresses[0].media_url)).stem
                found[name] = view
        return found

    def captures(self) -> set[str]:
        """The states of all captures."""
        from sqlalchemy import select

        from service.exhibits.models import Capture

        with self.house.rooms.database.read() as session:
            return set(session.scalars(select(Capture.state)))


def wait_until(done: Callable[[], bool]) -> None:
    """Workers act in their own time."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, "the workers did not do it"
        time.sleep(0.2)


def fingerprint(pixels: Pixels, content: bytes) -> dict[str, object]:
    """What a person's device counts of one picture: both hashes, and the file's digest."""
    frames = []
    for each in (pixels, _shrunk(pixels)):
        bits, quality = pdqhash.compute(np.ascontiguousarray(each))
        frames.append({"pdq": np.packbits(bits).tobytes().hex(), "quality": int(quality)})
    return {
        "kind": "picture",
        "sha256": hashlib.sha256(content).hexdigest(),
        "frames": frames if frames[0] != frames[1] else frames[:1],
    }


def _shrunk(pixels: Pixels) -> Pixels:
    height, width = pixels.shape[:2]
    size = (min(width, 512), min(height, 512))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def hash_world(database_url: str, folder: Path, site: HostileSite) -> Iterator[HashWorld]:
    """Everything running; nothing is left when it ends."""
    settings = Settings(
        data_dir=folder / "data",
        models_dir=folder / "no models",
        database_url=database_url,
        address_exceptions=(f"127.0.0.1:{site.port}",),
        crawl_delay_s=0.0,
    )
    clock = cast(SettableClock, SystemClock())
    rooms = build_rooms(settings)
    organisation_id = add_organisation(rooms, clock, "Helpline", faces=False)
    reviewers = (
        add_staff(rooms, clock, organisation_id),
        add_staff(rooms, clock, organisation_id),
    )
    house = House(
        rooms,
        MadeUpEyes(),  # asked for nothing: the examiner is the real one
        clock,
        organisation_id,
        reviewers,
        add_staff(rooms, clock, organisation_id, trained=False),
        add_staff(rooms, clock, organisation_id, Role.OPERATOR),
    )
    with rooms.database.write() as session:
        from service.accounts.models import Organisation

        row = session.get(Organisation, organisation_id)
        assert row is not None
        row.keeps_media_bytes = True
    engine = assemble(work_rooms(rooms), "end-to-end")
    engine.launch()
    try:
        client = TestClient(create_web(rooms), base_url=settings.effective_public_url)
        yield HashWorld(house, site, client)
    finally:
        engine.close()
        rooms.close()
