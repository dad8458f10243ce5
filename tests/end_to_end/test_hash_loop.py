"""The whole loop with face matching off: from a hash made on a device to the signed notice.

Real server-side parts, real worker, crawl child and examiner; only the site is the test's own. No
model is loaded: there is none in the folder where models would be.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from argon2 import PasswordHasher
from PIL import Image, ImageDraw

from indexer.media.picture import Pixels
from service.accounts import passwords
from service.accounts.actor import Actor
from service.candidates.statements import PERSON_STATEMENTS
from service.exhibits.trust import Trust
from service.exhibits.verify import Outcome, verify_bundle
from service.notices.service import NoticeChange
from tests.end_to_end.hash_world import HashWorld, fingerprint, hash_world, wait_until
from tests.fixtures.databases import SqliteTemplate
from tests.fixtures.hostile_site import hostile_site
from tests.fixtures.photographs import astronaut, group, jpeg, landscape, resized
from tests.service.enrolment.people_factory import attest, make_person

pytestmark = pytest.mark.slow


@pytest.fixture
def world(
    sqlite_template: SqliteTemplate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HashWorld]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", cheap)
    url = sqlite_template.new_migrated_url(tmp_path)
    with hostile_site() as site, hash_world(url, tmp_path, site) as running:
        yield running


def logo() -> Pixels:
    """Flat, with a word on it: it looks like every other sign."""
    picture = Image.new("RGB", (400, 300), (30, 60, 120))
    ImageDraw.Draw(picture).rectangle((150, 130, 250, 170), fill=(32, 62, 122))
    return np.asarray(picture, np.uint8)


def copies(original: Pixels) -> dict[str, bytes]:
    """What sites make of a picture, beside what has nothing to do with it."""
    return {
        "recompressed": jpeg(original, 45),
        "mirrored": jpeg(np.ascontiguousarray(original[:, ::-1]), 85),
        "resized": jpeg(resized(original, 0.5), 85),
        "logo": jpeg(logo()),
        "others": jpeg(group()),
        "landscape": jpeg(landscape()),
    }


def gives(world: HashWorld, person: Actor, original: Pixels, content: bytes) -> uuid.UUID:
    body = {"media": [fingerprint(original, content)], "note": "from my phone"}
    (known,) = world.api(person, "POST", "/my/known/fingerprints", 201, json=body)
    return uuid.UUID(known["known_id"])


def seen_before(world: HashWorld, person: Actor) -> dict[str, Any]:
    answer: dict[str, Any] = world.api(person, "GET", "/my/seen-before")
    return answer


def confirm(world: HashWorld, person: Actor, candidate_id: uuid.UUID) -> None:
    for reviewer in world.house.reviewers:
        statements = world.api(reviewer, "GET", f"/candidates/{candidate_id}")["statements"]
        said = {"verdict": "same", "statements": statements}
        world.api(reviewer, "POST", f"/candidates/{candidate_id}/verdict", 201, json=said)
    word = {
        "verdict": "same",
        "statements": list(PERSON_STATEMENTS),
        "signature_name": "Ada L.",
    }
    said = world.api(person, "POST", f"/my/finds/{candidate_id}/answer", 201, json=word)
    assert said["state"] == "confirmed"


def sealed(world: HashWorld, candidate_id: uuid.UUID, count: int) -> list[Any]:
    exhibits = world.house.rooms.exhibits

    def look() -> list[Any]:
        with world.house.rooms.database.read() as session:
            return list(exhibits.exhibits_of(session, world.house.reviewers[0], candidate_id))

    wait_until(lambda: sum(each.is_sealed for each in look()) == count)
    return look()


def signed_notice(world: HashWorld, exhibit_ids: list[uuid.UUID]) -> str:
    rooms, advocate = world.house.rooms, world.house.reviewers[0]
    with rooms.database.write() as session:
        notice_id = rooms.notices.draft(session, advocate, exhibit_ids)
        notice = rooms.notices.notice(session, advocate, notice_id)
        change = NoticeChange(
            nonconsent_facts="I never agreed to this.",
            contact_name="Alex Advocate",
            contact_email="alex@helpline.test",
        )
        rooms.notices.change(session, advocate, notice_id, change)
    ticks = {one.id for one in notice.regime.statements_for(as_agent=True)}
    rooms.notices.sign(
        rooms.database, advocate, notice_id, signature_name="Alex Advocate", statements=ticks
    )
    with rooms.database.write() as session:
        assert rooms.notices.pdf(session, advocate, notice_id).startswith(b"%PDF-")
        return rooms.notices.json(session, advocate, notice_id).decode()


def test_from_a_hash_made_on_a_device_to_the_signed_notice_and_the_re_upload(
    world: HashWorld,
) -> None:
    house, original = world.house, astronaut()
    content = jpeg(original, 92)
    person, case = make_person(house, photos=(), faces=False)
    gives(world, person, original, content)

    world.show(**copies(original))
    site_id = world.add_site()
    world.crawl(site_id)
    finds = world.finds()
    assert set(finds) == {"recompressed", "mirrored", "resized"}
    assert {view.kind for view in finds.values()} == {"hash"}
    assert not any(view.has_face for view in finds.values())
    with house.rooms.database.read() as session:
        run = house.rooms.sources.runs(session, house.operator)[0]
    assert (run.faces_counted, run.media_examined) == (0, 6)

    wait_until(lambda: world.captures() == {"held"})
    told = json.dumps(world.api(person, "GET", "/my/finds"))
    assert world.site.host not in told, "nobody has vouched for the fingerprint yet"
    chosen = finds["recompressed"].candidate_id
    confirm(world, person, chosen)
    (exhibit,) = sealed(world, chosen, 1)
    with house.rooms.database.write() as session:
        bundle = house.rooms.exhibits.bundle(session, house.reviewers[0], exhibit.exhibit_id)
    assert verify_bundle(bundle, Trust()).outcome is Outcome.UNKNOWN
    assert world.site.at("/recompressed.jpg") in signed_notice(world, [exhibit.exhibit_id])

    # It is uploaded again: the same bytes at another address, and encoded anew.
    copy = copies(original)["recompressed"]
    world.show(
        recompressed=copy,
        uploaded_again=copy,
        encoded_anew=jpeg(resized(original, 0.8), 60),
        others=jpeg(group()),
    )
    world.crawl(site_id)
    first, again = sealed(world, chosen, 2)
    assert (first.place, again.place) == (0, 1)
    assert again.media_url == world.site.at("/uploaded_again.jpg")
    assert world.site.at("/uploaded_again.jpg") in signed_notice(world, [again.exhibit_id])
    new = world.finds()["encoded_anew"]
    assert any("a find that was confirmed on" in line for line in new.basis)
    assert new.state == "waiting", "it needs confirmations as always"
    page = world.api(person, "GET", f"/my/finds/{chosen}")
    assert len(page["addresses"]) == 2
    assert case.person_id


def test_what_was_seen_before_is_answered_at_enrolment_without_any_further_crawl(
    world: HashWorld,
) -> None:
    house, original = world.house, astronaut()
    world.show(**copies(original))
    world.crawl(world.add_site(), "Watch a site that people reported")
    assert world.finds() == {}

    person, case = make_person(house, photos=(), faces=False, active=False)
    gives(world, person, original, jpeg(original, 92))
    assert not seen_before(world, person)["is_verified"]
    assert "Seen at" not in json.dumps(seen_before(world, person))
    attest(house, house.reviewers[0], case.person_id)
    wait_until(lambda: seen_before(world, person)["is_answered"])
    answer = seen_before(world, person)
    assert answer["words"].startswith("Seen at 3 addresses on 1 site since ")
    assert world.site.host not in json.dumps(answer)
    wait_until(lambda: len(world.finds()) == 3)
    assert set(world.finds()) == {"recompressed", "mirrored", "resized"}
    wait_until(lambda: world.captures() == {"held"})
    with house.rooms.database.read() as session:
        find = house.rooms.candidates.evidence_view(
            session, house.reviewers[0], world.finds()["mirrored"].candidate_id
        )
    assert find.captured_examination is not None, "what was captured has been looked at"
    assert find.captured_examination.findings[0].hashes[0].orientation == "mirrored"

    stranger, _ = make_person(house, photos=(), faces=False, name="Bea")
    gives(world, stranger, landscape()[:, ::-1].copy()[:200], b"another picture")
    assert seen_before(world, stranger)["words"] == "Not seen so far in what was looked at."
    assert "may still be elsewhere" in seen_before(world, stranger)["looked"]
